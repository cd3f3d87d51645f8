"""Rows that come as records: tuples, dicts or single columns (`values_list("status", flat=True)`, `SELECT status FROM ...`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import structs

from celerylint.effects.events import Call
from celerylint.effects.symbols import COLUMNS, RANDOM, Sym, constant

if TYPE_CHECKING:
    from celerylint.effects.walk import Walker
    from celerylint.model.values import At

SELECTED = "\0selected"
"""The attribute under which a cursor holds the rows that it was asked for."""
THERE = "\0there"
"""The attribute of a row that was asked for in a way that raises where there is none."""
FETCHED = "fetched"
"""The trait of rows that `.all()` fetches: a query of Django's goes on being one."""


def records(rows: Sym, columns: Sequence[str], *, single: bool = False) -> Sym:
    """The same rows as records of columns; names that are no identifiers stand for what is computed."""
    held = Sym(shape="tuple", items=tuple(constant(name) for name in columns), const=single)
    return structs.replace(rows, entries={COLUMNS: held})


def columns_of(rows: Sym) -> dict[str, Sym]:
    """What of a query's entries goes on to its rows."""
    held = rows.entries.get(COLUMNS)
    return {COLUMNS: held} if held is not None else {}


def is_record(row: Sym) -> bool:
    """Whether a row is a tuple or a dict."""
    return row.shape == "row" and COLUMNS in row.entries


def is_there(walker: Walker, row: Sym) -> bool:
    """Whether a row is certain to be one, and so to be true."""
    if row.holds or is_record(row):
        return False
    return row.shape == "new" or (row.shape == "row" and (row.key, THERE) in walker.attributes)


def single(rows: Sym) -> Sym:
    """The first columns of records: `.scalars()`."""
    held = rows.entries.get(COLUMNS)
    return rows if held is None else structs.replace(rows, entries={COLUMNS: structs.replace(held, const=True)})


def picked(walker: Walker, row: Sym, at: At) -> Sym:
    """A row as it comes: a record, or what is in its only column."""
    held = row.entries.get(COLUMNS)
    if held is None or not held.const:
        return row
    found = column(walker, row, 0, at)
    there = tuple(hold for hold in row.holds if hold.gate.kind == "exists")
    return structs.replace(found, holds=(*found.holds, *there)) if found is not None else Sym(holds=there)


def column(walker: Walker, row: Sym, index: object, at: At) -> Sym | None:
    """`row["status"]` or `row[0]`; None if it is not known to be a column."""
    if not is_record(row):
        return None
    names = row.entries[COLUMNS].items
    if isinstance(index, int) and -len(names) <= index < len(names):
        index = names[index].const
    if not isinstance(index, str):
        return None
    if not index.isidentifier():
        return Sym(holds=tuple(hold for hold in row.holds if hold.gate.kind == "exists"))
    return walker.attribute(row, index, at)


def unpacked(walker: Walker, row: Sym, at: At) -> tuple[Sym, ...]:
    """What `a, b = row` binds."""
    held = row.entries[COLUMNS].items
    return tuple(column(walker, row, number, at) or Sym() for number in range(len(held)))


def item(field: Sym, name: str) -> Sym:
    """`row.data["sent"]`: what a document in a field of a row holds, which is asked for and written by itself."""
    holds = (
        structs.replace(h, gate=structs.replace(h.gate, name=f"{h.gate.name}[{name!r}]"))
        if h.gate.kind == "field"
        else h
        for h in field.holds
    )
    return Sym(key=f"{field.key}[{name!r}]", traits=field.traits & (RANDOM | {"rowattr", "input"}), holds=tuple(holds))


def is_document(field: Sym) -> bool:
    """Whether something is a field of a row that may hold a document."""
    return not field.shape and "rowattr" in field.traits and "." in field.model


def listed(walker: Walker, rows: Sym, at: At) -> None:
    """Note that rows which a session or a cursor was asked for are gone through."""
    if rows.shape == "rows" and FETCHED in rows.traits:
        walker.emit(Call, at, what="orm", name="all", known=True, takes=(rows,))

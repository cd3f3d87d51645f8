"""SQL as text: what a statement does is read from its first words, whatever executes it."""

from __future__ import annotations

import re

import msgspec

from celerylint.effects import sql
from celerylint.effects.catalogue import kinds
from celerylint.effects.events import Act, Call, Deletion, Write
from celerylint.effects.frames import Args, Site
from celerylint.effects.library.django_orm import query
from celerylint.effects.records import FETCHED, SELECTED, records
from celerylint.effects.symbols import UNKNOWN, Gate, Hold, Sym, constant
from celerylint.effects.walk import Walker
from celerylint.model.values import Made

_EXECUTES = frozenset(
    {
        "execute",
        "executemany",
        "exec_driver_sql",
        "execute_values",
        "executescript",
        "fetch",
        "fetchrow",
        "fetchval",
        "mogrify",
    }
)
_FETCHES = {
    "fetchone": "fetchone", "fetchall": "", "fetchmany": "", "fetchrow": "fetchone", "fetchval": "scalar", "fetch": "",
}  # fmt: skip
"""What a cursor, or asyncpg, hands out of the rows that it was asked for, as a query names it; empty for all of them."""
_GIVEN_CURSORS = frozenset({"psycopg2.extras.execute_values", "psycopg2.extras.execute_batch"})
_INSERT = re.compile(
    r"\s*(?:with\b.*?\)\s*)?insert\s+(?P<ignore>or\s+ignore\s+|or\s+replace\s+|ignore\s+)?into\s+[\"`\[]?(?P<table>[\w.]+)",
    re.I | re.S,
)
_UPDATE = re.compile(r"\s*update\s+[\"`\[]?(?P<table>[\w.]+).*?\bset\b(?P<body>.*)", re.I | re.S)
_DELETE = re.compile(r"\s*(?:delete\s+from|truncate(?:\s+table)?)\s+[\"`\[]?(?P<table>[\w.]+)", re.I)
_UPSERT = re.compile(r"\bon\s+conflict\b|\bon\s+duplicate\s+key\b|\bwhere\s+not\s+exists\b", re.I)
_OVERWRITES = ("cassandra.", "acsylla.")
"""Stores whose INSERT writes over the row of the same key."""
_OWN_ID = re.compile(r"\b(?:uuid|now)\(\)", re.I)
_MEETS_ANY = re.compile(r"\bor\s+replace\b|\bdo\s+update\b(?!.*\b(?:where|xmax)\b)", re.I | re.S)
"""Of an upsert that meets a row whether or not there was one: it does not tell which."""
_COUNTS = re.compile(
    r"[\"`]?(\w+)[\"`]?\s*=\s*(?:\w+\s*\(\s*)?(?!excluded\.)(?:\w+\.)?[\"`]?\1[\"`]?\s*(?:,[^()]*\)\s*)?(?:[-+*]|\|\|)",
    re.I,
)
_DOES_UPDATE = re.compile(r"\bdo\s+update\s+set\b|\bon\s+duplicate\s+key\s+update\b", re.I)
_WHERE = re.compile(r"\bwhere\b", re.I)
_LOCK = re.compile(r"\bpg_(?:try_)?advisory_(?:xact_)?lock\b|\bget_lock\s*\(", re.I)
_NEXT = re.compile(r"\bnextval\s*\(", re.I)


def call(walker: Walker, site: Site) -> Sym | None:
    """`cursor.execute("INSERT ...")`, also through SQLAlchemy's `text`, and psycopg's functions that are given the cursor."""
    if site.base is None:
        if site.callee.what in _GIVEN_CURSORS and len(site.args.positional) > 1:
            held = site.args.positional[1]
            return _statement(walker, site, held.const, whole=held.shape == "const") if _is_text(held) else None
        if site.callee.what.endswith((".text", "sql.SQL")) and site.args.positional:
            return msgspec.structs.replace(site.args.positional[0], what="")
        return None
    asked = walker.attributes.get((site.base.key, SELECTED)) if site.name in _FETCHES and site.base.key else None
    if asked is not None and not _is_asked(site):
        return _fetched(walker, asked, site)
    if site.name not in _EXECUTES or not site.args.positional:
        return None
    if site.base.cls is not None and walker.method(site.base.cls, site.name) is not None:
        return None  # the project's own: followed instead
    given = _made_text(walker, site.args.positional[0])
    if not _is_text(given):
        return None
    met = _met(walker, site, given.const)
    found = sql.select(given.const) if not _LOCK.search(given.const) and not _NEXT.search(given.const) else None
    if found is not None:
        return _selected(walker, site, found, whole=given.shape == "const")
    done = _statement(walker, site, given.const, whole=given.shape == "const")
    return done if met is None else _outcome(walker, site.base, met)


def _outcome(walker: Walker, base: Sym, met: Gate) -> Sym:
    """What a statement tells that met rows, or none: as the result, or as what the cursor holds then."""
    told = Sym(shape="outcome", holds=(Hold(met, True),))
    if base.key:
        walker.attributes[base.key, "rowcount"] = msgspec.structs.replace(told, shape="")
        walker.attributes[base.key, SELECTED] = told
    return told


def _is_asked(site: Site) -> bool:
    """Whether it is given a statement: asyncpg's connections are, cursors are not."""
    return bool(site.args.positional) and isinstance(site.args.positional[0].const, str)


def _selected(walker: Walker, site: Site, found: sql.Select, *, whole: bool) -> Sym:
    """The rows of a SELECT, which a cursor keeps until it is asked for them."""
    asked = _asked(site, found.where) if whole else None
    # Of a text that is put together the end is not known.
    fields = found.where.columns if found.where.values is not None and whole else found.where.columns | {"*"}
    key = walker.fresh(found.table) if asked is None else f"{found.table}&{asked}" if asked else found.table
    rows = Sym(
        shape="rows", model=found.table, key=key, fields=fields, locked=found.locks, traits=frozenset({FETCHED})
    )  # fmt: skip
    rows = records(rows, found.columns)
    seen = (Sym(key=rows.key, model=rows.model, shape="rows"),)
    walker.emit(Call, site.at, what="sql", name="select", known=True, takes=seen)
    if site.base is not None and site.base.key:
        walker.attributes[site.base.key, SELECTED] = rows
    return _fetched(walker, rows, site) if site.name in _FETCHES else rows


def _fetched(walker: Walker, rows: Sym, site: Site) -> Sym:
    """One row, its first column, or all rows."""
    method = _FETCHES[site.name]
    if rows.shape == "outcome":
        return msgspec.structs.replace(rows, shape="")  # `RETURNING`: what it returns is there if a row was met
    return query(walker, rows, method, site.but(args=Args((), {}, site.at))) or UNKNOWN if method else rows


def _asked(site: Site, where: sql.Where) -> str | None:
    """What rows are looked for by, as the key of a query has it; None if that is not known."""
    values = [(value.column, _meant(site, value)) for value in where.values or ()]
    if where.values is None or not all(meant is not None and meant.key for _, meant in values):
        return None
    return ",".join(f"{column}={meant.key}" for column, meant in values if meant is not None)


def _meant(site: Site, value: sql.Value) -> Sym | None:
    """What a column is compared with, or set to."""
    if value.parameter is None:
        return constant(value.constant)
    given = site.args.positional[1:]
    if isinstance(value.parameter, str):
        return given[0].entries.get(value.parameter) if given else site.args.keywords.get(value.parameter)
    if len(given) == 1 and given[0].shape in ("tuple", "list"):
        given = given[0].items
    return given[value.parameter] if value.parameter < len(given) else None


def _met(walker: Walker, site: Site, text: str) -> Gate | None:
    """What the number of rows tells that a statement met: whether an update was the first, or an insert was new."""
    inserted, updated = _INSERT.match(text), _UPDATE.match(text)
    if inserted and (inserted["ignore"] or _UPSERT.search(text)) and _MEETS_ANY.search(text) is None:
        return Gate("created", walker.fresh(inserted["table"]), inserted["table"], at=site.at, order=walker.now)
    if updated is None:
        return None
    body, *rest = _WHERE.split(updated["body"].lower(), maxsplit=1)
    columns = set(_COLUMN.findall(body)).intersection(_COLUMN.findall(rest[0])) if rest else ()
    table = updated["table"]
    return (
        Gate("swapped", walker.fresh(table), table, ",".join(sorted(columns)), site.at, walker.now) if columns else None
    )


_COLUMN = re.compile(r"[\"`]?(\w+)[\"`]?\s*(?:=|\bis\b|\bin\b|<>|!=)")


def _made_text(walker: Walker, given: Sym) -> Sym:
    """The text of a statement that a module holds, or made: `BUMP = text("UPDATE ...")`."""
    given = walker.force(given)
    made = given.client
    if isinstance(made, Made) and made.maker.endswith((".text", "sql.SQL")) and made.args:
        return walker.of(made.args[0])
    return given


def _is_text(given: Sym) -> bool:
    return isinstance(given.const, str)


def _statement(walker: Walker, site: Site, text: str, *, whole: bool) -> Sym:
    inserted = _INSERT.match(text)
    overwrites = site.base is not None and site.base.what.startswith(_OVERWRITES) and not _OWN_ID.search(text)
    if inserted and not inserted["ignore"] and not _UPSERT.search(text) and not overwrites:
        # Of a text that is put together only the head is known: it may end in ON CONFLICT.
        kind = kinds.CREATE if whole else kinds.UNKNOWN_CLIENT
        walker.emit(
            Act,
            site.at,
            kind=kind,
            what=f"INSERT INTO {inserted['table']}",
            subject=Sym(model=inserted["table"], key=walker.fresh()),
        )
        return UNKNOWN
    added = _COUNTS.search(text, upsert.end()) if inserted and (upsert := _DOES_UPDATE.search(text)) else None
    if inserted and added is not None:
        # What is there already is added to.
        row = Sym(model=inserted["table"], key=walker.fresh())
        walker.emit(Act, site.at, kind=kinds.COUNTER, what=f"{inserted['table']}.{added[1]}", subject=row)
    updated = _UPDATE.match(text)
    if updated:
        _updated(walker, site, updated, whole=whole)
    elif _NEXT.search(text):
        walker.emit(Act, site.at, kind=kinds.COUNTER, what="nextval", subject=Sym(key=walker.fresh()))
    deleted = _DELETE.match(text)
    if deleted:
        walker.emit(Deletion, site.at, model=deleted["table"])
    walker.emit(Call, site.at, what="sql", name="execute", known=True)
    if _LOCK.search(text):
        return Sym(holds=(Hold(Gate("claim", walker.fresh("advisory"), at=site.at, order=walker.now), True),))
    return UNKNOWN


def _updated(walker: Walker, site: Site, found: re.Match[str], *, whole: bool) -> None:
    """What an UPDATE sets, and what it counts: not where it asks for the number that it counts on from."""
    table, where = found["table"], sql.where(found.string, found.start("body"))
    asked = _asked(site, where) if whole else None
    subject = f"{table.rpartition('.')[2]}[{asked}]" if asked else table
    body = _WHERE.split(found["body"])[0]
    counted = _COUNTS.search(body)
    if counted is not None and counted[1].lower() not in where.columns:
        row = Sym(model=table, key=walker.fresh())
        walker.emit(Act, site.at, kind=kinds.COUNTER, what=f"{table}.{counted[1]}", subject=row)
    start = found.start("body")
    for each in sql.sets(found.string, start, start + len(body)):
        name, value = (each, None) if isinstance(each, str) else (each.column, _meant(site, each))
        if counted is None or name != counted[1].lower():
            walker.emit(Write, site.at, subject=subject, model=table, name=name, saved=True, value=value)
    if not whole:
        walker.emit(Write, site.at, subject=subject, model=table, name="*", saved=True)

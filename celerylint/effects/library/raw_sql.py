"""SQL as text: what a statement does is read from its first words, whatever executes it."""

from __future__ import annotations

import re

import msgspec

from celerylint.effects.catalogue import kinds
from celerylint.effects.events import Act, Call, Deletion, Write
from celerylint.effects.frames import Site
from celerylint.effects.symbols import UNKNOWN, Gate, Hold, Sym
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
_GIVEN_CURSORS = frozenset({"psycopg2.extras.execute_values", "psycopg2.extras.execute_batch"})
_INSERT = re.compile(
    r"\s*(?:with\b.*?\)\s*)?insert\s+(?P<ignore>or\s+ignore\s+|or\s+replace\s+|ignore\s+)?into\s+[\"`\[]?(?P<table>[\w.]+)",
    re.I | re.S,
)
_UPDATE = re.compile(r"\s*update\s+[\"`\[]?(?P<table>[\w.]+).*?\bset\b(?P<body>.*)", re.I | re.S)
_DELETE = re.compile(r"\s*(?:delete\s+from|truncate(?:\s+table)?)\s+[\"`\[]?(?P<table>[\w.]+)", re.I)
_UPSERT = re.compile(r"\bon\s+conflict\b|\bon\s+duplicate\s+key\b|\bwhere\s+not\s+exists\b", re.I)
_COUNTS = re.compile(
    r"[\"`]?(\w+)[\"`]?\s*=\s*(?:\w+\s*\(\s*)?(?:\w+\.)?[\"`]?\1[\"`]?\s*(?:,[^()]*\)\s*)?(?:[-+*]|\|\|)", re.I
)
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
    if site.name not in _EXECUTES or not site.args.positional:
        return None
    if site.base.cls is not None and walker.method(site.base.cls, site.name) is not None:
        return None  # the project's own: followed instead
    given = _made_text(walker, site.args.positional[0])
    if not _is_text(given):
        return None
    met = _met(walker, site, given.const)
    if met is not None and site.base.key:
        walker.attributes[site.base.key, "rowcount"] = Sym(holds=(Hold(met, True),))
    return _statement(walker, site, given.const, whole=given.shape == "const")


def _met(walker: Walker, site: Site, text: str) -> Gate | None:
    """What the number of rows tells that a statement met: whether an update was the first, or an insert was new."""
    inserted, updated = _INSERT.match(text), _UPDATE.match(text)
    if inserted and (inserted["ignore"] or _UPSERT.search(text)):
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
    """The text of a statement that a module made: `BUMP = text("UPDATE ...")`."""
    made = given.client
    if isinstance(made, Made) and made.maker.endswith((".text", "sql.SQL")) and made.args:
        return walker.of(made.args[0])
    return given


def _is_text(given: Sym) -> bool:
    return isinstance(given.const, str)


def _statement(walker: Walker, site: Site, text: str, *, whole: bool) -> Sym:
    inserted = _INSERT.match(text)
    if inserted and not inserted["ignore"] and not _UPSERT.search(text):
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
    updated = _UPDATE.match(text)
    if updated and (counted := _COUNTS.search(_WHERE.split(updated["body"])[0])):
        row = Sym(model=updated["table"], key=walker.fresh())
        walker.emit(Act, site.at, kind=kinds.COUNTER, what=f"{updated['table']}.{counted[1]}", subject=row)
    elif _NEXT.search(text):
        walker.emit(Act, site.at, kind=kinds.COUNTER, what="nextval", subject=Sym(key=walker.fresh()))
    elif updated:
        for name in re.findall(r"[\"`]?(\w+)[\"`]?\s*=", _WHERE.split(updated["body"])[0].lower()):
            walker.emit(Write, site.at, subject=updated["table"], model=updated["table"], name=name, saved=True)
    deleted = _DELETE.match(text)
    if deleted:
        walker.emit(Deletion, site.at, model=deleted["table"])
    walker.emit(Call, site.at, what="sql", name="execute", known=True)
    if _LOCK.search(text):
        return Sym(holds=(Hold(Gate("claim", walker.fresh("advisory"), at=site.at, order=walker.now), True),))
    return UNKNOWN

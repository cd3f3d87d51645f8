"""SQL as text: what a statement does is read from its first words, whatever executes it."""

from __future__ import annotations

import re

from celerylint.effects.catalogue import kinds
from celerylint.effects.events import Act, Call, Deletion, Write
from celerylint.effects.frames import Site
from celerylint.effects.symbols import UNKNOWN, Gate, Hold, Sym
from celerylint.effects.walk import Walker

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
_INSERT = re.compile(
    r"\s*(?:with\b.*?\)\s*)?insert\s+(?P<ignore>or\s+ignore\s+|or\s+replace\s+|ignore\s+)?into\s+[\"`\[]?(?P<table>[\w.]+)",
    re.I | re.S,
)
_UPDATE = re.compile(r"\s*update\s+[\"`\[]?(?P<table>[\w.]+).*?\bset\b(?P<body>.*)", re.I | re.S)
_DELETE = re.compile(r"\s*(?:delete\s+from|truncate(?:\s+table)?)\s+[\"`\[]?(?P<table>[\w.]+)", re.I)
_UPSERT = re.compile(r"\bon\s+conflict\b|\bon\s+duplicate\s+key\b|\bwhere\s+not\s+exists\b", re.I)
_COUNTS = re.compile(r"[\"`]?(\w+)[\"`]?\s*=\s*(?:\w+\.)?[\"`]?\1[\"`]?\s*[-+*]", re.I)
_LOCK = re.compile(r"\bpg_(?:try_)?advisory_(?:xact_)?lock\b|\bget_lock\s*\(", re.I)
_NEXT = re.compile(r"\bnextval\s*\(", re.I)


def call(walker: Walker, site: Site) -> Sym | None:
    """`cursor.execute("INSERT ...")`, also through SQLAlchemy's `text`."""
    if site.base is None:
        if site.callee.what.endswith((".text", "sql.SQL")) and site.args.positional:
            return Sym(shape="text", const=site.args.positional[0].const, what="")
        return None
    if site.name not in _EXECUTES or not site.args.positional:
        return None
    given = site.args.positional[0]
    text = given.const
    if not isinstance(text, str):
        return None
    return _statement(walker, site, text, whole=given.shape == "const")


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
    if updated and (counted := _COUNTS.search(updated["body"].partition("where")[0])):
        row = Sym(model=updated["table"], key=walker.fresh())
        walker.emit(Act, site.at, kind=kinds.COUNTER, what=f"{updated['table']}.{counted[1]}", subject=row)
    elif _NEXT.search(text):
        walker.emit(Act, site.at, kind=kinds.COUNTER, what="nextval", subject=Sym(key=walker.fresh()))
    elif updated:
        for name in re.findall(r"[\"`]?(\w+)[\"`]?\s*=", updated["body"].lower().partition("where")[0]):
            walker.emit(Write, site.at, subject=updated["table"], model=updated["table"], name=name, saved=True)
    deleted = _DELETE.match(text)
    if deleted:
        walker.emit(Deletion, site.at, model=deleted["table"])
    walker.emit(Call, site.at, what="sql", name="execute", known=True)
    if _LOCK.search(text):
        return Sym(holds=(Hold(Gate("claim", walker.fresh("advisory"), at=site.at, order=walker.now), True),))
    return UNKNOWN

"""What the text of a SQL statement asks and sets, as far as simple ones tell: `column = value` joined by AND."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple


class Value(NamedTuple):
    """What stands behind `column =`: a constant or a parameter."""

    column: str
    constant: str | int | bool | None
    """If it is no parameter."""
    parameter: str | int | None
    """The name or the number, from 0, of the parameter; None for a constant."""


class Where(NamedTuple):
    """What rows are looked for by."""

    columns: frozenset[str]
    """In lower case."""
    values: tuple[Value, ...] | None
    """All that it asks; None if it asks anything else."""


class Select(NamedTuple):
    """A SELECT of one table."""

    table: str
    columns: tuple[str, ...]
    """Their names; empty strings for what is computed."""
    where: Where
    locks: bool
    """Whether it is FOR UPDATE."""


_TABLE = r"[\"`\[]?(?:\w+[\"`\]]?\.[\"`\[]?)?(?P<table>\w+)[\"`\]]?"
_SELECT = re.compile(rf"\s*select\s+(?:distinct\s+)?(?P<columns>.*?)\bfrom\s+{_TABLE}(?P<rest>.*)", re.I | re.S)
_WHERE = re.compile(r"\bwhere\b", re.I)
_TAIL = re.compile(r"\b(?:order\s+by|group\s+by|limit|offset|for\s+(?:no\s+key\s+)?update|returning|union)\b|;", re.I)
_LOCKS = re.compile(r"\bfor\s+(?:no\s+key\s+)?update\b", re.I)
_AND = re.compile(r"\band\b", re.I)
_COLUMN = re.compile(r"[\"`]?(\w+)[\"`]?\s*(?:=|\bis\b|\bin\b|<>|!=)")
_PLACEHOLDER = re.compile(r"%s|\?|\$\d+|(?<!:):[a-zA-Z_]\w*|%\(\w+\)s")
_VALUE = (
    r"[\s(]*(?:\w+\.)?[\"`]?(?P<name>\w+)[\"`]?\s*(?:=|\bis\b)\s*(?:cast\s*\(\s*)?"
    r"(?:'(?P<text>[^']*)'|(?P<given>%s|\?|\$\d+|:[a-zA-Z_]\w*|%\(\w+\)s)|(?P<other>\d+\b|null\b|true\b|false\b))"
    r"(?:::\w+|\s+as\s+\w+\s*\))?[\s)]*"
)
_IS_VALUE = re.compile(_VALUE, re.I)
_SET = re.compile(rf"{_VALUE}(?=,|\bwhere\b|\breturning\b|;|$)|(?P<left>\w+)\s*=", re.I)
_WORDS: dict[str, bool | None] = {"null": None, "true": True, "false": False}


def select(text: str) -> Select | None:
    """What a SELECT asks; None for any other statement, and for one whose table is not written."""
    found = _SELECT.match(text)
    if found is None:
        return None
    columns = found["columns"]
    if columns.count("(") != columns.count(")") and not columns.lstrip().lower().startswith("exists"):
        return None  # `extract(year FROM day)`: that was not it
    parts = ("",) if "(" in columns else tuple(part.split()[-1] for part in columns.split(",") if part.strip())
    names = tuple(part.rpartition(".")[2].strip('"`[]') for part in parts)
    return Select(found["table"], names, where(text, found.start("rest")), _LOCKS.search(text) is not None)


def where(text: str, start: int = 0) -> Where:
    """What stands behind WHERE."""
    found = _WHERE.search(text, start)
    if found is None:
        return Where(frozenset(), ())
    tail = _TAIL.search(text, found.end())
    end = tail.start() if tail is not None else len(text)
    columns = frozenset(_COLUMN.findall(text[found.end() : end].lower()))
    values: list[Value] = []
    begin = found.end()
    for stop, after in [*((each.start(), each.end()) for each in _AND.finditer(text, begin, end)), (end, end)]:
        asked = _IS_VALUE.fullmatch(text, begin, stop)
        if asked is None:
            return Where(columns, None)
        values.append(_value(asked))
        begin = after
    return Where(columns, tuple(values))


def sets(text: str, start: int, end: int) -> Iterator[Value | str]:
    """What an UPDATE sets: the value of each column, or its name alone where the value is anything else."""
    for found in _SET.finditer(text, start, end):
        yield found["left"].lower() if found["left"] else _value(found)


def _value(found: re.Match[str]) -> Value:
    name = found["name"].lower()
    if found["text"] is not None:
        return Value(name, found["text"], None)
    if found["other"] is not None:
        other = found["other"].lower()
        return Value(name, _WORDS[other] if other in _WORDS else int(other), None)
    given = found["given"]
    if given in ("%s", "?"):
        before = found.string[: found.start("given")]
        return Value(name, None, sum(1 for _ in _PLACEHOLDER.finditer(before)))
    return Value(name, None, int(given[1:]) - 1 if given[0] == "$" else given.strip(":%()").removesuffix(")s"))

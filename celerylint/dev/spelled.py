"""Which names a pattern of the catalogue is made of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from typing import Any

_BREAK = "\0"


def names_of(pattern: str) -> set[str]:
    """The names in the paths that a pattern matches, `*` where it lets any text be: `send_*email`."""
    out: set[str] = set()
    for path in _texts(_parsed(pattern)):
        service = re.search(r"(client|resource)\(([\w-]*)\)", path)
        if service is not None:
            # A client of a cloud: what matters is which service has the operation.
            last = re.split(r"[.\0]", path)[-1]
            out |= {f"{service[0]}.{last}"} if service[2] else set()
            continue
        out |= {part for part in re.split(r"[.()\[\]\0]+", path) if part.strip("*") and part[0] != "*"}
    return out


def verbs_of(pattern: str) -> set[str]:
    """The last names of those paths: what is called."""
    return {re.split(r"[.()\[\]\0]+", path)[-1] for path in _texts(_parsed(pattern))}


def _parsed(pattern: str) -> Any:
    try:
        from re import _parser
    except ImportError:
        import sre_parse as _parser  # Python 3.10
    return _parser.parse(pattern)


def _texts(parsed: Any) -> Iterator[str]:
    """Every text that a parsed pattern stands for."""
    return ("".join(parts) for parts in product(*(list(_of(str(op), value)) for op, value in parsed)))


def _of(op: str, value: Any) -> Iterator[str]:
    if op == "LITERAL":
        yield chr(value)
    elif op == "BRANCH":
        for branch in value[1]:
            yield from _texts(branch)
    elif op == "SUBPATTERN":
        yield from _texts(value[-1])
    elif op in ("MAX_REPEAT", "MIN_REPEAT"):
        least, most, inner = value
        held = list(_texts(inner))
        if least == 0:
            yield "" if most == 1 else "*"
        if least == most == 1 or most == 1:
            yield from held
        elif least:
            yield "*"
    elif op == "AT":
        yield _BREAK
    elif op == "IN" and all(str(kind) == "LITERAL" for kind, _ in value):
        yield from (chr(code) for _, code in value)
    elif op in ("ANY", "IN"):
        yield "*"
    else:
        raise ValueError(f"a pattern of the catalogue has {op}, which is not read")

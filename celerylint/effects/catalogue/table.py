"""What a line of the catalogue is, and how it is looked up by the path that a call was reached by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from celerylint.effects.events import Kind
from celerylint.effects.symbols import Sym


class Effect(NamedTuple):
    """Calls of one package that a second run repeats."""

    pattern: str
    """A regular expression for the path below the package, `()` standing for a call: `Session\\(\\)\\.post`."""
    kind: Kind
    keys: tuple[str, ...] = ()
    """Arguments that make the other side recognise a repeat."""
    given: tuple[str, str] = ("", "")
    """A keyword, a key of a dict among the arguments, or `0` for the first of them, and a regular expression: only calls are meant
    whose value, or what made it, matches."""


Table = dict[str, tuple[Effect, ...]]
"""Effects by the first part of the path."""

HEADER_KEYS = frozenset({"idempotency-key", "x-idempotency-key", "idempotency_key", "paypal-request-id"})
"""Headers that are there to make the other side recognise a repeat."""
HEADER_NAMES = frozenset({"x-request-id"})
"""Headers that name a request, in logs as a rule: who gives a repeat the same name may mean it to be recognised."""


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def find(table: Table, what: str, keywords: Mapping[str, Sym]) -> Effect | None:
    """The line of a table for a path and what the call is given."""
    root, _, rest = what.partition(".")
    for effect in table.get(root.removesuffix("()"), ()):
        if _compiled(effect.pattern).fullmatch(rest) and _matches(effect.given, keywords):
            return effect
    return None


def _matches(given: tuple[str, str], keywords: Mapping[str, Sym]) -> bool:
    name, pattern = given
    if not name:
        return True
    held = keywords.get(name)
    return held is not None and _compiled(pattern).search(held.what or str(held.const)) is not None

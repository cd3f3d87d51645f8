"""What a line of the catalogue is, and how it is looked up by the path that a call was reached by."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from celerylint.effects.events import Kind


class Effect(NamedTuple):
    """Calls of one package that a second run repeats."""

    pattern: str
    """A regular expression for the path below the package, `()` standing for a call: `Session\\(\\)\\.post`."""
    kind: Kind
    keys: tuple[str, ...] = ()
    """Arguments that make the other side recognise a repeat."""


Table = dict[str, tuple[Effect, ...]]
"""Effects by the first part of the path."""

HEADER_KEYS = frozenset(
    {"idempotency-key", "x-idempotency-key", "idempotency_key", "x-request-id", "paypal-request-id"}
)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def find(table: Table, what: str) -> Effect | None:
    """The line of a table for a path."""
    root, _, rest = what.partition(".")
    for effect in table.get(root.removesuffix("()"), ()):
        if _compiled(effect.pattern).fullmatch(rest):
            return effect
    return None

"""Small things said about text, shared by every layer that speaks to people. Imports nothing of ours."""

from __future__ import annotations

import re
from collections.abc import Iterable

SITE = "https://celerylint.readthedocs.io/en/latest/"
"""Where `docs/` is read."""

_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.?")
# C0 and C1 controls, line separators, and the marks that reorder text: all can make a terminal lie.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_VARIABLE = re.compile(r"`[^`]*`|'[^']*'|\"[^\"]*\"|\d+(?:\.\d+)?")


def page_of(code: str) -> str:
    """The address of the page of a rule: `docs/rules/<code>.md`, published."""
    return f"{SITE}rules/{code}.html"


def closest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known word that `word` most likely means, or None when nothing is near enough."""
    from difflib import get_close_matches

    spelled = {name.lower(): name for name in known}
    matches = get_close_matches(word.lower(), spelled, n=1, cutoff=cutoff)
    return spelled[matches[0]] if matches else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean "select"?`, or the empty string when nothing is near."""
    near = closest(word, known)
    return f'; did you mean "{near}"?' if near else ""


def plural(count: int, noun: str) -> str:
    """`1 file`, `12 files`, `2 queries`."""
    if count == 1:
        return f"1 {noun}"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{count:,} {noun[:-1]}ies"
    return f"{count:,} {noun}s"


def clean(text: str) -> str:
    """`text` without what a terminal would act on. New lines and tabs become spaces."""
    text = _CONTROLS.sub("", _ESCAPES.sub("", text))
    return text.replace("\n", " ").replace("\t", " ")


def skeleton(message: str) -> str:
    """What stays the same in a message from one task to the next: quoted names and numbers are left out."""
    return _VARIABLE.sub("_", message)

"""How deeply a text is nested, told before a parser is asked that does not bear it.

libcst's recurses natively, where too much ends the process. What it takes grows with the square of the depth, too, and
doubles with each bracket of a `case`. So depth is measured roughly, and rather too high than too low: in words and signs, by
brackets that are open and by what stands between two commas.
"""

from __future__ import annotations

import re

MOST_FOR_LIBCST = 400_000
"""Characters of a file: libcst takes up to a kilobyte for each, and ends the process where it gets none."""

_MOST_DEEP = 1_000
"""Words and signs, over all brackets that are open."""
_MOST_ELIFS = 1_500
"""Each is nested in the one before it."""
_MOST_WORK = 500_000
"""In about microseconds."""

_BRACKET = 5
"""Words that a bracket counts for."""
_FREE_WORDS, _FREE_BRACKETS = 20, 10
"""Of a depth that takes no time to speak of."""
_WORK_OF_BRACKET = 60
_MOST_IN_PATTERN = 11
"""Brackets within each other behind a `case`."""

_CODE = r"""(?P<skipped>\#[^\n]*|\\\r?\n)|(?P<prefix>[A-Za-z]{0,2})(?P<quote>'{3}|"{3}|['"])|(?P<word>\w+)
    |(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<end>[\n;])|(?P<comma>,)|(?P<colon>:)|(?P<sign>[^\w\s])"""
# Patterns are compiled when they are first asked for: most runs need none of them.
_PLAIN = {
    "'''": r"(?:[^'\\]|\\.|'(?!''))*(?:'''|\Z)",
    '"""': r'(?:[^"\\]|\\.|"(?!""))*(?:"""|\Z)',
    "'": r"(?:[^'\\\n]|\\.)*'?",
    '"': r'(?:[^"\\\n]|\\.)*"?',
}
"""The rest of a string that has no fields."""
_TEXT = r"""\\['"\\\n]|\{\{|\}\}|(?P<open>\{)|(?P<close>\})|(?P<quote>'{3}|"{3}|['"])|(?P<end>\n)"""
"""What may tell something in a string that has fields, or in what says how one of them is formatted."""


_KEY = r"""(?:[\w-]+|"[^"\n]*"|'[^'\n]*')"""
_DOTTED = rf"(?<![\w-]){_KEY}(?:[ \t]*\.[ \t]*{_KEY}){{30}}"
"""A key of TOML, or the name of a table, of more parts than anybody writes."""


def too_dotted(text: str) -> bool:
    """Whether a key of TOML has so many parts that reading it, which takes the square of that, might never end."""
    return re.search(_DOTTED, text) is not None


class _Level:
    """What is open: the file, a bracket, a string with fields, or one of its fields."""

    __slots__ = ("before", "formats", "here", "is_field", "pending", "quote")

    def __init__(self, before: int, *, quote: str = "", is_field: bool = False) -> None:
        self.before = before
        """Words that stand before this."""
        self.quote = quote
        self.is_field = is_field
        self.formats = False
        """Whether the field's value has ended, and how to format it follows."""
        self.here = 0
        """Words since the last comma."""
        self.pending = 0
        """Of `lambda` and `for`, those whose names have not ended: commas between them separate nothing."""


def too_deep(text: str) -> bool:
    """Whether a text of Python, in any syntax, is nested so that libcst might end the process, or take for ever."""
    return _Measure(text).exceeded()


class _Measure:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._levels = [_Level(0)]
        self._work = 0
        self._elifs = 0
        self._in_pattern = False
        self._code = re.compile(_CODE, re.VERBOSE)
        self._in_strings = re.compile(_TEXT)
        self._plain = {quote: re.compile(pattern, re.DOTALL) for quote, pattern in _PLAIN.items()}

    def exceeded(self) -> bool:
        while True:
            level = self._levels[-1]
            in_text = level.quote or level.formats
            found = (self._in_strings if in_text else self._code).search(self._text, self._at)
            if found is None:
                return False
            self._at = found.end()
            if in_text:
                self._read_text(level, found)
            else:
                self._read_code(level, found)
            level = self._levels[-1]
            if level.before + level.here > _MOST_DEEP or self._work > _MOST_WORK or self._elifs > _MOST_ELIFS:
                return True

    def _read_text(self, level: _Level, found: re.Match[str]) -> None:
        string = level if level.quote else self._levels[-2]
        if found["open"]:
            self._open(level, is_field=True)
        elif found["close"] and level.formats:
            self._levels.pop()
        elif found["quote"] and found["quote"].startswith(string.quote):
            self._at = found.start() + len(string.quote)
            del self._levels[self._levels.index(string) :]
        elif found["end"] and len(string.quote) == 1:
            del self._levels[self._levels.index(string) :]

    def _read_code(self, level: _Level, found: re.Match[str]) -> None:
        kind = found.lastgroup
        if kind == "word":
            self._word(level, found["word"])
        elif kind == "sign":
            self._count(level)
        elif kind == "quote":
            self._count(level)
            if set(found["prefix"]) & set("fFtT"):
                self._levels.append(_Level(level.before + level.here, quote=found["quote"]))
            elif (end := self._plain[found["quote"]].match(self._text, self._at)) is not None:
                self._at = end.end()
        elif kind == "open":
            self._open(level)
        elif kind == "close":
            if len(self._levels) > 1:
                self._levels.pop()
        elif kind == "colon":
            level.formats = level.is_field and not level.pending
            level.pending = max(0, level.pending - 1)
            self._count(level)
        elif kind == "comma":
            level.here = level.here if level.pending else 0
        elif kind == "end" and len(self._levels) == 1:
            level.here = level.pending = 0
            self._in_pattern = False

    def _word(self, level: _Level, word: str) -> None:
        if not level.here and len(self._levels) == 1:
            self._in_pattern = word == "case"
            self._elifs += word == "elif"
        if word in ("lambda", "for"):
            level.pending += 1
        elif word == "in":
            level.pending = max(0, level.pending - 1)
        self._count(level)

    def _count(self, level: _Level) -> None:
        level.here += 1
        self._work += max(0, level.here - _FREE_WORDS)

    def _open(self, level: _Level, *, is_field: bool = False) -> None:
        level.here += _BRACKET
        depth = len(self._levels)
        self._levels.append(_Level(level.before + level.here, is_field=is_field))
        self._work += max(0, depth - _FREE_BRACKETS) * _WORK_OF_BRACKET
        if self._in_pattern:
            self._work += 3 * 4 ** min(depth, _MOST_IN_PATTERN)

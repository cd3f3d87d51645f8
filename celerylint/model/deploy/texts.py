"""Text of deployment files that knows where each of its characters stands, through interpolation and splitting."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from celerylint.facts.deploy.ir import Instruction, Scalar, Setting, TemplateLine
from celerylint.facts.ir import Node
from celerylint.finding import Place, Span
from celerylint.model.deploy.process import UNKNOWN, Known, Word

Variables = Callable[[str], "str | None"]
"""The value of a variable; None if it cannot be known."""


MAX_LENGTH = 50_000
"""Characters of a text. No command comes near."""


class Text(NamedTuple):
    """A stretch of text with the line and column of each character."""

    path: str
    text: str
    at: tuple[tuple[int, int], ...]
    place: Place
    """Where all of it stands."""

    def cut(self, start: int, end: int) -> Text:
        """A part of it."""
        at = self.at[start:end]
        return Text(self.path, self.text[start:end], at, _around(self.path, at, self.place))

    def word(self) -> Word:
        """All of it as one word."""
        return Word(self.text, _around(self.path, self.at, self.place), tuple(_stretches(self.at)))


def located(path: str, node: Scalar | Setting | Instruction | TemplateLine) -> Text:
    """The text of a scalar, a setting's value, an instruction or a line of a template; of one too long to matter, unknown."""
    text = node.value if isinstance(node, (Setting, TemplateLine)) else node.text
    if len(text) > MAX_LENGTH:
        return _unknown(path, place_of(path, node))
    origins = node.origins or [(0, node.line, node.col)]
    return Text(path, text, _positions(origins, len(text)), place_of(path, node))


def of_word(word: Word) -> Text:
    """A word's text again."""
    span = word.place.span
    origins = word.origins or ((0, span.line, span.column),)
    return Text(word.place.path, word.text, _positions(origins, len(word.text)), word.place)


def _positions(origins: Sequence[tuple[int, int, int]], length: int) -> tuple[tuple[int, int], ...]:
    at: list[tuple[int, int]] = []
    for index, (offset, line, column) in enumerate(origins):
        end = origins[index + 1][0] if index + 1 < len(origins) else length
        at.extend((line, column + step) for step in range(end - offset))
    return tuple(at[:length])


def place_of(path: str, node: Node) -> Place:
    """Where a node stands."""
    return Place(path, Span(node.line, node.col, node.end_line, node.end_col))


def _around(path: str, at: tuple[tuple[int, int], ...], otherwise: Place) -> Place:
    if not at:
        return otherwise
    (line, column), (end_line, end_column) = at[0], at[-1]
    return Place(path, Span(line, column, end_line, end_column + 1))


def _stretches(at: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    expected = (0, 0)
    for offset, (line, column) in enumerate(at):
        if (line, column) != expected:
            yield offset, line, column
        expected = (line, column + 1)


def _unknown(path: str, place: Place) -> Text:
    return Text(path, UNKNOWN, ((place.line, place.span.column),), place)


def _joined(parts: Iterable[Text], whole: Text) -> Text:
    """Parts of a text one after the other; unknown where they come to more than any text should."""
    held: list[Text] = []
    length = 0
    for part in parts:
        held.append(part)
        length += len(part.text)
        if length > MAX_LENGTH:
            return _unknown(whole.path, whole.place)
    at = tuple(here for part in held for here in part.at)
    return Text(whole.path, "".join(part.text for part in held), at, whole.place)


def replaced(text: Text, pattern: re.Pattern[str], value_of: Callable[[re.Match[str]], str | None]) -> Text:
    """A text with what a pattern finds replaced; by `UNKNOWN` where the value is None."""
    return _joined(_replaced(text, pattern, value_of), text)


def _replaced(text: Text, pattern: re.Pattern[str], value_of: Callable[[re.Match[str]], str | None]) -> Iterator[Text]:
    done = 0
    for match in pattern.finditer(text.text):
        yield text.cut(done, match.start())
        yield _written(text, match.start(), value_of(match))
        done = match.end()
    yield text.cut(done, len(text.text))


def split(text: Text, *, escapes: bool = True) -> tuple[Word, ...]:
    """Words as a POSIX shell splits them, without expanding anything: quotes removed, `\\` escaping what follows."""
    words: list[Word] = []
    kept: list[int] = []
    begun, quote, index = False, "", 0
    while index < len(text.text):
        char = text.text[index]
        if quote:
            following = text.text[index + 1 : index + 2]
            if char == quote:
                quote = ""
            elif char == "\\" and quote == '"' and following in ('"', "\\", "$", "`") and following:
                index += 1
                kept.append(index)
            else:
                kept.append(index)
        elif char in " \t\n\r":
            if begun:
                words.append(_picked(text, kept))
            kept, begun = [], False
        else:
            begun = True
            if char in "'\"":
                quote = char
            elif char == "\\" and escapes and index + 1 < len(text.text):
                index += 1
                if text.text[index] != "\n":
                    kept.append(index)
            else:
                kept.append(index)
        index += 1
    if begun:
        words.append(_picked(text, kept))
    return tuple(words)


def _picked(text: Text, kept: list[int]) -> Word:
    at = tuple(text.at[index] for index in kept)
    return Text(text.path, "".join(text.text[index] for index in kept), at, text.place).word()


# --- variables --------------------------------------------------------------------------------------------------------

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-?+]")
_DEEPEST = 20


def interpolate(text: Text, variables: Variables, depth: int = 0) -> Text:
    """`$NAME` and `${NAME:-default}` as Compose and Dockerfiles replace them; `$$` is a dollar.

    What is not known becomes `UNKNOWN`, standing where the variable is named.
    """
    if "$" not in text.text:
        return text
    return _joined(_interpolated(text, variables, depth), text)


def _interpolated(text: Text, variables: Variables, depth: int) -> Iterator[Text]:
    done = 0
    while (start := text.text.find("$", done)) >= 0:
        yield text.cut(done, start)
        done, value = _variable(text, start, variables, depth)
        yield value
    yield text.cut(done, len(text.text))


def _variable(text: Text, start: int, variables: Variables, depth: int) -> tuple[int, Text]:
    """Where the variable at `start` ends, and its value."""
    following = text.text[start + 1 : start + 2]
    if following == "$":
        return start + 2, text.cut(start, start + 1)
    if following == "{":
        end = _closing(text.text, start + 2)
        name = _NAME.match(text.text, start + 2)
        if end < 0 or name is None or depth > _DEEPEST:
            return (end + 1 if end > 0 else len(text.text)), _written(text, start, UNKNOWN)
        return end + 1, _braced(text, start, name, end, variables, depth)
    name = _NAME.match(text.text, start + 1)
    if name is None:
        return start + 1, text.cut(start, start + 1)
    value = variables(name[0])
    return name.end(), _written(text, start, value)


def _braced(text: Text, start: int, name: re.Match[str], end: int, variables: Variables, depth: int) -> Text:
    value = variables(name[0])
    operator = _OPERATOR.match(text.text, name.end())
    if operator is None:
        known = value is not None and name.end() == end
        return _written(text, start, value if known and value is not None else UNKNOWN)
    operand = interpolate(text.cut(operator.end(), end), variables, depth + 1)
    kind = operator[0]
    if kind.endswith("-"):
        return operand if value is None or (kind == ":-" and not value) else _written(text, start, value)
    if kind.endswith("+"):
        if value is None:
            return _written(text, start, UNKNOWN)
        return operand if value or kind == "+" else _written(text, start, "")
    return _written(text, start, value)


def _closing(text: str, index: int) -> int:
    depth = 1
    while index < len(text):
        if text.startswith("${", index):
            depth += 1
        elif text[index] == "}":
            depth -= 1
            if depth == 0:
                return index
        index += 1
    return -1


def _written(text: Text, start: int, value: str | None) -> Text:
    """A value that stands for the variable at `start`."""
    value = UNKNOWN if value is None else value
    return Text(text.path, value, (text.at[start],) * len(value), text.place)


# --- values -----------------------------------------------------------------------------------------------------------


def known_text(text: Text) -> Known:
    """A text as a value."""
    return Known(None if UNKNOWN in text.text else text.text, text.word().place if text.at else text.place)


def number(text: Text) -> Known:
    """A number as a value; not known where the text is none."""
    word = text.word()
    try:
        return Known(int(text.text.strip().strip("'\"")), word.place)
    except ValueError:
        return Known(None, word.place)


_UNITS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_STEP = re.compile(r"(\d+(?:\.\d+)?)([a-zµ]+)")


def duration(text: Text) -> Known:
    """A duration of Compose (`1m30s`) in seconds."""
    place = text.word().place
    written = text.text.strip()
    steps = _STEP.findall(written)
    if not steps or "".join(n + unit for n, unit in steps) != written or any(unit not in _UNITS for _, unit in steps):
        return Known(None, place)
    return Known(sum(float(n) * _UNITS[unit] for n, unit in steps), place)

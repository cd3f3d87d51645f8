"""Texts of files: their encoding and line ends, places in them, and edits of stretches of them."""

from __future__ import annotations

import io
import re
import tokenize
from bisect import bisect_right
from collections.abc import Iterable

from msgspec import Struct

from celerylint.finding import DeleteLines, DropCodes, InsertText, Place, ReplaceText, Span

_BOM = b"\xef\xbb\xbf"
_NEWLINE = re.compile(r"\r\n|\r|\n")


_CODES = re.compile(r"\[([^\]\n]*)\]|(?:noqa|ignore|ignore-file)\s*:?\s*([A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*)", re.I)
"""The codes of a comment, in brackets or behind a colon."""


class FixError(Exception):
    """A fix that cannot be carried out here. The text says why, in a few words."""


class Change(Struct, frozen=True, order=True):
    """A text in place of the characters from `start` up to, but not including, `end`."""

    start: int
    end: int
    text: str


class Text:
    """A file as text, with what is needed to write it back as it was."""

    def __init__(self, path: str, source: bytes) -> None:
        """Raises FixError if the bytes are not text in the encoding that they declare."""
        self.path = path
        self._bom = _BOM if source.startswith(_BOM) else b""
        self._encoding = _encoding(path, source)
        try:
            self.text = source.removeprefix(self._bom).decode(self._encoding)
        except (UnicodeError, LookupError) as error:
            raise FixError(f"it is not valid {self._encoding}") from error
        if self.encoded(self.text) != source:
            raise FixError(f"it would not be written in {self._encoding} as it was read")
        newline = _NEWLINE.search(self.text)
        self.newline = newline[0] if newline else "\n"
        self._starts = [0, *(match.end() for match in _NEWLINE.finditer(self.text))]

    def encoded(self, text: str) -> bytes:
        """Another text in the encoding of this one.

        Raises:
            FixError: the encoding has no room for a character.
        """
        try:
            return self._bom + text.encode(self._encoding)
        except UnicodeEncodeError as error:
            raise FixError(f"{text[error.start]!r} cannot be written in {self._encoding}") from error
        except (UnicodeError, LookupError) as error:
            raise FixError(f"nothing can be written in {self._encoding}") from error

    # --- places

    def offset(self, line: int, column: int) -> int:
        """Where a line and column, from 1, are in the text."""
        if not 1 <= line <= len(self._starts):
            raise FixError("the place is not there any more")
        return min(self._starts[line - 1] + column - 1, len(self.text))

    def stretch(self, span: Span) -> tuple[int, int]:
        """Where a span begins and ends in the text."""
        return self.offset(span.line, span.column), self.offset(span.end_line, span.end_column)

    def span(self, start: int, end: int) -> Span:
        """The span of a stretch of the text."""
        first, last = bisect_right(self._starts, start), bisect_right(self._starts, end)
        return Span(first, start - self._starts[first - 1] + 1, last, end - self._starts[last - 1] + 1)

    def line_start(self, offset: int) -> int:
        """Where the line of an offset begins."""
        return self._starts[bisect_right(self._starts, offset) - 1]

    def line_end(self, offset: int) -> int:
        """Where the line of an offset ends, before its line end."""
        match = _NEWLINE.search(self.text, offset)
        return match.start() if match else len(self.text)

    def next_line(self, offset: int) -> int:
        """Where the line after that of an offset begins."""
        match = _NEWLINE.search(self.text, offset)
        return match.end() if match else len(self.text)

    def indent(self, offset: int) -> str:
        """The white space that the line of an offset begins with."""
        match = re.compile(r"[ \t\f]*").match(self.text, self.line_start(offset))
        return match[0] if match else ""

    def first_on_its_line(self, offset: int) -> bool:
        """Whether nothing stands before an offset on its line."""
        return not self.text[self.line_start(offset) : offset].strip()

    # --- edits

    def changes(self, edit: ReplaceText | InsertText | DeleteLines | DropCodes) -> list[Change]:
        """An edit of a stretch as a change."""
        if isinstance(edit, DeleteLines):
            start = self.offset(edit.first, 1)
            return [Change(start, self.next_line(self.offset(edit.last, 1)), "")]
        start, end = self.stretch(edit.place.span)
        if isinstance(edit, DropCodes):
            return [self._without_codes(start, end, edit.codes)]
        return [Change(start, start if isinstance(edit, InsertText) else end, edit.text)]

    def _without_codes(self, start: int, end: int, codes: tuple[str, ...]) -> Change:
        """A comment with the codes that are left in it; without any, what is left of its line."""
        listed = _CODES.search(self.text, start, end)
        held = re.findall(r"[^,\s]+", listed[1] or listed[2]) if listed is not None else []
        left = [code for code in held if code not in codes]
        if listed is not None and codes and left:
            group = 1 if listed[1] else 2
            comma = ", " if ", " in listed[group] else ","
            return Change(*listed.span(group), comma.join(left))
        first, last = self.line_start(start), self.line_end(end)
        rest = self.text[end:last].strip()
        if not rest and not self.text[first:start].strip():
            if re.search(r"\\(?:\r\n?|\n)\Z", self.text[:first]):
                raise FixError("the line before it goes on there")
            return Change(first, self.next_line(end), "")
        if rest and not rest.startswith("#"):
            return Change(start, end, "#")
        if rest:
            return Change(start, last - len(self.text[end:last].lstrip()), "")
        return Change(first + len(self.text[first:start].rstrip()), last, "")

    def as_edits(self, changes: Iterable[Change]) -> tuple[ReplaceText, ...]:
        """Changes as edits, with the line ends of the file."""
        return tuple(
            ReplaceText(Place(self.path, self.span(change.start, change.end)), self.with_newlines(change.text))
            for change in sorted(set(changes))
        )

    def with_newlines(self, text: str) -> str:
        """A text with the line ends of the file."""
        return _NEWLINE.sub("\n", text).replace("\n", self.newline)

    def changed(self, changes: Iterable[Change]) -> str:
        """The text after changes that do not overlap."""
        parts: list[str] = []
        done = 0
        for change in sorted(set(changes)):
            parts += [self.text[done : change.start], self.with_newlines(change.text)]
            done = change.end
        return "".join([*parts, self.text[done:]])


def _encoding(path: str, source: bytes) -> str:
    if not path.endswith((".py", ".pyi")):
        return "utf-8"
    try:
        found = tokenize.detect_encoding(io.BytesIO(source).readline)[0]
    except (SyntaxError, UnicodeDecodeError) as error:
        raise FixError("its encoding is not known") from error
    return "utf-8" if found == "utf-8-sig" else found

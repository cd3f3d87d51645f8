"""Text of deployment files: lines, where they stand, and what makes a file unreadable."""

from __future__ import annotations

import codecs

Origins = list[tuple[int, int, int]]
"""Where stretches of a text stand: offset in the text, line, column. Sorted; the first offset is 0."""


class MalformedError(Exception):
    """A file is not what its format asks for. Line and column count from 1."""

    def __init__(self, message: str, line: int = 1, col: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.col = col


def decode(source: bytes) -> str:
    """The text of a file, line ends as `\\n`. Other characters that some formats take for line ends become spaces.

    Raises:
        MalformedError: the bytes are neither UTF-8 nor UTF-16 with its mark.
    """
    utf16 = source.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = source.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        before = source[: error.start].decode("utf-8", "replace").removeprefix("\ufeff")
        line = before.count("\n") + 1
        raise MalformedError("not UTF-8 text", line, len(before) - before.rfind("\n")) from None
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if text.isascii() else text.translate(_LINE_ENDS)


_LINE_ENDS = {0x85: " ", 0x2028: " ", 0x2029: " "}


class Joined:
    """A text put together from stretches of a file, each with its place."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._origins: Origins = []
        self._length = 0

    def add(self, text: str, line: int, col: int) -> None:
        """Add a stretch that stands at a place. One that follows the last without a gap needs no place of its own."""
        if not text:
            return
        last = self._origins[-1] if self._origins else None
        if last is None or last[1] != line or last[2] + self._length - last[0] != col:
            self._origins.append((self._length, line, col))
        self._parts.append(text)
        self._length += len(text)

    def __bool__(self) -> bool:
        return self._length > 0

    def finish(self, line: int, col: int) -> tuple[str, Origins]:
        """The text without blanks at its end, and where it stands; an empty one stands at the place given."""
        return "".join(self._parts).rstrip(), self._origins or [(0, line, col)]


def cut(origins: Origins, start: int, end: int) -> Origins:
    """Where the stretches of a part of a text stand, given those of the whole."""
    first = 0
    for number, (offset, _, _) in enumerate(origins):
        if offset > start:
            break
        first = number
    found: Origins = []
    for offset, line, col in origins[first:]:
        if offset >= end and found:
            break
        found.append((max(offset - start, 0), line, col + max(start - offset, 0)))
    return found

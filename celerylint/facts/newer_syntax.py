"""Syntax newer than the running interpreter, rewritten to what it reads, with everything else left in its place.

Called only for a file that `ast.parse` refused, so it may take a moment: libcst reads any grammar, and says at which
byte each construct stands. All offsets are of UTF-8 bytes, as the columns of `ast` are.
"""

from __future__ import annotations

import ast
import re
import sys
import threading
import warnings
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from celerylint.nesting import too_deep

# libcst's parser recurses natively: on a usual stack a few thousand brackets would kill the process, not raise.
_STACK = 512 * 1024 * 1024

# The strings that libcst 1.9 does not read: `tr""`, and two t-strings side by side.
_TEMPLATE = re.compile(r"""(?<![\w'"])([rR]?)[tT]([rR]?)(?=['"])""")

_STRINGS = ("FormattedString", "TemplatedString")
_LITERALS = (*_STRINGS, "SimpleString", "ConcatenatedString")
_FIELDS = ("FormattedStringExpression", "TemplatedStringExpression")

_Span = tuple[int, int]
_Edit = tuple[int, int, bytes]


def to_older(source: str, version: tuple[int, int] = sys.version_info[:2]) -> str:
    """The source with every construct that `version` lacks replaced by an older equivalent.

    An f-string's part that has none becomes a name of underscores: unknown rather than wrong.

    Raises:
        SyntaxError: it is no Python, or nested too deeply to be read.
    """
    try:
        spans = _read(source)
    except SyntaxError:
        without_templates = _TEMPLATE.sub(r"\1f\2", source) if version < (3, 14) else source
        if without_templates == source:
            raise
        source, spans = without_templates, _read(without_templates)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _Rewrite(source, spans, version).run()


def _read(source: str) -> dict[Any, _Span]:
    """Every node of libcst's that has some text, and the bytes it spans."""
    if too_deep(source):
        raise SyntaxError("nested too deeply")
    previous = threading.stack_size(_STACK)
    try:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(_spans, source).result()
    # What libcst cannot read ends in several unrelated exceptions, deep nesting in a RecursionError.
    except Exception as error:
        raise SyntaxError(f"not readable as Python: {error}") from error
    finally:
        threading.stack_size(previous)


def _spans(source: str) -> dict[Any, _Span]:
    import libcst
    from libcst.metadata import ByteSpanPositionProvider, MetadataWrapper

    module = libcst.parse_module(source)
    place = _places(module.code.encode(), source.encode())
    spans = MetadataWrapper(module, unsafe_skip_copy=True).resolve(ByteSpanPositionProvider).items()
    return {node: (place[at.start], place[at.start + at.length - 1] + 1) for node, at in spans if at.length}


def _places(code: bytes, source: bytes) -> Sequence[int]:
    """Where in the source each byte stands of what libcst read: it loses some blanks, as a form feed at the start."""
    if code == source:
        return range(len(source))
    if code.translate(None, b" \t\f") != source.translate(None, b" \t\f"):
        raise ValueError("libcst reads it differently")
    places: list[int] = []
    for byte in code:
        places.append(source.index(byte, places[-1] + 1 if places else 0))
    return places


class _Rewrite:
    """One file: what keeps its length goes into `data` at once, so that spans stay true, the rest waits in `edits`."""

    def __init__(self, source: str, spans: dict[Any, _Span], version: tuple[int, int]) -> None:
        self.data = bytearray(source.encode())
        self.spans = spans
        self.version = version
        self.edits: list[_Edit] = []

    def run(self) -> str:
        changes = {
            kind: change
            for kind, since, change in (
                ("Index", (3, 11), self._index),
                ("Annotation", (3, 11), self._annotation),
                ("ExceptStarHandler", (3, 14), self._handler),
                ("ExceptHandler", (3, 14), self._handler),
                ("TypeAlias", (3, 12), self._keyword),
                ("TypeParameters", (3, 13), self._type_parameters),
                ("TemplatedString", (3, 14), self._template),
                ("LazyImport", (3, 15), self._keyword),
                ("LazyImportFrom", (3, 15), self._keyword),
            )
            if self.version < since
        }
        for node in self.spans:
            if change := changes.get(type(node).__name__):
                change(node)
        if self.version < (3, 12):
            self._strings()
        return _edited(self.data, (0, len(self.data)), self.edits).decode()

    def _put(self, start: int, text: bytes) -> None:
        self.data[start : start + len(text)] = text

    def _index(self, node: Any) -> None:
        """`x[*a]` and, below, `*args: *Ts`: the star goes."""
        if node.star:
            self._put(self.spans[node][0], b" ")

    def _annotation(self, node: Any) -> None:
        if type(node.annotation).__name__ == "StarredElement":
            self._put(self.spans[node.annotation][0], b" ")

    def _keyword(self, node: Any) -> None:
        """`type X = int` is `0;   X = int`, and so for `lazy`: a short statement fills the place of the keyword."""
        start = self.spans[node][0]
        self._put(start, b"0;".ljust(len("type")))

    def _type_parameters(self, node: Any) -> None:
        if self.version < (3, 12) or any(parameter.default for parameter in node.params):
            start, end = self.spans[node]
            # Out of the brackets a line goes on by a backslash only.
            self.edits.append((start, end, re.sub(rb"\r\n?|\n", rb"\\\g<0>", _blank(self.data[start:end]))))

    def _handler(self, node: Any) -> None:
        """`except* A:` loses its star, `except A, B:` gets parentheses in place of the blanks around the types."""
        if type(node).__name__ == "ExceptStarHandler" and self.version < (3, 11):
            self._put(self.data.index(b"*", self.spans[node][0]), b" ")
        if type(node.type).__name__ != "Tuple" or node.type.lpar:
            return
        start, end = self.spans[node.type]
        blank = self.data[start - 1 : start].isspace()
        self.edits.append((start - blank, start, b"("))
        colon = self.data.index(b":", end)
        if colon > end:
            self._put(end, b")")
        elif self.data[colon + 1 : colon + 2] == b" ":
            self._put(colon, b"):")
        else:
            self.edits.append((colon, colon, b")"))

    def _template(self, node: Any) -> None:
        start = self.spans[node][0]
        self._put(start, re.sub(b"[tT]", b"f", node.start.encode()))

    def _strings(self) -> None:
        """PEP 701: what an f-string may hold."""
        end = 0
        strings = (node for node in self.spans if type(node).__name__ in _STRINGS)
        for node in sorted(strings, key=lambda node: self.spans[node][0]):
            span = self.spans[node]
            # One within another is rewritten with the outer one.
            if span[0] >= end:
                end = span[1]
                if not _parses(self.data[slice(*span)]):
                    self.edits.append((*span, self._string(node)))

    def _string(self, node: Any) -> bytes:
        start, _ = self.spans[node]
        opening, quote = bytes(self.data[start : start + len(node.start)]), node.end.encode()
        fields = [part for part in node.parts if type(part).__name__ in _FIELDS]
        grows = len(quote) == 1 and any(b"\n" in self.data[slice(*self.spans[field])] for field in fields)
        if grows:
            opening, quote = opening + quote * 2, quote * 3
        texts = (self._field(part, opening, quote) if part in fields else part.value.encode() for part in node.parts)
        text = opening + b"".join(texts) + quote
        # Two quotes more on the last line: its indent makes room for them, if it has any.
        return re.sub(rb"(?<=[^\\]\n)[ \t]{2}(?=[^\n]*\Z)", b"", text) if grows else text

    def _field(self, field: Any, opening: bytes, quote: bytes) -> bytes:
        """A replacement field, `{...}`: as it is, or with its literals and comments refitted, or one unknown name."""
        start, end = self.spans[field]
        text = bytes(self.data[start:end])
        if _parses(opening + text + quote):
            return text
        refitted = _edited(self.data, (start, end), self._refit(field, (quote.decode(),)))
        if _parses(opening + refitted + quote):
            return refitted
        expression = self.spans[field.expression]
        return _edited(
            self.data,
            (start, end),
            [
                (start + 1, expression[0], _blank(self.data[start + 1 : expression[0]])),
                (*expression, _unknown(self.data[slice(*expression)])),
                (expression[1], end - 1, _blank(self.data[expression[1] : end - 1])),
            ],
        )

    def _refit(self, node: Any, taken: tuple[str, ...]) -> Iterator[_Edit]:
        """What makes the node fit into strings whose quotes are `taken`."""
        kind = type(node).__name__
        start, end = self.spans[node]
        if kind == "Comment":
            yield start, end, _blank(self.data[start:end])
        elif kind == "SimpleWhitespace":
            yield start, end, bytes(self.data[start:end]).replace(b"\\", b" ")
        elif kind in _LITERALS:
            edits = self._requoted(node, taken)
            yield from [(start, end, _unknown(self.data[start:end]))] if edits is None else edits
        else:
            for child in (child for child in node.children if child in self.spans):
                yield from self._refit(child, taken)

    def _requoted(self, literal: Any, taken: tuple[str, ...]) -> list[_Edit] | None:
        """A string literal in quotes that are not taken; None if there is no way to write it so."""
        if type(literal).__name__ == "ConcatenatedString":
            left, right = self._requoted(literal.left, taken), self._requoted(literal.right, taken)
            if left is None or right is None:
                return None
            return [*left, *self._refit(literal.whitespace_between, taken), *right]
        start, end = self.spans[literal]
        fields: list[Any] = []
        if type(literal).__name__ == "SimpleString":
            opening, text = len(literal.prefix + literal.quote), literal.raw_value
        else:
            fields = [part for part in literal.parts if type(part).__name__ in _FIELDS]
            opening, text = len(literal.start), "".join(part.value for part in literal.parts if part not in fields)
        if "\\" in text or any(quote in text for quote in taken):
            return None
        size = len(literal.quote)
        for mark in sorted("'\"", key=lambda mark: mark != literal.quote[0]):
            quote = mark * size
            if not any(other in quote for other in taken) and (quote == literal.quote or mark not in text):
                marks = [(at - size, at, quote.encode()) for at in (start + opening, end)]
                return [*marks, *(edit for field in fields for edit in self._refit(field, (*taken, quote)))]
        return None


def _edited(data: bytearray, span: _Span, edits: Iterable[_Edit]) -> bytes:
    """The bytes of the span after the edits; one within another is lost."""
    at = span[0]
    pieces: list[bytes | bytearray] = []
    for start, end, text in sorted(edits, key=lambda edit: (edit[0], -edit[1])):
        if start >= at:
            pieces += [data[at:start], text]
            at = end
    return b"".join([*pieces, data[at : span[1]]])


def _blank(text: bytes | bytearray) -> bytes:
    return re.sub(rb"[^\r\n]", b" ", text)


def _unknown(text: bytes | bytearray) -> bytes:
    """A name that nothing binds, of the same length."""
    first = re.split(rb"[\r\n]", text, maxsplit=1)[0]
    return b"_" * len(first) + _blank(text[len(first) :])


def _parses(expression: bytes | bytearray) -> bool:
    try:
        ast.parse(b"(" + expression + b"\n)")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True

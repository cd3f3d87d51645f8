"""YAML and JSON, read as trees whose values know where they stand.

Built from the parser's events, so that nothing recurses and nothing is constructed: depth and size are bounded after aliases are
resolved, and no tag makes an object of Python's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from celerylint.facts.deploy.ir import Entry, ListNode, MapNode, Scalar, Tree, TreeFile
from celerylint.facts.deploy.text import MalformedError, Origins

MAX_DEPTH = 100
"""Levels of nesting. No manifest that people write comes near."""

MAX_VALUES = 100_000
"""Values of one file, each alias counted as all that it stands for."""


def read(text: str) -> TreeFile:
    """The documents of a YAML file, or the one of a JSON file.

    Raises:
        MalformedError: it is no YAML, or holds more than the bounds above.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    builder = _Builder(text)
    try:
        for event in yaml.parse(_LONE_SURROGATE.sub(r"\\ufffd", text), Loader=loader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _malformed(error.problem or error.context, mark) from None
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise MalformedError(f"cannot be parsed: {getattr(error, 'reason', error)}", *_place_in(text, error)) from None
    return TreeFile(builder.documents)


_LONE_SURROGATE = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
"""JSON spells characters outside of the basic plane as two escapes, which YAML does not know."""


def _malformed(problem: str | None, mark: Any) -> MalformedError:
    return MalformedError(f"cannot be parsed: {problem or 'not YAML'}", mark.line + 1 if mark else 1, _column(mark))


def _column(mark: Any) -> int:
    return int(mark.column) + 1 if mark else 1


def _place_in(text: str, error: Exception) -> tuple[int, int]:
    before = text[: getattr(error, "position", 0) or 0]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


class _Built(NamedTuple):
    """A finished value, with the number of values in it and of levels, aliases resolved."""

    tree: Tree
    values: int
    levels: int


class _Open:
    """A mapping or sequence whose end has not been met."""

    def __init__(self, event: Any, is_map: bool) -> None:
        self.start = event.start_mark
        self.is_map = is_map
        self.mark = _mark(event.tag)
        self.anchor: str | None = event.anchor
        self.items: list[tuple[_Built, bool]] = []
        """Keys and values in turn, or items; each with whether it is a plain scalar."""


class _Builder:
    """Trees from events."""

    def __init__(self, text: str) -> None:
        self.documents: list[Tree] = []
        self._lines = text.split("\n")
        self._text = text
        self._stack: list[_Open] = []
        self._anchors: dict[str, _Built | None] = {}
        """None while the value is still open."""
        self._values = 0

    def take(self, event: Any) -> None:
        kind = type(event).__name__
        if kind == "ScalarEvent":
            self._define(event.anchor, self._done(event, _Built(self._scalar(event), 1, 1), not event.style))
        elif kind == "AliasEvent":
            built = self._anchors.get(event.anchor)
            if built is None:
                recursive = event.anchor in self._anchors
                why = "stands inside of what it repeats" if recursive else "repeats nothing that is above it"
                raise _malformed(f"the alias *{event.anchor} {why}", event.start_mark)
            self._done(event, built, False)
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            if len(self._stack) >= MAX_DEPTH:
                raise _too_deep(event.start_mark)
            if event.anchor:
                self._anchors[event.anchor] = None
            self._stack.append(_Open(event, kind == "MappingStartEvent"))
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            closed = self._stack.pop()
            built = _map(closed, event) if closed.is_map else _list(closed, event)
            self._define(closed.anchor, self._done(event, built, False))
        elif kind == "DocumentStartEvent":
            self._anchors.clear()

    def _done(self, event: Any, built: _Built, plain: bool) -> _Built:
        """A value is finished: it belongs to what is open, or is a document."""
        if len(self._stack) + built.levels > MAX_DEPTH:
            raise _too_deep(event.start_mark)
        if isinstance(built.tree, Scalar) or type(event).__name__ == "AliasEvent":
            self._values += built.values
            if self._values > MAX_VALUES:
                mark = event.start_mark
                why = f"more than {MAX_VALUES:,} values, aliases counted in full"
                raise MalformedError(why, mark.line + 1, _column(mark))
        if self._stack:
            self._stack[-1].items.append((built, plain))
        elif not isinstance(built.tree, Scalar) or built.tree.text:
            self.documents.append(built.tree)
        return built

    def _define(self, anchor: str | None, built: _Built) -> None:
        if anchor:
            self._anchors[anchor] = built

    def _scalar(self, event: Any) -> Scalar:
        end, text = event.end_mark, event.value
        line, col = event.start_mark.line + 1, event.start_mark.column + 1
        finish = (end.line + 1, end.column + 1)
        if event.style in ("|", ">"):  # the mark at its end is that of the next token
            origins, finish = _block_origins(text, self._lines, line)
        else:
            raw = self._text[event.start_mark.index : end.index]
            properties = _PROPERTIES.match(raw) if event.tag or event.anchor else None
            shift = properties.end() if properties else 0
            col += shift
            origins = _origins(raw[shift:], text, event.style or "", line, col)
        value = _typed(text, event.tag) if not event.style or event.tag else text
        return Scalar(line, col, *finish, value, text, origins, _mark(event.tag))


def _too_deep(mark: Any) -> MalformedError:
    return MalformedError(f"nested deeper than {MAX_DEPTH} levels", mark.line + 1, _column(mark))


def _mark(tag: str | None) -> str:
    """A tag that is not one of YAML's own."""
    return "" if tag is None or tag == "!" or tag.startswith("tag:yaml.org,2002:") else tag


def _list(closed: _Open, event: Any) -> _Built:
    built = [item for item, _ in closed.items]
    tree = ListNode(*_span(closed, event, built), [item.tree for item in built], closed.mark)
    return _Built(tree, 1 + sum(item.values for item in built), 1 + max((item.levels for item in built), default=0))


def _map(closed: _Open, event: Any) -> _Built:
    pairs = list(zip(closed.items[::2], closed.items[1::2], strict=True))
    written = {key.tree.text for (key, plain), _ in pairs if isinstance(key.tree, Scalar) and not _merges(key, plain)}
    entries: dict[str, Entry] = {}
    for (key, plain), (value, _) in pairs:
        if not isinstance(key.tree, Scalar):
            continue
        if _merges(key, plain):
            for entry in _merged(value.tree):
                if entry.key not in written:
                    entries.setdefault(entry.key, entry)
        else:
            at = key.tree
            entries[at.text] = Entry(at.line, at.col, at.end_line, at.end_col, at.text, value.tree)
    built = [item for item, _ in closed.items]
    tree = MapNode(*_span(closed, event, built), list(entries.values()), closed.mark)
    return _Built(tree, 1 + sum(item.values for item in built), 1 + max((item.levels for item in built), default=0))


def _merges(key: _Built, plain: bool) -> bool:
    return plain and isinstance(key.tree, Scalar) and key.tree.text == "<<"


def _merged(value: Tree) -> Iterator[Entry]:
    """The entries that a merge key brings, those that win first."""
    for tree in value.items if isinstance(value, ListNode) else (value,):
        if isinstance(tree, MapNode):
            yield from tree.entries


def _span(closed: _Open, event: Any, items: list[_Built]) -> tuple[int, int, int, int]:
    """From the start to the end of the last item, since a block ends where the next token starts."""
    start, end = closed.start, event.end_mark
    end_line, end_col = end.line + 1, end.column + 1
    block = event.start_mark.index == event.end_mark.index
    if block and items:
        last = items[-1].tree
        end_line, end_col = max((last.end_line, last.end_col), (start.line + 1, start.column + 1))
    return start.line + 1, start.column + 1, end_line, end_col


# --- types ------------------------------------------------------------------------------------------------------------

_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+|0[0-7]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


def _typed(text: str, tag: str | None) -> bool | int | float | str | None:
    """What YAML 1.2's core schema makes of a plain scalar, and of octal numbers as YAML 1.1 has them.

    `yes`, `no`, `on` and `off` stay text: platforms differ in them.
    """
    kind = (tag or "").removeprefix("tag:yaml.org,2002:")
    if kind in ("str", "binary", "timestamp"):
        return text
    if text in _NULLS:
        return None
    if text in _BOOLS:
        return _BOOLS[text]
    if len(text) > 18:  # more digits than a count or a duration has
        return text
    if _INT.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 16) if text.startswith("0x") else int(text.replace("o", ""), 8)
    return float(text) if _FLOAT.fullmatch(text) else text


# --- where the text of a scalar stands --------------------------------------------------------------------------------

_PROPERTIES = re.compile(r"(?:[&!]\S*[ \t]+)+")
_FLOW = re.compile(
    r"(?P<join>\\\n[ \t\n]*)|(?P<fold>[ \t]*\n[ \t\n]*)|(?P<escape>\\(?:x..|u....|U........|.))|(?P<quote>'')"
    r"|(?P<blank>[ \t]+)|(?P<text>[^\\'\s]+|.)",
    re.DOTALL,
)
_ESCAPES = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "e": "\x1b",
    "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip


def _origins(raw: str, value: str, style: str, line: int, col: int) -> Origins:
    """The stretches of a plain or quoted scalar, which is written `raw` at that place."""
    if style:
        raw, col = raw[1:-1], col + 1
    return [(0, line, col)] if raw == value else _flow_origins(raw, value, style, line, col)


def _flow_origins(raw: str, value: str, style: str, line: int, col: int) -> Origins:
    """As above, for one that is folded or escaped; where the whole stands if it does not come out as YAML has it."""
    pieces: list[str] = []
    origins: Origins = []
    length, expected = 0, (0, 0)
    at_line, at_col = line, col
    for token in _FLOW.finditer(raw):
        piece = _unfolded(token, style)
        if piece:
            if (at_line, at_col) != expected:
                origins.append((length, at_line, at_col))
            pieces.append(piece)
            length += len(piece)
        written = token[0]
        breaks = written.count("\n")
        at_line += breaks
        at_col = len(written) - written.rfind("\n") if breaks else at_col + len(written)
        same = len(piece) == len(written) and not breaks
        expected = (at_line, at_col) if same and piece else (0, 0)
    return origins if "".join(pieces) == value and origins else [(0, line, col)]


def _unfolded(token: re.Match[str], style: str) -> str:
    """What one piece of a scalar stands for."""
    kind, written = token.lastgroup, token[0]
    if kind == "fold" or (kind == "join" and style != '"'):
        breaks = written.count("\n")
        return (written[0] if kind == "join" else "") + (" " if breaks == 1 else "\n" * (breaks - 1))
    if kind == "join":
        return "\n" * (written.count("\n") - 1)
    if kind == "quote" and style == "'":
        return "'"
    if kind == "escape" and style == '"':
        code = written[1]
        if code in "xuU":
            try:
                return chr(int(written[2:], 16))
            except (ValueError, OverflowError):
                return ""
        return _ESCAPES.get(code, code)
    return written


def _block_origins(value: str, lines: list[str], first: int) -> tuple[Origins, tuple[int, int]]:
    """The stretches of a block scalar whose text starts at the line of that index, and where it ends.

    Lines may be folded, but the words are those of the file.
    """
    origins: Origins = []
    end = (first, len(lines[first - 1]) + 1)
    written = ((number, word) for number in range(first, len(lines)) for word in re.finditer(r"\S+", lines[number]))
    for word, (number, found) in zip(re.finditer(r"\S+", value), written, strict=False):
        line, col, offset = number + 1, found.start() + 1, word.start()
        if offset and not origins:
            origins.append((0, first, 1))
        last = origins[-1] if origins else None
        if last is None or last[1] != line or last[2] + offset - last[0] != col:
            origins.append((offset, line, col))
        end = (line, found.end() + 1)
    return origins or [(0, *end)], end

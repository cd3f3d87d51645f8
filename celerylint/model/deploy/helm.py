"""Helm charts: their templates as manifests, with what values.yaml gives for plain paths."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import NamedTuple

from celerylint.facts.deploy.ir import (
    DeployFacts,
    Entry,
    ListNode,
    MapNode,
    Scalar,
    TemplateFile,
    TemplateLine,
    Tree,
    TreeFile,
)
from celerylint.model.deploy.containers import World
from celerylint.model.deploy.manifests import Bundle, Resource, plain
from celerylint.model.deploy.process import UNKNOWN
from celerylint.model.deploy.texts import MAX_LENGTH, Text, located, replaced

_ACTION = re.compile(r"\{\{((?:(?!\}\}|\{\{).)*)\}\}", re.DOTALL)
_OPENING = re.compile(r"(if|with|range|define|block)\b\s*(.*)", re.DOTALL)
_PATH = re.compile(r"\$?\.Values((?:\.[A-Za-z0-9_-]+)+)")
_RENDERED = re.compile(r"tpl\s+\(([^()]*)\)\s+[.$]((?:\s*\|.*)?)")
_LITERAL = re.compile(r'"([^"]*)"|(-?[0-9]+)|(true|false)')
_DEFAULT = re.compile(r"default\s+(\S+)\s+(\S+)")
_HARMLESS = re.compile(
    r"quote|squote|toString|int|int64|trim|toYaml|toJson|nindent\s+\d+|indent\s+\d+|tpl|upper|lower|b64enc"
)
_FLOW = re.compile(
    r"""\s*("(?:\\.|[^"\\])*"|'[^']*'|(?:\{\{(?:(?!\}\}|\{\{).)*\}\}|\{(?!\{)|[^,\[\]"'{])+)\s*(?:,|\]\s*$)"""
)


class Line(NamedTuple):
    """A line of a template that is rendered, or may be."""

    line: TemplateLine
    certain: bool
    items: ListNode | None = None
    """What the `range` around it goes over."""


def charts(world: World) -> Iterator[Bundle]:
    """A bundle for each chart; what its values leave out is one of its own, and not deployed."""
    folders: dict[str, list[DeployFacts]] = {}
    for path, facts in sorted(world.facts.items()):
        folder, found, _ = path.partition("templates/")
        if isinstance(facts.content, TemplateFile) and found and not path.endswith(".tpl"):
            folders.setdefault(posixpath.normpath(folder or "."), []).append(facts)
    for folder, templates in folders.items():
        path = posixpath.normpath(posixpath.join(folder, "values.yaml"))
        values = _root(world.facts.get(path))
        kept: list[Resource] = []
        left_out: list[Resource] = []
        for facts in templates:
            for node, is_off in _documents(facts, values):
                (left_out if is_off else kept).append(Resource(facts.path, node))
        why = world.why(folder if folder != "." else path)
        name = f"chart {folder}"
        yield Bundle(name, tuple(kept), why, platform="helm")
        if left_out:
            yield Bundle(name, tuple(left_out), why or f"{path} leaves it out", platform="helm")


def _root(facts: DeployFacts | None) -> MapNode | None:
    content = facts.content if facts is not None else None
    root = content.documents[0] if isinstance(content, TreeFile) and content.documents else None
    return root if isinstance(root, MapNode) else None


def _documents(facts: DeployFacts, values: MapNode | None) -> Iterator[tuple[MapNode, bool]]:
    """The objects of a template, and whether the values leave them out."""
    content = facts.content
    assert isinstance(content, TemplateFile)
    reader = _Conditions(values)
    held: list[tuple[Line, bool]] = []
    for line in content.lines:
        if line.key == "---" and not line.item:
            yield from _document(facts.path, held, values)
            held = []
        elif line.key or line.item or reader.splices(line):
            held.append((reader.line(line), reader.is_off))
        else:
            reader.take(line)
    yield from _document(facts.path, held, values)


def _document(path: str, held: list[tuple[Line, bool]], values: MapNode | None) -> Iterator[tuple[MapNode, bool]]:
    kinds = [off for (line, _, _), off in held if line.key == "kind" and line.indent == 0]
    if not kinds:
        return
    is_off = kinds[0]
    lines = [line for line, off in held if is_off or not off]
    node = _Builder(path, lines, values).map(0)
    if node is not None:
        yield node, is_off


# --- expressions ------------------------------------------------------------------------------------------------------


def _expression(action: re.Match[str]) -> str:
    """What stands in an action, without its marks for blanks."""
    return action[1].removeprefix("-").removesuffix("-").strip()


def _look_up(path: str, values: MapNode | None) -> Tree | None:
    node: Tree | None = values
    for key in path.strip(".").split("."):
        node = node.get(key) if isinstance(node, MapNode) else None
    return node


def _evaluated(expression: str, values: MapNode | None) -> Tree | str | None:
    """The tree of a path of values, the text of a literal, None for anything else."""
    rendered = _RENDERED.fullmatch(expression.strip())
    expression = rendered[1] + rendered[2] if rendered else expression
    first, *pipes = (part.strip() for part in expression.split("|"))
    default: str | None = None
    glue: str | None = None
    for pipe in pipes:
        said = re.fullmatch(r"default\s+(\S+)", pipe)
        joins = re.fullmatch(r'join\s+"([^"]*)"', pipe)
        if said:
            default = said[1]
        elif joins:
            glue = joins[1]
        elif not _HARMLESS.fullmatch(pipe):
            return None
    first = re.sub(r"^(?:toYaml|toJson|quote|int|tpl)\s+", "", first).removesuffix(" $").removesuffix(" .")
    said = _DEFAULT.fullmatch(first)
    if said:
        default, first = said[1], said[2]
    joined = re.fullmatch(r'join\s+"([^"]*)"\s+(\S+)', first)
    if joined:
        glue, first = joined[1], joined[2]
    literal = _LITERAL.fullmatch(first)
    if literal:
        return next(group for group in literal.groups() if group is not None)
    path = _PATH.fullmatch(first)
    found = _look_up(path[1], values) if path else None
    missing = found is None or (isinstance(found, Scalar) and found.value in (None, "", 0, False))
    if path and missing and default is not None:
        return _evaluated(default, values) if values is not None else None
    if glue is not None:
        items = found.items if isinstance(found, ListNode) else [None]
        return glue.join(map(plain, items)) if all(isinstance(item, Scalar) for item in items) else None
    return found


def _text(expression: str, values: MapNode | None) -> str | None:
    found = _evaluated(expression, values)
    if isinstance(found, Scalar):
        return found.text if found.value is not None else ""
    return found if isinstance(found, str) else None


def _truth(expression: str, values: MapNode | None) -> bool | None:
    """Whether a condition holds with the chart's own values."""
    inverted = expression.startswith("not ")
    found = _evaluated(expression.removeprefix("not ").strip(), values)
    if isinstance(found, Scalar):
        truth = bool(found.value)
    elif isinstance(found, MapNode):
        truth = bool(found.entries)
    elif isinstance(found, ListNode):
        truth = bool(found.items)
    else:
        return None
    return truth != inverted


class _Frame(NamedTuple):
    kind: str
    truth: bool | None
    passed: bool | None
    """Whether a branch before was taken."""
    items: ListNode | None


class _Conditions:
    """The conditions around each line."""

    def __init__(self, values: MapNode | None) -> None:
        self._values = values
        self._frames: list[_Frame] = []

    def splices(self, line: TemplateLine) -> bool:
        """Whether a line of actions puts values there."""
        action = _ACTION.fullmatch(line.value)
        return action is not None and "toYaml" in action[1] and not _OPENING.match(_expression(action))

    @property
    def is_off(self) -> bool:
        """Whether what stands here is not rendered."""
        return any(frame.truth is False or frame.kind in ("define", "block") for frame in self._frames)

    def line(self, line: TemplateLine) -> Line:
        """A line with what is known of its being rendered."""
        items = next((frame.items for frame in reversed(self._frames) if frame.kind == "range"), None)
        return Line(line, all(frame.truth for frame in self._frames), items)

    def take(self, line: TemplateLine) -> None:
        """A line of actions only."""
        for action in _ACTION.finditer(line.value):
            said = _expression(action)
            opening = _OPENING.match(said)
            if opening:
                self._open(opening[1], opening[2])
            elif said == "end" and self._frames:
                self._frames.pop()
            elif said.startswith("else") and self._frames:
                self._else(said.removeprefix("else").strip().removeprefix("if").strip())

    def _open(self, kind: str, expression: str) -> None:
        found = _evaluated(expression, self._values)
        truth = _truth(expression, self._values) if kind in ("if", "with", "range") else None
        self._frames.append(_Frame(kind, truth, truth, found if isinstance(found, ListNode) else None))

    def _else(self, expression: str) -> None:
        frame = self._frames.pop()
        truth = _truth(expression, self._values) if expression else True
        if frame.passed:
            truth = False
        elif frame.passed is None and truth:
            truth = None
        passed = True if frame.passed else None if None in (frame.passed, truth) else truth
        self._frames.append(_Frame("if", truth, passed, None))


# --- trees ------------------------------------------------------------------------------------------------------------


class _Builder:
    """A tree from lines, by their indentation."""

    def __init__(self, path: str, lines: list[Line], values: MapNode | None) -> None:
        self._path = path
        self._lines = lines
        self._values = values
        self._at = 0

    def map(self, indent: int, depth: int = 0) -> MapNode | None:
        """The mapping whose keys stand at an indentation."""
        entries: dict[str, Entry] = {}
        first = self._lines[self._at].line if self._at < len(self._lines) else None
        begun = False
        while self._at < len(self._lines):
            held = self._lines[self._at]
            line = held.line
            if line.indent < indent or (line.item and begun and line.indent == indent):
                break
            begun = True
            self._at += 1
            if line.indent > indent or not line.key:
                continue  # under a key that is not read, or put there by an action
            value = self._value(held, depth)
            if value is not None:
                self._add(entries, line, value, held.certain)
        if first is None:
            return None
        return MapNode(first.line, first.col, first.end_line, first.end_col, list(entries.values()))

    def _add(self, entries: dict[str, Entry], line: TemplateLine, value: Tree, certain: bool) -> None:
        before = entries.get(line.key)
        if before is not None and (not certain or plain(before.value) != plain(value)):
            value = _unknown(line) if isinstance(value, Scalar) else _unknown_list(line)
        entries[line.key] = Entry(line.line, line.col, line.line, line.col + len(line.key), line.key, value)

    def _value(self, held: Line, depth: int) -> Tree | None:
        line = held.line
        if line.value:
            return self._written(line)
        below = self._lines[self._at].line if self._at < len(self._lines) else None
        if below is None or depth > 50:
            return None
        if not below.key and not below.item:  # toYaml
            self._at += 1
            return self._spliced(below)
        if below.indent <= line.indent:
            return None
        return self._list(below.indent, depth + 1) if below.item else self.map(below.indent, depth + 1)

    def _list(self, indent: int, depth: int) -> ListNode:
        first = self._lines[self._at].line
        items: list[Tree] = []
        while self._at < len(self._lines):
            held = self._lines[self._at]
            line = held.line
            if not line.key and not line.item:
                self._at += 1
                spliced = self._spliced(line)
                items.extend(spliced.items if isinstance(spliced, ListNode) else [_unknown(line)])
            elif not line.item or line.indent != indent:
                if line.indent < indent or line.item:
                    break
                self._at += 1
            elif line.key:
                node = self.map(indent, depth)
                if node is not None:
                    items.append(node)
            else:
                self._at += 1
                items.extend(self._items(held))
        return ListNode(first.line, first.col, first.end_line, first.end_col, items)

    def _items(self, held: Line) -> Iterator[Tree]:
        line = held.line
        each = _ACTION.fullmatch(line.value)
        if (
            each
            and re.fullmatch(r"\.(?:\s*\|.*)?|(?:quote|toString)\s+\.", _expression(each))
            and held.items is not None
        ):
            yield from (self._placed(item, line) for item in held.items.items)
        elif not held.certain:
            yield _unknown(line)
        else:
            yield self._written(line)

    def _spliced(self, line: TemplateLine) -> Tree | None:
        action = _ACTION.search(line.value)
        found = _evaluated(_expression(action), self._values) if action else None
        return self._placed(found, line) if isinstance(found, (Scalar, MapNode, ListNode)) else None

    def _written(self, line: TemplateLine) -> Tree:
        """What follows a key or a dash: a scalar, a flow sequence, or values that an action puts there."""
        action = _ACTION.fullmatch(line.value)
        if action:
            found = _evaluated(_expression(action), self._values)
            if isinstance(found, (ListNode, MapNode)):
                return self._placed(found, line)
        text = located(self._path, line)
        if line.value.startswith("[") and line.value.rstrip().endswith("]"):
            items = [self._scalar(part, line) for part in _flow(text)]
            return ListNode(line.line, line.col, line.end_line, line.end_col, list(items))
        return self._scalar(text, line)

    def _placed(self, tree: Tree, line: TemplateLine) -> Tree:
        """Values as if they were written where the template puts them; actions in them are rendered, as by `tpl`."""
        span = (line.line, line.col, line.end_line, line.end_col)
        if isinstance(tree, Scalar):
            text = _ACTION.sub(self._rendered, tree.text) if len(tree.text) < MAX_LENGTH else UNKNOWN
            return Scalar(*span, tree.value if text == tree.text else text, text, [(0, line.line, line.col)])
        if isinstance(tree, ListNode):
            return ListNode(*span, [self._placed(item, line) for item in tree.items])
        return MapNode(*span, [Entry(*span, entry.key, self._placed(entry.value, line)) for entry in tree.entries])

    def _rendered(self, action: re.Match[str]) -> str:
        found = _text(_expression(action), self._values)
        return UNKNOWN if found is None else found

    def _scalar(self, text: Text, line: TemplateLine) -> Scalar:
        # Names that cannot be known still tell workloads apart.
        keeps = line.key == "name"
        whole = replaced(text, _ACTION, lambda m: _text(_expression(m), self._values) or (m[0] if keeps else None))
        word = whole.word()
        span = (line.line, line.col, line.end_line, line.end_col)
        return Scalar(*span, whole.text or None, whole.text, list(word.origins))


def _flow(text: Text) -> Iterator[Text]:
    for found in _FLOW.finditer(text.text, 1):
        start, end = found.span(1)
        if text.text[start] in "\"'":
            start, end = start + 1, end - 1
        else:
            end = start + len(text.text[start:end].rstrip())
        if end > start or text.text[start - 1] in "\"'":
            yield text.cut(start, end)


def _unknown(line: TemplateLine) -> Scalar:
    span = (line.line, line.col, line.end_line, line.end_col)
    return Scalar(*span, UNKNOWN, UNKNOWN, [(0, line.line, line.col)])


def _unknown_list(line: TemplateLine) -> ListNode:
    return ListNode(line.line, line.col, line.end_line, line.end_col, [_unknown(line)])

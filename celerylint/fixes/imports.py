"""The imports of a Python file: how a name is spelled in it, and where an import belongs that is not there yet."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Union

import libcst as cst

from celerylint.finding import Needed
from celerylint.fixes.text import Change, FixError, Text

_WIDEST = 88
_Import = Union[cst.Import, cst.ImportFrom]


@dataclass(frozen=True)
class _Line:
    """One import on a line of its own."""

    node: _Import
    start: int
    end: int
    section: int
    """0 for `__future__`, 1 for the standard library, 2 for other packages, 3 for the project, 4 for relative ones."""
    key: tuple[int, str]


class Imports:
    """The imports at the top level of a module."""

    def __init__(
        self,
        file: Text,
        module: cst.Module,
        stretch: Callable[[cst.CSTNode], tuple[int, int]],
        is_ours: Callable[[str], bool],
    ) -> None:
        self._file = file
        self._is_ours = is_ours
        self._stretch = stretch
        self._bound: dict[str, str] = {}
        """Names by what they stand for: `celery.shared_task`, or a module."""
        self._taken = set(_bound_names(module))
        self._lines: list[_Line] = []
        """The first run of imports, in which a new one belongs."""
        self._from: dict[str, cst.ImportFrom] = {}
        self._top = self._read(module)

    def _read(self, module: cst.Module) -> int:
        """Read all imports; the answer is where the first one would stand if there is none."""
        top, over = 0, False
        for number, statement in enumerate(module.body):
            nodes = list(_imports(statement))
            for node in nodes or _imports_within(statement):
                self._bind(node)
            alone = isinstance(statement, cst.SimpleStatementLine) and len(statement.body) == 1
            if nodes and alone and not over:
                start, end = self._stretch(statement)
                self._lines.append(_Line(nodes[0], start, end, *self._order(nodes[0])))
                if isinstance(nodes[0], cst.ImportFrom) and not nodes[0].relative and _has_names(nodes[0]):
                    self._from.setdefault(_dotted(nodes[0].module), nodes[0])
            elif number == 0 and _is_docstring(statement):
                top = self._file.next_line(self._stretch(statement)[1])
            elif self._lines and not isinstance(statement, (cst.Try, cst.If)):
                over = True
        return top or self._after_comments()

    def _after_comments(self) -> int:
        match = re.compile(r"(?:[ \t]*#[^\r\n]*(?:\r\n|\r|\n))*").match(self._file.text)
        return match.end() if match else 0

    def _bind(self, node: _Import) -> None:
        if isinstance(node, cst.Import):
            for alias in node.names:
                name = _dotted(alias.name)
                bound = _alias(alias) or name
                self._bound.setdefault(name, bound)
        elif _has_names(node) and not node.relative:
            for alias in node.names if not isinstance(node.names, cst.ImportStar) else ():
                name = _dotted(alias.name)
                self._bound.setdefault(f"{_dotted(node.module)}.{name}", _alias(alias) or name)

    # --- what the editor asks

    def spelling(self, need: Needed) -> tuple[str, list[Change]]:
        """How a name is spelled in this file, and the changes that import it.

        Raises:
            FixError: the name means something else here.
        """
        whole = f"{need.module}.{need.name}"
        if need.module == "builtins":
            return need.name, []
        if whole in self._bound:
            return self._bound[whole], []
        if need.module in self._bound:
            return f"{self._bound[need.module]}.{need.name}", []
        if need.qualified:
            if need.module.partition(".")[0] in self._taken:
                raise FixError(f"`{need.module}` means something else in it")
            return whole, [self._inserted(f"import {need.module}", (0, need.module), need.module)]
        if need.name in self._taken:
            raise FixError(f"`{need.name}` means something else in it")
        held = self._from.get(need.module)
        if held is not None:
            return need.name, [self._extended(held, need.name)]
        statement = f"from {need.module} import {need.name}"
        return need.name, [self._inserted(statement, (1, need.module), need.module)]

    def together(self, changes: Sequence[Change]) -> list[Change]:
        """Changes in which imports that belong at one place are one, each in its section."""
        groups: dict[int, dict[str, Change]] = {}
        for change in changes:
            if change.start == change.end and _STATEMENT.fullmatch(change.text.strip()):
                groups.setdefault(change.start, {})[change.text.strip()] = change
        several = {start: group for start, group in groups.items() if len(group) > 1}
        others = [change for change in changes if change.text.strip() not in several.get(change.start, {})]
        return [*others, *(self._one(start, group) for start, group in several.items())]

    def _one(self, start: int, group: Mapping[str, Change]) -> Change:
        ordered = sorted(group, key=lambda s: (self._section(_module_of(s)), s.startswith("from"), _module_of(s)))
        text = ""
        for statement, following in zip(ordered, [*ordered[1:], ""], strict=True):
            same = following and self._section(_module_of(statement)) == self._section(_module_of(following))
            text += statement + ("" if not following else "\n" if same else "\n\n")
        first, last = group[ordered[0]].text, group[ordered[-1]].text
        above, below = first[: len(first) - len(first.lstrip())], last[len(last.rstrip()) :]
        return Change(start, start, f"{above}{text}{below}")

    # --- where it goes

    def _section(self, module: str) -> int:
        top = module.partition(".")[0]
        if top == "__future__":
            return 0
        if top in sys.stdlib_module_names:
            return 1
        return 3 if self._is_ours(top) else 2

    def _order(self, node: _Import) -> tuple[int, tuple[int, str]]:
        if isinstance(node, cst.Import):
            name = _dotted(node.names[0].name)
            return self._section(name), (0, name.lower())
        name = _dotted(node.module)
        return (4 if node.relative else self._section(name)), (1, name.lower())

    def _inserted(self, statement: str, key: tuple[int, str], module: str) -> Change:
        section = self._section(module)
        wanted = (key[0], key[1].lower())
        same = [line for line in self._lines if line.section == section]
        if any(a.key[0] > b.key[0] for a, b in pairwise(same)):
            # Here both kinds of import are sorted as one.
            wanted = (0, wanted[1])
            same = [_Line(each.node, each.start, each.end, each.section, (0, each.key[1])) for each in same]
        before = [line for line in same if line.key <= wanted]
        if before:
            return self._below(before[-1], f"\n{statement}")
        if same:
            at = self._file.line_start(same[0].start)
            return Change(at, at, f"{statement}\n")
        earlier = [line for line in self._lines if line.section < section]
        if earlier:
            return self._below(earlier[-1], f"\n\n{statement}")
        if self._lines:
            at = self._file.line_start(self._lines[0].start)
            return Change(at, at, f"{statement}\n\n")
        return self._first(statement)

    def _below(self, line: _Line, text: str) -> Change:
        at = self._file.line_end(line.end)
        return Change(at, at, text)

    def _first(self, statement: str) -> Change:
        """The only import of a module, below its docstring or its first comments."""
        text, at = self._file.text, self._top
        above = "\n" if at and text[:at].strip() else ""
        blank = re.compile(r"[ \t]*(?:\r\n|\r|\n)").match(text, at)
        if above and at and not text[:at].endswith(("\n", "\r")):
            above = "\n\n"
        return Change(at, at, f"{above}{statement}\n" + ("" if blank or at == len(text) else "\n"))

    def _extended(self, node: cst.ImportFrom, name: str) -> Change:
        """One name more in `from module import a, b`."""
        aliases = [] if isinstance(node.names, cst.ImportStar) else list(node.names)
        stretches = [self._stretch(alias) for alias in aliases]
        place = sum(_rank(_dotted(alias.name)) <= _rank(name) for alias in aliases)
        start, end = stretches[max(place - 1, 0)] if place else stretches[0]
        if self._file.first_on_its_line(stretches[-1][0]):
            indent = self._file.text[self._file.line_start(start) : start]
            if not indent.strip():
                return Change(end, end, f",\n{indent}{name}") if place else Change(start, start, f"{name},\n{indent}")
        length = self._file.line_end(end) - self._file.line_start(end) + len(name) + 2
        if length > _WIDEST and node.lpar is None:
            names = [self._file.text[slice(*stretch)] for stretch in stretches]
            names.insert(place, name)
            text = "(\n" + "".join(f"    {each},\n" for each in names) + ")"
            return Change(stretches[0][0], stretches[-1][1], text)
        return Change(end, end, f", {name}") if place else Change(start, start, f"{name}, ")


_STATEMENT = re.compile(r"from [\w.]+ import \w+|import [\w.]+")


def _module_of(statement: str) -> str:
    return statement.split()[1]


def _imports(statement: cst.CSTNode) -> Iterator[_Import]:
    """The imports that a statement of a module runs when it is imported."""
    if isinstance(statement, cst.SimpleStatementLine):
        for small in statement.body:
            if isinstance(small, (cst.Import, cst.ImportFrom)):
                yield small


def _imports_within(statement: cst.CSTNode) -> Iterator[_Import]:
    """The imports in a `try`, or under a condition, of a module; those for type checkers are never run."""
    if isinstance(statement, (cst.If, cst.Try)) and not _is_for_types(statement):
        pending: list[cst.CSTNode] = list(statement.children)
        while pending:
            node = pending.pop(0)
            yield from _imports(node)
            if not isinstance(node, (cst.FunctionDef, cst.ClassDef, cst.BaseExpression)):
                pending += node.children


def _is_for_types(node: cst.CSTNode) -> bool:
    test = node.test if isinstance(node, cst.If) else None
    name = test.attr if isinstance(test, cst.Attribute) else test
    return isinstance(name, cst.Name) and name.value == "TYPE_CHECKING"


def _bound_names(module: cst.Module) -> Iterator[str]:
    """Names that are bound at the top level of a module, whatever to."""
    pending: list[cst.CSTNode] = [module]
    while pending:
        node = pending.pop()
        if isinstance(node, (cst.FunctionDef, cst.ClassDef)):
            yield node.name.value
        elif isinstance(node, (cst.Import, cst.ImportFrom)):
            for alias in node.names if not isinstance(node.names, cst.ImportStar) else ():
                yield _alias(alias) or _dotted(alias.name).partition(".")[0]
        elif isinstance(node, (cst.AssignTarget, cst.AnnAssign, cst.For)):
            if isinstance(node.target, cst.Name):
                yield node.target.value
            if isinstance(node, cst.For):
                pending.append(node.body)
        elif _is_for_types(node):
            pending.extend(child for child in node.children if isinstance(child, cst.Else))
        elif not isinstance(node, cst.BaseExpression):
            pending.extend(node.children)


def _has_names(node: cst.ImportFrom) -> bool:
    return not isinstance(node.names, cst.ImportStar)


def _is_docstring(statement: cst.CSTNode) -> bool:
    small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
    return isinstance(small, cst.Expr) and isinstance(small.value, (cst.SimpleString, cst.ConcatenatedString))


def _alias(alias: cst.ImportAlias) -> str | None:
    held = alias.asname.name if alias.asname is not None else None
    return held.value if isinstance(held, cst.Name) else None


def _dotted(node: cst.CSTNode | None) -> str:
    if isinstance(node, cst.Attribute):
        return f"{_dotted(node.value)}.{node.attr.value}"
    return node.value if isinstance(node, cst.Name) else ""


def _rank(name: str) -> tuple[int, str]:
    """As isort sorts by default: constants, classes, functions."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, name.lower()

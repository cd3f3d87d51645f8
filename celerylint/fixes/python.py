"""Works out edits of Python code as changes of its text, so that nothing is touched but what has to be.

libcst, which this module imports, tells where arguments, commas and statements stand. It takes long to import: only a file
that has a fix needs it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Union, cast

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from celerylint.finding import (
    AddDictEntry,
    AddImport,
    Edit,
    InsertStatement,
    Needed,
    Place,
    RemoveDictEntry,
    RemoveKeyword,
    ReplaceExpr,
    SetKeyword,
    Span,
)
from celerylint.fixes.imports import Imports
from celerylint.fixes.text import Change, FixError, Text

_WIDEST = 88
"""What formatters wrap at; a file that has longer lines may get longer ones."""
_WIDEST_OF_ALL = 120

_Item = Union[cst.Arg, cst.DictElement, cst.StarredDictElement]
_Owner = Union[cst.Call, cst.Dict]


class Python:
    """A Python file, for the edits of one round."""

    def __init__(self, file: Text, is_ours: Callable[[str], bool]) -> None:
        """`is_ours` says whether a module is one of the project. Raises FixError for code that cannot be read."""
        self.file = file
        try:
            module = cst.parse_module(file.text)
        except cst.ParserSyntaxError as error:
            raise FixError("its syntax is not known here") from error
        except RecursionError as error:
            raise FixError("its code is nested too deeply") from error
        positions = MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider)
        self._spans = {id(node): _span(found) for node, found in positions.items()}
        self._at: dict[Span, list[cst.CSTNode]] = {}
        self._owner: dict[int, cst.CSTNode] = {}
        self._keys: dict[Span, cst.DictElement] = {}
        self._statements: list[cst.SimpleStatementLine] = []
        for node in positions:
            if isinstance(node, _TOLD_APART):
                self._at.setdefault(self._spans[id(node)], []).append(node)
            if isinstance(node, (cst.Call, cst.Dict)):
                self._owner.update((id(item), node) for item in _items(node))
            elif isinstance(node, (cst.IndentedBlock, cst.Module)):
                self._owner.update((id(child), node) for child in node.body)
                self._statements += [child for child in node.body if isinstance(child, cst.SimpleStatementLine)]
            elif isinstance(node, cst.ClassDef):
                self._owner[id(node.body)] = node
            elif isinstance(node, cst.FunctionDef):
                self._owner.update((id(decorator.decorator), decorator) for decorator in node.decorators)
            elif isinstance(node, cst.DictElement):
                self._keys[self._spans[id(node.key)]] = node
        self.imports = Imports(file, module, self._stretch_of, is_ours)
        self._quotes = self._preferred_quote()
        self._limit = min(max([_WIDEST, *map(len, file.text.splitlines())]), _WIDEST_OF_ALL)

    def changes(self, edit: Edit) -> list[Change]:
        """An edit as changes of the text.

        Raises:
            FixError: the place is not there, or cannot be edited so.
        """
        if isinstance(edit, SetKeyword):
            value, imported = self._spelled(edit.value, edit.needs)
            return [*self._set(edit.place, edit.name, value), *imported]
        if isinstance(edit, ReplaceExpr):
            text, imported = self._spelled(edit.text, edit.needs)
            start, end = self.file.stretch(edit.place.span)
            return [Change(start, end, text), *imported]
        if isinstance(edit, AddDictEntry):
            value, imported = self._spelled(edit.value, edit.needs)
            owner = self._one(edit.place.span, cst.Dict)
            return [*self._add(owner, f"{self._quoted(edit.key)}: {value}", 1), *imported]
        if isinstance(edit, InsertStatement):
            text, imported = self._spelled(edit.text, edit.needs)
            return [self._inserted(edit, text), *imported]
        if isinstance(edit, AddImport):
            return list(self.imports.spelling(edit.name)[1])
        if isinstance(edit, RemoveKeyword):
            return self._removed(edit.place)
        if isinstance(edit, RemoveDictEntry):
            return self._removed(edit.place)
        return self.file.changes(edit)

    def _spelled(self, text: str, needs: Sequence[Needed]) -> tuple[str, list[Change]]:
        """A text with its names as this file spells them, and the imports that it takes."""
        changes: list[Change] = []
        text = self._quoted(text)
        for need in needs:
            spelling, more = self.imports.spelling(need)
            written = re.escape(f"{need.module}.{need.name}")
            text = re.sub(rf"(?<![\w.]){written}\b", spelling, text)
            changes += more
        return text, changes

    # --- finding

    def _stretch_of(self, node: cst.CSTNode) -> tuple[int, int]:
        return self.file.stretch(self._spans[id(node)])

    def _found(self, span: Span) -> list[cst.CSTNode]:
        return self._at.get(span, [])

    def _one(self, span: Span, kind: type[cst.Dict]) -> cst.Dict:
        found = next((node for node in self._found(span) if isinstance(node, kind)), None)
        if found is None:
            raise FixError("the place holds something else")
        return found

    def _option(self, place: Place) -> _Item | cst.Assign | cst.AnnAssign | None:
        """The written option at a place."""
        for node in self._found(place.span):
            if isinstance(node, (cst.Assign, cst.AnnAssign)):
                return node
            if isinstance(node, cst.Arg) and node.keyword is not None:
                return node
            if isinstance(node, cst.DictElement):
                return node
        return self._keys.get(place.span)

    def _holder(self, item: _Item) -> _Owner:
        """The call or dict that holds an argument or entry."""
        owner = self._owner.get(id(item))
        if not isinstance(owner, (cst.Call, cst.Dict)):
            raise FixError("the place holds something else")
        return owner

    def _statement(self, node: cst.CSTNode) -> cst.SimpleStatementLine:
        """The line of statements that a node stands in."""
        start, end = self._stretch_of(node)
        return self._around(start, end)

    def _around(self, start: int, end: int) -> cst.SimpleStatementLine:
        for statement in self._statements:
            first, last = self._stretch_of(statement)
            if first <= start and end <= last:
                return statement
        raise FixError("it stands in no statement of its own")

    # --- options

    def _set(self, place: Place, name: str, value: str) -> list[Change]:
        option = self._option(place)
        if isinstance(option, (cst.Assign, cst.AnnAssign)):
            return self._set_beside(option, name, value)
        if option is not None:
            return self._set_in(self._holder(option), name, value)
        for node in self._found(place.span):
            if isinstance(node, cst.Call):
                return self._set_in(node, name, value)
            if isinstance(node, cst.ClassDef):
                return self._set_in_class(node, name, value)
            if isinstance(self._owner.get(id(node)), cst.Decorator):
                end = self._stretch_of(node)[1]
                return [Change(end, end, f"({name}={value})")]
        raise FixError("the place holds something else")

    def _set_in(self, owner: _Owner, name: str, value: str) -> list[Change]:
        for item in _items(owner):
            if _name(item) == name:
                return [Change(*self._stretch_of(item.value), value)]
        if isinstance(owner, cst.Dict):
            return self._add(owner, f"{self._quoted(repr(name))}: {value}", 1)
        last = owner.args[-1] if owner.args else None
        if len(owner.args) == 1 and last is not None and isinstance(last.value, cst.GeneratorExp):
            raise FixError("a generator is all that the call is given")
        return self._add(owner, f"{name}={value}", 1)

    def _add(self, owner: _Owner, entry: str, closing: int) -> list[Change]:
        """Put an argument or entry after the last one, in the style of those that are there."""
        items = _items(owner)
        owner_start, owner_end = self._stretch_of(owner)
        if not items:
            close = owner_end - closing
            opened = self._stretch_of(owner.func)[1] if isinstance(owner, cst.Call) else owner_start
            opened = self.file.text.index("(" if isinstance(owner, cst.Call) else "{", opened) + 1
            between = self.file.text[opened:close]
            return [Change(opened, close, entry)] if not between.strip() else [Change(close, close, entry)]
        start, end = self._stretch_of(items[-1])
        comma = isinstance(items[-1].comma, cst.Comma)
        if self.file.first_on_its_line(start):
            return self._add_line(start, end, entry, comma)
        one_line = "\n" not in self.file.text[owner_start:owner_end]
        width = self.file.line_end(end) - self.file.line_start(end) + len(entry) + 2
        if one_line and width > self._limit and not isinstance(self._owner.get(id(owner)), cst.Arg):
            return [self._exploded(owner, entry)]
        return [Change(end, end, f", {entry}")]

    def _add_line(self, start: int, end: int, entry: str, comma: bool) -> list[Change]:
        indent = self.file.text[self.file.line_start(start) : start]
        after = self.file.text.index(",", end) + 1 if comma else end
        line_end = self.file.line_end(after)
        rest = self.file.text[after:line_end]
        if rest.strip() and not rest.lstrip().startswith("#"):
            # What closes the call stands on the same line.
            return (
                [Change(after, after, f"\n{indent}{entry}{',' if comma else ''}")]
                if comma
                else [Change(end, end, f",\n{indent}{entry}")]
            )
        line = Change(line_end, line_end, f"\n{indent}{entry}{',' if comma else ''}")
        if comma:
            return [line]
        return [Change(end, end, "," + line.text)] if line_end == end else [Change(end, end, ","), line]

    def _exploded(self, owner: _Owner, entry: str) -> Change:
        """All arguments on lines of their own, as formatters do where one line is too long."""
        items = _items(owner)
        first, last = self._stretch_of(items[0])[0], self._stretch_of(owner)[1] - 1
        opened = max(self.file.text.rfind(bracket, 0, first) for bracket in "({") + 1
        indent = self.file.indent(first)
        unit = "\t" if indent.startswith("\t") else "    "
        texts = [*(self.file.text[slice(*self._stretch_of(item))] for item in items), entry]
        lines = "".join(f"\n{indent}{unit}{text}," for text in texts)
        return Change(opened, last, f"{lines}\n{indent}")

    def _set_beside(self, option: cst.Assign | cst.AnnAssign, name: str, value: str) -> list[Change]:
        """Assign an option after the assignment of another."""
        target = option.targets[0].target if isinstance(option, cst.Assign) else option.target
        line = self._statement(option)
        block = self._owner.get(id(line))
        owner = self._owner.get(id(block)) if block is not None else None
        if isinstance(target, cst.Name):
            if isinstance(owner, cst.ClassDef):
                return self._set_in_class(owner, name, value, after=line)
            written = name
        elif isinstance(target, cst.Attribute):
            written = f"{self._code(target.value)}.{name}"
        elif isinstance(target, cst.Subscript):
            written = f"{self._code(target.value)}[{self._quoted(repr(name))}]"
        else:
            raise FixError("it is assigned together with others")
        return [self._after(line, f"{written} = {value}")]

    def _set_in_class(
        self, cls: cst.ClassDef, name: str, value: str, after: cst.SimpleStatementLine | None = None
    ) -> list[Change]:
        if not isinstance(cls.body, cst.IndentedBlock):
            raise FixError("the class is written on one line")
        head: cst.BaseStatement | None = None
        for statement in cls.body.body:
            if not isinstance(statement, cst.SimpleStatementLine):
                continue
            for small in statement.body:
                if _assigns(small, name):
                    held = cast("cst.Assign", small).value
                    return [Change(*self._stretch_of(held), value)]
        for statement in cls.body.body:
            if not isinstance(statement, cst.SimpleStatementLine) or isinstance(statement.body[0], cst.Pass):
                break
            head = statement
        anchor = after or head
        if isinstance(anchor, cst.SimpleStatementLine):
            only_doc = isinstance(anchor.body[0], cst.Expr) and anchor is cls.body.body[0] and after is None
            blank = "\n" if only_doc else ""
            return [self._after(anchor, f"{name} = {value}", blank)]
        first = cls.body.body[0]
        if isinstance(first, cst.SimpleStatementLine):
            return [Change(*self._stretch_of(first), f"{name} = {value}")]
        indent, at = self.file.indent(self._stretch_of(first)[0]), self._body_start(cls)
        above: Sequence[cst.EmptyLine] = getattr(first, "leading_lines", ())
        spaced = bool(above) and above[0].comment is None
        return [Change(at, at, f"{indent}{name} = {value}\n" + ("" if spaced else "\n"))]

    def _body_start(self, cls: cst.ClassDef) -> int:
        """The line after the header of a class."""
        start = self._stretch_of(cls)[0]
        inner = [*cls.bases, *cls.keywords]
        start = max([start, self._stretch_of(cls.name)[1], *(self._stretch_of(arg)[1] for arg in inner)])
        return self.file.next_line(self.file.text.index(":", start))

    def _after(self, line: cst.SimpleStatementLine, text: str, blank: str = "") -> Change:
        start, end = self._stretch_of(line)
        return self._line_after(start, end, text, blank)

    def _line_after(self, start: int, end: int, text: str, blank: str = "") -> Change:
        at = self.file.line_end(end)
        indent = self.file.indent(start)
        return Change(at, at, f"{blank}\n" + "\n".join(indent + line for line in text.split("\n")))

    def _inserted(self, edit: InsertStatement, text: str) -> Change:
        line = self._around(*self.file.stretch(edit.place.span))
        start, end = self._stretch_of(line)
        if edit.before:
            indent, at = self.file.indent(start), self.file.line_start(start)
            return Change(at, at, "".join(f"{indent}{part}\n" for part in text.split("\n")))
        return self._line_after(start, end, text)

    # --- taking out

    def _removed(self, place: Place) -> list[Change]:
        option = self._option(place)
        if option is None:
            raise FixError("the place holds something else")
        if isinstance(option, (cst.Assign, cst.AnnAssign)):
            line = self._statement(option)
            if len(line.body) > 1:
                raise FixError("several statements stand on the line")
            start, end = self._stretch_of(line)
            block = self._owner.get(id(line))
            if isinstance(block, cst.IndentedBlock) and len(block.body) == 1:
                return [Change(start, end, "pass")]
            return [Change(self.file.line_start(start), self.file.next_line(end), "")]
        return [self._without(self._holder(option), option)]

    def _without(self, owner: _Owner, item: _Item) -> Change:
        items = _items(owner)
        place = next(n for n, each in enumerate(items) if each is item)
        start, end = self._stretch_of(item)
        comma = isinstance(item.comma, cst.Comma)
        stop = self.file.text.index(",", end) + 1 if comma else end
        rest = self.file.text[stop : self.file.line_end(stop)].strip()
        if self.file.first_on_its_line(start) and (not rest or rest.startswith("#")) and (comma or len(items) > 1):
            return Change(self.file.line_start(start), self.file.next_line(stop), "")
        if place + 1 < len(items):
            return Change(start, self._stretch_of(items[place + 1])[0], "")
        if place:
            return Change(self._stretch_of(items[place - 1])[1], end, "")
        return Change(start, stop, "")

    # --- style

    def _code(self, node: cst.CSTNode) -> str:
        return self.file.text[slice(*self._stretch_of(node))]

    def _preferred_quote(self) -> str:
        doubled = len(re.findall(r'(?<!")"[^"\n]*"(?!")', self.file.text))
        single = len(re.findall(r"(?<!')'[^'\n]*'(?!')", self.file.text))
        return "'" if single > doubled else '"'

    def _quoted(self, text: str) -> str:
        """A text with the quotes of the file, where that changes no string."""
        other = "'" if self._quotes == '"' else '"'
        return text if self._quotes in text or "\\" in text else text.replace(other, self._quotes)


_TOLD_APART = (
    cst.Call,
    cst.Dict,
    cst.Arg,
    cst.DictElement,
    cst.Assign,
    cst.AnnAssign,
    cst.ClassDef,
    cst.Name,
    cst.Attribute,
)


def _items(owner: _Owner) -> Sequence[_Item]:
    if isinstance(owner, cst.Call):
        return owner.args
    return cast("Sequence[_Item]", owner.elements)


def _name(item: _Item) -> str | None:
    if isinstance(item, cst.Arg):
        return item.keyword.value if item.keyword is not None else None
    key = item.key if isinstance(item, cst.DictElement) else None
    value = key.evaluated_value if isinstance(key, cst.SimpleString) else None
    return value if isinstance(value, str) else None


def _assigns(statement: cst.BaseSmallStatement, name: str) -> bool:
    if isinstance(statement, cst.AnnAssign):
        targets: list[cst.BaseExpression] = [statement.target] if statement.value is not None else []
    elif isinstance(statement, cst.Assign):
        targets = [target.target for target in statement.targets]
    else:
        return False
    return any(isinstance(target, cst.Name) and target.value == name for target in targets)


def _span(found: CodeRange) -> Span:
    return Span(found.start.line, found.start.column + 1, found.end.line, found.end.column + 1)


def parses(text: str) -> bool:
    """Whether libcst can read a text, which knows newer syntax than this interpreter may."""
    try:
        cst.parse_module(text)
    except (cst.ParserSyntaxError, RecursionError):
        return False
    return True

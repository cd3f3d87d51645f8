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
    RemoveItem,
    RemoveKeyword,
    ReplaceExpr,
    SetKeyword,
    Span,
)
from celerylint.fixes.imports import Imports
from celerylint.fixes.text import Change, FixError, Text
from celerylint.nesting import MOST_FOR_LIBCST, too_deep

_WIDEST = 88
"""What formatters wrap at; a file that has longer lines may get longer ones."""
_WIDEST_OF_ALL = 120
_NARROW = 79
"""What PEP 8 wraps at: a file keeps to it that has lines nearly as long and none that is longer."""
_ENOUGH = 4
_TOO_DEEP = "its code is nested too deeply"

_Item = Union[cst.Arg, cst.DictElement, cst.StarredDictElement]
_Owner = Union[cst.Call, cst.Dict]
_Pairs = Sequence[tuple[str, str]]
"""Names and values of options."""


class Python:
    """A Python file, for the edits of one round."""

    def __init__(self, file: Text, is_ours: Callable[[str], bool]) -> None:
        """`is_ours` says whether a module is one of the project. Raises FixError for code that cannot be read."""
        self.file = file
        if len(file.text) > MOST_FOR_LIBCST:
            raise FixError(f"its file is larger than {MOST_FOR_LIBCST // 1_000} kB")
        if too_deep(file.text):
            raise FixError(_TOO_DEEP)
        try:
            module = cst.parse_module(file.text)
            positions = MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider)
        except cst.ParserSyntaxError as error:
            raise FixError("its syntax is not known here") from error
        except RecursionError as error:
            raise FixError(_TOO_DEEP) from error
        self._spans = {id(node): _span(found) for node, found in positions.items()}
        self._at: dict[Span, list[cst.CSTNode]] = {}
        self._owner: dict[int, cst.CSTNode] = {}
        self._keys: dict[Span, cst.DictElement] = {}
        self._elements: dict[Span, list[tuple[cst.BaseElement, cst.Tuple | cst.List | cst.Set]]] = {}
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
            elif isinstance(node, (cst.Tuple, cst.List, cst.Set)):
                for element in node.elements:
                    self._elements.setdefault(self._spans[id(element.value)], []).append((element, node))
            elif isinstance(node, cst.DictElement):
                self._keys[self._spans[id(node.key)]] = node
        self.imports = Imports(file, module, self._stretch_of, is_ours)
        self._quotes = self._preferred_quote()
        self._unit = module.default_indent
        # Only lines without a string or a comment show where the project folds: others cannot be folded.
        folded = [len(line) for line in file.text.splitlines() if not any(mark in line for mark in "#\"'")]
        full = [length for length in folded if length > _NARROW - 10]
        narrow = len(full) >= _ENOUGH and max(full) <= _NARROW
        self._limit = _NARROW if narrow else min(max([_WIDEST, *folded]), _WIDEST_OF_ALL)

    def changes(self, edits: Sequence[Edit]) -> list[Change]:
        """Edits as changes of the text.

        Raises:
            FixError: the place is not there, or cannot be edited so.
        """
        options: dict[Place, list[tuple[str, str]]] = {}
        changes: list[Change] = []
        for edit in edits:
            if isinstance(edit, SetKeyword):
                value, imported = self._spelled(edit.value, edit.needs)
                options.setdefault(edit.place, []).append((edit.name, value))
                changes += imported
            else:
                changes += self._changes(edit)
        for place, pairs in options.items():
            changes += self._set(place, pairs)
        return self.imports.together(changes)

    def hands_on(self, place: Place) -> bool:
        """Whether a place is in a call that is given `**` options, which may not hold what the call says too."""
        option = self._option(place)
        if option is not None:
            call: object = self._owner.get(id(option))
        else:
            call = next((node for node in self._found(place.span) if isinstance(node, cst.Call)), None)
        return isinstance(call, cst.Call) and any(arg.star == "**" for arg in call.args)

    def _changes(self, edit: Edit) -> list[Change]:
        if isinstance(edit, ReplaceExpr):
            text, imported = self._spelled(edit.text, edit.needs)
            start, end = self.file.stretch(edit.place.span)
            return [Change(start, end, self._laid_out(text, start)), *imported]
        if isinstance(edit, AddDictEntry):
            value, imported = self._spelled(edit.value, edit.needs)
            owner = self._one(edit.place.span, cst.Dict)
            return [*self._set_in(owner, [(edit.key, value)]), *imported]
        if isinstance(edit, InsertStatement):
            text, imported = self._spelled(edit.text, edit.needs)
            return [self._inserted(edit, text), *imported]
        if isinstance(edit, AddImport):
            return list(self.imports.spelling(edit.name)[1])
        if isinstance(edit, (RemoveKeyword, RemoveDictEntry)):
            return self._removed(edit.place)
        if isinstance(edit, RemoveItem):
            return self._without_item(edit.place)
        raise FixError("the edit is not known")

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

    def _set(self, place: Place, pairs: _Pairs) -> list[Change]:
        option = self._option(place)
        if isinstance(option, (cst.Assign, cst.AnnAssign)):
            return self._set_beside(option, pairs)
        if option is not None:
            return self._set_in(self._holder(option), pairs)
        for node in self._found(place.span):
            if isinstance(node, cst.Call):
                return self._set_default(node, pairs) if _sets_default(node) else self._set_in(node, pairs)
            if isinstance(node, cst.ClassDef):
                return self._set_in_class(node, pairs)
            if isinstance(self._owner.get(id(node)), cst.Decorator):
                end = self._stretch_of(node)[1]
                return [
                    Change(
                        end, end, f"({self._within(end, end, [f'{name}={_joined(value)}' for name, value in pairs])})"
                    )
                ]
        raise FixError("the place holds something else")

    def _set_in(self, owner: _Owner, pairs: _Pairs) -> list[Change]:
        """Options among arguments or entries. A value of several lines is written as one where there is room."""
        is_dict = isinstance(owner, cst.Dict)
        quote = self._quote_of(owner)
        texts = {name: f"{quote}{name}{quote}: {value}" if is_dict else f"{name}={value}" for name, value in pairs}
        held = {name: item for item in _items(owner) if (name := _name(item)) in texts}
        added = [text for name, text in texts.items() if name not in held]
        only = owner.args[0].value if isinstance(owner, cst.Call) and len(owner.args) == 1 else None
        if added and isinstance(only, cst.GeneratorExp):
            raise FixError("a generator is all that the call is given")
        changes = [self._instead(held[name], value) for name, value in pairs if name in held]
        more = sum(
            len(_joined(value)) - (end - start)
            for name, value in pairs
            if name in held
            for start, end in [self._value_in(held[name])]
        )
        more += sum(len(f", {_joined(text)}") for text in added)
        if self._too_long(owner, more):
            replaced = {id(item): texts[name] for name, item in held.items()}
            items = [replaced.get(id(item)) or self._code(item) for item in _items(owner)]
            return [self._exploded(owner, [*items, *(text for name, text in texts.items() if name not in held)])]
        return [*changes, *(self._add(owner, added) if added else [])]

    def _quote_of(self, owner: _Owner) -> str:
        """The quotes of the keys of a dict, those of the file where it has none."""
        keys = [item.key for item in _items(owner) if isinstance(item, cst.DictElement)]
        return next((key.quote for key in reversed(keys) if isinstance(key, cst.SimpleString)), self._quotes)

    def _value_in(self, item: _Item) -> tuple[int, int]:
        """Where the value of an argument or entry is, with the brackets around it."""
        named = item.keyword if isinstance(item, cst.Arg) else item.key if isinstance(item, cst.DictElement) else None
        if named is None:
            return self._stretch_of(item.value)
        sign = self.file.text.index("=" if isinstance(item, cst.Arg) else ":", self._stretch_of(named)[1])
        start, end = sign + 1, self._stretch_of(item)[1]
        return start + len(self.file.text[start:end]) - len(self.file.text[start:end].lstrip()), end

    def _instead(self, item: _Item, value: str) -> Change:
        """A value in place of another, on as many lines as it takes."""
        start, end = self._value_in(item)
        rest = self.file.line_end(end) - end if "\n" not in self.file.text[start:end] else 1
        before = start - self.file.line_start(start)
        indent = self.file.indent(start)
        return Change(start, end, self._fitted(value, indent, before - len(indent) + rest))

    def _too_long(self, owner: _Owner, more: int) -> bool:
        """Whether a call on one line would be too long with some characters more."""
        items = _items(owner)
        if not items:
            return False
        start, end = self._stretch_of(owner)
        if "\n" in self.file.text[start:end]:
            # All on one line of their own may be.
            start, end = self._stretch_of(items[0])[0], self._stretch_of(items[-1])[1]
            if len(items) == 1 or not self.file.first_on_its_line(start) or "#" in self._between(owner):
                return False
        width = self.file.line_end(end) - self.file.line_start(start) + more
        return "\n" not in self.file.text[start:end] and width > self._limit

    def _between(self, owner: _Owner) -> str:
        """What stands around and between the arguments or entries."""
        text, done, end = "", self._opened(owner), self._stretch_of(owner)[1]
        for item in _items(owner):
            first, last = self._stretch_of(item)
            text += self.file.text[done:first]
            done = last
        return text + self.file.text[done:end]

    def _opened(self, owner: _Owner) -> int:
        """Where what a call or dict holds begins, behind its bracket."""
        first = self._stretch_of(_items(owner)[0])[0]
        return max(self.file.text.rfind(bracket, 0, first) for bracket in "({") + 1

    def _add(self, owner: _Owner, entries: list[str]) -> list[Change]:
        """Put arguments or entries after the last one, in the style of those that are there."""
        items = _items(owner)
        if not items:
            start, end = self._stretch_of(owner)
            opened = self._stretch_of(owner.func)[1] if isinstance(owner, cst.Call) else start
            opened = self.file.text.index("(" if isinstance(owner, cst.Call) else "{", opened) + 1
            if self.file.text[opened : end - 1].strip():
                raise FixError("only a comment stands in it")
            return [Change(opened, end - 1, self._within(opened, end - 1, entries))]
        start, end = self._stretch_of(items[-1])
        if self.file.first_on_its_line(start):
            indent = self.file.text[self.file.line_start(start) : start]
            fitted = [self._fitted(entry, indent, 1) for entry in entries]
            if len(items) == 1 and self.file.line_end(end) == end and isinstance(owner, cst.Call):
                fitted[-1] += ","  # one argument alone says nothing of the style; formatters write it from two on
            return self._add_lines(start, end, fitted, isinstance(items[-1].comma, cst.Comma))
        return [Change(end, end, "".join(f", {_joined(entry)}" for entry in entries))]

    def _within(self, start: int, end: int, entries: list[str]) -> str:
        """Arguments of a call that has none, on a line of their own, or on several, where the line would be too long."""
        together = ", ".join(map(_joined, entries))
        if self.file.line_end(end) - self.file.line_start(start) - (end - start) + len(together) + 2 <= self._limit:
            return together
        indent = self.file.indent(start)
        inner = f"{indent}{self._unit}"
        if len(inner) + len(together) <= self._limit or (len(entries) == 1 and "\n" not in entries[0]):
            return f"\n{inner}{together}\n{indent}"
        return "".join(f"\n{inner}{self._fitted(entry, inner, 1)}," for entry in entries) + f"\n{indent}"

    def _add_lines(self, start: int, end: int, entries: list[str], comma: bool) -> list[Change]:
        indent = self.file.text[self.file.line_start(start) : start]
        lines = ",".join(f"\n{indent}{entry}" for entry in entries) + ("," if comma else "")
        after = self.file.text.index(",", end) + 1 if comma else end
        line_end = self.file.line_end(after)
        rest = self.file.text[after:line_end].strip()
        if rest and not rest.startswith("#"):
            # What closes the call stands on the same line.
            return [Change(after, after, lines if comma else "," + lines)]
        if comma:
            return [Change(line_end, line_end, lines)]
        if line_end == end:
            return [Change(end, end, "," + lines)]
        return [Change(end, end, ","), Change(line_end, line_end, lines)]

    def _exploded(self, owner: _Owner, texts: list[str]) -> Change:
        """All arguments on a line of their own, or on one for each, as formatters do where one line is too long."""
        opened, last = self._opened(owner), self._stretch_of(owner)[1] - 1
        indent = self.file.indent(opened)
        inner = f"{indent}{self._unit}"
        together = ", ".join(map(_joined, texts))
        if len(inner) + len(together) <= self._limit:
            return Change(opened, last, f"\n{inner}{together}\n{indent}")
        lines = ""
        for text in texts:
            lines += f"\n{inner}{self._fitted(text, inner, 1)},"
        return Change(opened, last, f"{lines}\n{indent}")

    def _set_beside(self, option: cst.Assign | cst.AnnAssign, pairs: _Pairs) -> list[Change]:
        """Assign options after the assignment of another, or of themselves."""
        target = option.targets[0].target if isinstance(option, cst.Assign) else option.target
        line = self._statement(option)
        block = self._owner.get(id(line))
        owner = self._owner.get(id(block)) if block is not None else None
        if isinstance(target, cst.Name) and isinstance(owner, cst.ClassDef):
            return self._set_in_class(owner, pairs, after=line)
        own, pattern = self._assigned(target)
        changes: list[Change] = []
        added: list[str] = []
        for name, value in pairs:
            if name == own and option.value is not None:
                changes.append(Change(*self._stretch_of(option.value), value))
            else:
                added.append(f"{pattern.format(name)} = {value}")
        return [*changes, *([self._after(line, "\n".join(added))] if added else [])]

    def _assigned(self, target: cst.BaseExpression) -> tuple[str, str]:
        """The option that an assignment sets, and how another is written beside it."""
        if isinstance(target, cst.Name):
            return target.value, "{}"
        if isinstance(target, cst.Attribute):
            return target.attr.value, f"{_braces(self._code(target.value))}.{{}}"
        index = target.slice[0].slice if isinstance(target, cst.Subscript) and len(target.slice) == 1 else None
        key = index.value if isinstance(index, cst.Index) else None
        if isinstance(target, cst.Subscript) and isinstance(key, cst.SimpleString):
            own = key.evaluated_value
            quote = key.quote
            return str(own), f"{_braces(self._code(target.value))}[{quote}{{}}{quote}]"
        raise FixError("it is assigned together with others")

    def _set_default(self, call: cst.Call, pairs: _Pairs) -> list[Change]:
        """Options after `options.setdefault("name", value)`, or in place of its value."""
        line = self._statement(call)
        name, *values = call.args
        if len(line.body) != 1 or not isinstance(line.body[0], cst.Expr) or line.body[0].value is not call:
            raise FixError("more than the option is set there")
        quoted = cst.ensure_type(name.value, cst.SimpleString)
        function = self._code(call.func)
        changes: list[Change] = []
        added: list[str] = []
        for option, value in pairs:
            if option == quoted.evaluated_value and values:
                changes.append(Change(*self._stretch_of(values[0].value), value))
            else:
                added.append(f"{function}({quoted.quote}{option}{quoted.quote}, {value})")
        return [*changes, *([self._after(line, "\n".join(added))] if added else [])]

    def _set_in_class(
        self, cls: cst.ClassDef, pairs: _Pairs, after: cst.SimpleStatementLine | None = None
    ) -> list[Change]:
        if not isinstance(cls.body, cst.IndentedBlock):
            raise FixError("the class is written on one line")
        lines = [statement for statement in cls.body.body if isinstance(statement, cst.SimpleStatementLine)]
        smalls = [small for line in lines for small in line.body]
        changes: list[Change] = []
        added: list[str] = []
        for name, value in pairs:
            held = next((small for small in smalls if _assigns(small, name)), None)
            if isinstance(held, (cst.Assign, cst.AnnAssign)) and held.value is not None:
                changes.append(Change(*self._stretch_of(held.value), value))
            else:
                added.append(f"{name} = {value}")
        return [*changes, *([self._in_class(cls, cls.body, "\n".join(added), after)] if added else [])]

    def _in_class(
        self, cls: cst.ClassDef, body: cst.IndentedBlock, text: str, after: cst.SimpleStatementLine | None
    ) -> Change:
        """Statements among the attributes of a class: after one of them, else after the last before its methods."""
        head: cst.SimpleStatementLine | None = after
        for statement in body.body if after is None else ():
            if not isinstance(statement, cst.SimpleStatementLine):
                break
            head = statement
        if head is not None and len(body.body) == 1 and _is_filler(head.body[0]):
            return Change(
                *self._stretch_of(head), text.replace("\n", "\n" + self.file.indent(self._stretch_of(head)[0]))
            )
        if head is not None:
            doc = head is body.body[0] and isinstance(head.body[0], cst.Expr)
            return self._after(head, text, "\n" if doc else "")
        first = body.body[0]
        indent, at = self.file.indent(self._stretch_of(first)[0]), self._body_start(cls)
        above: Sequence[cst.EmptyLine] = getattr(first, "leading_lines", ())
        spaced = bool(above) and above[0].comment is None
        lines = "".join(f"{indent}{line}\n" for line in text.split("\n"))
        return Change(at, at, lines + ("" if spaced else "\n"))

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
            target = option.target if isinstance(option, cst.AnnAssign) else option.targets[0].target
            if isinstance(target, cst.Name) and block is not None and _reads(block, target):
                raise FixError(f"`{target.value}` is used elsewhere too")
            if isinstance(block, cst.IndentedBlock) and len(block.body) == 1:
                return [Change(start, end, "pass")]
            return [Change(self.file.line_start(start), self.file.next_line(end), "")]
        owner = self._holder(option)
        updating = self._updated_by(owner) if len(_items(owner)) == 1 else None
        if updating is not None:
            start, end = self._stretch_of(updating)
            return [Change(self.file.line_start(start), self.file.next_line(end), "")]
        return [self._without(owner, option)]

    def _updated_by(self, owner: _Owner) -> cst.SimpleStatementLine | None:
        """The line `holder.update(...)` that has nothing to do but for a dict, or for its own arguments; None for all else."""
        start, end = self._stretch_of(owner)
        for line in self._statements:
            only = line.body[0] if len(line.body) == 1 else None
            call = only.value if isinstance(only, cst.Expr) and isinstance(only.value, cst.Call) else None
            if call is None or not isinstance(call.func, cst.Attribute) or call.func.attr.value != "update":
                continue
            whole = call is owner or (len(call.args) == 1 and self._stretch_of(call.args[0]) == (start, end))
            block = self._owner.get(id(line))
            alone = isinstance(block, cst.IndentedBlock) and len(block.body) == 1
            if whole and not alone:
                return line
        return None

    def _without(self, owner: _Owner, item: _Item) -> Change:
        items = _items(owner)
        place = next(n for n, each in enumerate(items) if each is item)
        start, end = self._stretch_of(item)
        comma = isinstance(item.comma, cst.Comma)
        stop = self.file.text.index(",", end) + 1 if comma else end
        rest = self.file.text[stop : self.file.line_end(stop)].strip()
        commented = bool(place) and "#" in self.file.text[self._stretch_of(items[place - 1])[1] : start]
        if self.file.first_on_its_line(start) and (not rest or rest.startswith("#")) and (comma or commented):
            return Change(self.file.line_start(start), self.file.next_line(stop), "")
        if place + 1 < len(items):
            return Change(start, self._stretch_of(items[place + 1])[0], "")
        if place:
            return Change(self._stretch_of(items[place - 1])[1], end, "")
        return Change(start, stop, "")

    def _without_item(self, place: Place) -> list[Change]:
        for element, owner in self._elements.get(place.span, ()):
            items = list(owner.elements)
            if len(items) == 1:
                if isinstance(owner, cst.Set):
                    raise FixError("nothing would be left")
                empty = "[]" if isinstance(owner, cst.List) else "" if owner.lpar else "()"
                return [Change(*self._stretch_of(owner), empty)]
            number = next(n for n, each in enumerate(items) if each is element)
            last = number == len(items) - 1
            if isinstance(owner, cst.Tuple) and len(items) == 2 and not isinstance(items[1].comma, cst.Comma):
                # What is left is a tuple by its comma alone.
                other = self._code(items[1 - number].value)
                return [Change(self._stretch_of(items[0])[0], self._stretch_of(items[1])[1], f"{other},")]
            return [self._cut(items, number, isinstance(element.comma, cst.Comma), last)]
        raise FixError("the place holds something else")

    def _cut(self, items: Sequence[cst.BaseElement], number: int, comma: bool, last: bool) -> Change:
        start, end = self._stretch_of(items[number])
        stop = self.file.text.index(",", end) + 1 if comma else end
        rest = self.file.text[stop : self.file.line_end(stop)].strip()
        if self.file.first_on_its_line(start) and comma and (not rest or rest.startswith("#")):
            return Change(self.file.line_start(start), self.file.next_line(stop), "")
        if last:
            return Change(self._stretch_of(items[number - 1])[1], end, "")
        return Change(start, self._stretch_of(items[number + 1])[0], "")

    # --- style

    def _laid_out(self, text: str, start: int) -> str:
        """A text of several lines, indented as the line that it begins on, in the file's unit."""
        return self._indented(text, self.file.indent(start))

    def _fitted(self, text: str, indent: str, beside: int) -> str:
        """A text on one line if there is room for it beside so many characters, else folded once, else twice."""
        joined = _joined(text)
        if len(indent) + len(joined) + beside <= self._limit or "\n" not in text:
            return joined
        folded = self._indented(text, indent)
        if max(map(len, folded.split("\n")[1:])) <= self._limit:
            return folded
        first, *inner, last = text.split("\n")
        parts = [f"    {part}," for line in inner for part in line.strip().removesuffix(",").split(", ")]
        return self._indented("\n".join([first, *parts, last]), indent)

    def _indented(self, text: str, indent: str) -> str:
        first, *others = text.split("\n")
        for line in others:
            depth = (len(line) - len(line.lstrip(" "))) // 4
            first += f"\n{indent}{self._unit * depth}{line.lstrip(' ')}"
        return first

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


def _joined(text: str) -> str:
    """A value of several lines as one."""
    return re.sub(r"(?<=[(\[{])\n *|\n *(?=[)\]}])", "", text) if "\n" in text else text


def _sets_default(call: cst.Call) -> bool:
    """`options.setdefault("name", value)`."""
    named = isinstance(call.func, cst.Attribute) and call.func.attr.value == "setdefault"
    return named and bool(call.args) and isinstance(call.args[0].value, cst.SimpleString)


def _braces(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _is_filler(statement: cst.BaseSmallStatement) -> bool:
    return isinstance(statement, cst.Pass) or (
        isinstance(statement, cst.Expr) and isinstance(statement.value, cst.Ellipsis)
    )


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


def _reads(node: cst.CSTNode, target: cst.Name) -> bool:
    """Whether a name is used in a block, other than where it is assigned, as an option of a call or as an attribute."""
    if isinstance(node, cst.Name):
        return node is not target and node.value == target.value
    left_out = node.keyword if isinstance(node, cst.Arg) else node.attr if isinstance(node, cst.Attribute) else None
    return any(_reads(child, target) for child in node.children if child is not left_out)


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

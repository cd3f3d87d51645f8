"""What a dispatch puts into its message, and what the message is written with."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from msgspec import Struct

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.model.project import Dispatch, Project, Task
from celerylint.model.values import (
    Mapping,
    ModuleValue,
    Part,
    Scalar,
    Scope,
    Sequence,
    Unknown,
    Value,
    forced,
)
from celerylint.rules.body import Body
from celerylint.rules.dispatch.binding import changes_calls, names_its_task
from celerylint.rules.written import modules

DIRECT = frozenset({"delay", "delay_on_commit", "s", "si"})
"""Methods that take the task's arguments as they are."""

_WHOLE = frozenset({"apply_async", "apply_async_on_commit", "send_task", "signature", "subtask"})
_KEYS = ("_id", "_pk", "_uuid", "_name", "_type", "_url", "_slug", "_code")
_NESTED = 3


class Carried(Struct, frozen=True):
    """One value in a message: an argument of the task, or something inside a list or dict that is one."""

    label: str
    """As one would point at it: `order`, `the first argument`."""
    value: Value
    key: int | str = ""
    """Which argument of the task it is, by position or name, or is in."""
    written: ir.Expr | None = None
    """The argument as the call gives it; None for what is inside of one, or stands elsewhere."""


def carried(dispatch: Dispatch) -> Iterator[Carried]:
    """The values that a dispatch hands to its task, as far as they are known, those inside of lists and dicts too."""
    for written, key, value in _arguments(dispatch):
        if written is not None and _plainly_simple(written):
            continue
        otherwise = f"`{key}`" if isinstance(key, str) else f"argument {key + 1}"
        yield from _inside(Carried(_label(written, otherwise), value, key, written), 0)


def _inside(outer: Carried, depth: int) -> Iterator[Carried]:
    yield outer
    value, label = outer.value, outer.label
    held = forced(value) if depth < _NESTED else None
    if isinstance(held, Sequence) and held.kind in ("list", "tuple") and not _is_lazy(held):
        inner = list(held.items)
    else:
        inner = [entry.value for entry in held.items.values()] if isinstance(held, Mapping) else []
    for item in inner:
        yield from _inside(Carried(f"what is in {label}" if depth == 0 else label, item, outer.key), depth + 1)


def _is_lazy(value: Sequence) -> bool:
    return value.at is not None and isinstance(value.at[1], ir.Comp) and value.at[1].kind == "generator"


def _arguments(dispatch: Dispatch) -> Iterator[tuple[ir.Expr | None, int | str, Value]]:
    """Each argument as written, its name or position, and its value."""
    call = dispatch.at[1]
    args = dispatch.args
    here = isinstance(call, ir.Call) and args.at is not None and args.at[1] is call
    positional: list[ir.Expr] = call.args if isinstance(call, ir.Call) and here else []
    keywords = {k.name: k.value for k in call.keywords} if isinstance(call, ir.Call) and here else {}
    if dispatch.method in DIRECT:
        plain = positional if len(positional) == len(args.positional) else []
        yield from _numbered(args.positional, plain)
        yield from ((keywords.get(name), name, entry.value) for name, entry in args.keywords.items())
    elif dispatch.method in _WHOLE:
        first = 1 if names_its_task(dispatch) else 0
        held = _forced(args.get(first, "args"))
        if isinstance(held, Sequence) and held.kind in ("tuple", "list"):
            display = keywords.get("args") or (positional[first] if len(positional) > first else None)
            items = display.items if isinstance(display, ir.Seq) else []
            yield from _numbered(held.items, items if len(items) == len(held.items) else [])
        held = _forced(args.get(first + 1, "kwargs"))
        if isinstance(held, Mapping):
            yield from ((None, str(name), entry.value) for name, entry in held.items.items())


def _numbered(values: list[Value], written: list[ir.Expr]) -> Iterator[tuple[ir.Expr | None, int | str, Value]]:
    for place, value in enumerate(values):
        yield written[place] if written else None, place, value


def _forced(value: Value | None) -> Value | None:
    return forced(value) if value is not None else None


def _plainly_simple(written: ir.Expr) -> bool:
    """Whether the words alone say that it is a key, a text or a number: no file is read to find out more."""
    if isinstance(written, (ir.Const, ir.FString, ir.Compare)):
        return True
    if isinstance(written, ir.Call):
        return isinstance(written.func, ir.Name) and written.func.id in ("str", "int", "repr", "float", "bool", "len")
    name = written.attr if isinstance(written, ir.Attr) else written.id if isinstance(written, ir.Name) else ""
    return name in ("pk", "id", "uuid", "slug", "name", "url") or name.endswith(_KEYS)


def _label(written: ir.Expr | None, otherwise: str) -> str:
    words = spelled(written) if written is not None else ""
    return f"`{words}`" if words else otherwise


def spelled(node: ir.Expr) -> str:
    """A dotted name as text; empty for anything else."""
    if isinstance(node, ir.Attr):
        holder = spelled(node.value)
        return f"{holder}.{node.attr}" if holder else ""
    return node.id if isinstance(node, ir.Name) else ""


# --- how it is written ------------------------------------------------------------------------------------------------


def serializer_of(dispatch: Dispatch, project: Project) -> str | None:
    """The serializer of the message; None where it cannot be known, or there may be no message at all."""
    task = dispatch.task
    if task is not None and (changes_calls(task) or task.value.foreign):
        return None
    if dispatch.method not in DIRECT:
        given = dispatch.args.keywords.get("serializer")
        if given is not None:
            held = forced(given.value)
            return held.value if isinstance(held, Scalar) and isinstance(held.value, str) else None
        if dispatch.args.open:
            return None
    return _of_task(task, project) if task is not None else _of_project(project)


def _of_task(task: Task, project: Project) -> str | None:
    held = task.option("serializer")
    if held.known:
        return held.value if isinstance(held.value, str) else None
    # Without an app in sight only what is written can say otherwise.
    alone = task.app is None and held.at is None and not task.value.opened
    return "json" if alone and not _configures_current_app(project) else None


def _configures_current_app(project: Project) -> bool:
    """Whether the project configures an app that it does not make: `from celery import current_app`."""
    return any(
        getattr(entry.value, "dotted", "") in ("celery.current_app", "celery._state.current_app")
        for module in modules(project).values()
        if module.facts is not None and any(_mentions_settings(statement) for statement in module.facts.body)
        for entry in module.scope.entries.values()
    )


def _mentions_settings(statement: ir.Stmt) -> bool:
    if isinstance(statement, ir.Function):
        return not _CONFIGURING.isdisjoint(statement.uses)
    return any(isinstance(node, ir.Attr) and node.attr in _CONFIGURING for node in nodes(statement))


_CONFIGURING = frozenset({"conf", "config_from_object"})


def _of_project(project: Project) -> str | None:
    held = {app.setting("task_serializer").value for app in project.apps if app.setting("task_serializer").known}
    return held.pop() if len(held) == 1 and all(app.setting("task_serializer").known for app in project.apps) else None


_RAISES = {
    "delay_on_commit": "once the transaction is committed EncodeError is raised and nothing is sent",
    "apply_async_on_commit": "once the transaction is committed EncodeError is raised and nothing is sent",
    **dict.fromkeys(("s", "si", "signature", "subtask"), "whoever sends this signature gets EncodeError"),
}


def outcome(dispatch: Dispatch) -> str:
    """What happens where a message cannot be written."""
    return _RAISES.get(dispatch.method, f"{dispatch.method}() raises EncodeError and nothing is sent")


# --- what annotations say ---------------------------------------------------------------------------------------------

_OPTIONAL = frozenset({"typing.Optional", "typing.Annotated", "typing_extensions.Annotated", "typing.Final"})
MANY = frozenset(
    {
        "list", "List", "tuple", "Tuple", "Sequence", "Iterable", "Iterator", "Collection", "QuerySet", "Query",
        "AsyncIterable",
    }
)  # fmt: skip
"""Generic types, by their last names, that are collections of what stands in brackets."""


class Hint(Struct, frozen=True):
    """What an annotation says: a type, one of many where `many`."""

    type: Value | str
    """The class, or the bare name of a builtin."""
    many: bool = False


class Surroundings:
    """The functions around a dispatch, and what names mean there."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._function = dispatch.function
        nested = [node for node in dispatch.context if isinstance(node, ir.Function)]
        self._around = [*([self._function.node] if self._function is not None else []), *nested]

    @property
    def scope(self) -> Scope | None:
        """The scope that the function closes over."""
        return self._function.scope if self._function is not None else None

    def meaning(self, expression: ir.Expr) -> Value | None:
        """What a dotted name stands for; None if that cannot be seen."""
        if self._function is None:
            return None
        if isinstance(expression, ir.Attr):
            holder = self.meaning(expression.value)
            if isinstance(holder, ModuleValue):
                entry = holder.module.bindings.get(expression.attr)
                return forced(entry.value) if entry is not None else None
        found = Body("", [], self._function.scope).meaning(expression)
        if found is None and isinstance(expression, ir.Name):
            typing = self._function.scope.module.scope.typing
            entry = typing.entries.get(expression.id) if typing is not None else None
            return forced(entry.value) if entry is not None else None
        return found

    def parameter(self, value: Value) -> tuple[ir.Param, ir.Function | ir.LambdaExpr] | None:
        """The parameter that an unknown value came in by, if it is that value and no part of it."""
        if not isinstance(value, Unknown) or isinstance(value, Part) or value.at is None or self._function is None:
            return None
        path, node = value.at
        if not isinstance(node, ir.Param) or path != self._function.scope.module.path:
            return None
        for function in self._around:
            if any(param.span == node.span for param in function.params):
                return node, function
        return None

    def hint(self, value: Value) -> Hint | None:
        """What the annotation of a parameter says about an unknown value."""
        found = self.parameter(value)
        if found is None or found[0].annotation is None or found[0].kind.startswith("var"):
            return None
        return self._read(found[0].annotation, 0)

    def _read(self, node: ir.Expr, depth: int) -> Hint | None:
        if depth > 4:
            return None
        if isinstance(node, ir.Const) and isinstance(node.value, str):
            return self._read_text(node, node.value, depth)
        if isinstance(node, ir.BinOp) and node.op == "|":
            return self._only([node.left, node.right], depth)
        if isinstance(node, ir.Subscript):
            return self._read_generic(node, depth)
        value = self.meaning(node)
        if value is not None:
            return Hint(value)
        return Hint(node.id) if isinstance(node, ir.Name) and self.is_builtin(node.id) else None

    def _read_text(self, node: ir.Const, text: str, depth: int) -> Hint | None:
        parts = [part.strip() for part in text.split("|")]
        names: list[ir.Expr] = []
        for part in parts:
            words = part.split(".")
            if not all(word.isidentifier() for word in words):
                return None
            where = (node.line, node.col, node.end_line, node.end_col)
            name: ir.Expr = ir.Const(*where, None) if part == "None" else ir.Name(*where, words[0])
            for word in words[1:]:
                name = ir.Attr(*where, name, word)
            names.append(name)
        return self._only(names, depth)

    def _only(self, parts: list[ir.Expr], depth: int) -> Hint | None:
        """The one type of a union beside None."""
        rest = [part for part in parts if not (isinstance(part, ir.Const) and part.value is None)]
        return self._read(rest[0], depth + 1) if len(rest) == 1 else None

    def _read_generic(self, node: ir.Subscript, depth: int) -> Hint | None:
        dotted = getattr(self.meaning(node.value), "dotted", "")
        items: list[ir.Expr] = node.index.items if isinstance(node.index, ir.Seq) else [node.index]
        if dotted in _OPTIONAL:
            return self._read(items[0], depth + 1)
        if dotted == "typing.Union":
            return self._only(items, depth)
        name = dotted.rpartition(".")[2] or spelled(node.value)
        if name in MANY:
            inner = self._read(items[-1] if name == "Tuple" else items[0], depth + 1)
            return Hint(inner.type, many=True) if inner is not None else None
        return self._read(node.value, depth + 1)

    def is_builtin(self, name: str) -> bool:
        """Whether nothing around a dispatch binds a name, as far as can be seen."""
        scope = self.scope
        while scope is not None:
            if name in scope.entries or scope.stars:
                return False
            scope = scope.parent
        return True

    def imports(self, *packages: str) -> bool:
        """Whether the file imports something from one of some packages at its top."""
        scope = self.scope
        entries = scope.module.scope.entries.values() if scope is not None else ()
        return any(str(getattr(entry.value, "dotted", "")).startswith(packages) for entry in entries)


def sent_otherwise(dispatch: Dispatch) -> bool:
    """Whether the function around a signature names a serializer, which may be set on it before it is sent."""
    function = dispatch.function
    return (
        dispatch.method in ("s", "si", "signature", "subtask")
        and function is not None
        and any(isinstance(node, ir.Keyword) and node.name == "serializer" for node in nodes(function.node))
    )


@lru_cache(maxsize=1)
def registers_types(project: Project) -> bool:
    """Whether the project teaches kombu's JSON types of its own."""
    return any(
        getattr(entry.value, "dotted", "") == "kombu.utils.json.register_type"
        for module in modules(project).values()
        for entry in module.scope.entries.values()
    )

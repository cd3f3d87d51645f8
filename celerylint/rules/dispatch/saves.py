"""What runs when a model is saved: its own `save`, and receivers of the signals around it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.model.project import Project
from celerylint.model.values import ClassValue, External, FunctionValue, Scope
from celerylint.rules.body import Body
from celerylint.rules.dispatch.canvas import last_name
from celerylint.rules.dispatch.transactions import method
from celerylint.rules.written import flat, modules

_SIGNALS = frozenset({"django.db.models.signals.pre_save", "django.db.models.signals.post_save"})
_CREATES = frozenset({"create", "get_or_create", "update_or_create"})
_FETCHES = frozenset({"get", "first", "last", "latest", "earliest"})


class Saved(Struct, frozen=True):
    """A call that saves an object of a model."""

    model: ClassValue
    fresh: bool | None
    """Whether the object is new; None if that is not known."""


def saved(call: ir.Call, function: FunctionValue) -> Saved | None:
    """What a call in a function saves: `Order.objects.create(...)`, `order.save()` of an object that is made there."""
    func = call.func
    if not isinstance(func, ir.Attr):
        return None
    if func.attr in _CREATES:
        model = _managed(func.value, function.scope)
        return Saved(model, True) if model is not None else None
    if func.attr != "save" or call.args:
        return None
    if isinstance(func.value, ir.Name):
        if func.value.id == "self":
            return Saved(function.owner_class, None) if function.owner_class is not None else None
        return _of_name(func.value.id, call, function)
    return _object(func.value, function.scope)


def _of_name(name: str, call: ir.Call, function: FunctionValue) -> Saved | None:
    """What a name of the function holds, where it is bound once."""
    below = list(nodes(function.node))
    bound = [(node, target) for node in below for target in _targets(node) if _binds(target, name)]
    if len(bound) != 1 or any(isinstance(node, ir.Param) and node.name == name for node in below):
        return None
    ((statement, target),) = bound
    if not isinstance(statement, ir.Assign) or not isinstance(target, ir.Name):
        return None
    found = _object(statement.value, function.scope)
    if found is None or not found.fresh:
        return found
    earlier = any(
        isinstance(node, ir.Call)
        and isinstance(node.func, ir.Attr)
        and node.func.attr == "save"
        and isinstance(node.func.value, ir.Name)
        and node.func.value.id == name
        and (node.line, node.col) < (call.line, call.col)
        for node in below
    )
    return Saved(found.model, False) if earlier else found


def _targets(node: ir.Node) -> list[ir.Expr]:
    if isinstance(node, ir.Assign):
        return node.targets
    if isinstance(node, (ir.AugAssign, ir.AnnAssign, ir.For)):
        return [node.target]
    return [item.target for item in node.items if item.target is not None] if isinstance(node, ir.With) else []


def _binds(target: ir.Expr, name: str) -> bool:
    parts = target.items if isinstance(target, ir.Seq) else [target]
    return any(isinstance(part, ir.Name) and part.id == name for part in parts)


def _object(made: ir.Expr, scope: Scope) -> Saved | None:
    """An object that an expression makes or fetches."""
    if not isinstance(made, ir.Call):
        return None
    func = made.func
    value = Body("", [], scope).meaning(func)
    if isinstance(value, ClassValue):
        return Saved(value, True)
    if isinstance(value, External) and value.dotted == "django.shortcuts.get_object_or_404" and made.args:
        model = Body("", [], scope).meaning(made.args[0])
        return Saved(model, False) if isinstance(model, ClassValue) else None
    if isinstance(func, ir.Attr) and func.attr in _FETCHES | {"create"}:
        model = _managed(func.value, scope)
        return Saved(model, False) if model is not None else None
    return None


def _managed(expression: ir.Expr, scope: Scope) -> ClassValue | None:
    """The model whose rows `Order.objects`, or a query made of it, speaks of."""
    while isinstance(expression, ir.Call) and isinstance(expression.func, ir.Attr):
        expression = expression.func.value
    if not isinstance(expression, ir.Attr) or expression.attr != "objects":
        return None
    value = Body("", [], scope).meaning(expression.value)
    return value if isinstance(value, ClassValue) else None


# --- what a save calls ------------------------------------------------------------------------------------------------


class Saves:
    """What saving an object of each model calls."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._receivers: list[tuple[ClassValue, FunctionValue]] | None = None

    def called_by(self, what: Saved) -> Iterator[FunctionValue]:
        """The model's own `save`, where the project defines it, and receivers that are connected to this model."""
        own = method(what.model, "save")
        if own is not None:
            yield own
        if self._receivers is None:
            self._receivers = list(_receivers(self._project))
        yield from (receiver for model, receiver in self._receivers if model is what.model)


def _receivers(project: Project) -> Iterator[tuple[ClassValue, FunctionValue]]:
    for functions in project.functions.values():
        for function in functions:
            node = function.node
            if not isinstance(node, ir.Function):
                continue
            for decorator in node.decorators:
                if isinstance(decorator, ir.Call) and last_name(decorator.func) == "receiver" and decorator.args:
                    for model in _listens_to(decorator.args[0], decorator, function.scope):
                        yield model, function
            if node.name == "ready" and "connect" in node.uses:
                yield from _connected(flat(ir.read_body(node)), function.scope)
    for module in modules(project).values():
        yield from _connected(flat(module.facts.body if module.facts is not None else ()), module.scope)


def _connected(statements: Iterable[ir.Stmt], scope: Scope) -> Iterator[tuple[ClassValue, FunctionValue]]:
    """`post_save.connect(on_saved, sender=Order)`."""
    for statement in statements:
        call = statement.value if isinstance(statement, ir.ExprStmt) else None
        if isinstance(call, ir.Call) and isinstance(call.func, ir.Attr) and call.func.attr == "connect" and call.args:
            handler = Body("", [], scope).meaning(call.args[0])
            if isinstance(handler, FunctionValue):
                for model in _listens_to(call.func.value, call, scope):
                    yield model, handler.innermost


def _listens_to(signal: ir.Expr, call: ir.Call, scope: Scope) -> Iterator[ClassValue]:
    """The models whose saving a signal is connected for; none where it is any model, or another signal."""
    body = Body("", [], scope)
    signals = signal.items if isinstance(signal, ir.Seq) else [signal]
    if not any(isinstance(s, External) and s.dotted in _SIGNALS for s in map(body.meaning, signals)):
        return
    for keyword in call.keywords:
        model = body.meaning(keyword.value) if keyword.name == "sender" else None
        if isinstance(model, ClassValue):
            yield model


# --- conditions on the way --------------------------------------------------------------------------------------------


def is_sure_to_reach(function: FunctionValue, line: int, fresh: bool | None) -> bool:
    """Whether a receiver, or `save`, gets to a line for an object that is new or not, whatever else is true.

    Most conditions there ask what has changed, or what the caller passed: nobody who reads one call can tell.
    """
    node = function.node
    return isinstance(node, ir.Function) and all(
        _holds(test, fresh) is taken for test, taken in _conditions(ir.read_body(node), line)
    )


def _conditions(block: list[ir.Stmt], line: int) -> Iterator[tuple[ir.Expr, bool]]:
    """The conditions that must hold, or must not, for a line to be reached."""
    for statement in block:
        around = statement.line <= line <= statement.end_line
        if isinstance(statement, ir.If):
            in_body = any(s.line <= line <= s.end_line for s in statement.body)
            if around:
                yield statement.test, in_body
                yield from _conditions(statement.body if in_body else statement.orelse, line)
            elif statement.line < line and statement.body and isinstance(statement.body[-1], (ir.Return, ir.Raise)):
                yield statement.test, False
        elif around:
            for name in ("body", "orelse", "final"):
                yield from _conditions(getattr(statement, name, None) or [], line)
            for handler in getattr(statement, "handlers", None) or []:
                yield from _conditions(handler.body, line)
        if around:
            return


def _holds(test: ir.Expr, fresh: bool | None) -> bool | None:
    """Whether a condition holds when an object is saved that is new or not; None if that cannot be known."""
    if isinstance(test, ir.UnaryOp) and test.op == "not":
        inner = _holds(test.value, fresh)
        return None if inner is None else not inner
    if isinstance(test, ir.BoolOp):
        parts = [_holds(part, fresh) for part in test.values]
        decisive = test.op == "or"
        return decisive if decisive in parts else None if None in parts else not decisive
    if last_name(test) == "raw":
        # Only `loaddata` passes it.
        return False
    return fresh if last_name(test) in ("created", "adding", "is_new", "is_created") else None

"""CLY514."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.finding import Confidence, Finding, Severity
from celerylint.model.project import Dispatch, Project
from celerylint.model.values import ClassValue, External, FunctionValue, Mapping, Scalar, Sequence
from celerylint.rules.base import Rule, related
from celerylint.rules.body import Body
from celerylint.rules.dispatch.canvas import last_name
from celerylint.rules.flow import statements, within

_SENDS = ("delay", "apply_async", "send_task", "delay_on_commit", "apply_async_on_commit")
_FEW = 100
_SAME_LENGTH = frozenset({
    "enumerate", "reversed", "sorted", "list", "tuple", "set", "frozenset", "iter", "tqdm", "items", "keys", "values",
})  # fmt: skip
"""Calls that give as many items as they take, as an argument or as what they are a method of."""

_PARTS = ("chunk", "batch", "page", "paginat", "slice", "window", "split", "group", "partition")
"""Words in the names of calls that give lists of items, or no more than some."""


class DelayInLoop(Rule):
    """One message for every item, however many there are.

    A loop over a table sends as many messages as the table has rows. Each is published by itself, and a request that
    does it ends when the last is sent; whatever is sent to that queue later waits behind all of them. A loop that fails
    midway has sent some, and nobody knows which: run again, it sends those twice. `group(...)` sends as many.

    Loops over what is written down, over a slice or `range()` of few, and loops over chunks or pages are left alone.

    ## What to do

    Send lists of keys rather than single ones: `ship.chunks(((pk,) for pk in pks), 100).apply_async()` sends one message
    for a hundred runs, and a task that takes a list can read its rows by one query. Where each item needs a run of its
    own, let a task send them, to a queue that nothing urgent waits in.

    [Chunks](https://docs.celeryq.dev/en/stable/userguide/canvas.html#chunks)
    """

    code = "CLY514"
    name = "delay-in-loop"
    summary = "A loop without bound sends one message for every item."
    severity = Severity.INFO
    confidence = Confidence.MEDIUM
    preset = "playbook"
    bad = """\
from celery import shared_task


@shared_task
def ship(order_id): ...


def ship_all(orders):
    for order in orders:
        ship.delay(order.pk)
"""
    good = """\
from celery import shared_task


@shared_task
def ship(order_id): ...


def ship_all(orders):
    ship.chunks(((order.pk,) for order in orders), 100).apply_async()
"""

    def check_project(self, project: Project) -> Iterable[Finding]:
        comprehensions = _Comprehensions()
        for dispatch in project.dispatches:
            function = dispatch.function
            if function is None or not dispatch.method.endswith(_SENDS) or not _is_direct(dispatch):
                continue
            if dispatch.task_name is None:
                continue
            loop = _unbounded(dispatch, function, comprehensions)
            if loop is not None:
                yield self.finding(
                    dispatch.at,
                    f"`{dispatch.task_name}` is sent once for every item of this loop, however many there are: what"
                    " its queue gets later waits behind all of them, and a loop that fails midway has sent some",
                    "send lists of keys, by chunks() or to a task that takes a list",
                    symbol=dispatch.task_name,
                    related=related((dispatch.at[0], loop), "the loop") if loop.line != dispatch.at[1].line else (),
                )


def _is_direct(dispatch: Dispatch) -> bool:
    """Whether it stands where the call itself is written, not at the call of a helper that sends."""
    inner = dispatch.args.at
    return inner is not None and (inner[0], inner[1].span) == (dispatch.at[0], dispatch.at[1].span)


class _Comprehensions:
    """The comprehensions of functions, each function read once."""

    def __init__(self) -> None:
        self._known: dict[int, list[ir.Comp]] = {}

    def around(self, node: ir.Node, function: FunctionValue) -> Iterator[ir.Generator]:
        key = id(function.node)
        if key not in self._known:
            self._known[key] = [inner for inner in nodes(function.node) if isinstance(inner, ir.Comp)]
        for comp in self._known[key]:
            if within(node, comp.value):
                yield from comp.generators


def _unbounded(dispatch: Dispatch, function: FunctionValue, comprehensions: _Comprehensions) -> ir.Expr | None:
    """What the innermost loop without bound around a dispatch goes over; None where there is no such loop."""
    sources: list[ir.Expr] = []
    for node in _own(dispatch.context):
        if isinstance(node, ir.For) and any(within(dispatch.at[1], statement) for statement in node.body):
            if _leaves(node.body, dispatch.at[1]):
                return None
            sources.append(node.source)
    sources += [generator.source for generator in comprehensions.around(dispatch.at[1], function)]
    if not sources:
        return None
    body = Body(dispatch.at[0], _body(dispatch.context, function), function.scope)
    return next((source for source in reversed(sources) if not _bounded(source, body)), None)


def _body(context: tuple[ir.Node, ...], function: FunctionValue) -> list[ir.Stmt]:
    inner = [node for node in context if isinstance(node, ir.Function)]
    node = inner[-1] if inner else function.node
    return ir.read_body(node) if isinstance(node, ir.Function) else []


def _own(context: tuple[ir.Node, ...]) -> list[ir.Node]:
    """What stands around a dispatch in its own function, and around a callback for `on_commit`."""
    found: list[ir.Node] = []
    for node in context:
        kept = isinstance(node, ir.LambdaExpr) and bool(found) and _callee(found[-1]) == "on_commit"
        if isinstance(node, (ir.Function, ir.LambdaExpr)) and not kept:
            found.clear()
        found.append(node)
    return found


def _callee(node: ir.Node) -> str:
    return last_name(node.func) if isinstance(node, ir.Call) else ""


def _leaves(block: list[ir.Stmt], node: ir.Node) -> bool:
    """Whether a loop ends after the statement that sends, so that it sends once at most."""
    for number, statement in enumerate(block):
        if not within(node, statement):
            continue
        for later in (statement, *block[number + 1 :]):
            if isinstance(later, (ir.Return, ir.Raise)) or (isinstance(later, ir.Jump) and later.kind == "break"):
                return True
        return any(_leaves(inner, node) for inner in _blocks(statement))
    return False


def _blocks(statement: ir.Stmt) -> Iterator[list[ir.Stmt]]:
    for name in ("body", "orelse", "final"):
        held = getattr(statement, name, None)
        if isinstance(held, list):
            yield held
    for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        yield part.body


# --- how many items ---------------------------------------------------------------------------------------------------


def _bounded(source: ir.Expr, body: Body, depth: int = 6) -> bool:
    """Whether something gives no more items than a reader can tell, or that may be so."""
    if depth == 0:
        return True

    def bounded(*parts: ir.Expr) -> bool:
        return all(_bounded(part, body, depth - 1) for part in parts)

    if isinstance(source, (ir.Seq, ir.DictExpr)):
        return True
    if isinstance(source, ir.Name):
        return _bounded_name(source, body, depth)
    if isinstance(source, ir.Attr):
        # `settings.REGIONS`, `Kind.__members__`: what is spelled like a constant is written down somewhere.
        return source.attr.isupper() or source.attr in ("__members__", "choices") or body.meaning(source) is not None
    if isinstance(source, ir.Call):
        return _bounded_call(source, body, depth)
    if isinstance(source, ir.Subscript):
        return isinstance(source.index, ir.SliceExpr) and source.index.upper is not None
    if isinstance(source, ir.Comp):
        return bounded(*(generator.source for generator in source.generators))
    if isinstance(source, ir.IfExp):
        return bounded(source.body, source.orelse)
    if isinstance(source, ir.BoolOp):
        return bounded(*source.values)
    if isinstance(source, ir.BinOp):
        return bounded(source.left, source.right)
    return not isinstance(source, (ir.Await, ir.Walrus))


def _bounded_name(name: ir.Name, body: Body, depth: int) -> bool:
    assigned = [value for statement, _ in statements(body.statements) for value in _given(statement, name.id)]
    if assigned:
        return all(value is not None and _bounded(value, body, depth - 1) for value in assigned)
    held = body.meaning(name)
    if isinstance(held, (Sequence, Mapping)):
        return not held.open
    return isinstance(held, (Scalar, ClassValue, External)) or name.id.isupper()


def _given(statement: ir.Stmt, name: str) -> Iterator[ir.Expr | None]:
    """What a statement binds a name to; None where that is no plain assignment."""
    if isinstance(statement, ir.Assign):
        for target in statement.targets:
            if isinstance(target, ir.Name) and target.id == name:
                yield statement.value
            elif any(isinstance(node, ir.Name) and node.id == name for node in nodes(target)):
                yield None
    elif isinstance(statement, ir.AnnAssign) and isinstance(statement.target, ir.Name) and statement.target.id == name:
        yield statement.value
    elif isinstance(statement, (ir.For, ir.AugAssign)):
        if any(isinstance(node, ir.Name) and node.id == name for node in nodes(statement.target)):
            yield None
    elif isinstance(statement, ir.ExprStmt) and isinstance(statement.value, ir.Call):
        func = statement.value.func
        grows = isinstance(func, ir.Attr) and func.attr in ("append", "extend", "add", "update")
        if grows and isinstance(func, ir.Attr) and isinstance(func.value, ir.Name) and func.value.id == name:
            yield None


def _bounded_call(call: ir.Call, body: Body, depth: int) -> bool:
    name = last_name(call.func)
    if name == "range":
        return _few(call)
    if any(part in name.lower() for part in _PARTS):
        return True
    if name in ("zip", "product"):
        return any(_bounded(arg, body, depth - 1) for arg in call.args)
    if name not in _SAME_LENGTH:
        return False
    held = call.args[:1] or ([call.func.value] if isinstance(call.func, ir.Attr) else [])
    return not held or _bounded(held[0], body, depth - 1)


def _few(call: ir.Call) -> bool:
    """Whether a range is short, or its length nothing that can be told."""
    if len(call.args) == 3:
        return True  # the starts of chunks
    last = call.args[-1] if call.args else None
    if isinstance(last, ir.Const) and isinstance(last.value, int):
        return last.value <= _FEW
    return not (isinstance(last, ir.Call) and last_name(last.func) in ("len", "count"))

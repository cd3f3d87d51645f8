"""Where a statement stands, what around it may catch what it raises, and how a block can end."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

from msgspec import Struct

from celerylint.facts import ir
from celerylint.facts.walk import children, nodes
from celerylint.model.project import Project
from celerylint.model.values import At, External, Sequence, Value, forced
from celerylint.rules.body import Body

CELERY_SIGNALS = frozenset({"Retry", "Ignore", "Reject", "TaskPredicate"})
"""Exceptions of Celery that mean something else than a failure."""

_PREDICATES = frozenset(f"celery.exceptions.{name}" for name in CELERY_SIGNALS)


class Block(Struct, frozen=True):
    """A block that a statement stands in: a compound statement or handler, and which part of it."""

    node: ir.Node
    part: str
    """`body`, `handlers`, `orelse` or `final`."""


class Spot(Struct, frozen=True):
    """A statement of a function with the blocks around it, the outermost first."""

    body: Body
    statement: ir.Stmt
    around: tuple[Block, ...]

    def handler(self) -> tuple[ir.Try, ir.Handler] | None:
        """The innermost handler that it stands in."""
        for outer, inner in zip(self.around[-2::-1], self.around[:0:-1], strict=False):
            if isinstance(inner.node, ir.Handler) and isinstance(outer.node, ir.Try):
                return outer.node, inner.node
        return None

    def tries(self) -> Iterator[ir.Try]:
        """Every `try` in whose own body it stands, the innermost first."""
        for block in reversed(self.around):
            if isinstance(block.node, ir.Try) and block.part == "body":
                yield block.node


def statements(block: Iterable[ir.Stmt], around: tuple[Block, ...] = ()) -> Iterator[tuple[ir.Stmt, tuple[Block, ...]]]:
    """Every statement of a block and of the blocks in it, an outer one before its inner ones. Nested functions stay shut."""
    for statement in block:
        yield statement, around
        if isinstance(statement, (ir.If, ir.For, ir.While, ir.With, ir.Try)):
            yield from statements(statement.body, (*around, Block(statement, "body")))
        if isinstance(statement, (ir.If, ir.For, ir.While, ir.Try)):
            yield from statements(statement.orelse, (*around, Block(statement, "orelse")))
        if isinstance(statement, ir.Try):
            for handler in statement.handlers:
                inner = (*around, Block(statement, "handlers"), Block(handler, "body"))
                yield from statements(handler.body, inner)
            yield from statements(statement.final, (*around, Block(statement, "final")))
        if isinstance(statement, ir.Match):
            for case in statement.cases:
                yield from statements(case.body, (*around, Block(statement, "body")))


def spots(body: Body) -> Iterator[Spot]:
    """Every statement of a function."""
    for statement, around in statements(body.statements):
        yield Spot(body, statement, around)


def spot_of(at: At, project: Project) -> Spot | None:
    """The innermost statement that a node stands in, in its innermost function."""
    path, node = at
    functions = project.functions.get(path, ())
    before = bisect_right(functions, (node.line, node.col), key=lambda each: (each.node.line, each.node.col))
    for function in (functions[number] for number in range(before - 1, -1, -1)):
        if isinstance(function.node, ir.Function):
            if within(node, function.node):
                body = Body(path, ir.read_body(function.node), function.scope)
                found = [spot for spot in spots(body) if within(node, spot.statement)]
                return found[-1] if found else None
            if function.node.col == 1:
                break  # nothing that begins before it reaches beyond it
    return None


def written_in(at: At, project: Project) -> tuple[ir.Function, Spot] | None:
    """The innermost function that a node of any file stands in, and its innermost statement there.

    Of names, those of the module are known. The file may be one that does not mention Celery.
    """
    path, node = at
    module = project.index.loaded(path)
    facts = module.facts if module is not None else None
    if module is None or facts is None:
        return None
    function: ir.Function | None = None
    block: list[ir.Node] = [*facts.body]
    while block:
        around = next((each for each in block if within(node, each)), None)
        if isinstance(around, ir.Function):
            function = around
        block = children(around) if around is not None else []
    if function is None:
        return None
    body = Body(path, ir.read_body(function), module.scope)
    found = [spot for spot in spots(body) if within(node, spot.statement)]
    return (function, found[-1]) if found else None


def within(inner: ir.Node, outer: ir.Node) -> bool:
    """Whether a node stands in another, or is it."""
    return (outer.line, outer.col) <= (inner.line, inner.col) and (inner.end_line, inner.end_col) <= (
        outer.end_line,
        outer.end_col,
    )


# --- what catches -----------------------------------------------------------------------------------------------------


def catcher(spot: Spot) -> ir.Handler | ir.With | None:
    """What catches whatever is raised at a spot, as `except Exception` does, and is not kept from Celery's own signals.

    None where an earlier handler takes those, or where it cannot be known what one catches.
    """
    for block in reversed(spot.around):
        if isinstance(block.node, ir.With) and _suppresses(spot.body, block.node):
            return block.node
        if not isinstance(block.node, ir.Try) or block.part != "body":
            continue
        for handler in block.node.handlers:
            if spot.body.catches_everything(handler):
                return handler
            if any(_may_be_a_signal(spot.body, part) for part in _parts(handler)):
                return None
    return None


def catches_signals(spot: Spot) -> bool:
    """Whether a handler around a spot takes Celery's own signals, or may take them."""
    handlers = [handler for statement in spot.tries() for handler in statement.handlers]
    return any(
        spot.body.catches_everything(handler) or any(_may_be_a_signal(spot.body, part) for part in _parts(handler))
        for handler in handlers
    )


def _suppresses(body: Body, statement: ir.With) -> bool:
    for item in statement.items:
        call = item.context
        if isinstance(call, ir.Call) and _dotted(body.meaning(call.func)) == "contextlib.suppress":
            named = {_dotted(body.meaning(arg)) for arg in call.args}
            if named & {"builtins.Exception", "builtins.BaseException"}:
                return True
    return False


def _parts(handler: ir.Handler) -> list[ir.Expr]:
    if handler.catches is None:
        return []
    return handler.catches.items if isinstance(handler.catches, ir.Seq) else [handler.catches]


def _may_be_a_signal(body: Body, part: ir.Expr) -> bool:
    value = body.meaning(part)
    if isinstance(value, Sequence):
        dotted = [_dotted(forced(item)) for item in value.items]
        return value.open or any(name in _PREDICATES for name in dotted)
    if isinstance(value, External):
        name = value.dotted.rpartition(".")[2]
        return name in CELERY_SIGNALS or name.isupper()
    name = part.attr if isinstance(part, ir.Attr) else part.id if isinstance(part, ir.Name) else ""
    return not name.endswith(("Error", "Exception", "Timeout", "Exceeded", "DoesNotExist", "NotFound"))


def _dotted(value: Value | None) -> str:
    return value.dotted if isinstance(value, External) else ""


def is_signal(body: Body, expression: ir.Expr | None) -> str:
    """`Retry`, `Ignore` or `Reject` where an expression is that exception of Celery; empty otherwise."""
    if isinstance(expression, ir.Call):
        expression = expression.func
    dotted = _dotted(body.meaning(expression)) if expression is not None else ""
    return dotted.rpartition(".")[2] if dotted in _PREDICATES else ""


# --- how a block ends -------------------------------------------------------------------------------------------------


def is_retry(call: ir.Expr | None) -> bool:
    """Whether an expression reads `something.retry(...)`."""
    return isinstance(call, ir.Call) and isinstance(call.func, ir.Attr) and call.func.attr == "retry"


def ends(block: Iterable[ir.Stmt], caught: str | None = None) -> set[str]:
    """How a block can end.

    `fall` off its end, `leave` by return, break or continue, `reraise` what was caught under the name `caught`, `retry`,
    or `raise` something else. A condition on what was caught is taken to tell apart what must be raised again.
    """
    out: set[str] = set()
    for statement in block:
        if isinstance(statement, ir.Raise):
            return out | {_kind(statement, caught)}
        if isinstance(statement, ir.Return):
            return out | {"retry" if is_retry(statement.value) else "leave"}
        if isinstance(statement, ir.Jump) and statement.kind != "pass":
            return out | {"leave"}
        if isinstance(statement, ir.ExprStmt) and is_retry(statement.value):
            return out | {"retry"}
        inner = _inner(statement, caught)
        if inner is None:
            continue
        if isinstance(statement, ir.If) and "reraise" in inner and _looks_at(statement.test, caught):
            return out | {"reraise"}
        out |= inner - {"fall"}
        if "fall" not in inner:
            return out
    return out | {"fall"}


def _kind(statement: ir.Raise, caught: str | None) -> str:
    if statement.exc is None or (isinstance(statement.exc, ir.Name) and statement.exc.id == caught):
        return "reraise"
    return "retry" if is_retry(statement.exc) else "raise"


def _inner(statement: ir.Stmt, caught: str | None) -> set[str] | None:
    """How a compound statement can end; None for a simple one."""
    if isinstance(statement, ir.If):
        return ends(statement.body, caught) | ends(statement.orelse, caught)
    if isinstance(statement, ir.With):
        return ends(statement.body, caught)
    if isinstance(statement, (ir.For, ir.While)):
        return ends(statement.body, caught) | {"fall"}
    if isinstance(statement, ir.Match):
        return {"fall"}.union(*(ends(case.body, caught) for case in statement.cases))
    if isinstance(statement, ir.Try):
        # In a handler of its own, a bare `raise` speaks of another exception.
        others = [{"raise" if e == "reraise" else e for e in ends(h.body)} for h in statement.handlers]
        whole = ends([*statement.body, *statement.orelse], caught).union(*others)
        final = ends(statement.final, caught)
        return whole if "fall" in final else final
    return None


def _looks_at(test: ir.Expr, caught: str | None) -> bool:
    names = {node.id for node in nodes(test) if isinstance(node, ir.Name)}
    attrs = {node.attr for node in nodes(test) if isinstance(node, ir.Attr)}
    return caught in names or bool({"exc_info", "exception"} & (attrs | names))


def may_raise_elsewhere(handler: ir.Handler, project: Project) -> bool:
    """Whether a handler calls something that may raise again what was caught."""
    called = set[str]()
    for node in nodes(handler):
        if isinstance(node, ir.Call):
            func = node.func
            called.add(func.attr if isinstance(func, ir.Attr) else func.id if isinstance(func, ir.Name) else "")
    called -= {"", "retry"}
    if any(word in name for name in called for word in ("raise", "abort", "exit")):
        return True
    for functions in project.functions.values():
        for function in functions:
            node = function.node
            if isinstance(node, ir.Function) and node.name in called and _raises(node):
                return True
    return False


def _raises(function: ir.Function) -> bool:
    return any(isinstance(node, ir.Raise) for node in nodes(function))

"""Where a database transaction is open, as written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.model.values import At, ClassValue, External, FunctionValue, Scope, Value, forced, unread
from celerylint.rules.body import Body
from celerylint.rules.dispatch.canvas import last_name

_DJANGO = "django.db.transaction.atomic"
_APART: frozenset[type[ir.Node]] = frozenset({ir.Function, ir.LambdaExpr, ir.Class})
"""What runs at another time than the statement that it stands in."""


class Transaction(Struct, frozen=True):
    """An open transaction: where it begins, and what it is called."""

    at: At
    words: str
    django: bool


def around(context: Sequence[ir.Node], function: FunctionValue) -> Transaction | None:
    """The transaction that is open at a place in a function, given the nodes around it, outermost first.

    What is only defined inside a block, a nested function or a lambda, runs at another time.
    """
    start = max(
        (i for i, node in enumerate(context) if isinstance(node, (ir.Function, ir.LambdaExpr, ir.Call))), default=0
    )
    path = function.scope.module.path
    for node in context[start:]:
        found = _opened_by(node, function, path)
        if found is not None:
            return found
    return None


def _opened_by(node: ir.Node, function: FunctionValue, path: str) -> Transaction | None:
    if isinstance(node, ir.With):
        for item in node.items:
            words = _words(item.context, function.scope)
            if words:
                return Transaction((path, item), words, words != "session")
    if isinstance(node, ir.Function):
        for decorator in node.decorators:
            inner = decorator
            if isinstance(decorator, ir.Call) and last_name(decorator.func) == "method_decorator" and decorator.args:
                inner = decorator.args[0]
            if _words(inner, function.scope) == "atomic":
                return Transaction((path, decorator), "atomic", True)
    return None


def _words(expression: ir.Expr, scope: Scope, depth: int = 0) -> str:
    """`atomic`, or `session` for SQLAlchemy's; empty for other context managers."""
    target = expression.func if isinstance(expression, ir.Call) else expression
    value = Body("", [], scope).meaning(target)
    if isinstance(value, External):
        return "atomic" if value.dotted == _DJANGO else ""
    if isinstance(value, FunctionValue) and depth < 2 and isinstance(expression, ir.Call):
        return "atomic" if _opens_for_its_block(value, depth) else ""
    if isinstance(target, ir.Attr) and target.attr in ("begin", "begin_nested") and isinstance(expression, ir.Call):
        return "session" if "session" in last_name(target.value).lower() else ""
    # Imported in the function itself.
    dotted = isinstance(target, ir.Attr) and target.attr == "atomic" and last_name(target.value) == "transaction"
    return "atomic" if value is None and dotted else ""


def _opens_for_its_block(function: FunctionValue, depth: int) -> bool:
    """Whether it is a context manager that yields inside a transaction."""
    node = function.node
    if not isinstance(node, ir.Function) or not node.is_generator:
        return False
    return any(
        isinstance(block, ir.With)
        and any(_words(item.context, function.scope, depth + 1) == "atomic" for item in block.items)
        and any(isinstance(inner, ir.Yield) for inner in nodes(block))
        for block in ir.read_body(node)
    )


# --- calls made while it is open --------------------------------------------------------------------------------------


def calls_inside(function: FunctionValue) -> Iterator[tuple[ir.Call, Transaction]]:
    """Calls that a function makes while a transaction that it opened itself is open."""
    node = function.node
    if isinstance(node, ir.Function):
        whole = _opened_by(node, function, function.scope.module.path)
        yield from _calls(ir.read_body(node), function, whole)


def _calls(
    statements: Iterable[ir.Stmt], function: FunctionValue, open_: Transaction | None
) -> Iterator[tuple[ir.Call, Transaction]]:
    for statement in statements:
        if isinstance(statement, (ir.Function, ir.Class)):
            continue
        if isinstance(statement, ir.With):
            inner = open_ or _opened_by(statement, function, function.scope.module.path)
            yield from _calls(statement.body, function, inner)
        elif open_ is not None:
            yield from ((call, open_) for call in own_calls(statement))
        else:
            for block in _blocks(statement):
                yield from _calls(block, function, None)


def _blocks(statement: ir.Stmt) -> Iterator[list[ir.Stmt]]:
    if isinstance(statement, (ir.If, ir.For, ir.While)):
        yield from (statement.body, statement.orelse)
    elif isinstance(statement, ir.Try):
        yield from (
            statement.body,
            statement.orelse,
            statement.final,
            *(handler.body for handler in statement.handlers),
        )
    elif isinstance(statement, ir.Match):
        yield from (case.body for case in statement.cases)


def own_calls(root: ir.Node) -> Iterator[ir.Call]:
    """Calls below a node that run with it: not those of functions that are only defined there."""
    return (node for node in nodes(root, _APART) if isinstance(node, ir.Call))


def called(call: ir.Call, function: FunctionValue) -> FunctionValue | None:
    """The function of the project that a call in a function runs, if that can be seen."""
    func = call.func
    if isinstance(func, ir.Attr) and isinstance(func.value, ir.Name) and func.value.id in ("self", "cls"):
        return method(function.owner_class, func.attr) if function.owner_class is not None else None
    # A function that sends tasks, or waits for them, stands in a file that mentions Celery.
    value = Body("", [], function.scope).meaning(func, read=False)
    return value.innermost if isinstance(value, FunctionValue) else None


def method(cls: ClassValue, name: str, depth: int = 0) -> FunctionValue | None:
    """A method of a class of the project, its own or inherited from another class of the project."""
    entry = cls.attrs.get(name)
    if entry is not None:
        value: Value = forced(entry.value)
        return value.innermost if isinstance(value, FunctionValue) else None
    known = [forced(base) for base in cls.bases if not unread(base)] if depth < 8 else []
    bases = [base for base in known if isinstance(base, ClassValue)]
    return next((found for base in bases if (found := method(base, name, depth + 1)) is not None), None)


# --- where a node stands ---------------------------------------------------------------------------------------------


def blocks_around(block: list[ir.Stmt], node: ir.Node) -> Iterator[list[ir.Stmt]]:
    """The blocks that a node stands in, the outermost first."""
    yield block
    for statement in block:
        if encloses(statement, node):
            for name in ("body", "orelse", "final"):
                inner = getattr(statement, name, None)
                if isinstance(inner, list) and any(encloses(s, node) for s in inner):
                    yield from blocks_around(inner, node)


def encloses(statement: ir.Node, node: ir.Node) -> bool:
    """Whether a node stands in a statement."""
    start, end = (statement.line, statement.col), (statement.end_line, statement.end_col)
    return start <= (node.line, node.col) and (node.end_line, node.end_col) <= end

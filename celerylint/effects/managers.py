"""Which classes of the project stand behind a manager of a model: `objects = OrderQuerySet.as_manager()`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from celerylint.facts import ir
from celerylint.model.values import ClassValue, Scope

if TYPE_CHECKING:
    from celerylint.effects.walk import Walker


def behind(walker: Walker, model: ClassValue, name: str) -> tuple[ClassValue, ...]:
    """The classes whose methods the manager `name` of a model has, first ones first; empty if it is none of the project's."""
    for cls in walker.machine.mro(model):
        if not isinstance(cls, ClassValue):
            continue
        for statement in cls.node.body:
            made = _made(statement, name)
            if made is not None:
                return tuple(_of_call(walker, made, cls.scope))
    return ()


def _made(statement: ir.Stmt, name: str) -> ir.Expr | None:
    """What a statement of a class sets a name to."""
    if isinstance(statement, ir.AnnAssign):
        return statement.value if getattr(statement.target, "id", "") == name else None
    if isinstance(statement, ir.Assign) and any(getattr(t, "id", "") == name for t in statement.targets):
        return statement.value
    return None


def _of_call(walker: Walker, made: ir.Expr, scope: Scope) -> Iterator[ClassValue]:
    """`X.as_manager()`, `X().as_manager()`, `Manager.from_queryset(X)()`, `OwnManager()`."""
    if not isinstance(made, ir.Call):
        return
    if isinstance(made.func, ir.Attr) and made.func.attr == "as_manager":
        owner = made.func.value
        yield from _of_class(walker, owner.func if isinstance(owner, ir.Call) else owner, scope)
    else:
        yield from _of_class(walker, made.func, scope)


def _of_class(walker: Walker, node: ir.Expr, scope: Scope) -> Iterator[ClassValue]:
    """A class by the expression that names or makes it, and the querysets that its bases were made from."""
    if isinstance(node, ir.Call):
        if isinstance(node.func, ir.Attr) and node.func.attr == "from_queryset" and node.args:
            yield from _of_class(walker, node.func.value, scope)
            yield from _of_class(walker, node.args[0], scope)
        return
    if not isinstance(node, (ir.Name, ir.Attr)):
        return
    held = walker.named(node, scope)
    if isinstance(held, ClassValue):
        yield held
        for cls in walker.machine.mro(held):
            for base in cls.node.bases if isinstance(cls, ClassValue) else ():
                if isinstance(base, ir.Call):
                    yield from _of_class(walker, base, held.scope)
    elif held is not None and held.at is not None and isinstance(held.at[1], ir.Call):
        yield from _of_class(walker, held.at[1], scope)

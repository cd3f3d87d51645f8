"""The body of a task as written, for rules that look at its statements."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator

from msgspec import Struct

from celerylint.facts import ir
from celerylint.model.project import Task
from celerylint.model.values import ClassValue, External, FunctionValue, ModuleValue, Scope, Value, forced, unread

_BROAD = frozenset({"builtins.Exception", "builtins.BaseException"})
_BUILTIN = frozenset(n for n, v in vars(builtins).items() if isinstance(v, type) and issubclass(v, BaseException))


class Body(Struct, frozen=True):
    """The statements that a task runs, and what names mean in them."""

    path: str
    statements: list[ir.Stmt]
    scope: Scope

    def meaning(self, expression: ir.Expr, *, read: bool = True) -> Value | None:
        """What a dotted name stands for; None if that cannot be seen. Names bound in the body are not followed.

        Without `read`, no file is read for its sake: what comes from a module that does not mention Celery is not seen.
        """
        if isinstance(expression, ir.Name):
            return self._lookup(expression.id, read)
        if not isinstance(expression, ir.Attr):
            return None
        holder = self.meaning(expression.value, read=read)
        if isinstance(holder, External):
            return External(f"{holder.dotted}.{expression.attr}")
        entries = holder.module.scope.entries if isinstance(holder, ModuleValue) else {}
        if isinstance(holder, ClassValue):
            entries = holder.attrs
        entry = entries.get(expression.attr)
        return forced(entry.value) if entry is not None and (read or not unread(entry.value)) else None

    def _lookup(self, name: str, read: bool) -> Value | None:
        scope: Scope | None = self.scope
        while scope is not None:
            entry = scope.entries.get(name)
            if entry is not None:
                return forced(entry.value) if read or not unread(entry.value) else None
            scope = scope.parent
        return External(f"builtins.{name}") if name in _BUILTIN else None

    def catches(self, handler: ir.Handler) -> list[Value | None]:
        """What a handler catches."""
        if handler.catches is None:
            return [External("builtins.BaseException")]
        parts = handler.catches.items if isinstance(handler.catches, ir.Seq) else [handler.catches]
        return [self.meaning(part) for part in parts]

    def catches_everything(self, handler: ir.Handler) -> bool:
        """Whether a handler catches `Exception`, `BaseException` or, with no name, all there is."""
        return any(isinstance(value, External) and value.dotted in _BROAD for value in self.catches(handler))

    def raises(self, handler: ir.Handler) -> Value | None:
        """What a handler ends by raising: the class, whether or not it is called."""
        last = handler.body[-1] if handler.body else None
        if not isinstance(last, ir.Raise) or last.exc is None:
            return None
        return self.meaning(last.exc.func if isinstance(last.exc, ir.Call) else last.exc)


def body_of(task: Task) -> Body | None:
    """The body of a task; None if it cannot be seen."""
    function = task.value.function or (_method(task.value.cls, "run") if task.value.cls is not None else None)
    function = function.innermost if function is not None else None
    if function is None or not isinstance(function.node, ir.Function):
        return None
    return Body(task.path, ir.read_body(function.node), function.scope)


def _method(cls: ClassValue, name: str) -> FunctionValue | None:
    entry = cls.attrs.get(name)
    if entry is not None:
        value = forced(entry.value)
        return value if isinstance(value, FunctionValue) else None
    found = (_method(base, name) for base in map(forced, cls.bases) if isinstance(base, ClassValue))
    return next((function for function in found if function is not None), None)


def always(statements: Iterable[ir.Stmt]) -> Iterator[ir.Stmt]:
    """The statements of a block that always run, those of `with` blocks too."""
    for statement in statements:
        if isinstance(statement, ir.With):
            yield from always(statement.body)
        else:
            yield statement

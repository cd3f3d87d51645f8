"""CLY511."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.finding import Finding, Fix, InsertText, Place, Severity, Span
from celerylint.model.project import Dispatch, Project
from celerylint.rules import mending
from celerylint.rules.base import Rule, related
from celerylint.rules.dispatch.canvas import last_name


class LateBoundOnCommit(Rule):
    """All callbacks of this loop send the task with the last item: a lambda looks its names up when it runs.

    `on_commit` keeps the function and calls it after the commit, when the loop is over. A lambda, or a function defined
    in the loop, reads the loop's names then: of three orders the last is shipped three times and the others never.

    Outside a transaction Django calls the function at once and all is well, and so tests often see nothing.

    ## What to do

    Bind the value when the callback is made: `on_commit(partial(ship.delay, order.pk))`, or `ship.delay_on_commit(...)`.

    ## Fix safety

    A lambda that sends the task gives way to a `partial`; a callback that does more gets the loop's names as defaults of
    parameters, `lambda order=order: ...`. It is safe: each callback sends what its turn of the loop meant. Where an argument
    is computed, as by `order.total()`, it is unsafe: what is computed is then computed before the commit.

    [Django: trigger tasks at the end of the database transaction](https://docs.celeryq.dev/en/stable/django/first-steps-with-django.html#trigger-tasks-at-the-end-of-the-database-transaction)
    """

    code = "CLY511"
    name = "late-bound-on-commit"
    summary = "A callback for on_commit is made in a loop and reads the loop's names after it."
    severity = Severity.ERROR
    bad = """\
from celery import shared_task
from django.db import transaction


@shared_task
def ship(order_id): ...


def checkout(orders):
    for order in orders:
        transaction.on_commit(lambda: ship.delay(order.pk))
"""
    good = """\
from functools import partial

from celery import shared_task
from django.db import transaction


@shared_task
def ship(order_id): ...


def checkout(orders):
    for order in orders:
        transaction.on_commit(partial(ship.delay, order.pk))
"""

    def check_dispatch(self, dispatch: Dispatch, project: Project) -> Iterable[Finding]:
        context = dispatch.context
        for index in range(len(context) - 1, 0, -1):
            callback = context[index]
            if isinstance(callback, (ir.LambdaExpr, ir.Function)):
                break
        else:
            return
        loops = [n for n in _around(context[:index]) if isinstance(n, (ir.For, ir.While))]
        if not loops or not _is_kept(callback, context[index - 1], loops[-1]) or _runs_at_once(context, project):
            return
        late = sorted(_changing(loops) & _read(callback))
        if late:
            yield self.finding(
                dispatch.at,
                f"in a transaction on_commit() calls this after the loop, when `{late[0]}` is the last one: every callback sends"
                " the task with that, and the others are never sent",
                f"bind it now: on_commit(partial({last_part(dispatch.task_name or 'task')}.delay, ...))",
                symbol=dispatch.task_name or "",
                related=related((dispatch.at[0], loops[-1]), "the loop"),
                fix=_bound_now(callback, dispatch, late, project),
            )


def _runs_at_once(context: tuple[ir.Node, ...], project: Project) -> bool:
    """Whether a worker calls the function: a task is in no transaction but its own, and outside of one nothing is kept."""
    outermost = next((node for node in context if isinstance(node, ir.Function)), None)
    if outermost is None or any(_names_atomic(decorator) for decorator in outermost.decorators):
        return False
    if any(isinstance(node, ir.With) and _commits(node) for node in context):
        return False
    return any(task.definition[1] is outermost for task in project.tasks)


def _names_atomic(decorator: ir.Expr) -> bool:
    return any(isinstance(n, (ir.Name, ir.Attr)) and last_name(n) == "atomic" for n in nodes(decorator))


def _bound_now(callback: ir.Node, dispatch: Dispatch, late: list[str], project: Project) -> Fix | None:
    """The callback with what it reads late bound when it is made."""
    path, call = dispatch.at
    names = ", ".join(f"{name}={name}" for name in late)
    if isinstance(callback, ir.LambdaExpr):
        if callback.params:
            return None
        if callback.body.span == call.span and isinstance(call, ir.Call) and isinstance(call.func, ir.Attr):
            parts = [part for given in (*call.args, *call.keywords) for part in nodes(given)]
            offer = mending.unsafe if any(isinstance(part, ir.Call) for part in parts) else mending.safe
            edits = mending.partial_of(call, path, project, callback.span)
            return offer("bind it with a partial", *edits) if edits else None
        line, column = callback.line, callback.col + len("lambda")
        names = f" {names}"
    elif isinstance(callback, ir.Function) and not (callback.params or callback.is_async or callback.decorators):
        line, column = callback.line, callback.col + len(f"def {callback.name}(")
    else:
        return None
    edit = InsertText(Place(path, Span(line, column, line, column)), names)
    return mending.safe(f"bind {' and '.join(f'`{name}`' for name in late)} when it is made", edit)


def last_part(name: str) -> str:
    """The function's name of a task's dotted name."""
    return name.rpartition(".")[2]


def _around(context: tuple[ir.Node, ...]) -> Iterator[ir.Node]:
    """The loops around a callback that end after it is kept: not those around a transaction or another function."""
    found: list[ir.Node] = []
    for node in context:
        if isinstance(node, (ir.Function, ir.LambdaExpr)) or (isinstance(node, ir.With) and _commits(node)):
            found.clear()
        elif isinstance(node, (ir.For, ir.While)):
            found.append(node)
    return iter(found)


def _commits(node: ir.With) -> bool:
    """Whether a block may be the transaction itself: the callback runs where it ends."""
    return any(
        isinstance(n, (ir.Name, ir.Attr)) and last_name(n) == "atomic"
        for item in node.items
        for n in nodes(item.context)
    )


def _is_kept(callback: ir.Node, parent: ir.Node, loop: ir.For | ir.While) -> bool:
    """Whether a callback is what `on_commit` gets."""
    if isinstance(callback, ir.LambdaExpr):
        return isinstance(parent, ir.Call) and last_name(parent.func) == "on_commit"
    if not isinstance(callback, ir.Function):
        return False
    return any(
        isinstance(node, ir.Call)
        and last_name(node.func) == "on_commit"
        and bool(node.args)
        and isinstance(node.args[0], ir.Name)
        and node.args[0].id == callback.name
        for statement in loop.body
        for node in nodes(statement)
    )


def _changing(loops: list[ir.For | ir.While]) -> set[str]:
    """Names that each turn of a loop binds anew."""
    found: set[str] = set()
    for loop in loops:
        targets = [loop.target] if isinstance(loop, ir.For) else []
        for node in _own_nodes(loop.body):
            if isinstance(node, ir.Assign):
                targets += node.targets
            elif isinstance(node, (ir.AnnAssign, ir.AugAssign, ir.For)):
                targets.append(node.target)
        found.update(node.id for target in targets for node in nodes(target) if isinstance(node, ir.Name))
    return found


def _own_nodes(statements: Iterable[ir.Stmt]) -> Iterator[ir.Node]:
    for statement in statements:
        if not isinstance(statement, (ir.Function, ir.Class)):
            yield from nodes(statement)


def _read(callback: ir.Node) -> set[str]:
    """The names that a callback looks up when it runs."""
    body: Sequence[ir.Node]
    if isinstance(callback, ir.LambdaExpr):
        params, body = callback.params, [callback.body]
    elif isinstance(callback, ir.Function):
        params, body = callback.params, ir.read_body(callback)
    else:
        return set()
    found = {n.id for part in body for n in nodes(part) if isinstance(n, ir.Name)}
    bound = {
        t.id
        for part in body
        for n in nodes(part)
        if isinstance(n, ir.Assign)
        for t in n.targets
        if isinstance(t, ir.Name)
    }
    return found - {param.name for param in params} - bound

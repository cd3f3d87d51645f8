"""CLY510."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.finding import Finding, Severity
from celerylint.model.project import Dispatch, Project
from celerylint.rules.base import Rule

_METHODS = frozenset({"delay_on_commit", "apply_async_on_commit"})


class UnusedOnCommitResult(Rule):
    """The result of `delay_on_commit` is used, and there is none: it returns None.

    `delay_on_commit` and `apply_async_on_commit` leave a callback with Django and return. The message does not exist
    before the transaction is committed, so there is no task id to give out: the call returns None, and `.id` raises
    AttributeError.

    ## What to do

    Choose the id first and hand it over, `apply_async_on_commit(args, task_id=uuid)`, or send with
    `transaction.on_commit` and keep the result there. Where the result is not needed, drop it.

    [Django: trigger tasks at the end of the database transaction](https://docs.celeryq.dev/en/stable/django/first-steps-with-django.html#trigger-tasks-at-the-end-of-the-database-transaction)
    """

    code = "CLY510"
    name = "unused-on-commit-result"
    summary = "The value of delay_on_commit() is used, and it is always None."
    severity = Severity.ERROR
    bad = """\
from celery import shared_task


@shared_task
def ship(order_id): ...


def checkout(order):
    result = ship.delay_on_commit(order.pk)
    return {"task": result.id}
"""
    good = """\
from celery import shared_task


@shared_task
def ship(order_id): ...


def checkout(order):
    ship.delay_on_commit(order.pk)
    return {"task": None}
"""

    def check_dispatch(self, dispatch: Dispatch, project: Project) -> Iterable[Finding]:
        call = dispatch.at[1]
        if dispatch.method not in _METHODS or dispatch.function is None or not isinstance(call, ir.Call):
            return
        if not isinstance(call.func, ir.Attr) or call.func.attr not in _METHODS:
            return
        use = _use(call, list(nodes(dispatch.function.node)))
        if use:
            yield self.finding(
                dispatch.at,
                f"{dispatch.method}() returns None, for nothing is sent before the commit, and {use}",
                "drop the result, or choose the id yourself: apply_async_on_commit(args, task_id=...)",
                symbol=dispatch.task_name or "",
            )


def _use(call: ir.Call, around: list[ir.Node]) -> str:
    """What is done with what the call returns; empty where it is nothing, or not seen."""
    name = ""
    for node in around:
        if isinstance(node, ir.Attr) and node.value.span == call.span and isinstance(node.value, ir.Call):
            return f"`.{node.attr}` raises AttributeError"
        if isinstance(node, ir.Assign) and node.value.span == call.span:
            if isinstance(node.targets[0], ir.Attr):
                return f"`{node.targets[0].attr}` is set to None"
            if isinstance(node.targets[0], ir.Name):
                name = node.targets[0].id
        if isinstance(node, ir.Walrus) and node.value.span == call.span:
            name = node.name
    if not name or sum(_binds(node, name) for node in around) > 1:
        return ""
    for node in around:
        if isinstance(node, ir.Attr) and isinstance(node.value, ir.Name) and node.value.id == name:
            return f"`{name}.{node.attr}` raises AttributeError"
    return ""


def _binds(node: ir.Node, name: str) -> bool:
    if isinstance(node, ir.Assign):
        return any(isinstance(target, ir.Name) and target.id == name for target in node.targets)
    return isinstance(node, ir.Walrus) and node.name == name

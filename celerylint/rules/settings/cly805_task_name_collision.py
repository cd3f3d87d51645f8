"""CLY805."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from celerylint.facts import ir
from celerylint.finding import Finding, Severity
from celerylint.model.project import Project, Task
from celerylint.model.values import At
from celerylint.rules.base import Rule, related

_NAMING = frozenset({"__name__", "__module__", "__dict__"})
"""Attributes by which a decorator may rename what it returns."""


class TaskNameCollision(Rule):
    """Two tasks have one name: only one of them is registered, and calls of the other run it.

    Messages name the task, not the function. Of two functions under one name Celery registers the one that it
    evaluates first, which is not always the one written first; the other's `delay` then sends what runs the first.
    Celery 5.7 warns of it, older versions say nothing.

    Without `name=` the name is that of the module and of the function: two functions in one module may share it, and
    so do functions under a decorator that returns an inner function without `functools.wraps`.

    Alternatives in branches of `if` and `try` are left alone, and so are tasks of different apps.

    ## What to do

    Rename one of the functions, give it a `name=` of its own, or use `functools.wraps` in the decorator.

    [Names](https://docs.celeryq.dev/en/stable/userguide/tasks.html#names)
    """

    code = "CLY805"
    name = "task-name-collision"
    summary = "Two tasks have one name: calls of one run the other."
    severity = Severity.ERROR
    bad = """\
from celery import shared_task


@shared_task(name="shop.sync")
def sync_orders(): ...


@shared_task(name="shop.sync")
def sync_stock(): ...
"""
    good = """\
from celery import shared_task


@shared_task(name="shop.sync-orders")
def sync_orders(): ...


@shared_task(name="shop.sync-stock")
def sync_stock(): ...
"""

    def check_project(self, project: Project) -> Iterable[Finding]:
        first: dict[tuple[str, int], Task] = {}
        for task in sorted(project.tasks, key=lambda t: (t.path, t.line)):
            if not task.named.known or task.conditional or task.value.opened or _guarded(task):
                continue
            key = (task.name, id(task.app))
            other = first.setdefault(key, task)
            shared = task.definition[1] == other.definition[1]
            if other is task or _root(task) != _root(other) or (shared and not _wrapped(task, other)):
                continue
            where = other.at if shared else other.definition
            yield self.finding(
                _place(task),
                f"`{task.name}` is also the name of the task `{other.function}` at {where[0]}:{where[1].line}: only one"
                " of them is registered, and calls of the other run it",
                "give the function in the decorator the name of what it wraps, by functools.wraps"
                if shared
                else "give one of them another name",
                symbol=task.name,
                related=related(where, "the same name"),
            )


def _place(task: Task) -> At:
    return task.keywords.get("name") or task.named.at or task.at


def _wrapped(task: Task, other: Task) -> bool:
    """Whether two tasks are what calls of one decorator returned, and are known to have the name of what it defines."""
    functions = [task.value.function, other.value.function]
    if any(function is None or _NAMING & function.attrs.keys() for function in functions):
        return False
    return task.at != other.at and not {"name"} & (task.keywords.keys() | other.keywords.keys())


def _root(task: Task) -> str:
    return task.value.module.root


def _guarded(task: Task) -> bool:
    """Whether the function stands in a branch: one of several alternatives."""
    facts = task.value.module.facts
    wanted = task.definition[1].line
    before = facts.body[: bisect_right(facts.body, wanted, key=lambda statement: statement.line)] if facts else []
    return bool(before) and wanted <= before[-1].end_line and isinstance(before[-1], _BRANCHES)


_BRANCHES = (ir.If, ir.Try, ir.For, ir.While, ir.Match)

"""CLY806."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.finding import Edit, Finding, Fix, ReplaceText, Severity
from celerylint.model.project import Project
from celerylint.model.values import place
from celerylint.rules import mending
from celerylint.rules.base import Rule
from celerylint.rules.written import modules

_MODULES = {
    "celery.task.control": "app.control: `from proj.celery import app`, then `app.control.revoke(...)`",
    "celery.task.schedules": "celery.schedules",
    "celery.task.http": "a task that sends the request itself",
    "celery.task": "`from celery import shared_task`, and `Task` from celery; schedules belong in beat_schedule",
    "celery.decorators": "`from celery import shared_task`",
    "celery.contrib.batches": "the package celery-batches",
    "celery.contrib.methods": "functions as tasks",
    "celery.datastructures": "celery.utils.collections",
    "celery.utils.timeutils": "celery.utils.time",
    "celery.utils.mail": "an email of your own, sent from the signal task_failure",
    "celery.five": "Python 3 itself",
    "celery.backends.amqp": "the result backend rpc://",
}
"""Modules that no Celery 5 has, and what took their place."""
_NAMES = {
    "task": "`from celery import shared_task`",
    "periodic_task": "`shared_task` and an entry in beat_schedule",
    "decorators": "`from celery import shared_task`",
    "TaskSet": "`from celery import group`",
}
"""Names that the package itself has no more."""
_SPELLED = tuple(name.encode() for name in _MODULES)
_IMPORTS = re.compile(rb"from[\s\\]+celery[\s\\]+import")


class RemovedApi(Rule):
    """Celery 5 has no such module or name: the import fails, and with it the whole module of tasks.

    `celery.task` and `celery.decorators`, with `task`, `periodic_task` and the `Task` base class of old, are gone
    since 5.0. A worker that imports the module stops with ModuleNotFoundError or ImportError.

    Imports inside `try` and under `if` are left alone: they are made for several versions. So is everything where the
    project asks for Celery 4.

    ## What to do

    Import what took its place; the message names it. What `@periodic_task(run_every=...)` did is now a task and an
    entry in `beat_schedule`.

    ## Fix safety

    The fix imports what took the place of `task`, of schedules and of other things that only moved, and writes `shared_task` in
    decorators. It is unsafe: `shared_task` belongs to whichever app is made. What has no such successor is left alone.

    [What's new in 5.0](https://docs.celeryq.dev/en/stable/history/whatsnew-5.0.html)
    """

    code = "CLY806"
    name = "removed-api"
    summary = "A module or name of Celery is imported that Celery 5 does not have."
    severity = Severity.ERROR
    bad = """\
from celery.task import task


@task
def pull(): ...
"""
    good = """\
from celery import shared_task


@shared_task
def pull(): ...
"""

    def check_project(self, project: Project) -> Iterable[Finding]:
        version = project.version
        if version.clamped and version.value.lstrip("v")[:1] in "01234":
            return
        for path, module in sorted(modules(project).items()):
            if not _may_import(project.source(path) or b""):
                continue
            for node, name, instead in _removed(module.facts.body if module.facts is not None else []):
                yield self.finding(
                    (path, node),
                    f"Celery {version.minor} has no `{name}`: importing it fails, and the module with it",
                    f"use {instead}",
                    symbol=module.dotted,
                    fix=_replaced(node, path, module.facts.body if module.facts is not None else []),
                )


# --- the fix ----------------------------------------------------------------------------------------------------------


def _replaced(node: ir.Node, path: str, body: list[ir.Stmt]) -> Fix | None:
    """The import of what took the place of all that is imported there, and its name in decorators."""
    if not isinstance(node, ir.ImportFrom) or node.line != node.end_line or node.level:
        return None
    found = [_moved(node.module, alias) for alias in node.names]
    modules = {module for module, _ in found}
    if len(modules) != 1 or "" in modules:
        return None
    plain = {alias.name for alias in node.names if alias.bound == alias.name}
    renamed: list[ir.Node] = []
    names: list[str] = []
    for alias, (_, new) in zip(node.names, found, strict=True):
        uses = _decorates(alias.bound, body) if alias.bound in plain and new != alias.name else None
        renamed += uses or []
        names.append(new if uses is not None or new == alias.bound else f"{new} as {alias.bound}")
    text = f"from {next(iter(modules))} import {', '.join(dict.fromkeys(names))}"
    edits: list[Edit] = [ReplaceText(place((path, node)), text)]
    edits += [ReplaceText(place((path, use)), "shared_task") for use in renamed]
    return mending.unsafe(f"write `{text}`", *edits)


def _moved(module: str, alias: ir.Alias) -> tuple[str, str]:
    """Where a name is found now, and under which name; empty where that cannot be told."""
    if module in _MOVED:
        return _MOVED[module], alias.name
    if alias.name == "task" and module in ("celery", "celery.task", "celery.decorators"):
        return "celery", "shared_task"
    return ("celery", alias.name) if module == "celery" and alias.name not in _NAMES else ("", "")


_MOVED = {
    "celery.task.schedules": "celery.schedules",
    "celery.datastructures": "celery.utils.collections",
    "celery.utils.timeutils": "celery.utils.time",
}


def _decorates(name: str, body: list[ir.Stmt]) -> list[ir.Node] | None:
    """Where a name stands in decorators; None if it is used for anything else."""
    found: list[ir.Node] = []
    for statement in _unguarded(body):
        for decorator in statement.decorators if isinstance(statement, (ir.Function, ir.Class)) else ():
            head = decorator.func if isinstance(decorator, ir.Call) else decorator
            if isinstance(head, ir.Name) and head.id == name:
                found.append(head)
    everywhere = sum(
        isinstance(node, ir.Name) and node.id == name for statement in _unguarded(body) for node in _own(statement)
    )
    return found if found and everywhere == len(found) else None


def _own(statement: ir.Stmt) -> Iterator[ir.Node]:
    """The expressions of a statement, without the statements in it."""
    if isinstance(statement, (ir.Function, ir.Class)):
        for decorator in statement.decorators:
            yield from nodes(decorator)
    else:
        yield from nodes(statement)


def _may_import(source: bytes) -> bool:
    """Whether a file may import something that is gone, by its bytes."""
    if any(name in source for name in _SPELLED):
        return True
    return any(name.encode() in source for name in _NAMES) and _IMPORTS.search(source) is not None


def _removed(statements: Iterable[ir.Stmt]) -> Iterator[tuple[ir.Node, str, str]]:
    """What is imported that is gone: where, its name, what to use."""
    packages: set[str] = set()
    for node in _unguarded(statements):
        if isinstance(node, ir.Import):
            for alias in node.names:
                if alias.name == "celery" and alias.bound == "celery":
                    packages.add("celery")
                found = _module(alias.name)
                if found:
                    yield node, alias.name, _MODULES[found]
                    break
        elif isinstance(node, ir.ImportFrom) and not node.level:
            found = _module(node.module)
            if found:
                yield node, node.module, _MODULES[found]
            elif node.module == "celery":
                for alias in node.names:
                    if alias.name in _NAMES:
                        yield node, f"celery.{alias.name}", _NAMES[alias.name]
                        break
        elif packages and isinstance(node, (ir.Function, ir.Class)):
            for decorator in node.decorators:
                for inner in nodes(decorator):
                    if isinstance(inner, ir.Attr) and inner.attr in _NAMES and _is_celery(inner.value):
                        yield inner, f"celery.{inner.attr}", _NAMES[inner.attr]


def _is_celery(node: ir.Expr) -> bool:
    return isinstance(node, ir.Name) and node.id == "celery"


def _module(name: str) -> str | None:
    return next((gone for gone in _MODULES if name == gone or name.startswith(f"{gone}.")), None)


def _unguarded(statements: Iterable[ir.Stmt]) -> Iterator[ir.Stmt]:
    """Statements that no `try` and no condition guards, those of functions too."""
    for node in statements:
        yield node
        if isinstance(node, ir.Function):
            yield from _unguarded(ir.read_body(node))
        elif isinstance(node, (ir.Class, ir.With, ir.For)):
            yield from _unguarded(node.body)

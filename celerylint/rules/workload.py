"""What is known of the work that an app does: how long its tasks may run, and whether they are of different kinds."""

from __future__ import annotations

from collections.abc import Sequence

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.model.durations import limit
from celerylint.model.project import App, Dispatch, Project, Task
from celerylint.model.values import ClassValue, FunctionValue
from celerylint.rules.base import names

_ROUTING = frozenset({"queue", "exchange", "routing_key"})
_SENDERS = frozenset(
    {"apply_async", "apply_async_on_commit", "send_task", "set", "signature", "subtask", "s", "si", "clone"}
)
"""Calls that take a queue for one message."""


def different_kinds(tasks: Sequence[Task], project: Project) -> str:
    """Why tasks of an app are of different kinds, as the end of a sentence; empty where they are not."""
    if len(tasks) < 2:
        return ""
    limits = sorted({found for task in tasks if (found := limit(task)) is not None})
    if len(limits) > 1:
        return f"with time limits from {seconds(limits[0])} to {seconds(limits[-1])}"
    modules = {task.path: task.value.module.dotted or task.path for task in sorted(tasks, key=_where)}
    if len(modules) > 1:
        return f"in {len(modules)} modules ({names([f'`{module}`' for module in modules.values()])})"
    if any(limit(task) is None for task in tasks) and limits:
        return f"some limited to {seconds(limits[0])} and some not at all"
    scheduled = {id(entry.task) for entry in project.schedule if entry.task is not None}
    sent = {id(dispatch.task) for dispatch in project.dispatches if dispatch.task is not None}
    if any(id(task) in scheduled for task in tasks) and any(id(task) in sent - scheduled for task in tasks):
        return "some on schedule and some on demand"
    return ""


def _where(task: Task) -> tuple[str, int]:
    return task.path, task.line


def seconds(value: float) -> str:
    """`30 s`, `0.5 s`, `3600 s`."""
    return f"{value:g} s"


def queued_tasks(project: Project) -> set[Task]:
    """The tasks that some call or schedule entry chooses a queue for."""
    found = {dispatch.task for dispatch in project.dispatches if dispatch.task is not None and _queued(dispatch)}
    for entry in project.schedule:
        options = entry.arguments.value[2] if entry.arguments.known else None
        if entry.task is not None and (not entry.arguments.known or (options and _ROUTING & options.keys())):
            found.add(entry.task)
    return found


def _queued(dispatch: Dispatch) -> bool:
    given = dispatch.args.keywords
    if _ROUTING & given.keys() or "options" in given:
        return True
    # A signature gets its queue later: `sig = task.s(); sig.set(queue=...)`.
    late = dispatch.method in ("s", "si", "signature", "subtask") and dispatch.function is not None
    return late and dispatch.function is not None and _calls_with_a_queue(dispatch.function)


def queued_per_call(app: App, project: Project) -> bool:
    """Whether calls, schedule entries or the project's own `apply_async` choose queues, beside the settings."""
    if any(task.app is app for task in queued_tasks(project)):
        return True
    for task in project.tasks_of(app):
        for cls in task.lineage:
            own = cls.attrs.get("apply_async") if isinstance(cls, ClassValue) else None
            if own is not None and isinstance(own.value, FunctionValue) and _names_a_queue(own.value):
                return True
    return any(_calls_with_a_queue(function) for functions in project.functions.values() for function in functions)


def _names_a_queue(function: FunctionValue) -> bool:
    return any(
        (isinstance(node, ir.Keyword) and node.name in _ROUTING)
        or (isinstance(node, ir.Const) and node.value in _ROUTING)
        for node in nodes(function.node)
    )


def _calls_with_a_queue(function: FunctionValue) -> bool:
    if isinstance(function.node, ir.Function) and _SENDERS.isdisjoint(function.node.uses):
        return False
    return any(
        isinstance(node, ir.Call)
        and isinstance(node.func, ir.Attr)
        and node.func.attr in _SENDERS
        and any(keyword.name in _ROUTING for keyword in node.keywords)
        for node in nodes(function.node)
    )

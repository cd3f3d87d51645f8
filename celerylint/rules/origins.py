"""What tasks are made by: the class or decorator of the project at which one edit mends many of them."""

from __future__ import annotations

from collections.abc import Sequence

from celerylint.facts import ir
from celerylint.model.celery_values import TaskMaker
from celerylint.model.project import Task
from celerylint.model.values import At, ClassValue, FunctionValue, Partial, Value, forced


def by_origin(tasks: Sequence[Task]) -> list[tuple[At | None, list[Task]]]:
    """Tasks with the class or decorator of the project that several of them share; each other task by itself."""
    groups: dict[int, tuple[At | None, list[Task]]] = {}
    for task in tasks:
        origin = base_of(task) or decorator_of(task)
        groups.setdefault(id(origin or task), (origin.at if origin is not None else None, []))[1].append(task)
    return [(at if len(group) > 1 else None, group) for at, group in groups.values()]


def base_of(task: Task) -> ClassValue | None:
    """The class of the project that a task derives from."""
    if task.value.cls is not None:
        bases = task.value.cls.bases
    elif "base" in task.value.options:
        bases = [task.value.options["base"].value]
    else:
        entry = task.app.value.task_base if task.app is not None else None
        bases = [entry.value] if entry is not None else []
    return next((base for base in map(forced, bases) if isinstance(base, ClassValue)), None)


def decorator_of(task: Task) -> Value | None:
    """The project's own decorator that makes the task."""
    node = task.at[1]
    while isinstance(node, ir.Call):
        node = node.func
    if not isinstance(node, ir.Name) or task.value.function is None:
        return None
    entry = task.value.function.innermost.scope.entries.get(node.id)
    value = forced(entry.value) if entry is not None else None
    return value if isinstance(value, (FunctionValue, Partial, TaskMaker)) else None

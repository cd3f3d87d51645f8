"""Who sends to which queue, and who consumes it."""

from __future__ import annotations

from typing import NamedTuple

from celerylint.model.project import Dispatch, Entry, Project, Task, Worker
from celerylint.model.values import Scalar, forced

_SENDERS = frozenset({"apply_async", "apply_async_on_commit", "send_task", "signature", "set"})
"""Calls that take a queue; what `s` and `si` are given are arguments of the task."""


class QueueUse(NamedTuple):
    """Who uses a queue."""

    queue: str
    tasks: tuple[Task, ...]
    """The tasks that go there by their decorator, a route or as the default."""
    calls: tuple[Dispatch, ...]
    """Calls that name it."""
    entries: tuple[Entry, ...]
    """Schedule entries that send to it."""
    workers: tuple[Worker, ...]
    """Deployed workers that are known to consume it."""


def queue_table(project: Project) -> tuple[QueueUse, ...]:
    """Every queue that is known by its name, sorted."""
    tasks: dict[str, list[Task]] = {}
    calls: dict[str, list[Dispatch]] = {}
    entries: dict[str, list[Entry]] = {}
    workers: dict[str, list[Worker]] = {}
    for task in project.tasks:
        if task.queue.known and isinstance(task.queue.value, str):
            tasks.setdefault(task.queue.value, []).append(task)
    for dispatch in project.dispatches:
        named = queue_of_call(dispatch)
        if named is not None:
            calls.setdefault(named, []).append(dispatch)
    for entry in project.schedule:
        queue = queue_of_entry(entry)
        if queue is not None and not entry.lost:
            entries.setdefault(queue, []).append(entry)
    for worker in project.workers:
        if worker.queues.known and not worker.start.development:
            for queue in worker.queues.value:
                workers.setdefault(queue, []).append(worker)
    return tuple(
        QueueUse(
            queue,
            tuple(tasks.get(queue, ())),
            tuple(calls.get(queue, ())),
            tuple(entries.get(queue, ())),
            tuple(workers.get(queue, ())),
        )
        for queue in sorted({*tasks, *calls, *entries, *workers})
    )


def queue_of_call(dispatch: Dispatch) -> str | None:
    """The queue that a call names; None if it names none, or if that is not known."""
    entry = dispatch.args.keywords.get("queue") if dispatch.method in _SENDERS else None
    held = forced(entry.value) if entry is not None else None
    return held.value if isinstance(held, Scalar) and isinstance(held.value, str) else None


def queue_of_entry(entry: Entry) -> str | None:
    """The queue that a schedule entry sends to: its own option, else that of its task; None if that is not known."""
    if not entry.arguments.known:
        return None
    options = entry.arguments.value[2] or {}
    if "queue" in options:
        return options["queue"] if isinstance(options["queue"], str) else None
    if {"exchange", "routing_key"} & options.keys() or entry.task is None:
        return None
    queue = entry.task.queue
    return queue.value if queue.known and isinstance(queue.value, str) else None

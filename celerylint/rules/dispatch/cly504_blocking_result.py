"""CLY504."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.finding import Finding, Severity
from celerylint.model.project import Project
from celerylint.model.values import FunctionValue
from celerylint.rules.base import Rule, related
from celerylint.rules.dispatch.canvas import last_name
from celerylint.rules.dispatch.results import Waits

_DEPTH = 3


class BlockingResult(Rule):
    """A task waits for the result of another task: Celery raises RuntimeError.

    `.get()`, `.join()` and `.wait()` ask first whether they are called inside a task, and raise "Never call
    result.get() within a task!" under the prefork, threads and solo pools. Gevent and eventlet let it pass, and the
    task blocks.

    Celery forbids it because it can stop for good: with every process waiting for a task that stands in the queue
    behind it, none is left to run it.

    Waiting is left alone where it was decided: inside `allow_join_result()`, or with `disable_sync_subtasks=False`.
    Functions of the project that the task calls are followed three calls deep.

    ## What to do

    Let the second task start when the first is done: `chain(first.s(x), second.s())`, or a chord where there are many.

    [Avoid launching synchronous subtasks](https://docs.celeryq.dev/en/stable/userguide/tasks.html#avoid-launching-synchronous-subtasks)
    """

    code = "CLY504"
    name = "blocking-result"
    summary = "A task waits for the result of another one, which raises RuntimeError."
    severity = Severity.ERROR
    bad = """\
from celery import shared_task


@shared_task
def price(order_id): ...


@shared_task
def ship(order_id):
    return price.delay(order_id).get()
"""
    good = """\
from celery import chain, shared_task


@shared_task
def price(order_id): ...


@shared_task
def ship(price): ...


def checkout(order_id):
    chain(price.s(order_id), ship.s()).delay()
"""

    def check_project(self, project: Project) -> Iterable[Finding]:
        waits = Waits(project)
        for task in project.tasks:
            function = task.value.function.innermost if task.value.function is not None else None
            if function is None and task.value.cls is not None:
                entry = task.value.cls.attrs.get("run")
                function = entry.value if entry is not None and isinstance(entry.value, FunctionValue) else None
            if function is None:
                continue
            for path, call, steps in waits.reached(function, _DEPTH, set()):
                method = last_name(call.func)
                yield self.finding(
                    (path, call),
                    f"`{task.name}` waits here for the result of another task: {method}() raises RuntimeError inside a"
                    " task (prefork, threads and solo pools)",
                    "let what needs the result be a task of its own, behind this one in a chain or a chord",
                    symbol=task.name,
                    related=[*related(task.definition, "the task"), *steps],
                )

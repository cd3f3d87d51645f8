"""CLY212."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.finding import Finding, Fix, RemoveItem, Severity
from celerylint.model.project import Project, Task
from celerylint.model.values import External, place
from celerylint.rules import mending
from celerylint.rules.base import Rule, names, related
from celerylint.rules.retries.delays import caught

_PARENT = {
    f"{package}.{name}": name
    for package in ("celery.exceptions", "billiard.exceptions", "celery.concurrency.asynpool", "billiard.pool")
    for name in ("TimeLimitExceeded", "WorkerLostError", "Terminated")
}


class UnretryableException(Rule):
    """`autoretry_for` names what is never raised in the task.

    `TimeLimitExceeded` and `WorkerLostError` are how the worker's main process tells that it has killed the child that
    ran the task, or found it dead. The body of the task is gone by then: there is nobody who could catch them, and
    `autoretry_for` never sees them. The task fails without a retry, as if they were not named.

    ## What to do

    Leave them out. To retry a task that is too slow, name `SoftTimeLimitExceeded` and set a `soft_time_limit`, which is
    raised inside of the task. For a task whose child process was killed set `acks_late=True` with
    `reject_on_worker_lost=True`, or `retry_on_worker_lost=True` on Celery 5.7 and later.

    ## Fix safety

    The fix takes them out of the tuple. It is safe, since nothing ever matched them.

    [Time limits](https://docs.celeryq.dev/en/stable/userguide/workers.html#time-limits)
    """

    code = "CLY212"
    name = "unretryable-exception"
    summary = "autoretry_for names what is never raised in the task."
    severity = Severity.ERROR
    bad = """\
from billiard.exceptions import WorkerLostError
from celery import shared_task


@shared_task(autoretry_for=(ConnectionError, WorkerLostError), retry_backoff=True)
def pull(url):
    fetch(url)
"""
    good = """\
from celery import shared_task


@shared_task(autoretry_for=(ConnectionError,), retry_backoff=True, acks_late=True, reject_on_worker_lost=True)
def pull(url):
    fetch(url)
"""

    def check_task(self, task: Task, project: Project) -> Iterable[Finding]:
        option = task.retry("autoretry_for")
        found = [e for e in caught(task) if isinstance(e, External) and e.dotted in _PARENT]
        if option.at is None or not found:
            return
        listed = list(dict.fromkeys(_PARENT[exception.dotted] for exception in found))
        one = len(listed) == 1
        elsewhere = found[0].at is not None and found[0].at[1].line != option.at[1].line
        yield self.finding(
            option.at,
            f"{names(listed)} {'is' if one else 'are'} raised in the worker's main process, when the child that ran"
            f" {task.name} is gone: autoretry_for never sees {'it' if one else 'them'}, and the task fails without a"
            " retry",
            "leave it out" if one else "leave them out",
            symbol=task.name,
            related=related(found[0].at, "named here") if elsewhere else (),
            fix=_left_out(task, found),
        )


def _left_out(task: Task, found: list[External]) -> Fix | None:
    # Several stand next to each other: one goes in each round.
    places = mending.item_of(task.retry("autoretry_for").raw, found[-1])
    title = "leave it out" if len(found) == 1 else f"leave {found[-1].dotted.rpartition('.')[2]} out"
    return mending.safe(title, RemoveItem(place(places[1]))) if places is not None else None

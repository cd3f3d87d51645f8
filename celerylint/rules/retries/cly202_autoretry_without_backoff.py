"""CLY202."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.finding import Finding, Fix, Severity
from celerylint.model.project import Project, Task
from celerylint.model.values import At, Missing
from celerylint.rules import mending
from celerylint.rules.base import Rule, related
from celerylint.rules.retries.delays import autoretries, fixed, most, retry_kwarg


class AutoretryWithoutBackoff(Rule):
    """Automatic retries come at a fixed distance, however long the trouble lasts.

    Without `retry_backoff` each retry waits `default_retry_delay`, which is 180 s unless the task says otherwise.
    (Celery's documentation says such retries are "not delayed"; its code delays them.) So a hiccup of a second costs
    three minutes, an outage of ten minutes outlasts all three retries, and a thousand tasks that failed in the same
    second come back in the same second, three minutes later, to the service that has just got up.

    ## What to do

    `retry_backoff=True` doubles the wait each time: at most 1, 2, 4, 8... seconds, never more than `retry_backoff_max`
    (600 s). Jitter is on by default and takes each wait at random between 0 and that. Mind that this makes the first
    retries *earlier* than 180 s: three of them are spent within 7 s. Give the sequence room with a factor or with more
    retries: `retry_backoff=30, max_retries=6` waits up to 30, 60, 120, 240, 480 and 600 s.

    Where a fixed distance is right, say so: `retry_kwargs={"countdown": 60}` is taken for a decision, and so is
    `retry_backoff=False, default_retry_delay=60`.

    ## Fix safety

    The fix sets `retry_backoff=True, retry_jitter=True`. It is unsafe: the first retries come earlier,
    within 1, 2 and 4 s where they came after 180 s each. Give it room as said above.

    [Task.retry_backoff](https://docs.celeryq.dev/en/stable/userguide/tasks.html#Task.retry_backoff)
    """

    code = "CLY202"
    name = "autoretry-without-backoff"
    summary = "Automatic retries come at a fixed distance, however long the trouble lasts."
    severity = Severity.WARNING
    bad = """\
from celery import shared_task


@shared_task(autoretry_for=(ConnectionError,))
def pull(): ...
"""
    good = """\
from celery import shared_task


@shared_task(autoretry_for=(ConnectionError,), retry_backoff=30, max_retries=6)
def pull(): ...
"""

    def check_task(self, task: Task, project: Project) -> Iterable[Finding]:
        backoff, delay, retries = task.retry("retry_backoff"), task.option("default_retry_delay"), most(task)
        if not autoretries(task) or not backoff.falsy or not isinstance(delay.value, (int, float)):
            return
        if not all(isinstance(retry_kwarg(task, name), Missing) for name in ("countdown", "eta")):
            return  # somebody chose the distance, or may have
        if (backoff.chosen and delay.chosen) or (retries is not None and retries <= 1):
            return  # "no backoff, 60 s" is a decision; one retry has nothing to space out
        where = backoff.place or task.retry("autoretry_for").place or task.place
        yield self.finding(
            where,
            fixed(task, delay.value, retries),
            "set retry_backoff to the first wait in seconds, with max_retries for as long as an outage may last",
            symbol=task.name,
            related=related(delay.place, "the distance is set here"),
            fix=_backing_off(task, project),
        )


def _backing_off(task: Task, project: Project) -> Fix | None:
    at = task.retry("retry_backoff").at or task.retry("autoretry_for").at
    if at is None:
        return None
    also = mending.also(at, "autoretry_for", project)
    others = [other for other in mending.sharing(at, "autoretry_for", project) if other is not task]
    if any(_said_elsewhere(other, at) for other in others):
        return None  # the place would hand on what another of its callers says as well
    jitter = task.retry("retry_jitter")
    if jitter.chosen and not (jitter.at is not None and mending.own(task, jitter.at) and mending.own(task, at)):
        # In `**` options perhaps, which may not say what the call says too: CLY203 sees to it where it stands.
        return mending.unsafe(f"set retry_backoff=True{also}", *mending.set_at(at, retry_backoff="True"))
    title = f"set retry_backoff=True and retry_jitter=True{also}"
    return mending.unsafe(title, *mending.set_at(at, retry_backoff="True", retry_jitter="True"))


def _said_elsewhere(task: Task, at: At) -> bool:
    decisions = (task.retry("retry_backoff"), task.retry("retry_jitter"))
    return any(
        held.chosen and held.at is not None and held.at != at and not mending.own(task, at) for held in decisions
    )

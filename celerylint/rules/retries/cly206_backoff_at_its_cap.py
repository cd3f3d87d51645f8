"""CLY206."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.finding import Finding, Fix, Severity
from celerylint.model.project import Project, Task
from celerylint.model.values import At
from celerylint.rules import mending
from celerylint.rules.base import Rule, related
from celerylint.rules.retries.delays import autoretries, most, span


class BackoffAtItsCap(Rule):
    """The backoff starts at its cap, so every retry waits the same and none waits as long as it says.

    The first retry waits `retry_backoff`, each further one twice as long, but none longer than `retry_backoff_max`,
    600 s unless the task says otherwise. With `retry_backoff=900` the first wait is already above that: every retry comes after
    600 s, or with jitter after anything up to 600 s, and nothing ever grows. Mostly that is a number of minutes taken
    for the first wait, and a cap that nobody thought of.

    ## What to do

    Start lower, `retry_backoff=30`, or raise the cap with it: `retry_backoff=900, retry_backoff_max=14400`.

    ## Fix safety

    The fix raises `retry_backoff_max` to sixteen times the first wait. It is unsafe: the retries reach over hours, which
    is what was written and may not be what was meant.

    [Task.retry_backoff_max](https://docs.celeryq.dev/en/stable/userguide/tasks.html#Task.retry_backoff_max)
    """

    code = "CLY206"
    name = "backoff-at-its-cap"
    summary = "The backoff starts at its cap, so every retry waits the same."
    severity = Severity.ERROR
    bad = """\
from celery import shared_task


@shared_task(autoretry_for=(ConnectionError,), retry_backoff=900)
def pull(url):
    fetch(url)
"""
    good = """\
from celery import shared_task


@shared_task(autoretry_for=(ConnectionError,), retry_backoff=900, retry_backoff_max=14400)
def pull(url):
    fetch(url)
"""

    def check_task(self, task: Task, project: Project) -> Iterable[Finding]:
        backoff, cap, jitter = (task.retry(name) for name in ("retry_backoff", "retry_backoff_max", "retry_jitter"))
        factor, ceiling = backoff.value, cap.value
        if not backoff.truthy or backoff.at is None or not cap.known or not autoretries(task) or most(task) == 0:
            return
        if not isinstance(factor, (int, float)) or not isinstance(ceiling, (int, float)):
            return
        first = int(max(1.0, float(factor)))
        if first < int(ceiling):
            return
        wait = f"anything up to {span(int(ceiling))}" if jitter.truthy else span(int(ceiling))
        if not jitter.known:
            wait = f"at most {span(int(ceiling))}"
        by = "" if cap.chosen else ", Celery's default"
        yield self.finding(
            backoff.at,
            f"every retry of {task.name} waits {wait} and the wait never grows: retry_backoff starts at {span(first)},"
            f" and retry_backoff_max is {span(int(ceiling))}{by}",
            "start lower, or raise retry_backoff_max",
            symbol=task.name,
            related=related(cap.at, "the cap") if cap.at is not None else (),
            fix=_raised(task, backoff.at, first, project),
        )


def _raised(task: Task, at: At, first: int, project: Project) -> Fix:
    held = task.retry("retry_backoff_max")
    where = held.at if held.chosen and held.at is not None else at
    title = f"raise retry_backoff_max to {span(16 * first)}{mending.also(where, 'retry_backoff_max', project)}"
    return mending.unsafe(title, *mending.set_at(where, retry_backoff_max=str(16 * first)))

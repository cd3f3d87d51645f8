"""CLY111."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from celerylint.finding import Finding, Severity
from celerylint.model.project import Project, Task
from celerylint.model.values import At, Scalar, forced
from celerylint.rules.base import Rule, related
from celerylint.rules.delivery.waits import SENDERS, first_autoretry, number
from celerylint.rules.retries.delays import argument, autoretries, is_none, most, most_by_hand, span


class ExpiresBeforeRetry(Rule):
    """A message expires before its first retry is due: the task is never retried.

    A retry keeps the `expires` of the first message, and the moment it stands for. A task that is sent with `expires=60`
    and whose retries wait 180 s, the default, runs once: when the retry is due it has expired. The worker drops it as
    revoked. That is no failure: no error is logged, and no `on_failure` runs.

    ## What to do

    Let it live longer than its retries take altogether, or wait less before them; or do without retries.

    [Expiration](https://docs.celeryq.dev/en/stable/userguide/calling.html#expiration)
    """

    code = "CLY111"
    name = "expires-before-retry"
    summary = "A message expires before its first retry is due: the task is never retried."
    severity = Severity.WARNING
    bad = """\
from celery import shared_task


@shared_task(bind=True, expires=60)
def pull(self, url):
    try:
        fetch(url)
    except ConnectionError as exc:
        raise self.retry(exc=exc)
"""
    good = """\
from celery import shared_task


@shared_task(bind=True, expires=3600)
def pull(self, url):
    try:
        fetch(url)
    except ConnectionError as exc:
        raise self.retry(exc=exc)
"""

    def check_project(self, project: Project) -> Iterable[Finding]:
        first = {task: _first(task, project) for task in project.tasks}
        for task, at, expires in _expiring(project):
            delay, waits = first.get(task) or (0.0, None)
            if expires < delay:
                yield self.finding(
                    at,
                    f"{task.name} expires after {span(expires)}, but its first retry is due after {span(delay)}: the retry"
                    " is dropped as revoked, and no error is logged",
                    "let it live longer than its retries take, or wait less before them",
                    symbol=task.name,
                    related=related(waits, "it retries here"),
                )


def _expiring(project: Project) -> Iterator[tuple[Task, At, float]]:
    """Every constant `expires`: of a task, a call, a schedule entry."""
    for task in project.tasks:
        held = task.option("expires")
        seconds = number(held.value) if held.known else None
        if held.at is not None and seconds is not None:
            yield task, held.at, seconds
    for dispatch in project.dispatches:
        entry = dispatch.args.keywords.get("expires") if dispatch.method in SENDERS else None
        value = forced(entry.value) if entry is not None else None
        seconds = number(value.value) if isinstance(value, Scalar) else None
        if dispatch.task is not None and entry is not None and seconds is not None:
            yield dispatch.task, entry.at or dispatch.at, seconds
    for scheduled in project.schedule:
        options = scheduled.arguments.value[2] if scheduled.arguments.known else None
        seconds = number(options.get("expires")) if isinstance(options, dict) else None
        if scheduled.task is not None and seconds is not None:
            yield scheduled.task, scheduled.keys.get("options") or scheduled.at, seconds


def _first(task: Task, project: Project) -> tuple[float, At | None] | None:
    """The least that any retry of a task waits, and where; None if there are none or one cannot be known."""
    found: list[tuple[float, At | None]] = []
    by_itself = autoretries(task)
    if by_itself is None:
        return None
    if by_itself and most(task) != 0:
        delay = first_autoretry(task)
        if delay is None:
            return None
        found.append((delay, task.retry("autoretry_for").at))
    for retry in project.retries_of(task):
        if most_by_hand(task, retry) == 0:
            continue
        given = argument(retry, "countdown", 5)
        if retry.args.open or argument(retry, "eta", 4) is not None:
            return None
        if given is None or is_none(given):
            held = task.option("default_retry_delay")
            delay = number(held.value) if held.known else None
        else:
            delay = number(given.value) if isinstance(given, Scalar) else None
        if delay is None:
            return None
        found.append((delay, retry.at))
    return min(found, key=lambda pair: pair[0], default=None)

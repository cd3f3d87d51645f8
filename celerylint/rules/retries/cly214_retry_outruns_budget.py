"""CLY214."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from celerylint.finding import Finding, Severity
from celerylint.model.project import Project, Task
from celerylint.model.values import At, Missing, Scalar
from celerylint.rules.base import Rule, related
from celerylint.rules.delivery.waits import number, time_limit
from celerylint.rules.retries.delays import (
    FOREVER,
    argument,
    autoretries,
    is_none,
    most,
    most_by_hand,
    retry_kwarg,
    span,
)

_DAY = 86400.0


class RetryOutrunsBudget(Rule):
    """The retries of a task reach over more than a day, or beyond the moment at which it expires.

    How long a task may be on its way is its delays taken together: ten retries with `default_retry_delay=86400` are ten
    days in which its message waits in a worker, survives deployments or does not, and runs code that is not what it was
    when it was sent. With `expires`, retries that are due later never run: the worker drops them as revoked, and no
    failure is reported.

    Jitter shortens the waits; what is said here is the longest that they can take.

    ## What to do

    Fewer retries, a lower `retry_backoff_max`, or an `expires` that lets them all run. What should be tried for days is
    better kept in a table and sent again from a schedule.

    [Retrying](https://docs.celeryq.dev/en/stable/userguide/tasks.html#retrying)
    """

    code = "CLY214"
    name = "retry-outruns-budget"
    summary = "The retries of a task reach over more than a day, or beyond the moment at which it expires."
    severity = Severity.INFO
    preset = "playbook"
    bad = """\
from celery import shared_task


@shared_task(bind=True, default_retry_delay=86400, max_retries=10)
def pull(self, url):
    try:
        fetch(url)
    except ConnectionError as exc:
        raise self.retry(exc=exc)
"""
    good = """\
from celery import shared_task


@shared_task(bind=True, default_retry_delay=600, max_retries=10)
def pull(self, url):
    try:
        fetch(url)
    except ConnectionError as exc:
        raise self.retry(exc=exc)
"""

    def check_task(self, task: Task, project: Project) -> Iterable[Finding]:
        limit = time_limit(task)
        run = (number(limit.value) or 0.0) if limit.known else 0.0
        held = task.option("expires")
        expires = number(held.value) if held.known else None
        for at, first, delays, retries in _plans(task, project):
            total = delays + run
            if expires is not None and first > expires:
                continue  # none of them ever runs: CLY111
            if expires is not None and delays > expires:
                budget = f"it expires after {span(expires)}: those that are due later are dropped as revoked"
            elif total > _DAY:
                budget = "that is more than a day"
            else:
                continue
            runs = f" and a run of up to {span(run)}" if run else ""
            times = "1 retry" if retries == 1 else f"{retries:g} retries"
            yield self.finding(
                at,
                f"{times} of {task.name} wait up to {span(delays)} together{runs}, and {budget}",
                "retry less often, wait less, or let it live longer",
                symbol=task.name,
                related=related(held.at, "it expires by this") if expires is not None else (),
            )


def _plans(task: Task, project: Project) -> Iterator[tuple[At, float, float, float]]:
    """Where each way to retry is set, its first delay, all its delays together, and how many there are."""
    retries = most(task)
    option = task.retry("autoretry_for")
    if autoretries(task) and retries and retries != FOREVER and option.at is not None:
        delays = _automatic(task, int(retries))
        if delays:
            yield option.at, delays[0], sum(delays), retries
    for retry in project.retries_of(task):
        retries = most_by_hand(task, retry)
        given = argument(retry, "countdown", 5)
        if not retries or retries == FOREVER or retry.args.open or argument(retry, "eta", 4) is not None:
            continue
        if given is None or is_none(given):
            held = task.option("default_retry_delay")
            wait = number(held.value) if held.known else None
        else:
            wait = number(given.value) if isinstance(given, Scalar) else None
        if wait is not None:
            yield retry.at, wait, wait * retries, retries


def _automatic(task: Task, retries: int) -> list[float]:
    """The longest that each automatic retry waits; empty if that cannot be known."""
    backoff, cap = task.retry("retry_backoff"), task.retry("retry_backoff_max")
    if backoff.truthy:
        factor, ceiling = number(backoff.value), number(cap.value) if cap.known else None
        if factor is None or ceiling is None:
            return []
        return [min(ceiling, int(max(1.0, factor)) * 2.0 ** min(n, 60)) for n in range(min(retries, 10000))]
    given = retry_kwarg(task, "countdown")
    if not backoff.known or given is None:
        return []
    if isinstance(given, Missing) or is_none(given):
        held = task.option("default_retry_delay")
        wait = number(held.value) if held.known else None
    else:
        wait = number(given.value) if isinstance(given, Scalar) else None
    return [wait] * min(retries, 10000) if wait is not None else []

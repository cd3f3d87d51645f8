"""CLY818."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.finding import Finding, Severity
from celerylint.model.project import Project, Task
from celerylint.rules.base import Rule


class InvalidRateLimit(Rule):
    """Celery cannot read this rate limit: the worker fails when it sets its limits up.

    A rate is a number of tasks, or a number with a unit of one letter: `10/s`, `10/m`, `10/h`. There is no unit for a
    day. Anything else is noticed only by the worker: `10/min` raises KeyError when it starts to consume, `10 per
    minute` raises ValueError.

    The limit holds for each worker on its own, not for all of them together.

    ## What to do

    Write it as `100/m`. A day is `0.04/h` for one task, or a schedule of beat.

    [rate_limit](https://docs.celeryq.dev/en/stable/userguide/tasks.html#Task.rate_limit)
    """

    code = "CLY818"
    name = "invalid-rate-limit"
    summary = "A rate limit is written in a way that Celery cannot read: the worker fails on it."
    severity = Severity.ERROR
    bad = """\
from celery import shared_task


@shared_task(rate_limit="10/min")
def pull(): ...
"""
    good = """\
from celery import shared_task


@shared_task(rate_limit="10/m")
def pull(): ...
"""

    def check_task(self, task: Task, project: Project) -> Iterable[Finding]:
        held = task.option("rate_limit")
        if held.at is None or not held.known or not isinstance(held.value, str) or not held.value:
            return
        error = rate_error(held.value)
        if error is not None:
            yield self.finding(
                held.at,
                f"the worker cannot read the rate limit {held.value!r} of {task.name}: it raises {error}",
                "write a number, or a number with /s, /m or /h",
                symbol=task.name,
            )


def rate_error(text: str) -> str | None:
    """What `celery.utils.time.rate` raises on a text; None if it reads it."""
    amount, _, unit = text.partition("/")
    if unit not in ("", "s", "m", "h"):
        return "KeyError"
    try:
        float(amount)
    except ValueError:
        return "ValueError"
    return None

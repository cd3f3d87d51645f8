"""CLY203."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.finding import Finding, Severity
from celerylint.model.project import Project, Task
from celerylint.model.values import marks_of
from celerylint.rules import mending
from celerylint.rules.base import Rule
from celerylint.rules.retries.delays import argument, autoretries, most, most_by_hand
from celerylint.rules.retries.waits import random_wait


class BackoffWithoutJitter(Rule):
    """Retries back off in step: tasks that failed together come back together, each time.

    When a service goes down, the tasks that need it fail within moments of each other. Waits that are a function of the
    number of retries alone keep them together: all return after 2 s, all after 4 s, all after 8 s, each time as one
    blow to a service that is trying to recover.

    Celery's own `retry_backoff` has jitter by default: each wait is taken at random between 0 and the computed one.
    This rule speaks where it is turned off, and where `self.retry(countdown=2 ** self.request.retries)` computes a wait
    with nothing random in it. `get_exponential_backoff_interval` has jitter only with `full_jitter=True`.

    ## What to do

    Leave `retry_jitter` on. By hand:

    ```python
    from celery.utils.time import get_exponential_backoff_interval

    countdown = get_exponential_backoff_interval(factor=2, retries=self.request.retries, maximum=600, full_jitter=True)
    raise self.retry(exc=exc, countdown=countdown)
    ```

    ## Fix safety

    The fix takes `retry_jitter=False` out, or takes a countdown of `n * 2 ** self.request.retries` from
    `get_exponential_backoff_interval`, capped at 600 s or more. It is unsafe: each wait becomes random, half as long on
    average. A `retry_jitter=False` that a comment speaks of stays.

    [Task.retry_jitter](https://docs.celeryq.dev/en/stable/userguide/tasks.html#Task.retry_jitter)
    """

    code = "CLY203"
    name = "backoff-without-jitter"
    summary = "Retries back off in step: tasks that failed together come back together."
    severity = Severity.WARNING
    bad = """\
from celery import shared_task


@shared_task(autoretry_for=(ConnectionError,), retry_backoff=True, retry_jitter=False)
def pull(): ...
"""
    good = """\
from celery import shared_task


@shared_task(autoretry_for=(ConnectionError,), retry_backoff=True)
def pull(): ...
"""

    def check_task(self, task: Task, project: Project) -> Iterable[Finding]:
        yield from self._automatic(task, project)
        for retry in project.retries_of(task):
            countdown = argument(retry, "countdown", 5)
            marks = marks_of(countdown) if countdown is not None else frozenset()
            # A call of another package may well hold the randomness.
            if (
                {"retries", "power"} <= marks
                and not marks & {"random", "foreign"}
                and most_by_hand(task, retry) not in (0, 1)
            ):
                message = (
                    f"the retries of {task.name} back off in step, since the countdown follows from their number alone:"
                    f" {_TOGETHER}"
                )
                yield self.finding(retry.at, message, _BY_HAND, symbol=task.name, fix=random_wait(retry))

    def _automatic(self, task: Task, project: Project) -> Iterable[Finding]:
        jitter, backoff = task.retry("retry_jitter"), task.retry("retry_backoff")
        if jitter.falsy and jitter.at is not None and backoff.truthy and autoretries(task) and most(task) not in (0, 1):
            message = f"the retries of {task.name} back off in step, with jitter turned off: {_TOGETHER}"
            title = f"leave retry_jitter on{mending.also(jitter.at, 'retry_jitter', project)}"
            said = mending.is_commented(jitter.at, project)  # perhaps why there is none
            fix = None if said else mending.unsafe(title, mending.without(jitter.at))
            help = "leave retry_jitter on, as it is by default"
            yield self.finding(jitter.at, message, help, symbol=task.name, fix=fix)


_TOGETHER = "tasks that failed together come back together, each time"
_BY_HAND = (
    "take the countdown from celery.utils.time.get_exponential_backoff_interval(..., full_jitter=True),"
    " or add something random to it"
)

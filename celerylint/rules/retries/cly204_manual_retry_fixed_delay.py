"""CLY204."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.facts import ir
from celerylint.finding import Finding, Severity
from celerylint.model.project import Project, Retry
from celerylint.model.values import Scalar
from celerylint.rules.base import Rule, related
from celerylint.rules.retries.delays import argument, fixed, is_none, most_by_hand
from celerylint.rules.retries.waits import growing_wait


class ManualRetryFixedDelay(Rule):
    """Retries by hand come at a fixed distance, however long the trouble lasts.

    `self.retry()` without a countdown waits `default_retry_delay`, 180 s unless the task says otherwise; a constant
    countdown is just as blind. A hiccup of a second costs the whole wait, an outage longer than all waits together uses
    up every retry, and tasks that failed together come back together, in step, to a service that has just got up.

    `retry_backoff`, `retry_backoff_max` and `retry_jitter` do not help here: they shape the retries of `autoretry_for`,
    and `self.retry()` does not read them.

    A retry outside of any `except` is taken for polling, which may well go at a steady pace.

    ## What to do

    Make the wait grow with the number of retries, with something random in it:

    ```python
    from celery.utils.time import get_exponential_backoff_interval

    countdown = get_exponential_backoff_interval(factor=2, retries=self.request.retries, maximum=600, full_jitter=True)
    raise self.retry(exc=exc, countdown=countdown)
    ```

    or let Celery retry, with `autoretry_for=(ConnectionError,), retry_backoff=True` in place of the `try`.

    ## Fix safety

    The fix gives the call a countdown from `get_exponential_backoff_interval`, which starts at the wait that it has and
    doubles, with full jitter. It is unsafe: a retry may now come much earlier, or later, than before.

    [Retrying](https://docs.celeryq.dev/en/stable/userguide/tasks.html#retrying)
    """

    code = "CLY204"
    name = "manual-retry-fixed-delay"
    summary = "Retries by hand come at a fixed distance, however long the trouble lasts."
    severity = Severity.WARNING
    bad = """\
from celery import shared_task


@shared_task(bind=True)
def pull(self, url):
    try:
        fetch(url)
    except ConnectionError as exc:
        raise self.retry(exc=exc, countdown=60)
"""
    good = """\
from celery import shared_task
from celery.utils.time import get_exponential_backoff_interval


@shared_task(bind=True)
def pull(self, url):
    try:
        fetch(url)
    except ConnectionError as exc:
        wait = get_exponential_backoff_interval(2, self.request.retries, maximum=600, full_jitter=True)
        raise self.retry(exc=exc, countdown=wait)
"""

    def check_retry(self, retry: Retry, project: Project) -> Iterable[Finding]:
        task, delay = retry.task, _delay(retry)
        retries = most_by_hand(task, retry)
        if delay is None or retries is None or retries <= 1 or not _after_an_error(retry):
            return
        if _in_steps(retry, project) or _only_once(retry):
            return
        message = fixed(task, delay, retries)
        if task.option("retry_backoff").truthy:
            message += " (retry_backoff does not apply to self.retry())"
        countdown = argument(retry, "countdown", 5)
        option = task.option("default_retry_delay")
        set_at = option.at if countdown is None or is_none(countdown) else countdown.at
        elsewhere = set_at is not None and (set_at[0] != retry.at[0] or not _within(set_at[1], retry.at[1]))
        yield self.finding(
            retry.at,
            message,
            "compute the countdown from self.request.retries, with"
            " celery.utils.time.get_exponential_backoff_interval(..., full_jitter=True)",
            symbol=task.name,
            related=related(set_at if elsewhere else None, "the wait is set here"),
            fix=growing_wait(retry, delay),
        )


def _delay(retry: Retry) -> float | None:
    """The seconds that each retry waits; None if they differ or cannot be known."""
    if retry.args.open or argument(retry, "eta", 4) is not None:
        return None
    countdown = argument(retry, "countdown", 5)
    if countdown is None or is_none(countdown):
        option = retry.task.option("default_retry_delay")
        return float(option.value) if option.known and isinstance(option.value, (int, float)) else None
    if isinstance(countdown, Scalar) and isinstance(countdown.value, (int, float)):
        return float(countdown.value)
    return None


def _after_an_error(retry: Retry) -> bool:
    """Whether it stands in an `except`: elsewhere it waits for something that is not there yet."""
    return any(isinstance(node, ir.Handler) for node in retry.context)


def _in_steps(retry: Retry, project: Project) -> bool:
    """Whether it is one of several retries told apart by how many there were: `if self.request.retries < 3: ...`."""
    steps = [node for node in retry.context if isinstance(node, ir.If) and _counts(node.test)]
    others = [other for other in project.retries_of(retry.task) if other is not retry]
    return any(step in other.context for step in steps for other in others)


def _only_once(retry: Retry) -> bool:
    """Whether only the first attempt gets there: `if not self.request.retries: ...`."""
    return any(
        isinstance(node, ir.If)
        and _is_first(node.test)
        and node.body[0].line <= retry.at[1].line <= node.body[-1].end_line
        for node in retry.context
    )


def _is_first(test: ir.Expr) -> bool:
    if isinstance(test, ir.UnaryOp):
        return test.op == "not" and isinstance(test.value, ir.Attr) and _counts(test.value)
    if isinstance(test, ir.BoolOp):
        return test.op == "and" and any(map(_is_first, test.values))
    if not isinstance(test, ir.Compare) or len(test.rights) != 1 or not isinstance(test.rights[0], ir.Const):
        return False
    return isinstance(test.left, ir.Attr) and _counts(test.left) and (test.ops[0], test.rights[0].value) in _FIRST


_FIRST = frozenset({("==", 0), ("<", 1), ("<=", 0)})


def _counts(test: ir.Expr) -> bool:
    if isinstance(test, ir.Attr):
        return test.attr == "retries" or _counts(test.value)
    if isinstance(test, ir.Compare):
        return any(map(_counts, (test.left, *test.rights)))
    if isinstance(test, ir.BoolOp):
        return any(map(_counts, test.values))
    if isinstance(test, ir.UnaryOp):
        return _counts(test.value)
    return isinstance(test, ir.BinOp) and (_counts(test.left) or _counts(test.right))


def _within(inner: ir.Node, outer: ir.Node) -> bool:
    return outer.line <= inner.line <= outer.end_line

"""CLY216."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.facts import ir
from celerylint.finding import Finding, Severity
from celerylint.model.project import Project, Retry
from celerylint.model.values import Scalar
from celerylint.rules import mending
from celerylint.rules.base import Rule
from celerylint.rules.flow import spot_of
from celerylint.rules.retries.delays import argument


class BareRetry(Rule):
    """`self.retry()` stands alone and reads as if the task went on after it.

    It does not: `self.retry()` sends the next attempt and raises `Retry`, which ends the run. Nothing below it is ever
    reached. That works, and is easily misread: by people, who add a line below it, and by type checkers and linters,
    which take the code below it for live and its variables for unset.

    ## What to do

    Write `raise self.retry(...)`. It does the same, and says so.

    ## Fix safety

    The fix writes the `raise`. It is safe: the call raises anyway.

    [Retrying](https://docs.celeryq.dev/en/stable/userguide/tasks.html#retrying)
    """

    code = "CLY216"
    name = "bare-retry"
    summary = "self.retry() stands alone and reads as if the task went on after it."
    severity = Severity.INFO
    preset = "all"
    bad = """\
from celery import shared_task


@shared_task(bind=True)
def pull(self, url):
    try:
        fetch(url)
    except ConnectionError as exc:
        self.retry(exc=exc)
"""
    good = """\
from celery import shared_task


@shared_task(bind=True)
def pull(self, url):
    try:
        fetch(url)
    except ConnectionError as exc:
        raise self.retry(exc=exc)
"""

    def check_retry(self, retry: Retry, project: Project) -> Iterable[Finding]:
        spot = spot_of(retry.at, project)
        throw = argument(retry, "throw", 3)
        throws = not retry.args.open if throw is None else isinstance(throw, Scalar) and bool(throw.value)
        if spot is None or not throws:
            return
        statement = spot.statement
        if isinstance(statement, ir.ExprStmt) and statement.value.span == retry.at[1].span:
            yield self.finding(
                retry.at,
                f"self.retry() ends the run of {retry.task.name} by raising Retry, and nothing here says so",
                "write raise self.retry(...)",
                symbol=retry.task.name,
                fix=mending.safe("write the raise", mending.before(statement, retry.at[0], "raise ")),
            )

"""CLY207."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.finding import Finding, Fix, Severity
from celerylint.model.project import Decision, Project, Retry, Task
from celerylint.rules import mending
from celerylint.rules.base import Rule, related
from celerylint.rules.body import body_of
from celerylint.rules.flow import spot_of
from celerylint.rules.retries.delays import FOREVER, autoretries, most, most_by_hand


class UnboundedRetry(Rule):
    """A task that keeps failing is retried for ever.

    With `max_retries=None` no attempt is the last one. A message that cannot succeed, because its row is gone or the
    other side refuses it for good, comes back again and again, as long as the broker lives: it never counts as a
    failure, so no error is reported and no `on_failure` runs, and each one costs a run and a place in the queue. They
    add up.

    A body that looks at `self.request.retries` itself is taken to know when to stop.

    ## What to do

    Say how many retries are enough for the longest trouble that you want to sit out: `max_retries=10` with
    `retry_backoff=30` can reach over more than an hour. Where it must go on, look at how many there were and tell somebody.

    ## Fix safety

    The fix writes `max_retries=10` where `None` is written, be that a base class or a constant. It is unsafe: a task that
    was retried until the trouble had passed now gives up. What a comment speaks of stays.

    [Task.max_retries](https://docs.celeryq.dev/en/stable/reference/celery.app.task.html#celery.app.task.Task.max_retries)
    """

    code = "CLY207"
    name = "unbounded-retry"
    summary = "A task that keeps failing is retried for ever."
    severity = Severity.WARNING
    bad = """\
from celery import shared_task


@shared_task(autoretry_for=(ConnectionError,), retry_backoff=True, max_retries=None)
def pull(url):
    fetch(url)
"""
    good = """\
from celery import shared_task


@shared_task(autoretry_for=(ConnectionError,), retry_backoff=True, max_retries=8)
def pull(url):
    fetch(url)
"""

    def check_task(self, task: Task, project: Project) -> Iterable[Finding]:
        held = task.option("max_retries")
        if not held.is_(None) or held.at is None or _counts(task):
            return
        endless = [retry for retry in project.retries_of(task) if _endless(retry, project)]
        by_itself = bool(autoretries(task)) and most(task) == FOREVER
        if not endless and not by_itself:
            return
        yield self.finding(
            held.at,
            f"{task.name} is retried for ever: with max_retries=None no attempt is the last, and an error that does not"
            " pass never counts as a failure",
            "say how many retries are enough, max_retries=10",
            symbol=task.name,
            related=related(endless[0].at, "it retries here") if endless and not by_itself else (),
            fix=_bounded(held, project),
        )


def _bounded(held: Decision, project: Project) -> Fix | None:
    at = mending.written(held)
    if at is None or mending.is_commented(at, project):
        return None  # somebody says why
    edits = mending.replaced(held, "10")
    touched = mending.also(held.at, "max_retries", project) if held.at is not None else ""
    return mending.unsafe(f"retry 10 times at most{touched}", *edits) if edits else None


def _endless(retry: Retry, project: Project) -> bool:
    if retry.args.open or most_by_hand(retry.task, retry) != FOREVER:
        return False
    spot = spot_of(retry.at, project)
    return spot is not None and not any(map(_looks, spot.body.statements))


def _counts(task: Task) -> bool:
    """Whether the body looks at the number of retries."""
    body = body_of(task)
    return body is not None and any(map(_looks, body.statements))


def _looks(statement: ir.Stmt) -> bool:
    return any(
        isinstance(node, ir.Compare) and any(isinstance(n, ir.Attr) and n.attr == "retries" for n in nodes(node))
        for node in nodes(statement)
    )

"""CLY103."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from celerylint.facts import ir
from celerylint.finding import Finding, Fix, Place, Severity
from celerylint.model.project import Decision, Project, Task
from celerylint.rules import mending, placing
from celerylint.rules.base import Rule, related
from celerylint.rules.body import body_of
from celerylint.rules.flow import is_signal, spots
from celerylint.rules.retries.delays import autoretries

_OPTIONS = ("reject_on_worker_lost", "acks_on_failure_or_timeout", "acks_on_failure", "acks_on_timeout")


class IneffectiveReject(Rule):
    """A message is to be put back that the worker has already acknowledged.

    Without `acks_late` a message is acknowledged as the task starts. What comes later can no longer change its fate:
    `reject_on_worker_lost` does not bring back a task whose process was killed, `acks_on_failure_or_timeout=False` keeps
    nothing, and `raise Reject(requeue=True)` puts nothing back into the queue. The run is over, and lost: its result
    stays where it was, and no retry and no error tells of it.

    ## What to do

    Set `acks_late=True` with it, if the task may run twice. To run a task again from inside, `self.retry()` needs no late
    acknowledgement. On Celery 5.7 and later, neither does `retry_on_worker_lost=True`.

    ## Fix safety

    The fix sets `acks_late` beside the option, unless somebody chose to acknowledge early. It is unsafe: the message comes
    back when the worker dies, so the body runs a second time. For `raise Reject(requeue=True)` there is none.

    [Task.reject_on_worker_lost](https://docs.celeryq.dev/en/stable/userguide/tasks.html#Task.reject_on_worker_lost)
    """

    code = "CLY103"
    name = "ineffective-reject"
    summary = "A message is to be put back that the worker has already acknowledged."
    severity = Severity.ERROR
    bad = """\
from celery import Celery

app = Celery("shop")


@app.task(reject_on_worker_lost=True)
def pull(url):
    fetch(url)
"""
    good = """\
from celery import Celery

app = Celery("shop")


@app.task(acks_late=True, reject_on_worker_lost=True)
def pull(url):
    fetch(url)
"""

    def check_project(self, project: Project) -> Iterable[Finding]:
        # One setting or base class may serve tasks that acknowledge late, and others.
        at_work = {held.place for task in project.tasks if not task.option("acks_late").falsy for _, held in _set(task)}
        for task in project.tasks:
            late = task.option("acks_late")
            if not late.falsy:
                continue
            where = related(late.at, "acknowledged early by this") if late.chosen else []
            for name, held in _set(task):
                if held.at is not None and held.place not in at_work:
                    yield self.finding(
                        held.at,
                        f"{name} has no effect on {task.name}: without acks_late its message is acknowledged when it"
                        f" starts, and {_lost(name)}",
                        "set acks_late=True with it if the task may run twice, or leave it out",
                        symbol=task.name,
                        related=where,
                        fix=_late(held, task, project),
                    )
            for raised in _requeued(task):
                yield self.finding(
                    raised,
                    f"Reject(requeue=True) puts nothing back: without acks_late the message of {task.name} is"
                    " acknowledged when it starts, so the run is lost",
                    "set acks_late=True if the task may run twice, or use self.retry()",
                    symbol=task.name,
                    related=where,
                )


def _late(held: Decision, task: Task, project: Project) -> Fix | None:
    """Late acknowledgement beside the option that needs it; none where somebody decided against it."""
    edits = [] if task.option("acks_late").chosen else placing.beside(held, task.app, project, "acks_late", "True")
    also = mending.also(held.at, "acks_late", project) if held.at is not None else ""
    return mending.unsafe(f"acknowledge late{also}: a task may then run twice", *edits) if edits else None


def _lost(name: str) -> str:
    if name == "reject_on_worker_lost":
        return "a run whose process is killed is lost all the same"
    return "nothing is left to be rejected when it fails"


def _set(task: Task) -> Iterator[tuple[str, Decision]]:
    """The options that would do something for late acknowledgement, each place once."""
    seen: set[Place | None] = set()
    for name in _OPTIONS:
        held = task.options.get(name)
        if held is None or not held.known or not held.chosen or held.value is None or held.place in seen:
            continue
        if bool(held.value) is (name == "reject_on_worker_lost"):
            seen.add(held.place)
            yield name, held


def _requeued(task: Task) -> Iterator[Place]:
    """Where the body raises `Reject(..., requeue=True)`."""
    # Where Celery retries on `Exception` it retries on Reject as well.
    body = body_of(task) if autoretries(task) is False else None
    for spot in spots(body) if body is not None else ():
        raised = spot.statement.exc if isinstance(spot.statement, ir.Raise) else None
        if isinstance(raised, ir.Call) and is_signal(spot.body, raised) == "Reject":
            given = [k.value for k in raised.keywords if k.name == "requeue"] + raised.args[1:2]
            if any(isinstance(value, ir.Const) and value.value is True for value in given):
                yield Place(spot.body.path, spot.statement.span)

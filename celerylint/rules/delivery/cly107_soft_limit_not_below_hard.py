"""CLY107."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import inf

from celerylint.finding import Finding, Fix, ReplaceExpr, Severity
from celerylint.model.project import Decision, Dispatch, Project, Task
from celerylint.model.values import At, Scalar, Value, forced, place
from celerylint.rules import mending
from celerylint.rules.base import Rule, related
from celerylint.rules.consumers import limits
from celerylint.rules.delivery.waits import SENDERS, number
from celerylint.rules.retries.delays import span

_CHECKED_SINCE = (5, 5)
"""The version from which `apply_async` compares the limits of the task."""


class SoftLimitNotBelowHard(Rule):
    """The soft time limit leaves no time before the hard one.

    The soft limit raises `SoftTimeLimitExceeded` in the task, so that it can put things in order; the hard limit kills
    the process that runs it. A soft limit that is not below the hard one comes too late: whatever would be put in order
    is not. Since Celery 5.5 a task whose own soft limit is above its hard one cannot even be sent: `delay()` raises a
    `ValueError`.

    The effective limits count: of the call, the task, its base class, the worker's command, the settings (from 5.7 on the settings
    before the command). None and 0 mean that the next of these decides.

    ## What to do

    Set the soft limit below the hard one by as long as it takes to put things in order: `soft_time_limit=60,
    time_limit=75`.

    ## Fix safety

    The fix lowers the soft limit to a tenth below the hard one, where it is written. It is unsafe: tasks that take it from
    there are interrupted earlier. Where the hard limit is what is wrong, raise that instead.

    [Time limits](https://docs.celeryq.dev/en/stable/userguide/workers.html#time-limits)
    """

    code = "CLY107"
    name = "soft-limit-not-below-hard"
    summary = "The soft time limit leaves no time before the hard one."
    severity = Severity.ERROR
    bad = """\
from celery import shared_task


@shared_task(soft_time_limit=120, time_limit=60)
def pull(url):
    fetch(url)
"""
    good = """\
from celery import shared_task


@shared_task(soft_time_limit=54, time_limit=60)
def pull(url):
    fetch(url)
"""

    def check_project(self, project: Project) -> Iterable[Finding]:
        for task in project.tasks:
            refused = _refused(task, project)
            for soft in limits(task, project, "soft_time_limit"):
                hard = _shortest(task, project)
                if hard is not None:
                    yield from self._judged(task.name, soft, hard, refused, soft.at, project)
        for app in project.apps:
            # Where no task is known to take them, the settings are judged by themselves.
            if not project.tasks_of(app):
                yield from self._judged(
                    app.name, app.setting("task_soft_time_limit"), app.setting("task_time_limit"), False, None, project
                )
        for dispatch in project.dispatches:
            yield from self._per_call(dispatch, project)

    def _judged(
        self, who: str, soft: Decision, hard: Decision, refused: bool, at: At | None, project: Project
    ) -> Iterator[Finding]:
        low, high = _seconds(soft), _seconds(hard)
        where = at or soft.at
        if low is None or high is None or low < high or where is None:
            return
        also = mending.also(where, "soft_time_limit", project)
        yield self._finding(where, who, low, high, refused, hard.at, _lowered(mending.expression(soft.at), high, also))

    def _per_call(self, dispatch: Dispatch, project: Project) -> Iterator[Finding]:
        given = dispatch.args.keywords if dispatch.method in SENDERS else {}
        soft = given.get("soft_time_limit")
        low = number(_plain(soft.value)) if soft is not None else None
        if dispatch.task is None or soft is None or not low or dispatch.args.open:
            return
        hard = given.get("time_limit")
        if hard is not None:
            high, at = number(_plain(hard.value)), hard.at
        else:
            held = _shortest(dispatch.task, project)
            high, at = (_seconds(held), held.at) if held is not None else (None, None)
        if high and low >= high:
            fix = _lowered(mending.expression(soft.at), high, "")
            yield self._finding(soft.at or dispatch.at, dispatch.task.name, low, high, False, at, fix)

    def _finding(
        self, where: At, who: str, low: float, high: float, refused: bool, hard: At | None, fix: Fix | None
    ) -> Finding:
        if refused and low > high:
            then = f"{who}.delay() raises a ValueError"
        else:
            then = "it is killed without time to put things in order"
        return self.finding(
            where,
            f"the soft limit of {who}, {span(low)}, is not below its hard limit, {span(high)}: {then}",
            "set the soft limit below the hard one, by as long as it takes to put things in order",
            symbol=who,
            related=related(hard, "the hard limit") if hard is not None else (),
            fix=fix,
        )


def _lowered(at: At | None, high: float, also: str) -> Fix | None:
    """A soft limit a tenth below the hard one, where it is written."""
    low = int(high * 0.9)
    if at is None or low < 1:
        return None
    return mending.unsafe(f"lower the soft limit to {span(low)}{also}", ReplaceExpr(place(at), str(low)))


def _shortest(task: Task, project: Project) -> Decision | None:
    """The hard limit that stops a run first."""
    return min(limits(task, project), key=lambda held: _seconds(held) or inf, default=None)


def _seconds(held: Decision) -> float | None:
    return number(held.value) or None if held.known else None


def _plain(value: Value) -> object:
    inner = forced(value)
    return inner.value if isinstance(inner, Scalar) else None


def _refused(task: Task, project: Project) -> bool:
    """Whether `apply_async` compares the two limits: those that the task itself holds."""
    own = task.option("soft_time_limit").truthy and task.option("time_limit").truthy
    return own and project.version.minor >= _CHECKED_SINCE

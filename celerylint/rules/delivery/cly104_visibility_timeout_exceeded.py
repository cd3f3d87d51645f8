"""CLY104."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from celerylint.facts import ir
from celerylint.finding import AddDictEntry, Finding, Fix, Related, Severity
from celerylint.model.project import App, Project, Task
from celerylint.model.values import At, Mapping, Scalar, forced, place
from celerylint.rules import mending, placing
from celerylint.rules.base import Rule, related
from celerylint.rules.brokers import family_of
from celerylint.rules.consumers import limits
from celerylint.rules.delivery.waits import Wait, number, retried, sent, waits
from celerylint.rules.retries.delays import span

_BROKERS = {"redis": "Redis", "sqs": "SQS", "pgmq": "PGMQ"}


class VisibilityTimeoutExceeded(Rule):
    """A message waits longer than the broker keeps it out of sight: the task runs more than once.

    Redis, SQS and PGMQ hand a message out again when it has not been acknowledged within the visibility timeout: 3600 s
    on Redis, 1800 s on SQS and PGMQ, unless `broker_transport_options` says otherwise. A worker holds a message with a
    countdown, an `eta` or the delay of a retry until it is due, and acknowledges it no sooner than that; with
    `acks_late`, no sooner than the task has ended. What takes longer than the timeout is handed to another worker, while
    the first one still has it, and again after that: each of them runs it.

    Only `visibility_timeout` in `broker_transport_options` counts. In `result_backend_transport_options`, or as a setting
    of its own, nothing reads it for messages.

    The broker is that of the settings. Where these do not tell, it is the one whose address the workers are given in a
    variable, or the only kind that is deployed beside them. Limits are those in force: a `--time-limit` of the workers that
    run the task counts for tasks without one of their own.

    ## What to do

    Raise it above the longest wait, on every worker: the shortest of them decides.

    ```python
    app.conf.broker_transport_options = {"visibility_timeout": 43200}
    ```

    The price is that a message of a worker that was killed comes back that much later. For what is due in days, keep the
    date in a table and send from a schedule.

    ## Fix safety

    The fix raises `visibility_timeout` to whole hours above everything that waits for longer, where the options of the
    broker are. It is unsafe: what a worker held that has died comes back only after that time.

    [Visibility timeout](https://docs.celeryq.dev/en/stable/getting-started/backends-and-brokers/redis.html#visibility-timeout)
    """

    code = "CLY104"
    name = "visibility-timeout-exceeded"
    summary = "A message waits longer than the broker keeps it out of sight: the task runs more than once."
    severity = Severity.ERROR
    bad = """\
from celery import Celery

app = Celery("shop", broker="redis://localhost")


@app.task
def remind(pk): ...


def order(pk):
    remind.apply_async((pk,), countdown=86400)
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="redis://localhost")
app.conf.broker_transport_options = {"visibility_timeout": 90000}


@app.task
def remind(pk): ...


def order(pk):
    remind.apply_async((pk,), countdown=86400)
"""

    def check_project(self, project: Project) -> Iterable[Finding]:
        timeouts = {app: _timeout(app, project) for app in project.apps}
        found = list(self._found(timeouts, project))
        most = {app: max((held.seconds for held in found if held.task.app is app), default=0.0) for app in timeouts}
        for held in found:
            app = held.task.app
            fix = _raised(app, timeouts[app], most[app], project) if app is not None else None
            yield self._finding(held, fix)

    def _found(self, timeouts: dict[App, _Timeout | None], project: Project) -> Iterator[_Exceeded]:
        for wait in waits(project):
            timeout = timeouts.get(wait.task.app) if wait.task.app is not None else None
            if timeout is not None:
                yield from self._waits(wait, timeout, max(_late_limits(wait.task, project), key=_length, default=None))
        for task in project.tasks:
            timeout = timeouts.get(task.app) if task.app is not None else None
            for hard, at in _late_limits(task, project) if timeout is not None else ():
                if timeout is not None and at is not None and hard >= timeout.seconds:
                    what = f"{task.name} acknowledges late and may run for {span(hard)}"
                    yield _Exceeded(at, task, what, timeout, hard)

    def _waits(self, wait: Wait, timeout: _Timeout, limit: tuple[float, At | None] | None) -> Iterator[_Exceeded]:
        hard, at = limit or (None, None)
        if wait.seconds >= timeout.seconds:
            yield _Exceeded(wait.at, wait.task, wait.what, timeout, wait.seconds)
        elif hard is not None and hard < timeout.seconds <= wait.seconds + hard:
            what = f"{wait.what} and, acknowledged late, may run for {span(hard)} more"
            yield _Exceeded(wait.at, wait.task, what, timeout, wait.seconds + hard, tuple(related(at, "the limit")))

    def _finding(self, held: _Exceeded, fix: Fix | None) -> Finding:
        timeout, what = held.timeout, held.what
        source = "" if timeout.chosen else ", its default"
        message = f"{what}, but {timeout.broker} hands the message out again after {span(timeout.seconds)}{source}"
        # A limit is only the longest that a run may take.
        then = "a run as long as that is started a second time" if "may run" in what else "it runs more than once"
        return self.finding(
            held.at,
            f"{message}: {then}{timeout.note}",
            "raise visibility_timeout in broker_transport_options above it, on every worker",
            symbol=held.task.name,
            related=[*held.also, *related(timeout.at, "the timeout" if timeout.chosen else "the broker")],
            fix=fix,
        )


def breach(task: Task, project: Project) -> tuple[str, At] | None:
    """Why a message of a task is handed out while the worker that has it still waits, and where that wait is written."""
    timeout = _timeout(task.app, project) if task.app is not None else None
    if timeout is None:
        return None
    waiting = (*sent(project, task), *retried(task, project))
    held = next((wait for wait in waiting if wait.seconds >= timeout.seconds), None)
    if held is None:
        return None
    return f"{held.what}, but {timeout.broker} hands the message out again after {span(timeout.seconds)}", held.at


class _Timeout(Struct, frozen=True):
    broker: str
    seconds: float
    chosen: bool
    at: At | None
    note: str


class _Exceeded(Struct, frozen=True):
    """Something that takes longer than the timeout."""

    at: At
    task: Task
    what: str
    timeout: _Timeout
    seconds: float
    also: tuple[Related, ...] = ()


_HOUR = 3600
_MOST_OF_SQS = 43200
"""Seconds that SQS keeps a message from others at the most."""


def _raised(app: App, timeout: _Timeout | None, most: float, project: Project) -> Fix | None:
    """A timeout of whole hours above everything that waits, where the others of the broker's options are."""
    seconds = (int(most) // _HOUR + 1) * _HOUR
    if timeout is None or most == float("inf") or (timeout.broker == _BROKERS["sqs"] and seconds > _MOST_OF_SQS):
        return None
    held = app.setting("broker_transport_options")
    options = forced(held.raw) if held.raw is not None else None
    if timeout.chosen and timeout.at is not None:
        edits = mending.set_at(timeout.at, visibility_timeout=str(seconds))
    elif isinstance(options, Mapping) and options.at is not None:
        known = isinstance(options.at[1], ir.DictExpr)
        edits = [AddDictEntry(place(options.at), "visibility_timeout", str(seconds))] if known else []
    else:
        value = f'{{"visibility_timeout": {seconds}}}'
        edits = placing.chosen(app, project, "broker_transport_options", value)
    title = f"raise the visibility timeout to {span(seconds)}: what a dead worker held comes back that late"
    return mending.unsafe(title, *edits) if edits else None


def _timeout(app: App, project: Project) -> _Timeout | None:
    """The visibility timeout of an app's broker; None where it has none, or it cannot be known."""
    kind = family_of(app, project)
    url = app.setting("broker_url")
    # Of one family: what the workers are given may be another kind of broker than the setting's default.
    transport = project.catalog.transport(kind) if kind in _BROKERS else None
    if transport is None or transport.visibility_timeout is None:
        return None
    held = app.setting("broker_transport_options")
    options = forced(held.raw) if held.raw is not None else None
    if not held.chosen or (isinstance(options, Scalar) and not options.value):
        return _Timeout(_BROKERS[kind], transport.visibility_timeout, False, url.at, _elsewhere(app))
    if not isinstance(options, Mapping) or options.open or "predefined_queues" in options.items:
        return None
    entry = options.items.get("visibility_timeout")
    if entry is None:
        return _Timeout(_BROKERS[kind], transport.visibility_timeout, False, url.at, _elsewhere(app))
    value = forced(entry.value)
    seconds = number(value.value) if isinstance(value, Scalar) else None
    return _Timeout(_BROKERS[kind], seconds, True, entry.at, "") if seconds is not None else None


def _elsewhere(app: App) -> str:
    """What to say of a timeout that is set where nothing reads it."""
    held = app.own_settings.get("result_backend_transport_options")
    options = forced(held.raw) if held is not None and held.raw is not None else None
    if isinstance(options, Mapping) and "visibility_timeout" in options.items:
        return " (visibility_timeout in result_backend_transport_options has no effect on messages)"
    if "visibility_timeout" in app.own_settings:
        return " (visibility_timeout as a setting of its own has no effect)"
    return ""


def _late_limits(task: Task, project: Project) -> list[tuple[float, At | None]]:
    """The hard limits of a task that acknowledges late, and where each is set."""
    if not task.option("acks_late").truthy:
        return []
    held = [(number(limit.value), limit.at) for limit in limits(task, project) if limit.known]
    return [(seconds, at) for seconds, at in held if seconds]


def _length(limit: tuple[float, At | None]) -> float:
    return limit[0]

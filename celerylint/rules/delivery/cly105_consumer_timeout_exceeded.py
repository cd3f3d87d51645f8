"""CLY105."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from celerylint.finding import Confidence, Finding, Place, Severity
from celerylint.model.project import App, Project, Task
from celerylint.model.values import At
from celerylint.rules.base import Rule, related
from celerylint.rules.brokers import family_of
from celerylint.rules.consumers import limits
from celerylint.rules.delivery.waits import number, speaks_of, waits
from celerylint.rules.retries.delays import span

_TIMEOUT = 1800.0
"""RabbitMQ's `consumer_timeout` where nobody changes it, since 3.8.17."""


class ConsumerTimeoutExceeded(Rule):
    """A message stays unacknowledged longer than RabbitMQ allows: it closes the channel and hands the message out again.

    RabbitMQ waits `consumer_timeout` for a message to be acknowledged, 30 minutes unless the server's configuration says
    otherwise. Then it closes the channel with 406 PRECONDITION_FAILED: the worker stops, or connects anew, and all
    that it holds goes back to the queue. A worker holds a message with a countdown or an `eta` until it is due; with
    `acks_late` it holds every message until the task has ended. So a task that is due in an hour, or runs for one, comes
    back although nothing is wrong with it.

    Quorum queues with a topic exchange keep messages that are not due on the server (Celery 5.5 and later): there only
    the length of the run counts.

    A `consumer_timeout` counts that a rabbitmq.conf of the project says, or a RabbitMQ that its deployment files start;
    where part of that configuration is not here, nothing is reported. Limits are those in force: a `--time-limit` of the
    workers that run the task counts for tasks without one of their own.

    ## What to do

    Raise `consumer_timeout` on the server above the longest wait, for the queues concerned or for all. For what is due
    in days, keep the date in a table and send from a schedule.

    [ETA and countdown](https://docs.celeryq.dev/en/stable/userguide/calling.html#eta-and-countdown)
    """

    code = "CLY105"
    name = "consumer-timeout-exceeded"
    summary = "A message stays unacknowledged longer than RabbitMQ allows."
    severity = Severity.WARNING
    confidence = Confidence.MEDIUM
    bad = """\
from celery import Celery

app = Celery("shop", broker="amqp://localhost")


@app.task
def remind(pk): ...


def order(pk):
    remind.apply_async((pk,), countdown=86400)
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="amqp://localhost")


@app.task
def remind(pk): ...


def order(pk):
    remind.apply_async((pk,), countdown=600)
"""

    def check_project(self, project: Project) -> Iterable[Finding]:
        timeout = _timeout(project)
        if timeout is None:
            return
        rabbits = {app for app in project.apps if family_of(app, project) == "amqp" and not _of_queues(app)}
        delayed = {app for app in rabbits if not _keeps_on_server(app, project)}
        for wait in waits(project):
            if wait.task.app in delayed and wait.seconds >= timeout.seconds:
                yield self._finding(wait.at, wait.task, wait.what, timeout)
        for task in project.tasks:
            if task.app not in rabbits or not task.option("acks_late").truthy:
                continue
            for hard in limits(task, project):
                seconds = number(hard.value) if hard.known else None
                if seconds is not None and hard.at is not None and seconds >= timeout.seconds:
                    what = f"{task.name} acknowledges late and may run for {span(seconds)}"
                    yield self._finding(hard.at, task, what, timeout)

    def _finding(self, where: At, task: Task, what: str, timeout: _Timeout) -> Finding:
        broker = task.app.setting("broker_url").at if task.app is not None else None
        source = "its consumer_timeout" if timeout.place is not None else "its default consumer_timeout"
        return self.finding(
            where,
            f"{what}, but RabbitMQ closes the channel of a worker that holds a message for {span(timeout.seconds)},"
            f" {source}: whatever the worker holds is handed out again",
            "raise consumer_timeout on the server above it, or let it wait in a table",
            symbol=task.name,
            related=[*related(timeout.place, "the timeout"), *related(broker, "the broker")],
        )


class _Timeout(NamedTuple):
    seconds: float
    place: Place | None
    """Where a file here sets it; None for the default."""


def _timeout(project: Project) -> _Timeout | None:
    """The longest `consumer_timeout` that the files here give a RabbitMQ; None where it is off, or cannot be known."""
    found: list[_Timeout] = []
    for broker in project.brokers:
        if broker.transport != "rabbitmq" or broker.development:
            continue
        held = broker.settings.get("consumer_timeout")
        if held is None:
            if not broker.complete:
                return None
            found.append(_Timeout(_TIMEOUT, None))
        elif isinstance(held.value, str) and re.fullmatch(r"\s*\d{1,15}\s*", held.value):
            found.append(_Timeout(int(held.value) / 1000, held.place))
        else:
            return None
    return max(found, key=lambda timeout: timeout.seconds, default=_Timeout(_TIMEOUT, None))


def _of_queues(app: App) -> bool:
    """Whether queues may have a timeout of their own, by the argument `x-consumer-timeout`."""
    held = app.setting("task_queues")
    return held.chosen and speaks_of(held.raw, "x-consumer-timeout")


def _keeps_on_server(app: App, project: Project) -> bool:
    """Whether messages that are not due may wait in the server: quorum queues, from 5.5 on."""
    if project.version.minor < (5, 5):
        return False
    for name in ("task_default_queue_type", "task_queues", "task_create_missing_queue_type"):
        held = app.settings.get(name)
        if held is not None and held.chosen and speaks_of(held.raw, "quorum"):
            return True
    return False

"""CLY105."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.finding import Confidence, Finding, Severity
from celerylint.model.project import App, Project, Task
from celerylint.model.values import At
from celerylint.rules.base import Rule, related
from celerylint.rules.delivery.waits import family, number, speaks_of, time_limit, waits
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
        rabbits = {app for app in project.apps if family(app, project) == "amqp"}
        delayed = {app for app in rabbits if not _keeps_on_server(app, project)}
        for wait in waits(project):
            if wait.task.app in delayed and wait.seconds >= _TIMEOUT:
                yield self._finding(wait.at, wait.task, wait.what)
        for task in project.tasks:
            hard = time_limit(task)
            seconds = number(hard.value) if hard.known else None
            if task.app not in rabbits or hard.at is None or seconds is None or not task.option("acks_late").truthy:
                continue
            if seconds >= _TIMEOUT:
                what = f"{task.name} acknowledges late and may run for {span(seconds)}"
                yield self._finding(hard.at, task, what)

    def _finding(self, where: At, task: Task, what: str) -> Finding:
        broker = task.app.setting("broker_url").at if task.app is not None else None
        return self.finding(
            where,
            f"{what}, but RabbitMQ closes the channel of a worker that holds a message for {span(_TIMEOUT)}, its default"
            " consumer_timeout: whatever the worker holds is handed out again",
            "raise consumer_timeout on the server above it, or let it wait in a table",
            symbol=task.name,
            related=related(broker, "the broker"),
        )


def _keeps_on_server(app: App, project: Project) -> bool:
    """Whether messages that are not due may wait in the server: quorum queues, from 5.5 on."""
    if project.version.minor < (5, 5):
        return False
    for name in ("task_default_queue_type", "task_queues", "task_create_missing_queue_type"):
        held = app.settings.get(name)
        if held is not None and held.chosen and speaks_of(held.raw, "quorum"):
            return True
    return False

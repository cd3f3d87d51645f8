"""CLY110."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.finding import Confidence, Finding, Severity
from celerylint.model.project import App, Project, Task
from celerylint.rules.base import Rule
from celerylint.rules.brokers import family_of
from celerylint.rules.delivery.waits import speaks_of


class FailureDropsMessage(Rule):
    """The message of a failed run is rejected, and nobody keeps it.

    With `acks_on_failure_or_timeout=False` (or `acks_on_failure=False`, Celery 5.7 and later) a task that acknowledges
    late and fails is not acknowledged but rejected, and not put back into its queue. It is not run again. A broker
    with a dead-letter exchange on that queue moves the message there, where somebody can look at it; any other
    drops it. So without one the option does nothing but make failures look like rejects in the broker's numbers.

    Queues in the settings that name an `x-dead-letter-exchange` are taken to have one. A policy on the server may do the
    same and cannot be seen here. SQS is left alone: what is rejected there is handed out again once its visibility timeout
    is over.

    ## What to do

    To run it again, retry: `autoretry_for`. To keep what failed, give its queue a dead-letter exchange. Otherwise leave
    the option out.

    [Task.acks_on_failure_or_timeout](https://docs.celeryq.dev/en/stable/userguide/tasks.html#Task.acks_on_failure_or_timeout)
    """

    code = "CLY110"
    name = "failure-drops-message"
    summary = "The message of a failed run is rejected, and nobody keeps it."
    severity = Severity.WARNING
    confidence = Confidence.MEDIUM
    bad = """\
from celery import Celery

app = Celery("shop", broker="amqp://localhost")


@app.task(acks_late=True, acks_on_failure_or_timeout=False)
def pull(url):
    fetch(url)
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="amqp://localhost")


@app.task(acks_late=True, autoretry_for=(ConnectionError,), retry_backoff=True)
def pull(url):
    fetch(url)
"""

    def check_task(self, task: Task, project: Project) -> Iterable[Finding]:
        name = "acks_on_failure" if "acks_on_failure" in task.options else "acks_on_failure_or_timeout"
        held = task.option(name)
        if not held.is_(False) or held.at is None or not task.option("acks_late").truthy or task.app is None:
            return
        if _has_dead_letters(task.app) or family_of(task.app, project) == "sqs":
            return
        yield self.finding(
            held.at,
            f"a run of {task.name} that fails is rejected and not put back: without a dead-letter exchange on its queue the"
            " broker drops the message, and it is not run again",
            "retry it, give its queue a dead-letter exchange, or leave the option out",
            symbol=task.name,
        )


def _has_dead_letters(app: App) -> bool:
    """Whether a queue in the settings has a dead-letter exchange, or may have one."""
    queues = app.settings.get("task_queues")
    if queues is None or not queues.chosen:
        return False
    return not queues.is_(None) and speaks_of(queues.raw, "x-dead-letter")

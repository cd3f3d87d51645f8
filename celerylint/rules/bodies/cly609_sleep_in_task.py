"""CLY609."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.effects.behaviour import Behaviour
from celerylint.effects.events import Wait
from celerylint.finding import Finding, Severity
from celerylint.model.project import Project
from celerylint.rules.base import Rule
from celerylint.rules.bodies.telling import way
from celerylint.rules.workload import seconds

_LEAST = 1.0
"""Seconds from which a sleep is worth a message."""


class SleepInTask(Rule):
    """A worker process that sleeps runs nothing else.

    `time.sleep` in a task keeps its process, thread or greenlet from all other tasks. A pool of eight whose tasks wait thirty
    seconds for something is busy with eight of them, and does nothing.

    Sleeps of less than a second are left alone.

    ## What to do

    Let the broker wait: `raise self.retry(countdown=30)` where the task looks again whether something is ready, or send what
    comes later as a task of its own with `apply_async(countdown=30)`. For calls that may come only so often,
    use `rate_limit`.

    [Tasks: retrying](https://docs.celeryq.dev/en/stable/userguide/tasks.html#retrying),
    [Calling: ETA and countdown](https://docs.celeryq.dev/en/stable/userguide/calling.html#eta-and-countdown)
    """

    code = "CLY609"
    name = "sleep-in-task"
    summary = "A task sleeps, and the worker process with it."
    severity = Severity.INFO
    preset = "playbook"
    bad = """\
import time

from celery import Celery

app = Celery("shop", broker="redis://")


@app.task(bind=True)
def wait_for(self, job):
    while not job.ready:
        time.sleep(30)
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="redis://")


@app.task(bind=True)
def wait_for(self, job):
    if not job.ready:
        raise self.retry(countdown=30)
"""

    def check_behaviour(self, behaviour: Behaviour, project: Project) -> Iterable[Finding]:
        task = behaviour.task
        for wait in behaviour.trace.of(Wait):
            if wait.seconds is None or wait.seconds < _LEAST:
                continue
            again = ", each time round the loop" if wait.in_loop else ""
            yield self.finding(
                wait.at,
                f"{task.name} sleeps {seconds(wait.seconds)}{again}: its worker process runs no other task meanwhile",
                "let Celery wait: self.retry(countdown=...), or apply_async(countdown=...) of what comes later",
                symbol=task.name,
                related=way(task, wait),
            )

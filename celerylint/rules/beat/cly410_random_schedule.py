"""CLY410."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.finding import Finding, Severity
from celerylint.model.project import Entry, Project
from celerylint.model.values import marks_of
from celerylint.rules.base import Rule, related


class RandomSchedule(Rule):
    """The schedule is drawn by lot once per process: it changes with each restart, and differs between processes.

    `crontab(minute=random.randint(0, 59))` is evaluated when the module is imported, not each time the task is due.
    Beat keeps the minute until it is restarted and then takes another: on a day with a deployment the task may run
    twice, or not at all. Anything else that imports the configuration sees yet another schedule.

    ## What to do

    Write a fixed time. To spread load, derive the minute from something that stays, such as the customer's id, or let
    the task put off its own work: `apply_async(countdown=random.randint(0, 600))`.

    [Periodic tasks](https://docs.celeryq.dev/en/stable/userguide/periodic-tasks.html#crontab-schedules)
    """

    code = "CLY410"
    name = "random-schedule"
    summary = "A schedule is made with random: it changes with each restart of beat."
    severity = Severity.WARNING
    bad = """\
import random
from celery import Celery
from celery.schedules import crontab

app = Celery("shop", broker="redis://")
app.conf.beat_schedule = {
    "sync": {"task": "shop.sync", "schedule": crontab(minute=random.randint(0, 59), hour=3)},
}


@app.task(name="shop.sync")
def sync(): ...
"""
    good = """\
from celery import Celery
from celery.schedules import crontab

app = Celery("shop", broker="redis://")
app.conf.beat_schedule = {
    "sync": {"task": "shop.sync", "schedule": crontab(minute=17, hour=3)},
}


@app.task(name="shop.sync")
def sync(): ...
"""

    def check_entry(self, entry: Entry, project: Project) -> Iterable[Finding]:
        if entry.raw is None or entry.lost or "random" not in marks_of(entry.raw):
            return
        where = entry.keys.get("schedule") or entry.at
        yield self.finding(
            where,
            f"the schedule of `{entry.name}` is drawn by lot when beat starts: each restart changes it, and may skip a"
            " run or add one",
            "write a fixed time",
            symbol=entry.name,
            related=related(entry.at, "the entry") if where[1].line != entry.at[1].line else [],
        )

"""CLY409."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.finding import Finding, Severity
from celerylint.model.project import Entry, Project
from celerylint.model.values import Mapping, forced
from celerylint.rules.base import Rule


class ScheduleWithoutExpires(Rule):
    """While no worker runs, messages of this entry pile up, and later all run one after the other.

    Beat sends on time whether or not somebody works. After an hour without workers a task that is due every minute
    waits sixty times in the queue, and every one of them runs, although only the last is of use. With `expires` a
    worker drops what is older.

    ## What to do

    Add `"options": {"expires": 55}`, a little less than the interval, or `expires=` on the task.

    [Available fields](https://docs.celeryq.dev/en/stable/userguide/periodic-tasks.html#available-fields)
    """

    code = "CLY409"
    name = "schedule-without-expires"
    summary = "A scheduled task does not expire: after a pause of the workers all that was missed runs."
    severity = Severity.INFO
    preset = "playbook"
    bad = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.beat_schedule = {
    "sync": {"task": "shop.sync", "schedule": 60},
}


@app.task(name="shop.sync")
def sync(): ...
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.beat_schedule = {
    "sync": {"task": "shop.sync", "schedule": 60, "options": {"expires": 55}},
}


@app.task(name="shop.sync")
def sync(): ...
"""

    def check_entry(self, entry: Entry, project: Project) -> Iterable[Finding]:
        if entry.task is None or entry.lost or not entry.arguments.known:
            return
        own = entry.task.option("expires")
        if not own.known or own.value is not None:
            return
        options = forced(entry.options) if entry.options is not None else None
        if options is not None and (not isinstance(options, Mapping) or options.open or "expires" in options.items):
            return
        given = entry.arguments.value
        if any(isinstance(part, dict) and "expires" in part for part in given[2:]):
            return
        yield self.finding(
            entry.at,
            f"`{entry.name}` sends {entry.task.name} {_when(entry)}, also while no worker runs: its messages do not"
            " expire, and all of them run later",
            'add "options": {"expires": ...}, a little less than the interval',
            symbol=entry.name,
        )


def _when(entry: Entry) -> str:
    return entry.schedule if entry.schedule and entry.schedule.startswith("every") else "on schedule"

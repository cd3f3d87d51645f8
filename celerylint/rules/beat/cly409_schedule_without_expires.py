"""CLY409."""

from __future__ import annotations

import re
from collections.abc import Iterable

from celerylint.facts import ir
from celerylint.finding import AddDictEntry, Edit, Finding, Fix, Severity
from celerylint.model.project import Entry, Project
from celerylint.model.values import Mapping, forced, place
from celerylint.rules import mending
from celerylint.rules.base import Rule


class ScheduleWithoutExpires(Rule):
    """While no worker runs, messages of this entry pile up, and later all run one after the other.

    Beat sends on time whether or not somebody works. After an hour without workers a task that is due every minute
    waits sixty times in the queue, and every one of them runs, although only the last is of use. With `expires` a
    worker drops what is older.

    ## What to do

    Add `"options": {"expires": 55}`, a little less than the interval, or `expires=` on the task.

    ## Fix safety

    The fix lets the messages of an entry with a fixed interval expire a tenth before the next is due. It is unsafe: what no
    worker takes in time is dropped. An entry with a crontab has none, since its times may lie anywhere apart.

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
    "sync": {"task": "shop.sync", "schedule": 60, "options": {"expires": 54}},
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
            fix=_expiring(entry),
        )


_INTERVAL = re.compile(r"every (\d+(?:\.\d+)?) s")


def _expiring(entry: Entry) -> Fix | None:
    """A time a tenth below the interval, where that is known."""
    interval = _INTERVAL.fullmatch(entry.schedule or "")
    after = int(float(interval[1]) * 0.9) if interval is not None else 0
    if after < 1:
        return None
    options = forced(entry.options) if entry.options is not None else None
    edits: list[Edit]
    if entry.kind != "setting":
        edits = mending.set_at(entry.at, expires=str(after)) if isinstance(entry.at[1], ir.Call) else []
    elif isinstance(options, Mapping) and options.at is not None:
        own = isinstance(options.at[1], ir.DictExpr)
        edits = [AddDictEntry(place(options.at), "expires", str(after))] if own else []
    else:
        beside = entry.keys.get("schedule") if "options" not in entry.keys else None
        known = beside is not None and isinstance(beside[1], (ir.Const, ir.Keyword))
        edits = mending.set_at(beside, options=f'{{"expires": {after}}}') if beside is not None and known else []
    return mending.unsafe(f"let its messages expire after {after} s", *edits) if edits else None


def _when(entry: Entry) -> str:
    return entry.schedule if entry.schedule and entry.schedule.startswith("every") else "on schedule"

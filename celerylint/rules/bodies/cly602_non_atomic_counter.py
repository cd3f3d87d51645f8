"""CLY602."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.effects.behaviour import Behaviour
from celerylint.effects.events import Save, Trace, Write, covers
from celerylint.finding import Finding, Severity
from celerylint.model.project import Project
from celerylint.rules.base import Rule
from celerylint.rules.bodies.telling import way


class NonAtomicCounter(Rule):
    """Two runs at the same time read the same number, and one of the two additions is lost.

    `row.n += 1` reads the number that this process fetched earlier, adds to it in Python, and `save()` writes the result
    over whatever has become of the row in the meantime. Workers do exactly that beside each other: of two runs that both
    read 7, both write 8.

    A row that was fetched under `select_for_update` is left alone, and so are a row that the task made itself and a field
    that it set before it counts.

    ## What to do

    Let the database add: `Page.objects.filter(pk=pk).update(hits=F("hits") + 1)`; in SQLAlchemy
    `page.hits = Page.hits + 1`. A second run of the task still counts twice; see CLY601.

    [F() expressions](https://docs.djangoproject.com/en/stable/ref/models/expressions/#avoiding-race-conditions-using-f),
    [Tasks: state](https://docs.celeryq.dev/en/stable/userguide/tasks.html#state)
    """

    code = "CLY602"
    name = "non-atomic-counter"
    summary = "A number of a fetched row is counted in Python and saved: runs beside each other lose additions."
    severity = Severity.WARNING
    bad = """\
from celery import Celery
from django.db import models

app = Celery("shop", broker="redis://")


class Page(models.Model):
    hits = models.IntegerField(default=0)


@app.task
def count(pk):
    page = Page.objects.get(pk=pk)
    page.hits += 1
    page.save()
"""
    good = """\
from celery import Celery
from django.db import models
from django.db.models import F

app = Celery("shop", broker="redis://")


class Page(models.Model):
    hits = models.IntegerField(default=0)


@app.task
def count(pk):
    Page.objects.filter(pk=pk).update(hits=F("hits") + 1)
"""

    def check_behaviour(self, behaviour: Behaviour, project: Project) -> Iterable[Finding]:
        task, trace = behaviour.task, behaviour.trace
        for write in trace.of(Write):
            if not write.counter or write.locked or not _saved(write, trace) or _locked(write) or _reset(write, trace):
                continue
            yield self.finding(
                write.at,
                f"`{write.name}` is counted in Python and saved: two runs of {task.name} at the same time read the same number,"
                " and one addition is lost",
                f'let the database add: .update({write.name}=F("{write.name}") + ...)',
                symbol=task.name,
                related=way(task, write),
            )


def _reset(write: Write, trace: Trace) -> bool:
    """Whether the run set the field itself before: it adds to that, and not to what it fetched."""
    return any(
        earlier.order < write.order and not earlier.counter and covers(earlier, write)
        for earlier in trace.of(Write)
        if earlier.name == write.name and earlier.subject == write.subject
    )


def _saved(write: Write, trace: Trace) -> bool:
    return any(
        save.order > write.order and save.subject in ("", write.subject) and (save.subject or not save.model)
        for save in trace.of(Save)
    )


def _locked(write: Write) -> bool:
    """Whether a lock that others take too is held."""
    return any(
        (hold.gate.kind in ("claim", "locked") and hold.holds is not False and not hold.gate.local)
        # Adding where the same field was looked at is setting a flag, or guarded.
        or (hold.gate.kind == "field" and hold.gate.name == write.name)
        for hold in write.holds
    )

"""CLY610."""

from __future__ import annotations

import re
from collections.abc import Iterable

from celerylint.effects.behaviour import Behaviour
from celerylint.effects.catalogue import kinds
from celerylint.effects.events import Act, Raised, Trace, Write, covers
from celerylint.effects.guards import handed_on, writes
from celerylint.effects.symbols import Gate, Hold
from celerylint.finding import Confidence, Finding, Severity
from celerylint.model.project import Project
from celerylint.rules.base import Rule, related
from celerylint.rules.bodies.telling import way

_DONE = re.compile(
    r"(^|_)(sent|emailed|mailed|notified|charged|paid|captured|processed|done|completed|complete|finished|executed|delivered|synced"
    r"|synchronized|published|exported|imported|uploaded|posted|invoiced|billed|refunded|handled|dispatched|shipped|generated|indexed|welcomed|onboarded|greeted|reminded|alerted|thanked|announced|broadcast|pushed"
    r"|credited|debited|awarded|granted|issued|settled|fulfilled|reported|recorded|submitted|provisioned|transferred|migrated|applied)"
    r"(_(at|on|date|time|ts|flag))?$"
)
"""Fields that say that something was done."""


class GuardNeverSet(Rule):
    """The task leaves early if a field says that it is done, and never sets that field.

    The check reads like a guard against a second run, and is none: whatever the task has done, the next run finds the
    field as the first one did, and does it again.

    Only fields are meant whose name says that something was done (`sent_at`, `is_paid`, `processed`), in front of an
    effect that a second run would repeat. A field is taken to be set wherever the task writes it, itself or through what it
    calls; where the row is handed to something that cannot be read, nothing is said.

    ## What to do

    Set the field right after the effect, and save it: `order.charged_at = timezone.now()`, `order.save()`.

    [Tasks should be idempotent](https://docs.celeryq.dev/en/stable/userguide/tasks.html)
    """

    code = "CLY610"
    name = "guard-never-set"
    summary = "The task asks a field whether it was done, and never sets it."
    severity = Severity.WARNING
    confidence = Confidence.MEDIUM
    bad = """\
import stripe
from celery import Celery
from django.db import models

app = Celery("shop", broker="redis://")


class Order(models.Model):
    charged_at = models.DateTimeField(null=True)


@app.task(acks_late=True)
def charge(order_id, amount):
    order = Order.objects.get(id=order_id)
    if order.charged_at is not None:
        return
    stripe.Charge.create(amount=amount)
"""
    good = """\
import stripe
from celery import Celery
from django.db import models
from django.utils import timezone

app = Celery("shop", broker="redis://")


class Order(models.Model):
    charged_at = models.DateTimeField(null=True)


@app.task(acks_late=True)
def charge(order_id, amount):
    order = Order.objects.get(id=order_id)
    if order.charged_at is not None:
        return
    stripe.Charge.create(amount=amount)
    order.charged_at = timezone.now()
    order.save()
"""

    def check_behaviour(self, behaviour: Behaviour, project: Project) -> Iterable[Finding]:
        task, trace = behaviour.task, behaviour.trace
        if not trace.complete:
            return
        seen: set[int] = set()
        for judged in behaviour.acts:
            if judged.act.kind is kinds.FANOUT:
                continue  # the task that is sent may set it
            if _gives_up(judged.act, trace):
                continue  # it tells of what is wanting: who finds the field set goes on
            for hold in judged.act.holds:
                gate = hold.gate
                if id(gate) in seen or not _says_done(hold) or gate.at is None:
                    continue
                seen.add(id(gate))
                if writes(gate, trace) or handed_on(gate, trace) or _writes_any(gate, behaviour):
                    continue
                yield self.finding(
                    gate.at,
                    f"{task.name} leaves early if `{gate.name}` is set, and never sets it: a second run {judged.act.kind.again}"
                    f" (`{judged.act.what}`)",
                    f"set `{gate.name}` right after it, and save it",
                    symbol=task.name,
                    related=[*related(judged.act.at, "what it should guard"), *way(task, judged.act, judged.triggers)],
                )


def _gives_up(act: Act, trace: Trace) -> bool:
    """Whether the run raises whenever it has done something."""
    return any(
        raised.order > act.order and covers(raised, act) and not any(s.kind == "handler" for s in raised.trail)
        for raised in trace.of(Raised)
    )


def _says_done(hold: Hold) -> bool:
    return (
        hold.gate.kind == "field" and hold.holds is False and not hold.weak and _DONE.search(hold.gate.name) is not None
    )


def _writes_any(gate: Gate, behaviour: Behaviour) -> bool:
    """Whether the task writes the field of any row of that class, under any name of its."""
    return any(write.name == gate.name for write in behaviour.trace.of(Write))

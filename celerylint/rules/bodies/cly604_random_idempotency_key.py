"""CLY604."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.effects.behaviour import Behaviour
from celerylint.finding import Finding, Severity
from celerylint.model.project import Project
from celerylint.rules.base import Rule
from celerylint.rules.bodies.telling import way


class RandomIdempotencyKey(Rule):
    """The key that should make a repeat harmless is another one in each run.

    The other side takes two requests with one idempotency key for one. A key that the run makes of `uuid4()`, of the time
    or of a random number is new in each run: a retry sends another key, and is a new request.

    ## What to do

    Make the key of what is the same in every run of the same message: of the task's arguments
    (`f"charge-{order_id}"`), or of `self.request.id`, which a retry and a redelivery keep.

    [Idempotent requests](https://docs.stripe.com/api/idempotent_requests),
    [Tasks should be idempotent](https://docs.celeryq.dev/en/stable/userguide/tasks.html)
    """

    code = "CLY604"
    name = "random-idempotency-key"
    summary = "An idempotency key is made anew in each run: a retry is taken for another request."
    severity = Severity.ERROR
    bad = """\
import uuid

import stripe
from celery import Celery

app = Celery("shop", broker="redis://")


@app.task(acks_late=True)
def charge(order_id, amount):
    stripe.Charge.create(amount=amount, idempotency_key=str(uuid.uuid4()))
"""
    good = """\
import stripe
from celery import Celery

app = Celery("shop", broker="redis://")


@app.task(acks_late=True)
def charge(order_id, amount):
    stripe.Charge.create(amount=amount, idempotency_key=f"charge-{order_id}")
"""

    def check_behaviour(self, behaviour: Behaviour, project: Project) -> Iterable[Finding]:
        task = behaviour.task
        for judged in behaviour.acts:
            act = judged.act
            if act.key is None or not act.key.random:
                continue
            yield self.finding(
                act.at,
                f"the idempotency key of `{act.what}` is made anew in each run of {task.name}: a second run"
                f" {act.kind.again} under another key",
                "make the key of the task's arguments or of self.request.id",
                symbol=task.name,
                related=way(task, act, judged.triggers),
            )

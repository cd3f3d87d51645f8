"""CLY601."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import structs

from celerylint.effects.behaviour import Behaviour, Judged
from celerylint.effects.guards import Answer
from celerylint.effects.triggers import Trigger, before_the_mark
from celerylint.effects.unique import is_refused
from celerylint.finding import Confidence, Finding, Severity
from celerylint.model.project import Project, Task
from celerylint.rules.base import Rule
from celerylint.rules.bodies.telling import way
from celerylint.rules.delivery import cly104_visibility_timeout_exceeded as visibility

_ADVICE = {
    "payment": "pass an idempotency key made of the task's arguments, or check and set a field of the row around it",
    "http": "send an Idempotency-Key made of the task's arguments, or check a field of the row before it and set it after",
    "create": "use get_or_create with a unique constraint, or check before it what tells that it was done",
    "counter": "record what was counted under a unique key and count it only if that was new",
    "fan-out": "let the tasks that it sends be repeatable, or check before it what tells that they were sent",
    "append": "write the whole file, under a name made of the task's arguments",
    "file": "name the file after the task's arguments",
    "index": "give the document an id made of the task's arguments",
}
_CHECK = "check before it a field that says it was done, and set that field right after it"


class UnguardedSideEffect(Rule):
    """A second run of the task does it again: a second charge, a second mail, a second row.

    Celery delivers at least once. With `acks_late` the message of a worker that dies is delivered again; `autoretry_for`
    and `self.retry` run the task again from its first line. Whatever the body had done by then is done twice, unless
    something in the body tells that it was done.

    The body is followed into the functions and methods of the project that it calls. Reported is an effect that another
    run repeats (payments, mail, messages, POST requests, published messages, created rows, counters, appended files, tasks
    that are not repeatable themselves), that a trigger can reach (`acks_late`; a retry that can happen *after* the effect;
    a countdown that is longer than the broker's visibility timeout), and that nothing guards. Guards are seen where
    they dominate the effect:

    - a field that is checked before it and written on the same path: `if order.charged_at: return`; not where another request
      stands between the effect and the field, whose failure leads to a retry: that finds the field unset
    - `created` of `get_or_create`, an upsert, `except IntegrityError` around the insert
    - the number of rows that a conditional `update()` met
    - an idempotency key made of the task's arguments or of `self.request.id`
    - `cache.add`, `SET NX` or a lock that outlives the run
    - rows that are deleted before they are created again

    Money, mail and messages are errors; the others are warnings. Where a condition asks something that cannot be read, or
    whether anything raises after the effect is a guess, the finding has low confidence and is shown with `--confidence low`
    only, as are effects that are guarded against a later run and not against one at the same time; where the schedule starts
    a run beside one that is not over, these are shown.

    ## What to do

    ```python
    @app.task(bind=True, acks_late=True)
    def charge_customer(self, order_id):
        order = Order.objects.get(id=order_id)
        if order.charged_at is not None:
            return
        charge = stripe.Charge.create(amount=order.total_cents, idempotency_key=f"charge-{order_id}")
        order.charged_at = timezone.now()
        order.save()
    ```

    A function that may be repeated, or that has an effect which the tool cannot know, can be named:

    ```toml
    [tool.celerylint]
    repeat-safe = ["shop.ledger.post_once"]
    effects = ["shop.erp.Client.book"]
    guard-decorators = ["shop.locks.only_once"]
    lock-context-managers = ["shop.locks.exclusive"]
    ```

    What `guard-decorators` names lets a run do its work once only, as a decorator or in a `with`; what
    `lock-context-managers` names keeps out a run at the same time, and not a later one.

    [Should I use retry or acks_late?](https://docs.celeryq.dev/en/stable/faq.html#faq-acks-late-vs-retry)
    """

    code = "CLY601"
    name = "unguarded-side-effect"
    summary = "A second run of the task charges, sends or creates again: nothing tells it that it was done."
    severity = Severity.WARNING
    confidence = Confidence.MEDIUM
    bad = """\
import stripe
from celery import Celery

app = Celery("shop", broker="redis://")


@app.task(acks_late=True)
def charge(order_id, amount):
    stripe.Charge.create(amount=amount)
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
        breach: tuple[Trigger, ...] | None = None
        for judged in behaviour.acts:
            if judged.act.key is not None and judged.act.key.random:
                continue  # CLY604 speaks of it
            if not judged.triggers and judged.guarded.later is not Answer.YES:
                breach = _breach(behaviour.task, project) if breach is None else breach
                judged = structs.replace(judged, triggers=breach)
            if judged.triggers and judged.guarded.later is not Answer.YES:
                yield self._again(behaviour.task, judged, project)
            elif judged.triggers and (late := before_the_mark(behaviour.task, judged.act, behaviour.trace)) is not None:
                yield self._unmarked(behaviour.task, judged, late)
            elif _at_once(judged):
                yield self._beside(behaviour.task, judged)

    def _again(self, task: Task, judged: Judged, project: Project) -> Finding:
        act = judged.act
        confidence = Confidence(act.kind.confidence)
        if act.in_loop and confidence is Confidence.MEDIUM and act.kind.database is False:
            confidence = Confidence.HIGH
        if judged.guarded.later is Answer.MAYBE or not any(trigger.certain for trigger in judged.triggers):
            confidence = Confidence.LOW
        trigger = next((t for t in judged.triggers if t.certain), judged.triggers[0])
        loop = ", and one that stops in the middle of the loop repeats the first part" if act.in_loop else ""
        does = f"{act.kind.again} (`{act.what}`), and nothing tells it that it was done"
        advice = _ADVICE.get(act.kind.name, _CHECK)
        if act.kind.name == "create" and is_refused(project.machine, act.subject):
            does = f"fails at the row that the first has created (`{act.what}`), as it must be unique; nothing takes that for done"
            loop = ""
            advice = "use get_or_create, or catch the IntegrityError and return"
        return self.finding(
            act.at,
            f"a second run of {task.name} {does}; {trigger.why}{loop}",
            advice,
            symbol=task.name,
            severity=Severity(act.kind.severity),
            confidence=confidence,
            related=way(task, act, judged.triggers),
        )

    def _unmarked(self, task: Task, judged: Judged, late: Trigger) -> Finding:
        act = judged.act
        return self.finding(
            act.at,
            f"a second run of {task.name} {act.kind.again} (`{act.what}`), as the field that tells of it is set only later;"
            f" {late.why}",
            "save the field right after it, before anything else that may fail, or pass an idempotency key",
            symbol=task.name,
            severity=Severity(act.kind.severity),
            confidence=Confidence(act.kind.confidence),
            related=way(task, act, [late]),
        )

    def _beside(self, task: Task, judged: Judged) -> Finding:
        act, beside = judged.act, judged.beside
        why = f"; {beside.why}" if beside is not None else ""
        return self.finding(
            act.at,
            f"two runs of {task.name} at the same time both find it undone, and the second {act.kind.again}"
            f" (`{act.what}`): what is checked before it keeps out a later run only{why}",
            "lock the row (select_for_update), claim it by a conditional update, or pass an idempotency key",
            symbol=task.name,
            confidence=Confidence.MEDIUM if beside is not None else Confidence.LOW,
            related=way(task, act, [*judged.triggers, *([beside] if beside is not None else [])]),
        )


def _breach(task: Task, project: Project) -> tuple[Trigger, ...]:
    """A message that waits for longer than the broker keeps it out of sight is run by more than one worker."""
    found = visibility.breach(task, project)
    return () if found is None else (Trigger("visibility", *found, certain=True),)


def _at_once(judged: Judged) -> bool:
    """Whether only a later run is kept out. A schedule by itself repeats nothing, but what two runs both find undone."""
    again = bool(judged.triggers) or judged.beside is not None
    return again and judged.guarded.later is Answer.YES and judged.guarded.beside is Answer.NO

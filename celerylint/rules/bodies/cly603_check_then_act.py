"""CLY603."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from celerylint.effects.behaviour import Behaviour, Judged
from celerylint.effects.events import Act, CacheSet, Trace
from celerylint.effects.guards import Answer, is_another
from celerylint.effects.models import short
from celerylint.effects.symbols import Hold
from celerylint.effects.unique import is_unique
from celerylint.finding import Confidence, Finding, Severity
from celerylint.model.project import Project, Task
from celerylint.rules.base import Rule, related
from celerylint.rules.bodies.onestep import added, looked_up
from celerylint.rules.bodies.telling import way
from celerylint.rules.retries.delays import autoretries


class CheckThenAct(Rule):
    """Two runs at the same time both look, both find nothing, and both do it.

    Between the look and the mark that the next run is to find there is time, and workers run beside each other: a message
    is delivered twice, an entry of the schedule overlaps with itself, somebody clicks twice. `if cache.get(key): return`
    with `cache.set(key, ...)`, and `if not X.objects.filter(...).exists()` with `X.objects.create(...)`, keep out a run
    that comes later, and not one that comes meanwhile.

    Nothing is said where a unique constraint of the model refuses the second row, where a lock or a locked row is held, or
    where the model cannot be read. What is computed and kept in a cache is no mark.

    ## What to do

    Look and mark in one step: `if not cache.add(key, 1, timeout): return`, `SET key 1 NX EX ...`, `get_or_create` together
    with a unique constraint on what it looks for.

    ## Fix safety

    Where look and mark stand in one function, the fix writes `if not cache.add(...)` for the look and takes the `set` out; a
    look for a row that is created next becomes `get_or_create`, which keeps two runs apart only together with a unique
    constraint. It is unsafe: the mark is then set before the work and not after it, so that a run which fails, or is
    delivered again, finds its own mark. It is not offered for tasks that retry.

    [get_or_create()](https://docs.djangoproject.com/en/stable/ref/models/querysets/#get-or-create),
    [Ensuring a task is only executed one at a time](https://docs.celeryq.dev/en/stable/tutorials/task-cookbook.html)
    """

    code = "CLY603"
    name = "check-then-act"
    summary = "It is looked whether something was done, and marked in another step: runs beside each other both do it."
    severity = Severity.WARNING
    confidence = Confidence.MEDIUM
    bad = """\
from celery import Celery
from django.core.cache import cache
from django.core.mail import send_mail

app = Celery("shop", broker="redis://")


@app.task
def confirm(order_id, to):
    if cache.get(f"confirmed-{order_id}"):
        return
    send_mail("Your order", "...", None, [to])
    cache.set(f"confirmed-{order_id}", True, None)
"""
    good = """\
from celery import Celery
from django.core.cache import cache
from django.core.mail import send_mail

app = Celery("shop", broker="redis://")


@app.task
def confirm(order_id, to):
    if not cache.add(f"confirmed-{order_id}", True, None):
        return
    send_mail("Your order", "...", None, [to])
"""

    def check_behaviour(self, behaviour: Behaviour, project: Project) -> Iterable[Finding]:
        seen: set[int] = set()
        for judged in behaviour.acts:
            if judged.guarded.beside is not Answer.NO or judged.act.kind.confidence == "low":
                continue
            # Who looks twice looks last where it decides.
            for hold in reversed(judged.act.holds):
                if id(hold.gate) not in seen and not hold.weak and hold.gate.at is not None:
                    found = list(self._raced(hold, judged, behaviour, project))
                    seen.update(id(hold.gate) for _ in found)
                    yield from found
                    if found:
                        break

    def _raced(self, hold: Hold, judged: Judged, behaviour: Behaviour, project: Project) -> Iterator[Finding]:
        task, act, gate = behaviour.task, judged.act, hold.gate
        assert gate.at is not None
        if gate.kind == "cached" and hold.holds is not True:
            mark = _mark(hold, behaviour.trace)
            if mark is not None:
                yield self.finding(
                    gate.at,
                    f"two runs of {task.name} at the same time both find this key unset, and the second"
                    f" {act.kind.again} (`{act.what}`): it is set in another step, in line {mark.at[1].line}",
                    "look and set in one step: cache.add(), or SET with NX",
                    symbol=task.name,
                    related=[*related(mark.at, "set here"), *way(task, act)],
                    fix=added(gate.at, mark.at, project) if not _retries(task, project) else None,
                )
        elif (
            _makes_what_was_looked_for(hold, act)
            and not is_another(gate, act, behaviour.trace)
            and is_unique(project.machine, act.subject) is False
            and not _either_way(hold, act, behaviour)
        ):
            yield self.finding(
                gate.at,
                f"two runs of {task.name} at the same time both find no {short(gate.model)}, and both create one"
                f" (`{act.what}`): no unique constraint refuses the second",
                "use get_or_create, and a unique constraint on what it looks for",
                symbol=task.name,
                related=[*related(act.at, "created here"), *way(task, act)],
                fix=looked_up(gate.at, project),
            )


def _retries(task: Task, project: Project) -> bool:
    """Whether a task is, or may be, run again after it failed."""
    return autoretries(task) is not False or bool(project.retries_of(task))


def _mark(hold: Hold, trace: Trace) -> CacheSet | None:
    """Where the entry that was looked for is set, if what is set is a mark rather than something that was computed."""
    marks = (e for e in trace.of(CacheSet) if e.mark and e.order > hold.gate.order)
    return next((e for e in marks if e.subject == hold.gate.subject), None)


def _either_way(hold: Hold, act: Act, behaviour: Behaviour) -> bool:
    """Whether the same place is also reached without it: the body of a `with` whose manager yields in both branches."""
    others = (o.act for o in behaviour.acts if o.act.at == act.at and o.act.path == act.path)
    return any(all(h.gate.at != hold.gate.at for h in other.holds) for other in others)


def _makes_what_was_looked_for(hold: Hold, act: Act) -> bool:
    """Whether the row that is created is one that the look would have found, by the fields that both name."""
    gate = hold.gate
    if gate.kind != "exists" or hold.holds is not False or act.kind.name != "create":
        return False
    looked = {name.removesuffix("_id") for name in gate.name.split(",") if name}
    given = {name.removesuffix("_id") for name in act.subject.entries}
    return act.subject.model == gate.model and looked <= given

"""CLY605."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from celerylint.effects.behaviour import Behaviour
from celerylint.effects.events import Act, CacheSet, Call, Event, Release, Retry, Step, Trace, covers
from celerylint.effects.symbols import Gate
from celerylint.effects.triggers import autoretried, fails
from celerylint.facts import ir
from celerylint.finding import Confidence, Finding, Severity
from celerylint.model.durations import limit
from celerylint.model.idioms.django import DEFAULT_CACHE
from celerylint.model.project import Project, Task
from celerylint.rules.base import Rule, related
from celerylint.rules.bodies.telling import way
from celerylint.rules.workload import seconds

_RENEWS = frozenset({"extend", "reacquire", "renew", "expire", "touch", "pexpire"})


class LockOutlived(Rule):
    """A lock that does not last as long as the run, lasts longer than it, or is seen by one process only.

    - A lock whose time is shorter than the task may run ends while the run goes on: the next run takes it, and both work.
    - A lock in `LocMemCache`, `DummyCache` or `threading.Lock` is known to one process. The other processes of the pool,
      and other workers, take it as well.
    - A key that was claimed before the work and is still there when the task is retried keeps out the retry itself: it finds
      the key taken, leaves, and the work is never done.
    - A lock that is given back after the work, and not in a `finally`, stays taken when the work raises.

    Nothing is said of a lock whose time, or of a task whose time limit, is not known, nor where the lock is extended.

    ## What to do

    Let the lock last longer than the hard time limit of the task, take it in a cache that all workers share, and give it
    back in a `finally` or by `with`; what says that the work was done is set after it.

    [Ensuring a task is only executed one at a time](https://docs.celeryq.dev/en/stable/tutorials/task-cookbook.html)
    """

    code = "CLY605"
    name = "lock-outlived"
    summary = "A lock ends before the run, outlives it, or is seen by one process only."
    severity = Severity.WARNING
    confidence = Confidence.MEDIUM
    bad = """\
import redis
from celery import Celery

app = Celery("shop", broker="redis://")
r = redis.Redis()


@app.task(time_limit=600)
def rebuild(pk):
    with r.lock(f"rebuild-{pk}", timeout=60):
        r.set(f"built-{pk}", 1)
"""
    good = """\
import redis
from celery import Celery

app = Celery("shop", broker="redis://")
r = redis.Redis()


@app.task(time_limit=600)
def rebuild(pk):
    with r.lock(f"rebuild-{pk}", timeout=660):
        r.set(f"built-{pk}", 1)
"""

    def check_behaviour(self, behaviour: Behaviour, project: Project) -> Iterable[Finding]:
        task, trace = behaviour.task, behaviour.trace
        for gate in _claims(trace):
            held = [event for event in trace.events if _holds(event, gate)]
            local = self._local(gate, held, task)
            said = (
                (local if gate.local != DEFAULT_CACHE else None)
                or self._short(gate, held, task, trace)
                or self._kept(gate, held, task, trace, project)
                or self._on_success(gate, held, task, trace)
                or local
            )
            if said is not None:
                yield said

    def _local(self, gate: Gate, held: list[Event], task: Task) -> Finding | None:
        act = next((e for e in held if isinstance(e, Act) and e.kind.confidence != "low"), None)
        if not gate.local or act is None or gate.at is None:
            return None
        return self.finding(
            gate.at,
            f"this lock lives in one process ({gate.local}): another process of the pool takes it as well, and"
            f" {act.kind.again} (`{act.what}`)",
            "take it in a cache that all workers share: Redis or memcached",
            symbol=task.name,
            confidence=Confidence.LOW if gate.local == DEFAULT_CACHE else None,
            related=way(task, act),
        )

    def _short(self, gate: Gate, held: list[Event], task: Task, trace: Trace) -> Finding | None:
        most = limit(task)
        if gate.at is None or not gate.seconds or most is None or gate.seconds >= most:
            return None
        if not trace.complete or not _lasts(gate, trace):
            return None  # it may be renewed
        releases = [release for release in trace.of(Release) if release.subject == gate.subject]
        while_held = [event for event in held if not any(_before(release, event, gate) for release in releases)]
        if 2 * _work(while_held) < _work(trace.events):
            return None  # it is held for a part of the run, which takes as long as nobody knows
        return self.finding(
            gate.at,
            f"this lock ends after {seconds(gate.seconds)} and {task.name} may run for {seconds(most)}: another run takes it"
            " while this one goes on",
            f"let it last longer than the time limit of {seconds(most)}, or limit the task to less",
            symbol=task.name,
            related=related(task.at, f"the task {task.name}"),
        )

    def _kept(self, gate: Gate, held: list[Event], task: Task, trace: Trace, project: Project) -> Finding | None:
        if gate.within or gate.at is None or any(_fails(event, gate) for event in trace.of(Retry)):
            return None
        if not trace.complete or any(_gives_back(event) for event in trace.events if event.order > gate.order):
            return None  # it may be given back where nobody looked, or by a class of the project
        for event in held:
            is_retry = isinstance(event, Retry)
            if event.order <= gate.order or not (is_retry or autoretried(task, event)) or _released(event, gate, trace):
                continue
            after = _delay(task, event, project)
            if after is None or not _lasts(gate, trace) > after:
                continue
            if any(h.weak for h in event.holds if h.gate.subject == gate.subject):
                continue  # something else may let the retry in: that the key is its own
            what = "this retry" if is_retry else "the retry that follows when this raises"
            return self.finding(
                gate.at,
                f"what is claimed here is still taken when {task.name} is retried (line {event.at[1].line}): the retry finds it"
                " taken and leaves, and the work is never done",
                "give it back before the retry, or set what says that it was done after the work",
                symbol=task.name,
                related=[*related(event.at, what), *way(task, event)],
            )
        return None

    def _on_success(self, gate: Gate, held: list[Event], task: Task, trace: Trace) -> Finding | None:
        releases = [e for e in trace.of(Release) if e.subject == gate.subject and e.order > gate.order]
        if gate.within or gate.at is None or not releases or any(_on_failure(e) for e in releases):
            return None
        first = releases[0]
        tries = {step for step in first.trail if step.kind == "try"}
        for event in held:
            caught = {step for step in event.trail if step.kind == "try"} - tries
            if fails(event) and not caught and gate.order < event.order < first.order:
                return self.finding(
                    gate.at,
                    f"this lock is given back only if nothing raises: when line {event.at[1].line} does, it stays taken"
                    f"{_how_long(gate, trace)}, and runs of {task.name} meanwhile leave without doing anything",
                    "give it back in a finally",
                    symbol=task.name,
                    related=[*related(first.at, "given back here"), *way(task, event)],
                )
        return None


def _lasts(gate: Gate, trace: Trace) -> float:
    """How long it stays taken when nobody gives it back, in seconds: 0 if that is not known."""
    if gate.seconds is None or any(call.name in _RENEWS for call in trace.of(Call)):
        return 0
    return gate.seconds


def _how_long(gate: Gate, trace: Trace) -> str:
    lasts = _lasts(gate, trace)
    return " for good" if math.isinf(lasts) else f" for {seconds(lasts)}" if lasts else ""


def _work(events: Iterable[Event]) -> int:
    """How much there is of what takes time."""
    return sum(isinstance(event, (Act, CacheSet, Call)) for event in events)


def _gives_back(event: Event) -> bool:
    """Whether something happens in a method of the project, or a call that cannot be read, that is named for giving back."""
    names = {at[1].func.attr for at in event.path if isinstance(at[1], ir.Call) and isinstance(at[1].func, ir.Attr)}
    return bool(names & _GIVES_BACK) or (isinstance(event, Call) and event.name in _GIVES_BACK)


_GIVES_BACK = frozenset({"release", "unlock"})


def _claims(trace: Trace) -> Iterator[Gate]:
    """The locks and keys that a run takes, each once."""
    seen: dict[tuple[str, int], Gate] = {}
    for event in trace.events:
        for hold in event.holds:
            gate = hold.gate
            if gate.kind == "claim" and gate.name and gate.at is not None and hold.holds is not False:
                seen.setdefault((gate.subject, gate.at[1].line), gate)
    yield from seen.values()


def _holds(event: Event, gate: Gate) -> bool:
    return any(h.gate.kind == "claim" and h.gate.subject == gate.subject and h.holds is not False for h in event.holds)


def _fails(event: Event, gate: Gate) -> bool:
    return any(h.gate.subject == gate.subject and h.holds is False for h in event.holds)


def _on_failure(release: Release) -> bool:
    return any(step.kind in ("finally", "handler") for step in release.trail)


def _released(event: Event, gate: Gate, trace: Trace) -> bool:
    """Whether the claim is given back when the run ends at an event."""
    around: set[int] = {step.node for step in event.trail if step.kind in ("try", "handler", "else")}
    return any(
        release.subject == gate.subject and (_leaves_by(release.trail, around) or _before(release, event, gate))
        for release in trace.of(Release)
    )


def _leaves_by(trail: tuple[Step, ...], around: set[int]) -> bool:
    return any(step.kind in ("finally", "handler") and step.node in around for step in trail)


def _before(release: Release, event: Event, gate: Gate) -> bool:
    """Whether it was given back before an event; in a `finally` that is so wherever it had been taken."""
    ends = any(step.kind == "finally" for step in release.trail)
    return gate.order < release.order < event.order and (ends or covers(release, event))


def _delay(task: Task, event: Event, project: Project) -> float | None:
    """The seconds until the retry; None if they are not known."""
    if isinstance(event, Retry):
        call = next((r for r in project.retries_of(task) if r.at[1].line == event.at[1].line), None)
        given = call.args.keywords if call is not None else {}
        if "countdown" in given or "eta" in given or "options" in given:
            held = given.get("countdown")
            value = getattr(held.value, "value", None) if held is not None else None
            return float(value) if isinstance(value, (int, float)) else None
    elif task.retry("retry_backoff").truthy:
        return 1.0
    delay = task.option("default_retry_delay")
    return float(delay.value) if delay.known and isinstance(delay.value, (int, float)) else None

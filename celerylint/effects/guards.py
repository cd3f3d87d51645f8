"""Whether something keeps a second run from repeating an effect: later (SEQ) or at the same time (CONC).

A guard counts where it dominates the effect, and only as far as the next run finds it: a status that nobody writes guards nothing.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from celerylint.effects.events import (
    Act,
    CacheSet,
    Call,
    Deletion,
    Event,
    Release,
    Save,
    Trace,
    Write,
    covers,
)
from celerylint.effects.symbols import Gate, Hold


class Answer(IntEnum):
    """Whether something is guarded. What cannot be decided is MAYBE, and is not reported for certain."""

    NO = 0
    MAYBE = 1
    YES = 2


class Verdict(NamedTuple):
    """Whether a second run repeats an effect."""

    later: Answer
    """A run after the first."""
    beside: Answer
    """A run at the same time."""


_BOTH = Verdict(Answer.YES, Answer.YES)
_NONE = Verdict(Answer.NO, Answer.NO)


def verdict(act: Act, trace: Trace) -> Verdict:
    """What guards an effect."""
    if act.key is not None and not act.key.random:
        return _BOTH
    if act.swallows or _of_the_attempt(act):
        return _BOTH
    later, beside = Answer.NO, Answer.NO
    for hold in act.holds:
        mine = _gate(hold, act, trace)
        later, beside = max(later, mine.later), max(beside, mine.beside)
    if act.subject.locked:
        beside = Answer.YES
    if act.kind.name == "create" and _recreated(act, trace):
        later = Answer.YES
    if later is Answer.NO and not trace.complete and any(h.gate.kind in ("field", "cached") for h in act.holds):
        later = Answer.MAYBE
    return Verdict(later, beside)


def _of_the_attempt(act: Act) -> bool:
    """Whether it records the attempt, by its number: each has its own."""
    return any(hold.gate.kind == "retries" for value in act.subject.entries.values() for hold in value.holds)


def _gate(hold: Hold, act: Act, trace: Trace) -> Verdict:
    """What one condition guards."""
    gate = hold.gate
    if gate.kind == "created":
        return _BOTH if hold.holds is not False else _NONE
    if gate.kind == "swapped":
        return _BOTH if hold.holds is not False else _NONE
    if gate.kind == "claim":
        return _claim(hold, act, trace)
    if gate.kind == "field":
        later = _status(gate, act, trace)
        return Verdict(later, Answer.YES if later is Answer.YES and _is_locked(gate, trace) else Answer.NO)
    if gate.kind == "cached":
        found = any(_same_entry(gate, e) and covers(e, act) for e in trace.of(CacheSet))
        return Verdict(Answer.YES if found else Answer.NO, Answer.NO)
    if gate.kind == "exists":
        return Verdict(_existence(hold, act, trace), Answer.NO)
    # What a call that cannot be read answered: it may have looked at anything.
    return Verdict(Answer.MAYBE, Answer.MAYBE) if _may_look(gate) else _NONE


def _may_look(gate: Gate) -> bool:
    return "#" in gate.subject or "param:" in gate.subject or "[" in gate.subject or "value:" in gate.subject


def _claim(hold: Hold, act: Act, trace: Trace) -> Verdict:
    if hold.holds is False:
        return _NONE
    beside = Answer.YES if hold.gate.shared else Answer.NO
    given_back = any(e.subject == hold.gate.subject and e.order > act.order for e in trace.of(Release))
    return Verdict(Answer.NO if given_back or not hold.gate.shared else Answer.YES, beside)


def _same_entry(gate: Gate, event: CacheSet) -> bool:
    return bool(event.subject) and (event.subject == gate.subject or gate.subject.startswith(f"{event.subject}:"))


def writes(gate: Gate, trace: Trace) -> list[Write]:
    """Where a run sets the field that a condition asks for."""
    return [e for e in trace.of(Write) if _is_field(gate, e) and (e.order > gate.order or e.in_loop)]


def _is_field(gate: Gate, event: Write) -> bool:
    if event.name not in (gate.name, "*") and event.name.removesuffix("_id") != gate.name.removesuffix("_id"):
        return False
    return event.subject == gate.subject or bool(
        gate.model and event.model and _short(event.model) == _short(gate.model)
    )


def _short(model: str) -> str:
    return model.rpartition(".")[2]


def _status(gate: Gate, act: Act, trace: Trace) -> Answer:
    """A field that is looked at before the effect and written on every path that performs it."""
    if gate.order > act.order:
        return Answer.NO
    best = Answer.NO
    for write in writes(gate, trace):
        if covers(write, act) and (write.saved or _stored(write, trace)):
            return Answer.YES
        best = Answer.MAYBE
    return max(best, Answer.MAYBE) if handed_on(gate, trace) else best


def _stored(write: Write, trace: Trace) -> bool:
    return any(
        e.order > write.order and (e.subject in ("", write.subject) or e.model == write.model) for e in trace.of(Save)
    )


def handed_on(gate: Gate, trace: Trace) -> bool:
    """Whether a call that cannot be read gets the row, and may write it."""
    return any(
        not call.known and any(s.key == gate.subject or (s.model and s.model == gate.model) for s in call.takes)
        for call in trace.of(Call)
        if call.order > gate.order
    )


def _is_locked(gate: Gate, trace: Trace) -> bool:
    return any(write.locked for write in writes(gate, trace))


def _existence(hold: Hold, act: Act, trace: Trace) -> Answer:
    """Rows that were looked for, not found, and are made by this very effect or beside it."""
    model = hold.gate.model
    if hold.holds is True or not model:
        return Answer.NO
    made = [e for e in trace.of(Act) if e.kind.name == "create" and e.subject.model == model]
    if any(e is act or covers(e, act) for e in made):
        return Answer.YES if hold.holds is False else Answer.MAYBE
    return Answer.NO


def _recreated(act: Act, trace: Trace) -> bool:
    """Whether the same run deleted rows of that class before."""
    return any(e.model == act.subject.model and e.order < act.order and covers(e, act) for e in trace.of(Deletion))


def undone(act: Act, event: Event) -> bool:
    """Whether an exception at `event` rolls the effect back."""
    return act.kind.database and act.atomic is not None and not act.deferred and act.atomic in event.trail

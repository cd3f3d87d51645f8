"""What happens in one run of a task, in the order it is written, and how two happenings stand to each other."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TypeVar

from msgspec import Struct

from celerylint.effects.symbols import Hold, Sym
from celerylint.model.values import At, Value

Fields = frozenset[tuple[str, str]]
"""Fields of rows, each by the row's key and its name."""


class Step(Struct, frozen=True):
    """A part of a compound statement that something stands in."""

    kind: str
    """`if`, `loop`, `try`, `handler`, `else`, `finally`, `with`, `case`, `atomic`, `deferred` (until the commit)."""
    node: int
    """The statement, in this activation of its function."""
    arm: int
    """Which of its arms."""
    given: Fields | None = None
    """What alone decides, if a second run finds it the same: fields of rows; none of them for an argument of the task."""


SOMETIMES = frozenset({"if", "loop", "handler", "case"})
"""Parts that a run may pass by."""


class Event(Struct, frozen=True, eq=False):
    """Something that a run does."""

    order: int
    at: At
    trail: tuple[Step, ...]
    path: tuple[At, ...]
    """The calls from the task down to it, outermost first."""
    holds: tuple[Hold, ...]
    """What is so whenever it happens."""

    @property
    def in_loop(self) -> bool:
        """Whether one run may do it several times."""
        return any(step.kind == "loop" for step in self.trail)

    @property
    def atomic(self) -> Step | None:
        """The outermost database transaction that it is part of."""
        return next((step for step in self.trail if step.kind == "atomic"), None)

    @property
    def deferred(self) -> bool:
        """Whether it waits for the commit."""
        return any(step.kind == "deferred" for step in self.trail)


class Kind(Struct, frozen=True):
    """A kind of effect."""

    name: str
    """`payment`, `mail`, `create`, ..."""
    again: str
    """What a second run does, after "a second run": `charges again`."""
    severity: str = "warning"
    confidence: str = "medium"
    database: bool = False
    """Whether a rollback undoes it."""


class Act(Event, frozen=True, eq=False):
    """An effect that a second run would repeat, unless something guards it."""

    kind: Kind
    what: str
    """The call as a reader would name it: `stripe.Charge.create`."""
    subject: Sym
    key: Sym | None = None
    """The idempotency key given to the other side."""
    swallows: bool = False
    """Whether a violated unique constraint is caught around it."""
    task: object = None
    """The task that it sends, for fan-out, or a tuple of all those of a canvas."""
    random_name: bool = False
    left: tuple[tuple[int, float], ...] = ()
    """The numbers between which a run that did it does nothing more: its function returned."""


class Write(Event, frozen=True, eq=False):
    """A field of a row is set; `saved` if the same call stores it."""

    subject: str
    model: str
    name: str
    saved: bool
    counter: bool = False
    """The new value is made of the old one in this process."""
    locked: bool = False
    value: Sym | None = None
    left: tuple[tuple[int, float], ...] = ()
    """As for an effect."""


class Save(Event, frozen=True, eq=False):
    """What was set on a row is stored; for a session's commit the subject is empty."""

    subject: str
    model: str
    fields: frozenset[str] = frozenset()
    """The only fields that are stored, if it names them."""

    def stores(self, write: Write) -> bool:
        """Whether it stores what was set before."""
        if self.order < write.order or (self.fields and write.name.partition("[")[0] not in self.fields | {"*"}):
            return False
        return self.subject in ("", write.subject) or self.model == write.model


class CacheSet(Event, frozen=True, eq=False):
    """A cache entry is written."""

    subject: str
    seconds: float | None = None
    mark: bool = False
    """Whether it is a constant or the time: a mark, and nothing that was computed."""


class Release(Event, frozen=True, eq=False):
    """A claim is given back."""

    subject: str


class Deletion(Event, frozen=True, eq=False):
    """Rows of a class are deleted."""

    model: str


class Call(Event, frozen=True, eq=False):
    """A call that may raise. `what` is empty where it cannot be known."""

    what: str
    name: str
    takes: tuple[Sym, ...] = ()
    """What it was given, where it cannot be read: it may change any of it."""
    known: bool = False
    """Whether it is known to change nothing outside."""


class Retry(Event, frozen=True, eq=False):
    """The task asks to be run again."""


class Wait(Event, frozen=True, eq=False):
    """The run waits, and its worker process with it."""

    what: str
    """What it waits in: `time.sleep`, `requests.get`."""
    seconds: float | None
    """How long; None for an answer that no timeout bounds."""
    given: bool = False
    """Whether somebody wrote `timeout=None`."""


class Use(Event, frozen=True, eq=False):
    """A body uses what a call of a package returned when its module was imported, or something of it."""

    client: Value


class Raised(Event, frozen=True, eq=False):
    """An exception is raised by a statement; `name` is that of its class, empty for one that is raised again."""

    name: str = ""


E = TypeVar("E", bound=Event)


class Trace(Struct, frozen=True, eq=False, dict=True):
    """What one run of a task does."""

    events: tuple[Event, ...]
    complete: bool
    """False where it was too long or too deep to be followed to its end."""
    cut: bool = False
    """Whether it was too long: nothing is known of what comes after."""
    caught: dict[tuple[int, int], tuple[str, ...]] = {}
    """The names of what handlers take, by the `try` and the number of the handler; `*` for everything, `?` for what has none."""

    def of(self, kind: type[E]) -> Iterator[E]:
        """The events of a kind, in order."""
        for event in self.events:
            if isinstance(event, kind):
                yield event

    @cached_property
    def leaving(self) -> frozenset[tuple[int, int]]:
        """The handlers that raise, or ask for a retry, by the `try` and their number."""
        raised = (event for event in self.events if isinstance(event, (Raised, Retry)))
        return frozenset((s.node, s.arm) for event in raised for s in event.trail if s.kind == "handler")


def exclusive(one: Event, other: Event) -> bool:
    """Whether no run does both (but for turns of one loop)."""
    for left, right in zip(one.trail, other.trail, strict=False):
        if left == right:
            continue
        kinds = {left.kind, right.kind}
        return left.node == right.node and (kinds <= {"if", "case"} or kinds <= {"handler", "else"})
    return False


def covers(one: Event, other: Event) -> bool:
    """Whether every run that does `other`, and raises nothing, does `one` as well."""
    mine = [step for step in one.trail if step.kind in SOMETIMES]
    theirs = [step for step in other.trail if step.kind in SOMETIMES]
    return mine == theirs[: len(mine)]


def _ends_before(early: Act | Write, late: Event) -> bool:
    """Whether the function of an effect, or the run, is left before something else that is written further down."""
    if not any(start < late.order <= stop for start, stop in early.left):
        return False
    # What raised on the way out is taken by the handlers around it, and every way out goes through `finally`.
    around = {step.node for step in early.trail if step.kind == "try"}
    return not any(
        step not in early.trail and (step.kind == "finally" or (step.kind == "handler" and step.node in around))
        for step in late.trail
    )


def can_follow(late: Event, early: Event) -> bool:
    """Whether a run can do `late` after it did `early`."""
    if early.deferred and early.atomic in late.trail and not late.deferred:
        return False
    if late.deferred and late.atomic in early.trail and not early.deferred and not exclusive(late, early):
        return True  # it waits for the commit
    if exclusive(late, early):
        return any(a == b and a.kind == "loop" for a, b in zip(late.trail, early.trail, strict=False))
    if late.order > early.order and not (isinstance(early, (Act, Write)) and _ends_before(early, late)):
        return True
    return any(a == b and a.kind == "loop" for a, b in zip(late.trail, early.trail, strict=False))

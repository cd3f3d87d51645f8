"""How often a task is retried and how long each retry waits, as the rules of this folder need it."""

from __future__ import annotations

import math

from celerylint.model.project import Retry, Task
from celerylint.model.values import Mapping, Missing, Scalar, Sequence, Value, forced

FOREVER = math.inf


def autoretries(task: Task) -> bool | None:
    """Whether `autoretry_for` names an exception; None if that cannot be known."""
    raw = task.retry("autoretry_for").raw
    value = forced(raw) if raw is not None else None
    if not isinstance(value, Sequence):
        return None
    return True if value.items else None if value.open else False


def caught(task: Task) -> list[Value]:
    """The exceptions of `autoretry_for` that are known, tuples in tuples taken apart."""
    raw = task.retry("autoretry_for").raw
    return _flat(raw) if raw is not None else []


def _flat(value: Value) -> list[Value]:
    value = forced(value)
    if isinstance(value, Sequence):
        return [inner for item in value.items for inner in _flat(item)]
    return [value]


def retry_kwarg(task: Task, name: str) -> Value | None:
    """A key of `retry_kwargs`; `Missing` if it is not there, None if that cannot be known."""
    held = task.retry("retry_kwargs")
    value = forced(held.raw) if held.raw is not None else None
    if not isinstance(value, Mapping):
        return None
    entry = value.items.get(name)
    if entry is not None:
        return forced(entry.value)
    return None if value.open else Missing()


def most(task: Task) -> float | None:
    """How often the task is retried at most, by its own options; None if that cannot be known."""
    given = retry_kwarg(task, "max_retries")
    if given is None:
        return None
    # None among `retry_kwargs` means "as the task says", not "forever".
    return most_by_hand(task) if isinstance(given, Missing) or is_none(given) else _count(given)


def most_by_hand(task: Task, retry: Retry | None = None) -> float | None:
    """How often `self.retry()` retries at most."""
    if retry is not None:
        given = argument(retry, "max_retries", 6)
        if given is not None and not is_none(given):
            return _count(given)
    held = task.option("max_retries")
    if not held.known:
        return None
    return FOREVER if held.value is None else _number(held.value)


def argument(retry: Retry, name: str, position: int) -> Value | None:
    """An argument of a call of `retry(args, kwargs, exc, throw, eta, countdown, max_retries)`."""
    value = retry.args.get(position, name)
    return forced(value) if value is not None else None


def is_none(value: Value) -> bool:
    """Whether it is None itself."""
    return isinstance(value, Scalar) and value.value is None


def _count(value: Value) -> float | None:
    return _number(value.value) if isinstance(value, Scalar) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


# --- wording ----------------------------------------------------------------------------------------------------------


def span(seconds: float) -> str:
    """`45 s`, `540 s (9 min)`, `7200 s (2 h)`, `432000 s (5 d)`."""
    text = f"{seconds:g} s" if seconds < 1e6 else f"{seconds:.0f} s"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{text} ({seconds / size:.3g} {unit})"
    return text


_DAY = 86400


def fixed(task: Task, seconds: float, retries: float | None) -> str:
    """What happens to a task whose every retry waits the same. `retries` is how many there are at most, if known."""
    if not seconds:
        every = {None: "every retry", FOREVER: "retry after retry"}.get(retries) or f"each of its {retries:g} retries"
        return f"{task.name} is tried again without a pause: {every} meets the trouble that has just made it fail"
    start = f"{task.name} waits a fixed {span(seconds)} before each retry"
    together = "tasks that failed together come back together"
    if retries is None:
        return f"{start}: the wait never grows while the trouble lasts, and {together}"
    if retries == FOREVER:
        return f"{start}, without end: the wait never grows while the trouble lasts, and {together}"
    if retries * seconds >= _DAY:
        return f"{start}, for {span(retries * seconds)} in all: the wait never grows while the trouble lasts, and {together}"
    last = f"trouble that lasts longer than {span(retries * seconds)} outlasts every retry"
    return f"{start}, {retries:g} times at most: {last}, and {together}"

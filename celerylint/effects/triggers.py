"""What makes a task run again after an effect: a lost acknowledgement, a retry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from celerylint.effects.events import Act, Call, Event, Raised, Retry, Trace, can_follow
from celerylint.effects.guards import undone
from celerylint.model.project import Task
from celerylint.model.values import At

_BROAD = frozenset({"Exception", "BaseException"})
_NETWORK = frozenset(
    {"OSError", "IOError", "ConnectionError", "TimeoutError", "ConnectionResetError", "timeout", "error", "gaierror"}
)
_DATABASE = frozenset(
    {
        "OperationalError",
        "DatabaseError",
        "InterfaceError",
        "IntegrityError",
        "InternalError",
        "DBAPIError",
        "SQLAlchemyError",
    }
)
_QUIET = frozenset(
    {
        "logging",
        "builtins",
        "json",
        "structlog",
        "loguru",
        "datetime",
        "re",
        "math",
        "copy",
        "itertools",
        "collections",
        "functools",
    }
)


class Trigger(NamedTuple):
    """A reason for a second run."""

    kind: str
    """`redelivery`, `autoretry` or `retry`."""
    why: str
    """What happens, as the middle of a sentence: `its message is delivered again when a worker dies (acks_late)`."""
    at: At | None
    """Where it is written."""
    certain: bool
    """False where it depends on what a call that cannot be read may raise."""


def triggers(task: Task, act: Act, trace: Trace) -> list[Trigger]:
    """What repeats an effect of a task."""
    return [*_redelivery(task), *_autoretry(task, act, trace), *_retries(task, act, trace)]


def _redelivery(task: Task) -> Iterator[Trigger]:
    late = task.option("acks_late")
    if late.truthy:
        yield Trigger("redelivery", "acks_late: its message is delivered again when a worker dies", late.at, True)


def _gives_up(task: Task) -> bool:
    most = task.retry("max_retries")
    return most.known and most.value == 0


def _autoretry(task: Task, act: Act, trace: Trace) -> Iterator[Trigger]:
    listed = task.retry("autoretry_for")
    if not listed.known or not listed.value or _gives_up(task):
        return
    names = [str(name) for name in listed.value]
    best: bool | None = None
    where: Event | None = None
    for event in trace.events:
        if event is act and not act.in_loop:
            continue
        if not can_follow(event, act) or undone(act, event):
            continue
        answer = _raises(event, names)
        if answer is not None and (best is None or answer > best):
            best, where = answer, event
    if best is not None and where is not None:
        yield Trigger(
            "autoretry", f"autoretry_for: it is run again when line {where.at[1].line} raises", listed.at, best
        )


def _raises(event: Event, names: list[str]) -> bool | None:
    """Whether something may raise one of these: True, False if that is a guess, None if not."""
    last = {name.rpartition(".")[2] for name in names}
    if isinstance(event, Act):
        what = event.subject.what or event.what
        if last & _BROAD:
            return True
        if event.kind.database:
            return True if last & _DATABASE else None
        roots = {name.partition(".")[0] for name in names}
        return True if last & _NETWORK or what.partition(".")[0].removesuffix("()") in roots else None
    if isinstance(event, Raised):
        return True if last & _BROAD else None
    if not isinstance(event, Call):
        return None
    root = event.what.partition(".")[0].removesuffix("()")
    if root in _QUIET:
        return None
    if not root:
        return last & _BROAD != frozenset() or False
    if last & _BROAD:
        return True
    if root in ("orm", "sqlalchemy", "sql"):
        return True if last & _DATABASE else None
    if root in {name.partition(".")[0] for name in names}:
        return True
    return True if last & _NETWORK and root in _NETWORKED else None


_NETWORKED = frozenset(
    {"requests", "httpx", "aiohttp", "urllib", "urllib3", "socket", "smtplib", "redis", "boto3", "paramiko", "ftplib"}
)


def _retries(task: Task, act: Act, trace: Trace) -> Iterator[Trigger]:
    if _gives_up(task):
        return
    for retry in trace.of(Retry):
        if not can_follow(retry, act) or undone(act, retry):
            continue
        step = next((s for s in retry.trail if s.kind == "handler"), None)
        certain: bool | None = True
        if step is not None and any(s.kind == "try" and s.node == step.node for s in act.trail):
            # Both belong to one `try`: something in its block must raise after the effect.
            certain = _fails_after(act, trace, step.node)
        if certain is not None:
            yield Trigger("retry", f"line {retry.at[1].line} retries it", retry.at, certain)
            return


def _fails_after(act: Act, trace: Trace, node: int) -> bool | None:
    """Whether the block of a `try` can fail after the effect."""
    best: bool | None = None
    for event in trace.events:
        inside = any(s.kind == "try" and s.node == node for s in event.trail)
        if not inside or (event is act and not act.in_loop) or not can_follow(event, act) or undone(act, event):
            continue
        if isinstance(event, (Raised, Act)):
            return True
        if isinstance(event, Call) and event.what.partition(".")[0].removesuffix("()") not in _QUIET:
            best = best or bool(event.what)
    return best

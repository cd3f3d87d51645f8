"""How long messages wait and tasks run, for rules about what a broker does with messages that are not acknowledged."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from msgspec import Struct

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.model.project import App, Decision, Dispatch, Project, Task
from celerylint.model.values import At, Made, Mapping, Missing, Scalar, Sequence, Value, forced
from celerylint.rules.flow import spot_of, statements
from celerylint.rules.retries.delays import FOREVER, argument, autoretries, is_none, most, retry_kwarg, span

_MAKERS = frozenset({"s", "si", "signature", "subtask"})
_LATER = frozenset({"apply_async", "set"})
SENDERS = frozenset({"apply_async", "apply_async_on_commit", "send_task"})


class Wait(Struct, frozen=True):
    """A message that a worker holds until it is due."""

    task: Task
    at: At
    seconds: float
    what: str
    """`a run of proj.pull is due 7200 s (2 h) after it is sent`."""


def waits(project: Project) -> Iterator[Wait]:
    """Every wait of known length: countdowns, constant `eta`, delays of retries."""
    yield from sent(project)
    for task in project.tasks:
        yield from retried(task, project)
        longest = _autoretry(task)
        if longest is not None:
            yield _retried(task, *longest)


def sent(project: Project, of: Task | None = None) -> Iterator[Wait]:
    """The waits of what is sent with a delay, or of one task: countdowns and constant `eta`."""
    for dispatch in project.dispatches:
        if dispatch.task is None or (of is not None and dispatch.task is not of):
            continue
        seconds = countdown(dispatch, project)
        if seconds is not None:
            yield _sent(dispatch.task, _keyword(dispatch), seconds)
        for at, seconds in _chained(dispatch, project):
            yield _sent(dispatch.task, at, seconds)
    for entry in project.schedule:
        options = entry.arguments.value[2] if entry.arguments.known else None
        seconds = number(options.get("countdown")) if isinstance(options, dict) else None
        if entry.task is not None and seconds is not None and of in (None, entry.task):
            yield _sent(entry.task, entry.at, seconds)


def _sent(task: Task, at: At, seconds: float) -> Wait:
    return Wait(task, at, seconds, f"a run of {task.name} is due {span(seconds)} after it is sent")


def retried(task: Task, project: Project) -> Iterator[Wait]:
    """The waits of a task for the retries that it asks for."""
    for retry in project.retries_of(task):
        given = argument(retry, "countdown", 5)
        if retry.args.open or argument(retry, "eta", 4) is not None:
            continue
        at, seconds = retry.at, number(_plain(given))
        if given is None or is_none(given):
            held = task.option("default_retry_delay")
            at, seconds = held.at or retry.at, number(held.value) if held.known else None
        if seconds is not None:
            yield _retried(task, at, seconds)


def _retried(task: Task, at: At, seconds: float) -> Wait:
    return Wait(task, at, seconds, f"a retry of {task.name} is due after {span(seconds)}")


def _autoretry(task: Task) -> tuple[At, float] | None:
    """The longest wait before an automatic retry, and where it is set."""
    retries = most(task)
    if not autoretries(task) or not retries:
        return None
    backoff, cap = task.retry("retry_backoff"), task.retry("retry_backoff_max")
    if backoff.truthy:
        factor, ceiling = number(backoff.value), number(cap.value)
        if factor is None or ceiling is None or backoff.at is None:
            return None
        last = min(retries, 40.0) - 1
        wait = min(ceiling, int(max(1.0, factor)) * 2.0**last)
        return (cap.at or backoff.at) if wait == ceiling else backoff.at, wait
    fixed = first_autoretry(task)
    at = task.option("default_retry_delay").at or task.retry("autoretry_for").at
    return (at, fixed) if fixed is not None and at is not None else None


def first_autoretry(task: Task) -> float | None:
    """The least that an automatic retry waits for certain; None if there are none, or it cannot be known."""
    backoff, jitter = task.retry("retry_backoff"), task.retry("retry_jitter")
    if not autoretries(task) or not most(task) or not backoff.known or not jitter.known:
        return None
    if backoff.truthy:
        factor, ceiling = number(backoff.value), number(task.retry("retry_backoff_max").value)
        if factor is None or ceiling is None:
            return None
        return 0.0 if jitter.truthy else min(ceiling, int(max(1.0, factor)))
    given = retry_kwarg(task, "countdown")
    if given is None:
        return None
    if isinstance(given, Missing) or is_none(given):
        held = task.option("default_retry_delay")
        return number(held.value) if held.known else None
    return number(_plain(given))


def _plain(value: Value | None) -> object:
    return value.value if isinstance(value, Scalar) else None


def number(value: object) -> float | None:
    """Seconds; None for what is no number."""
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    return float(value) if isinstance(value, (int, float)) and not (value != value or value == FOREVER) else None


# --- what a call says -------------------------------------------------------------------------------------------------


def countdown(dispatch: Dispatch, project: Project) -> float | None:
    """The seconds between sending a message and its being due; None if they cannot be known."""
    if dispatch.method not in SENDERS or dispatch.args.open:
        return None
    given = dispatch.args.keywords.get("countdown")
    value = _plain(forced(given.value)) if given is not None else None
    if isinstance(value, (int, float)):
        return number(value)
    return _ahead(dispatch.at, project)


def _chained(dispatch: Dispatch, project: Project) -> Iterator[tuple[At, float]]:
    for at, value in said_later(dispatch, "countdown", project):
        seconds = number(_plain(value))
        if seconds is not None:
            yield at, seconds


def said_later(dispatch: Dispatch, name: str, project: Project) -> Iterator[tuple[At, Value]]:
    """What is said after a signature is made: `task.s().set(countdown=60)`, `task.si().apply_async(countdown=60)`.

    Each keyword of that name and its value, where that can be known.
    """
    function = dispatch.function.node if dispatch.function is not None else None
    if dispatch.method not in _MAKERS or not isinstance(function, ir.Function):
        return
    if _LATER.isdisjoint(function.uses):
        return
    spot = spot_of(dispatch.at, project)
    for node in nodes(spot.statement) if spot is not None else ():
        if not isinstance(node, ir.Call) or not isinstance(node.func, ir.Attr) or node.func.attr not in _LATER:
            continue
        if spot is None or node.func.value != dispatch.at[1]:
            continue
        for keyword in node.keywords:
            if keyword.name == name:
                value = keyword.value
                held = Scalar(value.value) if isinstance(value, ir.Const) else spot.body.meaning(value)
                if held is not None:
                    yield (dispatch.at[0], keyword), held


def _keyword(dispatch: Dispatch) -> At:
    path, node = dispatch.at
    for keyword in node.keywords if isinstance(node, ir.Call) else ():
        if keyword.name in ("countdown", "eta"):
            return path, keyword
    return dispatch.at


_UNITS = {"weeks": 604800.0, "days": 86400.0, "hours": 3600.0, "minutes": 60.0, "seconds": 1.0}


def _ahead(at: At, project: Project) -> float | None:
    """The seconds of `eta=now() + timedelta(hours=2)`, also through a name that the function gives it."""
    call = at[1]
    for keyword in call.keywords if isinstance(call, ir.Call) else ():
        value = keyword.value
        if keyword.name != "eta":
            continue
        if isinstance(value, ir.Name):
            value = _assigned(value.id, at, project) or value
        if not isinstance(value, ir.BinOp) or value.op != "+":
            continue
        for now, delta in ((value.left, value.right), (value.right, value.left)):
            if _called(now) in ("now", "utcnow") and _called(delta) == "timedelta" and isinstance(delta, ir.Call):
                return _length(delta)
    return None


def _assigned(name: str, at: At, project: Project) -> ir.Expr | None:
    """What a function assigns to a name, if it does so once."""
    spot = spot_of(at, project)
    found: list[ir.Expr | None] = []
    for statement, _ in statements(spot.body.statements) if spot is not None else ():
        if isinstance(statement, ir.Assign):
            found += [statement.value for target in statement.targets if _is(target, name)]
        elif isinstance(statement, (ir.AugAssign, ir.AnnAssign, ir.For)) and _is(statement.target, name):
            found.append(None)
    return found[0] if len(found) == 1 else None


def _is(target: ir.Expr, name: str) -> bool:
    return any(isinstance(node, ir.Name) and node.id == name for node in nodes(target))


def _called(expression: ir.Expr) -> str:
    func = expression.func if isinstance(expression, ir.Call) else None
    return func.attr if isinstance(func, ir.Attr) else func.id if isinstance(func, ir.Name) else ""


def _length(delta: ir.Call) -> float | None:
    parts = [("days", arg) for arg in delta.args[:1]] + [(k.name or "", k.value) for k in delta.keywords]
    total = 0.0
    for unit, value in parts:
        amount = value.value if isinstance(value, ir.Const) else None
        if unit not in _UNITS or not isinstance(amount, (int, float)) or len(delta.args) > 1:
            return None
        total += _UNITS[unit] * amount
    return total


# --- limits -----------------------------------------------------------------------------------------------------------


def time_limit(task: Task, name: str = "time_limit") -> Decision:
    """A limit of a task, or the setting that the worker's pool applies where the task has none."""
    held = task.option(name)
    if held.known and not held.value and task.app is not None:
        return task.app.settings.get(f"task_{name}", held)
    return held


# --- brokers ----------------------------------------------------------------------------------------------------------


def family(app: App, project: Project) -> str:
    """The kind of broker: redis, sqs, amqp; empty where nobody has chosen one, or it cannot be known."""
    broker = app.setting("broker_url")
    if not broker.known or not broker.chosen or not isinstance(broker.value, str):
        return ""
    transport = project.catalog.transport(broker.value)
    return transport.family if transport is not None else ""


def speaks_of(value: Value | None, text: str, depth: int = 6) -> bool:
    """Whether a value holds a string, or something that cannot be known."""
    if value is None or depth == 0:
        return True
    value = forced(value)
    if isinstance(value, Scalar):
        return isinstance(value.value, str) and text in value.value
    if isinstance(value, Sequence):
        return value.open or any(speaks_of(item, text, depth - 1) for item in value.items)
    if isinstance(value, Mapping):
        return value.open or any(
            (isinstance(key, str) and text in key) or speaks_of(entry.value, text, depth - 1)
            for key, entry in value.items.items()
        )
    if isinstance(value, Made):
        return any(speaks_of(v, text, depth - 1) for v in (*value.args, *(e.value for e in value.keywords.values())))
    return True

"""A wait that grows and is random, in place of the one that a retry by hand has."""

from __future__ import annotations

from celerylint.facts import ir
from celerylint.finding import Fix
from celerylint.model.project import Retry
from celerylint.model.values import Scalar
from celerylint.rules import mending
from celerylint.rules.retries.delays import argument

_LEAST_CAP = 600
"""Celery's own `retry_backoff_max`."""
_LONGEST = 3000
"""A longer cap would reach the visibility timeout of Redis, after which a message is handed out again."""


def growing_wait(retry: Retry, first: float) -> Fix | None:
    """A countdown that starts at some seconds and doubles, in place of one that stays the same."""
    cap = max(_LEAST_CAP, min(8 * first, _LONGEST))
    if first != int(first) or first > cap / 2:
        return None
    return _fix(retry, _constant(retry) or str(max(int(first), 1)), int(cap), "let the wait grow and be random")


def _constant(retry: Retry) -> str | None:
    """The name that the countdown is given by, where it stands for a whole number."""
    call, value = retry.at[1], argument(retry, "countdown", 5)
    given = next((k.value for k in call.keywords if k.name == "countdown"), None) if isinstance(call, ir.Call) else None
    whole = isinstance(value, Scalar) and type(value.value) is int and value.value > 0
    return mending.spelled(given) if given is not None and whole else None


def random_wait(retry: Retry) -> Fix | None:
    """A random countdown in place of `n * 2 ** self.request.retries`."""
    call = retry.at[1]
    given = next((k.value for k in call.keywords if k.name == "countdown"), None) if isinstance(call, ir.Call) else None
    factor: ir.Expr | None = None
    if isinstance(given, ir.BinOp) and given.op == "*":
        powers = [side for side in (given.left, given.right) if isinstance(side, ir.BinOp) and side.op == "**"]
        factor = given.right if powers and powers[0] is given.left else given.left
        given = powers[0] if len(powers) == 1 else None
    if not isinstance(given, ir.BinOp) or given.op != "**" or not _is_const(given.left, 2):
        return None
    if mending.spelled(given.right) != f"{_task(retry)}.request.retries":
        return None
    number = factor.value if isinstance(factor, ir.Const) else 1 if factor is None else None
    if type(number) is not int or number < 1:
        return None
    return _fix(retry, str(number), max(_LEAST_CAP, min(8 * number, _LONGEST)), "take the wait at random")


def _fix(retry: Retry, factor: str, cap: int, title: str) -> Fix | None:
    task, call = _task(retry), retry.at[1]
    if task is None or not isinstance(call, ir.Call) or len(call.args) > 5 or retry.args.open:
        return None
    interval = f"{mending.INTERVAL.module}.{mending.INTERVAL.name}"
    wait = f"{interval}(\n    factor={factor}, retries={task}.request.retries, maximum={cap}, full_jitter=True\n)"
    return mending.unsafe(title, *mending.set_at(retry.at, [mending.INTERVAL], countdown=wait))


def _task(retry: Retry) -> str | None:
    """What the task is called where it retries: `self`."""
    call = retry.at[1]
    return mending.spelled(call.func.value) if isinstance(call, ir.Call) and isinstance(call.func, ir.Attr) else None


def _is_const(node: ir.Expr, value: int) -> bool:
    return isinstance(node, ir.Const) and node.value == value

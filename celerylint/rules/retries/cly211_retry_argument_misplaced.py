"""CLY211."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.facts import ir
from celerylint.finding import Edit, Finding, Fix, RemoveKeyword, Severity
from celerylint.model.project import Project, Retry, Task
from celerylint.model.values import At, Instance, Made, Mapping, Scalar, Value, forced
from celerylint.rules import mending
from celerylint.rules.base import Rule
from celerylint.rules.flow import spot_of
from celerylint.rules.retries.delays import argument, autoretries, is_none


class RetryArgumentMisplaced(Rule):
    """An argument of a retry does not mean what it is taken for.

    The first parameter of `Task.retry` is `args`, the arguments of the next run, and not the exception. So
    `self.retry(exc)` tries to take the exception apart: it raises a `TypeError`, and the task fails at its first
    error, without a retry and with a traceback that speaks of something else.

    `max_retries=None` means "for ever" on a task. Given to `self.retry()` or in `retry_kwargs` it means "as the task
    says", three times by default.

    ## What to do

    Give the exception by name, `self.retry(exc=exc)`, as everything else: `countdown=60`. For retries without end set
    `max_retries=None` in the decorator; otherwise say how many there may be, or leave it out.

    ## Fix safety

    `self.retry(exc)` becomes `self.retry(exc=exc)` where `except ... as exc` binds it, and a `max_retries=None` that has
    no effect is taken out. Both are safe: the first fails as it is written, the second changes nothing. To
    make a number the countdown is unsafe: the number may have been meant as something else.

    [Task.retry](https://docs.celeryq.dev/en/stable/reference/celery.app.task.html#celery.app.task.Task.retry)
    """

    code = "CLY211"
    name = "retry-argument-misplaced"
    summary = "An argument of a retry does not mean what it is taken for."
    severity = Severity.ERROR
    bad = """\
from celery import shared_task


@shared_task(bind=True)
def pull(self, url):
    try:
        fetch(url)
    except ConnectionError as exc:
        raise self.retry(exc)
"""
    good = """\
from celery import shared_task


@shared_task(bind=True)
def pull(self, url):
    try:
        fetch(url)
    except ConnectionError as exc:
        raise self.retry(exc=exc)
"""

    def check_retry(self, retry: Retry, project: Project) -> Iterable[Finding]:
        call, task = retry.at[1], retry.task
        if not isinstance(call, ir.Call):
            return
        given, kind = _first(retry, call, project)
        most = argument(retry, "max_retries", 6)
        keyword = next((k for k in call.keywords if k.name == "max_retries"), None)
        endless = most is not None and is_none(most) and _limit(retry.task) is not None
        without = mending.without((retry.at[0], keyword)) if endless and keyword is not None else None
        if kind:
            what, name = ("the exception", "exc") if kind == "exception" else (given, "countdown")
            yield self.finding(
                retry.at,
                f"self.retry({given}) gives {what} as the arguments of the next run: it raises a TypeError, and"
                f" {task.name} fails without a retry",
                f"write {name}={given}",
                symbol=task.name,
                fix=_named(retry, call, name, without),
            )
        elif endless:
            fix = mending.safe("leave max_retries=None out", without) if without is not None else None
            yield self._not_forever(task, retry.at, "self.retry()", fix)

    def check_task(self, task: Task, project: Project) -> Iterable[Finding]:
        raw = task.retry("retry_kwargs").raw
        value = forced(raw) if raw is not None else None
        entry = value.items.get("max_retries") if isinstance(value, Mapping) else None
        endless = entry is not None and is_none(forced(entry.value)) and _limit(task) is not None
        if entry is not None and entry.at is not None and endless and autoretries(task):
            fix = mending.safe("leave max_retries=None out", mending.without(_all_of_it(task) or entry.at))
            yield self._not_forever(task, entry.at, "retry_kwargs", fix)

    def _not_forever(self, task: Task, at: At, where: str, fix: Fix | None) -> Finding:
        limit = _limit(task)
        times = "once" if limit == 1 else f"{limit} times"
        return self.finding(
            at,
            f"max_retries=None has no effect in {where}: it means what the task says, and {task.name} is retried"
            f" {times} and not for ever",
            "leave it out, say how many retries there may be, or set max_retries=None on the task",
            symbol=task.name,
            fix=fix,
        )


def _limit(task: Task) -> int | None:
    """How many retries the task itself allows; None for any number, or an unknown one."""
    held = task.option("max_retries")
    return held.value if held.known and isinstance(held.value, int) else None


def _all_of_it(task: Task) -> At | None:
    """The option `retry_kwargs` where it is written as a dict of one key."""
    at = task.retry("retry_kwargs").at
    held = mending.expression(at)
    return at if held is not None and isinstance(held[1], ir.DictExpr) and len(held[1].keys) == 1 else None


def _named(retry: Retry, call: ir.Call, name: str, without: RemoveKeyword | None) -> Fix | None:
    """The only positional argument by the name that is meant, and what has no effect left out with it."""
    if len(call.args) != 1 or any(keyword.name == name for keyword in call.keywords):
        return None
    edits: list[Edit] = [mending.before(call.args[0], retry.at[0], f"{name}=")]
    if without is not None:
        edits.append(without)
    offer = mending.safe if name == "exc" and isinstance(call.args[0], ir.Name) else mending.unsafe
    return offer(f"give it as {name}=", *edits)


def _first(retry: Retry, call: ir.Call, project: Project) -> tuple[str, str]:
    """What stands first where `args` belongs, and which kind of thing it is; empty if it may be arguments."""
    first = call.args[0] if call.args else None
    if first is None or isinstance(first, ir.Starred) or not retry.args.positional:
        return "", ""
    if isinstance(first, ir.Name):
        spot = spot_of(retry.at, project)
        caught = {b.node.name for b in spot.around if isinstance(b.node, ir.Handler)} if spot is not None else set()
        if first.id in caught:
            return first.id, "exception"
    value = forced(retry.args.positional[0])
    if isinstance(value, Scalar) and isinstance(value.value, (int, float)) and not isinstance(value.value, bool):
        return f"{value.value:g}", "number"
    name = _class_name(value)
    if name.endswith(("Error", "Exception")):
        return f"{name}(...)", "exception"
    return "", ""


def _class_name(value: Value) -> str:
    if isinstance(value, Instance):
        return value.cls.node.name
    return value.maker.rpartition(".")[2] if isinstance(value, Made) else ""

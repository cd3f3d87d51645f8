"""CLY201."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.facts import ir
from celerylint.finding import Edit, Finding, Fix, ReplaceExpr, Severity
from celerylint.model.project import Project, Task
from celerylint.model.values import At, ClassValue, External, Value, place
from celerylint.rules import mending
from celerylint.rules.base import Rule, related
from celerylint.rules.body import Body, always, body_of
from celerylint.rules.retries.delays import FOREVER, caught, most
from celerylint.rules.retries.transient import transient

_BROAD = frozenset({"builtins.Exception", "builtins.BaseException"})


class BroadAutoretry(Rule):
    """Every error retries the task, also those that no retry can mend.

    `autoretry_for=(Exception,)` makes no difference between a timeout and a typo. A `TypeError` in the body, a row that
    is gone, a request that the other side refuses for good: each runs the whole task again, by default three more
    times over nine minutes, before it counts as a failure. Until then it is logged as a retry and not as an error, the
    worker spends its time on work that cannot succeed, and whatever the body did before the error is done again. It
    also catches what Celery itself raises: `Reject`, and `SoftTimeLimitExceeded`, so that a task which is too slow is
    started over.

    The same holds for an exception of your own that an `except Exception` in the body turns every error into.

    ## What to do

    Name the errors that pass by themselves: of the client that the body calls, `requests.ConnectionError` and
    `requests.Timeout`, `httpx.TransportError`, `smtplib.SMTPServerDisconnected`, `redis.ConnectionError`,
    `django.db.OperationalError`. Where the list is open, keep it broad and name the ones that never pass in
    `dont_autoretry_for` (Celery 5.3 and later), which is asked first.

    ## Fix safety

    Where the body, or functions of the project that it calls, call clients that are known (requests, httpx, aiohttp, urllib,
    redis, mail, boto3, databases, brokers, gRPC, Stripe and others), the broad class gives way to the errors of theirs that
    pass by themselves. That is unsafe: errors that were retried until now fail at once, and among them may be one that would
    have passed. A tuple that other tasks take from the same place is narrowed for all of them, to what any of them needs.
    The errors are named as current versions of the packages name them (Stripe's from version 8 on).

    [Automatic retry for known exceptions](https://docs.celeryq.dev/en/stable/userguide/tasks.html#automatic-retry-for-known-exceptions)
    """

    code = "CLY201"
    name = "broad-autoretry"
    summary = "Every error retries the task, also those that no retry can mend."
    severity = Severity.WARNING
    bad = """\
import requests
from celery import shared_task


@shared_task(autoretry_for=(Exception,), retry_backoff=True)
def pull(url):
    requests.get(url, timeout=5).raise_for_status()
"""
    good = """\
import requests
from celery import shared_task


@shared_task(autoretry_for=(requests.ConnectionError, requests.Timeout), retry_backoff=True)
def pull(url):
    requests.get(url, timeout=5).raise_for_status()
"""

    def check_task(self, task: Task, project: Project) -> Iterable[Finding]:
        option = task.retry("autoretry_for")
        exceptions = caught(task)
        if option.at is None or most(task) == 0 or _spared(task, project):
            return
        for exception in exceptions:
            if isinstance(exception, External) and exception.dotted in _BROAD:
                name = exception.dotted.rpartition(".")[2]
                message = f"{task.name} is retried on every error, a bug as much as an outage: {_runs(task)}"
                where = related(exception.at, f"{name} comes from here") if _elsewhere(exception.at, option.at) else []
                fix = _narrowed(task, exception, project)
                yield self.finding(option.at, message, _HELP, symbol=task.name, related=where, fix=fix)
                return
        wrapped = _wraps_everything(task, exceptions)
        if wrapped is not None:
            name = wrapped[0].node.name
            message = f"{task.name} is retried on every error, since its body turns each into {name}: {_runs(task)}"
            where = related(wrapped[1], f"every error becomes {name} here")
            yield self.finding(option.at, message, _HELP, symbol=task.name, related=where)


_HELP = (
    "name the errors that pass by themselves (connection lost, timeout), or those that never do in dont_autoretry_for"
)


def _narrowed(task: Task, broad: External, project: Project) -> Fix | None:
    """The broad class in place of which the errors stand that the body's clients raise while they cannot be reached."""
    option = task.retry("autoretry_for")
    found = mending.item_of(option.raw, broad)
    if found is None or option.at is None:
        return None
    (path, display), (_, item) = found
    errors = transient(mending.sharing(option.at, "autoretry_for", project), caught(task))
    if not errors or not isinstance(display, ir.Seq):
        return None
    names = [f"{error.module}.{error.name}" for error in errors]
    listed = ", ".join(names)
    brackets = "[]" if display.kind == "list" else "()"
    comma = "," if len(errors) == 1 and display.kind == "tuple" and len(display.items) == 1 else ""
    held = mending.expression(option.at)
    if display.line != display.end_line:
        own_line = "\n" if item.line > display.line else " "
        edits: list[Edit] = [ReplaceExpr(place((path, item)), f",{own_line}".join(names), tuple(errors))]
    elif held is not None and held[1].span == display.span and isinstance(option.at[1], ir.Keyword):
        all_of_it = [listed if each is item else mending.text_of(each, path, project) for each in display.items]
        value = f"{brackets[0]}\n    {', '.join(all_of_it)}{comma}\n{brackets[1]}"
        edits = mending.set_at(option.at, errors, autoretry_for=value)
    elif len(display.items) > 1:
        edits = [ReplaceExpr(place((path, item)), listed, tuple(errors))]
    else:
        long = display.col + len(listed) > mending.WIDE
        whole = mending.one_each(names, brackets) if long else f"{brackets[0]}{listed}{comma}{brackets[1]}"
        edits = [ReplaceExpr(place((path, display)), whole, tuple(errors))]
    title = f"retry on {' and '.join(names)} only{mending.also(option.at, 'autoretry_for', project)}"
    return mending.unsafe(title, *edits)


def _spared(task: Task, project: Project) -> bool:
    """Whether some errors are, or may be, told apart by `dont_autoretry_for`."""
    if "dont_autoretry_for" not in project.catalog.task_options:
        return False  # before 5.3 nothing reads it
    spared = task.retry("dont_autoretry_for")
    return not spared.falsy


def _runs(task: Task) -> str:
    retries = most(task)
    if retries is None:
        return "a TypeError runs it again and again before it counts as a failure"
    if retries == FOREVER:
        return "a TypeError runs it again for ever and never counts as a failure"
    return f"a TypeError runs it {retries + 1:g} times before it counts as a failure"


def _elsewhere(at: At | None, option: At) -> bool:
    """Whether something does not stand within the option itself."""
    return at is not None and (at[0] != option[0] or not option[1].line <= at[1].line <= option[1].end_line)


# --- `except Exception: raise MyError` --------------------------------------------------------------------------------


def _wraps_everything(task: Task, exceptions: list[Value]) -> tuple[ClassValue, At] | None:
    """The exception of the project that every error of the body is turned into, and the handler that does it."""
    body = body_of(task)
    for statement in always(body.statements) if body is not None else ():
        if body is None or not isinstance(statement, ir.Try) or _is_one_foreign_call(body, statement):
            continue
        for handler in statement.handlers:
            if body.catches_everything(handler):
                raised = body.raises(handler)
                if isinstance(raised, ClassValue) and raised in exceptions:
                    return raised, (body.path, handler)
            elif not all(value in exceptions for value in body.catches(handler)):
                break  # some errors go another way
    return None


def _is_one_foreign_call(body: Body, statement: ir.Try) -> bool:
    """Whether the `try` holds one call of another package: then "every error" is what that call raises."""
    if len(statement.body) != 1:
        return False
    only = statement.body[0]
    value = only.value if isinstance(only, (ir.Assign, ir.ExprStmt, ir.Return)) else None
    return isinstance(value, ir.Call) and isinstance(body.meaning(value.func), External)

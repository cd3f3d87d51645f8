"""CLY213."""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterable

from celerylint.finding import Finding, Fix, Severity
from celerylint.model.project import Decision, Project, Task
from celerylint.model.values import ClassValue, External, Scalar, Value, forced
from celerylint.rules import mending
from celerylint.rules.base import Rule

_CLASS = re.compile(r"([A-Z]\w*)?(Error|Exception|Timeout|Exceeded|DoesNotExist)")


class NotIterableAutoretry(Rule):
    """`autoretry_for` is one exception where Celery wants a tuple: the worker does not start.

    Celery makes a tuple of `autoretry_for` when the task is made. One class is not iterable, so that raises
    `TypeError: 'type' object is not iterable`, as soon as anything uses the app: the worker ends before it has taken a
    message, and the first `.delay()` of a web process fails. Parentheses alone do not make a tuple: `(ConnectionError)`
    is the class itself.

    ## What to do

    Write a tuple, with its comma: `autoretry_for=(ConnectionError,)`.

    ## Fix safety

    The fix writes the comma that makes a tuple. It is safe: as it is written, no worker starts.

    [Task.autoretry_for](https://docs.celeryq.dev/en/stable/userguide/tasks.html#Task.autoretry_for)
    """

    code = "CLY213"
    name = "not-iterable-autoretry"
    summary = "autoretry_for is one exception where Celery wants a tuple: the worker does not start."
    severity = Severity.ERROR
    bad = """\
from celery import shared_task


@shared_task(autoretry_for=ConnectionError, retry_backoff=True)
def pull(url):
    fetch(url)
"""
    good = """\
from celery import shared_task


@shared_task(autoretry_for=(ConnectionError,), retry_backoff=True)
def pull(url):
    fetch(url)
"""

    def check_task(self, task: Task, project: Project) -> Iterable[Finding]:
        for option in ("autoretry_for", "dont_autoretry_for"):
            held = task.retry(option) if option in project.catalog.task_options else None
            if held is None or held.at is None or held.raw is None or held.kind == "annotation":
                continue
            what, kind = _not_iterable(forced(held.raw))
            if what:
                help = f"write {option}=({what},)" if what != "None" else f"leave {option} out, or write ()"
                yield self.finding(
                    held.at,
                    f"{option} of {task.name} is {what} and not a tuple: making the task raises TypeError: '{kind}' object"
                    " is not iterable, and no worker starts",
                    help,
                    symbol=task.name,
                    fix=_as_tuple(held, what),
                )


def _as_tuple(held: Decision, what: str) -> Fix | None:
    at = mending.expression(held.at)
    if at is None:
        return None
    path, node = at
    if what == "None":
        return mending.safe("write an empty tuple", *mending.replaced(held, "()"))
    outer = held.at[1] if held.at is not None else node
    if (outer.end_line, outer.end_col) != (node.end_line, node.end_col):
        return mending.safe("make it a tuple", mending.behind(node, path, ","))  # it stands in parentheses
    return mending.safe("make it a tuple", mending.before(node, path, "("), mending.behind(node, path, ",)"))


def _not_iterable(value: Value) -> tuple[str, str]:
    """What a value is, and its type, where it surely cannot be iterated over."""
    if isinstance(value, Scalar) and value.value is None:
        return "None", "NoneType"
    if isinstance(value, External) and _is_exception(value):
        return value.dotted.rpartition(".")[2], "type"
    if isinstance(value, ClassValue) and _derives(value, set()):
        return value.node.name, "type"
    return "", ""


def _is_exception(value: External) -> bool:
    package, _, name = value.dotted.rpartition(".")
    if package == "builtins":
        found = getattr(builtins, name, None)
        return isinstance(found, type) and issubclass(found, BaseException)
    return _CLASS.fullmatch(name) is not None


def _derives(cls: ClassValue, seen: set[int]) -> bool:
    """Whether a class of the project is an exception."""
    if id(cls) in seen:
        return False
    seen.add(id(cls))
    return any(
        _is_exception(base) if isinstance(base, External) else isinstance(base, ClassValue) and _derives(base, seen)
        for base in map(forced, cls.bases)
    )

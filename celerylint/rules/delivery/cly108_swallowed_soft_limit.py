"""CLY108."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.finding import Confidence, Finding, Fix, Needed, Place, Severity, Span
from celerylint.model.project import Project, Task
from celerylint.model.values import External
from celerylint.rules import mending
from celerylint.rules.base import Rule, related
from celerylint.rules.body import Body, always, body_of
from celerylint.rules.delivery.waits import number, time_limit
from celerylint.rules.flow import Spot, ends, may_raise_elsewhere, spots
from celerylint.rules.retries.delays import span


class SwallowedSoftLimit(Rule):
    """A broad `except` catches the soft time limit, and the task goes on.

    When a task has run for `soft_time_limit` Celery raises `SoftTimeLimitExceeded` in it, once. That is an `Exception`
    like others: an `except Exception` inside of a loop takes it for trouble with one item, and the loop goes on with
    the next. Nothing tells the task again. It runs until the hard limit kills it, in the middle of an item; without a
    hard limit it runs to its end, however long that takes.

    Around the whole body, a handler that does nothing but log ends the task there as if nothing had happened: it counts as
    succeeded, with part of its work done.

    ## What to do

    Let it through, before the broad handler:

    ```python
    from celery.exceptions import SoftTimeLimitExceeded

    for item in items:
        try:
            handle(item)
        except SoftTimeLimitExceeded:
            raise
        except Exception:
            logger.exception("...")
    ```

    ## Fix safety

    The fix puts those two lines before the broad handler, and the import. It is unsafe: a task that went on, or counted as
    succeeded, then fails with `SoftTimeLimitExceeded`, and what it does after the handler is left out.

    [Time limits](https://docs.celeryq.dev/en/stable/userguide/workers.html#time-limits)
    """

    code = "CLY108"
    name = "swallowed-soft-limit"
    summary = "A broad except catches the soft time limit, and the task goes on."
    severity = Severity.WARNING
    bad = """\
from celery import shared_task


@shared_task(soft_time_limit=60, time_limit=75)
def pull(urls):
    for url in urls:
        try:
            store(fetch(url))
        except Exception:
            log(url)
"""
    good = """\
from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded


@shared_task(soft_time_limit=60, time_limit=75)
def pull(urls):
    for url in urls:
        try:
            store(fetch(url))
        except SoftTimeLimitExceeded:
            raise
        except Exception:
            log(url)
"""

    def check_task(self, task: Task, project: Project) -> Iterable[Finding]:
        soft, hard = time_limit(task, "soft_time_limit"), time_limit(task)
        seconds = number(soft.value) if soft.known else None
        pool = task.app.setting("worker_pool") if task.app is not None else None
        if not seconds or (pool is not None and pool.chosen and pool.value != "prefork"):
            return
        most = number(hard.value) if hard.known else None
        if most and most <= seconds:
            return  # it is killed first: CLY107
        body = body_of(task)
        if body is None:
            return
        then = f"the loop goes on until the hard limit kills it after {span(most)}" if most else "the loop goes on"
        told = f"{task.name} is told once, after {span(seconds)}, that its soft limit is over, and this handler takes that for"
        found = [(h, f"{told} trouble with one item: {then}", self.confidence) for h in _swallowing(body, project)]
        end = "the task counts as succeeded, with part of its work done"
        found += [(h, f"{told} any error: {end}", Confidence.MEDIUM) for h in _hushed(body, project)]
        for handler, message, confidence in found:
            yield self.finding(
                Place(body.path, _head(handler)),
                message,
                "put `except SoftTimeLimitExceeded: raise` before it",
                symbol=task.name,
                confidence=confidence,
                related=related(soft.at, "the soft limit"),
                fix=_let_through(handler, body),
            )


def _head(handler: ir.Handler) -> Span:
    """The line that says what is caught."""
    end = handler.catches
    if end is None:
        return Span(handler.line, handler.col, handler.line, handler.col + len("except"))
    return Span(handler.line, handler.col, end.end_line, end.end_col)


_LIMIT = Needed("celery.exceptions", "SoftTimeLimitExceeded")


def _let_through(handler: ir.Handler, body: Body) -> Fix | None:
    """A handler before it that raises the soft limit again; None for `except*`, beside which no `except` may stand."""
    if handler.catches is not None and handler.catches.col != handler.col + len("except "):
        return None
    text = f"except {_LIMIT.module}.{_LIMIT.name}:\n    raise"
    edit = mending.statements_before(handler, body.path, text, [_LIMIT])
    return mending.unsafe("let the soft limit through", edit)


def _swallowing(body: Body, project: Project) -> Iterator[ir.Handler]:
    """Broad handlers in a loop after which the loop goes on."""
    for spot in spots(body):
        statement = spot.statement
        if not isinstance(statement, ir.Try) or not _is_the_work(spot, statement):
            continue
        handler = _catcher(body, statement)
        if handler is None or ends(handler.body, handler.name) - {"fall", "leave"}:
            continue
        inside = list(nodes(handler))
        leaves = any(
            isinstance(node, ir.Return) or (isinstance(node, ir.Jump) and node.kind == "break") for node in inside
        )
        if not leaves and not may_raise_elsewhere(handler, project) and not _asks(handler):
            yield handler


def _hushed(body: Body, project: Project) -> Iterator[ir.Handler]:
    """Broad handlers around most of the body that say what happened in the log, if anywhere, and let the task end."""
    for statement in always(body.statements):
        if not isinstance(statement, ir.Try) or not _is_most(statement, body):
            continue
        handler = _catcher(body, statement)
        if handler is None or ends(handler.body, handler.name) - {"fall", "leave"}:
            continue
        if any("SoftTimeLimitExceeded" in (getattr(n, "id", ""), getattr(n, "attr", "")) for n in nodes(statement)):
            continue  # somebody thought of it
        if all(_only_logs(part) for part in handler.body) and not may_raise_elsewhere(handler, project):
            yield handler


def _is_most(statement: ir.Try, body: Body) -> bool:
    """Whether a `try` holds most of a body, and more than one thing to do."""
    calls = sum(isinstance(node, ir.Call) for part in statement.body for node in nodes(part))
    loops = any(isinstance(node, (ir.For, ir.While)) for part in statement.body for node in nodes(part))
    inside = sum(part.end_line - part.line + 1 for part in statement.body)
    others = sum(s.end_line - s.line + 1 for s in body.statements) - (statement.end_line - statement.line + 1)
    return (loops or calls > _TINY) and inside >= others


_TINY = 3
"""Calls: with no more of them a `try` is about one thing, and the limit hardly falls into it."""

_LOGS = re.compile(r"log|print|warn|error|exception|debug|info|capture|traceback|str|repr|format|type|getattr|critical")


def _only_logs(statement: ir.Stmt) -> bool:
    """Whether a statement of a handler keeps nothing but a line in a log."""
    if isinstance(statement, (ir.Jump, ir.Return)):
        return not isinstance(statement, ir.Return) or statement.value is None or isinstance(statement.value, ir.Const)
    if not isinstance(statement, ir.ExprStmt):
        return False
    called = [node.func for node in nodes(statement.value) if isinstance(node, ir.Call)]
    return all(_LOGS.search(f.attr if isinstance(f, ir.Attr) else getattr(f, "id", "")) for f in called)


def _is_the_work(spot: Spot, statement: ir.Try) -> bool:
    """Whether a `try` is most of what a loop does."""
    around = spot.around
    loop = around[-1].node if around and around[-1].part == "body" else None
    if not isinstance(loop, (ir.For, ir.While)):
        return False
    if not any(isinstance(node, ir.Call) for part in statement.body for node in nodes(part)):
        return False
    inside = sum(part.end_line - part.line + 1 for part in statement.body)
    others = sum(s.end_line - s.line + 1 for s in loop.body if s is not statement)
    return inside >= others


def _catcher(body: Body, statement: ir.Try) -> ir.Handler | None:
    """The handler that catches the soft limit, if it is a broad one."""
    for handler in statement.handlers:
        if body.catches_everything(handler):
            return handler
        for value in body.catches(handler):
            name = value.dotted.rpartition(".")[2] if isinstance(value, External) else ""
            if value is None or name.startswith("SoftTimeLimit") or name.isupper():
                return None
    return None


def _asks(handler: ir.Handler) -> bool:
    """Whether a handler asks what was caught."""
    return any(
        (isinstance(node, ir.Name) and node.id in ("isinstance", "type", "SoftTimeLimitExceeded"))
        for node in nodes(handler)
    )

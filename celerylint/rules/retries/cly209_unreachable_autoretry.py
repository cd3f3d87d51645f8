"""CLY209."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.finding import Finding, Severity
from celerylint.model.project import Project, Task
from celerylint.model.values import External, Value
from celerylint.rules.base import Rule, related
from celerylint.rules.body import Body, body_of
from celerylint.rules.flow import ends, may_raise_elsewhere
from celerylint.rules.retries.delays import autoretries, caught, most


class UnreachableAutoretry(Rule):
    """No error gets out of the body, so `autoretry_for` retries nothing.

    Celery retries a task for what its body raises. When the whole body stands in a `try` whose handler catches the
    error, writes it down and goes on, nothing is raised: the run counts as a success, at its first attempt, and all that
    is said of retries is never read.

    ## What to do

    Let the errors that are worth a retry out of the body: catch less, or end the handler with `raise`.

    [Automatic retry for known exceptions](https://docs.celeryq.dev/en/stable/userguide/tasks.html#automatic-retry-for-known-exceptions)
    """

    code = "CLY209"
    name = "unreachable-autoretry"
    summary = "No error gets out of the body, so autoretry_for retries nothing."
    severity = Severity.ERROR
    bad = """\
from celery import shared_task


@shared_task(autoretry_for=(ConnectionError,), retry_backoff=True)
def pull(url):
    try:
        fetch(url)
    except Exception:
        logger.exception("no luck with %s", url)
"""
    good = """\
from celery import shared_task


@shared_task(autoretry_for=(ConnectionError,), retry_backoff=True)
def pull(url):
    try:
        fetch(url)
    except Exception:
        logger.exception("no luck with %s", url)
        raise
"""

    def check_task(self, task: Task, project: Project) -> Iterable[Finding]:
        option = task.retry("autoretry_for")
        body = body_of(task)
        if option.at is None or not autoretries(task) or most(task) == 0 or body is None or _is_wrapped(task):
            return
        statement = _whole(body)
        handlers = _swallowers(body, statement, caught(task)) if statement is not None else []
        if not handlers or any(may_raise_elsewhere(handler, project) for handler in handlers):
            return
        yield self.finding(
            option.at,
            f"{task.name} is never retried by autoretry_for: its body catches every error that would do so, and the run"
            " counts as a success",
            "let the errors that are worth a retry out of the body",
            symbol=task.name,
            related=related((body.path, handlers[-1].catches or handlers[-1]), "caught here, and not raised again"),
        )


def _is_wrapped(task: Task) -> bool:
    """Whether another decorator stands around the body, and may raise what the body does not."""
    function = task.value.function
    node = function.innermost.node if function is not None else None
    if function is None or not isinstance(node, ir.Function):
        return False
    return function.wraps is not None or bool(function.wrappers) or len(node.decorators) > 1


def _whole(body: Body) -> ir.Try | None:
    """The `try` that all the body stands in but what cannot fail."""
    found: ir.Try | None = None
    for statement in body.statements:
        if isinstance(statement, ir.Try) and found is None:
            found = statement
        elif _may_fail(statement):
            return None
    if found is None:
        return None
    return None if any(map(_may_fail, (*found.orelse, *found.final))) else found


def _may_fail(statement: ir.Stmt) -> bool:
    fails = (ir.Call, ir.Raise, ir.Subscript, ir.Try)
    return not _logs(statement) and any(isinstance(node, fails) for node in nodes(statement))


def _logs(statement: ir.Stmt) -> bool:
    """Whether a statement does nothing but write to a log."""
    call = statement.value if isinstance(statement, ir.ExprStmt) else None
    if not isinstance(call, ir.Call) or not isinstance(call.func, ir.Attr):
        return False
    root: ir.Expr = call.func.value
    while isinstance(root, ir.Attr):
        root = root.value
    return isinstance(root, ir.Name) and "log" in root.id.lower()


def _swallowers(body: Body, statement: ir.Try, exceptions: list[Value]) -> list[ir.Handler]:
    """The handlers that between them swallow all the exceptions; empty if one may get out."""
    used: list[ir.Handler] = []
    left = {_name(value) for value in exceptions}
    if "" in left:
        return []
    for handler in statement.handlers:
        swallows = not ends(handler.body, handler.name) - {"fall", "leave"}
        everything = body.catches_everything(handler)
        names = {_name(value) for value in body.catches(handler)}
        if not swallows:
            return []  # some errors get out, and may be among them
        if everything or left & names:
            used.append(handler)
        left -= names
        if everything or not left:
            return used
    return []


def _name(value: Value | None) -> str:
    if isinstance(value, External):
        return value.dotted
    return f"#{id(value)}" if value is not None else ""

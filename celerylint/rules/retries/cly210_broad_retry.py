"""CLY210."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.finding import Finding, Fix, Place, ReplaceExpr, Severity, Span
from celerylint.model.project import Project, Retry
from celerylint.model.values import External, Value
from celerylint.rules import mending
from celerylint.rules.base import Rule, related
from celerylint.rules.body import Body
from celerylint.rules.flow import CELERY_SIGNALS, Spot, ends, spot_of
from celerylint.rules.retries.delays import FOREVER, most_by_hand
from celerylint.rules.retries.transient import part_of, transient_in

_NO_ERRORS = CELERY_SIGNALS | {"MaxRetriesExceededError", "SoftTimeLimitExceeded"}


class BroadRetry(Rule):
    """Every error retries the task, also those that no retry can mend.

    `except Exception: raise self.retry(...)` makes no difference between a timeout and a typo. A `TypeError` in the
    body, a row that is gone, a request that the other side refuses for good: each runs the whole task again, by default
    three more times over nine minutes, before it counts as a failure. Until then it is logged as a retry and not as an
    error, and whatever the body did before the error is done again. It also takes `SoftTimeLimitExceeded`, so that a
    task which is too slow is started over.

    A `try` around one call of another package is left in peace: what that call raises is all that is retried. So is a
    handler that looks at the error, or comes after another that takes some errors out.

    ## What to do

    Catch the errors that pass by themselves: of the client that the body calls, `requests.ConnectionError` and
    `requests.Timeout`, `httpx.TransportError`, `redis.ConnectionError`, `django.db.OperationalError`.

    ## Fix safety

    Where what stands in the `try`, or functions of the project that it calls, call clients that are known (see CLY201), the
    broad class gives way to the errors of theirs that pass by themselves. It is unsafe: other errors then leave the task at
    once, past what else the handler does, and among them may be one that would have passed.

    [Retrying](https://docs.celeryq.dev/en/stable/userguide/tasks.html#retrying)
    """

    code = "CLY210"
    name = "broad-retry"
    summary = "A broad except retries the task on every error, also those that no retry can mend."
    severity = Severity.WARNING
    bad = """\
import requests
from celery import shared_task


@shared_task(bind=True)
def pull(self, url):
    try:
        page = requests.get(url, timeout=5)
        store(page.text)
    except Exception as exc:
        raise self.retry(exc=exc)
"""
    good = """\
import requests
from celery import shared_task


@shared_task(bind=True)
def pull(self, url):
    try:
        page = requests.get(url, timeout=5)
        store(page.text)
    except (requests.ConnectionError, requests.Timeout) as exc:
        raise self.retry(exc=exc)
"""

    def check_project(self, project: Project) -> Iterable[Finding]:
        seen: set[tuple[str, int, int]] = set()
        for task in project.tasks:
            for retry in project.retries_of(task):
                spot = spot_of(retry.at, project)
                handler = _broad(spot) if spot is not None and _near(spot) else None
                # What is given as `args` makes the retry itself fail.
                if handler is None or most_by_hand(task, retry) == 0 or retry.args.positional:
                    continue
                # Several retries of one handler are one place to mend.
                key = (retry.at[0], handler.line, handler.col)
                if key not in seen:
                    seen.add(key)
                    yield self._finding(retry, handler, spot)

    def _finding(self, retry: Retry, handler: ir.Handler, spot: Spot | None) -> Finding:
        most = most_by_hand(retry.task, retry)
        runs = {None: "it again and again", FOREVER: "it for ever"}.get(most) or f"it {(most or 0) + 1:g} times"
        fails = "and never counts as a failure" if most == FOREVER else "before it counts as a failure"
        caught = handler.catches
        where = related((retry.at[0], caught), "every error comes here") if caught is not None else []
        return self.finding(
            retry.at,
            f"{retry.task.name} is retried on every error, a bug as much as an outage: a TypeError runs {runs} {fails}",
            "catch the errors that pass by themselves (connection lost, timeout)",
            symbol=retry.task.name,
            related=where,
            fix=_narrowed(handler, spot) if spot is not None else None,
        )


def _narrowed(handler: ir.Handler, spot: Spot) -> Fix | None:
    """The broad class in place of which the errors stand that what is tried raises while the other side cannot be reached."""
    found = spot.handler()
    if found is None:
        return None
    statement, path = found[0], spot.body.path
    tried = Body(path, [*statement.body, *statement.orelse], spot.body.scope)
    taken: list[Value] = [v for h in statement.handlers for v in spot.body.catches(h) if v is not None]
    errors = transient_in([part_of(tried, spot.body)], taken)
    if not errors:
        return None
    names = [f"{error.module}.{error.name}" for error in errors]
    listed = ", ".join(names)
    whole = f"({listed})" if len(names) > 1 else listed
    if len(names) > 1 and handler.col + len(f"except {whole} as {handler.name or ''}:") > mending.WIDE:
        whole = mending.one_each(names)
    caught = handler.catches
    if caught is None:
        end = handler.col + len("except")
        where, text = Place(path, Span(handler.line, end, handler.line, end)), f" {whole}"
    elif isinstance(caught, ir.Seq) and len(caught.items) > 1:
        broad = [item for item in caught.items if _name(item) in ("Exception", "BaseException")]
        if len(broad) != 1:
            return None
        where, text = Place(path, broad[0].span), listed
    else:
        where, text = Place(path, caught.span), whole
    return mending.unsafe(f"retry on {' and '.join(names)} only", ReplaceExpr(where, text, tuple(errors)))


def _near(spot: Spot) -> bool:
    """Whether nothing between the handler and the retry tells errors apart."""
    found = spot.handler()
    if found is None:
        return False
    _, handler = found
    inside = [block for block in spot.around if _in(block.node, handler)]
    for block in inside:
        if isinstance(block.node, ir.If) and _speaks_of(block.node.test, handler.name):
            return False
        if isinstance(block.node, ir.Match):
            return False
    # What leaves the handler before the retry may do so because of what the error is.
    return not any(
        isinstance(statement, ir.If)
        and _speaks_of(statement.test, handler.name)
        and any(isinstance(node, (ir.Raise, ir.Return)) for node in nodes(statement))
        for statement in handler.body
        if statement.line < spot.statement.line
    )


def _in(inner: ir.Node, outer: ir.Node) -> bool:
    return outer.line < inner.line and inner.end_line <= outer.end_line


def _speaks_of(test: ir.Expr, caught: str | None) -> bool:
    """Whether a condition may look at the error: it names what was caught, or asks something else than the retries."""
    named = {node.id for node in nodes(test) if isinstance(node, ir.Name)}
    return caught in named or any(isinstance(node, ir.Call) for node in nodes(test))


def _broad(spot: Spot) -> ir.Handler | None:
    """The broad handler that a retry stands in, if errors of all kinds get there."""
    found = spot.handler()
    if found is None:
        return None
    statement, handler = found
    if not spot.body.catches_everything(handler) or _is_one_known_call(spot.body, statement):
        return None
    for earlier in statement.handlers:
        if earlier is handler:
            return handler
        if ends(earlier.body, earlier.name) != {"retry"} and not all(_name(p) in _NO_ERRORS for p in _parts(earlier)):
            return None
    return None


def _parts(handler: ir.Handler) -> list[ir.Expr | None]:
    if isinstance(handler.catches, ir.Seq):
        return list(handler.catches.items)
    return [handler.catches]


def _name(expression: ir.Expr | None) -> str:
    if isinstance(expression, ir.Attr):
        return expression.attr
    return expression.id if isinstance(expression, ir.Name) else ""


def _is_one_known_call(body: Body, statement: ir.Try) -> bool:
    """Whether the `try` holds one call of another package, or of an object at hand: `response.raise_for_status()`."""
    only = statement.body[0] if len(statement.body) == 1 else None
    value = only.value if isinstance(only, (ir.Assign, ir.AnnAssign, ir.ExprStmt, ir.Return)) else None
    if isinstance(value, ir.Await):
        value = value.value
    if not isinstance(value, ir.Call):
        return False
    root: ir.Expr = value.func
    while isinstance(root, ir.Attr):
        root = root.value
    at_hand = isinstance(root, ir.Name) and root is not value.func and body.meaning(root) is None
    return isinstance(body.meaning(value.func), External) or (at_hand and _name(root) != "self")

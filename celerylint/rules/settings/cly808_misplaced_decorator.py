"""CLY808."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.finding import Finding, Fix, ReplaceText, Severity
from celerylint.model.idioms.celery_tasks import SENDERS, SIGNATURES
from celerylint.model.project import Project, Task
from celerylint.model.values import External, FunctionValue, Value, place
from celerylint.rules import mending
from celerylint.rules.base import Rule, related
from celerylint.rules.body import Body

_WRAPPERS = frozenset(
    {
        "asgiref.sync.async_to_sync", "asgiref.sync.sync_to_async", "backoff.on_exception", "backoff.on_predicate",
        "cachetools.cached", "contextlib.contextmanager", "django.db.transaction.atomic",
        "django.db.transaction.non_atomic_requests", "functools.cache", "functools.lru_cache", "newrelic.agent.background_task",
        "retry.retry", "retrying.retry", "sentry_sdk.monitor", "sentry_sdk.crons.monitor", "sentry_sdk.trace",
        "tenacity.retry", "timeout_decorator.timeout", "wrapt_timeout_decorator.timeout",
    }
)  # fmt: skip
"""Decorators of other packages that put a function of their own in place of what they decorate."""
_KNOWS_TASKS = SENDERS | SIGNATURES | {"__dict__", "task", "shared_task", "register_task", "send_task"}
"""What a decorator that is meant to stand above a task does with it."""


class MisplacedDecorator(Rule):
    """A decorator above the task decorator wraps the task, not the work: `.delay` is gone, and workers bypass it.

    Decorators are applied from the bottom up. Celery registers the function below `@app.task`, and that is what
    workers run. A decorator above it makes a plain function of the task: calling that function works, with the
    decorator around it, but it has no `delay` and no `apply_async`; and a worker that receives the task by its name
    runs it without the lock, transaction or retry that the decorator was meant to give.

    Decorators are left alone that return what they were given, such as those that only register it, those that send
    the task themselves, and those of other packages that are not known to wrap.

    ## What to do

    Put the task decorator on top.

    ## Fix safety

    The fix puts the task decorator above the others. It is unsafe: workers then run the task with them. A decorator that does
    not keep the function's name (`functools.wraps`) is left alone, since the task would be named after its wrapper.

    [Basics](https://docs.celeryq.dev/en/stable/userguide/tasks.html#basics)
    """

    code = "CLY808"
    name = "misplaced-decorator"
    summary = "A decorator stands above the task decorator: workers bypass it, and the name has no .delay."
    severity = Severity.ERROR
    bad = """\
from celery import shared_task
from django.db import transaction


@transaction.atomic
@shared_task
def pull(): ...
"""
    good = """\
from celery import shared_task
from django.db import transaction


@shared_task
@transaction.atomic
def pull(): ...
"""

    def check_task(self, task: Task, project: Project) -> Iterable[Finding]:
        node, function = task.definition[1], task.value.function
        if function is None or not isinstance(node, ir.Function) or task.at[0] != task.path:
            return
        above: list[ir.Expr] = []
        for decorator in node.decorators:
            if _span(decorator) == _span(task.at[1]):
                break
            above.append(decorator)
        else:
            return
        body = Body(task.path, [], function.innermost.scope)
        for decorator in above:
            called = isinstance(decorator, ir.Call)
            meant = body.meaning(decorator.func if isinstance(decorator, ir.Call) else decorator)
            if _wraps(meant, called):
                yield self.finding(
                    (task.path, decorator),
                    f"workers run {task.name} without this decorator, and `{node.name}` is what it returned:"
                    " a plain function, without delay() and apply_async()",
                    "put the task decorator on top",
                    symbol=task.name,
                    related=related(task.at, "the task decorator"),
                    fix=_on_top(task, above, body, project),
                )


_NO_WORK = frozenset({"asgiref.sync.sync_to_async", "contextlib.contextmanager"})
"""Decorators below which a task would do nothing."""


def _on_top(task: Task, above: Sequence[ir.Expr], body: Body, project: Project) -> Fix | None:
    """The task decorator above the others, which must keep the function's name: the task is called after it."""
    for decorator in above:
        meant = body.meaning(decorator.func if isinstance(decorator, ir.Call) else decorator)
        if isinstance(meant, External) and meant.dotted in _NO_WORK:
            return None
        if isinstance(meant, FunctionValue) and "wraps" not in getattr(meant.node, "uses", ()):
            return None
    held = [*above, task.at[1]]
    texts = [mending.text_of(node, task.path, project) for node in held]
    if not all(texts):
        return None
    moved = zip(held, [texts[-1], *texts[:-1]], strict=True)
    edits = [ReplaceText(place((task.path, node)), text) for node, text in moved]
    return mending.unsafe("put the task decorator on top", *edits)


def _span(node: ir.Node) -> tuple[int, int, int, int]:
    return node.line, node.col, node.end_line, node.end_col


def _wraps(decorator: Value | None, called: bool) -> bool:
    """Whether a decorator is known to return another function than it was given."""
    if isinstance(decorator, External):
        return decorator.dotted in _WRAPPERS
    if not isinstance(decorator, FunctionValue) or not isinstance(decorator.node, ir.Function) or decorator.wrappers:
        return False
    return _KNOWS_TASKS.isdisjoint(decorator.node.uses) and _returns_inner(decorator.node, 2 if called else 1)


def _returns_inner(node: ir.Function, depth: int) -> bool:
    """Whether all a function returns is a function defined in it, so many levels deep, that calls what it was given."""
    statements = ir.read_body(node)
    inner = {s.name: s for s in statements if isinstance(s, ir.Function)}
    returned = [s.value for s in statements if isinstance(s, ir.Return)]
    if len(returned) != 1 or not isinstance(returned[0], ir.Name) or returned[0].id not in inner:
        return False
    found = inner[returned[0].id]
    if depth > 1:
        return _returns_inner(found, depth - 1)
    return len(node.params) == 1 and _only_calls(found, node.params[0].name)


def _only_calls(node: ir.Function, name: str) -> bool:
    """Whether a function calls what is under a name, and does nothing else with it: it hands it to nobody."""
    inside = [inner for statement in ir.read_body(node) for inner in nodes(statement)]
    uses = [inner for inner in inside if isinstance(inner, ir.Name) and inner.id == name]
    called = [inner for inner in inside if isinstance(inner, ir.Call) and inner.func in uses]
    return bool(called) and len(uses) == len(called)

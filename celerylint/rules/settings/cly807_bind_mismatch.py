"""CLY807."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.finding import Finding, Severity
from celerylint.model.project import Project, Task
from celerylint.model.values import ClassValue, Entry, External, FunctionValue
from celerylint.rules import mending
from celerylint.rules.base import Rule, related

_OF_A_TASK = frozenset(
    {"request", "retry", "update_state", "request_stack", "max_retries", "replace", "send_event", "default_retry_delay"}
)
"""What is read from a task, and hardly from anything else that is called self."""
_OURS = frozenset({"celery.Task", "celery.contrib.django.task.DjangoTask", "builtins.object", "abc.ABC"})


class BindMismatch(Rule):
    """The function takes no task where Celery passes one, or waits for one that Celery does not pass.

    With `bind=True` the task itself is the first argument of every run. A function without a parameter for it cannot
    be called: `delay()` raises TypeError.

    Without `bind=True` a first parameter called `self` is an ordinary one: `delay()` raises TypeError because the
    argument is missing, or puts the first argument in its place, and `self.request` and `self.retry` fail on that.

    Functions under other decorators, which may add or take arguments, are left alone, and so are methods, and tasks
    whose base class calls `run` itself.

    ## What to do

    Write `bind=True` and `self` as the first parameter, or neither.

    ## Fix safety

    The fix adds `bind=True` where the first parameter is `self` and the body uses it as the task. It is safe: without it,
    each run fails.

    [Bound tasks](https://docs.celeryq.dev/en/stable/userguide/tasks.html#bound-tasks)
    """

    code = "CLY807"
    name = "bind-mismatch"
    summary = "bind=True and the function's first parameter do not go together: calling the task fails."
    severity = Severity.ERROR
    bad = """\
from celery import shared_task


@shared_task
def pull(self, pk):
    print(self.request.id, pk)
"""
    good = """\
from celery import shared_task


@shared_task(bind=True)
def pull(self, pk):
    print(self.request.id, pk)
"""

    def check_task(self, task: Task, project: Project) -> Iterable[Finding]:
        function = task.value.function
        if function is None or task.class_based or not isinstance(function.node, ir.Function):
            return
        if function.wraps is not None or function.wrappers or task.value.method or function.owner_class is not None:
            return
        if task.value.opened or task.value.foreign or any(_calls_itself(cls) for cls in task.lineage):
            return
        node = function.node
        first = next((p for p in node.params if p.kind in ("positional-only", "positional", "var")), None)
        given = task.value.options.get("bind")
        if task.bound:
            if first is None:
                where = task.keywords.get("bind", task.at)
                yield self.finding(
                    where,
                    f"with bind=True every run of {task.name} gets the task as its first argument, and"
                    f" `{node.name}()` takes no positional argument: calling it raises TypeError",
                    "add `self` as the first parameter, or take bind=True out",
                    symbol=task.name,
                    related=related((task.path, node), "the function") if where[1].line != node.line else [],
                )
        elif given is None or _is_false(given):
            used = _used_as_task(node)
            if used is not None and first is not None and first.name == "self" and first.kind != "var":
                yield self.finding(
                    task.at,
                    f"without bind=True Celery passes no task to {task.name}: `self` is an ordinary argument, which"
                    f" callers do not give, and `self.{used.attr}` is read from it",
                    "add bind=True",
                    symbol=task.name,
                    related=related((task.path, used), "read here"),
                    fix=mending.safe("add bind=True", *mending.set_at(task.at, bind="True"))
                    if mending.takes_options(task)
                    else None,
                )
            elif used is not None and first is None and not _known(function, "self"):
                yield self.finding(
                    task.at,
                    f"`self.{used.attr}` is read in {task.name}, where there is no `self`: that raises NameError",
                    "add bind=True and `self` as the first parameter",
                    symbol=task.name,
                    related=related((task.path, used), "read here"),
                )


def _is_false(entry: Entry) -> bool:
    return getattr(entry.value, "value", None) is False


def _used_as_task(node: ir.Function) -> ir.Attr | None:
    """The first place where `self` is used as a task."""
    if _OF_A_TASK.isdisjoint(node.uses):
        return None
    found = [
        inner
        for inner in nodes(node)
        if isinstance(inner, ir.Attr)
        and inner.attr in _OF_A_TASK
        and isinstance(inner.value, ir.Name)
        and inner.value.id == "self"
    ]
    return min(found, key=lambda attr: (attr.line, attr.col), default=None)


def _known(function: FunctionValue, name: str) -> bool:
    """Whether a name is bound around the function, or in it."""
    scope = function.scope
    while scope is not None:
        if name in scope.entries or scope.stars:
            return True
        if scope.parent is None:
            break
        scope = scope.parent
    node = function.node
    return any(
        (isinstance(inner, ir.Name) and inner.id == name and _stored(node, inner))
        or (isinstance(inner, ir.Param) and inner.name == name)
        for inner in nodes(node)
    )


def _stored(root: ir.Node, name: ir.Name) -> bool:
    return any(isinstance(inner, ir.Assign) and name in inner.targets for inner in nodes(root))


def _calls_itself(cls: object) -> bool:
    """Whether a base class is foreign or has a `__call__`, and may pass the task on its own."""
    if isinstance(cls, ClassValue):
        return "__call__" in cls.attrs
    return not (isinstance(cls, External) and cls.dotted in _OURS)

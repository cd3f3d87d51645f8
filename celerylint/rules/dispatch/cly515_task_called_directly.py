"""CLY515."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator

from msgspec import Struct

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.finding import Confidence, Finding, Severity
from celerylint.model import celery_values as cv
from celerylint.model.project import Project, Task
from celerylint.model.values import FunctionValue, forced, unread
from celerylint.rules.base import Rule, related
from celerylint.rules.body import Body
from celerylint.rules.dispatch.canvas import last_name
from celerylint.rules.dispatch.transactions import own_calls
from celerylint.rules.flow import Block, statements, within
from celerylint.rules.retries.delays import autoretries, most, most_by_hand

_SENDS = ("delay", "apply_async", "delay_on_commit", "apply_async_on_commit")
_NEAR = 3
"""Lines between two statements that are read together."""

_VERBS = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "websocket"})
_ROUTES = _VERBS | {"route", "api_route"}
_ACTIONS = frozenset({"perform_create", "perform_update", "perform_destroy", "form_valid", "form_invalid"})
_WEB = re.compile(r"view|api|endpoint|handler|middleware|admin|route|controller|resource|webhook", re.IGNORECASE)
_BY_CHOICE = re.compile(r"eager|sync|debug|celery|test|inline|background|queue|worker|broker|local", re.IGNORECASE)


class TaskCalledDirectly(Rule):
    """A task that is called like a function runs here and now: no worker, no retries, no time limit.

    `ship(order_id)` runs the body in the process that calls it and sends nothing. A retry cannot happen there: where a
    worker would send the task again, `self.retry()` and `autoretry_for` raise the error to the caller at once. In a
    request that is a client who waits, and then an error that the retries were meant to ride out.

    Two places are reported: a call beside a `.delay()` of the same task, where most likely one of them was forgotten,
    and a call in the function that answers a request, of a task that declares retries. Where a condition chooses between
    the call and the queue that is a decision, as is a call in the body of another task.

    ## What to do

    `ship.delay(order_id)`; or, where it is to run at once, call the plain function that the task is made of.

    [Calling tasks](https://docs.celeryq.dev/en/stable/userguide/calling.html)
    """

    code = "CLY515"
    name = "task-called-directly"
    summary = "A task is called like a function, where it is meant to be queued."
    severity = Severity.INFO
    confidence = Confidence.MEDIUM
    bad = """\
from celery import shared_task


@shared_task
def ship(order_id): ...


def checkout(order, gift):
    ship(order.pk)
    ship.delay(gift.pk)
"""
    good = """\
from celery import shared_task


@shared_task
def ship(order_id): ...


def checkout(order, gift):
    ship.delay(order.pk)
    ship.delay(gift.pk)
"""

    def check_project(self, project: Project) -> Iterable[Finding]:
        calls = _Calls(project)
        for path, functions in project.functions.items():
            for function in functions:
                yield from self._in(path, function, calls, project)

    def _in(self, path: str, function: FunctionValue, calls: _Calls, project: Project) -> Iterator[Finding]:
        direct = list(calls.of(function))
        if not direct:
            return
        sent = calls.sent.get(path, [])
        request = _answers_a_request(function, path)
        for call in direct:
            queued = [node for node, task in sent if task is call.task and within(node, function.node)]
            beside = _beside(call, queued)
            if beside is not None:
                yield self._near(path, call, beside)
            elif request and not queued and not _chosen(call.around) and _retries(call.task, project):
                yield self._answering(path, call)

    def _near(self, path: str, call: _Call, beside: ir.Stmt) -> Finding:
        return self.finding(
            (path, call.node),
            f"`{call.task.name}` is called here like a function, and queued in line {beside.line}: here it runs at once, in"
            " this process, without retries or a time limit",
            "write .delay(...) here too, or call the plain function that the task is made of",
            symbol=call.task.name,
            related=related((path, beside), "queued here"),
        )

    def _answering(self, path: str, call: _Call) -> Finding:
        return self.finding(
            (path, call.node),
            f"`{call.task.name}` runs here while the client waits, and is not retried: what a worker would retry is raised"
            " here at once",
            "write .delay(...), or call the plain function that the task is made of",
            symbol=call.task.name,
            related=related(call.task.definition, "the task declares retries"),
        )


class _Call(Struct, frozen=True):
    """A task that is called like a function."""

    task: Task
    node: ir.Call
    statement: ir.Stmt
    block: list[ir.Stmt]
    """The statements that it stands among."""
    around: tuple[Block, ...]


def _outermost(found: Iterable[ir.Node]) -> list[ir.Node]:
    """Those that stand in no other, in their order: no two of them overlap."""
    kept: list[ir.Node] = []
    for node in sorted(found, key=lambda node: (node.line, node.col, -node.end_line, -node.end_col)):
        if not kept or not within(node, kept[-1]):
            kept.append(node)
    return kept


class _Calls:
    """Where tasks are called like functions, outside of tasks."""

    def __init__(self, project: Project) -> None:
        self._tasks = {id(task.value): task for task in project.tasks}
        self._by_place = {(task.value.module.dotted, task.function): task for task in project.tasks}
        self._names = frozenset(task.function for task in project.tasks)
        self._bodies: dict[str, list[ir.Node]] = {}
        for task in project.tasks:
            self._bodies.setdefault(task.definition[0], []).append(task.definition[1])
        self._bodies = {path: _outermost(found) for path, found in self._bodies.items()}
        self.sent: dict[str, list[tuple[ir.Node, Task]]] = {}
        """Where each task is queued, by path."""
        for dispatch in project.dispatches:
            if dispatch.task is not None and dispatch.method.endswith(_SENDS):
                self.sent.setdefault(dispatch.at[0], []).append((dispatch.at[1], dispatch.task))

    def of(self, function: FunctionValue) -> Iterator[_Call]:
        node, path = function.node, function.scope.module.path
        if not isinstance(node, ir.Function) or not self._may_call(function, node.uses):
            return
        tasks = self._bodies.get(path, [])
        before = bisect_right(tasks, (node.line, node.col), key=lambda task: (task.line, task.col))
        if before and within(node, tasks[before - 1]):
            return
        body = Body(path, ir.read_body(node), function.scope)
        local = _bound(node, body.statements)
        imported = self._imported(body, function)
        for statement, around in statements(body.statements):
            for call in _simple_calls(statement):
                task = self._called(call, body, local, imported)
                if task is not None:
                    yield _Call(task, call, statement, _block_of(statement, body.statements, around), around)

    def _may_call(self, function: FunctionValue, uses: list[str]) -> bool:
        """Whether a function uses a name that a task goes by in its module. No other name is found out about."""
        if not self._names.isdisjoint(uses):
            return True
        entries = function.scope.module.scope.entries
        values = (entries[name].value for name in uses if name in entries)
        return any(not unread(value) and isinstance(forced(value), cv.Task) for value in values)

    def _imported(self, body: Body, function: FunctionValue) -> dict[str, Task]:
        """Tasks that a function imports itself, by what it calls them."""
        found: dict[str, Task] = {}
        package = function.scope.module.package
        for statement, _ in statements(body.statements):
            if isinstance(statement, ir.ImportFrom):
                parts = package.split(".")
                home = ".".join(parts[: len(parts) - statement.level + 1]) if statement.level else ""
                dotted = ".".join(part for part in (home, statement.module) if part)
                for alias in statement.names:
                    task = self._by_place.get((dotted, alias.name))
                    if task is not None:
                        found[alias.bound] = task
        return found

    def _called(self, call: ir.Call, body: Body, local: set[str], imported: dict[str, Task]) -> Task | None:
        root: ir.Expr = call.func
        while isinstance(root, ir.Attr):
            root = root.value
        if not isinstance(root, ir.Name):
            return None
        if isinstance(call.func, ir.Name) and call.func.id in imported:
            return imported[call.func.id]
        value = body.meaning(call.func, read=False) if root.id not in local else None
        return self._tasks.get(id(value)) if isinstance(value, cv.Task) else None


def _simple_calls(statement: ir.Stmt) -> Iterator[ir.Call]:
    """The calls of a statement itself, not those of the blocks in it."""
    if isinstance(statement, (ir.If, ir.While)):
        yield from own_calls(statement.test)
    elif isinstance(statement, ir.For):
        yield from own_calls(statement.source)
    elif isinstance(statement, ir.With):
        for item in statement.items:
            yield from own_calls(item.context)
    elif not isinstance(statement, (ir.Try, ir.Match)):
        yield from own_calls(statement)


def _bound(function: ir.Function, body: list[ir.Stmt]) -> set[str]:
    """Names that a function gives a meaning of its own."""
    found = {param.name for param in function.params}
    for node in (node for statement in body for node in nodes(statement)):
        if isinstance(node, ir.Assign):
            found.update(t.id for target in node.targets for t in nodes(target) if isinstance(t, ir.Name))
        elif isinstance(node, (ir.AnnAssign, ir.For, ir.Generator)):
            found.update(t.id for t in nodes(node.target) if isinstance(t, ir.Name))
        elif isinstance(node, (ir.Import, ir.ImportFrom)):
            found.update(alias.bound for alias in node.names)
        elif isinstance(node, (ir.Function, ir.Class)):
            found.add(node.name)
    return found


def _block_of(statement: ir.Stmt, body: list[ir.Stmt], around: tuple[Block, ...]) -> list[ir.Stmt]:
    if not around:
        return body
    block = around[-1]
    held = getattr(block.node, block.part, None)
    if isinstance(held, list) and any(inner is statement for inner in held):
        return held
    cases: list[ir.Case] = getattr(block.node, "cases", [])
    return next((case.body for case in cases if any(inner is statement for inner in case.body)), [])


# --- beside a place that queues it ------------------------------------------------------------------------------------


def _beside(call: _Call, queued: list[ir.Node]) -> ir.Stmt | None:
    """The statement on the neighbouring lines that queues the same task, if a call is a statement of its own."""
    statement = call.statement
    if not isinstance(statement, ir.ExprStmt) or statement.value is not call.node:
        return None
    for other in call.block:
        simple = isinstance(other, (ir.ExprStmt, ir.Assign, ir.AnnAssign, ir.Return))
        if simple and any(within(node, other) for node in queued):
            between = (
                other.line - statement.end_line if other.line > statement.line else statement.line - other.end_line
            )
            if 0 <= between <= _NEAR:
                return other
    return None


# --- in a request -----------------------------------------------------------------------------------------------------


def _answers_a_request(function: FunctionValue, path: str) -> bool:
    """Whether a function is what a web framework calls for a request."""
    node = function.node
    if not isinstance(node, ir.Function):
        return False
    if any(_routes(decorator) for decorator in node.decorators):
        return True
    params = node.params
    owner = function.owner_class
    if owner is not None:
        params = params[1:]
        bases = [last_name(base) for base in owner.node.bases]
        is_view = any(base.endswith(("View", "Resource", "ViewSet", "Mixin", "Endpoint")) for base in bases)
        if is_view and (node.name in _VERBS or node.name in _ACTIONS):
            return True
    first = params[0] if params else None
    if first is None or first.name != "request":
        return False
    typed = first.annotation is not None and last_name(first.annotation).endswith("Request")
    return typed or _WEB.search(path) is not None


def _routes(decorator: ir.Expr) -> bool:
    """Whether a decorator reads `@router.post("/orders")` or `@api_view([...])`."""
    if not isinstance(decorator, ir.Call):
        return False
    if last_name(decorator.func) == "api_view":
        return True
    if not isinstance(decorator.func, ir.Attr) or decorator.func.attr not in _ROUTES:
        return False
    given = decorator.args[:1] or [k.value for k in decorator.keywords if k.name in ("path", "rule")]
    where = given[0].value if given and isinstance(given[0], ir.Const) else None
    return isinstance(where, str) and (not where or where.startswith("/"))


def _chosen(around: tuple[Block, ...]) -> bool:
    """Whether a condition around a call asks how tasks are to be run, or it is what is done when sending has failed."""
    for block in around:
        if isinstance(block.node, ir.Handler):
            return True
        if isinstance(block.node, ir.If):
            words = [
                n.id if isinstance(n, ir.Name) else n.attr
                for n in nodes(block.node.test)
                if isinstance(n, (ir.Name, ir.Attr))
            ]
            if any(_BY_CHOICE.search(word) for word in words):
                return True
    return False


def _retries(task: Task, project: Project) -> bool:
    if autoretries(task) and most(task):
        return True
    return any(most_by_hand(task, retry) for retry in project.retries_of(task))

"""CLY501."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from celerylint.facts import ir
from celerylint.finding import (
    Confidence,
    Finding,
    Fix,
    Needed,
    Place,
    Related,
    ReplaceText,
    Severity,
    Span,
)
from celerylint.model.project import Dispatch, Project
from celerylint.model.values import ClassValue, FunctionValue, Scalar, forced
from celerylint.rules import mending
from celerylint.rules.base import Rule, related
from celerylint.rules.dispatch.canvas import last_name
from celerylint.rules.dispatch.requests import calls_after_a_write, of_request, opts_out, written_before
from celerylint.rules.dispatch.saves import Saves, is_sure_to_reach, saved
from celerylint.rules.dispatch.transactions import (
    Transaction,
    around,
    blocks_around,
    called,
    calls_inside,
    encloses,
    own_calls,
)
from celerylint.rules.flow import spot_of

_SENDS = frozenset({"delay", "apply_async", "send_task"})
_DEPTH = 3


class DispatchInTransaction(Rule):
    """The task is sent while the transaction is still open: a worker may run it before the rows it needs are there.

    The message goes to the broker at once. A worker that takes it in the next millisecond looks for a row that nobody
    but this transaction can see, or reads the old one. If the block rolls back, the task runs for something that never
    happened: Celery knows nothing of the transaction.

    Blocks and decorators of Django's `atomic` are followed, as are context managers of the project that open one,
    `with session.begin()` of SQLAlchemy, a session that is committed further down in the same block, and functions of
    the project that are called inside, three calls deep.

    Where an object of a known model is saved in the block, so is what the model's own `save` sends, and what receivers
    of `post_save` and `pre_save` do that are connected to that model, unless a condition stands in between that nobody
    can decide. Under `ATOMIC_REQUESTS` a view is one transaction until it returns: what it sends after it has saved
    something is found too, unless `non_atomic_requests` takes it out.

    Callbacks of `on_commit`, functions that are only defined in the block, and tasks that get nothing, or nothing but
    constants, are left alone.

    ## What to do

    Send after the commit: `ship.delay_on_commit(order.pk)` (Celery 5.4 and Django; it returns None), or

    ```python
    transaction.on_commit(partial(ship.delay, order.pk))
    ```

    With SQLAlchemy send after `session.commit()`.

    ## Fix safety

    In a transaction of Django's, where nothing uses the result, `ship.delay(pk)` becomes `ship.delay_on_commit(pk)`
    (Celery 5.4, an app that is configured by Django's settings) or `transaction.on_commit(partial(ship.delay, pk))`. It is
    unsafe: after a rollback the task is not sent any more, and an error in sending it comes after the commit.

    [Trigger tasks at the end of the database transaction](https://docs.celeryq.dev/en/stable/django/first-steps-with-django.html#trigger-tasks-at-the-end-of-the-database-transaction)
    """

    code = "CLY501"
    name = "dispatch-in-transaction"
    summary = "A task is sent while the transaction whose rows it needs is still open."
    severity = Severity.WARNING
    bad = """\
from celery import shared_task
from django.db import transaction


@shared_task
def ship(order_id): ...


def checkout(order):
    with transaction.atomic():
        order.save()
        ship.delay(order.pk)
"""
    good = """\
from celery import shared_task
from django.db import transaction


@shared_task
def ship(order_id): ...


def checkout(order):
    with transaction.atomic():
        order.save()
        ship.delay_on_commit(order.pk)
"""

    def check_project(self, project: Project) -> Iterable[Finding]:
        sent: dict[int, list[Dispatch]] = {}
        written = {(dispatch.at[0], dispatch.at[1].span) for dispatch in project.dispatches if _is_direct(dispatch)}
        for dispatch in project.dispatches:
            function = dispatch.function
            if function is None or not _sends(dispatch) or _needs_no_row(dispatch):
                continue
            inner = dispatch.args.at
            if not _is_direct(dispatch) and inner is not None and (inner[0], inner[1].span) in written:
                # Seen from a function that calls the one it is written in, where it is known as well.
                continue
            sent.setdefault(id(function.node), []).append(dispatch)
            transaction = around(dispatch.context, function) or _before_commit(dispatch, function)
            if transaction is not None:
                yield self._found(dispatch, transaction, [], project)
        reach = _Reach(sent, Saves(project))
        for functions in project.functions.values():
            for function in functions:
                for call, transaction in calls_inside(function) if _may_open(function) else ():
                    for dispatch, path in reach.by(call, function):
                        yield self._found(dispatch, transaction, path, project)
                if "ATOMIC_REQUESTS" in project.django:
                    yield from self._in_a_request(function, sent, reach, project)

    def _in_a_request(
        self, function: FunctionValue, sent: dict[int, list[Dispatch]], reach: _Reach, project: Project
    ) -> Iterator[Finding]:
        """What a view sends, itself or through what it calls, after it has saved something."""
        transaction = of_request(function, project)
        if transaction is None or not isinstance(function.node, ir.Function):
            return
        body = ir.read_body(function.node)
        found: list[tuple[Dispatch, list[Related]]] = []
        for dispatch in sent.get(id(function.node), ()):
            row = None if _is_later(dispatch) else written_before(function, body, dispatch.at[1])
            if row is not None and around(dispatch.context, function) is None:
                found.append((dispatch, related(row, "saved in the request")))
        for call in calls_after_a_write(body):
            row = written_before(function, body, call)
            if row is not None:
                step = related(row, "saved in the request")
                found += [(dispatch, [*step, *path]) for dispatch, path in reach.by(call, function)]
        if found and not opts_out(function, project):
            yield from (self._found(dispatch, transaction, path, project) for dispatch, path in found)

    def _found(self, dispatch: Dispatch, opened: Transaction, path: list[Related], project: Project) -> Finding:
        name = f"`{dispatch.task_name}`" if dispatch.task_name else "the canvas"
        where = f"line {opened.at[1].line}" + (f" of {opened.at[0]}" if opened.at[0] != dispatch.at[0] else "")
        inside = f"the transaction of {where}"
        if opened.words == "request":
            inside = f"the transaction that ATOMIC_REQUESTS ({where}) keeps open until the view returns"
        return self.finding(
            dispatch.at,
            f"{name} is sent inside {inside}: a worker may run it before the commit, when the rows are"
            " not there yet, and after a rollback it runs all the same",
            _help(dispatch, opened, project),
            symbol=dispatch.task_name or "",
            related=[*related(opened.at, "the transaction begins here"), *path],
            confidence=Confidence.MEDIUM if path or not opened.django else None,
            fix=_after_commit(dispatch, opened, project),
        )


_TRANSACTION = Needed("django.db", "transaction")


def _after_commit(dispatch: Dispatch, opened: Transaction, project: Project) -> Fix | None:
    path, call = dispatch.at
    if not opened.django or not isinstance(call, ir.Call) or not isinstance(call.func, ir.Attr):
        return None
    spot = spot_of(dispatch.at, project)
    unused = spot is not None and isinstance(spot.statement, ir.ExprStmt) and spot.statement.value.span == call.span
    method = call.func.attr
    if not unused or method not in ("delay", "apply_async"):
        return None
    database = _database(opened)
    if database is None:
        return None
    if method == dispatch.method and not database and _has_on_commit(dispatch, project):
        end = call.func.end_col
        name = Place(path, Span(call.func.end_line, end - len(method), call.func.end_line, end))
        return mending.unsafe(f"write {method}_on_commit", ReplaceText(name, f"{method}_on_commit"))
    using = f", using={mending.quoted(database)}" if database else ""
    given_to = "django.db.transaction.on_commit"
    wrapped = mending.partial_of(call, path, project, given_to=given_to, more=using, needs=[_TRANSACTION])
    return mending.unsafe("send it after the commit", *wrapped) if wrapped else None


def _database(opened: Transaction) -> str | None:
    """The database that a transaction was opened for by name; empty for the default one, None if it cannot be seen."""
    node = opened.at[1]
    expression = node.context if isinstance(node, ir.WithItem) else node
    if isinstance(expression, ir.Call) and last_name(expression.func) == "method_decorator" and expression.args:
        expression = expression.args[0]
    if not isinstance(expression, ir.Call) or last_name(expression.func) != "atomic":
        return ""
    given = [keyword.value for keyword in expression.keywords if keyword.name == "using"] or expression.args[:1]
    if not given or (isinstance(given[0], ir.Const) and given[0].value is None):
        return ""
    name = given[0].value if isinstance(given[0], ir.Const) else None
    return name if isinstance(name, str) else None


def _has_on_commit(dispatch: Dispatch, project: Project) -> bool:
    """Whether the task is made of Celery's DjangoTask."""
    task = dispatch.task
    if task is None or task.app is None or task.class_based or project.version.minor < (5, 4):
        return False
    return task.app.source.startswith("django.conf") and not any(isinstance(c, ClassValue) for c in task.lineage)


def _help(dispatch: Dispatch, opened: Transaction, project: Project) -> str:
    if not opened.django:
        return "send it after the session has been committed"
    if dispatch.method in ("delay", "apply_async") and project.version.minor >= (5, 4) and dispatch.task is not None:
        return f"send it after the commit: {dispatch.method}_on_commit(...), or transaction.on_commit(partial(...))"
    return "send it after the commit: transaction.on_commit(partial(...))"


def _is_direct(dispatch: Dispatch) -> bool:
    """Whether it stands where the call itself is written, not at the call of a helper that sends."""
    inner = dispatch.args.at
    return inner is not None and (inner[0], inner[1].span) == (dispatch.at[0], dispatch.at[1].span)


def _sends(dispatch: Dispatch) -> bool:
    return dispatch.method in _SENDS or dispatch.method.endswith(("().delay", "().apply_async", "chain()", "group()"))


def _is_later(dispatch: Dispatch) -> bool:
    """Whether it stands in a function that is only defined there, or is given to `on_commit` or `partial`."""
    return any(
        isinstance(node, (ir.Function, ir.LambdaExpr))
        or (isinstance(node, ir.Call) and last_name(node.func) in ("on_commit", "partial"))
        for node in dispatch.context[1:]
    )


def _needs_no_row(dispatch: Dispatch) -> bool:
    """Whether the task gets nothing, or nothing but constants."""
    args = dispatch.args
    if dispatch.method != "delay":
        given = [args.get(0, "args"), args.get(1, "kwargs")]
        return dispatch.method == "apply_async" and not args.open and all(v is None for v in given)
    values = [*args.positional, *(entry.value for entry in args.keywords.values())]
    return not args.open and all(isinstance(forced(value), Scalar) for value in values)


# --- SQLAlchemy: what is added, sent, and committed afterwards --------------------------------------------------------


def _before_commit(dispatch: Dispatch, function: FunctionValue) -> Transaction | None:
    node = function.node
    if _is_later(dispatch) or not isinstance(node, ir.Function) or not {"commit", "add"} <= set(node.uses):
        return None
    for block in blocks_around(ir.read_body(node), dispatch.at[1]):
        added: ir.Node | None = None
        sent = False
        for statement in block:
            if encloses(statement, dispatch.at[1]):
                sent = True
            elif (name := _of_session(statement)) in ("add", "add_all", "merge") and not sent:
                added = statement
            elif name in ("commit", "rollback"):
                if sent and added is not None and name == "commit":
                    return Transaction((dispatch.at[0], added), "session", False)
                added = None
    return None


def _of_session(statement: ir.Stmt) -> str:
    """`commit` of `session.commit()`, as a statement."""
    call = statement.value if isinstance(statement, ir.ExprStmt) else None
    if not isinstance(call, ir.Call) or not isinstance(call.func, ir.Attr):
        return ""
    holder = call.func.value
    name = holder.attr if isinstance(holder, ir.Attr) else holder.id if isinstance(holder, ir.Name) else ""
    return call.func.attr if "session" in name.lower() else ""


# --- through calls ----------------------------------------------------------------------------------------------------


def _may_open(function: FunctionValue) -> bool:
    node = function.node
    if not isinstance(node, ir.Function):
        return False
    named = {part for decorator in node.decorators for part in _names(decorator)}
    return any("atomic" in name or "transaction" in name for name in (*node.uses, *named)) or "begin" in node.uses


def _names(expression: ir.Expr) -> Iterator[str]:
    if isinstance(expression, ir.Attr):
        yield expression.attr
    elif isinstance(expression, ir.Name):
        yield expression.id
    elif isinstance(expression, ir.Call):
        for part in (expression.func, *expression.args):
            yield from _names(part)


class _Reach:
    """What functions send, directly or through functions that they call; each function is read once."""

    def __init__(self, sent: dict[int, list[Dispatch]], saves: Saves) -> None:
        self._sent = sent
        self._saves = saves
        self._callees: dict[int, list[tuple[ir.Call, FunctionValue]]] = {}
        self._known: dict[tuple[int, int], list[tuple[Dispatch, list[Related]]]] = {}

    def by(self, call: ir.Call, function: FunctionValue) -> list[tuple[Dispatch, list[Related]]]:
        """What is sent by the function that is called, with the calls that lead there."""
        target = called(call, function)
        found = self._through(call, function, target, _DEPTH) if target is not None else []
        return found or self._by_saving(call, function)

    def _by_saving(self, call: ir.Call, function: FunctionValue) -> list[tuple[Dispatch, list[Related]]]:
        """What is sent by the `save` of a model, or by those who hear of it, when a call saves an object."""
        what = saved(call, function) if self._sent else None
        out: list[tuple[Dispatch, list[Related]]] = []
        if what is None:
            return out
        for target in self._saves.called_by(what):
            if not isinstance(target.node, ir.Function) or target.node is function.node:
                continue
            step = related((function.scope.module.path, call), f"saves {what.model.node.name} inside the transaction")
            step += related((target.scope.module.path, target.node), f"which runs {target.node.name}()")
            for dispatch, path in self._from(target, 2):
                line = path[0].place.span.line if path else dispatch.at[1].line
                helper = dispatch.function if path else None
                sure = helper is None or is_sure_to_reach(helper, dispatch.at[1].line, None)
                if sure and is_sure_to_reach(target, line, what.fresh):
                    out.append((dispatch, [*step, *path]))
        return out

    def _through(
        self, call: ir.Call, function: FunctionValue, target: FunctionValue, depth: int
    ) -> list[tuple[Dispatch, list[Related]]]:
        if not isinstance(target.node, ir.Function) or target.node.is_async != _is_async(function):
            return []
        step = related((function.scope.module.path, call), f"calls {target.node.name}() inside the transaction")
        return [(dispatch, [*step, *path]) for dispatch, path in self._from(target, depth)]

    def _from(self, function: FunctionValue, depth: int) -> list[tuple[Dispatch, list[Related]]]:
        key = id(function.node), depth
        if key not in self._known:
            self._known[key] = []
            found: list[tuple[Dispatch, list[Related]]] = [
                (dispatch, []) for dispatch in self._sent.get(id(function.node), ()) if not _is_later(dispatch)
            ]
            if depth > 1:
                for call, target in self._called_in(function):
                    found += self._through(call, function, target, depth - 1)
            first: dict[int, tuple[Dispatch, list[Related]]] = {}
            for dispatch, path in found:
                first.setdefault(id(dispatch), (dispatch, path))
            self._known[key] = list(first.values())
        return self._known[key]

    def _called_in(self, function: FunctionValue) -> list[tuple[ir.Call, FunctionValue]]:
        node = function.node
        if id(node) not in self._callees and isinstance(node, ir.Function):
            calls = [call for statement in ir.read_body(node) for call in own_calls(statement)]
            pairs = ((call, called(call, function)) for call in calls)
            self._callees[id(node)] = [(call, target) for call, target in pairs if target is not None]
        return self._callees.get(id(node), [])


def _is_async(function: FunctionValue) -> bool:
    return isinstance(function.node, ir.Function) and function.node.is_async

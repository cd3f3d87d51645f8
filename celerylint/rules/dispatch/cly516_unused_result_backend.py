"""CLY516."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.finding import Confidence, Finding, Fix, Severity
from celerylint.model.project import App, Dispatch, Project, Task
from celerylint.rules import mending, placing
from celerylint.rules.base import Rule, names, related
from celerylint.rules.delivery.waits import number
from celerylint.rules.flow import spot_of, within
from celerylint.rules.retries.delays import span
from celerylint.rules.written import flat, modules

_SENDS = ("delay", "apply_async", "send_task")
_READS = frozenset({
    "AsyncResult", "GroupResult", "ResultSet", "EagerResult", "result_from_tuple", "allow_join_result", "chord", "group",
    "update_state", "get_task_meta", "get_result", "join_native", "iter_native", "get_many", "wait_for", "backend",
    "successful", "ready", "on_message", "children", "as_tuple", "task_postrun", "task_success",
})  # fmt: skip
"""Names that tell of somebody who reads results, or needs them stored."""

_SHOWN_BY = (
    "flower",
    "django_celery_results",
    "django_celery_monitor",
    "djcelery",
    "celery_progress",
    "celery_exporter",
)
_ELSEWHERE = ("django-", "db+", "rpc", "amqp", "disabled", "mongodb")
"""Backends whose results people look up by other means, or that keep none."""

_FOR_PEOPLE = ("result_extended", "task_track_started", "result_persistent")
"""Settings that somebody makes only to look at results."""


class UnusedResultBackend(Rule):
    """Every run stores a result that nothing here reads.

    With a result backend each run that ends writes its state and what it returned, whatever that is, and by default it
    stays for a day. Where nobody asks, that is one more write for each run, memory that grows with the traffic, and one
    more server whose outage stops tasks that need nothing of it.

    Silent where results may be looked at by other means (Flower, django-celery-results, a database backend), where the
    project uses chords, groups, `AsyncResult`, `update_state` or the value of `.delay()`, and for tasks that it does not
    send itself. Clients in other repositories cannot be seen.

    ## What to do

    `task_ignore_result = True`, with `ignore_result=False` on the tasks whose results are read; or no result backend.

    ## Fix safety

    The fix sets `task_ignore_result = True` where the app is configured. It is unsafe: who reads a result elsewhere, in another
    service or by hand, finds none. A task that says `ignore_result=False` still stores its own.

    [Results you don't need](https://docs.celeryq.dev/en/stable/userguide/tasks.html#ignore-results-you-don-t-want)
    """

    code = "CLY516"
    name = "unused-result-backend"
    summary = "Every run stores a result that nothing in the project reads."
    severity = Severity.INFO
    confidence = Confidence.MEDIUM
    preset = "playbook"
    bad = """\
from celery import Celery

app = Celery("shop", broker="redis://", backend="redis://")


@app.task
def ship(order_id): ...


def checkout(order):
    ship.delay(order.pk)
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="redis://")


@app.task
def ship(order_id): ...


def checkout(order):
    ship.delay(order.pk)
"""

    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        backend = app.setting("result_backend")
        if not backend.known or not backend.chosen or backend.at is None or not isinstance(backend.value, str):
            return
        if not backend.value or backend.value.startswith(_ELSEWHERE) or _looked_at(app):
            return
        sent = _sent(project)
        stored = [task for task in project.tasks_of(app) if id(task) in sent and _stores(task)]
        if not stored or any(name.startswith(_SHOWN_BY) for name in project.packages) or _reads(project):
            return
        who = stored[0].name if len(stored) == 1 else f"{len(stored)} tasks ({names([task.name for task in stored])})"
        expires = app.settings.get("result_expires")
        seconds = number(expires.value) if expires is not None and expires.known else None
        kept = f" and keeps it for {span(seconds)}" if seconds else ""
        yield self.finding(
            backend.at,
            f"each run of {who} stores a result in {_kind(backend.value)}{kept}, and nothing here reads one",
            "set task_ignore_result = True, or no result backend",
            symbol=app.name,
            related=related(app.at, "the app")
            if app.at[1].line != backend.at[1].line or app.at[0] != backend.at[0]
            else (),
            fix=_ignored(app, project),
        )


def _ignored(app: App, project: Project) -> Fix | None:
    edits = placing.chosen(app, project, "task_ignore_result", "True")
    return mending.unsafe("store no results unless a task asks for it", *edits) if edits else None


def _kind(url: str) -> str:
    """What holds the results, without the address, which may hold a password."""
    return url.partition(":")[0].partition("+")[0]


def _looked_at(app: App) -> bool:
    held = (app.settings.get(name) for name in _FOR_PEOPLE)
    return any(decision is not None and decision.chosen and not decision.falsy for decision in held)


def _stores(task: Task) -> bool:
    """Whether results of a task are stored because nobody decided otherwise."""
    option = task.option("ignore_result")
    return option.falsy and not option.chosen


def _sent(project: Project) -> set[int]:
    """The tasks, by `id`, that the project sends or schedules itself."""
    found = {id(d.task) for d in project.dispatches if d.task is not None}
    return found | {id(entry.task) for entry in project.schedule if entry.task is not None}


# --- who reads results ------------------------------------------------------------------------------------------------


def _reads(project: Project) -> bool:
    """Whether something may read a result: by name, or by keeping what sending a task returns."""
    if any(dispatch.method.endswith(_SENDS) and _kept(dispatch, project) for dispatch in project.dispatches):
        return True
    if any(d.method.startswith(("chord", "group")) for d in project.dispatches):
        return True
    for function in (f.node for held in project.functions.values() for f in held):
        if isinstance(function, ir.Function) and not _READS.isdisjoint(function.uses):
            return True
    return any(name in _READS for name in _imported(project))


def _imported(project: Project) -> Iterator[str]:
    """What modules import from Celery, and names that they use of it while they are imported."""
    for module in modules(project).values():
        for statement in flat(module.facts.body if module.facts is not None else ()):
            if isinstance(statement, ir.ImportFrom) and statement.module.startswith("celery"):
                yield from (alias.name for alias in statement.names)
            elif isinstance(statement, (ir.Assign, ir.ExprStmt)):
                yield from (node.attr for node in nodes(statement.value) if isinstance(node, ir.Attr))


def _kept(dispatch: Dispatch, project: Project) -> bool:
    """Whether what sending a task returns is more than thrown away."""
    spot = spot_of(dispatch.at, project)
    statement = spot.statement if spot is not None else None
    if isinstance(statement, (ir.If, ir.For, ir.While, ir.With, ir.Try, ir.Match)):
        return True
    if not isinstance(statement, ir.ExprStmt):
        return statement is not None
    return not _thrown_away(statement.value, dispatch.at[1])


def _thrown_away(value: ir.Expr, sent: ir.Node) -> bool:
    """Whether a statement is the call itself, or a list of such calls, or hands it to a callback that returns nothing."""
    if value.span == sent.span:
        return True
    if isinstance(value, ir.Comp):
        return _thrown_away(value.value, sent)
    if isinstance(value, ir.IfExp):
        return all(_thrown_away(part, sent) for part in (value.body, value.orelse) if within(sent, part))
    if isinstance(value, ir.BoolOp):
        return _thrown_away(value.values[-1], sent)
    if isinstance(value, ir.Call):
        return any(isinstance(arg, ir.LambdaExpr) and within(sent, arg) for arg in value.args)
    return False

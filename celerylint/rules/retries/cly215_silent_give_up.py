"""CLY215."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.finding import Finding, Severity, Span
from celerylint.model.project import Dispatch, Project, Task
from celerylint.model.values import ClassValue, External
from celerylint.rules.base import Rule, names
from celerylint.rules.body import Body, body_of
from celerylint.rules.delivery.waits import speaks_of
from celerylint.rules.dispatch.canvas import last_name
from celerylint.rules.flow import ends, spot_of
from celerylint.rules.origins import base_of, decorator_of
from celerylint.rules.retries.delays import FOREVER, autoretries, most, most_by_hand
from celerylint.rules.written import flat, modules

_REPORTERS = (
    "sentry", "raven", "opentelemetry", "opencensus", "rollbar", "bugsnag", "newrelic", "elastic_apm", "elasticapm",
    "honeybadger", "ddtrace", "datadog", "airbrake", "pybrake", "scout_apm", "appsignal", "logfire", "instana",
    "azure_monitor", "applicationinsights", "raygun4py", "stackify", "exceptionless", "flower", "django_celery_results",
    "djcelery", "django_celery_monitor", "celery_exporter",
)  # fmt: skip
"""How the names of packages begin that show failures to somebody."""

_HOOKS = frozenset({"on_failure", "after_return"})
_LINKS = frozenset({"link_error", "on_error"})
_SIGNALS = frozenset({"task_failure", "task_postrun"})
_KEPT = ("db+", "django-", "mongodb")
"""Result backends where a failure is a row that somebody can look up for good."""

_SAYS_NOTHING = frozenset({
    "retry", "debug", "info", "warning", "warn", "str", "repr", "len", "int", "float", "min", "max", "pow", "format",
    "join", "isinstance", "type", "getattr", "print", "timedelta", "now", "random", "randint", "randrange", "uniform",
    "choice", "get_exponential_backoff_interval", "get_logger", "get_task_logger", "getLogger",
})  # fmt: skip
"""Calls that leave no trace beyond a line of the log which is no error's."""


class SilentGiveUp(Rule):
    """When its retries are spent the task fails for good, and nobody is told.

    The last retry raises the error itself, or `MaxRetriesExceededError`. The worker writes a line to its log and
    acknowledges the message: the broker has forgotten it, a result nobody reads says FAILURE, and the invoice is never
    sent. A task that is retried was worth several runs; somebody should learn that none of them did it.

    Any of these is taken for notice: `on_failure` or `after_return` on the task or its base, `link_error` where it is
    sent, a `task_failure` handler, a body that looks at `MaxRetriesExceededError` or at the number of retries, a
    handler that logs an error or calls something of its own before it gives up. So is a package that reports errors,
    such as Sentry, OpenTelemetry or Rollbar, where the project imports or asks for one.

    ## What to do

    ```python
    class Noticed(Task):
        def on_failure(self, exc, task_id, args, kwargs, einfo):
            FailedTask.objects.create(name=self.name, args=args, kwargs=kwargs, error=repr(exc))
    ```

    or one handler of `task_failure` for all tasks, or an error reporter.

    [Handlers](https://docs.celeryq.dev/en/stable/userguide/tasks.html#handlers)
    """

    code = "CLY215"
    name = "silent-give-up"
    summary = "When its retries are spent the task fails for good, and nobody is told."
    severity = Severity.INFO
    preset = "playbook"
    bad = """\
from celery import shared_task


@shared_task(autoretry_for=(ConnectionError,), retry_backoff=True)
def push(order_id): ...
"""
    good = """\
from celery import Task, shared_task


class Noticed(Task):
    def on_failure(self, exc, task_id, args, kwargs, einfo):
        FailedTask.objects.create(name=self.name, args=args, kwargs=kwargs, error=repr(exc))


@shared_task(base=Noticed, autoretry_for=(ConnectionError,), retry_backoff=True)
def push(order_id): ...
"""

    def check_project(self, project: Project) -> Iterable[Finding]:
        giving_up = [(task, retries) for task in project.tasks if (retries := _retries(task, project))]
        if not giving_up or _reports(project) or _listens(project):
            return
        watched = _linked(project)
        groups: dict[int, list[tuple[Task, float]]] = {}
        for task, retries in giving_up:
            if id(task) not in watched and not _notices(task, project):
                origin = base_of(task) or decorator_of(task)
                groups.setdefault(id(origin) if origin is not None else id(task), []).append((task, retries))
        for group in groups.values():
            yield self._found(group)

    def _found(self, group: list[tuple[Task, float]]) -> Finding:
        task, retries = group[0]
        origin = base_of(task) or decorator_of(task)
        where = task.at
        who, verb = f"{task.name} fails", f"its {retries:g} retries are" if retries > 1 else "its one retry is"
        if len(group) > 1:
            who, verb = f"any of {len(group)} tasks ({names([t.name for t, _ in group])}) fails", "its retries are"
            where = origin.at if origin is not None and origin.at is not None else where
        return self.finding(
            where,
            f"when {verb} spent {who} for good, and nothing here takes notice: the worker logs it, the message is gone,"
            " and the work is not done",
            "give it an on_failure, send it with link_error, or handle the signal task_failure",
            symbol=task.name,
        )


def _retries(task: Task, project: Project) -> float:
    """How often a task is retried before it gives up; 0 where it is not, never gives up, or that cannot be known."""
    found = [most_by_hand(task, retry) for retry in project.retries_of(task)]
    if autoretries(task):
        found.append(most(task))
    known = [count for count in found if count is not None and count != FOREVER]
    return max(known) if known and len(known) == len(found) else 0


# --- what takes notice for all tasks ----------------------------------------------------------------------------------


def _reports(project: Project) -> bool:
    return any(name.startswith(_REPORTERS) for name in project.packages)


def _listens(project: Project) -> bool:
    """Whether the project handles a signal that tells of failures, or receives the events of workers."""
    for module in modules(project).values():
        for statement in flat(module.facts.body if module.facts is not None else ()):
            if isinstance(statement, ir.ImportFrom) and statement.module in ("celery", "celery.signals"):
                if any(alias.name in (*_SIGNALS, "*", "signals") for alias in statement.names):
                    return True
            elif isinstance(statement, ir.Import) and any(a.name == "celery.signals" for a in statement.names):
                return True
    functions = (f.node for held in project.functions.values() for f in held if isinstance(f.node, ir.Function))
    return any(
        "Receiver" in node.uses or ("connect" in node.uses and any(_named(inner) in _SIGNALS for inner in nodes(node)))
        for node in functions
    )


def _named(node: ir.Node) -> str:
    return node.attr if isinstance(node, ir.Attr) else node.id if isinstance(node, ir.Name) else ""


def _linked(project: Project) -> set[int]:
    """Tasks, by `id`, that are sent or scheduled with something to call on failure, or so that this cannot be known."""
    found = {id(d.task) for d in project.dispatches if d.task is not None and _links(d)}
    for entry in project.schedule:
        options = entry.arguments.value[2] if entry.arguments.known else None
        if entry.task is not None and (not entry.arguments.known or (options and "link_error" in options)):
            found.add(id(entry.task))
    return found


def _links(dispatch: Dispatch) -> bool:
    args = dispatch.args
    if dispatch.method not in ("delay", "s", "si") and (args.open or "link_error" in args.keywords):
        return True
    node = dispatch.function.node if dispatch.function is not None else None
    return isinstance(node, ir.Function) and not _LINKS.isdisjoint(node.uses)


# --- what takes notice for one ----------------------------------------------------------------------------------------


def _notices(task: Task, project: Project) -> bool:
    """Whether something is told when a task fails for good, or that cannot be known."""
    held = task.value
    if held.opened or not _HOOKS.isdisjoint(held.options) or not _HOOKS.isdisjoint(held.attrs):
        return True
    for cls in task.lineage:
        if isinstance(cls, ClassValue):
            if not (_HOOKS | {"__call__"}).isdisjoint(cls.attrs):
                return True
        elif not isinstance(cls, External) or not cls.dotted.startswith(("celery.", "builtins.")):
            return True
    for name in ("acks_on_failure", "acks_on_failure_or_timeout"):
        option = task.options.get(name)
        if option is not None and option.at is not None and not option.truthy:
            return True  # it is rejected, and a dead-letter exchange may have it
    return _by_the_app(task) or _decorated(task) or any(_told(body) for body in _bodies(task, project))


def _by_the_app(task: Task) -> bool:
    app = task.app
    if app is None:
        return False
    annotations, backend = app.settings.get("task_annotations"), app.settings.get("result_backend")
    if annotations is not None and annotations.chosen and speaks_of(annotations.raw, "on_failure"):
        return True
    return backend is not None and backend.known and str(backend.value).startswith(_KEPT)


def _decorated(task: Task) -> bool:
    """Whether a decorator beside the task's own may handle its errors."""
    outer = task.value.function
    function = outer.innermost if outer is not None else None
    if function is None or not isinstance(function.node, ir.Function):
        return False
    if function is not outer:
        return True
    body = Body(task.path, [], function.scope)
    for decorator in function.node.decorators:
        value = body.meaning(decorator.func if isinstance(decorator, ir.Call) else decorator)
        ours = isinstance(value, External) and value.dotted.startswith(("celery.", "django.", "functools."))
        if decorator.span != task.at[1].span and not ours:
            return True
    return False


def _bodies(task: Task, project: Project) -> Iterator[Body]:
    """The body of a task, and those of helpers that retry it, each once."""
    own = body_of(task)
    spots = (spot_of(retry.at, project) for retry in project.retries_of(task))
    seen: set[tuple[str, Span]] = set()
    for body in (own, *(spot.body for spot in spots if spot is not None)):
        key = (body.path, body.statements[0].span) if body is not None and body.statements else None
        if body is not None and key not in seen:
            seen.update([key] if key is not None else [])
            yield body


def _told(body: Body) -> bool:
    """Whether a body looks at how often it was retried, or does something of its own before it gives up."""
    for node in (node for statement in body.statements for node in nodes(statement)):
        if _named(node) in ("MaxRetriesExceededError", "capture_exception"):
            return True
        if isinstance(node, (ir.If, ir.While, ir.IfExp)) and _counts(node.test):
            return True
        if isinstance(node, ir.Handler) and ends(node.body, node.name) & {"retry", "raise", "reraise"} and _does(node):
            return True
    return False


def _counts(test: ir.Expr) -> bool:
    return any("retries" in _named(node) for node in nodes(test))


def _does(handler: ir.Handler) -> bool:
    """Whether a handler does more than log below an error, reckon and raise."""
    raised = {
        id(node.exc.func) for node in nodes(handler) if isinstance(node, ir.Raise) and isinstance(node.exc, ir.Call)
    }
    for node in (node for statement in handler.body for node in nodes(statement)):
        if isinstance(node, ir.Call) and id(node.func) not in raised and last_name(node.func) not in _SAYS_NOTHING:
            return True
        if isinstance(node, ir.Assign) and any(isinstance(target, (ir.Attr, ir.Subscript)) for target in node.targets):
            return True
    return False

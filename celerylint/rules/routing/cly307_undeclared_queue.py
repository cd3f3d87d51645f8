"""CLY307."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from celerylint.finding import Finding, Severity
from celerylint.model.project import App, Project
from celerylint.model.values import At, Made, Mapping, Scalar, Sequence, Value, forced
from celerylint.rules.base import Rule, related

_SENDERS = frozenset({"apply_async", "apply_async_on_commit", "send_task"})


class UndeclaredQueue(Rule):
    """The queue is not declared, and Celery was told not to create queues: sending the task raises an error.

    With `task_create_missing_queues = False` only the queues of `task_queues` exist. A task that is sent to another one
    raises QueueNotFound where it is sent.

    Nothing is reported where a declared queue cannot be read.

    ## What to do

    Declare the queue in `task_queues`, or correct its name.

    [Routing tasks](https://docs.celeryq.dev/en/stable/userguide/routing.html) ·
    [`task_create_missing_queues`](https://docs.celeryq.dev/en/stable/userguide/configuration.html#task-create-missing-queues)
    """

    code = "CLY307"
    name = "undeclared-queue"
    summary = "Missing queues are not created, and a task is sent to one that is not declared."
    severity = Severity.ERROR
    bad = """\
from celery import Celery
from kombu import Queue

app = Celery("shop", broker="redis://")
app.conf.task_create_missing_queues = False
app.conf.task_queues = [Queue("celery"), Queue("mail")]


@app.task(queue="mails")
def send_receipt(order_id): ...
"""
    good = """\
from celery import Celery
from kombu import Queue

app = Celery("shop", broker="redis://")
app.conf.task_create_missing_queues = False
app.conf.task_queues = [Queue("celery"), Queue("mail")]


@app.task(queue="mail")
def send_receipt(order_id): ...
"""

    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        creates = app.setting("task_create_missing_queues")
        declared = _declared(app)
        if not creates.is_(False) or creates.env or declared is None:
            return
        reported: set[int] = set()
        for queue, at, user in self._used(app, project):
            if queue not in declared and id(at[1]) not in reported:
                reported.add(id(at[1]))
                yield self.finding(
                    at,
                    f"{user} goes to the queue `{queue}`, which task_queues does not declare"
                    f" ({', '.join(f'`{name}`' for name in sorted(declared))}), and task_create_missing_queues is off:"
                    " sending it raises QueueNotFound",
                    f'declare it in task_queues: Queue("{queue}"), or correct the name',
                    symbol=app.name,
                    related=related(creates.at, "missing queues are not created"),
                )

    def _used(self, app: App, project: Project) -> Iterator[tuple[str, At, str]]:
        for route in app.routes.all:
            if route.queue.known and isinstance(route.queue.value, str):
                yield route.queue.value, route.at, f"the route `{route.pattern}`"
        for task in project.tasks_of(app):
            own = task.queue
            written = own.known and own.at is not None and own.kind not in ("route", "setting", "default")
            if written and own.at is not None and isinstance(own.value, str):
                yield own.value, own.at, f"`{task.name}`"
        for dispatch in project.dispatches:
            ours = dispatch.task is not None and dispatch.task.app is app and dispatch.method in _SENDERS
            entry = dispatch.args.keywords.get("queue") if ours else None
            held = forced(entry.value) if entry is not None else None
            if isinstance(held, Scalar) and isinstance(held.value, str):
                yield held.value, dispatch.at, f"`{dispatch.task_name}`"


def _declared(app: App) -> set[str] | None:
    """The names of `task_queues`; None where one of them cannot be known."""
    setting = app.setting("task_queues")
    value = forced(setting.raw) if setting.raw is not None else None
    if isinstance(value, Mapping) and not value.open:
        return {key for key in value.items if isinstance(key, str)} if value.items else None
    if not isinstance(value, Sequence) or value.open or not value.items:
        return None
    names = [_name(item) for item in value.items]
    return {name for name in names if name is not None} if None not in names else None


def _name(queue: Value) -> str | None:
    made = forced(queue)
    if not isinstance(made, Made) or not made.maker.startswith("kombu.") or not made.maker.endswith("Queue"):
        return None
    entry = made.keywords.get("name")
    first = made.args[0] if made.args else entry.value if entry is not None else None
    held = forced(first) if first is not None else None
    return held.value if isinstance(held, Scalar) and isinstance(held.value, str) else None

"""CLY302."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.finding import Finding, Severity
from celerylint.model.project import App, Project, Task
from celerylint.model.routing import route_for
from celerylint.rules.base import Rule, names, related
from celerylint.rules.workload import queued_tasks

_MANY = 5


class UnroutedTask(Rule):
    """The application routes its tasks, but no route takes this one: it goes to the default queue.

    A task that matches no key of `task_routes` and has no `queue=` is sent to the queue that `task_default_queue`
    names, `celery` where nothing is set. Often that is not what anybody decided: the task was added, moved or renamed
    after the routes were written. Where the workers are started with `-Q` and the queues of the routes, nobody consumes
    the default queue and the task never runs.

    A key is a pattern only if it holds a `*`, which also crosses dots; any other key is the full name of one task.

    ## What to do

    Add a route for the task or for its module. Where the default queue is right, decide it: with `queue=` on the task
    or with a last route for everything that is left, `"*": {"queue": "celery"}`. Either silences this rule, and so does another
    task that is sent to that queue by decision: then workers consume it.

    [Automatic routing](https://docs.celeryq.dev/en/stable/userguide/routing.html#automatic-routing)
    """

    code = "CLY302"
    name = "unrouted-task"
    summary = "The application routes its tasks, and this one falls through to the default queue."
    severity = Severity.WARNING
    bad = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.task_routes = {"shop.mail.*": {"queue": "mail"}}


@app.task(name="shop.mail.send_receipt")
def send_receipt(order_id): ...


@app.task(name="shop.import_catalog")
def import_catalog(path): ...
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.task_routes = {"shop.mail.*": {"queue": "mail"}, "*": {"queue": "celery"}}


@app.task(name="shop.mail.send_receipt")
def send_receipt(order_id): ...


@app.task(name="shop.import_catalog")
def import_catalog(path): ...
"""

    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        tasks = project.tasks_of(app)
        default = app.setting("task_default_queue")
        routed = [task for task in tasks if task.queue is not default and task.queue.known]
        if not routed or not app.routes.complete or not default.known:
            return
        queued = queued_tasks(project)
        unrouted = [task for task in tasks if self._falls_through(task, app) and task not in queued]
        if len(unrouted) > _MANY and len(unrouted) > len(routed):
            # Here the default queue is the rule and routes are the exception: one line decides for all.
            yield self._of_all(app, unrouted, len(tasks))
            return
        if any(task.queue.value == default.value for task in routed):
            return  # others are sent there by decision: somebody consumes it
        for task in unrouted:
            yield self.finding(
                task.place,
                f"`{task.name}` matches no route and waits in the default queue `{default.value}`, while {len(routed)}"
                f" of the {len(tasks)} tasks of `{app.name}` are routed: a worker that consumes only those queues never runs it",
                f'add a route for it, or decide for the default queue: queue="{default.value}" here, or a last route'
                ' for "*"',
                symbol=task.name,
                related=related(app.routes.at, "no route here takes it"),
            )

    def _falls_through(self, task: Task, app: App) -> bool:
        default = app.setting("task_default_queue")
        return task.named.known and task.queue is default and route_for(app.routes, task.name)[0] is None

    def _of_all(self, app: App, unrouted: list[Task], count: int) -> Finding:
        default = app.setting("task_default_queue").value
        return self.finding(
            app.routes.at or app.place,
            f"{len(unrouted)} of the {count} tasks of `{app.name}` have no route and share the default queue"
            f" `{default}` ({names([f'`{task.name}`' for task in unrouted])}): a backlog of one delays all the others",
            "give each kind of work a route, and decide for the default queue with a last route for "
            f'"*": {{"queue": "{default}"}}',
            symbol=app.name,
            related=[] if app.routes.at is None else related(app.place, "the application"),
        )

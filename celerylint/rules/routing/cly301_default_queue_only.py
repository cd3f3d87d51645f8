"""CLY301."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from celerylint.finding import Edit, Finding, Fix, Severity
from celerylint.model.project import App, Project, Task, Worker
from celerylint.rules import mending, placing
from celerylint.rules.base import Rule, related
from celerylint.rules.commanding import command_text
from celerylint.rules.routing import by_module
from celerylint.rules.workload import different_kinds, queued_per_call


class DefaultQueueOnly(Rule):
    """Every task of the application goes to one queue, whatever it does: a backlog of one kind delays all the others.

    Without `task_routes` and without `queue=` Celery sends every task to the queue that `task_default_queue` names,
    which is `celery`. Workers take its messages in the order they came. An import of 50,000 rows that was queued at
    nine stands before the password reset of half past nine; a task that hangs takes the processes that payments need.
    No worker can be given to one kind of work, since nothing tells the kinds apart.

    An application is reported when its tasks are of different kinds: they stand in different modules, have different
    time limits, or some run on schedule and some on demand. It is left alone where anything chooses a queue: a route, a
    decorator, a call, a schedule entry, or code that cannot be read.

    ## What to do

    Give each kind of work a queue, and each queue its workers:

    ```python
    task_routes = {
        "proj.mail.tasks.*": {"queue": "mail"},
        "proj.imports.tasks.*": {"queue": "imports"},
    }
    ```

    ```console
    celery -A proj worker -Q celery,mail --concurrency 8
    celery -A proj worker -Q imports --concurrency 2
    ```

    Start the workers of a new queue before anything is sent to it: a queue without `-Q` in some worker is consumed by
    nobody. Where one queue is what you want, say so with a route for everything: `task_routes = {"*": "celery"}`.

    ## Fix safety

    The fix writes `task_routes` where the app is configured: a queue for each package of tasks, or for tasks of one module
    that may run for much longer than the others. It adds the queues to the commands of workers that it can see, those
    for development too. It is unsafe: a worker that is started elsewhere needs `-Q` with all of them, or their messages
    wait for ever; and one set of workers that consumes every queue is only the first step, the second is to divide them.

    [Routing tasks](https://docs.celeryq.dev/en/stable/userguide/routing.html)
    """

    code = "CLY301"
    name = "default-queue-only"
    summary = "An application with tasks of different kinds sends all of them to one queue."
    severity = Severity.WARNING
    bad = """\
from celery import Celery

app = Celery("shop", broker="redis://")


@app.task(time_limit=10)
def reset_password(user_id): ...


@app.task(time_limit=3600)
def import_catalog(path): ...
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.task_routes = {
    "tasks.import_catalog": {"queue": "slow"},
    "*": {"queue": "celery"},
}


@app.task(time_limit=10)
def reset_password(user_id): ...


@app.task(time_limit=3600)
def import_catalog(path): ...
"""

    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        tasks = project.tasks_of(app)
        default = app.setting("task_default_queue")
        kinds = different_kinds(tasks, project)
        if not kinds or not default.known or not app.routes.complete or any(app.routes.all):
            return
        # A queue that a task has from anywhere else is another decision than the app's default.
        if any(task.queue is not default for task in tasks) or queued_per_call(app, project):
            return
        every = "both" if len(tasks) == 2 else f"all {len(tasks)}"
        yield self.finding(
            app.place,
            f"{every} tasks of `{app.name}`, {kinds}, wait in the one queue `{default.value}`: a backlog or a"
            " slow run of one kind delays all the others",
            'give each kind of work a queue with task_routes, such as {"proj.mail.*": {"queue": "mail"}}, and workers'
            " that consume it with -Q",
            symbol=app.name,
            related=related(app.settings_at, "configured here: task_routes belongs there"),
            fix=_routed(app, tasks, str(default.value), project),
        )


def _routed(app: App, tasks: Sequence[Task], default: str, project: Project) -> Fix | None:
    """Routes where the settings live, and their queues in the commands of the workers that can be seen."""
    found = by_module.routes(tasks, default)
    # Queues that nobody declares must be made by whoever names them.
    if not found or not app.setting("task_create_missing_queues").truthy:
        return None
    held = app.setting("task_routes")
    if held.chosen:
        edits = mending.replaced(held, by_module.as_lines(found))
    else:
        edits = placing.setting(app, project, "task_routes", by_module.as_dict(found))
    if not edits:
        return None
    queues = ",".join(dict.fromkeys([default, *found.values()]))
    for worker in project.workers:
        if worker.app is app:
            edits += _consuming(worker, queues, project)
    edits = list(dict.fromkeys(edits))
    what = "by module" if "*" not in found else "that may run for long apart"
    return mending.unsafe(f"route tasks {what}: the workers must consume the new queues, `-Q {queues}`", *edits)


def _consuming(worker: Worker, queues: str, project: Project) -> list[Edit]:
    command, option = command_text(worker, project), worker.line.options.get("queues")
    if command is None or not worker.line.complete:
        return []
    return command.with_value(option, queues) if option is not None else command.with_flag(f"--queues={queues}")

"""CLY822."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.finding import Finding, Severity
from celerylint.model.project import Project
from celerylint.rules.base import Rule, related
from celerylint.rules.dispatch.canvas import last_name
from celerylint.rules.dispatch.results import Waits, backend_of, from_outside


class ResultWithoutBackend(Rule):
    """The program waits for the result of a task, and nothing keeps results: the call raises.

    Without a result backend Celery throws away what tasks return. `delay()` works all the same, and gives a result object;
    `get()` on it raises `NotImplementedError: No result backend is configured`, in production as in the first test that
    does not run tasks eagerly.

    An application is left alone whose backend cannot be known, or which is given neither broker nor backend in code, since
    Celery reads both from the environment by itself.

    ## What to do

    Configure one, `app.conf.result_backend = "redis://..."`, or do not ask for the result.

    [Result backends](https://docs.celeryq.dev/en/stable/userguide/tasks.html#result-backends)
    """

    code = "CLY822"
    name = "result-without-backend"
    summary = "The program waits for the result of a task, and no result backend is configured."
    severity = Severity.ERROR
    bad = """\
from celery import Celery

app = Celery("shop", broker="amqp://")


@app.task
def total(order_id): ...


def view(order_id):
    return total.delay(order_id).get(timeout=5)
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="amqp://", backend="redis://")


@app.task
def total(order_id): ...


def view(order_id):
    return total.delay(order_id).get(timeout=5)
"""

    def check_project(self, project: Project) -> Iterable[Finding]:
        if len(project.apps) != 1:
            return
        app = project.apps[0]
        if backend_of(app) not in ("", "disabled") or from_outside(app) or not app.setting("task_always_eager").falsy:
            return
        # Inside of tasks CLY504 says the worse.
        bodies = {id(task.value.function.innermost.node) for task in project.tasks if task.value.function is not None}
        waits = Waits(project)
        for path, functions in project.functions.items():
            for function in functions:
                for call in waits.waiting_in(function) if id(function.node) not in bodies else ():
                    yield self.finding(
                        (path, call),
                        f"{last_name(call.func)}() raises NotImplementedError here: `{app.name}` has no result backend, so nothing"
                        " keeps what the task returns",
                        "configure result_backend, or do not wait for the result",
                        related=related(app.at, "the app"),
                    )

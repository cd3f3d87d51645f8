"""CLY309."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.finding import Finding, Severity
from celerylint.model.project import App, Project, Task
from celerylint.rules.base import Rule, names, related
from celerylint.rules.delivery.waits import number, time_limit
from celerylint.rules.retries.delays import span
from celerylint.rules.workload import queued_tasks

_APART = 100.0


class MixedDurationQueue(Rule):
    """Tasks that may run a hundred times longer than others share a queue with them.

    A queue is first come, first served. While its workers are busy with what takes an hour, what takes seconds waits
    behind it: the password mail is late because of the import. Their own hard limits say how far apart they are.

    Tasks whose calls or schedule choose a queue are left out.

    ## What to do

    Give the long ones a queue and a worker of their own.

    ```python
    task_routes = {"shop.imports.*": {"queue": "imports"}}
    ```

    [Routing tasks](https://docs.celeryq.dev/en/stable/userguide/routing.html)
    """

    code = "CLY309"
    name = "mixed-duration-queue"
    summary = "Tasks with hard time limits a hundred times apart share a queue."
    severity = Severity.WARNING
    preset = "playbook"
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


@app.task(time_limit=10)
def reset_password(user_id): ...


@app.task(time_limit=3600, queue="imports")
def import_catalog(path): ...
"""

    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        chosen = queued_tasks(project)
        shared: dict[str, list[tuple[float, Task]]] = {}
        for task in project.tasks_of(app):
            seconds = _hard_limit(task)
            if seconds and task.queue.known and isinstance(task.queue.value, str) and task not in chosen:
                shared.setdefault(task.queue.value, []).append((seconds, task))
        for queue, held in shared.items():
            least, short = min(held, key=lambda each: each[0])
            most, long = max(held, key=lambda each: each[0])
            if most < _APART * least:
                continue
            limit = time_limit(long)
            far = [f"`{task.name}`" for seconds, task in held if seconds >= _APART * least]
            yield self.finding(
                limit.at or long.at,
                f"{names(far)} may run for {span(most)} and share{'s' if len(far) == 1 else ''} the queue `{queue}` with"
                f" `{short.name}`, which takes {span(least)} at most: what is short waits behind what is long",
                "give the long ones a queue and a worker of their own",
                symbol=long.name,
                related=related(time_limit(short).at, "the short one"),
            )


def _hard_limit(task: Task) -> float | None:
    limit = time_limit(task)
    return number(limit.value) if limit.known and not limit.env else None

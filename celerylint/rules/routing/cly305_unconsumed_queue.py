"""CLY305."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.finding import Finding, Related, Severity
from celerylint.model.project import App, Project
from celerylint.rules.base import Rule, names, related
from celerylint.rules.consumers import Consumers, Naming, consumed_by, consumers, consuming, namings, reaches_others
from celerylint.rules.declared import Declared, declared_queues


class UnconsumedQueue(Rule):
    """Tasks are sent to a queue that no worker consumes: they wait there and never run.

    A worker started with `-Q` consumes the queues that it names and no other. Without it a worker consumes those of
    `task_queues`, or the default queue alone if there are none; it does not look at routes, decorators or calls. Celery
    creates a queue when something is sent to it, so nothing fails: the messages pile up in the broker.

    The workers are those that deployment files and Python code start. Nothing is reported unless all that may be
    workers of the application are known with what they consume: a queue from a variable without a value, a script
    that is not here, or `add_consumer` somewhere keep this rule silent. Workers for development do not count.

    ## What to do

    Start a worker for the queue, or add it to the `-Q` of another one, before anything is sent to it.

    ```console
    celery -A proj worker -Q celery,mail,reports
    ```

    [Routing tasks](https://docs.celeryq.dev/en/stable/userguide/routing.html) ·
    [Queues of workers](https://docs.celeryq.dev/en/stable/userguide/workers.html#queues)
    """

    code = "CLY305"
    name = "unconsumed-queue"
    summary = "Tasks are sent to a queue that no deployed worker consumes."
    severity = Severity.ERROR
    bad = """\
from celery import Celery

app = Celery("shop", broker="redis://")


@app.task(name="shop.report", queue="reports")
def report(month): ...


if __name__ == "__main__":
    app.worker_main(["worker", "-Q", "celery"])
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="redis://")


@app.task(name="shop.report", queue="reports")
def report(month): ...


if __name__ == "__main__":
    app.worker_main(["worker", "-Q", "celery,reports"])
"""

    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        found = consumers(app, project) if project.workers else None
        if found is None or app.setting("task_always_eager").truthy:
            return
        declared = declared_queues(app)
        if declared is None:
            return
        missing: dict[str, list[Naming]] = {}
        for naming in namings(app, project):
            if naming.queue not in found.queues and _ends_there(naming.queue, app, declared):
                missing.setdefault(naming.queue, []).append(naming)
        for queue, places in missing.items():
            yield self._finding(queue, places, found)

    def _finding(self, queue: str, places: list[Naming], found: Consumers) -> Finding:
        tasks = list(dict.fromkeys(f"`{task.name}`" for naming in places for task in naming.tasks))
        also = [link for naming in places[1:4] for link in related(naming.at, "named here too")]
        then = "waits in the broker and never runs" if len(tasks) == 1 else "wait in the broker and never run"
        return self.finding(
            places[0].at,
            f"no worker consumes the queue `{queue}`: {names(tasks)}, sent there, {then}",
            consuming(queue, found),
            symbol=queue,
            related=[*also, *(Related(worker.start.place, consumed_by(worker)) for worker in found.workers[:4])],
        )


def _ends_there(queue: str, app: App, declared: tuple[Declared, ...]) -> bool:
    """Whether a message for a queue waits in it and nowhere else."""
    if app.setting("worker_direct").truthy and queue.endswith(".dq"):
        return False
    if not app.setting("task_create_missing_queues").is_(True) and queue not in {each.name for each in declared}:
        return False
    return not reaches_others(queue, declared)

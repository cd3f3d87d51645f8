"""CLY711."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.finding import Finding, Severity
from celerylint.model.project import Project, Worker
from celerylint.rules.base import Rule


class UnboundedChild(Rule):
    """The processes of the worker are never replaced: what tasks leak is kept until the worker is restarted.

    A process of the prefork pool runs one task after another for as long as the worker lives. Memory that a task or a
    library does not give back, and memory that Python keeps after one large task, stays with it; with several
    processes that grows until the kernel or the platform kills the worker.

    ## What to do

    Replace each process after so many tasks, or above so much memory (in KiB), which is checked after each task:

    ```console
    celery -A proj worker --max-tasks-per-child 1000 --max-memory-per-child 400000
    ```

    or `worker_max_tasks_per_child` and `worker_max_memory_per_child` in the settings.

    [Max tasks per child](https://docs.celeryq.dev/en/stable/userguide/workers.html#max-tasks-per-child-setting)
    """

    code = "CLY711"
    name = "unbounded-child"
    summary = "A prefork worker never replaces its processes, so that what tasks leak adds up."
    severity = Severity.INFO
    preset = "playbook"
    bad = """\
from celery import Celery

app = Celery("shop", broker="redis://")

if __name__ == "__main__":
    app.worker_main(["worker"])
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="redis://")

if __name__ == "__main__":
    app.worker_main(["worker", "--max-tasks-per-child=1000"])
"""

    def check_worker(self, worker: Worker, project: Project) -> Iterable[Finding]:
        if not worker.app_known or not worker.pool.known or worker.pool.value not in ("prefork", "processes"):
            return
        if not worker.max_tasks_per_child.falsy or not worker.max_memory_per_child.falsy:
            return
        yield self.finding(
            worker.start.place,
            "this worker never replaces its processes: memory that tasks do not give back adds up until it is restarted",
            "give it --max-tasks-per-child or --max-memory-per-child",
            symbol=worker.app.name if worker.app is not None else "",
        )

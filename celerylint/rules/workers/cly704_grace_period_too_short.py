"""CLY704."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.finding import Finding, Severity
from celerylint.model.project import Project, Task, Worker
from celerylint.rules.base import Rule, related
from celerylint.rules.consumers import name_of
from celerylint.rules.fleet import limit_at, tasks_at
from celerylint.rules.workload import seconds

_KEYS = {
    "compose": "stop_grace_period",
    "kubernetes": "terminationGracePeriodSeconds",
    "helm": "terminationGracePeriodSeconds",
    "supervisor": "stopwaitsecs",
    "systemd": "TimeoutStopSec",
    "ecs": "stopTimeout",
}


class GracePeriodTooShort(Rule):
    """The worker is killed before a task that it has begun can end.

    A worker that gets SIGTERM takes no more messages and finishes what it runs. The platform waits for that: 30 s in
    Kubernetes and ECS, 10 s in Compose and supervisord, 90 s in systemd, unless it is told otherwise. Then it sends
    SIGKILL. A task that may run for longer is cut off by every deployment that meets it: it is lost, or with late
    acknowledgement starts again from the beginning.

    Each worker is judged by the longest time limit among the tasks of its queues. Tasks without a limit are not
    counted, nor are pools that ignore limits.

    ## What to do

    Wait for as long as the longest task may run, and a little longer:

    ```yaml
    terminationGracePeriodSeconds: 330
    ```

    or lower the limit, or give long tasks a queue and a worker of their own. Since Celery 5.5
    `worker_soft_shutdown_timeout` hands back what is not finished.

    [Stopping the worker](https://docs.celeryq.dev/en/stable/userguide/workers.html#stopping-the-worker)
    """

    code = "CLY704"
    name = "grace-period-too-short"
    summary = "The platform kills the worker before its longest task can end."
    severity = Severity.WARNING
    shown_in = "docker-compose.yml"
    beside = {  # noqa: RUF012
        "shop.py": """\
from celery import Celery

app = Celery("shop", broker="redis://")


@app.task(time_limit=300)
def report(): ...
"""
    }
    bad = """\
services:
  worker:
    image: shop
    command: celery -A shop worker
"""
    good = """\
services:
  worker:
    image: shop
    command: celery -A shop worker
    stop_grace_period: 330s
"""

    def check_worker(self, worker: Worker, project: Project) -> Iterable[Finding]:
        process, invocation = worker.start.process, worker.start.invocation
        # A worker that no signal reaches is CLY703's.
        if process is None or invocation is None or invocation.signalled is not True or not worker.app_known:
            return
        grace = process.grace.value
        if process.platform not in _KEYS or not isinstance(grace, (int, float)) or isinstance(grace, bool):
            return
        if worker.line.node or not worker.queues.known or worker.pool.value != "prefork" or _softly(worker):
            return
        task, longest = _longest(worker, project)
        if task is None or grace >= longest:
            return
        default = "" if process.grace.place is not None else ", the default"
        yield self.finding(
            process.grace.place or process.place,
            f"`{name_of(worker)}` is killed {seconds(float(grace))} after SIGTERM ({_KEYS[process.platform]}{default}), and"
            f" {task.name} may run for {seconds(longest)}: a deployment cuts it off",
            f"set {_KEYS[process.platform]} to more than {seconds(longest)}",
            symbol=worker.app.name if worker.app is not None else "",
            related=[*related(worker.start.place, "this worker"), *related(task.definition, "its longest task")],
        )


def _longest(worker: Worker, project: Project) -> tuple[Task | None, float]:
    """The task of its queues that may run longest, and for how many seconds."""
    limits = {task: limit_at(task, worker) or 0.0 for task in tasks_at(worker, project)}
    task = max(limits, key=lambda task: limits[task], default=None)
    return task, limits[task] if task is not None else 0.0


def _softly(worker: Worker) -> bool:
    """Whether a soft shutdown is configured, or may be."""
    setting = worker.app.settings.get("worker_soft_shutdown_timeout") if worker.app is not None else None
    environment = worker.start.invocation.environment if worker.start.invocation is not None else {}
    return "REMAP_SIGTERM" in environment or (setting is not None and not setting.falsy)

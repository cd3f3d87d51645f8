"""CLY704."""

from __future__ import annotations

import re
from collections.abc import Iterable
from math import ceil
from typing import TYPE_CHECKING

from celerylint.finding import Edit, Finding, Fix, InsertText, Place, ReplaceText, Severity
from celerylint.model.deploy.process import Process
from celerylint.model.project import Project, Task, Worker
from celerylint.rules import mending
from celerylint.rules.base import Rule, related
from celerylint.rules.commanding import text_of
from celerylint.rules.consumers import name_of
from celerylint.rules.fleet import limit_at, tasks_at
from celerylint.rules.outline import Outline, makes_several
from celerylint.rules.workload import seconds

if TYPE_CHECKING:
    from celerylint.fixes.text import Text

_KEYS = {
    "compose": "stop_grace_period",
    "kubernetes": "terminationGracePeriodSeconds",
    "helm": "terminationGracePeriodSeconds",
    "supervisor": "stopwaitsecs",
    "systemd": "TimeoutStopSec",
    "ecs": "stopTimeout",
}


_MOST_OF_ECS = 120
"""Seconds that Fargate waits at the most."""
_DURATION = re.compile(r"\d+(?:\.\d+)?(?:[a-z]+(?:[ ]?\d+[a-z]+)*)?\b")
_COMMAND = re.compile(r"(?:command|ExecStart)([ \t]*=[ \t]*)")


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

    ## Fix safety

    The fix sets the time to 30 s more than the longest limit, where it is written, or beside the command of the worker. It is
    unsafe: a deployment may then take that much longer.

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
            fix=_longer(process, _most_at(process, project) + _MORE, project),
        )


_MORE = 30
"""Seconds beside the longest limit: a worker has more to do than its tasks when it ends."""


def _most_at(process: Process, project: Project) -> int:
    """The longest limit, in seconds, of the workers that take their grace period from the same place."""
    place = process.grace.place or process.place
    held = [(worker, worker.start.process) for worker in project.workers if worker.queues.known]
    there = [_longest(worker, project)[1] for worker, own in held if own and (own.grace.place or own.place) == place]
    return ceil(max(there, default=0.0))


def _longer(process: Process, wanted: int, project: Project) -> Fix | None:
    place = process.grace.place or process.place
    text = text_of(place.path, project)
    if text is None or (process.platform == "ecs" and wanted > _MOST_OF_ECS):
        return None
    edit: Edit | None
    if process.grace.place is not None:
        edit = _number_instead(text, place, str(wanted))
    elif process.platform == "compose":
        outline = Outline(text)
        keys = outline.keys(place.line)
        last = keys.get("command") or max(keys.values(), default=0)
        edit = outline.after(last, f"stop_grace_period: {wanted}s") if last else None
    elif process.platform in ("kubernetes", "helm"):
        edit = _in_pod(Outline(text), process, project, f"terminationGracePeriodSeconds: {wanted}")
    else:
        edit = _in_section(text, place, _KEYS[process.platform], wanted) if process.platform != "ecs" else None
    return mending.unsafe(f"let the platform wait {wanted} s", edit) if edit is not None else None


def _number_instead(text: Text, place: Place, wanted: str) -> Edit | None:
    """A number of seconds in place of the one that is written, in its unit."""
    start = text.offset(place.line, place.span.column)
    start += text.text[start : start + 1] in ("'", '"')
    found = _DURATION.match(text.text, start)
    if found is None:
        return None
    unit = "s" if found[0][-1].isalpha() else ""
    return ReplaceText(Place(text.path, text.span(*found.span())), f"{wanted}{unit}")


def _in_pod(outline: Outline, process: Process, project: Project, line: str) -> Edit | None:
    """A line of the pod's specification, where its file makes one workload."""
    if makes_several(process, project):
        return None
    keys = outline.top(process.place.line)
    for name in ("spec", "jobTemplate", "spec", "template", "spec"):
        if name in keys and "containers" not in keys:
            keys = outline.keys(keys[name])
    return outline.before(keys["containers"], line) if "containers" in keys else None


def _in_section(text: Text, place: Place, key: str, wanted: int) -> Edit | None:
    """A setting after the command of a section."""
    lines = Outline(text).lines
    for number in range(place.line, len(lines) + 1):
        command = _COMMAND.match(lines[number - 1])
        if command is None:
            continue
        last = number
        while last < len(lines) and (lines[last - 1].endswith("\\") or lines[last][:1] in (" ", "\t")):
            last += 1
        at = text.line_end(text.offset(last, 1))
        return InsertText(Place(text.path, text.span(at, at)), f"\n{key}{command[1]}{wanted}")
    return None


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

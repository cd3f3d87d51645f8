"""CLY701."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.finding import Finding, Fix, Severity
from celerylint.model.project import App, Project, Task
from celerylint.rules import mending, placing
from celerylint.rules.base import Rule, related
from celerylint.rules.workload import different_kinds, limit, seconds

_LONG = 60.0
"""Seconds: whoever waits behind a task of this length notices."""


class GreedyPrefetch(Rule):
    """Each worker takes more messages than it can work on, and short tasks wait behind long ones while others idle.

    A worker asks the broker for `worker_prefetch_multiplier` messages for each of its processes, 4 unless somebody says
    otherwise: with 8 processes it holds 32. What it holds, no other worker can take. When its processes are busy
    with long tasks the rest waits there, even while a worker that was started a minute ago has nothing to do; and with
    late acknowledgement the waiting messages are delivered a second time once the visibility timeout is over.

    That is a gain for many short tasks of one length, since it saves a round trip to the broker for each. An
    application is reported when its tasks may run for a minute or longer, or are of different kinds and no time limit
    shows that all are short.

    ## What to do

    ```python
    worker_prefetch_multiplier = 1
    task_acks_late = True  # for tasks that may run twice: then a process holds no message but the one it works on
    ```

    With early acknowledgement and a multiplier of 1 each process still holds one message beside the one it works on.
    On Redis and Celery 5.6 or later, `worker_disable_prefetch = True` takes none ahead. Where some queue holds only
    short tasks, give its worker a higher multiplier of its own: `celery worker -Q short --prefetch-multiplier 16`.

    ## Fix safety

    The fix sets `worker_prefetch_multiplier = 1` where the app is configured. It is unsafe: workers of many short tasks
    then ask the broker for each of them.

    [Prefetch limits](https://docs.celeryq.dev/en/stable/userguide/optimizing.html#prefetch-limits)
    """

    code = "CLY701"
    name = "greedy-prefetch"
    summary = "Workers reserve several messages for each process although tasks run long or differ in length."
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
app.conf.worker_prefetch_multiplier = 1


@app.task(time_limit=10)
def reset_password(user_id): ...


@app.task(time_limit=3600)
def import_catalog(path): ...
"""

    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        setting = app.setting("worker_prefetch_multiplier")
        multiplier = _number(setting.value) if setting.known else None
        if multiplier is None or multiplier < 0 or multiplier == 1 or _disabled(app, project):
            return
        why = _evidence(app, project)
        if not why:
            return
        source = "set here" if setting.chosen else "Celery's default"
        held = "without limit" if multiplier == 0 else f"{multiplier} messages for each of its processes"
        yield self.finding(
            (setting.at if setting.chosen else None) or app.place,
            f"each worker of `{app.name}` reserves {held} (worker_prefetch_multiplier is {multiplier}, {source}), and"
            f" {why}: what waits behind a long task there cannot be taken by an idle worker",
            "set worker_prefetch_multiplier = 1, and give workers of short tasks alone a higher --prefetch-multiplier",
            symbol=app.name,
            related=related(app.place, "the application")
            if setting.chosen
            else related(app.settings_at, "configured here: the setting belongs there"),
            fix=_one_each(app, project),
        )


def _one_each(app: App, project: Project) -> Fix | None:
    setting = app.setting("worker_prefetch_multiplier")
    if setting.chosen:
        edits = mending.replaced(setting, "1")
    else:
        edits = placing.setting(app, project, "worker_prefetch_multiplier", "1")
    return mending.unsafe("reserve one message for each process", *edits) if edits else None


def _number(value: object) -> int | None:
    """The multiplier as the worker reads it, which applies int()."""
    try:
        return int(value) if isinstance(value, (int, float, str)) else None
    except ValueError:
        return None


def _disabled(app: App, project: Project) -> bool:
    """Whether workers take nothing ahead, or whether that cannot be known."""
    setting = app.settings.get("worker_disable_prefetch")
    if setting is None or setting.falsy:
        return False
    broker = app.setting("broker_url")
    transport = project.catalog.transport(str(broker.value)) if broker.known and broker.value else None
    # It works on Redis alone. An unknown broker may be that.
    return transport is None or transport.family == "redis"


def _evidence(app: App, project: Project) -> str:
    """Why reserving matters to this app; empty where nothing shows that it does."""
    limits = {task: limit(task) for task in project.tasks_of(app)}
    longest = max(limits, key=lambda task: limits[task] or 0.0, default=None)
    if longest is None:
        return ""
    most = limits[longest] or 0.0
    if most >= _LONG:
        return _long(longest, most, len(limits))
    if all(limits.values()):
        return ""
    kinds = different_kinds(app, project)
    return f"its {len(limits)} tasks are of different kinds, {kinds}" if kinds else ""


def _long(task: Task, most: float, count: int) -> str:
    if task.option("time_limit").kind in ("default", "setting", "argument") and count > 1:
        return f"its {count} tasks may run for up to {seconds(most)}"
    return f"`{task.name}` may run for up to {seconds(most)}"

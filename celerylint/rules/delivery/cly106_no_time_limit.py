"""CLY106."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.finding import Confidence, Finding, Fix, Severity
from celerylint.model.project import App, Project
from celerylint.rules import mending, placing
from celerylint.rules.base import Rule, names, related
from celerylint.rules.delivery.waits import time_limit
from celerylint.rules.fleet import deployed

_WITHOUT_LIMITS = ("threads", "solo", "eventlet")


class NoTimeLimit(Rule):
    """A run that hangs holds its process until somebody restarts the worker.

    Celery sets no time limit by itself. A task that waits for an answer which never comes, or for a lock that nobody
    gives back, waits for ever: it holds one process of its worker, shows as running, and raises no error. A few such runs
    and the worker takes no messages any more, while it looks alive.

    A hard limit ends such a run: the process is killed and replaced, and the task fails with `TimeLimitExceeded`. The
    threads, solo and eventlet pools ignore limits.

    ## What to do

    Set one for all that is well above what any task needs, and lower ones where a task is known to be short:

    ```python
    app.conf.task_time_limit = 3600
    app.conf.task_soft_time_limit = 3540
    ```

    or give the worker `--time-limit 3600`.

    ## Fix safety

    The fix sets `task_time_limit` to an hour where the app is configured, unless a soft limit is as long. It is unsafe: a task
    that runs for longer is killed. Set it to what the slowest task needs.

    [Time limits](https://docs.celeryq.dev/en/stable/userguide/workers.html#time-limits)
    """

    code = "CLY106"
    name = "no-time-limit"
    summary = "A run that hangs holds its process until somebody restarts the worker."
    severity = Severity.INFO
    confidence = Confidence.MEDIUM
    bad = """\
from celery import Celery

app = Celery("shop", broker="redis://")


@app.task
def pull(url): ...
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.task_time_limit = 3600


@app.task
def pull(url): ...
"""

    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        setting = app.setting("task_time_limit")
        tasks = project.tasks_of(app)
        unread = bool(app.value.sources) and app.settings_at is None
        if not setting.falsy or unread or _limited_by_command(app, project):
            return
        exposed = [task for task in tasks if time_limit(task).falsy]
        if not exposed:
            return
        if len(tasks) == 1:
            who = exposed[0].name
        elif len(exposed) == len(tasks):
            who = f"any of {len(tasks)} tasks"
        else:
            who = f"{len(exposed)} of {len(tasks)} tasks ({names([task.name for task in exposed])})"
        pool = _pool(app, project)
        deaf = pool in _WITHOUT_LIMITS
        at = app.settings_at
        yield self.finding(
            app.at,
            f"no hard time limit for {who} of `{app.name}`: a run that hangs holds its {'place' if deaf else 'process'}"
            " until the worker is restarted",
            f"give what the tasks wait for a timeout: the {pool} pool ignores time limits"
            if deaf
            else "set task_time_limit to more than any task needs, or start workers with --time-limit",
            symbol=app.name,
            related=related(at, "configured here") if at is not None and at[1].line != app.at[1].line else (),
            fix=None if deaf else _limited(app, project),
        )


def _pool(app: App, project: Project) -> str:
    """The pool that all workers of an app run, by their commands or its settings; empty if that is not known."""
    held = [worker.pool for worker in deployed(app, project)] or [app.setting("worker_pool")]
    pools = {pool.value if pool.known else "" for pool in held}
    return str(pools.pop()) if len(pools) == 1 else ""


_HOUR = 3600


def _limited(app: App, project: Project) -> Fix | None:
    """A limit of an hour, where no task is given as long."""
    soft = [time_limit(task, "soft_time_limit") for task in project.tasks_of(app)]
    if any(not held.known or (isinstance(held.value, (int, float)) and held.value >= _HOUR) for held in soft):
        return None
    edits = placing.chosen(app, project, "task_time_limit", str(_HOUR))
    return mending.unsafe("end every run after an hour: no task may need longer", *edits) if edits else None


def _limited_by_command(app: App, project: Project) -> bool:
    """Whether every worker that is deployed has a limit, or may have one."""
    workers = deployed(app, project)
    return bool(workers) and all(not w.time_limit.known or w.time_limit.value for w in workers)

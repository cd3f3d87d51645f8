"""CLY306."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.facts import ir
from celerylint.finding import Edit, Finding, Fix, Related, Severity
from celerylint.model.project import App, Project
from celerylint.model.routing import route_for
from celerylint.model.values import At, Sequence, forced
from celerylint.rules import mending
from celerylint.rules.base import Rule, names
from celerylint.rules.commanding import command_text
from celerylint.rules.consumers import Consumers, consumed_by, consumers, consuming, falling_through, reaches_others
from celerylint.rules.declared import declared_queues

_CLEANUP = "celery.backend_cleanup"
_KEPT = ("db+", "database", "file", "django-db")
"""How the addresses of result backends begin that expire nothing by themselves."""


class UnconsumedDefaultQueue(Rule):
    """No worker consumes the default queue, and tasks without a route are sent there: they never run.

    The queues of `task_queues` and of `-Q` are all that a worker consumes. The default queue, which `task_default_queue`
    names (`celery`), is not among them unless it is written there; Celery creates it all the same when the first task
    without a route is sent. So a task that somebody adds without thinking of queues never runs, and nothing fails.

    With a result backend in a database or in files, beat sends `celery.backend_cleanup` there every night: results
    that expire are kept for ever if nobody runs it.

    As for CLY305, nothing is reported unless it is known what every deployed worker of the application consumes.

    ## What to do

    Let one worker consume the default queue as well, or make it one of those that are consumed with
    `task_default_queue`.

    ```console
    celery -A proj worker -Q mail,reports,celery
    ```

    ## Fix safety

    The fix adds the default queue to the `-Q` of one worker, or to `task_queues` where workers consume what that declares. It
    is unsafe: that worker then runs what has waited there, perhaps for long.

    [Routing tasks](https://docs.celeryq.dev/en/stable/userguide/routing.html#basics)
    """

    code = "CLY306"
    name = "unconsumed-default-queue"
    summary = "No deployed worker consumes the default queue, and tasks without a route wait there."
    severity = Severity.ERROR
    bad = """\
from celery import Celery
from kombu import Queue

app = Celery("shop", broker="redis://")
app.conf.task_queues = [Queue("mail"), Queue("reports")]


@app.task(name="shop.report")
def report(month): ...


if __name__ == "__main__":
    app.worker_main(["worker"])
"""
    good = """\
from celery import Celery
from kombu import Queue

app = Celery("shop", broker="redis://")
app.conf.task_queues = [Queue("celery"), Queue("mail"), Queue("reports")]


@app.task(name="shop.report")
def report(month): ...


if __name__ == "__main__":
    app.worker_main(["worker"])
"""

    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        default = app.setting("task_default_queue")
        found = consumers(app, project) if project.workers else None
        if found is None or not default.known or default.env or app.setting("task_always_eager").truthy:
            return
        if default.value in found.queues or _reached_otherwise(app, str(default.value)):
            return
        waiting = [f"`{task.name}`" for task in falling_through(app, project)]
        if _cleans_up(app, project, found):
            waiting.append(f"`{_CLEANUP}`")
        if not waiting:
            return
        then = "waits there and never runs" if len(waiting) == 1 else "wait there and never run"
        yield self.finding(
            default.at or _left_out(app, found) or found.workers[0].start.place,
            f"no worker consumes the default queue `{default.value}`: {names(waiting)}, which no route takes, {then}",
            consuming(str(default.value), found),
            symbol=app.name,
            related=[Related(worker.start.place, consumed_by(worker)) for worker in found.workers[:4]],
            fix=_consumed(app, str(default.value), found, project),
        )


def _consumed(app: App, default: str, found: Consumers, project: Project) -> Fix | None:
    """The default queue beside the first that some worker consumes."""
    worker = found.workers[0]
    option = worker.line.options.get("queues")
    if not any(each.queues.kind == "setting" for each in found.workers):
        command = command_text(worker, project)
        known = option.value if option is not None and "exclude_queues" not in worker.line.options else None
        edits = command.with_value(option, f"{default},{known}") if command and option and known else []
    else:
        edits = _declared(app, default)
    return mending.unsafe(f"consume {default} as well", *edits) if edits else None


def _declared(app: App, default: str) -> list[Edit]:
    """One queue more in `task_queues`, made as the last one is."""
    held = app.setting("task_queues").raw
    value = forced(held) if held is not None else None
    path, node = value.at if isinstance(value, Sequence) and value.at is not None else ("", None)
    if not isinstance(value, Sequence) or not isinstance(node, ir.Seq):
        return []
    last = node.items[-1] if node.items else None
    maker = mending.spelled(last.func) if isinstance(last, ir.Call) else None
    if last is None or maker is None or len(node.items) != len(value.items):
        return []
    apart = f"\n{' ' * (last.col - 1)}" if last.line != node.line else " "
    return [mending.behind(last, path, f",{apart}{maker}({mending.quoted(default)})")]


def _left_out(app: App, found: Consumers) -> At | None:
    """What leaves the default queue out: `task_queues` where some worker goes by it, else the `-Q` of the first."""
    by_setting = any(worker.queues.kind == "setting" for worker in found.workers)
    return app.setting("task_queues").at if by_setting else found.workers[0].queues.at


def _reached_otherwise(app: App, default: str) -> bool:
    declared = declared_queues(app)
    names = {each.name for each in declared or ()}
    creates = app.setting("task_create_missing_queues").is_(True)
    return reaches_others(default, declared) or not (creates or default in names)


def _cleans_up(app: App, project: Project, found: Consumers) -> bool:
    """Whether beat sends the task that deletes results which have expired, and nothing routes it."""
    backend, expires = app.setting("result_backend"), app.setting("result_expires")
    if not (backend.known and isinstance(backend.value, str) and backend.value.startswith(_KEPT)) or not expires.truthy:
        return False
    beats = any(beat.app is app and beat.app_known and not beat.start.development for beat in project.beats)
    if not beats and not any(worker.beat.truthy for worker in found.workers):
        return False
    if any(entry.app is app and entry.name == _CLEANUP for entry in project.schedule):
        return False
    return route_for(app.routes, _CLEANUP) == (None, True)

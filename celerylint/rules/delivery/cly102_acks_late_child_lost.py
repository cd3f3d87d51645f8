"""CLY102."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from celerylint.finding import Confidence, Finding, Fix, Severity
from celerylint.model.project import App, Project, Task
from celerylint.rules import mending, placing
from celerylint.rules.base import Rule, names, related
from celerylint.rules.brokers import family_of


class AcksLateChildLost(Rule):
    """A task whose process is killed is lost, although it acknowledges late.

    With `acks_late` a message outlives the worker that dies with it. When only the child process that runs the task
    dies (killed for want of memory, by a segfault, by `os._exit`) the worker lives on: it counts the task as failed
    with `WorkerLostError` and acknowledges the message. The task is not run again, not even by `autoretry_for`, which
    works inside of the process that is gone.

    `reject_on_worker_lost=True` puts the message back instead. It does so every time: a task that kills its process
    whenever it runs goes round without end. Celery 5.7 has `retry_on_worker_lost=True`, which retries as often as
    `max_retries` says. An option that is set to False is a decision, and is left in peace.

    Only the prefork pool, Celery's default, has child processes.

    ## What to do

    On Celery 5.7 and later, set `task_retry_on_worker_lost = True`. Before that, `task_reject_on_worker_lost = True`, with
    an eye on tasks that come back again and again; or say False.

    ## Fix safety

    The fix sets the option beside `acks_late`, in the decorator, the base class or the settings; where several places decide
    that, it sets it for the whole app. It is unsafe: a run that was killed half way starts again, and up to 5.6 one that
    always kills its process never stops.

    [Task.reject_on_worker_lost](https://docs.celeryq.dev/en/stable/userguide/tasks.html#Task.reject_on_worker_lost)
    """

    code = "CLY102"
    name = "acks-late-child-lost"
    summary = "A task whose process is killed is lost, although it acknowledges late."
    severity = Severity.INFO
    confidence = Confidence.MEDIUM
    bad = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.task_acks_late = True


@app.task
def pull(url): ...
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.task_acks_late = True
app.conf.task_reject_on_worker_lost = True


@app.task
def pull(url): ...
"""

    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        pool = app.setting("worker_pool")
        if not pool.known or pool.value not in (None, "prefork", "processes"):
            return
        stays = family_of(app, project) == "sqs"
        exposed = [task for task in project.tasks_of(app) if _exposed(task) and not (stays and _rejects(task))]
        if not exposed:
            return
        places = {task.option("acks_late").place: task.option("acks_late").at for task in exposed}
        at = next(iter(places.values())) if len(places) == 1 else app.at
        newer = project.version.minor >= (5, 7)
        option = "retry_on_worker_lost" if newer else "reject_on_worker_lost"
        loops = "" if newer else "; a task that always kills its process then comes back without end"
        who = (
            exposed[0].name
            if len(exposed) == 1
            else f"any of {len(exposed)} tasks ({names([t.name for t in exposed])})"
        )
        yield self.finding(
            at or app.at,
            f"a child process that is killed while it runs {who} loses it, acks_late or not: the worker counts it as failed"
            " and acknowledges the message",
            f"set {option}=True, or False where losing it does no harm{loops}",
            symbol=app.name,
            related=related(exposed[0].option("acks_late").at, "acknowledged late by this") if len(places) > 1 else (),
            fix=_given_back(app, exposed, option, project),
        )


def _given_back(app: App, exposed: Sequence[Task], option: str, project: Project) -> Fix | None:
    """The option beside the `acks_late` that counts, or for the whole app where there are several."""
    decided = {task.option("acks_late").place: task.option("acks_late") for task in exposed}
    if len(decided) == 1:
        edits = placing.beside(next(iter(decided.values())), app, project, option, "True")
    else:
        edits = placing.chosen(app, project, f"task_{option}", "True")
    if not edits:
        return None
    return mending.unsafe(f"set {option}, so that a run whose process is killed starts again", *edits)


def _rejects(task: Task) -> bool:
    """Whether the message of a failed run is rejected: SQS, which is told nothing of that, hands it out again."""
    name = "acks_on_failure" if "acks_on_failure" in task.options else "acks_on_failure_or_timeout"
    return task.option(name).is_(False)


def _exposed(task: Task) -> bool:
    if not task.option("acks_late").truthy:
        return False
    for name in ("reject_on_worker_lost", "retry_on_worker_lost"):
        held = task.options.get(name)
        if held is not None and (held.chosen or not held.falsy):
            return False
    return True

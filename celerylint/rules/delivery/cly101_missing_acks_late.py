"""CLY101."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from celerylint.effects.behaviour import Bodies
from celerylint.facts import ir
from celerylint.finding import Edit, Finding, Fix, Related, Severity
from celerylint.model.project import App, Project, Task
from celerylint.model.values import At
from celerylint.rules import mending, placing
from celerylint.rules.base import Rule, names, related
from celerylint.rules.origins import base_of, by_origin


class MissingAcksLate(Rule):
    """A worker that is killed loses the tasks it is running.

    By default a worker acknowledges a message as soon as the task starts. The broker then forgets it. When the worker
    dies before the task has ended (the node goes down, the container runs out of memory, a deployment's grace period is
    over) nobody has the message any more: the task is not run again, nothing is logged by anyone, and its result stays
    pending for ever.

    With `acks_late` the message is acknowledged when the task has ended, so a broker that loses the worker hands it to
    another: RabbitMQ at once, Redis when the visibility timeout is over (an hour, by default). The price is that a task
    can run twice, from the beginning. That is a decision for each task, and this rule asks that somebody take it. An
    `acks_late=False` that is written down is such a decision, and is left in peace.

    One kill is not covered: when only the child process dies and the worker lives, the task counts as failed all the
    same, unless `reject_on_worker_lost` is set.

    ## What to do

    Where a task may run twice, set `acks_late=True`, or `task_acks_late = True` for all. Where it may not, say
    `acks_late=False`, so that readers know it was meant.

    ## Fix safety

    The fix sets `task_acks_late` where the app is configured or, where some tasks have chosen already, `acks_late=True` on
    each task or on the class that they share. It is safe where every task that it touches is shown to do no harm when it
    runs twice, otherwise unsafe: a task whose worker died half way runs again from its beginning. Look at each before you
    take it.

    [Should I use retry or acks_late?](https://docs.celeryq.dev/en/stable/faq.html#faq-acks-late-vs-retry)
    """

    code = "CLY101"
    name = "missing-acks-late"
    summary = "A worker that is killed loses the tasks it is running."
    severity = Severity.WARNING
    bad = """\
from celery import Celery

app = Celery("proj", broker="redis://")


@app.task
def send_invoice(pk): ...
"""
    good = """\
from celery import Celery

app = Celery("proj", broker="redis://")
app.conf.task_acks_late = True


@app.task
def send_invoice(pk): ...
"""

    def asks_about(self, project: Project) -> Iterable[Task]:
        return (task for app in project.apps for task in project.tasks_of(app) if _early(task))

    def _all(self, project: Project, bodies: Bodies) -> Iterator[Finding]:
        for app in project.apps:
            yield from self._of(app, project, bodies)

    def _of(self, app: App, project: Project, bodies: Bodies) -> Iterator[Finding]:
        tasks = project.tasks_of(app)
        exposed = [
            task
            for task in tasks
            if _early(task) and not bodies.told(task).repeats  # of which CLY601 speaks: that comes first
        ]
        if not exposed:
            return
        if not any(task.option("acks_late").truthy for task in tasks):
            yield self._nowhere(app, exposed, project, bodies)
            return
        for shared, group in by_origin(exposed):
            if shared is not None:
                edits = _at_class(shared, tasks, group)
                fix = _fix(group, edits, bodies)
                yield self._finding(shared, group, f"set acks_late here{_PRICE}", bodies, fix=fix)
                continue
            edits = mending.set_at(group[0].at, acks_late="True") if mending.takes_options(group[0]) else []
            fix = _fix(group, edits, bodies)
            yield self._finding(group[0].at, group, f"set acks_late=True{_PRICE}", bodies, fix=fix)

    def _nowhere(self, app: App, tasks: list[Task], project: Project, bodies: Bodies) -> Finding:
        setting = _spelled(app, "task_acks_late")
        at = app.settings_at
        configured = related(at, "configured here") if at is not None and at[1].line != app.at[1].line else []
        fix = _fix(tasks, placing.setting(app, project, "task_acks_late", "True"), bodies)
        return self._finding(
            app.at, tasks, f"set {setting} = True{_PRICE}", bodies, symbol=app.name, related=configured, fix=fix
        )

    def _finding(
        self,
        where: At,
        tasks: list[Task],
        help: str,
        bodies: Bodies,
        *,
        symbol: str = "",
        related: Iterable[Related] = (),
        fix: Fix | None = None,
    ) -> Finding:
        who = tasks[0].name if len(tasks) == 1 else f"any of {len(tasks)} tasks ({names([t.name for t in tasks])})"
        message = (
            f"a worker that is killed while it runs {who} loses it for good: the message is acknowledged when the task"
            f" starts; {_twice(tasks, bodies)}"
        )
        return self.finding(where, message, help, symbol=symbol or tasks[0].name, related=tuple(related), fix=fix)


_PRICE = " where running twice does no harm, and acks_late=False where it would"


def _early(task: Task) -> bool:
    """Whether a task is acknowledged when it starts because nobody has chosen."""
    return task.option("acks_late").falsy and not task.option("acks_late").chosen


def _twice(tasks: list[Task], bodies: Bodies) -> str:
    """What the bodies of tasks say of a second run."""
    found = [bodies.told(task).repeat_safe for task in tasks]
    if len(tasks) == 1:
        return {
            "yes": "a second run would do no harm",
            "no": "but a second run would do again what the first has done",
        }.get(found[0], "whether a second run would do harm cannot be told from its body")
    safe, unsafe = found.count("yes"), found.count("no")
    if not safe and not unsafe:
        return "whether a second run would do harm cannot be told from their bodies"
    parts = [f"of {safe} a second run would do no harm"] if safe else []
    return " and ".join([*parts, *([f"of {unsafe} it would do again what the first has done"] if unsafe else [])])


def _fix(tasks: list[Task], edits: list[Edit], bodies: Bodies) -> Fix | None:
    if not edits:
        return None
    doubtful = [task.name for task in tasks if bodies.told(task).repeat_safe != "yes"]
    title = (
        "acknowledge it when it has ended" if len(tasks) == 1 else f"acknowledge all {len(tasks)} when they have ended"
    )
    if doubtful:
        return mending.unsafe(f"{title}; nothing shows that a second run of {names(doubtful)} does no harm", *edits)
    return mending.safe(title, *edits)


def _at_class(at: At, tasks: Sequence[Task], meant: list[Task]) -> list[Edit]:
    """The option on a class that tasks share, where nobody else takes it over from there."""
    silent = (task for task in tasks if task not in meant and _early(task))
    if not isinstance(at[1], ir.Class) or any(base is not None and base.at == at for base in map(base_of, silent)):
        return []
    return mending.set_at(at, acks_late="True")


def _spelled(app: App, setting: str) -> str:
    """A setting as this app's configuration spells it."""
    return f"{app.namespace}{setting}".upper() if app.namespace and app.value.sources else setting

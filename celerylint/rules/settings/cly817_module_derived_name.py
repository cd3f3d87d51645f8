"""CLY817."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.finding import Finding, Severity
from celerylint.model.project import Project, Task
from celerylint.rules import mending
from celerylint.rules.base import Rule


class ModuleDerivedName(Rule):
    """The task is named after its module and function: moving or renaming either changes the name.

    Messages, schedules and routes know the task by its name. When the code moves, messages that are still queued
    under the old name are dropped by workers that know only the new one, and strings elsewhere go on naming the old.

    This is for teams that give every task a name of its own.

    ## What to do

    Write the name: `name="shop.tasks.sync"` keeps the one that the task has now.

    ## Fix safety

    The fix writes the name that the task has now. It is safe: nothing changes until the code moves.

    [Names](https://docs.celeryq.dev/en/stable/userguide/tasks.html#names)
    """

    code = "CLY817"
    name = "module-derived-name"
    summary = "A task has no name of its own: it changes when the code moves."
    severity = Severity.INFO
    preset = "all"
    bad = """\
from celery import shared_task


@shared_task
def pull(): ...
"""
    good = """\
from celery import shared_task


@shared_task(name="shop.pull")
def pull(): ...
"""

    def check_task(self, task: Task, project: Project) -> Iterable[Finding]:
        if task.named.known and not task.named.chosen and not task.value.opened:
            yield self.finding(
                task.at,
                f"the name {task.name} comes from the module and the function: it changes when either does, and"
                " workers drop messages under the old one",
                f'write name="{task.name}" to keep it',
                symbol=task.name,
                # Celery looks for annotations before a class has a name that it is not given: one would then apply.
                fix=mending.safe(f'write name="{task.name}"', *mending.set_at(task.at, name=mending.quoted(task.name)))
                if mending.takes_options(task) and not (task.class_based and _annotated(task))
                else None,
            )


def _annotated(task: Task) -> bool:
    return task.app is not None and task.app.setting("task_annotations").chosen

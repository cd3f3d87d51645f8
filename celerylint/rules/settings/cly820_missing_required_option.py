"""CLY820."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.catalog import VERSIONS, load
from celerylint.config import ConfigError, Options
from celerylint.finding import Finding, Severity
from celerylint.model.project import Project, Task
from celerylint.rules.base import Rule, names
from celerylint.rules.origins import base_of, decorator_of
from celerylint.text import did_you_mean


class MissingRequiredOption(Rule):
    """The team asks that every task have this option chosen, and for this one nobody has.

    It is a standard of your own: the rule finds nothing until the configuration names the options.

    ```toml
    [tool.celerylint]
    require = ["acks_late", "soft_time_limit"]
    ```

    A choice is one wherever it stands, and whatever was chosen: in the decorator, in a base class, in an annotation, in
    the settings, for `queue` in a route too. `acks_late=False` is one. Where the value cannot be known somebody may have
    chosen it, and nothing is said; nor is anything of an option that the project's Celery does not have.

    Several tasks made by one class or decorator of the project are reported once, there.

    ## What to do

    Choose a value for the task, or one for all of them in their base class, their decorator or the settings.

    [Task options](https://docs.celeryq.dev/en/stable/userguide/tasks.html#list-of-options)
    """

    code = "CLY820"
    name = "missing-required-option"
    summary = "An option that the team requires of every task is left to Celery's default."
    severity = Severity.WARNING
    configuration = 'require = ["soft_time_limit"]\n'
    bad = """\
from celery import Celery

app = Celery("shop", broker="redis://")


@app.task
def pull(): ...
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="redis://")


@app.task(soft_time_limit=60)
def pull(): ...
"""

    def check_options(self, options: Options) -> None:
        for option in options.require:
            if not any(option in load(version).task_options for version in reversed(VERSIONS)):
                hint = did_you_mean(option, load().task_options)
                raise ConfigError(f'unknown task option "{option}" in "require"{hint}', option="require", value=option)

    def check_project(self, project: Project) -> Iterable[Finding]:
        groups: dict[tuple[int, tuple[str, ...]], list[Task]] = {}
        for task in project.tasks if project.options.require else ():
            missing = tuple(option for option in project.options.require if not _chosen(task, option, project))
            if missing:
                groups.setdefault((id(base_of(task) or decorator_of(task) or task), missing), []).append(task)
        for (_, missing), tasks in groups.items():
            yield self._finding(tasks, missing)

    def _finding(self, tasks: list[Task], missing: tuple[str, ...]) -> Finding:
        origin = (base_of(tasks[0]) or decorator_of(tasks[0])) if len(tasks) > 1 else None
        who = f"{len(tasks)} tasks ({names([task.name for task in tasks])})" if len(tasks) > 1 else tasks[0].name
        left = ", ".join(f"`{option}` = {tasks[0].option(option).value!r}" for option in missing)
        one = len(missing) == 1
        return self.finding(
            origin.at if origin is not None and origin.at is not None else tasks[0].at,
            f"nobody has chosen {' or '.join(f'`{option}`' for option in missing)} for {who}, as `require` asks:"
            f" Celery's {f'default {left} is' if one else f'defaults {left} are'} in force",
            f"choose {'it' if one else 'them'} here, or for all tasks in the settings",
            symbol=tasks[0].name,
        )


def _chosen(task: Task, option: str, project: Project) -> bool:
    """Whether somebody chose an option, as far as anybody can tell."""
    held = task.options.get(option)
    if held is None or held.chosen or not held.known or (option == "queue" and task.queue.kind == "route"):
        return True
    if option in task.keywords:
        # Celery takes a None for nothing, but somebody has written it.
        return True
    # The pool applies this setting to tasks that have no limit, and the task does not know.
    applied = project.catalog.task_options[option].worker_fallback_setting
    return applied is not None and (task.app is None or task.app.settings[applied].chosen)

"""CLY406."""

from __future__ import annotations

import re
from collections.abc import Iterable

from celerylint.facts import ir
from celerylint.finding import Confidence, Finding, Fix, Severity
from celerylint.model.project import App, Entry, Project
from celerylint.rules import mending
from celerylint.rules.base import Rule
from celerylint.rules.written import flat, load
from celerylint.text import closest

_MAKES_TASKS = frozenset({"task", "shared_task", "register_task"})


class UnknownScheduledTask(Rule):
    """No task has the name that this schedule entry sends: it never runs.

    Beat knows tasks by name only. It sends a name that nobody registered like any other; the worker that receives it
    logs "Received unregistered task" and drops the message, each time anew.

    A task's name is that of the module as it is imported, and of the function: `shop.tasks.sync`. It changes when
    the module moves, when the function is renamed, and with `name=`.

    Names of other packages and of Celery's own tasks are left alone: a name is reported if it begins like a package
    of this project, or has no module in it.

    ## What to do

    Write the name that the task is registered under; `celery -A proj inspect registered` lists them.

    ## Fix safety

    The fix writes the name of the task that was probably meant. It is unsafe: that task then runs on schedule.

    [Periodic tasks](https://docs.celeryq.dev/en/stable/userguide/periodic-tasks.html#entries)
    """

    code = "CLY406"
    name = "unknown-scheduled-task"
    summary = "A schedule entry names a task that is registered nowhere: workers drop each message."
    severity = Severity.ERROR
    bad = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.beat_schedule = {
    "sync": {"task": "tasks.synchronise", "schedule": 600},
}


@app.task
def synchronize(): ...
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.beat_schedule = {
    "sync": {"task": "tasks.synchronize", "schedule": 600},
}


@app.task
def synchronize(): ...
"""

    def check_entry(self, entry: Entry, project: Project) -> Iterable[Finding]:
        name, app = entry.task_name, entry.app
        if name is None or app is None or entry.resolves or entry.lost or not project.tasks:
            return
        why = _why(name, app, project)
        if why is None or _may_be_unread(name, project):
            return
        near = _nearest(name, project)
        yield self.finding(
            entry.keys.get("task") or entry.at,
            f"no task is registered as `{name}`{why}: beat sends it all the same, and workers drop the message",
            f"did you mean `{near}`?" if near else "register the task, or delete the entry",
            symbol=entry.name,
            confidence=Confidence.MEDIUM if "." not in name and near is None else None,
            fix=_renamed(entry, near),
        )


def _renamed(entry: Entry, near: str | None) -> Fix | None:
    at = entry.keys.get("task")
    if near is None or at is None or not isinstance(at[1], (ir.Const, ir.Keyword)):
        return None
    return mending.unsafe(f"send {near}", *mending.set_at(at, (), task=mending.quoted(near)))


def _may_be_unread(name: str, project: Project) -> bool:
    """Whether a file that is not Python, or of a version that cannot be read, holds the last part of a name as a word."""
    last = re.compile(rb"\b%s\b" % re.escape(name.rpartition(".")[2]).encode())
    held = (project.index.loaded(path) for path in project.index.paths)
    broken = (m for m in held if m is not None and m.facts is not None and m.facts.error is not None)
    return any(last.search(project.source(module.path) or b"") for module in broken)


def _why(name: str, app: App, project: Project) -> str | None:
    """What is known of a name that no task has; None if somebody may have registered it all the same."""
    module, _, function = name.rpartition(".")
    if any(not task.named.known and function in (task.function, "") for task in project.tasks):
        return None
    if any(task.function == function and task.value.module.dotted == module for task in project.tasks):
        return ", and the task of that module has a name of its own"
    known = [task.name for task in project.tasks]
    if any(other.endswith(f".{name}") or name.endswith(f".{other}") for other in known if module and "." in other):
        # The same task, seen from another folder: which of them Python starts in is not known.
        return None
    if not module:
        return None if any(not task.named.known for task in project.tasks) else ""
    body = _module(module, app)
    if body is not None:
        return _in_module(function, body)
    first = module.partition(".")[0]
    if _is_package(first, app) or any(other.startswith(f"{first}.") for other in known):
        return f", and there is no module `{module}`"
    return "" if closest(name, known, 0.9) else None


def _module(dotted: str, app: App) -> list[ir.Stmt] | None:
    for path in _paths(dotted.replace(".", "/"), app):
        body = load(app, path)
        if body is not None:
            return body
    return None


def _is_package(name: str, app: App) -> bool:
    return any(load(app, path) is not None for path in _paths(name, app))


def _paths(tail: str, app: App) -> list[str]:
    """Where the file of a module may lie: in the root of the app's own module, or in a folder above it."""
    parts = app.at[0].split("/")[:-1]
    folders = [app.root, *("/".join(parts[:count]) for count in range(len(parts), -1, -1))]
    return [f"{f}/{tail}{end}".lstrip("/") for f in dict.fromkeys(folders) for end in (".py", "/__init__.py")]


def _in_module(function: str, body: list[ir.Stmt]) -> str | None:
    for node in flat(body):
        if isinstance(node, ir.Function) and node.name == function:
            return ": that is a function, and no task" if not node.decorators else None
        if isinstance(node, ir.Class) and node.name == function:
            return None
        if isinstance(node, ir.Function) and not _MAKES_TASKS.isdisjoint(node.uses):
            return None
        if isinstance(node, ir.ImportFrom) and any(alias.bound == function for alias in node.names):
            return f": `{function}` is imported there, and has the name of the module that defines it"
        if isinstance(node, ir.ImportFrom) and any(alias.name == "*" for alias in node.names):
            return None
        targets = node.targets if isinstance(node, ir.Assign) else []
        if any(isinstance(target, ir.Name) and target.id == function for target in targets):
            return None
        if isinstance(node, (ir.For, ir.While)):
            return None
    return f", and its module has no `{function}`"


def _nearest(name: str, project: Project) -> str | None:
    """The task that was probably meant."""
    known = [task.name for task in project.tasks if task.named.known]
    last = name.rpartition(".")[2]
    same = [task.name for task in project.tasks if task.named.known and task.function == last]
    if len(same) == 1:
        return same[0]
    return closest(name, same or known, 0.6 if same else 0.75)

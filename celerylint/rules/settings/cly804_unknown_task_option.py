"""CLY804."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from celerylint.catalog import Catalog
from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.finding import Finding, Fix, Severity
from celerylint.model.project import Project, Task
from celerylint.model.values import At, ClassValue, External, FunctionValue
from celerylint.rules import mending
from celerylint.rules.base import Rule
from celerylint.text import closest

_PUBLISH_RETRY = frozenset({"interval_start", "interval_step", "interval_max", "errback", "retry_errors"})
_OURS = frozenset({"celery.Task", "celery.contrib.django.task.DjangoTask", "builtins.object", "abc.ABC"})
_LENGTHS = 0.85
"""How alike an attribute of a class and an option must be spelled: attributes of other names are the project's own."""


class UnknownTaskOption(Rule):
    """Celery does not know this option of a task: it keeps the value and never looks at it.

    Every keyword of `@app.task(...)` becomes an attribute of the task, whatever its name. A slip in the name raises
    nothing: with `ignore_results=True` results are stored, with `max_retry=10` the task gives up after 3 retries, and
    the `time_limit` that was written `task_time_limit` stops nobody.

    Names that the project itself reads are its own: an attribute that a base class defines or a function reads
    (`self.audience`, `getattr(task, "audience", None)`). They are left alone, as are tasks with a base class of another
    package, which may read what it likes. Of the attributes of a class only those are reported that are nearly
    spelled as an option.

    ## What to do

    Write the name that Celery reads; the message says which one it probably is. Options of a single message, such as
    `countdown` or `link_error`, belong in `apply_async(...)`.

    ## Fix safety

    The fix writes the name that is near, where there is one that the task does not have yet. It is unsafe: a value that
    had no effect takes effect.

    [Task options](https://docs.celeryq.dev/en/stable/userguide/tasks.html#list-of-options)
    """

    code = "CLY804"
    name = "unknown-task-option"
    summary = "A task has an option that Celery does not read, probably a slip in its name."
    severity = Severity.ERROR
    bad = """\
from celery import shared_task


@shared_task(ignore_results=True)
def pull(): ...
"""
    good = """\
from celery import shared_task


@shared_task(ignore_result=True)
def pull(): ...
"""

    def check_project(self, project: Project) -> Iterable[Finding]:
        # Whether anybody reads a name is looked for once: it means looking through every function.
        read: dict[str, bool] = {}
        for task in project.tasks:
            if any(_foreign(cls) for cls in task.lineage):
                continue
            for name, at, kind in _written(task, project.catalog):
                if name not in read:
                    read[name] = _read_by_the_project(name, project)
                if read[name]:
                    continue
                yield self.finding(
                    at,
                    f"Celery reads no {kind} `{name}`: it is kept on the task and never looked at"
                    f"{_instead(name, task, project.catalog)}",
                    _help(name, project.catalog),
                    symbol=task.name,
                    fix=_renamed(name, at, task, project),
                )


def _renamed(name: str, at: At, task: Task, project: Project) -> Fix | None:
    if name in _PUBLISH_RETRY or name in project.catalog.call_options:
        return None
    near = _near(name, project.catalog)
    held = task.options.get(near) if near is not None else None
    if near is None or (held is not None and held.kind not in ("default", "setting")):
        return None
    edit = mending.renamed(at, name, near)
    return mending.unsafe(f"write {near}", edit) if edit is not None else None


def _foreign(cls: object) -> bool:
    return not isinstance(cls, ClassValue) and not (isinstance(cls, External) and cls.dotted in _OURS)


def _written(task: Task, catalog: Catalog) -> Iterator[tuple[str, At, str]]:
    """Names that Celery does not read, and where they are written."""
    inherited = {name for cls in task.lineage if isinstance(cls, ClassValue) for name in cls.attrs}
    for name, at in task.keywords.items() if not task.class_based else ():
        if not catalog.known_task_keyword(name) and name not in inherited:
            yield name, at, "task option"
    for cls in task.lineage:
        for name, entry in cls.attrs.items() if isinstance(cls, ClassValue) else ():
            plain = not name.startswith("_") and not isinstance(entry.value, FunctionValue) and entry.at is not None
            if plain and not catalog.known_task_keyword(name) and _near(name, catalog, _LENGTHS) and entry.at:
                yield name, entry.at, "task attribute"


def _read_by_the_project(name: str, project: Project) -> bool:
    return any(
        _reads(function, name)
        for path, functions in project.functions.items()
        if name.encode() in (project.source(path) or b"")
        for function in functions
    )


def _reads(function: FunctionValue, name: str) -> bool:
    node = function.node
    if isinstance(node, ir.Function):
        if name in node.uses:
            return True
        if not {"getattr", "hasattr", "get", "pop", "setdefault"} & set(node.uses) and not _takes_any(node):
            return False
    return any(_looks_up(inner, name) for inner in nodes(node))


def _takes_any(node: ir.Function) -> bool:
    return any(param.kind == "var-keyword" for param in node.params)


def _looks_up(node: ir.Node, name: str) -> bool:
    """`getattr(task, "name")`, `kwargs.get("name")`, `kwargs["name"]`, `"name" in kwargs`."""
    if isinstance(node, ir.Call):
        return any(isinstance(arg, ir.Const) and arg.value == name for arg in node.args)
    if isinstance(node, ir.Subscript):
        return isinstance(node.index, ir.Const) and node.index.value == name
    return isinstance(node, ir.Compare) and isinstance(node.left, ir.Const) and node.left.value == name


def _near(name: str, catalog: Catalog, cutoff: float = 0.75) -> str | None:
    """The option that was probably meant."""
    of_setting = name.removeprefix("celery_").removeprefix("task_")
    if of_setting != name and of_setting in catalog.task_options:
        return of_setting
    return closest(name, catalog.task_options, cutoff)


def _instead(name: str, task: Task, catalog: Catalog) -> str:
    """What holds in place of what was written."""
    near = _near(name, catalog)
    if near is None or name in catalog.call_options or not task.option(near).known:
        return ""
    return f", and `{near}` is {task.option(near).value!r}"


def _help(name: str, catalog: Catalog) -> str:
    if name in _PUBLISH_RETRY:
        return (
            f"`{name}` is a key of retry_policy, which apply_async() takes for sending; retries of the task have others"
        )
    if name in catalog.call_options:
        return f"`{name}` belongs to one message: give it to apply_async({name}=...)"
    near = _near(name, catalog)
    return f"did you mean `{near}`?" if near else "remove it, or read it somewhere: nothing in this project does"

"""CLY809."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from celerylint.finding import Confidence, Finding, Severity
from celerylint.model import celery_values as cv
from celerylint.model.modules import Module
from celerylint.model.project import App, Project, Task
from celerylint.model.values import LONGEST_CHAIN, Deferred, Imported
from celerylint.rules.base import Rule, names, related
from celerylint.rules.raw import for_production
from celerylint.rules.settings.classes import Mentions, constant, task_classes
from celerylint.rules.settings.cly810_autodiscovery_misuse import AutodiscoveryMisuse
from celerylint.rules.settings.imports import MOST_FILES, Imports, Listed, UnknowableError, told_elsewhere


class UnregisteredTask(Rule):
    """Workers do not know this task: they drop its messages and log "Received unregistered task".

    A worker runs the tasks that are registered when it starts, and a message for any other is thrown away, with an
    error in the worker's log and none for the caller. Two ways to get there:

    * a class that derives from `Task` is registered by `app.register_task(Pull())` and by nothing else. Up to Celery 3
      defining it was enough. `Pull().delay()` sends a message all the same;
    * a decorated function is registered when its module is imported. A worker imports the app's module with all that
      it imports, the modules in `include` and `imports`, and what `autodiscover_tasks` is told to look for. Whoever
      sends the task has imported it, so that everything looks well on that side.

    Nothing is said where modules or classes are found at run time, by `importlib` for one, and nothing of a module that
    may itself be what workers are started with (`celery -A`).

    ## What to do

    Register the class, and send what `register_task` returns. Add the module to `include`, or import it where the app
    is made.

    [Task classes](https://docs.celeryq.dev/en/stable/userguide/tasks.html#custom-task-classes),
    [imports](https://docs.celeryq.dev/en/stable/userguide/configuration.html#imports)
    """

    code = "CLY809"
    name = "unregistered-task"
    summary = (
        "A task class that nobody registers, or a module of tasks that no worker imports: its messages are dropped."
    )
    severity = Severity.ERROR
    bad = """\
from celery import Celery, Task

app = Celery("shop", broker="redis://")


class Pull(Task):
    def run(self, url): ...


def sync():
    Pull().delay("https://example.com")
"""
    good = """\
from celery import Celery, Task

app = Celery("shop", broker="redis://")


class Pull(Task):
    def run(self, url): ...


pull = app.register_task(Pull())


def sync():
    pull.delay("https://example.com")
"""

    def check_project(self, project: Project) -> Iterable[Finding]:
        if project.apps:
            yield from self._classes(project)
            yield from self._modules(project)

    # --- classes

    def _classes(self, project: Project) -> Iterator[Finding]:
        registered = {id(base) for task in project.tasks for base in (task.value.cls, *task.lineage)}
        classes = [cls for cls in task_classes(project) if id(cls) not in registered and _is_production(cls.module)]
        mentions = Mentions(project) if classes else None
        if mentions is None or mentions.dynamic:
            return
        for cls in classes:
            uses, given = mentions.of(cls), constant(cls, "name")
            meant = isinstance(given, str) and not constant(cls, "abstract")
            if uses.other or cls.at is None or not (uses.sent or meant):
                continue
            title = cls.node.name
            yield self.finding(
                cls.at,
                f"`{title}` is never registered, and Celery registers no class by itself: workers drop its messages as"
                " unregistered",
                f"register it, and send what that returns: app.register_task({title}())",
                symbol=given if isinstance(given, str) else title,
                related=[other for at in uses.sent[:3] for other in related(at, "sent here")],
                confidence=None if uses.sent else Confidence.MEDIUM,
            )

    # --- modules

    def _modules(self, project: Project) -> Iterator[Finding]:
        groups: dict[str, list[Task]] = {}
        for task in project.tasks:
            at = task.value.at if task.class_based else task.at
            if at is not None and task.app is not None and not task.value.foreign:
                groups.setdefault(at[0], []).append(task)
        if len(groups) < 2:
            return
        try:
            missed = _missed(project, set(groups))
        except UnknowableError:
            return
        for path in missed:
            tasks = groups[path]
            app, module = tasks[0].app, project.index.module(path)
            if app is None or any(task.app is not app for task in tasks) or module.root != app.root:
                continue
            who = names([f"`{task.name}`" for task in tasks])
            yield self.finding(
                tasks[0].at,
                f"no worker imports `{module.dotted}`: neither `{app.name}`, nor what it is configured to import, leads"
                f" there, so that messages for {who} are dropped as unregistered",
                f'add "{module.dotted}" to `include`, or import it in {app.at[0]}',
                symbol=tasks[0].name,
                related=related(app.at, "the app is made here"),
                confidence=Confidence.MEDIUM,
            )


def _missed(project: Project, wanted: set[str]) -> list[str]:
    """The files among those wanted that no worker imports. Raises UnknowableError."""
    index, imports = project.index, Imports(project.index)
    listed = [_listed(app, project) for app in project.apps]
    related_names = {name for each in listed for name in each.related}
    entries = [module for each in listed for module in (each.app.value.module, *each.modules)]
    suspects = {path for path in wanted if _is_production(index.module(path)) and _last(path) not in related_names}
    suspects -= {module.path for module in entries}
    if not suspects or told_elsewhere(project):
        return []
    called = {app.name.rpartition(".")[2] for app in project.apps}
    holders = {path for path, module in index.relevant.items() if _holds_an_app(module, called)}
    if related_names or any(path.rpartition("/")[2] == "manage.py" for path in index.paths):
        # Django imports models, and for its checks the views: what anybody imports is taken for imported.
        suspects -= holders
        suspects = _unimported(suspects, imports, index.relevant.values())
        return sorted(_unimported(suspects, imports, _every_module(project, suspects)))
    suspects -= imports.reached(entries)
    # A module that imports an app and defines no tasks may be what workers are started with.
    every = list(_every_module(project, suspects))
    starts = [
        module for module in every if module.path not in suspects and _imports_any(imports, module, holders - suspects)
    ]
    suspects -= imports.reached(starts)
    importers = imports.importers(suspects, every)
    return sorted(path for path in suspects if path not in holders or importers[path])


def _unimported(suspects: set[str], imports: Imports, among: Iterable[Module]) -> set[str]:
    importers = imports.importers(suspects, among)
    return {path for path in suspects if not importers[path]}


def _imports_any(imports: Imports, module: Module, paths: set[str]) -> bool:
    return any(found.path in paths for found in imports.of(module))


def _every_module(project: Project, suspects: set[str]) -> Iterator[Module]:
    """Every module but tests, if there is any to be suspected. Raises UnknowableError where they are too many."""
    index = project.index
    paths = [path for path in sorted(index.paths) if not _is_test(path)] if suspects else []
    if len(paths) - len(index.relevant) > MOST_FILES:
        raise UnknowableError
    return (index.module(path) for path in paths)


def _listed(app: App, project: Project) -> Listed:
    """What an app's workers are told to import; UnknowableError where that is not all they may import."""
    if app.value.cls is not None or any(True for _ in AutodiscoveryMisuse().check_app(app, project)):
        raise UnknowableError
    listed = Listed(app, project)
    if not listed.explicit:
        raise UnknowableError
    return listed


def _holds_an_app(module: Module, called: set[str]) -> bool:
    """Whether a module binds an app, or what may be one by its name: nothing is computed to find out."""
    for name, entry in module.scope.entries.items():
        value = entry.value
        for _ in range(LONGEST_CHAIN):
            if not isinstance(value, Deferred) or value.result is None:
                break
            value = value.result
        if name in called or isinstance(value, cv.App) or (isinstance(value, Imported) and value.name in called):
            return True
    return False


def _is_production(module: Module) -> bool:
    return for_production(module.path) and not _is_test(module.path)


def _is_test(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return not {"test", "tests", "doc", "docs"}.isdisjoint(parts) or parts[-1].startswith(("test_", "conftest"))


def _last(path: str) -> str:
    """The name of a module: `tasks` for `shop/tasks.py` and `shop/tasks/__init__.py`."""
    return PurePosixPath(path.removesuffix("/__init__.py")).stem

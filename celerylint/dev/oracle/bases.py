"""Task base classes: chains across modules, mixins, abstract ones."""

from __future__ import annotations

from celerylint.dev.oracle.options import random_options
from celerylint.dev.oracle.project import Module, Project, Service, celery_library
from celerylint.dev.oracle.values import spell

_MODULES = ("core.base", "base", "taskbase")
"""Where bases live; each may import from those before it."""


def add_bases(project: Project, service: Service) -> None:
    """Write a few base classes for the service's tasks."""
    for _ in range(project.rng.randint(0, 3)):
        module = project.module(f"{service.package}.{project.pick(_MODULES)}")
        service.bases.append((module, _base(project, service, module)))


def class_options(project: Project, service: Service, module: Module, most: int = 4) -> str:
    """Indented class attributes that are task options."""
    options = random_options(project, most, without={"queue", "priority"})
    return "".join(f"    {name} = {spell(project, service, module, value)}\n" for name, value in options.items())


def parent_class(project: Project, service: Service, module: Module) -> str:
    """An expression for a class to inherit from: Celery's own or one of the project's."""
    known = [(home, name) for home, name in service.bases if _rank(service, home) <= _rank(service, module)]
    if known and project.chance(0.6):
        project.note("base/chain")
        return project.reach(module, *project.pick(known))
    form = project.weighted({"Task": 4.0, "celery.Task": 1.5, "app.task": 1.0})
    if form == "celery.Task":
        return f"{celery_library(service, module)}.Task"
    module.add_import("from celery import Task" if form == "Task" else "from celery.app.task import Task as CeleryTask")
    return "Task" if form == "Task" else "CeleryTask"


def _rank(service: Service, module: Module) -> int:
    """How late in the order of imports a module comes."""
    names = [f"{service.package}.{name}" for name in _MODULES]
    return names.index(module.name) if module.name in names else len(names)


def _base(project: Project, service: Service, module: Module) -> str:
    name = project.fresh(project.pick(("Reliable", "Tracked", "Logged"))).replace("_", "") + "Task"
    parents = parent_class(project, service, module)
    if project.chance(0.2):
        project.note("base/mixin")
        mixin = f"{name}Mixin"
        module.add(f"class {mixin}:\n{class_options(project, service, module) or '    pass'}")
        parents = f"{mixin}, {parents}"
    attributes = class_options(project, service, module)
    abstract = "    abstract = True\n" if project.chance(0.4) else ""
    module.add(
        f"class {name}({parents}):\n{abstract}{attributes}\n"
        "    def on_failure(self, exc, task_id, args, kwargs, einfo):\n"
        "        super().on_failure(exc, task_id, args, kwargs, einfo)\n"
    )
    project.note("base/class")
    return name

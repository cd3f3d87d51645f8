"""Invents whole Celery projects: picks idioms at random and lets each add its lines."""

from __future__ import annotations

from celerylint.dev.oracle.bases import add_bases
from celerylint.dev.oracle.decorators import add_decorators
from celerylint.dev.oracle.project import Module, Project, Service
from celerylint.dev.oracle.settings import schedule_text
from celerylint.dev.oracle.sources import configure, constructor_keywords
from celerylint.dev.oracle.tasks import add_task

_PACKAGES = ("shop", "acme", "billing", "warehouse", "portal", "mailer")
_APP_PLACES = (
    ("celery", "app"),
    ("celery", "celery_app"),
    ("celery_app", "app"),
    ("app", "celery"),
    ("worker", "app"),
    ("core.queue", "celery"),
)
_AREAS = ("orders", "catalog", "accounts", "reports")


def generate(seed: int, celery: str) -> Project:
    """The project of that seed, for a minor version of Celery: always the same one."""
    project = Project(seed, celery)
    if project.chance(0.08):
        project.source_root = "src/"
        project.note("layout/src")
    packages = project.some(_PACKAGES, 2, 2) if project.chance(0.12) else project.some(_PACKAGES, 1, 1)
    project.note(f"layout/apps-{len(packages)}")
    for package in packages:
        _service(project, package, alone=len(packages) == 1)
    return project


def _service(project: Project, package: str, *, alone: bool) -> None:
    """One app with everything that belongs to it."""
    project.module(package, package=True)
    leaf, variable = project.pick(_APP_PLACES)
    service = Service(package, project.module(f"{package}.{leaf}"), variable)
    project.services.append(service)
    if alone and project.chance(0.35):
        _django_settings(project, service)
    add_bases(project, service)
    service.task_modules = _task_modules(project, service)
    if project.chance(0.4) and "settings" not in service.app_module.spelled:
        init = project.module(package)
        init.add_import(f"from {service.app_module.name} import {variable} as {package}_queue")
        service.app_module.spelled["exported"] = f"{package}_queue"
        project.note("layout/re-export")
    constructor = _app(project, service, alone=alone)
    discovery = _choose_discovery(project, service)
    add_decorators(project, service)
    for module in service.task_modules:
        for _ in range(project.rng.randint(1, 4)):
            add_task(project, service, module)
    configure(project, service, constructor=constructor)
    if project.chance(0.15):
        project.note("task/in-app-module")
        add_task(project, service, service.app_module)
    if project.chance(0.25):
        _periodic_handler(project, service)
    _discover(project, service, discovery)


def _django_settings(project: Project, service: Service) -> None:
    """Settings as one module, or as a package of layers."""
    app = service.app_module
    layered = project.chance(0.5)
    project.note(f"django/{'layers' if layered else 'module'}")
    name = f"{service.package}.{'config.settings.production' if layered else 'settings'}"
    module = project.module(name)
    bottom = module
    app.spelled["settings"] = name
    service.settings_object = True
    if layered:
        bottom = project.module(f"{service.package}.config.settings.base")
        part = project.module(f"{service.package}.config.settings.parts.celery")
        bottom.add_import(f"from {part.name} import *  # noqa: F403")
        module.add_import("from .base import *  # noqa: F403")
        app.spelled["layers"] = f"{bottom.name} {part.name}"
    bottom.add('SECRET_KEY = "not-secret"\nUSE_TZ = True\nDATABASES = {}')
    bottom.add("INSTALLED_APPS = []" if project.chance(0.5) else 'INSTALLED_APPS = ["django.contrib.contenttypes"]')
    if project.chance(0.3):
        bottom.add('TIME_ZONE = "Europe/Paris"')
    app.add_import("import os")
    app.add(f'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{name}")')


def _task_modules(project: Project, service: Service) -> list[Module]:
    """Where tasks live: modules, nested packages, packages' `__init__`."""
    places: list[tuple[str, bool]] = [(f"{service.package}.tasks", False)]
    for area in _AREAS:
        places += [
            (f"{service.package}.{area}.tasks", False),
            (f"{service.package}.{area}.jobs", False),
            (f"{service.package}.{area}.nightly.tasks", False),
            (f"{service.package}.{area}.background", True),
        ]
    modules = []
    for name, package in project.some(places, 1, 4):
        modules.append(project.module(name, package=package))
        project.note("layout/tasks-in-package-init" if package else "layout/tasks-module")
    return modules


def _app(project: Project, service: Service, *, alone: bool) -> bool:
    """The `Celery(...)` call; says whether it carries settings."""
    app = service.app_module
    kind = project.weighted({"plain": 5.0, "module": 1.0, "subclass": 0.8})
    project.note(f"app/{kind}")
    if kind == "module":
        app.add_import("import celery as celery_library")
        callee = "celery_library.Celery"
    elif kind == "subclass":
        callee = _subclass(project, service, alone=alone)
    else:
        app.add_import("from celery import Celery")
        callee = "Celery"
    settings = constructor_keywords(project, service)
    arguments = [f'"{service.package}"'] if project.chance(0.9) else []
    if service.bases and project.chance(0.2):
        module, name = project.pick(service.bases)
        project.note("app/task_cls")
        target = f'"{module.name}:{name}"' if project.chance(0.5) else project.reach(app, module, name)
        arguments.append(f"task_cls={target}")
    if project.chance(0.2):
        arguments.append(f"include={[module.name for module in service.task_modules]!r}")
        app.spelled["included"] = "yes"
    app.add(f"{service.variable} = {callee}({', '.join([*arguments, *settings])})")
    if service.bases and project.chance(0.12):
        project.note("app/app.Task=")
        app.add(f"{service.variable}.Task = {project.reach(app, *project.pick(service.bases))}")
    return bool(settings) or "included" in app.spelled


def _subclass(project: Project, service: Service, *, alone: bool) -> str:
    """A Celery subclass, here or in another module: a naming scheme, a task class, a decorator of its own."""
    app = service.app_module
    home = project.module(f"{service.package}.core.application") if project.chance(0.5) else app
    home.add_import("from celery import Celery")
    lines = ["class ProjectCelery(Celery):"]
    features = project.some(("name", "method", "task_cls"), 1, 2)
    if "name" in features and alone:
        project.note("app/gen_task_name")
        lines.append(project.pick((
            '    def gen_task_name(self, name, module):\n        if module.endswith(".tasks"):\n'
            "            module = module[:-6]\n        return super().gen_task_name(name, module)",
            f'    def gen_task_name(self, name, module):\n        return f"{service.package}:{{name}}"',
            '    def gen_task_name(self, name, module):\n        return module.split(".")[0] + "." + name',
        )))  # fmt: skip
    if "method" in features:
        lines.append(
            "    def durable(self, *args, **options):\n"
            '        options.setdefault("acks_late", True)\n        return self.task(*args, **options)'
        )
        service.methods.append("durable")
    if "task_cls" in features and service.bases:
        module, name = project.pick(service.bases)
        project.note("app/subclass-task_cls")
        lines.append(f'    task_cls = "{module.name}:{name}"')
    lines.append("    company_wide = True")
    home.add("\n".join(lines))
    return project.reach(app, home, "ProjectCelery")


def _periodic_handler(project: Project, service: Service) -> None:
    """Schedule entries added in code once the app is configured."""
    app = service.app_module
    project.note("beat/add_periodic_task")
    calls = []
    for _ in range(project.rng.randint(1, 2)):
        local = bool(service.local_tasks) and project.chance(0.7)
        task = f"{project.pick(service.local_tasks)}.s()" if local else None
        if task is None:
            task = f'{project.pick(("sender", service.variable))}.signature("{project.pick(service.task_names)}")'
        name = f', name="{project.fresh("every")}"' if project.chance(0.7) else ""
        calls.append(f"    sender.add_periodic_task({schedule_text(project, app)}, {task}{name})")
    signal = project.pick(("on_after_configure", "on_after_configure", "on_after_finalize"))
    app.add(f"@{service.variable}.{signal}.connect\ndef setup_periodic_tasks(sender, **kwargs):\n" + "\n".join(calls))


def _choose_discovery(project: Project, service: Service) -> str:
    """How the worker finds the task modules."""
    app = service.app_module
    form = project.weighted({"autodiscover": 3.0, "import": 1.5, "none": 1.0})
    if form == "import" and ("included" in app.spelled or "exported" in app.spelled):
        form = "none"
    if form == "import":
        app.spelled["imports tasks"] = "yes"
    project.note(f"discovery/{form}")
    return form


def _discover(project: Project, service: Service, form: str) -> None:
    app = service.app_module
    modules = [module.name for module in service.task_modules]
    packages = sorted({name.rpartition(".")[0] for name in modules if name.endswith(".tasks")})
    if form == "autodiscover" and packages:
        arguments = project.pick((repr(packages), f"lambda: {packages!r}"))
        app.add(f"{service.variable}.autodiscover_tasks({arguments})")
    elif form == "import":
        app.last.append("\n".join(f"import {name}  # noqa: E402, F401" for name in modules))

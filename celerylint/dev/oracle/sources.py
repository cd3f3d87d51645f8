"""Where a project writes its configuration, and how the app is told."""

from __future__ import annotations

from collections.abc import Callable

from celerylint.dev.oracle.project import Module, Project, Service
from celerylint.dev.oracle.settings import old_names_only, random_settings

Settings = dict[str, str]


def constructor_keywords(project: Project, service: Service) -> list[str]:
    """Settings given to `Celery(...)` itself."""
    if project.chance(0.5):
        project.note("source/constructor")
        settings = random_settings(project, service, service.app_module, 3, far=False)
        structured = ("task_routes", "task_queues", "task_annotations", "beat_schedule")
        return [f"{name}={text}" for name, text in settings.items() if name not in structured]
    if project.chance(0.4):
        project.note("source/broker=")
        return [
            'broker="redis://localhost:6379/0"',
            *(['backend="redis://localhost:6379/5"'] if project.chance(0.5) else []),
        ]
    return []


_OBJECT_KINDS = {
    "none": 1.5, "module": 3.0, "module-object": 1.0, "class": 1.0, "class-string": 1.0, "instance": 0.7, "dict": 0.7,
    "envvar": 0.4,
}  # fmt: skip


def configure(project: Project, service: Service, *, constructor: bool) -> None:
    """Write the configuration sources and the statements of the app module that load them."""
    kind = project.weighted(_OBJECT_KINDS)
    if "settings" in service.app_module.spelled:
        kind = "django"
    project.note(f"source/{kind}")
    style = "new"
    if kind == "django" or (kind != "none" and project.chance(0.2)):
        style = "namespace"
    elif project.chance(0.2):
        style = "old"
    project.note(f"names/{style}")
    loaders: dict[str, Callable[[Project, Service, str], None]] = {
        "module": _module, "module-object": _module, "envvar": _envvar, "class": _class, "class-string": _class,
        "instance": _class, "dict": _dict, "django": _django,
    }  # fmt: skip
    service.app_module.spelled["source"] = kind
    if kind != "none":
        loaders[kind](project, service, style)
    only_old = kind == "none" and style == "old" and not constructor
    if kind == "none" or project.chance(0.5):
        _in_code(project, service, only_old)


def _renamed(project: Project, settings: Settings, style: str) -> Settings:
    """The settings under the names that the style wants."""
    if style == "old":
        return old_names_only(settings)
    if style == "namespace":
        renamed = {f"CELERY_{name.upper()}": text for name, text in settings.items()}
        if project.chance(0.25):
            project.note("names/old-under-namespace")
            name = project.pick(list(settings)) if settings else ""
            renamed.update(old_names_only({name: settings[name]}) if name else {})
        return renamed
    return settings


def _namespace(project: Project, style: str) -> str:
    return ', namespace="CELERY"' if style == "namespace" else ""


def _module(project: Project, service: Service, style: str) -> None:
    module = project.module(f"{service.package}.{project.pick(('celeryconfig', 'conf.celery_settings', 'settings'))}")
    _module_settings(project, service, module, style)
    app = service.app_module
    if service.app_module.spelled["source"] == "module-object":
        parent, _, leaf = module.name.rpartition(".")
        app.add_import(f"from {parent} import {leaf}")
        app.add(f"{service.variable}.config_from_object({leaf}{_namespace(project, style)})")
    else:
        app.add(f'{service.variable}.config_from_object("{module.name}"{_namespace(project, style)})')


def _module_settings(project: Project, service: Service, module: Module, style: str) -> None:
    """Settings as variables of a module; some come by star-import from a layer below."""
    settings = random_settings(project, service, module, far=True)
    if project.chance(0.3):
        project.note("source/layered-module")
        below = project.module(f"{module.name}_base")
        for name, text in _renamed(project, random_settings(project, service, below, 4, far=False), style).items():
            below.add(f"{name} = {text}")
        module.add_import(f"from {below.name} import *  # noqa: F403")
    for name, text in _renamed(project, settings, style).items():
        module.add(f"{name} = {text}")


def _envvar(project: Project, service: Service, style: str) -> None:
    module = project.module(f"{service.package}.celeryconfig")
    _module_settings(project, service, module, "new" if style == "namespace" else style)
    app = service.app_module
    app.add_import("import os")
    variable = project.fresh("ORACLE_CONFIG").upper()
    app.add(f'os.environ.setdefault("{variable}", "{module.name}")')
    app.add(f'{service.variable}.config_from_envvar("{variable}")')


def _class(project: Project, service: Service, style: str) -> None:
    module = project.module(f"{service.package}.{project.pick(('config', 'conf.classes'))}")
    settings = _renamed(project, random_settings(project, service, module, far=True), style)
    parent = ""
    if project.chance(0.4):
        project.note("source/class-chain")
        inherited = _renamed(project, random_settings(project, service, module, 4, far=True), style)
        module.add("class BaseConfig:\n    DEBUG_TOOLBAR = False\n" + _attributes(inherited))
        parent = "(BaseConfig)"
    module.add(f"class Config{parent}:\n    TESTING_MODE = False\n" + _attributes(settings))
    app = service.app_module
    kind = app.spelled["source"]
    if kind == "class-string":
        separator = project.pick((":", "."))
        target = f'"{module.name}{separator}Config"'
    else:
        target = project.reach(app, module, "Config") + ("()" if kind == "instance" else "")
    app.add(f"{service.variable}.config_from_object({target}{_namespace(project, style)})")


def _attributes(settings: Settings) -> str:
    return "".join(f"    {name} = {text}\n" for name, text in settings.items())


def _dict(project: Project, service: Service, style: str) -> None:
    app = service.app_module
    home = project.module(f"{service.package}.config") if project.chance(0.5) else app
    settings = _renamed(project, random_settings(project, service, home, far=False), style)
    home.add("CELERY_OPTIONS = {" + ", ".join(f'"{name}": {text}' for name, text in settings.items()) + "}")
    target = project.reach(app, home, "CELERY_OPTIONS")
    app.add(f"{service.variable}.config_from_object({target}{_namespace(project, style)})")


def _django(project: Project, service: Service, style: str) -> None:
    app = service.app_module
    app.add(f'{service.variable}.config_from_object("django.conf:settings", namespace="CELERY")')
    module = project.modules[app.spelled["settings"]]
    for name, text in _renamed(project, random_settings(project, service, module, far=False), style).items():
        module.add(f"{name} = {text}")
    for layer in app.spelled.get("layers", "").split():
        below = project.modules[layer]
        for name, text in _renamed(project, random_settings(project, service, below, 4, far=False), style).items():
            below.add(f"{name} = {text}")


_CODE_FORMS = {
    "update": 3.0, "update-dict": 1.0, "attribute": 3.0, "item": 1.0, "loop": 0.7, "spread": 0.7, "add_defaults": 0.5,
}  # fmt: skip


def _in_code(project: Project, service: Service, only_old: bool) -> None:
    """Settings that statements of the app module write into `app.conf`."""
    app, variable = service.app_module, service.variable
    for _ in range(project.rng.randint(1, 2)):
        settings = random_settings(project, service, app, 3, far=True)
        if only_old:
            settings = old_names_only(settings)
        form = project.weighted(_CODE_FORMS)
        project.note(f"code/{form}")
        keywords = ", ".join(f"{name}={text}" for name, text in settings.items())
        literal = "{" + ", ".join(f'"{name}": {text}' for name, text in settings.items()) + "}"
        if form == "update":
            app.add(f"{variable}.conf.update({keywords})")
        elif form == "update-dict":
            app.add(f"{variable}.conf.update({literal})")
        elif form == "attribute":
            app.add("\n".join(f"{variable}.conf.{name} = {text}" for name, text in settings.items()))
        elif form == "item":
            app.add("\n".join(f'{variable}.conf["{name}"] = {text}' for name, text in settings.items()))
        elif form == "add_defaults":
            app.add(f"{variable}.add_defaults({literal})")
        else:
            name = project.fresh("TUNING")
            app.add(f"{name} = {literal}")
            loop = f"for setting, value in {name}.items():\n    {variable}.conf[setting] = value"
            app.add(loop if form == "loop" else f"{variable}.conf.update(**{name})")

"""Ways to write a value down: literals, arithmetic, constants here and elsewhere, the environment, enums, settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from celerylint.dev.oracle.project import Module, Project, Service


@dataclass(frozen=True)
class Classes:
    """A value that is a tuple of exception classes; a dotted name is imported."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Written:
    """A value that is already source text, with the imports it needs."""

    text: str
    imports: tuple[str, ...] = ()


EXCEPTIONS = (
    "ConnectionError", "TimeoutError", "OSError", "ValueError", "KeyError", "Exception",
    "smtplib.SMTPException", "json.JSONDecodeError", "urllib.error.URLError", "celery.exceptions.SoftTimeLimitExceeded",
)  # fmt: skip


def spell(project: Project, service: Service, module: Module, value: Any, *, far: bool = True) -> str:
    """Source text for a value in a module. Without `far` it needs nothing from other modules of the project."""
    text = _here(project, service, module, value)
    form = project.weighted({"plain": 6.0, "local": 1.0, "class": 0.5, "enum": 0.4, "settings": 0.6, "elsewhere": 2.0})
    if form in ("elsewhere", "settings") and not far:
        form = "local"
    if form == "settings" and not (service.settings_object and module in service.task_modules):
        form = "elsewhere"
    if isinstance(value, Written):
        form = "plain"
    if form == "plain":
        return text
    project.note(f"value/{form}")
    return _CONSTANTS[form](project, service, module, value)


def _here(project: Project, service: Service, module: Module, value: Any) -> str:
    """Source text for the value that names no constant."""
    if isinstance(value, Written):
        for line in value.imports:
            module.add_import(line)
        return value.text
    if isinstance(value, Classes):
        return _classes(project, service, module, value)
    if isinstance(value, bool):
        return _boolean(project, module, value)
    if isinstance(value, int):
        return _integer(project, module, value)
    if isinstance(value, str):
        return _string(project, module, value)
    if isinstance(value, dict):
        items = ", ".join(f"{key!r}: {_here(project, service, module, item)}" for key, item in value.items())
        return "{" + items + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_here(project, service, module, item) for item in value) + "]"
    return repr(value)


def _boolean(project: Project, module: Module, value: bool) -> str:
    if project.chance(0.06):
        project.note("value/env-bool")
        module.add_import("import os")
        return f'os.environ.get("{project.fresh("ORACLE_FLAG").upper()}", "{int(value)}") == "1"'
    return repr(value)


def _integer(project: Project, module: Module, value: int) -> str:
    forms = {"literal": 6.0, "env": 0.8, "timedelta": 0.6}
    if value >= 60 and value % 60 == 0:
        forms["product"] = 4.0
    form = project.weighted(forms)
    if form != "literal":
        project.note(f"value/{form}")
    if form == "product":
        return f"{value // 3600} * 60 * 60" if value % 3600 == 0 else f"{value // 60} * 60"
    if form == "env":
        name = project.fresh("ORACLE_NUMBER").upper()
        if project.chance(0.5):
            module.add_import("import os")
            return f'int(os.environ.get("{name}", "{value}"))'
        module.add_import("from os import getenv")
        return f'int(getenv("{name}", {value}))'
    if form == "timedelta":
        module.add_import("from datetime import timedelta")
        unit = f"minutes={value // 60}" if value and value % 60 == 0 else f"seconds={value}"
        return f"int(timedelta({unit}).total_seconds())"
    return repr(value)


def _string(project: Project, module: Module, value: str) -> str:
    if len(value) > 4 and project.chance(0.08):
        cut = project.rng.randint(1, len(value) - 1)
        name = project.fresh("PREFIX")
        if project.chance(0.5):
            module.add(f'{name} = "{value[:cut]}"')
            project.note("value/f-string")
            return f'f"{{{name}}}{value[cut:]}"'
        project.note("value/concatenation")
        return f'"{value[:cut]}" + "{value[cut:]}"'
    return f'"{value}"'


def _classes(project: Project, service: Service, module: Module, value: Classes) -> str:
    names = [_class(project, service, module, name) for name in value.names]
    form = project.weighted({"tuple": 6.0, "list": 0.7, "sum": 1.0, "unpacked": 0.7, "elsewhere": 1.5})
    if len(names) < 2 and form in ("sum", "unpacked"):
        form = "tuple"
    if form != "tuple":
        project.note(f"classes/{form}")
    if form == "list":
        return "[" + ", ".join(names) + "]"
    if form in ("sum", "unpacked"):
        some = project.fresh("ERRORS")
        module.add(f"{some} = ({names[0]},)")
        rest = ", ".join(names[1:])
        return f"{some} + ({rest},)" if form == "sum" else f"(*{some}, {rest})"
    if form == "elsewhere" and module.name.startswith(service.package + "."):
        errors = project.module(f"{service.package}.errors")
        constant = project.fresh("RETRYABLE")
        theirs = ", ".join(_class(project, service, errors, name) for name in value.names)
        errors.add(f"{constant} = ({theirs},)")
        return project.reach(module, errors, constant)
    return "(" + ", ".join(names) + ",)"


def _class(project: Project, service: Service, module: Module, name: str) -> str:
    if name == "project":
        errors = project.module(f"{service.package}.errors")
        if "class" not in errors.spelled:
            errors.spelled["class"] = "yes"
            errors.blocks.insert(0, "class ShopError(Exception):\n    pass")
            errors.blocks.insert(1, "class GatewayDown(ShopError):\n    pass")
        return project.reach(module, errors, "GatewayDown")
    home, _, leaf = name.rpartition(".")
    if not home:
        return name
    if project.chance(0.5) and home.split(".")[0] != "celery":
        module.add_import(f"import {home}")
        return name
    module.add_import(f"from {home} import {leaf}")
    return leaf


def _local(project: Project, service: Service, module: Module, value: Any) -> str:
    name = project.fresh("VALUE")
    module.add(f"{name} = {_here(project, service, module, value)}")
    return name


def _class_constant(project: Project, service: Service, module: Module, value: Any) -> str:
    name = project.fresh("Limits").replace("_", "")
    module.add(f"class {name}:\n    VALUE = {_here(project, service, module, value)}")
    return f"{name}.VALUE"


def _enum(project: Project, service: Service, module: Module, value: Any) -> str:
    if not isinstance(value, (int, str)) or isinstance(value, bool):
        return _local(project, service, module, value)
    name = project.fresh("Choice").replace("_", "")
    module.add_import("from enum import Enum")
    module.add(f"class {name}(Enum):\n    CHOSEN = {value!r}\n    OTHER = 'other'")
    return f"{name}.CHOSEN.value"


def _elsewhere(project: Project, service: Service, module: Module, value: Any) -> str:
    constants = project.module(f"{service.package}.constants")
    if module is constants:
        return _local(project, service, module, value)
    name = project.fresh("SHARED_VALUE")
    constants.add(f"{name} = {_here(project, service, constants, value)}")
    if project.chance(0.15):
        project.note("value/star-import")
        shared = project.module(f"{service.package}.shared")
        shared.add_import(f"from {service.package}.constants import *")
        return project.reach(module, shared, name)
    return project.reach(module, constants, name)


def _settings(project: Project, service: Service, module: Module, value: Any) -> str:
    if isinstance(value, Classes):
        return _elsewhere(project, service, module, value)
    name = project.fresh("SHOP_OPTION")
    settings = project.modules[service.app_module.spelled["settings"]]
    settings.add(f"{name} = {_here(project, service, settings, value)}")
    module.add_import("from django.conf import settings")
    return f"settings.{name}"


_CONSTANTS: dict[str, Callable[[Project, Service, Module, Any], str]] = {
    "local": _local,
    "class": _class_constant,
    "enum": _enum,
    "elsewhere": _elsewhere,
    "settings": _settings,
}

"""Django: `settings.X` is the settings module's name, found as Django finds it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.model.celery_values import Configured, TaskMember
from celerylint.model.evaluate import Evaluator
from celerylint.model.modules import Module
from celerylint.model.objects import public_names, written_names
from celerylint.model.values import (
    Arguments,
    At,
    ClassValue,
    Entry,
    External,
    FunctionValue,
    Mapping,
    Missing,
    Partial,
    Scalar,
    Unknown,
    Value,
    either,
)

GLOBAL_SETTINGS: dict[str, bool | str | None] = {
    "DEBUG": False, "TIME_ZONE": "America/Chicago", "USE_TZ": True,
}  # fmt: skip
"""What Django's own settings hold where a project says nothing, for the names that matter here (django 5, 4.2 alike but USE_TZ)."""


def settings_module(ev: Evaluator, importer: Module | None) -> Module | None:
    """The settings module that a module of the project would see."""
    path = importer.path if importer is not None else ""
    if path not in ev.celery.settings_modules:
        name = settings_name(ev, importer)
        ev.celery.settings_modules[path] = ev.index.find(name, importer) if name else None
    return ev.celery.settings_modules[path]


def settings_name(ev: Evaluator, importer: Module | None) -> str | None:
    """DJANGO_SETTINGS_MODULE as the project sets it: in this module, else in the nearest entry point."""
    if ev.celery.django_forced or importer is None:
        return ev.celery.django_fallback
    return _nearest(ev, ev.celery.django_module, importer) or ev.celery.django_fallback


def _nearest(ev: Evaluator, known: dict[str, str], importer: Module) -> str | None:
    """What the files that a module sees its environment set by say: its own, else the nearest entry point."""
    if importer.path in known:
        return known[importer.path]
    best: tuple[tuple[int, int, str], str] | None = None
    for path, name in known.items():
        if path.startswith("env:"):
            continue
        root = ev.index.module(path).root
        above = not root or importer.path.startswith(root + "/")
        rank = (-len(root) if above else 1, _entry_rank(path), path)
        if best is None or rank < best[0]:
            best = (rank, name)
    return best[1] if best is not None else None


def configured(ev: Evaluator, importer: Module | None, module: Module) -> Configured | None:
    """The settings that a class of the settings module holds, where Django takes them from one (django-configurations);
    what differs between classes that may be meant is all of them. None where the module itself holds the settings."""
    ev.run(module)
    key = (importer.path if importer is not None else "", module.path)
    known = ev.celery.configured
    if module.running:
        return _configured(ev, importer, module)
    if key not in known:
        known[key] = _configured(ev, importer, module)
    return known[key]


def _configured(ev: Evaluator, importer: Module | None, module: Module) -> Configured | None:
    classes = _configurations(ev, importer, module)
    if not classes:
        return None
    held = [public_names(ev, cls) for cls in classes]
    why = "" if None not in held else f"a base class of {classes[held.index(None)].node.name} cannot be read"
    every = [
        found if found is not None else written_names(ev, cls) or {} for found, cls in zip(held, classes, strict=True)
    ]
    names: dict[str, Entry] = {}
    for name in dict.fromkeys(name for found in every for name in found if name.isupper()):
        entries = [found.get(name) for found in every]
        first = next(entry for entry in entries if entry is not None)
        values = [_of_class(entry) if entry is not None else Missing(first.at) for entry in entries]
        told = "which class holds the settings is decided where Django runs"
        names[name] = Entry(either(values, told, first.at), first.at)
    return Configured(names, why)


def _of_class(entry: Entry) -> Value:
    """What an attribute is to Django: a property is asked."""
    if isinstance(entry.value, FunctionValue):
        return Unknown("a property of the settings", entry.at)
    return entry.value


def _configurations(ev: Evaluator, importer: Module | None, module: Module) -> list[ClassValue]:
    found = [e.value for e in module.scope.entries.values() if isinstance(e.value, ClassValue)]
    found = [cls for cls in found if any(_is_configuration(base) for base in ev.mro(cls))]
    leaves = [cls for cls in found if not any(cls in ev.mro(other) for other in found if other is not cls)]
    deployed = [cls for cls in leaves if not _DEVELOPMENT.search(cls.node.name.lower())]
    name = _nearest(ev, ev.celery.configurations, importer) if importer is not None else None
    named = [cls for cls in found if cls.node.name == name]
    if named and (not deployed or not _DEVELOPMENT.search(named[0].node.name.lower())):
        return named
    return deployed or leaves


def _is_configuration(base: Value) -> bool:
    return isinstance(base, External) and base.dotted.startswith("configurations.")


def says_nothing(module: Module) -> bool:
    """Whether a settings module is the empty `__init__.py` of a package: where it runs, Django is told of another one."""
    body = module.facts.body if module.facts is not None else ()
    return module.is_package and all(isinstance(part, ir.ExprStmt) for part in body)


def shared_settings(ev: Evaluator, importer: Module | None) -> dict[str, Entry] | None:
    """What the modules beside a settings module that is not in the project (one that is made where it is deployed) take from one
    of them, and do not set themselves: `settings.prod` is not there, and `settings.helm` starts with `from .base import *`."""
    name = settings_name(ev, importer)
    package = ev.index.find(name, importer) if name else None
    if package is None and name and "." in name:
        package = ev.index.find(name.rpartition(".")[0], importer)
    if package is None or not package.is_package:
        return None
    folder = package.path.rpartition("/")[0]
    beside = [ev.index.module(path) for path in sorted(ev.index.paths) if path.rpartition("/")[0] == folder]
    based = [(module, base) for module in beside for base in _star_imported(ev, module) if base in beside]
    bases = {base.path: base for _, base in based if base not in [module for module, _ in based]}
    if len(bases) != 1:
        return None
    (base,) = bases.values()
    ev.run(base)
    heirs = [module for module, taken in based if taken is base and not _DEVELOPMENT.search(module.dotted)]
    again = {name for module in heirs for name in _assigned(module)}
    return {name: entry for name, entry in base.scope.entries.items() if name not in again}


def _star_imported(ev: Evaluator, module: Module) -> Iterator[Module]:
    for statement in module.facts.body if module.facts is not None else ():
        if isinstance(statement, ir.ImportFrom) and any(alias.name == "*" for alias in statement.names):
            dotted = (
                ev.index.relative(module, statement.module, statement.level) if statement.level else statement.module
            )
            found = ev.index.find(dotted, module)
            if found is not None:
                yield found


def _assigned(module: Module) -> Iterator[str]:
    """The names that a module may set, in its branches too."""
    for node in (n for statement in (module.facts.body if module.facts is not None else ()) for n in nodes(statement)):
        targets = node.targets if isinstance(node, ir.Assign) else [node.target] if isinstance(node, _SETS) else []
        for target in targets:
            while isinstance(target, (ir.Subscript, ir.Attr)):
                target = target.value
            if isinstance(target, ir.Name):
                yield target.id


_SETS = (ir.AugAssign, ir.AnnAssign)
_ENTRY_POINTS = ("celery.py", "celeryapp.py", "celery_app.py", "wsgi.py", "asgi.py", "manage.py")


def _entry_rank(path: str) -> int:
    """Entry points that run in production come first."""
    name = path.rpartition("/")[2]
    return _ENTRY_POINTS.index(name) if name in _ENTRY_POINTS else len(_ENTRY_POINTS)


def setting(ev: Evaluator, importer: Module | None, name: str, at: At) -> Value:
    """`settings.NAME`."""
    found = setting_entry(ev, importer, name)
    if found is not None:
        return found.value
    return Unknown(f"the Django setting {name}", at)


def setting_entry(ev: Evaluator, importer: Module | None, name: str) -> Entry | None:
    """The entry of a Django setting, with where it is set."""
    module = settings_module(ev, importer)
    if module is None:
        return None
    ev.run(module)
    held = configured(ev, importer, module)
    entry = held.names.get(name) if held is not None else module.scope.entries.get(name)
    if entry is None and name in GLOBAL_SETTINGS and not (held.why if held is not None else module.scope.stars):
        return Entry(Scalar(GLOBAL_SETTINGS[name]), None)
    return entry


def for_tasks(ev: Evaluator, importer: Module | None) -> dict[str, Entry]:
    """What Django's settings, where they have been read, say of time zones and of transactions around requests."""
    module = settings_module(ev, importer)
    if module is None or not module.started:
        return {}
    found = {name: setting_entry(ev, importer, name) for name in ("TIME_ZONE", "USE_TZ")}
    found["ATOMIC_REQUESTS"] = _atomic_requests(ev, module)
    return {name: entry for name, entry in found.items() if entry is not None}


DEFAULT_CACHE = "LocMemCache, which Django takes where CACHES says nothing"
_LOCAL_CACHES = ("locmem.LocMemCache", "dummy.DummyCache")
_DEVELOPMENT = re.compile(r"(^|[._])(dev|devel|develop|development|local|debug|tests?|testing|ci|docs)($|[._])")


def default_cache(ev: Evaluator, importer: Module | None) -> tuple[str, float | None]:
    """The backend of Django's default cache if it is known to serve one process only, else empty; and the seconds that its
    entries last unless a call says otherwise, if that is known. Settings for development say nothing of what is deployed."""
    module = settings_module(ev, importer)
    if module is None or not module.started or _DEVELOPMENT.search(module.dotted):
        return "", None
    entry = setting_entry(ev, importer, "CACHES")
    if entry is None:
        return ("", None) if module.scope.stars else (DEFAULT_CACHE, 300.0)
    every = ev.force(entry.value)
    found = every.items.get("default") if isinstance(every, Mapping) else None
    default = ev.force(found.value) if found is not None else None
    if not isinstance(default, Mapping) or default.open:
        return "", None
    backend, timeout = (_plain(ev, default.items.get(name)) for name in ("BACKEND", "TIMEOUT"))
    local = isinstance(backend, str) and backend.endswith(_LOCAL_CACHES)
    lasts = 300.0 if "TIMEOUT" not in default.items else float(timeout) if isinstance(timeout, (int, float)) else None
    return backend.rpartition(".")[2] if local and isinstance(backend, str) else "", lasts


def _plain(ev: Evaluator, entry: Entry | None) -> object:
    value = ev.force(entry.value) if entry is not None else None
    return value.value if isinstance(value, Scalar) else None


def _atomic_requests(ev: Evaluator, module: Module) -> Entry | None:
    """`ATOMIC_REQUESTS` of the default database, in its dict or put there afterwards."""
    databases = module.scope.entries.get("DATABASES")
    if databases is None:
        return None
    every = ev.force(databases.value)
    entry = every.items.get("default") if isinstance(every, Mapping) else None
    default = ev.force(entry.value) if entry is not None else None
    if isinstance(default, Mapping):
        return default.items.get("ATOMIC_REQUESTS")
    later = module.scope.entries.get("DATABASES['default']['ATOMIC_REQUESTS']")
    same = later is not None and later.at is not None and databases.at is not None and later.at[0] == databases.at[0]
    return later if same else None


def _settings(ev: Evaluator, name: str, at: At) -> Value | None:
    if name.startswith("["):
        return None
    importer = ev.index.module(at[0])
    if name == "configured":
        return Scalar(True, at)
    if not name.isupper():
        return Unknown(f"django.conf.settings.{name}", at)
    module = settings_module(ev, importer)
    if module is None:
        return Unknown(f"the Django setting {name}: the settings module is not known", at)
    if module.running:
        return Unknown(f"the Django setting {name} while settings load", at)
    return setting(ev, importer, name, at)


def _on_commit(ev: Evaluator, args: Arguments) -> Value:
    """`transaction.on_commit(callback)` calls it with nothing: what a task is sent with is known where the callback is made.

    Functions and lambdas of the project are walked as such.
    """
    callback = args.get(0, "func")
    held = ev.force(callback) if callback is not None else None
    sent = ev.force(held.function) if isinstance(held, Partial) else held
    if isinstance(sent, TaskMember) and held is not None and args.at is not None:
        at = held.at if isinstance(held, Partial) and held.at is not None else args.at
        ev.context.append(at[1])
        ev.call(held, Arguments([], {}, at))
        ev.context.pop()
    return Scalar(None, args.at)


NAMES = {"django.conf.settings": _settings}
CALLS = {"django.db.transaction.on_commit": _on_commit}

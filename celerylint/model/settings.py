"""Which value of a setting is in force, and who set it.

Follows `celery.utils.collections.ConfigurationView` and `celery.app.utils.detect_settings`: Celery looks a setting up under several
spellings in several maps. Up to 5.6 the spelling decides first (so that under a namespace the settings object beats code), from 5.7
on the map decides first (code beats the settings object).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from celerylint import catalog
from celerylint.model.celery_values import App
from celerylint.model.evaluate import Evaluator
from celerylint.model.objects import named_object, public_names, written_names
from celerylint.model.values import (
    At,
    ClassValue,
    Either,
    Entry,
    External,
    Instance,
    Mapping,
    Missing,
    ModuleValue,
    Scalar,
    Sequence,
    Unknown,
    Value,
    either,
)


class Found(NamedTuple):
    """A setting as somebody set it."""

    value: Value
    at: At | None
    kind: str
    """`setting` or `argument`."""


class Source(NamedTuple):
    """What an app is configured from."""

    names: dict[str, Entry] | None
    """None if it cannot be read."""
    why: Unknown | None
    django: bool


_NO_SOURCE = Source({}, None, False)


def namespace(ev: Evaluator, app: App) -> str | None:
    """The namespace with its underscore (`CELERY_`); empty without one, None if it cannot be known."""
    value = ev.force(app.namespace) if app.namespace is not None else Scalar(None)
    if not isinstance(value, Scalar) or not isinstance(value.value, str | None):
        return None
    return value.value.rstrip("_") + "_" if value.value else ""


def source_name(ev: Evaluator, app: App) -> str:
    """What `config_from_object` was given last, as one would write it; empty if there is none, or none known."""
    value = ev.force(app.sources[-1].source) if app.sources and app.sources[-1].certain else None
    if isinstance(value, Scalar) and isinstance(value.value, str):
        return value.value
    if isinstance(value, External):
        return value.dotted.replace("django.conf.settings", "django.conf:settings")
    if isinstance(value, ModuleValue):
        return value.module.dotted
    cls = value.cls if isinstance(value, Instance) else value
    return cls.node.name if isinstance(cls, ClassValue) else ""


def source(ev: Evaluator, app: App) -> Source:
    """The names of the object that `config_from_object` was given last."""
    if not app.sources:
        return _NO_SOURCE
    last = app.sources[-1]
    value = ev.force(last.source)
    if not last.certain:
        return Source(None, Unknown("which configuration is read depends on a condition", last.at), False)
    django = False
    if isinstance(value, Either):
        return Source(None, Unknown(value.why, last.at), False)
    if isinstance(value, Scalar) and isinstance(value.value, str) and last.at is not None:
        value = named_object(ev, value.value, last.at)
    if isinstance(value, External) and value.dotted == "django.conf.settings":
        from celerylint.model.idioms.django import configured, says_nothing, settings_module, shared_settings
        from celerylint.model.values import ModuleValue

        module = settings_module(ev, app.module)
        if module is not None and says_nothing(module):
            module = None
        django = True
        shared = shared_settings(ev, app.module) if module is None else None
        if shared is not None:
            return Source(shared, Unknown("the Django settings module is not in the project", last.at), django)
        held = configured(ev, app.module, module) if module is not None else None
        if held is not None:
            return Source(held.names, Unknown(held.why, last.at) if held.why else None, django)
        value = ModuleValue(module) if module is not None else Unknown("the Django settings module is not known")
    names = public_names(ev, value)
    if names is None:
        written = written_names(ev, value)
        if written is not None:
            # Something foreign was star-imported, or is a base class: what is written here is known all the same, the rest is not.
            return Source(written, Unknown("it may come from a module that cannot be read", last.at), django)
        why = value if isinstance(value, Unknown) else Unknown("the configuration object cannot be read", last.at)
        return Source(None, why, django)
    return Source(names, None, django)


def _spelled(prefix: str, key: str) -> str:
    full = key if key.startswith(prefix) else prefix + key
    return full.upper() if prefix.isupper() else full.lower()


def _uses_old_names(facts: catalog.Catalog, have: set[str]) -> bool:
    """Whether a configuration without a namespace is read by its old names (`detect_settings`)."""
    old = len(have & facts.old_names.keys())
    new = len(have & facts.settings.keys())
    return old > new if new else bool(old)


def lookup(ev: Evaluator, app: App, key: str) -> Found | None:
    """What the project sets for a setting; None where it says nothing. The value may be an `Either` with `Missing` in it."""
    facts = catalog.load(ev.version)
    src = source(ev, app)
    prefix = namespace(ev, app)
    changes = {facts.old_names.get(name, name): name for name in app.changes}
    old = not prefix and _uses_old_names(facts, set(src.names or ()))
    setting = facts.settings.get(key)
    old_names = list(setting.old_names) if setting else []
    spellings = [*([_spelled(prefix, key)] if prefix else []), key]
    candidates: list[tuple[str, str]] = []
    maps = ["changes", *(f"default{n}" for n in range(len(app.defaults) - 1, -1, -1)), "source"]
    if tuple(ev.version) >= (5, 7):
        candidates = [(m, k) for m in maps for k in (*spellings, *old_names)]
    else:
        readable = [*spellings, *(old_names if old else [])]
        candidates = [(m, k) for k in readable for m in maps]
    options: list[Value] = []
    first: tuple[At | None, str] | None = None
    complete = False
    opened = app.opened is not None
    for where, name in candidates:
        entry: Entry | None = None
        kind = "setting"
        if where == "changes":
            # Celery renames what code sets to the style of the configuration object before it looks anything up.
            named = name in old_names or not old_names if old else name == key
            written = (
                changes.get(key) if named else name if name in app.changes and name not in (key, *old_names) else None
            )
            if written is not None:
                entry = app.changes.get(written)
                kind = "argument" if written in app.arguments else "setting"
        elif where == "source":
            if src.names is None:
                options.append(src.why or Unknown("the configuration cannot be read"))
                first = first or (None, kind)
                complete = True
                break
            entry = src.names.get(name)
        else:
            held = ev.force(app.defaults[int(where.removeprefix("default"))])
            if isinstance(held, Mapping):
                entry = held.items.get(name)
                if held.open and entry is None:
                    options.append(Unknown("defaults that cannot all be known", held.at))
            else:
                options.append(Unknown("defaults that cannot be known", held.at))
        if entry is None:
            continue
        value = ev.force(entry.value)
        first = first or (entry.at, kind)
        if isinstance(value, Either) and any(isinstance(o, Missing) for o in value.options):
            options.extend(o for o in value.options if not isinstance(o, Missing))
            continue
        if isinstance(value, Missing):
            continue
        options.append(value)
        complete = True
        break
    if not complete and opened and app.opened is not None:
        options.append(app.opened)
        complete, first = True, first or (app.opened.at, "setting")
    if not complete and src.why is not None:
        options.append(src.why)
        complete, first = True, first or (None, "setting")
    if not options:
        return None
    if not complete:
        options.append(Missing())
    at, kind = first or (None, "setting")
    unknowns = [o for o in options if isinstance(ev.force(o), Unknown)]
    if unknowns and len(options) > 1:
        inner = ev.force(unknowns[0])
        return Found(Unknown(inner.why if isinstance(inner, Unknown) else "", at), at, kind)
    return Found(either(options, "depends on a branch", at), at, kind)


def default_value(ev: Evaluator, key: str, at: At | None) -> Value:
    """Celery's default for a setting."""
    setting = catalog.load(ev.version).settings.get(key)
    if setting is None:
        return Unknown(f"{key} is no setting of Celery", at)
    return literal(setting.default)


def literal(value: Any, at: At | None = None) -> Value:
    """A JSON value as a value."""
    if isinstance(value, (list, tuple)):
        return Sequence("list", [literal(v, at) for v in value], at)
    if isinstance(value, dict):
        return Mapping({k: Entry(literal(v, at), at) for k, v in value.items()}, at)
    return Scalar(float("inf") if value == "inf" else value, at)


_FALLBACKS = {
    "task_default_exchange": "task_default_queue",
    "task_default_routing_key": "task_default_queue",
    "broker_read_url": "broker_url",
    "broker_write_url": "broker_url",
}
"""Settings that take another's value where they are empty (`celery.app.utils.Settings`)."""


def effective(ev: Evaluator, app: App, key: str) -> Found:
    """The value of a setting, Celery's default included; its kind is then `default`."""
    found = lookup(ev, app, key)
    value: Value
    if found is None:
        value, at, kind = default_value(ev, key, None), None, "default"
    else:
        value, at, kind = found
        if isinstance(value, Either) and any(isinstance(o, Missing) for o in value.options):
            fallback = default_value(ev, key, at)
            value = either([fallback if isinstance(o, Missing) else o for o in value.options], value.why, at)
    empty = isinstance(value, Scalar) and value.value is None
    if empty and key == "timezone":
        named = time_zone(ev, app)
        if named is not None:
            return named
    if empty and key in _FALLBACKS:
        return effective(ev, app, _FALLBACKS[key])
    return Found(value, at, kind)


def time_zone(ev: Evaluator, app: App) -> Found | None:
    """Django's TIME_ZONE in the same settings object, which Celery takes where `timezone` is not set."""
    src = source(ev, app)
    if src.names is None:
        return Found(src.why or Unknown("the configuration cannot be read"), None, "setting")
    entry = src.names.get("TIME_ZONE")
    if entry is not None:
        return Found(ev.force(entry.value), entry.at, "setting")
    if src.django and src.why is None:
        return Found(Scalar("America/Chicago"), None, "default")
    return None

"""Objects that are named by strings, and the names that an object used as configuration offers."""

from __future__ import annotations

from itertools import takewhile

from celerylint.model.evaluate import Evaluator
from celerylint.model.values import (
    At,
    ClassValue,
    Entry,
    External,
    Instance,
    Made,
    Mapping,
    ModuleValue,
    Value,
)


def named_object(ev: Evaluator, name: str, at: At) -> Value:
    """What a string such as `pkg.mod`, `pkg.mod:attribute` or `pkg.mod.Class` names."""
    module_name, _, attribute = name.partition(":")
    importer = ev.index.module(at[0])
    found = ev.index.find(module_name, importer)
    if found is not None:
        value: Value = ModuleValue(found, at)
    else:
        parent, _, last = module_name.rpartition(".")
        found = ev.index.find(parent, importer) if parent else None
        if found is None:
            return External(ev.canonical(name.replace(":", ".")), at)
        value = ev.module_attribute(found, last, at)
    for part in attribute.split(".") if attribute else ():
        value = ev.getattr(value, part, at)
    return ev.force(value)


def public_names(ev: Evaluator, source: Value) -> dict[str, Entry] | None:
    """The attributes or keys of a module, class, object or dict; None if they cannot all be seen."""
    if isinstance(source, ModuleValue):
        ev.run(source.module)
        return None if source.module.scope.stars else dict(source.module.scope.entries)
    if isinstance(source, Mapping):
        if source.open:
            return None
        return {key: entry for key, entry in source.items.items() if isinstance(key, str)}
    if isinstance(source, Made) and source.maker == "types.SimpleNamespace":
        return dict(source.attrs)
    cls = source.cls if isinstance(source, Instance) else source
    if not isinstance(cls, ClassValue):
        return None
    order = ev.mro(cls)
    return None if any(map(_is_closed, order)) else _offered(ev, source, order)


def written_names(ev: Evaluator, source: Value) -> dict[str, Entry] | None:
    """Those attributes of a module, class or object of the project that are known although others cannot be seen."""
    if isinstance(source, ModuleValue):
        return dict(source.module.scope.entries)
    cls = source.cls if isinstance(source, Instance) else source
    if not isinstance(cls, ClassValue):
        return None
    return _offered(ev, source, list(takewhile(lambda base: not _is_closed(base), ev.mro(cls))))


def _offered(ev: Evaluator, source: Value, order: list[Value]) -> dict[str, Entry]:
    out: dict[str, Entry] = {}
    for base in reversed(order):
        if isinstance(base, ClassValue):
            out.update(ev.class_body(base))
    if isinstance(source, Instance):
        out.update(source.attrs)
    return out


_NAMELESS = frozenset(
    {
        "builtins",
        "abc",
        "typing",
        "typing_extensions",
        "enum",
        "types",
        "pydantic",
        "pydantic_settings",
        "configurations",
    }
)
"""Packages whose classes have no attributes that are settings of Celery."""


def _is_closed(base: Value) -> bool:
    """Whether a class may hold settings that nobody has read."""
    if isinstance(base, External):
        return base.dotted.partition(".")[0] not in _NAMELESS
    return not isinstance(base, ClassValue)

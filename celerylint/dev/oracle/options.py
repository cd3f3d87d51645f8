"""Task options with values worth trying, and the ways to hand them to a decorator."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from celerylint.dev.oracle.project import Module, Project, Service
from celerylint.dev.oracle.values import EXCEPTIONS, Classes, spell

_FLAG = (True, False)

_VALUES: dict[str, tuple[Any, ...]] = {
    "acks_late": _FLAG,
    "reject_on_worker_lost": _FLAG,
    "acks_on_failure_or_timeout": _FLAG,
    "ignore_result": _FLAG,
    "track_started": _FLAG,
    "store_eager_result": _FLAG,
    "store_errors_even_if_ignored": _FLAG,
    "typing": _FLAG,
    "trail": _FLAG,
    "send_events": _FLAG,
    "max_retries": (0, 1, 3, 5, 8, None),
    "default_retry_delay": (0, 10, 60, 300),
    "time_limit": (0, 30, 60, 300, 600, 3600),
    "soft_time_limit": (0, 25, 50, 240, 540),
    "rate_limit": ("10/m", "100/h", "2/s"),
    "priority": (0, 3, 9),
    "serializer": ("json", "pickle", "yaml"),
    "expires": (60, 3600, 86400),
    "retry_backoff": (True, False, 2, 10),
    "retry_backoff_max": (60, 300, 3600),
    "retry_jitter": _FLAG,
    "retry_kwargs": ({"max_retries": 5}, {"max_retries": 8, "countdown": 30}),
    "queue": ("fast", "slow", "bulk", "default"),
}
_NEW_IN_5_7: dict[str, tuple[Any, ...]] = {
    "acks_on_failure": _FLAG,
    "acks_on_timeout": _FLAG,
    "retry_on_worker_lost": _FLAG,
}
_CLASSES = ("autoretry_for", "dont_autoretry_for", "throws")
_MASKABLE = ("acks_late", "time_limit", "soft_time_limit", "ignore_result", "track_started", "rate_limit", "serializer")
"""Options where an explicit None hides the base class and lets the settings speak."""


def random_value(project: Project, option: str) -> Any:
    """A value for the option."""
    if option in _CLASSES:
        return Classes(tuple(project.some((*EXCEPTIONS, "project"), 1, 3)))
    if option in _MASKABLE and project.chance(0.06):
        project.note("option/explicit-None")
        return None
    return project.pick({**_VALUES, **_NEW_IN_5_7}[option])


def random_options(project: Project, most: int = 5, without: Collection[str] = ()) -> dict[str, Any]:
    """Some options and a value for each."""
    known = [*_VALUES, *_CLASSES, "autoretry_for", "acks_late", *(_NEW_IN_5_7 if project.celery == "5.7" else ())]
    names = dict.fromkeys(name for name in project.some(known, 0, most) if name not in without)
    return {name: random_value(project, name) for name in names}


def keywords(project: Project, service: Service, module: Module, options: dict[str, Any]) -> list[str]:
    """The options as call arguments: some written out, some in dictionaries that are spread."""
    spread = {name: value for name, value in options.items() if project.chance(0.2)}
    direct = [f"{name}={spell(project, service, module, value)}"
              for name, value in options.items() if name not in spread]  # fmt: skip
    return direct + ([f"**{dictionary(project, service, module, spread)}"] if spread else [])


def dictionary(project: Project, service: Service, module: Module, options: dict[str, Any]) -> str:
    """A name for a module-level dictionary with these options, here or in another module."""
    home = module
    if project.chance(0.4):
        home = project.module(f"{service.package}.defaults")
        project.note("dict/elsewhere")
    name = project.fresh("OPTIONS")
    home.add(f"{name} = {_dictionary_text(project, service, home, options)}")
    return project.reach(module, home, name)


def _dictionary_text(project: Project, service: Service, module: Module, options: dict[str, Any]) -> str:
    form = project.weighted({"literal": 4.0, "call": 1.5, "spread": 1.5, "copy": 0.8, "union": 0.8})
    project.note(f"dict/{form}")
    if form == "call":
        return "dict(" + ", ".join(f"{k}={spell(project, service, module, v)}" for k, v in options.items()) + ")"
    if form == "literal":
        return _literal(project, service, module, options)
    base = project.fresh("BASE_OPTIONS")
    inherited = {name: random_value(project, name) for name in options if project.chance(0.5)}
    own = {name: value for name, value in options.items() if name not in inherited or project.chance(0.5)}
    module.add(f"{base} = {_literal(project, service, module, inherited)}")
    if form == "spread":
        items = _items(project, service, module, own)
        return "{" + ", ".join([f"**{base}", *items]) + "}"
    if form == "copy":
        return f"dict({', '.join([base, *(f'{k}={spell(project, service, module, v)}' for k, v in own.items())])})"
    return f"{base} | {_literal(project, service, module, own)}"


def _items(project: Project, service: Service, module: Module, options: dict[str, Any]) -> list[str]:
    return [f'"{name}": {spell(project, service, module, value)}' for name, value in options.items()]


def _literal(project: Project, service: Service, module: Module, options: dict[str, Any]) -> str:
    return "{" + ", ".join(_items(project, service, module, options)) + "}"

"""What rules about schedule entries share."""

from __future__ import annotations

from celerylint.model.project import Entry
from celerylint.model.values import Either, Mapping, Scalar, forced

_OWN = (
    "celery.beat:PersistentScheduler",
    "celery.beat.PersistentScheduler",
    "celery.beat:Scheduler",
    "celery.beat.Scheduler",
)


def written(entry: Entry) -> Mapping | None:
    """The dict of an entry; None where it cannot be known, or is no dict."""
    setting = entry.app.settings.get("beat_schedule") if entry.app is not None else None
    value = forced(setting.raw) if setting is not None and setting.raw is not None else None
    options = [forced(option) for option in value.options] if isinstance(value, Either) else [value]
    for option in options:
        held = option.items.get(entry.name) if isinstance(option, Mapping) else None
        inner = forced(held.value) if held is not None else None
        if isinstance(inner, Mapping) and (held is not None and (held.at or inner.at) == entry.at):
            return inner
    return None


def own_scheduler(entry: Entry) -> bool:
    """Whether the project leaves the scheduler as it is: another one may read keys of its own."""
    held = entry.app.settings.get("beat_scheduler") if entry.app is not None else None
    return held is not None and held.known and held.value in _OWN


def number(value: object) -> bool:
    """Whether a value is a plain number."""
    return isinstance(value, Scalar) and isinstance(value.value, (int, float)) and not isinstance(value.value, bool)

"""The queues that an application declares in `task_queues`, as far as rules ask."""

from __future__ import annotations

from typing import NamedTuple

from celerylint.model.project import App
from celerylint.model.values import At, Made, Mapping, Scalar, Sequence, Value, forced

UNKNOWN = "?"


class Declared(NamedTuple):
    """A queue of `task_queues`."""

    name: str
    exchange_type: str
    """`direct`, `topic`, `fanout`, `headers`; `UNKNOWN` where it cannot be known."""
    arguments: Mapping | None
    """`queue_arguments`; None if there are none."""
    at: At | None


def declared_queues(app: App) -> tuple[Declared, ...] | None:
    """What `task_queues` declares, none where it is not set; None where that cannot all be known."""
    setting = app.setting("task_queues")
    value = forced(setting.raw) if setting.raw is not None else None
    if value is None or (isinstance(value, Scalar) and not value.value):
        return () if setting.known else None
    default = _default_type(app)
    if isinstance(value, Mapping) and not value.open:
        found = [_of_dict(key, forced(entry.value), default, entry.at) for key, entry in value.items.items()]
    elif isinstance(value, Sequence) and not value.open:
        found = [_of_queue(forced(item), default) for item in value.items]
    else:
        return None
    kept = tuple(each for each in found if each is not None)
    return kept if len(kept) == len(found) else None


def _default_type(app: App) -> str:
    setting = app.setting("task_default_exchange_type")
    return setting.value if setting.known and isinstance(setting.value, str) else UNKNOWN


def _of_queue(made: Value, default: str) -> Declared | None:
    if not isinstance(made, Made) or made.open or not made.maker.startswith("kombu."):
        return None
    name = _text(_argument(made, "name", 0))
    if name is None:
        return None
    if made.maker.endswith("Broadcast"):
        return Declared(name, "fanout", None, made.at)
    arguments = _argument(made, "queue_arguments", 99)
    if not made.maker.endswith("Queue") or not (arguments is None or isinstance(arguments, (Mapping, Scalar))):
        return None
    held = arguments if isinstance(arguments, Mapping) else None
    return Declared(name, _type_of(_argument(made, "exchange", 1), default), held, made.at)


def _type_of(exchange: Value | None, default: str) -> str:
    if exchange is None or (isinstance(exchange, Scalar) and not exchange.value):
        return default
    if isinstance(exchange, Scalar):
        return "direct"
    if not isinstance(exchange, Made) or exchange.open or not exchange.maker.endswith("Exchange"):
        return UNKNOWN
    kind = _argument(exchange, "type", 1)
    # kombu.Exchange without a type is direct.
    return "direct" if kind is None else _text(kind) or UNKNOWN


def _of_dict(key: object, options: Value, default: str, at: At | None) -> Declared | None:
    if not isinstance(key, str) or not isinstance(options, Mapping) or options.open:
        return None
    exchange, kind = options.items.get("exchange"), options.items.get("exchange_type")
    given = _text(forced(kind.value)) or UNKNOWN if kind is not None else "direct" if exchange is not None else default
    arguments = options.items.get("queue_arguments")
    held = forced(arguments.value) if arguments is not None else None
    return Declared(key, given, held if isinstance(held, Mapping) else None, at)


def _argument(made: Made, name: str, position: int) -> Value | None:
    entry = made.keywords.get(name)
    if entry is not None:
        return forced(entry.value)
    return forced(made.args[position]) if position < len(made.args) else None


def _text(value: Value | None) -> str | None:
    return value.value if isinstance(value, Scalar) and isinstance(value.value, str) else None

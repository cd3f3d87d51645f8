"""Values as Celery itself would hold them, for people and for JSON: seconds, class names, lists, queue names."""

from __future__ import annotations

import datetime
from typing import Any, NamedTuple

from celerylint.model.celery_values import Task
from celerylint.model.evaluate import Evaluator
from celerylint.model.values import (
    Bound,
    ClassValue,
    Either,
    External,
    FunctionValue,
    Instance,
    Made,
    Mapping,
    Member,
    Missing,
    ModuleValue,
    Native,
    Scalar,
    Sequence,
    Unknown,
    Value,
)


class Plain(NamedTuple):
    """A value, or why it cannot be known; `env` names a variable that may replace it or a part of it."""

    value: Any
    known: bool
    why: str = ""
    env: str = ""


_QUEUES = ("kombu.Queue", "kombu.entity.Queue", "kombu.queue.Queue")
_EXCHANGES = ("kombu.Exchange", "kombu.entity.Exchange")

CRONTAB_FIELDS = ("minute", "hour", "day_of_week", "day_of_month", "month_of_year")


def plain(ev: Evaluator, value: Value, depth: int = 0) -> Plain:
    """The value as Celery would hold it."""
    value = ev.force(value)
    if depth > 12:
        return Plain(None, False, "nested too deeply")
    if isinstance(value, Scalar):
        held = value.value
        if isinstance(held, datetime.timedelta):
            return Plain(held.total_seconds(), True, "", value.env or "")
        return Plain(held, True, "", value.env or "")
    if isinstance(value, Unknown):
        return Plain(None, False, value.why)
    if isinstance(value, Either):
        return Plain(None, False, value.why)
    if isinstance(value, Sequence):
        return _sequence(ev, value, depth)
    if isinstance(value, Mapping):
        return _mapping(ev, value, depth)
    if isinstance(value, Member):
        return plain(ev, ev.plain_member(value) or value.value, depth + 1)
    if isinstance(value, External):
        if "()." in value.dotted:
            return Plain(None, False, f"{value.dotted} is known only at run time")
        name = value.dotted.rpartition(".")[2]
        # By convention: a class has a capital, a constant has nothing but capitals.
        is_class = name[:1].isupper() and not (name.isupper() and len(name) > 1)
        return Plain(name, True) if is_class else Plain(None, False, f"the value of {value.dotted}")
    if isinstance(value, ClassValue):
        return Plain(value.node.name, True)
    if isinstance(value, Made):
        return _made(ev, value, depth)
    if isinstance(value, (FunctionValue, Bound, ModuleValue, Instance, Task, Missing)):
        return Plain(None, False, "an object that only running code has")
    if isinstance(value, Native):
        return Plain(value.name, True)
    return Plain(None, False, "a value that cannot be written down")


def _sequence(ev: Evaluator, value: Sequence, depth: int) -> Plain:
    if value.open:
        return Plain(None, False, "a collection of which not all items are known")
    items = [plain(ev, item, depth + 1) for item in value.items]
    for item in items:
        if not item.known:
            return Plain(None, False, item.why)
    env = next((i.env for i in items if i.env), "")
    values = [i.value for i in items]
    if value.kind in ("set", "frozenset"):
        try:
            values = sorted(set(values))
        except TypeError:
            return Plain(None, False, "a set")
    return Plain(values, True, "", env)


def _mapping(ev: Evaluator, value: Mapping, depth: int) -> Plain:
    if value.open:
        return Plain(None, False, "a dict of which not all keys are known")
    out: dict[str, Any] = {}
    env = ""
    for key, entry in value.items.items():
        held = plain(ev, entry.value, depth + 1)
        if not held.known:
            return Plain(None, False, held.why)
        if isinstance(key, tuple):
            if key[0] != "regex":
                return Plain(None, False, "a dict with keys that cannot be written down")
            out[f"re.compile({key[1]!r})"] = held.value
        elif isinstance(key, str):
            out[key] = held.value
        else:
            return Plain(None, False, "a dict with keys that are no strings")
        env = env or held.env
    return Plain(out, True, "", env)


def _made(ev: Evaluator, value: Made, depth: int) -> Plain:
    if value.maker in _QUEUES or value.maker in _EXCHANGES:
        name = value.args[0] if value.args else value.keywords["name"].value if "name" in value.keywords else None
        return plain(ev, name, depth + 1) if name is not None else Plain("", True)
    text = schedule_text(ev, value)
    if text is not None:
        return text
    return Plain(None, False, f"what {value.maker}() returns is known only at run time")


def schedule_text(ev: Evaluator, value: Value) -> Plain | None:
    """`crontab(minute=0, hour=3)` as it was written, defaults left out; None if it is no crontab or solar schedule."""
    value = ev.force(value)
    if not isinstance(value, Made):
        return None
    if value.maker == "celery.schedules.crontab":
        fields = [*zip(CRONTAB_FIELDS, value.args, strict=False), *((k, e.value) for k, e in value.keywords.items())]
        given: dict[str, str] = {}
        env = ""
        for name, part in fields:
            if name not in CRONTAB_FIELDS:
                continue
            held = plain(ev, part)
            if not held.known:
                return Plain(None, False, held.why)
            env = env or held.env
            if isinstance(held.value, list):
                given[name] = f"{name}={','.join(map(str, sorted(held.value, key=str)))!r}"
            else:
                given[name] = f"{name}={held.value if isinstance(held.value, int) else repr(held.value)}"
        ordered = [given[f] for f in CRONTAB_FIELDS if f in given and given[f] != f"{f}='*'"]
        return Plain(f"crontab({', '.join(ordered)})", True, "", env)
    if value.maker == "celery.schedules.schedule":
        every = (
            value.args[0]
            if value.args
            else value.keywords["run_every"].value
            if "run_every" in value.keywords
            else None
        )
        return plain(ev, every) if every is not None else None
    if value.maker == "celery.schedules.solar":
        parts = [plain(ev, a) for a in value.args]
        if all(p.known for p in parts):
            return Plain(f"solar({', '.join(repr(p.value) for p in parts)})", True)
    return None

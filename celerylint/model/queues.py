"""The queues that an app declares (`celery.app.amqp.Queues`)."""

from __future__ import annotations

from celerylint.model.evaluate import Evaluator
from celerylint.model.project import App, Decision
from celerylint.model.values import Made, Mapping, Scalar, Sequence, Value


def consumed_by_default(ev: Evaluator, app: App) -> Decision:
    """The queues that a worker without `-Q` consumes: those of `task_queues`, else the default queue."""
    setting = app.setting("task_queues")
    value = ev.force(setting.raw) if setting.raw is not None else None
    nothing = value is None or (isinstance(value, Scalar) and not value.value)
    if setting.known and (not setting.chosen or nothing or not setting.value):
        default = app.setting("task_default_queue")
        known = default.known and isinstance(default.value, str)
        return Decision((default.value,) if known else None, known, default.kind, default.at, default.why)
    names = _names(ev, value) if value is not None else None
    why = "" if names is not None else setting.why or "a name in task_queues cannot be known"
    return Decision(names, names is not None, "setting", setting.at, why)


def _names(ev: Evaluator, value: Value) -> tuple[str, ...] | None:
    if isinstance(value, Mapping) and not value.open:
        keys = [key for key in value.items if isinstance(key, str)]
        return tuple(keys) if len(keys) == len(value.items) else None
    if not isinstance(value, Sequence) or value.open:
        return None
    found = [_name(ev, item) for item in value.items]
    return tuple(name for name in found if name is not None) if None not in found else None


def _name(ev: Evaluator, queue: Value) -> str | None:
    made = ev.force(queue)
    if not isinstance(made, Made) or not made.maker.startswith("kombu.") or not made.maker.endswith("Queue"):
        return None
    entry = made.keywords.get("name")
    first = made.args[0] if made.args else entry.value if entry is not None else None
    held = ev.force(first) if first is not None else None
    return held.value if isinstance(held, Scalar) and isinstance(held.value, str) else None

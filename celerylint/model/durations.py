"""How long tasks may run, and how often they are sent."""

from __future__ import annotations

import datetime

from celerylint.model.project import Decision, Task
from celerylint.model.values import Made, Scalar, Value, forced


def limit(task: Task) -> float | None:
    """The seconds after which a run is stopped: the hard limit, else the soft one; None if none is known."""
    for name in ("time_limit", "soft_time_limit"):
        held = task.option(name)
        if held.known and not held.value and task.app is not None:
            # Before 5.7 the worker's pool applies the setting, and the task does not know.
            held = task.app.settings.get(f"task_{name}", held)
        if held.known and isinstance(held.value, (int, float)) and held.value:
            return float(held.value)
    return None


def own_limit(task: Task) -> Decision | None:
    """The limit that somebody gave this task, and not all tasks together: the hard one, else the soft one."""
    limits = (task.option("time_limit"), task.option("soft_time_limit"))
    return next((held for held in limits if held.truthy and held.kind in ("decorator", "base", "annotation")), None)


def period(schedule: Value) -> float | None:
    """The seconds between two runs, where they are always the same."""
    every = interval(schedule)
    if every is not None:
        return every
    if isinstance(schedule, Made) and schedule.maker == "celery.schedules.crontab":
        given = schedule.args[0] if schedule.args else None
        if given is None and "minute" in schedule.keywords:
            given = schedule.keywords["minute"].value
        others = [*schedule.args[1:], *(e.value for name, e in schedule.keywords.items() if name != "minute")]
        if any(getattr(forced(other), "value", None) != "*" for other in others):
            return None
        return _minutes(getattr(forced(given), "value", None) if given is not None else "*")
    return None


def _minutes(field: object) -> float | None:
    if field == "*":
        return 60.0
    step = field.removeprefix("*/") if isinstance(field, str) and field.startswith("*/") else ""
    # Only steps that divide the hour leave the same time between any two runs.
    return int(step) * 60.0 if step.isdigit() and len(step) < 4 and int(step) and 60 % int(step) == 0 else None


def interval(schedule: Value) -> float | None:
    """The seconds between two runs of a schedule that is a number, a timedelta or a `schedule(...)` of either."""
    if isinstance(schedule, Scalar):
        held = schedule.value
        if isinstance(held, datetime.timedelta):
            return held.total_seconds()
        return float(held) if isinstance(held, (int, float)) and not isinstance(held, bool) and held > 0 else None
    if isinstance(schedule, Made) and schedule.maker == "celery.schedules.schedule" and schedule.args:
        return interval(forced(schedule.args[0]))
    return None

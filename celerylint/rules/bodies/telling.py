"""How findings speak of an effect: the way from the task to it, and what runs it again."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.effects.events import Event
from celerylint.effects.triggers import Trigger
from celerylint.finding import Related
from celerylint.model.project import Task
from celerylint.rules.base import related


def way(task: Task, event: Event, triggers: Iterable[Trigger] = ()) -> list[Related]:
    """The task, the calls down to the event, and the triggers, as related places."""
    out = related(task.at, f"the task {task.name}")
    for call in event.path:
        out += related(call, "calls what does it")
    for trigger in triggers:
        out += related(trigger.at, trigger.why)
    return out

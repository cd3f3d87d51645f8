"""CLY408."""

from __future__ import annotations

import re
from collections.abc import Iterable

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.finding import Confidence, Finding, Severity
from celerylint.model.durations import own_limit, period
from celerylint.model.project import Entry, Project, Task
from celerylint.model.values import ClassValue, External, FunctionValue, Value, forced
from celerylint.rules.base import Rule, related
from celerylint.rules.delivery.waits import number
from celerylint.rules.workload import seconds

_LOCKS = re.compile(
    r"lock|mutex|semaphore|acquire|singleton|once|exclusive|unique|setnx|\bnx\b|no_overlap|non_overlap|running|get_or_set"
    r"|skip_locked|select_for_update|inspect|\badd\b",
    re.IGNORECASE,
)
"""Names that have to do with keeping a second run out."""


class OverlappingSchedule(Rule):
    """The task may run for as long as its interval, or longer: a second run starts beside the first.

    Beat sends on time and does not ask whether the last run is over. A task that may take ten minutes by its own time
    limit and is sent every five runs twice at once as soon as it is slow, on two workers or two processes of one; and
    when it is slow because there is much to do, the second run makes it slower.

    Tasks are left alone whose body, decorators or base classes mention a lock, and those without a limit of their own:
    one that is set for all tasks alike says nothing of how long this one runs.

    ## What to do

    Take a lock that expires (`cache.add(key, 1, timeout)`) and return if it is held, or lower `time_limit` below the
    interval.

    [Ensuring a task is only executed one at a time](https://docs.celeryq.dev/en/stable/tutorials/task-cookbook.html)
    """

    code = "CLY408"
    name = "overlapping-schedule"
    summary = "A task may run longer than the interval it is sent at, and nothing keeps a second run out."
    severity = Severity.WARNING
    confidence = Confidence.MEDIUM
    bad = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.beat_schedule = {
    "sync": {"task": "shop.sync", "schedule": 300},
}


@app.task(name="shop.sync", time_limit=600)
def sync(): ...
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.beat_schedule = {
    "sync": {"task": "shop.sync", "schedule": 300},
}


@app.task(name="shop.sync", time_limit=240)
def sync(): ...
"""

    def check_entry(self, entry: Entry, project: Project) -> Iterable[Finding]:
        if entry.task is None or entry.lost or entry.raw is None:
            return
        every, own = period(forced(entry.raw)), own_limit(entry.task)
        longest = number(own.value) if own is not None and own.known else None
        if every is None or own is None or longest is None or every > longest or _locks(entry.task):
            return
        yield self.finding(
            entry.at,
            f"`{entry.name}` sends {entry.task.name} every {seconds(every)}, and a run may take {seconds(longest)}:"
            " a second one then starts beside the first",
            "take a lock in the task, or lower its time limit below the interval",
            symbol=entry.name,
            related=related(own.at if own.at is not None else entry.task.definition, "how long it may run"),
        )


def _locks(task: Task) -> bool:
    """Whether anything about a task mentions a lock, or cannot be read."""
    function = task.value.function
    if any(not isinstance(cls, (ClassValue, External)) or _LOCKS.search(_name(cls)) for cls in task.lineage):
        return True
    if any(isinstance(cls, ClassValue) and "__call__" in cls.attrs for cls in task.lineage):
        return True
    while function is not None:
        node = function.node
        if function.wrappers or (isinstance(node, ir.Function) and any(_mentions(inner) for inner in nodes(node))):
            return True
        function = function.wraps
    if task.value.cls is not None:
        bodies = [entry.value for entry in task.value.cls.attrs.values()]
        return any(isinstance(b, FunctionValue) and any(_mentions(n) for n in nodes(b.node)) for b in bodies)
    return False


def _name(cls: Value) -> str:
    return cls.node.name if isinstance(cls, ClassValue) else cls.dotted if isinstance(cls, External) else ""


def _mentions(node: ir.Node) -> bool:
    if isinstance(node, ir.Name):
        return _LOCKS.search(node.id) is not None
    if isinstance(node, ir.Attr):
        return _LOCKS.search(node.attr) is not None
    return isinstance(node, ir.Keyword) and node.name is not None and _LOCKS.search(node.name) is not None

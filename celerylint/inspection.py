"""What the tool understood of a project, in the shape that `celerylint inspect` prints. Imports nothing of ours."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field


class Origin(Struct, frozen=True, omit_defaults=True):
    """Who decided a value: the kind of place, and where it is written (absent for Celery's own defaults)."""

    kind: str
    """`setting`, `argument`, `default`, `decorator`, `base`, `annotation`, `route`, `lockfile`, `option`."""
    path: str | None = None
    line: int | None = None


class Answer(Struct, frozen=True, omit_defaults=False):
    """A value as Celery would hold it, or the reason that it cannot be known without running code."""

    value: Any
    known: bool
    origin: Origin
    why: str = ""
    overridable: bool = False
    """True when the environment may replace the value at run time."""


class AppInfo(Struct, frozen=True):
    """A Celery application."""

    name: str
    path: str
    line: int
    settings: dict[str, Answer]


class TaskInfo(Struct, frozen=True):
    """A task. `line` is that of its `def` or `class`."""

    name: str
    function: str
    path: str
    line: int
    app: str | None
    options: dict[str, Answer]
    queue: Answer
    repeat_safe: str = "unknown"
    """Whether a second run does no harm: `yes`, `no` or `unknown`."""


class RouteInfo(Struct, frozen=True):
    """One entry of task_routes."""

    pattern: str
    queue: str | None
    path: str
    line: int


class WorkerInfo(Struct, frozen=True):
    """A worker that a deployment file or Python code starts. What is not known is None."""

    command: str
    app: str | None
    queues: list[str] | None
    pool: str | None
    concurrency: int | None
    prefetch_multiplier: int | None
    beat: bool
    replicas: int | None
    path: str
    line: int
    platform: str = ""
    """`compose`, `kubernetes`, `procfile`...; `python` where code starts it."""
    name: str = ""
    """The service, process type or program."""
    development: str = ""
    """Why it is not deployed, empty if it is."""
    why: str = ""
    """Why its queues are not known."""


class BeatInfo(Struct, frozen=True):
    """A beat command found in a deployment file."""

    command: str
    scheduler: str | None
    replicas: int | None
    path: str
    line: int
    platform: str = ""
    name: str = ""
    development: str = ""


class MonitorInfo(Struct, frozen=True):
    """Flower, an exporter or `celery events`."""

    kind: str
    command: str
    path: str
    line: int
    development: str = ""


class QueueInfo(Struct, frozen=True):
    """A queue: who sends to it, and who consumes it."""

    queue: str
    tasks: list[str]
    """The tasks that go there unless a call says otherwise."""
    calls: int
    """Calls that name it."""
    entries: list[str]
    """Schedule entries that send to it."""
    workers: list[str]
    """The workers that are deployed and known to consume it, as `path:line`."""


class ScheduleInfo(Struct, frozen=True):
    """A schedule entry of beat."""

    entry: str
    task: str | None
    schedule: str | None
    resolves: bool
    path: str
    line: int


class DispatchInfo(Struct, frozen=True):
    """A place that sends a task."""

    task: str
    method: str
    path: str
    line: int


class UnknownInfo(Struct, frozen=True):
    """Something that cannot be decided without running code."""

    what: str
    why: str
    path: str
    line: int


class Problem(Struct, frozen=True):
    """A finding, as far as a picture has room for it."""

    code: str
    name: str
    severity: str
    message: str
    path: str
    line: int


class GraphNode(Struct, frozen=True):
    """Somebody who sends, keeps or runs messages, or several of one kind together."""

    id: str
    """A letter and a number, unique in the graph."""
    kind: str
    """`beat`, `entry`, `task`, `queue`, `worker`, in the order in which a message passes them."""
    label: str
    details: list[str]
    """What else there is to say, a line each."""
    path: str
    """Where it is written; empty for a queue that nothing declares."""
    line: int
    problems: list[Problem] = field(default_factory=list)


class GraphEdge(Struct, frozen=True):
    """A way that messages take."""

    source: str
    target: str
    label: str = ""
    certain: bool = True
    """False where only some messages take it."""


class Graph(Struct, frozen=True):
    """Who sends what to whom, as `celerylint graph` draws it."""

    title: str
    nodes: list[GraphNode]
    edges: list[GraphEdge]
    problems: list[Problem]
    """Findings that concern nobody in the picture."""


class Inspection(Struct, frozen=True):
    """Everything `inspect` shows, sorted, ready to print."""

    celery_version: Answer
    apps: list[AppInfo]
    tasks: list[TaskInfo]
    routes: list[RouteInfo]
    workers: list[WorkerInfo]
    beats: list[BeatInfo]
    schedule: list[ScheduleInfo]
    dispatches: list[DispatchInfo]
    unknown: list[UnknownInfo]
    monitors: list[MonitorInfo] = field(default_factory=list)
    queues: list[QueueInfo] = field(default_factory=list)
    version: int = field(default=1)

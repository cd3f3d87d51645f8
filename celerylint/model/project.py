"""What a project means to Celery: the frozen result of a link, which rules and `inspect` read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct, field

from celerylint.catalog import Catalog
from celerylint.config import Options
from celerylint.facts import ir
from celerylint.finding import Place, Span, Undecided
from celerylint.model import celery_values as cv
from celerylint.model.commandline import CommandLine
from celerylint.model.deploy.process import UNKNOWN, Broker, Deployment, Invocation, Known, Process
from celerylint.model.modules import ModuleIndex
from celerylint.model.values import Arguments, At, FunctionValue, Value, place
from celerylint.model.version import TargetVersion

if TYPE_CHECKING:
    from celerylint.model.evaluate import Evaluator


class Decision(Struct, frozen=True):
    """An effective value and who decided it, or the reason that it cannot be known."""

    value: Any
    """As Celery would hold it: seconds, class names, queue names. None if it is not known."""
    known: bool
    kind: str
    """`decorator`, `base`, `annotation`, `setting`, `argument`, `route`, `default`."""
    at: At | None = None
    """Where it is written; None for Celery's own default."""
    why: str = ""
    env: str = ""
    """The environment variable that may replace it at run time."""
    raw: Value | None = None
    """The value as evaluated, for rules that need its structure."""

    @property
    def place(self) -> Place | None:
        """Where it is written."""
        return place(self.at) if self.at is not None else None

    @property
    def chosen(self) -> bool:
        """Whether somebody in the project decided it."""
        return self.kind != "default"

    def is_(self, value: Any) -> bool:
        """Whether it is known to be exactly this value."""
        return self.known and self.value is value

    @property
    def truthy(self) -> bool:
        """Whether it is known to be true in a condition."""
        return self.known and bool(self.value)

    @property
    def falsy(self) -> bool:
        """Whether it is known to be false in a condition."""
        return self.known and not self.value


class Route(Struct, frozen=True):
    """One entry of task_routes."""

    pattern: str
    regex: bool
    queue: Decision
    at: At
    """Where its key stands."""
    options: Mapping[str, Decision] = field(default_factory=dict)


class Matcher(Struct, frozen=True, eq=False):
    """A router, ready to be asked about many tasks."""

    exact: Mapping[str, Route]
    patterns: tuple[tuple[re.Pattern[str] | None, Route], ...]
    """Globs and regexes, in the order in which they are tried; None for one that might take for ever."""


class Routes(Struct, frozen=True):
    """task_routes as Celery expands it. `complete` is False where a router is code or cannot be read."""

    routers: tuple[tuple[Route, ...], ...]
    complete: bool
    at: At | None
    matchers: tuple[Matcher, ...] = ()
    """The routers again."""

    @property
    def all(self) -> Iterator[Route]:
        """Every route of every router."""
        for router in self.routers:
            yield from router


class App(Struct, frozen=True, eq=False):
    """A Celery application."""

    name: str
    at: At
    value: cv.App
    settings: Mapping[str, Decision]
    routes: Routes
    own_settings: Mapping[str, Decision]
    """What the project sets, by the new name of the setting."""
    settings_at: At | None
    """The module or object that configures it, for fixes and related places."""
    root: str
    """The source root that its module is imported from."""
    namespace: str | None = ""
    """What names begin with in the object that configures it (`CELERY_`); empty without one, None if it is not known."""
    source: str = ""
    """That object, as messages name it: `django.conf:settings`, `shop.celeryconfig`; empty if there is none, or none known."""

    @property
    def place(self) -> Place:
        """The `Celery(...)` call."""
        return place(self.at)

    def setting(self, name: str) -> Decision:
        """The effective value of a setting; KeyError for names that this version does not have."""
        return self.settings[name]


class Task(Struct, frozen=True, eq=False):
    """A task of the project."""

    name: str
    named: Decision
    """The name with its origin; not known where `name=` cannot be evaluated."""
    function: str
    path: str
    line: int
    """The line of the `def` or `class`."""
    app: App | None
    value: cv.Task
    options: Mapping[str, Decision]
    behaviour: Mapping[str, Decision]
    """Options of autoretry as retries follow them, where that is not what the attribute shows."""
    queue: Decision
    at: At
    """The task decorator, or the class."""
    definition: At
    """The `def` or `class`."""
    keywords: Mapping[str, At]
    """Where each keyword of the decorator is written."""
    bound: bool
    class_based: bool
    conditional: bool
    shared: bool
    lineage: tuple[Value, ...] = ()
    """The classes it is made of, the nearest first: a `ClassValue` where the project defines it."""

    def option(self, name: str) -> Decision:
        """The effective value of an option as the task holds it."""
        return self.options[name]

    def retry(self, name: str) -> Decision:
        """An option of autoretry as retries follow it."""
        return self.behaviour.get(name) or self.options[name]

    @property
    def place(self) -> Place:
        """The task decorator, or the class of a class-based task."""
        return place(self.at)


class Entry(Struct, frozen=True, eq=False):
    """A schedule entry of beat."""

    name: str
    app: App | None
    task_name: str | None
    task: Task | None
    resolves: bool
    schedule: str | None
    """`crontab(...)`, `every 30.0 s`, or None if it cannot be known."""
    raw: Value | None
    """The schedule as evaluated."""
    args: Value | None
    kwargs: Value | None
    options: Value | None
    keys: Mapping[str, At | None]
    """The keys of the entry and where each stands."""
    at: At
    kind: str
    """`setting` or `add_periodic_task`."""
    certain: bool = True
    lost: bool = False
    """Whether a later entry of the same name takes its place."""
    arguments: Decision = field(default_factory=lambda: Decision(None, False, "default"))
    """What it sends beside the task's name: positional arguments, keyword arguments and options."""


class Dispatch(Struct, frozen=True, eq=False):
    """A place that sends a task, or makes a signature of it."""

    task: Task | None
    task_name: str | None
    method: str
    args: Arguments
    at: At
    context: tuple[ir.Node, ...]
    function: FunctionValue | None


class Retry(Struct, frozen=True, eq=False):
    """A call of `retry` on a task."""

    task: Task
    args: Arguments
    at: At
    context: tuple[ir.Node, ...]


class Command(Struct, frozen=True, eq=False):
    """A worker, or anything else of the `celery` program, that Python code starts."""

    app: App | None
    words: tuple[str | None, ...]
    """None where a word cannot be known."""
    places: tuple[At, ...]
    """Where each word is written."""
    at: At
    context: tuple[ir.Node, ...]


class Start(Struct, frozen=True, eq=False):
    """How a program of Celery's is started: by a process of a deployment file, or by Python code."""

    words: tuple[str | None, ...]
    """The command. None where a word is not known."""
    places: tuple[Place, ...]
    """Where each word is written."""
    place: Place
    """Where the command is written."""
    replicas: Known
    certain: bool
    """False where it is started in some cases only, which cannot be known."""
    development: str = ""
    """Why it is not deployed, empty if it is."""
    process: Process | None = None
    invocation: Invocation | None = None
    command: Command | None = None

    @property
    def text(self) -> str:
        """The command as one would write it, `?` where it is not known."""
        return " ".join(word.replace(UNKNOWN, "?") if word is not None else "?" for word in self.words)


class Worker(Struct, frozen=True, eq=False):
    """A worker that a deployment file or Python code starts; each node of `celery multi` is one.

    Decisions are of the kinds `flag`, `environment`, `setting` and `default`, the strongest first.
    """

    app: App | None
    app_known: bool
    """Whether `-A` names the app; False where it is taken because the project has no other, or is None."""
    queues: Decision
    """The names of the queues that it consumes, a tuple."""
    pool: Decision
    concurrency: Decision
    """Processes, threads or greenlets; with `autoscale`, the most."""
    autoscale: Decision
    """(most, least), or None."""
    prefetch_multiplier: Decision
    time_limit: Decision
    soft_time_limit: Decision
    max_tasks_per_child: Decision
    max_memory_per_child: Decision
    task_events: Decision
    beat: Decision
    """Whether it runs beat as well."""
    scheduler: Decision
    """The beat scheduler that it would run."""
    hostname: Decision
    line: CommandLine
    start: Start


class Beat(Struct, frozen=True, eq=False):
    """A `celery beat`."""

    app: App | None
    app_known: bool
    scheduler: Decision
    schedule_file: Decision
    line: CommandLine
    start: Start


class Monitor(Struct, frozen=True, eq=False):
    """Flower, an exporter, or `celery events`."""

    kind: str
    """`flower`, `exporter`, `events`."""
    app: App | None
    flags: Mapping[str, Decision]
    """By name, with `_` between words; Flower's variables (`FLOWER_BASIC_AUTH`) are among them."""
    complete: bool
    """Whether these are all of them."""
    start: Start


class Crew(NamedTuple):
    """Who works for a project."""

    workers: tuple[Worker, ...] = ()
    beats: tuple[Beat, ...] = ()
    monitors: tuple[Monitor, ...] = ()


class Project(Struct, frozen=True, eq=False):
    """Everything that is known of a project."""

    version: TargetVersion
    catalog: Catalog
    apps: tuple[App, ...]
    tasks: tuple[Task, ...]
    schedule: tuple[Entry, ...]
    dispatches: tuple[Dispatch, ...]
    retries: Mapping[int, tuple[Retry, ...]]
    """Calls of retry by `id` of the task."""
    repeated_keys: tuple[tuple[App, str, At, At], ...]
    """Schedule keys written twice in one dict: the app, the key, the first and the second place."""
    undecided: tuple[Undecided, ...]
    crashes: tuple[tuple[str, Exception], ...]
    """Files whose evaluation failed by a fault of ours."""
    functions: Mapping[str, tuple[FunctionValue, ...]]
    """Functions of relevant files, by path, in the order in which they begin."""
    index: ModuleIndex
    """Every Python file by path and by dotted name, those too that nothing has been read of."""
    commands: tuple[Command, ...] = ()
    django: Mapping[str, Decision] = field(default_factory=dict)
    """Django's TIME_ZONE and USE_TZ, and ATOMIC_REQUESTS of its default database, as far as they are known."""
    options: Options = field(default_factory=Options)
    """What the team says of its project, for rules that judge by it."""
    deployment: Deployment = field(default_factory=Deployment)
    """What the deployment files start."""
    crew_of: Callable[[], Crew] = Crew
    packages_of: Callable[[], frozenset[str]] = frozenset
    takers_of: Callable[[], Mapping[tuple[str, str, Span], Sequence[Task]]] = dict
    """The tasks that take an option from a place, by the option and where the place is."""
    source: Callable[[str], bytes | None] = lambda path: None
    """The bytes of a file, for those who look before they read."""
    machine: Evaluator | None = None
    """What names mean in bodies, for those who walk them."""

    @property
    def packages(self) -> frozenset[str]:
        """Packages that the project is seen to use, in lower case with `_`: imported, asked for by requirements, or named
        by INSTALLED_APPS. Some are other words; what is not among them may be used all the same.
        """
        return self.packages_of()

    @property
    def processes(self) -> tuple[Process, ...]:
        """The processes that the deployment files start, those for development among them."""
        return self.deployment.processes

    @property
    def brokers(self) -> tuple[Broker, ...]:
        """The brokers that the deployment files start or configure, those for development among them."""
        return self.deployment.brokers

    @property
    def workers(self) -> tuple[Worker, ...]:
        """The workers that deployment files and Python code start, those for development among them."""
        return self.crew_of().workers

    @property
    def beats(self) -> tuple[Beat, ...]:
        """The beats that are programs of their own, likewise; a worker may run one as well."""
        return self.crew_of().beats

    @property
    def monitors(self) -> tuple[Monitor, ...]:
        """Flower, exporters and `celery events`, likewise."""
        return self.crew_of().monitors

    def retries_of(self, task: Task) -> tuple[Retry, ...]:
        """The calls of retry in a task's body and in helpers that it hands itself to."""
        return self.retries.get(id(task), ())

    def tasks_of(self, app: App) -> tuple[Task, ...]:
        """The tasks that an app runs."""
        return tuple(task for task in self.tasks if task.app is app)

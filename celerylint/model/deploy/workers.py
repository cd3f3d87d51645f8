"""The workers, beats and monitors that a project starts, with the values that are in force in each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from celerylint.catalog import Catalog
from celerylint.facts import ir
from celerylint.finding import Place
from celerylint.model.commandline import CommandLine, Option, from_environment, loose, parse_all
from celerylint.model.deploy.development import Judge
from celerylint.model.deploy.process import UNKNOWN, Known, Process
from celerylint.model.deploy.words import DEVELOPMENT
from celerylint.model.evaluate import Evaluator
from celerylint.model.modules import Module
from celerylint.model.project import App, Beat, Command, Crew, Decision, Monitor, Start, Worker
from celerylint.model.queues import consumed_by_default
from celerylint.model.values import At, Value, place

_UNKNOWN_APP = "it is not known which app it runs"
_MORE_FLAGS = "a part of the command that is not known may hold it"


class Binding(NamedTuple):
    """A name of a module that an app is bound to."""

    module: tuple[str, ...]
    """The module's path from the project root, its parts."""
    name: str
    app: App


def crew(
    ev: Evaluator,
    catalog: Catalog,
    apps: Sequence[App],
    processes: Iterable[Process],
    commands: Iterable[Command],
    judge: Judge,
) -> Crew:
    """Everybody who works for a project. `judge` says why a file is not deployed."""
    starts = [*_started(processes), *_by_python(commands, judge)]
    if not starts:
        return Crew()
    reader = _Reader(ev, catalog, apps)
    workers: list[Worker] = []
    beats: list[Beat] = []
    monitors: list[Monitor] = []
    for start in starts:
        monitors.extend(reader.exporter(start))
        for line in parse_all(start.words, catalog):
            if line.start < 0 and start.command is None:
                continue
            if line.subcommand == "worker":
                workers.append(reader.worker(start, line))
            elif line.subcommand == "beat":
                beats.append(reader.beat(start, line))
            else:
                monitors.append(reader.monitor(start, line))
    return Crew(tuple(workers), tuple(beats), tuple(monitors))


def _started(processes: Iterable[Process]) -> Iterator[Start]:
    for process in processes:
        for invocation in process.invocations:
            reloads = next((runner for runner in invocation.runners if runner in DEVELOPMENT), "")
            yield Start(
                words=tuple(word.text for word in invocation.words),
                places=tuple(word.place for word in invocation.words),
                place=invocation.place,
                replicas=process.replicas,
                certain=invocation.certain,
                development=process.development or (f"{reloads} restarts it when code changes" if reloads else ""),
                process=process,
                invocation=invocation,
            )


def _by_python(commands: Iterable[Command], judge: Judge) -> Iterator[Start]:
    for command in commands:
        yield Start(
            words=command.words,
            places=tuple(place(at) for at in command.places),
            place=place(command.at),
            replicas=Known(1, None),
            certain=True,
            development=judge(command.at[0]),
            command=command,
        )


# --- apps -------------------------------------------------------------------------------------------------------------


def _bindings(ev: Evaluator, apps: Sequence[App]) -> tuple[Binding, ...]:
    """Every name that an app can be reached by."""
    modules = (ev.index.loaded(path) for path in sorted(ev.index.paths))
    return tuple(
        binding
        for module in modules
        if module is not None and module.started
        for binding in _bound(module, apps, ev.peek)
    )


def _bound(module: Module, apps: Sequence[App], look: Callable[[Value], Value]) -> Iterator[Binding]:
    """The names of a module that apps are bound to, as far as `look` sees through them."""
    parts = tuple(module.path.removesuffix(".py").removesuffix("/__init__").split("/"))
    for name, entry in list(module.scope.entries.items()):
        value = look(entry.value)
        for app in apps:
            if app.value is value:
                yield Binding(parts, name, app)


def find_app(name: str, bindings: Sequence[Binding], near: str) -> App | None:
    """The app that `-A name` stands for, as `celery.app.utils.find_app` looks for it; None if none or several are it.

    `near` is the path of the file that names it: of apps with one name in several folders, the nearest is meant.
    """
    module, colon, attribute = name.partition(":")
    if colon:
        return _nearest(bindings, module, lambda held: held == attribute, near)
    head, dot, tail = name.rpartition(".")
    if dot and (found := _nearest(bindings, head, lambda held: held == tail, near)) is not None:
        return found
    for wanted in ("app", "celery"):
        if (found := _nearest(bindings, name, lambda held, wanted=wanted: held == wanted, near)) is not None:  # type: ignore[misc]
            return found
    if not name.endswith(".celery.celery") and (found := find_app(f"{name}.celery", bindings, near)) is not None:
        return found
    return _nearest(bindings, name, lambda held: True, near)


def _nearest(bindings: Sequence[Binding], module: str, named: Callable[[str], bool], near: str) -> App | None:
    parts = tuple(module.split("."))
    found = [held for held in bindings if held.module[-len(parts) :] == parts and named(held.name)]
    folder = tuple(near.split("/")[:-1])
    ranks = {id(held.app): _common(held.module, folder) for held in found}
    best = max(ranks.values(), default=0)
    apps = {id(held.app): held.app for held in found if ranks[id(held.app)] == best}
    return next(iter(apps.values())) if len(apps) == 1 else None


def _common(one: tuple[str, ...], two: tuple[str, ...]) -> int:
    return next((i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))


# --- values -----------------------------------------------------------------------------------------------------------


def _whole(text: str) -> int | None:
    return int(text) if text.strip().lstrip("+-").isdecimal() and len(text) < 12 else None


def _real(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _text(text: str) -> str | None:
    return text or None


def _names(text: str) -> tuple[str, ...] | None:
    # As Celery splits it: blanks around a name belong to it.
    return tuple(name for name in text.split(",") if name) or None


def _scale(text: str) -> tuple[int, int] | None:
    """(most, least): in any order, one number alone being the most."""
    parts = [_whole(part) for part in text.split(",")]
    if not 0 < len(parts) < 3 or None in parts:
        return None
    numbers = sorted([part for part in parts if part is not None] + ([0] if len(parts) == 1 else []))
    return numbers[1], numbers[0]


class _Reader:
    """Reads command lines of one project."""

    def __init__(self, ev: Evaluator, catalog: Catalog, apps: Sequence[App]) -> None:
        self.ev = ev
        self.catalog = catalog
        self.apps = apps
        self.bindings = _bindings(ev, apps)
        self.loaded: set[str] = set()

    def load(self, name: str) -> None:
        """Evaluate the module that `-A` names: a package may only hand on the app of another module."""
        module = name.partition(":")[0]
        if module in self.loaded:
            return
        self.loaded.add(module)
        found = self.ev.index.find(module, None)
        if found is not None:
            self.ev.run(found)
            self.bindings = (*self.bindings, *_bound(found, self.apps, self.ev.force))

    def app(self, start: Start, line: CommandLine) -> tuple[App | None, bool]:
        """The app that a command runs, and whether the command says so."""
        if start.command is not None and start.command.app is not None:
            return start.command.app, True
        option = line.app_option("app")
        named: str | None = option.value if option is not None else None
        if option is None:
            flag = self.catalog.global_flags["--app"]
            found = from_environment(flag, "", self.environment(start))
            named = found[1] if found is not None else None
        near = start.process.place.path if start.process is not None else start.place.path
        app = None
        if named and UNKNOWN not in named:
            self.load(named)
            app = find_app(named, self.bindings, near)
        if app is not None:
            return app, True
        return (self.apps[0], False) if len(self.apps) == 1 else (None, False)

    def environment(self, start: Start) -> Mapping[str, str | None]:
        return start.invocation.environment if start.invocation is not None else {}

    def worker(self, start: Start, line: CommandLine) -> Worker:
        app, app_known = self.app(start, line)
        values = _Values(self, start, line, app)
        autoscale = values.decide("autoscale", _scale)
        concurrency = values.decide("concurrency", _whole, "worker_concurrency", zero=False)
        if autoscale.known and autoscale.value is not None:
            concurrency = Decision(autoscale.value[0], True, autoscale.kind, autoscale.at)
        elif not autoscale.known:
            concurrency = autoscale
        elif concurrency.known and not concurrency.value:
            concurrency = Decision(
                None, False, concurrency.kind, concurrency.at, "as many as the machine has processors"
            )
        return Worker(
            app=app,
            app_known=app_known,
            queues=self.queues(values, app),
            pool=self.pool(values),
            concurrency=concurrency,
            autoscale=autoscale,
            prefetch_multiplier=values.decide("prefetch_multiplier", _whole, "worker_prefetch_multiplier", zero=False),
            time_limit=self.limit(values, "time_limit"),
            soft_time_limit=self.limit(values, "soft_time_limit"),
            max_tasks_per_child=values.decide("max_tasks_per_child", _whole, "worker_max_tasks_per_child", zero=False),
            max_memory_per_child=values.decide(
                "max_memory_per_child", _whole, "worker_max_memory_per_child", zero=False
            ),
            task_events=values.switch("task_events", "worker_send_task_events"),
            beat=values.switch("beat"),
            scheduler=values.decide("scheduler", _text, "beat_scheduler"),
            hostname=values.decide("hostname", _text),
            line=line,
            start=start,
        )

    def queues(self, values: _Values, app: App | None) -> Decision:
        """The queues that a worker consumes: `-Q`, else those of its app, without those of `-X`."""
        chosen = values.decide("queues", _names)
        # Words that are not known hold no flag against those that are written out.
        written = "queues" in values.line.options and "exclude_queues" not in values.line.options
        excluded = Decision(None, True, "default") if written else values.decide("exclude_queues", _names)
        if chosen.known and chosen.value is None:
            if app is None:
                return Decision(None, False, "setting", None, _UNKNOWN_APP)
            chosen = consumed_by_default(self.ev, app)
        if chosen.known and not excluded.known:
            return excluded
        if chosen.known and excluded.value:
            left = tuple(name for name in chosen.value if name not in excluded.value)
            return Decision(left, True, excluded.kind, excluded.at)
        return chosen

    def pool(self, values: _Values) -> Decision:
        """The pool. `-P prefork` is what click assumes anyway, and loses against the setting."""
        given = values.decide("pool", _text, "worker_pool")
        if given.known and given.kind in ("flag", "environment") and given.value == "prefork":
            return values.setting("worker_pool")
        return given

    def limit(self, values: _Values, name: str) -> Decision:
        """A time limit. Since 5.7 the setting wins against the flag."""
        setting = values.setting(f"task_{name}")
        if self.catalog.version >= (5, 7) and (not setting.known or setting.value):
            return setting
        return values.decide(name, _real, f"task_{name}", zero=False)

    def beat(self, start: Start, line: CommandLine) -> Beat:
        app, app_known = self.app(start, line)
        values = _Values(self, start, line, app)
        return Beat(
            app=app,
            app_known=app_known,
            scheduler=values.decide("scheduler", _text, "beat_scheduler"),
            schedule_file=values.decide("schedule", _text, "beat_schedule_filename"),
            line=line,
            start=start,
        )

    def monitor(self, start: Start, line: CommandLine) -> Monitor:
        return self.watching(start, line.subcommand, self.app(start, line)[0], line.options, line.complete)

    def exporter(self, start: Start) -> Iterator[Monitor]:
        """Monitors that are programs of their own."""
        program = (start.words[0] or "").rpartition("/")[2] if start.words else ""
        if program in ("flower", "celery-exporter"):
            options, complete = loose(start.words, 1)
            app = self.apps[0] if len(self.apps) == 1 else None
            yield self.watching(start, "flower" if program == "flower" else "exporter", app, options, complete)

    def watching(
        self, start: Start, kind: str, app: App | None, options: Mapping[str, Option], complete: bool
    ) -> Monitor:
        flags = {name: _flagged(start, option, option.value or True) for name, option in options.items()}
        if kind == "flower":
            at = _at(start.place)
            for name, value in self.environment(start).items():
                if name.startswith("FLOWER_"):
                    decision = Decision(value, value is not None, "environment", at, env=name)
                    flags.setdefault(name[len("FLOWER_") :].lower(), decision)
        return Monitor(kind, app, flags, complete, start)


class _Values:
    """The values in force in one worker or beat."""

    def __init__(self, reader: _Reader, start: Start, line: CommandLine, app: App | None) -> None:
        self.start = start
        self.line = line
        self.app = app
        self.environment = reader.environment(start)
        catalog = reader.catalog
        table = catalog.worker_flags if line.subcommand == "worker" else catalog.beat_flags
        self.flags = {flag.name: flag for flag in table.values()}

    def decide(self, name: str, convert: Callable[[str], Any], setting: str = "", *, zero: bool = True) -> Decision:
        """Flag, environment variable, setting. Without `zero`, a flag that is 0 is as if it were not given."""
        option = self.line.options.get(name)
        if option is not None:
            decision = _converted(_flagged(self.start, option, option.value), convert)
            if not decision.known or zero or decision.value:
                return decision
        flag = self.flags.get(name)
        found = from_environment(flag, self.line.subcommand, self.environment) if flag is not None else None
        if found is not None:
            variable, value = found
            held = Decision(value, value is not None, "environment", _at(self.start.place), f"${variable} is not known")
            decision = _converted(held, convert)
            if not decision.known or zero or decision.value:
                return decision
        if option is None and not self.line.complete:
            return Decision(None, False, "flag", _at(self.start.place), _MORE_FLAGS)
        return self.setting(setting) if setting else Decision(None, True, "default")

    def switch(self, name: str, setting: str = "") -> Decision:
        """A flag without a value."""
        option = self.line.options.get(name)
        if option is not None:
            return _flagged(self.start, option, True)
        flag = self.flags.get(name)
        found = from_environment(flag, self.line.subcommand, self.environment) if flag is not None else None
        if found is not None:
            variable, value = found
            on = None if value is None else value.strip().lower() in ("1", "true", "t", "yes", "y", "on")
            return Decision(on, on is not None, "environment", _at(self.start.place), "", variable)
        if not self.line.complete:
            return Decision(None, False, "flag", _at(self.start.place), _MORE_FLAGS)
        return self.setting(setting) if setting else Decision(False, True, "default")

    def setting(self, name: str) -> Decision:
        """A setting of the app."""
        if self.app is None:
            return Decision(None, False, "setting", None, _UNKNOWN_APP)
        return self.app.settings.get(name) or Decision(None, True, "default")


def _converted(decision: Decision, convert: Callable[[str], Any]) -> Decision:
    if not decision.known or not isinstance(decision.value, str):
        return decision if not decision.known else Decision(None, False, decision.kind, decision.at, "it has no value")
    value = convert(decision.value)
    why = "" if value is not None else f"`{decision.value}` is not what it takes"
    return Decision(value, value is not None, decision.kind, decision.at, why)


def _flagged(start: Start, option: Option, value: Any) -> Decision:
    """What a flag says, standing where it is written."""
    at = _at(start.places[option.position])
    if not option.known:
        return Decision(None, False, "flag", at, f"the value of {option.spelling} is not known")
    return Decision(value, True, "flag", at)


def _at(where: Place) -> At:
    span = where.span
    return where.path, ir.Node(span.line, span.column, span.end_line, span.end_column)

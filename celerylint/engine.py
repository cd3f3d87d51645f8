"""The impure shell around the analysis: the only caller of discovery, cache and worker processes.

`check` and `inspect` are what every front end calls. Nothing under lint is imported, executed or connected to.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from celerylint.config import ConfigError, Options
from celerylint.finding import Finding, Known, Place, Report, Span, Summary
from celerylint.recall import Looked, recall, recalls, remember
from celerylint.store import MOST_WRITTEN, Stamp, contents, stamp

if TYPE_CHECKING:
    from celerylint.changes import Changes
    from celerylint.discover import Discovery, Problem
    from celerylint.extract import Extraction, Files
    from celerylint.extract_deploy import DeployFiles
    from celerylint.inspection import Graph, Inspection
    from celerylint.model.deploy.process import Deployment
    from celerylint.model.link import Inputs
    from celerylint.model.project import Project, Task
    from celerylint.model.version import TargetVersion
    from celerylint.rules.base import Rule
    from celerylint.settle.settle import Settled

# A run that is answered from memory imports nothing of the analysis; the model and the rules are imported while other processes
# read files already.

_MAX_WIDENINGS = 3
"""How often a decorator may be found to be defined by means of another that was found only so."""

_MOST_KNOWN = 100_000_000
"""Bytes of a baseline."""

Progress = Callable[[str, int, int], None]


def check(
    paths: Sequence[str],
    options: Options,
    *,
    root: Path,
    progress: Progress | None = None,
    overlay: Mapping[str, bytes] | None = None,
) -> Report:
    """Lint. `overlay` is what is taken for the content of files, by path, whatever is on disk.

    Raises:
        UsageError: a path that is not there, an unknown rule.
    """
    with _without_collection():
        if not recalls(options, overlay):
            return _checked(paths, options, root, progress, overlay)[0]
        report = recall(root, paths, options)
        if report is None:
            began = time.time_ns()
            report, run = _checked(paths, options, root, progress, overlay)
            report = remember(root, paths, options, report, run.looked, began)
        return report


def _checked(
    paths: Sequence[str],
    options: Options,
    root: Path,
    progress: Progress | None,
    overlay: Mapping[str, bytes] | None,
) -> tuple[Report, _Run]:
    clock = _Clock()
    run, settled = _judged(paths, options, root, progress, clock, overlay)
    shown = {
        place.path
        for finding in settled.findings
        for place in (finding.place, *(other.place for other in finding.related))
    }
    sources = {path: text for path in sorted(shown) if (text := run.files.text(path)) is not None}
    clock.lap("settle")
    report = Report(
        findings=settled.findings,
        summary=Summary(
            files=len(run.discovery.files) + len(run.deployed.gated()),
            tasks=len(run.project.tasks),
            suppressed=settled.suppressed,
            baselined=settled.baselined,
            undecided=len(run.project.undecided),
            by_code=settled.by_code,
            fixable=sum(f.fix is not None and f.fix.safety == "safe" for f in settled.findings),
            fixable_unsafe=sum(f.fix is not None and f.fix.safety == "unsafe" for f in settled.findings),
            unchanged=settled.unchanged,
        ),
        undecided=run.project.undecided,
        sources=sources,
        baseline=settled.baseline,
        timings=clock.laps,
    )
    return report, run


def graph(paths: Sequence[str], options: Options, *, root: Path, progress: Progress | None = None) -> Graph:
    """Who sends what to whom in a project, with the findings of the chosen rules at those whom they concern.

    Raises:
        UsageError: a path that is not there, an unknown rule.
    """
    from msgspec.structs import replace

    options = replace(options, baseline=None, since=None)  # a picture shows what is there
    with _without_collection():
        run, settled = _judged(paths, options, root, progress, _Clock(), None)

        from celerylint.model.graph import graph

        return graph(run.project, settled.findings)


def _judged(
    paths: Sequence[str],
    options: Options,
    root: Path,
    progress: Progress | None,
    clock: _Clock,
    overlay: Mapping[str, bytes] | None,
) -> tuple[_Run, Settled]:
    """A project, and what is found in it by the chosen rules and not suppressed."""
    found, files, deployed = _begin(paths, options, root, progress, clock, overlay)

    from celerylint.extract_deploy import comment_starts
    from celerylint.facts.comments import plain_suppressions, suppressions
    from celerylint.judge import crashed
    from celerylint.rules.registry import all_rules, judges
    from celerylint.settle.select import selected
    from celerylint.settle.settle import settle

    known = _known(options)
    changes = _changes(options, root)
    rules = all_rules()
    chosen = selected(options, rules)
    for rule in judges():
        rule.check_options(options)
    clock.lap("rules")
    run = _read(found, files, deployed, options, root, clock)
    findings = [*_unreadable(run.discovery, run.files, run.deployed, run.pins.problems)]
    findings.extend(crashed(f"evaluation of {path}", error, path) for path, error in run.project.crashes)
    if run.crash is not None:
        findings.append(crashed("evaluation of the deployment files", run.crash))
    findings.extend(_judge([rule for rule in judges() if rule.code in chosen], run.project, options, run.files))
    clock.lap("judge")
    run.save()
    clock.lap("cache")
    # Which other files bodies were walked through, this process knows of its own share only.
    comments = {path: suppressions(source) for path, source in run.files.sources(run.project.index.known)}
    for path, kind, source in run.deployed.sources():
        comments[path] = plain_suppressions(source, comment_starts(kind))
    for path in {finding.place.path for finding in findings} - comments.keys():
        comments[path] = suppressions(run.files.text(path) or "")
    touched = None
    if changes is not None:
        changes.load({place.path for f in findings for place in (f.place, *(one.place for one in f.related))})
        changes.load(path for path, found in comments.items() if found)
        touched = partial(changes.touches, text=run.files.text)
    settled = settle(
        findings,
        comments,
        options,
        rules,
        wanted=run.discovery.wanted,
        unread=run.files.unread | run.deployed.unread,
        known=known,
        is_gone=lambda path: not (root / path).exists(),
        touched=touched,
    )
    return run, settled


def _known(options: Options) -> tuple[Known, ...] | None:
    """The entries of the baseline, None if there is none."""
    if options.baseline is None:
        return None
    from celerylint.settle.baseline import BaselineError, read

    shown = os.path.relpath(options.baseline)
    try:
        return read(contents(options.baseline, _MOST_KNOWN).decode("utf-8", "replace"))
    except FileNotFoundError as error:
        raise ConfigError(
            f"no such baseline: {shown}; --write-baseline writes it", option="baseline", value=shown
        ) from error
    except OSError as error:
        raise ConfigError(f"baseline {shown}: cannot be read: {error.strerror}", option="baseline") from error
    except BaselineError as error:
        where = f"{shown}:{error.line}" if error.line else shown
        raise ConfigError(f"baseline {where}: {error.reason}", option="baseline") from error


def _changes(options: Options, root: Path) -> Changes | None:
    """What was changed since the revision asked for, None if all of it counts."""
    if options.since is None:
        return None
    from celerylint.changes import Changes

    return Changes(root, options.since)


def _judge(rules: Sequence[Rule], project: Project, options: Options, files: Files) -> list[Finding]:
    from celerylint.judge import judge

    return judge(rules, project, options, files)


def lintable(paths: Sequence[str], options: Options, *, root: Path) -> tuple[str, ...]:
    """The files that a run over `paths` reports on, relative to `root`: Python files, and the deployment files that say
    something about Celery.

    Raises:
        UsageError: a path that is not there.
    """
    from celerylint.discover import discover
    from celerylint.extract_deploy import DeployFiles

    found = discover(root, paths, options)
    deployed = DeployFiles(root, found, options, None)
    deployed.begin()
    return tuple(sorted(path for path in (*found.files, *deployed.gated()) if found.wanted(path) and found.keep(path)))


def inspect(
    paths: Sequence[str],
    options: Options,
    *,
    root: Path,
    progress: Progress | None = None,
    overlay: Mapping[str, bytes] | None = None,
) -> Inspection:
    """What the tool understands of a project. `overlay` is as for `check`.

    Raises:
        UsageError: a path that is not there.
    """
    with _without_collection():
        clock = _Clock()
        found, files, deployed = _begin(paths, options, root, progress, clock, overlay)

        from celerylint.effects.behaviour import Bodies
        from celerylint.model.inspect import inspection

        run = _read(found, files, deployed, options, root, clock)
        bodies = Bodies(run.project)
        bodies.begin()

        def repeat_safe(task: Task) -> str:
            try:
                return bodies.told(task).repeat_safe
            except Exception:  # a fault of ours in one body, which `check` reports
                return "unknown"

        shown = inspection(run.project, repeat_safe)
        run.save()
        return shown


class _Run:
    """What reading a project gave."""

    def __init__(
        self,
        discovery: Discovery,
        files: Files,
        deployed: DeployFiles,
        project: Project,
        crash: Exception | None,
        pins: _Pinned,
        aliases: frozenset[str],
    ) -> None:
        self.discovery = discovery
        self.files = files
        self.deployed = deployed
        self.project = project
        self.crash = crash
        """What went wrong with the deployment files by a fault of ours."""
        self.pins = pins
        self._aliases = aliases

    def save(self) -> None:
        """Keep what was read for the next run: at the end, since bodies are walked through files that nobody read before."""
        self.files.save(self.deployed.entries())

    @property
    def looked(self) -> Looked:
        """What was looked at so far."""
        from celerylint.facts.packages import sets_up

        found = self.discovery
        unread = self.files.stamps.keys() - self.files.read - self.pins.stamps.keys() - self.deployed.stamps.keys()
        free = unread.intersection(found.tests)
        return Looked(
            stamps={**found.stamps, **self.pins.stamps, **self.deployed.stamps, **self.files.stamps},
            gated={path for path in unread - free if not sets_up(path)},
            free=free,
            aliases=self._aliases,
        )


class _Clock:
    """Seconds per stage."""

    def __init__(self) -> None:
        self._last = time.perf_counter()
        self._laps: list[tuple[str, float]] = []

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self._laps.append((stage, now - self._last))
        self._last = now

    @property
    def laps(self) -> tuple[tuple[str, float], ...]:
        return tuple(self._laps)


@contextmanager
def _without_collection() -> Iterator[None]:
    """No cyclic garbage collection meanwhile: facts are many, live to the end and hold no cycles."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _begin(
    paths: Sequence[str],
    options: Options,
    root: Path,
    progress: Progress | None,
    clock: _Clock,
    overlay: Mapping[str, bytes] | None = None,
) -> tuple[Discovery, Files, DeployFiles]:
    from celerylint.discover import discover
    from celerylint.extract import Files
    from celerylint.extract_deploy import DeployFiles

    found = discover(root, paths, options, overlay)
    clock.lap("discover")
    files = Files(root, found, options, progress, overlay)
    deployed = DeployFiles(root, found, options, files.cached, overlay)
    deployed.begin()
    files.begin()
    clock.lap("begin")
    return found, files, deployed


def _read(found: Discovery, files: Files, deployed: DeployFiles, options: Options, root: Path, clock: _Clock) -> _Run:
    from celerylint.model.link import link

    pins = _pinned(root, found, options)
    clock.lap("version")
    extraction = files.extract()
    clock.lap("extract")
    deployment, crash = _deployment(deployed, options)
    clock.lap("deployment")
    inputs = partial(_inputs, root, found, files, pins.version, options, deployment)
    project, aliases = link(inputs(extraction))
    clock.lap("link")
    for _ in range(_MAX_WIDENINGS):
        wider = files.widen(aliases)
        if wider is None:
            break
        project, aliases = link(inputs(wider, aliases))
    clock.lap("widen")
    return _Run(found, files, deployed, project, crash, pins, aliases)


def _deployment(deployed: DeployFiles, options: Options) -> tuple[Deployment, Exception | None]:
    """What the deployment files start. A fault of ours costs what they say, not the run."""
    from celerylint.model.deploy.process import Deployment

    if not deployed.gated():
        return Deployment(), None
    from celerylint.model.deploy.deployment import deployment
    from celerylint.model.deploy.development import Patterns

    patterns = Patterns(options.deployment_files, options.development_files)
    try:
        return deployment(deployed.gated(), deployed.load, patterns), None
    except Exception as error:
        return Deployment(), error


def _inputs(
    root: Path,
    found: Discovery,
    files: Files,
    version: TargetVersion,
    options: Options,
    deployment: Deployment,
    extraction: Extraction,
    aliases: frozenset[str] = frozenset(),
) -> Inputs:
    from celerylint.model.link import Inputs

    return Inputs(
        paths=(*found.files, *found.tests),
        gated=extraction.gated,
        load=files.load,
        source=files.source,
        version=version,
        source_roots=options.source_roots,
        marks=found.pins,
        django_settings=options.django_settings_module or "",
        aliases=aliases,
        options=options,
        packages=partial(_packages, root, found, extraction.gated),
        deployment=deployment,
    )


def _packages(root: Path, found: Discovery, gated: tuple[str, ...]) -> frozenset[str]:
    """The packages named by requirements, by files that matter, and by those that set up the programs of the project."""
    from celerylint.extract import read_source
    from celerylint.facts.packages import packages_in, sets_up

    names: set[str] = set()
    for path in {*found.pins, *gated, *filter(sets_up, found.files)}:
        source = read_source(str(root), path, {})
        if source is not None:
            names |= packages_in(path, source)
    return frozenset(names)


class _Pinned(NamedTuple):
    """What files say of the version of Celery."""

    version: TargetVersion
    """The one to judge by."""
    stamps: Mapping[str, Stamp | None]
    """Those of the files that may say it."""
    problems: Sequence[Problem]
    """Those that cannot be read."""


def _pinned(root: Path, found: Discovery, options: Options) -> _Pinned:
    from celerylint.discover import BOUNDED, TOLD, Problem
    from celerylint.facts.pins import Pin, read_pins
    from celerylint.model.version import choose

    pins: list[Pin] = []
    problems: list[Problem] = []
    pending = list(found.pins)
    stamps = {path: stamp(f"{root}/{path}") for path in pending}
    while pending and not options.celery_version:
        path = pending.pop()
        try:
            content = contents(f"{root}/{path}", MOST_WRITTEN)
        except OSError as error:
            if error.errno in TOLD:
                why = f"cannot be read ({error.strerror}): the version of Celery that it may name is not known"
                problems.append(Problem(path, why, BOUNDED))
            continue
        if b"elery" not in content and not path.endswith((".txt", ".in")):
            continue
        read = read_pins(path, content)
        pins.extend(read.pins)
        fresh = [p for p in read.includes if p not in stamps and not os.path.isabs(p) and not p.startswith("..")]
        stamps.update((path, stamp(f"{root}/{path}")) for path in fresh)
        pending.extend(fresh)
    return _Pinned(choose(pins, options.celery_version or ""), stamps, sorted(problems))


def _unreadable(found: Discovery, files: Files, deployed: DeployFiles, unread: Sequence[Problem]) -> Iterator[Finding]:
    from celerylint.discover import READABLE
    from celerylint.rules.linter.cly900_unreadable_file import UnreadableFile

    rule = UnreadableFile()
    for problem in (*found.problems, *unread):
        yield rule.finding(Place(problem.path, Span(1, 1, 1, 1)), problem.why, problem.help)
    for path, error in (*files.problems(), *deployed.problems()):
        if "{{" in path:
            continue  # a template: it becomes Python when somebody makes a project of it
        span = _within(files.text(path), error.line, error.col)
        yield rule.finding(Place(path, span), f"{error.message}: nothing in this file is linted", READABLE)


def _within(text: str | None, line: int, column: int) -> Span:
    """One character of a text, or none at the end of a line: parsers also name places behind what is there."""
    if text is None:
        return Span(1, 1, 1, 1)
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    line = min(line, len(lines))
    end = len(lines[line - 1]) + 1
    return Span(line, min(column, end), line, min(column + 1, end))

"""What a rule is: a page of text with one hook. The looping lives here."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import ClassVar

from msgspec.structs import replace

from celerylint.config import Options
from celerylint.effects.behaviour import Behaviour, Bodies
from celerylint.finding import Confidence, Finding, Fix, Place, Related, Severity
from celerylint.model.project import App, Beat, Dispatch, Entry, Project, Retry, Task, Worker
from celerylint.model.values import At, place
from celerylint.settle.meta import Preset
from celerylint.text import page_of


class Rule:
    """A rule. Subclasses set the attributes, write their page as the docstring, and override one `check_` hook."""

    code: ClassVar[str]
    name: ClassVar[str]
    """Names the bad pattern: it must read after "allow ..."."""
    summary: ClassVar[str]
    severity: ClassVar[Severity]
    confidence: ClassVar[Confidence] = Confidence.HIGH
    preset: ClassVar[Preset] = "recommended"
    since: ClassVar[str] = "0.1.0"
    bad: ClassVar[str] = ""
    """A file, `tasks.py` unless said otherwise, that the rule finds something in; every test run checks that it does."""
    good: ClassVar[str] = ""
    """The same, mended; every test run checks that it is silent."""
    shown_in: ClassVar[str] = "tasks.py"
    """The file that both are."""
    beside: ClassVar[Mapping[str, str]] = {}
    """More files that stand beside either of them, by path."""
    configuration: ClassVar[str] = ""
    """What celerylint.toml says in both, for a rule that judges by options of its own."""

    @property
    def explanation(self) -> str:
        """The page of the rule, in Markdown."""
        return inspect.cleandoc(type(self).__doc__ or "")

    @property
    def risk(self) -> str:
        """Why its fix is not safe where it is not: what its page says behind "unsafe:", a clause; else empty."""
        return _risk(type(self).__doc__ or "")

    # --- hooks: override one

    def check_task(self, task: Task, project: Project) -> Iterable[Finding]:
        """Judge one task."""
        return ()

    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        """Judge one app: its settings, routes, what all its tasks have in common."""
        return ()

    def check_entry(self, entry: Entry, project: Project) -> Iterable[Finding]:
        """Judge one schedule entry."""
        return ()

    def check_dispatch(self, dispatch: Dispatch, project: Project) -> Iterable[Finding]:
        """Judge one place that sends a task."""
        return ()

    def check_retry(self, retry: Retry, project: Project) -> Iterable[Finding]:
        """Judge one call of `self.retry`."""
        return ()

    def check_worker(self, worker: Worker, project: Project) -> Iterable[Finding]:
        """Judge one worker that is deployed; those for development are left out."""
        return ()

    def check_beat(self, beat: Beat, project: Project) -> Iterable[Finding]:
        """Judge one beat that is deployed, likewise."""
        return ()

    def check_project(self, project: Project) -> Iterable[Finding]:
        """Judge the project as a whole."""
        return ()

    def check_behaviour(self, behaviour: Behaviour, project: Project) -> Iterable[Finding]:
        """Judge what one task does when it runs twice."""
        return ()

    # --- what the engine calls

    def check_options(self, options: Options) -> None:
        """Raise ConfigError for a value of the rule's own options that makes no sense. Called before anything is read."""

    @classmethod
    def reads_bodies(cls) -> bool:
        """Whether it judges what tasks do when they run twice, one by one."""
        return cls.check_behaviour is not Rule.check_behaviour

    @classmethod
    def asks_about_bodies(cls) -> bool:
        """Whether it asks what tasks do when they run twice, to judge something else."""
        return cls.asks_about is not Rule.asks_about

    def asks_about(self, project: Project) -> Iterable[Task]:
        """The tasks that it asks `Bodies.told` about."""
        return ()

    def concluded(self, findings: Sequence[Finding], project: Project) -> list[Finding]:
        """What becomes of findings in single bodies, in the order of the tasks."""
        return merged(findings)

    def check(self, project: Project, bodies: Bodies) -> list[Finding]:
        """All findings of the rule but those in bodies, those at one place merged into one."""
        return merged(self._all(project, bodies))

    def _all(self, project: Project, bodies: Bodies) -> Iterator[Finding]:
        cls = type(self)
        if cls.check_task is not Rule.check_task:
            for task in project.tasks:
                yield from self.check_task(task, project)
        if cls.check_app is not Rule.check_app:
            for app in project.apps:
                yield from self.check_app(app, project)
        if cls.check_entry is not Rule.check_entry:
            for entry in project.schedule:
                yield from self.check_entry(entry, project)
        if cls.check_dispatch is not Rule.check_dispatch:
            for dispatch in project.dispatches:
                yield from self.check_dispatch(dispatch, project)
        if cls.check_retry is not Rule.check_retry:
            for task in project.tasks:
                for retry in project.retries_of(task):
                    yield from self.check_retry(retry, project)
        if cls.check_worker is not Rule.check_worker:
            for worker in project.workers:
                if not worker.start.development:
                    yield from self.check_worker(worker, project)
        if cls.check_beat is not Rule.check_beat:
            for beat in project.beats:
                if not beat.start.development:
                    yield from self.check_beat(beat, project)
        if cls.check_project is not Rule.check_project:
            yield from self.check_project(project)

    def finding(
        self,
        where: At | Place,
        message: str,
        help: str,
        *,
        symbol: str = "",
        related: Sequence[Related] = (),
        severity: Severity | None = None,
        confidence: Confidence | None = None,
        fix: Fix | None = None,
    ) -> Finding:
        """A finding of this rule. `message` says what will happen in production, `help` what to do, `fix` does it."""
        return Finding(
            code=self.code,
            name=self.name,
            message=message,
            help=help,
            severity=severity or self.severity,
            confidence=confidence or self.confidence,
            place=where if isinstance(where, Place) else place(where),
            symbol=symbol,
            related=tuple(related),
            url=page_of(self.code),
            fix=replace(fix, risk=self.risk) if fix is not None and fix.safety != "safe" else fix,
        )


@cache
def _risk(page: str) -> str:
    _, _, said = page.partition("## Fix safety")
    found = re.search(r"unsafe: (.*?)[.;](?=\s|$)", said, re.DOTALL)
    return " ".join(found[1].split()) if found else ""


def related(where: At | Place | None, message: str) -> list[Related]:
    """A related place, as a list to be added to others; empty where nothing is written."""
    if where is None:
        return []
    return [Related(where if isinstance(where, Place) else place(where), message)]


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """One finding per place to edit: findings at one place become the first of the surest, which names the others."""
    groups: dict[Place, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.place, []).append(finding)
    out: list[Finding] = []
    for group in groups.values():
        most = max(_SURENESS.index(f.confidence) for f in group)
        surest = [f for f in group if _SURENESS.index(f.confidence) == most]
        first = surest[0]
        if len(group) > 1:
            first = replace(first, fix=_shared_fix([first, *(f for f in group if f is not first)]))
        others = list(dict.fromkeys(f.symbol for f in surest[1:] if f.symbol and f.symbol != first.symbol))
        if others:
            first = replace(first, message=f"{first.message} (also {names(others)})")
        out.append(first)
    return out


_SURENESS = (Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH)


def _shared_fix(findings: Sequence[Finding]) -> Fix | None:
    """The fix that findings at one place agree on, as unsafe as it is for any of them."""
    first = findings[0].fix
    for other in findings[1:]:
        if first is None or other.fix is None or other.fix.edits != first.edits:
            return None
        if other.fix.safety != "safe":
            first = other.fix
    return first


def names(symbols: Sequence[str], most: int = 3) -> str:
    """`a, b, c and 4 more`."""
    shown = ", ".join(symbols[:most])
    return shown if len(symbols) <= most else f"{shown} and {len(symbols) - most} more"

"""What a lint run says: places, findings, reports. Imports nothing of ours, so every layer may use it."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct


class Severity(str, Enum):
    """How much a finding matters: an error breaks, loses or repeats work for certain."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for info, 1 for warning, 2 for error."""
        return _SEVERITY_RANK[self]


_SEVERITY_RANK = {Severity.INFO: 0, Severity.WARNING: 1, Severity.ERROR: 2}


class Confidence(str, Enum):
    """How sure a rule is of what it says. Low is shown on request only."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Span(Struct, frozen=True, order=True):
    """A stretch of one file. Lines and columns count characters from 1; the end column is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


class Place(Struct, frozen=True, order=True):
    """A span of a file whose path is relative to the project root, with `/` between its parts."""

    path: str
    span: Span

    @property
    def line(self) -> int:
        """The first line, from 1."""
        return self.span.line


class Related(Struct, frozen=True):
    """A place that took part in a finding, and the part it took."""

    place: Place
    message: str


class Finding(Struct, frozen=True, kw_only=True):
    """One fault at one place to edit."""

    code: str
    name: str
    message: str
    """What will happen in production, one sentence."""
    help: str
    """What to do about it, one sentence."""
    severity: Severity
    confidence: Confidence
    place: Place
    symbol: str = ""
    """The dotted name of the task, app or schedule entry at fault; empty if there is none."""
    related: tuple[Related, ...] = ()
    url: str = ""
    fingerprint: str = ""
    """Stable across line moves; set when the report is settled."""
    subject: str = ""
    """What one finding stands for when equal ones are grouped on a terminal."""


class Undecided(Struct, frozen=True, order=True):
    """Something a rule or the model could not decide without running code."""

    what: str
    why: str
    place: Place


class Summary(Struct, frozen=True, kw_only=True):
    """Counts over the whole run."""

    files: int
    """Files looked at, including those whose bytes showed that they cannot matter."""
    tasks: int
    suppressed: int
    baselined: int
    undecided: int
    by_code: dict[str, int]


class Report(Struct, frozen=True, kw_only=True):
    """What one run found, sorted by path, place and code."""

    findings: tuple[Finding, ...]
    summary: Summary
    undecided: tuple[Undecided, ...] = ()
    sources: dict[str, str] = {}
    """Source lines' text of every file that a finding names, for code frames. Keyed by path."""
    timings: tuple[tuple[str, float], ...] = ()
    """Stage and seconds, in the order they ran."""

"""What a lint run says: places, findings, reports. Imports nothing of ours, so every layer may use it."""

from __future__ import annotations

from enum import Enum
from typing import Literal, Union

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


# --- fixes ------------------------------------------------------------------------------------------------------------


class Needed(Struct, frozen=True):
    """A name that a text needs. The text spells it `module.name`; a file spells it as its own imports do.

    `qualified` says how it is imported where it is not yet: `import module`, else `from module import name`.
    """

    module: str
    name: str
    qualified: bool = False


class SetKeyword(Struct, frozen=True, tag=True):
    """Give an option a value, in place of the one it may have.

    `place` is a call, a decorator or a class that takes the option, or another option, beside which it is then put:
    a keyword, an assignment, the key of a dict.
    """

    place: Place
    name: str
    value: str
    needs: tuple[Needed, ...] = ()


class RemoveKeyword(Struct, frozen=True, tag=True):
    """Take out an option: a keyword, an assignment, or the key of a dict with its value."""

    place: Place


class ReplaceExpr(Struct, frozen=True, tag=True):
    """Put an expression in place of another. Lines after the first are indented as the first one's is."""

    place: Place
    text: str
    needs: tuple[Needed, ...] = ()


class AddImport(Struct, frozen=True, tag=True):
    """Import a name, where it is not imported yet."""

    path: str
    name: Needed


class InsertStatement(Struct, frozen=True, tag=True):
    """Write a statement on lines of its own, after the statement that holds `place` or before it."""

    place: Place
    text: str
    needs: tuple[Needed, ...] = ()
    before: bool = False


class AddDictEntry(Struct, frozen=True, tag=True):
    """Add an entry to the dict display at a place."""

    place: Place
    key: str
    value: str
    needs: tuple[Needed, ...] = ()


class RemoveDictEntry(Struct, frozen=True, tag=True):
    """Take an entry out of a dict display; `place` is that of its key."""

    place: Place


class RemoveItem(Struct, frozen=True, tag=True):
    """Take an item out of a list, tuple or set display; `place` is that of the item."""

    place: Place


class ReplaceText(Struct, frozen=True, tag=True):
    """Put a text in place of what stands at a span of any file. Every other edit comes down to these."""

    place: Place
    text: str


class InsertText(Struct, frozen=True, tag=True):
    """Put a text before a place of any file."""

    place: Place
    text: str


class DeleteLines(Struct, frozen=True, tag=True):
    """Take whole lines out of any file, the last one included."""

    path: str
    first: int
    last: int


class DropCodes(Struct, frozen=True, tag=True):
    """Take codes out of a comment that silences findings, and the comment with the last of them; no codes stand for all."""

    place: Place
    codes: tuple[str, ...]


Edit = Union[
    SetKeyword, RemoveKeyword, ReplaceExpr, AddImport, InsertStatement, AddDictEntry, RemoveDictEntry, RemoveItem,
    ReplaceText, InsertText, DeleteLines, DropCodes,
]  # fmt: skip

Safety = Literal["safe", "unsafe", "display"]


class Fix(Struct, frozen=True):
    """How to mend a finding. `safe` keeps what runs, or is plainly what was meant; `display` is only to be shown."""

    title: str
    """What it does, as an order; of one that is not safe, also what else it touches."""
    safety: Safety
    edits: tuple[Edit, ...]
    risk: str = ""
    """Of one that is not safe: what it may do besides, a clause."""


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
    fix: Fix | None = None


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
    fixable: int = 0
    """Findings that have a safe fix."""
    fixable_unsafe: int = 0
    """Findings that have an unsafe one."""
    unchanged: int = 0
    """Findings on lines that nobody changed, where only changes were asked about."""


class Known(Struct, frozen=True, order=True, kw_only=True):
    """An entry of a baseline: findings that are equal but for their lines."""

    path: str
    code: str
    symbol: str
    message: str
    """That of the first of them, when they were written down."""
    fingerprint: str
    count: int


class Baseline(Struct, frozen=True, kw_only=True):
    """What became of a baseline."""

    entries: tuple[Known, ...]
    """What is still found, where it stands now, and what this run did not look for."""
    gone: tuple[Known, ...]
    """What is not found any more, with how many of each."""


class RulePage(Struct, frozen=True, kw_only=True):
    """What a report that describes its rules says of one."""

    code: str
    name: str
    summary: str
    text: str
    """The page of the rule, in Markdown."""
    severity: Severity
    confidence: Confidence
    preset: str
    url: str


class Report(Struct, frozen=True, kw_only=True):
    """What one run found, sorted by path, place and code."""

    findings: tuple[Finding, ...]
    summary: Summary
    undecided: tuple[Undecided, ...] = ()
    sources: dict[str, str] = {}
    """Source lines' text of every file that a finding names, for code frames. Keyed by path."""
    timings: tuple[tuple[str, float], ...] = ()
    """Stage and seconds, in the order they ran."""
    baseline: Baseline | None = None
    """What became of the baseline, if there is one."""
    rules: tuple[RulePage, ...] = ()
    """The rules that were judged by, for formats that describe them."""
    base: str = ""
    """Where the project root lies in its checkout, for readers who start there: empty, or ending in `/`."""
    version: str = ""
    """That of celerylint, for formats that name it."""
    kept: tuple[str, str] | None = None
    """The file that keeps the report for the next run, and the mark it has there."""

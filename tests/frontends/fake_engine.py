"""Stand-ins for the analysis and its rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from celerylint.finding import Confidence, Finding, Place, Report, Severity, Span, Summary, Undecided
from celerylint.inspection import Answer, Inspection, Origin


class Rule(Struct, frozen=True):
    code: str
    name: str
    preset: Any = "recommended"
    severity: Severity = Severity.WARNING
    confidence: Confidence = Confidence.HIGH
    summary: str = "Retries after every exception."
    since: str = "0.1.0"
    explanation: str = "A **bug** is retried too.\n\n## Fix safety\n\nUnsafe."
    bad: str = "@app.task(autoretry_for=(Exception,))"
    good: str = "@app.task(autoretry_for=(OSError,))"


def finding(path: str = "tasks.py", severity: Severity = Severity.WARNING, line: int = 1) -> Finding:
    return Finding(
        code="CLY201",
        name="broad-autoretry",
        message="it is retried after its own bugs",
        help="Name the exceptions.",
        severity=severity,
        confidence=Confidence.HIGH,
        place=Place(path, Span(line, 3, line, 5)),
    )


class FakeEngine:
    """Stands in for the analysis: says what it is told to say, and remembers how it was called."""

    def __init__(self) -> None:
        self.findings: tuple[Finding, ...] = ()
        self.calls: list[tuple[tuple[str, ...], Any, Path]] = []
        self.during: Callable[[Any], None] = lambda progress: None

    def check(
        self, paths: Sequence[str], options: Any, *, root: Path, progress: Any = None, overlay: Any = None
    ) -> Report:
        self.calls.append((tuple(paths), options, root))
        self.during(progress)
        return Report(
            findings=self.findings,
            summary=Summary(files=3, tasks=2, suppressed=0, baselined=0, undecided=1, by_code={}),
            undecided=(Undecided("`x`", "it is read from the environment", Place("s.py", Span(1, 1, 1, 2))),),
            timings=(("discover", 0.012), ("rules", 1.5)),
        )

    def inspect(self, paths: Sequence[str], options: Any, *, root: Path, progress: Any = None) -> Inspection:
        self.calls.append((tuple(paths), options, root))
        self.during(progress)
        version = Answer("5.6.2", True, Origin("option"))
        return Inspection(version, *([] for _ in range(8)))  # type: ignore[arg-type]

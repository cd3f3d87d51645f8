"""Reports for the tests of formats, with all that can go wrong in a path, a message or a fix."""

from __future__ import annotations

from typing import Any

from celerylint.finding import (
    Confidence,
    Finding,
    Fix,
    Place,
    Related,
    ReplaceText,
    Report,
    RulePage,
    Severity,
    Span,
    Summary,
)  # fmt: skip

SOURCE = "import os\n\nnaïve = '日本'; x = task(acks_late=1)\ny = (\n    2,\n)\n"


def at(path: str, line: int, column: int, end_line: int, end_column: int) -> Place:
    return Place(path, Span(line, column, end_line, end_column))


def finding(**more: Any) -> Finding:
    fields: dict[str, Any] = {
        "code": "CLY201",
        "name": "broad-autoretry",
        "message": "`shop.pull` is retried after its own bugs",
        "help": "name the exceptions that pass by themselves",
        "severity": Severity.WARNING,
        "confidence": Confidence.HIGH,
        "place": at("shop/tasks.py", 3, 24, 3, 35),
        "symbol": "shop.pull",
        "url": "https://example.org/CLY201.html",
        "fingerprint": "00ff",
    }
    return Finding(**{**fields, **more})


def fix(*edits: tuple[Place, str], safety: Any = "safe", title: str = "set acks_late=True") -> Fix:
    return Fix(title, safety, tuple(ReplaceText(place, text) for place, text in edits))


def related(message: str = "set here", path: str = "shop/conf.py") -> Related:
    return Related(at(path, 1, 1, 1, 10), message)


def report(*findings: Finding, **more: Any) -> Report:
    by_code = {found.code: 0 for found in findings}
    for found in findings:
        by_code[found.code] += 1
    summary = Summary(files=2, tasks=3, suppressed=0, baselined=0, undecided=0, by_code=by_code)
    return Report(findings=findings, summary=summary, sources={"shop/tasks.py": SOURCE}, **more)


def page(code: str = "CLY201", **more: Any) -> RulePage:
    fields: dict[str, Any] = {
        "code": code,
        "name": "broad-autoretry",
        "summary": "A task is retried after its own bugs.",
        "text": f"# {code}\n\nText.\n",
        "severity": Severity.WARNING,
        "confidence": Confidence.HIGH,
        "preset": "recommended",
        "url": f"https://example.org/{code}.html",
    }
    return RulePage(**{**fields, **more})


EVIL = "a\x1b]0;owned\x07b\x00c\x9bd\u202ee\rf\n::error::g%0Ah ]]> <x a=\"b\"> & 'i' \ufffe \udce9 😀 ##[group]"
"""Text that means something to terminals, to GitHub's log, to XML and to JSON."""
EVIL_PATH = "a:b/50%, c#d?é \udce9\n.py"


def evil() -> Report:
    """A report whose every text is hostile."""
    place = at(EVIL_PATH, 1, 1, 2, 5)
    found = finding(message=EVIL, help=EVIL, name=EVIL, symbol=EVIL, place=place, related=(related(EVIL, EVIL_PATH),))
    return Report(findings=(found,), summary=report(found).summary, sources={EVIL_PATH: EVIL})

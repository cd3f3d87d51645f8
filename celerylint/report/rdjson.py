"""For reviewdog: its diagnostic format, whose columns count bytes of UTF-8."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from celerylint.finding import Finding, Place, ReplaceText, Report, Span
from celerylint.report.style import PLAIN, Style
from celerylint.text import SITE

_LONGEST_SUGGESTION = 40
"""Lines. Who reads a suggestion has to take it or leave it as a whole."""


def render(report: Report, style: Style = PLAIN) -> str:
    """One object. ASCII only."""
    lines = {path: re.split(r"\r\n|\r|\n", text) for path, text in report.sources.items()}
    document = {
        "source": {"name": "celerylint", "url": SITE},
        "diagnostics": [_diagnostic(finding, lines, report.base) for finding in report.findings],
    }
    return json.dumps(document, indent=2) + "\n"


def _diagnostic(finding: Finding, lines: dict[str, list[str]], base: str) -> dict[str, Any]:
    message = f"{finding.message}\n\n{finding.help}" if finding.help else finding.message
    diagnostic: dict[str, Any] = {
        "message": message,
        "location": _location(finding.place, lines, base),
        "severity": finding.severity.value.upper(),
        "code": {"value": finding.code, "url": finding.url},
    }
    if finding.related:
        diagnostic["relatedLocations"] = [
            {"message": related.message, "location": _location(related.place, lines, base)}
            for related in finding.related
        ]
    if suggestion := _suggestion(finding, lines):
        diagnostic["suggestions"] = [suggestion]
    return diagnostic


def _location(place: Place, lines: dict[str, list[str]], base: str) -> dict[str, Any]:
    return {"path": base + place.path, "range": _range(place.span, lines.get(place.path, []))}


def _range(span: Span, lines: Sequence[str]) -> dict[str, Any]:
    return {
        "start": {"line": span.line, "column": _bytes(lines, span.line, span.column)},
        "end": {"line": span.end_line, "column": _bytes(lines, span.end_line, span.end_column)},
    }


def _bytes(lines: Sequence[str], line: int, column: int) -> int:
    """The column that counts bytes; the same where the source is not known."""
    if not 0 < line <= len(lines):
        return column
    before = lines[line - 1][: column - 1]
    return column + len(before.encode("utf-8", "surrogatepass")) - len(before)


def _suggestion(finding: Finding, lines: dict[str, list[str]]) -> dict[str, Any] | None:
    """All edits of a fix as one text, since several suggestions would be taken one by one; None if they are far apart."""
    path = finding.place.path
    source = lines.get(path)
    edits = [edit for edit in finding.fix.edits if isinstance(edit, ReplaceText)] if finding.fix else []
    if not edits or source is None or any(edit.place.path != path for edit in edits):
        return None
    edits.sort(key=lambda edit: edit.place.span)
    first, last = edits[0].place.span, edits[-1].place.span
    whole = Span(first.line, first.column, last.end_line, last.end_column)
    if whole.end_line - whole.line >= _LONGEST_SUGGESTION:
        return None
    text = ""
    at = (whole.line, whole.column)
    for edit in edits:
        span = edit.place.span
        text += _between(source, at, (span.line, span.column)) + edit.text
        at = (span.end_line, span.end_column)
    return {"range": _range(whole, source), "text": text}


def _between(lines: Sequence[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    (first, column), (last, end_column) = start, end
    if first == last:
        return lines[first - 1][column - 1 : end_column - 1]
    return "\n".join((lines[first - 1][column - 1 :], *lines[first : last - 1], lines[last - 1][: end_column - 1]))

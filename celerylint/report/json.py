"""For programs. The shape is a promise: fields are added, never changed, without a new version number."""

from __future__ import annotations

import json
from typing import Any

from celerylint.finding import Finding, Fix, ReplaceText, Report
from celerylint.report.style import PLAIN, Style

VERSION = 1


def render(report: Report, style: Style = PLAIN) -> str:
    """One object. ASCII only, so that no terminal or pipe can break it."""
    summary = report.summary
    document = {
        "version": VERSION,
        "findings": [_finding(finding) for finding in report.findings],
        "summary": {
            "files": summary.files,
            "tasks": summary.tasks,
            "suppressed": summary.suppressed,
            "baselined": summary.baselined,
            "unchanged": summary.unchanged,
            "undecided": summary.undecided,
            "by_code": dict(sorted(summary.by_code.items())),
        },
    }
    return json.dumps(document, indent=2) + "\n"


def _finding(finding: Finding) -> dict[str, Any]:
    span = finding.place.span
    return {
        "code": finding.code,
        "name": finding.name,
        "message": finding.message,
        "help": finding.help,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "path": finding.place.path,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
        "symbol": finding.symbol,
        "related": [
            {
                "path": related.place.path,
                "line": related.place.span.line,
                "column": related.place.span.column,
                "message": related.message,
            }
            for related in finding.related
        ],
        "fix": _fix(finding.fix) if finding.fix is not None else None,
        "url": finding.url,
        "fingerprint": finding.fingerprint,
    }


def _fix(fix: Fix) -> dict[str, Any]:
    """A fix whose edits have been worked out: what else is among them nobody could carry out."""
    return {
        "title": fix.title,
        "safety": fix.safety,
        "risk": fix.risk,
        "edits": [
            {
                "path": edit.place.path,
                "start": {"line": edit.place.span.line, "column": edit.place.span.column},
                "end": {"line": edit.place.span.end_line, "column": edit.place.span.end_column},
                "text": edit.text,
            }
            for edit in fix.edits
            if isinstance(edit, ReplaceText)
        ],
    }

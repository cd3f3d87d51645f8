"""For GitLab: a Code Quality report, shown in merge requests."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any

from celerylint.finding import Finding, Report, Severity
from celerylint.report.style import PLAIN, Style

_SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "major", Severity.INFO: "info"}


def render(report: Report, style: Style = PLAIN) -> str:
    """One list of issues, empty where nothing is found. ASCII only."""
    return json.dumps([_issue(finding, report.base) for finding in report.findings], indent=2) + "\n"


def _issue(finding: Finding, base: str) -> dict[str, Any]:
    span = finding.place.span
    return {
        "type": "issue",
        "check_name": finding.code,
        "description": f"{finding.code} {finding.message}",
        "content": {"body": f"{finding.help}\n\n{finding.url}".strip()},
        "categories": ["Bug Risk"],
        "severity": _SEVERITIES[finding.severity],
        "fingerprint": _fingerprint(finding, base),
        "location": {
            "path": base + finding.place.path,
            "lines": {"begin": span.line, "end": max(span.end_line, span.line)},
        },
    }


def _fingerprint(finding: Finding, base: str) -> str:
    """GitLab throws the issues of all reports together: two projects of one checkout must not share a fingerprint."""
    if not base:
        return finding.fingerprint
    return blake2b(f"{base}\0{finding.fingerprint}".encode("utf-8", "replace"), digest_size=8).hexdigest()

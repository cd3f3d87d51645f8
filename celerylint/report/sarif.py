"""For code scanning and editors: SARIF 2.1.0.

Findings that comments silence are left out: GitHub opens alerts for them even where they are marked as suppressed.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from celerylint.finding import Confidence, Finding, Fix, Place, Related, ReplaceText, Report, RulePage, Severity, Span
from celerylint.report.style import PLAIN, Style
from celerylint.text import SITE

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_ROOT = "%SRCROOT%"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_PROBLEMS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "recommendation"}
_PRECISIONS = {Confidence.HIGH: "high", Confidence.MEDIUM: "medium", Confidence.LOW: "low"}
_UNREADABLE = "CLY900"
_BROKEN = "CLY990"


def render(report: Report, style: Style = PLAIN) -> str:
    """One log with one run. ASCII only."""
    pages = {page.code: page for page in report.rules}
    rules = [pages.get(code) or _unknown(code, report) for code in sorted({*pages, *_codes(report)})]
    index = {page.code: number for number, page in enumerate(rules)}
    driver: dict[str, Any] = {"name": "celerylint", "informationUri": SITE}
    if report.version:
        driver |= {"version": report.version, "semanticVersion": report.version}
    run = {
        "tool": {"driver": driver | {"rules": [_rule(page) for page in rules]}},
        "invocations": [_invocation(report)],
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The top of the checkout."}}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, index, report.base) for finding in report.findings if finding.place.path != "."],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


def _unknown(code: str, report: Report) -> RulePage:
    """A rule that the report does not describe, as far as its findings do."""
    finding = next(finding for finding in report.findings if finding.code == code)
    return RulePage(
        code=code,
        name=finding.name,
        summary=finding.name,
        text="",
        severity=finding.severity,
        confidence=finding.confidence,
        preset="",
        url=finding.url,
    )


def _rule(page: RulePage) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": page.code,
        "name": page.name,
        "shortDescription": {"text": page.summary},
        "fullDescription": {"text": page.summary},
        "help": {"text": f"{page.summary} {page.url}".strip()},
        "defaultConfiguration": {"level": _LEVELS[page.severity]},
        "properties": {
            "tags": ["celery", *([page.preset] if page.preset else [])],
            "precision": _PRECISIONS[page.confidence],
            "problem.severity": _PROBLEMS[page.severity],
        },
    }
    if page.text:
        rule["help"]["markdown"] = page.text
    if page.url:
        rule["helpUri"] = page.url
    return rule


def _invocation(report: Report) -> dict[str, Any]:
    """Whether the run went through, and what it could not read or judge: silence there is no approval."""
    said = [finding for finding in report.findings if finding.code in (_UNREADABLE, _BROKEN)]
    return {
        "executionSuccessful": all(finding.code != _BROKEN for finding in said),
        "toolExecutionNotifications": [
            {
                "descriptor": {"id": finding.code},
                "level": "error" if finding.code == _BROKEN else "warning",
                "message": {"text": _sentence(finding.message)},
                **({"locations": [_location(finding.place, report.base)]} if finding.place.path != "." else {}),
            }
            for finding in said
        ],
    }


def _result(finding: Finding, index: dict[str, int], base: str) -> dict[str, Any]:
    text = f"{_sentence(finding.message)}\n{_sentence(finding.help)}" if finding.help else _sentence(finding.message)
    location = _location(finding.place, base)
    if finding.symbol:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.symbol}]
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": index[finding.code],
        "level": _LEVELS[finding.severity],
        "message": {"text": text},
        "locations": [location],
        "properties": {"confidence": finding.confidence.value},
    }
    if finding.related:
        result["relatedLocations"] = [
            _related(number, related, base) for number, related in enumerate(finding.related, 1)
        ]
    if finding.fingerprint:
        result["partialFingerprints"] = {"celerylint/v1": finding.fingerprint}
    if finding.fix is not None and (changes := _changes(finding.fix, base)):
        result["fixes"] = [{"description": {"text": _title(finding.fix)}, "artifactChanges": changes}]
    return result


def _related(number: int, related: Related, base: str) -> dict[str, Any]:
    return {"id": number, **_location(related.place, base), "message": {"text": related.message or "here"}}


def _title(fix: Fix) -> str:
    return fix.title if fix.safety == "safe" else f"{fix.title} (changes what runs: {fix.risk or 'review it'})"


def _changes(fix: Fix, base: str) -> list[dict[str, Any]]:
    by_path: dict[str, list[ReplaceText]] = {}
    for edit in fix.edits:
        if isinstance(edit, ReplaceText):
            by_path.setdefault(edit.place.path, []).append(edit)
    return [
        {
            "artifactLocation": _artifact(path, base),
            "replacements": [
                {"deletedRegion": _region(edit.place.span), "insertedContent": {"text": edit.text}} for edit in edits
            ],
        }
        for path, edits in by_path.items()
    ]


def _location(place: Place, base: str) -> dict[str, Any]:
    return {
        "physicalLocation": {"artifactLocation": _artifact(place.path, base), "region": _region(place.span)},
    }


def _artifact(path: str, base: str) -> dict[str, str]:
    # A colon in the first part would make it a scheme; bytes that are no text come through as they are on disk.
    return {"uri": quote((base + path).encode("utf-8", "surrogateescape"), safe="/"), "uriBaseId": _ROOT}


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def _sentence(text: str) -> str:
    """GitHub shows the first sentence, up to its full stop, where there is little room."""
    return text if text.endswith((".", "!", "?")) else text + "."

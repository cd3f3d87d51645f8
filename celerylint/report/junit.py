"""For servers that read test results: each file a suite, each finding a case that fails."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from celerylint.finding import Finding, Report
from celerylint.report.style import PLAIN, Style
from celerylint.text import clean

# What XML 1.0 cannot say, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}


def render(report: Report, style: Style = PLAIN) -> str:
    """One document. Where nothing is found it holds a case that passes: servers take no cases for a run that broke."""
    count = len(report.findings)
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<testsuites name="celerylint" tests="{count or 1}" failures="{count}" errors="0">',
    ]
    for path, findings in groupby(report.findings, key=lambda finding: finding.place.path):
        lines += _suite(path, list(findings))
    if not count:
        lines += [
            '  <testsuite name="celerylint" tests="1" failures="0" errors="0" skipped="0">',
            '    <testcase name="no faults found" classname="celerylint"/>',
            "  </testsuite>",
        ]
    return "\n".join((*lines, "</testsuites>")) + "\n"


def _suite(path: str, findings: Sequence[Finding]) -> list[str]:
    count = len(findings)
    lines = [f'  <testsuite name={_quoted(path)} tests="{count}" failures="{count}" errors="0" skipped="0">']
    seen: Counter[str] = Counter()
    for finding in findings:
        # A case is known by its name from one run to the next, so there is no line in it.
        name = f"{finding.code} {finding.name}" + (f": {finding.symbol}" if finding.symbol else "")
        seen[name] += 1
        if seen[name] > 1:
            name += f" ({seen[name]})"
        span = finding.place.span
        where = f'file={_quoted(path)} line="{span.line}"'
        said = f"{path}:{span.line}:{span.column}: {finding.code} {finding.message}"
        body = "\n".join(_text(clean(line)) for line in (said, finding.help, finding.url) if line)
        lines += [
            f"    <testcase name={_quoted(name)} classname={_quoted(path)} {where}>",
            f"      <failure type={_quoted(finding.severity.value)} message={_quoted(finding.message)}>{body}</failure>",
            "    </testcase>",
        ]
    return [*lines, "  </testsuite>"]


def _quoted(text: str) -> str:
    return f'"{_text(clean(text))}"'


def _text(text: str) -> str:
    return re.sub('[&<>"\n\r\t]', lambda match: _ESCAPES[match[0]], _FORBIDDEN.sub("", text))

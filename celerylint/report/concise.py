"""For editors, grep and logs: one line for each finding."""

from __future__ import annotations

from celerylint.finding import Finding, Report
from celerylint.report.style import PLAIN, Style
from celerylint.text import clean


def render(report: Report, style: Style = PLAIN) -> str:
    """`path:line:col: CODE [severity] message`, a line each."""
    return "".join(_line(finding, style) + "\n" for finding in report.findings)


def _line(finding: Finding, style: Style) -> str:
    span = finding.place.span
    code = style.link(style.paint(clean(finding.code), "red"), finding.url)
    where = f"{style.paint(clean(finding.place.path), 'bold')}:{span.line}:{span.column}"
    return f"{where}: {code} [{finding.severity.value}] {clean(finding.message)}"

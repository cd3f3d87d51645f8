"""For people who go file by file: the findings of each under its name, aligned."""

from __future__ import annotations

from itertools import groupby

from celerylint.finding import Finding, Report, Severity
from celerylint.report.full import summary
from celerylint.report.style import PLAIN, Paint, Style
from celerylint.text import clean

_PAINTS: dict[Severity, Paint] = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}


def render(report: Report, style: Style = PLAIN) -> str:
    """A block for each file, then the summary."""
    blocks = [
        "\n".join((style.paint(clean(path), "bold") + ":", *_lines(list(findings), style)))
        for path, findings in groupby(report.findings, key=lambda finding: finding.place.path)
    ]
    if style.summary:
        blocks.append("\n".join(summary(report, style)))
    return "\n\n".join(blocks) + "\n" if blocks else ""


def _lines(findings: list[Finding], style: Style) -> list[str]:
    places = [f"{finding.place.span.line}:{finding.place.span.column}" for finding in findings]
    widest = max(map(len, places))
    severities = max(len(finding.severity.value) for finding in findings)
    lines = []
    for place, finding in zip(places, findings, strict=True):
        code = style.link(style.paint(clean(finding.code), _PAINTS[finding.severity]), finding.url)
        before = widest + severities + len(clean(finding.code)) + 6
        said = style.wrap(clean(finding.message), " " * before, taken=before)
        lines.append(f"  {place.rjust(widest)}  {finding.severity.value.ljust(severities)} {code} {said}")
    return lines

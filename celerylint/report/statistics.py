"""How many findings each rule has."""

from __future__ import annotations

from collections import Counter

from celerylint.finding import Report
from celerylint.report.full import summary
from celerylint.report.style import PLAIN, Style, table
from celerylint.text import clean


def render(report: Report, style: Style = PLAIN) -> str:
    """A line for each rule, most findings first, and the summary."""
    counts = Counter((finding.code, finding.severity.value, finding.name) for finding in report.findings)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rows = [(str(count), clean(code), severity, clean(name)) for (code, severity, name), count in ranked]
    parts = ["\n".join(table(rows, indent="", right=(0,)))] if rows else []
    if style.summary:
        parts.append("\n".join(summary(report, style)))
    return "\n\n".join(parts) + "\n" if parts else ""

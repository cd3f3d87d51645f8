"""For GitHub Actions: workflow commands, which it shows at the lines of a pull request and, as text, in the log."""

from __future__ import annotations

from celerylint.finding import Finding, Report, Severity
from celerylint.report.full import summary
from celerylint.report.style import PLAIN, Style
from celerylint.text import clean

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(report: Report, style: Style = PLAIN) -> str:
    """A command for each finding, with its place and help in the text too, since the log shows nothing else."""
    lines = [_command(finding, report.base) for finding in report.findings]
    if style.summary:
        lines += summary(report)
    return "".join(line + "\n" for line in lines)


def _command(finding: Finding, base: str) -> str:
    span = finding.place.span
    path = base + finding.place.path
    where = {"file": clean(path), "line": str(span.line)}
    if span.end_line <= span.line:
        where |= {"col": str(span.column), "endLine": str(span.line), "endColumn": str(span.end_column)}
    else:
        where |= {"endLine": str(span.end_line)}  # GitHub takes columns only where lines are the same
    title = f"celerylint: {clean(finding.name)} ({clean(finding.code)})"
    given = ",".join(f"{key}={_property(value)}" for key, value in {"title": title, **where}.items())
    text = f"{clean(path)}:{span.line}:{span.column}: {clean(finding.code)} {clean(finding.message)}"
    if finding.help:
        text += f"\nhelp: {clean(finding.help)}"
    return f"::{_COMMANDS[finding.severity]} {given}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")

"""For people: each finding with its source, what happens and what to do. Equal findings are shown once or twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from celerylint.finding import Finding, Report, Severity
from celerylint.report.frame import Label, frames
from celerylint.report.style import PLAIN, Paint, Style
from celerylint.text import clean, plural, skeleton

_PAINTS: dict[Severity, Paint] = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
_SHOWN = 2
"""How many of a group are shown with their source."""
_GROUPED_FROM = 5
"""Smaller groups are shown whole: hiding one or two findings saves nobody's time."""
_FILES_NAMED = 5
_INDENT = "    "
_RISKS_SHOWN = 4
"""Of how many rules it is said why their fixes are not safe."""


def render(report: Report, style: Style = PLAIN) -> str:
    """The report, errors first."""
    blocks: list[str] = []
    hidden = 0
    for group in _groups(report.findings):
        shown = group[:_SHOWN] if len(group) >= _GROUPED_FROM else group
        blocks += [_block(finding, report, style) for finding in shown]
        if rest := group[len(shown) :]:
            hidden += len(rest)
            blocks.append(_rest(rest, style))
    if style.summary:
        blocks.append("\n".join(summary(report, style, hidden=hidden)))
    return "\n\n".join(blocks) + "\n" if blocks else ""


def summary(report: Report, style: Style = PLAIN, *, hidden: int = 0) -> list[str]:
    """What was found and read, in a line or two. `hidden` findings were counted rather than shown."""
    counts = report.summary
    read = f"{plural(counts.tasks, 'task')} in {plural(counts.files, 'file')}"
    if not report.findings:
        new = "new " if counts.baselined or counts.unchanged else ""
        lines = [style.paint(f"No {new}faults found", "green") + f": {read} read."]
        if not counts.tasks:
            lines = [f"No Celery tasks found in {plural(counts.files, 'file')}."]
    else:
        severities = Counter(finding.severity for finding in report.findings)
        parts = [
            style.paint(
                plural(severities[severity], noun) if noun else f"{severities[severity]} info", _PAINTS[severity]
            )
            for severity, noun in ((Severity.ERROR, "error"), (Severity.WARNING, "warning"), (Severity.INFO, ""))
            if severities[severity]
        ]
        lines = [f"Found {plural(len(report.findings), 'fault')}: {', '.join(parts)} ({read})."]
    lines += offered(report, style)
    if hidden:
        counted = f"{hidden:,} of them only counted above: `--output-format concise` lists every one."
        lines.append(style.wrap(counted, _INDENT))
    aside = [
        f"{count:,} {word}"
        for count, word in (
            (counts.suppressed, "suppressed by comments"),
            (counts.baselined, "in the baseline"),
            (counts.unchanged, "on lines that were not changed"),
            (counts.undecided, "undecided without running code (`--verbose` says which)"),
        )
        if count
    ]
    if aside:
        lines.append(style.wrap("Not shown: " + ", ".join(aside) + ".", _INDENT))
    return lines


def offered(report: Report, style: Style = PLAIN) -> list[str]:
    """How much of what was found can be mended, by what, and what the fixes that are not safe would do besides."""
    safe, unsafe = report.summary.fixable, report.summary.fixable_unsafe
    if not unsafe:
        return [f"`--fix` mends {safe:,} of them."] if safe else []
    also = f"`--fix --unsafe-fixes` {f'{unsafe:,} more' if safe else f'mends {unsafe:,} of them'}"
    first = f"`--fix` mends {safe:,} of them, {also}" if safe else also
    risks = Counter(f.code for f in report.findings if f.fix is not None and f.fix.safety == "unsafe" and f.fix.risk)
    if not risks:
        return [f"{first}."]
    said = {f.code: f.fix.risk for f in report.findings if f.code in risks and f.fix is not None and f.fix.risk}
    most = sorted(risks, key=lambda code: (-risks[code], code))
    shown = most if len(most) <= _RISKS_SHOWN + 1 else most[:_RISKS_SHOWN]
    lines = [style.wrap(f"{first}, which change what runs:", _INDENT)]
    lines += [style.wrap(f"  {risks[code]:,} x {code}: {clean(said[code])}", "      ") for code in shown]
    if len(shown) < len(most):
        rest = sum(risks[code] for code in most[len(shown) :])
        lines.append(
            f"  {rest:,} more by {plural(len(most) - len(shown), 'other rule')}: `celerylint explain CODE` says what"
        )
    return lines


def undecided(report: Report, style: Style = PLAIN) -> str:
    """What could not be decided, once for each cause."""
    causes: dict[str, list[str]] = {}
    for item in report.undecided:
        causes.setdefault(clean(item.why), []).append(
            f"{clean(item.what)} ({clean(item.place.path)}:{item.place.line})"
        )
    lines = []
    for why, items in causes.items():
        more = f" and {len(items) - 1:,} more" if len(items) > 1 else ""
        lines.append(style.wrap(f"undecided: {why}: {items[0]}{more}", "    "))
    return "".join(line + "\n" for line in lines)


def _groups(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Findings that say the same of different tasks, together; severe ones first, then in the report's order."""
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.code, _said(finding.message, finding), _said(finding.help, finding)), []).append(
            finding
        )
    return sorted(groups.values(), key=lambda group: -group[0].severity.rank)


def _said(text: str, finding: Finding) -> str:
    for name in (finding.symbol, finding.subject, finding.symbol.rpartition(".")[2]):
        if len(name) > 2:
            text = text.replace(name, "_")
    return skeleton(text)


def _block(finding: Finding, report: Report, style: Style) -> str:
    paint = _PAINTS[finding.severity]
    tag = f"{finding.severity.value}[{clean(finding.code)}]"
    title = f"{clean(finding.name)}: {clean(finding.message)}"
    wrapped = style.wrap(title, "    ", taken=len(tag) + 1)
    head = f"{style.link(style.paint(tag, paint), finding.url)} {style.paint(wrapped, 'bold')}"
    labels = [
        Label(finding.place, "", True),
        *(Label(related.place, related.message, False) for related in finding.related),
    ]
    lines = [head, *frames(labels, report.sources, style, paint)]
    if finding.help:
        lines.append(f"  {style.paint('help:', 'green')} {style.wrap(clean(finding.help), '        ', taken=8)}")
    return "\n".join(lines)


def _rest(rest: Sequence[Finding], style: Style) -> str:
    files = Counter(clean(finding.place.path) for finding in rest)
    named = sorted(files.items(), key=lambda item: (-item[1], item[0]))
    listed = ", ".join(f"{path} ({count})" for path, count in named[:_FILES_NAMED])
    if len(named) > _FILES_NAMED:
        listed += f" and {plural(len(named) - _FILES_NAMED, 'other file')}"
    text = f"... and {len(rest):,} more of {clean(rest[0].code)} in {plural(len(files), 'file')}: {listed}"
    return style.paint(style.wrap(text, "    "), "dim")

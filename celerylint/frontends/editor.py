"""What an editor wants to know of a project while somebody types: no protocol, only texts, places and pages."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from celerylint.config import Options
from celerylint.engine import check, inspect
from celerylint.facts.deploy.kinds import kind_of
from celerylint.finding import Finding, ReplaceText, Report
from celerylint.fixes.comments import silenced
from celerylint.fixes.text import Change, FixError, Text
from celerylint.inspection import Answer, Inspection, TaskInfo
from celerylint.repair import repair, worked_out
from celerylint.text import clean

_TOLD = (
    "acks_late",
    "acks_on_failure_or_timeout",
    "reject_on_worker_lost",
    "autoretry_for",
    "max_retries",
    "default_retry_delay",
    "retry_backoff",
    "time_limit",
    "soft_time_limit",
    "ignore_result",
    "rate_limit",
    "serializer",
    "expires",
)
"""Options that are told whoever decided them; others only where somebody did."""


class View(Struct, frozen=True):
    """What one run over a project found, and what it took the files for."""

    root: Path
    paths: tuple[str, ...]
    options: Options
    unsaved: Mapping[str, bytes]
    """The bytes of files that were not as they are on disk, by path from the root."""
    report: Report

    def findings(self, path: str, first: int, last: int) -> tuple[Finding, ...]:
        """The findings in a file that touch some of its lines, from 1; both are included."""
        return tuple(
            finding
            for finding in self.report.findings
            if finding.place.path == path
            and finding.place.span.line <= last
            and first <= max(finding.place.span.end_line, finding.place.span.line)
        )


def look(root: Path, paths: Sequence[str], options: Options, unsaved: Mapping[str, bytes]) -> View:
    """Lint. Raises UsageError as `check` does."""
    options = replace(options, force_exclude=True)
    report = check(paths, options, root=root, overlay=unsaved or None)
    return View(root, tuple(paths), options, dict(unsaved), report)


def readable(path: str, source: bytes) -> bool:
    """Whether a file can be read as what its name says it is: while somebody types, it often cannot."""
    if path.endswith(".py"):
        from celerylint.facts.lower import extract

        return extract(path, source).error is None
    from celerylint.facts.deploy.read import read

    kind = kind_of(path, source)
    return kind is None or read(path, kind, source).error is None


# -- fixes ------------------------------------------------------------------------------------------------------------


def fixes(view: View, findings: Iterable[Finding]) -> Iterator[tuple[Finding, tuple[ReplaceText, ...]]]:
    """The findings whose fix can be carried out, each with what it replaces."""
    offered = tuple(f for f in findings if f.fix is not None and f.fix.safety != "display")
    if not offered:
        return
    spelled = worked_out(replace(view.report, findings=offered), root=view.root, unsaved=view.unsaved)
    for finding, mended in zip(offered, spelled.findings, strict=True):
        if mended.fix is not None:
            yield finding, tuple(edit for edit in mended.fix.edits if isinstance(edit, ReplaceText))


def silencing(view: View, path: str, source: bytes, finding: Finding) -> tuple[ReplaceText, ...]:
    """The comment that silences a finding where it stands; nothing where none can."""
    if path.endswith(".json"):
        return ()
    try:
        text = Text(path, source)
        return _difference(text, silenced(text, [finding], ""))
    except FixError:
        return ()


def mendable(view: View, path: str) -> bool:
    """Whether anything in a file is safe to mend."""
    return any(f.fix is not None and f.fix.safety == "safe" for f in view.report.findings if f.place.path == path)


def all_mended(view: View, path: str, source: bytes) -> tuple[ReplaceText, ...]:
    """What makes of a file what it is once everything in it is mended that is safe to mend. Other files stay as they are."""
    options = replace(view.options, unsafe_fixes=False)
    name = str(view.root / path)
    report = check([name], options, root=view.root, overlay=view.unsaved or None)
    done = repair([name], options, root=view.root, report=report, writing=False, unsaved=view.unsaved)
    if path not in done.changes:
        return ()
    try:
        before, after = Text(path, source), Text(path, done.changes[path][1])
    except FixError:
        return ()
    return _difference(before, after.text)


def _difference(before: Text, after: str) -> tuple[ReplaceText, ...]:
    """The one stretch of a text that must be replaced to turn it into another."""
    old = before.text
    if old == after:
        return ()
    start = 0
    while start < min(len(old), len(after)) and old[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(old), len(after)) - start and old[-1 - end] == after[-1 - end]:
        end += 1
    return before.as_edits([Change(start, len(old) - end, after[start : len(after) - end])])


# -- pages ------------------------------------------------------------------------------------------------------------


def understood(view: View) -> Inspection:
    """What is understood of the project as the view saw it."""
    return inspect(view.paths, view.options, root=view.root, overlay=view.unsaved or None)


def task_at(inspection: Inspection, path: str, text: str, line: int) -> TaskInfo | None:
    """The task that is defined or sent at a line."""
    here = [task for task in inspection.tasks if task.path == path]
    for first, last in _headers(text, line):
        for task in here:
            if first <= task.line <= last:
                return task
    exact = [task for task in here if task.line == line]
    if exact:
        return exact[0]
    sent = {one.task for one in inspection.dispatches if (one.path, one.line) == (path, line)}
    named = [task for task in inspection.tasks if task.name in sent]
    return named[0] if len(named) == 1 else None


def _headers(text: str, line: int) -> Iterator[tuple[int, int]]:
    """The lines of the decorators and of the signature of what is defined around a line, if the line is one of them."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            last = max(node.lineno, node.body[0].lineno - 1)
            if first <= line <= last:
                yield first, last


def task_page(task: TaskInfo) -> str:
    """What holds for a task, in Markdown."""
    rows = [("queue", task.queue), *((name, task.options[name]) for name in _options(task))]
    lines = [f"**{clean(task.name)}** (Celery task)", "", "| option | value | decided by |", "|---|---|---|"]
    lines += [f"| {name} | {_value(answer)} | {_origin(answer)} |" for name, answer in rows]
    safe = {"yes": "does no harm", "no": "does again what the first has done"}.get(task.repeat_safe)
    if safe:
        lines += ["", f"A second run {safe}."]
    return "\n".join(lines)


def _options(task: TaskInfo) -> list[str]:
    chosen = [name for name, answer in task.options.items() if answer.known and answer.origin.kind != "default"]
    told = [name for name in _TOLD if name in task.options]
    return [name for name in dict.fromkeys([*chosen, *told]) if name != "queue"]


def _value(answer: Answer) -> str:
    if not answer.known:
        return f"not known: {_cell(answer.why)}" if answer.why else "not known"
    return f"`{_cell(str(answer.value))}`" + (", unless the environment says otherwise" if answer.overridable else "")


def _origin(answer: Answer) -> str:
    origin = answer.origin
    where = f" ({_cell(origin.path)}:{origin.line})" if origin.path else ""
    kind = "Celery's default" if origin.kind == "default" else origin.kind
    return f"{kind}{where}"


def _cell(text: str) -> str:
    return clean(text).replace("|", "\\|").replace("`", "'")


def rule_page(finding: Finding) -> str:
    """What a finding says and the page of its rule, in Markdown."""
    from celerylint.frontends.explain import find, page
    from celerylint.rules.registry import all_rules

    return f"{clean(finding.message)}\n\n{page(find(finding.code, all_rules()))}"


def at(finding: Finding, line: int, column: int) -> bool:
    """Whether a place, from 1, is one that a finding stands at."""
    span = finding.place.span
    return (span.line, span.column) <= (line, column) <= (span.end_line, max(span.end_column, span.column))

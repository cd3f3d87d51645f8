"""Where findings go: which formats, to which files, and what a format needs to know besides."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

from msgspec.structs import replace

from celerylint import __version__
from celerylint.config import Options, Output, Settings, UsageError
from celerylint.finding import Report, RulePage
from celerylint.report.style import Style
from celerylint.text import page_of

_WITH_FIXES = frozenset(("json", "rdjson", "sarif"))
_FOR_PEOPLE = frozenset(("full", "concise", "grouped"))


def outputs(settings: Settings, environment: Mapping[str, str] = os.environ) -> tuple[Output, ...]:
    """The formats of a run, each with its file. On GitHub Actions its own is chosen where none is asked for.

    Raises:
        UsageError: two of them go to one place.
    """
    options = settings.options
    asked = options.output_format
    if not asked:
        on_github = environment.get("GITHUB_ACTIONS") == "true" and options.output_file is None
        asked = (Output("github" if on_github else "full"),)
    bare = [output.format for output in asked if output.file is None]
    if len(bare) > 1:
        raise UsageError(
            f"{' and '.join(bare)} cannot both go to one place: give all but one a file, as in {bare[-1]}:FILE"
        )
    if not bare and "output_file" in settings.flags:
        raise UsageError("--output-file is for a format without a file of its own, and every one has one")
    chosen = tuple(output if output.file else Output(output.format, options.output_file) for output in asked)
    files = [os.path.abspath(output.file) for output in chosen if output.file]
    if len(set(files)) < len(files):
        raise UsageError("two of the output formats name the same file")
    return chosen


def write_report(
    report: Report,
    chosen: Sequence[Output],
    settings: Settings,
    *,
    quiet: bool,
    unsaved: Mapping[str, bytes] | None = None,
) -> str:
    """Write the report in each of the formats chosen. `unsaved` is what was taken for the content of files, by path.

    Returns what was written to standard output.

    Raises:
        UsageError: a file cannot be written.
    """
    shapes = {output.format for output in chosen}
    if shapes & _WITH_FIXES and any(finding.fix is not None for finding in report.findings):
        from celerylint.repair import worked_out

        report = worked_out(report, root=settings.root, unsaved=unsaved)
    if "sarif" in shapes:
        report = replace(report, rules=_pages(settings.options))
    report = replace(report, base=_base(settings.root), version=__version__)
    printed = ""
    for output in chosen:
        shape = "statistics" if settings.options.statistics and output.format in _FOR_PEOPLE else output.format
        render = import_module(f"celerylint.report.{shape}").render
        text = render(report, style(settings.options, output.file, quiet))
        write(text, output.file)
        printed += text if output.file is None else ""
    return printed


def style(options: Options, file: str | None, quiet: bool) -> Style:
    """The style for a file, or for standard output."""
    if file is not None:
        return Style(color=options.color == "always", summary=not quiet)
    from celerylint.frontends.terminal import style_for

    return style_for(sys.stdout, options.color, summary=not quiet)


def write(text: str, file: str | None) -> None:
    """Write text to a file, or to standard output.

    Raises:
        UsageError: the file cannot be written.
    """
    if file is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    try:
        with open(file, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as stream:
            stream.write(text)
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from error


def _pages(options: Options) -> tuple[RulePage, ...]:
    """The rules of this run, described."""
    from celerylint.frontends.explain import page
    from celerylint.rules.registry import all_rules
    from celerylint.settle.select import selected

    known = all_rules()
    chosen = selected(options, known)
    return tuple(
        RulePage(
            code=rule.code,
            name=rule.name,
            summary=rule.summary,
            text=page(rule),
            severity=rule.severity,
            confidence=rule.confidence,
            preset=rule.preset,
            url=page_of(rule.code),
        )
        for rule in known
        if rule.code in chosen
    )


def _base(root: Path) -> str:
    """Where the root lies in its git checkout: empty, or ending in `/`."""
    for folder in (root, *root.parents):
        if (folder / ".git").exists():
            inside = root.relative_to(folder).as_posix()
            return "" if inside == "." else inside + "/"
    return ""

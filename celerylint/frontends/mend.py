"""`--fix`, `--diff` and `--add-ignores`: what is said of them, and how they end."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from celerylint.config import Settings
from celerylint.finding import Finding, Report
from celerylint.repair import Repair, add_ignores, diff, repair, write_all
from celerylint.text import clean, plural


class Mended(Struct, frozen=True):
    """What is left to report, None for nothing, and the least exit status."""

    report: Report | None
    status: int
    unsaved: Mapping[str, bytes] = {}
    """The mended bytes of files that are not to be written, by path."""


def mend(
    paths: Sequence[str],
    settings: Settings,
    report: Report,
    *,
    diff: bool,
    reason: str | None,
    quiet: bool,
    unsaved: Mapping[str, bytes] | None = None,
) -> Mended:
    """Mend what `report` says, or show how. `reason` is what comments that silence the rest say; None for none of them.

    `unsaved` is the one file that came from standard input, by path: mended, it goes to standard output.

    Raises:
        UsageError: as a run does.
    """
    options, root = settings.options, settings.root
    writing = not diff and unsaved is None
    done = Repair(report=report)
    if options.fix or options.fix_only or reason is None:
        done = repair(paths, options, root=root, report=report, writing=writing, unsaved=unsaved)
    fixed = len(done.applied)
    silenced = 0
    if reason is not None:
        done, silenced = add_ignores(done, paths, options, root=root, reason=reason, writing=writing, unsaved=unsaved)
    if diff:
        return _shown(done, fixed + silenced, quiet, options.unsafe_fixes)
    if unsaved is not None:
        mended = {path: after for path, (_, after) in done.changes.items()}
        for source in {**unsaved, **mended}.values():
            sys.stdout.buffer.write(source)
        sys.stdout.flush()
        _say(done, fixed, silenced, options.show_fixes, quiet)
        return Mended(None if options.fix_only else done.report, 0, mended)
    wanted = len(done.changes)
    done = write_all(done, root=root)
    if len(done.changes) < wanted:
        from celerylint.engine import check

        left = check(paths, options, root=root)
        unmended, fixed = fixed - len(done.applied), len(done.applied)
        silenced = max(0, silenced - (len(left.findings) - len(done.report.findings) - unmended))
        done = replace(done, report=left)
    _say(done, fixed, silenced, options.show_fixes, quiet)
    status = 2 if done.failures else 0
    return Mended(None if options.fix_only else done.report, status)


def _shown(done: Repair, changes: int, quiet: bool, unsafe: bool) -> Mended:
    sys.stdout.write(diff(done.changes))
    sys.stdout.flush()
    for line in done.notes:
        _tell(line)
    if not quiet:
        _tell(f"Would mend {plural(changes, 'fault')} in {plural(len(done.changes), 'file')}; nothing was written.")
        left = done.report.summary.fixable_unsafe
        if left and not unsafe:
            _tell(f"`--unsafe-fixes` mends {left:,} more.")
    return Mended(None, 1 if done.changes else 0)


def _say(done: Repair, fixed: int, silenced: int, listed: bool, quiet: bool) -> None:
    for line in (*done.notes, *done.failures):
        _tell(line)
    if listed and fixed:
        for line in _listed(done.applied):
            _tell(line)
    if quiet:
        return
    if fixed or not silenced:
        _tell(f"Mended {plural(fixed, 'fault')}." if fixed else "Nothing was mended.")
    if silenced:
        _tell(f"Silenced {plural(silenced, 'fault')} with comments.")


def _listed(applied: Sequence[Finding]) -> list[str]:
    """What was mended, by file."""
    lines: list[str] = []
    paths: dict[str, list[Finding]] = {}
    for finding in applied:
        paths.setdefault(finding.place.path, []).append(finding)
    for path, findings in sorted(paths.items()):
        lines.append(f"{path}:")
        titles = Counter((finding.code, finding.name, finding.fix.title if finding.fix else "") for finding in findings)
        lines += [f"    {count} x {code} {name}: {title}" for (code, name, title), count in sorted(titles.items())]
    return lines


def _tell(line: str) -> None:
    print(clean(line), file=sys.stderr)

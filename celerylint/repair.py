"""Mends what a run found. Fixes are put together in memory, round after round, and written at the end."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from celerylint.config import Options
from celerylint.engine import Progress, check
from celerylint.finding import Finding, Fix, Place, Report, Span
from celerylint.fixes.bench import Bench, path_of
from celerylint.fixes.comments import silenced
from celerylint.fixes.text import FixError, Text
from celerylint.fixes.write import WriteError, why_not, write_together
from celerylint.store import contents

_MOST_BYTES = 100_000_000
"""A file larger than this is mended by nobody."""

ROUNDS = 10
"""Overlapping fixes take a round each."""


class Repair(Struct, frozen=True, kw_only=True):
    """What was mended, and what remains."""

    report: Report
    """What is found once everything is mended; for files that could not be written, what is still found in them."""
    applied: tuple[Finding, ...] = ()
    changes: Mapping[str, tuple[bytes, bytes]] = {}
    """The bytes of each file that changed, before and after, by path."""
    notes: tuple[str, ...] = ()
    """Fixes that could not be carried out, a line each."""
    failures: tuple[str, ...] = ()
    """Files that could not be written, a line each."""


def repair(
    paths: Sequence[str],
    options: Options,
    *,
    root: Path,
    report: Report,
    writing: bool,
    progress: Progress | None = None,
    unsaved: Mapping[str, bytes] | None = None,
) -> Repair:
    """Mend what `report` offers fixes for. `writing` says whether the files will be written: then they must allow it.

    `unsaved` is what is taken for the content of files, by path, whatever is on disk.

    Raises:
        UsageError: as `check` does.
    """
    return _Repairer(paths, options, root, writing, progress, unsaved or {}).run(report)


class _Repairer:
    def __init__(
        self,
        paths: Sequence[str],
        options: Options,
        root: Path,
        writing: bool,
        progress: Progress | None,
        unsaved: Mapping[str, bytes],
    ) -> None:
        self._paths = paths
        self._options = options
        self._root = root
        self._writing = writing
        self._progress = progress
        self._unsaved = unsaved
        self._allowed = ("safe", "unsafe") if options.unsafe_fixes else ("safe",)
        self._asked = [os.path.relpath(os.path.abspath(path), root).replace(os.sep, "/") for path in paths]
        self._original: dict[str, bytes] = {}
        self._overlay: dict[str, bytes] = {}
        self._left_alone: dict[str, str] = {}
        """Files that are not touched any more, and why."""
        self._broken: list[Finding] = []
        self._failures: list[str] = []
        self._notes: dict[str, None] = {}

    def run(self, report: Report) -> Repair:
        applied: list[Finding] = []
        for _ in range(ROUNDS):
            self._notes.clear()  # what is refused is refused again, perhaps at another line
            done = self._bench(report).round(self._wanted(report))
            for finding, why in done.refused:
                self._note(finding, why)
            for path, findings in done.broken.items():
                self._left_alone[path] = "its fixes would break it"
                self._broken.append(_broken(path, findings))
            if not done.changed:
                break
            applied += done.applied
            self._overlay.update(done.changed)
            overlay = {**self._unsaved, **self._overlay}
            report = check(self._paths, self._options, root=self._root, progress=self._progress, overlay=overlay)
        if self._broken:
            report = _with(report, self._broken)
        changes = {path: (self._original[path], after) for path, after in sorted(self._overlay.items())}
        return Repair(
            report=report,
            applied=tuple(applied),
            changes=changes,
            notes=tuple(self._notes),
            failures=tuple(self._failures),
        )

    def _wanted(self, report: Report) -> Iterator[Finding]:
        for finding in report.findings:
            if finding.fix is None or finding.fix.safety not in self._allowed:
                continue
            for path in dict.fromkeys(map(path_of, finding.fix.edits)):
                why = self._why_not(path)
                if why:
                    self._note(finding, f"{path}: {why}" if path != finding.place.path else why)
                    break
            else:
                yield finding

    def _why_not(self, path: str) -> str:
        if path not in self._left_alone and path not in self._original:
            if not any(asked in (".", path) or path.startswith(f"{asked}/") for asked in self._asked):
                return "it is not among the files to mend"
            if self._writing and (why := _not_writable(self._root, path)):
                self._left_alone[path] = why
                self._failures.append(f"{path}: not written: {why}")
        return self._left_alone.get(path, "")

    def _note(self, finding: Finding, why: str) -> None:
        self._notes[f"{finding.place.path}:{finding.place.line}: {finding.code} is not fixed: {why}"] = None

    def _bench(self, report: Report) -> Bench:
        def read(path: str) -> bytes | None:
            if path in self._overlay:
                return self._overlay[path]
            source = self._unsaved[path] if path in self._unsaved else _bytes(self._root / path)
            if source is not None:
                if path in report.sources and _shown(source) != report.sources[path]:
                    raise FixError("it was changed while it was being linted")
                self._original.setdefault(path, source)
            return source

        return Bench(read, lambda path, module: _is_ours(self._root, path, module), _reads)


def write_all(done: Repair, *, root: Path) -> Repair:
    """Write what was mended; what cannot be written is left as it was, and said. Files that share a fix go together."""
    failures: list[str] = []
    written: dict[str, tuple[bytes, bytes]] = {}
    for group in _together(done):
        try:
            write_together([(str(root / path), *done.changes[path]) for path in group])
        except WriteError as error:
            named = {str(root / path): path for path in group}
            failed = named[error.path]
            failures.append(f"{failed}: not written: {error}")
            failures += [f"{path}: not written: it goes together with {failed}" for path in group if path != failed]
        else:
            written.update((path, done.changes[path]) for path in group)
    changes = {path: written[path] for path in done.changes if path in written}
    applied = tuple(finding for finding in done.applied if touched(finding).isdisjoint(done.changes.keys() - written))
    return replace(done, changes=changes, applied=applied, failures=(*done.failures, *failures))


def touched(finding: Finding) -> set[str]:
    """The files that the fix of a finding changes."""
    return set(map(path_of, finding.fix.edits)) if finding.fix is not None else set()


def _together(done: Repair) -> list[list[str]]:
    """The files that changed, those with a fix in common in one group."""
    groups: list[set[str]] = [{path} for path in done.changes]
    for paths in map(touched, done.applied):
        joined = [group for group in groups if group & paths]
        if len(joined) > 1:
            groups = [*(group for group in groups if group not in joined), set().union(*joined)]
    return sorted(sorted(group) for group in groups)


def worked_out(report: Report, *, root: Path, unsaved: Mapping[str, bytes] | None = None) -> Report:
    """A report whose fixes say which text goes where; those that cannot be carried out are left out."""
    held = unsaved or {}
    bench = Bench(
        lambda path: held[path] if path in held else _bytes(root / path),
        lambda path, module: _is_ours(root, path, module),
    )

    def spelled(fix: Fix | None) -> Fix | None:
        try:
            return bench.worked_out(fix) if fix is not None else None
        except FixError:
            return None

    return replace(report, findings=tuple(replace(each, fix=spelled(each.fix)) for each in report.findings))


def diff(changes: Mapping[str, tuple[bytes, bytes]]) -> str:
    """Changes of files as a unified diff, as `git apply` reads it."""
    from difflib import unified_diff

    out: list[str] = []
    for path, versions in changes.items():
        before, after = (_lines(Text(path, source).text) for source in versions)
        for line in unified_diff(before, after, f"a/{path}", f"b/{path}"):
            out.append(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
    return "".join(out)


def _lines(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _with(report: Report, more: Iterable[Finding]) -> Report:
    findings = (*more, *report.findings)
    codes = sorted({finding.code for finding in findings})
    counts = {code: sum(finding.code == code for finding in findings) for code in codes}
    return replace(report, findings=findings, summary=replace(report.summary, by_code=counts))


def _broken(path: str, findings: Sequence[Finding]) -> Finding:
    from celerylint.rules.linter.cly990_internal_error import InternalError

    codes = ", ".join(sorted({finding.code for finding in findings}))
    return InternalError().finding(
        Place(path, Span(1, 1, 1, 1)),
        f"the fixes of {codes} would leave this file unreadable: it was not changed by them",
        "report it with the file that makes it happen",
    )


def _not_writable(root: Path, path: str) -> str:
    """Why a file of the project cannot be written, empty if it can."""
    real = os.path.realpath(root / path)
    if os.path.commonpath([real, os.path.realpath(root)]) != os.path.realpath(root):
        return "it stands outside the project"
    return why_not(real)


def _bytes(path: Path) -> bytes | None:
    try:
        return contents(str(path), _MOST_BYTES)
    except OSError:
        return None


def _reads(path: str, source: bytes) -> bool:
    """Whether a source can be read as Python, of whatever version."""
    from celerylint.facts.lower import extract

    return extract(path, source).error is None


def _shown(source: bytes) -> str:
    """A source as a report shows it."""
    from celerylint.facts.lower import decode_source

    try:
        return decode_source(source)
    except (SyntaxError, UnicodeDecodeError, LookupError):
        return source.decode("utf-8", "replace")


def _is_ours(root: Path, path: str, module: str) -> bool:
    """Whether a module that a file imports is one of the project: it holds the file, or stands in a folder above it that is
    no package, or in the root. Celery is not: nothing here would be a task.
    """
    parts = path.split("/")[:-1]
    for count in range(len(parts) if module != "celery" else -1, -1, -1):
        folder = root.joinpath(*parts[:count])
        if count and parts[count : count + 1] != [module] and (folder / "__init__.py").exists():
            continue
        if (folder / f"{module}.py").exists() or any((folder / module).glob("*.py")):
            return True
    return False


# --- comments ---------------------------------------------------------------------------------------------------------


def add_ignores(
    done: Repair,
    paths: Sequence[str],
    options: Options,
    *,
    root: Path,
    reason: str,
    writing: bool,
    unsaved: Mapping[str, bytes] | None = None,
) -> tuple[Repair, int]:
    """Comments that silence what `done` has left, and how many findings they silence; `unsaved` as for `repair`.

    Raises:
        UsageError: as `check` does.
    """
    held = unsaved or {}
    overlay = {**held, **{path: after for path, (_, after) in done.changes.items()}}
    changes, notes, failures = dict(done.changes), list(done.notes), list(done.failures)
    by_path: dict[str, list[Finding]] = {}
    for finding in done.report.findings:
        if finding.code not in _ABOUT_COMMENTS:
            by_path.setdefault(finding.place.path, []).append(finding)
    for path, findings in sorted(by_path.items()):
        original = overlay.get(path) or _bytes(root / path)
        why = _not_writable(root, path) if writing else ""
        if why:
            failures.append(f"{path}: no comments were written: {why}")
            continue
        try:
            if original is None:
                raise FixError("it cannot be read")
            text = Text(path, original)
            after = text.encoded(silenced(text, findings, reason))
        except FixError as error:
            notes.append(f"{path}: no comments were written: {error}")
            continue
        changes[path] = (changes[path][0] if path in changes else original, after)
        overlay[path] = after
    report = check(paths, options, root=root, overlay=overlay)
    worse = {finding.place.path for finding in report.findings if finding.code == "CLY900"}
    worse -= {finding.place.path for finding in done.report.findings if finding.code == "CLY900"}
    if worse:
        for path in sorted(worse & by_path.keys()):
            notes.append(f"{path}: no comments were written: they would break it")
        kept = {path: found for path, found in done.changes.items() if path in worse}
        changes = {path: found for path, found in changes.items() if path not in worse} | kept
        overlay = {**held, **{path: after for path, (_, after) in changes.items()}}
        report = check(paths, options, root=root, overlay=overlay)
    left = sum(finding.code not in _ABOUT_COMMENTS for finding in report.findings)
    count = sum(map(len, by_path.values())) - left
    if left:
        notes.append(f"{left} of them no comment reaches: use per-file-ignores in [tool.celerylint]")
    return replace(done, report=report, changes=changes, notes=tuple(notes), failures=tuple(failures)), max(count, 0)


_ABOUT_COMMENTS = frozenset(("CLY900", "CLY901", "CLY902", "CLY903", "CLY990"))

"""`--write-baseline` and `--shrink-baseline`: what is written, and what is said of a baseline."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from celerylint.config import Settings, UsageError
from celerylint.finding import Baseline, Known, Report
from celerylint.settle.baseline import combined, recorded, said, written
from celerylint.text import clean, plural

DEFAULT = "celerylint-baseline.json"


def record(settings: Settings, asked: str, analyse: Callable[[Settings], Report], *, quiet: bool) -> None:
    """Write down what is found now. `asked` is the file, empty for the one of the configuration or beside the project.

    What a run over some files, or by some rules, does not look for stays as it was.

    Raises:
        UsageError: the file is there and no baseline, or cannot be written.
    """
    options = settings.options
    file = asked or options.baseline or str(settings.root / DEFAULT)
    if os.path.isdir(file):
        raise UsageError(f"{file} is a folder: write --write-baseline=FILE, or --write-baseline after the paths")
    there = os.path.exists(file)
    report = analyse(
        Settings(
            root=settings.root,
            options=replace(options, baseline=file if there else None, since=None),
            source=settings.source,
            flags=settings.flags | {"baseline"},
        )
    )
    fresh = recorded(report.findings)
    before = report.baseline or Baseline(entries=(), gone=())
    entries = combined(before.entries, fresh)
    _write(file, entries)
    if quiet:
        return
    news = f": {_count(fresh):,} new, {_count(before.gone):,} gone" if there else ""
    _tell(f"Wrote {plural(_count(entries), 'finding')} to {_shown(file)}{news}.")
    if options.baseline is None:
        key = f'baseline = "{_inside(file, settings.root)}"'
        _tell(f"Leave them out with --baseline {_shown(file)}, or with {key} in the configuration.")


def settle_up(settings: Settings, report: Report, *, shrink: bool, quiet: bool) -> None:
    """Say what of the baseline is gone, and take it out if that is asked for.

    Raises:
        UsageError: the file cannot be written, or there is none.
    """
    file, baseline = settings.options.baseline, report.baseline
    if file is None or baseline is None:
        if shrink:
            raise UsageError("--shrink-baseline needs to know the baseline: give --baseline FILE")
        return
    if shrink:
        _write(file, baseline.entries)
    if quiet or not baseline.gone:
        return
    count = _count(baseline.gone)
    what = f"{plural(count, 'finding')} of {_shown(file)} {'is' if count == 1 else 'are'} gone ({said(baseline.gone)})"
    _tell(
        f"{what}: taken out."
        if shrink
        else f"{what}: take {'it' if count == 1 else 'them'} out with --shrink-baseline."
    )


def _count(entries: tuple[Known, ...]) -> int:
    return sum(entry.count for entry in entries)


def _write(file: str, entries: tuple[Known, ...]) -> None:
    text = written(entries).encode()
    target = Path(os.path.realpath(file))
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        if target.exists() and target.read_bytes() == text:
            return
        try:
            beside.write_bytes(text)
            os.replace(beside, target)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from error


def _shown(file: str) -> str:
    relative = os.path.relpath(file)
    return file if relative.startswith("..") else relative


def _inside(file: str, root: Path) -> str:
    return os.path.relpath(file, root).replace(os.sep, "/")


def _tell(line: str) -> None:
    print(clean(line), file=sys.stderr)

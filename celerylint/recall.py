"""The report of the last run, good for as long as nothing has changed: neither the tool nor the question nor anything it looked at.

What was looked at is told by stamps, taken before anything was read: size and times of change of each file and folder, a
folder's changing with whatever is added to it or taken out. A project keeps a few reports, one for each way of asking.
"""

from __future__ import annotations

import os
import sys
import time
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from celerylint import __version__, store
from celerylint.config import Options
from celerylint.finding import Report
from celerylint.store import Stamp, stamp

_KEPT = 16
"""Reports that are kept of a project: folders and files are asked about one by one by editors and hooks."""


class _Remembered(Struct, frozen=True, array_like=True, gc=False):
    question: str
    """Who asked what, of which version of the tool."""
    paths: list[str]
    """What was looked at, relative to the project root."""
    stamps: list[Stamp | None]
    """Theirs; None for what was not there."""
    report: bytes


_decoder = msgspec.msgpack.Decoder(_Remembered)


def recalls(options: Options, overlay: Mapping[str, bytes] | None) -> bool:
    """Whether a run's report is told by files on disk alone, and may be kept."""
    return not (options.no_cache or overlay or options.since is not None or options.baseline is not None)


def recall(root: Path, paths: Sequence[str], options: Options) -> Report | None:
    """What the last run found that was asked the same, if nothing that it looked at has changed since."""
    started = time.perf_counter()
    question = _question(root, paths, options)
    try:
        held = _decoder.decode(_file(root, options, question).read_bytes())
        if held.question != question or not _is_as_it_was(str(root), held):
            return None
        report = msgspec.msgpack.decode(held.report, type=Report)
    except (OSError, msgspec.DecodeError, ValueError, RecursionError):
        return None
    shown = {p.path for f in report.findings for p in (f.place, *(other.place for other in f.related))}
    sources = {path: text for path in sorted(shown) if (text := _text(f"{root}/{path}")) is not None}
    return replace(report, sources=sources, timings=(("recall", time.perf_counter() - started),))


def _is_as_it_was(root: str, held: _Remembered) -> bool:
    stat = os.stat
    for path, known in zip(held.paths, held.stamps, strict=True):
        if known is None:
            if stamp(f"{root}/{path}") is not None:
                return False
            continue
        status = stat(f"{root}/{path}")  # spelled out, since most of the time of an unchanged run is spent here
        if (status.st_size, status.st_mtime_ns, status.st_ctime_ns) != known:
            return False
    return True


def remember(
    root: Path, paths: Sequence[str], options: Options, report: Report, stamps: Mapping[str, Stamp | None], began: int
) -> None:
    """Keep a report with the stamps of all that was looked at since `began`, in nanoseconds, unless some changed just then."""
    if any(known is not None and began - max(known[1:]) < store.SETTLED for known in stamps.values()):
        return
    question = _question(root, paths, options)
    held = _Remembered(
        question,
        list(stamps),
        list(stamps.values()),
        msgspec.msgpack.encode(replace(report, sources={}, timings=())),
    )
    store.replace_file(_file(root, options, question), msgspec.msgpack.encode(held))


def _file(root: Path, options: Options, question: str) -> Path:
    slot = zlib.crc32(question.encode()) % _KEPT
    return store.file_of(str(root), options.cache_dir, f"report{slot}")


def _question(root: Path, paths: Sequence[str], options: Options) -> str:
    """Where, what and how was asked, and of whom: two that are equal have one answer, as long as no file changes."""
    asked = [os.path.relpath(path, root) for path in paths or ["."]]
    return repr((__version__, sys.version_info[:2], str(root), asked, options, *_own_files()))


def _own_files() -> Iterable[Stamp | None]:
    """The stamps of the tool's own files where somebody may be working on it; an installed one is told by its version."""
    package = Path(__file__).parent
    if not (package.parent / "pyproject.toml").exists():
        return ()
    return tuple(
        stamp(os.path.join(folder, name))
        for folder, _, names in os.walk(package)
        for name in names
        if name[-3:] == ".py"
    )


def _text(path: str) -> str | None:
    """The text of a file, as a run reads it."""
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError:
        return None
    if not source.startswith(b"\xef\xbb\xbf") and not any(b"coding" in line for line in source.split(b"\n", 2)[:2]):
        try:
            return source.decode()  # nearly always: what tells encodings apart takes long to import
        except UnicodeDecodeError:
            pass
    from celerylint.facts.lower import decode_source

    try:
        return decode_source(source)
    except (SyntaxError, UnicodeDecodeError, LookupError):
        return source.decode("utf-8", "replace")

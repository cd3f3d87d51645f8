"""The report of the last run, good for as long as nothing has changed that it depends on.

What was looked at is told by stamps, taken before anything was read: size and times of change of each file and folder, a
folder's changing with whatever is added to it or taken out. Where a stamp has changed, what it stands for is looked at
again: a folder may list what it did, a file may hold what it did, or may still be one that nobody reads. A project keeps a few
reports, one for each way of asking.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from celerylint import __version__, store
from celerylint.config import Options
from celerylint.finding import Report
from celerylint.store import Held, Stamp

_MOST_CHANGED = 400
"""With more changed files and folders than this, looking at each again may take as long as a run."""

_MOST_BYTES = 1_000_000
"""A file larger than this is left to a run."""

_MOST_SHOWN = 100_000_000
"""Bytes of a file that findings are shown in."""

_STRICT, _CONTENT, _GATED, _FREE = "=", "c", "g", "-"


class Looked(Struct, frozen=True):
    """What a run looked at, by path relative to the project root; folders are empty or end in `/`."""

    stamps: Mapping[str, Stamp | None]
    """Of everything, taken before it was read."""
    gated: Collection[str]
    """Files of which only the bytes were looked at, and found not to matter."""
    free: Collection[str]
    """Files of which only the names were looked at."""
    aliases: frozenset[str]
    """What the project calls its own task decorators."""


class _Remembered(Struct, frozen=True, array_like=True, gc=False):
    kinds: str
    """How each of the things looked at is told to be as it was: a character for each."""
    digests: dict[int, bytes]
    """Of what was in a file or folder, by its number."""
    aliases: list[str]
    report: bytes


_decoder = msgspec.msgpack.Decoder(_Remembered)


def recalls(options: Options, overlay: Mapping[str, bytes] | None) -> bool:
    """Whether a run's report is told by files on disk alone, and may be kept."""
    return not (options.no_cache or overlay or options.since is not None or options.baseline is not None)


def recall(root: Path, paths: Sequence[str], options: Options) -> Report | None:
    """What the last run found that was asked the same, if nothing that matters to it has changed since."""
    started, began = time.perf_counter(), time.time_ns()
    question = _question(root, paths, options)
    file = store.place_of(str(root), options.cache_dir, "report", question)
    held = store.held(file, question)
    if held is None:
        return None
    changed = held.changed(f"{root}/")
    if changed is None or len(changed) > _MOST_CHANGED:
        return None
    try:
        remembered = _decoder.decode(held.answer)
        report = msgspec.msgpack.decode(remembered.report, type=Report)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    if changed and not all(_is_as_good(str(root), held, remembered, number, now) for number, now in changed.items()):
        return None
    mark: bytes | None = held.mark
    if changed:
        stamps = {**held.stamps(), **{held.paths[number]: now for number, now in changed.items()}}
        mark = store.keep(file, question, stamps, held.answer) if store.settled(stamps, began) else None
    shown = {p.path for f in report.findings for p in (f.place, *(other.place for other in f.related))}
    sources = {path: text for path in sorted(shown) if (text := _text(f"{root}/{path}")) is not None}
    timings = (("recall", time.perf_counter() - started),)
    return replace(report, sources=sources, timings=timings, kept=(file, mark.hex()) if mark else None)


def _is_as_good(root: str, held: Held, remembered: _Remembered, number: int, now: Stamp) -> bool:
    """Whether something whose stamp has changed means to the report what it meant."""
    path = held.paths[number]
    kind = remembered.kinds[number : number + 1]
    if now == store.MISSING or kind in ("", _STRICT):
        return False
    if kind == _FREE:
        return os.path.isfile(f"{root}/{path}")
    if kind == _CONTENT:
        return _digest(root, path) == remembered.digests.get(number, b"")
    from celerylint.facts import gate

    try:
        source = store.contents(f"{root}/{path}", _MOST_BYTES)
    except OSError:
        return False
    return not gate.matters(source) and not gate.mentions(remembered.aliases)(source)


def remember(root: Path, paths: Sequence[str], options: Options, report: Report, looked: Looked, began: int) -> Report:
    """Keep a report with what was looked at since `began`, in nanoseconds, unless some of it changed just then.

    Returns the report, which says where it is kept.
    """
    if not store.settled(looked.stamps, began):
        return report
    kinds: list[str] = []
    digests: dict[int, bytes] = {}
    for number, (path, known) in enumerate(looked.stamps.items()):
        kind = _GATED if path in looked.gated else _FREE if path in looked.free else _STRICT
        if kind == _STRICT and known is not None and (path.endswith((".py", "/")) or not path):
            digest = _digest(str(root), path)
            if digest is not None and store.stamp(f"{root}/{path}") == known:
                digests[number] = digest
                kind = _CONTENT
        kinds.append(kind)
    question = _question(root, paths, options)
    file = store.place_of(str(root), options.cache_dir, "report", question)
    try:
        plain = msgspec.msgpack.encode(replace(report, sources={}, timings=()))
    except UnicodeEncodeError:
        return report  # of a file whose name is no text
    answer = _Remembered("".join(kinds), digests, sorted(looked.aliases), plain)
    mark = store.keep(file, question, looked.stamps, msgspec.msgpack.encode(answer))
    return replace(report, kept=(file, mark.hex())) if mark else report


def _digest(root: str, path: str) -> bytes | None:
    """What a file holds, or what a folder lists that discovery looks at; None if that cannot be told."""
    if path.endswith("/") or not path:
        from celerylint.discover import listing

        names = listing(root, path)
        return None if names is None else store.digest("\0".join(names).encode("utf-8", "surrogateescape"))
    try:
        return store.digest(store.contents(f"{root}/{path}", _MOST_BYTES))
    except OSError:
        return None


def _question(root: Path, paths: Sequence[str], options: Options) -> str:
    """Where, what and how was asked, and of whom: two that are equal have one answer, as long as no file changes."""
    asked = [os.path.relpath(path, root) for path in paths or ["."]]
    own = map(store.stamp, store.own_files())
    return repr((__version__, sys.version_info[:2], str(root), asked, options, *own))


def _text(path: str) -> str | None:
    """The text of a file, as a run reads it."""
    try:
        source = store.contents(path, _MOST_SHOWN)
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

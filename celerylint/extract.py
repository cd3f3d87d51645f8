"""Reads files and turns those that matter into facts, in several processes where that pays."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from celerylint.config import Options
from celerylint.discover import Discovery
from celerylint.facts import gate
from celerylint.facts.ir import PythonFacts, Unreadable
from celerylint.facts.lower import decode_source, extract
from celerylint.forked import ForkedCall, can_fork

MAX_BYTES = 4_000_000
"""A larger file is no code that people wrote."""


class Extraction(NamedTuple):
    """Which files matter."""

    gated: tuple[str, ...]


def _jobs(options: Options, files: int) -> int:
    """How many processes pay."""
    if options.jobs == 1 or not can_fork():
        return 1
    wanted = os.cpu_count() or 1 if options.jobs == "auto" else int(options.jobs)
    return max(1, min(wanted, files // _FILES_PER_PROCESS, 8))


_FILES_PER_PROCESS = 200
"""With fewer files the start of a process takes longer than the reading."""


class Share(Struct, frozen=True, gc=False):
    """What one process read."""

    facts: list[PythonFacts]
    problems: dict[str, Unreadable]


_share_encoder = msgspec.msgpack.Encoder()
_share_decoder = msgspec.msgpack.Decoder(Share)


def read_share(root: str, paths: Sequence[str]) -> bytes:
    """The facts of those of some files that matter, encoded, and what could not be read."""
    gc.disable()
    facts: list[PythonFacts] = []
    problems: dict[str, Unreadable] = {}
    for path in paths:
        source = read_source(root, path, problems)
        if source is not None and gate.matters(source):
            facts.append(extract(path, source))
    return _share_encoder.encode(Share(facts, problems))


def read_source(root: str, path: str, problems: dict[str, Unreadable]) -> bytes | None:
    """The bytes of a file; None, and an entry in `problems`, if they cannot be read."""
    try:
        handle = os.open(f"{root}/{path}", os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except OSError as error:
        problems[path] = Unreadable(f"cannot be opened: {error.strerror}", 1, 1)
        return None
    try:
        size = os.fstat(handle).st_size
        if size > MAX_BYTES:
            problems[path] = Unreadable(f"larger than {MAX_BYTES // 1_000_000} MB", 1, 1)
            return None
        return os.read(handle, size + 1)
    except OSError as error:
        problems[path] = Unreadable(f"cannot be read: {error.strerror}", 1, 1)
        return None
    finally:
        os.close(handle)


class Files:
    """The files of one run, their bytes and facts. The only place that opens files under lint."""

    def __init__(
        self,
        root: Path,
        found: Discovery,
        options: Options,
        progress: Callable[[str, int, int], None] | None,
    ) -> None:
        self._root = str(root)
        self._found = found
        self._options = options
        self._progress = progress
        self._facts: dict[str, PythonFacts | None] = {}
        self._sources: dict[str, bytes] = {}
        self._gated: tuple[str, ...] = ()
        self._problems: dict[str, Unreadable] = {}

    def extract(self) -> Extraction:
        """Gate all files, and read the facts of those that matter."""
        tests = frozenset(self._found.tests)
        paths = [path for path in self._found.files if path not in tests]
        gated = self._shared_out(paths) if _jobs(self._options, len(paths)) > 1 else self._gate(paths)
        self._gated = tuple(sorted(path for path in gated if self._found.keep(path)))
        return Extraction(self._gated)

    def _gate(self, paths: Sequence[str]) -> list[str]:
        """The files that matter, their facts read."""
        gated = []
        for number, path in enumerate(paths):
            if self._progress is not None and number % 256 == 0:
                self._progress("reading", number, len(paths))
            source = self._source(path)
            if source is not None and gate.matters(source):
                self._sources[path] = source
                self.load(path)
                gated.append(path)
        return gated

    def _shared_out(self, paths: Sequence[str]) -> list[str]:
        """The same by several processes: each takes every n-th file, this one its share too."""
        jobs = _jobs(self._options, len(paths))
        shares = {n: ForkedCall(partial(read_share, self._root, paths[n::jobs])) for n in range(1, jobs)}
        gated = self._gate(paths[::jobs])
        for n, call in shares.items():
            result = call.result()
            if result is None:
                gated.extend(self._gate(paths[n::jobs]))
                continue
            share = _share_decoder.decode(result)
            self._problems.update(share.problems)
            for read in share.facts:
                self._facts[read.path] = read
                gated.append(read.path)
                if read.error is not None:
                    self._problems[read.path] = read.error
        return gated

    def widen(self, aliases: frozenset[str]) -> Extraction | None:
        """More files that matter, by what the project itself calls its task decorators; None if there are none."""
        matches = gate.mentions(aliases)
        gated = set(self._gated)
        more: list[str] = []
        if aliases:
            for path in self._found.files:
                if path not in gated:
                    source = self._source(path)
                    if source is not None and matches(source) and self._found.keep(path):
                        self._sources[path] = source
                        more.append(path)
        if not more:
            return None
        self._gated = tuple(sorted([*gated, *more]))
        return Extraction(self._gated)

    def load(self, path: str) -> PythonFacts | None:
        """The facts of a file; None if it cannot be read."""
        if path not in self._facts:
            source = self._sources.get(path) or self._source(path)
            facts = extract(path, source) if source is not None else None
            if facts is not None:
                self._sources[path] = source or b""
                if facts.error is not None:
                    self._problems[path] = facts.error
            self._facts[path] = facts
        return self._facts[path]

    def problems(self) -> list[tuple[str, Unreadable]]:
        """Files that could not be read, by path."""
        return sorted(self._problems.items())

    def relevant_sources(self) -> Iterator[tuple[str, bytes]]:
        """Every file whose facts were read, with its bytes."""
        for path in sorted(self._facts):
            source = self._sources.get(path) or self._source(path)
            if source is not None:
                yield path, source

    def text(self, path: str) -> str | None:
        """The text of a file, for code frames."""
        source = self._sources.get(path) or self._source(path)
        if source is None:
            return None
        try:
            return decode_source(source)
        except (SyntaxError, UnicodeDecodeError, LookupError):
            return source.decode("utf-8", "replace")

    def _source(self, path: str) -> bytes | None:
        return read_source(self._root, path, self._problems)

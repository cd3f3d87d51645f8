"""Reads files and turns those that matter into facts, in several processes where that pays."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from celerylint import cache
from celerylint.config import ConfigError, Options
from celerylint.discover import Discovery
from celerylint.facts import gate, ir
from celerylint.facts.ir import PythonFacts, Unreadable
from celerylint.facts.lower import decode_source, extract
from celerylint.forked import ForkedCall, WorkQueue, can_fork
from celerylint.store import SETTLED, Stamp

MAX_BYTES = 4_000_000
"""A larger file is no code that people wrote."""

READING = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
"""What was a file when its folder was listed may be a pipe by now: nobody waits for who would write to it."""


class Extraction(NamedTuple):
    """Which files matter."""

    gated: tuple[str, ...]


def _jobs(options: Options, files: int) -> int:
    """How many processes pay."""
    if options.jobs == 1 or not can_fork():
        return 1
    wanted = os.cpu_count() or 1 if options.jobs == "auto" else int(options.jobs)
    return max(1, min(wanted, files // _FILES_PER_PROCESS, 8))


_MOST_FILES = 1 << 16
"""Bytes that nearly every file is smaller than: it is read at once, without being asked for its size."""

_CHUNK = 16
"""Files that a process takes at a time."""

_FILES_PER_PROCESS = 200
"""With fewer files the start of a process takes longer than the reading."""


_MOST_AHEAD = 1_000
"""Files that are read before somebody asks for them."""

_WORTH_READING_AHEAD = 10
"""With fewer of them, reading them in each process takes no longer than the start of another one."""


class Share(Struct, frozen=True, gc=False):
    """What one process read."""

    facts: list[PythonFacts]
    problems: dict[str, Unreadable]


_share_encoder = msgspec.msgpack.Encoder()
_share_decoder = msgspec.msgpack.Decoder(Share)


def read_share(root: str, chunks: Sequence[Sequence[str]], queue: Iterable[int]) -> bytes:
    """The facts of those files that matter among the chunks taken from the queue, encoded, and what could not be read."""
    gc.disable()
    facts: list[PythonFacts] = []
    problems: dict[str, Unreadable] = {}
    for number in queue:
        for path in chunks[number]:
            source = read_source(root, path, problems)
            if source is not None and gate.matters(source):
                facts.append(extract(path, source))
    return _share_encoder.encode(Share(facts, problems))


def read_all(root: str, paths: Sequence[str]) -> bytes:
    """The same for all of some files, on whatever machine this is called."""
    return read_share(root, [paths], [0])


def read_source(root: str, path: str, problems: dict[str, Unreadable]) -> bytes | None:
    """The bytes of a file; None, and an entry in `problems`, if they cannot be read."""
    try:
        handle = os.open(f"{root}/{path}", READING)
    except OSError as error:
        problems[path] = Unreadable(f"cannot be opened: {error.strerror}", 1, 1)
        return None
    try:
        source = os.read(handle, _MOST_FILES)
        if len(source) < _MOST_FILES:
            return source
        size = os.fstat(handle).st_size
        if size > MAX_BYTES:
            problems[path] = Unreadable(f"larger than {MAX_BYTES // 1_000_000} MB", 1, 1)
            return None
        return source + os.read(handle, size + 1)
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
        overlay: Mapping[str, bytes] | None = None,
    ) -> None:
        """`overlay` is what is taken for the content of files, by path, whatever is on disk."""
        self._overlay = overlay or {}
        self._root = str(root)
        self._found = found
        self._options = options
        self._progress = progress
        self._facts: dict[str, PythonFacts | None] = {}
        self._sources: dict[str, bytes] = {}
        self._gated: tuple[str, ...] = ()
        self._matters: frozenset[str] = frozenset()
        self._problems: dict[str, Unreadable] = {}
        self._cached = {} if options.no_cache else cache.read(self._root, options.cache_dir)
        self._fresh: list[str] = []
        self._recalled: list[str] = []
        self._chunks: list[list[str]] = []
        self._queue: WorkQueue | None = None
        self._calls: list[ForkedCall] = []
        self._elsewhere: Iterator[bytes] | None = None
        self._read_elsewhere: dict[str, bytes] = {}
        self._stamps: dict[str, Stamp] = {}
        """Those of files, taken before they were read."""
        self._ahead: dict[str, PythonFacts] = {}
        """What was read before anybody asked for it."""

    def begin(self) -> None:
        """Find out what has to be read, and let other processes start on it."""
        tests = frozenset(self._found.tests)
        for path in tests:
            self._unchanged(path)  # for their stamps, wherever they will be read
        for path in self._found.files:
            if path in tests or path in self._overlay:
                continue
            entry = self._unchanged(path)
            if entry is None or (entry.matters and not self._recall(path, entry)):
                self._fresh.append(path)
            elif entry.matters:
                self._recalled.append(path)
        if self._options.executor and self._fresh:
            from celerylint import remote

            self._elsewhere = remote.shares(
                remote.connect(self._options.executor), partial(read_all, self._root), self._fresh
            )
            return
        jobs = _jobs(self._options, len(self._fresh))
        if jobs > 1:
            size = WorkQueue.chunk_size(len(self._fresh), _CHUNK)
            chunks = [self._fresh[n : n + size] for n in range(0, len(self._fresh), size)]
            queue = WorkQueue(len(chunks))
            self._calls = [ForkedCall(partial(read_share, self._root, chunks, queue)) for _ in range(jobs - 1)]
            self._chunks, self._queue = chunks, queue

    def extract(self) -> Extraction:
        """Gate all files, and read the facts of those that matter; `begin` has been called."""
        laid_over = [path for path in self._found.files if path in self._overlay and path not in self._found.tests]
        gated = [*self._recalled, *self._read_fresh(), *self._gate(laid_over)]
        self._matters = frozenset(gated)
        self._gated = tuple(sorted(path for path in gated if self._found.keep(path)))
        return Extraction(self._gated)

    def _read_fresh(self) -> list[str]:
        gated: list[str] = []
        if self._elsewhere is not None:
            for data in self._elsewhere:
                gated += self._take(_share_decoder.decode(data))
            if len(self._problems) >= len(self._fresh) and all(
                os.path.exists(f"{self._root}/{p}") for p in self._fresh
            ):
                raise ConfigError(f"the workers of the executor see no file of {self._root}", option="executor")
            return gated
        if self._queue is None:
            return self._gate(self._fresh)
        for number in self._queue:
            gated += self._gate(self._chunks[number])
        self._queue.close()
        for call in self._calls:
            result = call.result()
            if result is None:
                # It died, and what it had taken died with it.
                return self._gate(self._fresh)
            gated += self._take(_share_decoder.decode(result))
        return gated

    def _take(self, share: Share) -> list[str]:
        """The files that matter of those that another process read."""
        self._problems.update(share.problems)
        for read in share.facts:
            self._keep(read)
        return [read.path for read in share.facts]

    def _unchanged(self, path: str) -> cache.Entry | None:
        """The cached entry of a file, if it is as it was; takes the stamp for a later one."""
        if self._options.no_cache or path in self._overlay:
            return None
        return cache.unchanged(self._root, path, self._cached, self._stamps)

    def _recall(self, path: str, entry: cache.Entry) -> bool:
        facts = cache.decoded(entry, path)
        if facts is not None:
            self._keep(facts)
        return facts is not None

    def _keep(self, facts: PythonFacts) -> None:
        self._facts[facts.path] = facts
        if facts.error is not None:
            self._problems[facts.path] = facts.error

    @property
    def stamps(self) -> Mapping[str, Stamp]:
        """Those of all Python files, taken before any was read; empty where nothing is to be cached."""
        return self._stamps

    @property
    def read(self) -> set[str]:
        """The Python files of which more than the bytes was looked at, or nothing could be."""
        return self._facts.keys() | self._sources.keys() | self._problems.keys() | self._read_elsewhere.keys()

    def encoded(self, path: str) -> bytes:
        """The facts of a file as they are kept for the next run; empty if they are not to be kept, or are already."""
        facts, known = self._facts.get(path), self._cached.get(path)
        if facts is None or path not in self._stamps:
            return b""
        is_kept = (
            known is not None and known.facts is not None and (known.size, known.changed) == self._stamps[path][:2]
        )
        return b"" if is_kept else ir.encode(facts)

    def also_read(self, files: Mapping[str, bytes]) -> None:
        """Another process has read these files, for the same run; their facts are encoded, or empty."""
        self._read_elsewhere.update(files)

    @property
    def cached(self) -> Mapping[str, cache.Entry] | None:
        """What the last run left; None where nothing is to be cached."""
        return None if self._options.no_cache else self._cached

    def save(self, others: Mapping[str, cache.Entry]) -> None:
        """Write what was read to the cache, with the entries of other files, if anything was new."""
        if self._options.no_cache or self._overlay:
            return
        now = time.time_ns()
        entries: dict[str, cache.Entry] = dict(others)
        for path, (size, changed, _) in self._stamps.items():
            facts = self._facts.get(path)
            elsewhere = self._read_elsewhere.get(path)
            known = self._cached.get(path)
            same = known is not None and (known.size, known.changed) == (size, changed)
            if known is not None and same and (known.facts is not None or (facts is None and not elsewhere)):
                entries[path] = known
            elif (path not in self._problems or facts is not None) and now - changed > SETTLED and cache.is_text(path):
                # One that was changed a moment ago is left out: it may change again within the same tick of its clock.
                encoded = ir.encode(facts) if facts is not None else elsewhere or None
                entries[path] = cache.Entry(size, changed, path in self._matters, encoded)
        if entries != self._cached:
            cache.write(self._root, self._options.cache_dir, entries)

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
            ahead = self._ahead.pop(path, None)
            if ahead is not None:
                self._keep(ahead)
                return ahead
            entry = self._entry(path)
            if entry is not None and entry.facts is not None and self._recall(path, entry):
                return self._facts[path]
            source = self._sources.get(path) or self._source(path)
            if source is None:
                self._facts[path] = None
            else:
                self._sources[path] = source
                self._keep(extract(path, source))
        return self._facts[path]

    def _entry(self, path: str) -> cache.Entry | None:
        """The cached entry of a file, if it is as it was; if its bytes were looked at in this run, as it was before that."""
        if path not in self._sources:
            return self._unchanged(path)
        entry, seen = self._cached.get(path), self._stamps.get(path)
        return entry if entry is not None and seen is not None and (entry.size, entry.changed) == seen[:2] else None

    def read_ahead(self, paths: Sequence[str]) -> None:
        """Read files that other processes will ask for, together with another process, so that each is read once."""
        fresh = [path for path in paths if path not in self._facts and self._entry(path) is None][:_MOST_AHEAD]
        if len(fresh) < _WORTH_READING_AHEAD:
            return
        queue = WorkQueue(len(fresh))
        call = ForkedCall(lambda: _share_encoder.encode(Share(self._extracted(fresh, queue), {})))
        facts = self._extracted(fresh, queue)
        queue.close()
        result = call.result()
        if result is not None:
            facts += _share_decoder.decode(result).facts
        self._ahead = {read.path: read for read in facts}

    def _extracted(self, paths: Sequence[str], queue: Iterable[int]) -> list[PythonFacts]:
        """The facts of those files whose numbers are taken from a queue."""
        sources = ((path, self.source(path)) for path in map(paths.__getitem__, queue))
        return [extract(path, source) for path, source in sources if source is not None]

    def source(self, path: str) -> bytes | None:
        """The bytes of a file; None if it cannot be read."""
        held = self._sources.get(path)
        if held is None:
            held = self._source(path)
            if held is not None:
                self._sources[path] = held
        return held

    def problems(self) -> list[tuple[str, Unreadable]]:
        """Files that could not be read, by path."""
        return sorted((path, problem) for path, problem in self._problems.items() if self._found.keep(path))

    @property
    def unread(self) -> set[str]:
        """All files that could not be read."""
        return set(self._problems)

    def sources(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Those of some files that can be read, with their bytes."""
        for path in paths:
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
        if path in self._overlay:
            return self._overlay[path]
        return read_source(self._root, path, self._problems)

"""Reads files and turns those that matter into facts, in several processes where that pays."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from celerylint.config import Options
from celerylint.discover import Discovery
from celerylint.facts import gate
from celerylint.facts.ir import PythonFacts, Unreadable
from celerylint.facts.lower import decode_source, extract

MAX_BYTES = 4_000_000
"""A larger file is no code that people wrote."""


class Extraction(NamedTuple):
    """Which files matter."""

    gated: tuple[str, ...]


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
        gated: list[str] = []
        total = len(self._found.files)
        for number, path in enumerate(self._found.files):
            if self._progress is not None and number % 256 == 0:
                self._progress("reading", number, total)
            source = self._source(path)
            if source is not None and gate.matters(source) and path not in tests and self._found.keep(path):
                self._sources[path] = source
                gated.append(path)
        for path in gated:
            self.load(path)
        self._gated = tuple(gated)
        return Extraction(self._gated)

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
        for path in sorted(self._sources):
            yield path, self._sources[path]

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
        try:
            handle = os.open(f"{self._root}/{path}", os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except OSError as error:
            self._problems[path] = Unreadable(f"cannot be opened: {error.strerror}", 1, 1)
            return None
        try:
            size = os.fstat(handle).st_size
            if size > MAX_BYTES:
                self._problems[path] = Unreadable(f"larger than {MAX_BYTES // 1_000_000} MB", 1, 1)
                return None
            return os.read(handle, size + 1)
        except OSError as error:
            self._problems[path] = Unreadable(f"cannot be read: {error.strerror}", 1, 1)
            return None
        finally:
            os.close(handle)



"""Reads deployment files: those that the walk found, and those that others name."""

from __future__ import annotations

import errno
import functools
import os
import stat
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from celerylint import cache
from celerylint.config import Options
from celerylint.discover import Discovery, is_test_folder
from celerylint.facts.deploy import kinds
from celerylint.facts.deploy.ir import DeployFacts
from celerylint.facts.ir import Unreadable
from celerylint.forked import ForkedCall, can_fork
from celerylint.store import SETTLED, Stamp, contents


@functools.cache
def _list_decoder() -> msgspec.msgpack.Decoder[list[DeployFacts]]:
    return msgspec.msgpack.Decoder(list[DeployFacts])


@functools.cache
def _decoder() -> msgspec.msgpack.Decoder[DeployFacts]:
    """Made when it is first needed, since that takes longer than to read most files."""
    return msgspec.msgpack.Decoder(DeployFacts)


class DeployFiles:
    """The deployment files of one run and their facts. Nothing outside of the project is opened, whatever a file names."""

    def __init__(
        self,
        root: Path,
        found: Discovery,
        options: Options,
        cached: Mapping[str, cache.Entry] | None,
        overlay: Mapping[str, bytes] | None = None,
    ) -> None:
        """`cached` is None where nothing is to be cached; `overlay` is what is taken for the content of files, by path."""
        self._overlay = overlay or {}
        self._root = str(root)
        self._real_root = os.path.realpath(root)
        self._found = found
        self._options = options
        self._cached = cached
        self._facts: dict[str, DeployFacts | None] = {}
        self._stamps: dict[str, Stamp] = {}
        self._gated: dict[str, DeployFacts] = {}
        self._matters: set[str] = set()
        self._fresh: list[str] = []
        self._call: ForkedCall | None = None

    def begin(self) -> None:
        """Find out what has to be read, and let another process start on it: a YAML parser takes long to import."""
        for path in self._found.deployment:
            entry = self._unchanged(path)
            recalled = self._recalled(entry, path) if entry is not None and entry.matters else None
            if recalled is not None:
                self._keep(recalled)
            elif entry is None or entry.matters:
                self._fresh.append(path)
        if self._fresh and self._options.jobs != 1 and (os.cpu_count() or 1) > 1 and can_fork():
            self._call = ForkedCall(lambda: msgspec.msgpack.encode(self._read_fresh()))

    def gated(self) -> Mapping[str, DeployFacts]:
        """The facts of the files that were found and say how something is deployed, by path; `begin` has been called."""
        if self._fresh:
            result = self._call.result() if self._call is not None else None
            for facts in _list_decoder().decode(result) if result is not None else self._read_fresh():
                self._keep(facts)
            self._fresh = []
        return self._gated

    def _read_fresh(self) -> list[DeployFacts]:
        return [facts for facts in map(self._gate, self._fresh) if facts is not None]

    def _keep(self, facts: DeployFacts) -> None:
        self._matters.add(facts.path)
        if self._found.keep(facts.path):
            self._facts[facts.path] = self._gated[facts.path] = facts

    def load(self, path: str) -> DeployFacts | None:
        """The facts of a file that another names, relative to the project root; None if it is not there or left out."""
        if path not in self._facts:
            self._facts[path] = self._named(path)
        return self._facts[path]

    @property
    def stamps(self) -> Mapping[str, Stamp | None]:
        """Those of all files that were looked at, taken before they were read; None for those that were not there."""
        return {**dict.fromkeys(self._facts), **self._stamps}

    def problems(self) -> Iterator[tuple[str, Unreadable]]:
        """Files that could not be read, by path, without those that are nobody's to mend: tests, and values of no chart."""
        for path, facts in sorted(self._facts.items()):
            folder = path.rpartition("/")[0]
            if facts is None or facts.error is None or is_test_folder(folder):
                continue
            if facts.kind != "values" or f"{folder}/Chart.yaml".removeprefix("/") in self._found.deployment:
                yield path, facts.error

    @property
    def unread(self) -> set[str]:
        """All files that could not be read."""
        return {path for path, facts in self._facts.items() if facts is not None and facts.error is not None}

    def sources(self) -> Iterator[tuple[str, str, bytes]]:
        """Path, kind and bytes of every file whose facts were read."""
        for path, facts in sorted(self._facts.items()):
            source = self._bytes(path) if facts is not None else None
            if facts is not None and isinstance(source, bytes):
                yield path, facts.kind, source

    def entries(self) -> dict[str, cache.Entry]:
        """What was read, for the next run."""
        now = time.time_ns()
        found = {}
        for path, (size, changed, _) in self._stamps.items():
            facts = self._facts.get(path)
            known = (self._cached or {}).get(path)
            if known is not None and (known.size, known.changed) == (size, changed) and (known.facts or facts is None):
                found[path] = known
            elif now - changed > SETTLED and cache.is_text(path):
                encoded = msgspec.msgpack.encode(facts) if facts is not None else None
                found[path] = cache.Entry(size, changed, path in self._matters, encoded)
        return found

    def _gate(self, path: str) -> DeployFacts | None:
        source = self._bytes(path)
        if isinstance(source, Unreadable):
            return DeployFacts(path, "", None, source) if kinds.certain(path) else None
        kind = kinds.kind_of(path, source)
        return _read(path, kind, source) if kind else None

    def _named(self, path: str) -> DeployFacts | None:
        if path.startswith(("/", "../")) or path in ("", ".", "..") or "\0" in path or not self._is_inside(path):
            return None
        entry = self._unchanged(path)
        recalled = self._recalled(entry, path) if entry is not None else None
        if recalled is not None:
            return recalled
        source = self._bytes(path)
        if isinstance(source, Unreadable) or not self._found.keep(path):
            return None
        kind = kinds.kind_if_named(path, source)
        return _read(path, kind, source) if kind else None

    def _is_inside(self, path: str) -> bool:
        """Whether a path leads to a regular file of the project, links followed."""
        real = os.path.realpath(f"{self._root}/{path}")
        try:
            return real.startswith(self._real_root + os.sep) and stat.S_ISREG(os.stat(real).st_mode)
        except (OSError, ValueError):
            return False

    def _bytes(self, path: str) -> bytes | Unreadable:
        from celerylint.facts.deploy.read import MAX_BYTES

        if path in self._overlay:
            return self._overlay[path]
        try:
            return contents(f"{self._root}/{path}", MAX_BYTES)
        except OSError as error:
            why = error.strerror or "cannot be read"
            return Unreadable(why if error.errno == errno.EFBIG else f"cannot be read: {why}", 1, 1)

    def _unchanged(self, path: str) -> cache.Entry | None:
        """The cached entry of a file, if it is as it was; takes the stamp for a later one."""
        if self._cached is None or path in self._overlay:
            return None
        return cache.unchanged(self._root, path, self._cached, self._stamps)

    def _recalled(self, entry: cache.Entry, path: str) -> DeployFacts | None:
        if entry.facts is None:
            return None
        try:
            facts = _decoder().decode(entry.facts)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return None
        if entry.matters:
            self._matters.add(path)
        return facts if facts.path == path else None


def _read(path: str, kind: str, source: bytes) -> DeployFacts:
    from celerylint.facts.deploy.read import read

    return read(path, kind, source)


def comment_starts(kind: str) -> str:
    """What starts a comment in files of a kind."""
    return "#;" if kind in ("supervisor", "systemd") else "#"

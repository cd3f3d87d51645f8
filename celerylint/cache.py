"""Facts of files as they were last read, in one file per project and interpreter, in the user's own cache folder.

A file counts as unchanged while its size and time of change are the same. What is found in the cache is checked against the types
of the facts, so an entry of any other shape, from whomever, is as good as none. Never inside the checkout: that may be hostile.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from celerylint import __version__
from celerylint.facts import ir
from celerylint.facts.ir import PythonFacts

SETTLED = 1_000_000_000
"""Nanoseconds after which a file's time of change is taken to tell its content."""

Stamp = tuple[int, int, int]
"""Size, and in nanoseconds the time when the content changed and the one when anything did, the right to read it among it."""


class Entry(Struct, frozen=True, array_like=True, gc=False):
    """One file: its size, its time of change in nanoseconds, whether its bytes mention Celery, and its encoded facts.

    The facts are None for a file that nobody needed.
    """

    size: int
    changed: int
    matters: bool
    facts: bytes | None


class _Stored(Struct, frozen=True, array_like=True, gc=False):
    made_by: str
    entries: dict[str, Entry]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Stored)


def made_by() -> str:
    """Who can read the entries: they change with the tool, with how it lowers code and with the interpreter's grammar."""
    return f"{__version__}/{ir.EXTRACTOR_VERSION}/{sys.version_info.major}.{sys.version_info.minor}"


def folder(option: str | None) -> Path:
    """The cache folder: the option, else `CELERYLINT_CACHE_DIR`, else the platform's folder for caches."""
    if option:
        return Path(option)
    named = os.environ.get("CELERYLINT_CACHE_DIR")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "celerylint"


def file_of(root: str, option: str | None, what: str = "facts") -> Path:
    """The file of a project that holds something."""
    name = hashlib.blake2b(os.path.realpath(root).encode(), digest_size=12).hexdigest()
    return folder(option) / f"{name}-{sys.version_info.major}{sys.version_info.minor}-{what}.msgpack"


def read(root: str, option: str | None) -> dict[str, Entry]:
    """The entries of a project; none if there is no cache, or one that cannot be read."""
    try:
        stored = _decoder.decode(file_of(root, option).read_bytes())
    except (OSError, msgspec.DecodeError, ValueError):
        return {}
    return stored.entries if stored.made_by == made_by() else {}


def unchanged(root: str, path: str, cached: Mapping[str, Entry], stamps: dict[str, Stamp]) -> Entry | None:
    """The cached entry of a file, if it is as it was; takes the file's stamp for a later one."""
    found = stamp(f"{root}/{path}")
    if found is None:
        return None
    stamps[path] = found
    entry = cached.get(path)
    return entry if entry is not None and (entry.size, entry.changed) == found[:2] else None


def stamp(path: str) -> Stamp | None:
    """That of a file or folder; None if it is not there."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def decoded(entry: Entry, path: str) -> PythonFacts | None:
    """The facts of an entry; None if they are not what this version writes, or of another file."""
    if entry.facts is None:
        return None
    try:
        facts = ir.decode(entry.facts)
    except (msgspec.DecodeError, ValueError):
        return None
    return facts if facts.path == path else None


def write(root: str, option: str | None, entries: Mapping[str, Entry]) -> None:
    """Replace the cache of a project."""
    replace_file(file_of(root, option), _encoder.encode(_Stored(made_by(), dict(entries))))


def replace_file(target: Path, content: bytes) -> None:
    """Replace a file of the cache in one step. A folder that cannot be written costs the next run time, nothing else."""
    import tempfile

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".celerylint-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError:
        return

"""Facts of files as they were last read, in one file per project and interpreter, in the user's own cache folder.

A file counts as unchanged while its size and time of change are the same. What is found in the cache is checked against the types
of the facts, so an entry of any other shape, from whomever, is as good as none. Never inside the checkout: that may be hostile.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from celerylint import __version__
from celerylint.facts import ir
from celerylint.facts.ir import PythonFacts
from celerylint.store import MOST_KEPT, Stamp, contents, file_of, replace_file, stamp


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


def read(root: str, option: str | None) -> dict[str, Entry]:
    """The entries of a project; none if there is no cache, or one that cannot be read."""
    try:
        stored = _decoder.decode(contents(file_of(root, option), MOST_KEPT))
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


def is_text(path: str) -> bool:
    """Whether a name is text, and no bytes that only a file system takes for a name: such a file is read anew each time."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True

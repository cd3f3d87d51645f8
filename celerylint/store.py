"""Where things are kept between runs: the user's own cache folder, and how it is told that a file has not changed since.

Imported by runs that need nothing else, so it imports little itself.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

try:
    from _blake2 import blake2b  # what hashlib gives, which takes 4 ms to import
except ImportError:
    from hashlib import blake2b

SETTLED = 1_000_000_000
"""Nanoseconds after which a file's time of change is taken to tell its content."""

Stamp = tuple[int, int, int]
"""Size, and in nanoseconds the time when the content changed and the one when anything did, the right to read it among it."""


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
    name = blake2b(os.path.realpath(root).encode(), digest_size=12).hexdigest()
    return folder(option) / f"{name}-{sys.version_info.major}{sys.version_info.minor}-{what}.msgpack"


def stamp(path: str) -> Stamp | None:
    """That of a file or folder; None if it is not there."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


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

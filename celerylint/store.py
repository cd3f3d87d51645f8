"""What is kept between runs: where, and how it is told that nothing has changed since.

Runs that need nothing else import this, so it imports next to nothing itself.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from array import array

try:
    from _blake2 import blake2b as blake2b  # what hashlib gives, which takes 4 ms to import
except ImportError:
    from hashlib import blake2b as blake2b

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

SETTLED = 1_000_000_000
"""Nanoseconds after which a file's time of change is taken to tell its content."""

_KEPT = 16
"""Answers of a kind that are kept of a folder: files and folders are asked about one by one by editors and hooks."""

Stamp = tuple[int, int, int]
"""Size, and in nanoseconds the time when the content changed and the one when anything did, the right to read it among it."""

MISSING: Stamp = (-1, -1, -1)
"""What stands for the stamp of what is not there."""
MOST_KEPT = 1 << 30
"""Bytes of a file of the cache."""

MOST_WRITTEN = 8_000_000
"""Bytes of a file of settings, pins or patterns that people write."""

_MARK, _LENGTH = 16, 8


# -- places ------------------------------------------------------------------------------------------------------------


def folder(option: str | None) -> str:
    """The cache folder: the option, else `CELERYLINT_CACHE_DIR`, else the platform's folder for caches."""
    named = option or os.environ.get("CELERYLINT_CACHE_DIR")
    if named:
        return named
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "celerylint")


def file_of(root: str, option: str | None, what: str = "facts", suffix: str = ".msgpack") -> str:
    """The file of a project that holds something."""
    name = blake2b(os.path.realpath(root).encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()
    return os.path.join(folder(option), f"{name}-{sys.version_info.major}{sys.version_info.minor}-{what}{suffix}")


def place_of(root: str, option: str | None, what: str, question: str) -> str:
    """The file for an answer of some kind to a question. Few are kept, so another answer may be in it."""
    slot = blake2b(_bytes(question), digest_size=1).digest()[0] % _KEPT
    return file_of(root, option, f"{what}{slot}", ".kept")


def contents(path: str, most: int) -> bytes:
    """The bytes of a file, as long as it is a plain one of at most so many: whoever made it may mean no good.

    Raises:
        OSError: it cannot be read, is a pipe or a device, or is larger.
    """
    wanted = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    with open(os.open(path, wanted), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a plain file", path)
        if status.st_size > most:
            raise OSError(errno.EFBIG, f"larger than {most // 1_000_000} MB", path)
        return file.read(most)


def replace_file(target: str, content: bytes) -> bool:
    """Replace a file of the cache in one step. A folder that cannot be written costs the next run time, nothing else."""
    inside = os.path.dirname(target)
    temporary = os.path.join(inside, f".celerylint-{os.getpid()}-{time.time_ns()}")  # tempfile takes 8 ms to import
    try:
        os.makedirs(inside, exist_ok=True)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError:
        return False
    return True


# -- stamps ------------------------------------------------------------------------------------------------------------


def stamp(path: str) -> Stamp | None:
    """That of a file or folder; None if it is not there."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def settled(stamps: Mapping[str, Stamp | None], began: int) -> bool:
    """Whether nothing was changed so shortly before a time, in nanoseconds, that it may change again in one tick of its clock."""
    return all(known is None or began - max(known[1:]) >= SETTLED for known in stamps.values())


def own_files() -> list[str]:
    """What shows that the tool itself is another: all its files where somebody may be working on it, else when it was
    installed."""
    package = os.path.dirname(os.path.abspath(__file__))
    if not os.path.exists(os.path.join(os.path.dirname(package), "pyproject.toml")):
        return [os.path.join(package, "__init__.py")]
    files = []
    for inside, _, names in os.walk(package):
        if not inside.endswith("__pycache__"):
            files.append(inside + os.sep)
            files += [os.path.join(inside, name) for name in names if name.endswith(".py")]
    return files


# -- answers -----------------------------------------------------------------------------------------------------------


class Held:
    """An answer, and what was looked at for it."""

    __slots__ = ("_stamps", "answer", "mark", "paths")

    def __init__(self, mark: bytes, paths: list[str], stamps: array[int], answer: bytes) -> None:
        self.mark = mark
        """Tells this answer from every other."""
        self.paths = paths
        """What was looked at."""
        self.answer = answer
        self._stamps = stamps

    def stands(self, prefix: str) -> bool:
        """Whether all that was looked at is as it was. `prefix` goes before each path."""
        return _stamps_of(self.paths, prefix) == self._stamps

    def changed(self, prefix: str) -> dict[int, Stamp] | None:
        """The places in `paths` of what is not as it was, with the stamps of now; None if that cannot be told.

        `prefix` goes before each path.
        """
        now = _stamps_of(self.paths, prefix)
        if now is None:
            return None
        if now == self._stamps:
            return {}
        was = self._stamps
        places = range(0, len(now), 3)
        return {at // 3: (now[at], now[at + 1], now[at + 2]) for at in places if now[at : at + 3] != was[at : at + 3]}

    def stamps(self) -> dict[str, Stamp | None]:
        """What was looked at, with the stamps of then."""
        values = iter(self._stamps)
        known = zip(values, values, values, strict=True)
        return {path: one if one != MISSING else None for path, one in zip(self.paths, known, strict=True)}


def _stamps_of(paths: list[str], prefix: str) -> array[int] | None:
    """The stamps of files and folders, one after another; None if one is none that can be kept."""
    found: array[int] = array("q")
    extend, stat = found.extend, os.stat  # most of the time of an unchanged run is spent here
    try:
        for path in paths:
            try:
                status = stat(prefix + path)
            except OSError:
                extend(MISSING)
            else:
                extend((status.st_size, status.st_mtime_ns, status.st_ctime_ns))
    except (ValueError, OverflowError):
        return None
    return found


def digest(content: bytes) -> bytes:
    """What tells content from other content."""
    return blake2b(content, digest_size=_MARK).digest()


def keep(file: str, question: str, looked: Mapping[str, Stamp | None], answer: bytes) -> bytes | None:
    """Keep an answer with the stamps of what was looked at for it; returns its mark, None if it cannot be kept."""
    stamps: array[int] = array("q")
    try:
        for known in looked.values():
            stamps.extend(known or MISSING)
    except OverflowError:
        return None
    content = b"".join(
        len(part).to_bytes(_LENGTH, "little") + part
        for part in (_bytes(question), _bytes("\0".join(looked)), stamps.tobytes(), answer)
    )
    mark = digest(content)
    return mark if replace_file(file, mark + content) else None


def held(file: str, question: str | None = None) -> Held | None:
    """The answer to a question, or to any, that is kept in a file; None if there is none, or if it is not as it was written."""
    try:
        data = contents(file, MOST_KEPT)
    except OSError:
        return None
    mark, content = data[:_MARK], data[_MARK:]
    if digest(content) != mark:
        return None
    parts, at = [], 0
    while at < len(content):
        start = at + _LENGTH
        at = start + int.from_bytes(content[at:start], "little")
        parts.append(content[start:at])
    if len(parts) != 4 or (question is not None and parts[0] != _bytes(question)):
        return None
    stamps: array[int] = array("q")
    paths = parts[1].decode("utf-8", "surrogateescape").split("\0")
    if len(parts[2]) != 3 * stamps.itemsize * len(paths):
        return None
    stamps.frombytes(parts[2])
    return Held(mark, paths, stamps, parts[3])


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")

"""Writes mended files: old or new, never half, and only what nobody else has changed meanwhile."""

from __future__ import annotations

import os
import signal
import stat
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class WriteError(Exception):
    """A file that was left as it was. The text says why, in one line."""

    def __init__(self, why: str, path: str) -> None:
        super().__init__(why)
        self.path = path


def why_not(path: str) -> str:
    """Why a file cannot be written, empty if it can."""
    try:
        status = os.stat(path)
    except OSError as error:
        return _reason(error)
    if not stat.S_ISREG(status.st_mode):
        return "it is not a plain file"
    # A folder one may write to would let a read-only file be replaced: whoever made it read-only meant it.
    return "" if status.st_mode & 0o222 and os.access(path, os.W_OK) else "it is read-only"


def write(path: str, before: bytes, after: bytes) -> None:
    """Put `after` in the place of a file that still holds `before`, with the same mode. Links are followed.

    Raises:
        WriteError: it is read-only, was changed meanwhile, or there is no room.
    """
    write_together([(path, before, after)])


def write_together(files: Sequence[tuple[str, bytes, bytes]]) -> None:
    """Write several files as `write` does, all of them or none: what was replaced before one fails is put back. Whoever
    interrupts or ends the process meanwhile is heard afterwards.

    Raises:
        WriteError: one of them cannot be written; `path` is the one.
    """
    with _undisturbed():
        _write_together(files)


def _write_together(files: Sequence[tuple[str, bytes, bytes]]) -> None:
    waiting: list[_Waiting] = []
    try:
        for path, before, after in files:
            waiting.append(_Waiting(path, before, after))
            waiting[-1].prepare()
        for file in waiting:
            file.check()
        for file in waiting:
            file.replace(keep=len(waiting) > 1)
    except BaseException:
        for file in reversed(waiting):
            file.put_back()
        raise
    finally:
        for file in waiting:
            file.clean_up()


_ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT") if hasattr(signal, name))


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let signals that would end this process wait."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are for the main thread
        return
    came: list[int] = []
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        for arrived in came:
            signal.raise_signal(arrived)


class _Waiting:
    """A file whose new content waits beside it."""

    def __init__(self, path: str, before: bytes, after: bytes) -> None:
        self._named = path
        self._path = os.path.realpath(path)
        self._before = before
        self._after = after
        self._status: os.stat_result | None = None
        self._beside = ""
        self._old = ""
        """The file under another name, while it may have to be put back."""

    def prepare(self) -> None:
        if why := why_not(self._path):
            raise WriteError(why, self._named)
        with self._told():
            self._status = os.stat(self._path)
            folder, name = os.path.split(self._path)
            handle, self._beside = tempfile.mkstemp(prefix=f".{name[:100]}.", dir=folder)
            with open(handle, "wb") as file:
                file.write(self._after)
                file.flush()
                os.fsync(file.fileno())
            _keep_owner(self._beside, self._status)
            os.chmod(self._beside, stat.S_IMODE(self._status.st_mode))  # giving a file away resets some of it

    def check(self) -> None:
        with self._told():
            if self._status is None or not _unchanged(self._path, self._status, self._before):
                raise WriteError("it was changed while it was being linted", self._named)

    def replace(self, *, keep: bool) -> None:
        self.check()
        with self._told():
            if keep:
                os.link(self._path, f"{self._beside}.old")
                self._old = f"{self._beside}.old"
            os.replace(self._beside, self._path)
            self._beside = ""

    def put_back(self) -> None:
        if self._old and not self._beside:
            os.replace(self._old, self._path)
            self._old = ""

    def clean_up(self) -> None:
        for path in (self._beside, self._old):
            if path and os.path.exists(path):
                os.unlink(path)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise WriteError(_reason(error), self._named) from error


def _unchanged(path: str, status: os.stat_result, before: bytes) -> bool:
    now = os.stat(path)
    if (now.st_size, now.st_mtime_ns, now.st_ino) != (status.st_size, status.st_mtime_ns, status.st_ino):
        return False
    with open(path, "rb") as file:
        return file.read() == before


def _keep_owner(path: str, status: os.stat_result) -> None:
    chown = getattr(os, "chown", None)
    if chown is None or (status.st_uid, status.st_gid) == (os.geteuid(), os.getegid()):
        return
    try:
        chown(path, status.st_uid, status.st_gid)
    except PermissionError:
        pass  # only root may give files away


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()

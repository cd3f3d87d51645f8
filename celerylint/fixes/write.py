"""Writes mended files: old or new, never half, and only what nobody else has changed meanwhile."""

from __future__ import annotations

import os
import stat
import tempfile


class WriteError(Exception):
    """A file that was left as it was. The text says why, in one line."""


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
    path = os.path.realpath(path)
    if why := why_not(path):
        raise WriteError(why)
    try:
        status = os.stat(path)
        handle, beside = tempfile.mkstemp(prefix=f".{os.path.basename(path)[:100]}.", dir=os.path.dirname(path))
    except OSError as error:
        raise WriteError(_reason(error)) from error
    try:
        with open(handle, "wb") as file:
            file.write(after)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(beside, stat.S_IMODE(status.st_mode))
        _keep_owner(beside, status)
        if not _unchanged(path, status, before):
            raise WriteError("it was changed while it was being linted")
        os.replace(beside, path)
    except OSError as error:
        raise WriteError(_reason(error)) from error
    finally:
        if os.path.exists(beside):
            os.unlink(beside)


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

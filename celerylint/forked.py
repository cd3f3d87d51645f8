"""A call in a forked copy of this process.

`concurrent.futures` would do, but importing its process pool takes longer than a whole run over a small project may take.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator


def can_fork() -> bool:
    """Whether a fork is cheap and safe here: the platform has it, and no other thread could hold a lock meanwhile."""
    return hasattr(os, "fork") and sys.platform != "darwin" and threading.active_count() == 1


class WorkQueue:
    """Numbers that several processes take from, each number once.

    They lie in a pipe: reading a few bytes from it is atomic, and no process needs to know how fast the others are.
    """

    _MOST = 16_000

    def __init__(self, length: int) -> None:
        assert length <= self._MOST, "more than a pipe holds"
        self._reader, writer = os.pipe()
        os.write(writer, b"".join(n.to_bytes(2, "little") for n in range(length)))
        os.close(writer)

    @classmethod
    def chunk_size(cls, items: int, least: int) -> int:
        """How many items a number must stand for."""
        return max(least, -(-items // cls._MOST))

    def __iter__(self) -> Iterator[int]:
        while taken := os.read(self._reader, 2):
            yield int.from_bytes(taken, "little")

    def close(self) -> None:
        """Give the pipe back; of use once all numbers are taken."""
        os.close(self._reader)


class ForkedCall:
    """One call that runs beside this process. Its result is bytes."""

    def __init__(self, function: Callable[[], bytes]) -> None:
        self._reader, writer = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            status = 1
            try:
                os.close(self._reader)
                with os.fdopen(writer, "wb") as pipe:
                    pipe.write(function())
                status = 0
            finally:
                # Nothing of this copy's own may run: no exit handlers, no buffers flushed twice.
                os._exit(status)
        os.close(writer)

    def result(self) -> bytes | None:
        """What the call returned; None if the copy died."""
        with os.fdopen(self._reader, "rb") as pipe:
            data = pipe.read()
        _, status = os.waitpid(self._child, 0)
        return data if status == 0 else None

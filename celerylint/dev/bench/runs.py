"""Runs of programs, in turns: how long they take, by the clock and of all processes, and how much memory the largest holds."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple


class Contender(NamedTuple):
    """A program that is measured."""

    name: str
    command: Sequence[str]
    environment: dict[str, str]
    prepare: Callable[[], object] | None = None
    """What is done before each run, and not measured."""
    compares: bool = True
    """Whether it reads the tree, so that its time says something beside that of others."""


class Measured(NamedTuple):
    """The best of some runs."""

    wall: float
    """Seconds by the clock."""
    cpu: float
    """Seconds of all its processes."""
    memory: int
    """Bytes that the largest of its processes held at most."""
    status: int
    compares: bool = True


def measure(contenders: Sequence[Contender], folder: Path, runs: int) -> dict[str, Measured]:
    """Run each once for its cache, and then all in turns, so that what else the machine does falls on all alike."""
    for each in contenders:
        _run(each, folder)
    best: dict[str, Measured] = {}
    for _ in range(runs):
        for each in contenders:
            now = _run(each, folder)
            known = best.get(each.name, now)
            best[each.name] = Measured(
                min(known.wall, now.wall),
                min(known.cpu, now.cpu),
                max(known.memory, now.memory),
                now.status,
                each.compares,
            )
    return best


def _run(contender: Contender, folder: Path) -> Measured:
    if contender.prepare is not None:
        contender.prepare()
    start = time.perf_counter()
    child = subprocess.Popen(
        contender.command, cwd=folder, env=contender.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(child.pid, 0)
    wall = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    return Measured(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, child.returncode)

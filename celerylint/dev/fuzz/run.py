"""Runs cases in processes of their own, and makes small what fails."""

from __future__ import annotations

import itertools
import multiprocessing
import resource
import shutil
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random

from celerylint.dev.fuzz.case import Fault, Files, Outcome, kind_of
from celerylint.dev.fuzz.targets import TARGETS

LONGEST = 60.0
"""Seconds after which a case counts as endless."""

_BATCH = 25
_MEMORY = 3 << 30
_SMALLER_FOR = 20.0


def run(
    targets: Sequence[str], seed: int, *, count: int | None = None, until: float | None = None
) -> Iterator[Outcome]:
    """The outcomes of cases from `seed` on, so many of each target, or until that time of `time.monotonic`."""
    for start in itertools.count(0, _BATCH):
        batch = _BATCH if count is None else min(_BATCH, count - start)
        if batch <= 0:
            return
        for target in targets:
            for outcome in _batch(target, range(seed + start, seed + start + batch)):
                yield outcome
                if until is not None and time.monotonic() > until:
                    return


def _batch(target: str, seeds: range) -> Iterator[Outcome]:
    """The cases of some seeds; one that ends its process is followed by the rest in another."""
    context = multiprocessing.get_context("fork")
    done = 0
    while done < len(seeds):
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(target, seeds[done:], there))
        process.start()
        there.close()
        for seed in seeds[done:]:
            outcome = _next(here)
            done += 1
            if outcome is None:
                process.join(0.2)
                why = "never ends" if process.is_alive() else f"ends the process ({process.exitcode})"
                fault = Fault(target, seed, f"{target} {why}", "", TARGETS[target].make(Random(seed)))
                yield Outcome(target, seed, LONGEST, fault)
                break
            yield outcome
        process.kill()
        process.join()
        here.close()


def _next(connection: Connection) -> Outcome | None:
    try:
        return connection.recv() if connection.poll(LONGEST) else None
    except EOFError:
        return None


def _work(target: str, seeds: range, connection: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    for seed in seeds:
        started = time.process_time()
        files = TARGETS[target].make(Random(seed))
        fault = _fault(target, seed, files)
        seconds = time.process_time() - started
        if fault is not None:
            fault = _smaller(fault)
        connection.send(Outcome(target, seed, seconds, fault))


def _fault(target: str, seed: int, files: Files) -> Fault | None:
    with tempfile.TemporaryDirectory(prefix="celerylint-fuzz-") as name:
        folder = Path(name)
        (folder / ".git").mkdir()
        write(files, folder)
        try:
            TARGETS[target].hold(files, folder)
        except Exception as error:
            return Fault(target, seed, kind_of(error), "".join(traceback.format_exception(error)[-3:]), files)
    return None


def write(files: Files, folder: Path) -> None:
    """Put a project on disk."""
    for path, content in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def _smaller(fault: Fault) -> Fault:
    """The same fault with files and lines left out, as far as a short time allows."""
    until = time.monotonic() + _SMALLER_FOR

    def still(files: Files) -> Fault | None:
        if time.monotonic() > until:
            return None
        found = _fault(fault.target, fault.seed, files)
        return found if found is not None and found.kind == fault.kind else None

    best = fault
    for path in list(best.files):
        smaller = still({other: text for other, text in best.files.items() if other != path})
        best = smaller or best
    for path in list(best.files):
        size = max(1, len(best.files[path].splitlines()) // 2)
        while size:
            at = 0
            while at < len(lines := best.files[path].splitlines(keepends=True)):
                smaller = still({**best.files, path: b"".join(lines[:at] + lines[at + size :])})
                best, at = (smaller, at) if smaller is not None else (best, at + size)
            size //= 2
    return best


def keep(fault: Fault, folder: Path) -> Path:
    """Write a failing project below a folder."""
    place = folder / f"{fault.target}-{fault.seed}"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    write(fault.files, place)
    (place / "FAULT.txt").write_text(fault.describe(), "utf-8")
    return place

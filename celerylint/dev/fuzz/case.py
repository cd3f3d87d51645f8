"""What a fuzz case is, and what may come of it."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import NamedTuple

Files = Mapping[str, bytes]
"""A project: the content of each file, by path."""


class Fault(NamedTuple):
    """A case that failed."""

    target: str
    seed: int
    kind: str
    """What failed and where in the tool: equal for two cases that show the same fault."""
    details: str
    files: Files

    def describe(self) -> str:
        """The fault for people, and how to run it again."""
        again = f"python -m celerylint.dev fuzz --target {self.target} --seed {self.seed} --count 1"
        return f"{self.kind}\n  {again}\n{self.details}"


class Outcome(NamedTuple):
    """One case that has been run."""

    target: str
    seed: int
    seconds: float
    """Processor time."""
    fault: Fault | None


class UnsoundError(AssertionError):
    """The tool went on, and what it says is wrong."""


def kind_of(error: BaseException) -> str:
    """An exception by its type and the innermost line of the tool that it came through."""
    frames = [
        f
        for f in traceback.extract_tb(error.__traceback__)
        if "/celerylint/" in f.filename and "/dev/" not in f.filename
    ]
    where = f"{frames[-1].filename.rpartition('/celerylint/')[2]}:{frames[-1].lineno}" if frames else "outside"
    text = str(error).splitlines()[0][:200] if isinstance(error, UnsoundError) else ""
    return f"{type(error).__name__} at {where}{': ' if text else ''}{text}"

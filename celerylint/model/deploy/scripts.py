"""What a command comes down to: shells, scripts and runner prefixes followed to the programs that they start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from celerylint.facts.deploy.ir import ScriptFile
from celerylint.finding import Place
from celerylint.model.deploy.process import Invocation, Load, Word


def invocations(
    words: Sequence[Word],
    environment: Mapping[str, str | None],
    load: Load,
    *,
    via: tuple[Place, ...] = (),
) -> tuple[Invocation, ...]:
    """The programs that a command starts: runner prefixes removed, `sh -c` and scripts that `load` finds followed.

    The command is run without a shell, as in the exec form; for the shell form, begin the words with `sh` and `-c`.
    A variable that `environment` does not name takes the default that a script gives it, and is unknown without one.
    What could not be followed is an invocation whose first word is not known.
    """
    return (Invocation(tuple(words), words[0].place, environment, True, via),) if words else ()


def run(
    script: ScriptFile,
    argv: Sequence[Word],
    environment: Mapping[str, str | None],
    load: Load,
    path: str,
    *,
    via: tuple[Place, ...] = (),
) -> tuple[Invocation, ...]:
    """The programs that a script starts. `argv` are its arguments from `$1` on, `path` the file that it is written in."""
    return ()

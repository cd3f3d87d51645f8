"""What the last run of a command printed, printed again while it would be the same: neither the command, nor where and on what it
runs, nor the tool, nor anything that its report depends on has changed.

Most of a run that finds nothing new is spent on importing what finds it. This imports next to nothing.
"""

from __future__ import annotations

import os
import sys

from celerylint import __version__, store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ENVIRONMENT = (
    "CELERYLINT_CACHE_DIR",
    "COLUMNS",
    "FORCE_COLOR",
    "GITHUB_ACTIONS",
    "NO_COLOR",
    "TERM",
    "WT_SESSION",
    "XDG_CACHE_HOME",
    "_CELERYLINT_COMPLETE",
)
"""What of the environment can change what is printed."""


def replayed(arguments: Sequence[str]) -> tuple[int, str] | None:
    """The exit status of a command and what it prints to standard output; None if only a run can tell."""
    question = _question(arguments)
    if question is None:
        return None
    output = store.held(_file(question), question)
    if output is None or not output.stands(""):
        return None
    try:
        mark, status, root, file, text = output.answer.decode("utf-8", "surrogatepass").split("\0", 4)
        report = store.held(file)
        if report is None or report.mark.hex() != mark or not report.stands(root + "/"):
            return None
        return int(status), text
    except ValueError:
        return None


def keep(
    arguments: Sequence[str],
    began: int,
    root: str,
    kept: tuple[str, str],
    looked: Iterable[str],
    status: int,
    text: str,
) -> None:
    """Keep what a command that began at a time, in nanoseconds, printed about a report that is kept itself.

    `looked` are the files and folders, besides those which the report depends on, that say how the command is meant.
    """
    question = _question(arguments)
    own = {path: store.stamp(path) for path in store.own_files()}
    given = {path: store.stamp(path) for path in looked}
    # The interpreter itself changes a folder, where it puts the bytecode of what is imported the first time.
    files = {path: known for path, known in own.items() if not path.endswith(os.sep)}
    if question is None or not store.settled(files | given, began):
        return
    file, mark = kept
    answer = "\0".join((mark, str(status), root, file, text)).encode("utf-8", "surrogatepass")
    store.keep(_file(question), question, own | given, answer)


def _file(question: str) -> str:
    return store.place_of(os.getcwd(), None, "output", question)


def _question(arguments: Sequence[str]) -> str | None:
    """What is asked, by whom, and what for; None if nobody could see an answer."""
    try:
        stream = sys.stdout
        terminal = stream.isatty()
        size = tuple(os.get_terminal_size(stream.fileno())) if terminal else ()
        here = os.getcwd()
        encoding = stream.encoding
    except (OSError, ValueError, AttributeError):
        return None
    environment = [os.environ.get(name) for name in ENVIRONMENT]
    return repr((__version__, store.__file__, here, tuple(arguments), terminal, size, encoding, environment))

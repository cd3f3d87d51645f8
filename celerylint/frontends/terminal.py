"""What the terminal at hand can show, and a bar for runs that take long."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from celerylint.report.style import Style

Progress = Callable[[str, int, int], None]

_PATIENCE = 1.0
"""Seconds before a run is worth a bar."""
_REDRAW = 0.1
"""Seconds between two drawings of it."""
_BAR = 24


def style_for(stream: TextIO, color: str, *, summary: bool = True) -> Style:
    """The style for `stream`, given `auto`, `always` or `never`."""
    terminal = stream.isatty()
    colored = color == "always" or (color == "auto" and _colored(terminal))
    width = None
    if terminal:
        import shutil  # brings compression along, which nothing else here needs

        width = shutil.get_terminal_size().columns
    return Style(color=colored, links=colored and terminal, width=width, summary=summary)


def _colored(terminal: bool) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    old_windows = os.name == "nt" and not os.environ.keys() & {"WT_SESSION", "TERM"}
    return terminal and os.environ.get("TERM") != "dumb" and not old_windows


@contextmanager
def progress_bar(stream: TextIO, *, wanted: bool) -> Iterator[Progress | None]:
    """A function that is told the stage and how much of it is done; None where nobody would see the bar."""
    if not wanted or not stream.isatty():
        yield None
        return
    due = time.monotonic() + _PATIENCE
    drawn = False

    def show(stage: str, done: int, total: int) -> None:
        nonlocal due, drawn
        now = time.monotonic()
        if now < due:
            return
        due, drawn = now + _REDRAW, True
        filled = _BAR * done // total if total else 0
        stream.write(f"\r\x1b[K{stage} [{'=' * filled}{' ' * (_BAR - filled)}] {done}/{total}")
        stream.flush()

    try:
        yield show
    finally:
        if drawn:
            stream.write("\r\x1b[K")
            stream.flush()


def accept_any_text(*streams: TextIO) -> None:
    """Let a stream that cannot say a character show its code, rather than fail."""
    for stream in streams:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def abandon_stdout() -> None:
    """After a reader has gone away: let what is left go nowhere, so that the interpreter can end in peace."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        pass

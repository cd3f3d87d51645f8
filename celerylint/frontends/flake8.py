"""The same findings, on the same lines, inside of flake8.

flake8 starts a process for each of its jobs. The one that starts them reads the project first: those that are forked from it
have its findings, the others find the facts in the cache.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from celerylint import __version__

if TYPE_CHECKING:
    from celerylint.config import Settings
    from celerylint.finding import Finding, Report


class Plugin:
    """What flake8 calls for each file. The project is read once in a process, whatever the number of its files."""

    name = "celerylint"
    version = __version__
    options: ClassVar[argparse.Namespace | None] = None
    """What flake8 was asked; None where nobody has said."""

    def __init__(self, tree: ast.AST, filename: str, lines: Sequence[str]) -> None:
        self._filename = filename
        self._lines = lines

    @classmethod
    def parse_options(cls, options: argparse.Namespace) -> None:
        """Called by flake8 once in each process, before any file is looked at."""
        cls.options = options
        if _is_main_process() and "-" not in options.filenames and _is_wanted(options):
            _project(_existing(tuple(options.filenames)), _asked_for(options))

    def run(self) -> Iterator[tuple[int, int, str, type[Plugin]]]:
        """The findings in this file: line from 1, column from 0, text, and this class."""
        options = self.options
        if options is not None and not _is_wanted(options):
            return
        for finding in self._findings(options):
            span = finding.place.span
            yield span.line, span.column - 1, f"{finding.code} {_clean(finding.message)}", type(self)

    def _findings(self, options: argparse.Namespace | None) -> Sequence[Finding]:
        path = os.path.abspath(self._filename)
        asked = _asked_for(options) if options is not None else ()
        if options is not None and "-" in options.filenames and self._filename == options.stdin_display_name:
            return _unsaved(path, "".join(self._lines), asked)
        paths = _existing(tuple(options.filenames)) if options is not None else ()
        if not _is_among(path, frozenset(paths)):
            here = os.getcwd()
            paths = (here if path.startswith(os.path.join(here, "")) else os.path.dirname(path),)
        settings, found = _project(paths, asked)
        return found.get(_relative(path, settings), ())


def _is_main_process() -> bool:
    """Whether this is the process that may start others. `multiprocessing` is asked only where somebody uses it."""
    processes = sys.modules.get("multiprocessing.process")
    return processes is None or processes.parent_process() is None


def _is_wanted(options: argparse.Namespace) -> bool:
    """Whether flake8 would show any finding of ours."""
    if not options.select:
        return True
    return any(_overlaps(code) for code in (*options.select, *(options.extend_select or ())))


def _overlaps(prefix: str) -> bool:
    return prefix.startswith("CLY") or "CLY".startswith(prefix)


def _asked_for(options: argparse.Namespace) -> tuple[str, ...]:
    """The rules that flake8 was asked for by their whole code: they count whatever the preset is."""
    codes = (*(options.select or ()), *(options.extend_select or ()))
    return tuple(dict.fromkeys(code for code in codes if re.fullmatch(r"CLY\d{3}", code)))


@cache
def _existing(paths: tuple[str, ...]) -> tuple[str, ...]:
    """Those that are there, in full; flake8 itself reports the others."""
    return tuple(os.path.abspath(path) for path in paths if os.path.exists(path))


def _is_among(path: str, tops: frozenset[str]) -> bool:
    """Whether a path is one of `tops`, or below one."""
    above = os.path.dirname(path)
    return path in tops or (above != path and _is_among(above, tops))


def _relative(path: str, settings: Settings) -> str:
    return os.path.relpath(path, settings.root).replace(os.sep, "/")


def _clean(text: str) -> str:
    from celerylint.text import clean

    return clean(text)


@cache
def _project(paths: tuple[str, ...], asked: tuple[str, ...]) -> tuple[Settings, Mapping[str, Sequence[Finding]]]:
    """The options for these paths, and what is found at or below them, by path from the root."""
    settings = _settings(paths)
    found: dict[str, list[Finding]] = {}
    if not paths or not _mentions_celery(settings):
        return settings, found
    report = _report(settings, paths, asked)
    for finding in report.findings:
        if finding.code == "CLY990" and not finding.place.path.endswith(".py"):
            print(f"celerylint: {_clean(finding.message)}", file=sys.stderr)
        found.setdefault(finding.place.path, []).append(finding)
    return settings, found


def _unsaved(path: str, text: str, asked: tuple[str, ...]) -> Sequence[Finding]:
    """What is found in a text that stands for the file at a path, with the project on disk around it."""
    from celerylint.frontends.stdin import encoded

    path = path if path.endswith(".py") else f"{path}.py"
    settings = _settings((path,))
    source = encoded(text)
    if not _speaks_of_celery(source) and not _mentions_celery(settings):
        return ()
    relative = _relative(path, settings)
    report = _report(settings, (path,), asked, {relative: source})
    return [finding for finding in report.findings if finding.place.path == relative]


@cache
def _settings(paths: tuple[str, ...]) -> Settings:
    from celerylint.config import UsageError, load

    try:
        return load(paths)
    except UsageError as error:
        raise _said(str(error)) from error


@cache
def _mentions_celery(settings: Settings) -> bool:
    """Whether any file of the project speaks of Celery: if none does, there is nothing to find and to import."""
    from celerylint.discover import discover

    root = settings.root
    found = discover(root, [str(root)], settings.options)
    return any(_mentions(root / path) for path in (*found.pins, *found.files))


def _mentions(path: Path) -> bool:
    from celerylint.extract import MAX_BYTES
    from celerylint.store import contents

    try:
        return _speaks_of_celery(contents(str(path), MAX_BYTES))
    except OSError:
        return False


def _speaks_of_celery(source: bytes) -> bool:
    return b"elery" in source or b"CELERY" in source


def _report(
    settings: Settings, paths: Sequence[str], asked: tuple[str, ...], overlay: Mapping[str, bytes] | None = None
) -> Report:
    from msgspec.structs import replace

    from celerylint.config import ConfigError, UsageError
    from celerylint.engine import check
    from celerylint.rules.registry import all_rules

    options = settings.options
    asked = tuple(code for code in asked if code in {rule.code for rule in all_rules()})
    options = replace(
        options,
        force_exclude=True,
        jobs=options.jobs if _is_main_process() else 1,
        extend_select=(*options.extend_select, *asked),
        ignore=tuple(code for code in options.ignore if code not in asked),
    )
    try:
        return check(paths, options, root=settings.root, overlay=overlay)
    except ConfigError as error:
        raise _said(settings.locate(error)) from error
    except UsageError as error:
        raise _said(str(error)) from error


def _said(message: str) -> Exception:
    """An error that flake8 shows as one line, from whichever of its processes."""
    from flake8.exceptions import ExecutionError

    error: Exception = ExecutionError(f"celerylint: {message}")
    return error

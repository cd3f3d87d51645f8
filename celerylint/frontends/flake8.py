"""The same findings, on the same lines, inside of flake8."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from celerylint import __version__

if TYPE_CHECKING:
    from celerylint.config import Settings
    from celerylint.finding import Finding


class Plugin:
    """What flake8 calls for each file. The project is read once, whatever the number of its files."""

    name = "celerylint"
    version = __version__

    def __init__(self, tree: ast.AST, filename: str) -> None:
        self._path = os.path.abspath(filename)

    def run(self) -> Iterator[tuple[int, int, str, type[Plugin]]]:
        """The findings in this file: line from 1, column from 0, text, and this class."""
        here = os.getcwd()
        # As the command line does when it is run here: so both see the same project.
        start = here if self._path.startswith(os.path.join(here, "")) else os.path.dirname(self._path)
        settings = _settings(start)
        if not _mentions_celery(settings):
            return
        relative = os.path.relpath(self._path, settings.root).replace(os.sep, "/")
        for finding in _findings(settings, start).get(relative, ()):
            span = finding.place.span
            yield span.line, span.column - 1, f"{finding.code} {finding.message}", type(self)


@cache
def _settings(start: str) -> Settings:
    from celerylint.config import load

    return load([start])


@cache
def _mentions_celery(settings: Settings) -> bool:
    """Whether any file of the project speaks of Celery: if none does, there is nothing to find and to import."""
    from celerylint.discover import discover

    root = settings.root
    found = discover(root, [str(root)], settings.options)
    return any(_mentions(root / path) for path in (*found.pins, *found.files))


def _mentions(path: Path) -> bool:
    try:
        return b"celery" in path.read_bytes().lower()
    except OSError:
        return False


@cache
def _findings(settings: Settings, start: str) -> dict[str, Sequence[Finding]]:
    from msgspec.structs import replace

    from celerylint.config import ConfigError, UsageError
    from celerylint.engine import check

    # The processes that flake8 starts may start none themselves.
    options = replace(settings.options, jobs=1)
    try:
        report = check([start], options, root=settings.root)
    except ConfigError as error:
        raise UsageError(settings.locate(error)) from error
    found: dict[str, list[Finding]] = {}
    for finding in report.findings:
        found.setdefault(finding.place.path, []).append(finding)
    return dict(found)

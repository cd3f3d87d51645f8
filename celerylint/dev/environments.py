"""Virtual environments, made on first use and kept: one for each minor version of Celery, one for other linters.

They serve the catalog (what is Celery?), the oracle (what does Celery itself make of a project?) and the comparison (what
do others say?). Code under lint never runs here unless a developer command says so.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

CELERY_MINORS = ("5.0", "5.1", "5.2", "5.3", "5.4", "5.5", "5.6", "5.7")

_NEWEST_PYTHON = {"5.0": (3, 9), "5.1": (3, 9), "5.2": (3, 11), "5.3": (3, 12), "5.4": (3, 12)}
"""The newest interpreter that a minor still runs on, where that is not simply any."""

_OLDEST_PYTHON = (3, 8)
_NEWEST_TRIED = (3, 14)

_EXTRA_REQUIREMENTS = {"5.0": ("setuptools<58",), "5.1": ("setuptools<58",)}

_COMPANIONS = ("redis", "django")
"""Beside Celery, so that projects which import them load."""


def cache_folder() -> Path:
    """Where the environments live: `CELERYLINT_DEV_CACHE`, else `~/.cache/celerylint-dev`."""
    return Path(os.environ.get("CELERYLINT_DEV_CACHE") or Path.home() / ".cache" / "celerylint-dev")


def python_for(celery_minor: str) -> Path:
    """The interpreter of an environment with the newest Celery of that minor ("5.3"), redis and django.

    Takes about 15 seconds the first time, nothing afterwards; safe to call from several processes at once.
    Raises ValueError for an unknown minor, LookupError if no fitting interpreter is installed, and
    subprocess.CalledProcessError if the packages cannot be installed.
    """
    if celery_minor not in CELERY_MINORS:
        raise ValueError(f"no such Celery minor: {celery_minor!r}; known: {', '.join(CELERY_MINORS)}")
    extras = _EXTRA_REQUIREMENTS.get(celery_minor, ())
    requirements = (f"celery=={celery_minor}.*", *extras, *_COMPANIONS)
    newest = _NEWEST_PYTHON.get(celery_minor)
    return environment(f"celery-{celery_minor}", requirements, newest=newest)


def environment(
    name: str,
    requirements: Sequence[str],
    newest: tuple[int, int] | None = None,
    oldest: tuple[int, int] = _OLDEST_PYTHON,
) -> Path:
    """The interpreter of the environment of that name, which is made with the requirements if there is none.

    `newest` and `oldest` are the Python versions that what it holds runs on. Safe to call from several processes at once.
    Raises LookupError if no fitting interpreter is installed, and subprocess.CalledProcessError if the packages cannot
    be installed.
    """
    folder = cache_folder() / name
    python = folder / "bin" / "python"
    complete = folder / "complete"
    if complete.exists():
        return python
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():
            _make(folder, _interpreter(name, newest, oldest), requirements)
            complete.touch()
    return python


def _make(folder: Path, interpreter: str, requirements: Sequence[str]) -> None:
    """Build the environment from nothing: a half-made one is of no use to anybody."""
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([interpreter, "-m", "venv", folder], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *requirements], check=True, stdout=subprocess.DEVNULL)


def _interpreter(name: str, newest: tuple[int, int] | None, oldest: tuple[int, int]) -> str:
    """The running interpreter if it fits, else the newest that does: under pyenv or on the path."""
    running = sys.version_info[:2]
    if oldest <= running <= (newest or running):
        return sys.executable
    for minor in range((newest or _NEWEST_TRIED)[1], oldest[1] - 1, -1):
        # pyenv first: its commands on the path exist for versions that are not switched on, and then fail.
        found = _pyenv_interpreter(f"3.{minor}") or shutil.which(f"python3.{minor}")
        if found:
            return found
    most = f" to 3.{newest[1]}" if newest else " or newer"
    raise LookupError(f"{name} needs Python 3.{oldest[1]}{most}, and none is installed")


def _pyenv_interpreter(python_minor: str) -> str | None:
    """The newest patch release of a Python minor that pyenv has installed."""
    versions = (Path.home() / ".pyenv" / "versions").glob(f"{python_minor}.*/bin/python")
    return max(map(str, versions), default=None)

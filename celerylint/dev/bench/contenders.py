"""The linters that are measured: ours in its kinds of run, and those of the others that are installed."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from celerylint.dev.bench.runs import Contender
from celerylint.dev.environments import cache_folder

_PACKAGE = Path(__file__).parents[2]
_SEMGREP = Path(__file__).parent / "semgrep.yml"
_PIE = "PIE783,PIE784,PIE785"


_LINT = (sys.executable, "-m", "celerylint")
_QUIET = ("--exit-zero", "--output-format", "concise")


def contenders(tree: Path, scratch: Path) -> list[Contender]:
    """Every contender for a tree. Caches go to `scratch`."""
    environment = _environment(scratch)
    return [
        Contender("python -c pass", (sys.executable, "-c", "pass"), environment, compares=False),
        Contender("celerylint --version", (*_LINT, "--version"), environment, compares=False),
        Contender("celerylint, cold", (*_LINT, *_QUIET, "--no-cache", "."), environment),
        Contender("celerylint, cold, no 6xx", (*_LINT, *_QUIET, "--no-cache", "--ignore", "CLY6", "."), environment),
        Contender("celerylint, warm", (*_LINT, *_QUIET, "."), environment),
        *_others(environment, tree, scratch),
    ]


def after_a_change(scratch: Path, changed: Path) -> list[Contender]:
    """Ours where one file is touched before each run, which the whole tree or that file alone is linted for."""
    environment = _environment(scratch)
    return [
        Contender("celerylint, warm, one changed", (*_LINT, *_QUIET, "."), environment, changed.touch),
        Contender("celerylint, warm, the changed one", (*_LINT, *_QUIET, str(changed)), environment, changed.touch),
    ]


def _environment(scratch: Path) -> dict[str, str]:
    # Bytecode is what an installed tool has, wherever this one is started from.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, (str(_PACKAGE.parent), kept.get("PYTHONPATH"))))
    return kept | {
        "XDG_CACHE_HOME": str(scratch),
        "CELERYLINT_CACHE_DIR": str(scratch / "celerylint"),
        "HOME": str(scratch),
    }


def _others(environment: dict[str, str], tree: Path, scratch: Path) -> list[Contender]:
    found = []
    command: tuple[str, ...]
    if ruff := _installed("ruff"):
        rules = ("check", "--quiet", "--exit-zero", "--select", "F")
        found.append(Contender("ruff, cold", (ruff, *rules, "--no-cache", "."), environment))
        found.append(Contender("ruff, warm", (ruff, *rules, "--cache-dir", str(scratch / "ruff"), "."), environment))
    if flake8 := _installed("flake8"):
        command = (flake8, "--isolated", "--exit-zero", "--select", _PIE, ".")
        found.append(Contender("flake8 + flake8-pie", command, environment))
    if semgrep := _installed("semgrep"):
        command = (
            semgrep,
            "scan",
            "--quiet",
            "--metrics",
            "off",
            "--disable-version-check",
            "--config",
            str(_SEMGREP),
            ".",
        )
        found.append(Contender("semgrep", command, environment))
    if audit := _installed("celery-audit"):
        found.append(Contender("celery-audit", (audit, ".", "--format", "json"), environment))
    if pylint := _installed("pylint"):
        command = (pylint, "--recursive=y", "--exit-zero", "--disable=all", "--enable=E", "--jobs=2", str(tree))
        found.append(Contender("pylint -E", command, environment))
    return found


def _installed(name: str) -> str | None:
    """A command: beside this interpreter, in the environment that `compare` makes, or on the path."""
    for folder in (Path(sys.executable).parent, cache_folder() / "peers" / "bin"):
        if (folder / name).exists():
            return str(folder / name)
    return shutil.which(name)

"""Measures how long the linters take on a real project."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from celerylint import __version__
from celerylint.dev.compare.document import TIME
from celerylint.dev.compare.linters import PIE


def measured(tree: Path, audit: str, commands: Path, runs: int) -> str:
    """The section on time: the best of some runs each, as ratios to ours without a cache.

    The runs take turns, so that what else the machine does falls on all alike. Raises RuntimeError if a linter fails.
    """
    with tempfile.TemporaryDirectory() as cache:
        home = os.environ | {"XDG_CACHE_HOME": cache}
        lint = [sys.executable, "-m", "celerylint", "check", "--output-format", "json", str(tree)]
        contenders = {
            "celerylint, nothing cached": ([*lint, "--no-cache"], home),
            "celerylint, run again": (lint, home),
            "celery-audit": ([str(commands / "celery-audit"), ".", "--format", "json", *audit.split()], None),
            "flake8 with flake8-pie's three": ([str(commands / "flake8"), "--isolated", "--select", PIE, "."], None),
        }
        best = dict.fromkeys(contenders, float("inf"))
        _seconds(lint, tree, home)  # fills the cache
        for _ in range(runs):
            for name, (command, environment) in contenders.items():
                best[name] = min(best[name], _seconds(command, tree, environment))
    unit = best["celerylint, nothing cached"]
    rows = "".join(f"| {name} | {seconds / unit:.2f} |\n" for name, seconds in best.items())
    shown = f"the best of {runs} runs each, in turns" if runs > 1 else "one run each"
    count = sum(1 for _ in tree.rglob("*.py"))
    return (
        f"{TIME}\nOn a checkout of {tree.resolve().name} ({count:,} Python files), {shown}, on one"
        f" machine with {os.cpu_count()} cores, celerylint {__version__} under Python {platform.python_version()}. celerylint"
        " found the settings by itself and judged by its default preset; celery-audit was told where they are; flake8 runs"
        " its other checks too, though none is selected.\n\n"
        f"| | wall time, as a ratio |\n|---|---|\n{rows}"
    )


def _seconds(command: Sequence[str], tree: Path, environment: dict[str, str] | None) -> float:
    start = time.perf_counter()
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{command[0]}: {done.stderr.strip()}")
    return seconds

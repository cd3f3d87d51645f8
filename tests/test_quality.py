"""The code is typed, tidy and layered, and finds no fault in itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "command",
    [
        ("mypy", "--strict", "celerylint"),
        ("ruff", "check", "celerylint", "tests"),
        ("ruff", "format", "--check", "celerylint", "tests"),
        ("celerylint", "celerylint"),
    ],
    ids=" ".join,
)
def test_it_is_clean(command: tuple[str, ...]) -> None:
    run = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_each_layer_imports_only_those_below_it() -> None:
    lint = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    run = subprocess.run([sys.executable, "-c", lint], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr

"""The site builds, and every link of it leads somewhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from celerylint.dev.docs import DOCS, ROOT


def _build(*arguments: str) -> str:
    command = [sys.executable, "-m", "sphinx", "-q", *arguments]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stderr


def test_nothing_in_it_is_wrong(tmp_path: Path) -> None:
    """Everything but the writing of pages, whose navigation takes longer than all the rest."""
    _build("-W", "--keep-going", "-b", "dummy", str(DOCS), str(tmp_path))


def test_pages_are_written(tmp_path: Path) -> None:
    _build("-b", "html", "-D", "exclude_patterns=rules/CLY[2-9]*,_build", str(DOCS), str(tmp_path))
    assert "missing-acks-late" in (tmp_path / "rules" / "CLY101.html").read_text("utf-8")
    assert (tmp_path / "_images" / "findings.svg").is_file()
    assert (tmp_path / "celerylint.schema.json").is_file()

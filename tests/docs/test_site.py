"""The site builds, and every link of it leads somewhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from celerylint.dev.docs import DOCS, ROOT


def test_it_builds_without_a_warning(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-d", str(tmp_path / "trees")]
    run = subprocess.run(
        [*build, str(DOCS), str(tmp_path / "site")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert (tmp_path / "site" / "rules" / "CLY201.html").is_file()

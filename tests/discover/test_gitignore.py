"""Our matching of ignore patterns against git's own."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from celerylint.config import Options
from celerylint.discover import discover

NAMES = ["a", "b", "ab", "a.py", "b.py", "ab.py", ".x", "foo bar.py", "c[1].py", "sub"]
PATTERNS = [
    "a", "/a", "a/", "/a/", "b", "!b", "*.py", "!a.py", "!/a/b.py", "a/**", "**/a", "**/b.py", "a/**/b.py", "sub/*.py",
    "[ab].py", "[!a].py", "[^b]*", "?", "??.py", ".*", "!.x", "*", "!*/", "!*.py", "# note", "\\#", "foo bar.py",
    "foo\\ bar.py", "a.py ",
    "c[[]1].py", "c\\[1\\].py", "a/b", "sub/", "**", "a**", "*/a", "*/*/a.py", "/**/ab.py", "[a-b]b.py",
    "ab[", "!", "/",
]  # fmt: skip


@pytest.mark.skipif(shutil.which("git") is None, reason="git is the oracle")
@pytest.mark.parametrize("seed", range(12))
def test_walk_keeps_exactly_the_files_that_git_does_not_ignore(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    root = tmp_path / "repo"
    folders = [root]
    for _ in range(8):
        folders.append(rng.choice(folders) / rng.choice(["a", "b", "ab", ".x", "sub"]))
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        for name in rng.sample(NAMES, 6):
            if name.endswith(".py"):
                (folder / name).touch()
    subprocess.run(["git", "init", "-q", root], check=True)
    for _ in range(6):
        for folder in {root, *rng.sample(folders, 2)}:
            lines = rng.sample(PATTERNS, rng.randint(1, 6))
            (folder / ".gitignore").write_text("\n".join(lines) + "\n")
        listed = subprocess.run(
            ["git", "-C", root, "ls-files", "-z", "--others", "--exclude-standard"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        # Hidden folders are left out, ignored or not.
        expected = {p for p in listed.split("\0") if p.endswith(".py") and "/." not in f"/{p}"}
        found = discover(root, [str(root)], Options(include_tests=True, exclude=(".git",)))
        assert {path for path in found.files if found.keep(path)} == expected

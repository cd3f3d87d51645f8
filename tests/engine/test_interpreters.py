"""The same bytes under every interpreter that this machine has, whatever syntax the code under lint is written in."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from celerylint.dev.environments import environment

ROOT = Path(__file__).parents[2]
OTHERS = [minor for minor in range(10, 15) if (3, minor) != sys.version_info[:2]]
REQUIREMENTS = ("click>=8.1", "libcst>=1.8", "msgspec>=0.19", "packaging>=23", "pyyaml>=6", "rich>=13", "tomli>=2")

NEWEST = """\
import celery
from celery import shared_task

type Id = int
lazy = t"{celery.__version__!r} {"nested"}"


def first[T, *Ts, **P](items: list[T]) -> T:
    try:
        return items[0]
    except IndexError, KeyError:
        return f"{items["x"]}"


class Box[T = int]:
    held: T


@shared_task(autoretry_for=(Exception,))
def pull(id: Id) -> None:
    with open(f"{id}") as one, open("b") as two: ...
"""


def _said(python: str | Path, folder: Path) -> bytes:
    """Everything that a run says of a folder."""
    command = [str(python), "-m", "celerylint", "--no-cache", "--preset", "all", "--output-format", "json", "."]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    run = subprocess.run(command, capture_output=True, cwd=folder, env=environ, timeout=120)
    assert run.returncode in (0, 1), run.stderr.decode()
    assert not run.stderr, run.stderr.decode()
    return run.stdout


@cache
def _here(folder: Path) -> bytes:
    return _said(sys.executable, folder)


@pytest.fixture(params=OTHERS, ids=[f"3.{minor}" for minor in OTHERS], scope="module")
def other(request: pytest.FixtureRequest) -> Path:
    minor = (3, request.param)
    try:
        return environment(f"lint-3.{request.param}", REQUIREMENTS, newest=minor, oldest=minor)
    except LookupError:
        pytest.skip(f"no Python 3.{request.param} here")


def test_fixture_projects_read_the_same(other: Path) -> None:
    folder = ROOT / "fixtures" / "projects"
    assert b'"CLY201"' in _here(folder)
    assert _said(other, folder) == _here(folder)


def test_newer_syntax_reads_the_same(other: Path, tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text(NEWEST)
    (tmp_path / ".git").mkdir()
    said = _said(other, tmp_path)
    assert b'"CLY201"' in said
    assert b'"CLY900"' not in said
    assert said == _said(sys.executable, tmp_path)

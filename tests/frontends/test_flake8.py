from __future__ import annotations

import ast
import os
import sys
from pathlib import Path

import pytest
from fake_engine import FakeEngine, finding

from celerylint.config import UsageError
from celerylint.frontends import flake8
from celerylint.frontends.flake8 import Plugin


@pytest.fixture(autouse=True)
def _fresh() -> None:
    for cached in (flake8._settings, flake8._mentions_celery, flake8._findings):
        cached.cache_clear()


def run(path: str | Path) -> list[tuple[int, int, str]]:
    return [found[:3] for found in Plugin(ast.parse(""), str(path)).run()]


def test_findings_come_with_their_line_and_a_column_from_zero(engine: FakeEngine, project: Path) -> None:
    engine.findings = (finding("tasks.py", line=4), finding("other.py"))
    assert run("./tasks.py") == [(4, 2, "CLY201 it is retried after its own bugs")]
    assert run(project / "tasks.py") == run("tasks.py")
    assert run("views.py") == []


def test_project_is_read_once_and_without_processes_of_its_own(engine: FakeEngine, project: Path) -> None:
    for path in ("tasks.py", "views.py", "app/models.py"):
        run(path)
    ((paths, options, root),) = engine.calls
    assert root == project
    assert paths == (str(project),)
    assert options.jobs == 1


def test_project_without_celery_is_not_analysed(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "tasks.py").write_text("def add(): ...\n")
    monkeypatch.setitem(sys.modules, "celerylint.engine", None)
    assert run("tasks.py") == []


def test_project_that_names_celery_only_among_its_requirements_is_analysed(engine: FakeEngine, project: Path) -> None:
    (project / "tasks.py").write_text("from .compat import task\n")
    (project / "requirements.txt").write_text("Celery==5.4\n")
    engine.findings = (finding("tasks.py"),)
    assert len(run("tasks.py")) == 1


def test_file_outside_of_the_working_directory_belongs_to_its_own_project(engine: FakeEngine, project: Path) -> None:
    inner = project / "inner"
    inner.mkdir()
    os.chdir(inner)
    engine.findings = (finding("tasks.py"),)
    assert len(run(project / "tasks.py")) == 1
    assert engine.calls[0][2] == project


def test_mistake_in_the_configuration_is_raised_with_its_place(engine: FakeEngine, project: Path) -> None:
    (project / "celerylint.toml").write_text("selct = 1\n")
    with pytest.raises(UsageError, match=r'^celerylint.toml:1: unknown key "selct"'):
        run("tasks.py")

"""What `--show-settings`, `--show-files` and `--isolated` say of a run without one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from celerylint.config import option_table
from celerylint.frontends.cli import main

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@pytest.fixture
def said(project: Path, capsys: pytest.CaptureFixture[str]):
    def run(*arguments: str) -> list[str]:
        assert main(arguments) == 0
        return capsys.readouterr().out.splitlines()

    return run


def test_settings_are_a_configuration_that_says_the_same(said, project: Path) -> None:
    given = 'preset = "all"\nignore = ["CLY101"]\n[per-file-ignores]\n"a/*.py" = ["CLY2"]\n'
    (project / "celerylint.toml").write_text(given)
    lines = said("--show-settings", "--jobs", "2", "--output-format", "sarif:x.sarif", "--ignore", "CLY102")
    assert lines[:2] == [f"# project: {project}", f"# configuration: {project / 'celerylint.toml'}"]
    for line in (
        'preset = "all"  # celerylint.toml',
        'ignore = ["CLY101", "CLY102"]  # command line',
        'per-file-ignores = { "a/*.py" = ["CLY2"] }  # celerylint.toml',
        "jobs = 2  # command line",
        'confidence = "low"  # follows from the preset',
        'fail-on = "warning"',
        "# baseline is not set",
    ):
        assert line in lines
    read = tomllib.loads("\n".join(lines))
    assert {option.key for option in option_table() if option.default is not None} == read.keys()
    (project / "celerylint.toml").write_text("\n".join(lines))
    strip = [line.partition("  #")[0] for line in lines]
    assert [line.partition("  #")[0].replace(str(project) + "/", "") for line in said("--show-settings")][2:] == strip[
        2:
    ]


def test_files_are_those_that_are_reported_on(said, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "pkg").mkdir()
    (project / "pkg" / "jobs.py").write_text("")
    (project / "test_tasks.py").write_text("")
    (project / "left_out.py").write_text("")
    (project / "Procfile").write_text("worker: celery -A tasks worker\n")
    (project / "notes.yml").write_text("a: 1\n")
    (project / ".gitignore").write_text("left_*\n")
    assert said("--show-files") == ["Procfile", "pkg/jobs.py", "tasks.py"]
    assert said("--show-files", "--extend-exclude", "pkg/", "--include-tests") == [
        "Procfile",
        "tasks.py",
        "test_tasks.py",
    ]
    monkeypatch.chdir(project / "pkg")
    assert said("--show-files") == ["jobs.py"]


def test_an_isolated_run_reads_no_configuration(said, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "celerylint.toml").write_text("no = such key\n")
    assert 'preset = "recommended"' in said("--isolated", "--show-settings")
    assert main(["--isolated", "--config", "celerylint.toml"]) == 2
    assert capsys.readouterr().err == "celerylint: --config and --isolated cannot both be meant\n"

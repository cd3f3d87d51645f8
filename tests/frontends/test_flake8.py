"""flake8 says what the command line says."""

from __future__ import annotations

import ast
import io
import os
import shutil
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import redirect_stdout
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from fake_engine import FakeEngine, finding
from flake8.exceptions import ExecutionError

import celerylint
from celerylint.dev.accept import PROJECTS
from celerylint.frontends import cli, flake8
from celerylint.frontends.flake8 import Plugin

HERE = Path(celerylint.__file__).parents[1]
sys.path.append(str(HERE / "tests/rules"))

from runner import Case, read  # noqa: E402


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    yield
    Plugin.options = None
    for cached in (flake8._settings, flake8._mentions_celery, flake8._project, flake8._existing):
        cached.cache_clear()


# -- the plugin, as flake8 calls it


def run(path: str | Path, *, text: str = "") -> list[tuple[int, int, str]]:
    lines = text.splitlines(keepends=True)
    return [found[:3] for found in Plugin(ast.parse(text), str(path), lines).run()]


def asked(*filenames: str, **more: object) -> None:
    given = {"select": None, "extend_select": None, "stdin_display_name": "stdin", **more}
    Plugin.parse_options(Namespace(filenames=list(filenames or ["."]), **given))


def test_findings_come_with_their_line_and_a_column_from_zero(engine: FakeEngine, project: Path) -> None:
    engine.findings = (finding("tasks.py", line=4), finding("other.py"))
    assert run("./tasks.py") == [(4, 2, "CLY201 it is retried after its own bugs")]
    assert run(project / "tasks.py") == run("tasks.py")
    assert run("views.py") == []


def test_project_is_read_once_before_other_processes_start(engine: FakeEngine, project: Path) -> None:
    asked()
    assert len(engine.calls) == 1
    for path in ("tasks.py", "views.py", "app/models.py"):
        run(path)
    ((paths, options, root),) = engine.calls
    assert root == project
    assert paths == (str(project),)
    assert options.force_exclude


def test_process_that_flake8_started_reads_nothing_before_its_first_file_and_starts_no_other(
    engine: FakeEngine, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flake8, "_is_main_process", lambda: False)
    asked()
    assert engine.calls == []
    run("tasks.py")
    ((_, options, _),) = engine.calls
    assert options.jobs == 1


@pytest.mark.parametrize(
    ("select", "extend", "runs"),
    [
        (None, None, True),
        (["E", "F"], None, False),
        (["E", "CLY2"], None, True),
        (["C"], None, True),
        (["E"], ["CLY"], True),
    ],
)
def test_nothing_is_read_where_flake8_shows_nothing_of_ours(
    engine: FakeEngine, project: Path, select: list[str] | None, extend: list[str] | None, runs: bool
) -> None:
    asked(select=select, extend_select=extend)
    run("tasks.py")
    assert bool(engine.calls) is runs


def test_rule_that_flake8_is_asked_for_by_its_code_runs_whatever_the_preset(engine: FakeEngine, project: Path) -> None:
    (project / "celerylint.toml").write_text('ignore = ["CLY201", "CLY820"]\n')
    asked(extend_select=["CLY820", "CLY9", "CLY998"])
    ((_, options, _),) = engine.calls
    assert options.extend_select == ("CLY820",)
    assert options.ignore == ("CLY201",)


def test_project_without_celery_is_not_analysed(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "tasks.py").write_text("def add(): ...\n")
    monkeypatch.setitem(sys.modules, "celerylint.engine", None)
    asked()
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


def test_paths_that_flake8_was_given_decide_the_project_as_on_the_command_line(
    engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "src/shop"
    inner.mkdir(parents=True)
    (inner / "pyproject.toml").write_text('[project]\nname = "shop"\ndependencies = ["celery"]\n')
    (inner / "tasks.py").write_text("")
    monkeypatch.chdir(tmp_path)
    asked("src/shop", "nothere.py")
    engine.findings = (finding("tasks.py"),)
    run("src/shop/tasks.py")
    ((paths, _, root),) = engine.calls
    assert (paths, root) == ((str(inner),), inner)


@pytest.mark.usefixtures("engine")
def test_mistake_in_the_configuration_is_an_error_that_flake8_shows_in_a_line(project: Path) -> None:
    (project / "celerylint.toml").write_text("selct = 1\n")
    with pytest.raises(ExecutionError, match=r'^celerylint: celerylint.toml:1: unknown key "selct"'):
        run("tasks.py")


def test_fault_of_ours_that_is_in_no_file_is_said(
    engine: FakeEngine, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import msgspec

    engine.findings = (msgspec.structs.replace(finding("."), code="CLY990", message="the rule CLY201 failed"),)
    asked()
    assert capsys.readouterr().err == "celerylint: the rule CLY201 failed\n"


# -- flake8 itself

_LOCAL = "[flake8:local-plugins]\nextension =\n    CLY = celerylint.frontends.flake8:Plugin\n"
_SPAWN = "import multiprocessing, sys; multiprocessing.set_start_method('{}'); from flake8.main.cli import main; sys.exit(main())"


def flake8_says(
    folder: Path, *arguments: str, start: str = "", status: int | None = None, stdin: str = ""
) -> list[str]:
    """The lines of real flake8 about our rules, run in a folder."""
    program = ["-c", _SPAWN.format(start)] if start else ["-m", "flake8"]
    registered = any(point.name == "CLY" for point in entry_points(group="flake8.extension"))
    if not registered:
        (folder.parent / "plugin.ini").write_text(_LOCAL)
        program += ["--append-config", str(folder.parent / "plugin.ini")]
    ran = subprocess.run(
        [sys.executable, *program, "--select=CLY,E9", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        input=stdin,
        check=False,
        env={**os.environ, "PYTHONPATH": str(HERE), "CELERYLINT_CACHE_DIR": str(folder.parent / "cache")},
    )
    assert "Traceback" not in ran.stderr, ran.stderr
    if status is not None:
        assert ran.returncode == status, ran.stdout + ran.stderr
    return [line.removeprefix("./") for line in ran.stdout.splitlines()]


def celerylint_says(folder: Path, *arguments: str) -> list[str]:
    """The lines of the command line about Python files, in the words of flake8."""
    here = os.getcwd()
    os.chdir(folder)
    try:
        with redirect_stdout(io.StringIO()) as out:
            cli.main(["--no-cache", "--jobs=1", "--output-format=concise", *arguments])
    finally:
        os.chdir(here)
    lines = []
    for line in out.getvalue().splitlines():
        place, _, rest = line.partition(": ")
        code, _, said = rest.partition(" [")
        if place.split(":")[0].endswith(".py"):
            lines.append(f"{place}: {code} {said.partition('] ')[2]}")
    return lines


def copied(project: Path, folder: Path) -> Path:
    """A project as its own repository, so that nothing around it counts."""
    copy = folder / project.name
    shutil.copytree(project, copy)
    (copy / ".git").mkdir(exist_ok=True)
    return copy


def codes(lines: list[str]) -> list[str]:
    return sorted({line.split()[1] for line in lines})


def parses(path: Path) -> bool:
    try:
        ast.parse(path.read_bytes())
    except SyntaxError:
        return False
    return True


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.name)
def test_flake8_says_of_each_fixture_what_the_command_line_says(project: Path, tmp_path: Path) -> None:
    folder = copied(project, tmp_path)
    # flake8 reads no file that is newer than the interpreter that it runs on; it says so, and nothing more.
    too_new = tuple(f"{path.relative_to(folder).as_posix()}:" for path in folder.rglob("*.py") if not parses(path))
    said = [line for line in celerylint_says(folder) if not line.startswith(too_new)]
    found = flake8_says(folder, "--jobs=2", status=int(bool(said or too_new)))
    assert codes([line for line in found if line.startswith(too_new)]) == (["E999"] if too_new else [])
    assert sorted(line for line in found if not line.startswith(too_new)) == sorted(said)


@pytest.mark.parametrize("start", ["spawn", "forkserver", "fork"])
def test_flake8_says_the_same_however_its_processes_start(start: str, tmp_path: Path) -> None:
    if start != "spawn" and sys.platform == "win32":
        pytest.skip("Windows has no other way to start a process")
    folder = copied(next(path for path in PROJECTS if path.name == "quickstart"), tmp_path)
    said = sorted(celerylint_says(folder))
    assert len(said) > 10
    assert sorted(flake8_says(folder, "--jobs=2", start=start)) == said


# Of a file that Python cannot read, flake8 says E999 in place of CLY900; that has a test of its own.
_CASES = [
    cases[0]
    for spec in sorted((HERE / "tests/rules").glob("CLY*.md"))
    if spec.stem != "CLY900"
    and (cases := [case for case in read(spec) if any(path.endswith(".py") for path, _, _ in case.expected)])
]


@pytest.mark.parametrize("case", _CASES[::9], ids=lambda case: case.code)
def test_flake8_says_of_the_cases_of_rules_what_the_command_line_says(case: Case, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    pinned = {"requirements.txt": f"celery=={case.celery}\n"} if case.celery else {}
    for path, text in {**pinned, **case.files}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    (folder / ".git").mkdir()
    said = celerylint_says(folder, "--extend-select", case.code)
    assert any(f" {case.code} " in line for line in said)
    assert sorted(flake8_says(folder, "--extend-select", case.code)) == sorted(said)


TASKS = """\
from celery import Celery

app = Celery("shop", broker="redis://")


@app.task(autoretry_for=(Exception,), ignore_results=True)
def charge():
    pass
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    (folder / ".git").mkdir(parents=True)
    (folder / "tasks.py").write_text(TASKS)
    return folder


def test_what_flake8_leaves_out_is_left_out(shop: Path) -> None:
    everything = codes(flake8_says(shop))
    assert {"CLY201", "CLY804"} <= set(everything)
    rest = [code for code in everything if code != "CLY201"]
    assert codes(flake8_says(shop, "--extend-ignore=CLY201")) == rest
    assert codes(flake8_says(shop, "--per-file-ignores=tasks.py:CLY201")) == rest
    (shop / "pyproject.toml").write_text('[tool.celerylint]\nignore = ["CLY201"]\n')
    assert codes(flake8_says(shop)) == rest


@pytest.mark.parametrize(
    ("comment", "silent"),
    [
        ("# noqa", {"CLY201", "CLY804"}),
        ("# noqa: CLY201", {"CLY201"}),
        ("# noqa: E501,CLY804", {"CLY804"}),
        ("# noqa: E501", set()),
        ("# celerylint: ignore[CLY201] the upstream is like that", {"CLY201"}),
        ("# celerylint: ignore", {"CLY201", "CLY804"}),
    ],
)
def test_comments_silence_flake8_as_they_silence_the_command_line(shop: Path, comment: str, silent: set[str]) -> None:
    marked = TASKS.replace("ignore_results=True)", f"ignore_results=True)  {comment}")
    (shop / "tasks.py").write_text(marked)
    said = celerylint_says(shop)
    assert {"CLY201", "CLY804"} - {line.split()[1] for line in said} == silent
    assert sorted(flake8_says(shop)) == sorted(said)


def test_rules_outside_of_the_preset_stay_out_until_flake8_is_asked_for_one_by_its_code(shop: Path) -> None:
    outside = sorted(
        set(codes(celerylint_says(shop, "--preset=all", "--confidence=medium"))) - set(codes(celerylint_says(shop)))
    )
    assert outside
    assert not set(outside) & set(codes(flake8_says(shop)))
    assert outside[0] in codes(flake8_says(shop, f"--extend-select={outside[0]}"))


def test_text_from_standard_input_is_linted_where_its_name_says_it_is(shop: Path) -> None:
    (shop / "other.py").write_text("from tasks import app\n")
    unsaved = "from tasks import app\n\n\n@app.task(ignore_results=True)\ndef more():\n    pass\n"
    said = flake8_says(shop, "--stdin-display-name=other.py", "-", stdin=unsaved)
    assert next(line for line in said if "CLY804" in line).startswith("other.py:4:")
    assert all(line.startswith("other.py:") for line in said)
    new = flake8_says(shop, "--stdin-display-name=new.py", "-", stdin=unsaved)
    assert "CLY804" in codes(new)
    alone = flake8_says(shop, "-", stdin=TASKS)
    assert "CLY804" in codes(alone)
    assert all(line.startswith("stdin:") for line in alone)


def test_file_that_celerylint_leaves_out_is_left_out_though_flake8_is_given_it(shop: Path) -> None:
    (shop / "pyproject.toml").write_text('[tool.celerylint]\nextend-exclude = ["gen"]\n')
    for path in ("gen/tasks.py", "tests/test_tasks.py"):
        (shop / path).parent.mkdir()
        (shop / path).write_text(TASKS)
    assert flake8_says(shop, "gen/tasks.py", "tests/test_tasks.py", status=0) == []


def test_syntax_error_is_for_flake8_to_say_and_the_other_files_are_linted(shop: Path) -> None:
    (shop / "broken.py").write_text("import celery\ndef (:\n")
    said = flake8_says(shop)
    assert codes([line for line in said if line.startswith("broken.py")]) == ["E999"]
    assert "CLY201" in codes(said)


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("key", ['selct = ["CLY2"]', 'select = ["CLY998"]'])
def test_mistake_in_the_configuration_is_said_once(shop: Path, key: str, jobs: str) -> None:
    (shop / "pyproject.toml").write_text(f"[tool.celerylint]\n{key}\n")
    (shop / "other.py").write_text("")
    said = flake8_says(shop, f"--jobs={jobs}", status=1)
    assert len(said) == 2
    assert said[1].startswith("celerylint: pyproject.toml:2: unknown ")

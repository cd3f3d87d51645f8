"""`celerylint -`: a text that is not saved, linted where it belongs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import celerylint

HERE = Path(celerylint.__file__).parents[1]

APP = """\
from celery import Celery

app = Celery("shop", broker="redis://")
"""
TASKS = """\
from app import app


@app.task(ignore_results=True)
def charge():
    pass


app.conf.beat_schedule = {
    "charge": {"task": "tasks.charge", "schedule": 60.0},
    "charge-again": {"task": "tasks.charge", "schedule": 60.0},
}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "tasks.py").write_text("from app import app\n")
    return tmp_path


def run(shop: Path, *arguments: str, text: str | bytes = TASKS) -> tuple[int, str, str]:
    """Status, output and errors of a run that is given a text."""
    ran = subprocess.run(
        [sys.executable, "-m", "celerylint", *arguments],
        cwd=shop,
        input=text.encode() if isinstance(text, str) else text,
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(HERE), "CELERYLINT_CACHE_DIR": str(shop / ".cache"), "GITHUB_ACTIONS": ""},
    )
    return ran.returncode, ran.stdout.decode(), ran.stderr.decode()


def places(output: str) -> set[tuple[str, str]]:
    return {(line.split(":")[0], line.split()[1]) for line in output.splitlines()}


def test_text_is_linted_in_the_place_of_the_file_and_with_the_project_around_it(shop: Path) -> None:
    status, out, err = run(shop, "-", "--stdin-filename=tasks.py", "--output-format=concise")
    assert (status, err) == (1, "")
    assert {("tasks.py", "CLY804"), ("tasks.py", "CLY403")} <= places(out)
    assert {path for path, _ in places(out)} == {"tasks.py"}
    assert (shop / "tasks.py").read_text() == "from app import app\n"


@pytest.mark.parametrize("name", ["new.py", "not/there/yet.py", "./new.py"])
def test_file_need_not_be_there(shop: Path, name: str) -> None:
    status, out, _ = run(shop, "-", f"--stdin-filename={name}", "--output-format=concise", "--select=CLY804")
    assert (status, places(out)) == (1, {(name.removeprefix("./"), "CLY804")})


def test_text_without_a_name_is_a_module_of_the_current_folder(shop: Path) -> None:
    status, out, _ = run(shop, "-", "--output-format=concise", "--select=CLY804")
    assert (status, places(out)) == (1, {("stdin.py", "CLY804")})


def test_deployment_file_may_come_from_standard_input(shop: Path) -> None:
    text = "worker: celery -A app worker -B\n"
    _, out, _ = run(shop, "-", "--stdin-filename=Procfile", "--output-format=concise", text=text)
    assert ("Procfile", "CLY402") in places(out)


def test_source_frames_show_the_text_and_not_the_file(shop: Path) -> None:
    _, out, _ = run(shop, "-", "--stdin-filename=tasks.py", "--select=CLY804")
    assert "4 | @app.task(ignore_results=True)" in out


def test_nothing_is_found_in_a_text_without_faults(shop: Path) -> None:
    status, out, _ = run(shop, "-", "--stdin-filename=tasks.py", "--quiet", text="import os\n")
    assert (status, out) == (0, "")


def test_fixed_text_goes_to_standard_output_and_findings_to_standard_error(shop: Path) -> None:
    arguments = ("-", "--stdin-filename=tasks.py", "--fix", "--output-format=concise", "--select=CLY403,CLY804")
    status, out, err = run(shop, *arguments)
    assert out == TASKS.replace('    "charge-again": {"task": "tasks.charge", "schedule": 60.0},\n', "")
    assert "CLY804" in err
    assert "CLY403" not in err
    assert "Mended 1 fault." in err
    assert status == 1
    assert (shop / "tasks.py").read_text() == "from app import app\n"


def test_text_comes_back_as_it_was_where_there_is_nothing_to_mend(shop: Path) -> None:
    text = b'\xef\xbb\xbfname = "\xc3\xa9"\r\n'
    ran = subprocess.run(
        [sys.executable, "-m", "celerylint", "-", "--fix", "--quiet"],
        cwd=shop,
        input=text,
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(HERE)},
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, text, b"")


def test_fix_only_says_nothing_of_the_rest(shop: Path) -> None:
    status, out, err = run(shop, "-", "--stdin-filename=tasks.py", "--fix-only", "--quiet")
    assert (status, err) == (0, "")
    assert "charge-again" not in out


def test_diff_goes_to_standard_output(shop: Path) -> None:
    status, out, _ = run(shop, "-", "--stdin-filename=tasks.py", "--diff", "--select=CLY403")
    assert status == 1
    assert out.startswith("--- a/tasks.py\n+++ b/tasks.py\n")
    assert '\n-    "charge-again"' in out


def test_comments_that_silence_are_written_into_the_text(shop: Path) -> None:
    status, out, _ = run(shop, "-", "--stdin-filename=tasks.py", "--add-ignores=later", "--select=CLY804")
    assert status == 0
    assert "@app.task(ignore_results=True)  # celerylint: ignore[CLY804] later\n" in out


def test_json_says_where_in_the_text_a_fix_goes(shop: Path) -> None:
    _, out, _ = run(shop, "-", "--stdin-filename=tasks.py", "--output-format=json", "--select=CLY403")
    (found,) = json.loads(out)["findings"]
    assert found["fix"]["edits"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-", "app.py"], "`-`, standard input, is linted alone: leave out the other paths"),
        (["--stdin-filename", "x.py"], "--stdin-filename says where the text of `-` belongs: give `-` as the path"),
        (["-", "--stdin-filename", "."], '--stdin-filename must name a file, not "."'),
    ],
)
def test_wrong_usage(shop: Path, arguments: list[str], message: str) -> None:
    assert run(shop, *arguments) == (2, "", f"celerylint: {message}\n")

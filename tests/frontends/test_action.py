"""The GitHub action: its shape, and its shell, run with stand-ins for what it starts."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}
BASH = shutil.which("bash")
needs_bash = pytest.mark.skipif(BASH is None or os.name == "nt", reason="there is no bash")

# Writes down what it was asked, one argument a line, and ends as it is told.
STAND_IN = '#!/bin/sh\nprintf "%s\\n" "$@" >"$RECORD"\nexit "${STATUS:-0}"\n'


def test_it_is_a_composite_action_whose_inputs_all_have_a_description_and_a_default() -> None:
    assert ACTION["runs"]["using"] == "composite"
    assert set(ACTION["inputs"]) == {
        *("paths", "args", "working-directory", "fail-on", "version", "python", "upload-sarif", "category")
    }
    for given in (*ACTION["inputs"].values(), *ACTION["outputs"].values()):
        assert given["description"]
    assert all(isinstance(given["default"], str) for given in ACTION["inputs"].values())


def test_no_expression_is_put_into_shell() -> None:
    for step in STEPS.values():
        assert "${{" not in step.get("run", "")
        assert step.get("shell", "bash") == "bash"


def test_every_input_is_used() -> None:
    text = (ROOT / "action.yml").read_text("utf-8")
    for name in ACTION["inputs"]:
        assert f"inputs.{name} " in text


def test_other_actions_are_pinned_to_a_commit() -> None:
    used = [step["uses"] for step in STEPS.values() if "uses" in step]
    assert len(used) == 1
    assert re.fullmatch(r"github/codeql-action/upload-sarif@[0-9a-f]{40}", used[0])


@pytest.fixture
def runner(tmp_path: Path) -> Path:
    """A runner's folders, with a stand-in for the installed tool."""
    for name in ("temp/celerylint-venv/bin", "work", "action"):
        (tmp_path / name).mkdir(parents=True)
    tool = tmp_path / "temp/celerylint-venv/bin/celerylint"
    tool.write_text(STAND_IN)
    tool.chmod(0o755)
    return tmp_path


def run(step: str, runner: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a step as GitHub does."""
    script = runner / "step.sh"
    script.write_text(STEPS[step]["run"])
    given = {
        "PATH": os.environ["PATH"],
        "RUNNER_TEMP": str(runner / "temp"),
        "GITHUB_OUTPUT": str(runner / "output"),
        "GITHUB_ACTION_PATH": str(runner / "action"),
        "RECORD": str(runner / "record"),
        **dict.fromkeys(STEPS[step].get("env", {}), ""),
        **environment,
    }
    command = [str(BASH), "--noprofile", "--norc", "-eo", "pipefail", str(script)]
    return subprocess.run(command, cwd=runner / "work", env=given, capture_output=True, text=True, check=False)


def asked(runner: Path) -> list[str]:
    return (runner / "record").read_text().splitlines()


def outputs(runner: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in (runner / "output").read_text().splitlines())


@needs_bash
def test_it_lints_for_github_and_for_code_scanning(runner: Path) -> None:
    ran = run("Lint", runner, LINT_PATHS=".")
    assert (ran.returncode, ran.stderr) == (0, "")
    sarif = str(runner / "temp/celerylint.sarif")
    assert asked(runner) == ["--output-format", "github", "--output-format", f"sarif:{sarif}", "--", "."]
    assert outputs(runner) == {"exit-status": "0", "sarif-file": sarif}


@needs_bash
def test_words_are_split_and_never_expanded(runner: Path) -> None:
    (runner / "work/a.py").touch()
    run(
        "Lint",
        runner,
        LINT_PATHS="src\n  *.py $(touch x) `touch y`",
        LINT_ARGS='--since origin/main\n--select CLY2;touch z "$HOME"',
        LINT_FAIL_ON="error; touch w",
    )
    assert asked(runner)[4:] == [
        *("--fail-on", "error; touch w", "--since", "origin/main", "--select", "CLY2;touch", "z", '"$HOME"'),
        *("--", "src", "*.py", "$(touch", "x)", "`touch", "y`"),
    ]
    assert [path.name for path in (runner / "work").iterdir()] == ["a.py"]


@needs_bash
@pytest.mark.parametrize(("status", "ends"), [("0", 0), ("1", 0), ("2", 2), ("130", 130)])
def test_findings_are_sent_before_the_job_fails_and_errors_fail_at_once(runner: Path, status: str, ends: int) -> None:
    assert run("Lint", runner, LINT_PATHS=".", STATUS=status).returncode == ends
    assert outputs(runner)["exit-status"] == status
    assert ("sarif-file" in outputs(runner)) is (ends == 0)
    assert STEPS["Fail where something was found"]["if"] == "steps.lint.outputs.exit-status != '0'"
    assert run("Fail where something was found", runner).returncode == 1
    assert list(STEPS)[-2:] == ["Send the findings to code scanning", "Fail where something was found"]


@needs_bash
@pytest.mark.parametrize(("version", "what"), [("", None), ("1.2.3", "celerylint==1.2.3")])
def test_it_installs_itself_or_the_version_asked_for(runner: Path, version: str, what: str | None) -> None:
    for name in ("python-of-choice", "temp/celerylint-venv/bin/python"):
        (runner / name).write_text(STAND_IN.replace(">", ">>"))
        (runner / name).chmod(0o755)
    ran = run("Install celerylint", runner, PYTHON=str(runner / "python-of-choice"), VERSION=version)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert asked(runner) == [
        *("-m", "venv", str(runner / "temp/celerylint-venv")),
        *("-m", "pip", "install", "--quiet", "--disable-pip-version-check", what or str(runner / "action")),
    ]


def test_zizmor_finds_nothing() -> None:
    zizmor = shutil.which("zizmor")
    if zizmor is None:
        pytest.skip("zizmor is not installed")
    ran = subprocess.run(
        [zizmor, "--offline", "--quiet", str(ROOT / "action.yml")], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout

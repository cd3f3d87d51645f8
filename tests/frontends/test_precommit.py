"""The hooks work from a clone, as pre-commit runs them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import celerylint

HERE = Path(celerylint.__file__).parents[1]

pytest.importorskip("pre_commit")
pytest.importorskip("hatchling")

TASKS = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.beat_schedule = {
    "charge": {"task": "shop.tasks.charge", "schedule": 60.0},
    "charge-again": {"task": "shop.tasks.charge", "schedule": 60.0},
}


@app.task(autoretry_for=(Exception,), ignore_results=True)
def charge():
    pass
"""
COMPOSE = """\
services:
  worker:
    image: shop
    command: celery -A shop.tasks worker -B
    deploy: {replicas: 2}
"""
VIEWS = """\
from shop.tasks import charge


def buy():
    charge.apply_async(countdwn=3)
"""


def run(*command: str | Path, cwd: Path, status: int | None = 0) -> str:
    """What a program says. It installs what it needs from this interpreter's packages, so that no network is needed."""
    environment = {
        **os.environ,
        "PRE_COMMIT_HOME": str(cwd.parent / "pre-commit"),
        "CELERYLINT_CACHE_DIR": str(cwd.parent / "cache"),
        "PYTHONPATH": sysconfig.get_path("purelib"),
        "PIP_NO_BUILD_ISOLATION": "0",  # pip takes it for the value of what it is the opposite of
        "PIP_NO_INDEX": "1",
        "GITHUB_ACTIONS": "",
        "PIP_NO_DEPS": "1",
        **{f"GIT_{who}_{what}": "a@b.c" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    environment = {name: value for name, value in environment.items() if not name.startswith(("GIT_DIR", "GIT_INDEX"))}
    ran = subprocess.run([*command], cwd=cwd, capture_output=True, text=True, env=environment, check=False)
    if status is not None:
        assert ran.returncode == status, ran.stdout + ran.stderr
    return ran.stdout


def pre_commit(*arguments: str, cwd: Path, status: int) -> str:
    return run(sys.executable, "-m", "pre_commit", *arguments, "--color=never", cwd=cwd, status=status)


def git(*arguments: str, cwd: Path) -> str:
    return run("git", *arguments, cwd=cwd).strip()


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This repository, as somebody would clone it."""
    folder = tmp_path_factory.mktemp("hooks") / "celerylint"
    folder.mkdir()
    shutil.copytree(HERE / "celerylint", folder / "celerylint", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml"):
        shutil.copy(HERE / name, folder)
    git("init", "--quiet", cwd=folder)
    git("add", ".", cwd=folder)
    git("commit", "--quiet", "-m", "All of it", cwd=folder)
    return folder


@pytest.fixture
def shop(clone: Path) -> Path:
    """A project whose changes are staged, with the hooks."""
    folder = clone.parent / "shop"
    shutil.rmtree(folder, ignore_errors=True)
    config = f"repos:\n- repo: {clone}\n  rev: {git('rev-parse', 'HEAD', cwd=clone)}\n  hooks: [{{id: celerylint}}]\n"
    files = {
        "shop/__init__.py": "",
        "shop/tasks.py": TASKS,
        "shop/views.py": VIEWS,
        "tests/test_tasks.py": TASKS,
        "compose.yml": COMPOSE,
        "README.md": "# celery\n",
        ".pre-commit-config.yaml": config,
    }
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    git("init", "--quiet", cwd=folder)
    git("add", ".", cwd=folder)
    return folder


def use(shop: Path, hook: str, *arguments: str) -> None:
    config = shop / ".pre-commit-config.yaml"
    args = f", args: [{', '.join(arguments)}]" if arguments else ""
    config.write_text(config.read_text().replace("{id: celerylint}", f"{{id: {hook}{args}}}"))
    git("add", ".", cwd=shop)


def test_hook_reads_the_project_and_reports_what_is_in_the_changed_files(clone: Path, shop: Path) -> None:
    said = pre_commit("try-repo", str(clone), "celerylint", "--files", "shop/views.py", cwd=shop, status=1)
    assert "--> shop/views.py:5:" in said
    assert "--> shop/tasks.py" not in said
    assert "--> compose.yml" not in said
    assert "exit code: 1" in said


def test_hook_runs_over_all_files_and_leaves_out_what_a_run_leaves_out(shop: Path) -> None:
    use(shop, "celerylint", "--output-format=concise")
    said = pre_commit("run", "--all-files", cwd=shop, status=1)
    found = {line.split(":")[0] for line in said.splitlines() if ": CLY" in line}
    assert found == {"shop/tasks.py", "shop/views.py", "compose.yml"}


def test_hook_finds_faults_of_deployment_files(shop: Path) -> None:
    said = pre_commit("run", "--files", "compose.yml", cwd=shop, status=1)
    assert "--> compose.yml:" in said


@pytest.mark.parametrize("path", ["README.md", ".pre-commit-config.yaml", "tests/test_tasks.py", "shop/__init__.py"])
def test_hook_passes_where_nothing_is_found(shop: Path, path: str) -> None:
    said = pre_commit("run", "--files", path, cwd=shop, status=0)
    assert "Failed" not in said


def test_fixing_hook_mends_the_changed_files_and_fails(shop: Path) -> None:
    use(shop, "celerylint-fix", "--select=CLY403")
    said = pre_commit("run", "--files", "shop/tasks.py", cwd=shop, status=1)
    assert "files were modified by this hook" in said
    assert "1 x CLY403" in said
    assert "Mended 1 fault." in said
    assert "charge-again" not in (shop / "shop/tasks.py").read_text()
    git("add", ".", cwd=shop)
    assert "Passed" in pre_commit("run", "--files", "shop/tasks.py", cwd=shop, status=0)


def test_fixing_hook_mends_no_other_file_and_reports_what_remains(shop: Path) -> None:
    use(shop, "celerylint-fix")
    said = pre_commit("run", "--files", "compose.yml", cwd=shop, status=1)
    assert "--> compose.yml:" in said
    assert "files were modified" not in said
    assert (shop / "shop/tasks.py").read_text() == TASKS


def test_mistake_in_the_configuration_fails_the_hook_with_one_line(shop: Path) -> None:
    (shop / "celerylint.toml").write_text("selct = 1\n")
    said = pre_commit("run", "--files", "shop/tasks.py", cwd=shop, status=1)
    assert 'celerylint: celerylint.toml:1: unknown key "selct"; did you mean "select"?' in said
    assert "exit code: 2" in said

from __future__ import annotations

import os
from pathlib import Path

import pytest

from celerylint.config import Options, UsageError
from celerylint.discover import Discovery, discover


def make(root: Path, *paths: str, **contents: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    return tmp_path


def kept(found: Discovery) -> list[str]:
    return [path for path in found.files if found.keep(path)]


def test_python_files_are_listed_sorted_with_slashes(project: Path) -> None:
    make(project, "b.py", "a/z.py", "a/b/c.py", "a/readme.md", "a/data.pyc")
    assert discover(project, ["."], Options()).files == ("a/b/c.py", "a/z.py", "b.py")


def test_folders_that_hold_no_code_of_the_project_are_left_out(project: Path) -> None:
    make(project, "app.py", *(f"{name}/x.py" for name in ("node_modules", ".tox", "lib/site-packages", ".git", "venv")))
    assert discover(project, ["."], Options()).files == ("app.py",)


def test_virtual_environment_is_known_by_its_configuration_whatever_its_name(project: Path) -> None:
    make(project, "env/settings.py", "py311/pyvenv.cfg", "py311/bin/x.py")
    assert discover(project, ["."], Options()).files == ("env/settings.py",)


def test_build_folder_counts_unless_git_ignores_it(project: Path) -> None:
    make(project, "build/x.py", "dist/y.py")
    (project / ".gitignore").write_text("/dist\n")
    assert discover(project, ["."], Options()).files == ("build/x.py",)


def test_ignored_file_is_listed_but_not_kept(project: Path) -> None:
    make(project, "local_settings.py", "settings.py")
    (project / ".gitignore").write_text("local_*.py\n")
    found = discover(project, ["."], Options())
    assert kept(found) == ["settings.py"]


def test_nested_ignore_file_wins_over_the_outer_one(project: Path) -> None:
    make(project, "a/gen/x.py", "b/gen/x.py")
    (project / ".gitignore").write_text("gen/\n")
    (project / "b/.gitignore").write_text("!gen/\n")
    assert discover(project, ["."], Options()).files == ("b/gen/x.py",)


def test_ignore_file_above_the_root_counts_up_to_the_checkout(project: Path) -> None:
    make(project, "backend/manage.py", "backend/out/x.py", "backend/app/y.py")
    (project / ".gitignore").write_text("/backend/out\n")
    assert discover(project / "backend", ["backend"], Options()).files == ("app/y.py", "manage.py")


def test_exclude_patterns_replace_the_default_and_extend_exclude_adds(project: Path) -> None:
    make(project, "a/x.py", "b/x.py", "b/y.py", "venv/x.py")
    assert discover(project, ["."], Options(extend_exclude=("a/",))).files == ("b/x.py", "b/y.py")
    assert "venv/x.py" in discover(project, ["."], Options(exclude=(".git",))).files
    assert kept(discover(project, ["."], Options(extend_exclude=("/b/*.py",)))) == ["a/x.py"]


def test_named_file_is_taken_though_ignored(project: Path) -> None:
    make(project, "gen/x.py", "gen/y.py", "app.py")
    (project / ".gitignore").write_text("gen/\n")
    found = discover(project, ["gen/x.py"], Options())
    assert kept(found) == ["app.py", "gen/x.py"]
    assert found.wanted("gen/x.py")


def test_named_folder_is_walked_though_ignored(project: Path) -> None:
    make(project, "gen/deep/x.py", "app.py")
    (project / ".gitignore").write_text("gen/\n")
    assert "gen/deep/x.py" in discover(project, ["gen"], Options()).files


def test_whole_project_is_read_and_only_the_named_paths_are_wanted(project: Path) -> None:
    make(project, "settings.py", "app/tasks.py", "app2/tasks.py")
    found = discover(project, ["app"], Options())
    assert found.files == ("app/tasks.py", "app2/tasks.py", "settings.py")
    assert [path for path in found.files if found.wanted(path)] == ["app/tasks.py"]


def test_folder_that_is_no_project_is_not_walked_for_the_sake_of_one_file(tmp_path: Path) -> None:
    make(tmp_path, "one.py", "other.py")
    assert discover(tmp_path, [str(tmp_path / "one.py")], Options()).files == ("one.py",)


def test_test_files_are_told_apart(project: Path) -> None:
    make(project, "app/tasks.py", "app/tests/x.py", "app/tests.py", "test_top.py", "conftest.py", "app/latest.py")
    found = discover(project, ["."], Options())
    assert found.files == ("app/latest.py", "app/tasks.py")
    assert found.tests == ("app/tests.py", "app/tests/x.py", "conftest.py", "test_top.py")
    assert discover(project, ["."], Options(include_tests=True)).tests == ()


def test_tests_folder_given_by_name_is_linted(project: Path) -> None:
    make(project, "app/tests/helpers.py", "tests/tasks.py")
    assert discover(project, ["app/tests"], Options()).files == ("app/tests/helpers.py",)


def test_pin_files_are_listed(project: Path) -> None:
    make(project, "uv.lock", "requirements/base.txt", "setup.py", "notes.txt", "node_modules/uv.lock")
    found = discover(project, ["."], Options())
    assert found.pins == ("requirements/base.txt", "setup.py", "uv.lock")
    assert found.files == ("setup.py",)


def test_links_are_not_followed(project: Path) -> None:
    make(project, "app/tasks.py")
    (project / "app/loop").symlink_to(project)
    (project / "app/copy.py").symlink_to(project / "app/tasks.py")
    assert discover(project, ["."], Options()).files == ("app/tasks.py",)


def test_pipe_with_a_python_name_is_skipped(project: Path) -> None:
    make(project, "app.py")
    os.mkfifo(project / "pipe.py")
    assert discover(project, ["."], Options()).files == ("app.py",)
    with pytest.raises(UsageError, match="not a regular file"):
        discover(project, ["pipe.py"], Options())


def test_folder_that_cannot_be_listed_is_a_problem_and_the_rest_is_read(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(project, "a/x.py", "locked/y.py")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).rstrip("/").endswith("locked"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = discover(project, ["."], Options())
    assert found.files == ("a/x.py",)
    assert [(problem.path, problem.why) for problem in found.problems] == [
        ("locked", "the folder cannot be listed: Permission denied")
    ]


@pytest.mark.parametrize("path", ["nope.py", "nope/deep"])
def test_missing_path_is_an_error(project: Path, path: str) -> None:
    with pytest.raises(UsageError, match=f"^no such file or folder: {path}$"):
        discover(project, [path], Options())


def test_path_outside_of_the_project_is_an_error(project: Path) -> None:
    (project / "inner").mkdir()
    make(project, "x.py")
    with pytest.raises(UsageError, match="lies outside of the project"):
        discover(project / "inner", ["x.py"], Options())


# -- named files, and files that are not on disk


def test_named_file_is_linted_though_it_is_a_test_or_left_out(project: Path) -> None:
    make(project, "app.py", "tests/test_a.py", "gen/b.py")
    found = discover(project, ["tests/test_a.py", "gen/b.py"], Options(extend_exclude=("gen",)))
    assert [path for path in kept(found) if found.wanted(path)] == ["gen/b.py", "tests/test_a.py"]


def test_with_force_exclude_names_change_nothing_of_what_is_linted(project: Path) -> None:
    make(project, "app.py", "web/a.py", "tests/test_a.py", "gen/b.py", ".hidden/c.py", "env/pyvenv.cfg", "env/d.py")
    make(project, "local.py", "notes.txt", "deploy/compose.yml")
    (project / ".gitignore").write_text("local.py\n")
    options = Options(extend_exclude=("gen",), force_exclude=True)
    names = ["web/a.py", "tests/test_a.py", "gen/b.py", ".hidden/c.py", "env/d.py", "local.py", "notes.txt"]
    found = discover(project, [*names, "deploy/compose.yml"], options)
    assert [path for path in names if found.wanted(path) and path in found.files] == ["web/a.py"]
    assert found.wanted("deploy/compose.yml")
    assert found.deployment == ("deploy/compose.yml",)
    assert "notes.txt" not in found.files


def test_force_exclude_lints_tests_where_tests_are_linted(project: Path) -> None:
    make(project, "tests/test_a.py")
    found = discover(project, ["tests/test_a.py"], Options(force_exclude=True, include_tests=True))
    assert found.wanted("tests/test_a.py")


def test_unsaved_file_counts_as_there(project: Path) -> None:
    make(project, "app.py")
    unsaved = dict.fromkeys(("new/tasks.py", "tests/test_new.py", "gen/x.py", "new/compose.yml"), b"")
    found = discover(project, ["."], Options(extend_exclude=("gen",)), unsaved)
    assert found.files == ("app.py", "new/tasks.py")
    assert found.tests == ("tests/test_new.py",)
    assert found.deployment == ("new/compose.yml",)
    named = discover(project, ["new/tasks.py"], Options(), {"new/tasks.py": b""})
    assert [path for path in named.files if named.wanted(path)] == ["new/tasks.py"]
    with pytest.raises(UsageError, match="no such file or folder: nothere"):
        discover(project, ["nothere.py"], Options(), unsaved)


@pytest.mark.parametrize(("content", "deploys"), [(b"#!/bin/sh\ncelery", True), (b"#!/usr/bin/env python3\n", False)])
def test_what_an_unsaved_file_without_a_suffix_holds_says_what_it_is(
    project: Path, content: bytes, deploys: bool
) -> None:
    make(project, "app.py")
    for _ in range(2):
        found = discover(project, ["run"], Options(), {"run": content})
        assert ("run" in found.files) == (not deploys)
        (project / "run").write_bytes(b"#!/usr/bin/python\n" if deploys else b"")

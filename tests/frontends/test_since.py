"""`--since`, on repositories that git has made."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from celerylint.changes import Changed, changed_lines
from celerylint.frontends.cli import main

APP = 'from celery import Celery\n\napp = Celery("shop", broker="redis://localhost")\n'
TASK = "\n\n@app.task(autoretry_for=(Exception,), retry_backoff=True)\ndef {name}(url):\n    return url\n"
HEAD = "from shop.app import app\n"
IDENTITY = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false"]


def git(*arguments: str, folder: Path | None = None) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    ran = subprocess.run(
        ["git", *IDENTITY, *arguments], cwd=folder, capture_output=True, text=True, check=True, env=environment
    )
    return ran.stdout.strip()


def tasks(*names: str) -> str:
    return HEAD + "".join(TASK.format(name=name) for name in names)


def commit(message: str = "change") -> str:
    git("add", "-A")
    git("commit", "-q", "--allow-empty", "-m", message)
    return git("rev-parse", "HEAD")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of one commit, with two findings in it."""
    root = tmp_path / "shop project"
    for name, text in {"shop/__init__.py": "", "shop/app.py": APP, "shop/tasks.py": tasks("pull", "push")}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(root)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    git("init", "-q")
    commit("first")
    return root


Found = Callable[..., list[str]]


@pytest.fixture
def found(capsys: pytest.CaptureFixture[str]) -> Found:
    """Runs the command line: `path:symbol` of what it finds."""

    def run(*flags: str, select: str = "CLY201") -> list[str]:
        capsys.readouterr()
        status = main(["--no-cache", "--select", select, "--output-format", "json", *flags])
        said = capsys.readouterr()
        assert status in (0, 1), said.err
        return [f"{one['path']}:{one['symbol'].rpartition('.')[2]}" for one in json.loads(said.out)["findings"]]

    return run


def test_nothing_changed_is_nothing_found(shop: Path, found: Found, capsys: pytest.CaptureFixture[str]) -> None:
    assert found("--since", "HEAD") == []
    assert len(found()) == 2
    assert main(["--no-cache", "--select=CLY201", "--since=HEAD"]) == 0
    assert "Not shown: 2 on lines that were not changed." in capsys.readouterr().out


@pytest.mark.parametrize("state", ["unstaged", "staged", "committed"])
def test_lines_count_whether_or_not_they_are_committed(shop: Path, found: Found, state: str) -> None:
    (shop / "shop/tasks.py").write_text(tasks("pull", "added", "push"))
    if state != "unstaged":
        git("add", "-A")
    if state == "committed":
        commit()
    assert found("--since", "HEAD~1" if state == "committed" else "HEAD") == ["shop/tasks.py:added"]


def test_files_that_git_does_not_know_are_new(shop: Path, found: Found) -> None:
    (shop / "shop/more.py").write_text(tasks("fetch"))
    assert found("--since", "HEAD") == ["shop/more.py:fetch"]


def test_a_line_that_moved_was_not_changed(shop: Path, found: Found) -> None:
    (shop / "shop/tasks.py").write_text("# one\n# two\n" + tasks("pull", "push"))
    assert found("--since", "HEAD") == []


def test_line_ends_are_no_change(shop: Path, found: Found) -> None:
    (shop / "shop/tasks.py").write_bytes(tasks("pull", "push").replace("\n", "\r\n").encode())
    assert found("--since", "HEAD") == []


@pytest.mark.parametrize("committed", [True, False])
def test_a_file_that_was_renamed_is_not_new(shop: Path, found: Found, committed: bool) -> None:
    git("mv", "shop/tasks.py", "shop/jobs.py")
    (shop / "shop/jobs.py").write_text(tasks("pull", "push", "added"))
    if committed:
        commit()
    assert found("--since", "HEAD~1" if committed else "HEAD") == ["shop/jobs.py:added"]


def test_the_model_is_built_from_the_whole_tree(shop: Path, found: Found) -> None:
    (shop / "shop/errors.py").write_text("RETRIED = (Exception,)\n")
    commit()
    text = HEAD + "from shop.errors import RETRIED\n" + TASK.format(name="far").replace("(Exception,)", "RETRIED")
    (shop / "shop/more.py").write_text(text)
    assert found("--since", "HEAD") == ["shop/more.py:far"]


def test_a_finding_counts_where_a_line_that_took_part_in_it_was_changed(shop: Path, found: Found) -> None:
    (shop / "shop/errors.py").write_text("RETRIED = (OSError,)\n")
    text = HEAD + "from shop.errors import RETRIED\n" + TASK.format(name="far").replace("(Exception,)", "RETRIED")
    (shop / "shop/more.py").write_text(text)
    commit()
    assert "shop/more.py:far" not in found()
    (shop / "shop/errors.py").write_text("RETRIED = (Exception,)\n")
    assert found("--since", "HEAD") == ["shop/more.py:far"]


def test_other_branches_are_compared_where_this_one_left_them(shop: Path, found: Found) -> None:
    git("branch", "feature")
    (shop / "shop/tasks.py").write_text(tasks("push"))
    commit("main goes on")
    git("checkout", "-q", "feature")
    (shop / "shop/more.py").write_text(tasks("mine"))
    commit("mine")
    assert found("--since", "main") == ["shop/more.py:mine"]


def test_a_project_below_the_top_of_its_repository(tmp_path: Path, shop: Path, found: Found) -> None:
    inner = shop / "services" / "mail"
    for name, text in {"mail/app.py": APP, "mail/tasks.py": tasks("pull").replace("shop.", "mail.")}.items():
        (inner / name).parent.mkdir(parents=True, exist_ok=True)
        (inner / name).write_text(text)
    (inner / "pyproject.toml").write_text("[tool.celerylint]\n")
    commit()
    os.chdir(inner)
    assert found("--since", "HEAD") == []
    (inner / "mail/tasks.py").write_text(tasks("pull", "added").replace("shop.", "mail."))
    assert found("--since", "HEAD") == ["mail/tasks.py:added"]
    os.chdir(inner / "mail")
    assert found("--since", "HEAD") == ["mail/tasks.py:added"]
    assert found("--since", "HEAD", "tasks.py") == ["mail/tasks.py:added"]


def test_a_worktree_and_a_detached_head(shop: Path, found: Found, tmp_path: Path) -> None:
    git("worktree", "add", "-q", "--detach", str(tmp_path / "other"))
    os.chdir(tmp_path / "other")
    Path("shop/tasks.py").write_text(tasks("pull", "push", "added"))
    assert found("--since", "main") == ["shop/tasks.py:added"]


def test_odd_names_of_files(shop: Path, found: Found) -> None:
    names = ["sp ace.py", "ünï.py", "quo'te.py", "dollar$(touch x).py", ":(glob)x.py", "a\\b.py", "-x.py"]
    for name in names:
        (shop / "shop" / name).write_text(tasks("pull"))
    commit()
    assert found("--since", "HEAD") == []
    assert len(found()) == 2 + len(names)
    for name in names:
        (shop / "shop" / name).write_text(tasks("pull", "added"))
    assert sorted(found("--since", "HEAD")) == sorted(f"shop/{name}:added" for name in names)


def test_with_a_baseline_the_changed_one_of_equal_findings_is_the_new_one(shop: Path, found: Found) -> None:
    start = HEAD + "\n\n@app.task(bind=True, max_retries=5)\ndef pull(self, url):\n"
    retry = "    try:\n        open(url + '{n}')\n    except OSError as exc:\n        raise self.retry(exc=exc, countdown=60)\n"
    (shop / "shop/tasks.py").write_text(start + retry.format(n=1))
    commit()
    assert main(["--no-cache", "--select=CLY204", "--write-baseline"]) == 0
    (shop / "shop/tasks.py").write_text(start + retry.format(n=0) + retry.format(n=1))
    assert len(found(select="CLY204")) == 2
    assert len(found("--since=HEAD", "--baseline=celerylint-baseline.json", select="CLY204")) == 1


def test_what_is_mended_is_only_what_was_changed(shop: Path, found: Found) -> None:
    option = "autoretry_for=(Exception,), retry_backoff=True"
    (shop / "shop/tasks.py").write_text(tasks("pull").replace(option, "ignore_results=True"))
    commit()
    text = tasks("pull", "added").replace(option, "ignore_results=True")
    (shop / "shop/tasks.py").write_text(text)
    assert found("--since=HEAD", "--fix", "--unsafe-fixes", select="CLY804") == []
    mended = (shop / "shop/tasks.py").read_text()
    assert (mended.count("ignore_results=True"), mended.count("ignore_result=True")) == (1, 1)


def test_the_revision_may_stand_in_the_configuration(shop: Path, found: Found) -> None:
    (shop / "celerylint.toml").write_text('since = "HEAD"\n')
    assert found() == []


# -- what goes wrong


def failed(capsys: pytest.CaptureFixture[str], *flags: str) -> str:
    capsys.readouterr()
    assert main(["--no-cache", *flags]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    return said.err.removeprefix("celerylint: ").rstrip("\n")


@pytest.mark.parametrize(
    "revision",
    ["nope", "--output=x", "-p", "^HEAD", "HEAD:shop", "HEAD^{tree}", "", " ", "a\nb", "@{99}", "a:b", "x" * 100_000],
)
def test_an_unknown_revision(shop: Path, capsys: pytest.CaptureFixture[str], revision: str) -> None:
    said = failed(capsys, f"--since={revision}")
    assert "unknown revision" in said or 'must be a string, not ""' in said
    assert not (shop / "x").exists()
    assert len(said) < 300


def test_an_unknown_revision_of_the_configuration_is_said_with_its_line(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (shop / "celerylint.toml").write_text('\nsince = "nope"\n')
    assert failed(capsys) == 'celerylint.toml:2: --since: unknown revision "nope"'


def test_no_repository(shop: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "pyproject.toml").touch()
    monkeypatch.chdir(bare)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert failed(capsys, "--since=HEAD") == f"--since: {bare} is in no git repository"


def test_no_git(shop: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert failed(capsys, "--since=HEAD") == "--since: git is not installed"


def test_a_repository_without_commits(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    (tmp_path / "tasks.py").write_text("from celery import Celery\n")
    monkeypatch.chdir(tmp_path)
    git("init", "-q")
    assert failed(capsys, "--since=HEAD") == '--since: unknown revision "HEAD"'


def test_a_shallow_clone_says_what_to_do(
    shop: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git("branch", "feature")
    commit("main goes on")
    git("checkout", "-q", "feature")
    commit("mine")
    git("clone", "-q", "--depth=1", "--branch=feature", f"file://{shop}", str(tmp_path / "clone"))
    monkeypatch.chdir(tmp_path / "clone")
    said = failed(capsys, "--since=origin/main")
    assert said.startswith('--since: unknown revision "origin/main": this clone is shallow')
    assert "fetch-depth: 0" in said
    git("fetch", "-q", "--depth=1", "origin", "main:refs/remotes/origin/main")
    said = failed(capsys, "--since=origin/main")
    assert said.startswith('--since: no commit that "origin/main" and HEAD share is known: this clone is shallow')


def test_a_partial_clone_without_the_files_says_so(
    shop: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shop / "shop/tasks.py").write_text(tasks("pull", "push", "added"))
    commit()
    git("config", "uploadpack.allowFilter", "true")
    git("clone", "-q", "--filter=blob:none", f"file://{shop}", str(tmp_path / "clone"))
    monkeypatch.chdir(tmp_path / "clone")
    said = failed(capsys, "--since=HEAD~1", "--select=CLY201")
    assert "this clone is partial" in said or "cannot read the files" in said


@pytest.mark.skipif(sys.platform == "win32", reason="the drivers are shell commands")
def test_nothing_that_a_checkout_configures_is_run(shop: Path, found: Found, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    run = f"sh -c 'touch {mark}; cat'"
    (shop / ".gitattributes").write_text("*.py filter=evil diff=evil\n")
    commit()
    for key in (
        *("core.fsmonitor", "diff.external", "diff.evil.textconv", "diff.evil.command", "core.pager"),
        *("filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "core.sshCommand", "core.editor"),
        *("pager.diff-index", "pager.cat-file", "core.gitProxy", "core.alternateRefsCommand", "core.askPass"),
        *("uploadpack.packObjectsHook", "gpg.program", "credential.helper", "trace2.normalTarget", "merge.evil.driver"),
    ):
        git("config", key, run)
    (shop / ".git/hooks/post-index-change").write_text(f"#!/bin/sh\ntouch {mark}\n")
    (shop / ".git/hooks/post-index-change").chmod(0o755)
    git("config", "alias.rev-parse", f"!touch {mark}")
    (shop / "shop/tasks.py").write_text(tasks("pull", "push", "added"))
    (shop / "shop/new.py").write_text(tasks("fetch"))
    assert found("--since", "HEAD") == ["shop/new.py:fetch", "shop/tasks.py:added"]
    assert not mark.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="the transport is a shell command")
@pytest.mark.parametrize("old", [False, True])
def test_no_transport_of_a_checkout_is_run(
    shop: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: bool
) -> None:
    from celerylint import changes

    mark = tmp_path / "ran"
    (shop / "shop/tasks.py").write_text(tasks("pull", "push", "added"))
    commit()
    run = ["git", "-C", str(shop), "rev-parse", "HEAD~1:shop/tasks.py"]
    blob = subprocess.run(run, capture_output=True, text=True, check=True).stdout.strip()
    (shop / ".git/objects" / blob[:2] / blob[2:]).unlink()
    for key, value in {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.url": f"ext::touch {mark}",
        "protocol.ext.allow": "always",
    }.items():
        git("config", key, value)
    if old:  # a git that fetches what is missing whatever it is told
        environment = {key: value for key, value in changes._ENVIRONMENT.items() if key != "GIT_NO_LAZY_FETCH"}
        monkeypatch.setattr(changes, "_ENVIRONMENT", environment)
    assert "partial" in failed(capsys, "--since=HEAD~1", "--select=CLY201")
    assert not mark.exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
@pytest.mark.parametrize("name", ["HEAD", "config", "packed-refs"])
def test_a_repository_of_pipes_is_given_up(
    shop: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("celerylint.changes._MOST_SECONDS", 1)
    (shop / ".git" / name).unlink(missing_ok=True)
    os.mkfifo(shop / ".git" / name)
    assert failed(capsys, "--since=HEAD") == "--since: git gives no answer in 1 seconds"


def test_of_a_file_that_was_too_large_every_line_is_new(
    shop: Path, found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found("--since=HEAD") == []
    monkeypatch.setattr("celerylint.changes._MOST_BYTES", 100)
    assert found("--since=HEAD") == ["shop/tasks.py:pull", "shop/tasks.py:push"]


@pytest.mark.parametrize("name", ["a blob", "blob 5", "x blob 5", "a missing", "5"])
def test_names_that_look_like_answers_of_git(shop: Path, found: Found, name: str) -> None:
    (shop / f"{name}.py").write_text(tasks("fetch"))
    assert found("--since=HEAD") == [f"{name}.py:fetch"]
    commit()
    assert found("--since=HEAD") == []


# -- lines


@pytest.mark.parametrize(
    ("before", "after", "lines", "gaps"),
    [
        ("a\nb\nc\n", "a\nb\nc\n", set(), set()),
        ("a\nb\nc\n", "a\nX\nc\n", {2}, set()),
        ("a\nb\nc\n", "a\nc\n", set(), {1}),
        ("a\nb\nc\n", "b\nc\n", set(), {0}),
        ("a\nc\n", "a\nb\nc\n", {2}, set()),
        ("", "a\n", {1}, set()),
        ("\ufeffa\r\nb\r\n", "a\nb\n", set(), set()),
        ("a\na\na\n", "a\na\na\na\n", {1}, set()),
        ("@t\ndef a():\n  1\n", "@t\ndef b():\n  1\n\n@t\ndef a():\n  1\n", {1, 2, 3, 4}, set()),
        ("f(\n  a,\n  b,\n)\n", "f(\n  a,\n  x,\n  b,\n)\n", {3}, set()),
    ],
)
def test_changed_lines(before: str, after: str, lines: set[int], gaps: set[int]) -> None:
    changed = changed_lines(before, after)
    assert (changed.lines - {after.count("\n") + 1}, changed.gaps) == (lines, gaps)


def test_what_was_taken_out_counts_for_what_stood_around_it() -> None:
    changed = Changed(frozenset(), frozenset((4,)))
    assert changed.meets(4, 5)
    assert changed.meets(2, 9)
    assert not changed.meets(4, 4)
    assert not changed.meets(5, 9)


def test_large_files_do_not_take_long() -> None:
    import time

    before = "\n".join(f"{n % 7}" for n in range(20_000))
    after = "\n".join(f"{n % 11}" for n in range(20_000))
    start = time.perf_counter()
    assert changed_lines(before, after).lines
    assert time.perf_counter() - start < 5

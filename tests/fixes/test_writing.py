"""`--fix` where writing is hard: nothing is lost, nothing is left behind, each trouble is a line, and the exit status is 2."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

import celerylint
from celerylint.fixes import bench, write
from celerylint.frontends.cli import main

TASKS = """\
from celery import shared_task


@shared_task(autoretry_for=ConnectionError, retry_backoff=True)
def push(): ...
"""
FIXED = TASKS.replace("=ConnectionError", "=(ConnectionError,)")

SHARED = {
    "shop/__init__.py": "",
    "shop/values.py": "TIMES = None\n",
    "shop/tasks.py": (
        "from celery import shared_task\n\nfrom shop.values import TIMES\n\n\n"
        "@shared_task(autoretry_for=(OSError,), retry_backoff=True, max_retries=TIMES)\ndef pull(): ...\n"
    ),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    (project / "tasks.py").write_text(TASKS)
    monkeypatch.chdir(project)
    monkeypatch.setenv("NO_COLOR", "1")
    return project


def fix(*more: str) -> int:
    return main(["--no-cache", "--select", "CLY213", "--output-format", "concise", "--fix", *more])


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != ".git")


def _kept(folder: Path, before: bytes, after: bytes) -> None:
    (folder / "tasks.py").write_bytes(before)
    assert fix() == 0
    assert (folder / "tasks.py").read_bytes() == after
    assert names(folder) == ["tasks.py"]


# --- what is in the file


@pytest.mark.parametrize(
    ("head", "tail"),
    [
        ("", "\n\n\nNAME = 'x'"),
        ("", "\r\nNAME = 1\rOTHER = 2\n"),
        ("\f\n", "\n\f\nclass A:\n\tx = 1\n"),
        ("", "\n\ntry:\n    push()\nexcept KeyError, ValueError:\n    pass\n"),
        ("", "\n\ntype Name[T] = list[T]\n\n\ndef first[T](xs: list[T]) -> T:\n    return xs[0]\n"),
        ("", "\n\nSAID = f\"{', '.join(f\"{x}\" for x in 'ab')}\"\n"),
    ],
    ids=["no-last-newline", "mixed-newlines", "form-feeds", "except-without-brackets", "pep-695", "pep-701"],
)
def test_what_no_fix_names_is_kept(folder: Path, head: str, tail: str) -> None:
    _kept(folder, (head + TASKS + tail).encode(), (head + FIXED + tail).encode())


def test_a_template_string_is_kept_or_the_file_left_alone(folder: Path) -> None:
    tail = '\n\nSAID = t"{push}"\n'
    (folder / "tasks.py").write_text(TASKS + tail)
    fix()
    assert (folder / "tasks.py").read_text() in (TASKS + tail, FIXED + tail)


def test_an_encoding_without_room_leaves_the_file_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = ("# coding: ascii\n" + TASKS).encode()
    (folder / "tasks.py").write_bytes(text)
    assert main(["--no-cache", "--select", "CLY213", "--add-ignores=später"]) == 1
    assert "'ä' cannot be written in ascii" in capsys.readouterr().err
    assert (folder / "tasks.py").read_bytes() == text


def test_what_would_not_parse_is_not_written(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.Bench, "_still_parses", lambda self, before, after: False)
    assert fix() == 1
    assert "CLY990" in capsys.readouterr().out
    assert (folder / "tasks.py").read_text() == TASKS


# --- whose the file is


@pytest.mark.parametrize("mode", [0o644, 0o751, 0o600, 0o4755, 0o2775])
def test_the_mode_is_kept(folder: Path, mode: int) -> None:
    (folder / "tasks.py").chmod(mode)
    assert fix() == 0
    assert stat.S_IMODE((folder / "tasks.py").stat().st_mode) == mode


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_is_kept(folder: Path) -> None:
    os.chown(folder / "tasks.py", 12345, 54321)
    (folder / "tasks.py").chmod(0o4755)
    assert fix() == 0
    status = (folder / "tasks.py").stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (12345, 54321, 0o4755)


def test_a_read_only_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "tasks.py").chmod(0o444)
    assert fix() == 2
    assert "tasks.py: not written: it is read-only\n" in capsys.readouterr().err
    assert (folder / "tasks.py").read_text() == TASKS


def test_comments_for_a_read_only_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "tasks.py").chmod(0o444)
    assert main(["--no-cache", "--select", "CLY213", "--add-ignores"]) == 2
    assert "tasks.py: no comments were written: it is read-only\n" in capsys.readouterr().err
    assert (folder / "tasks.py").read_text() == TASKS


def test_a_folder_in_which_nothing_can_be_made(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(write.tempfile, "mkstemp", refused)
    assert fix() == 2
    assert "tasks.py: not written: permission denied\n" in capsys.readouterr().err
    assert (folder / "tasks.py").read_text() == TASKS
    assert names(folder) == ["tasks.py"]


# --- links


def test_a_link_is_written_through(folder: Path) -> None:
    (folder / "tasks.py").rename(folder / "real.py")
    (folder / "tasks.py").symlink_to("real.py")
    assert fix("tasks.py") == 0
    assert (folder / "tasks.py").is_symlink()
    assert (folder / "real.py").read_text() == FIXED


def test_a_link_that_leads_out_of_the_project(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "tasks.py").rename(folder.parent / "elsewhere.py")
    (folder / "tasks.py").symlink_to("../elsewhere.py")
    assert fix("tasks.py") == 2
    assert "tasks.py: not written: it stands outside the project\n" in capsys.readouterr().err
    assert (folder.parent / "elsewhere.py").read_text() == TASKS


def test_another_name_of_the_file_keeps_what_it_held(folder: Path) -> None:
    """A file that a cache shares with others is replaced here, and changed nowhere else."""
    os.link(folder / "tasks.py", folder.parent / "cached.py")
    assert fix() == 0
    assert (folder / "tasks.py").read_text() == FIXED
    assert (folder.parent / "cached.py").read_text() == TASKS


# --- meanwhile


def _before_writing(monkeypatch: pytest.MonkeyPatch, happens: object) -> None:
    written = write.write_together

    def late(files: list[tuple[str, bytes, bytes]]) -> None:
        happens()  # type: ignore[operator]
        written(files)

    monkeypatch.setattr("celerylint.repair.write_together", late)


def test_a_file_that_vanishes(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _before_writing(monkeypatch, (folder / "tasks.py").unlink)
    assert fix() == 2
    assert "tasks.py: not written: no such file or directory\n" in capsys.readouterr().err
    assert names(folder) == []


def test_a_file_that_changes_after_its_new_text_is_on_disk(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = os.fsync

    def changed(handle: int) -> None:
        synced(handle)
        (folder / "tasks.py").write_text(TASKS + "X = 1\n")

    monkeypatch.setattr(os, "fsync", changed)
    assert fix() == 2
    assert "tasks.py: not written: it was changed while it was being linted\n" in capsys.readouterr().err
    assert (folder / "tasks.py").read_text() == TASKS + "X = 1\n"
    assert names(folder) == ["tasks.py"]


def test_a_full_disk(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert fix() == 2
    assert "tasks.py: not written: no space left on device\n" in capsys.readouterr().err
    assert (folder / "tasks.py").read_text() == TASKS
    assert names(folder) == ["tasks.py"]


def _running(folder: Path) -> subprocess.Popen[str]:
    """A run in another process, over enough files to be met in the middle."""
    command = [sys.executable, "-m", "celerylint", "--no-cache", "--select", "CLY213", "--fix", "--quiet", "."]
    environment = {**os.environ, "PYTHONPATH": str(Path(celerylint.__file__).parents[1])}
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.skipif(os.name == "nt", reason="signals are those of POSIX")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_a_signal_leaves_each_file_old_or_new(folder: Path, sent: signal.Signals) -> None:
    for number in range(60):
        (folder / f"tasks{number}.py").write_text(TASKS)
    process = _running(folder)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        if any(path.read_text() == FIXED for path in folder.glob("tasks*.py")):
            break
    process.send_signal(sent)
    process.communicate(timeout=30)
    texts = [path.read_text() for path in folder.glob("tasks*.py")]
    assert len(texts) == 61
    assert set(texts) <= {TASKS, FIXED}
    if sent == signal.SIGINT:
        assert all(name.endswith(".py") and not name.startswith(".") for name in names(folder))


def test_two_runs_at_once(folder: Path) -> None:
    for number in range(5):
        (folder / f"tasks{number}.py").write_text(TASKS)
    runs = [_running(folder) for _ in range(2)]
    for process in runs:
        _, said = process.communicate(timeout=60)
        assert "Traceback" not in said
        # 1: what it had found was mended by the other before it could.
        assert process.returncode in (0, 1, 2)
    assert {path.read_text() for path in folder.glob("*.py")} == {FIXED}
    assert names(folder) == ["tasks.py", *(f"tasks{number}.py" for number in range(5))]


# --- several files at once


def _files(tmp_path: Path) -> list[tuple[str, bytes, bytes]]:
    for name in "abc":
        (tmp_path / name).write_bytes(b"old " + name.encode())
    return [(str(tmp_path / name), b"old " + name.encode(), b"new " + name.encode()) for name in "abc"]


def test_files_are_written_together(tmp_path: Path) -> None:
    write.write_together(_files(tmp_path))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "a": b"new a",
        "b": b"new b",
        "c": b"new c",
    }


def test_none_is_written_where_one_has_changed(tmp_path: Path) -> None:
    files = _files(tmp_path)
    (tmp_path / "c").write_bytes(b"other")
    with pytest.raises(write.WriteError, match="changed") as raised:
        write.write_together(files)
    assert raised.value.path == str(tmp_path / "c")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "a": b"old a",
        "b": b"old b",
        "c": b"other",
    }


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), KeyboardInterrupt()])
def test_what_was_replaced_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    files = _files(tmp_path)
    replaced = os.replace

    def failing(source: str, target: str) -> None:
        if target == str(tmp_path / "c"):
            raise error
        replaced(source, target)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(write.WriteError if isinstance(error, OSError) else KeyboardInterrupt):
        write.write_together(files)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "a": b"old a",
        "b": b"old b",
        "c": b"old c",
    }


def test_a_fix_that_needs_a_file_which_cannot_be_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "tasks.py").unlink()
    for name, text in SHARED.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    (folder / "shop" / "values.py").chmod(0o444)
    assert main(["--no-cache", "--select", "CLY207", "--fix", "--unsafe-fixes"]) == 2
    said = capsys.readouterr().err
    assert "shop/values.py: not written: it is read-only\n" in said
    assert "CLY207 is not fixed: shop/values.py: it is read-only\n" in said
    assert {name: (folder / name).read_text() for name in SHARED} == SHARED


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"])
def test_a_signal_waits_until_all_files_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    number: signal.Signals = getattr(signal, name)
    files = _files(tmp_path)
    replaced = os.replace

    def interrupted(source: str, target: str) -> None:
        replaced(source, target)
        signal.raise_signal(number)

    def heard(number: int, frame: object) -> None:
        raise InterruptedError(number)

    monkeypatch.setattr(os, "replace", interrupted)
    before = signal.signal(number, heard)
    try:
        with pytest.raises(InterruptedError):
            write.write_together(files)
    finally:
        signal.signal(number, before)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        os.path.basename(path): after for path, _, after in files
    }

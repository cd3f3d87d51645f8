"""`--fix` and its kin, on files that make it hard: nothing is lost, and each says why in one line."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from celerylint import repair as repairing
from celerylint.fixes import bench, write
from celerylint.frontends.cli import main
from celerylint.repair import _is_ours

TASKS = """\
from celery import shared_task


@shared_task(autoretry_for=(ConnectionError,), retry_backoff=True, retry_jitter=False)
def pull(): ...


@shared_task(autoretry_for=ConnectionError, retry_backoff=True)
def push(): ...
"""
SAFE = TASKS.replace("=ConnectionError", "=(ConnectionError,)")
BOTH = SAFE.replace(", retry_jitter=False", "")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "tasks.py").write_text(TASKS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    return tmp_path


def run(*flags: str) -> int:
    return main(["--no-cache", "--select", "CLY203,CLY213", "--output-format", "concise", *flags])


def test_safe_fixes_are_made_and_the_rest_is_reported(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--fix") == 1
    assert (folder / "tasks.py").read_text() == SAFE
    said = capsys.readouterr()
    assert "CLY203" in said.out
    assert "CLY213" not in said.out
    assert "Mended 1 fault." in said.err


def test_unsafe_fixes_are_made_when_asked_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--fix", "--unsafe-fixes", "--show-fixes") == 0
    assert (folder / "tasks.py").read_text() == BOTH
    said = capsys.readouterr().err
    assert "1 x CLY203 backoff-without-jitter: leave retry_jitter on" in said
    assert "1 x CLY213" in said
    changed = (folder / "tasks.py").stat().st_mtime_ns
    assert run("--fix", "--unsafe-fixes") == 0
    assert (folder / "tasks.py").stat().st_mtime_ns == changed


def test_unsafe_fixes_alone_change_nothing(folder: Path) -> None:
    assert run("--unsafe-fixes") == 1
    assert (folder / "tasks.py").read_text() == TASKS


def test_fix_only_reports_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--fix-only") == 0
    assert (folder / "tasks.py").read_text() == SAFE
    assert capsys.readouterr().out == ""


def test_a_diff_writes_nothing_and_can_be_applied(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--diff", "--unsafe-fixes") == 1
    said = capsys.readouterr()
    assert (folder / "tasks.py").read_text() == TASKS
    assert "nothing was written" in said.err
    other = folder / "other"
    other.mkdir()
    (other / "tasks.py").write_text(TASKS)
    subprocess.run(["git", "apply", "-"], input=said.out, text=True, cwd=other, check=True, env={"GIT_DIR": "/nowhere"})
    assert (other / "tasks.py").read_text() == BOTH


def test_no_diff_where_nothing_is_mended(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "tasks.py").write_text(BOTH)
    assert run("--diff", "--unsafe-fixes") == 0
    assert capsys.readouterr().out == ""


def test_the_summary_says_how_much_can_be_mended_and_what_else_that_does(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--no-cache", "--select", "CLY203,CLY213"])
    assert (
        "`--fix` mends 1 of them, `--fix --unsafe-fixes` 1 more, which change what runs:\n"
        "  1 x CLY203: each wait becomes random, half as long on average\n"
    ) in capsys.readouterr().out


def test_a_diff_says_how_much_more_there_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("--diff")
    assert capsys.readouterr().err.endswith("nothing was written.\n`--unsafe-fixes` mends 1 more.\n")
    run("--diff", "--unsafe-fixes")
    assert capsys.readouterr().err.endswith("nothing was written.\n")


def test_json_says_which_text_goes_where(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--no-cache", "--select", "CLY203", "--output-format", "json"])
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    fix = finding["fix"]
    assert (fix["safety"], fix["title"]) == ("unsafe", "leave retry_jitter on")
    (edit,) = fix["edits"]
    assert edit == {
        "path": "tasks.py",
        "start": {"line": 4, "column": 66},
        "end": {"line": 4, "column": 86},
        "text": "",
    }


# --- files that make it hard


def _roundtrip(folder: Path, before: bytes, after: bytes) -> None:
    (folder / "tasks.py").write_bytes(before)
    assert run("--fix", "--unsafe-fixes") == 0
    assert (folder / "tasks.py").read_bytes() == after


def test_line_ends_are_kept(folder: Path) -> None:
    _roundtrip(folder, TASKS.replace("\n", "\r\n").encode(), BOTH.replace("\n", "\r\n").encode())


def test_a_byte_order_mark_is_kept(folder: Path) -> None:
    _roundtrip(folder, b"\xef\xbb\xbf" + TASKS.encode(), b"\xef\xbb\xbf" + BOTH.encode())


def test_an_encoding_is_kept(folder: Path) -> None:
    head = "# -*- coding: latin-1 -*-\nNAME = 'José'  # ö\n"
    _roundtrip(folder, (head + TASKS).encode("latin-1"), (head + BOTH).encode("latin-1"))


def test_tabs_and_a_missing_last_line_end_are_kept(folder: Path) -> None:
    tail = "\ndef more():\n\treturn [\n\t\t1\n\t]"
    _roundtrip(folder, (TASKS + tail).encode(), (BOTH + tail).encode())


def test_newer_syntax_than_the_interpreter(folder: Path) -> None:
    tail = "\n\ntry:\n    pull()\nexcept KeyError, ValueError:\n    pass\n"
    _roundtrip(folder, (TASKS + tail).encode(), (BOTH + tail).encode())


def test_the_mode_is_kept(folder: Path) -> None:
    (folder / "tasks.py").chmod(0o751)
    run("--fix")
    assert stat.S_IMODE((folder / "tasks.py").stat().st_mode) == 0o751


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.py").write_bytes(b"old")
    (tmp_path / "link.py").symlink_to("real.py")
    write.write(str(tmp_path / "link.py"), b"old", b"new")
    assert (tmp_path / "link.py").is_symlink()
    assert (tmp_path / "real.py").read_bytes() == b"new"


def test_a_read_only_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "tasks.py").chmod(0o444)
    assert run("--fix") == 2
    said = capsys.readouterr()
    assert "tasks.py: not written: it is read-only\n" in said.err
    assert "tasks.py:8: CLY213 is not fixed: it is read-only\n" in said.err
    assert "CLY213" in said.out
    assert (folder / "tasks.py").read_text() == TASKS


def test_a_full_disk(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert run("--fix") == 2
    said = capsys.readouterr()
    assert "tasks.py: not written: no space left on device\n" in said.err
    assert "CLY213" in said.out
    assert (folder / "tasks.py").read_text() == TASKS
    assert sorted(path.name for path in folder.iterdir()) == [".git", "tasks.py"]


def test_a_file_that_changes_meanwhile(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    written = repairing.write_all

    def late(done: repairing.Repair, *, root: Path) -> repairing.Repair:
        (folder / "tasks.py").write_text(TASKS + "X = 1\n")
        return written(done, root=root)

    monkeypatch.setattr("celerylint.frontends.mend.write_all", late)
    assert run("--fix") == 2
    assert "tasks.py: not written: it was changed while it was being linted\n" in capsys.readouterr().err
    assert (folder / "tasks.py").read_text() == TASKS + "X = 1\n"


def test_an_interrupt_leaves_the_old_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    assert run("--fix") == 130
    assert (folder / "tasks.py").read_text() == TASKS
    assert sorted(path.name for path in folder.iterdir()) == [".git", "tasks.py"]


def test_what_would_not_parse_is_not_written(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.Bench, "_still_parses", lambda self, before, after: False)
    assert run("--fix") == 1
    said = capsys.readouterr()
    assert "CLY990" in said.out
    assert "CLY213" in said.out
    assert (folder / "tasks.py").read_text() == TASKS


def test_a_file_that_is_not_asked_for_is_left_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "proj").mkdir()
    (folder / "proj" / "errors.py").write_text("TIMES = None\n")
    (folder / "proj" / "tasks.py").write_text(
        "from celery import shared_task\nfrom proj.errors import TIMES\n\n\n"
        "@shared_task(autoretry_for=(OSError,), retry_backoff=True, max_retries=TIMES)\ndef f(): ...\n"
    )
    flags = ["--no-cache", "--select", "CLY207", "--fix", "--unsafe-fixes"]
    assert main([*flags, "proj/tasks.py"]) == 1
    assert "proj/errors.py: it is not among the files to mend" in capsys.readouterr().err
    assert main([*flags, "."]) == 0
    assert (folder / "proj" / "errors.py").read_text() == "TIMES = 10\n"


def test_write_needs_what_it_was_told_is_there(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_bytes(b"new")
    with pytest.raises(write.WriteError, match="changed"):
        write.write(str(file), b"old", b"newer")
    with pytest.raises(write.WriteError, match="no such file"):
        write.write(str(tmp_path / "b.py"), b"", b"")
    with pytest.raises(write.WriteError, match="plain file"):
        write.write(str(tmp_path), b"", b"")


# --- comments


def test_comments_silence_what_remains(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--add-ignores=until 2027") == 0
    text = (folder / "tasks.py").read_text()
    assert "retry_jitter=False)  # celerylint: ignore[CLY203] until 2027\n" in text
    assert "retry_backoff=True)  # celerylint: ignore[CLY213] until 2027\n" in text
    assert "Silenced 2 faults with comments." in capsys.readouterr().err
    assert run() == 0
    assert run("--add-ignores") == 0
    assert (folder / "tasks.py").read_text() == text


def test_comments_that_could_not_be_written_silence_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert run("--add-ignores") == 2
    said = capsys.readouterr().err
    assert "tasks.py: not written: no space left on device\n" in said
    assert "Silenced" not in said


def test_what_is_mended_needs_no_comment(folder: Path) -> None:
    assert run("--fix", "--add-ignores") == 0
    text = (folder / "tasks.py").read_text()
    assert text == SAFE.replace("=False)", "=False)  # celerylint: ignore[CLY203]")


def test_a_comment_that_is_there_takes_more_codes(folder: Path) -> None:
    text = TASKS.replace("=False)", "=False)  # celerylint: ignore[CLY202] for a reason")
    (folder / "tasks.py").write_text(text)
    assert main(["--no-cache", "--select", "CLY203", "--add-ignores"]) == 0
    assert "# celerylint: ignore[CLY202, CLY203] for a reason\n" in (folder / "tasks.py").read_text()


def test_no_comment_gets_into_a_string(folder: Path) -> None:
    (folder / "tasks.py").write_text(
        'from celery import shared_task\n\n\n@shared_task(autoretry_for=ConnectionError, queue="""\nfast\n""")\ndef f(): ...\n'
    )
    run("--add-ignores")
    text = (folder / "tasks.py").read_text()
    assert '""")  # celerylint: ignore[CLY213]\n' in text


@pytest.mark.parametrize(
    ("files", "path", "module", "ours"),
    [
        (["shop/tasks.py", "shop/__init__.py"], "shop/tasks.py", "shop", True),
        (["src/shop/tasks.py", "src/shop/__init__.py", "src/__init__.py"], "src/shop/tasks.py", "shop", True),
        (["__init__.py", "app.py", "tasks/__init__.py", "tasks/one.py"], "tasks/one.py", "app", True),
        (["conf/settings.py", "tasks.py"], "tasks.py", "conf", True),
        (["shop/redis.py", "shop/__init__.py"], "shop/tasks.py", "redis", False),
        (["shop/celery.py", "shop/tasks.py"], "shop/tasks.py", "celery", False),
        (["celery/health.py", "shop/tasks.py"], "shop/tasks.py", "celery", False),
    ],
)
def test_which_modules_are_the_project_s(files: list[str], path: str, module: str, ours: bool, tmp_path: Path) -> None:
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    assert _is_ours(tmp_path, path, module) is ours


def test_a_setting_under_a_dead_name_is_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "proj" / "settings.py"
    settings.parent.mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / "requirements.txt").write_text("celery==5.6.0\n")
    settings.write_text('CELERY_BROKER_URL = "redis://"\nCELERY_ACKS_LATE = True\n')
    (tmp_path / "manage.py").write_text('import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "proj.settings")\n')
    (tmp_path / "proj" / "celery.py").write_text(
        'from celery import Celery\n\napp = Celery("proj")\n'
        'app.config_from_object("django.conf:settings", namespace="CELERY")\n\n@app.task\ndef ship(pk): ...\n'
    )
    monkeypatch.chdir(tmp_path)
    assert main(["--no-cache", "--select", "CLY101,CLY802", "--fix", "--unsafe-fixes"]) == 0
    assert settings.read_text() == 'CELERY_BROKER_URL = "redis://"\nCELERY_TASK_ACKS_LATE = True\n'

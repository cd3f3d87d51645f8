"""What a command printed is printed again as long as it would be the same, and no longer."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from celerylint import replay, store
from celerylint.frontends import cli

TASK = """\
from celery import Celery

app = Celery("shop", broker="redis://localhost")


@app.task(autoretry_for=(Exception,))
def pull(): ...
"""

Change = Callable[[Path, pytest.MonkeyPatch], object]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose files count as settled at once, and a cache of its own."""
    for name in replay.ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(store, "SETTLED", -60 * 10**9)
    monkeypatch.setenv("CELERYLINT_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "tool.py").write_text("")
    monkeypatch.setattr(store, "own_files", lambda: [str(tmp_path / "tool.py")])
    root = tmp_path / "shop"
    (root / "jobs").mkdir(parents=True)
    (root / "manage.py").write_text("")
    (root / "requirements.txt").write_text("celery==5.4\n")
    (root / "jobs/tasks.py").write_text(TASK)
    monkeypatch.chdir(root)
    return root


class Ran:
    """A command, and whether its answer was known."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> None:
        self.replayed = replay.replayed(arguments) is not None
        self.status = cli._main(arguments, replay=True)
        self.out, self.err = capsys.readouterr()


@pytest.mark.parametrize(
    "arguments", [[], ["."], ["jobs/tasks.py"], ["check", "--output-format", "json"], ["--statistics"], ["-q", "jobs"]]
)
def test_the_second_answer_is_the_first(
    shop: Path, arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Ran(capsys, *arguments)
    monkeypatch.setattr(cli, "_run", None)
    second = Ran(capsys, *arguments)
    assert (first.replayed, second.replayed) == (False, True)
    assert (second.status, second.out, second.err) == (first.status, first.out, "")
    assert first.status == cli.FAULTS
    assert "CLY" in first.out


def test_bytecode_that_is_put_into_a_folder_of_the_tool_does_not_make_it_another(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "tool"
    package.mkdir()
    (package / "tool.py").write_text("")
    monkeypatch.setattr(store, "own_files", lambda: [f"{package}{os.sep}", str(package / "tool.py")])
    settled = store.settled
    just_now = f"{package}{os.sep}"
    monkeypatch.setattr(store, "settled", lambda stamps, began: just_now not in stamps and settled(stamps, began))
    Ran(capsys)
    assert Ran(capsys).replayed
    (package / "more.py").write_text("")  # a module more may be a rule more
    assert not Ran(capsys).replayed


@pytest.mark.parametrize(
    "change",
    [
        lambda root, patch: (root / "jobs/tasks.py").write_text(TASK.replace("pull", "push")),
        lambda root, patch: (root / "jobs/more.py").write_text(TASK),
        lambda root, patch: (root / "celerylint.toml").write_text('ignore = ["CLY201"]\n'),
        lambda root, patch: (root / "pyproject.toml").write_text('[tool.celerylint]\nignore = ["CLY201"]\n'),
        lambda root, patch: (root.parent / "celerylint.toml").write_text('ignore = ["CLY201"]\n'),
        lambda root, patch: (root / "jobs/.git").mkdir(),
        lambda root, patch: patch.setenv("FORCE_COLOR", "1"),
        lambda root, patch: patch.setenv("GITHUB_ACTIONS", "true"),
        lambda root, patch: patch.setattr(replay, "__version__", "0.0.0"),
        lambda root, patch: (root.parent / "tool.py").write_text("# somebody works on the tool itself\n"),
        lambda root, patch: patch.chdir(root.parent),
    ],
)
def test_whatever_changes_is_run_again(
    shop: Path, change: Change, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(shop / "jobs")
    assert Ran(capsys, path).out == Ran(capsys, path).out
    change(shop, monkeypatch)
    now = Ran(capsys, path)
    assert not now.replayed
    assert now.out == Ran(capsys, path, "--no-cache").out


@pytest.mark.parametrize(
    "arguments",
    [
        ["--no-cache"],
        ["--verbose"],
        ["--output-file", "../out.txt"],
        ["--output-format", "json:../out.json"],
        ["--diff"],
        ["--cache-dir", "../other"],
        ["--show-files"],
        ["--version"],
        ["inspect"],
        ["--select", "nothing"],
        ["no-such-folder"],
    ],
)
def test_what_does_more_than_print_findings_runs_each_time(
    shop: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = Ran(capsys, *arguments), Ran(capsys, *arguments)
    assert not second.replayed
    assert second.status == first.status


def test_a_file_is_written_each_time(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        Ran(capsys, "--fix", "--unsafe-fixes", "-q")
        assert "retry_backoff" in (shop / "jobs/tasks.py").read_text()
        (shop / "jobs/tasks.py").write_text(TASK)


def test_a_report_that_another_run_replaced_is_not_taken_for_this_one(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Ran(capsys)
    (shop / "jobs/tasks.py").write_text(TASK.replace("pull", "push"))
    cli.main(["-q"])  # keeps another report in the same place, and prints it otherwise
    capsys.readouterr()
    now = Ran(capsys)
    assert not now.replayed
    assert "push" in now.out


@pytest.mark.parametrize("kind", ["output", "report"])
@pytest.mark.parametrize(
    "harm",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: b"\x94" + data,
        lambda data: data.replace(b"pull", b"\x1b]52"),
        lambda data: store.digest(b"\xff" * 99) + b"\xff" * 99,
        lambda data: store.digest(bytes(32)) + bytes(32),
    ],
)
def test_a_spoilt_answer_is_none(
    shop: Path, kind: str, harm: Callable[[bytes], bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    first = Ran(capsys)
    files = [file for file in (shop.parent / "cache").iterdir() if kind in file.name]
    assert files
    for file in files:
        file.write_bytes(harm(file.read_bytes()))
    second = Ran(capsys)
    assert not second.replayed
    assert (second.status, second.out) == (first.status, first.out)
    assert Ran(capsys).replayed


def test_a_reader_that_has_gone_is_no_fault(
    shop: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Ran(capsys)

    def gone(text: str) -> int:
        raise BrokenPipeError

    monkeypatch.setattr("sys.stdout.write", gone)
    monkeypatch.setattr("celerylint.frontends.terminal.abandon_stdout", lambda: None)
    assert cli._main([], replay=True) == cli.CLEAN


def test_a_configuration_that_was_written_meanwhile_is_not_trusted(
    shop: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "SETTLED", 0)
    asked = replay.keep

    def keep_late(*answer: object) -> None:
        (shop / "celerylint.toml").write_text('ignore = ["CLY"]\n')
        asked(*answer)  # type: ignore[arg-type]

    monkeypatch.setattr(replay, "keep", keep_late)
    Ran(capsys, "jobs")
    assert not Ran(capsys, "jobs").replayed


def test_every_variable_that_is_read_tells_answers_apart() -> None:
    package = Path(cli.__file__).parent.parent
    read = set()
    for file in [package / "store.py", *package.glob("frontends/*.py"), *package.glob("report/*.py")]:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            called = isinstance(node, ast.Call) and ast.unparse(node.func) in (
                "os.environ.get",
                "os.getenv",
                "environment.get",
            )
            if called and isinstance(node, ast.Call) and isinstance(node.args[0], ast.Constant):
                read.add(node.args[0].value)
    used_by_other_verbs = {"SHELL"}
    assert read - used_by_other_verbs <= set(replay.ENVIRONMENT)
    assert {"NO_COLOR", "GITHUB_ACTIONS", "TERM"} <= read


def test_an_answer_that_is_known_imports_next_to_nothing(shop: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys\nbefore = set(sys.modules)\nfrom celerylint.frontends import cli\nfrom celerylint import replay\n"
        "replay.replayed(['.'])\nprint(*sorted(set(sys.modules) - before))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    heavy = {"click", "msgspec", "re", "typing", "enum", "pathlib", "hashlib", "json", "subprocess", "contextlib"}
    assert not heavy & set(ran.stdout.split())

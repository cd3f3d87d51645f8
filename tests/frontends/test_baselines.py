"""Baselines from the command line, on a project that is really read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from test_flake8 import flake8_says

from celerylint.frontends.cli import main

APP = 'from celery import Celery\n\napp = Celery("shop", broker="redis://localhost")\napp.conf.task_acks_late = False\n'
TASKS = """\
from shop.app import app


@app.task(autoretry_for=(Exception,), retry_backoff=True)
def pull(url):
    return url


@app.task(autoretry_for=(Exception,), retry_backoff=True)
def push(url):
    return url
"""
SELECT = ["--no-cache", "--select", "CLY201,CLY804", "--output-format", "concise"]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in {"shop/__init__.py": "", "shop/app.py": APP, "shop/tasks.py": TASKS, ".git/HEAD": ""}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(capsys: pytest.CaptureFixture[str], *flags: str) -> tuple[list[str], str]:
    """`file:code` of what is found, and what is said besides."""
    capsys.readouterr()
    main([*SELECT, *flags])
    said = capsys.readouterr()
    lines = [line.split(":") for line in said.out.splitlines()]
    return [f"{line[0]}:{line[3].split()[0]}" for line in lines], said.err


def entries(file: str = "celerylint-baseline.json") -> list[dict[str, object]]:
    held: list[dict[str, object]] = json.loads(Path(file).read_text())["findings"]
    return held


def test_a_baseline_is_written_and_used(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SELECT, "--write-baseline"]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        "Wrote 2 findings to celerylint-baseline.json.\n"
        "Leave them out with --baseline celerylint-baseline.json, or with "
        'baseline = "celerylint-baseline.json" in the configuration.\n'
    )
    assert [entry["symbol"] for entry in entries()] == ["shop.tasks.pull", "shop.tasks.push"]
    assert found(capsys, "--baseline", "celerylint-baseline.json") == ([], "")
    assert main([*SELECT, "--baseline=celerylint-baseline.json"]) == 0
    assert main(SELECT) == 1


def test_formats_count_what_is_in_the_baseline(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / "celerylint.toml").write_text('baseline = "celerylint-baseline.json"\n')
    main([*SELECT, "--write-baseline", "--quiet"])
    assert capsys.readouterr() == ("", "")
    main([*SELECT[:-1], "json"])
    report = json.loads(capsys.readouterr().out)
    assert (report["findings"], report["summary"]["baselined"]) == ([], 2)
    main([*SELECT[:-1], "full"])
    assert "Not shown: 2 in the baseline." in capsys.readouterr().out
    main([*SELECT[:-1], "sarif"])
    assert json.loads(capsys.readouterr().out)["runs"][0]["results"] == []


def reformatted(text: str) -> str:
    return "# a comment\n\n\n" + text.replace(
        "@app.task(autoretry_for=(Exception,), retry_backoff=True)",
        "@app.task(\n    retry_backoff=True,\n    autoretry_for=(\n        Exception,\n    ),\n)",
    )


@pytest.mark.parametrize(
    "change",
    [
        reformatted,
        lambda text: text.replace("(url)", "(address)").replace("return url", "return address"),
        lambda text: text + "\n\n@app.task\ndef unrelated(): ...\n",
        lambda text: text.replace("retry_backoff=True", "retry_backoff=True, max_retries=9"),
        lambda text: "\r\n".join(text.split("\n")),
        lambda text: text.replace("def pull", "def PULL").replace("def push", "def pull").replace("PULL", "push"),
    ],
    ids=["reformatted", "renamed inside", "another task", "numbers", "line ends", "order"],
)  # fmt: skip
def test_a_baseline_outlives_changes(shop: Path, capsys: pytest.CaptureFixture[str], change: object) -> None:
    main([*SELECT, "--write-baseline"])
    (shop / "shop/tasks.py").write_text(change(TASKS))  # type: ignore[operator]
    assert found(capsys, "--no-baseline")[0] == ["shop/tasks.py:CLY201"] * 2
    assert found(capsys, "--baseline=celerylint-baseline.json") == ([], "")


def test_a_module_that_is_renamed_takes_its_entries_along(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([*SELECT, "--write-baseline"])
    (shop / "shop/tasks.py").rename(shop / "shop/jobs.py")
    assert found(capsys, "--baseline=celerylint-baseline.json") == ([], "")
    assert found(capsys, "--baseline=celerylint-baseline.json", "shop/jobs.py") == ([], "")
    main([*SELECT, "--baseline=celerylint-baseline.json", "--shrink-baseline"])
    assert {entry["path"] for entry in entries()} == {"shop/jobs.py"}


def test_a_copy_is_reported(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([*SELECT, "--write-baseline"])
    (shop / "shop/more.py").write_text(TASKS)
    assert found(capsys, "--baseline=celerylint-baseline.json")[0] == ["shop/more.py:CLY201"] * 2
    (shop / "shop/more.py").unlink()
    (shop / "shop/tasks.py").write_text(TASKS + TASKS.partition("\n\n\n")[2].replace("pull", "fetch"))
    assert found(capsys, "--baseline=celerylint-baseline.json")[0] == ["shop/tasks.py:CLY201"] * 2


def test_what_is_gone_is_said_and_taken_out_when_asked(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([*SELECT, "--write-baseline"])
    before = Path("celerylint-baseline.json").read_bytes()
    fixed = TASKS.replace("(Exception,)", "(OSError,)", 1)
    (shop / "shop/tasks.py").write_text(fixed)
    gone = "1 finding of celerylint-baseline.json is gone (CLY201 shop/tasks.py): "
    assert found(capsys, "--baseline=celerylint-baseline.json") == ([], gone + "take it out with --shrink-baseline.\n")
    assert Path("celerylint-baseline.json").read_bytes() == before
    assert found(capsys, "--baseline=celerylint-baseline.json", "--quiet") == ([], "")
    assert found(capsys, "--baseline=celerylint-baseline.json", "--shrink-baseline") == ([], gone + "taken out.\n")
    assert [entry["symbol"] for entry in entries()] == ["shop.tasks.push"]
    (shop / "shop/tasks.py").write_text(TASKS)
    assert found(capsys, "--baseline=celerylint-baseline.json") == (["shop/tasks.py:CLY201"], "")


def test_shrinking_adds_nothing(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([*SELECT, "--write-baseline"])
    (shop / "shop/more.py").write_text(TASKS)
    before = Path("celerylint-baseline.json").read_bytes()
    assert len(found(capsys, "--baseline=celerylint-baseline.json", "--shrink-baseline")[0]) == 2
    assert Path("celerylint-baseline.json").read_bytes() == before


def test_writing_again_says_what_is_new_and_what_is_gone(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([*SELECT, "--write-baseline"])
    (shop / "shop/tasks.py").write_text(TASKS.replace("(Exception,)", "(OSError,)", 1))
    (shop / "shop/more.py").write_text(TASKS.replace("push", "drop").replace("pull", "take"))
    capsys.readouterr()
    main([*SELECT, "--write-baseline"])
    assert "Wrote 3 findings to celerylint-baseline.json: 2 new, 1 gone.\n" in capsys.readouterr().err


@pytest.mark.parametrize("narrow", [["shop/app.py"], ["--select", "CLY804"], ["--per-file-ignores", "shop/*:CLY2"]])
@pytest.mark.parametrize("verb", ["--write-baseline", "--shrink-baseline", "--exit-zero"])
def test_a_run_over_less_neither_loses_nor_blames_the_rest(
    shop: Path, capsys: pytest.CaptureFixture[str], narrow: list[str], verb: str
) -> None:
    (shop / "celerylint.toml").write_text('baseline = "celerylint-baseline.json"\n')
    main([*SELECT, "--write-baseline"])
    before = Path("celerylint-baseline.json").read_bytes()
    capsys.readouterr()
    main(["--no-cache", *(["--select", "CLY201"] if "--select" not in narrow else []), *narrow, verb])
    assert "gone (" not in capsys.readouterr().err
    assert Path("celerylint-baseline.json").read_bytes() == before


def test_files_that_cannot_be_read_cost_no_entries(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([*SELECT, "--write-baseline"])
    before = Path("celerylint-baseline.json").read_bytes()
    (shop / "shop/tasks.py").write_text(TASKS + "def (\n")
    shown, said = found(capsys, "--baseline=celerylint-baseline.json", "--shrink-baseline")
    assert (shown, said) == (["shop/tasks.py:CLY900"], "")
    assert Path("celerylint-baseline.json").read_bytes() == before


def test_files_that_are_deleted_are_gone(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([*SELECT, "--write-baseline"])
    (shop / "shop/tasks.py").unlink()
    assert (
        "2 findings of celerylint-baseline.json are gone (CLY201 shop/tasks.py (2))"
        in found(capsys, "--baseline=celerylint-baseline.json")[1]
    )


@pytest.mark.parametrize(
    ("flags", "text", "message"),
    [
        (["--baseline", "b.json"], None, "no such baseline: b.json; --write-baseline writes it"),
        (["--baseline", "b.json"], "{\n\n<<<", "baseline b.json:3: not valid JSON: "),
        (["--baseline", "b.json"], "[]", "baseline b.json: it is no baseline of celerylint"),
        (["--baseline", "shop"], None, "baseline shop: cannot be read: "),
        (["--write-baseline", "shop"], None, "shop is a folder: write --write-baseline=FILE"),
        (["--write-baseline=shop/tasks.py"], None, "baseline shop/tasks.py:1: not valid JSON"),
        (["--write-baseline=no/such/b.json"], None, "cannot write no/such/b.json: No such file or directory"),
        (["--shrink-baseline"], None, "--shrink-baseline needs to know the baseline: give --baseline FILE"),
        (["--baseline", "b.json", "--no-baseline"], "x", "--baseline and --no-baseline cannot both be meant"),
        *(
            (["--write-baseline", *flags], None, "--write-baseline writes down all that is found, and does nothing")
            for flags in (["--since=HEAD"], ["--fix"], ["--diff"], ["--shrink-baseline"], ["--add-ignores"])
        ),
    ],
)  # fmt: skip
def test_wrong_baselines_are_one_line_and_status_two(
    shop: Path, capsys: pytest.CaptureFixture[str], flags: list[str], text: str | None, message: str
) -> None:
    if text is not None:
        (shop / "b.json").write_text(text)
    assert main(["--no-cache", *flags]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"celerylint: {message}")
    assert said.count("\n") == 1
    assert (shop / "shop/tasks.py").read_text() == TASKS


def test_a_wrong_baseline_of_the_configuration_is_said_with_its_line(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (shop / "celerylint.toml").write_text('\nbaseline = "old.json"\n')
    assert main(["--no-cache"]) == 2
    assert capsys.readouterr().err.startswith("celerylint: celerylint.toml:2: no such baseline: old.json")


def test_fixes_leave_what_is_known_alone_unless_asked(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = TASKS.replace("autoretry_for=(Exception,), retry_backoff=True", "ignore_results=True")
    (shop / "shop/tasks.py").write_text(text)
    (shop / "celerylint.toml").write_text('baseline = "celerylint-baseline.json"\n')
    main([*SELECT, "--write-baseline"])
    assert [entry["code"] for entry in entries()] == ["CLY804"] * 2
    main([*SELECT, "--fix"])
    assert (shop / "shop/tasks.py").read_text() == text
    main([*SELECT, "--fix", "--unsafe-fixes", "--no-baseline"])
    assert "ignore_result=True" in (shop / "shop/tasks.py").read_text()
    assert "2 findings of celerylint-baseline.json are gone" in found(capsys)[1]


def test_flake8_leaves_out_what_the_baseline_knows(shop: Path) -> None:
    (shop / "celerylint.toml").write_text('baseline = "celerylint-baseline.json"\nselect = ["CLY201"]\n')

    def flake8() -> list[str]:
        return [line.split(": ")[1].split()[0] for line in flake8_says(shop, "shop")]

    main([*SELECT, "--write-baseline"])
    assert flake8() == []
    shutil.copy(shop / "shop/tasks.py", shop / "shop/copy.py")
    assert flake8() == ["CLY201", "CLY201"]

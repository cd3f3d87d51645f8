"""Comments that ask for silence: what they silence, and what is said of those that silence nothing."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from celerylint.config import Options
from celerylint.engine import check
from celerylint.finding import Report

SLIP = "from celery import shared_task\n\n@shared_task(ignore_results=True){}\ndef one(): ...\n"
CLEAN = "from celery import shared_task\n\n@shared_task(ignore_result=True){}\ndef one(): ...\n"
OPTIONS = Options(select=("CLY405", "CLY804", "CLY901", "CLY902"), no_cache=True, jobs=1)


def run(folder: Path, source: str, options: Options = OPTIONS) -> Report:
    (folder / "setup.cfg").touch()
    (folder / "tasks.py").write_text(source)
    return check([str(folder)], options, root=folder)


def codes(report: Report) -> list[str]:
    return [f"{finding.code}:{finding.place.line}" for finding in report.findings]


@pytest.mark.parametrize(
    "comment",
    [
        "  # celerylint: ignore[CLY804] as we meant it",
        "  # celerylint: ignore[unknown-task-option] as we meant it",
        "  # noqa: CLY804",
    ],
)
def test_a_comment_silences_what_it_names(tmp_path: Path, comment: str) -> None:
    report = run(tmp_path, SLIP.format(comment))
    assert codes(report) == []
    assert report.summary.suppressed == 1


@pytest.mark.parametrize("comment", ["  # celerylint: ignore[CLY804] as we meant it", "  # noqa: CLY804"])
def test_where_there_is_nothing_to_silence_that_is_said(tmp_path: Path, comment: str) -> None:
    assert codes(run(tmp_path, CLEAN.format(comment))) == ["CLY901:3"]


def test_each_code_must_silence_something(tmp_path: Path) -> None:
    report = run(tmp_path, SLIP.format("  # celerylint: ignore[CLY804,CLY405] as we meant it"))
    assert codes(report) == ["CLY901:3"]
    assert "CLY405" in report.findings[0].message


def test_a_file_comment_must_silence_something_too(tmp_path: Path) -> None:
    head = "# celerylint: ignore-file[CLY804] generated\n"
    assert codes(run(tmp_path, head + SLIP.format(""))) == []
    assert codes(run(tmp_path, head + CLEAN.format(""))) == ["CLY901:1"]


@pytest.mark.parametrize(
    "comment",
    [
        "  # noqa",  # it may be meant for another tool
        "  # noqa: E501",
        "  # celerylint: ignore[CLY804,CLY901] until the next release",
    ],
)
def test_some_comments_are_left_in_peace(tmp_path: Path, comment: str) -> None:
    assert codes(run(tmp_path, CLEAN.format(comment))) == []


def test_of_a_rule_that_did_not_run_nothing_is_known(tmp_path: Path) -> None:
    options = msgspec.structs.replace(OPTIONS, select=("CLY901", "CLY405"))
    assert codes(run(tmp_path, CLEAN.format("  # celerylint: ignore[CLY804] as we meant it"), options)) == []


@pytest.mark.parametrize(
    ("comment", "meant"),
    [
        ("  # celerylint: ignore[CLY8044] as we meant it", "CLY804"),
        ("  # celerylint: ignore[unknown-task-options] as we meant it", "unknown-task-option"),
        ("  # noqa: CLY8044", "CLY804"),
    ],
)
def test_a_code_that_is_none_silences_nothing(tmp_path: Path, comment: str, meant: str) -> None:
    report = run(tmp_path, SLIP.format(comment))
    assert sorted(codes(report)) == ["CLY804:3", "CLY902:3"]
    assert any(meant in finding.message + finding.help for finding in report.findings if finding.code == "CLY902")


def test_codes_of_others_are_theirs(tmp_path: Path) -> None:
    assert codes(run(tmp_path, CLEAN.format("  # noqa: XYZ999"))) == []


def test_an_unreadable_file_is_named_and_the_rest_is_linted(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("from celery import shared_task\n\ndef one(:\n")
    (tmp_path / "latin.py").write_bytes(b"# celery\nNAME = '\xe9'\n")
    report = run(tmp_path, SLIP.format(""))
    assert [(f.place.path, f.code) for f in report.findings] == [
        ("broken.py", "CLY900"),
        ("latin.py", "CLY900"),
        ("tasks.py", "CLY804"),
    ]


def test_in_a_file_that_was_not_linted_no_comment_is_of_no_use(tmp_path: Path) -> None:
    source = SLIP.format("  # celerylint: ignore[CLY405]") + "def (:\n"
    assert codes(run(tmp_path, source)) == ["CLY900:5"]


def test_an_unreadable_file_is_named_whatever_is_selected_and_can_be_left_out(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("from celery import shared_task\n\ndef one(:\n")
    assert "CLY900:3" in codes(run(tmp_path, CLEAN.format(""), msgspec.structs.replace(OPTIONS, select=("CLY405",))))
    assert codes(run(tmp_path, CLEAN.format(""), msgspec.structs.replace(OPTIONS, ignore=("CLY900",)))) == []

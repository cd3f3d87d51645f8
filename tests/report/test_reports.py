from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from celerylint.finding import Confidence, Finding, Fix, Place, Related, Report, Severity, Span, Summary, Undecided
from celerylint.report import concise, full, statistics
from celerylint.report import json as json_report
from celerylint.report.style import Style

TASKS = """\
from proj.errors import RETRYABLE

@shared_task(
\tautoretry_for=RETRYABLE,
    retry_backoff=True,
)

# pull
def pull():
    ...
"""
ERRORS = "RETRYABLE = (ConnectionError, Exception)\n"
SOURCES = {"proj/tasks.py": TASKS, "proj/errors.py": ERRORS}


def at(path: str, line: int, column: int, end_line: int, end_column: int) -> Place:
    return Place(path, Span(line, column, end_line, end_column))


def finding(**more: Any) -> Finding:
    fields: dict[str, Any] = {
        "code": "CLY201",
        "name": "broad-autoretry",
        "message": "`proj.tasks.pull` is retried after its own bugs",
        "help": "Name the exceptions that pass by themselves.",
        "severity": Severity.WARNING,
        "confidence": Confidence.HIGH,
        "place": at("proj/tasks.py", 4, 2, 4, 26),
        "symbol": "proj.tasks.pull",
        "url": "https://example.org/CLY201",
        "fingerprint": "00ff",
    }
    return Finding(**{**fields, **more})


def report(*findings: Finding, tasks: int = 37, **more: Any) -> Report:
    counts = {"suppressed": 0, "baselined": 0, "undecided": 0, **more}
    by_code: dict[str, int] = {}
    for found in findings:
        by_code[found.code] = by_code.get(found.code, 0) + 1
    return Report(
        findings=findings, summary=Summary(files=120, tasks=tasks, by_code=by_code, **counts), sources=SOURCES
    )


def many(count: int, code: str = "CLY101") -> list[Finding]:
    return [
        finding(
            code=code,
            message=f"`proj.t{n}.go` is lost when its worker dies",
            symbol=f"proj.t{n}.go",
            place=at(f"proj/t{n % 7}.py", n, 1, n, 2),
        )
        for n in range(1, count + 1)
    ]


# -- full


def test_full_shows_every_labelled_place_what_happens_and_what_to_do() -> None:
    found = finding(
        related=(
            Related(at("proj/errors.py", 1, 1, 1, 10), "contains `Exception`"),
            Related(at("proj/tasks.py", 9, 5, 9, 9), "the task"),
            Related(at("gone.py", 3, 1, 3, 2), "routed here"),
        )
    )
    assert full.render(report(found)) == (
        """\
warning[CLY201] broad-autoretry: `proj.tasks.pull` is retried after its own bugs
  --> proj/tasks.py:4:2
   |
 3 | @shared_task(
 4 |     autoretry_for=RETRYABLE,
   |     ^^^^^^^^^^^^^^^^^^^^^^^^
 5 |     retry_backoff=True,
...
 9 | def pull():
   |     ---- the task
   |
  ::: proj/errors.py:1:1
   |
 1 | RETRYABLE = (ConnectionError, Exception)
   | --------- contains `Exception`
   |
  ::: gone.py:3:1: routed here
  help: Name the exceptions that pass by themselves.

Found 1 fault: 1 warning (37 tasks in 120 files).
"""
    )


def test_full_marks_a_long_span_at_its_start() -> None:
    lines = full.render(report(finding(place=at("proj/tasks.py", 3, 1, 10, 5)))).splitlines()
    marks = [line for line in lines if "^" in line]
    assert marks == ["  | ^^^^^^^^^^^^^"]


def test_full_keeps_marks_under_wide_characters() -> None:
    found = finding(place=at("w.py", 1, 7, 1, 10))
    shown = full.render(Report(findings=(found,), summary=report().summary, sources={"w.py": '"日本", abc\n'}))
    line, mark = shown.splitlines()[3:5]
    assert line == '1 | "日本", abc'
    assert mark == "  |         ^^^"


def test_full_survives_places_beyond_the_source() -> None:
    for place in (
        at("proj/errors.py", 99, 1, 99, 2),
        at("proj/errors.py", 1, 500, 1, 600),
        at("proj/errors.py", 2, 1, 2, 1),
    ):
        assert "CLY201" in full.render(report(finding(place=place)))


def test_full_cuts_a_very_long_line_around_the_place() -> None:
    source = "x = [" + "1, " * 5000 + "]\n"
    found = finding(place=at("long.py", 1, 9001, 1, 9002))
    shown = full.render(Report(findings=(found,), summary=report().summary, sources={"long.py": source}))
    assert max(map(len, shown.splitlines())) < 200
    assert "^" in shown


@pytest.mark.parametrize(
    ("column", "shown", "mark"),
    [
        (1, "1 | push = celery -A shop worker -Q mail,...", "  | ^^^^"),
        (21, "1 | push = celery -A shop worker -Q mail,...", "  |                     ^^^^"),
        (62, "1 | ... -Q mail,push,reports --loglevel INFO", "  |                                     ^^^^"),
    ],
)
def test_full_cuts_lines_at_the_width_of_the_terminal(column: int, shown: str, mark: str) -> None:
    source = "push = celery -A shop worker -Q mail,push,reports --loglevel INFO\n"
    found = finding(place=at("long.py", 1, column, 1, column + 4))
    whole = Report(findings=(found,), summary=report().summary, sources={"long.py": source})
    lines = full.render(whole, Style(width=44, summary=False)).split("\n")
    assert max(map(len, lines)) <= 44
    assert lines[5:7] == [shown, mark]


def test_full_says_below_the_marks_what_has_no_room_behind_them() -> None:
    found = finding(
        place=at("proj/tasks.py", 3, 1, 3, 13),
        related=(Related(at("proj/tasks.py", 4, 2, 4, 26), "where each of them is retried"),),
    )
    shown = full.render(report(found), Style(width=50, summary=False)).split("\n")
    assert shown[6:9] == [
        "4 |     autoretry_for=RETRYABLE,",
        "  |     ------------------------",
        "  |     where each of them is retried",
    ]


def test_full_shows_errors_first() -> None:
    shown = full.render(report(finding(severity=Severity.INFO), finding(code="CLY405", severity=Severity.ERROR)))
    assert shown.index("error[CLY405]") < shown.index("info[CLY201]")
    assert "2 faults: 1 error, 1 info" in shown


def test_full_groups_findings_that_say_the_same_of_many_tasks() -> None:
    shown = full.render(report(*many(40), finding()))
    assert shown.count("[CLY101]") == 2
    assert "... and 38 more of CLY101 in 7 files: proj/t3.py (6), proj/t4.py (6), proj/t5.py (6)" in shown.replace(
        "proj/t0.py (5), ", ""
    )
    assert "and 2 other files" in shown
    assert "38 of them only counted above: `--output-format concise` lists every one." in shown
    assert "Found 41 faults" in shown


def test_full_shows_few_equal_findings_whole() -> None:
    shown = full.render(report(*many(4)))
    assert shown.count("[CLY101]") == 4
    assert "more of" not in shown


def test_full_does_not_group_findings_that_say_different_things() -> None:
    shown = full.render(
        report(*(finding(message=f"the {word} is at fault") for word in ("a", "b", "c", "d", "e", "f")))
    )
    assert shown.count("[CLY201]") == 6


def test_full_says_what_is_not_shown() -> None:
    shown = full.render(report(suppressed=2, baselined=3, undecided=5))
    assert shown.startswith("No new faults found: 37 tasks in 120 files read.\n")
    assert "Not shown: 2 suppressed by comments, 3 in the baseline, 5 undecided" in shown


def test_full_says_why_fixes_are_unsafe_for_the_rules_that_have_most_of_them() -> None:
    found = [
        replace(each, fix=Fix("mend it", "unsafe", (), f"{each.code} changes what runs"))
        for number, code in enumerate(("CLY101", "CLY106", "CLY202", "CLY402", "CLY606", "CLY701"), 1)
        for each in many(number, code)
    ]
    shown = full.render(report(*found, fixable=2, fixable_unsafe=21))
    assert shown.partition("`--fix` mends")[2].split("\n")[:6] == [
        " 2 of them, `--fix --unsafe-fixes` 21 more, which change what runs:",
        "  6 x CLY701: CLY701 changes what runs",
        "  5 x CLY606: CLY606 changes what runs",
        "  4 x CLY402: CLY402 changes what runs",
        "  3 x CLY202: CLY202 changes what runs",
        "  3 more by 2 other rules: `celerylint explain CODE` says what",
    ]


def test_full_does_not_praise_a_project_without_tasks() -> None:
    assert full.render(report(tasks=0)) == "No Celery tasks found in 120 files.\n"


def test_full_without_summary_is_silent_when_nothing_is_found() -> None:
    assert full.render(report(), Style(summary=False)) == ""


def test_colour_and_links_are_used_only_where_they_can_be_shown() -> None:
    plain = full.render(report(finding()))
    assert "\x1b" not in plain
    dressed = full.render(report(finding()), Style(color=True, links=True))
    assert "\x1b]8;;https://example.org/CLY201\x1b\\\x1b[1;33mwarning[CLY201]\x1b[0m\x1b]8;;\x1b\\" in dressed
    assert "\x1b]8" not in full.render(report(finding()), Style(color=True))


def test_messages_are_broken_at_the_width_of_the_terminal() -> None:
    shown = full.render(report(finding(message="word " * 60, help="other " * 60)), Style(width=80))
    assert max(len(line) for line in shown.splitlines()) <= 80


def test_no_text_under_lint_reaches_the_terminal_as_a_command() -> None:
    evil = "a\x1b]0;owned\x07b\x1b[2Jc\x9bd\u202ee\rf"
    found = finding(
        message=evil,
        help=evil,
        name=evil,
        place=at("x\x1b[31m.py", 1, 1, 1, 2),
        related=(Related(at("y.py", 1, 1, 1, 2), evil),),
    )
    sources = {"x\x1b[31m.py": evil, "y.py": evil}
    said = Report(
        findings=(found,),
        summary=report().summary,
        sources=sources,
        undecided=(Undecided(evil, evil, at("x\x1b[31m.py", 1, 1, 1, 2)),),
    )
    for shown in (
        full.render(said),
        concise.render(said),
        statistics.render(said),
        full.undecided(said),
        json_report.render(said),
    ):
        assert not set(shown) & set("\x1b\x07\x9b\u202e\r")


def test_undecided_is_said_once_for_each_cause() -> None:
    items = tuple(
        Undecided(f"`{name}`", "the value comes from the environment", at("s.py", 3, 1, 3, 2)) for name in "abc"
    )
    said = full.undecided(Report(findings=(), summary=report().summary, undecided=items))
    assert said == "undecided: the value comes from the environment: `a` (s.py:3) and 2 more\n"


# -- concise, statistics


def test_concise_is_one_line_for_each_finding() -> None:
    shown = concise.render(report(finding(message="a\nb"), *many(6)))
    assert shown.splitlines()[0] == "proj/tasks.py:4:2: CLY201 [warning] a b"
    assert len(shown.splitlines()) == 7
    assert concise.render(report()) == ""


def test_statistics_count_each_rule_most_first() -> None:
    shown = statistics.render(report(finding(), *many(12)))
    assert shown.splitlines()[:2] == [
        "12  CLY101  warning  broad-autoretry",
        " 1  CLY201  warning  broad-autoretry",
    ]
    assert "Found 13 faults" in shown


# -- json


def test_json_has_exactly_the_promised_shape() -> None:
    found = finding(related=(Related(at("proj/errors.py", 1, 1, 1, 10), "set here"),))
    assert json.loads(json_report.render(report(found, suppressed=2, undecided=5))) == {
        "version": 1,
        "findings": [
            {
                "code": "CLY201",
                "name": "broad-autoretry",
                "message": "`proj.tasks.pull` is retried after its own bugs",
                "help": "Name the exceptions that pass by themselves.",
                "severity": "warning",
                "confidence": "high",
                "path": "proj/tasks.py",
                "line": 4,
                "column": 2,
                "end_line": 4,
                "end_column": 26,
                "symbol": "proj.tasks.pull",
                "related": [{"path": "proj/errors.py", "line": 1, "column": 1, "message": "set here"}],
                "fix": None,
                "url": "https://example.org/CLY201",
                "fingerprint": "00ff",
            }
        ],
        "summary": {
            "files": 120,
            "tasks": 37,
            "suppressed": 2,
            "baselined": 0,
            "unchanged": 0,
            "undecided": 5,
            "by_code": {"CLY201": 1},
        },
    }


def test_json_survives_names_that_are_no_text() -> None:
    shown = json_report.render(report(finding(place=at("caf\udce9.py", 1, 1, 1, 2))))
    assert shown.isascii()
    assert json.loads(shown)["findings"][0]["path"] == "caf\udce9.py"

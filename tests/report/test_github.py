from __future__ import annotations

import re

import pytest
from made import at, evil, finding, report

from celerylint.finding import Severity
from celerylint.report import github
from celerylint.report.style import Style

QUIET = Style(summary=False)


def parsed(line: str) -> tuple[str, dict[str, str], str]:
    """A workflow command as GitHub's runner takes it apart (ActionCommand.TryParseV2)."""
    match = re.fullmatch(r"::([^ :]+) (.*?)::(.*)", line)
    assert match
    command, properties, data = match.groups()
    pairs = dict(pair.split("=", 1) for pair in properties.split(","))
    unescaped = {key: undo(value.replace("%3A", ":").replace("%2C", ",")) for key, value in pairs.items()}
    return command, unescaped, undo(data)


def undo(text: str) -> str:
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


def test_a_command_has_the_place_and_says_all_in_its_text() -> None:
    (line,) = github.render(report(finding()), QUIET).splitlines()
    command, where, text = parsed(line)
    assert command == "warning"
    assert where == {
        "title": "celerylint: broad-autoretry (CLY201)",
        "file": "shop/tasks.py",
        "line": "3",
        "col": "24",
        "endLine": "3",
        "endColumn": "35",
    }
    assert text == (
        "shop/tasks.py:3:24: CLY201 `shop.pull` is retried after its own bugs\n"
        "help: name the exceptions that pass by themselves"
    )


@pytest.mark.parametrize(
    ("severity", "command"), [(Severity.ERROR, "error"), (Severity.WARNING, "warning"), (Severity.INFO, "notice")]
)
def test_severities(severity: Severity, command: str) -> None:
    assert github.render(report(finding(severity=severity)), QUIET).startswith(f"::{command} ")


def test_columns_are_left_out_where_lines_differ_since_github_refuses_them() -> None:
    (line,) = github.render(report(finding(place=at("a.py", 3, 20, 5, 2))), QUIET).splitlines()
    _, where, _ = parsed(line)
    assert where == {"title": where["title"], "file": "a.py", "line": "3", "endLine": "5"}


def test_paths_start_at_the_top_of_the_checkout() -> None:
    (line,) = github.render(report(finding(), base="services/shop/"), QUIET).splitlines()
    assert parsed(line)[1]["file"] == "services/shop/shop/tasks.py"
    assert parsed(line)[2].startswith("services/shop/shop/tasks.py:3:24: ")


def test_no_text_under_lint_ends_its_command_or_begins_another() -> None:
    lines = github.render(evil(), QUIET).splitlines()
    (line,) = lines
    command, where, text = parsed(line)
    assert command == "warning"
    assert set(where) == {"title", "file", "line", "endLine"}
    assert where["file"] == "a:b/50%, c#d?é \udce9 .py"
    assert "%0Ah" in text
    assert not set(line) & set("\x1b\x07\x00\x9b\u202e\r")


def test_the_log_ends_with_the_summary() -> None:
    shown = github.render(report(finding())).splitlines()
    assert shown[1:] == ["Found 1 fault: 1 warning (3 tasks in 2 files)."]
    assert github.render(report()) == "No faults found: 3 tasks in 2 files read.\n"

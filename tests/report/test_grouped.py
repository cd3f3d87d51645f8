from __future__ import annotations

from made import at, evil, finding, report

from celerylint.finding import Severity
from celerylint.report import grouped
from celerylint.report.style import Style


def test_findings_stand_under_their_file_aligned() -> None:
    shown = grouped.render(
        report(
            finding(place=at("a.py", 3, 1, 3, 2), severity=Severity.INFO, message="one"),
            finding(place=at("a.py", 120, 14, 120, 20), message="two"),
            finding(place=at("b.py", 1, 1, 1, 2), severity=Severity.ERROR, message="three"),
        )
    )
    assert shown == (
        "a.py:\n"
        "     3:1  info    CLY201 one\n"
        "  120:14  warning CLY201 two\n"
        "\n"
        "b.py:\n"
        "  1:1  error CLY201 three\n"
        "\n"
        "Found 3 faults: 1 error, 1 warning, 1 info (3 tasks in 2 files).\n"
    )


def test_messages_are_folded_beside_their_code() -> None:
    lines = grouped.render(report(finding(message="word " * 40)), Style(width=80, summary=False)).splitlines()
    assert max(map(len, lines)) <= 80
    assert {line[:23] for line in lines[2:]} == {" " * 23}
    assert lines[1].startswith("  3:24  warning CLY201 word")


def test_nothing_found_is_the_summary_or_nothing() -> None:
    assert grouped.render(report()) == "No faults found: 3 tasks in 2 files read.\n"
    assert grouped.render(report(), Style(summary=False)) == ""


def test_no_text_under_lint_reaches_the_terminal_as_a_command() -> None:
    shown = grouped.render(evil())
    assert not set(shown) & set("\x1b\x07\x00\x9b\u202e\r")
    assert len(shown.splitlines()) == 4

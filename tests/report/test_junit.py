from __future__ import annotations

from xml.etree import ElementTree

from made import EVIL_PATH, at, evil, finding, report

from celerylint.finding import Severity
from celerylint.report import junit


def test_each_file_is_a_suite_and_each_finding_a_failure() -> None:
    root = ElementTree.fromstring(
        junit.render(
            report(
                finding(place=at("a.py", 3, 1, 3, 2)),
                finding(place=at("a.py", 9, 1, 9, 2), severity=Severity.ERROR),
                finding(place=at("b.py", 1, 1, 1, 2), symbol=""),
            )
        ).encode()
    )
    assert root.tag == "testsuites"
    assert (root.get("tests"), root.get("failures")) == ("3", "3")
    assert [(suite.get("name"), suite.get("tests"), suite.get("failures")) for suite in root] == [
        ("a.py", "2", "2"),
        ("b.py", "1", "1"),
    ]
    cases = [case for suite in root for case in suite]
    assert [case.get("name") for case in cases] == [
        "CLY201 broad-autoretry: shop.pull",
        "CLY201 broad-autoretry: shop.pull (2)",
        "CLY201 broad-autoretry",
    ]
    assert [(case.get("classname"), case.get("file"), case.get("line")) for case in cases[1:]] == [
        ("a.py", "a.py", "9"),
        ("b.py", "b.py", "1"),
    ]
    (failure,) = cases[1]
    assert failure.get("type") == "error"
    assert failure.get("message") == "`shop.pull` is retried after its own bugs"
    assert failure.text == (
        "a.py:9:1: CLY201 `shop.pull` is retried after its own bugs\n"
        "name the exceptions that pass by themselves\nhttps://example.org/CLY201.html"
    )


def test_nothing_found_is_a_case_that_passes() -> None:
    root = ElementTree.fromstring(junit.render(report()).encode())
    assert (root.get("tests"), root.get("failures")) == ("1", "0")
    ((case,),) = root
    assert len(case) == 0


def test_names_stay_when_lines_move() -> None:
    def names(line: int) -> list[str | None]:
        root = ElementTree.fromstring(junit.render(report(finding(place=at("a.py", line, 1, line, 2)))))
        return [case.get("name") for case in root.iter("testcase")]

    assert names(3) == names(300)


def test_hostile_text_is_xml() -> None:
    shown = junit.render(evil())
    ((case,),) = ElementTree.fromstring(shown.encode())
    assert "]]> <x a=\"b\"> & 'i'" in (case.get("name") or "")
    assert case.get("file") == EVIL_PATH.replace("\udce9", "").replace("\n", " ")

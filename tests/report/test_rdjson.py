from __future__ import annotations

import json
from typing import Any

from made import SOURCE, at, evil, finding, fix, related, report

from celerylint.finding import Finding
from celerylint.report import rdjson


def diagnostic(found: Finding, **more: Any) -> dict[str, Any]:
    (one,) = json.loads(rdjson.render(report(found, **more)))["diagnostics"]
    assert isinstance(one, dict)
    return one


def spot(line: int, column: int) -> dict[str, int]:
    return {"line": line, "column": column}


def test_a_diagnostic_counts_columns_in_bytes() -> None:
    one = diagnostic(finding(related=(related(),)))
    # "naïve = '日本'" takes five bytes more than characters.
    assert one == {
        "message": "`shop.pull` is retried after its own bugs\n\nname the exceptions that pass by themselves",
        "location": {"path": "shop/tasks.py", "range": {"start": spot(3, 29), "end": spot(3, 40)}},
        "severity": "WARNING",
        "code": {"value": "CLY201", "url": "https://example.org/CLY201.html"},
        "relatedLocations": [
            {
                "message": "set here",
                "location": {"path": "shop/conf.py", "range": {"start": spot(1, 1), "end": spot(1, 10)}},
            }
        ],
    }


def applied(one: dict[str, Any]) -> str:
    """The source with the suggestion taken, as reviewdog takes it: positions are lines and bytes."""
    (suggestion,) = one["suggestions"]
    lines = SOURCE.encode().split(b"\n")
    start, end = suggestion["range"]["start"], suggestion["range"]["end"]
    before = b"\n".join([*lines[: start["line"] - 1], lines[start["line"] - 1][: start["column"] - 1]])
    after = b"\n".join([lines[end["line"] - 1][end["column"] - 1 :], *lines[end["line"] :]])
    return (before + suggestion["text"].encode() + after).decode()


def test_a_fix_is_one_suggestion() -> None:
    one = diagnostic(finding(fix=fix((at("shop/tasks.py", 3, 34, 3, 35), "True"))))
    assert "acks_late=True)" in applied(one)


def test_edits_of_several_lines_become_one_suggestion() -> None:
    edits = (
        (at("shop/tasks.py", 5, 5, 5, 6), "22"),
        (at("shop/tasks.py", 1, 1, 1, 1), "import re\n"),
        (at("shop/tasks.py", 3, 34, 3, 35), "True"),
    )
    assert applied(diagnostic(finding(fix=fix(*edits)))) == "import re\n" + SOURCE.replace("=1)", "=True)").replace(
        "    2,", "    22,"
    )


def test_a_fix_that_cannot_be_taken_as_a_whole_is_no_suggestion() -> None:
    elsewhere = fix((at("shop/tasks.py", 3, 34, 3, 35), "True"), (at("shop/conf.py", 1, 1, 1, 1), "x"))
    assert "suggestions" not in diagnostic(finding(fix=elsewhere))
    far = fix((at("shop/tasks.py", 1, 1, 1, 1), "x"), (at("shop/tasks.py", 300, 1, 300, 1), "x"))
    assert "suggestions" not in diagnostic(finding(fix=far))
    unknown = finding(place=at("gone.py", 1, 1, 1, 2), fix=fix((at("gone.py", 1, 1, 1, 1), "x")))
    assert "suggestions" not in diagnostic(unknown)


def test_paths_start_at_the_top_of_the_checkout() -> None:
    one = diagnostic(finding(related=(related(),)), base="app/")
    assert one["location"]["path"] == "app/shop/tasks.py"
    assert one["relatedLocations"][0]["location"]["path"] == "app/shop/conf.py"


def test_hostile_text_is_json() -> None:
    shown = rdjson.render(evil())
    assert shown.isascii()
    assert len(json.loads(shown)["diagnostics"]) == 1
    assert json.loads(rdjson.render(report()))["diagnostics"] == []

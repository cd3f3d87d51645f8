from __future__ import annotations

import json

import pytest
from made import at, evil, finding, report

from celerylint.finding import Severity
from celerylint.report import gitlab


def test_an_issue_has_what_gitlab_asks_for() -> None:
    (issue,) = json.loads(gitlab.render(report(finding(place=at("shop/tasks.py", 3, 20, 5, 2)))))
    assert issue == {
        "type": "issue",
        "check_name": "CLY201",
        "description": "CLY201 `shop.pull` is retried after its own bugs",
        "content": {"body": "name the exceptions that pass by themselves\n\nhttps://example.org/CLY201.html"},
        "categories": ["Bug Risk"],
        "severity": "major",
        "fingerprint": "00ff",
        "location": {"path": "shop/tasks.py", "lines": {"begin": 3, "end": 5}},
    }


@pytest.mark.parametrize(
    ("severity", "said"), [(Severity.ERROR, "critical"), (Severity.WARNING, "major"), (Severity.INFO, "info")]
)
def test_severities_are_words_of_gitlab(severity: Severity, said: str) -> None:
    (issue,) = json.loads(gitlab.render(report(finding(severity=severity))))
    assert issue["severity"] == said


def test_nothing_found_is_an_empty_list() -> None:
    assert gitlab.render(report()) == "[]\n"


def test_two_projects_of_one_checkout_share_no_fingerprint() -> None:
    bases = ("", "services/a/", "services/b/")
    prints = {json.loads(gitlab.render(report(finding(), base=base)))[0]["fingerprint"] for base in bases}
    assert len(prints) == 3


def test_hostile_text_is_json() -> None:
    shown = gitlab.render(evil())
    assert shown.isascii()
    assert json.loads(shown)[0]["location"]["lines"] == {"begin": 1, "end": 2}

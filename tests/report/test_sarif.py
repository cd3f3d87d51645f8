from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import pytest
from made import EVIL_PATH, at, evil, finding, fix, page, related, report
from sarif_schema import sarif_schema

from celerylint.finding import Confidence, Report, Severity
from celerylint.frontends.cli import main
from celerylint.report import sarif

PROJECTS = Path(__file__).parents[2] / "fixtures" / "projects"


def run(made: Report) -> dict[str, Any]:
    shown = sarif.render(made)
    assert shown.isascii()
    log = json.loads(shown)
    assert log["version"] == "2.1.0"
    (one,) = log["runs"]
    assert isinstance(one, dict)
    return one


def full() -> Report:
    """A report with everything that the format has a place for."""
    conf = at("shop/conf.py", 1, 1, 1, 1)
    return report(
        finding(related=(related(), related("")), fix=fix((at("shop/tasks.py", 3, 34, 3, 35), "True"), (conf, "x\n"))),
        finding(code="CLY405", severity=Severity.ERROR, help="", symbol="", fingerprint="01"),
        finding(code="CLY900", name="unreadable-file", place=at("bad.py", 4, 1, 4, 2), symbol="", fingerprint="02"),
        rules=(page("CLY201"), page("CLY301", severity=Severity.INFO, confidence=Confidence.LOW)),
        version="1.2.3",
    )


@pytest.mark.parametrize("made", [report(), full(), evil()], ids=["empty", "full", "evil"])
def test_logs_are_valid_by_the_official_schema(made: Report) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft4Validator(sarif_schema()).validate(json.loads(sarif.render(made)))


@pytest.mark.parametrize("project", ["quickstart", "django_shop"])
def test_logs_of_real_runs_are_valid(project: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    (tmp_path / ".git").mkdir()
    shutil.copytree(PROJECTS / project, tmp_path / "services" / project)
    monkeypatch.chdir(tmp_path / "services" / project)
    assert main(["--no-cache", "--exit-zero", "--output-format", f"sarif:{tmp_path / 'out.sarif'}"]) == 0
    log = json.loads((tmp_path / "out.sarif").read_text())
    jsonschema.Draft4Validator(sarif_schema()).validate(log)
    (made,) = log["runs"]
    assert made["results"]
    for result in made["results"]:
        assert made["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        for location in (*result["locations"], *result.get("relatedLocations", ())):
            uri = location["physicalLocation"]["artifactLocation"]["uri"]
            assert uri.startswith(f"services/{project}/")
    assert any("fixes" in result for result in made["results"])
    prints = [result["partialFingerprints"]["celerylint/v1"] for result in made["results"]]
    assert len(set(prints)) == len(prints)


def test_sarif_tools_read_what_is_found(tmp_path: Path) -> None:
    loader = pytest.importorskip("sarif.loader")
    path = tmp_path / "out.sarif"
    path.write_text(sarif.render(full()))
    counts = loader.load_sarif_file(str(path)).get_report().get_issue_count_for_severity
    assert [counts(severity) for severity in ("error", "warning")] == [1, 2]


def test_a_result_says_where_what_and_what_to_do() -> None:
    result = run(full())["results"][0]
    assert result["level"] == "warning"
    assert result["message"]["text"] == (
        "`shop.pull` is retried after its own bugs.\nname the exceptions that pass by themselves."
    )
    (location,) = result["locations"]
    assert location == {
        "physicalLocation": {
            "artifactLocation": {"uri": "shop/tasks.py", "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": 3, "startColumn": 24, "endLine": 3, "endColumn": 35},
        },
        "logicalLocations": [{"fullyQualifiedName": "shop.pull"}],
    }
    assert [(one["id"], one["message"]["text"]) for one in result["relatedLocations"]] == [(1, "set here"), (2, "here")]
    assert result["partialFingerprints"] == {"celerylint/v1": "00ff"}


def test_columns_are_said_to_count_characters() -> None:
    assert run(full())["columnKind"] == "unicodeCodePoints"


def test_a_fix_says_which_text_goes_where_in_each_file() -> None:
    (one,) = run(full())["results"][0]["fixes"]
    assert one["description"] == {"text": "set acks_late=True"}
    tasks, conf = one["artifactChanges"]
    assert tasks["replacements"] == [
        {
            "deletedRegion": {"startLine": 3, "startColumn": 34, "endLine": 3, "endColumn": 35},
            "insertedContent": {"text": "True"},
        }
    ]
    assert conf["artifactLocation"]["uri"] == "shop/conf.py"


def test_a_fix_that_changes_what_runs_says_so() -> None:
    made = run(report(finding(fix=fix((at("a.py", 1, 1, 1, 1), "x"), safety="unsafe"))))
    assert made["results"][0]["fixes"][0]["description"]["text"].endswith("(changes what runs: review it)")


def test_rules_are_described_whether_or_not_they_found_something() -> None:
    driver = run(full())["tool"]["driver"]
    assert (driver["name"], driver["semanticVersion"]) == ("celerylint", "1.2.3")
    assert [rule["id"] for rule in driver["rules"]] == ["CLY201", "CLY301", "CLY405", "CLY900"]
    described = driver["rules"][1]
    assert described["help"]["markdown"] == "# CLY301\n\nText.\n"
    assert described["helpUri"] == "https://example.org/CLY301.html"
    assert described["defaultConfiguration"] == {"level": "note"}
    assert described["properties"] == {
        "tags": ["celery", "recommended"],
        "precision": "low",
        "problem.severity": "recommendation",
    }


def test_what_could_not_be_read_is_a_notification_too() -> None:
    (invocation,) = run(full())["invocations"]
    assert invocation["executionSuccessful"] is True
    (said,) = invocation["toolExecutionNotifications"]
    assert said["descriptor"] == {"id": "CLY900"}
    assert said["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "bad.py"


def test_a_fault_of_ours_in_no_file_is_a_notification_alone_since_a_result_needs_a_file() -> None:
    made = run(report(finding(code="CLY990", place=at(".", 1, 1, 1, 1))))
    assert made["results"] == []
    assert made["invocations"][0]["executionSuccessful"] is False
    assert len(made["invocations"][0]["toolExecutionNotifications"]) == 1


def test_any_path_is_a_relative_uri() -> None:
    made = run(evil())
    uri = made["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    split = urlsplit(uri)
    assert (split.scheme, split.netloc, split.query, split.fragment) == ("", "", "", "")
    assert unquote_to_bytes(uri) == EVIL_PATH.encode("utf-8", "surrogateescape")


def test_paths_start_at_the_top_of_the_checkout() -> None:
    made = run(report(finding(), base="my app/"))
    assert made["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "my%20app/shop/tasks.py"

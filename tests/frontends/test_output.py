from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from fake_engine import FakeEngine, finding

from celerylint.config import ConfigError, Options, Output, Settings, UsageError, load
from celerylint.frontends.cli import main
from celerylint.frontends.output import outputs

GITHUB = {"GITHUB_ACTIONS": "true"}


def settings(*flags: str, **options: object) -> Settings:
    return Settings(root=Path("."), options=Options(**options), flags=frozenset(flags))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("environment", "options", "expected"),
    [
        ({}, {}, Output("full")),
        (GITHUB, {}, Output("github")),
        ({"GITHUB_ACTIONS": "1"}, {}, Output("full")),
        (GITHUB, {"output_format": (Output("full"),)}, Output("full")),
        (GITHUB, {"output_file": "out.txt"}, Output("full", "out.txt")),
    ],
)
def test_the_format_of_github_is_chosen_there_where_none_is_asked_for(
    environment: dict[str, str], options: dict[str, object], expected: Output
) -> None:
    assert outputs(settings(**options), environment) == (expected,)


def test_the_output_file_is_for_the_format_without_one() -> None:
    asked = (Output("sarif", "out.sarif"), Output("json"))
    assert outputs(settings(output_format=asked, output_file="o.json"), {}) == (
        Output("sarif", "out.sarif"),
        Output("json", "o.json"),
    )


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (settings(output_format=(Output("full"), Output("json"))), "full and json cannot both go to one place"),
        (settings(output_format=(Output("json", "a"), Output("sarif", "./a"))), "name the same file"),
        (settings("output_file", output_format=(Output("json", "a"),), output_file="b"), "every one has one"),
        (settings(output_format=(Output("json", "a"), Output("full")), output_file="a"), "name the same file"),
    ],
)
def test_formats_that_would_overwrite_each_other_are_refused(made: Settings, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        outputs(made, {})


def test_several_formats_in_one_run(
    engine: FakeEngine, project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.findings = (finding(),)
    flags = ["--output-format=concise", "--output-format", "sarif:out.sarif", "--output-format", "json:out.json"]
    assert main(flags) == 1
    assert len(engine.calls) == 1
    assert capsys.readouterr().out == "tasks.py:1:3: CLY201 [warning] it is retried after its own bugs\n"
    assert json.loads((project / "out.json").read_text())["findings"][0]["code"] == "CLY201"
    assert json.loads((project / "out.sarif").read_text())["runs"][0]["results"][0]["ruleId"] == "CLY201"


def test_nothing_is_read_when_formats_are_wrong(
    engine: FakeEngine, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for flags, message in (
        (["--output-format", "sariff"], 'not "sariff"; did you mean "sarif"?'),
        (["--output-format", "sarif:"], '--output-format names no file after the colon: "sarif:"'),
        (["--output-format", "full", "--output-format", "json"], "full and json cannot both go to one place"),
    ):
        assert main(flags) == 2
        said = capsys.readouterr()
        assert message in said.err
        assert said.err.count("\n") == 1
    assert engine.calls == []


def test_formats_of_the_configuration_have_their_files_beside_it(engine: FakeEngine, project: Path) -> None:
    (project / "celerylint.toml").write_text('output-format = ["concise", "junit:reports/junit.xml"]\n')
    (project / "reports").mkdir()
    (project / "app").mkdir()
    os.chdir(project / "app")
    assert main([]) == 0
    assert (project / "reports" / "junit.xml").is_file()


def test_one_format_of_the_configuration_is_a_string(project: Path) -> None:
    (project / "celerylint.toml").write_text('output-format = "junit"\n')
    assert load(["."]).options.output_format == (Output("junit"),)
    (project / "celerylint.toml").write_text("\noutput-format = 3\n")
    with pytest.raises(ConfigError, match=r'celerylint.toml:2: "output-format" must be a string or a list of strings'):
        load(["."])


def test_statistics_take_the_place_of_what_people_read_alone(
    engine: FakeEngine, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.findings = (finding(),)
    main(["--statistics", "--output-format=grouped", "--output-format=gitlab:out.json"])
    assert capsys.readouterr().out.startswith("1  CLY201  warning  broad-autoretry\n")
    assert len(json.loads((project / "out.json").read_text())) == 1


def test_paths_of_a_project_inside_of_a_checkout_start_at_its_top(
    engine: FakeEngine, project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = project / "services" / "shop"
    inner.mkdir(parents=True)
    (inner / "pyproject.toml").write_text("[tool.celerylint]\n")
    monkeypatch.chdir(inner)
    engine.findings = (finding(),)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    main([])
    assert ",file=services/shop/tasks.py," in capsys.readouterr().out
    main(["--output-format=concise"])
    assert capsys.readouterr().out.startswith("tasks.py:1:3")

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fake_engine import FakeEngine, finding

import celerylint
from celerylint.config import ConfigError, UsageError
from celerylint.finding import Severity
from celerylint.frontends import terminal
from celerylint.frontends.cli import main
from celerylint.frontends.terminal import progress_bar, style_for

HERE = Path(celerylint.__file__).parents[1]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], (".",)),
        (["src", "tasks.py"], ("src", "tasks.py")),
        (["check", "src"], ("src",)),
        (["--", "check"], ("check",)),
    ],
)
def test_paths_are_linted_with_and_without_the_verb(
    engine: FakeEngine, project: Path, arguments: list[str], expected: tuple[str, ...]
) -> None:
    assert main(arguments) == 0
    ((paths, _, root),) = engine.calls
    assert paths == expected
    assert root == project


@pytest.mark.parametrize(
    ("severity", "flags", "status"),
    [
        (None, [], 0),
        (Severity.WARNING, [], 1),
        (Severity.INFO, [], 0),
        (Severity.INFO, ["--fail-on", "info"], 1),
        (Severity.WARNING, ["--fail-on=error"], 0),
        (Severity.ERROR, ["--fail-on=error"], 1),
        (Severity.ERROR, ["--fail-on=never"], 0),
        (Severity.ERROR, ["--exit-zero"], 0),
    ],
)
def test_exit_status(
    engine: FakeEngine, project: Path, severity: Severity | None, flags: list[str], status: int
) -> None:
    engine.findings = (finding(severity=severity),) if severity else ()
    assert main(flags) == status


def test_flags_become_options(engine: FakeEngine, project: Path) -> None:
    main(
        [
            *("--select", "CLY2,broad-retry", "--select=CLY1", "--ignore", "CLY201", "--preset", "all", "-j", "2"),
            *(
                "--per-file-ignores",
                "a/**:CLY1,CLY2",
                "--per-file-ignores",
                "a/**:CLY3",
                "--include-tests",
                "--no-cache",
            ),
            *("--celery-version", "5.4", "--confidence=low", "--extend-exclude", "gen/"),
        ]
    )
    ((_, options, _),) = engine.calls
    assert options.select == ("CLY2", "broad-retry", "CLY1")
    assert options.ignore == ("CLY201",)
    assert options.preset == "all"
    assert options.jobs == 2
    assert options.per_file_ignores == (("a/**", ("CLY1", "CLY2", "CLY3")),)
    assert options.include_tests is True
    assert options.no_cache is True
    assert options.celery_version == "5.4"
    assert options.confidence == "low"
    assert options.extend_exclude == ("gen/",)


def test_file_options_stand_where_no_flag_is_given(engine: FakeEngine, project: Path) -> None:
    (project / "celerylint.toml").write_text('exit-zero = true\nextend-exclude = ["gen"]\ninclude-tests = true\n')
    engine.findings = (finding(),)
    assert main([]) == 0
    ((_, options, _),) = engine.calls
    assert options.extend_exclude == ("gen",)
    assert options.include_tests is True


def test_a_flag_turns_off_what_the_file_turns_on(engine: FakeEngine, project: Path) -> None:
    (project / "celerylint.toml").write_text("fix = true\nunsafe-fixes = true\nexit-zero = true\nignore-noqa = true\n")
    engine.findings = (finding(),)
    assert main(["--no-fix", "--no-exit-zero", "--no-ignore-noqa"]) == 1
    ((_, options, _),) = engine.calls
    assert (options.fix, options.unsafe_fixes, options.exit_zero, options.ignore_noqa) == (False, True, False, False)


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["inpsect"], '; did you mean "inspect"?'),
        (["Check", "shop"], '; did you mean "check"?'),
        (["shop"], ", and no verb is called so: check, inspect, graph, explain, server, completion"),
        (["shop/inpsect"], ""),
        (["check", "inpsect"], ""),
    ],
)
@pytest.mark.usefixtures("project")
def test_a_path_that_is_not_there_may_be_a_verb(
    arguments: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    path = arguments[-1] if arguments[0] == "check" else arguments[0]
    assert capsys.readouterr().err == f"celerylint: no such file or folder: {path}{hint}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--preset", "recomended"], '--preset must be one of recommended, playbook, all, not "recomended"; did you'),
        (["--selct", "X"], "No such option '--selct'"),
        (["--jobs", "many"], '--jobs must be a number of processes from 1, or "auto", not "many"'),
        (["--config", "nope.toml"], "no such configuration file: nope.toml"),
        (["--per-file-ignores", "CLY1"], '--per-file-ignores must be "PATTERN:CODES", not "CLY1"'),
        (["--output-file", "no/such/folder/x"], "cannot write no/such/folder/x: No such file or directory"),
        (["inspect", "--output-format", "xml"], "'xml' is not one of 'text', 'json'"),
        (["--ignore-noqa", "--add-ignores"], "--add-ignores writes comments, which --ignore-noqa passes over"),
        (["explain", "CLY203"], 'no rule is called "CLY203"; did you mean "CLY20'),
    ],
)
@pytest.mark.usefixtures("engine", "project", "rules")
def test_wrong_usage_is_one_line_and_status_two(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert message in said.err
    assert said.err.startswith("celerylint: ")
    assert said.err.count("\n") == 1


def raising(error: BaseException) -> Any:
    def during(progress: Any) -> None:
        raise error

    return during


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (UsageError("no such file or folder: x"), 2, "celerylint: no such file or folder: x\n"),
        (KeyboardInterrupt(), 130, "celerylint: interrupted\n"),
        (
            ValueError("a\nb"),
            2,
            "celerylint: internal error: ValueError: a b (this is a bug; `--verbose` shows where)\n",
        ),
        (RecursionError("deep"), 2, "celerylint: internal error: RecursionError: deep (this"),
    ],
)
def test_no_failure_shows_a_traceback(
    engine: FakeEngine,
    project: Path,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    status: int,
    message: str,
) -> None:
    engine.during = raising(error)
    assert main([]) == status
    assert capsys.readouterr().err.startswith(message)


def test_unknown_rule_in_the_file_is_said_with_its_line(
    engine: FakeEngine, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "celerylint.toml").write_text('preset = "all"\n\nignore = ["CLY999"]\n')
    engine.during = raising(ConfigError('unknown rule "CLY999" in "ignore"', option="ignore", value="CLY999"))
    assert main([]) == 2
    assert capsys.readouterr().err == 'celerylint: celerylint.toml:3: unknown rule "CLY999" in "ignore"\n'


def test_json_goes_to_standard_output_alone(
    engine: FakeEngine, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.findings = (finding(),)
    assert main(["--output-format", "json", "--statistics"]) == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["findings"][0]["path"] == "tasks.py"
    assert said.err == ""


def test_statistics_take_the_place_of_findings(
    engine: FakeEngine, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.findings = (finding(), finding(line=2))
    main(["--statistics"])
    assert capsys.readouterr().out.startswith("2  CLY201  warning  broad-autoretry\n")


def test_output_file_holds_the_report_and_the_terminal_nothing(
    engine: FakeEngine, project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    engine.findings = (finding(),)
    assert main(["--output-format=concise", "-o", "out.txt"]) == 1
    assert (project / "out.txt").read_text() == "tasks.py:1:3: CLY201 [warning] it is retried after its own bugs\n"
    assert capsys.readouterr().out == ""


def test_output_file_of_the_configuration_lies_next_to_it(engine: FakeEngine, project: Path) -> None:
    (project / "celerylint.toml").write_text('output-file = "report.json"\noutput-format = "json"\n')
    (project / "app").mkdir()
    os.chdir(project / "app")
    main([])
    assert (project / "report.json").is_file()


def test_quiet_says_nothing_when_nothing_is_found(
    engine: FakeEngine, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--quiet"])
    assert capsys.readouterr() == ("", "")


def test_verbose_says_what_is_undecided_and_how_long_each_stage_took(
    engine: FakeEngine, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--verbose"])
    said = capsys.readouterr()
    assert (
        said.err
        == "undecided: it is read from the environment: `x` (s.py:1)\n  discover     12 ms\n  rules     1,500 ms\n"
    )
    assert "undecided:" not in said.out


def test_inspect_shows_tables_or_json(engine: FakeEngine, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "."]) == 0
    assert capsys.readouterr().out == "Celery 5.6.2  option\n\nNo tasks.\n"
    assert main(["inspect", "--output-format", "json", "--celery-version=5.6"]) == 0
    assert json.loads(capsys.readouterr().out)["tasks"] == []
    assert engine.calls[1][1].celery_version == "5.6"


def test_inspect_does_not_follow_the_format_of_findings(
    engine: FakeEngine, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "celerylint.toml").write_text('output-format = "concise"\n')
    assert main(["inspect"]) == 0
    assert capsys.readouterr().out.startswith("Celery 5.6.2")


@pytest.mark.parametrize("wanted", ["CLY201", "cly201", "broad-autoretry"])
@pytest.mark.usefixtures("rules", "project")
def test_explain_prints_the_page_of_a_rule(wanted: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", wanted]) == 0
    assert capsys.readouterr().out == (
        "# CLY201: broad-autoretry\n\n"
        "*warning, confidence high, preset recommended, since 0.1.0*\n\n"
        "A **bug** is retried too.\n\n## Fix safety\n\nUnsafe.\n\n"
        "## Found\n\n```python\n@app.task(autoretry_for=(Exception,))\n```\n\n"
        "## Mended\n\n```python\n@app.task(autoretry_for=(OSError,))\n```\n"
    )


@pytest.mark.usefixtures("rules", "project")
def test_explain_renders_markdown_where_there_is_colour(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "CLY201", "--color", "always"]) == 0
    said = capsys.readouterr().out
    assert "\x1b[" in said
    assert "**bug**" not in said


@pytest.mark.usefixtures("rules", "project")
def test_explain_without_a_rule_lists_all_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["CLY201", "CLY202"]


@pytest.mark.usefixtures("rules", "project")
def test_explain_lists_the_rules_whose_codes_begin_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "cly2"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["CLY201", "CLY202"]


@pytest.mark.parametrize(
    ("wanted", "codes"),
    [
        ([], ["CLY201", "CLY202"]),
        (["cly2", "CLY202"], ["CLY201", "CLY202"]),
        (["broad-autoretry"], ["CLY201"]),
    ],
)
@pytest.mark.usefixtures("rules", "project")
def test_explain_describes_rules_to_programs(
    wanted: list[str], codes: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", "--output-format", "json", *wanted]) == 0
    described = json.loads(capsys.readouterr().out)
    assert [rule["code"] for rule in described] == codes
    assert described[0]["name"] == "broad-autoretry"
    assert described[0]["severity"] == "warning"
    assert described[0]["fix"] is True
    assert described[0]["explanation"].startswith("A **bug** is retried too.")


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["check", "--help"]])
def test_help_names_every_option_and_verb(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    from celerylint.config import option_table

    assert main(arguments) == 0
    said = capsys.readouterr().out
    for option in option_table():
        assert f"--{option.key}" in said
    for word in ("inspect", "explain", "Exit status"):
        assert word in said


@pytest.mark.parametrize("arguments", [["--version"], ["-V"], ["check", "--version"], ["-V", "."]])
def test_version(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    assert capsys.readouterr().out == f"celerylint {celerylint.__version__}\n"


# -- the terminal


@pytest.mark.parametrize(
    ("color", "environment", "stream", "colored"),
    [
        ("auto", {}, Terminal(), True),
        ("auto", {}, io.StringIO(), False),
        ("auto", {"NO_COLOR": "1"}, Terminal(), False),
        ("auto", {"NO_COLOR": ""}, Terminal(), True),
        ("auto", {"FORCE_COLOR": "1"}, io.StringIO(), True),
        ("auto", {"FORCE_COLOR": "0"}, io.StringIO(), False),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, Terminal(), False),
        ("auto", {"TERM": "dumb"}, Terminal(), False),
        ("always", {"NO_COLOR": "1"}, io.StringIO(), True),
        ("never", {"FORCE_COLOR": "1"}, Terminal(), False),
    ],
)
def test_colour(
    color: str, environment: dict[str, str], stream: io.StringIO, colored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert style_for(stream, color).color is colored


def test_links_and_line_breaks_are_for_terminals_only() -> None:
    piped = style_for(io.StringIO(), "always")
    assert (piped.links, piped.width) == (False, None)
    shown = style_for(Terminal(), "always")
    assert shown.links
    assert shown.width


def test_bar_is_drawn_after_a_second_and_wiped_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])
    stream = Terminal()
    with progress_bar(stream, wanted=True) as progress:
        assert progress
        progress("reading", 1, 4)
        assert stream.getvalue() == ""
        now[0] += 1.5
        progress("reading", 2, 4)
        assert "reading [============            ] 2/4" in stream.getvalue()
        progress("reading", 3, 4)
        assert "3/4" not in stream.getvalue()
    assert stream.getvalue().endswith("\r\x1b[K")


@pytest.mark.parametrize(("stream", "wanted"), [(io.StringIO(), True), (Terminal(), False)])
def test_no_bar_where_nobody_sees_it(stream: io.StringIO, wanted: bool) -> None:
    with progress_bar(stream, wanted=wanted) as progress:
        assert progress is None


# -- the process


def run(*arguments: str, code: str = "", **more: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    command = [sys.executable, *(["-c", code] if code else ["-m", "celerylint"]), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, **more)


def test_module_can_be_run() -> None:
    ran = run("--version")
    assert (ran.returncode, ran.stdout) == (0, f"celerylint {celerylint.__version__}\n")


def test_version_imports_nothing_that_takes_time() -> None:
    code = (
        "import sys; from celerylint.frontends.cli import main; main(['--version']);"
        "print(*{'click', 'msgspec', 'rich', 'celerylint.engine', 'celerylint.config'} & set(sys.modules))"
    )
    assert run(code=code).stdout.splitlines()[1] == ""


ENGINE_OF_ONE_FINDING = """
import sys
sys.path.insert(0, {here!r})
from fake_engine import FakeEngine, finding
fake = sys.modules["celerylint.engine"] = FakeEngine()
fake.findings = (finding(),) * 20000
from celerylint.frontends.cli import main
sys.exit(main(["--output-format=concise"]))
"""


def test_reader_that_goes_away_causes_no_noise(project: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    code = ENGINE_OF_ONE_FINDING.format(here=str(Path(__file__).parent))
    ran = subprocess.run(
        [sys.executable, "-c", code],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(HERE)},
        cwd=project,
        check=False,
    )
    os.close(writing)
    assert (ran.returncode, ran.stderr) == (0, "")

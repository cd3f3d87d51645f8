from __future__ import annotations

import itertools
from typing import Any

import pytest
from msgspec import Struct

from celerylint.config import ConfigError, Options
from celerylint.facts.comments import Suppression, suppressions
from celerylint.finding import Confidence, Finding, Place, Severity, Span
from celerylint.settle.select import selected
from celerylint.settle.settle import Settled, settle


class Rule(Struct, frozen=True):
    code: str
    name: str
    preset: Any = "recommended"
    severity: Severity = Severity.WARNING
    confidence: Confidence = Confidence.HIGH
    summary: str = ""
    since: str = "0.1"
    explanation: str = ""
    bad: str = ""
    good: str = ""


RULES = (
    Rule("CLY101", "missing-acks-late"),
    Rule("CLY201", "broad-autoretry"),
    Rule("CLY202", "autoretry-without-backoff"),
    Rule("CLY214", "retry-outruns-budget", "playbook"),
    Rule("CLY216", "bare-retry", "all"),
    Rule("CLY900", "unreadable-file"),
    Rule("CLY901", "unused-suppression"),
    Rule("CLY902", "unknown-code-in-suppression"),
    Rule("CLY903", "suppression-without-reason", "all"),
    Rule("CLY990", "internal-error"),
)
LINTER = {"CLY900", "CLY901", "CLY902", "CLY990"}


def finding(code: str, line: int = 1, *, path: str = "a.py", end: int | None = None, **more: Any) -> Finding:
    fields: dict[str, Any] = {
        "name": "n",
        "message": f"{code} happens",
        "help": "h",
        "severity": Severity.WARNING,
        "confidence": Confidence.HIGH,
        "place": Place(path, Span(line, 1, end or line, 9)),
    }
    return Finding(code=code, **{**fields, **more})


def run(findings: list[Finding], source: str = "", options: Options | None = None, path: str = "a.py") -> Settled:
    comments: dict[str, tuple[Suppression, ...]] = {path: suppressions(source)}
    return settle(findings, comments, options or Options(), RULES)


def codes(settled: Settled) -> list[str]:
    return [found.code for found in settled.findings]


# -- selection


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (Options(), {"CLY101", "CLY201", "CLY202"} | LINTER),
        (Options(preset="playbook"), {"CLY101", "CLY201", "CLY202", "CLY214"} | LINTER),
        (Options(preset="all"), {rule.code for rule in RULES}),
        (Options(select=("CLY201",)), {"CLY201", "CLY900", "CLY990"}),
        (Options(select=("CLY2",), ignore=("CLY201",)), {"CLY202", "CLY214", "CLY216", "CLY900", "CLY990"}),
        (Options(select=("CLY201",), ignore=("CLY2",)), {"CLY201", "CLY900", "CLY990"}),
        (Options(select=("broad-autoretry",)), {"CLY201", "CLY900", "CLY990"}),
        (Options(select=("cly201",)), {"CLY201", "CLY900", "CLY990"}),
        (Options(select=("ALL",)), {rule.code for rule in RULES}),
        (Options(extend_select=("bare-retry",)), {"CLY101", "CLY201", "CLY202", "CLY216"} | LINTER),
        (Options(ignore=("CLY2", "CLY9")), {"CLY101"}),
        (Options(extend_select=("CLY216",), ignore=("CLY2",)), {"CLY101", "CLY216"} | LINTER),
        (Options(extend_select=("CLY201",), ignore=("CLY201",)), {"CLY101", "CLY202"} | LINTER),
        (Options(ignore=("ALL",), extend_select=("CLY1",)), {"CLY101"}),
    ],
)
def test_selection(options: Options, expected: set[str]) -> None:
    assert selected(options, RULES) == expected


@pytest.mark.parametrize(
    ("options", "message", "option"),
    [
        (Options(select=("CLY210",)), 'unknown rule "CLY210" in "select"; did you mean', "select"),
        (Options(ignore=("broad-autorety",)), 'in "ignore"; did you mean "broad-autoretry"?', "ignore"),
        (Options(extend_select=("zzzzzz",)), 'unknown rule "zzzzzz" in "extend-select"', "extend_select"),
        (
            Options(per_file_ignores=(("a", ("E501",)),)),
            'unknown rule "E501" in "per-file-ignores"',
            "per_file_ignores",
        ),
    ],
)
def test_unknown_rule_is_an_error_with_a_hint(options: Options, message: str, option: str) -> None:
    with pytest.raises(ConfigError) as caught:
        run([], options=options)
    assert message in str(caught.value)
    assert caught.value.option == option


@pytest.mark.parametrize(
    ("pattern", "path", "left_out"),
    [
        ("legacy/**", "legacy/a/b.py", True),
        ("legacy", "legacy/a/b.py", True),
        ("legacy", "src/legacy/a.py", True),
        ("/legacy", "src/legacy/a.py", False),
        ("*_old.py", "x/tasks_old.py", True),
        ("tasks.py", "x/views.py", False),
        ("!src/**", "tests/a.py", True),
        ("!src/**", "src/a.py", False),
    ],
)
def test_per_file_ignores(pattern: str, path: str, left_out: bool) -> None:
    settled = run([finding("CLY201", path=path)], options=Options(per_file_ignores=((pattern, ("CLY2",)),)))
    assert (codes(settled) == []) is left_out
    assert settled.suppressed == 0


def test_findings_below_the_confidence_asked_for_are_left_out() -> None:
    low = finding("CLY201", confidence=Confidence.LOW)
    assert codes(run([low])) == []
    assert codes(run([low], options=Options(confidence="low"))) == ["CLY201"]
    assert codes(run([finding("CLY201", confidence=Confidence.MEDIUM)], options=Options(confidence="high"))) == []


def test_only_wanted_paths_are_reported() -> None:
    found = [finding("CLY201", path="a.py"), finding("CLY201", path="b.py")]
    settled = settle(found, {}, Options(), RULES, wanted=lambda path: path == "b.py")
    assert [one.place.path for one in settled.findings] == ["b.py"]
    assert settled.by_code == {"CLY201": 1}


# -- suppression


@pytest.mark.parametrize(
    "comment",
    [
        "# celerylint: ignore[CLY201] reason",
        "# celerylint: ignore[broad-autoretry] reason",
        "# celerylint: ignore[CLY101,CLY201] reason",
        "# celerylint: ignore[CLY2] reason",
        "# celerylint: ignore",
        "# noqa: CLY201",
        "# noqa: CLY",
        "# noqa",
    ],
)
def test_comment_on_the_line_silences(comment: str) -> None:
    settled = run([finding("CLY201", 2)], f"\nx = 1  {comment}\n", Options(ignore=("CLY901",)))
    assert codes(settled) == []
    assert settled.suppressed == 1


@pytest.mark.parametrize("line", [2, 3, 4])
def test_comment_on_any_line_of_the_finding_silences(line: int) -> None:
    source = "\n" * (line - 1) + "x = 1  # celerylint: ignore[CLY201] r\n"
    assert run([finding("CLY201", 2, end=4)], source).suppressed == 1


@pytest.mark.parametrize("line", [1, 5])
def test_comment_next_to_the_finding_does_not_silence(line: int) -> None:
    source = "\n" * (line - 1) + "x = 1  # celerylint: ignore[CLY201] r\n"
    assert "CLY201" in codes(run([finding("CLY201", 2, end=4)], source))


def test_comment_on_the_def_line_silences_a_finding_in_the_decorator() -> None:
    source = "@app.task(\n    bind=True,\n)\ndef f(self):  # celerylint: ignore[CLY201] r\n    pass\n"
    assert run([finding("CLY201", 2)], source).suppressed == 1


def test_comment_for_another_rule_does_not_silence() -> None:
    assert "CLY201" in codes(run([finding("CLY201")], "x  # noqa: CLY202\n"))


def test_comments_can_be_passed_over_for_once() -> None:
    source = "x  # noqa: CLY201\ny  # celerylint: ignore[CLY804] nothing to silence\n"
    passed = run([finding("CLY201")], source, Options(ignore_noqa=True))
    assert codes(passed) == ["CLY201"]
    assert passed.suppressed == 0


def test_file_comment_silences_the_whole_file() -> None:
    source = "# celerylint: ignore-file[CLY201] generated\n\n\n"
    settled = run([finding("CLY201", 3), finding("CLY201", 9), finding("CLY202", 3)], source)
    assert codes(settled) == ["CLY202"]
    assert settled.suppressed == 2


def test_comment_in_one_file_does_not_silence_another() -> None:
    assert "CLY201" in codes(run([finding("CLY201", path="b.py")], "# celerylint: ignore-file[CLY201] r\n"))


def test_suppressed_counts_only_what_would_have_been_shown() -> None:
    settled = run([finding("CLY216")], "x  # celerylint: ignore[CLY216] r\n")
    assert settled.suppressed == 0


# -- what is said of comments


def test_unused_comment_is_reported_where_it_stands() -> None:
    (found,) = run([], "x = 1  # celerylint: ignore[CLY201] r\n").findings
    assert found.code == "CLY901"
    assert found.place == Place("a.py", Span(1, 8, 1, 38))
    assert "CLY201" in found.message
    assert found.fingerprint


def test_only_the_code_that_silences_nothing_is_unused() -> None:
    (found,) = run([finding("CLY201")], "x  # celerylint: ignore[CLY201,CLY202] r\n").findings
    assert "CLY202" in found.message
    assert "CLY201" not in found.message


@pytest.mark.parametrize(
    ("comment", "options"),
    [
        ("# celerylint: ignore[CLY201] r", Options(ignore=("CLY201",))),
        ("# celerylint: ignore[CLY216] r", Options()),
        ("# celerylint: ignore[CLY2] r", Options(ignore=("CLY201",))),
        ("# celerylint: ignore", Options(ignore=("CLY201",))),
        ("# celerylint: ignore[CLY201] r", Options(select=("CLY901", "CLY202"))),
        ("# celerylint: ignore[CLY201] r", Options(per_file_ignores=(("a.py", ("CLY201",)),))),
        ("# celerylint: ignore[CLY901] r", Options()),
        ("# noqa", Options()),
        ("# noqa: E501", Options()),
    ],
)
def test_comment_is_not_called_unused_when_this_run_cannot_know(comment: str, options: Options) -> None:
    assert codes(run([], f"x  {comment}\n", options)) == []


@pytest.mark.parametrize("comment", ["# celerylint: ignore", "# celerylint: ignore[CLY2]", "# noqa: CLY201"])
def test_comment_is_called_unused_when_every_rule_it_means_ran(comment: str) -> None:
    assert codes(run([], f"x  {comment}\n")) == ["CLY901"]


def test_comment_that_silences_an_uncertain_finding_is_used() -> None:
    low = finding("CLY201", confidence=Confidence.LOW)
    settled = run([low], "x  # celerylint: ignore[CLY201] r\n")
    assert (codes(settled), settled.suppressed) == ([], 0)


@pytest.mark.parametrize(
    ("comment", "words"),
    [
        ("# celerylint: ignore[CLY999] r", 'no rule is called "CLY999"'),
        ("# celerylint: ignore[broad-autorety] r", 'did you mean "broad-autoretry"?'),
        ("# noqa: CLY777", 'no rule is called "CLY777"'),
        ("# celerylint: ignroe[CLY201] r", '"ignroe" is not known; did you mean "ignore"?'),
    ],
)
def test_comment_for_no_rule_is_reported(comment: str, words: str) -> None:
    (found,) = run([], f"x  {comment}\n").findings
    assert found.code == "CLY902"
    assert words in found.message


def test_comment_without_a_reason_is_reported_in_preset_all_only() -> None:
    source = "x  # celerylint: ignore[CLY201]\n"
    assert codes(run([finding("CLY201")], source)) == []
    assert codes(run([finding("CLY201")], source, Options(preset="all"))) == ["CLY903"]
    assert codes(run([finding("CLY201")], "x  # noqa: CLY201\n", Options(preset="all"))) == []


def test_report_on_a_comment_is_silenced_only_by_its_own_code() -> None:
    assert codes(run([], "x  # celerylint: ignore[CLY201,CLY901] kept for the next release\n")) == []
    assert codes(run([], "# celerylint: ignore-file[CLY901] r\nx  # celerylint: ignore[CLY201] r\n")) == []


# -- order and fingerprints


def test_findings_are_sorted_whatever_order_they_come_in() -> None:
    found = [finding("CLY201", 3), finding("CLY101", 3), finding("CLY202", 1, path="b.py"), finding("CLY202", 1)]
    expected = run(found).findings
    assert [(one.place.path, one.place.line, one.code) for one in expected] == [
        ("a.py", 1, "CLY202"),
        ("a.py", 3, "CLY101"),
        ("a.py", 3, "CLY201"),
        ("b.py", 1, "CLY202"),
    ]
    for permuted in itertools.permutations(found):
        assert run(list(permuted)).findings == expected


def fingerprints(*found: Finding) -> list[str]:
    return [one.fingerprint for one in run(list(found)).findings]


def test_fingerprint_stays_when_lines_and_numbers_move() -> None:
    before = fingerprints(finding("CLY201", 3, message="retries after 180 s", symbol="a.pull"))
    after = fingerprints(finding("CLY201", 30, message="retries after 60 s", symbol="a.pull"))
    assert before == after


@pytest.mark.parametrize("change", [{"path": "b.py"}, {"symbol": "a.push"}, {"message": "other"}, {"code": "CLY202"}])
def test_fingerprint_differs_for_another_fault(change: dict[str, str]) -> None:
    before = {"code": "CLY201", "symbol": "a.pull", "path": "a.py", "message": "m"}
    assert fingerprints(finding(**before)) != fingerprints(finding(**{**before, **change}))


def test_equal_findings_have_different_fingerprints_that_suppression_does_not_shift() -> None:
    first, second = fingerprints(finding("CLY201", 1), finding("CLY201", 5))
    assert first != second
    settled = run([finding("CLY201", 1), finding("CLY201", 5)], "x  # celerylint: ignore[CLY201] r\n")
    assert [one.fingerprint for one in settled.findings] == [second]

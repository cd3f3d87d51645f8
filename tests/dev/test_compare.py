"""docs/comparison.md tells what is so. What the others say is checked when the page is written: it takes installing them."""

from __future__ import annotations

from pathlib import Path

import pytest

from celerylint.dev.compare import PAGE, document
from celerylint.dev.compare.cases import Case, PeerRule, read, read_all
from celerylint.dev.compare.linters import ours_of

_RULES = read_all()
_CASES = [(rule, case) for rule in _RULES for case in rule.cases]


@pytest.mark.parametrize(("rule", "case"), _CASES, ids=[f"{rule.code}: {case.title}" for rule, case in _CASES])
def test_we_say_what_the_case_tells(rule: PeerRule, case: Case, tmp_path: Path) -> None:
    case.write(tmp_path)
    assert ours_of(case, rule, tmp_path) == case.found


def test_every_rule_of_theirs_is_judged() -> None:
    codes = [*(f"CEL{number:03}" for number in range(1, 27)), "PIE783", "PIE784", "PIE785"]
    assert [rule.code for rule in _RULES] == codes
    assert [rule.code for rule in _RULES if not rule.of("right")] == []


def test_the_page_holds_the_cases() -> None:
    """`python -m celerylint.dev compare` writes it."""
    assert document.cases(_RULES) in PAGE.read_text("utf-8")


def test_a_case_is_read(tmp_path: Path) -> None:
    path = tmp_path / "CEL001.md"
    path.write_text(
        "# CEL001 Says `so`\nours: CLY201, CLY202\n\n## One\n`a/b.py`\n```py\nx = 1  # wrong: CEL001  # error: CLY201\n```\n"
    )
    rule = read(path)
    assert (rule.code, rule.says, rule.ours) == ("CEL001", "Says `so`", ("CLY201", "CLY202"))
    assert rule.cases[0].files == {"a/b.py": "x = 1\n"}
    assert rule.cases[0].marks["wrong"] == {("a/b.py", 1, "CEL001")}
    assert rule.cases[0].found == {("a/b.py", 1, "CLY201")}
    assert rule.cases[0].verdict == "wrong"


@pytest.mark.parametrize(
    "text", ["", "# CEL001 Says so\n\n## One\n", "# CEL001 Says so\nours: CLY201\n## One\n`a.py`\n```py\nx\n"]
)
def test_what_is_no_file_of_cases_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "CEL001.md"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"first lines|left open"):
        read(path)

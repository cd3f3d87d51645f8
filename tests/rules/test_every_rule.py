"""What holds for every rule there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from runner import Case

from celerylint.rules.registry import all_rules
from celerylint.settle.meta import PRESETS, RuleLike

_RULES = all_rules()
_OWN = re.compile(r"CLY9\d\d")
"""Rules about the run itself: what they speak of is not always Python code."""

each = pytest.mark.parametrize("rule", _RULES, ids=[rule.code for rule in _RULES])


def _codes_in(code: str, rule: RuleLike, folder: Path) -> set[str]:
    # Comments are unused, or not, only by the rules that ran.
    others = ("ALL",) if _OWN.fullmatch(rule.code) else ()
    own = {getattr(rule, "shown_in", "tasks.py"): code, "celerylint.toml": getattr(rule, "configuration", "")}
    files = {**getattr(rule, "beside", {}), **own}
    return {finding.code for finding in Case(rule.code, rule.name, files).run(folder, *others).findings}


@each
def test_bad_is_found(rule: RuleLike, tmp_path: Path) -> None:
    if not rule.bad and _OWN.fullmatch(rule.code):
        pytest.skip("nothing that can be shown")
    assert rule.code in _codes_in(rule.bad, rule, tmp_path)


@each
def test_good_is_silent(rule: RuleLike, tmp_path: Path) -> None:
    assert rule.code not in _codes_in(rule.good, rule, tmp_path)


@each
def test_its_page_says_what_and_why(rule: RuleLike) -> None:
    paragraphs = [part for part in rule.explanation.split("\n\n") if part.strip()]
    assert rule.summary.endswith(".")
    assert "\n" not in rule.summary
    assert len(paragraphs) >= (1 if _OWN.fullmatch(rule.code) else 3), "what happens, why, what to do"
    if not _OWN.fullmatch(rule.code):
        assert "## What to do" in rule.explanation
        assert "https://docs.celeryq.dev/" in rule.explanation, "say where Celery's documentation bears it out"


@each
def test_its_name_reads_after_allow(rule: RuleLike) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", rule.name)
    assert re.fullmatch(r"CLY\d{3}", rule.code)
    assert rule.preset in PRESETS


@each
def test_it_lives_where_one_looks_for_it(rule: RuleLike) -> None:
    module = type(rule).__module__.rpartition(".")[2]
    assert module == f"{rule.code}_{rule.name}".lower().replace("-", "_")
    assert type(rule).__name__ == "".join(part.capitalize() for part in rule.name.split("-"))


@each
def test_it_has_a_spec(rule: RuleLike) -> None:
    if not _OWN.fullmatch(rule.code):
        assert (Path(__file__).parent / f"{rule.code}.md").is_file()


def test_codes_and_names_are_unique() -> None:
    assert len({rule.code for rule in _RULES}) == len({rule.name for rule in _RULES}) == len(_RULES)


def test_every_spec_has_its_rule() -> None:
    codes = {rule.code for rule in _RULES}
    assert {spec.stem.partition("-")[0] for spec in Path(__file__).parent.glob("CLY*.md")} <= codes

"""Generated pages and pictures say what the program says now: `python -m celerylint.dev docs` writes them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from celerylint.dev.docs import DOCS, ROOT, reference, rules, screens, stale
from celerylint.finding import Place, Span
from celerylint.rules.base import Rule
from celerylint.rules.registry import all_rules
from celerylint.text import SITE

_RULES = [rule for rule in all_rules() if isinstance(rule, Rule)]
_PLACE = Place("tasks.py", Span(1, 0, 1, 1))


def _current(path: str, text: str) -> None:
    assert (DOCS / path).read_text("utf-8") == text, "python -m celerylint.dev docs"


@pytest.mark.parametrize("rule", _RULES, ids=[rule.code for rule in _RULES])
def test_the_page_of_a_rule_is_current(rule: Rule) -> None:
    _current(f"rules/{rule.code}.md", rules.page(rule))


def test_the_index_of_rules_is_current() -> None:
    for path, text in rules.pages().items():
        if path.endswith("index.md"):
            _current(path, text)


def test_the_reference_is_current() -> None:
    for path, text in reference.pages().items():
        _current(path, text)


def test_the_pictures_are_current() -> None:
    for path, svg in screens.pictures(ROOT).items():
        assert _words((DOCS / path).read_text("utf-8")) == _words(svg), "python -m celerylint.dev docs"


def _words(svg: str) -> list[str]:
    """What a picture shows; how it is drawn differs with the version of rich."""
    return re.findall(r">([^<>]+)</text>", svg)


def test_nothing_is_left_of_rules_that_are_gone() -> None:
    assert stale() == []


def test_the_address_of_a_finding_is_a_page_of_the_site() -> None:
    for rule in _RULES:
        finding = rule.finding(_PLACE, "", "")
        assert finding.url.startswith(SITE)
        assert (DOCS / finding.url.removeprefix(SITE)).with_suffix(".md").is_file()


def test_extras_that_pages_install_exist() -> None:
    declared = (ROOT / "pyproject.toml").read_text("utf-8")
    for page in _handwritten():
        for extra in re.findall(r"(?:celerylint|\.)\[(\w+)\]", page.read_text("utf-8")):
            assert re.search(rf"^{extra} = \[", declared, re.M), f"{page.name}: no extra is called {extra}"


def test_codes_that_pages_name_exist() -> None:
    known = {rule.code for rule in _RULES}
    for page in _handwritten():
        named = set(re.findall(r"\bCLY\d{3}\b", page.read_text("utf-8")))
        assert named <= known, f"{page.name}: {sorted(named - known)}"


def _handwritten() -> list[Path]:
    return [ROOT / "README.md", *(page for page in DOCS.glob("*.md") if page.name != "comparison.md")]

"""A new rule starts as two files that already pass."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from celerylint.dev.new_rule import main


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "celerylint/rules/retries").mkdir(parents=True)
    (tmp_path / "celerylint/rules/retries/cly201_broad_autoretry.py").touch()
    (tmp_path / "celerylint/__init__.py").write_text('__version__ = "1.2.3"\n')
    (tmp_path / "tests/rules").mkdir(parents=True)
    return tmp_path


def _new(root: Path, *argv: str) -> int:
    return main([*argv, "--root", str(root)])


def test_it_writes_the_rule_and_its_spec(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _new(root, "CLY299", "retry-in-a-loop") == 0
    path = root / "celerylint/rules/retries/cly299_retry_in_a_loop.py"
    assert capsys.readouterr().out.splitlines() == [
        "celerylint/rules/retries/cly299_retry_in_a_loop.py",
        "tests/rules/CLY299.md",
    ]
    found = importlib.util.spec_from_file_location("new_rule_under_test", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    rule = module.RetryInALoop()
    assert (rule.code, rule.name, rule.since) == ("CLY299", "retry-in-a-loop", "1.2.3")
    assert rule.explanation.startswith("What happens")
    sys.modules.pop("new_rule_under_test", None)
    assert (root / "tests/rules/CLY299.md").read_text().startswith("# CLY299 retry-in-a-loop\n")


@pytest.mark.parametrize("taken", [("CLY201", "another-name"), ("CLY217", "broad-autoretry")])
def test_it_overwrites_nothing(root: Path, taken: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert _new(root, *taken) == 1
    assert capsys.readouterr().out == "taken: celerylint/rules/retries/cly201_broad_autoretry.py\n"
    assert list((root / "tests/rules").iterdir()) == []


def test_the_first_of_a_family_needs_its_name(root: Path) -> None:
    with pytest.raises(SystemExit):
        _new(root, "CLY401", "duplicate-beat")
    assert _new(root, "CLY401", "duplicate-beat", "--family", "beat") == 0
    assert (root / "celerylint/rules/beat/__init__.py").is_file()


@pytest.mark.parametrize("wrong", [("CLY2", "a-name"), ("CLY299", "Not_Kebab")])
def test_codes_and_names_have_a_form(root: Path, wrong: tuple[str, str]) -> None:
    with pytest.raises(SystemExit):
        _new(root, *wrong)

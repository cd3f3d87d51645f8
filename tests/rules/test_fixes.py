"""Every fix that a spec gives rise to: carried out, linted again, carried out again."""

from __future__ import annotations

import ast
from pathlib import Path

import msgspec
import pytest
from runner import Case, read, respellings

from celerylint.config import Options, load
from celerylint.finding import Report
from celerylint.repair import Repair, repair
from celerylint.rules.registry import all_rules
from celerylint.settle.meta import RuleLike

_CASES = [case for spec in sorted(Path(__file__).parent.glob("CLY*.md")) for case in read(spec)]
_CASES += [respelled for case in _CASES for _, respelled in respellings(case)]
_RULES = [rule for rule in all_rules() if "## Fix safety" in rule.explanation]


def _mended(report: Report, case: Case, folder: Path) -> Repair:
    settings = load([str(folder)])
    select = settings.options.select or case.codes
    changes = {"no_cache": True, "jobs": 1, "celery_version": case.celery, "select": select, "unsafe_fixes": True}
    options: Options = msgspec.structs.replace(settings.options, **changes)
    return repair([str(folder)], options, root=settings.root, report=report, writing=True)


def _check(case: Case, folder: Path) -> dict[str, str]:
    """The project after its fixes, which leave nothing to fix."""
    report = case.run(folder)
    offered = [finding.fix for finding in report.findings if finding.fix is not None]
    assert all((fix.safety == "unsafe") == bool(fix.risk) for fix in offered), "the page does not say why it is unsafe"
    if all(finding.fix is None for finding in report.findings):
        assert not case.fixed, "nothing is fixed"
        return case.files
    done = _mended(report, case, folder)
    after = {path: text.decode() for path, (_, text) in done.changes.items()}
    for path, text in after.items():
        if path.endswith(".py"):
            ast.parse(text)
    left = [f for f in done.report.findings if f.fix is not None]
    assert len(left) <= len(done.notes), f"still to be fixed: {left}"
    gone = {(f.code, f.place.path, f.message) for f in done.applied} & {
        (f.code, f.place.path, f.message) for f in done.report.findings if f.fix is not None
    }
    assert len(gone) <= len(done.notes), f"applied and still there: {gone}"
    assert done.applied or done.notes
    unread = {f.place for f in report.findings if f.code == "CLY900"}
    assert not [f for f in done.report.findings if f.code in ("CLY900", "CLY990") and f.place not in unread]
    for path, text in case.fixed.items():
        assert after.get(path, case.files[path]) == text
    if case.fixed:
        assert set(after) == set(case.fixed)
    return {**case.files, **after}


@pytest.mark.parametrize("case", _CASES, ids=[f"{case.code}: {case.title}" for case in _CASES])
def test_what_can_be_fixed_is_fixed_once(case: Case, tmp_path: Path) -> None:
    _check(case, tmp_path)


@pytest.mark.parametrize("rule", _RULES, ids=[rule.code for rule in _RULES])
def test_bad_becomes_good(rule: RuleLike, tmp_path: Path) -> None:
    file = rule.shown_in
    files = {file: rule.bad, **rule.beside, "celerylint.toml": rule.configuration}
    others = frozenset((file, 0, code) for code in _BESIDE.get(rule.code, ()))
    case = Case(rule.code, rule.name, files, expected=others)
    after = _check(case, tmp_path / "bad")
    assert after[file] != rule.bad or rule.code in _ELSEWHERE
    found = Case(rule.code, rule.name, after, expected=others).run(tmp_path / "after").findings
    assert after[file] == rule.good or rule.code not in {finding.code for finding in found}


_BESIDE = {"CLY901": ("CLY201",)}
"""Rules that must run for others to find anything."""
_ELSEWHERE: frozenset[str] = frozenset()
"""Rules whose fix needs more than their page shows."""


def test_who_fixes_says_how_safe_it_is(tmp_path: Path) -> None:
    said = {rule.code for rule in _RULES}
    for number, rule in enumerate(all_rules()):
        report = Case(rule.code, rule.name, {"tasks.py": rule.bad or "\n"}).run(tmp_path / str(number))
        fixed = {finding.code for finding in report.findings if finding.fix is not None}
        assert fixed <= said

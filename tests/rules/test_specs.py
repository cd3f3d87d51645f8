"""Every rule does what its spec says, also in the words of others."""

from __future__ import annotations

from pathlib import Path

import pytest
from runner import Case, read, respellings, suppressed

from celerylint.report.full import render
from celerylint.report.style import Style

_CASES = [case for spec in sorted(Path(__file__).parent.glob("CLY*.md")) for case in read(spec)]


def _ids(cases: list[Case]) -> list[str]:
    return [f"{case.code}: {case.title}" for case in cases]


@pytest.mark.parametrize("case", _CASES, ids=_ids(_CASES))
def test_the_spec_holds(case: Case, tmp_path: Path) -> None:
    case.hold(tmp_path)


_RESPELLED = [(name, respelled) for case in _CASES for name, respelled in respellings(case)]


@pytest.mark.parametrize(
    "case", [case for _, case in _RESPELLED], ids=[f"{case.code}: {case.title} ({name})" for name, case in _RESPELLED]
)
def test_it_holds_however_it_is_spelled(case: Case, tmp_path: Path) -> None:
    case.hold(tmp_path)


_SUPPRESSED = [silenced for case in _CASES if (silenced := suppressed(case))]


@pytest.mark.parametrize("case", _SUPPRESSED, ids=_ids(_SUPPRESSED))
def test_a_comment_silences_it(case: Case, tmp_path: Path) -> None:
    report = case.run(tmp_path, "CLY901", "CLY902")
    assert [(f.code, f.place.path, f.place.line) for f in report.findings] == []
    assert report.summary.suppressed > 0


_SHOWN = [case for case in _CASES if case.output is not None]


@pytest.mark.parametrize("case", _SHOWN, ids=_ids(_SHOWN))
def test_people_see_it_so(case: Case, tmp_path: Path) -> None:
    assert render(case.run(tmp_path), Style(summary=False)).rstrip("\n") == case.output

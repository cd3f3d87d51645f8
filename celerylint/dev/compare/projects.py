"""What linters say of `fixtures/projects`: each finding of a peer is ours too, or is wrong for a reason that somebody wrote."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from celerylint.dev.compare.cases import FOLDER, PeerRule
from celerylint.dev.compare.linters import Said, audit, ours, pie
from celerylint.finding import Finding

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECTS = FOLDER.parent / "projects"

_FOR_THE_APPLICATION = ("CLY106", "CLY412", "CLY701")
"""Codes of which there is one finding for an application, where others have one for each task."""

_NEAR = 2
"""Lines: one linter points at the decorator, the other at the function below it."""


@dataclass(frozen=True)
class Judged:
    """A finding of a peer on a project: found by us too, or wrong, or neither."""

    project: str
    said: Said
    by_us: bool
    wrong: str | None
    """Why it is wrong."""


def judge(rules: Iterable[PeerRule], commands: Path) -> list[Judged]:
    """Run the linters on the projects. Raises RuntimeError if one fails."""
    by_code = {rule.code: rule for rule in rules}
    found: list[Judged] = []
    for name, how in tomllib.loads((FOLDER / "projects.toml").read_text("utf-8")).items():
        root = PROJECTS / name
        said = {said for arguments in how["audit"] for said in audit(commands, root, arguments.split())}
        said |= set(pie(commands, root))
        findings = ours(root, sorted({code for rule in rules for code in rule.ours}))
        for each in sorted(said, key=lambda s: (s.code, s.path, s.line, s.symbol or "")):
            by_us = any(_same(each, finding) for finding in findings if finding.code in by_code[each.code].ours)
            found.append(Judged(name, each, by_us, _reason(how.get("wrong", {}), each)))
    return found


def _reason(wrong: Mapping[str, str], said: Said) -> str | None:
    keys = (said.code, f"{said.code} {said.symbol}", f"{said.code} {said.path}:{said.line}")
    return next((wrong[key] for key in keys if key in wrong), None)


def _same(said: Said, finding: Finding) -> bool:
    if finding.code in _FOR_THE_APPLICATION:
        return True
    if said.symbol is not None and (said.symbol == finding.symbol or f"`{said.symbol}`" in finding.message):
        return True
    return said.path == finding.place.path and abs(said.line - finding.place.line) <= _NEAR

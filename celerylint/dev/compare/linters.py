"""Runs the linters that are compared: ours in this process, the others in an environment of theirs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from celerylint import engine
from celerylint.config import load
from celerylint.dev.compare.cases import Case, Hit, PeerRule
from celerylint.dev.environments import environment
from celerylint.finding import Finding
from celerylint.rules.registry import all_rules

REQUIREMENTS = ("celery-audit==0.1.*", "flake8", "flake8-pie==0.16.*")
PIE = "PIE783,PIE784,PIE785"

_CONFIGS = ("celeryconfig.py", "worker.py", "tasks.py")
"""Where the cases keep Celery's configuration, in the order in which it takes effect: celery-audit must be told."""

_OF_THE_RUN = ("CEL000", "CEL098", "CEL099")
"""What celery-audit says of its own run."""


@dataclass(frozen=True)
class Said:
    """A finding of another linter."""

    path: str
    line: int
    code: str
    symbol: str | None = None
    """The task, entry or route that it is about, where the linter says so."""

    @property
    def hit(self) -> Hit:
        """Where it stands, and its code."""
        return self.path, self.line, self.code


def peers() -> Path:
    """The folder of the other linters' commands. Raises what `environment` raises."""
    # celery-audit needs 3.11; flake8-pie uses what 3.14 no longer has.
    return environment("peers", REQUIREMENTS, newest=(3, 13), oldest=(3, 11)).parent


def audit(commands: Path, root: Path, arguments: Sequence[str]) -> list[Said]:
    """What celery-audit decides; where it says that it cannot, it has said nothing. Raises RuntimeError if it fails."""
    command = [str(commands / "celery-audit"), ".", "--format", "json", *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"celery-audit in {root}: {done.stderr.strip()}")
    return [
        Said(found["file"], found["line"], found["rule_id"], found["symbol"])
        for found in json.loads(done.stdout)["findings"]
        if found["severity"] != "unknown" and found["rule_id"] not in _OF_THE_RUN
    ]


def pie(commands: Path, root: Path) -> list[Said]:
    """What flake8-pie says of Celery. Raises RuntimeError if flake8 fails."""
    shape = "%(path)s\t%(row)d\t%(code)s"
    command = [str(commands / "flake8"), "--isolated", "--select", PIE, "--format", shape, "."]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"flake8 in {root}: {done.stderr.strip()}")
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    return [Said(path.removeprefix("./"), int(row), code) for path, row, code in rows]


def said_of(case: Case, rule: PeerRule, commands: Path, folder: Path) -> set[Hit]:
    """What the linter of a rule says of a case that lies in a folder: of that rule, and of those that the case mentions."""
    if rule.code.startswith("PIE"):
        found = pie(commands, folder)
    else:
        found = audit(commands, folder, [f"--config={name}" for name in _CONFIGS if name in case.files])
    asked = {rule.code} | {code for _, _, code in case.marks["right"] | case.marks["wrong"]}
    return {said.hit for said in found if said.code in asked}


def ours(root: Path, select: Sequence[str], celery: str | None = None) -> list[Finding]:
    """What we say of a project, of some codes. Of a code without a rule nothing is said."""
    settings = load([str(root)])
    select = sorted({rule.code for rule in all_rules()}.intersection(select))
    if not select:
        return []
    options = msgspec.structs.replace(
        settings.options,
        select=tuple(select),
        no_cache=True,
        jobs=1,
        celery_version=celery or settings.options.celery_version,
    )
    return list(engine.check([str(root)], options, root=settings.root).findings)


def ours_of(case: Case, rule: PeerRule, folder: Path) -> set[Hit]:
    """What we say of a case that lies in a folder: our codes for the rule's fault."""
    (folder / ".git").mkdir(exist_ok=True)
    found = ours(folder, rule.ours, case.celery)
    return {(finding.place.path, finding.place.line, finding.code) for finding in found}

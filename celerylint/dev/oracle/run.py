"""Puts invented projects on disk, asks Celery and the tool about them, and collects the outcomes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import celerylint
from celerylint.dev.environments import python_for
from celerylint.dev.oracle.compare import Tally, compare
from celerylint.dev.oracle.generate import generate
from celerylint.dev.oracle.project import CELERY_RELEASES, Project

Json = Any


@dataclass
class Outcome:
    """One project under one version: what differs, or why there was nothing to compare."""

    project: Project
    tally: Tally = field(default_factory=Tally)
    truth: list[Json] = field(default_factory=list)
    celery_failed: str = ""
    """The traceback of a project that Celery itself could not load: the generator's fault."""
    tool_failed: str = ""

    @property
    def good(self) -> bool:
        """Nothing wrong, missed or invented, and nothing broke. Unknown values are judged over all projects."""
        return not (self.celery_failed or self.tool_failed or self.tally.faults)


class Celery:
    """An interpreter with one version of Celery that answers for one project after another."""

    def __init__(self, python: Path) -> None:
        script = Path(__file__).with_name("ask.py")
        self._process = subprocess.Popen(
            [str(python), "-W", "ignore", str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, project: Project, root: Path) -> list[Json]:
        """What Celery makes of the project: one answer per service."""
        return self.ask_services(root, [project.source_root], services(project))

    def ask_services(self, root: Path, path: list[str], wanted: list[Json]) -> list[Json]:
        """The same for any project: the folders to import from, and each service's app module and other modules."""
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps({"root": str(root), "path": path, "services": wanted}), file=self._process.stdin, flush=True)
        answers: list[Json] = json.loads(self._process.stdout.readline())
        return answers

    def close(self) -> None:
        """Let the interpreter end."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(timeout=30)


def services(project: Project) -> list[Json]:
    """What to load, in the shape that ask.py reads."""
    return [
        {"app": service.app_module.name, "modules": [module.name for module in service.task_modules]}
        for service in project.services
    ]


def write(project: Project, root: Path) -> None:
    """Put the project's files below a folder."""
    for path, text in project.files().items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def inspect(root: Path) -> Json:
    """What the tool says about a project."""
    command = [sys.executable, "-m", "celerylint", "inspect", "--output-format", "json", str(root)]
    # The tool may be run from its source tree, which is no longer the current folder.
    environment = {**os.environ, "PYTHONPATH": str(Path(celerylint.__file__).parents[1])}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=120, check=False)
    if not done.stdout.startswith("{"):
        raise RuntimeError(f"celerylint inspect ended with {done.returncode}: {done.stderr[-2000:]}")
    return json.loads(done.stdout)


def run(
    seeds: Iterable[int],
    minor: str,
    *,
    jobs: int = 2,
    keep: Path | None = None,
    tool: bool = True,
    python: Path | None = None,
) -> list[Outcome]:
    """The outcomes for projects of these seeds; without `tool` Celery alone is asked.

    Celery is that of `python`, else of the environment kept for the minor version.
    """
    python = python or python_for(minor)
    shares = [list(seeds)[start::jobs] for start in range(jobs)]
    with ThreadPoolExecutor(jobs) as pool:
        outcomes = [
            item
            for share in pool.map(lambda part: list(_share(part, minor, python, keep, tool)), shares)
            for item in share
        ]
    return sorted(outcomes, key=lambda outcome: outcome.project.seed)


def _share(seeds: list[int], minor: str, python: Path, keep: Path | None, tool: bool) -> Iterator[Outcome]:
    celery = Celery(python)
    for seed in seeds:
        outcome = Outcome(generate(seed, minor))
        with tempfile.TemporaryDirectory(prefix=f"oracle-{seed}-") as folder:
            root = Path(folder).resolve()
            write(outcome.project, root)
            _judge(outcome, celery, root, tool)
            if keep and not outcome.good:
                kept = keep / f"{minor}-{seed}"
                shutil.rmtree(kept, ignore_errors=True)
                shutil.copytree(root, kept)
                (kept.parent / f"{kept.name}.truth.json").write_text(json.dumps(outcome.truth, indent=1))
        yield outcome
    celery.close()


def _judge(outcome: Outcome, celery: Celery, root: Path, tool: bool) -> None:
    """Fill the outcome in."""
    outcome.truth = celery.ask(outcome.project, root)
    outcome.celery_failed = "\n".join(answer["error"] for answer in outcome.truth if "error" in answer)
    if outcome.celery_failed or not tool:
        return
    try:
        told = inspect(root)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        outcome.tool_failed = str(error)
        return
    outcome.tally = compare(outcome.truth, told, CELERY_RELEASES[outcome.project.celery])


def idioms(outcomes: Iterable[Outcome]) -> Counter[str]:
    """In how many projects each idiom occurs."""
    return Counter(idiom for outcome in outcomes for idiom in outcome.project.idioms)

"""Mends projects, and compares what Celery makes of them before and after."""

from __future__ import annotations

import ast
import shutil
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from celerylint.config import Options, load
from celerylint.dev.fix_oracle.allowed import may_change
from celerylint.dev.fix_oracle.faults import add_faults
from celerylint.dev.fix_oracle.trials import printed, put, trial_of
from celerylint.dev.oracle.generate import generate
from celerylint.dev.oracle.run import Celery, services, write
from celerylint.engine import check
from celerylint.finding import Report
from celerylint.repair import repair, write_all

Json = Any

FIXTURES = Path(__file__).parents[3] / "fixtures" / "projects"


@dataclass
class Outcome:
    """One project: what was mended in it, and what is wrong with that."""

    name: str
    applied: Counter[str] = field(default_factory=Counter)
    """How many fixes of which rule."""
    faults: list[str] = field(default_factory=list)
    not_loaded: str = ""
    """The traceback of a project that Celery could not load before it was mended either."""


@dataclass(frozen=True)
class Load:
    """What to load: the folders to import from, and each service's app module and other modules."""

    path: Sequence[str]
    services: Sequence[Json]


def run_generated(seeds: Iterable[int], minor: str, python: Path, *, jobs: int, keep: Path | None) -> list[Outcome]:
    """The outcomes for invented projects of these seeds."""
    shares = [list(seeds)[start::jobs] for start in range(jobs)]
    if jobs == 1:
        return list(_generated(shares[0], minor, python, keep))
    with ProcessPoolExecutor(jobs) as pool:
        parts = [pool.submit(_share, share, minor, python, keep) for share in shares]
        outcomes = [outcome for part in parts for outcome in part.result()]
    return sorted(outcomes, key=lambda outcome: int(outcome.name.removeprefix("seed ").partition(",")[0]))


def _share(seeds: list[int], minor: str, python: Path, keep: Path | None) -> list[Outcome]:
    return list(_generated(seeds, minor, python, keep))


def _generated(seeds: Iterable[int], minor: str, python: Path, keep: Path | None) -> Iterator[Outcome]:
    celery = Celery(python)
    for seed in seeds:
        project = generate(seed, minor)
        others = add_faults(project)
        with tempfile.TemporaryDirectory(prefix=f"fix-oracle-{seed}-") as folder:
            before = Path(folder).resolve() / "before"
            write(project, before)
            for path, text in others.items():
                (before / path).write_text(text, encoding="utf-8")
            outcome = judge(f"seed {seed}", before, Load([project.source_root], services(project)), celery)
            if keep and (outcome.faults or outcome.not_loaded):
                shutil.rmtree(keep / f"{minor}-{seed}", ignore_errors=True)
                shutil.copytree(folder, keep / f"{minor}-{seed}")
        yield outcome
        yield run_trial(seed, minor, python, keep)
    celery.close()


def run_trial(seed: int, minor: str, python: Path, keep: Path | None) -> Outcome:
    """The outcome for the small project of this seed, whose tasks are run."""
    trial = trial_of(seed)
    outcome = Outcome(f"seed {seed}, {trial.code}")
    with tempfile.TemporaryDirectory(prefix=f"fix-oracle-{seed}-") as folder:
        before, after = Path(folder).resolve() / "before", Path(folder).resolve() / "after"
        pins = {"requirements.txt": f"celery=={minor}.0\n"}
        put({**trial.files, **pins}, before)
        put({**trial.files, **pins}, after)
        if trial.meant is not None:
            put(trial.meant, before)
        _mend(after, outcome)
        status, said = printed(trial.probe, before, python)
        found, says = printed(trial.probe, after, python)
        if status:
            outcome.not_loaded = said
        elif (found, says) != (status, said):
            outcome.faults.append(f"it printed {said!r}, and prints {says!r}")
        if not outcome.applied[trial.code]:
            outcome.faults.append(f"{trial.code} was not mended")
        if keep and (outcome.faults or outcome.not_loaded):
            shutil.rmtree(keep / f"{minor}-{seed}-trial", ignore_errors=True)
            shutil.copytree(folder, keep / f"{minor}-{seed}-trial")
    return outcome


def run_fixture(name: str, apps: Sequence[str], celery: Celery) -> Outcome:
    """The outcome for a fixture project whose apps are made in these modules."""
    with tempfile.TemporaryDirectory(prefix=f"fix-oracle-{name}-") as folder:
        before = Path(folder).resolve() / "before"
        shutil.copytree(FIXTURES / name, before, ignore=shutil.ignore_patterns("__pycache__"))
        return judge(name, before, Load([""], [{"app": app, "modules": []} for app in apps]), celery)


def judge(name: str, before: Path, wanted: Load, celery: Celery) -> Outcome:
    """Mend a copy of a project, which is left beside it as `after`, and say what is wrong with that."""
    outcome = Outcome(name)
    after = before.parent / "after"
    shutil.copytree(before, after)
    _mend(after, outcome)
    outcome.faults += [f"{path.relative_to(after)}: is not Python any more" for path in _unreadable(before, after)]
    old, new = (celery.ask_services(root, list(wanted.path), list(wanted.services)) for root in (before, after))
    for service, was, now in zip(wanted.services, old, new, strict=True):
        if "error" in was:
            outcome.not_loaded += was["error"]
        elif "error" in now:
            outcome.faults.append(f"{service['app']}: Celery cannot load it any more\n{now['error']}")
        else:
            outcome.faults += [f"{service['app']}: {line}" for line in differences(was, now, outcome.applied)]
    return outcome


def _mend(root: Path, outcome: Outcome) -> None:
    """What `--fix --unsafe-fixes` does, twice; the second time must find nothing to do."""
    settings = load([str(root)])
    options: Options = replace(
        settings.options, preset="all", confidence="low", unsafe_fixes=True, fix=True, no_cache=True, jobs=1
    )

    def lint() -> Report:
        return check([str(root)], options, root=settings.root)

    done = write_all(repair([str(root)], options, root=settings.root, report=lint(), writing=True), root=settings.root)
    outcome.applied = Counter(finding.code for finding in done.applied)
    outcome.faults += [*done.failures, *(f"CLY990: {f.message}" for f in done.report.findings if f.code == "CLY990")]
    left = lint()
    again = repair([str(root)], options, root=settings.root, report=left, writing=True)
    outcome.faults += [f"a second run mends {finding.code} in {finding.place.path}" for finding in again.applied]
    for finding in left.findings:
        place = f"{finding.place.path}:{finding.place.line}: {finding.code} "
        if finding.fix is not None and not any(note.startswith(place) for note in again.notes):
            outcome.faults.append(f"{place}can still be mended")


def _unreadable(before: Path, after: Path) -> list[Path]:
    """Files that were Python and are not any more."""
    found = sorted(path for path in after.rglob("*.py"))
    return [path for path in found if _is_python(before / path.relative_to(after)) and not _is_python(path)]


def _is_python(path: Path) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return False
    return True


def differences(before: Json, after: Json, codes: Iterable[str]) -> list[str]:
    """How Celery's answers for a service differ where no applied fix of these rules may change them, a line each."""
    lines: list[str] = []
    codes = list(codes)
    for number, (was, now) in enumerate(zip(before["apps"], after["apps"], strict=False)):
        for setting in sorted(was["settings"].keys() | now["settings"].keys()):
            one, other = was["settings"].get(setting), now["settings"].get(setting)
            if one != other and not may_change(codes, f"settings.{setting}"):
                lines.append(f"app {number}: setting {setting} was {one}, is {other}")
    if len(before["apps"]) != len(after["apps"]):
        lines.append(f"there were {len(before['apps'])} apps, there are {len(after['apps'])}")
    held, found = _by_name(before), _by_name(after)
    lines += [f"task {name} is gone" for name in sorted(held.keys() - found.keys())]
    lines += [f"task {name} is new" for name in sorted(found.keys() - held.keys())]
    for name in sorted(held.keys() & found.keys()):
        lines += _of_task(name, held[name], found[name], codes)
    if before["schedule"] != after["schedule"] and not may_change(codes, "schedule"):
        lines.append(f"the schedule was {before['schedule']}, is {after['schedule']}")
    return lines


def _of_task(name: str, before: Sequence[Json], after: Sequence[Json], codes: Sequence[str]) -> list[str]:
    if len(before) != len(after):
        return [f"task {name} was registered {len(before)} times, is {len(after)}"]
    lines: list[str] = []
    for was, now in zip(before, after, strict=True):
        if was["function"] != now["function"]:
            lines.append(f"task {name} was {was['function']}, is {now['function']}")
        for option in sorted(was["options"].keys() | now["options"].keys()):
            one, other = was["options"].get(option), now["options"].get(option)
            if one != other and not may_change(codes, option):
                lines.append(f"task {name}: {option} was {one}, is {other}")
        if was["queue"] != now["queue"] and not may_change(codes, "queue"):
            lines.append(f"task {name}: its queue was {was['queue']}, is {now['queue']}")
    return lines


def _by_name(answer: Json) -> dict[str, list[Json]]:
    tasks: dict[str, list[Json]] = {}
    for task in answer["tasks"]:
        tasks.setdefault(task["name"], []).append(task)
    return tasks

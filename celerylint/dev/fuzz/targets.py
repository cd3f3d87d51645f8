"""What is fuzzed: how a case is made from a seed, and what must hold of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import NamedTuple

from celerylint.dev.fuzz import corpus, mutate
from celerylint.dev.fuzz.case import Files, UnsoundError
from celerylint.finding import Report


class Target(NamedTuple):
    """A kind of cases."""

    make: Callable[[Random], Files]
    hold: Callable[[Files, Path], None]
    """Raises if something is wrong with the tool; the folder holds the files."""


# --- cases ------------------------------------------------------------------------------------------------------------

_SPOIL = (mutate.spoiled, mutate.shuffled, mutate.regrown, mutate.regrown)


def _changed(files: Files, random: Random, wanted: Callable[[str], bool]) -> Files:
    """Some of the wanted files spoiled."""
    chosen = [path for path in files if wanted(path)]
    changed = dict(files)
    for path in random.sample(chosen, min(len(chosen), random.randint(1, 3))):
        spoil = random.choice(_SPOIL if path.endswith(".py") else _SPOIL[:2])
        changed[path] = spoil(changed[path], random)
    return changed


def _project(random: Random) -> Files:
    return _changed(random.choice(corpus.projects()), random, lambda path: path.endswith(".py"))


def _deployment(random: Random) -> Files:
    return _changed(random.choice(corpus.deployed()), random, lambda path: not path.endswith((".py", ".toml")))


_CONFIGURATION = b"""\
[tool.celerylint]
select = ["CLY2"]
ignore = ["CLY302"]
preset = "all"
confidence = "low"
celery-version = "5.4"
django-settings-module = "a.b"
exclude = ["a/", "!b"]
source-roots = ["src"]
require = ["acks_late"]
effects = ["a.b.C.d"]
guard-decorators = ["x"]
deployment-files = ["*.yml"]
jobs = 1

[tool.celerylint.per-file-ignores]
"a/*.py" = ["CLY101"]
"""


def _configuration(random: Random) -> Files:
    files = dict(random.choice(corpus.projects()[:40]))
    return {**files, "pyproject.toml": random.choice((mutate.spoiled, mutate.shuffled))(_CONFIGURATION, random)}


def _celery(random: Random) -> Files:
    known = corpus.modules() or tuple(
        files[path] for files in corpus.projects() for path in files if path.endswith(".py")
    )
    files: dict[str, bytes] = {}
    for number in range(random.randint(1, 3)):
        source = random.choice(known)
        files[f"proj/m{number}.py"] = random.choice(_SPOIL)(source, random)
    return files


def _programs(random: Random) -> Files:
    """Programs that grammar alone allows, by hypothesmith, where it is installed."""
    import hypothesis
    import hypothesmith

    sources: list[str] = []

    @hypothesis.seed(random.randrange(2**32))
    @hypothesis.settings(
        max_examples=12,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(hypothesmith.from_grammar())
    def collect(source: str) -> None:
        sources.append(source)

    collect()
    return {
        f"proj/m{n}.py": b"import celery\n" + text.encode("utf-8", "surrogatepass") for n, text in enumerate(sources)
    }


_WORDS = (
    "celery", "-A", "--app=proj", "worker", "beat", "multi", "start", "flower", "events", "-B", "-Q", "a,b", "-c",
    "4", "-Q:1-3", "-c:w2", "--",
    "python -m", "exec", "sh -c", "bash -lc '", "'", '"', "$@", "$*", "${X:-y}", "${X%%/*}", "$((1+2))", "$(date)",
    "`id`", "&&", "||", ";", "|", "&", "<<EOF\n", "EOF\n",
    ">x", "2>&1", "if", "then", "else", "fi", "for i in 1 2;", "do", "done", "while", "case $x in", "a)", ";;",
    "esac", "f() {", "}", "{", "(", ")", "[[", "]]",
    "-eq", "=~", "!", "set -e", "X=1", "export X=1", "source ./x.sh", "\\\n", "#x\n", "\n",
    "--prefetch-multiplier", "=", "-P", "gevent", "-n", "%h", "-l info", "w@x", "1-3",
    "--autoscale=10,3", "-O fair", "--time-limit=", "gosu app", "su -c", "env -i", "timeout 5", "nohup", "\\",
    "\t", "é", "\u2028", "\0",
)  # fmt: skip


def _command(random: Random) -> Files:
    text = "".join(random.choice(_WORDS) + random.choice((" ", " ", " ", "")) for _ in range(random.randint(1, 40)))
    script = ("#!/bin/sh\n" + text + "\n").encode("utf-8", "surrogatepass")
    compose = json.dumps(
        {"services": {"w": {"image": "x", "command": text, "entrypoint": text if random.random() < 0.2 else None}}}
    )
    return {"entrypoint.sh": script, "compose.yml": compose.encode(), "Procfile": b"worker: " + " ".join(text.split("\n")).encode(),
            "app.py": b"from celery import Celery\napp = Celery('proj')\n\n@app.task\ndef t(): ...\n"}  # fmt: skip


# --- what must hold ---------------------------------------------------------------------------------------------------


def _lint(folder: Path, flags: Mapping[str, object]) -> Report:
    from celerylint.config import load
    from celerylint.engine import check

    settings = load([str(folder)], {"no_cache": True, "jobs": 1, **flags})
    return check([str(folder)], settings.options, root=settings.root)


_EVERYTHING = {"preset": "all", "confidence": "low", "include_tests": True}


def _lints(files: Files, folder: Path) -> None:
    """Every rule comes to an end, whatever is found can be shown, and every place that is named exists."""
    report = _sound(_lint(folder, _EVERYTHING), files)
    _shown(report)


def _lints_as_told(files: Files, folder: Path) -> None:
    """The configuration is read or refused in one line."""
    from celerylint.config import UsageError

    try:
        report = _lint(folder, {})
    except UsageError as error:
        if "\n" in str(error) or not str(error):
            raise UnsoundError(f"a refusal that is not one line: {str(error)!r}") from error
        return
    _shown(_sound(report, files))


def _sound(report: Report, files: Files) -> Report:
    for finding in report.findings:
        if finding.code == "CLY990":
            raise UnsoundError(f"CLY990: {finding.message}")
        for place in (finding.place, *(related.place for related in finding.related)):
            if place.path not in files and place.path != ".":
                raise UnsoundError(f"{finding.code} names {place.path!r}, which is not there")
            if place.span.line < 1 or place.span.column < 1:
                raise UnsoundError(f"{finding.code} stands at {place.span}")
            lines = files.get(place.path, b"").count(b"\n") + files.get(place.path, b"").count(b"\r") + 2
            if place.span.end_line > lines:
                raise UnsoundError(f"{finding.code} stands at line {place.span.end_line} of {lines}")
    return report


def _shown(report: Report) -> None:
    from celerylint.report import concise, full
    from celerylint.report import json as as_json
    from celerylint.report.style import Style

    for shape in (full, concise, as_json):
        text = shape.render(report, Style(color=False, summary=True))
        if "\x1b" in text or "\0" in text:
            raise UnsoundError(f"{shape.__name__} lets control characters through")
    json.loads(as_json.render(report, Style(color=False, summary=True)))


def _mends(files: Files, folder: Path) -> None:
    """Fixes leave files that parse, come to an end, and leave what they do not name."""
    from celerylint.config import load
    from celerylint.repair import repair

    settings = load([str(folder)], {"no_cache": True, "jobs": 1, "unsafe_fixes": True, **_EVERYTHING})
    report = _sound(_lint(folder, {"unsafe_fixes": True, **_EVERYTHING}), files)
    done = repair([str(folder)], settings.options, root=settings.root, report=report, writing=False)
    for path, (before, after) in done.changes.items():
        if path.endswith(".py") and _reads(path, before) and not _reads(path, after):
            raise UnsoundError(f"a fix of {sorted({f.code for f in done.applied})} makes {path} unreadable")
    for finding in done.report.findings:
        if finding.code == "CLY990":
            raise UnsoundError(f"CLY990: {finding.message}")
    for note in done.notes:
        if "internal error" in note:
            raise UnsoundError(note)


def _reads(path: str, source: bytes) -> bool:
    from celerylint.facts.lower import extract

    try:
        return extract(path, source).error is None
    except UnicodeDecodeError:
        return False


TARGETS: Mapping[str, Target] = {
    "project": Target(_project, _lints),
    "deployment": Target(_deployment, _lints),
    "command": Target(_command, _lints),
    "celery": Target(_celery, _lints),
    "programs": Target(_programs, _lints),
    "settings": Target(_configuration, _lints_as_told),
    "fix": Target(_project, _mends),
    "fix-deploy": Target(_deployment, _mends),
}

"""Reads the spec of a rule, a Markdown file of small projects, and runs them.

A heading starts a case. A line that is a path in backticks names the next fenced block; a `py` block without a name is
`tasks.py`, a `toml` block without one is the configuration. In any file

* `# error: CLY201, CLY202` says that a finding of each code starts on this line, and that nothing else is found;
* `# todo-error: CLY201` says that one should be found and is not yet, `# todo-ok: CLY201` that one is found and
  should not be. When either is mended the case fails until the comment says so.

The comments are taken out before the project is linted. An `output` block is the report as people see it, a `fixed` block a
file as it is after the fixes, named like the others.
A line `celery: 5.6` sets the version of Celery; `spelling: as written` keeps the case from being respelled, and
`spelling: without namespace` from being respelled in this way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import msgspec
from namespaced import namespaced

from celerylint.config import load
from celerylint.engine import check
from celerylint.finding import Report

Hit = tuple[str, int, str]
"""Path, line and code of a finding."""

_HEADING = re.compile(r"#+ +(.+)")
_PATH = re.compile(r"`([^`\s]+)`:?")
_FENCE = re.compile(r"(`{3,})(\w*)")
_VERSION = re.compile(r"celery: *([\d.]+)")
_EXPECTATION = re.compile(r"[ \t]*# *(error|todo-error|todo-ok): *(CLY\d+(?:, *CLY\d+)*)[ \t]*$")
_COMMENTED = frozenset({".py", ".yml", ".yaml", ".sh"})
"""Files in which a comment may end nearly every line."""
_UNNAMED = {"py": "tasks.py", "toml": "celerylint.toml"}


@dataclass(frozen=True)
class Case:
    """One small project and what must be found in it."""

    code: str
    """The rule that the spec is of."""
    title: str
    files: dict[str, str] = field(default_factory=dict)
    expected: frozenset[Hit] = frozenset()
    missed: frozenset[Hit] = frozenset()
    """What ought to be found, and is not yet."""
    false: frozenset[Hit] = frozenset()
    """What is found, and ought not to be."""
    output: str | None = None
    fixed: dict[str, str] = field(default_factory=dict)
    """What the fixes make of files, by path: those that are not here they leave alone."""
    celery: str | None = None
    as_written: bool = False
    without: frozenset[str] = frozenset()
    """Respellings that would mean something else."""

    @property
    def codes(self) -> tuple[str, ...]:
        """The rules that run: that of the spec, and those the case mentions."""
        return tuple(sorted({self.code, *(code for _, _, code in self.expected | self.missed | self.false)}))

    def run(self, folder: Path, *extra: str) -> Report:
        """The report on the project, written to `folder`. `extra` are more rules to run."""
        for path, text in self.files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        (folder / ".git").mkdir(exist_ok=True)
        settings = load([str(folder)])
        options = settings.options
        changes = {"no_cache": True, "jobs": 1, "celery_version": self.celery or options.celery_version}
        if not options.select:
            changes["select"] = (*self.codes, *extra)
        return check([str(folder)], msgspec.structs.replace(options, **changes), root=settings.root)

    def hold(self, folder: Path) -> None:
        """Fail unless exactly what is expected is found."""
        report = self.run(folder)
        found = {hit(finding) for finding in report.findings}
        said = {hit(finding): finding.message for finding in report.findings}
        wrong = [f"not found: {_shown(h)}" for h in sorted(self.expected - found)]
        wrong += [f"found: {_shown(h)}: {said[h]}" for h in sorted(found - self.expected - self.missed - self.false)]
        wrong += [f"found at last, make it an error: {_shown(h)}" for h in sorted(found & self.missed)]
        wrong += [f"not found any more, delete it: {_shown(h)}" for h in sorted(self.false - found)]
        assert not wrong, "\n".join([self.title, *wrong])


def hit(finding: object) -> Hit:
    """Where a finding starts, and its code."""
    place = finding.place  # type: ignore[attr-defined]
    return place.path, place.line, finding.code  # type: ignore[attr-defined]


def _shown(where: Hit) -> str:
    return f"{where[0]}:{where[1]}: {where[2]}"


# --- reading ----------------------------------------------------------------------------------------------------------


def read(spec: Path) -> list[Case]:
    """The cases of a spec, whose file is named after the rule; `CLY601-guards.md` holds more cases of CLY601."""
    cases: list[Case] = []
    code = spec.stem.partition("-")[0]
    case = Case(code, "")
    name = ""
    lines = iter(spec.read_text("utf-8").splitlines())
    for line in lines:
        if heading := _HEADING.fullmatch(line):
            if case.files:
                cases.append(case)
            case = Case(code, heading[1])
        elif path := _PATH.fullmatch(line):
            name = path[1]
        elif version := _VERSION.fullmatch(line):
            case = replace(case, celery=version[1])
        elif line == "spelling: as written":
            case = replace(case, as_written=True)
        elif line.startswith("spelling: without "):
            without = line.removeprefix("spelling: without ").split(", ")
            assert {*_RESPELLINGS, "namespace"}.issuperset(without), f"{case.title}: no such spelling"
            case = replace(case, without=frozenset(without))
        elif fence := _FENCE.match(line):
            block = list(_block(lines, fence[1]))
            if fence[2] == "output":
                case = replace(case, output="\n".join(block))
            elif fence[2] == "fixed":
                path_of_it = name or _UNNAMED["py"]
                assert path_of_it in case.files, f"{case.title}: {path_of_it} is fixed and is not there"
                case = replace(case, fixed={**case.fixed, path_of_it: "\n".join(block) + "\n"})
            else:
                case = _with_file(case, name or _UNNAMED[fence[2]], block)
            name = ""
    return [*cases, case] if case.files else cases


def _block(lines: Iterator[str], fence: str) -> Iterator[str]:
    for line in lines:
        if line == fence:
            return
        yield line
    raise AssertionError("a fenced block is left open")


def _with_file(case: Case, path: str, lines: list[str]) -> Case:
    assert path not in case.files, f"{case.title}: {path} is there twice"
    kinds: dict[str, set[Hit]] = {"error": set(), "todo-error": set(), "todo-ok": set()}
    kept: list[str] = []
    for number, line in enumerate(lines, 1):
        while said := _EXPECTATION.search(line):
            kinds[said[1]] |= {(path, number, code.strip()) for code in said[2].split(",")}
            line = line[: said.start()]
        kept.append(line)
    return replace(
        case,
        files={**case.files, path: "\n".join(kept) + "\n"},
        expected=case.expected | kinds["error"],
        missed=case.missed | kinds["todo-error"],
        false=case.false | kinds["todo-ok"],
    )


# --- the same project, spelled another way ----------------------------------------------------------------------------


def respellings(case: Case) -> Iterator[tuple[str, Case]]:
    """The case as others would write it, every line kept where it is. The findings must be the same."""
    if case.as_written:
        return
    for name, respell in _RESPELLINGS.items():
        files = {path: respell(case, path, text) if path.endswith(".py") else text for path, text in case.files.items()}
        if files != case.files and name not in case.without:
            yield name, replace(case, files=files, output=None, fixed={})
    app = _the_app(case)
    moved = namespaced(case, app) if app is not None and "namespace" not in case.without else case
    if moved is not case:
        yield "namespace", replace(moved, output=None, fixed={})


def suppressed(case: Case) -> Case | None:
    """The case with a comment on each finding; None where there is no finding, or one in a file that takes no such comment."""
    found = case.expected | case.false
    if not found or any(PurePosixPath(path).suffix not in _COMMENTED for path, _, _ in found):
        return None
    files = {path: text.split("\n") for path, text in case.files.items()}
    codes: dict[tuple[str, int], list[str]] = {}
    for path, line, code in sorted(found):
        codes.setdefault((path, line), []).append(code)
    for (path, line), those in codes.items():
        files[path][line - 1] += f"  # celerylint: ignore[{','.join(those)}] as we meant it"
    return replace(case, files={path: "\n".join(lines) for path, lines in files.items()}, output=None, fixed={})


_APP = re.compile(r"^(\w+) = Celery\(", re.M)
_CELERY_IMPORT = re.compile(r"^from celery import ([\w, ]+)$", re.M)
_PLAIN_IMPORT = re.compile(r"^(?:from [\w.]+ )?import [^(\n#;]+$", re.M)
_CONF = re.compile(r"^( *)(\w+)\.conf\.(\w+) = (.*[^(\[{,:\\\n])$", re.M)


def _the_app(case: Case) -> tuple[str, str] | None:
    """The file and name of the only app."""
    found = [(p, n) for p, text in case.files.items() if p.endswith(".py") for n in _APP.findall(text)]
    makers = sum(len(re.findall(r"\bCelery\(", text)) for text in case.files.values())
    return found[0] if len(found) == makers == 1 else None


def _as_shared(case: Case, path: str, text: str) -> str:
    """`@app.task` -> `@shared_task`."""
    app = _the_app(case)
    if app is None:
        return text
    respelled = re.sub(rf"^( *)@{app[1]}\.task\b", r"\1@shared_task", text, flags=re.M)
    return text if respelled == text else _importing(respelled, "from celery import shared_task") or text


def _as_own(case: Case, path: str, text: str) -> str:
    """`@shared_task` -> `@app.task`, where the case has an app in another file."""
    app = _the_app(case)
    if app is None or app[0] == path or "import *" in text:
        return text
    respelled = re.sub(r"^( *)@shared_task\b", r"\1@the_app.task", text, flags=re.M)
    module = ".".join(PurePosixPath(app[0]).with_suffix("").parts).removesuffix(".__init__")
    imported = f"from {module} import {app[1]} as the_app"
    return text if respelled == text else _importing(respelled, imported) or text


def _importing(text: str, statement: str) -> str | None:
    """`text` with an import more, on the line of its first one so that no line moves."""
    first = next((m for m in _PLAIN_IMPORT.finditer(text) if "__future__" not in m[0]), None)
    return f"{text[: first.end()]}; {statement}{text[first.end() :]}" if first else None


def _renamed(case: Case, path: str, text: str) -> str:
    """`from celery import shared_task` -> `from celery import shared_task as its_shared_task`."""
    return _imported_otherwise(text, lambda names: "from celery import " + _aliased(names), "its_{}")


def _through_module(case: Case, path: str, text: str) -> str:
    """`from celery import shared_task` -> `import celery as c`."""
    return _imported_otherwise(text, lambda names: "import celery as c", "c.{}")


def _aliased(names: list[str]) -> str:
    return ", ".join(f"{name} as its_{name}" for name in names)


def _imported_otherwise(text: str, statement: Callable[[list[str]], str], pattern: str) -> str:
    found = _CELERY_IMPORT.search(text)
    if found is None or " as " in found[1]:
        return text
    names = [name.strip() for name in found[1].split(",")]
    after = text[found.end() :]
    for name in names:
        after = re.sub(rf"(?<![\w.'\"]){name}\b(?!['\"])", pattern.format(name), after)
    return text[: found.start()] + statement(names) + after


def _updated(case: Case, path: str, text: str) -> str:
    """`app.conf.x = y` -> `app.conf.update(x=y)`."""
    return _CONF.sub(r"\1\2.conf.update(\3=\4)", text)


_RESPELLINGS: dict[str, Callable[[Case, str, str], str]] = {
    "shared_task": _as_shared,
    "app.task": _as_own,
    "alias": _renamed,
    "module": _through_module,
    "conf.update": _updated,
}

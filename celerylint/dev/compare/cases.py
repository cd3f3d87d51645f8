"""The cases that linters are compared on: `fixtures/comparison/<rule of a peer>.md`.

A file starts with the peer's rule and what it says, and names our codes for the same fault (`ours: CLY201`). Each further
heading starts a case, a small project in fenced blocks, each behind its path. A comment at the end of a line says what is
said of that line:

* `# right: CEL010`, `# wrong: CEL010`: the peer reports it, and whether it should;
* `# error: CLY201`: we report it;
* `# todo-error: CLY201`: we ought to, and do not; `# todo-ok: CLY201`: we do, and ought not to.

The comments are taken out before anybody lints the project. A line `celery: 5.6` sets the version of Celery.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

FOLDER = Path(__file__).parents[3] / "fixtures" / "comparison"

Hit = tuple[str, int, str]
"""Path, line and code of a finding."""

Mark = Literal["right", "wrong", "error", "todo-error", "todo-ok"]

_COMMENT = re.compile(r"[ \t]*# *(right|wrong|error|todo-error|todo-ok): *(\w+)[ \t]*$")
_PATH = re.compile(r"`([^`\s]+)`")


@dataclass
class Case:
    """One small project, and who says what of it."""

    title: str
    files: dict[str, str] = field(default_factory=dict)
    celery: str | None = None
    marks: dict[Mark, set[Hit]] = field(default_factory=lambda: {mark: set() for mark in get_args(Mark)})

    @property
    def found(self) -> set[Hit]:
        """What we report, rightly or not."""
        return self.marks["error"] | self.marks["todo-ok"]

    @property
    def by_us(self) -> bool:
        """Whether we say all that is to be said, and nothing else."""
        return not self.marks["todo-error"] and not self.marks["todo-ok"]

    @property
    def verdict(self) -> Literal["right", "wrong", "missed"]:
        """Whether the peer is right, wrong, or silent where something is to be said."""
        return "right" if self.marks["right"] else "wrong" if self.marks["wrong"] else "missed"

    def write(self, folder: Path) -> None:
        """Put the project into a folder."""
        for path, text in self.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class PeerRule:
    """A rule of another linter, and the cases that it is judged by."""

    code: str
    says: str
    ours: tuple[str, ...]
    """Our codes for the same fault."""
    cases: tuple[Case, ...]

    def of(self, verdict: str) -> list[Case]:
        """The cases with that verdict."""
        return [case for case in self.cases if case.verdict == verdict]


def read_all(folder: Path = FOLDER) -> list[PeerRule]:
    """Every rule, by code. Raises ValueError for a file that is not in the form above."""
    return [read(path) for path in sorted(folder.glob("*.md"))]


def read(path: Path) -> PeerRule:
    """One file. Raises ValueError if it is not in the form above."""
    lines = iter(path.read_text("utf-8").splitlines())
    title = re.fullmatch(r"# (\w+) (.+)", next(lines, ""))
    ours = re.fullmatch(r"ours: (CLY\d+(?:, CLY\d+)*)", next(lines, ""))
    if title is None or ours is None:
        raise ValueError(f"{path}: the first lines must be `# CODE what it says` and `ours: CLYnnn, ...`")
    cases: list[Case] = []
    name = ""
    for line in lines:
        if line.startswith("## "):
            cases.append(Case(line[3:]))
        elif found := _PATH.fullmatch(line):
            name = found[1]
        elif line.startswith("celery: "):
            cases[-1].celery = line.removeprefix("celery: ")
        elif line.startswith("```"):
            _add(cases[-1], name, list(_block(lines)))
    return PeerRule(title[1], title[2], tuple(ours[1].split(", ")), tuple(cases))


def _block(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if line == "```":
            return
        yield line
    raise ValueError("a fenced block is left open")


def _add(case: Case, path: str, lines: list[str]) -> None:
    kept = []
    for number, line in enumerate(lines, 1):
        while said := _COMMENT.search(line):
            mark: Mark = said[1]  # type: ignore[assignment]  # the pattern allows no other
            case.marks[mark].add((path, number, said[2]))
            line = line[: said.start()]
        kept.append(line)
    case.files[path] = "".join(f"{line}\n" for line in kept)

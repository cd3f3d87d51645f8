"""Runs the commands of a page, in order, and compares what the page shows of their output.

In a block of `console`, a line that begins with `$ ` is a command, `> ` continues it, and what follows is its output. A block
without `$ ` holds one command on each line, and shows no output. `[...]` stands for any text, on a line of its own for any
lines; `[?]` alone asks `celerylint.dev docs --commands` to fill in the output. Comments before a block say what else there is:

* `<!-- not run: why -->`: the block is left out;
* `<!-- file: celerylint.toml -->`: the block is written to that file; a block of `diff` without one is applied;
* `<!-- only shown -->`: a block of `diff` is not applied;
* `<!-- first: cp -r ../shop . -->`: a command that readers need not see, wherever it stands.

A page runs in one shell, in a folder that holds the fixture projects as a checkout does. What `pip` is asked to install is taken
to be there.
"""

from __future__ import annotations

import errno
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from celerylint.settle.meta import INTERNAL_ERROR

_COLUMNS = 100
_SECONDS = 120
_FENCE = re.compile(r"^(`{3,})([^`]*)$")
_COMMENT = re.compile(r"^<!-- (not run|file|only shown|first):? ?(.*?) ?-->$")
_ENDS = "\x1e"
_MAY_FAIL = re.compile(r"\b(celerylint|flake8|pre-commit|git diff)\b")
"""Programs whose status 1 says that something was found, and 2 what is wrong with the question."""


class Step(Struct, frozen=True):
    """One thing to do."""

    line: int
    """Of the page."""
    script: str
    """For the shell."""
    shown: tuple[str, ...] = ()
    end: int = 0
    """The line after the output that is shown."""
    command: bool = True
    """Whether readers run it; else it only makes what the page speaks of."""


class Ran(Struct, frozen=True):
    """What became of a step."""

    step: Step
    status: int
    output: tuple[str, ...]

    @property
    def wrong(self) -> str:
        """What the page should not have said; empty if all is well."""
        allowed: tuple[int, ...] = (0,)
        if self.step.command and _MAY_FAIL.search(self.step.script):
            allowed = (0, 1, 2) if self.step.shown else (0, 1)
        said = "\n".join(self.output)
        if self.status not in allowed:
            return f"`{self.step.script}` ends with status {self.status}:\n{said}"
        if self.step.shown and not matches(self.step.shown, self.output):
            return f"`{self.step.script}` says:\n{said}\n\nand not:\n" + "\n".join(self.step.shown)
        return ""


def pages(root: Path) -> list[Path]:
    """Every page with commands that somebody wrote by hand."""
    found = [root / "README.md", *sorted((root / "docs").glob("*.md"))]
    return [page for page in found if "```console" in page.read_text("utf-8")]


# --- reading ----------------------------------------------------------------------------------------------------------


def steps(text: str) -> list[Step]:
    """What a page asks to be done, in its order."""
    found: list[Step] = []
    said: tuple[str, str] = ("", "")
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        if comment := _COMMENT.match(line):
            if comment[1] == "first":
                found.append(Step(number, comment[2], command=False))
            else:
                said = (comment[1], comment[2])
        elif fence := _FENCE.match(line):
            end = lines.index(fence[1], number)
            found += _block(said, fence[2].strip(), lines[number:end], number + 1)
            number, said = end + 1, ("", "")
        elif line.strip():
            said = ("", "")
    return found


def _block(said: tuple[str, str], language: str, lines: Sequence[str], number: int) -> Iterator[Step]:
    kind, rest = said
    body = "\n".join(lines) + "\n"
    if kind == "file":
        folder = os.path.dirname(rest) or "."
        yield Step(number, f"mkdir -p {folder} && cat > {rest} <<'END_OF_FILE'\n{body}END_OF_FILE", command=False)
    elif language == "diff" and kind != "only shown":
        yield Step(number, f"git apply --whitespace=nowarn - <<'END_OF_FILE'\n{body}END_OF_FILE", command=False)
    elif language == "console" and kind != "not run":
        yield from _console(lines, number)


def _console(lines: Sequence[str], number: int) -> Iterator[Step]:
    if not any(line.startswith("$ ") for line in lines):
        yield from (Step(number + at, line) for at, line in enumerate(lines) if line.strip())
        return
    starts = [at for at, line in enumerate(lines) if line.startswith("$ ")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        after = start + 1
        while after < end and lines[after].startswith("> "):
            after += 1
        script = "\n".join(line[2:] for line in lines[start:after])
        shown = tuple(line.rstrip() for line in lines[after:end])
        while shown and not shown[-1]:
            shown = shown[:-1]
        yield Step(number + start, script, shown, number + after + len(shown))


# --- running ----------------------------------------------------------------------------------------------------------


def run(text: str, root: Path) -> list[Ran]:
    """Do what a page asks for, in a folder of its own."""
    todo = steps(text)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        checkout = folder / "celerylint"
        shutil.copytree(root / "fixtures" / "projects", checkout / "fixtures" / "projects", ignore=_left_out)
        shutil.copy(root / "pyproject.toml", checkout)
        script = "\n".join(["pip() { :; }", *map(_marked, todo)])
        output = terminal(script, checkout, root, home=folder / "home")
    return list(_results(todo, output))


def _left_out(folder: str, names: Sequence[str]) -> list[str]:
    return [name for name in names if name == "__pycache__"]


def _marked(step: Step) -> str:
    """A step, followed by a line with its status; `$?` stays what it was."""
    return f"{step.script}\nstatus=$?; printf '\\n{_ENDS}%d\\n' $status; (exit $status)"


def _results(todo: Sequence[Step], output: str) -> Iterator[Ran]:
    parts = re.split(rf"\n?{_ENDS}(\d+)\n", output)
    for at, step in enumerate(todo):
        if 2 * at + 1 >= len(parts):
            raise AssertionError(f"line {step.line}: the shell has ended:\n{parts[-1]}")
        lines = [line.rstrip() for line in parts[2 * at].splitlines()]
        while lines and not lines[-1]:
            lines.pop()
        yield Ran(step, int(parts[2 * at + 1]), tuple(lines))


def terminal(script: str, folder: Path, root: Path, *, home: Path, columns: int = _COLUMNS) -> str:
    """What a terminal shows of a script for bash."""
    home.mkdir(exist_ok=True)
    program = home / "celerylint"  # the code at hand, also where another one is installed
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m celerylint "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    file = home / "script.sh"
    file.write_text(script, encoding="utf-8")
    master, slave = pty.openpty()
    process = subprocess.Popen(
        ["bash", str(file)],
        cwd=folder,
        env=_environment(root, home, columns),
        stdin=subprocess.DEVNULL,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    try:
        text = b"".join(_chunks(master)).decode("utf-8", "replace").replace("\r\n", "\n")
        process.wait(_SECONDS)
    finally:
        os.close(master)
        process.kill()
        process.wait()
    return re.sub(r"[^\n]*\r\x1b\[K", "", text)  # the bar of a run that took long


def _chunks(master: int) -> Iterator[bytes]:
    while True:
        try:
            chunk = os.read(master, 65536)
        except OSError as error:
            if error.errno != errno.EIO:  # Linux says so at the end
                raise
            return
        if not chunk:
            return
        yield chunk


def _environment(root: Path, home: Path, columns: int) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in ("LANG", "LC_ALL", "SYSTEMROOT", "TMPDIR")}
    return {
        **kept,
        "PATH": os.pathsep.join([str(home), os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": str(root),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "COLUMNS": str(columns),
        "TERM": "dumb",
        "NO_COLOR": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_PAGER": "cat",
        "GIT_AUTHOR_NAME": "you",
        "GIT_AUTHOR_EMAIL": "you@example.com",
        "GIT_COMMITTER_NAME": "you",
        "GIT_COMMITTER_EMAIL": "you@example.com",
    }


# --- comparing --------------------------------------------------------------------------------------------------------


def matches(shown: Sequence[str], output: Sequence[str]) -> bool:
    """Whether output is what a page shows of it."""
    pattern = ""
    for line in shown:
        if line == "[...]":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*".join(map(re.escape, line.split("[...]"))) + r"\n"
    return re.fullmatch(pattern, "".join(line + "\n" for line in output)) is not None


def refreshed(page: Path, root: Path) -> tuple[str, list[str]]:
    """A page that shows what its commands say now; and what has to be mended by hand, with lines."""
    text = page.read_text("utf-8")
    lines = text.splitlines()
    trouble: list[str] = []
    for ran in reversed(run(text, root)):
        step = ran.step
        whole = step.shown and ("[?]" in step.shown or not any("[...]" in line for line in step.shown))
        broken = any(INTERNAL_ERROR in line for line in ran.output)
        if ran.wrong and whole and ran.status in (0, 1) and not broken:
            lines[step.end - 1 - len(step.shown) : step.end - 1] = ran.output
        elif ran.wrong:
            trouble.insert(0, f"{step.line}: {ran.wrong}")
    return "\n".join(lines) + "\n", trouble

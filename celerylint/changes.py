"""Which lines were changed since a revision. Git is asked for what was, files are read by the run itself.

Git never reads the working tree here: what a checkout configures for that (filters, monitors, drivers for
differences) would run, and the checkout may be anybody's.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from msgspec import Struct

from celerylint.config import ConfigError
from celerylint.finding import Finding, Place
from celerylint.text import clean

_HARDENED = (
    *("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "protocol.allow=never"),
    *("-c", "diff.external=", "-c", "core.pager=cat", "--no-pager", "--literal-pathspecs", "--no-replace-objects"),
)
_ENVIRONMENT = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",  # of what is fetched by a git that does not know the one above
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_MOST_SECONDS = 60
"""That one answer of git's may take: a repository may be made of pipes."""
_MOST_BYTES = 16_000_000
"""Of a file at the base; no larger one is linted."""
_WHOLE_FILE = frozenset(("CLY900",))
"""Rules that speak of a file, wherever they show it."""
_ALWAYS = frozenset(("CLY990",))


class Changed(Struct, frozen=True):
    """The lines of a file that were changed."""

    lines: frozenset[int]
    """From 1. Those that were added, or are other than they were."""
    gaps: frozenset[int]
    """Lines behind which others were taken out; 0 for the top of the file."""
    whole: bool = False
    """Whether the file is new."""

    def meets(self, first: int, last: int) -> bool:
        """Whether any line from `first` to `last` was changed, or one between them taken out."""
        last = max(first, last)
        if self.whole:
            return True
        return any(first <= line <= last for line in self.lines) or any(first <= gap < last for gap in self.gaps)


class Changes:
    """What was changed in a project since a revision: since its last common ancestor with what is checked out."""

    def __init__(self, root: Path, revision: str) -> None:
        """Find the revision.

        Raises:
            ConfigError: there is no git, no repository, no such revision, or no common ancestor in a shallow clone.
        """
        self._root = root
        self._revision = revision
        top = self._first_line(self._git("rev-parse", "--show-toplevel", what="looked for"))
        self._prefix = self._inside(Path(top))
        self._base = self._found()
        self._before: dict[str, bytes | None] = {}
        self._changed: dict[str, Changed] = {}

    def load(self, paths: Iterable[str]) -> None:
        """Get ready for questions about files, all at once."""
        wanted = sorted({path for path in paths if path != "." and "\n" not in path} - self._before.keys())
        if not wanted:
            return
        self._before |= self._contents({path: self._prefix + path for path in wanted})
        missing = [path for path in wanted if self._before[path] is None]
        if missing and (renamed := self._renamed()):
            old = {path: renamed[self._prefix + path] for path in missing if self._prefix + path in renamed}
            self._before |= self._contents(old)

    def touches(self, finding: Finding, text: Callable[[str], str | None]) -> bool:
        """Whether a finding, or a place that took part in it, lies on a line that was changed. `text` reads files."""
        if finding.code in _ALWAYS:
            return True
        if finding.code in _WHOLE_FILE:
            changed = self._in(finding.place.path, text)
            return changed.whole or bool(changed.lines or changed.gaps)
        return any(self._meets(place, text) for place in (finding.place, *(one.place for one in finding.related)))

    def _meets(self, place: Place, text: Callable[[str], str | None]) -> bool:
        return self._in(place.path, text).meets(place.span.line, place.span.end_line)

    def _in(self, path: str, text: Callable[[str], str | None]) -> Changed:
        found = self._changed.get(path)
        if found is None:
            self.load([path])
            before, after = self._before.get(path), text(path)
            if before is None or after is None:
                found = Changed(frozenset(), frozenset(), whole=True)
            else:
                found = changed_lines(before.decode("utf-8", "replace"), after)
            self._changed[path] = found
        return found

    # --- git

    def _found(self) -> str:
        name = self._revision
        shown = clean(name if len(name) <= _MOST_SHOWN else name[:_MOST_SHOWN] + "...")
        if name.startswith(("-", "^")) or "\0" in name:
            raise self._wrong(f'unknown revision "{shown}"')
        known = self._run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        shallow = self._run("rev-parse", "--is-shallow-repository").stdout.strip() == b"true"
        advice = ": this clone is shallow, fetch more of its history (fetch-depth: 0 on GitHub, GIT_DEPTH: 0 on GitLab)"
        if known.returncode:
            raise self._wrong(f'unknown revision "{shown}"' + (advice if shallow else ""))
        commit = self._first_line(known)
        common = self._run("merge-base", commit, "HEAD")
        if common.returncode == 0:
            return self._first_line(common)
        if shallow:
            raise self._wrong(f'no commit that "{name}" and HEAD share is known' + advice)
        return commit  # nothing in common, or nothing checked out yet

    def _contents(self, spelled: dict[str, str]) -> dict[str, bytes | None]:
        """The bytes of files at the base, by the keys of `spelled`, whose values are paths from the top of the checkout."""
        sizes = dict(zip(spelled.values(), self._sizes(list(spelled.values())), strict=True))
        # Of one that was too large, every line counts as changed.
        content = {name: b"" for name, size in sizes.items() if size is not None}
        read = [name for name, size in sizes.items() if size is not None and size <= _MOST_BYTES]
        text, at = self._objects("--batch", read), 0
        for name in read:
            start = text.index(b"\n", at) + 1
            at = start + int(text[at:start].rpartition(b" ")[2])
            content[name] = text[start:at]
            at += 1
        self._check_absent([name for name, size in sizes.items() if size is None])
        return {path: content.get(name) for path, name in spelled.items()}

    def _sizes(self, names: Sequence[str]) -> list[int | None]:
        """The bytes of files at the base; None for what is no file there."""
        heads = [line.split(b" ") for line in self._objects("--batch-check", names).split(b"\n")[: len(names)]]
        known = [len(head) == 3 and head[1] == b"blob" and head[2].isdigit() for head in heads]
        return [int(head[2]) if is_known else None for head, is_known in zip(heads, known, strict=True)]

    def _objects(self, how: str, names: Sequence[str]) -> bytes:
        """What git says of files at the base."""
        if not names:
            return b""
        ran = self._run("cat-file", how, text=os.fsencode("".join(f"{self._base}:{name}\n" for name in names)))
        if ran.returncode:
            raise self._wrong(f'git cannot read the files of "{self._revision}"')
        return ran.stdout

    def _check_absent(self, paths: Sequence[str]) -> None:
        """Raise ConfigError if the base has one of `paths`, whose content then was never fetched."""
        if not paths or self._run("config", "--get-regexp", r"^remote\..*\.promisor$").returncode:
            return
        for start in range(0, len(paths), _AT_ONCE):
            listed = self._run("ls-tree", "-z", "--full-tree", self._base, "--", *paths[start : start + _AT_ONCE])
            if listed.returncode or b" blob " in listed.stdout:
                raise self._wrong(f'this clone is partial, without the files of "{self._revision}": fetch them first')

    def _renamed(self) -> dict[str, str]:
        """What files of the index were called at the base, by what they are called now."""
        ran = self._run(
            *("diff-index", "--cached", "-z", "-M", "--diff-filter=R", "--name-status"),
            *("--no-ext-diff", "--no-textconv", "--ignore-submodules=all", self._base),
        )
        parts = os.fsdecode(ran.stdout).split("\0")
        return {new: old for status, old, new in zip(*(iter(parts),) * 3, strict=False) if status.startswith("R")}

    def _git(self, *arguments: str, what: str) -> subprocess.CompletedProcess[bytes]:
        ran = self._run(*arguments)
        if ran.returncode == 0:
            return ran
        why = os.fsdecode(ran.stderr).strip().splitlines()
        if why and "not a git repository" not in why[0]:
            raise self._wrong(why[0].removeprefix("fatal: "))
        raise self._wrong(f"{self._root} is in no git repository")

    def _run(self, *arguments: str, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        environment = {key: value for key, value in os.environ.items() if key not in _LEFT_OUT} | _ENVIRONMENT
        try:
            return subprocess.run(
                ["git", *_HARDENED, "-C", str(self._root), *arguments],
                input=text,
                capture_output=True,
                check=False,
                env=environment,
                timeout=_MOST_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise self._wrong(f"git gives no answer in {_MOST_SECONDS} seconds") from error
        except FileNotFoundError as error:
            raise self._wrong("git is not installed") from error
        except OSError as error:
            raise self._wrong(f"git cannot be run: {error.strerror}") from error

    def _inside(self, top: Path) -> str:
        """Where the project lies in the checkout: empty, or ending in `/`."""
        inside = os.path.relpath(os.path.realpath(self._root), os.path.realpath(top)).replace(os.sep, "/")
        return "" if inside == "." else inside + "/"

    def _first_line(self, ran: subprocess.CompletedProcess[bytes]) -> str:
        return os.fsdecode(ran.stdout).rstrip("\n")

    def _wrong(self, why: str) -> ConfigError:
        return ConfigError(f"--since: {why}", option="since", value=self._revision)


_MOST_SHOWN = 200
"""Characters of a revision."""
_AT_ONCE = 200
"""Paths on one command line."""
_LEFT_OUT = frozenset(("GIT_EXTERNAL_DIFF", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_TRACE"))


_SLOW = 4_000_000
"""Pairs of lines from which lines that are found all over a file are not looked at one by one."""


def changed_lines(before: str, after: str) -> Changed:
    """The lines of `after` that `before` does not have in their place. How lines end does not count."""
    from difflib import SequenceMatcher

    old, new = _lines(before), _lines(after)
    if old == new:
        return Changed(frozenset(), frozenset())
    # Most of a file is as it was: what both begin and end with needs no search.
    start = _shared(old, new)
    end = _shared(old[start:][::-1], new[start:][::-1])
    middle = SequenceMatcher(
        None, old[start : len(old) - end], new[start : len(new) - end], autojunk=len(old) * len(new) > _SLOW
    )
    lines: set[int] = set()
    gaps: set[int] = set()
    for tag, _, _, first, last in middle.get_opcodes():
        if tag == "delete":
            gaps.add(start + first)
        elif tag == "insert":
            first, last = _settled(new, start + first, start + last)
            lines.update(range(first + 1, last + 1))
        elif tag == "replace":
            lines.update(range(start + first + 1, start + last + 1))
    return Changed(frozenset(lines), frozenset(gaps))


def _settled(lines: Sequence[str], first: int, last: int) -> tuple[int, int]:
    """Where lines that were put in belong, if those around them are the same: a paragraph begins with what stands out most."""
    while last < len(lines) and lines[first] == lines[last]:
        first, last = first + 1, last + 1
    best, least = (first, last), _oddness(lines, first, last)
    while first > 0 and lines[first - 1] == lines[last - 1]:
        first, last = first - 1, last - 1
        if (odd := _oddness(lines, first, last)) < least:
            best, least = (first, last), odd
    return best


def _oddness(lines: Sequence[str], first: int, last: int) -> tuple[bool, int]:
    """How unlikely somebody put in just these lines: less where the first of them begins a paragraph, or a block."""
    for number in range(first, last):
        text = lines[number].lstrip()
        if text:
            return number > 0 and bool(lines[number - 1].strip()), len(lines[number]) - len(text)
    return True, 0


def _lines(text: str) -> list[str]:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count

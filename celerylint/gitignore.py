"""Patterns as in .gitignore, matched as git matches them, fast enough to ask about every folder of a large checkout."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

_MOST_GLOBS = 2_000
"""Patterns with wildcards in one file that people wrote."""


class Pattern(Struct, frozen=True):
    """One line of an ignore file."""

    index: int
    ignores: bool
    """False for a line that starts with `!`."""
    folders_only: bool
    regex: re.Pattern[str] | None = None
    """None where the pattern is a plain name."""
    whole_path: bool = False
    """Whether the pattern speaks of the path rather than of the last name in it."""


class IgnoreFile(Struct, frozen=True):
    """The lines of one ignore file: the last one that matches decides."""

    base: str
    """The folder that the patterns are relative to, seen from the root of the paths: empty, or ending in `/`."""
    inside: str
    """Where the ignore file lies above the root, the root seen from its folder: empty, or ending in `/`."""
    names: dict[str, tuple[Pattern, ...]]
    """Patterns that are plain names, found by a look-up since they are most of them."""
    globs: tuple[Pattern, ...]
    """The other patterns, last first."""

    def verdict(self, path: str, name: str, folder: bool) -> bool | None:
        """True if `path`, whose last part is `name`, is ignored; False if taken back; None if nothing here matches."""
        best: Pattern | None = None
        for pattern in self.names.get(name, ()):
            if folder or not pattern.folders_only:
                best = pattern
        for pattern in self.globs:
            if best is not None and pattern.index < best.index:
                break
            if pattern.folders_only and not folder:
                continue
            assert pattern.regex is not None
            if pattern.regex.match(self.inside + path[len(self.base) :] if pattern.whole_path else name):
                best = pattern
                break
        return None if best is None else best.ignores


def parse(lines: Iterable[str], base: str = "", inside: str = "") -> IgnoreFile:
    """The patterns of an ignore file, with where it lies: `base` below the root, or above it (`inside`)."""
    names: dict[str, tuple[Pattern, ...]] = {}
    globs: list[Pattern] = []
    for index, line in enumerate(lines):
        line = re.sub(r"(?<!\\)((?:\\\\)*) +$", r"\1", line.rstrip("\r\n"))
        if not line or line.startswith("#"):
            continue
        ignores = not line.startswith("!")
        text = line if ignores else line[1:]
        folders_only = text.endswith("/")
        text = text.rstrip("/") if folders_only else text
        if not text:
            continue
        if not re.search(r"[*?\[\\/]", text):
            names[text] = (*names.get(text, ()), Pattern(index, ignores, folders_only))
            continue
        if len(globs) == _MOST_GLOBS:
            break
        try:
            regex = re.compile(translate(text))
        except re.error:
            continue  # git, too, lets a malformed pattern match nothing
        globs.append(Pattern(index, ignores, folders_only, regex, "/" in text))
    return IgnoreFile(base, inside, names, tuple(reversed(globs)))


def translate(glob: str) -> str:
    """The regular expression for a glob without its trailing slash, to be matched from the start to the very end.

    What stands between two stars is matched where it is met first, once and for all: whatever comes later, the second star
    takes. Python before 3.11 says that by a group that is looked ahead for.
    """
    glob = glob.removeprefix("/")
    deep = [""]
    """What `**/` stands before, one after the other."""
    starred = [""]
    """The same for `*`, in the last of them."""
    groups = 0

    def once(start: str, parts: list[str]) -> str:
        nonlocal groups
        out = parts[0]
        for part in parts[1:-1]:
            groups += 1
            out += f"(?=(?P<g{groups}>{start}?{part}))(?P=g{groups})"
        return out + (start + parts[-1] if len(parts) > 1 else "")

    at = 0
    while at < len(glob):
        first = at == 0 or glob[at - 1] == "/"
        if first and glob.startswith("**/", at):
            deep[-1] = once("[^/]*", starred)
            deep.append("")
            starred = [""]
            at += 3
        elif first and glob[at:] == "**":
            starred[-1] += ".+"
            at += 2
        elif glob[at] == "*":
            while at < len(glob) and glob[at] == "*":
                at += 1
            starred.append("")
        elif glob[at] == "?":
            starred[-1] += "[^/]"
            at += 1
        elif glob[at] == "[":
            end = _class_end(glob, at)
            if end < 0:
                return r"(?!)"
            inside = glob[at + 1 : end]
            negated = inside[0] in "!^"
            inside = (inside[1:] if negated else inside).replace("[", r"\[")
            inside = "\\" + inside if inside.startswith("]") else inside
            starred[-1] += f"(?!/)[{'^' if negated else ''}{inside}]"
            at = end + 1
        else:
            at += glob[at] == "\\" and at + 1 < len(glob)
            starred[-1] += re.escape(glob[at])
            at += 1
    deep[-1] = once("[^/]*", starred)
    return "(?s:" + once("(?:.*?/)?", deep) + r")\Z"


def _class_end(glob: str, start: int) -> int:
    at = start + 1
    at += glob[at : at + 1] in ("!", "^")
    at += glob[at : at + 1] == "]"
    while at < len(glob) and glob[at] != "]":
        at += 2 if glob[at] == "\\" else 1
    return at if at < len(glob) else -1

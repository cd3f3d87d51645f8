"""Which deployment files, services and profiles are deployed, and which only serve development, tests and CI."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from celerylint.gitignore import IgnoreFile, parse

_WORDS = frozenset(
    {
        *("ci", "cypress", "debug", "demo", "dev", "devel", "develop", "development", "devcontainer", "doc", "docs"),
        *("example", "examples", "fixture", "fixtures", "local", "localdev", "override", "playground", "sample"),
        *("samples", "sandbox", "selenium", "test", "testing", "tests", "tutorial", "tutorials", "vagrant"),
        *("circleci", "github", "gitlab", "travis"),
    }
)
"""Parts of names that say it."""
_PARTS = re.compile(r"[^A-Za-z0-9]+")


class Patterns(NamedTuple):
    """What configuration says, as patterns of .gitignore."""

    deployed: tuple[str, ...] = ()
    development: tuple[str, ...] = ()


Judge = Callable[[str], str]
"""Why a file is not deployed, by its path; empty if it is."""


def judge(patterns: Patterns) -> Judge:
    """Decides by configuration where it speaks, else by the names of the file and its folders."""
    deployed, development = parse(patterns.deployed), parse(patterns.development)

    def why(path: str) -> str:
        if _matches(development, path):
            return "configuration says so"
        if _matches(deployed, path):
            return ""
        if patterns.deployed:
            return "configuration names other files"
        *folders, name = path.split("/")
        folder = next((folder for folder in folders if of_name(folder)), "")
        return f"it is in the folder {folder}" if folder else f"the file is {name}" if of_name(name) else ""

    return why


def _matches(patterns: IgnoreFile, path: str) -> bool:
    parts = path.split("/")
    depths = range(1, len(parts) + 1)
    return any(patterns.verdict("/".join(parts[:depth]), parts[depth - 1], depth < len(parts)) for depth in depths)


def of_name(name: str) -> bool:
    """Whether a part of a name says that it is for development."""
    return any(part in _WORDS for part in _PARTS.split(name.lower()))

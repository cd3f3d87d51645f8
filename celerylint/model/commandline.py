"""What a `celery` command line asks for, read with Celery's own table of flags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from celerylint.catalog import Catalog, Flag

Word = str | None
"""A word of a command line; None where it cannot be known."""


class Option(NamedTuple):
    """A flag as written."""

    position: int
    """Which word it stands in."""
    value: Word


class CommandLine(NamedTuple):
    """A command line of the `celery` program."""

    subcommand: str
    options: dict[str, Option]
    """Flags of the sub-command by their parameter's name: `beat`, `prefetch_multiplier`."""


def parse(words: Sequence[Word], catalog: Catalog) -> CommandLine | None:
    """The command line that starts with, or somewhere holds, the program `celery`; None if there is none."""
    start = next((i + 1 for i, word in enumerate(words) if word and word.rpartition("/")[2] == "celery"), 0)
    while start < len(words):
        word = words[start]
        if word is None:
            return None
        if not word.startswith("-"):
            break
        flag = catalog.global_flags.get(word)
        start += 2 if flag is not None and flag.takes_value else 1
    else:
        return None
    subcommand = words[start] or ""
    flags = {"worker": catalog.worker_flags, "beat": catalog.beat_flags}.get(subcommand)
    if flags is None:
        return None
    return CommandLine(subcommand, _options(words, start + 1, flags))


def _options(words: Sequence[Word], index: int, flags: dict[str, Flag]) -> dict[str, Option]:
    found: dict[str, Option] = {}
    while index < len(words):
        word = words[index] or ""
        here, index = index, index + 1
        spelled, equals, value = word.partition("=")
        names = [spelled] if spelled.startswith("--") or spelled in flags else _cluster(spelled)
        for name in names:
            flag = flags.get(name)
            if flag is None:
                break
            if not flag.takes_value:
                found[flag.name] = Option(here, None)
                continue
            if equals:
                found[flag.name] = Option(here, value)
            elif name == names[-1] and len(names) == 1:
                found[flag.name] = Option(here, words[index] if index < len(words) else None)
                index += 1
            else:
                found[flag.name] = Option(here, word[names.index(name) + 2 :])
            break
    return found


def _cluster(word: str) -> list[str]:
    """`-BE` as the short flags in it; `-c4` is `-c` with its value."""
    return [f"-{letter}" for letter in word[1:]] if word.startswith("-") else []

"""What a `celery` command line asks for, read as click reads it, with Celery's own table of flags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from celerylint.catalog import Catalog, Flag
from celerylint.model.deploy.process import UNKNOWN

Word = str | None
"""A word of a command line; None where it cannot be known. Stretches that cannot be known are `UNKNOWN`."""

_OLD_PROGRAMS = {"celeryd": "worker", "celerybeat": "beat", "celeryev": "events"}
"""Programs of Celery 3, each of them now a sub-command."""

_SUBCOMMANDS = frozenset({"worker", "beat", "multi", "flower", "events"})

_STARTING = frozenset({"start", "restart"})
"""What `celery multi` does to leave workers running."""

MOST_NODES = 100
"""Nodes of one `celery multi` that are told apart."""


class Option(NamedTuple):
    """A flag as written."""

    position: int
    """Which word it stands in."""
    value: Word
    """None for a flag that takes none, and for a value that cannot be known."""
    known: bool = True
    """Whether it is certainly given, with this value."""
    spelling: str = ""
    """The flag as written, without its value: `-c`, `--concurrency`."""


class CommandLine(NamedTuple):
    """A command line of the `celery` program."""

    subcommand: str
    options: dict[str, Option]
    """Flags of the sub-command by their parameter's name: `beat`, `prefetch_multiplier`."""
    app_options: Mapping[str, Option] = {}
    """Flags of `celery` itself, before the sub-command, likewise."""
    misplaced: Mapping[str, Option] = {}
    """Flags of `celery` itself that stand behind the sub-command, where only Celery 4 reads them."""
    unread: tuple[int, ...] = ()
    """Words that look like flags and are none of this version's."""
    complete: bool = True
    """False where a word that cannot be known may hold more flags."""
    start: int = 0
    """Which word names the program; -1 if none does."""
    at: int = 0
    """Which word names the sub-command."""
    node: str = ""
    """The node's name, for one of `celery multi`."""

    def app_option(self, name: str) -> Option | None:
        """A flag of `celery` itself, wherever it stands."""
        return self.misplaced.get(name) or self.app_options.get(name)


def parse(words: Sequence[Word], catalog: Catalog) -> CommandLine | None:
    """The command line that starts with, or somewhere holds, the program `celery`, or that begins behind it; else None.

    Of `celery multi`, its first node.
    """
    return next(iter(parse_all(words, catalog)), None)


def parse_all(words: Sequence[Word], catalog: Catalog) -> tuple[CommandLine, ...]:
    """What a command line starts: one worker or beat, or each node of `celery multi`; `flower` and `events` with their flags."""
    # Without the program the words are those of `app.worker_main([...])`: there `celery` may be the name of a queue.
    start = -1 if words and words[0] in _SUBCOMMANDS else _start(words)
    old = _OLD_PROGRAMS.get(_program(words[start] or "")) if start >= 0 else None
    reader = _Reader(words, catalog.global_flags)
    at = start if old else reader.group(start + 1)
    if at is None:
        return ()
    subcommand = old or words[at] or ""
    line = CommandLine(
        subcommand, {}, reader.found, start=start, at=at, unread=tuple(reader.unread), complete=reader.complete
    )
    if subcommand == "multi":
        return tuple(_nodes(words, line, catalog))
    if subcommand in ("worker", "beat"):
        return (_command(words, line, catalog),)
    if subcommand in ("flower", "events"):
        options, complete = loose(words, at + 1)
        return (line._replace(options=options, complete=complete),)
    return ()


def _start(words: Sequence[Word]) -> int:
    """Where the program stands, -1 if it is not among them."""
    return next((i for i, word in enumerate(words) if word and _program(word) in ("celery", *_OLD_PROGRAMS)), -1)


def _program(word: str) -> str:
    return word.replace("\\", "/").rpartition("/")[2].removesuffix(".exe")


def _command(words: Sequence[Word], line: CommandLine, catalog: Catalog) -> CommandLine:
    """A worker or a beat: its flags are read from the word behind the sub-command on."""
    flags = catalog.worker_flags if line.subcommand == "worker" else catalog.beat_flags
    reader = _Reader(words, flags, catalog.global_flags)
    reader.command(line.at + 1)
    return line._replace(
        options=reader.found,
        misplaced=reader.misplaced,
        unread=(*line.unread, *reader.unread),
        complete=line.complete and reader.complete,
    )


class _Reader:
    """click's parser (`click.parser._OptionParser`), for one command."""

    def __init__(self, words: Sequence[Word], flags: Mapping[str, Flag], outer: Mapping[str, Flag] = {}) -> None:
        self.words = words
        self.flags = flags
        self.outer = outer
        """Flags of the command around it, which Celery 4 read here as well."""
        self.found: dict[str, Option] = {}
        self.misplaced: dict[str, Option] = {}
        self.unread: list[int] = []
        self.complete = True

    def group(self, index: int) -> int | None:
        """Read flags up to the sub-command; the index of that, or None if it is not known or there is none."""
        while index < len(self.words):
            word = self.words[index]
            if word is None or (UNKNOWN in word and not _is_flag(word)):
                return None
            if word == "--":
                index += 1
                break
            if not _is_flag(word):
                break
            index = self.flag(index, word)
        return index if index < len(self.words) and self.words[index] is not None else None

    def command(self, index: int) -> None:
        """Read flags up to the end; arguments between them are passed over."""
        while index < len(self.words):
            word = self.words[index]
            if word == "--":
                return
            if word is None or (UNKNOWN in word and not _is_flag(word)):
                self.complete = False
                index += 1
            elif _is_flag(word):
                index = self.flag(index, word)
            else:
                index += 1

    def flag(self, index: int, word: str) -> int:
        """Read one word of flags; the index of the word behind it and its value."""
        maybe = word.startswith(UNKNOWN)
        text = word.lstrip(UNKNOWN)
        spelled, equals, value = text.partition("=")
        long = self.flags.get(spelled) or self.outer.get(spelled)
        if long is not None and (spelled.startswith("--") or not equals):
            return self.take(index, spelled, value if equals else None, not maybe)
        if text.startswith("--"):
            self.unread.append(index)
            self.complete = self.complete and UNKNOWN not in spelled
            return index + 1
        return self.cluster(index, text, not maybe)

    def cluster(self, index: int, text: str, certain: bool) -> int:
        """`-BE` is `-B -E`, `-c4` is `-c 4`; so is `-c=4` with the value `=4`."""
        for offset, letter in enumerate(text[1:], 1):
            spelled = f"-{letter}"
            flag = self.flags.get(spelled) or self.outer.get(spelled)
            if flag is None:
                self.unread.append(index)
                self.complete = self.complete and UNKNOWN not in text
                return index + 1
            if flag.takes_value:
                rest = text[offset + 1 :]
                return self.take(index, spelled, rest or None, certain)
            self.take(index, spelled, None, certain)
        return index + 1

    def take(self, index: int, spelled: str, attached: str | None, certain: bool) -> int:
        """Note a flag whose value, if any, is attached to it or the next word; the index behind both."""
        own = self.flags.get(spelled)
        flag = own or self.outer[spelled]
        into = self.found if own is not None else self.misplaced
        behind = index + 1
        value: Word = attached
        if flag.takes_value and attached is None:
            if behind < len(self.words):
                value = self.words[behind]
            behind += 1
            certain = certain and value is not None
        if spelled in flag.negative:
            into.pop(flag.name, None)
            return behind
        if value is not None and UNKNOWN in value:
            # A list of queues of which some are known is still read as far as it goes.
            value, certain = None, False
        into[flag.name] = Option(index, value if flag.takes_value else None, certain, spelled)
        return behind


def _is_flag(word: str) -> bool:
    text = word.lstrip(UNKNOWN)
    return text.startswith("-") and len(text) > 1


def loose(words: Sequence[Word], index: int) -> tuple[dict[str, Option], bool]:
    """Flags of a program whose own table is not known: `--name=value` or `--name value`, `_` for `-` in names.

    Also whether these are all: no word there may hold others.
    """
    found: dict[str, Option] = {}
    complete = True
    while index < len(words):
        word, here = words[index], index
        index += 1
        if word is None or (UNKNOWN in word and not _is_flag(word)):
            complete = False
            continue
        if not _is_flag(word):
            continue
        spelled, equals, value = word.lstrip(UNKNOWN).partition("=")
        given: Word = value if equals else None
        if not equals and index < len(words):
            following = words[index]
            if following is not None and not _is_flag(following):
                given, index = following, index + 1
        known = not word.startswith(UNKNOWN) and UNKNOWN not in (given or "")
        found[spelled.lstrip("-").replace("-", "_")] = Option(here, given if known else None, known, spelled)
    return found, complete


# --- celery multi -----------------------------------------------------------------------------------------------------


class _Given(NamedTuple):
    """An option of `celery multi` and its value, each with the word it stands in."""

    name: str
    value: str | None
    position: int
    value_at: int


def _nodes(words: Sequence[Word], line: CommandLine, catalog: Catalog) -> Iterator[CommandLine]:
    """The workers that `celery multi start` starts (`celery.apps.multi.MultiParser`)."""
    rest = [
        i
        for i in range(line.at + 1, len(words))
        if words[i] not in ("", "--nosplash", "--quiet", "-q", "--verbose", "--no-color")
    ]
    if not rest or words[rest[0]] not in _STARTING:
        return
    names, shared, spaced, complete = _split(words, rest[1:])
    if len(names) == 1 and names[0].isascii() and names[0].isdecimal():
        names = [str(n) for n in range(1, min(int(names[0][:6]), MOST_NODES) + 1)]
        ranged = True
    else:
        ranged = False
    own = _own(names, spaced, ranged)
    for name in names[:MOST_NODES]:
        options = {**shared, **own.get(name, {}), **own.get(name.partition("@")[0], {})}
        yield _node(words, line, name, options, catalog)._replace(complete=line.complete and complete)


_Options = dict[str, _Given]


def _split(words: Sequence[Word], indices: Sequence[int]) -> tuple[list[str], _Options, dict[str, _Options], bool]:
    """Names of nodes, options of all, options of some, and whether nothing of it is unknown."""
    names: list[str] = []
    shared: _Options = {}
    spaced: dict[str, _Options] = {}
    complete = True
    at = 0
    while at < len(indices):
        here = indices[at]
        word = words[here]
        at += 1
        if word == "--":
            break
        if word is None or (UNKNOWN in word and not _is_flag(word)):
            complete = False
            if not names:
                names.append(word or UNKNOWN)
            continue
        if not word.lstrip(UNKNOWN).startswith("-"):
            names.append(word)
            continue
        name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        given = _Given(name, value if equals else None, here, here)
        if not word.startswith("--") and at < len(indices):
            following = words[indices[at]]
            if following is None or not following.startswith("-"):
                given = _Given(name, following if following is not None else UNKNOWN, here, indices[at])
                at += 1
        option, _, namespace = name.partition(":")
        into = spaced.setdefault(namespace, {}) if namespace else shared
        into[option] = given._replace(name=option)
    return names, shared, spaced, complete


def _own(names: Sequence[str], spaced: Mapping[str, _Options], ranged: bool) -> dict[str, _Options]:
    """Options of single nodes: `-c:w1`, `-c:1,2` by index, and `-c:1-3` where the nodes have numbers for names."""
    own: dict[str, _Options] = {}
    for namespace, options in spaced.items():
        for part in namespace.split(","):
            first, dash, last = part.partition("-")
            if ranged and dash and first.isdecimal() and last.isdecimal():
                chosen = [str(n) for n in range(int(first[:6]), min(int(last[:6]), MOST_NODES) + 1)]
            elif part.isdecimal() and 0 < int(part[:6]) <= len(names):
                chosen = [names[int(part[:6]) - 1]]
            else:
                chosen = [part]
            for name in chosen:
                own.setdefault(name, {}).update(options)
    return own


def _node(words: Sequence[Word], line: CommandLine, name: str, options: _Options, catalog: Catalog) -> CommandLine:
    """One node as the worker's command line that it becomes."""
    argv: list[Word] = []
    origins: list[int] = []
    for given in options.values():
        if given.name in ("--cmd", "--append", "--prefix", "--suffix", "--range-prefix"):
            continue
        if given.name.startswith("--"):
            parts = [given.name if not given.value else f"{given.name}={given.value}"]
        else:
            parts = [given.name, *([given.value] if given.value else [])]
        argv += parts
        origins += [given.position, given.value_at][: len(parts)]
    reader = _Reader(argv, catalog.worker_flags, catalog.global_flags)
    reader.command(0)
    moved = {key: option._replace(position=origins[option.position]) for key, option in reader.found.items()}
    outer = {key: option._replace(position=origins[option.position]) for key, option in reader.misplaced.items()}
    return CommandLine(
        "worker",
        moved,
        {**line.app_options, **outer},
        complete=reader.complete,
        start=line.start,
        at=line.at,
        node=name.replace(UNKNOWN, ""),
    )


# --- environment variables --------------------------------------------------------------------------------------------


def from_environment(flag: Flag, command: str, environment: Mapping[str, str | None]) -> tuple[str, str | None] | None:
    """The environment variable that click reads a flag from, and its value (None if not known); None if none is set.

    Args:
        flag: a flag of the command.
        command: `worker`, `beat`, or empty for `celery` itself.
        environment: variables; None for a value that is not known.
    """
    automatic = "_".join(("CELERY", *([command.upper()] if command else []), flag.name.upper()))
    for name in (flag.env, automatic):
        # click takes an empty variable for none.
        if name and environment.get(name, "") != "":
            return name, environment[name]
    return None

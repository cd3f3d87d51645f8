"""Command lines are read as click and `celery multi` read them: both are asked, for thousands of generated ones."""

from __future__ import annotations

import random
import shlex
from collections.abc import Sequence

import click
import pytest
from celery.apps.multi import MultiParser, NamespacedOptionParser, format_opt
from celery.bin.celery import celery as program

from celerylint import catalog
from celerylint.model.commandline import CommandLine, from_environment, parse, parse_all
from celerylint.model.deploy.process import UNKNOWN

NEWEST = catalog.load()


def line(text: str) -> CommandLine:
    found = parse(shlex.split(text), NEWEST)
    assert found is not None
    return found


# --- click ------------------------------------------------------------------------------------------------------------


def asked(command: click.Command, words: Sequence[str]) -> tuple[dict[str, str | bool], list[str]]:
    """The options that click finds, before it converts them, and what it leaves."""
    context = click.Context(command, **command.context_settings)
    options, rest, _ = command.make_parser(context).parse_args(list(words))
    return {name: value for name, value in options.items() if value is not False and value is not None}, rest


def plainly(found: CommandLine, options: str) -> dict[str, str | bool]:
    flags = {"worker": NEWEST.worker_flags, "beat": NEWEST.beat_flags}[found.subcommand]
    table = NEWEST.global_flags if options == "app_options" else flags
    by_name = {flag.name: flag for flag in table.values()}
    return {
        name: (option.value or "") if by_name[name].takes_value else True
        for name, option in getattr(found, options).items()
    }


def spelled(rng: random.Random, flags: dict[str, catalog.Flag]) -> list[str]:
    """One flag in one of the ways to write it."""
    spelling = rng.choice(sorted(flags))
    value = rng.choice(["a", "a,b", "4", "proj", "x=y", "-1", "worker", "a b"])
    if not flags[spelling].takes_value:
        if spelling.startswith("--"):
            return [spelling]
        others = [s for s in sorted(flags) if len(s) == 2]
        tail = "".join(rng.choice(others)[1] for _ in range(rng.randrange(3)))
        return [spelling + tail]
    if spelling.startswith("--"):
        return rng.choice([[spelling, value], [f"{spelling}={value}"], [f"{spelling}="]])
    return rng.choice([[spelling, value], [spelling + value], [f"{spelling}={value}"]])


def generated(seed: int) -> list[str]:
    rng = random.Random(seed)
    subcommand = rng.choice(["worker", "worker", "beat"])
    flags = NEWEST.worker_flags if subcommand == "worker" else NEWEST.beat_flags
    words = [word for _ in range(rng.randrange(4)) for word in spelled(rng, NEWEST.global_flags)]
    words.append(subcommand)
    for _ in range(rng.randrange(6)):
        words += spelled(rng, flags)
        if rng.random() < 0.1:
            words.append(rng.choice(["stray", "--", "-", "worker.pool=solo", "--no-such", "-A", "-Z"]))
    return words


def test_it_reads_what_click_reads() -> None:
    compared = refused = 0
    for seed in range(6000):
        words = generated(seed)
        try:
            outer, rest = asked(program, words)
            inner, _ = asked(program.commands[rest[0]], rest[1:])
        except (click.NoSuchOption, KeyError, IndexError):
            found = parse(["celery", *words], NEWEST)
            assert found is None or found.unread or found.misplaced, words
            refused += 1
            continue
        except click.BadOptionUsage:
            continue
        found = parse(["celery", *words], NEWEST)
        assert found is not None, words
        assert found.subcommand == rest[0]
        assert plainly(found, "app_options") == outer, words
        assert plainly(found, "options") == inner, words
        assert (found.unread, found.misplaced) == ((), {}), words
        for option in (*found.options.values(), *found.app_options.values()):
            assert ["celery", *words][option.position].startswith(option.spelling[:1])
        compared += 1
    assert compared > 3000
    assert refused > 200


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("celery -A p worker -Q a,b", {"queues": "a,b"}),
        ("celery -A p worker -Qa -c4", {"queues": "a", "concurrency": "4"}),
        ("celery -A p worker --queues=a --queues=b", {"queues": "b"}),
        ("/venv/bin/celery --app p worker -BE", {"beat": None, "task_events": None}),
        ("celery -A p worker -lINFO -Ofair", {"loglevel": "INFO", "optimization": "fair"}),
        ("celery -A p worker --without-gossip stray -c 2", {"without_gossip": None, "concurrency": "2"}),
        ("celery -A p worker -- -c 2", {}),
        ("celeryd -c 2", {"concurrency": "2"}),
    ],
)
def test_flags(text: str, options: dict[str, str | None]) -> None:
    assert {name: option.value for name, option in line(text).options.items()} == options


def test_global_flags_behind_the_sub_command_are_those_of_celery_4() -> None:
    found = line("celery worker -A proj -l info --workdir=/srv -c 2")
    assert {name: option.value for name, option in found.misplaced.items()} == {"app": "proj", "workdir": "/srv"}
    assert found.misplaced["app"].position == 2
    assert found.options["concurrency"].value == "2"
    assert found.app_option("app") == found.misplaced["app"]


def test_flags_of_another_version_are_left_alone() -> None:
    found = line("celery -A p worker --maxtasksperchild=5 -c 2")
    assert found.unread == (4,)
    assert found.options["concurrency"].value == "2"


# --- words that are not known -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("queues", [f"-Q{UNKNOWN}", f"--queues={UNKNOWN},b"])
def test_a_value_that_is_not_known(queues: str) -> None:
    found = parse(["celery", "worker", queues, "-c", "4"], NEWEST)
    assert found is not None
    assert found.complete
    assert found.options["queues"].value is None
    assert not found.options["queues"].known
    assert found.options["concurrency"].value == "4"


@pytest.mark.parametrize("word", [None, UNKNOWN, f"{UNKNOWN} --beat"])
def test_a_word_that_may_be_any_flag(word: str | None) -> None:
    found = parse(["celery", "worker", "-Q", "a", word], NEWEST)
    assert found is not None
    assert not found.complete
    assert found.options["queues"].value == "a"


def test_a_flag_that_may_be_there() -> None:
    found = parse(["celery", "worker", f"{UNKNOWN}-c", f"{UNKNOWN}4", "-Q", "a"], NEWEST)
    assert found is not None
    assert found.complete
    assert not found.options["concurrency"].known
    assert found.options["queues"].known


@pytest.mark.parametrize(
    "words", [["celery", UNKNOWN], ["celery", "-A", "p", None], ["celery"], ["celery", "-A"], [], ["x", "worker"]]
)
def test_no_command_line(words: list[str | None]) -> None:
    assert parse(words, NEWEST) is None


# --- celery multi -----------------------------------------------------------------------------------------------------


class Asked(MultiParser):
    """Celery's own parser, which would make the folders of the pid files."""

    class Node:  # type: ignore[assignment]
        def __init__(self, name: str, cmd: str, append: str, options: dict[str, str | None], extra: str) -> None:
            self.name = name
            self.words = [word for key, value in options.items() for word in format_opt(key, value).split(" ", 1)]


def nodes_of_celery(words: list[str]) -> list[tuple[str, dict[str, str | bool]]]:
    parser = NamespacedOptionParser(words)
    parser.parse()
    found = []
    for node in Asked().parse(parser):
        worker, group = program.commands["worker"], {"-A", "--app"}
        kept = [w for i, w in enumerate(node.words) if w not in group and (i == 0 or node.words[i - 1] not in group)]
        found.append((node.name.partition("@")[0], asked(worker, [w for w in kept if not w.startswith("--app=")])[0]))
    return found


@pytest.mark.parametrize(
    "text",
    [
        "w1 w2 -A proj -l INFO",
        "w1 w2 -A proj -Q:w1 a,b -Q:w2 c -c 3",
        "w1 w2 -A proj -Q a -Q:1 b -c:1,2 4",
        "3 -A proj -c 3 -Q:1-2 fast -Q:3 slow",
        "10 -A proj -l INFO -Q:1-3 images,video -Q:4,5 data -Q default -L:4,5 DEBUG".replace(" -L:4,5 DEBUG", ""),
        "w1@a w2@b --app=proj --time-limit=300 --concurrency:w1=2",
        "w1 -A proj --pidfile=/run/%n.pid --logfile=/log/%n%I.log --loglevel=INFO -B",
        "--app=proj --beat w1 --concurrency=8",
        "Leslie Franklin -E",
    ],
)
def test_multi_starts_the_nodes_that_celery_starts(text: str) -> None:
    words = shlex.split(text)
    ours = parse_all(["celery", "multi", "start", *words], NEWEST)
    expected = nodes_of_celery(words)
    assert [line.node.partition("@")[0] for line in ours] == [name.removeprefix("celery") for name, _ in expected]
    assert [plainly(line, "options") for line in ours] == [options for _, options in expected]
    for line in ours:
        if "queues" in line.options:
            assert "-Q" in ["celery", "multi", "start", *words][line.options["queues"].position]


def test_multi_takes_the_app_wherever_it_stands() -> None:
    for text in (
        "celery -A proj multi start w1 -c 2",
        "celery multi start w1 -A proj -c 2",
        "celery multi restart w1 --app=proj",
    ):
        (found,) = parse_all(shlex.split(text), NEWEST)
        assert found.subcommand == "worker"
        option = found.app_option("app")
        assert option is not None
        assert option.value == "proj"
        assert not found.misplaced


@pytest.mark.parametrize("text", ["stop w1", "stopwait 3", "kill w1", "names 3", "", "show w1"])
def test_multi_that_starts_nothing(text: str) -> None:
    assert parse_all(["celery", "multi", *shlex.split(text)], NEWEST) == ()


def test_nodes_that_are_not_known() -> None:
    (found,) = parse_all(["celery", "multi", "start", UNKNOWN, "-A", "proj", "-Q", "a"], NEWEST)
    assert not found.complete
    assert found.options["queues"].value == "a"


# --- the rest ---------------------------------------------------------------------------------------------------------


def test_flower() -> None:
    found = line("celery -A p --broker redis:// flower --port=5555 --basic_auth=u:p --persistent")
    assert found.subcommand == "flower"
    assert {name: option.value for name, option in found.options.items()} == {
        "port": "5555",
        "basic_auth": "u:p",
        "persistent": None,
    }


@pytest.mark.parametrize(
    ("name", "command", "environment", "found"),
    [
        ("queues", "worker", {"CELERY_WORKER_QUEUES": "a,b"}, ("CELERY_WORKER_QUEUES", "a,b")),
        ("queues", "worker", {"CELERY_WORKER_QUEUES": None}, ("CELERY_WORKER_QUEUES", None)),
        ("queues", "worker", {"CELERY_WORKER_QUEUES": "", "QUEUES": "a"}, None),
        ("app", "", {"CELERY_APP": "p"}, ("CELERY_APP", "p")),
        ("app", "", {"CELERY_APP": "p", "APP": "q"}, ("APP", "q")),
    ],
)
def test_environment(
    name: str, command: str, environment: dict[str, str | None], found: tuple[str, str | None] | None
) -> None:
    flags = NEWEST.worker_flags if command else NEWEST.global_flags
    flag = next(flag for flag in flags.values() if flag.name == name)
    assert from_environment(flag, command, environment) == found
    if None not in environment.values():
        owner = program.commands[command] if command else program
        param = next(param for param in owner.params if param.name == name)
        context = click.Context(owner, auto_envvar_prefix=f"CELERY_{command.upper()}".rstrip("_"))
        with pytest.MonkeyPatch.context() as patch:
            for key, value in environment.items():
                patch.setenv(key, value or "")
            assert param.value_from_envvar(context) == (found[1] if found else None)

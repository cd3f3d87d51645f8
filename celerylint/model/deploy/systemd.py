"""Units of systemd."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from celerylint.facts.deploy.ir import DeployFacts, Section, SectionFile, Setting
from celerylint.finding import Place
from celerylint.model.deploy.containers import World, unfollowed
from celerylint.model.deploy.hosts import beside, last
from celerylint.model.deploy.process import UNKNOWN, Invocation, Known, Process, Word
from celerylint.model.deploy.scripts import invocations
from celerylint.model.deploy.texts import Text, known_text, located, of_word, place_of, replaced, split

GRACE = Known(90, None)
"""Seconds that systemd waits before it kills (`DefaultTimeoutStopSec`)."""
_PREFIXES = "@-:+!|"
_SPECIFIER = re.compile(r"%%|%[A-Za-z]")
_BRACED = re.compile(r"\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_ALONE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_STEP = re.compile(r"([0-9.]+)\s*([a-z]*)\s*")
_UNITS = {
    **dict.fromkeys(("", "s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
    **dict.fromkeys(("ms", "msec"), 1e-3),
    **dict.fromkeys(("us", "usec"), 1e-6),
}


def processes(facts: DeployFacts, world: World) -> Iterator[Process]:
    """The service of a unit."""
    sections = facts.content.sections if isinstance(facts.content, SectionFile) else []
    services = [section for section in sections if section.name == "Service"]
    for section in services[:1]:
        commands = list(_commands(section))
        if commands:
            yield _service(facts.path, section, commands, world)


def _commands(section: Section) -> list[Setting]:
    """The commands that are started; an empty one takes away those before it."""
    found: list[Setting] = []
    for setting in section.settings:
        if setting.key == "ExecStart":
            found = [*found, setting] if setting.value.strip() else []
    return found


def _service(path: str, section: Section, commands: list[Setting], world: World) -> Process:
    load = beside(path, world)
    environment = dict(_environment(path, section, world))
    found: list[Invocation] = []
    for command in commands:
        words = _words(located(path, command), environment)
        found.extend(invocations(words, environment, load, via=(place_of(path, section),)))
    kill = last(section, "KillMode")
    if kill is None or kill.value.strip() == "control-group":
        # The signal goes to every process of the unit.
        found = [replace(invocation, signalled=True) for invocation in found]
    grace = last(section, "TimeoutStopSec") or last(section, "TimeoutSec")
    name = posixpath.basename(path).partition(".service")[0]
    attributes = {
        key: known_text(located(path, setting))
        for key in ("KillSignal", "KillMode", "WorkingDirectory", "Type", "Restart")
        if (setting := last(section, key)) is not None
    }
    missing = next(_missing(path, section, world), None)
    if missing is not None:
        attributes["variables_elsewhere"] = Known(True, missing)
    return Process(
        platform="systemd",
        name=name,
        place=place_of(path, commands[0]),
        deployment=f"units in {posixpath.dirname(path) or '.'}",
        invocations=tuple(found),
        complete=not any(map(unfollowed, found)),
        # A template is started once for each of its instances.
        replicas=Known(None, place_of(path, section)) if name.endswith("@") else Known(1, None),
        grace=_seconds(located(path, grace)) if grace is not None else GRACE,
        development=world.why(path),
        attributes=attributes,
    )


def _words(text: Text, environment: Mapping[str, str | None]) -> tuple[Word, ...]:
    """The words of a command line: `${NAME}` becomes part of a word, `$NAME` alone as many as it holds."""
    found: list[Word] = []
    start = len(text.text) - len(text.text.lstrip(_PREFIXES))
    for word in split(
        replaced(text.cut(start, len(text.text)), _SPECIFIER, lambda match: "%" if match[0] == "%%" else None)
    ):
        alone = _ALONE.fullmatch(word.text)
        if alone is None:
            whole = replaced(of_word(word), _BRACED, lambda match: environment.get(match[1]) if match[1] else "$")
            found.append(whole.word())
            continue
        value = environment.get(alone[1])
        parts = [UNKNOWN] if value is None else value.split()
        found.extend(Word(part, word.place) for part in parts)
    return tuple(found)


def _environment(path: str, section: Section, world: World) -> Iterator[tuple[str, str | None]]:
    """Variables that the unit sets, then those of its files, which win."""
    for setting in section.settings:
        if setting.key == "Environment":
            for word in split(located(path, setting)):
                name, _, value = word.text.partition("=")
                yield name, None if _SPECIFIER.search(value) else value
    for facts in _files(path, section, world):
        for held in facts.content.sections if isinstance(facts.content, SectionFile) else ():
            yield from ((one.key, one.value) for one in held.settings)


def files_of_variables(path: str, facts: DeployFacts, world: World) -> Iterator[DeployFacts]:
    """The files of variables that a unit reads; none for a file that is no unit."""
    if facts.kind == "systemd" and isinstance(facts.content, SectionFile):
        for section in facts.content.sections:
            yield from _files(path, section, world)


def _files(path: str, section: Section, world: World) -> Iterator[DeployFacts]:
    load = beside(path, world)
    for setting in section.settings:
        if setting.key == "EnvironmentFile":
            facts = load(setting.value.strip().lstrip("-"))
            if facts is not None:
                yield facts


def _missing(path: str, section: Section, world: World) -> Iterator[Place]:
    """Files of variables that are not here."""
    load = beside(path, world)
    for setting in section.settings:
        if setting.key == "EnvironmentFile" and load(setting.value.strip().lstrip("-")) is None:
            yield place_of(path, setting)


def _seconds(text: Text) -> Known:
    """A duration of systemd: `90`, `5min 20s`; `infinity` never ends."""
    place = text.word().place
    written = text.text.strip()
    if written in ("infinity", "0"):
        return Known(float("inf"), place)
    steps = _STEP.findall(written)
    try:
        total = sum(float(count) * _UNITS[unit] for count, unit in steps)
    except (ValueError, KeyError):
        return Known(None, place)
    return Known(total, place) if steps and _STEP.sub("", written) == "" else Known(None, place)

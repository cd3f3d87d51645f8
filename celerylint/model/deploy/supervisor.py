"""Programs of supervisord."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from celerylint.facts.deploy.ir import DeployFacts, Section, SectionFile, Setting
from celerylint.model.deploy.containers import World, unfollowed
from celerylint.model.deploy.hosts import beside, last
from celerylint.model.deploy.process import UNKNOWN, Known, Process
from celerylint.model.deploy.scripts import invocations
from celerylint.model.deploy.texts import Text, known_text, located, number, place_of, replaced, split

GRACE = Known(10, None)
"""Seconds that supervisord waits before it kills (`stopwaitsecs`)."""
_EXPANSION = re.compile(r"%%|%\((\w+)\)[0-9]*[sd]")
_PAIR = re.compile(r"""\s*([^=,\s]+)\s*=\s*("[^"]*"|'[^']*'|[^,]*?)\s*(?:,|$)""")


def processes(facts: DeployFacts, world: World) -> Iterator[Process]:
    """The programs of a file."""
    if not isinstance(facts.content, SectionFile):
        return
    shared: dict[str, str | None] = {}
    for section in facts.content.sections:
        if section.name == "supervisord":
            shared.update(_environment(facts.path, last(section, "environment"), {}))
    for section in facts.content.sections:
        kind, _, name = section.name.partition(":")
        command = last(section, "command")
        if kind == "program" and command is not None:
            yield _program(facts.path, section, name.strip(), command, shared, world)


def _program(
    path: str, section: Section, name: str, command: Setting, shared: Mapping[str, str | None], world: World
) -> Process:
    names = {"program_name": name, "group_name": name}
    own = _environment(path, last(section, "environment"), names)
    environment = {**shared, **own}
    # The program's own variables can be named as those of the machine can.
    names.update((f"ENV_{key}", value) for key, value in own.items() if value is not None)
    words = split(_expanded(located(path, command), names))
    found = invocations(words, environment, beside(path, world), via=(place_of(path, section),))
    as_group = last(section, "stopasgroup")
    if as_group is not None and as_group.value.lower() in ("true", "yes", "on", "1"):
        found = tuple(replace(invocation, signalled=True) for invocation in found)
    grace, copies = last(section, "stopwaitsecs"), last(section, "numprocs")
    attributes = {}
    for key in ("autostart", "stopsignal", "directory"):
        setting = last(section, key)
        if setting is not None:
            attributes[key] = known_text(_expanded(located(path, setting), names))
    return Process(
        platform="supervisor",
        name=name,
        place=place_of(path, section),
        deployment=path,
        invocations=found,
        complete=not any(map(unfollowed, found)),
        replicas=number(_expanded(located(path, copies), names)) if copies is not None else Known(1, None),
        grace=number(_expanded(located(path, grace), names)) if grace is not None else GRACE,
        development=world.why(path),
        attributes=attributes,
    )


def _expanded(text: Text, names: Mapping[str, str]) -> Text:
    """A value with `%(name)s` replaced; what the machine gives (`%(ENV_X)s`, `%(process_num)d`) is not known."""
    return replaced(text, _EXPANSION, lambda match: "%" if match[1] is None else names.get(match[1]))


def _environment(path: str, setting: Setting | None, names: Mapping[str, str]) -> dict[str, str | None]:
    """`KEY="value",OTHER=value`."""
    if setting is None:
        return {}
    pairs = _PAIR.findall(_expanded(located(path, setting), names).text)
    return {name: None if UNKNOWN in value else value.strip("\"'") for name, value in pairs}

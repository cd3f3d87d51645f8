"""Procfiles, and how many of their processes an app.json asks for."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from msgspec.structs import replace

from celerylint.facts.deploy.ir import DeployFacts, Instruction, InstructionFile, MapNode, Scalar, TreeFile
from celerylint.model.deploy.containers import World, unfollowed
from celerylint.model.deploy.dockerfile import SHELL
from celerylint.model.deploy.hosts import beside
from celerylint.model.deploy.process import Known, Process, Word
from celerylint.model.deploy.scripts import invocations
from celerylint.model.deploy.texts import located, number, place_of

GRACE = Known(30, None)
"""Seconds that Heroku waits before it kills."""
_ONCE = frozenset({"release", "postdeploy"})
"""Process types that are run once."""


def processes(facts: DeployFacts, world: World) -> Iterator[Process]:
    """The process types of a Procfile."""
    if not isinstance(facts.content, InstructionFile):
        return
    app = _app(facts, world)
    for instruction in facts.content.instructions:
        if instruction.word not in _ONCE:
            yield _process(facts.path, instruction, app, world)


def _process(path: str, instruction: Instruction, app: DeployFacts | None, world: World) -> Process:
    command, place = located(path, instruction).word(), place_of(path, instruction)
    environment = dict(_environment(app))
    words = (*(Word(word, command.place) for word in SHELL), command)
    found = invocations(words, environment, beside(path, world), via=(place,))
    return Process(
        platform="procfile",
        name=instruction.word,
        place=place,
        deployment=path,
        # Heroku signals every process of a dyno.
        invocations=tuple(replace(invocation, signalled=True) for invocation in found),
        complete=not any(map(unfollowed, found)),
        replicas=_quantity(app, instruction.word),
        grace=GRACE,
        development=world.why(path),
    )


def _app(facts: DeployFacts, world: World) -> DeployFacts | None:
    return world.load(posixpath.normpath(posixpath.join(posixpath.dirname(facts.path), "app.json")))


def _entries(app: DeployFacts | None, key: str) -> MapNode | None:
    content = app.content if app is not None else None
    root = content.documents[0] if isinstance(content, TreeFile) and content.documents else None
    held = root.get(key) if isinstance(root, MapNode) else None
    return held if isinstance(held, MapNode) else None


def _quantity(app: DeployFacts | None, name: str) -> Known:
    """How many dynos app.json asks for; without it, one decides elsewhere."""
    formation = _entries(app, "formation")
    process = formation.get(name) if formation is not None else None
    count = process.get("quantity") if isinstance(process, MapNode) else None
    return number(located(app.path, count)) if app is not None and isinstance(count, Scalar) else Known(None, None)


def _environment(app: DeployFacts | None) -> Iterator[tuple[str, str | None]]:
    held = _entries(app, "env")
    for entry in held.entries if held is not None else ():
        value = entry.value.get("value") if isinstance(entry.value, MapNode) else entry.value
        yield entry.key, value.text if isinstance(value, Scalar) else None

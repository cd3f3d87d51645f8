"""Dockerfiles and scripts that start Celery and that no other file of the project runs: somebody else's platform does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from celerylint.facts.deploy.ir import DeployFacts, ScriptFile
from celerylint.finding import Place, Span
from celerylint.model.deploy.containers import Container, World, runs_celery, start, unfollowed
from celerylint.model.deploy.dockerfile import Image
from celerylint.model.deploy.hosts import beside
from celerylint.model.deploy.process import Invocation, Known, Process
from celerylint.model.deploy.scripts import run


def processes(world: World, known: Iterable[Process]) -> Iterator[Process]:
    """What images and scripts start, where no known process runs it."""
    seen = {invocation.place for process in known for invocation in process.invocations}
    for image in world.images:
        process = _image(image, world)
        places = {invocation.place for invocation in process.invocations}
        if places and not places & seen:
            seen |= places
            yield process
    for path, facts in sorted(world.facts.items()):
        if isinstance(facts.content, ScriptFile):
            script = _script(path, facts, facts.content, world)
            places = {invocation.place for invocation in script.invocations}
            if places and not places & seen:
                seen |= places
                yield script


def _image(image: Image, world: World) -> Process:
    place = image.started_at or image.place
    started = start(Container(image.path, place, image=image), world)
    found = tuple(filter(runs_celery, started.invocations))
    return _process("dockerfile", image.path, place, found, started.complete, world)


def _script(path: str, facts: DeployFacts, script: ScriptFile, world: World) -> Process:
    place = Place(path, Span(1, 1, 1, 1))
    invocations = run(script, (), {}, beside(path, world), path, outside=True)
    found = tuple(filter(runs_celery, invocations))
    return _process("script", path, place, found, not any(map(unfollowed, invocations)), world)


def _process(
    platform: str, path: str, place: Place, invocations: tuple[Invocation, ...], complete: bool, world: World
) -> Process:
    return Process(
        platform=platform,
        name=path,
        place=place,
        deployment=path,
        invocations=invocations,
        complete=complete,
        replicas=Known(None, None),
        grace=Known(None, None),
        development=world.why(path),
    )

"""All deployment files of a project -> the processes and brokers that they start. The only entry to the platforms."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from celerylint.facts.deploy.ir import DeployFacts
from celerylint.model.deploy import (
    brokers,
    compose,
    dockerfile,
    ecs,
    helm,
    heroku,
    initd,
    kubernetes,
    loose,
    supervisor,
    systemd,
)
from celerylint.model.deploy.containers import World, looks_ours, runs_celery
from celerylint.model.deploy.development import Patterns, judge
from celerylint.model.deploy.dockerfile import Image
from celerylint.model.deploy.process import Deployment, Load, Process

_NONE = Patterns()
_FILES = {
    "procfile": heroku.processes,
    "supervisor": supervisor.processes,
    "systemd": systemd.processes,
}
"""Kinds of which each file stands alone."""


def deployment(facts: Mapping[str, DeployFacts], load: Load, patterns: Patterns = _NONE) -> Deployment:
    """What the deployment files come down to.

    `facts` are the files that were found, by path; `load` finds others that they name, such as scripts.
    """
    world = _world(facts, load, patterns)
    processes = list(_without_repeats(list(_told_apart(_processes(world)))))
    processes.extend(loose.processes(world, processes))
    return Deployment(tuple(processes), tuple(brokers.brokers(processes, world)))


def _world(facts: Mapping[str, DeployFacts], load: Load, patterns: Patterns) -> World:
    world = World(facts, load, judge(patterns))
    images = tuple(_images(facts, dict(compose.contexts(world))))
    return world._replace(images=images, built=compose.built(world))


def _images(facts: Mapping[str, DeployFacts], contexts: Mapping[str, str]) -> Iterator[Image]:
    """What each Dockerfile makes, from the folder that a Compose file gives, else from the root and from its own."""
    for path, held in sorted(facts.items()):
        if held.kind == "dockerfile":
            likely = (contexts[path],) if path in contexts else ("", posixpath.dirname(path))
            images = (dockerfile.read(held, context) for context in dict.fromkeys(likely))
            yield from (image for image in images if image is not None)


def _processes(world: World) -> Iterator[Process]:
    for project in compose.projects(world):
        yield from compose.processes(project, world)
    for bundle in kubernetes.bundles(world):
        yield from kubernetes.processes(bundle, world)
    for chart in helm.charts(world):
        yield from kubernetes.processes(chart, world)
    yield from ecs.processes(world)
    for _, held in sorted(world.facts.items()):
        read = _FILES.get(held.kind)
        if read is not None:
            yield from read(held, world)
    yield from initd.processes(world)


def _told_apart(processes: Iterable[Process]) -> Iterator[Process]:
    """Takes for somebody else's program what an unknown image starts, beside workers that are processes of their own."""
    held = list(processes)
    with_workers = {process.deployment for process in held if any(map(runs_celery, process.invocations))}
    for process in held:
        image = process.attributes.get("image")
        is_silent = not process.invocations and not process.complete
        is_silent = is_silent and not looks_ours(process.name, str(image.value) if image is not None else "")
        yield replace(process, complete=True) if is_silent and process.deployment in with_workers else process


def _without_repeats(processes: list[Process]) -> Iterator[Process]:
    """Leaves out what a file for development starts in the very way in which it is deployed."""
    deployed = {_sameness(process) for process in processes if not process.development}
    return (process for process in processes if not process.development or _sameness(process) not in deployed)


def _sameness(process: Process) -> tuple[object, ...]:
    places = tuple(invocation.place for invocation in process.invocations)
    words = tuple(word.text for invocation in process.invocations for word in invocation.words)
    return process.platform, process.name, process.place, places, words, process.replicas.value, process.grace.value

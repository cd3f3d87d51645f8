"""All deployment files of a project -> the processes and brokers that they start. The only entry to this package's platforms."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping

from celerylint.facts.deploy.ir import DeployFacts
from celerylint.model.deploy import compose, dockerfile, kubernetes
from celerylint.model.deploy.containers import World
from celerylint.model.deploy.development import Patterns, judge
from celerylint.model.deploy.dockerfile import Image
from celerylint.model.deploy.process import Deployment, Load, Process

_NONE = Patterns()


def deployment(facts: Mapping[str, DeployFacts], load: Load, patterns: Patterns = _NONE) -> Deployment:
    """What the deployment files come down to.

    `facts` are the files that were found, by path; `load` finds others that they name, such as scripts.
    """
    world = _world(facts, load, patterns)
    return Deployment(tuple(_processes(world)))


def _world(facts: Mapping[str, DeployFacts], load: Load, patterns: Patterns) -> World:
    world = World(facts, load, judge(patterns))
    contexts = dict(compose.contexts(world))
    images = tuple(_images(facts, contexts))
    return world._replace(images=images, built=compose.built(world))


def _images(facts: Mapping[str, DeployFacts], contexts: Mapping[str, str]) -> Iterator[Image]:
    """What each Dockerfile makes, from the folder that a Compose file gives, its own, or the root."""
    for path, held in sorted(facts.items()):
        if held.kind != "dockerfile":
            continue
        folder = posixpath.dirname(path)
        for context in dict.fromkeys((contexts[path],) if path in contexts else ("", folder)):
            image = dockerfile.read(held, context)
            if image is not None:
                yield image


def _processes(world: World) -> Iterator[Process]:
    for project in compose.projects(world):
        yield from compose.processes(project, world)
    for bundle in kubernetes.bundles(world):
        yield from kubernetes.processes(bundle, world)

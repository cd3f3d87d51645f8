"""Task definitions of ECS, as JSON or in a template of CloudFormation, and the services that run them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from celerylint.facts.deploy.ir import ListNode, MapNode, Scalar, Tree, TreeFile
from celerylint.model.deploy import containers
from celerylint.model.deploy.containers import Container, World
from celerylint.model.deploy.manifests import plain
from celerylint.model.deploy.process import UNKNOWN, Known, Process, Word
from celerylint.model.deploy.texts import located, number, place_of

GRACE = Known(30, None)
"""Seconds that ECS waits before it kills (`stopTimeout`)."""


class _Object(NamedTuple):
    """A mapping whose keys are written with a small or a capital first letter."""

    path: str
    node: MapNode
    name: str = ""
    """Its name in a template of CloudFormation."""

    def get(self, key: str) -> Tree | None:
        return self.node.get(key) or self.node.get(key[0].upper() + key[1:])

    def items(self, key: str) -> Iterator[_Object]:
        held = self.get(key)
        for item in held.items if isinstance(held, ListNode) else ():
            if isinstance(item, MapNode):
                yield _Object(self.path, item)


def processes(world: World) -> Iterator[Process]:
    """The containers of all task definitions."""
    found = [
        held
        for _, facts in sorted(world.facts.items())
        if facts.kind == "ecs"
        for held in _objects(facts.path, facts.content)
    ]
    services = [held for held in found if held.get("taskDefinition") is not None]
    for definition in found:
        for item in definition.items("containerDefinitions"):
            yield _process(item, definition, _service(definition, services), world)


def _objects(path: str, content: object) -> Iterator[_Object]:
    for document in content.documents if isinstance(content, TreeFile) else ():
        if isinstance(document, MapNode):
            inner = document.get("taskDefinition")
            yield _Object(path, inner if isinstance(inner, MapNode) else document)
            held = document.get("Resources")
            for entry in held.entries if isinstance(held, MapNode) else ():
                properties = entry.value.get("Properties") if isinstance(entry.value, MapNode) else None
                if isinstance(properties, MapNode):
                    yield _Object(path, properties, entry.key)
            yield from _Object(path, document).items("services")


def _service(definition: _Object, services: list[_Object]) -> _Object | None:
    """The service that runs a definition, named by its family or by its place in the template."""
    names = {name for name in (plain(definition.get("family")), definition.name) if name}
    for service in services:
        named = service.get("taskDefinition")
        reference = named.get("Ref") if isinstance(named, MapNode) else named
        if plain(reference).rpartition("/")[2].partition(":")[0] in names:
            return service
    return None


def _process(item: _Object, definition: _Object, service: _Object | None, world: World) -> Process:
    image, workdir = plain(item.get("image")), plain(item.get("workingDirectory"))
    name = plain(item.get("name"))
    place = place_of(item.path, item.node)
    held = Container(
        path=item.path,
        place=place,
        entrypoint=_words(item, "entryPoint"),
        command=_words(item, "command"),
        environment=dict(_environment(item)),
        label=name,
        name=image or UNKNOWN,
        workdir=workdir,
    )
    started = containers.start(held, world)
    grace, count = item.get("stopTimeout"), service.get("desiredCount") if service is not None else None
    return Process(
        platform="ecs",
        name=name or plain(definition.get("family")),
        place=place,
        deployment=definition.path,
        invocations=started.invocations,
        complete=started.complete,
        replicas=number(located(service.path, count)) if service and isinstance(count, Scalar) else Known(None, None),
        grace=number(located(item.path, grace)) if isinstance(grace, Scalar) else GRACE,
        development=world.why(item.path),
        attributes=dict(_attributes(item, service)),
    )


def _words(item: _Object, key: str) -> tuple[Word, ...] | None:
    held = item.get(key)
    if not isinstance(held, ListNode) or not held.items:
        return None
    return tuple(_word(item.path, node) for node in held.items)


def _word(path: str, node: Tree) -> Word:
    """A word; what a function of CloudFormation makes is not known."""
    if isinstance(node, Scalar) and not node.mark and "${" not in node.text:
        return located(path, node).word()
    return Word(UNKNOWN, place_of(path, node))


def _environment(item: _Object) -> Iterator[tuple[str, str | None]]:
    for pair in item.items("environment"):
        value = pair.get("value")
        known = isinstance(value, Scalar) and not value.mark and "${" not in value.text
        yield plain(pair.get("name")), plain(value) if known else None
    for pair in item.items("secrets"):
        yield plain(pair.get("name")), None


def _attributes(item: _Object, service: _Object | None) -> Iterator[tuple[str, Known]]:
    image = item.get("image")
    if isinstance(image, Scalar):
        yield "image", Known(None if image.mark else image.text, place_of(item.path, image))
    for port in item.items("portMappings"):
        target = plain(port.get("containerPort"))
        yield "ports", Known(f"{plain(port.get('hostPort')) or target}:{target}", place_of(port.path, port.node))
    configuration = service.get("deploymentConfiguration") if service is not None else None
    if service is not None and isinstance(configuration, MapNode):
        most = _Object(service.path, configuration).get("maximumPercent")
        if isinstance(most, Scalar):
            yield "max_percent", number(located(service.path, most))

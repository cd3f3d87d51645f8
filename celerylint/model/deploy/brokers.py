"""Brokers that a deployment starts, and what their files say."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from celerylint.facts.deploy.ir import DeployFacts, ListNode, MapNode, SectionFile, TreeFile
from celerylint.finding import Place
from celerylint.model.deploy.containers import ERLANG, World, base_name
from celerylint.model.deploy.process import Broker, Known, Process, Word
from celerylint.model.deploy.texts import located, place_of

_TRANSPORTS = {
    **dict.fromkeys(("redis", "redis-stack", "redis-stack-server", "valkey", "keydb", "dragonfly"), "redis"),
    "rabbitmq": "rabbitmq",
}
_CONFIGURED = re.compile(r"-rabbit\s+consumer_timeout\s+(\d+)")


def brokers(processes: Iterable[Process], world: World) -> Iterator[Broker]:
    """The brokers among the processes, then files of brokers that none of them uses."""
    used: set[str] = set()
    for process in processes:
        transport = _transport(process)
        if transport:
            broker, files = _started(process, transport, world)
            used.update(files)
            yield broker
    for path, facts in sorted(world.facts.items()):
        if path not in used and facts.kind in ("redis", "rabbitmq", "definitions"):
            yield from _of_file(facts, world)


def _transport(process: Process) -> str:
    image = process.attributes.get("image")
    if image is None or not isinstance(image.value, str):
        return ""
    return _TRANSPORTS.get(base_name(image.value).rpartition("/")[2], "")


def _started(process: Process, transport: str, world: World) -> tuple[Broker, list[str]]:
    volumes = list(_volumes(process))
    mounted = {target: source for source, target in volumes}
    settings: dict[str, Known] = {}
    files: list[str] = []
    mirrored: list[Place] = []
    complete = True
    for source in _configurations(transport, process, mounted):
        facts = (
            world.load(posixpath.normpath(posixpath.join(posixpath.dirname(process.place.path), source)))
            if source
            else None
        )
        if facts is None:
            complete = False
            continue
        files.append(facts.path)
        settings.update(_settings(facts))
        mirrored.extend(_mirrored(facts))
    settings.update(_flags(process))
    settings.update(_erlang(process))
    image = process.attributes["image"]
    return (
        Broker(
            transport=transport,
            platform=process.platform,
            name=process.name,
            place=process.place,
            deployment=process.deployment,
            image=image,
            settings=settings,
            storage=_storage(process, volumes),
            mirrored=tuple(mirrored),
            complete=complete and all(word.known for word in _words(process)),
            development=process.development,
        ),
        files,
    )


def _volumes(process: Process) -> Iterator[tuple[str, str]]:
    """Source and target of what is mounted."""
    for key in ("mounts", "volumes"):
        held = process.attributes.get(key)
        for item in held.value.split(",") if held is not None and isinstance(held.value, str) else ():
            source, _, target = item.partition(":")
            yield source, target
        if held is not None and key == "mounts":
            return


def _storage(process: Process, volumes: Sequence[tuple[str, str]]) -> Known:
    """The volume that is not one of configuration; in Kubernetes, one that outlives the pod."""
    place = process.place
    if process.platform in ("kubernetes", "helm"):
        kept = process.attributes.get("volumes")
        return kept if kept is not None else Known("", place)
    for source, target in volumes:
        if source and not target.endswith((".conf", ".json", ".sh")) and not target.startswith("/etc/"):
            return Known(source, place)
    return Known("" if process.platform == "compose" else None, place)


def _configurations(transport: str, process: Process, mounted: Mapping[str, str]) -> Iterator[str]:
    """Sources of the files that configure it; empty where one is not known."""
    if transport == "redis":
        for word in _words(process)[:2]:
            if word.text.endswith(".conf"):
                yield mounted.get(word.text, "")
        return
    for target, source in mounted.items():
        if target.startswith("/etc/rabbitmq"):
            yield source if target.endswith((".conf", ".json")) else ""


def _words(process: Process) -> tuple[Word, ...]:
    return next((invocation.words for invocation in process.invocations), ())


def _flags(process: Process) -> Iterator[tuple[str, Known]]:
    """`--appendonly yes` and the like, of redis-server and of those that take its place."""
    name: Word | None = None
    values: list[Word] = []
    for word in _words(process):
        if word.text.startswith("--"):
            if name is not None:
                yield _flag(name, values)
            name, values = word, []
        elif name is not None:
            values.append(word)
    if name is not None:
        yield _flag(name, values)


def _flag(name: Word, values: list[Word]) -> tuple[str, Known]:
    text = " ".join(value.text for value in values)
    return name.text[2:].lower(), Known(text if all(value.known for value in values) else None, name.place)


def _erlang(process: Process) -> Iterator[tuple[str, Known]]:
    held = process.attributes.get(ERLANG)
    said = _CONFIGURED.search(held.value) if held is not None and isinstance(held.value, str) else None
    if said is not None and held is not None:
        yield "consumer_timeout", Known(said[1], held.place)


def _settings(facts: DeployFacts) -> Iterator[tuple[str, Known]]:
    content = facts.content
    for section in content.sections if isinstance(content, SectionFile) else ():
        for setting in section.settings:
            place = place_of(facts.path, setting)
            yield setting.key, Known(located(facts.path, setting).text, place)


def _mirrored(facts: DeployFacts) -> Iterator[Place]:
    """Policies of a definitions file that mirror classic queues."""
    content = facts.content
    for document in content.documents if isinstance(content, TreeFile) else ():
        policies = document.get("policies") if isinstance(document, MapNode) else None
        for policy in policies.items if isinstance(policies, ListNode) else ():
            definition = policy.get("definition") if isinstance(policy, MapNode) else None
            mode = definition.entry("ha-mode") if isinstance(definition, MapNode) else None
            if mode is not None:
                yield place_of(facts.path, mode)


def _of_file(facts: DeployFacts, world: World) -> Iterator[Broker]:
    """A file of configuration that nothing here starts a broker with."""
    if facts.content is None:
        return
    mirrored = tuple(_mirrored(facts))
    sections = facts.content.sections if isinstance(facts.content, SectionFile) else []
    places = [place_of(facts.path, section) for section in sections] or list(mirrored)
    if not places:
        return
    yield Broker(
        transport="redis" if facts.kind == "redis" else "rabbitmq",
        platform="configuration",
        name=posixpath.basename(facts.path),
        place=places[0],
        deployment=posixpath.dirname(facts.path) or ".",
        image=Known(None, None),
        settings=dict(_settings(facts)),
        storage=Known(None, None),
        mirrored=mirrored,
        development=world.why(facts.path),
    )

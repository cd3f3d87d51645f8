"""Compose files: merged and extended by Compose's rules, each service as what it runs."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from celerylint.facts.deploy.ir import DeployFacts, Entry, ListNode, MapNode, Scalar, SectionFile, Tree, TreeFile
from celerylint.finding import Place
from celerylint.model.deploy import containers, dockerfile
from celerylint.model.deploy.containers import Container, World
from celerylint.model.deploy.development import of_name
from celerylint.model.deploy.dockerfile import Copy, Image
from celerylint.model.deploy.layers import Held, Layers
from celerylint.model.deploy.process import UNKNOWN, Known, Process, Word
from celerylint.model.deploy.texts import Text, duration, interpolate, known_text, located, number, place_of, split

GRACE = Known(10, None)
"""Seconds that Compose waits before it kills."""


# --- files ------------------------------------------------------------------------------------------------------------

_BASES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_DEEPEST = 20
"""Services that extend one another."""
_OVERRIDE = re.compile(r"(?:docker-)?compose\.override\.ya?ml")


_PRODUCTION = re.compile(r"(?:^|[^a-z])prod(?:uction)?(?:[^a-z]|$)")


class Project(NamedTuple):
    """Compose files that are used together."""

    files: tuple[DeployFacts, ...]
    """The last one wins."""
    development: str
    only: frozenset[str] | None
    """Services that the last file adds or changes, where the rest is deployed without it; None for all."""

    @property
    def name(self) -> str:
        """The files' names."""
        return " + ".join(facts.path for facts in self.files)


def projects(world: World) -> Iterator[Project]:
    """Which files make up a deployment: a base alone, or with a file that changes services of it."""
    files = [facts for facts in world.facts.values() if facts.kind == "compose" and isinstance(facts.content, TreeFile)]
    included = {path for facts in files for path in _includes(facts)}
    folders: dict[str, list[DeployFacts]] = {}
    for facts in sorted(files, key=lambda facts: facts.path):
        if facts.path not in included:
            folders.setdefault(posixpath.dirname(facts.path), []).append(facts)
    for held in folders.values():
        yield from _of_folder(held, world)


def _of_folder(files: list[DeployFacts], world: World) -> Iterator[Project]:
    names = {posixpath.basename(facts.path): facts for facts in files}
    base = next((names[name] for name in _BASES if name in names), None)
    overlays = [facts for facts in files if base is not None and facts is not base and _changes(facts, base)]
    deployed = [facts for facts in overlays if not world.why(facts.path)]
    alone = [name for name, facts in names.items() if facts is not base and facts not in overlays]
    production = next((name for name in alone if _PRODUCTION.search(name)), "")
    for facts in files:
        why = world.why(facts.path)
        if facts is base and production and not why:
            why = f"{production} stands for production"
        if base is None or facts not in overlays:
            if facts is not base or not deployed:
                yield Project(_with_included(facts, world), why, None)
            continue
        only = frozenset(services(facts)) if why else None
        yield Project((*_with_included(base, world), *_with_included(facts, world)), why or world.why(base.path), only)


def _changes(facts: DeployFacts, base: DeployFacts) -> bool:
    """Whether a file cannot stand without the base: a service of both says neither image nor build here."""
    if _OVERRIDE.fullmatch(posixpath.basename(facts.path)):
        return True
    below = services(base)
    return any(
        name in below
        and (not isinstance(node, MapNode) or not {"image", "build", "extends"} & {e.key for e in node.entries})
        for name, node in ((name, entry.value) for name, entry in services(facts).items())
    )


def _includes(facts: DeployFacts) -> Iterator[str]:
    root = _root(facts)
    listed = root.get("include") if root is not None else None
    for item in listed.items if isinstance(listed, ListNode) else ():
        paths = item.get("path") if isinstance(item, MapNode) else item
        for path in paths.items if isinstance(paths, ListNode) else (paths,):
            if isinstance(path, Scalar):
                yield posixpath.normpath(posixpath.join(posixpath.dirname(facts.path), path.text))


def _with_included(facts: DeployFacts, world: World) -> tuple[DeployFacts, ...]:
    """A file after those that it includes."""
    found = {path: world.facts[path] for path in _includes(facts) if path in world.facts and path != facts.path}
    return (*found.values(), facts)


def _root(facts: DeployFacts) -> MapNode | None:
    content = facts.content
    root = content.documents[0] if isinstance(content, TreeFile) and content.documents else None
    return root if isinstance(root, MapNode) else None


def services(facts: DeployFacts) -> dict[str, Entry]:
    """The services of a file by name; of the first format of Compose, too, which has nothing around them."""
    root = _root(facts)
    if root is None:
        return {}
    held = root.get("services")
    if held is None and any(
        isinstance(e.value, MapNode) and (e.value.get("image") or e.value.get("build")) for e in root.entries
    ):
        held = root
    return {entry.key: entry for entry in held.entries} if isinstance(held, MapNode) else {}


def merged(project: Project, world: World) -> Iterator[Layers]:
    """The services of a project, with what they extend."""
    known = {facts.path: services(facts) for facts in project.files}
    for name in dict.fromkeys(name for held in known.values() for name in held):
        layers: list[tuple[str, MapNode]] = []
        place: Place | None = None
        for facts in project.files:
            entry = known[facts.path].get(name)
            if entry is None:
                continue
            if entry.value.mark == "!reset":
                layers.clear()
            elif isinstance(entry.value, MapNode):
                place = place if layers else place_of(facts.path, entry)
                layers.extend(_extended(facts, name, entry.value, world, known, frozenset()))
        if layers and place is not None:
            yield Layers(name, place, tuple(layers))


def _extended(
    facts: DeployFacts,
    name: str,
    node: MapNode,
    world: World,
    known: dict[str, dict[str, Entry]],
    seen: frozenset[tuple[str, str]],
) -> Iterator[tuple[str, MapNode]]:
    """What a service extends, then the service. `known` are the services of each file."""
    extends = node.get("extends")
    if extends is not None and (facts.path, name) not in seen and len(seen) < _DEEPEST:
        service = extends.get("service") if isinstance(extends, MapNode) else extends
        file = extends.get("file") if isinstance(extends, MapNode) else None
        other: DeployFacts | None = facts
        if isinstance(file, Scalar):
            other = world.load(posixpath.normpath(posixpath.join(posixpath.dirname(facts.path), file.text)))
        if other is not None and isinstance(service, Scalar):
            if other.path not in known:
                known[other.path] = services(other)
            below = known[other.path].get(service.text)
            if below is not None and isinstance(below.value, MapNode):
                yield from _extended(other, service.text, below.value, world, known, seen | {(facts.path, name)})
    yield facts.path, node


# --- services ---------------------------------------------------------------------------------------------------------


def _unknown(_: str) -> None:
    """Variables of the shell and of `.env`, which belong to a machine rather than to the project."""


def text(held: Held | None) -> Text | None:
    """A scalar with its variables replaced by their defaults, or by `UNKNOWN`."""
    if held is None or not isinstance(held.node, Scalar):
        return None
    return interpolate(located(held.path, held.node), _unknown)


def words(held: Held | None) -> tuple[Word, ...] | None:
    """A command or entrypoint in either form; None where there is none, empty where it is taken away."""
    if held is None:
        return None
    if isinstance(held.node, ListNode):
        items = (text(Held(held.path, item)) for item in held.node.items)
        return tuple(item.word() for item in items if item is not None)
    whole = text(held)
    return split(whole) if whole is not None else None


def environment(service: Layers, world: World) -> dict[str, str | None]:
    """Variables of a service: those of its `env_file`s below its own."""
    found: dict[str, str | None] = {}
    for held in service.gather("env_file"):
        for path in _env_files(held):
            found.update(_of_file(world.load(path)))
    for held in service.gather("environment"):
        for name, value in pairs(held):
            found[name] = None if value is None or UNKNOWN in value.text else value.text
    return found


def _missing(service: Layers, world: World) -> Iterator[Place]:
    """Files of variables that are not here."""
    for held in service.gather("env_file"):
        if not isinstance(held.node, ListNode) or held.node.items:
            paths = list(_env_files(held))
            if not paths or any(world.load(path) is None for path in paths):
                yield place_of(held.path, held.node)


def _env_files(held: Held) -> Iterator[str]:
    folder = posixpath.dirname(held.path)
    for item in held.node.items if isinstance(held.node, ListNode) else (held.node,):
        path = text(Held(held.path, item.get("path") or item) if isinstance(item, MapNode) else Held(held.path, item))
        if path is not None and UNKNOWN not in path.text:
            yield posixpath.normpath(posixpath.join(folder, path.text))


def _of_file(facts: DeployFacts | None) -> Iterator[tuple[str, str]]:
    if facts is not None and isinstance(facts.content, SectionFile):
        for section in facts.content.sections:
            yield from ((setting.key, setting.value) for setting in section.settings)


def pairs(held: Held) -> Iterator[tuple[str, Text | None]]:
    """`NAME: value` or `- NAME=value`; None for a variable that is handed on from outside."""
    if isinstance(held.node, MapNode):
        for entry in held.node.entries:
            yield entry.key, text(Held(held.path, entry.value)) if not _null(entry.value) else None
    elif isinstance(held.node, ListNode):
        for item in held.node.items:
            whole = text(Held(held.path, item))
            if whole is not None:
                name, equals, _ = whole.text.partition("=")
                yield name, whole.cut(len(name) + 1, len(whole.text)) if equals else None


def _null(node: Tree) -> bool:
    return isinstance(node, Scalar) and node.value is None


def image_of(service: Layers, world: World) -> Image | None:
    """What the Dockerfile that a service is built from makes."""
    context, target = _built_from(service)
    if context is None:
        return None
    inline = service.find("build", "dockerfile_inline")
    file = text(service.find("build", "dockerfile"))
    name = file.text if file is not None else "Dockerfile"
    if inline is not None or UNKNOWN in name or UNKNOWN in context:
        return None
    facts = world.load(dockerfile.inside(context, name))
    if facts is None:
        return None
    arguments = {n: v.text for h in service.gather("build", "args") for n, v in pairs(h) if v is not None}
    return dockerfile.read(facts, context, target, arguments)


def _built_from(service: Layers) -> tuple[str | None, str]:
    """The folder that a service is built from, and the stage."""
    build = service.find("build")
    if build is None:
        return None, ""
    held = service.find("build", "context") if isinstance(build.node, MapNode) else build
    if held is None:
        return posixpath.normpath(posixpath.dirname(build.path)), ""
    context, target = text(held), text(service.find("build", "target"))
    if context is None or "://" in context.text or context.text.startswith(("/", "git@")):
        return None, ""
    folder = posixpath.normpath(posixpath.join(posixpath.dirname(held.path), context.text))
    return folder, target.text if target is not None else ""


def mounts(service: Layers) -> Iterator[Copy]:
    """Folders of the project that are mounted into a service."""
    for held in service.gather("volumes"):
        for item in held.node.items if isinstance(held.node, ListNode) else ():
            source, target = _volume(Held(held.path, item))
            if source.startswith(".") and target:
                yield Copy((source,), posixpath.normpath(target), context=posixpath.dirname(held.path))


def _volume(held: Held) -> tuple[str, str]:
    """Source and target of a volume, in the short and in the long form; no source for an anonymous one."""
    if isinstance(held.node, MapNode):
        source, target = (held.node.get(key) for key in ("source", "target"))
        return tuple(t.text if (t := text(Held(held.path, n) if n else None)) else "" for n in (source, target))  # type: ignore[return-value]
    whole = text(held)
    parts = whole.text.split(":") if whole is not None else [""]
    return (parts[0], parts[1]) if len(parts) > 1 else ("", parts[0])


def container(service: Layers, world: World, others_built: bool) -> Container:
    """A service as a container."""
    name, workdir = text(service.find("image")), text(service.find("working_dir"))
    path = service.layers[-1][0]
    return Container(
        path=path,
        place=service.place,
        entrypoint=words(service.find("entrypoint")),
        command=words(service.find("command")),
        environment=environment(service, world),
        image=image_of(service, world),
        name=name.text if name is not None else UNKNOWN if service.find("build") else "",
        workdir=workdir.text if workdir is not None else "",
        mounts=tuple(mounts(service)),
        label=service.name,
        others_built=others_built,
    )


def processes(project: Project, world: World) -> Iterator[Process]:
    """What the services of a project run."""
    all_services = list(merged(project, world))
    builds = any(service.find("build") is not None for service in all_services)
    for service in all_services:
        if project.only is not None and service.name not in project.only:
            continue
        held = container(service, world, builds)
        started = containers.start(held, world)
        yield Process(
            platform="compose",
            name=service.name,
            place=service.place,
            deployment=project.name,
            invocations=started.invocations,
            complete=started.complete,
            replicas=_replicas(service),
            grace=_duration(service, "stop_grace_period") or GRACE,
            development=project.development or _why(service),
            attributes=dict(_attributes(service, held, started.image, world)),
        )


def _why(service: Layers) -> str:
    """Why a service of a deployed file is not deployed."""
    profiles = _profiles(service)
    if profiles and all(map(of_name, profiles)):
        return f"profile {profiles[0]}"
    if of_name(service.name):
        return f"the service is {service.name}"
    for key, what in (("target", "is built up to the stage"), ("dockerfile", "is built from")):
        said = text(service.find("build", key))
        if said is not None and of_name(posixpath.basename(said.text)):
            return f"it {what} {said.text}"
    return ""


def _profiles(service: Layers) -> list[str]:
    items = (i for held in service.gather("profiles") if isinstance(held.node, ListNode) for i in held.node.items)
    return [item.text for item in items if isinstance(item, Scalar)]


def _replicas(service: Layers) -> Known:
    mode = text(service.find("deploy", "mode"))
    if mode is not None and mode.text.startswith("global"):
        return Known(None, mode.place)
    held = text(service.find("deploy", "replicas")) or text(service.find("scale"))
    return number(held) if held is not None else Known(1, None)


def _duration(service: Layers, key: str) -> Known | None:
    held = text(service.find(key))
    return duration(held) if held is not None else None


def _attributes(service: Layers, held: Container, image: Image | None, world: World) -> Iterator[tuple[str, Known]]:
    for key in ("image", "stop_signal", "init", "restart", "network_mode", "container_name"):
        value = text(service.find(key))
        if value is not None:
            yield key, known_text(value)
    for key, listed in (
        ("ports", _ports(service)),
        ("volumes", _volumes(service)),
        ("profiles", _listed(service, "profiles")),
    ):
        items = list(listed)
        if items:
            yield key, Known(",".join(item for item, _ in items), items[0][1])
    yield from containers.variables(held)
    missing = next(_missing(service, world), None)
    if missing is not None:
        yield "variables_elsewhere", Known(True, missing)
    folder = containers.folder_of(held, image)
    if folder is not None:
        yield "folder", Known(folder, None)


def _listed(service: Layers, key: str) -> Iterator[tuple[str, Place]]:
    for held in service.gather(key):
        for item in held.node.items if isinstance(held.node, ListNode) else ():
            whole = text(Held(held.path, item))
            if whole is not None:
                yield whole.text, place_of(held.path, item)


def _volumes(service: Layers) -> Iterator[tuple[str, Place]]:
    for held in service.gather("volumes"):
        for item in held.node.items if isinstance(held.node, ListNode) else ():
            yield ":".join(_volume(Held(held.path, item))), place_of(held.path, item)


def _ports(service: Layers) -> Iterator[tuple[str, Place]]:
    """Published ports as `address:published:target`, parts left out where they are not written."""
    for held in service.gather("ports"):
        for item in held.node.items if isinstance(held.node, ListNode) else ():
            if isinstance(item, MapNode):
                parts = (
                    text(Held(held.path, n)) if (n := item.get(k)) else None for k in ("host_ip", "published", "target")
                )
                yield ":".join(part.text for part in parts if part is not None), place_of(held.path, item)
            elif (whole := text(Held(held.path, item))) is not None:
                yield whole.text, place_of(held.path, item)


def built(world: World) -> Mapping[str, Image]:
    """Images that Compose files build and name."""
    found: dict[str, Image] = {}
    for project in projects(world):
        for service in merged(project, world):
            name = text(service.find("image"))
            image = (
                image_of(service, world) if name is not None and UNKNOWN not in name.text.partition(":")[0] else None
            )
            if image is not None and name is not None:
                found.setdefault(containers.base_name(name.text), image)
    return found


def contexts(world: World) -> Iterable[tuple[str, str]]:
    """Dockerfiles that Compose files build from, each with its context."""
    for project in projects(world):
        for service in merged(project, world):
            context, _ = _built_from(service)
            file = text(service.find("build", "dockerfile"))
            if context is not None and UNKNOWN not in context:
                yield dockerfile.inside(context, file.text if file is not None else "Dockerfile"), context

"""What a container runs: the platform's entrypoint and command over the image's own, down to the scripts of the project."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from celerylint.facts.deploy.ir import DeployFacts
from celerylint.finding import Place
from celerylint.model.deploy import dockerfile
from celerylint.model.deploy.development import Judge
from celerylint.model.deploy.dockerfile import Copy, Image
from celerylint.model.deploy.process import Invocation, Load, Word
from celerylint.model.deploy.scripts import invocations as follow


class World(NamedTuple):
    """What every platform reads beside its own files."""

    facts: Mapping[str, DeployFacts]
    load: Load
    why: Judge
    images: tuple[Image, ...] = ()
    """What the Dockerfiles of the project make, each built from the folder that fits it best."""
    built: Mapping[str, Image] = {}
    """Those that a Compose file names, by that name without its tag."""


class Container(NamedTuple):
    """What a platform says of a container."""

    path: str
    """The file that says it."""
    place: Place
    entrypoint: tuple[Word, ...] | None = None
    """None where the image's own stands."""
    command: tuple[Word, ...] | None = None
    environment: Mapping[str, str | None] = {}
    image: Image | None = None
    """Where the project builds it."""
    label: str = ""
    """The name of the service."""
    name: str = ""
    """The image's name with its tag; `UNKNOWN` where it cannot be known."""
    workdir: str = ""
    mounts: tuple[Copy, ...] = ()
    others_built: bool = False
    """Whether images of the project are built beside it, so that one that is pulled is somebody else's."""


class Started(NamedTuple):
    """What a container runs."""

    invocations: tuple[Invocation, ...]
    complete: bool
    image: Image | None


_FOREIGN = frozenset(
    {
        *("alpine", "busybox", "caddy", "clickhouse", "consul", "debian", "elasticsearch", "haproxy", "httpd"),
        *("jaeger", "kafka", "keycloak", "kibana", "localstack", "mailhog", "mailpit", "mariadb", "memcached", "minio"),
        *("mongo", "mysql", "nginx", "node", "opensearch", "pgbouncer", "postgis", "postgres", "postgresql"),
        *("prometheus", "grafana", "rabbitmq", "redis", "redis-stack", "registry", "selenium", "solr", "traefik"),
        *("ubuntu", "valkey", "vault", "zookeeper", "keydb", "dragonfly", "certbot", "adminer", "pgadmin4"),
    }
)
"""Images of programs that are no part of any project."""


_MONITORS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "mher/flower": ((), ("celery", "flower")),
    "danihodovic/celery-exporter": (("celery-exporter",), ()),
    "ovalmoney/celery-exporter": (("celery-exporter",), ()),
}
"""Published images of Celery's monitors: what they execute, and their default command."""
_OURS = re.compile(r"worker|celery|beat|flower|scheduler|queue|task|job|background", re.IGNORECASE)
"""Names that workers have."""


def base_name(image: str) -> str:
    """The name of an image without registry, tag and digest: `team/app` of `ghcr.io/team/app:1`."""
    name = image.partition("@")[0]
    head, slash, rest = name.partition("/")
    if slash and ("." in head or ":" in head or head == "localhost"):
        name = rest
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}"


def start(container: Container, world: World) -> Started:
    """What a container runs, as far as it can be known."""
    name = base_name(container.name)
    image = container.image or world.built.get(name) or _monitor(name, container)
    if image is not None:
        invocations, complete = _run(container, image, world)
        return Started(invocations, complete, image)
    if not container.entrypoint and not container.command:
        foreign = name.rpartition("/")[2] in _FOREIGN or (container.others_built and not _OURS.search(container.label))
        if foreign:
            return Started((), True, None)
    invocations, complete = _run(container, None, world)
    if invocations and complete:
        return Started(invocations, True, None)
    return _guessed(container, world) or Started(invocations, False, None)


def _monitor(name: str, container: Container) -> Image | None:
    """A published image, as if it were made here."""
    known = _MONITORS.get(name)
    if known is None:
        return None
    entrypoint, command = (tuple(Word(word, container.place) for word in words) for words in known)
    return Image(container.path, "", container.place, entrypoint or None, command)


def _guessed(container: Container, world: World) -> Started | None:
    """What an image runs that this project makes in all likelihood, its name saying nothing of where.

    It is taken only where a single one of the project's Dockerfiles makes the command lead to a program.
    """
    found: list[Started] = []
    for image in world.images:
        invocations, complete = _run(container, image, world)
        if complete and any(_runs_celery(invocation) for invocation in invocations):
            found.append(Started(invocations, complete, image))
    places = {tuple(invocation.place for invocation in started.invocations) for started in found}
    return found[0] if len(places) == 1 else None


def _runs_celery(invocation: Invocation) -> bool:
    return any("celery" in word.text or "flower" in word.text for word in invocation.words)


def _run(container: Container, image: Image | None, world: World) -> tuple[tuple[Invocation, ...], bool]:
    words = argv(container, image)
    if words is None:
        return (), False
    if not words:
        return (), True
    environment = {**(image.environment if image is not None else {}), **container.environment}
    workdir = container.workdir or (image.workdir if image is not None else "")
    load = files(container, image, workdir, world.load)
    found = follow(words, environment, load, via=(container.place,))
    return found, not any(map(unfollowed, found))


def unfollowed(invocation: Invocation) -> bool:
    """Whether something else may run in the end: the program is not known, or a script that is not here."""
    program = invocation.words[0] if invocation.words else None
    if program is None or not program.known:
        return True
    folder, slash, name = program.text.rpartition("/")
    if name.endswith(".py"):
        return False
    return name.endswith((".sh", ".bash")) or bool(slash and posixpath.basename(folder) not in _PROGRAMS)


_PROGRAMS = frozenset({"bin", "sbin", "Scripts"})
"""Folders of programs rather than of scripts."""


def argv(container: Container, image: Image | None) -> tuple[Word, ...] | None:
    """The words that are executed, by Docker's rules: an entrypoint of the platform's puts the image's command away.

    None where only the image knows them and it is not made here.
    """
    if container.entrypoint:
        return container.entrypoint + (container.command or ())
    own = container.entrypoint is None and image is not None
    entrypoint = image.entrypoint or () if own and image is not None else ()
    command = container.command
    if command is None:
        if image is None or not own:
            return None if image is None else entrypoint
        command = image.command or ()
    return (*entrypoint, *command)


def files(container: Container, image: Image | None, workdir: str, load: Load) -> Load:
    """Files as the container's processes see them: mounted, of the image, else likely ones of the project."""
    seen = image or Image(container.path, posixpath.dirname(container.path), container.place)
    seen = seen._replace(workdir=workdir or seen.workdir, copies=(*seen.copies, *container.mounts))

    def file(path: str) -> DeployFacts | None:
        found = dockerfile.find(seen, path, load)
        if found is None and image is None and not container.mounts:
            found = near(path, (seen.context, ""), load)
        elif found is None and not path.startswith("/"):
            found = near(path, (seen.context,), load)
        return found

    return file


def near(path: str, folders: Iterable[str], load: Load) -> DeployFacts | None:
    """The file of the project that a path on another machine most likely names: the longest end of it that exists."""
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    for start_at in range(len(parts)):
        for folder in dict.fromkeys(folders):
            found = load(posixpath.normpath(posixpath.join(folder, *parts[start_at:])))
            if found is not None:
                return found
    return None


def folder_of(container: Container, image: Image | None) -> str | None:
    """The folder of the project that is the container's working directory, if that can be known."""
    workdir = container.workdir or (image.workdir if image is not None else "")
    if not workdir:
        return None
    copies = (*(image.copies if image is not None else ()), *container.mounts)
    context = image.context if image is not None else ""
    for copy in reversed(copies):
        found = _folder(copy, workdir, context)
        if found is not None:
            return found
    return None


def _folder(copy: Copy, workdir: str, context: str) -> str | None:
    target = copy.target.rstrip("/") or "/"
    if copy.stage is not None:
        if target != workdir or len(copy.sources) != 1:
            return None
        inner = copy.stage._replace(workdir=copy.sources[0])
        return next(
            (f for c in reversed(inner.copies) if (f := _folder(c, inner.workdir, inner.context)) is not None), None
        )
    source = copy.sources[0].rstrip("/") if copy.sources else ""
    if target == workdir and len(copy.sources) == 1 and "*" not in source:
        return dockerfile.inside(context, source) if posixpath.basename(source).find(".") <= 0 else None
    name = posixpath.basename(source)
    if name and target == posixpath.join(workdir, name) and "." not in name:
        return dockerfile.inside(context, posixpath.dirname(source) or ".")
    return None

"""What a container runs: the platform's entrypoint and command over the image's own, down to the scripts of the project."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

from celerylint.facts.deploy.ir import DeployFacts
from celerylint.finding import Place
from celerylint.model.deploy import dockerfile
from celerylint.model.deploy.development import Judge
from celerylint.model.deploy.dockerfile import Copy, Image
from celerylint.model.deploy.process import Invocation, Known, Load, Word
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
_RUNNING = frozenset({"flower", "celery-exporter", "celery_exporter"})
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
    invocations, complete = _run(container, None, world)
    if name.rpartition("/")[2] in _FOREIGN:
        return Started(invocations, True, None)
    silent = not container.entrypoint and not container.command
    if container.others_built and (complete or (silent and not looks_ours(container.label, name))):
        return Started(invocations, True, None)
    told = any(map(runs_celery, invocations))
    guessed = None if silent or (complete and told) else _guessed(container, world)
    return guessed or Started(invocations, complete and bool(invocations), None)


def _monitor(name: str, container: Container) -> Image | None:
    """A published image, as if it were made here."""
    known = _MONITORS.get(name)
    if known is None:
        return None
    entrypoint, command = (tuple(Word(word, container.place) for word in words) for words in known)
    return Image(container.path, "", container.place, entrypoint or None, command)


def looks_ours(*names: str) -> bool:
    """Whether one of the names is one that workers have."""
    return any(map(_OURS.search, names))


def runs_celery(invocation: Invocation) -> bool:
    """Whether a program is Celery with something to do, one of its monitors, or hands on to it (`manage.py celery`)."""
    program, *others = invocation.words or (None,)
    name = posixpath.basename(program.text) if program is not None else ""
    if name == "celery":
        return bool(others)
    return name in _RUNNING or any(word is not None and word.text == "celery" for word in others)


def _guessed(container: Container, world: World) -> Started | None:
    """What an image runs that this project makes in all likelihood, its name saying nothing of where.

    Where several of the project's Dockerfiles make the command lead to Celery, none is taken; nor is one whose entrypoint
    would make a worker of words that do not mention any.
    """
    started = [Started(*_run(container, image, world), image) for image in world.images]
    whole = [held for held in started if held.complete and held.invocations]
    found = [held for held in whole if any(map(runs_celery, held.invocations))]
    if len({tuple(invocation.place for invocation in held.invocations) for held in found}) > 1:
        return None
    words = (container.entrypoint or ()) + (container.command or ())
    if found and not looks_ours(container.label, *(word.text for word in words)):
        return None
    return next(iter(found or whole), None)


def _run(container: Container, image: Image | None, world: World) -> tuple[tuple[Invocation, ...], bool]:
    words = argv(container, image)
    if words is None:
        return (), False
    if not words:
        return (), True
    environment = {**(image.environment if image is not None else {}), **container.environment}
    workdir = container.workdir or (image.workdir if image is not None else "")
    load = files(container, image, workdir, world)
    found = follow(words, environment, load, via=(container.place,))
    return found, not any(map(unfollowed, found))


def unfollowed(invocation: Invocation) -> bool:
    """Whether something else may run in the end: the program is not known, or a script that is not here."""
    program = invocation.words[0] if invocation.words else None
    if program is None or not program.known:
        return True
    folder, slash, name = program.text.rpartition("/")
    if _hands_on(invocation):
        return True
    if name.endswith(".py"):
        return False
    return name.endswith((".sh", ".bash")) or bool(slash and posixpath.basename(folder) not in _PROGRAMS)


def _hands_on(invocation: Invocation) -> bool:
    """Whether something whose name is a worker's is run by means that are not read: `run_worker`, `make celery`."""
    names = [posixpath.basename(word.text) for word in invocation.words]
    told = [after for name, after in pairwise(names) if name in _RUNNERS]
    if looks_ours(*told):
        return True
    told = [after for name, after in pairwise(names) if name == "manage.py"]
    return not runs_celery(invocation) and looks_ours(names[0], *told)


_RUNNERS = frozenset({"invoke", "inv", "make", "just", "fab", "task", "npm", "nox", "tox"})
"""Programs that run what a file of theirs says."""
_PROGRAMS = frozenset({"bin", "sbin", "Scripts", ".bin"})
"""Folders of programs rather than of scripts."""


ERLANG = "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"
"""The variable whose value reaches the settings of RabbitMQ."""


def variables(container: Container) -> Iterator[tuple[str, Known]]:
    """Variables that configure brokers, as attributes of a process."""
    if ERLANG in container.environment:
        yield ERLANG, Known(container.environment[ERLANG], container.place)


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


def files(container: Container, image: Image | None, workdir: str, world: World) -> Load:
    """Files as the container's processes see them: mounted, of the image, else likely ones of the project."""
    seen = image or Image(container.path, posixpath.dirname(container.path), container.place)
    seen = seen._replace(workdir=workdir or seen.workdir, copies=(*seen.copies, *container.mounts))

    def file(path: str) -> DeployFacts | None:
        if "/" not in path:
            on_path = (dockerfile.find(seen, f"{folder}/{path}", world.load) for folder in _PATH)
            found = next((facts for facts in on_path if facts is not None), None)
            if found is not None or is_program(path):
                return found
        found = dockerfile.find(seen, path, world.load)
        if found is None and image is None and not container.mounts:
            found = near(path, (seen.context, ""), world)
        elif found is None and not path.startswith("/"):
            found = near(path, (seen.context,), world)
        return found

    return file


_PATH = ("/usr/local/bin", "/usr/bin", "/bin")


def is_program(path: str) -> bool:
    """Whether a word names a program rather than a file: `celery`, and not `./celery` or `celery.sh`."""
    return "/" not in path and "." not in path


def near(path: str, folders: Iterable[str], world: World) -> DeployFacts | None:
    """The file of the project that a path on another machine most likely names.

    That is the longest end of the path that exists in one of the folders, else what an image of the project has there, else
    the only script whose path ends so. A program of the machine (`/opt/venv/bin/celery`) is no file of the project.
    """
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    ends = [parts[first:] for first in range(len(parts)) if first == 0 or not is_program("/".join(parts[first:]))]
    for end in ends:
        for folder in dict.fromkeys(folders):
            found = world.load(posixpath.normpath(posixpath.join(folder, *end)))
            if found is not None:
                return found
    for image in world.images if ends else ():
        found = dockerfile.find(image, path, world.load)
        if found is not None:
            return found
    # A name alone, such as `start.sh`, may be that of any script.
    for end in (end for end in ends if len(end) > 1 or looks_ours(end[-1])):
        tail = "/" + "/".join(end)
        ending = [facts for facts in world.facts.values() if facts.kind == "script" and facts.path.endswith(tail)]
        if ending:
            return ending[0] if len(ending) == 1 else None
    return None


def folder_of(container: Container, image: Image | None) -> str | None:
    """The folder of the project that is the container's working directory, if that can be known."""
    workdir = container.workdir or (image.workdir if image is not None else "")
    if not workdir:
        return None
    copies = (*(image.copies if image is not None else ()), *container.mounts)
    context = image.context if image is not None else ""
    for copy in reversed(copies):
        found = _folder(copy, workdir, context if copy.context is None else copy.context)
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

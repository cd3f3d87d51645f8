"""Images that Dockerfiles of the project make: what they start, and which file of the project each of their files is."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

from celerylint.facts.deploy.ir import DeployFacts, Instruction, InstructionFile
from celerylint.finding import Place
from celerylint.model.deploy.process import UNKNOWN, Load, Word
from celerylint.model.deploy.texts import Text, interpolate, located, place_of, split

SHELL = ("/bin/sh", "-c")
_TOLD = frozenset({"FROM", "ARG", "ENV", "WORKDIR", "COPY", "ADD", "ENTRYPOINT", "CMD"})
"""Instructions that say what is started, or where files come from."""


class Copy(NamedTuple):
    """A `COPY` or `ADD`, or a folder that is mounted: files of the project (or of another stage) and where they go."""

    sources: tuple[str, ...]
    target: str
    """A path in the image; ends with `/` where it is a folder for certain."""
    stage: Image | None = None
    context: str | None = None
    """The folder that the sources are seen from, where that is not the image's."""


class Image(NamedTuple):
    """What a Dockerfile makes, up to one of its stages."""

    path: str
    """The Dockerfile."""
    context: str
    """The folder of the project that it is built from."""
    place: Place
    entrypoint: tuple[Word, ...] | None = None
    command: tuple[Word, ...] | None = None
    started_at: Place | None = None
    """The last ENTRYPOINT or CMD."""
    environment: Mapping[str, str | None] = {}
    workdir: str = "/"
    copies: tuple[Copy, ...] = ()
    base: str = ""
    """The image that its first stage is made from."""
    inherits: bool = True
    """Whether its command is that of the stage below."""


def read(facts: DeployFacts, context: str, target: str = "", arguments: Mapping[str, str | None] = {}) -> Image | None:
    """The image that a Dockerfile makes.

    `target` names a stage, the last one if empty. `arguments` are those of the build; others have their defaults.
    """
    if not isinstance(facts.content, InstructionFile):
        return None
    stages: dict[str, Image] = {}
    image: Image | None = None
    given: dict[str, str | None] = {}
    declared: dict[str, str | None] = {}
    for instruction in facts.content.instructions:
        if instruction.word not in _TOLD:
            continue
        text = located(facts.path, instruction)
        if instruction.word == "FROM":
            if image is not None and target and target in stages:
                break
            image, name = _stage(facts.path, context, instruction, text, given, stages)
            stages[str(len({id(held) for held in stages.values()}))] = image
            if name:
                stages[name] = image
            declared = {}
        elif instruction.word == "ARG":
            (declared if image is not None else given).update(_argument(text, arguments, given, declared, image))
        elif image is not None:
            changed = _apply(image, instruction, text, {**declared, **image.environment}, stages)
            for name in [name for name, held in stages.items() if held is image]:
                stages[name] = changed
            image = changed
    return stages.get(target, image) if target else image


def _stage(
    path: str,
    context: str,
    instruction: Instruction,
    text: Text,
    given: Mapping[str, str | None],
    stages: Mapping[str, Image],
) -> tuple[Image, str]:
    words = [word for word in split(interpolate(text, given.get)) if not word.text.startswith("--")]
    source = words[0].text if words else ""
    name = words[2].text if len(words) > 2 and words[1].text.lower() == "as" else ""
    base = stages.get(source)
    if base is not None:
        return base._replace(place=place_of(path, instruction), inherits=True), name.lower()
    return Image(path, context, place_of(path, instruction), base=source), name.lower()


def _argument(
    text: Text,
    arguments: Mapping[str, str | None],
    given: Mapping[str, str | None],
    declared: Mapping[str, str | None],
    image: Image | None,
) -> Iterator[tuple[str, str | None]]:
    known = {**given, **declared, **(image.environment if image is not None else {})}
    for word in split(interpolate(text, known.get)):
        name, equals, default = word.text.partition("=")
        value: str | None = default if equals else given.get(name)
        if name in arguments:
            value = arguments[name]
        yield name, None if value is None or UNKNOWN in value else value


def _apply(
    image: Image,
    instruction: Instruction,
    text: Text,
    variables: Mapping[str, str | None],
    stages: Mapping[str, Image],
) -> Image:
    match instruction.word:
        case "ENV":
            return image._replace(environment={**image.environment, **dict(_environment(text, variables))})
        case "WORKDIR":
            folder = interpolate(text, variables.get).text.strip().strip("\"'")
            return image._replace(workdir=posixpath.normpath(posixpath.join(image.workdir, folder)))
        case "COPY" | "ADD":
            copy = _copy(image, instruction, text, variables, stages)
            return image._replace(copies=(*image.copies, copy)) if copy is not None else image
        case "ENTRYPOINT":
            place, words = place_of(image.path, instruction), _started(image.path, instruction, text)
            # It puts away the command of the stage below.
            command = None if image.inherits else image.command
            return image._replace(entrypoint=words, command=command, started_at=place)
        case "CMD":
            place = place_of(image.path, instruction)
            words = _started(image.path, instruction, text)
            return image._replace(command=words, started_at=place, inherits=False)
    return image


def _started(path: str, instruction: Instruction, text: Text) -> tuple[Word, ...]:
    if instruction.argv is not None:
        return tuple(located(path, scalar).word() for scalar in instruction.argv)
    if not text.text.strip():
        return ()
    word = text.word()
    return (*(Word(part, word.place) for part in SHELL), word)


_ASSIGNS = re.compile(r"\s*[A-Za-z_][A-Za-z0-9_]*=")


def _environment(text: Text, variables: Mapping[str, str | None]) -> Iterator[tuple[str, str | None]]:
    held = interpolate(text, variables.get)
    if _ASSIGNS.match(held.text):
        pairs = [word.text.partition("=")[::2] for word in split(held)]
    else:
        name, _, value = held.text.strip().partition(" ")
        pairs = [(name, value.strip())]
    for name, value in pairs:
        yield name, None if UNKNOWN in value else value


def _copy(
    image: Image,
    instruction: Instruction,
    text: Text,
    variables: Mapping[str, str | None],
    stages: Mapping[str, Image],
) -> Copy | None:
    flags = split(interpolate(text, variables.get))
    stage = next((word.text[7:] for word in flags if word.text.startswith("--from=")), "")
    if instruction.argv is not None:
        words = [interpolate(located(image.path, scalar), variables.get).text for scalar in instruction.argv]
    else:
        words = [word.text for word in flags if not word.text.startswith("--")]
    if len(words) < 2 or (stage and stage.lower() not in stages):
        return None
    *sources, target = words
    folder = target.endswith("/") or target == "." or len(sources) > 1
    whole = posixpath.normpath(posixpath.join(image.workdir, target))
    return Copy(tuple(sources), f"{whole.rstrip('/')}/" if folder else whole, stages[stage.lower()] if stage else None)


# --- files ------------------------------------------------------------------------------------------------------------


def find(image: Image, path: str, load: Load) -> DeployFacts | None:
    """The facts of the file of the project that stands at a path of an image."""
    return _find(image, path, load, set(), 0)


_DEEPEST = 10
"""Stages that copy from one another."""


def _find(image: Image, path: str, load: Load, seen: set[tuple[int, str]], depth: int) -> DeployFacts | None:
    whole = posixpath.normpath(posixpath.join(image.workdir, path))
    if depth > _DEEPEST or (id(image), whole) in seen:
        return None
    seen.add((id(image), whole))
    for copy in reversed(image.copies):
        if not whole.startswith(copy.target.rstrip("/")):
            continue
        for source in _sources(copy, whole):
            if copy.stage is not None:
                found = _find(copy.stage, source, load, seen, depth + 1)
            else:
                found = load(inside(image.context if copy.context is None else copy.context, source))
            if found is not None:
                return found
    return None


def inside(folder: str, path: str) -> str:
    """A path of the project, from one that starts in one of its folders; an absolute one starts there as well."""
    return posixpath.normpath(posixpath.join(folder, path.lstrip("/")))


def _sources(copy: Copy, path: str) -> Iterator[str]:
    """What may have become the file at `path`: a source itself, one in the target folder, or a file in a source folder."""
    target = copy.target.rstrip("/")
    if path == target and not copy.target.endswith("/"):
        yield from copy.sources
    if not path.startswith(f"{target}/"):
        return
    rest = path[len(target) + 1 :]
    for source in copy.sources:
        name = posixpath.basename(source.rstrip("/"))
        if name == rest:
            yield source
        elif "/" not in rest and any(sign in name for sign in "*?[") and fnmatchcase(rest, name):
            yield posixpath.join(posixpath.dirname(source), rest)
        yield posixpath.join(source, rest)

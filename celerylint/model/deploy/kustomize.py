"""Kustomizations: which manifests are applied together, and what is laid over them."""

from __future__ import annotations

import posixpath
from collections.abc import Generator, Iterator, Mapping

from msgspec.structs import replace

from celerylint.facts.deploy import trees
from celerylint.facts.deploy.ir import DeployFacts, Entry, ListNode, MapNode, Scalar, SectionFile, Tree, TreeFile
from celerylint.facts.deploy.text import MalformedError
from celerylint.model.deploy.containers import World
from celerylint.model.deploy.layers import Held
from celerylint.model.deploy.manifests import Bundle, Patch, Resource, plain, resources
from celerylint.model.deploy.process import Known
from celerylint.model.deploy.texts import located, number

_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


def bundles(world: World) -> Generator[Bundle, None, set[str]]:
    """A bundle for each kustomization that no other builds on; returns the manifests that any of them gathers."""
    files = [facts for facts in world.facts.values() if facts.kind == "kustomization" and _root(facts) is not None]
    gathered: set[str] = set()
    below: set[str] = set()
    found: list[tuple[str, Bundle]] = []
    made: dict[str, Bundle | None] = {}
    for facts in sorted(files, key=lambda facts: facts.path):
        reason = world.why(facts.path)
        bundle = _bundle(facts, world, made)
        gathered.update(resource.path for resource in bundle.resources)
        gathered.update(patch.node.path for patch in bundle.patches)
        if not reason:
            below.update(held.path for held in _bases(facts, world))
        found.append((facts.path, bundle._replace(development=reason)))
    for path, bundle in found:
        if path not in below:
            yield bundle
    return gathered


def _root(facts: DeployFacts) -> MapNode | None:
    content = facts.content
    root = content.documents[0] if isinstance(content, TreeFile) and content.documents else None
    return root if isinstance(root, MapNode) else None


def _listed(facts: DeployFacts, *keys: str) -> Iterator[Tree]:
    root = _root(facts)
    for key in keys:
        held = root.get(key) if root is not None else None
        yield from held.items if isinstance(held, ListNode) else ()


def _paths(facts: DeployFacts) -> Iterator[str]:
    """Files and folders that a kustomization names."""
    for item in _listed(facts, "resources", "bases", "components"):
        if isinstance(item, Scalar) and "://" not in item.text:
            yield posixpath.normpath(posixpath.join(posixpath.dirname(facts.path), item.text))


def _bases(facts: DeployFacts, world: World) -> Iterator[DeployFacts]:
    """Other kustomizations that it builds on."""
    for path in _paths(facts):
        held = next((world.facts[f"{path}/{name}"] for name in _NAMES if f"{path}/{name}" in world.facts), None)
        if held is not None and held is not facts:
            yield held


def _bundle(facts: DeployFacts, world: World, made: dict[str, Bundle | None]) -> Bundle:
    """What a kustomization gathers, its bases first; each is read once, and one that builds on itself is not whole."""
    known = made.setdefault(facts.path, None)
    if known is not None:
        return known
    held: dict[int, Resource] = {}
    patches: dict[int, Patch] = {}
    counts: dict[str, Known] = {}
    values: dict[str, Mapping[str, str | None]] = {}
    whole = True
    for base in _bases(facts, world):
        if base.path in made and made[base.path] is None:
            whole = False
            continue
        below = _bundle(base, world, made)
        held.update((id(resource.node), resource) for resource in below.resources)
        patches.update((id(patch.node.node), patch) for patch in below.patches)
        counts.update(below.counts)
        values.update(below.values)
        whole = whole and below.whole
    for path in _paths(facts):
        found = world.facts.get(path)
        if found is not None and found.kind == "manifest":
            held.update((id(resource.node), resource) for resource in resources(found))
    for patch in _patches(facts, world):
        if patch is None:
            whole = False
        else:
            patches[id(patch.node.node)] = patch
    counts.update(_counts(facts))
    values.update(_generated(facts, world))
    bundle = Bundle(facts.path, tuple(held.values()), "", tuple(patches.values()), counts, values, whole=whole)
    made[facts.path] = bundle
    return bundle


def _patches(facts: DeployFacts, world: World) -> Iterator[Patch | None]:
    """What is laid over the resources; None for a patch that cannot be read."""
    for item in _listed(facts, "patches", "patchesStrategicMerge", "patchesJson6902"):
        written = item.get("patch") or item.get("path") if isinstance(item, MapNode) else item
        target = item.get("target") if isinstance(item, MapNode) else None
        held = _documents(facts, written, world) if isinstance(written, Scalar) else []
        if not held:
            yield None
        for document in held:
            if isinstance(target, MapNode):
                kind, name = (plain(target.get(key)) for key in ("kind", "name"))
                # Labels of the target are not compared: the patch may concern others.
                yield Patch(kind, name, document) if kind or name else None
            elif isinstance(document.node, MapNode):
                own = Resource(document.path, document.node)
                yield Patch(own.kind, own.name, document) if own.kind and own.name else None
            else:
                yield None


def _documents(facts: DeployFacts, written: Scalar, world: World) -> list[Held]:
    """The documents of a patch, in a file or written in place."""
    if "\n" not in written.text and ":" not in written.text:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(facts.path), written.text))
        found = world.load(path)
        content = found.content if found is not None else None
        return [Held(path, tree) for tree in content.documents] if isinstance(content, TreeFile) else []
    try:
        content = trees.read(written.text)
    except MalformedError:
        return []
    lines = _lines(written)
    return [Held(facts.path, _moved(tree, lines)) for tree in content.documents]


def _lines(written: Scalar) -> list[tuple[int, int]]:
    """Line of the file and columns before the text, for each line of a block."""
    at = {written.text.count("\n", 0, offset): (line, col - 1) for offset, line, col in reversed(written.origins)}
    found: list[tuple[int, int]] = []
    for index, line in enumerate(written.text.split("\n")):
        line_there, before = at.get(index, (written.line + index, 0))
        found.append((line_there, before - (len(line) - len(line.lstrip())) if index in at else before))
    return found


def _moved(tree: Tree, lines: list[tuple[int, int]]) -> Tree:
    """A tree read from a block of a file, placed in the file."""

    def at(line: int, col: int) -> tuple[int, int]:
        there, before = lines[min(line, len(lines)) - 1]
        return there, col + max(before, 0)

    (line, col), (end_line, end_col) = at(tree.line, tree.col), at(tree.end_line, tree.end_col)
    span = {"line": line, "col": col, "end_line": end_line, "end_col": end_col}
    if isinstance(tree, Scalar):
        return replace(tree, **span, origins=[(offset, *at(*place)) for offset, *place in tree.origins])
    if isinstance(tree, ListNode):
        return replace(tree, **span, items=[_moved(item, lines) for item in tree.items])
    entries = []
    for entry in tree.entries:
        (line, col), (end_line, end_col) = at(entry.line, entry.col), at(entry.end_line, entry.end_col)
        entries.append(Entry(line, col, end_line, end_col, entry.key, _moved(entry.value, lines)))
    return replace(tree, **span, entries=entries)


def _counts(facts: DeployFacts) -> Iterator[tuple[str, Known]]:
    for item in _listed(facts, "replicas"):
        count = item.get("count") if isinstance(item, MapNode) else None
        if isinstance(item, MapNode) and isinstance(count, Scalar):
            yield plain(item.get("name")), number(located(facts.path, count))


def _generated(facts: DeployFacts, world: World) -> Iterator[tuple[str, Mapping[str, str | None]]]:
    folder = posixpath.dirname(facts.path)
    for item in _listed(facts, "configMapGenerator"):
        if isinstance(item, MapNode):
            found: dict[str, str | None] = {}
            for path in _texts(item.get("envs")):
                held = world.load(posixpath.normpath(posixpath.join(folder, path)))
                if held is not None and isinstance(held.content, SectionFile):
                    found.update({s.key: s.value for section in held.content.sections for s in section.settings})
            for literal in _texts(item.get("literals")):
                name, _, value = literal.partition("=")
                found[name] = value.strip("\"'")
            yield plain(item.get("name")), found


def _texts(node: Tree | None) -> Iterator[str]:
    for item in node.items if isinstance(node, ListNode) else ():
        if isinstance(item, Scalar):
            yield item.text


# --- operations (RFC 6902) --------------------------------------------------------------------------------------------


def operated(node: MapNode, operations: ListNode) -> MapNode | None:
    """A resource after a list of operations; None where one of them cannot be followed."""
    held: Tree | None = node
    for operation in operations.items:
        if not isinstance(operation, MapNode) or held is None:
            return None
        keys = [key.replace("~1", "/").replace("~0", "~") for key in plain(operation.get("path")).split("/")[1:]]
        what, value = plain(operation.get("op")), operation.get("value")
        if what not in ("add", "replace", "remove") or not keys or (value is None) != (what == "remove"):
            return None
        held = _set(held, keys, value, what == "add")
    return held if isinstance(held, MapNode) else None


def _set(node: Tree, keys: list[str], value: Tree | None, adds: bool) -> Tree | None:
    """A tree with one value set, or removed where it is None."""
    key, *rest = keys
    if isinstance(node, MapNode):
        entry = node.entry(key)
        below = _set(entry.value, rest, value, adds) if rest and entry is not None else None if rest else value
        if below is None and (rest or entry is None):
            return None
        others = [held for held in node.entries if held.key != key]
        if below is None:
            return replace(node, entries=others)
        where = entry or below
        made = Entry(where.line, where.col, where.end_line, where.end_col, key, below)
        if entry is None:
            return replace(node, entries=[*others, made])
        return replace(node, entries=[made if held.key == key else held for held in node.entries])
    if isinstance(node, ListNode):
        return _set_item(node, key, rest, value, adds)
    return None


def _set_item(node: ListNode, key: str, rest: list[str], value: Tree | None, adds: bool) -> Tree | None:
    items = list(node.items)
    if key == "-" and not rest and value is not None:
        return replace(node, items=[*items, value])
    if not key.isdecimal() or int(key[:9]) > len(items) - (not adds or bool(rest)):
        return None
    index = int(key)
    if rest:
        below = _set(items[index], rest, value, adds)
        if below is None:
            return None
        items[index] = below
    elif value is None:
        del items[index]
    elif adds:
        items.insert(index, value)
    else:
        items[index] = value
    return replace(node, items=items)

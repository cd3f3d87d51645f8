"""Objects of Kubernetes, as manifests hold them and as they are applied together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from celerylint.facts.deploy.ir import DeployFacts, ListNode, MapNode, Scalar, Tree, TreeFile
from celerylint.model.deploy.layers import Held
from celerylint.model.deploy.process import Known


class Resource(NamedTuple):
    """One object of a manifest."""

    path: str
    node: MapNode

    @property
    def kind(self) -> str:
        """`Deployment`, say."""
        return plain(self.node.get("kind"))

    @property
    def name(self) -> str:
        """`metadata.name`."""
        metadata = self.node.get("metadata")
        return plain(metadata.get("name")) if isinstance(metadata, MapNode) else ""


class Patch(NamedTuple):
    """A change of a resource, as Kustomize makes it."""

    kind: str
    """Empty for any."""
    name: str
    """A regular expression; empty for any."""
    node: Held
    """What is laid over it, or a list of operations."""


class Bundle(NamedTuple):
    """Manifests that are applied together."""

    name: str
    resources: tuple[Resource, ...]
    development: str
    patches: tuple[Patch, ...] = ()
    counts: Mapping[str, Known] = {}
    """Replicas by the name of a workload."""
    values: Mapping[str, Mapping[str, str | None]] = {}
    """ConfigMaps that are generated, by name."""
    platform: str = "kubernetes"
    whole: bool = True
    """False where some of it could not be read."""


def plain(node: Tree | None) -> str:
    """The text of a scalar, empty for anything else."""
    return node.text if isinstance(node, Scalar) else ""


def resources(facts: DeployFacts) -> Iterator[Resource]:
    """The objects of a manifest, those of a List as well."""
    for document in facts.content.documents if isinstance(facts.content, TreeFile) else ():
        if isinstance(document, MapNode):
            items = document.get("items")
            if plain(document.get("kind")).endswith("List") and isinstance(items, ListNode):
                yield from (Resource(facts.path, item) for item in items.items if isinstance(item, MapNode))
            else:
                yield Resource(facts.path, document)

"""Things that several files say together: one laid over the other, nothing merged before somebody asks."""

from __future__ import annotations

from typing import NamedTuple

from celerylint.facts.deploy.ir import MapNode, Scalar, Tree
from celerylint.finding import Place


class Held(NamedTuple):
    """A node and the file that it is written in."""

    path: str
    node: Tree


class Layers(NamedTuple):
    """One service or workload as several files say it: the layer that wins last."""

    name: str
    place: Place
    """Where it is declared first."""
    layers: tuple[tuple[str, MapNode], ...]

    def find(self, *keys: str) -> Held | None:
        """What decides one value."""
        for path, layer in reversed(self.layers):
            found, final = _descend(layer, keys)
            if found is not None:
                return Held(path, found)
            if final:
                return None
        return None

    def gather(self, *keys: str) -> list[Held]:
        """Everything that adds up to one value, that which wins last."""
        found: list[Held] = []
        for path, layer in reversed(self.layers):
            node, final = _descend(layer, keys)
            if node is not None:
                found.append(Held(path, node))
            if final:
                break
        return found[::-1]


def _descend(layer: MapNode, keys: tuple[str, ...]) -> tuple[Tree | None, bool]:
    """The node under some keys, and whether layers below have no say in it (`!reset`, `!override`)."""
    node: Tree = layer
    final = layer.mark == "!override"
    for key in keys:
        below = node.get(key) if isinstance(node, MapNode) else None
        if below is None:
            return None, final
        if below.mark == "!reset":
            return None, True
        final = final or below.mark == "!override"
        node = below
    return (None if isinstance(node, Scalar) and node.value is None else node), final

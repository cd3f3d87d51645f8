"""Every node below a node, in no order that matters."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from celerylint.facts import ir

_PLAIN = frozenset({
    "line", "col", "end_line", "end_col", "id", "attr", "name", "kind", "op", "ops", "names", "module", "level",
    "is_async", "is_generator", "uses", "header_line", "bound",
})  # fmt: skip
"""Fields that hold text and numbers. `value` and `body` are told apart by what they hold."""


@cache
def _fields(cls: type[ir.Node]) -> tuple[str, ...]:
    if cls in (ir.Const, ir.Name, ir.Jump, ir.Scope, ir.Opaque):
        return ()
    if cls in (ir.Import, ir.ImportFrom):
        return ("names",)
    return tuple(name for name in cls.__struct_fields__ if name not in _PLAIN)


def children(node: ir.Node) -> Iterator[ir.Node]:
    """The nodes directly below; for a function its statements too."""
    for name in _fields(type(node)):
        held = getattr(node, name)
        if isinstance(held, ir.Node):
            yield held
        elif isinstance(held, list):
            for item in held:
                if isinstance(item, ir.Node):
                    yield item
    if isinstance(node, ir.Function):
        yield from ir.read_body(node)


def nodes(root: ir.Node) -> Iterator[ir.Node]:
    """A node and everything below it, the bodies of functions included."""
    pending = [root]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(children(node))

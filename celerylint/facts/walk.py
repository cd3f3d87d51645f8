"""Every node below a node, in no order that matters."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from celerylint.facts import ir

_PLAIN = frozenset({
    "line", "col", "end_line", "end_col", "id", "attr", "name", "kind", "op", "ops", "names", "module", "level",
    "is_async", "is_generator", "uses", "header_line", "bound", "path",
})  # fmt: skip
"""Fields that hold text and numbers. `value` and `body` are told apart by whose they are."""


def _fields(cls: type[ir.Node]) -> tuple[str, ...]:
    """The fields of a class that hold nodes."""
    if cls in (ir.Const, ir.Name, ir.Jump, ir.Scope, ir.Opaque):
        return ()
    if cls in (ir.Import, ir.ImportFrom):
        return ("names",)
    return tuple(n for n in cls.__struct_fields__ if n not in _PLAIN and (cls is not ir.Function or n != "body"))


_FIELDS: dict[type, tuple[str, ...]] = {cls: _fields(cls) for cls in ir.Node.__subclasses__()}


def children(node: ir.Node) -> list[ir.Node]:
    """The nodes directly below; for a function its statements too."""
    found: list[ir.Node] = []
    for name in _FIELDS[type(node)]:
        held = getattr(node, name)
        if type(held) is list:
            found += held
        elif held is not None:
            found.append(held)
    if type(node) is ir.Function:
        found += ir.read_body(node)
    elif type(node) is ir.DictExpr:
        return [child for child in found if child is not None]  # `**value` has no key
    return found


def nodes(root: ir.Node, without: Collection[type[ir.Node]] = ()) -> Iterator[ir.Node]:
    """A node and everything below it, the bodies of functions included, but for nodes of some types and what is in them."""
    pending = [root]
    while pending:
        node = pending.pop()
        kind = type(node)
        if kind not in without:
            yield node
            if _FIELDS[kind]:
                pending += children(node)

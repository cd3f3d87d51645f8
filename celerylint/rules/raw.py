"""How the value of a setting is written: texts that the environment gives, and files that are not for production."""

from __future__ import annotations

import re

from celerylint.facts import ir
from celerylint.model.project import Decision

_NOT_PRODUCTION = re.compile(
    r"(^|[/_.-])(tests?|testing|unittests?|dev|devel|develop|development|debug|local|localhost|sandbox|example|examples"
    r"|ci|compose|sample|samples|demo|conftest|eager)([/_.-]|$)",
    re.IGNORECASE,
)


def for_production(path: str) -> bool:
    """Whether a path does not say that the file is for tests, development or show."""
    return _NOT_PRODUCTION.search(path) is None


def written_value(decision: Decision) -> ir.Expr | None:
    """The expression that stands where a setting is set."""
    node = decision.at[1] if decision.at is not None else None
    if isinstance(node, (ir.Assign, ir.Keyword)):
        return node.value
    return None


def variable(node: ir.Expr | None) -> str | None:
    """The environment variable that an expression gives as text, with nothing that turns it into something else."""
    if isinstance(node, ir.BoolOp) and node.op == "or":
        return variable(node.values[0])
    if isinstance(node, ir.Subscript) and _spelled(node.value) in ("os.environ", "environ"):
        return _text(node.index)
    if isinstance(node, ir.Call) and node.args:
        if _spelled(node.func) in ("os.environ.get", "environ.get", "os.getenv", "getenv"):
            return _text(node.args[0])
        if _spelled(node.func) == "bool" and len(node.args) == 1:
            # `bool("False")` is true all the same.
            return variable(node.args[0])
    return None


def _text(node: ir.Expr) -> str | None:
    return node.value if isinstance(node, ir.Const) and isinstance(node.value, str) else None


def _spelled(node: ir.Expr) -> str:
    if isinstance(node, ir.Attr):
        return f"{_spelled(node.value)}.{node.attr}"
    return node.id if isinstance(node, ir.Name) else "?"

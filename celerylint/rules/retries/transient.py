"""What the clients that a body calls raise while the other side cannot be reached."""

from __future__ import annotations

from collections.abc import Iterator

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.finding import Needed
from celerylint.model.project import Task
from celerylint.model.values import External, FunctionValue, Made, Value
from celerylint.rules.body import Body, body_of

_BUILTIN = (Needed("builtins", "ConnectionError"), Needed("builtins", "TimeoutError"))
_AWS = (
    Needed("botocore.exceptions", "ConnectionError", qualified=True),
    Needed("botocore.exceptions", "HTTPClientError", qualified=True),
)
_PASSING: dict[str, tuple[Needed, ...]] = {
    "requests": (Needed("requests", "ConnectionError", qualified=True), Needed("requests", "Timeout", qualified=True)),
    "httpx": (Needed("httpx", "TransportError", qualified=True),),
    "boto3": _AWS,
    "botocore": _AWS,
    "smtplib": (
        Needed("smtplib", "SMTPServerDisconnected", qualified=True),
        Needed("smtplib", "SMTPConnectError", qualified=True),
    ),
    "redis": (Needed("redis", "ConnectionError", qualified=True), Needed("redis", "TimeoutError", qualified=True)),
    "psycopg": (Needed("psycopg", "OperationalError", qualified=True),),
    "psycopg2": (Needed("psycopg2", "OperationalError", qualified=True),),
    "pymongo": (Needed("pymongo.errors", "ConnectionFailure"),),
    "socket": _BUILTIN,
}
"""The errors that pass by themselves, by the package that raises them."""

_DEPTH = 2
"""How many functions of the project deep it is looked for clients."""


def transient(task: Task, others: list[Value]) -> list[Needed]:
    """The errors that pass by themselves of the clients that a task calls, without those that `others` holds already."""
    body = body_of(task)
    packages = dict.fromkeys(_packages(body, _DEPTH)) if body is not None else {}
    held = {other.dotted for other in others if isinstance(other, External)}
    errors = dict.fromkeys(error for package in packages for error in _PASSING[package])
    return [error for error in errors if f"{error.module}.{error.name}" not in held]


def _packages(body: Body, depth: int) -> Iterator[str]:
    """Known clients that a function calls, in the order of their calls."""
    calls = [node for statement in body.statements for node in nodes(statement) if isinstance(node, ir.Call)]
    for call in sorted(calls, key=lambda call: (call.line, call.col)):
        root: ir.Expr = call.func
        while isinstance(root, (ir.Attr, ir.Call, ir.Subscript)):
            root = root.func if isinstance(root, ir.Call) else root.value
        value = body.meaning(root, read=False)
        dotted = value.dotted if isinstance(value, External) else value.maker if isinstance(value, Made) else ""
        package = dotted.partition(".")[0]
        if package in _PASSING:
            yield package
        elif depth and isinstance(value, FunctionValue) and isinstance(root, ir.Name) and call.func is root:
            function = value.innermost
            if isinstance(function.node, ir.Function):
                inner = Body(function.scope.module.path, ir.read_body(function.node), function.scope)
                yield from _packages(inner, depth - 1)

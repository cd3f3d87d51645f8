"""What the clients that a body calls raise while the other side cannot be reached."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator, Mapping

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.finding import Needed
from celerylint.model.project import Task
from celerylint.model.values import ClassValue, External, FunctionValue, Made, Value
from celerylint.rules.body import Body, body_of
from celerylint.rules.dispatch.instances import lineage


def _of(module: str, *names: str) -> tuple[Needed, ...]:
    return tuple(Needed(module, name, qualified=True) for name in names)


_BUILTIN = (Needed("builtins", "ConnectionError"), Needed("builtins", "TimeoutError"))
_AWS = _of("botocore.exceptions", "ConnectionError", "HTTPClientError")
_SMTP = (*_of("smtplib", "SMTPServerDisconnected", "SMTPConnectError"), *_BUILTIN)
_PASSING: dict[str, tuple[Needed, ...]] = {
    "aiohttp": (*_of("aiohttp", "ClientConnectionError"), *_of("asyncio", "TimeoutError")),
    "anthropic": _of("anthropic", "APIConnectionError", "RateLimitError", "InternalServerError"),
    "boto3": _AWS,
    "botocore": _AWS,
    "django.core.mail": _SMTP,
    "django.db": (Needed("django.db", "OperationalError"),),
    "elasticsearch": _of("elasticsearch", "ConnectionError", "ConnectionTimeout"),
    "ftplib": (*_of("ftplib", "error_temp"), *_BUILTIN),
    "grpc": _of("grpc", "RpcError"),
    "httpx": _of("httpx", "TransportError"),
    "kombu": _of("kombu.exceptions", "OperationalError"),
    "openai": _of("openai", "APIConnectionError", "RateLimitError", "InternalServerError"),
    "paramiko": (*_of("paramiko", "SSHException"), *_BUILTIN),
    "pika": _of("pika.exceptions", "AMQPConnectionError"),
    "psycopg": _of("psycopg", "OperationalError"),
    "psycopg2": _of("psycopg2", "OperationalError"),
    "pymongo": (Needed("pymongo.errors", "ConnectionFailure"),),
    "pymysql": _of("pymysql", "OperationalError"),
    "redis": _of("redis", "ConnectionError", "TimeoutError"),
    "requests": _of("requests", "ConnectionError", "Timeout"),
    "smtplib": _SMTP,
    "socket": _BUILTIN,
    "sqlalchemy": (Needed("sqlalchemy.exc", "OperationalError"),),
    "stripe": _of("stripe", "APIConnectionError", "RateLimitError"),
    "urllib.request": (*_of("urllib.error", "URLError"), *_BUILTIN),
    "urllib3": _of("urllib3.exceptions", "MaxRetryError", "ProtocolError", "TimeoutError"),
}
"""The errors that pass by themselves, by the package or module whose calls raise them."""

_DEPTH = 2
"""How many functions of the project deep it is looked for clients."""


_DATABASES = frozenset({"django.db", "sqlalchemy"})
"""What most bodies use beside that which fails: it says what may pass by itself only where nothing else can fail."""

_OPAQUE = "?"


def transient(tasks: Iterable[Task], others: list[Value]) -> list[Needed]:
    """The errors that pass by themselves of the clients that tasks call, without those that `others` holds already."""
    return transient_in([(body, body) for body in map(body_of, tasks) if body is not None], others)


def transient_in(parts: Iterable[tuple[Body, Body]], others: list[Value]) -> list[Needed]:
    """The same of statements, each with the body that they are part of."""
    clients = dict.fromkeys(client for part, body in parts for client in _clients(part, _imported(body), _DEPTH))
    known = [client for client in clients if client != _OPAQUE]
    if _OPAQUE in clients and _DATABASES.issuperset(known):
        return []
    held = {other.dotted for other in others if isinstance(other, External)}
    errors = dict.fromkeys(error for client in known for error in _PASSING[client])
    return [error for error in errors if f"{error.module}.{error.name}" not in held]


def _clients(part: Body, local: Mapping[str, str], depth: int) -> Iterator[str]:
    """Known clients that statements call, in the order of their calls, and `?` for what is not known."""
    calls = [node for statement in part.statements for node in nodes(statement) if isinstance(node, ir.Call)]
    for call in sorted(calls, key=lambda call: (call.line, call.col)):
        root: ir.Expr = call.func
        while isinstance(root, (ir.Attr, ir.Call, ir.Subscript)):
            root = root.func if isinstance(root, ir.Call) else root.value
        value = part.meaning(call.func) or part.meaning(root)
        if isinstance(root, ir.Name) and root.id in local:
            value = External(local[root.id])
        client = _client(value) or _by_model(value, call)
        if client:
            yield client
        elif depth and isinstance(value, FunctionValue) and isinstance(value.innermost.node, ir.Function):
            function = value.innermost
            inner = Body(function.scope.module.path, ir.read_body(value.innermost.node), function.scope)
            yield from _clients(inner, _imported(inner), depth - 1)
        elif not _is_harmless(value, call.func):
            yield _OPAQUE


_PLAIN = frozenset({
    "builtins", "celery", "collections", "datetime", "django", "functools", "itertools", "json", "logging", "math", "random",
    "re", "structlog", "time", "uuid",
})  # fmt: skip
_BUILTINS = frozenset(vars(builtins))
_OF_ROWS = frozenset({
    "add", "all", "append", "bulk_create", "count", "delete", "exclude", "exists", "filter", "first", "format", "get", "items",
    "iterator", "join", "keys", "last", "order_by", "refresh_from_db", "save", "split", "strip", "update", "values",
    "values_list",
})  # fmt: skip
"""Methods of what a body has at hand that ask the database or nobody."""


def _is_harmless(value: Value | None, called: ir.Expr) -> bool:
    """Whether what is called is of the language or of Celery, or a method of a row, a text or a list."""
    if isinstance(value, (External, Made)):
        dotted = value.dotted if isinstance(value, External) else value.maker
        return dotted.partition(".")[0] in _PLAIN
    if isinstance(called, ir.Name):
        return value is None and called.id in _BUILTINS
    return value is None and isinstance(called, ir.Attr) and called.attr in _OF_ROWS


def _client(value: Value | None) -> str:
    """Which of those that are known a value is, or is made by."""
    dotted = value.dotted if isinstance(value, External) else value.maker if isinstance(value, Made) else ""
    while dotted and dotted not in _PASSING:
        dotted = dotted.rpartition(".")[0]
    return dotted


def _by_model(value: Value | None, call: ir.Call) -> str:
    """The database of Django's, where a call asks a model of the project for rows."""
    if not isinstance(value, ClassValue) or not any(
        isinstance(n, ir.Attr) and n.attr == "objects" for n in nodes(call.func)
    ):
        return ""
    bases = [base.dotted for base in lineage(value) if isinstance(base, External)]
    return "django.db" if "django.db.models.Model" in bases else ""


def _imported(body: Body) -> dict[str, str]:
    """What a function imports itself: names, and what they stand for."""
    found: dict[str, str] = {}
    for node in (node for statement in body.statements for node in nodes(statement)):
        if isinstance(node, ir.Import):
            found.update((alias.bound, alias.name) for alias in node.names)
        elif isinstance(node, ir.ImportFrom) and not node.level:
            found.update((alias.bound, f"{node.module}.{alias.name}") for alias in node.names)
    return found

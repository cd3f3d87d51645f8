"""What the clients that a body calls raise while the other side cannot be reached."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.finding import Needed
from celerylint.model.project import Task
from celerylint.model.values import ClassValue, External, FunctionValue, Instance, Made, ModuleValue, Value, forced
from celerylint.rules.body import Body, body_of
from celerylint.rules.dispatch.instances import lineage


def _of(module: str, *names: str) -> tuple[Needed, ...]:
    return tuple(Needed(module, name, qualified=True) for name in names)


_BUILTIN = (Needed("builtins", "ConnectionError"), Needed("builtins", "TimeoutError"))
_AWS = _of("botocore.exceptions", "ConnectionError", "HTTPClientError")
_SMTP = (*_of("smtplib", "SMTPServerDisconnected", "SMTPConnectError"), *_BUILTIN)
PASSING: dict[str, tuple[Needed, ...]] = {
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


class Part(Struct, frozen=True):
    """Statements that may call clients, with what is known around them."""

    body: Body
    imported: Mapping[str, str]
    """What the function imports itself: names, and what they stand for."""
    owner: ClassValue | None = None
    """The class whose method it is."""


def part_of(body: Body, whole: Body | None = None, owner: ClassValue | None = None) -> Part:
    """A body, or a part of the whole one."""
    return Part(body, _imported(whole or body), owner)


def transient(tasks: Iterable[Task], others: list[Value]) -> list[Needed]:
    """The errors that pass by themselves of the clients that tasks call, without those that `others` holds already."""
    bodies = [(task, body_of(task)) for task in tasks]
    return transient_in([part_of(body, owner=task.value.cls) for task, body in bodies if body is not None], others)


def transient_in(parts: Iterable[Part], others: list[Value]) -> list[Needed]:
    """The same of statements."""
    clients = dict.fromkeys(client for part in parts for client in _clients(part, _DEPTH))
    known = [client for client in clients if client != _OPAQUE]
    if _OPAQUE in clients and _DATABASES.issuperset(known):
        return []
    held = {other.dotted for other in others if isinstance(other, External)}
    errors = dict.fromkeys(error for client in known for error in PASSING[client])
    return [error for error in errors if f"{error.module}.{error.name}" not in held]


def _clients(part: Part, depth: int) -> Iterator[str]:
    """Known clients that statements call, in the order of their calls, and `?` for what is not known."""
    body = part.body
    calls = [node for statement in body.statements for node in nodes(statement) if isinstance(node, ir.Call)]
    for call in sorted(calls, key=lambda call: (call.line, call.col)):
        root: ir.Expr = call.func
        while isinstance(root, (ir.Attr, ir.Call, ir.Subscript)):
            root = root.func if isinstance(root, ir.Call) else root.value
        value = _of_module(body, call.func) or body.meaning(call.func) or body.meaning(root)
        if isinstance(root, ir.Name) and root.id in part.imported:
            value = External(part.imported[root.id])
        client = _client(value) or _by_model(value, call)
        inner = _called(value, call.func, root, part.owner) if depth and not client else []
        if client:
            yield client
        elif not inner and not _is_harmless(value, call.func):
            yield _OPAQUE
        for each in inner:
            yield from _clients(each, depth - 1)


def _of_module(body: Body, func: ir.Expr) -> Value | None:
    """What a module of the project has under a name; it is read for that if nobody needed it yet."""
    holder = body.meaning(func.value) if isinstance(func, ir.Attr) else None
    if not isinstance(holder, ModuleValue) or not isinstance(func, ir.Attr):
        return None
    entry = holder.module.bindings.get(func.attr)
    return forced(entry.value) if entry is not None else None


def _called(value: Value | None, func: ir.Expr, root: ir.Expr, owner: ClassValue | None) -> list[Part]:
    """The functions of the project that a call runs: a function, or a method with what makes its object."""
    if isinstance(value, FunctionValue):
        function = value.innermost
        if not isinstance(function.node, ir.Function):
            return []
        return [part_of(Body(function.scope.module.path, ir.read_body(function.node), function.scope))]
    cls = value.cls if isinstance(value, Instance) else value if isinstance(value, ClassValue) else None
    names = {func.attr if isinstance(func, ir.Attr) else "", "__init__"}
    if isinstance(root, ir.Name) and root.id == "self" and isinstance(func, ir.Attr):
        cls, names = owner, {func.attr}
    methods = [m for m in cls.node.body if isinstance(m, ir.Function) and m.name in names] if cls is not None else []
    return [
        part_of(Body(cls.module.path, ir.read_body(method), cls.scope), owner=cls)
        for method in methods
        if cls is not None
    ]


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
    while dotted and dotted not in PASSING:
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

"""CLY607."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from celerylint.effects.behaviour import Behaviour
from celerylint.effects.catalogue.forks import COPIED, THROUGH
from celerylint.effects.events import Use
from celerylint.effects.walk import client_of
from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.finding import Confidence, Finding, Severity
from celerylint.model.modules import Module
from celerylint.model.project import Project, Task
from celerylint.model.values import External, Imported, Made, Scalar, Value, forced, unread
from celerylint.rules.base import Rule, related
from celerylint.rules.bodies.telling import way

_FORKS = (None, "prefork", "processes")
_CONNECTS = frozenset({"create_all", "drop_all", "reflect", "connect", "begin", "execute", "raw_connection", "inspect"})
"""Calls that leave a connection in the pool of an engine."""


class ForkUnsafeClient(Rule):
    """The client is made in the parent, and every worker process gets a copy of it that does not work.

    The prefork pool imports the modules of tasks first and forks then. A client that is made at the top of a module exists
    before the fork, with its threads, locks and sockets. Threads do not survive a fork, locks stay as they were, and sockets
    are shared: calls hang, or answers come to the wrong process. It shows under load, and on some machines only.

    Reported is what the libraries say of themselves:

    - PyMongo: ["MongoClient instances must not be copied from a parent process to a child
      process"](https://pymongo.readthedocs.io/en/4.12.0/faq.html#is-pymongo-fork-safe); with `connect=False` nothing is said
    - kafka-python: ["You cannot share a global producer with celery tasks"](https://github.com/dpkp/kafka-python/issues/1098)
    - confluent-kafka: ["you will need to instantiate each client in the fork where it will
      run"](https://github.com/confluentinc/confluent-kafka-python/issues/417)
    - gRPC: [it "doesn't support fork()"](https://github.com/grpc/grpc/blob/master/doc/fork_support.md), unless
      `GRPC_ENABLE_FORK_SUPPORT` is set
    - SQLAlchemy: [pooled connections must not be shared with a forked
      process](https://docs.sqlalchemy.org/en/20/core/pooling.html#using-connection-pools-with-multiprocessing-or-os-fork): an
      engine that connects while its module is imported (`create_all`)
    - boto3, with low confidence: [clients "cannot be shared across
      processes"](https://boto3.amazonaws.com/v1/documentation/api/latest/guide/clients.html#multithreading-or-multiprocessing-with-clients)

    redis-py reconnects after a fork, and is left alone. So is a project that makes or resets the client in
    `worker_process_init` or `os.register_at_fork`, and one whose workers use other pools.

    ## What to do

    Make the client where a task first needs it, in a function under `functools.cache`, or in `worker_process_init`. For an
    engine: `engine.dispose(close=False)` in `worker_process_init`.

    [Worker signals](https://docs.celeryq.dev/en/stable/userguide/signals.html#worker-process-init)
    """

    code = "CLY607"
    name = "fork-unsafe-client"
    summary = "A client that is made before the pool forks is used by a task: each process gets a broken copy."
    severity = Severity.WARNING
    confidence = Confidence.MEDIUM
    bad = """\
from celery import Celery
from pymongo import MongoClient

app = Celery("shop", broker="redis://")
client = MongoClient("mongodb://localhost")


@app.task
def count():
    return client.shop.orders.count_documents({})
"""
    good = """\
from functools import cache

from celery import Celery
from pymongo import MongoClient

app = Celery("shop", broker="redis://")


@cache
def client():
    return MongoClient("mongodb://localhost")


@app.task
def count():
    return client().shop.orders.count_documents({})
"""

    def check_behaviour(self, behaviour: Behaviour, project: Project) -> Iterable[Finding]:
        task = behaviour.task
        seen: set[int] = set()
        for use in behaviour.trace.of(Use):
            client = _made(use.client, project, use.at[0])
            if client is None or id(client) in seen or client.at is None:
                continue
            seen.add(id(client))
            if not _is_unsafe(client, project) or not _forks(task, project) or _is_reset(client, project):
                continue
            yield self.finding(
                client.at,
                f"`{client.maker}` is called when the module is imported, before the pool forks: each process that runs"
                f" {task.name} gets {COPIED[client.maker]}",
                "call engine.dispose(close=False) in worker_process_init"
                if client.maker.startswith("sqlalchemy")
                else "make it where a task first needs it (functools.cache), or in worker_process_init",
                symbol=task.name,
                confidence=Confidence.LOW if client.maker.startswith("boto3") else self.confidence,
                related=[*related(use.at, "used here"), *way(task, use)],
            )


def _made(value: Value, project: Project, path: str) -> Made | None:
    """The client that something of it came from, used in a file, if it was made while a module was imported."""
    if isinstance(value, Made) and value.maker in THROUGH:
        bind = value.keywords.get("bind")
        inner = bind.value if bind is not None else value.args[0] if value.args else None
        held = _seen(inner) if inner is not None else None
        return _made(held, project, path) if isinstance(held, Made) else None
    if not isinstance(value, (Made, External)):
        return None
    if isinstance(value, Made) and value.maker in COPIED:
        return value if value.born[0] == 0 else None
    maker = client_of(value)
    found = {
        id(held): held
        for module in {*_modules(project), *_imported(project.index.module(path))}
        for entry in module.scope.entries.values()
        if isinstance(held := _seen(entry.value), Made) and held.maker == maker and held.born[0] == 0
    }
    return next(iter(found.values())) if len(found) == 1 else None


def _seen(value: Value) -> Value | None:
    """A value, if nothing must be read for it."""
    return None if unread(value) else forced(value)


def _modules(project: Project) -> Iterator[Module]:
    """The files that the project was put together of."""
    for path in sorted(project.index.paths):
        module = project.index.loaded(path)
        if module is not None and module.known:
            yield module


def _imported(module: Module) -> Iterator[Module]:
    """A file, and those that it imports something from."""
    yield module
    for entry in module.scope.entries.values():
        if isinstance(entry.value, Imported) and entry.value.module.bindings:
            yield entry.value.module


def _forks(task: Task, project: Project) -> bool:
    """Whether the task is known to run under the prefork pool, which is Celery's default."""
    workers = [worker for worker in project.workers if not worker.start.development] or list(project.workers)
    if workers:
        return any(worker.pool.known and worker.pool.value in _FORKS for worker in workers)
    pool = task.app.setting("worker_pool") if task.app is not None else None
    return pool is None or (pool.known and pool.value in _FORKS)


def _is_unsafe(client: Made, project: Project) -> bool:
    if client.maker.startswith("pymongo"):
        given = client.keywords.get("connect")
        held = _seen(given.value) if given is not None else None
        return not client.open and (given is None or (isinstance(held, Scalar) and held.value is True))
    if client.maker.startswith("grpc"):
        return not any(b"GRPC_ENABLE_FORK_SUPPORT" in (project.source(m.path) or b"") for m in _modules(project))
    if client.maker.startswith("sqlalchemy"):
        return "poolclass" not in client.keywords and not client.open and _connects(client, project)
    return True


def _connects(engine: Made, project: Project) -> bool:
    """Whether the module that makes an engine connects through it while it is imported."""
    module = project.index.loaded(engine.at[0]) if engine.at is not None else None
    names = _names(engine, module) if module is not None else set()
    if module is None or not names or module.facts is None:
        return False
    for statement in module.facts.body:
        if isinstance(statement, (ir.Function, ir.Class, ir.If)):
            continue
        for node in nodes(statement):
            if isinstance(node, ir.Call) and isinstance(node.func, (ir.Attr, ir.Name)):
                called = node.func.attr if isinstance(node.func, ir.Attr) else node.func.id
                holder = getattr(getattr(node.func, "value", None), "id", "")
                given = [*node.args, *(k.value for k in node.keywords)]
                if called in _CONNECTS and (holder in names or any(getattr(g, "id", "") in names for g in given)):
                    return True
    return False


def _names(client: Made, module: Module) -> set[str]:
    """What a module calls a client."""
    return {name for name, entry in module.scope.entries.items() if _seen(entry.value) is client}


def _is_reset(client: Made, project: Project) -> bool:
    """Whether something in the project runs after the fork and speaks of the client."""
    home = client.at[0] if client.at is not None else ""
    module = project.index.loaded(home) if home else None
    names = _names(client, module) if module is not None else set()
    for other in _modules(project):
        text = project.source(other.path) or b""
        if b"worker_process_init" not in text and b"register_at_fork" not in text:
            continue
        if other.path == home or not names or any(re.search(rb"\b%b\b" % n.encode(), text) for n in names):
            return True
    return False

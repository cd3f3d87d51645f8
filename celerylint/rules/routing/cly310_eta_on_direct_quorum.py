"""CLY310."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from celerylint.facts import ir
from celerylint.finding import Edit, Finding, Fix, ReplaceExpr, Severity
from celerylint.model.project import App, Project, Task
from celerylint.model.values import Arguments, At, Scalar, forced, place
from celerylint.rules import mending, placing
from celerylint.rules.base import Rule, names, related
from celerylint.rules.declared import declared_queues
from celerylint.rules.delivery.waits import SENDERS, family
from celerylint.rules.retries.delays import autoretries

_SINCE = (5, 5)
"""The version from which messages that are not due may wait on the server."""


class EtaOnDirectQuorum(Rule):
    """A task with a countdown, an `eta` or a retry goes to a quorum queue on a direct exchange: it holds up its worker.

    With quorum queues Celery keeps messages that are not due on the server (5.5 and later), and no longer raises the
    number of messages that a worker may hold while one of them waits. But that works with topic and fanout exchanges only,
    and the default is direct: there Celery logs "Direct exchanges are not supported with native delayed delivery", the
    worker takes the message and keeps one of its places for it until it is due. With a prefetch of 1, what is sent now
    runs only after what is due in an hour.

    ## What to do

    ```python
    task_default_queue_type = "quorum"
    task_default_exchange_type = "topic"
    ```

    or a topic exchange for the queue: `Queue("orders", Exchange("orders", type="topic"), routing_key="orders", ...)`.

    ## Fix safety

    The fix gives the exchange the type `topic`, where the queue names it or in the settings. It is unsafe: RabbitMQ refuses to
    declare an exchange that exists with another type, so the old one must be deleted first, or the new one named otherwise.

    [Quorum queues](https://docs.celeryq.dev/en/stable/getting-started/backends-and-brokers/rabbitmq.html#using-quorum-queues)
    """

    code = "CLY310"
    name = "eta-on-direct-quorum"
    summary = "Tasks with a countdown, an eta or a retry go to a quorum queue on a direct exchange."
    severity = Severity.WARNING
    bad = """\
from celery import Celery

app = Celery("shop", broker="amqp://")
app.conf.task_default_queue_type = "quorum"


@app.task(name="shop.remind")
def remind(pk): ...


def order(pk):
    remind.apply_async((pk,), countdown=600)
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="amqp://")
app.conf.task_default_queue_type = "quorum"
app.conf.task_default_exchange_type = "topic"


@app.task(name="shop.remind")
def remind(pk): ...


def order(pk):
    remind.apply_async((pk,), countdown=600)
"""

    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        if project.version.minor < _SINCE or _other_broker(app, project):
            return
        for quorum in _direct_quorums(app):
            held = [delay for delay in _delays(app, project) if delay.queue == quorum.queue]
            if held:
                tasks = list(dict.fromkeys(f"`{delay.task.name}`" for delay in held))
                yield self.finding(
                    quorum.at,
                    f"the queue `{quorum.queue}` is a quorum queue on a direct exchange, where messages cannot wait on the"
                    f" server: {names(tasks)}, sent with {held[0].what}, takes a place in a worker until it is due",
                    'use a topic exchange: task_default_exchange_type = "topic", or Exchange(..., type="topic") of the'
                    " queue",
                    symbol=app.name,
                    related=related(held[0].at, held[0].what),
                    fix=_by_topic(quorum, app, project),
                )


def _by_topic(quorum: _Quorum, app: App, project: Project) -> Fix | None:
    """A topic exchange: that of the queue, or the default one."""
    node = quorum.at[1]
    edits: list[Edit]
    if isinstance(node, ir.Call):
        given = [keyword.value for keyword in node.keywords if keyword.name == "exchange"]
        exchange = next(iter([*given, *node.args[1:2]]), None)
        if not isinstance(exchange, ir.Call) or len(exchange.args) > 1:
            return None
        said = next((keyword.value for keyword in exchange.keywords if keyword.name == "type"), None)
        edits = mending.set_at((quorum.at[0], exchange), (), type='"topic"')
        edits = [ReplaceExpr(place((quorum.at[0], said)), '"topic"')] if said is not None else edits
    else:
        edits = placing.chosen(app, project, "task_default_exchange_type", '"topic"')
    return mending.unsafe("use a topic exchange: the old one must be deleted first", *edits) if edits else None


class _Quorum(NamedTuple):
    queue: str
    at: At


class _Delay(NamedTuple):
    task: Task
    queue: str
    what: str
    at: At


def _other_broker(app: App, project: Project) -> bool:
    broker = app.setting("broker_url")
    return broker.known and broker.chosen and not broker.env and family(app, project) != "amqp"


def _direct_quorums(app: App) -> Iterator[_Quorum]:
    declared = declared_queues(app)
    for queue in declared or ():
        kind = queue.arguments.items.get("x-queue-type") if queue.arguments is not None else None
        held = forced(kind.value) if kind is not None else None
        quorum = isinstance(held, Scalar) and held.value == "quorum"
        if quorum and queue.exchange_type == "direct" and queue.at is not None:
            yield _Quorum(queue.name, queue.at)
    default, kind_of_default = app.setting("task_default_queue"), app.settings.get("task_default_queue_type")
    if declared or declared is None or kind_of_default is None or kind_of_default.at is None:
        return
    exchange = app.setting("task_default_exchange_type")
    # Only where no queue is declared does Celery make the default queue of this type.
    if kind_of_default.value == "quorum" and default.known and exchange.known and exchange.value == "direct":
        yield _Quorum(str(default.value), kind_of_default.at)


def _delays(app: App, project: Project) -> Iterator[_Delay]:
    """What is sent to be due later, to a queue that is known."""
    for dispatch in project.dispatches:
        if dispatch.task is not None and dispatch.task.app is app and dispatch.method in SENDERS:
            what = _later(dispatch.args)
            queue = _queue(dispatch.args, dispatch.task)
            if what and queue is not None:
                yield _Delay(dispatch.task, queue, what, dispatch.at)
    for task in project.tasks_of(app):
        own = task.queue.value if task.queue.known else None
        if not isinstance(own, str):
            continue
        tries = [retry.at for retry in project.retries_of(task) if _later(retry.args, "a retry")]
        tried = task.retry("autoretry_for").at if autoretries(task) else None
        for at in [*tries, *([tried] if tried is not None else [])]:
            yield _Delay(task, own, "a retry", at)


def _later(given: Arguments, otherwise: str = "") -> str:
    """`a countdown`, `an eta`; `otherwise` where neither is given, and nothing for a countdown of 0."""
    for name, words in (("countdown", "a countdown"), ("eta", "an eta")):
        entry = given.keywords.get(name)
        if entry is not None:
            held = forced(entry.value)
            return "" if isinstance(held, Scalar) and not held.value else words
    return "" if given.open else otherwise


def _queue(given: Arguments, task: Task) -> str | None:
    """The queue that a call sends to."""
    if given.open or {"exchange", "routing_key"} & given.keywords.keys():
        return None
    named = given.keywords.get("queue")
    if named is None:
        return task.queue.value if task.queue.known and isinstance(task.queue.value, str) else None
    held = forced(named.value)
    return held.value if isinstance(held, Scalar) and isinstance(held.value, str) else None

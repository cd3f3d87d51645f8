"""CLY311."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.finding import Finding, Severity
from celerylint.model.project import App, Project
from celerylint.rules.base import Rule
from celerylint.rules.declared import declared_queues
from celerylint.rules.written import names_of

_HELP = 'declare quorum queues: Queue(..., queue_arguments={"x-queue-type": "quorum"})'


class MirroredClassicQueue(Rule):
    """Classic queues are to be mirrored: RabbitMQ 4 no longer does that, and keeps them on one node only.

    RabbitMQ deprecated mirrored classic queues in 3.9 and removed them in 4.0: a policy with `ha-mode` is there without
    effect, so the queues are lost with the node that holds them. The queue argument `x-ha-policy` has had no effect since
    RabbitMQ 3.0, and the setting `task_queue_ha_policy`, or `CELERY_QUEUE_HA_POLICY`, which wrote it, is one that Celery
    no longer reads.

    ## What to do

    Use quorum queues, which are replicated by themselves, with a topic exchange so that tasks can be delayed.

    ```python
    task_default_queue_type = "quorum"
    task_default_exchange_type = "topic"
    ```

    [Quorum queues](https://docs.celeryq.dev/en/stable/getting-started/backends-and-brokers/rabbitmq.html#using-quorum-queues)
    """

    code = "CLY311"
    name = "mirrored-classic-queue"
    summary = "Classic queues are to be mirrored, which RabbitMQ 4 no longer does."
    severity = Severity.WARNING
    preset = "playbook"
    bad = """\
from celery import Celery
from kombu import Queue

app = Celery("shop", broker="amqp://")
app.conf.task_queues = [Queue("celery", queue_arguments={"x-ha-policy": "all"})]
"""
    good = """\
from celery import Celery
from kombu import Queue

app = Celery("shop", broker="amqp://")
app.conf.task_queues = [Queue("celery", queue_arguments={"x-queue-type": "quorum"})]
"""

    def check_project(self, project: Project) -> Iterable[Finding]:
        for broker in project.brokers:
            for where in broker.mirrored if not broker.development else ():
                yield self.finding(
                    where,
                    "this policy mirrors classic queues (`ha-mode`): RabbitMQ 4 ignores it, and a queue is lost with the"
                    " node that holds it",
                    _HELP,
                    symbol=broker.name,
                )

    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        for queue in declared_queues(app) or ():
            argument = queue.arguments.items.get("x-ha-policy") if queue.arguments is not None else None
            if argument is not None and (argument.at or queue.at) is not None:
                yield self.finding(
                    argument.at or queue.at or app.at,
                    f"`x-ha-policy` has no effect since RabbitMQ 3.0: the queue `{queue.name}` is not mirrored",
                    _HELP,
                    symbol=app.name,
                )
        names = names_of(app, project)
        for written in (*names.code, *names.object):
            if written.name.removeprefix(names.namespace or "").lower().endswith("queue_ha_policy"):
                yield self.finding(
                    written.at,
                    f"Celery no longer reads `{written.name}`: it mirrors no queue, and since RabbitMQ 4 no policy does"
                    " either",
                    _HELP,
                    symbol=app.name,
                )

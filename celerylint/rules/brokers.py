"""Which broker an application uses, by its settings or by what its workers are deployed with."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from celerylint.model.deploy.process import Broker
from celerylint.model.project import App, Project, Worker
from celerylint.rules.delivery.waits import family

_FAMILIES = {"redis": "redis", "rabbitmq": "amqp"}
"""The kind of broker that a service is."""


def family_of(app: App, project: Project) -> str:
    """The kind of broker: redis, sqs, amqp; empty where it cannot be known.

    By the setting; where that is not known, by the variable that the workers are given, else by the only kind of broker
    that is deployed beside them.
    """
    held = app.setting("broker_url")
    workers = _workers(app, project)
    urls = list(_urls(workers, held.env))
    if held.known and held.chosen and not (held.env and urls):
        return family(app, project)
    told = {transport.family for url in urls if (transport := project.catalog.transport(url)) is not None}
    if told or not workers:
        return told.pop() if len(told) == 1 else ""
    beside = {_FAMILIES.get(broker.transport, "") for broker in _beside(workers, project)}
    return beside.pop() if len(beside) == 1 else ""


def broker_services(app: App, project: Project) -> tuple[Broker, ...]:
    """The deployed services that are the broker of an app, and not merely its cache."""
    kind = family_of(app, project)
    held = app.setting("broker_url")
    workers = _workers(app, project)
    urls = list(_urls(workers, held.env))
    if held.known and held.chosen and isinstance(held.value, str) and not (held.env and urls):
        urls.append(held.value)
    hosts = {_host(url) for url in urls} - {""}
    alike = [
        broker
        for broker in project.brokers
        if not broker.development and _FAMILIES.get(broker.transport) == kind and broker.platform != "configuration"
    ]
    named = tuple(broker for broker in alike if broker.name.rpartition("/")[2] in hosts)
    if named:
        return named
    # Without an address, one that stands alone beside the workers.
    beside = [broker for broker in _beside(workers, project) if broker in alike]
    alone = [broker for broker in beside if sum(other.deployment == broker.deployment for other in beside) == 1]
    return tuple(alone) if not hosts else ()


def _workers(app: App, project: Project) -> tuple[Worker, ...]:
    return tuple(worker for worker in project.workers if worker.app is app and not worker.start.development)


def _beside(workers: tuple[Worker, ...], project: Project) -> Iterator[Broker]:
    """The brokers that run where the workers do."""
    places = {worker.start.process.deployment for worker in workers if worker.start.process is not None}
    for broker in project.brokers:
        if broker.deployment in places and not broker.development and broker.platform != "configuration":
            yield broker


def _urls(workers: tuple[Worker, ...], variable: str) -> Iterator[str]:
    """Addresses of brokers in the variables of the workers: the one that the setting reads, else those named so."""
    for worker in workers:
        environment = worker.start.invocation.environment if worker.start.invocation is not None else {}
        for name, value in environment.items():
            if (name == variable or (not variable and "BROKER" in name.upper())) and value and "://" in value:
                yield value


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""

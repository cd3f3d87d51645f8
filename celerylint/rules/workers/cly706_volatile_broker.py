"""CLY706."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar, NamedTuple

from celerylint.finding import Confidence, Finding, Place, Severity
from celerylint.model.deploy.containers import base_name
from celerylint.model.deploy.process import Broker
from celerylint.model.project import Project
from celerylint.rules.base import Rule, related
from celerylint.rules.brokers import broker_services

_LOGGING = frozenset(
    {"redis", "valkey", "valkey/valkey", "redis/redis-stack", "redis/redis-stack-server", "eqalpha/keydb"}
)
"""Images that write no append-only file unless they are told to; others have defaults of their own."""


class VolatileBroker(Rule):
    """The Redis that carries the messages forgets them: when it restarts, or when its memory is full.

    Redis as it comes writes a snapshot now and then and no append-only file: what was sent since the last snapshot
    is gone after a crash. Without a volume, or another storage that outlives the container, all of it is gone with the
    container. And with an eviction policy other than `noeviction` Redis throws away keys when its memory is full,
    queues among them.

    Only a Redis is judged that is the broker of an application here: by the address in its settings or in the variables
    of its workers, or because it stands alone beside them. One whose configuration is not wholly known is left alone as far
    as settings go.

    ## What to do

    ```yaml
    redis:
      image: redis:7
      command: redis-server --appendonly yes --maxmemory-policy noeviction
      volumes:
        - redis:/data
    ```

    Keep a cache in a Redis of its own, where evicting is right.

    [Redis caveats](https://docs.celeryq.dev/en/stable/getting-started/backends-and-brokers/redis.html#caveats) ·
    [Redis persistence](https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/)
    """

    code = "CLY706"
    name = "volatile-broker"
    summary = "The Redis that carries the messages loses them when it restarts or when its memory is full."
    severity = Severity.WARNING
    preset = "playbook"
    confidence = Confidence.MEDIUM
    shown_in = "docker-compose.yml"
    beside: ClassVar[Mapping[str, str]] = {
        "shop.py": 'from celery import Celery\n\napp = Celery("shop", broker="redis://redis:6379/0")\n'
    }
    bad = """\
services:
  redis:
    image: redis:7
  worker:
    build: .
    command: celery -A shop worker
"""
    good = """\
services:
  redis:
    image: redis:7
    command: redis-server --appendonly yes --maxmemory-policy noeviction
    volumes:
      - redis:/data
  worker:
    build: .
    command: celery -A shop worker
volumes:
  redis:
"""

    def check_project(self, project: Project) -> Iterable[Finding]:
        seen: dict[Place, Broker] = {}
        for app in project.apps:
            for broker in broker_services(app, project):
                if broker.transport == "redis":
                    seen.setdefault(broker.place, broker)
        for broker in seen.values():
            faults = list(_faults(broker))
            if not faults:
                continue
            where = next((fault.place for fault in faults if fault.place is not None), broker.place)
            yield self.finding(
                where,
                f"the broker `{broker.name}` {' and '.join(fault.what for fault in faults)}: messages that wait in it are"
                f" lost {_when(faults)}",
                f"{'; '.join(fault.mend for fault in faults)}",
                symbol=broker.name,
                related=related(broker.place, "the broker") if where != broker.place else [],
            )


class _Fault(NamedTuple):
    what: str
    mend: str
    full: bool
    """Whether it shows when memory is full, rather than at a restart."""
    place: Place | None


def _faults(broker: Broker) -> Iterator[_Fault]:
    append, policy = broker.settings.get("appendonly"), broker.settings.get("maxmemory-policy")
    image = base_name(broker.image.value) if isinstance(broker.image.value, str) else ""
    text = str(policy.value).strip("\"'").lower() if policy is not None and policy.value is not None else "noeviction"
    if policy is not None and text != "noeviction":
        yield _Fault(f"evicts keys ({text})", "set --maxmemory-policy noeviction", True, policy.place)
    if append is not None and str(append.value).strip("\"'").lower() == "no":
        yield _Fault("keeps no append-only file", "start it with --appendonly yes", False, append.place)
    elif append is None and broker.complete and image in _LOGGING:
        yield _Fault("keeps no append-only file", "start it with --appendonly yes", False, None)
    if broker.storage.value == "":
        yield _Fault("has no volume", "give it a volume for its data", False, None)


def _when(faults: list[_Fault]) -> str:
    parts = ["when its memory is full"] if any(fault.full for fault in faults) else []
    return " and ".join(parts + (["when it restarts"] if not all(fault.full for fault in faults) else []))

"""CLY706."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from celerylint.finding import Confidence, Edit, Finding, Fix, Place, ReplaceText, Severity
from celerylint.model.deploy.containers import base_name
from celerylint.model.deploy.process import Broker
from celerylint.model.project import Project
from celerylint.rules import mending
from celerylint.rules.base import Rule, related
from celerylint.rules.brokers import broker_services
from celerylint.rules.commanding import text_of
from celerylint.rules.outline import Outline

if TYPE_CHECKING:
    from celerylint.fixes.text import Text

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

    ## Fix safety

    The fix writes what is missing into a service of a Compose file: the flags behind its command, or a command that has them, and
    a named volume; in a file of configuration it changes the value. It is unsafe: an append-only file takes room and
    time on the disk, and without eviction Redis refuses what no longer fits into its memory.

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
                fix=_kept(broker, faults, project),
            )


_LOG = ("appendonly", "yes")
_EVICTION = ("maxmemory-policy", "noeviction")


class _Fault(NamedTuple):
    what: str
    mend: str
    full: bool
    """Whether it shows when memory is full, rather than at a restart."""
    place: Place | None
    key: str = ""
    """The setting of Redis; empty for the volume."""
    value: str = ""
    """What it should be."""


def _faults(broker: Broker) -> Iterator[_Fault]:
    append, policy = broker.settings.get("appendonly"), broker.settings.get("maxmemory-policy")
    image = base_name(broker.image.value) if isinstance(broker.image.value, str) else ""
    text = str(policy.value).strip("\"'").lower() if policy is not None and policy.value is not None else "noeviction"
    if policy is not None and text != "noeviction":
        yield _Fault(f"evicts keys ({text})", "set --maxmemory-policy noeviction", True, policy.place, *_EVICTION)
    if append is not None and str(append.value).strip("\"'").lower() == "no":
        yield _Fault("keeps no append-only file", "start it with --appendonly yes", False, append.place, *_LOG)
    elif append is None and broker.complete and image in _LOGGING:
        yield _Fault("keeps no append-only file", "start it with --appendonly yes", False, None, *_LOG)
    if broker.storage.value == "":
        yield _Fault("has no volume", "give it a volume for its data", False, None)


# --- the fix ----------------------------------------------------------------------------------------------------------


def _kept(broker: Broker, faults: list[_Fault], project: Project) -> Fix | None:
    """Everything that a service of Compose, or a file of configuration, lacks; None where a part of it cannot be written."""
    edits: list[Edit] = []
    flags: list[str] = []
    for fault in faults:
        if fault.place is not None:
            text = text_of(fault.place.path, project)
            old = str(broker.settings[fault.key].value)
            edit = _value_instead(text, fault.place, old.strip("\"'"), fault.value) if text is not None else None
            if edit is None:
                return None
            edits.append(edit)
        elif fault.key:
            flags += [f"--{fault.key}", fault.value]
    volume = any(not fault.key for fault in faults)
    if flags or volume:
        text = text_of(broker.place.path, project)
        added = _in_service(Outline(text), broker, flags, volume) if text is not None else []
        if not added:
            return None
        edits += added
    return mending.unsafe("let Redis keep what it holds", *edits)


def _value_instead(text: Text, place: Place, old: str, new: str) -> Edit | None:
    """The value of a setting or flag in place of the one behind its name."""
    end = text.offset(place.span.end_line, place.span.end_column)
    found = re.compile(r"[\"',\s=-]*" + re.escape(old) + r"\b").match(text.text, end) if old else None
    if found is None or "\n\n" in found[0]:
        return None
    return ReplaceText(Place(text.path, text.span(found.end() - len(old), found.end())), new)


def _in_service(outline: Outline, broker: Broker, flags: list[str], volume: bool) -> list[Edit]:
    """Flags and a volume for a service of Compose whose image is written there; nothing for another."""
    keys = outline.keys(broker.place.line) if broker.platform == "compose" else {}
    if "image" not in keys or (volume and ("volumes" in keys or not _A_SERVICE.fullmatch(broker.name))):
        return []
    edits: list[Edit] = []
    behind: list[str] = []
    image = base_name(str(broker.image.value)).rpartition("/")[2]
    if flags and "command" not in keys:
        if image not in ("redis", "valkey"):
            return []
        behind.append(f"command: {' '.join([f'{image}-server', *flags, '--maxmemory-policy noeviction'])}")
    elif flags:
        line = keys["command"]
        found = _ONE_LINE.fullmatch(outline.lines[line - 1].rstrip())
        if found is None or outline.end(line) != line:
            return []
        edits.append(outline.at(line, found.end(1), f" {' '.join(flags)}"))
    if volume:
        top = outline.top(broker.place.line)
        behind += ["volumes:", f"  - {broker.name}:/data"]
        if "volumes" in top:
            edits.append(outline.below(top["volumes"], f"{broker.name}:"))
        else:
            edits.append(outline.after(max(top.values()), "", "volumes:", f"  {broker.name}:"))
    return [*edits, outline.after(keys.get("command", keys["image"]), *behind)] if behind else edits


_A_SERVICE = re.compile(r"[\w.-]+")
_ONE_LINE = re.compile(r"[ ]*command:[ ]+[\"']?([^\s\"'|>\[&*][^\"'$#]*)[\"']?")


def _when(faults: list[_Fault]) -> str:
    parts = ["when its memory is full"] if any(fault.full for fault in faults) else []
    return " and ".join(parts + (["when it restarts"] if not all(fault.full for fault in faults) else []))

"""CLY707."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from celerylint.finding import Confidence, Finding, Place, Severity
from celerylint.model.deploy.process import UNKNOWN, Process
from celerylint.model.project import Monitor, Project
from celerylint.rules.base import Rule, related

_PORT = 5555
"""Where Flower listens unless told otherwise."""
_EVERYWHERE = ("", "0.0.0.0", "::", "*")
_LOOPBACK = re.compile(r"127\.|localhost$|\[?::1\]?$")
_PUBLISHED = re.compile(
    r"(?:(?P<address>\[[^\]]*\]|\d+\.\d+\.\d+\.\d+|localhost|[^:]*(?=:[^:]*:)):)?(?:[^:]*:)?(?P<target>[^:]+)"
)
_ASKS = re.compile(rb"^[ \t]*(?:basic_auth|auth)[ \t]*=", re.MULTILINE)
"""The options of flowerconfig.py without which everybody is let in."""


class OpenFlower(Rule):
    """Flower is published without a password.

    Flower lets everybody in unless `basic_auth` or `auth` is set; OAuth keys and `auth_provider` alone ask nobody. Its
    pages show the arguments and the result of every task, the workers and their configuration, and the broker. Before
    Flower 2.0, and later with `FLOWER_UNAUTHENTICATED_API`, its API lets the same people start and revoke tasks and shut
    workers down.

    Reported is a Flower whose port a Compose file publishes on more than the loopback address, or that a Service or an
    Ingress of Kubernetes leads to from outside. Nothing is reported where part of its flags, its variables or its
    configuration file is not known.

    ## What to do

    ```console
    celery -A proj flower --basic-auth="$FLOWER_USER:$FLOWER_PASSWORD"
    ```

    `FLOWER_BASIC_AUTH` does the same, and so does `basic_auth` in `flowerconfig.py`; `--auth` with an OAuth provider
    asks for accounts. Or publish the port to the machine alone: `127.0.0.1:5555:5555`. Where a proxy in front asks for
    a password, do not publish Flower's own port beside it; if the files cannot show that, say so:
    `# celerylint: ignore[CLY707] behind the company's proxy`.

    [Authentication of Flower](https://flower.readthedocs.io/en/latest/auth.html) ·
    [Flower](https://docs.celeryq.dev/en/stable/userguide/monitoring.html#flower-real-time-celery-web-monitor)
    """

    code = "CLY707"
    name = "open-flower"
    summary = "Flower is published without a password."
    severity = Severity.ERROR
    shown_in = "docker-compose.yml"
    bad = """\
services:
  flower:
    image: mher/flower
    command: celery flower --broker=redis://redis
    ports:
      - "5555:5555"
"""
    good = """\
services:
  flower:
    image: mher/flower
    command: celery flower --broker=redis://redis --basic-auth=${FLOWER_USER}:${FLOWER_PASSWORD}
    ports:
      - "5555:5555"
"""

    def check_project(self, project: Project) -> Iterable[Finding]:
        for monitor in project.monitors:
            if monitor.kind == "flower" and not monitor.start.development and _lets_in(monitor, project):
                yield from self._open(monitor)

    def _open(self, monitor: Monitor) -> Iterator[Finding]:
        process = monitor.start.process
        listens = _flag(monitor, "address")
        if process is None or listens not in _EVERYWHERE or "unix_socket" in monitor.flags:
            return
        port = _flag(monitor, "port") or str(_PORT)
        published = process.attributes.get("ports")
        if process.platform in ("compose", "kubernetes") and published is not None:
            if any(_leads_to(entry, port, process) for entry in str(published.value).split(",")):
                yield self._finding(monitor, f"its port {_shown(port)} is published", published.place)
        elif process.platform == "systemd":
            # A firewall may stand before it.
            found = self._finding(monitor, f"it listens at port {_shown(port)} of every address of its machine", None)
            yield replace(found, confidence=Confidence.LOW)

    def _finding(self, monitor: Monitor, how: str, port: Place | None) -> Finding:
        return self.finding(
            monitor.start.place,
            f"Flower asks nobody for a password, and {how}: whoever reaches it reads the arguments and results of all"
            " tasks, and controls the workers through its API before Flower 2.0",
            "start it with --basic-auth=USER:PASSWORD or with --auth, or publish its port on 127.0.0.1 alone; if a proxy"
            " asks for a password, say so in a comment: celerylint: ignore[CLY707]",
            related=related(port, "published here"),
        )


def _lets_in(monitor: Monitor, project: Project) -> bool:
    """Whether it is known that Flower asks for no password (`flower.views.BaseHandler.get_current_user`)."""
    process = monitor.start.process
    if process is None or not monitor.complete or not monitor.start.certain:
        return False
    if "basic_auth" in monitor.flags or _flag(monitor, "auth") != "":
        return False
    # A chart is installed with values of its own, and Heroku keeps variables beside the files.
    if process.platform in ("helm", "procfile") or "variables_elsewhere" in process.attributes:
        return False
    return not _configured(monitor, project)


def _configured(monitor: Monitor, project: Project) -> bool:
    """Whether a configuration file may ask for a password."""
    conf = _flag(monitor, "conf")
    name = posixpath.basename(conf or "flowerconfig.py")
    paths = [path for path in project.index.paths if posixpath.basename(path) == name]
    if not paths:
        return conf != ""
    return any(source is None or _ASKS.search(source) for source in map(project.source, paths))


def _flag(monitor: Monitor, name: str) -> str:
    """The text of a flag; empty if it is not given, `UNKNOWN` if it is not known."""
    held = monitor.flags.get(name)
    if held is None:
        return ""
    return str(held.value) if held.known else UNKNOWN


def _leads_to(entry: str, port: str, process: Process) -> bool:
    """Whether a published port is Flower's, and published to more than the machine itself."""
    found = _PUBLISHED.fullmatch(entry.partition("/")[0])
    if found is None:
        return False
    address, target = found["address"] or "", found["target"]
    if UNKNOWN in address or _LOOPBACK.match(address):
        return False
    if UNKNOWN in port or UNKNOWN in target or target == port:
        return True
    first, dash, last = target.partition("-")
    if dash and all(number.isdecimal() and len(number) < 6 for number in (first, last, port)):
        return int(first) <= int(port) <= int(last)
    # A port of Kubernetes may have a name; of several containers it may be any one's.
    return not target.isdecimal() and "/" not in process.name


def _shown(port: str) -> str:
    return port.replace(UNKNOWN, "?")

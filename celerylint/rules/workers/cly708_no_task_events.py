"""CLY708."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar

from celerylint.finding import Finding, Fix, Severity
from celerylint.model.project import Monitor, Project, Worker
from celerylint.rules import mending
from celerylint.rules.base import Rule, related
from celerylint.rules.commanding import command_text

_OFF = ("false", "0", "f", "no", "n", "off")
_NAMES = {"flower": "Flower", "exporter": "the exporter", "events": "`celery events`"}


class NoTaskEvents(Rule):
    """A monitor is deployed, and the workers that it watches send no events of their tasks.

    Flower, exporters of metrics and `celery events` know of tasks only what workers send as events. A worker sends those
    when it is started with `-E`, or with `worker_send_task_events`; without them it sends its heartbeat alone, and the
    monitor shows a worker that never does anything.

    Flower asks all workers every five seconds to begin, unless `--enable_events=False` is set or workers take no remote
    commands; what a worker runs before it was asked is missing then. Exporters do not ask by themselves.

    ## What to do

    ```console
    celery -A proj worker -E
    ```

    Or `worker_send_task_events = True`; with `task_send_sent_event = True` monitors also see how long tasks wait.

    ## Fix safety

    The fix adds `-E` to the command of the worker. It is unsafe: the worker then sends several messages more for each task,
    which the broker has to carry.

    [Events](https://docs.celeryq.dev/en/stable/userguide/monitoring.html#events) ·
    [enable_events of Flower](https://flower.readthedocs.io/en/latest/config.html#enable-events)
    """

    code = "CLY708"
    name = "no-task-events"
    summary = "A monitor is deployed, and the workers that it watches send no events of their tasks."
    severity = Severity.INFO
    preset = "playbook"
    shown_in = "docker-compose.yml"
    beside: ClassVar[Mapping[str, str]] = {"shop.py": 'from celery import Celery\n\napp = Celery("shop")\n'}
    bad = """\
services:
  worker:
    image: shop
    command: celery -A shop worker
  exporter:
    image: danihodovic/celery-exporter
    command: --broker-url=redis://redis
"""
    good = """\
services:
  worker:
    image: shop
    command: celery -A shop worker -E
  exporter:
    image: danihodovic/celery-exporter
    command: --broker-url=redis://redis
"""

    def check_worker(self, worker: Worker, project: Project) -> Iterable[Finding]:
        if not worker.task_events.falsy or not worker.start.certain:
            return
        watching = list(_watching(worker, project))
        blind = [monitor for monitor in watching if not _asks(monitor, worker)]
        asked = [monitor for monitor in watching if monitor.kind == "flower"]
        for monitor in (blind or (asked if len(asked) == len(watching) else []))[:1]:
            yield self._finding(worker, monitor, project, never=bool(blind))

    def _finding(self, worker: Worker, monitor: Monitor, project: Project, never: bool) -> Finding:
        process = worker.start.process
        name = process.name if process is not None else worker.start.text
        who = _NAMES[monitor.kind]
        effect = (
            f"`{name}` sends no events of its tasks: {who} sees its heartbeat and none of what it runs"
            if never
            else f"`{name}` sends events of its tasks only once Flower has asked for them, which it does every 5 s:"
            " what runs before is missing there"
        )
        setting = worker.task_events.place
        return self.finding(
            worker.start.place,
            effect,
            "start the worker with -E, or set worker_send_task_events = True",
            symbol=name,
            related=[*related(monitor.start.place, "who watches it"), *related(setting, "switched off here")],
            fix=_sending(worker, project),
        )


def _sending(worker: Worker, project: Project) -> Fix | None:
    command = command_text(worker, project)
    edits = command.with_flag("-E") if command is not None else []
    return mending.unsafe("let the worker send events: some messages more for each task", *edits) if edits else None


def _watching(worker: Worker, project: Project) -> Iterator[Monitor]:
    """The monitors that are deployed together with a worker."""
    there = worker.start.process
    for monitor in project.monitors:
        here = monitor.start.process
        together = here is not None and there is not None and here.deployment == there.deployment
        same = monitor.app is worker.app or (monitor.app is None and len(project.apps) < 2)
        if together and same and monitor.complete and monitor.start.certain and not monitor.start.development:
            yield monitor


def _asks(monitor: Monitor, worker: Worker) -> bool:
    """Whether a monitor asks workers for events, or may, and they listen."""
    remote = worker.app.settings.get("worker_enable_remote_control") if worker.app is not None else None
    if remote is not None and remote.falsy:
        return False
    told = monitor.flags.get("enable_events")
    if monitor.kind != "flower":
        return told is not None
    return told is None or not told.known or str(told.value).lower() not in _OFF

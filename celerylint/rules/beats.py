"""Who runs beat, and whether several at a time send what is on schedule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from celerylint.finding import Place
from celerylint.model.deploy.process import Known
from celerylint.model.project import App, Beat, Decision, Project, Worker

_WITHOUT_LOCK = frozenset(
    {
        *("celery.beat:PersistentScheduler", "celery.beat.PersistentScheduler"),
        *("celery.beat:Scheduler", "celery.beat.Scheduler"),
        *("django_celery_beat.schedulers:DatabaseScheduler", "django_celery_beat.schedulers.DatabaseScheduler"),
        "django",
    }
)
"""Schedulers of which each sends, whatever others do. Any other, such as RedBeat, may hold a lock."""
_NOT_KEPT_RUNNING = frozenset({"CronJob", "Job"})


class Runner(NamedTuple):
    """A `celery beat`, or a worker that runs beat as well."""

    held: Beat | Worker
    place: Place
    """The command; of a worker, the flag."""

    @property
    def app(self) -> App | None:
        """The app that it certainly runs."""
        return self.held.app if self.held.app_known else None

    @property
    def in_worker(self) -> bool:
        """Whether it is a worker."""
        return isinstance(self.held, Worker)

    @property
    def name(self) -> str:
        """What the files call it, with the node of `celery multi`."""
        process = self.held.start.process
        name = process.name.rpartition("/")[2] if process is not None else self.held.start.text
        return f"{name} ({self.held.line.node})" if self.held.line.node else name


def runners(project: Project) -> Iterator[Runner]:
    """Everything deployed that runs beat, or may run it where a condition holds."""
    for beat in project.beats:
        if not beat.start.development:
            yield Runner(beat, beat.start.place)
    for worker in project.workers:
        if worker.beat.truthy and not worker.start.development:
            yield Runner(worker, worker.beat.place or worker.start.place)


def without_lock(held: Beat | Worker) -> bool:
    """Whether its scheduler is known to send although another one does."""
    own = held.scheduler
    return _decided(own, held.app_known) and own.value in _WITHOUT_LOCK


def keeps_a_file(held: Beat | Worker) -> bool:
    """Whether its scheduler is known to remember in a file when each entry last ran."""
    own = held.scheduler
    return _decided(own, held.app_known) and str(own.value).replace(":", ".") == "celery.beat.PersistentScheduler"


def _decided(own: Decision, app_known: bool) -> bool:
    return own.known and not own.env and (app_known or own.kind in ("flag", "environment"))


class Doubled(NamedTuple):
    """A beat that is not alone."""

    runner: Runner
    place: Place
    """What makes it so: the number of replicas, or the second one."""
    times: int
    """How often everything is sent, at the most."""
    beside: Runner | None = None
    """The other one; None for replicas."""


def doubled(project: Project) -> Iterator[Doubled]:
    """Every beat that is known to run more than once at a time, with a scheduler that holds no lock."""
    found = [runner for runner in runners(project) if runner.held.start.certain and without_lock(runner.held)]
    for runner in found:
        count = most_replicas(runner.held)
        if count is not None and isinstance(count.value, int) and count.value > 1 and count.place is not None:
            yield Doubled(runner, count.place, count.value)
    groups: dict[tuple[str, App], list[Runner]] = {}
    for runner in found:
        process = runner.held.start.process
        if process is not None and runner.app is not None and _kept_running(runner):
            groups.setdefault((process.deployment, runner.app), []).append(runner)
    for group in groups.values():
        # The one to edit is the worker, or else the last.
        first, *others = sorted(group, key=lambda runner: runner.in_worker)
        for other in others:
            if together(first, other):
                yield Doubled(other, other.place, len(group), first)


def most_replicas(held: Beat | Worker) -> Known | None:
    """How many of it run at the most; None for what Python starts."""
    process = held.start.process
    if process is None or str(_attribute(held, "kind")) in _NOT_KEPT_RUNNING:
        return None
    scaled = process.attributes.get("autoscaler")
    return scaled if scaled is not None else held.start.replicas


def together(one: Runner, two: Runner) -> bool:
    """Whether both are started at once: services of Compose with different profiles need not be."""
    profiles = [set(filter(None, str(_attribute(runner.held, "profiles") or "").split(","))) for runner in (one, two)]
    return profiles[0] == profiles[1] or bool(profiles[0] & profiles[1])


def _kept_running(runner: Runner) -> bool:
    return runner.held.start.replicas.value != 0 and _attribute(runner.held, "kind") not in _NOT_KEPT_RUNNING


def _attribute(held: Beat | Worker, name: str) -> object:
    process = held.start.process
    known = process.attributes.get(name) if process is not None else None
    return known.value if known is not None else None

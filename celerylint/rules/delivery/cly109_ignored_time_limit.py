"""CLY109."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from celerylint.finding import Finding, Place, Severity
from celerylint.model.project import App, Decision, Project, Task, Worker
from celerylint.rules.base import Rule, names, related
from celerylint.rules.consumers import name_of, runs
from celerylint.rules.retries.delays import span

_IGNORED = {
    "threads": ("time_limit", "soft_time_limit"),
    "solo": ("time_limit", "soft_time_limit"),
    "eventlet": ("time_limit", "soft_time_limit"),
    "gevent": ("soft_time_limit",),
}
"""What the pools do nothing about. gevent raises the hard limit where the task yields."""
_WORDS = {"time_limit": "hard", "soft_time_limit": "soft"}


class IgnoredTimeLimit(Rule):
    """A worker's pool does nothing about time limits that are set for its tasks: they run for as long as they like.

    Only the prefork pool has processes that can be signalled and killed. `threads`, `solo` and `eventlet` accept both limits
    and ignore them; `gevent` ignores the soft one, and raises the hard one only when the task yields. Nothing warns: a task
    that hangs keeps its thread for ever, and the cleaning up on SoftTimeLimitExceeded never happens.

    Only tasks count that are known to run in this worker, by the queues that it consumes, and limits that somebody has set:
    of the task, of its app, or of the command. Workers for development are left alone.

    ## What to do

    Run tasks that need a limit in a prefork worker of their own, or bound what they wait for: timeouts of HTTP clients, of
    database statements, of locks.

    [Time limits](https://docs.celeryq.dev/en/stable/userguide/workers.html#time-limits) ·
    [Pools](https://docs.celeryq.dev/en/stable/userguide/concurrency/index.html)
    """

    code = "CLY109"
    name = "ignored-time-limit"
    summary = "Time limits are set, and the worker's pool ignores them."
    severity = Severity.WARNING
    bad = """\
from celery import Celery

app = Celery("shop", broker="redis://")


@app.task(name="shop.pull", time_limit=60)
def pull(url): ...


if __name__ == "__main__":
    app.worker_main(["worker", "--pool=threads"])
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="redis://")


@app.task(name="shop.pull", time_limit=60)
def pull(url): ...


if __name__ == "__main__":
    app.worker_main(["worker", "--pool=prefork"])
"""

    def check_worker(self, worker: Worker, project: Project) -> Iterable[Finding]:
        tasks = [task for task in project.tasks if runs(worker, task)]
        ours = {"time_limit": worker.time_limit, "soft_time_limit": worker.soft_time_limit}
        where = worker.pool.place or worker.start.place
        yield from self._judge(worker.pool, tasks, ours, where, f"the worker `{name_of(worker)}`")

    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        pool = app.setting("worker_pool")
        if not pool.chosen or pool.place is None or any(worker.app in (app, None) for worker in project.workers):
            return
        ours = {name: app.setting(f"task_{name}") for name in _WORDS}
        yield from self._judge(pool, project.tasks_of(app), ours, pool.place, f"a worker of `{app.name}`")

    def _judge(
        self, pool: Decision, tasks: Sequence[Task], ours: dict[str, Decision], where: Place, who: str
    ) -> Iterator[Finding]:
        if not pool.known or pool.env or pool.value not in _IGNORED:
            return
        found = [limit for name in _IGNORED[pool.value] for limit in _limits(name, tasks, ours[name])]
        if not found:
            return
        first = found[0]
        kinds = " and ".join(dict.fromkeys(_WORDS[limit.name] for limit in found))
        whose = names(list(dict.fromkeys(limit.whose for limit in found)))
        yield self.finding(
            where,
            f"{who} runs the pool `{pool.value}`, which ignores {kinds} time limits: that of {whose}"
            f" ({span(first.seconds)}) never stops a run",
            "run what needs a limit in a prefork worker, or give what it waits for timeouts of their own",
            symbol=first.whose.strip("`"),
            related=related(first.place, "the limit") if first.place not in (None, where) else [],
        )


class _Limit(NamedTuple):
    name: str
    whose: str
    seconds: float
    place: Place | None


def _limits(name: str, tasks: Sequence[Task], ours: Decision) -> Iterator[_Limit]:
    """The limits that somebody has set: of tasks that have their own, then of the worker for the others."""
    others: list[Task] = []
    for task in tasks:
        own = task.option(name)
        if own.known and not own.value:
            others.append(task)
        elif (seconds := _seconds(own)) is not None:
            yield _Limit(name, f"`{task.name}`", seconds, own.place)
    seconds = _seconds(ours)
    if seconds is not None and ours.kind in ("flag", "environment"):
        yield _Limit(name, "its own command", seconds, ours.place)
    elif seconds is not None and ours.chosen:
        for task in others:
            yield _Limit(name, f"`{task.name}`", seconds, ours.place)


def _seconds(limit: Decision) -> float | None:
    value = limit.value if limit.known else None
    return float(value) if isinstance(value, (int, float)) and value else None

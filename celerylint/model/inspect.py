"""A project in the shape that `celerylint inspect` prints."""

from __future__ import annotations

from collections.abc import Callable

from celerylint.finding import Place
from celerylint.inspection import (
    Answer,
    AppInfo,
    BeatInfo,
    DispatchInfo,
    Inspection,
    MonitorInfo,
    Origin,
    QueueInfo,
    RouteInfo,
    ScheduleInfo,
    TaskInfo,
    UnknownInfo,
    WorkerInfo,
)
from celerylint.model.project import Beat, Decision, Project, Start, Task, Worker
from celerylint.model.traffic import queue_table


def inspection(project: Project, repeat_safe: Callable[[Task], str] = lambda task: "unknown") -> Inspection:
    """What was understood of a project. `repeat_safe` tells of a task whether it may run twice: `yes`, `no` or `unknown`."""
    version = project.version
    origin = version.origin
    return Inspection(
        celery_version=Answer(
            version.value, True, Origin(origin.kind, origin.path or None, origin.line if origin.path else None)
        ),
        apps=[
            AppInfo(app.name, app.at[0], app.at[1].line, {k: answer(d) for k, d in sorted(app.settings.items())})
            for app in project.apps
        ],
        tasks=[
            TaskInfo(
                task.name,
                task.function,
                task.path,
                task.line,
                task.app.name if task.app is not None else None,
                {k: answer(d) for k, d in sorted(task.options.items())},
                answer(task.queue),
                repeat_safe(task),
            )
            for task in project.tasks
        ],
        routes=[
            RouteInfo(route.pattern, route.queue.value, route.at[0], route.at[1].line)
            for app in project.apps
            for route in app.routes.all
        ],
        workers=[_worker(worker) for worker in project.workers],
        beats=[_beat(beat) for beat in project.beats],
        monitors=[
            MonitorInfo(m.kind, m.start.text, m.start.place.path, m.start.place.line, m.start.development)
            for m in project.monitors
        ],
        queues=[
            QueueInfo(
                use.queue,
                [task.name for task in use.tasks],
                len(use.calls),
                [entry.name for entry in use.entries],
                list(dict.fromkeys(f"{w.start.place.path}:{w.start.place.line}" for w in use.workers)),
            )
            for use in queue_table(project)
        ],
        schedule=[
            ScheduleInfo(e.name, e.task_name, e.schedule, e.resolves, e.at[0], e.at[1].line)
            for e in project.schedule
            if not e.lost
        ],
        dispatches=[
            DispatchInfo(d.task_name, d.method, d.at[0], d.at[1].line) for d in project.dispatches if d.task_name
        ],
        unknown=[UnknownInfo(u.what, u.why, u.place.path, u.place.line) for u in project.undecided],
    )


def _worker(worker: Worker) -> WorkerInfo:
    start = worker.start
    return WorkerInfo(
        command=start.text,
        app=worker.app.name if worker.app is not None else None,
        queues=list(worker.queues.value) if worker.queues.known else None,
        pool=worker.pool.value,
        concurrency=worker.concurrency.value,
        prefetch_multiplier=worker.prefetch_multiplier.value,
        beat=bool(worker.beat.value),
        replicas=_count(start),
        path=start.place.path,
        line=start.place.line,
        platform=start.process.platform if start.process is not None else "python",
        name=start.process.name if start.process is not None else "",
        development=start.development,
        why=worker.queues.why if not worker.queues.known else "",
    )


def _beat(beat: Beat) -> BeatInfo:
    start = beat.start
    return BeatInfo(
        command=start.text,
        scheduler=beat.scheduler.value,
        replicas=_count(start),
        path=start.place.path,
        line=start.place.line,
        platform=start.process.platform if start.process is not None else "python",
        name=start.process.name if start.process is not None else "",
        development=start.development,
    )


def _count(start: Start) -> int | None:
    held = start.replicas.value
    return int(held) if isinstance(held, (int, float)) else None


def answer(decision: Decision) -> Answer:
    """A decision as the contract shows it."""
    where: Place | None = decision.place
    origin = Origin(decision.kind, where.path, where.line) if where is not None else Origin(decision.kind)
    if not decision.known:
        return Answer(None, False, origin, decision.why)
    return Answer(decision.value, True, origin, overridable=bool(decision.env))

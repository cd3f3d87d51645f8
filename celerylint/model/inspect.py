"""A project in the shape that `celerylint inspect` prints."""

from __future__ import annotations

from celerylint.finding import Place
from celerylint.inspection import (
    Answer,
    AppInfo,
    DispatchInfo,
    Inspection,
    Origin,
    RouteInfo,
    ScheduleInfo,
    TaskInfo,
    UnknownInfo,
)
from celerylint.model.project import Decision, Project


def inspection(project: Project) -> Inspection:
    """What was understood of a project."""
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
            )
            for task in project.tasks
        ],
        routes=[
            RouteInfo(route.pattern, route.queue.value, route.at[0], route.at[1].line)
            for app in project.apps
            for route in app.routes.all
        ],
        workers=[],
        beats=[],
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


def answer(decision: Decision) -> Answer:
    """A decision as the contract shows it."""
    where: Place | None = decision.place
    origin = Origin(decision.kind, where.path, where.line) if where is not None else Origin(decision.kind)
    if not decision.known:
        return Answer(None, False, origin, decision.why)
    return Answer(decision.value, True, origin, overridable=bool(decision.env))

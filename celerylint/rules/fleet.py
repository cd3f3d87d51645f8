"""The deployed workers of an application, and what they are asked to run."""

from __future__ import annotations

from celerylint.model.project import App, Project, Task, Worker

GIVEN = ("flag", "environment")
"""Kinds of decisions that the command makes, rather than the settings."""


def deployed(app: App, project: Project) -> tuple[Worker, ...]:
    """The workers that may run an app: where no `-A` is understood, those of a project without another app are."""
    return tuple(worker for worker in project.workers if worker.app is app and not worker.start.development)


def tasks_at(worker: Worker, project: Project) -> tuple[Task, ...]:
    """The tasks of its app that settings send to the queues of a worker; all where it is not known what it consumes."""
    if worker.app is None:
        return ()
    tasks = project.tasks_of(worker.app)
    if not worker.queues.known:
        return tasks
    return tuple(task for task in tasks if task.queue.known and task.queue.value in worker.queues.value)


def limit_at(task: Task, worker: Worker) -> float | None:
    """The seconds after which a worker stops a run: the hard limit, else the soft one; None if none is known."""
    for name, of_all in (("time_limit", worker.time_limit), ("soft_time_limit", worker.soft_time_limit)):
        own = task.option(name)
        held = own if not own.known or own.value else of_all
        if not held.known:
            return None
        if isinstance(held.value, (int, float)) and held.value:
            return float(held.value)
    return None


def broker_family(worker: Worker, project: Project) -> str | None:
    """The kind of broker that a worker connects to, such as `redis`; None if it is not known."""
    option = worker.line.app_option("broker")
    environment = worker.start.invocation.environment if worker.start.invocation is not None else {}
    if option is not None:
        url = option.value
    elif not worker.app_known or worker.app is None or {"CELERY_BROKER_URL", "BROKER_URL"} & environment.keys():
        return None
    else:
        setting = worker.app.setting("broker_url")
        url = str(setting.value) if setting.known and setting.value and not setting.env else None
    transport = project.catalog.transport(url) if url else None
    return transport.family if transport is not None else None

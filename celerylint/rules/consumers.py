"""Which queues the deployed workers of an application consume, and which those are that it sends to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from celerylint.facts import ir
from celerylint.finding import Place
from celerylint.model.deploy.process import Process
from celerylint.model.project import App, Decision, Dispatch, Entry, Project, Task, Worker
from celerylint.model.values import Arguments, At, Mapping, Scalar, Value, forced
from celerylint.rules.declared import Declared
from celerylint.rules.delivery.waits import said_later, time_limit

_PER_CALL = frozenset({"apply_async", "apply_async_on_commit", "send_task", "signature", "subtask"})
"""Calls whose keyword `queue` names a queue; that of `s` and `si` is an argument of the task."""
_PLAIN = frozenset({"delay", "delay_on_commit", "apply_async", "apply_async_on_commit", "send_task"})
_ELSEWHERE = frozenset({"exchange", "routing_key"})
_ADDING = frozenset({"add_consumer", "select_add"})
"""Calls that make a running worker consume more."""
_NAMING = _ELSEWHERE | {"queue"}
_BY_DEFAULT = frozenset({"default", "setting"})
_DECIDING = ("task_always_eager", "task_routes", "task_queues", "task_default_queue", "task_create_missing_queues")
_WORKERLIKE = re.compile(r"worker|celery|queue|task|job|background", re.IGNORECASE)


class Consumers(NamedTuple):
    """The deployed workers of an application."""

    workers: tuple[Worker, ...]
    """At least one; what each consumes is known."""
    queues: frozenset[str]
    """What they and the workers of other applications consume."""


class Naming(NamedTuple):
    """A place that names a queue which a task is sent to."""

    queue: str
    at: At
    tasks: tuple[Task, ...]


def consumers(app: App, project: Project) -> Consumers | None:
    """The workers of an app; None where none is deployed, or where it is not known what all of them consume."""
    deployed = [worker for worker in project.workers if not worker.start.development]
    ours = tuple(worker for worker in deployed if worker.app is app and worker.app_known)
    shared = len(project.apps) > 1 and any(task.shared for task in project.tasks_of(app))
    for worker in deployed:
        stranger = worker.app_known and worker.app is not app and not shared
        if not stranger and not (_known(worker) and _set_up_here(worker, app, project)):
            return None
    if not ours or _may_start_more(project, deployed) or _adds_queues(project):
        return None
    queues = frozenset(queue for worker in deployed if worker.queues.known for queue in worker.queues.value)
    return Consumers(ours, queues)


def _known(worker: Worker) -> bool:
    """Whether it is known what a worker consumes. Without `-Q` its app decides, so that has to be known as well."""
    own = worker.queues
    return own.known and not own.env and (worker.app_known or own.kind in ("flag", "environment"))


def _set_up_here(worker: Worker, app: App, project: Project) -> bool:
    """Whether a worker has the settings that are known: its DJANGO_SETTINGS_MODULE may replace those that decide."""
    environment = worker.start.invocation.environment if worker.start.invocation is not None else {}
    name = environment.get("DJANGO_SETTINGS_MODULE")
    module = project.index.find(name, None) if name else None
    read = {decision.at[0] for decision in app.own_settings.values() if decision.at is not None}
    if module is None or module.path in read or module.facts is None:
        return True
    return not any(
        isinstance(node, ir.Name) and node.id.lower().endswith(_DECIDING)
        for statement in module.facts.body
        if isinstance(statement, (ir.Assign, ir.AnnAssign))
        for node in (statement.targets if isinstance(statement, ir.Assign) else [statement.target])
    )


def _may_start_more(project: Project, deployed: list[Worker]) -> bool:
    """Whether some process that is deployed may be a worker for all that is known."""
    beside = {worker.start.process.deployment for worker in deployed if worker.start.process is not None}
    return any(
        not process.complete and not process.development and (process.deployment in beside or _looks_like_one(process))
        for process in project.processes
    )


def _looks_like_one(process: Process) -> bool:
    words = (word.text for invocation in process.invocations for word in invocation.words)
    return any(_WORKERLIKE.search(text) for text in (process.name, *words))


def _adds_queues(project: Project) -> bool:
    return any(
        isinstance(function.node, ir.Function) and not _ADDING.isdisjoint(function.node.uses)
        for functions in project.functions.values()
        for function in functions
    )


def runs(worker: Worker, task: Task) -> bool:
    """Whether a worker consumes the queue of a task, as far as both are known."""
    ours = worker.app is task.app and worker.app_known
    return ours and worker.queues.known and task.queue.known and task.queue.value in worker.queues.value


def limits(task: Task, project: Project, name: str = "time_limit") -> tuple[Decision, ...]:
    """The time limits of a kind that are in force for a task: its own, else those of the workers that run it.

    A worker takes the flag of its command, else the setting; from 5.7 on the setting first. Where no worker is known to run
    the task it is the setting. Empty where a worker that may run the task goes by something else.
    """
    limit = time_limit(task, name)
    if not task.app or limit is task.option(name):
        return (limit,)
    deployed = [worker for worker in project.workers if not worker.start.development]
    theirs = [getattr(worker, name) for worker in deployed if runs(worker, task)]
    others = [getattr(worker, name) for worker in deployed if _may_run(worker, task)]
    if any(not held.known for held in theirs) or any(held.kind in ("flag", "environment") for held in others):
        return ()
    places = {held.place: held for held in theirs or [limit]}
    return tuple(places.values())


def _may_run(worker: Worker, task: Task) -> bool:
    """Whether it cannot be told if a worker consumes the queue of a task."""
    known = worker.app_known and worker.queues.known and task.queue.known
    return worker.app in (task.app, None) and not known


# --- who sends --------------------------------------------------------------------------------------------------------


def namings(app: App, project: Project) -> Iterator[Naming]:
    """Every place that names the queue of a message which a task of this app is sent with, as far as it is known."""
    sent = _calls(project)
    tasks = [task for task in project.tasks_of(app) if not _exchanged(task)]
    yield from _by_settings([task for task in tasks if not _always_sent_elsewhere(task, sent.get(task, []))])
    for entry in project.schedule:
        options = forced(entry.options) if entry.options is not None else None
        if entry.task is None or entry.task.app is not app or entry.lost or not isinstance(options, Mapping):
            continue
        named = options.items.get("queue")
        queue = _scalar(named.value) if named is not None and _ELSEWHERE.isdisjoint(options.items) else None
        if named is not None and queue is not None:
            yield Naming(queue, named.at or entry.at, (entry.task,))
    for dispatch in project.dispatches:
        if dispatch.task is None or dispatch.task.app is not app:
            continue
        if dispatch.method in _PER_CALL:
            yield from _by_call(dispatch.args, dispatch.at, dispatch.task)
        for at, value in said_later(dispatch, "queue", project):
            queue = _scalar(value)
            if queue is not None:
                yield Naming(queue, at, (dispatch.task,))
    for task in tasks:
        for retry in project.retries_of(task):
            yield from _by_call(retry.args, retry.at, task)


def _calls(project: Project) -> dict[Task, list[Dispatch]]:
    sent: dict[Task, list[Dispatch]] = {}
    for dispatch in project.dispatches:
        if dispatch.task is not None:
            sent.setdefault(dispatch.task, []).append(dispatch)
    return sent


def _always_sent_elsewhere(task: Task, calls: list[Dispatch]) -> bool:
    """Whether a task is sent, and every call chooses another queue."""
    return bool(calls) and all(
        call.method in _PER_CALL and _NAMING & call.args.keywords.keys() and _named(call.args) != task.queue.value
        for call in calls
    )


def _named(given: Arguments) -> str | None:
    """The queue that a call names; None if it names none, or more than that, or it is not known."""
    named = given.keywords.get("queue")
    return _scalar(named.value) if named is not None and _ELSEWHERE.isdisjoint(given.keywords) else None


def _by_settings(tasks: list[Task]) -> Iterator[Naming]:
    """What decorators, base classes and routes say."""
    places: dict[tuple[str, Place], list[Task]] = {}
    for task in tasks:
        own = task.queue
        certain = own.kind not in _BY_DEFAULT and (own.kind != "route" or task.named.known)
        if certain and own.known and not own.env and isinstance(own.value, str) and own.place is not None:
            places.setdefault((own.value, own.place), []).append(task)
    for (queue, _), those in places.items():
        at = those[0].queue.at
        if at is not None:
            yield Naming(queue, at, tuple(those))


def _by_call(given: Arguments, at: At, task: Task) -> Iterator[Naming]:
    queue = _named(given)
    if queue is not None:
        yield Naming(queue, given.keywords["queue"].at or at, (task,))


def _scalar(value: Value) -> str | None:
    held = forced(value)
    return held.value if isinstance(held, Scalar) and isinstance(held.value, str) and not held.env else None


def _exchanged(task: Task) -> bool:
    return any(task.option(name).chosen for name in _ELSEWHERE if name in task.options)


def falling_through(app: App, project: Project) -> tuple[Task, ...]:
    """The tasks that nothing chooses a queue for: they wait in the app's default queue.

    A task whose calls all name a queue is none of them, nor is one that only calls send which are not understood.
    """
    default = app.setting("task_default_queue")
    sent = _calls(project)
    plain = {entry.task for entry in project.schedule if entry.task is not None and _unqueued_entry(entry)}
    entered = {entry.task for entry in project.schedule}
    return tuple(
        task
        for task in project.tasks_of(app)
        if task.queue is default
        and not _exchanged(task)
        and (task in plain or any(map(_unqueued, sent.get(task, []))) or not (task in entered or task in sent))
    )


def _unqueued_entry(entry: Entry) -> bool:
    return entry.arguments.known and _NAMING.isdisjoint(entry.arguments.value[2] or {})


def _unqueued(dispatch: Dispatch) -> bool:
    given = dispatch.args
    return dispatch.method in _PLAIN and not given.open and given.keywords.keys().isdisjoint(_NAMING | {"options"})


# --- what is said of it -----------------------------------------------------------------------------------------------


def reaches_others(queue: str, declared: tuple[Declared, ...] | None) -> bool:
    """Whether messages for a queue may reach another one: through an exchange that is not direct, or that is not known."""
    if declared is None:
        return True
    own = next((each for each in declared if each.name == queue), None)
    return own is not None and own.exchange_type != "direct"


def consuming(queue: str, found: Consumers) -> str:
    """What to do so that a queue is consumed: the `-Q` of a worker with it, or a worker for it alone."""
    worker = found.workers[0]
    queues = ",".join((*worker.queues.value, queue))
    return f"start one for it, `{_command(worker)} -Q {queue}`, or let `{name_of(worker)}` consume it too with `-Q {queues}`"


def _command(worker: Worker) -> str:
    option = worker.line.app_option("app")
    named = option.value if option is not None and option.known else worker.app.name if worker.app is not None else ""
    return f"celery -A {named} worker" if named and " " not in named else "celery worker"


def name_of(worker: Worker) -> str:
    """What the files call a worker: its service, program or workload; its command where Python starts it."""
    process = worker.start.process
    return process.name.rpartition("/")[2] if process is not None else worker.start.text


def consumed_by(worker: Worker) -> str:
    """`worker` consumes `celery`, `mail`."""
    return f"`{name_of(worker)}` consumes {', '.join(f'`{queue}`' for queue in worker.queues.value)}"

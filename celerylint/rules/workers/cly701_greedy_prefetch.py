"""CLY701."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from celerylint.finding import Edit, Finding, Fix, Related, Severity
from celerylint.model.durations import limit
from celerylint.model.project import App, Decision, Project, Task, Worker
from celerylint.rules import mending, placing
from celerylint.rules.base import Rule, related
from celerylint.rules.commanding import command_text
from celerylint.rules.fleet import GIVEN, broker_family, deployed, limit_at, tasks_at
from celerylint.rules.workload import different_kinds, seconds

_LONG = 60.0
"""Seconds: whoever waits behind a task of this length notices."""


class GreedyPrefetch(Rule):
    """Each worker takes more messages than it can work on, and short tasks wait behind long ones while others idle.

    A worker asks the broker for `worker_prefetch_multiplier` messages for each of its processes, 4 unless somebody says
    otherwise: with 8 processes it holds 32. What it holds, no other worker can take. When its processes are busy
    with long tasks the rest waits there, even while a worker that was started a minute ago has nothing to do; and with
    late acknowledgement the waiting messages are delivered a second time once the visibility timeout is over.

    That is a gain for many short tasks of one length, since it saves a round trip to the broker for each. An
    application is reported when its tasks may run for a minute or longer, or are of different kinds and no time limit
    shows that all are short. Where workers are deployed, each is judged by the tasks of its own queues: a number that its
    command gives counts for it alone, and the setting counts for those that give none.

    ## What to do

    ```python
    worker_prefetch_multiplier = 1
    task_acks_late = True  # for tasks that may run twice: then a process holds no message but the one it works on
    ```

    With early acknowledgement and a multiplier of 1 each process still holds one message beside the one it works on.
    On Redis and Celery 5.6 or later, `worker_disable_prefetch = True` takes none ahead. Where some queue holds only
    short tasks, give its worker a higher multiplier of its own: `celery worker -Q short --prefetch-multiplier 16`.

    ## Fix safety

    The fix sets `worker_prefetch_multiplier = 1` where the app is configured; where that cannot be seen, it adds
    `--prefetch-multiplier=1` to the commands of the workers. A number that a command gives is changed there, unless
    another command takes it from the same place. It is unsafe: workers of many short tasks then ask the broker for each
    of them.

    [Prefetch limits](https://docs.celeryq.dev/en/stable/userguide/optimizing.html#prefetch-limits)
    """

    code = "CLY701"
    name = "greedy-prefetch"
    summary = "Workers reserve several messages for each process although tasks run long or differ in length."
    severity = Severity.WARNING
    bad = """\
from celery import Celery

app = Celery("shop", broker="redis://")


@app.task(time_limit=10)
def reset_password(user_id): ...


@app.task(time_limit=3600)
def import_catalog(path): ...
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.worker_prefetch_multiplier = 1


@app.task(time_limit=10)
def reset_password(user_id): ...


@app.task(time_limit=3600)
def import_catalog(path): ...
"""

    # The numbers are asked of Celery in tests/rules/test_claims_workers.py.
    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        workers = deployed(app, project)
        for worker in workers:
            if worker.prefetch_multiplier.kind in GIVEN and worker.app_known:
                yield from self._given(worker, project)
        setting = app.setting("worker_prefetch_multiplier")
        multiplier = _number(setting)
        if multiplier is None or multiplier < 0 or multiplier == 1 or _disabled(app, project):
            return
        # Workers that say it themselves, or may, are not concerned.
        taking = [w for w in workers if w.prefetch_multiplier.kind not in GIVEN and not _flag_disables(w, project)]
        reasons = [_evidence(tasks_at(worker, project), worker, project) for worker in taking]
        why = next(filter(None, reasons), "") if workers else _evidence(project.tasks_of(app), None, project)
        if not why:
            return
        who = "each worker" if len(taking) == len(workers) else "each worker without a multiplier in its command"
        source = "set here" if setting.chosen else "Celery's default"
        places = dict.fromkeys(w.start.place for w, said in zip(taking, reasons, strict=True) if said)
        commands = [Related(place, "this worker takes it") for place in places]
        yield self.finding(
            (setting.at if setting.chosen else None) or app.place,
            f"{who} of `{app.name}` reserves {_held(multiplier)} (worker_prefetch_multiplier is {multiplier},"
            f" {source}), and {why}: what waits behind a long task there cannot be taken by an idle worker",
            "set worker_prefetch_multiplier = 1, and give workers of short tasks alone a higher --prefetch-multiplier",
            symbol=app.name,
            related=[
                *(
                    related(app.place, "the application")
                    if setting.chosen
                    else related(app.settings_at, "configured here: the setting belongs there")
                ),
                *commands[:3],
            ],
            fix=_one_each(app, taking, project),
        )

    def _given(self, worker: Worker, project: Project) -> Iterable[Finding]:
        """Judge a multiplier that the command gives."""
        own = worker.prefetch_multiplier
        multiplier = _number(own)
        if multiplier is None or multiplier < 2 or worker.app is None:
            return
        if _disabled(worker.app, project) or _flag_disables(worker, project):
            return
        why = _evidence(tasks_at(worker, project), worker, project)
        if why:
            yield self.finding(
                own.place or worker.start.place,
                f"this worker reserves {_held(multiplier)}, and {why}: what waits behind a long task"
                " there cannot be taken by an idle worker",
                "give it --prefetch-multiplier 1",
                symbol=worker.app.name,
                related=related(worker.app.place, "the application"),
                fix=_one_each_here(worker, project),
            )


def _one_each(app: App, workers: Sequence[Worker], project: Project) -> Fix | None:
    setting = app.setting("worker_prefetch_multiplier")
    if setting.chosen:
        edits = mending.replaced(setting, "1")
    else:
        edits = placing.setting(app, project, "worker_prefetch_multiplier", "1")
    if edits:
        return mending.unsafe("reserve one message for each process", *edits)
    found = [_with_flag(worker, project) for worker in workers]
    edits = list(dict.fromkeys(edit for held in found for edit in held))
    return (
        mending.unsafe("reserve one message for each process of the workers", *edits) if found and all(found) else None
    )


def _with_flag(worker: Worker, project: Project) -> list[Edit]:
    command = command_text(worker, project)
    return command.with_flag("--prefetch-multiplier=1") if command is not None else []


def _one_each_here(worker: Worker, project: Project) -> Fix | None:
    """Another number in the command, where it is written there."""
    command, option = command_text(worker, project), worker.line.options.get("prefetch_multiplier")
    edits = command.with_value(option, "1") if command is not None and option is not None else []
    return mending.unsafe("reserve one message for each process of this worker", *edits) if edits else None


def _held(multiplier: int) -> str:
    return "without limit" if multiplier == 0 else f"{multiplier} messages for each of its processes"


def _number(own: Decision) -> int | None:
    """The multiplier as the worker reads it, which applies int(); None if it is not known."""
    try:
        return int(own.value) if own.known and isinstance(own.value, (int, float, str)) else None
    except (ValueError, OverflowError):
        return None


def _flag_disables(worker: Worker, project: Project) -> bool:
    """Whether `--disable-prefetch` is given, or may be, and works."""
    given = "disable_prefetch" in worker.line.options
    return given and broker_family(worker, project) in (None, "redis")


def _disabled(app: App, project: Project) -> bool:
    """Whether workers take nothing ahead, or whether that cannot be known."""
    setting = app.settings.get("worker_disable_prefetch")
    if setting is None or setting.falsy:
        return False
    broker = app.setting("broker_url")
    transport = project.catalog.transport(str(broker.value)) if broker.known and broker.value else None
    # It works on Redis alone. An unknown broker may be that.
    return transport is None or transport.family == "redis"


def _evidence(tasks: Sequence[Task], worker: Worker | None, project: Project) -> str:
    """Why reserving matters to whoever runs these tasks; empty where nothing shows that it does."""
    limits = {task: limit(task) if worker is None else limit_at(task, worker) for task in tasks}
    longest = max(limits, key=lambda task: limits[task] or 0.0, default=None)
    if longest is None:
        return ""
    most = limits[longest] or 0.0
    everything = worker is None or worker.app is None or len(limits) == len(project.tasks_of(worker.app))
    whose = f"its {len(limits)} tasks" if everything else f"the {len(limits)} tasks known to reach it"
    if most >= _LONG:
        for_all = longest.option("time_limit").kind in ("default", "setting", "argument") and len(limits) > 1
        return f"{whose if for_all else f'`{longest.name}`'} may run for up to {seconds(most)}"
    if all(limits.values()):
        return ""
    kinds = different_kinds(tasks, project)
    return f"{whose} are of different kinds, {kinds}" if kinds else ""

"""CLY712."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from celerylint.finding import Finding, Fix, Severity
from celerylint.model.commandline import Option
from celerylint.model.project import Decision, Project, Worker
from celerylint.rules import mending
from celerylint.rules.base import Rule, related
from celerylint.rules.commanding import command_text


class IneffectiveWorkerFlag(Rule):
    """A flag of the worker changes nothing, and whoever reads the command believes that it does.

    - `--time-limit` and `--soft-time-limit` lose against `task_time_limit` and `task_soft_time_limit` since Celery 5.7: each
      message carries the configured limits, and the worker applies those.
    - `-P prefork` is what the worker assumes when no pool is given, so `worker_pool` in the settings wins.
    - `-c` does nothing beside `--autoscale`, which gives the most and the fewest processes.
    - `-O fair` is what every worker does since Celery 4.

    ## What to do

    Say it at the one place that counts, and leave the flag out.

    ## Fix safety

    The fix takes the flag and its value out of the command. It is safe: the flag changes nothing. A flag that a variable
    gives, or that another command takes from the same place, is left alone.

    [Workers guide](https://docs.celeryq.dev/en/stable/userguide/workers.html)
    """

    code = "CLY712"
    name = "ineffective-worker-flag"
    summary = "A flag of the worker is overruled by a setting or another flag, or does nothing."
    severity = Severity.WARNING
    bad = """\
from celery import Celery

app = Celery("shop", broker="redis://")

if __name__ == "__main__":
    app.worker_main(["worker", "--autoscale=10,2", "-c", "4"])
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="redis://")

if __name__ == "__main__":
    app.worker_main(["worker", "--autoscale=10,2"])
"""

    # Asked of Celery in tests/rules/test_claims_workers.py.
    def check_worker(self, worker: Worker, project: Project) -> Iterable[Finding]:
        options = worker.line.options
        for name, why, by in _ineffective(worker, project):
            option = options[name]
            yield self.finding(
                worker.start.places[option.position],
                f"{_shown(option)} has no effect: {why}",
                f"leave {option.spelling} out" if by is None else f"leave {option.spelling} out, or change the setting",
                symbol=worker.app.name if worker.app is not None else "",
                related=related(by.at, "this decides") if by is not None else (),
                fix=_left_out(worker, option, project),
            )


def _left_out(worker: Worker, option: Option, project: Project) -> Fix | None:
    command = command_text(worker, project)
    edits = command.without(option) if command is not None else []
    return mending.safe(f"leave {option.spelling} out", *edits) if edits else None


def _ineffective(worker: Worker, project: Project) -> Iterator[tuple[str, str, Decision | None]]:
    """Flags without effect, why, and the setting that decides instead."""
    given = {name: option for name, option in worker.line.options.items() if option.known}
    if "optimization" in given and given["optimization"].value == "fair":
        yield "optimization", "every worker does so since Celery 4", None
    if "concurrency" in given and "autoscale" in given:
        yield "concurrency", "--autoscale gives the most and the fewest processes", None
    settings = worker.app.settings if worker.app is not None and worker.app_known else {}
    pool = settings.get("worker_pool")
    if pool is not None and "pool" in given and given["pool"].value == "prefork" and _decides(pool, "prefork"):
        yield "pool", f"worker_pool = {pool.value!r} wins, since prefork is what is assumed without the flag", pool
    if project.catalog.version < (5, 7):
        return
    for name in ("time_limit", "soft_time_limit"):
        setting = settings.get(f"task_{name}")
        if name in given and setting is not None and setting.truthy and _decides(setting, _number(given[name])):
            yield name, f"since Celery 5.7 task_{name} = {setting.value} wins", setting


def _decides(setting: Decision, given: object) -> bool:
    """Whether a setting is known to say something else."""
    return setting.known and setting.chosen and not setting.env and setting.value != given


def _number(option: Option) -> float | None:
    try:
        return float(option.value or "")
    except ValueError:
        return None


def _shown(option: Option) -> str:
    return f"{option.spelling} {option.value}" if option.value is not None else option.spelling

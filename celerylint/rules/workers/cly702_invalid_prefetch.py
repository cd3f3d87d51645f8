"""CLY702."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from celerylint.finding import Finding, Severity
from celerylint.model.commandline import Option
from celerylint.model.project import App, Decision, Project, Worker
from celerylint.rules.base import Rule, related
from celerylint.rules.fleet import GIVEN, broker_family, deployed


class InvalidPrefetch(Rule):
    """What is said of prefetching or concurrency is ignored, or stops the worker from consuming.

    A negative `worker_prefetch_multiplier` is taken as it is: on Redis the worker starts and never takes a message, on
    RabbitMQ it dies as it begins to consume. `--prefetch-multiplier 0` and `-c 0` are as if the flag were not there, and
    the setting counts: 0 means "without limit" in the setting alone. `worker_disable_prefetch` works on Redis, since
    Celery 5.6; with any other broker the worker logs a warning and takes messages ahead as before.

    ## What to do

    Use 1 to take few messages ahead, 0 in the setting to take as many as there are, and leave flags out that should not
    change anything.

    ```python
    worker_prefetch_multiplier = 1
    ```

    [Prefetch limits](https://docs.celeryq.dev/en/stable/userguide/optimizing.html#prefetch-limits)
    """

    code = "CLY702"
    name = "invalid-prefetch"
    summary = "A prefetch multiplier or a concurrency that is ignored, or that keeps the worker from consuming."
    severity = Severity.ERROR
    bad = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.worker_prefetch_multiplier = -1
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.worker_prefetch_multiplier = 1
"""

    # Asked of Celery in tests/rules/test_claims_workers.py.
    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        workers = deployed(app, project)
        if workers and all(worker.prefetch_multiplier.kind in GIVEN for worker in workers):
            return
        setting = app.setting("worker_prefetch_multiplier")
        if setting.at is not None and not setting.env and _below_zero(setting):
            yield self.finding(
                setting.at, _NEGATIVE, _POSITIVE, symbol=app.name, related=related(app.place, "the application")
            )
        disabled = app.settings.get("worker_disable_prefetch")
        if disabled is None or disabled.at is None or not disabled.truthy or disabled.env:
            return
        broker = app.setting("broker_url")
        known = broker.known and broker.value and not broker.env
        transport = project.catalog.transport(str(broker.value)) if known else None
        if transport is not None and transport.family != "redis":
            yield self.finding(
                disabled.at,
                f"worker_disable_prefetch works on Redis alone: with {transport.family} the worker warns and takes"
                " messages ahead as before",
                "set worker_prefetch_multiplier = 1 and task_acks_late = True instead",
                symbol=app.name,
                related=related(app.place, "the application"),
            )

    def check_worker(self, worker: Worker, project: Project) -> Iterable[Finding]:
        symbol = worker.app.name if worker.app is not None else ""
        own = worker.prefetch_multiplier
        if own.kind in GIVEN and _below_zero(own):
            yield self.finding(own.place or worker.start.place, _NEGATIVE, _POSITIVE, symbol=symbol)
        yield from self._zeros(worker, symbol, project)
        option = worker.line.options.get("disable_prefetch")
        family = broker_family(worker, project) if option is not None and option.known else None
        if option is not None and family not in (None, "redis"):
            yield self.finding(
                worker.start.places[option.position],
                f"--disable-prefetch works on Redis alone: with {family} the worker warns and takes messages ahead as before",
                "give it --prefetch-multiplier 1, and acknowledge late",
                symbol=symbol,
            )

    def _zeros(self, worker: Worker, symbol: str, project: Project) -> Iterator[Finding]:
        for name, own in (("prefetch_multiplier", worker.prefetch_multiplier), ("concurrency", worker.concurrency)):
            option = worker.line.options.get(name)
            if option is None or not option.known or not _zero(option.value) or _by_variable(worker, option, project):
                continue
            if name == "concurrency" and worker.line.options.get("autoscale") is not None:
                continue
            instead = f"{own.value} is in force" if own.known and own.value else "what the settings say is in force"
            yield self.finding(
                worker.start.places[option.position],
                f"{option.spelling} 0 is as if the flag were not there: {instead}",
                f"leave {option.spelling} out, or give the number that is meant",
                symbol=symbol,
            )


_NEGATIVE = "the prefetch multiplier is negative: on Redis the worker never takes a message, on RabbitMQ it dies"
_POSITIVE = "use 1 to take few messages ahead; 0 in the setting is without limit"


def _below_zero(own: Decision) -> bool:
    try:
        return own.known and isinstance(own.value, (int, float, str)) and int(own.value) < 0
    except (ValueError, OverflowError):
        return False


def _zero(word: str | None) -> bool:
    return word is not None and re.fullmatch("0+", word) is not None


def _by_variable(worker: Worker, option: Option, project: Project) -> bool:
    """Whether the value is the default of a variable, `${WORKERS:-0}`: whoever wrote that means "unless it is set"."""
    start = worker.start
    attached = start.words[option.position] != option.spelling
    index = min(option.position + (not attached), len(start.words) - 1)
    span, path = start.places[index].span, start.places[index].path
    lines = (project.source(path) or b"").decode("utf-8", "replace").splitlines()
    line = lines[span.line - 1] if 0 < span.line <= len(lines) else ""
    # Where a word is put together, its place may be that of the default inside the braces.
    before, written = line[: span.column - 1], line[span.column - 1 : span.end_column - 1]
    return before.rfind("${") > before.rfind("}") or "$" in written

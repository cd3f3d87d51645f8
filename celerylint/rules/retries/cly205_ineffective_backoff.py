"""CLY205."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from celerylint.facts import ir
from celerylint.finding import Finding, Severity
from celerylint.model.project import Decision, Project, Task
from celerylint.rules.base import Rule, related
from celerylint.rules.retries.delays import autoretries, span

_OPTIONS = ("retry_backoff", "retry_backoff_max", "retry_jitter")


class IneffectiveBackoff(Rule):
    """Options that shape retries are set where nothing reads them.

    `retry_backoff`, `retry_backoff_max` and `retry_jitter` shape the retries that `autoretry_for` makes. With
    `autoretry_for` empty there are none: an error fails the task at once. A `self.retry()` in the body does not read
    them either, it goes by its own `countdown`, and without one by `default_retry_delay`, 180 s. So the task looks as
    if it backed off, and does not.

    A body or base class that reads `self.retry_backoff` itself is left in peace.

    ## What to do

    Say what to retry for, `autoretry_for=(ConnectionError,)`; or compute the countdown of `self.retry()`; or drop the
    options.

    [Task.retry_backoff](https://docs.celeryq.dev/en/stable/userguide/tasks.html#Task.retry_backoff)
    """

    code = "CLY205"
    name = "ineffective-backoff"
    summary = "Backoff is set, and nothing reads it: autoretry_for is empty."
    severity = Severity.ERROR
    bad = """\
from celery import shared_task


@shared_task(bind=True, retry_backoff=True, retry_jitter=True)
def pull(self, url):
    try:
        fetch(url)
    except ConnectionError as exc:
        raise self.retry(exc=exc)
"""
    good = """\
from celery import shared_task


@shared_task(autoretry_for=(ConnectionError,), retry_backoff=True, retry_jitter=True)
def pull(url):
    fetch(url)
"""

    def check_project(self, project: Project) -> Iterable[Finding]:
        read = {name for functions in project.functions.values() for f in functions for name in _uses(f.node)}
        options = [name for name in _OPTIONS if name not in read]
        # Where a base class or an annotation serves some tasks, it may well be written once for all.
        at_work = {
            held.place for task in project.tasks if autoretries(task) is not False for _, held in _set(task, options)
        }
        for task in project.tasks:
            chosen = [(name, held) for name, held in _set(task, options) if held.place not in at_work]
            if chosen and autoretries(task) is False:
                yield self._finding(task, chosen, project)

    def _finding(self, task: Task, chosen: list[tuple[str, Decision]], project: Project) -> Finding:
        names = " and ".join(name for name, _ in chosen)
        does = "has" if len(chosen) == 1 else "have"
        first = chosen[0][1]
        assert first.place is not None
        retries = project.retries_of(task)
        delay = task.option("default_retry_delay")
        if retries and isinstance(delay.value, (int, float)):
            instead = f"self.retry() goes by its own countdown, else by default_retry_delay, {span(delay.value)}"
            help = "compute the countdown of self.retry(), or let autoretry_for do the retrying"
        else:
            instead = "an error fails it at once" if not retries else "self.retry() does not read them"
            help = "name what to retry for in autoretry_for, or drop them"
        also = [place for _, held in chosen[1:] for place in related(held.place, "set here too")]
        return self.finding(
            first.place,
            f"{names} {does} no effect on {task.name}, whose autoretry_for is empty: {instead}",
            help,
            symbol=task.name,
            related=also + [place for retry in retries[:1] for place in related(retry.at, "it retries here")],
        )


def _set(task: Task, options: Iterable[str]) -> Iterator[tuple[str, Decision]]:
    """The options that somebody set so that they would do something."""
    for name in options:
        held = task.retry(name)
        if held.chosen and held.at is not None and not held.falsy:
            yield name, held


def _uses(node: ir.Node) -> list[str]:
    return node.uses if isinstance(node, ir.Function) else []

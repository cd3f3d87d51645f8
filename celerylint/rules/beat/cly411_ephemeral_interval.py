"""CLY411."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.finding import Finding, Related, Severity
from celerylint.model.durations import interval
from celerylint.model.project import Entry, Project
from celerylint.model.values import forced
from celerylint.rules.base import Rule
from celerylint.rules.beats import Runner, keeps_a_file, runners
from celerylint.rules.workload import seconds

_LONG = 6 * 3600.0
"""Seconds: between two deployments there is seldom more."""
_CONTAINERS = frozenset({"compose", "kubernetes"})
"""Platforms whose files say which volumes a container has."""


class EphemeralInterval(Rule):
    """An entry that is due every so many hours is never due, because each new container of beat counts from 0.

    An interval is counted from the last run, and beat remembers that in a file, `celerybeat-schedule` in its working
    directory. An entry that the file does not know is due one whole interval after beat has started. A container
    without a volume starts without that file: where it is replaced more often than the interval, by deployments or
    since it was moved, the task does not run at all.

    A `crontab` is due at its time, whenever beat was started.

    ## What to do

    ```python
    "schedule": crontab(hour=3, minute=0)
    ```

    or keep the file on a volume: `celery beat -s /var/lib/beat/schedule`. With django-celery-beat the
    database remembers.

    [Periodic tasks](https://docs.celeryq.dev/en/stable/userguide/periodic-tasks.html)
    """

    code = "CLY411"
    name = "ephemeral-interval"
    summary = "A long interval is counted anew by each new container of beat, which keeps no schedule file."
    severity = Severity.INFO
    preset = "playbook"
    shown_in = "docker-compose.yml"
    beside = {  # noqa: RUF012
        "shop.py": """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.beat_schedule = {
    "clean": {"task": "shop.clean", "schedule": 86400.0},
}
"""
    }
    bad = """\
services:
  beat:
    image: shop
    command: celery -A shop beat
"""
    good = """\
services:
  beat:
    image: shop
    command: celery -A shop beat -s /var/lib/beat/schedule
    volumes:
      - beat:/var/lib/beat
volumes:
  beat:
"""

    # Asked of beat in tests/rules/test_claims_workers.py.
    def check_entry(self, entry: Entry, project: Project) -> Iterable[Finding]:
        every = interval(forced(entry.raw)) if entry.raw is not None and not entry.lost else None
        if every is None or every < _LONG or not entry.certain:
            return
        forgetful = next((runner for runner in runners(project) if runner.app is entry.app and _forgets(runner)), None)
        if forgetful is None:
            return
        yield self.finding(
            entry.keys.get("schedule") or entry.at,
            f"`{entry.name}` is due every {seconds(every)} ({every / 3600:g} h), counted from when the container of"
            f" `{forgetful.name}` was made: one that is replaced sooner never sends it",
            "make it a crontab, or keep the schedule file of beat on a volume",
            symbol=entry.name,
            related=[Related(forgetful.place, "this beat has no volume to keep its schedule file on")],
        )


def _forgets(runner: Runner) -> bool:
    """Whether it remembers the last runs in a file that is gone with its container."""
    process = runner.held.start.process
    if process is None or process.platform not in _CONTAINERS or not keeps_a_file(runner.held):
        return False
    return "volumes" not in process.attributes

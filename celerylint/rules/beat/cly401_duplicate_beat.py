"""CLY401."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.finding import Confidence, Finding, Related, Severity
from celerylint.model.project import Project
from celerylint.rules.base import Rule
from celerylint.rules.beats import Doubled, doubled


class DuplicateBeat(Rule):
    """More than one beat runs for one application: everything on schedule is sent once by each.

    A beat does not ask whether another one runs. Two of them send every entry twice, with a schedule file of their own
    and with one that they share, and so do two with django-celery-beat's database. Nothing fails: mails go out twice,
    and reports are made twice.

    Reported are a beat, or a worker with `-B`, of which several are started (`replicas`, `scale`, `numprocs`, an
    autoscaler), and several beats for one application in one deployment. Beats of different platforms or
    folders are taken for alternatives. RedBeat holds a lock so that one of several sends: it is left alone, and so is
    every scheduler that is not known to hold none.

    ## What to do

    Start one `celery beat`, on its own and never scaled, and workers without `-B`. Where the schedule has to go on when
    a machine fails, use RedBeat: of several beats with it one sends, and another takes over.

    [Starting the scheduler](https://docs.celeryq.dev/en/stable/userguide/periodic-tasks.html#starting-the-scheduler)
    """

    code = "CLY401"
    name = "duplicate-beat"
    summary = "Several beats run for one application, and each sends everything on schedule."
    severity = Severity.ERROR
    shown_in = "docker-compose.yml"
    beside = {"shop.py": 'from celery import Celery\n\napp = Celery("shop", broker="redis://")\n'}  # noqa: RUF012
    bad = """\
services:
  worker:
    image: shop
    command: celery -A shop worker -B
  beat:
    image: shop
    command: celery -A shop beat
"""
    good = """\
services:
  worker:
    image: shop
    command: celery -A shop worker
  beat:
    image: shop
    command: celery -A shop beat
"""

    # Asked of beat in tests/rules/test_claims_workers.py.
    def check_project(self, project: Project) -> Iterable[Finding]:
        for found in doubled(project):
            yield self._several(found) if found.beside is None else self._two(found)

    def _several(self, found: Doubled) -> Finding:
        runner = found.runner
        what = "a worker that runs beat as well" if runner.in_worker else "a beat"
        return self.finding(
            found.place,
            f"up to {found.times} of `{runner.name}` run at once, {what}: each sends everything on schedule,"
            f" {found.times} times in all",
            "run one beat by itself, and scale workers without -B" if runner.in_worker else "run one beat",
            symbol=runner.app.name if runner.app is not None else runner.name,
            related=[Related(runner.place, "beat runs here")],
        )

    def _two(self, found: Doubled) -> Finding:
        runner, other = found.runner, found.beside
        assert other is not None
        unsure = any(one.held.start.replicas.value is None for one in (runner, other))
        app = runner.app.name if runner.app is not None else ""
        return self.finding(
            found.place,
            f"`{runner.name}` runs beat for `{app}`, and so does `{other.name}`: each sends everything on schedule",
            f"start `{runner.name}` without -B"
            if runner.in_worker
            else f"start only one of `{runner.name}` and `{other.name}`",
            symbol=app,
            related=[Related(other.place, "the other beat")],
            confidence=Confidence.MEDIUM if unsure else None,
        )

"""CLY814."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.facts import ir
from celerylint.finding import Finding, Fix, Severity
from celerylint.model.project import App, Decision, Project
from celerylint.rules import mending
from celerylint.rules.base import Rule, related


class UnboundedResults(Rule):
    """Results never expire: the result backend grows with every run until it is full.

    `result_expires` is a day unless it is set. With `0` or `None` nothing is ever deleted: Redis holds each result
    without a time to live, until its memory is used up and it evicts or refuses what else it holds; for a database
    beat plans no nightly cleanup.

    A database is also never cleaned where no beat runs, since it is beat that sends `celery.backend_cleanup` every night.
    Which programs run is not to be seen in Python code, so that is not reported.

    ## What to do

    Leave the default, or say how long a result is of use: `result_expires = 3600`. Set `ignore_result=True` on tasks
    whose results nobody reads.

    ## Fix safety

    The fix deletes the setting, so that results expire after a day. It is unsafe: who looks for an older result finds none.
    A setting that a comment speaks of stays.

    [result_expires](https://docs.celeryq.dev/en/stable/userguide/configuration.html#result-expires)
    """

    code = "CLY814"
    name = "unbounded-results"
    summary = "result_expires is 0 or None: results are kept for ever."
    severity = Severity.WARNING
    bad = """\
from celery import Celery

app = Celery("shop", broker="redis://", backend="redis://")
app.conf.result_expires = None
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="redis://", backend="redis://")
app.conf.result_expires = 3600
"""

    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        expires, backend = app.setting("result_expires"), app.setting("result_backend")
        never = expires.known and expires.value in (0, None) and expires.value is not False
        if not never or expires.at is None or expires.env or app.setting("task_ignore_result").truthy:
            return
        if not backend.known or not isinstance(backend.value, str) or not backend.value:
            return
        if backend.value.startswith(("rpc", "disabled", "cache")):
            return
        tasks = project.tasks_of(app)
        if tasks and all(task.option("ignore_result").truthy for task in tasks):
            return
        yield self.finding(
            expires.at,
            f"result_expires is {expires.value!r}: results are never deleted, and"
            f" {backend.value.partition(':')[0]} grows with every run",
            "delete the line (results then expire after a day), or say how long they are of use",
            symbol=app.name,
            related=related(backend.at, "where results are stored") if backend.at else [],
            fix=_bounded(expires, project),
        )


def _bounded(expires: Decision, project: Project) -> Fix | None:
    at = mending.expression(expires.at)
    if at is None or expires.at is None or not isinstance(at[1], ir.Const):
        return None
    if mending.is_commented(expires.at, project):
        return None  # somebody else may delete them
    return mending.unsafe("let results expire after a day, as they do by default", mending.without(expires.at))

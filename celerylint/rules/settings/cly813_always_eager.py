"""CLY813."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.facts import ir
from celerylint.finding import Finding, Fix, Severity
from celerylint.model.project import App, Decision, Project
from celerylint.rules import mending
from celerylint.rules.base import Rule
from celerylint.rules.casts import as_flag
from celerylint.rules.raw import for_production, variable, written_value


class AlwaysEager(Rule):
    """Tasks run in the process that sends them: no queue, no worker, no retry later.

    With `task_always_eager` on, `delay()` and `apply_async()` call the task on the spot and return when it is done.
    The request waits for it, countdowns are ignored, retries follow one another at once, and workers get nothing to
    do. The setting is made for tests.

    Settings are not converted. A text is true unless it is empty: `task_always_eager = "False"` turns it on, and so
    does an environment variable that says `0`, `no` or `False`, unless it is turned into a boolean first.

    Files whose path says that they are for tests, development or one's own machine are left alone, and so are values
    that depend on a condition, or are read from the environment as booleans.

    ## What to do

    Leave the setting out of what runs in production; set it in the settings of the tests. Read it from the
    environment with a cast: `os.environ.get("EAGER", "") == "1"`, `env.bool("EAGER", default=False)`.

    ## Fix safety

    The fix deletes a setting that says True, and compares a text that the environment gives. It is unsafe: tasks are then
    sent to workers, which must be there. Tests that rely on it must set it in settings of their own.

    [task_always_eager](https://docs.celeryq.dev/en/stable/userguide/configuration.html#task-always-eager)
    """

    code = "CLY813"
    name = "always-eager"
    summary = "task_always_eager is on where it runs in production: tasks run in the process that sends them."
    severity = Severity.ERROR
    bad = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.task_always_eager = True
"""
    good = """\
import os
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.task_always_eager = os.environ.get("EAGER", "") == "1"
"""

    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        eager = app.setting("task_always_eager")
        if eager.at is None or not eager.chosen:
            return
        said = _by_accident(eager)
        if said is None and eager.is_(True) and not eager.env and for_production(eager.at[0]):
            said = "tasks run in the process that sends them, which waits for them: workers get nothing to do"
        if said is not None:
            yield self.finding(
                eager.at,
                f"task_always_eager: {said}",
                'set it in the settings of the tests only, or compare the text: os.environ.get("EAGER") == "1"',
                symbol=app.name,
                fix=_mended(eager, project),
            )


def _mended(eager: Decision, project: Project) -> Fix | None:
    """Without the setting where it says True, and with a comparison where a text was meant to say so."""
    at = mending.expression(eager.at)
    if at is not None and isinstance(at[1], ir.Const) and at[1].value is True and eager.at is not None:
        return mending.unsafe("send tasks to workers, here too", mending.without(eager.at))
    return as_flag(at, project)


def _by_accident(eager: Decision) -> str | None:
    """What a text does that was meant as a boolean."""
    name = variable(written_value(eager))
    if name is not None:
        known = isinstance(eager.value, str) and eager.value
        now = f", as its default {eager.value!r} is," if known else ""
        return f"the text of the variable {name} is true{now} whatever it says, 'False' and '0' too: tasks run eagerly"
    if eager.known and isinstance(eager.value, str) and eager.value:
        return f"the text {eager.value!r} is true, whatever it says: tasks run in the process that sends them"
    return None

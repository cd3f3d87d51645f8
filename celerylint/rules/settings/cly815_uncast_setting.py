"""CLY815."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.finding import Finding, Severity
from celerylint.model.project import App, Decision, Project
from celerylint.rules import mending
from celerylint.rules.base import Rule
from celerylint.rules.casts import as_flag, as_number
from celerylint.rules.raw import variable, written_value

_COMPARED = frozenset(
    {
        "beat_max_loop_interval", "task_soft_time_limit", "task_time_limit", "worker_max_memory_per_child",
        "worker_max_tasks_per_child",
    }
)  # fmt: skip
"""Numbers that Celery or its pool compares with others, which a text cannot be. It converts some of the rest itself."""


class UncastSetting(Rule):
    """A text stands where Celery expects a boolean or a number, and Celery does not convert it.

    Every text but the empty one is true: with `task_acks_late = os.environ.get("ACKS_LATE", "False")` messages are
    acknowledged late whether the variable says `True`, `False` or `0`. A limit that is a text cannot be computed
    with: `task_time_limit = os.environ.get("LIMIT", 60)` works until somebody sets the variable.

    `task_always_eager` has a rule of its own, CLY813. Of the numbers only those are reported that Celery compares
    and counts with as they are.

    ## What to do

    Convert the text: `int(os.environ.get("LIMIT", "60"))`, `os.environ.get("ACKS_LATE", "") == "1"`, or a reader with
    types such as `env.bool(...)` of django-environ.

    ## Fix safety

    The fix compares the text with those that mean true, or converts it with `int()`; a text that is written out becomes what
    it says. It is unsafe: a flag that was always true may now be false. A number that may be missing is left alone.

    [Configuration and defaults](https://docs.celeryq.dev/en/stable/userguide/configuration.html)
    """

    code = "CLY815"
    name = "uncast-setting"
    summary = "A text is given for a boolean or number: 'False' is true, and '60' is no number."
    severity = Severity.ERROR
    bad = """\
import os
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.task_acks_late = os.environ.get("ACKS_LATE", "False")
"""
    good = """\
import os
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.task_acks_late = os.environ.get("ACKS_LATE", "False").lower() in ("1", "true", "yes", "on")
"""

    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        for name, held in app.own_settings.items():
            kind = project.catalog.settings[name].type
            if name == "task_always_eager" or held.at is None or (kind != "bool" and name not in _COMPARED):
                continue
            said = _flag(held) if kind == "bool" else _number(held)
            if said is not None:
                cast = (
                    'compare it: os.environ.get(...) == "1"' if kind == "bool" else "convert it with int() or float()"
                )
                at = mending.expression(held.at)
                fix = as_flag(at, project) if kind == "bool" else as_number(at, project)
                yield self.finding(held.at, f"{name}: {said}", cast, symbol=app.name, fix=fix)


def _flag(held: Decision) -> str | None:
    name = variable(written_value(held))
    if name is not None:
        return f"the text of the variable {name} is true whatever it says, 'False' and '0' too"
    if held.known and isinstance(held.value, str) and held.value:
        return f"the text {held.value!r} is true, whatever it says"
    return None


def _number(held: Decision) -> str | None:
    name = variable(written_value(held))
    if name is not None:
        return f"the text of the variable {name} is no number, and Celery uses it as one: that raises an error"
    if held.known and isinstance(held.value, str):
        return f"the text {held.value!r} is no number, and Celery uses it as one: that raises an error"
    return None

"""CLY811."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.finding import Finding, Related, Severity
from celerylint.model.project import App, Decision, Project
from celerylint.rules.base import Rule
from celerylint.rules.content import accepted
from celerylint.rules.written import modules

_SERIALIZERS = ("task_serializer", "result_serializer")


class PickleAccepted(Rule):
    """Workers unpickle what comes out of the queue: whoever can write to the broker runs code in them.

    Unpickling calls whatever the message says. With `pickle` among the accepted content, a broker that lies open, or
    any other service that shares it, is enough to take over every worker. Celery accepts only JSON by default, and a
    worker that accepts pickle refuses to start as root unless `C_FORCE_ROOT` is set.

    Projects that sign their messages (`setup_security`, the `auth` serializer) are left alone.

    ## What to do

    Send what JSON can carry (ids instead of objects), and take `pickle` out of `accept_content`. While old messages
    are still queued, change the serializer first and the accepted content when the queues have run dry.

    [Security](https://docs.celeryq.dev/en/stable/userguide/security.html#serializers)
    """

    code = "CLY811"
    name = "pickle-accepted"
    summary = "Workers accept pickle: whoever can write to the broker runs code in them."
    severity = Severity.WARNING
    bad = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.accept_content = ["json", "pickle"]
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.accept_content = ["json"]
"""

    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        content = accepted(app)
        if content is None or "auth" in content or app.setting("task_serializer").value == "auth":
            return
        users = [app.setting(name) for name in _SERIALIZERS if _pickles(app.setting(name))]
        accept = app.setting("accept_content")
        if "pickle" not in content:
            results = app.setting("result_accept_content")
            if results.at is None or not (isinstance(results.value, list) and "pickle" in results.value):
                return
            accept = results
        if accept.at is None or _signs(project):
            return
        users += [task.option("serializer") for task in project.tasks_of(app) if _pickles(task.option("serializer"))]
        places = dict.fromkeys(user.place for user in users if user.place is not None)
        used = [Related(place, "pickle is written here") for place in places][:_SHOWN]
        yield self.finding(
            accept.at,
            f"{app.name} unpickles messages: whoever can write to the broker runs code in its workers",
            "send JSON, and take pickle out of what is accepted once the queues have run dry"
            if used
            else "take pickle out: nothing here sends it by default",
            symbol=app.name,
            related=used,
        )


_SHOWN = 5


def _pickles(held: Decision) -> bool:
    return held.known and held.value == "pickle"


def _signs(project: Project) -> bool:
    """Whether any module sets up signed messages."""
    return any(
        getattr(node, "attr", getattr(node, "id", "")) == "setup_security"
        for module in modules(project).values()
        if module.facts is not None
        for statement in module.facts.body
        if not isinstance(statement, ir.Function) or "setup_security" in statement.uses
        for node in nodes(statement)
    )

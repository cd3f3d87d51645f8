"""CLY308."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.finding import Finding, Severity
from celerylint.model.project import Project, Task
from celerylint.model.routing import route_for
from celerylint.rules.base import Rule, related


class DecoratorBeatsRoute(Rule):
    """The task names one queue and `task_routes` another: the task's own wins, and the route is never followed.

    Routes fill in what a message does not say yet. A `queue=` of the task is there before the router is asked, so the
    route changes nothing. Whoever moves the task by editing `task_routes` moves nothing.

    A last route for `"*"` is meant for what is left, and is no contradiction.

    ## What to do

    Keep one of the two. Celery 5.7 warns about `queue` on tasks and drops it in 6.0, which speaks for the route.

    [Routing tasks](https://docs.celeryq.dev/en/stable/userguide/routing.html)
    """

    code = "CLY308"
    name = "decorator-beats-route"
    summary = "A task's own queue and its route disagree: the route is never followed."
    severity = Severity.INFO
    bad = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.task_routes = {"shop.mail.*": {"queue": "mail"}}


@app.task(name="shop.mail.send_receipt", queue="slow")
def send_receipt(order_id): ...
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.task_routes = {"shop.mail.*": {"queue": "mail"}}


@app.task(name="shop.mail.send_receipt")
def send_receipt(order_id): ...
"""

    def check_task(self, task: Task, project: Project) -> Iterable[Finding]:
        own = task.queue
        if task.app is None or not task.named.known or not own.known or own.at is None:
            return
        if own.kind in ("route", "setting", "default"):
            return
        route, certain = route_for(task.app.routes, task.name)
        if route is None or not certain or route.pattern == "*" or not route.queue.known or route.queue.value is None:
            return
        if route.queue.value == own.value:
            return
        yield self.finding(
            own.at,
            f"`{task.name}` goes to `{own.value}`, as it says itself, and never to `{route.queue.value}`, where"
            f" task_routes sends `{route.pattern}`",
            "keep one of the two: delete the queue here, or the route",
            symbol=task.name,
            related=related(route.at, "this route is not followed"),
        )

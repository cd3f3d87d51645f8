"""CLY304."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable

from celerylint.finding import Finding, Severity
from celerylint.model.project import App, Project, Route
from celerylint.model.routing import is_glob
from celerylint.rules.base import Rule, related


class ShadowedRoute(Rule):
    """An earlier pattern takes every task that this route was written for: it never wins.

    Celery looks for the full name of the task among the keys first, wherever it stands. Then it tries the patterns in
    the order they are written, and the first that matches decides. Below `"shop.*"` the pattern `"shop.mail.*"` is never
    asked: its tasks go to the queue of the first, and wait behind all the others there.

    In a list of routers the first one with an answer decides: there a pattern hides full names of later routers as well.

    Routes that send to the same place are left alone.

    ## What to do

    Write the narrow pattern before the wide one.

    [Automatic routing](https://docs.celeryq.dev/en/stable/userguide/routing.html#automatic-routing)
    """

    code = "CLY304"
    name = "shadowed-route"
    summary = "A route can never win, since an earlier pattern takes all its tasks."
    severity = Severity.WARNING
    bad = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.task_routes = {
    "shop.*": {"queue": "shop"},
    "shop.mail.*": {"queue": "mail"},
}


@app.task(name="shop.mail.send_receipt")
def send_receipt(order_id): ...
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.task_routes = {
    "shop.mail.*": {"queue": "mail"},
    "shop.*": {"queue": "shop"},
}


@app.task(name="shop.mail.send_receipt")
def send_receipt(order_id): ...
"""

    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        before: list[Route] = []
        for router in app.routes.routers:
            here: list[Route] = []
            for route in router:
                named = not route.regex and not is_glob(route.pattern)
                # Full names are looked up before the patterns of their own router.
                winner = next((r for r in (before if named else [*before, *here]) if _takes_all(r, route)), None)
                here.append(route)
                if winner is None or _same_end(winner, route):
                    continue
                yield self.finding(
                    route.at,
                    f"`{winner.pattern}` comes first and takes every task of `{route.pattern}`: they go to"
                    f" {_end(winner)} and never to {_end(route)}",
                    f"write `{route.pattern}` before `{winner.pattern}`",
                    symbol=app.name,
                    related=related(winner.at, "this one takes them"),
                )
            before += here


def _takes_all(first: Route, second: Route) -> bool:
    """Whether a pattern matches whatever another one matches; a `*` of the second stands for anything."""
    if first.regex or second.regex or not is_glob(first.pattern) or first.pattern == second.pattern:
        return False
    if set(second.pattern) & set("?[]") and is_glob(second.pattern):
        return False
    return fnmatch.fnmatchcase(second.pattern.replace("*", "\0"), first.pattern) and "?" not in first.pattern


def _same_end(first: Route, second: Route) -> bool:
    if not (first.queue.known and second.queue.known):
        return True
    return bool(first.queue.value == second.queue.value)


def _end(route: Route) -> str:
    return f"`{route.queue.value}`" if route.queue.value else "the default queue"

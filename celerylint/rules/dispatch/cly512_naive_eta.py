"""CLY512."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.finding import Confidence, Finding, Fix, Needed, ReplaceExpr, Severity
from celerylint.model.project import Decision, Dispatch, Project
from celerylint.model.values import External, FunctionValue, place
from celerylint.rules import mending
from celerylint.rules.base import Rule
from celerylint.rules.body import Body

_SENDERS = frozenset({"apply_async", "apply_async_on_commit", "send_task"})
_NOW = {
    "datetime.datetime.now": "datetime.now()",
    "datetime.datetime.today": "datetime.today()",
    "datetime.datetime": "datetime(...)",
    "django.utils.timezone.now": "timezone.now()",
}
_DJANGO_NOW = "timezone.now()"
_UNSAID = Decision(None, False, "default")
_UTC = frozenset({"UTC", "Etc/UTC", "GMT", "Etc/GMT", "Z", "Zulu"})


class NaiveEta(Rule):
    """The `eta` has no time zone: the worker takes it for UTC, whatever the clock showed that it was read from.

    `datetime.now()` is the local time of the host that sends, under Django the time of `TIME_ZONE`. Without a zone in it
    the worker takes it for UTC; the setting `timezone` has no say in this. Sent from a host in New York, a task that is
    due in a minute runs at once, being hours late by the worker's clock; sent from Berlin it waits an hour or two.

    `datetime.utcnow()` happens to be right. Where hosts run on UTC, so does `datetime.now()`, until the code runs
    somewhere else; under Django the zone is known, and `TIME_ZONE = "UTC"` is left alone.

    ## What to do

    Use `countdown=60`, or a time with a zone: `datetime.now(timezone.utc) + timedelta(minutes=1)`; under Django
    `django.utils.timezone.now()`, with `USE_TZ = True`.

    ## Fix safety

    The fix takes the time with a zone: `datetime.now(timezone.utc)`, or `timezone.now()` in a file that knows Django's
    `timezone`, where `USE_TZ` is known to be on. It is unsafe: where hosts are not on UTC the task runs at another time than
    before, the one that was meant. What is read off the clock and then set to an hour of the day is left alone: whose hour
    it is, only you know.

    [ETA and countdown](https://docs.celeryq.dev/en/stable/userguide/calling.html#eta-and-countdown)
    """

    code = "CLY512"
    name = "naive-eta"
    summary = "A task's eta is a datetime without a time zone: the worker takes it for UTC."
    severity = Severity.WARNING
    confidence = Confidence.MEDIUM
    bad = """\
from datetime import datetime, timedelta

from celery import shared_task


@shared_task
def ship(order_id): ...


def checkout(order):
    ship.apply_async((order.pk,), eta=datetime.now() + timedelta(minutes=1))
"""
    good = """\
from datetime import datetime, timedelta, timezone

from celery import shared_task


@shared_task
def ship(order_id): ...


def checkout(order):
    ship.apply_async((order.pk,), eta=datetime.now(timezone.utc) + timedelta(minutes=1))
"""

    def check_dispatch(self, dispatch: Dispatch, project: Project) -> Iterable[Finding]:
        call, function = dispatch.at[1], dispatch.function
        if dispatch.method not in _SENDERS or function is None or not isinstance(call, ir.Call):
            return
        keyword = next((keyword for keyword in call.keywords if keyword.name == "eta"), None)
        made = _naive(keyword.value, function, 0) if keyword is not None else ""
        zone = _local_zone(project)
        if keyword is None or not made or zone in _UTC:
            return
        if made == _DJANGO_NOW and not project.django.get("USE_TZ", _UNSAID).is_(False):
            return
        known = (
            f"{made} is the time in {zone}, Django's TIME_ZONE, and says no zone"
            if zone
            else f"{made} has no time zone"
        )
        when = (
            "the task runs hours early or late"
            if zone
            else "a task sent from a host on another zone runs hours early or late"
        )
        yield self.finding(
            (dispatch.at[0], keyword),
            f"{known}; the worker reads it as UTC: {when}",
            "use countdown=, or a time with a zone: datetime.now(timezone.utc) + ...",
            symbol=dispatch.task_name or "",
            confidence=Confidence.HIGH if zone and made != "datetime(...)" else None,
            fix=_zoned(keyword.value, function, project),
        )


def _zoned(expression: ir.Expr, function: FunctionValue, project: Project) -> Fix | None:
    """The time of now with its zone, where nothing but the eta is made of it."""
    now = _now(expression, function)
    holder = mending.spelled(now.func.value) if now is not None and isinstance(now.func, ir.Attr) else None
    if now is None or holder is None:
        return None
    zones = Body("", [], function.scope).meaning(ir.Name(0, 0, 0, 0, "timezone"))
    django = isinstance(zones, External) and zones.dotted == "django.utils.timezone"
    if django and project.django.get("USE_TZ", _UNSAID).is_(True):
        text, need = "django.utils.timezone.now()", Needed("django.utils", "timezone")
    else:
        text, need = f"{holder}.now(datetime.timezone.utc)", Needed("datetime", "timezone")
    edit = ReplaceExpr(place((function.scope.module.path, now)), text, (need,))
    return mending.unsafe("take the time with its zone", edit)


def _now(expression: ir.Expr, function: FunctionValue) -> ir.Call | None:
    """The call that reads the clock, where a time is that and something that is added to it."""
    if isinstance(expression, ir.BinOp):
        left = _now(expression.left, function)
        return left or (_now(expression.right, function) if expression.op == "+" else None)
    if isinstance(expression, ir.Name):
        names = [n for n in nodes(function.node) if isinstance(n, ir.Name) and n.id == expression.id]
        bound = [n for n in nodes(function.node) if isinstance(n, ir.Assign) and _binds(n, expression.id)]
        only = len(names) == 2 and len(bound) == 1 and len(bound[0].targets) == 1
        return _now(bound[0].value, function) if only else None
    maker = Body("", [], function.scope).meaning(expression.func) if isinstance(expression, ir.Call) else None
    words = _NOW.get(maker.dotted, "") if isinstance(maker, External) else ""
    return expression if isinstance(expression, ir.Call) and words in ("datetime.now()", "datetime.today()") else None


def _local_zone(project: Project) -> str:
    """The zone of local time: Django sets it for the whole process. Empty where it is the host's."""
    zone = project.django.get("TIME_ZONE", _UNSAID)
    return zone.value if zone.known and not zone.env and isinstance(zone.value, str) else ""


def _naive(expression: ir.Expr, function: FunctionValue, depth: int) -> str:
    """What makes a time without a zone, as written; empty where it has one or nothing is known."""
    if depth > 4:
        return ""
    if isinstance(expression, ir.BinOp) and expression.op in ("+", "-"):
        return _naive(expression.left, function, depth + 1) or _naive(expression.right, function, depth + 1)
    if isinstance(expression, ir.Name):
        bound = [n for n in nodes(function.node) if isinstance(n, ir.Assign) and _binds(n, expression.id)]
        others = any(_rebinds(n, expression.id) for n in nodes(function.node))
        return _naive(bound[0].value, function, depth + 1) if len(bound) == 1 and not others else ""
    if not isinstance(expression, ir.Call):
        return ""
    if isinstance(expression.func, ir.Attr) and expression.func.attr == "replace":
        zoned = any(keyword.name in ("tzinfo", None) for keyword in expression.keywords)
        return "" if zoned else _naive(expression.func.value, function, depth + 1)
    maker = Body("", [], function.scope).meaning(expression.func)
    words = _NOW.get(maker.dotted, "") if isinstance(maker, External) else ""
    if words == "datetime(...)":
        return "" if len(expression.args) > 7 or any(k.name in ("tzinfo", None) for k in expression.keywords) else words
    return "" if expression.args or expression.keywords else words


def _binds(node: ir.Assign, name: str) -> bool:
    return any(isinstance(target, ir.Name) and target.id == name for target in node.targets)


def _rebinds(node: ir.Node, name: str) -> bool:
    if isinstance(node, (ir.AugAssign, ir.AnnAssign, ir.For)):
        return isinstance(node.target, ir.Name) and node.target.id == name
    return isinstance(node, ir.Param) and node.name == name

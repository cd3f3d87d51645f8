"""CLY502."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.finding import Finding, Severity
from celerylint.model.project import Dispatch, Project
from celerylint.model.values import ClassValue
from celerylint.rules.base import Rule
from celerylint.rules.dispatch.instances import Row, Rows, lineage
from celerylint.rules.dispatch.messages import (
    Surroundings,
    carried,
    outcome,
    registers_types,
    sent_otherwise,
    serializer_of,
)


class ModelArgument(Rule):
    """A row of the database is put into the message, the object itself and not its key.

    With the JSON serializer, Celery's default, this cannot be written at all: EncodeError, and nothing is sent.

    With pickle it is sent, as a copy of what the row held at that moment. The worker gets the copy, however late it runs
    and whatever was changed meanwhile; and where it saves the copy it writes the old values back over the new ones.

    A row is known by where it came from: a query of Django's or SQLAlchemy's, the constructor of a model, `self` in a
    method of a model, the `instance` of a signal, the user of a request, or the annotation of a parameter.

    ## What to do

    Send the key and let the task fetch the row: `ship.delay(order.pk)`, and in the task
    `order = Order.objects.get(pk=order_id)`. Tasks that wait in a queue have to be changed with their callers.

    [Database transactions and state](https://docs.celeryq.dev/en/stable/userguide/tasks.html#state)
    """

    code = "CLY502"
    name = "model-argument"
    summary = "A task is sent a row of the database instead of its key."
    severity = Severity.WARNING
    bad = """\
from celery import shared_task
from django.contrib.auth.models import User


@shared_task
def welcome(user): ...


def sign_up(name):
    user = User.objects.create(username=name)
    welcome.delay(user)
"""
    good = """\
from celery import shared_task
from django.contrib.auth.models import User


@shared_task
def welcome(user_id): ...


def sign_up(name):
    user = User.objects.create(username=name)
    welcome.delay(user.pk)
"""

    def check_dispatch(self, dispatch: Dispatch, project: Project) -> Iterable[Finding]:
        serializer = serializer_of(dispatch, project)
        if serializer not in ("json", "pickle"):
            return
        rows = Rows(Surroundings(dispatch))
        for argument in carried(dispatch):
            row = rows.of(argument.value)
            if row is None or sent_otherwise(dispatch):
                continue
            if serializer == "json" and (_written_by_hand(row) or registers_types(project)):
                continue
            task = f"`{dispatch.task_name}`" if dispatch.task_name else "the task"
            yield self.finding(
                dispatch.at,
                f"{argument.label} is {row.words}, which JSON cannot hold: {outcome(dispatch)}"
                if serializer == "json"
                else f"{argument.label} is {row.words}: {task} works on a copy from before it ran, and saving that copy"
                " undoes what was changed meanwhile",
                "send the primary key and fetch the row in the task"
                if row.number == "one"
                else "send the primary keys and fetch the rows in the task",
                symbol=dispatch.task_name or "",
            )
            return


def _written_by_hand(row: Row) -> bool:
    """Whether the class says itself how it is written as JSON."""
    if row.cls is None:
        return False
    classes = [row.cls, *(base for base in lineage(row.cls) if isinstance(base, ClassValue))]
    return any(getattr(statement, "name", "") == "__json__" for cls in classes for statement in cls.node.body)

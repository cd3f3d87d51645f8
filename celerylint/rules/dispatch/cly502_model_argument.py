"""CLY502."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.finding import Edit, Finding, Fix, Place, ReplaceText, Severity, Span
from celerylint.model.project import Dispatch, Project
from celerylint.model.values import ClassValue, External
from celerylint.rules import mending
from celerylint.rules.base import Rule
from celerylint.rules.body import Body, body_of
from celerylint.rules.dispatch.binding import received_by
from celerylint.rules.dispatch.instances import Row, Rows, lineage
from celerylint.rules.dispatch.messages import (
    Carried,
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

    ## Fix safety

    The fix sends the key and lets the task fetch the row: `.pk` at the call, and in the task `user_id` for the parameter
    `user`, with `user = User.objects.get(pk=user_id)` as its first line. It is offered for Django's models where one place
    sends the task and the task's module knows the model. It is unsafe: messages that wait in a queue hold the row, and
    calls that are not seen, as those of tests may be, pass it too.

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
def welcome(user):
    user.email_user("Welcome", "...")


def sign_up(name):
    user = User.objects.create(username=name)
    welcome.delay(user)
"""
    good = """\
from celery import shared_task
from django.contrib.auth.models import User


@shared_task
def welcome(user_id):
    user = User.objects.get(pk=user_id)
    user.email_user("Welcome", "...")


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
                fix=_by_key(argument, row, dispatch, project),
            )
            return


def _by_key(argument: Carried, row: Row, dispatch: Dispatch, project: Project) -> Fix | None:
    """The key in the message, and the row fetched in the task, where both sides can be seen whole."""
    path, call = dispatch.at
    task, written, param = dispatch.task, argument.written, received_by(dispatch, argument.key)
    body = body_of(task) if task is not None else None
    if (
        task is None
        or body is None
        or not body.statements
        or param is None
        or row.number != "one"
        or not isinstance(call, ir.Call)
    ):
        return None
    if not isinstance(written, (ir.Name, ir.Attr)) or param.annotation is not None or param.default is not None:
        return None
    others = sum(each.task is task for each in project.dispatches) > 1 or any(e.task is task for e in project.schedule)
    name, first = f"{param.name}_id", body.statements[0]
    taken = {n.id for s in body.statements for n in nodes(s) if isinstance(n, ir.Name)}
    if others or not _knows(body, row) or name in taken or first.line == task.definition[1].line:
        return None
    if isinstance(first, ir.ExprStmt) and isinstance(first.value, ir.Const) and len(body.statements) > 1:
        first = body.statements[1]  # below the docstring
    edits: list[Edit] = [mending.behind(written, path, ".pk")]
    keyword = next((k for k in call.keywords if k.value is written), None)
    if keyword is not None:
        edits.append(_word(keyword, path, param.name, name))
    fetch = f"{param.name} = {row.model}.objects.get(pk={name})"
    edits += [_word(param, body.path, param.name, name), mending.statements_before(first, body.path, fetch)]
    return mending.unsafe("send the key and fetch the row in the task", *edits)


def _word(node: ir.Node, path: str, word: str, instead: str) -> ReplaceText:
    """Another word where a node begins with one."""
    return ReplaceText(Place(path, Span(node.line, node.col, node.line, node.col + len(word))), instead)


def _knows(body: Body, row: Row) -> bool:
    """Whether the module of a task has the model of a row, one of Django's, under its own name."""
    value = body.meaning(ir.Name(0, 0, 0, 0, row.model)) if row.model else None
    if isinstance(value, ClassValue):
        bases = [base.dotted for base in lineage(value) if isinstance(base, External)]
        return value is row.cls and any(base.endswith("db.models.Model") for base in bases)
    return isinstance(value, External) and value.dotted.startswith("django.contrib.") and row.cls is None


def _written_by_hand(row: Row) -> bool:
    """Whether the class says itself how it is written as JSON."""
    if row.cls is None:
        return False
    classes = [row.cls, *(base for base in lineage(row.cls) if isinstance(base, ClassValue))]
    return any(getattr(statement, "name", "") == "__json__" for cls in classes for statement in cls.node.body)

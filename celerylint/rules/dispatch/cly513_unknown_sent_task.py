"""CLY513."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.facts import ir
from celerylint.finding import Finding, Fix, Place, ReplaceText, Severity, Span
from celerylint.model.project import Dispatch, Project
from celerylint.model.values import Scalar, forced
from celerylint.rules import mending
from celerylint.rules.base import Rule, names
from celerylint.rules.dispatch.binding import names_its_task
from celerylint.text import closest

_LIKE = 0.93
"""How alike a name without relatives must be spelled: other services have tasks with names much like ours."""


class UnknownSentTask(Rule):
    """No task of this name is known here: the worker drops the message.

    `send_task` and `signature("name")` take any name and check nothing. A worker that gets a name which it does not
    know logs `Received unregistered task`, discards the message, and goes on. Whoever waits for the result waits for
    ever.

    Only names are reported that belong among the tasks of this project: others of the same module are known, or one is
    spelled nearly so. Tasks of other services are sent by name for good reason.

    ## What to do

    Write the name under which the worker knows the task. Where the task can be imported, `ship.delay(...)` cannot miss.

    ## Fix safety

    The fix writes the name that is nearest, where one is near enough, and where the name is written out: in the call, or in
    the constant that it takes it from. It is unsafe: another task may have been meant.

    [Task names](https://docs.celeryq.dev/en/stable/userguide/tasks.html#names)
    """

    code = "CLY513"
    name = "unknown-sent-task"
    summary = "A task is sent by a name that no task has."
    severity = Severity.ERROR
    bad = """\
from celery import Celery

app = Celery("shop", broker="redis://")


@app.task(name="shop.tasks.send_receipt")
def send_receipt(order_id): ...


def checkout(order):
    app.send_task("shop.tasks.send_reciept", (order.pk,))
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="redis://")


@app.task(name="shop.tasks.send_receipt")
def send_receipt(order_id): ...


def checkout(order):
    app.send_task("shop.tasks.send_receipt", (order.pk,))
"""

    def check_dispatch(self, dispatch: Dispatch, project: Project) -> Iterable[Finding]:
        name = dispatch.task_name
        if dispatch.task is not None or not name or not names_its_task(dispatch):
            return
        if name.startswith("celery.") or not all(task.named.known for task in project.tasks):
            return
        known = [task.name for task in project.tasks]
        home = name.rpartition(".")[0]
        siblings = [other for other in known if home and other.rpartition(".")[0] == home]
        near = closest(name, siblings or known, 0.75 if siblings else _LIKE)
        elsewhere = not siblings and "queue" in dispatch.args.keywords
        if not (siblings or near) or elsewhere or _is_a_function(name, project):
            return
        yield self.finding(
            dispatch.at,
            f"no task is named `{name}`: a worker of this project drops the message as unregistered",
            f"did you mean `{near}`?"
            if near
            else f"write the name of a task: {names([f'`{other}`' for other in siblings])} are known there",
            symbol=name,
            fix=_renamed(dispatch, name, near) if near else None,
        )


def _renamed(dispatch: Dispatch, name: str, near: str) -> Fix | None:
    given = dispatch.args.get(0, "name") or dispatch.args.get(0, "varies")
    held = forced(given) if given is not None else None
    at = held.at if isinstance(held, Scalar) else None
    if at is None or not isinstance(at[1], ir.Const) or at[1].value != name:
        return None
    node = at[1]
    if node.end_col - node.col != len(name) + 2 or node.line != node.end_line:
        return None  # in other than plain quotes
    if mending.quoted(near) != f'"{near}"' or "'" in near:
        return None  # it would not stand in any quotes
    inner = Place(at[0], Span(node.line, node.col + 1, node.line, node.end_col - 1))
    return mending.unsafe(f"send `{near}`", ReplaceText(inner, near))


def _is_a_function(name: str, project: Project) -> bool:
    """Whether it is the dotted name of a function here: perhaps a task that could not be seen as one."""
    home, _, last = name.rpartition(".")
    path = home.replace(".", "/")
    return any(
        file.endswith((f"{path}.py", f"{path}/__init__.py"))
        and any(isinstance(f.node, ir.Function) and f.node.name == last for f in functions)
        for file, functions in project.functions.items()
    )

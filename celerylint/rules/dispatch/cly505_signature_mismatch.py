"""CLY505."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.facts import ir
from celerylint.finding import Finding, Severity, Span
from celerylint.model.project import Dispatch, Project, Task
from celerylint.model.values import At, FunctionValue
from celerylint.rules.base import Rule, related
from celerylint.rules.dispatch.binding import OF_ONE_CALL, callers_choose, given, mismatch, parameters, signature_of
from celerylint.rules.dispatch.canvas import fed, handed_on
from celerylint.rules.dispatch.transactions import encloses

_RAISES = {
    "delay": "delay() raises TypeError and nothing is sent",
    "apply_async": "apply_async() raises TypeError and nothing is sent",
    "delay_on_commit": "once the transaction is committed TypeError is raised and nothing is sent",
    "apply_async_on_commit": "once the transaction is committed TypeError is raised and nothing is sent",
    "apply": "the run fails with TypeError",
    "send_task": "the message is sent, and the worker fails on it with TypeError",
}
_SIGNATURE = "whoever sends this signature gets TypeError"
_IMMUTABLE = frozenset({"si"})
_PARTIAL = frozenset({"s", "signature", "subtask"})


class SignatureMismatch(Rule):
    """The task cannot be called with these arguments: TypeError, here or in the worker.

    Celery compares the arguments of `delay` and `apply_async` with the parameters of the task before it sends anything,
    and raises TypeError in the caller. Nothing compares those of a signature when it is made, nor those of `send_task`:
    there the mistake shows when the signature is sent, or in the worker.

    In a chain each step gets the result of the step before it as its first argument, `None` included. A step without a
    parameter for it fails in the worker after the first step has done its work, and the rest of the chain never runs.
    So does the body of a chord, which gets the list of results, and what is linked to a task.

    Tasks are left alone whose arguments Celery does not check (`typing=False`, class-based tasks), whose parameters a
    decorator may change, and whose class has its own `apply_async`. Arguments that are built up where it cannot be seen
    are taken to fit. A signature made with `.s()` may get more arguments later: only what is too much is reported.

    ## What to do

    Pass what the task takes; the message says what does not fit. A step of a chain that wants no result is written
    with `.si(...)`, the immutable signature.

    [Calling tasks](https://docs.celeryq.dev/en/stable/userguide/calling.html) ·
    [Immutability](https://docs.celeryq.dev/en/stable/userguide/canvas.html#immutability)
    """

    code = "CLY505"
    name = "signature-mismatch"
    summary = "A task is sent with arguments that it cannot be called with."
    severity = Severity.ERROR
    bad = """\
from celery import shared_task


@shared_task
def ship(order_id, express=False): ...


def checkout(order):
    ship.delay(order.pk, expres=True)
"""
    good = """\
from celery import shared_task


@shared_task
def ship(order_id, express=False): ...


def checkout(order):
    ship.delay(order.pk, express=True)
"""

    def check_project(self, project: Project) -> Iterable[Finding]:
        results = fed(project)
        entries = [entry.at for entry in project.schedule if entry.kind == "add_periodic_task"]
        chosen = _chosen(project)
        for dispatch in project.dispatches:
            if dispatch.task is None or _of_an_entry(dispatch, entries):
                continue
            if any(other is not dispatch and _fits(other) for other in chosen.get(_written(dispatch), ())):
                continue  # the condition that chose another task may be the one that this stands under
            yield from self._judge(dispatch, dispatch.task, project, results)

    def _judge(
        self, dispatch: Dispatch, task: Task, project: Project, results: dict[tuple[str, Span], str]
    ) -> Iterable[Finding]:
        params, what = parameters(task), given(dispatch)
        if params is None or what is None or _ambiguous(dispatch, project):
            return
        handed = handed_on(dispatch, results) if dispatch.method in _PARTIAL else ""
        wrong = mismatch(params, what, partial=dispatch.method in _PARTIAL)
        outcome = _RAISES.get(dispatch.method, _SIGNATURE)
        if not wrong and handed and not _immutable(dispatch):
            wrong = mismatch(params, what.after(1))
            wrong = f"{wrong}, with {handed} as the first argument" if wrong else ""
            outcome = "the worker raises TypeError when its turn comes, and what follows it never runs"
        elif wrong and dispatch.method in ("delay", "delay_on_commit") and _is_an_option(wrong):
            return
        if not wrong or callers_choose(dispatch):
            return
        function = task.value.function
        assert isinstance(function, FunctionValue)
        yield self.finding(
            dispatch.at,
            f"`{task.name}` {wrong}: {outcome}",
            "pass what the task takes"
            if not handed
            else "give the task a parameter for it, or write this step with .si(...), which takes no result",
            symbol=task.name,
            related=related(task.definition, f"it takes ({signature_of(function)})"),
        )


def _written(dispatch: Dispatch) -> tuple[str, Span] | None:
    """The call as it is written, which helpers may be called for from elsewhere."""
    return None if dispatch.args.at is None else (dispatch.args.at[0], dispatch.args.at[1].span)


def _chosen(project: Project) -> dict[tuple[str, Span] | None, list[Dispatch]]:
    """Calls that send one of several tasks, as the way to them chose it; a loop sends them all."""
    found: dict[tuple[str, Span] | None, list[Dispatch]] = {}
    for dispatch in project.dispatches:
        if dispatch.task is not None and not any(isinstance(node, (ir.For, ir.Comp)) for node in dispatch.context):
            found.setdefault(_written(dispatch), []).append(dispatch)
    return {
        place: sent
        for place, sent in found.items()
        if place is not None and len({id(dispatch.task) for dispatch in sent}) > 1
    }


def _fits(dispatch: Dispatch) -> bool:
    params, what = parameters(dispatch.task) if dispatch.task is not None else None, given(dispatch)
    return params is None or what is None or not mismatch(params, what, partial=dispatch.method in _PARTIAL)


def _of_an_entry(dispatch: Dispatch, entries: list[At]) -> bool:
    """Whether it is the signature of a schedule entry, whose arguments another rule judges."""
    at = dispatch.args.at
    return at is not None and any(at[0] == path and encloses(node, at[1]) for path, node in entries)


def _ambiguous(dispatch: Dispatch, project: Project) -> bool:
    """Whether a name in a message may mean another task as well."""
    by_name = dispatch.method in ("send_task", "signature", "subtask")
    return by_name and sum(task.name == dispatch.task_name for task in project.tasks) > 1


def _immutable(dispatch: Dispatch) -> bool:
    return dispatch.method in _IMMUTABLE or "immutable" in dispatch.args.keywords or dispatch.args.open


def _is_an_option(wrong: str) -> bool:
    """Whether what does not fit is an option of `apply_async`, which another rule speaks of."""
    return any(wrong == f"takes no argument `{name}`" for name in OF_ONE_CALL)

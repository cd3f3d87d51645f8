"""CLY507."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from celerylint.catalog import Catalog
from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.finding import Finding, Fix, Place, ReplaceExpr, Severity, Span
from celerylint.model.project import Dispatch, Project, Task
from celerylint.model.values import At
from celerylint.rules import mending
from celerylint.rules.base import Rule
from celerylint.rules.dispatch.binding import OF_ONE_CALL, callers_choose, changes_calls, parameters
from celerylint.text import closest

_TAKES_OPTIONS = frozenset({"apply_async", "apply_async_on_commit", "send_task"})
_DELAYS = frozenset({"delay", "delay_on_commit"})
_LIKE = 0.8
"""How alike an unknown option and a real one must be spelled: other names may be properties of the message."""


class UnknownCallOption(Rule):
    """An option of this call does nothing: Celery does not read it here.

    `apply_async` takes any keyword. What it does not know becomes a property of the message and nobody looks at it:
    with `contdown=60` the task is sent at once.

    Options of the task are not options of a call. The worker asks its own task for `max_retries`, `acks_late` or
    `autoretry_for`; given to `apply_async` they change nothing, and `apply_async(max_retries=0)` is still retried three
    times.

    `delay` takes no options at all. `delay(order_id, countdown=60)` hands `countdown` to the function: TypeError, or
    worse, a task that takes `**kwargs` swallows it and runs at once.

    Names that resemble no option are left alone, since extensions may read them, and so are tasks whose class has its
    own `apply_async`.

    ## What to do

    Write the name that Celery reads, give options of the task to its decorator, and replace `delay` by
    `apply_async(args=(order_id,), countdown=60)`.

    ## Fix safety

    The fix writes the name that is near, `countdown` for `contdown`, takes out options of the task, which had no effect, and
    makes `apply_async((order_id,), countdown=60)` of a `delay` that is given options on one line. It is unsafe: an
    option that had no effect takes effect.

    [Calling tasks](https://docs.celeryq.dev/en/stable/userguide/calling.html) ·
    [Options of `apply_async`](https://docs.celeryq.dev/en/stable/reference/celery.app.task.html#celery.app.task.Task.apply_async)
    """

    code = "CLY507"
    name = "unknown-call-option"
    summary = "A call that sends a task has an option that Celery does not read there."
    severity = Severity.ERROR
    bad = """\
from celery import shared_task


@shared_task
def ship(order_id): ...


def checkout(order):
    ship.apply_async((order.pk,), contdown=60)
"""
    good = """\
from celery import shared_task


@shared_task
def ship(order_id): ...


def checkout(order):
    ship.apply_async((order.pk,), countdown=60)
"""

    def check_dispatch(self, dispatch: Dispatch, project: Project) -> Iterable[Finding]:
        if dispatch.method in _TAKES_OPTIONS:
            yield from self._options(dispatch, project.catalog)
        elif dispatch.method in _DELAYS and dispatch.task is not None:
            yield from self._delayed(dispatch, dispatch.task, project)

    def _options(self, dispatch: Dispatch, catalog: Catalog) -> Iterator[Finding]:
        if dispatch.task is not None and changes_calls(dispatch.task):
            return
        for name, entry in dispatch.args.keywords.items():
            if name in catalog.call_options or any(name in each.task_options for each in catalog.extensions):
                continue
            of_task = name in catalog.task_options or name in catalog.decorator_only - {"name", "filter"}
            near = closest(name, catalog.call_options, _LIKE)
            if not of_task and near is None:
                continue
            given = near in dispatch.args.keywords
            yield self.finding(
                _at(entry.at, dispatch),
                f"`{name}` is an option of the task, which the worker reads from its own task: given to"
                f" {dispatch.method}() it has no effect"
                if of_task
                else f"{dispatch.method}() has no option `{name}`: it is put into the message and nobody reads it",
                _instead(name, near, of_task, given),
                symbol=dispatch.task_name or "",
                fix=_left_out(entry.at) if of_task or given or near is None else _renamed(entry.at, name, near),
            )

    def _delayed(self, dispatch: Dispatch, task: Task, project: Project) -> Iterator[Finding]:
        params = parameters(task)
        if params is None:
            return
        takes_any = any(param.kind == "var-keyword" for param in params)
        known = {param.name for param in params}
        for name, entry in dispatch.args.keywords.items():
            if name not in OF_ONE_CALL or name in known:
                continue
            if takes_any and (name not in ("countdown", "eta") or _mentions(task, name)):
                continue
            if callers_choose(dispatch):
                continue
            outcome = "swallows it in its **kwargs and runs at once" if takes_any else "cannot take it: TypeError"
            yield self.finding(
                _at(entry.at, dispatch),
                f"{dispatch.method}() has no options: it hands `{name}` to `{task.name}`, which {outcome}",
                f"use apply_async(args, kwargs, {name}=...)"
                if name not in ("args", "kwargs")
                else f"pass the arguments themselves, or use apply_async({name}=...)",
                symbol=task.name,
                fix=_with_options(dispatch, known, project),
            )


def _instead(name: str, near: str | None, of_task: bool, given: bool) -> str:
    if of_task:
        return f"set `{name}` in the task's decorator"
    return f"leave it out, as `{near}` is given too" if given else f"did you mean `{near}`?"


def _left_out(at: At | None) -> Fix | None:
    if at is None or not isinstance(at[1], ir.Keyword):
        return None
    return mending.unsafe("leave it out, as it has no effect there", mending.without(at))


def _with_options(dispatch: Dispatch, known: set[str], project: Project) -> Fix | None:
    """`apply_async((x,), countdown=5)` in place of `delay(x, countdown=5)`, where it is written on one line."""
    path, call = dispatch.at
    if not isinstance(call, ir.Call) or not isinstance(call.func, ir.Attr) or call.line != call.end_line:
        return None
    if any(isinstance(arg, ir.Starred) for arg in call.args) or any(k.name is None for k in call.keywords):
        return None
    options = [keyword for keyword in call.keywords if keyword.name in OF_ONE_CALL and keyword.name not in known]
    if any(keyword.name in ("args", "kwargs") for keyword in options):
        return None
    texts = [mending.text_of(arg, path, project) for arg in call.args]
    named = [(k.name, mending.text_of(k.value, path, project)) for k in call.keywords if k not in options]
    if not all(texts) or not all(text for _, text in named):
        return None
    parts = [f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"] if texts else []
    if named:
        quote = "'" if "'" in mending.text_of(call, path, project) else '"'
        parts.append("kwargs={" + ", ".join(f"{quote}{name}{quote}: {text}" for name, text in named) + "}")
    parts += [mending.text_of(keyword, path, project) for keyword in options]
    func = call.func
    method = func.attr.replace("delay", "apply_async")
    where = Place(path, Span(func.end_line, func.end_col - len(func.attr), call.end_line, call.end_col))
    return mending.unsafe(f"send it by {method}", ReplaceExpr(where, f"{method}({', '.join(parts)})"))


def _renamed(at: At | None, name: str, near: str) -> Fix | None:
    edit = mending.renamed(at, name, near) if at is not None else None
    return mending.unsafe(f"write {near}", edit) if edit is not None else None


def _at(at: At | None, dispatch: Dispatch) -> At:
    return at if at is not None and at[0] == dispatch.at[0] else dispatch.at


def _mentions(task: Task, name: str) -> bool:
    function = task.value.function
    return function is None or any(isinstance(n, ir.Const) and n.value == name for n in nodes(function.node))

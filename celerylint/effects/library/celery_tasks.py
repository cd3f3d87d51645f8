"""Tasks as bodies use them: retried, sent, called as functions."""

from __future__ import annotations

import re
from collections.abc import Iterable

from celerylint.effects.catalogue import kinds
from celerylint.effects.events import Act, Raised, Retry
from celerylint.effects.frames import Site
from celerylint.effects.symbols import UNKNOWN, Sym
from celerylint.effects.walk import Walker
from celerylint.model import celery_values as cv
from celerylint.model.values import FunctionValue

_SENDS = frozenset({"delay", "apply_async", "delay_on_commit", "apply_async_on_commit"})
_MAKES = frozenset({"s", "si", "signature", "subtask"})
_CANVAS = re.compile(r"celery\.(?:canvas\.)?(group|chain|chord)")
_BUNDLES = frozenset({"chunks", "map", "starmap"})
_APP = r"celery\.(Celery\(\)|current_app|_state\.current_app|_state\.get_current_app\(\))"
_REGISTERED = re.compile(rf"{_APP}\.tasks\[\]\.(delay|apply_async)")
_BY_NAME = re.compile(rf"{_APP}\.send_task")
_NAMED = re.compile(rf"({_APP}|celery|celery\.canvas)\.(signature|subtask|Signature)")


def call(walker: Walker, site: Site) -> Sym | None:
    """A call of a task or of one of its methods."""
    base = site.base
    if base is not None:
        held = base.value
        if isinstance(held, (cv.TaskSelf, cv.Task)):
            return _method(walker, site, held.task if isinstance(held, cv.TaskSelf) else held, held)
        if isinstance(held, cv.Signature) and site.name in _SENDS:
            walker.emit(Act, site.at, kind=kinds.FANOUT, what=_name(held.task), subject=UNKNOWN, task=held.task)
            return Sym(what="celery.result.AsyncResult()")
        if isinstance(held, cv.Signature):
            return base
        if base.shape == "signature":
            return _sent_by_name(walker, site, base) if site.name in _SENDS else base
        if base.shape == "canvas":
            return _sent(walker, site, base) if site.name in _SENDS else base
        if isinstance(held, cv.App) and site.name == "send_task":
            return _sent_by_name(walker, site, site.args.get(0, "name"))
        if isinstance(held, cv.App) and site.name in ("signature", "subtask"):
            return _by_name(site)
        return None
    if _REGISTERED.fullmatch(site.callee.what):
        return _sent_by_name(walker, site, site.holder)
    if _BY_NAME.fullmatch(site.callee.what):
        return _sent_by_name(walker, site, site.args.get(0, "name"))
    if _NAMED.fullmatch(site.callee.what):
        return _by_name(site)
    made = _CANVAS.fullmatch(site.callee.what)
    if made:
        return canvas(made[1], site.args.all)
    if site.callee.shape == "canvas":
        return _sent(walker, site, canvas(site.callee.const, (*site.callee.items, *site.args.positional)))
    held = site.callee.value
    if isinstance(held, cv.Task):
        return _called(walker, site, held, held.function) if held.function is not None else UNKNOWN
    if isinstance(held, (cv.TaskSelfMember, cv.TaskMember)):
        return _method(walker, site.but(name=held.name), held.task, held)
    return None


def _by_name(site: Site) -> Sym:
    """A signature of a task by its name."""
    name = site.args.get(0, "varies", "task")
    return Sym(shape="signature", const=name.const if name is not None else None)


def _sent_by_name(walker: Walker, site: Site, name: Sym | None) -> Sym:
    """`app.send_task("shop.ship")`, `app.tasks["shop.ship"].delay()`."""
    what = str(name.const) if name is not None and name.const else "a task by name"
    walker.emit(Act, site.at, kind=kinds.FANOUT, what=what, subject=UNKNOWN)
    return Sym(what="celery.result.AsyncResult()")


def _called(walker: Walker, site: Site, task: cv.Task, function: FunctionValue) -> Sym:
    """A task is called like a function. Its `retry` then retries nothing: it raises what it was given."""
    before, walker.called_directly = walker.called_directly, True
    answer = _run(walker, site, task, function)
    walker.called_directly = before
    return answer


def _run(walker: Walker, site: Site, task: cv.Task, function: FunctionValue) -> Sym:
    """A task's function is called."""
    bound = task.options.get("bind")
    subject = (Sym(value=cv.TaskSelf(task, task.at), key="self"),) if bound is not None else ()
    return walker.enter(function, site.args.but(positional=(*subject, *site.args.positional)), None)


def canvas(kind: str, parts: Iterable[Sym]) -> Sym:
    """A group, chain or chord of signatures; lists of them are taken apart."""
    items: list[Sym] = []
    for part in parts:
        items += part.items if part.shape in ("list", "tuple", "canvas") else (part,)
    return Sym(shape="canvas", const=kind, items=tuple(items))


def _sent(walker: Walker, site: Site, made: Sym) -> Sym:
    """A canvas is sent: each of its tasks will run."""
    tasks = tuple(p.value.task if isinstance(p.value, cv.Signature) else None for p in made.items)
    named = " and ".join(sorted({_name(task) for task in tasks if task is not None})[:3])
    what = f"a {made.const} of {named}" if named else f"a {made.const}"
    walker.emit(Act, site.at, kind=kinds.FANOUT, what=what, subject=UNKNOWN, task=tasks)
    return Sym(what="celery.result.AsyncResult()")


def _method(walker: Walker, site: Site, task: cv.Task, held: object) -> Sym | None:
    if site.name == "retry":
        if walker.called_directly:
            walker.emit(Raised, site.at, name="Retry")
        else:
            walker.emit(Retry, site.at)
        return Sym(traits=frozenset({"retry"}))
    if site.name in _SENDS:
        sent = (task, *linked) if (linked := _linked(site)) else task
        walker.emit(Act, site.at, kind=kinds.FANOUT, what=_name(task), subject=UNKNOWN, task=sent)
        return Sym(what="celery.result.AsyncResult()")
    if site.name in ("run", "__call__") and isinstance(held, cv.TaskSelf) and task.function is not None:
        return _run(walker, site, task, task.function)
    if site.name in _MAKES or site.name in _BUNDLES:
        return Sym(value=cv.Signature(site.name, task, None, None, site.at))
    return None


def _linked(site: Site) -> list[cv.Task | None]:
    """The tasks that run after the one that is sent: `apply_async(link=done.s())`."""
    given = site.args.get(None, "link") or UNKNOWN
    each = given.items if given.shape in ("list", "tuple", "canvas") else (given,)
    return [held.value.task for held in each if isinstance(held.value, cv.Signature)]


def _name(task: cv.Task | None) -> str:
    node = task.function.innermost.node if task is not None and task.function is not None else None
    return str(getattr(node, "name", "a task"))

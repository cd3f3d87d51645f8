"""Functions that the project says are effects, or may be repeated: `effects` and `repeat-safe` of the configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator

from celerylint.config import Options
from celerylint.effects.catalogue import kinds
from celerylint.effects.events import Act, Call
from celerylint.effects.frames import Handler, Site
from celerylint.effects.models import imported_name, model_name
from celerylint.effects.symbols import UNKNOWN, Gate, Hold, Sym
from celerylint.effects.walk import Walker
from celerylint.facts import ir
from celerylint.model.values import Bound, ClassValue, FunctionValue, Imported


def handler(options: Options) -> Handler | None:
    """What the configuration makes of calls; None if it says nothing of them."""
    effects, safe = frozenset(options.effects), frozenset(options.repeat_safe)
    if not effects and not safe:
        return None

    def call(walker: Walker, site: Site) -> Sym | None:
        if site.base is not None:
            return None
        for name in _names(walker, site.callee):
            if name in safe:
                walker.emit(Call, site.at, what=name, name=site.name, known=True)
                return Sym(key=walker.fresh(name))
            if name in effects:
                key = site.args.get(None, "idempotency_key")
                walker.emit(Act, site.at, kind=kinds.OWN, what=name, subject=Sym(what=name), key=key)
                gate = Gate("result", name, at=site.at, order=walker.now)
                return Sym(key=walker.fresh(name), holds=(Hold(gate, True),))
        return None

    return call


def words(options: Options) -> re.Pattern[bytes] | None:
    """What the text of a function holds that calls one of them; None if there are none."""
    last = {re.escape(name.rpartition(".")[2]) for name in (*options.effects, *options.repeat_safe)}
    return re.compile(rf"\b(?:{'|'.join(sorted(last))})\(".encode()) if last else None


def says_safe(options: Options, name: str, function: FunctionValue | None) -> bool:
    """Whether the configuration says that a task may run twice, by the task's name or its function's."""
    if not options.repeat_safe:
        return False
    return name in options.repeat_safe or (
        function is not None and any(known in options.repeat_safe for known in _of_function(function.innermost))
    )


def _names(walker: Walker, callee: Sym) -> Iterator[str]:
    """The dotted names of what is called: where it is written, and the classes that it was reached through."""
    value = callee.value
    if callee.what:
        yield callee.what.replace("()", "")
    elif isinstance(value, Imported):
        yield imported_name(value)
    elif isinstance(value, ClassValue):
        yield model_name(value)
    elif isinstance(value, (FunctionValue, Bound)):
        function = (value.function if isinstance(value, Bound) else value).innermost
        yield from _of_function(function)
        subject = callee.items[0] if callee.items else UNKNOWN
        if subject.cls is not None and isinstance(function.node, ir.Function):
            for cls in walker.machine.mro(subject.cls):
                if isinstance(cls, ClassValue):
                    yield f"{model_name(cls)}.{function.node.name}"


def _of_function(function: FunctionValue) -> Iterator[str]:
    if isinstance(function.node, ir.Function):
        owner = function.owner_class
        yield f"{model_name(owner) if owner is not None else function.scope.module.dotted}.{function.node.name}"

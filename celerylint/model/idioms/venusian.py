"""venusian: a decorator leaves a callback, and the framework's scan calls it with the decorated function."""

from __future__ import annotations

from celerylint.model.evaluate import Evaluator
from celerylint.model.values import Arguments, Scalar, Unknown, Value


def _attach(ev: Evaluator, args: Arguments) -> Value:
    wrapped, callback = args.get(0, "wrapped"), args.get(1, "callback")
    if wrapped is not None and callback is not None and not ev.walk:
        scanner = Unknown("what a framework hands to a callback", args.at)
        ev.call(callback, Arguments([scanner, Unknown("a name", args.at), wrapped], {}, args.at))
    return Scalar(None, args.at)


CALLS = {"venusian.attach": _attach}

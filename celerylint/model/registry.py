"""What the evaluator knows about names of other packages. Each file in `idioms/` is one spelling and adds its part.

An idiom module may define any of these dicts:

* `CANONICAL`: dotted name -> the dotted name it is the same as.
* `CALLS`: dotted name -> what a call of it returns.
* `NAMES`: dotted name -> what an attribute of it is (`handler(evaluator, attribute, at)`, None for "nothing special").
* `CONSTANTS`: dotted name -> its value (`handler(evaluator, at)`).
* `MADE_CALLS`, `MADE_ATTRIBUTES`: maker of an object -> what calling it returns, what an attribute of it is.
* `INSTANCE_ATTRIBUTES`: a base class -> what a class attribute is when read from an object of a subclass of it.
* `GUESSES`: attribute name -> what it is on an object that cannot be known, told by how the code names that object.
* `GUESS_CALL`: what a call of a name that nobody knows returns, told by the name itself.
* `NEEDED`: attribute names for whose sake the object is found out at any cost.
* `TYPES`: value class -> `Behaviour`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from celerylint.model import idioms
from celerylint.model.values import Arguments, At, Instance, Made, Value

if TYPE_CHECKING:
    from celerylint.model.evaluate import Evaluator

CallHandler = Callable[["Evaluator", Arguments], Value]
NameHandler = Callable[["Evaluator", str, At], "Value | None"]
ConstantHandler = Callable[["Evaluator", At], Value]
InstanceHandler = Callable[["Evaluator", Instance, str, Value], Value]
MadeCallHandler = Callable[["Evaluator", Made, Arguments], Value]
MadeAttributeHandler = Callable[["Evaluator", Made, str, At], "Value | None"]


GuessHandler = Callable[["Evaluator", Value, At], "Value | None"]


class Behaviour:
    """How values of one class behave. Every method may return None for "nothing special"."""

    def getattr(self, ev: Evaluator, value: Any, name: str, at: At) -> Value | None:
        """`value.name`."""
        return None

    def hasattr(self, ev: Evaluator, value: Any, name: str) -> bool | None:
        """Whether `value` has the attribute; None if that is not known."""
        return None

    def as_base(self, ev: Evaluator, value: Any) -> Value | None:
        """What the value is as a base class."""
        return None

    def setattr(self, ev: Evaluator, value: Any, name: str, new: Value, at: At) -> bool:
        """`value.name = new`; True if that was all there is to do."""
        return False

    def getitem(self, ev: Evaluator, value: Any, index: Value, at: At) -> Value | None:
        """`value[index]`."""
        return None

    def setitem(self, ev: Evaluator, value: Any, index: Value, new: Value, at: At) -> bool:
        """`value[index] = new`."""
        return False

    def call(self, ev: Evaluator, value: Any, args: Arguments) -> Value | None:
        """`value(...)`."""
        return None

    def binop(self, ev: Evaluator, op: str, left: Value, right: Value, at: At) -> Value | None:
        """`left op right` where either side is of the class."""
        return None


class Registry:
    """All idioms together."""

    def __init__(self) -> None:
        self.canonical: dict[str, str] = {}
        self.calls: dict[str, CallHandler] = {}
        self.names: dict[str, NameHandler] = {}
        self.constants: dict[str, ConstantHandler] = {}
        self.made_calls: dict[str, MadeCallHandler] = {}
        self.made_attributes: dict[str, MadeAttributeHandler] = {}
        self.instance_attributes: dict[str, InstanceHandler] = {}
        self.guesses: dict[str, GuessHandler] = {}
        self.guess_calls: list[Callable[[Evaluator, str, Arguments], Value | None]] = []
        self.needed: set[str] = set()
        self.types: dict[type[Value], Behaviour] = {}

    def add(self, module: Any) -> None:
        """Add what an idiom module defines."""
        self.canonical.update(getattr(module, "CANONICAL", {}))
        self.calls.update(getattr(module, "CALLS", {}))
        self.names.update(getattr(module, "NAMES", {}))
        self.constants.update(getattr(module, "CONSTANTS", {}))
        self.made_calls.update(getattr(module, "MADE_CALLS", {}))
        self.made_attributes.update(getattr(module, "MADE_ATTRIBUTES", {}))
        self.instance_attributes.update(getattr(module, "INSTANCE_ATTRIBUTES", {}))
        self.guesses.update(getattr(module, "GUESSES", {}))
        if hasattr(module, "GUESS_CALL"):
            self.guess_calls.append(module.GUESS_CALL)
        self.needed.update(getattr(module, "NEEDED", ()))
        self.types.update(getattr(module, "TYPES", {}))


@lru_cache(maxsize=1)
def registry() -> Registry:
    """The idioms of the package, found by scan."""
    found = Registry()
    for info in sorted(pkgutil.iter_modules(idioms.__path__), key=lambda i: i.name):
        found.add(importlib.import_module(f"{idioms.__name__}.{info.name}"))
    return found

"""What a body's names stand for while it is walked: where a thing comes from, rather than what it is.

Two symbols with equal keys are the same thing for a second run of the task: the row that the task's argument names, a
constant, a cache key made of arguments. What is made anew by each run has a key that nothing else has.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, structs

from celerylint.model.values import At, ClassValue, Value

RANDOM = frozenset({"random"})
"""Differs in every run: made of uuid4, the time, a random number."""
_NOTHING: frozenset[str] = frozenset()


class Gate(Struct, frozen=True, eq=False):
    """Something that a condition asks, and that a second run may find answered otherwise."""

    kind: str
    """`field` of a row; `created` flag; `swapped`: how many rows a conditional update met; `claim`: a lock or a key that
    only one can take; `cached`: what a cache holds; `exists`: whether rows exist; `retries`: the number of the attempt;
    `result`: what an effect answered; `opaque`: what a call that cannot be read returned."""
    subject: str
    """The key of the row, lock or cache entry."""
    model: str = ""
    """The class of the row or rows."""
    name: str = ""
    """The field, for `field`."""
    at: At | None = None
    order: int = 0
    """When it was asked, as events are numbered."""
    shared: bool = True
    """False for a lock that lives in one process."""
    seconds: float | None = None
    """How long a claim lasts, if that is known."""


class Hold(Struct, frozen=True, eq=False):
    """A gate and the answer under which one gets here: None where that cannot be told from the condition."""

    gate: Gate
    holds: bool | None
    sticky: bool = False
    """The other answer raises: it holds for the caller as well."""


class Sym(Struct, frozen=True, eq=False):
    """What is known of a value."""

    what: str = ""
    """The dotted path of what a package provides; a call adds `()`: `requests.Session().post`."""
    value: Value | None = None
    """The value of the project that it is: a function, class, module, object or task."""
    key: str = ""
    """Which one it is; empty where nothing is known."""
    shape: str = ""
    """`row`, `new` (a row not saved yet), `rows` (a queryset), `manager`, `object` (of a class of the project), `const`, `tuple`,
    `list`, `dict`, `callable`."""
    model: str = ""
    """The class of rows."""
    cls: ClassValue | None = None
    """The class of rows or of an object, if it is the project's."""
    const: Any = None
    traits: frozenset[str] = _NOTHING
    holds: tuple[Hold, ...] = ()
    """What is so where this is true."""
    fields: frozenset[str] = _NOTHING
    """The fields that a query constrains."""
    items: tuple[Sym, ...] = ()
    entries: dict[str, Sym] = {}
    """The constant keys of a dict."""
    locked: bool = False
    """A row or query under `select_for_update`."""

    def with_value(self, value: Value) -> Sym:
        """The same, known to be a value of the model."""
        return structs.replace(self, value=value)

    @property
    def random(self) -> bool:
        """Whether it differs in every run."""
        return "random" in self.traits


UNKNOWN = Sym()


def constant(value: Any) -> Sym:
    """A literal."""
    return Sym(shape="const", const=value, key=repr(value))


def negated(holds: tuple[Hold, ...]) -> tuple[Hold, ...]:
    """What is so where the condition is false."""
    return tuple(Hold(h.gate, None if h.holds is None else not h.holds, h.sticky) for h in holds)


def join(symbols: list[Sym]) -> Sym:
    """What a name stands for after branches that bind it differently: what they have in common."""
    known = [s for s in symbols if not (s.shape == "const" and s.const is None)] or symbols
    first = known[0]
    if all(s is first for s in known):
        return first
    traits = frozenset[str]().union(*(s.traits for s in known))
    # Random on one branch alone is no reproach: the other one may be that a stored key exists.
    if not all(s.random for s in known):
        traits -= RANDOM
    same = all((s.what, s.shape, s.model) == (first.what, first.shape, first.model) for s in known)
    holds = tuple(hold for s in known for hold in s.holds)
    if same:
        key = first.key if all(s.key == first.key for s in known) else ""
        return Sym(
            what=first.what, value=first.value, key=key, shape=first.shape, model=first.model, cls=first.cls,
            const=first.const if key else None, traits=traits, holds=holds, fields=first.fields, locked=first.locked,
        )  # fmt: skip
    return Sym(traits=traits, holds=holds)

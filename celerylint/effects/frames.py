"""What the walk of a body works with: activations of functions, calls, functions that are made on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec import Struct, structs

from celerylint.effects.symbols import Hold, Sym
from celerylint.facts import ir
from celerylint.model.values import At, ClassValue, FunctionValue, Scope, Value

if TYPE_CHECKING:
    from celerylint.effects.walk import Walker


class Closure(Value):
    """A function or lambda defined in a body that is walked, with the names around it."""

    __slots__ = ("frame", "node")

    def __init__(self, node: ir.Function | ir.LambdaExpr, frame: Frame, at: At) -> None:
        super().__init__(at)
        self.node = node
        self.frame = frame


class Suspended(Value):
    """A call of a generator that is a context manager: its body runs around that of the `with`."""

    __slots__ = ("args", "function")

    def __init__(self, function: FunctionValue, args: Args, at: At) -> None:
        super().__init__(at)
        self.function = function
        self.args = args


class Args(Struct, frozen=True, eq=False):
    """The arguments of a call."""

    positional: tuple[Sym, ...]
    keywords: dict[str, Sym]
    at: At
    open: bool = False
    """Whether `*` or `**` of unknown content was among them."""

    def get(self, position: int | None, *names: str) -> Sym | None:
        """The argument at a position or under one of its names."""
        for name in names:
            if name in self.keywords:
                return self.keywords[name]
        if position is not None and position < len(self.positional):
            return self.positional[position]
        return None

    @property
    def all(self) -> tuple[Sym, ...]:
        """Every argument."""
        return (*self.positional, *self.keywords.values()) if self.keywords else self.positional

    def but(self, **changes: Any) -> Args:
        """The same with other values of some fields."""
        return structs.replace(self, **changes)


class Frame:
    """One activation of a function."""

    __slots__ = (
        "env", "jumps", "left", "node", "owner", "passes_on", "returns", "scope", "settled", "subject", "yielded", "yields",
    )  # fmt: skip

    def __init__(self, node: ir.Node | None, scope: Scope, env: dict[str, Sym]) -> None:
        self.node = node
        self.scope = scope
        self.env = env
        self.owner: ClassValue | None = None
        self.subject: Sym | None = None
        self.passes_on = False
        """Whether it does no more than call others."""
        self.settled: dict[str, bool | None] = {}
        """Parameters that were given True, False or None, or were left to such a default, until they are bound anew."""
        self.jumps: list[tuple[dict[str, Sym], tuple[Hold, ...]]] = []
        """The names, and what is so, at each `break` and `continue` of the loop that is gone through."""
        self.returns: list[tuple[Sym, tuple[Hold, ...]]] = []
        self.left: list[tuple[range, int]] = []
        """The events of each branch that returned, and the number of the last of them."""
        self.yielded: list[tuple[Sym, tuple[Hold, ...]]] = []
        """What a generator yields, and what is so there, for those who go through it."""
        self.yields: Callable[[Sym], None] | None = None
        """What happens at a `yield`: the body of the `with` that the generator stands around."""


Handler = Callable[["Walker", "Site"], "Sym | None"]
"""What a library makes of a call; None if it is not one of its own."""


class Site(Struct, frozen=True, eq=False):
    """A call about to be made."""

    node: ir.Call
    base: Sym | None
    """What the method is called on; None for a plain function."""
    name: str
    """The method's or function's last name."""
    callee: Sym
    args: Args
    holder: Sym | None = None
    """What the function that is called was found on."""

    @property
    def at(self) -> At:
        """Where it is written."""
        return self.args.at

    def but(self, **changes: Any) -> Site:
        """The same with other values of some fields."""
        return structs.replace(self, **changes)

"""The values that the evaluator computes: what Python would hold at run time, or the reason that it cannot be known.

Containers, classes, instances and apps are mutable, as they are in the program that is read; they live and die with one link.
Every value may know where it was written (`at`); every binding knows where it was bound (`Entry.at`).
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Union

from celerylint.facts import ir
from celerylint.finding import Place

if TYPE_CHECKING:
    from celerylint.model.evaluate import Evaluator
    from celerylint.model.modules import Module

At = tuple[str, ir.Node]
"""Where something is written: the file's path and the node. Cheaper than a `Place`, which `place` makes of it."""


def place(at: At) -> Place:
    """The place of a node."""
    return Place(at[0], at[1].span)


ScalarType = Union[None, bool, int, float, str, datetime.timedelta]


Born = tuple[int, int]
"""The walk and the depth of undecided branches in which a container was made: who may change it, and for certain."""


class Value:
    """Anything an expression can evaluate to."""

    __slots__ = ("at",)

    def __init__(self, at: At | None = None) -> None:
        self.at = at


class Entry:
    """A value under a name or key, and where it was put there."""

    __slots__ = ("at", "value")

    def __init__(self, value: Value, at: At | None) -> None:
        self.value = value
        self.at = at


class Unknown(Value):
    """What cannot be known without running code, and why."""

    __slots__ = ("marks", "why")

    def __init__(self, why: str, at: At | None = None, marks: frozenset[str] = frozenset()) -> None:
        super().__init__(at)
        self.why = why
        self.marks = marks
        """What went into it: `retries` (the number of retries so far), `power` (of that number), `random`, and
        `foreign` for what a call of another package returned."""


class Part(Unknown):
    """Something of a value that cannot be known: what is known of the whole may tell what this is."""

    __slots__ = ("of", "step")

    def __init__(
        self,
        why: str,
        at: At | None,
        of: Value,
        step: str | int | Arguments | None,
        marks: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(why, at, marks)
        self.of = of
        self.step = step
        """The name of an attribute, the place in what was unpacked, the arguments of a call; None for any item of a loop."""


class Missing(Value):
    """Nothing is bound: the other branch of a name that only one branch assigns."""

    __slots__ = ()


class Scalar(Value):
    """A plain immutable value. `env` names the environment variable that may replace it."""

    __slots__ = ("env", "value")

    def __init__(self, value: ScalarType, at: At | None = None, env: str | None = None) -> None:
        super().__init__(at)
        self.value = value
        self.env = env


class Either(Value):
    """One of several values, depending on a condition that is not known."""

    __slots__ = ("options", "why")

    def __init__(self, options: list[Value], why: str, at: At | None = None) -> None:
        super().__init__(at)
        self.options = options
        self.why = why


class Sequence(Value):
    """A list, tuple, set or frozenset. `open` when it may hold more than `items`."""

    __slots__ = ("born", "items", "kind", "open")

    def __init__(
        self, kind: str, items: list[Value], at: At | None = None, open: bool = False, born: Born = (0, 0)
    ) -> None:
        super().__init__(at)
        self.born = born
        self.kind = kind
        self.items = items
        self.open = open


Key = Union[None, bool, int, float, str, tuple[str, str]]
"""A dict key: a scalar, or ("regex" | "dotted" | "tuple", text) for what is no scalar."""


class Mapping(Value):
    """A dict. `open` when it may hold keys that are not in `items`; `repeats` are literal keys written twice."""

    __slots__ = ("born", "items", "open", "repeats")

    def __init__(self, items: dict[Any, Entry], at: At | None = None, open: bool = False, born: Born = (0, 0)) -> None:
        super().__init__(at)
        self.born = born
        self.items: dict[Key, Entry] = items
        self.open = open
        self.repeats: list[tuple[Key, At, At]] = []


class External(Value):
    """A name of a package that is not part of the project, by its dotted path."""

    __slots__ = ("dotted",)

    def __init__(self, dotted: str, at: At | None = None) -> None:
        super().__init__(at)
        self.dotted = dotted


class Made(Value):
    """What a call of an external name returned; `maker` is that name's dotted path."""

    __slots__ = ("args", "attrs", "born", "keywords", "maker", "open")

    def __init__(
        self, maker: str, args: list[Value], keywords: dict[str, Entry], at: At | None = None, born: Born = (0, 0)
    ) -> None:
        super().__init__(at)
        self.born = born
        self.maker = maker
        self.args = args
        self.keywords = keywords
        self.attrs: dict[str, Entry] = {}
        self.open = False
        """Whether a `*` or `**` of unknown content was among the arguments."""


class ModuleValue(Value):
    """A module of the project."""

    __slots__ = ("module",)

    def __init__(self, module: Module, at: At | None = None) -> None:
        super().__init__(at)
        self.module = module


class Scope:
    """Names of one module, class body or function activation."""

    __slots__ = ("entries", "globals", "kind", "module", "parent", "stars", "subject", "typing")

    def __init__(self, kind: str, module: Module, parent: Scope | None) -> None:
        self.kind = kind
        self.module = module
        self.parent = parent
        self.entries: dict[str, Entry] = {}
        self.globals: set[str] = set()
        self.stars: list[str] = []
        """Foreign modules that were star-imported: a name found nowhere else comes from there."""
        self.subject: Value | None = None
        """The class whose body or method this is, for `super()`."""
        self.typing: Scope | None = None
        """What is imported for type checkers only: annotations may speak of it."""


class FunctionValue(Value):
    """A function of the project: a `def` or a lambda, with the scope that it closes over."""

    __slots__ = ("attrs", "defaults", "node", "owner_class", "scope", "wrappers", "wraps")

    def __init__(
        self, node: ir.Function | ir.LambdaExpr, scope: Scope, defaults: dict[str, Value], at: At | None = None
    ) -> None:
        super().__init__(at)
        self.node = node
        self.scope = scope
        self.defaults = defaults
        self.attrs: dict[str, Entry] = {}
        self.wraps: FunctionValue | None = None
        self.wrappers: tuple[Value, ...] = ()
        """Decorators of other packages that were applied and left the function what it is."""
        self.owner_class: ClassValue | None = None

    @property
    def innermost(self) -> FunctionValue:
        """The function that a chain of `functools.wraps` stands for."""
        function = self
        while function.wraps is not None:
            function = function.wraps
        return function

    def copy(self) -> FunctionValue:
        """The same function, to be decorated further."""
        other = FunctionValue(self.node, self.scope, self.defaults, self.at)
        other.attrs = dict(self.attrs)
        other.wraps, other.wrappers, other.owner_class = self.wraps, self.wrappers, self.owner_class
        return other


class ClassValue(Value):
    """A class of the project. `body` is filled when first needed."""

    __slots__ = ("attrs", "bases", "decorators", "keywords", "node", "ran", "scope")

    def __init__(self, node: ir.Class, scope: Scope, bases: list[Value], at: At | None = None) -> None:
        super().__init__(at)
        self.node = node
        self.scope = scope
        self.bases = bases
        self.keywords: dict[str, Entry] = {}
        self.attrs: dict[str, Entry] = {}
        self.ran = False
        self.decorators: list[Value] = []

    @property
    def module(self) -> Module:
        """Where it is defined."""
        return self.scope.module


class Instance(Value):
    """An object of a class of the project."""

    __slots__ = ("attrs", "born", "cls", "keywords")

    def __init__(self, cls: ClassValue, at: At | None = None, born: Born = (0, 0)) -> None:
        super().__init__(at)
        self.born = born
        self.cls = cls
        self.attrs: dict[str, Entry] = {}
        self.keywords: dict[str, Entry] = {}


class Member(Value):
    """A member of an enum class of the project."""

    __slots__ = ("cls", "name", "value")

    def __init__(self, cls: ClassValue, name: str, value: Value, at: At | None = None) -> None:
        super().__init__(at)
        self.cls = cls
        self.name = name
        self.value = value


class Bound(Value):
    """A method of the project bound to its first argument."""

    __slots__ = ("function", "subject")

    def __init__(self, function: FunctionValue, subject: Value, at: At | None = None) -> None:
        super().__init__(at)
        self.function = function
        self.subject = subject


class Partial(Value):
    """`functools.partial(function, ...)`."""

    __slots__ = ("args", "function", "keywords")

    def __init__(self, function: Value, args: list[Value], keywords: dict[str, Entry], at: At | None = None) -> None:
        super().__init__(at)
        self.function = function
        self.args = args
        self.keywords = keywords


class Arguments:
    """The evaluated arguments of one call. `open` when a `*` or `**` of unknown content was among them."""

    __slots__ = ("at", "keywords", "open", "positional")

    def __init__(
        self,
        positional: list[Value],
        keywords: dict[str, Entry],
        at: At | None,
        open: bool = False,
    ) -> None:
        self.positional = positional
        self.keywords = keywords
        self.at = at
        self.open = open

    def get(self, position: int | None, name: str) -> Value | None:
        """The argument at a position or under a keyword."""
        entry = self.keywords.get(name)
        if entry is not None:
            return entry.value
        if position is not None and position < len(self.positional):
            return self.positional[position]
        return None


class Native(Value):
    """Something callable whose meaning is known here: a builtin, a method of a container, Celery's own API."""

    __slots__ = ("call", "name")

    def __init__(self, name: str, call: Callable[[Evaluator, Arguments], Value], at: At | None = None) -> None:
        super().__init__(at)
        self.name = name
        self.call = call


class Deferred(Value):
    """A value that is computed when somebody needs it."""

    __slots__ = ("compute", "fallback", "result", "running")

    def __init__(self, compute: Callable[[], Value], at: At | None = None, fallback: Value | None = None) -> None:
        super().__init__(at)
        self.compute = compute
        self.result: Value | None = None
        self.running = False
        self.fallback = fallback
        """What it is taken for by those who need no more than a guess: the function under a decorator."""


class Imported(Deferred):
    """A name imported from a module of the project, not looked up yet."""

    __slots__ = ("module", "name")

    def __init__(self, compute: Callable[[], Value], module: Module, name: str, at: At | None = None) -> None:
        super().__init__(compute, at)
        self.module = module
        self.name = name


class Super(Value):
    """`super()` inside a method."""

    __slots__ = ("after", "subject")

    def __init__(self, subject: Value, after: ClassValue, at: At | None = None) -> None:
        super().__init__(at)
        self.subject = subject
        self.after = after


def unread(value: Value) -> bool:
    """Whether computing a value means reading a file that does not mention Celery, without which the project was put together."""
    return isinstance(value, Imported) and not value.module.known


LONGEST_CHAIN = 100
"""Values that stand for one another; longer, and a name is imported from a module that imports it from there."""


def computed(value: Deferred) -> Value:
    """What a deferred value stands for, which may be deferred again."""
    if value.result is None:
        if value.running:
            return Unknown("defined in terms of itself", value.at)
        value.running = True
        try:
            value.result = value.compute()
        except RecursionError:
            value.result = Unknown("nested too deeply", value.at)
        finally:
            value.running = False
    return value.result


def peeked(value: Value) -> Value:
    """The value as far as it is computed already."""
    for _ in range(LONGEST_CHAIN):
        if not isinstance(value, Deferred) or value.result is None:
            return value
        value = value.result
    return Unknown("defined in terms of itself", value.at)


def forced(value: Value) -> Value:
    """The value itself, computed if nobody needed it until now."""
    for _ in range(LONGEST_CHAIN):
        if not isinstance(value, Deferred):
            return value
        value = computed(value)
    return Unknown("defined in terms of itself", value.at)


_NO_MARKS: frozenset[str] = frozenset()


def marks_of(value: Value) -> frozenset[str]:
    """What is known to have gone into a value that cannot be known."""
    if isinstance(value, Deferred):
        return marks_of(value.result) if value.result is not None else _NO_MARKS
    if isinstance(value, Unknown):
        return value.marks
    if isinstance(value, External):
        if value.dotted.endswith("request.retries"):
            return frozenset({"retries"})
        return frozenset({"random"}) if value.dotted.startswith("random.") else _NO_MARKS
    if isinstance(value, Made):
        out = marks_among([*value.args, *(e.value for e in value.keywords.values())])
        if value.maker.startswith(("random.", "secrets.", "numpy.random.", "uuid.")) or ".random" in value.maker:
            out |= {"random"}
        elif value.maker == "celery.utils.time.get_exponential_backoff_interval":
            jitter = value.keywords.get("full_jitter")
            given = value.args[3] if len(value.args) > 3 else jitter.value if jitter is not None else Scalar(False)
            fixed = isinstance(given, Scalar) and not given.value
            out |= {"power"} if fixed else {"power", "random"}
        elif value.maker in ("builtins.pow", "math.pow", "math.exp", "math.ldexp"):
            out |= {"power"} if "retries" in out else _NO_MARKS
        elif not value.maker.startswith(("builtins.", "math.", "datetime.", "celery.")):
            out |= {"foreign"}
        return out
    if isinstance(value, (Either, Sequence)):
        return marks_among(value.options if isinstance(value, Either) else value.items)
    return _NO_MARKS


def marks_of_operation(op: str, left: Value, right: Value) -> frozenset[str]:
    """What is known to have gone into `left op right`."""
    marks = marks_among((left, right))
    return marks | {"power"} if op in ("**", "<<") and "retries" in marks_of(right) else marks


def marks_among(values: Iterable[Value]) -> frozenset[str]:
    """All marks of several values."""
    out: frozenset[str] = _NO_MARKS
    for value in values:
        out |= marks_of(value)
    return out


def distinct(options: list[Value]) -> list[Value]:
    """Options without those that are plainly the same."""
    out: list[Value] = []
    seen: set[Any] = set()
    for option in options:
        inner = option.options if isinstance(option, Either) else [option]
        for value in inner:
            if isinstance(value, Scalar):
                key: Any = (type(value.value), value.value, value.env)
            elif isinstance(value, Missing):
                key = Missing
            elif isinstance(value, External):
                key = value.dotted
            else:
                key = id(value)
            if key not in seen:
                seen.add(key)
                out.append(value)
    return out


def either(options: list[Value], why: str, at: At | None = None) -> Value:
    """One value if all options are the same, else an `Either` of at most eight."""
    unique = distinct(options)
    if len(unique) == 1:
        return unique[0]
    if not unique or len(unique) > 8:
        return Unknown(why, at)
    return Either(unique, why, at)

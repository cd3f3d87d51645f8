"""Python's own builtins, operators and container methods, as far as they can be computed on known values."""

from __future__ import annotations

import builtins as _builtins
import datetime
import operator
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from celerylint.model.values import (
    Arguments,
    At,
    Bound,
    ClassValue,
    Either,
    Entry,
    External,
    FunctionValue,
    Instance,
    Made,
    Mapping,
    Member,
    Missing,
    ModuleValue,
    Native,
    Partial,
    Scalar,
    Scope,
    Sequence,
    Super,
    Unknown,
    Value,
    either,
    marks_of_operation,
)

if TYPE_CHECKING:
    from celerylint.model.evaluate import Evaluator

EXCEPTIONS = frozenset(
    name for name, value in vars(_builtins).items() if isinstance(value, type) and issubclass(value, BaseException)
) | {"ExceptionGroup", "BaseExceptionGroup", "EncodingWarning", "PythonFinalizationError"}

OTHER_BUILTINS = frozenset(vars(_builtins)) | {"reveal_type"}

ENUM_BASES = frozenset(
    {
        "enum.Enum", "enum.IntEnum", "enum.StrEnum", "enum.Flag", "enum.IntFlag",
        "django.db.models.TextChoices", "django.db.models.IntegerChoices", "django.db.models.Choices",
        "django.db.models.enums.TextChoices", "django.db.models.enums.IntegerChoices", "strenum.StrEnum",
    }
)  # fmt: skip
PLAIN_ENUM_BASES = frozenset(
    {
        "builtins.str", "builtins.int", "enum.IntEnum", "enum.StrEnum", "enum.IntFlag", "strenum.StrEnum",
        "django.db.models.TextChoices", "django.db.models.IntegerChoices",
        "django.db.models.enums.TextChoices", "django.db.models.enums.IntegerChoices",
    }
)  # fmt: skip

_STR_METHODS = frozenset(
    {
        "upper", "lower", "strip", "lstrip", "rstrip", "replace", "split", "rsplit", "join", "format", "title",
        "capitalize", "isalpha", "istitle", "isidentifier", "startswith", "endswith", "removeprefix",
        "removesuffix", "partition", "rpartition", "isdigit", "casefold",
        "zfill", "splitlines", "swapcase", "isupper", "islower", "encode", "find", "count",
    }
)  # fmt: skip

_GROWING = frozenset({"format", "join", "replace", "zfill"})
"""Those that can make much of little."""

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
    "%": operator.mod, "**": operator.pow, "|": operator.or_, "&": operator.and_, "^": operator.xor,
    "<<": operator.lshift, ">>": operator.rshift,
}  # fmt: skip

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip

MOST_ITEMS = 10_000
"""Items of a collection, and..."""
MOST_CHARACTERS = 100_000
"""...characters of a text that are computed: what grows beyond is no configuration."""


def wrap(value: Any, at: At | None, env: str | None = None) -> Value:
    """A Python value computed here as a value of the evaluator."""
    if isinstance(value, str) and len(value) > MOST_CHARACTERS:
        return Unknown("a text of unreasonable length", at)
    if isinstance(value, int) and value.bit_length() > 256:
        return Unknown("a number of unreasonable size", at)
    if value is None or isinstance(value, (bool, int, float, str, datetime.timedelta)):
        return Scalar(value, at, env)
    if isinstance(value, (list, tuple)):
        return Sequence(type(value).__name__, [wrap(item, at, env) for item in value], at)
    return Unknown("a value that cannot be represented", at)


# --- operators --------------------------------------------------------------------------------------------------------


def binop(ev: Evaluator, op: str, left: Value, right: Value, at: At) -> Value:
    """`left op right` on known values; `Unknown` if either is not known or Python would raise."""
    for side in (left, right):
        if isinstance(side, Unknown):
            return Unknown(side.why, at, marks_of_operation(op, left, right))
    if isinstance(left, Member):
        left = ev.plain_member(left) or left
    if isinstance(right, Member):
        right = ev.plain_member(right) or right
    if isinstance(left, Scalar) and isinstance(right, Scalar):
        return _arithmetic(op, left, right, at)
    if isinstance(left, Sequence) and isinstance(right, Sequence) and op in ("+", "|") and left.kind == right.kind:
        if len(left.items) + len(right.items) > MOST_ITEMS:
            return Sequence(left.kind, [], at, True, ev.born)
        return Sequence(left.kind, [*left.items, *right.items], at, left.open or right.open, ev.born)
    if isinstance(left, Sequence) and isinstance(right, (Unknown, External, Made)) and op == "+":
        return Sequence(left.kind, list(left.items), at, True, ev.born)
    if isinstance(right, Sequence) and isinstance(left, (Unknown, External, Made)) and op == "+":
        return Sequence(right.kind, list(right.items), at, True, ev.born)
    if isinstance(left, Mapping) and op == "|":
        merged = Mapping(dict(left.items), at, left.open, ev.born)
        update(ev, merged, right, at)
        return merged
    if isinstance(left, Scalar) and isinstance(left.value, str) and op == "%":
        return _percent(ev, left, right, at)
    if isinstance(left, Sequence) and isinstance(right, Scalar) and op == "*" and type(right.value) is int:  # noqa: SIM102
        if not left.open and 0 <= right.value * len(left.items) <= 1000:
            return Sequence(left.kind, left.items * right.value, at, False, ev.born)
    return Unknown(f"an operation ({op}) on values that cannot be known", at, marks_of_operation(op, left, right))


def _arithmetic(op: str, left: Scalar, right: Scalar, at: At) -> Value:
    a, b = left.value, right.value
    function = _OPERATORS.get(op)
    env = left.env or right.env
    if function is None:
        return Unknown(f"the operator {op}", at)
    if op == "**" and not (
        isinstance(a, (int, float)) and isinstance(b, (int, float)) and abs(a) < 1e6 and abs(b) < 64
    ):
        return Unknown("a large power", at)
    if op == "<<" and isinstance(b, int) and b > 62:
        return Unknown("a large shift", at)
    if op == "*" and (isinstance(a, str) or isinstance(b, str)):
        size = (len(a) * b) if isinstance(a, str) and isinstance(b, int) else 10**6
        if size > 10_000:
            return Unknown("a long string", at)
    if op == "%" and isinstance(a, str) and _outgrows(a, [b]):
        return Unknown("a long string", at)
    try:
        return wrap(function(a, b), at, env)
    except (TypeError, ValueError, ArithmeticError):
        return Unknown("an operation that fails", at)


def _percent(ev: Evaluator, left: Scalar, right: Value, at: At) -> Value:
    plain = _plain(ev, right)
    if plain is None:
        return Unknown("a formatted string of values that cannot be known", at)
    if _outgrows(str(left.value), [plain[0]]):
        return Unknown("a long string", at)
    try:
        return wrap(str(left.value) % plain[0], at, left.env or plain[1])
    except (TypeError, ValueError, KeyError, ArithmeticError):
        return Unknown("a formatted string", at)


def _outgrows(text: str, given: Iterable[object]) -> bool:
    """Whether a text that is put together of another and of values may grow beyond all reason: by the width that it asks
    for, or by what it repeats."""
    return _WIDE.search(text) is not None or (len(text) + 1) * (1 + sum(map(_length, given))) > _MOST_COMPUTED


_WIDE = re.compile(r"%[^a-zA-Z%]*(?:\d{5}|\*)|:[^{}]*\d{5}[^{}]*\}|\{[^{}]+\{")
_MOST_COMPUTED = 10_000_000


def _length(value: object) -> int:
    if isinstance(value, (list, tuple)):
        return sum(map(_length, value)) + len(value)
    return len(value) if isinstance(value, str) else 20


def _plain(ev: Evaluator, value: Value) -> tuple[Any, str | None] | None:
    """A value as the Python object it stands for, with the variable that may replace it; None if it is not known."""
    value = ev.force(value)
    if isinstance(value, Scalar):
        return value.value, value.env
    if isinstance(value, Member):
        inner = ev.plain_member(value)
        return (inner.value, inner.env) if inner else None
    if isinstance(value, Sequence) and not value.open and value.kind != "slice":
        items = [_plain(ev, item) for item in value.items]
        if any(item is None for item in items):
            return None
        known = [item for item in items if item is not None]
        env = next((e for _, e in known if e), None)
        values = [v for v, _ in known]
        return (tuple(values) if value.kind == "tuple" else values), env
    if isinstance(value, Mapping) and not value.open:
        out = {}
        env = None
        for key, entry in value.items.items():
            inner2 = _plain(ev, entry.value)
            if inner2 is None:
                return None
            out[key] = inner2[0]
            env = env or inner2[1]
        return out, env
    return None


def unary(op: str, value: Value, at: At) -> Value:
    """`-x`, `+x`, `~x`."""
    if isinstance(value, Scalar) and isinstance(value.value, (int, float, datetime.timedelta)):
        try:
            if op == "-":
                return Scalar(-value.value, at, value.env)
            if op == "+":
                return Scalar(+value.value, at, value.env)
            if op == "~" and isinstance(value.value, int):
                return Scalar(~value.value, at, value.env)
        except (TypeError, ArithmeticError):
            pass
    return Unknown(f"the operator {op} on a value that cannot be known", at)


def compare(ev: Evaluator, op: str, left: Value, right: Value) -> bool | None:
    """Whether a comparison holds; None if that is not known."""
    if isinstance(left, Member):
        left = ev.plain_member(left) or left
    if isinstance(right, Member):
        right = ev.plain_member(right) or right
    if op in ("in", "not in"):
        found = _contains(ev, right, left)
        return None if found is None else found == (op == "in")
    if isinstance(left, Scalar) and isinstance(right, Scalar):
        if op in ("is", "is not"):
            same = left.value is right.value or (left.value == right.value and type(left.value) is type(right.value))
            return same == (op == "is")
        try:
            return bool(_COMPARISONS[op](left.value, right.value))
        except TypeError:
            return None
    if op in ("is", "is not", "==", "!="):
        same_thing = _identical(left, right)
        return None if same_thing is None else same_thing == (op in ("is", "=="))
    plain_left, plain_right = _plain(ev, left), _plain(ev, right)
    if plain_left is not None and plain_right is not None:
        try:
            return bool(_COMPARISONS[op](plain_left[0], plain_right[0]))
        except TypeError:
            return None
    return None


def _identical(left: Value, right: Value) -> bool | None:
    if left is right:
        return True
    for one, other in ((left, right), (right, left)):
        if (
            isinstance(one, Scalar)
            and one.value is None
            and not isinstance(other, (Scalar, Unknown, Either, Missing, External, Made))
        ):
            return False
    if isinstance(left, External) and isinstance(right, External):
        return True if left.dotted == right.dotted else None
    if isinstance(left, (ClassValue, FunctionValue, ModuleValue)) and isinstance(
        right, (ClassValue, FunctionValue, ModuleValue)
    ):
        return False
    return None


def _contains(ev: Evaluator, container: Value, item: Value) -> bool | None:
    if isinstance(container, Mapping):
        key = ev.key(item)
        if key is None:
            return None
        entry = container.items.get(key[0])
        if entry is not None and not isinstance(entry.value, (Either, Missing)):
            return True
        return None if container.open or entry is not None else False
    if isinstance(container, Sequence):
        results = [compare(ev, "==", ev.force(i), item) for i in container.items]
        if True in results:
            return True
        return None if container.open or None in results else False
    if isinstance(container, Scalar) and isinstance(container.value, str) and isinstance(item, Scalar):
        return item.value in container.value if isinstance(item.value, str) else None
    return None


# --- containers -------------------------------------------------------------------------------------------------------


def put(ev: Evaluator, target: Mapping, index: Value, value: Value, at: At | None) -> None:
    """`target[index] = value`."""
    key = ev.key(index)
    if key is None:
        target.open = True
        return
    if ev.certain(target.born):
        target.items[key[0]] = Entry(value, at)
        return
    before = target.items[key[0]].value if key[0] in target.items else Missing(at)
    target.items[key[0]] = Entry(either([before, value], "set in a branch that may not run", at), at)


def update(ev: Evaluator, target: Mapping, value: Value, at: At | None) -> None:
    """`target.update(value)`."""
    if not ev.changeable(target.born):
        return
    value = ev.force(value)
    if isinstance(value, Mapping):
        for key, entry in value.items.items():
            if isinstance(entry.value, Either) and any(isinstance(o, Missing) for o in entry.value.options):
                before = target.items[key].value if key in target.items else Missing(at)
                merged = either([before, *entry.value.options], entry.value.why, entry.at)
                target.items[key] = Entry(merged, entry.at)
            elif ev.certain(target.born):
                target.items[key] = entry
            else:
                before = target.items[key].value if key in target.items else Missing(at)
                merged = either([before, entry.value], "set in a branch that may not run", entry.at)
                target.items[key] = Entry(merged, entry.at)
        target.open = target.open or value.open
        return
    pairs = ev.iterate(value)
    for pair in pairs or []:
        inner = ev.iterate(pair)
        if inner is None or len(inner) != 2:
            target.open = True
        else:
            put(ev, target, inner[0], inner[1], pair.at)
    if pairs is None and not (isinstance(value, Scalar) and value.value is None):
        target.open = True


def extend(ev: Evaluator, target: Sequence, value: Value) -> None:
    """`target.extend(value)`."""
    if not ev.changeable(target.born):
        return
    items = ev.iterate(ev.force(value))
    if items is None or not ev.certain(target.born) or len(items) + len(target.items) > MOST_ITEMS:
        target.open = True
    else:
        target.items.extend(items)


def getitem(ev: Evaluator, value: Value, index: Value, at: At) -> Value:
    """`value[index]` for containers and strings."""
    if isinstance(value, Globals) and isinstance(index, Scalar) and isinstance(index.value, str):
        entry = value.scope.entries.get(index.value)
        return entry.value if entry is not None else Unknown("a global name", at)
    if isinstance(value, Mapping):
        key = ev.key(index)
        if key is not None and key[0] in value.items:
            return value.items[key[0]].value
        return Unknown("a key that is not known", at)
    if isinstance(value, Sequence) and not value.open:
        if isinstance(index, Sequence) and index.kind == "slice":
            parts = [_plain(ev, p) for p in index.items]
            if all(p is not None for p in parts):
                return Sequence(value.kind, value.items[slice(*(p[0] for p in parts if p))], at, False, ev.born)
        if (
            isinstance(index, Scalar)
            and type(index.value) is int
            and -len(value.items) <= index.value < len(value.items)
        ):
            return value.items[index.value]
    if isinstance(value, Scalar) and isinstance(value.value, str):
        if (
            isinstance(index, Scalar)
            and type(index.value) is int
            and -len(value.value) <= index.value < len(value.value)
        ):
            return Scalar(value.value[index.value], at, value.env)
        if isinstance(index, Sequence) and index.kind == "slice":
            parts = [_plain(ev, p) for p in index.items]
            if all(p is not None for p in parts):
                return Scalar(value.value[slice(*(p[0] for p in parts if p))], at, value.env)
    return Unknown("an item that cannot be known", at)


def getattr(ev: Evaluator, value: Value, name: str, at: At) -> Value:
    """`value.name` for scalars and containers."""
    if isinstance(value, Mapping):
        method = _MAPPING_METHODS.get(name)
        if method is not None:
            return Native(f"dict.{name}", lambda e, a: method(e, value, a), at)
    elif isinstance(value, Sequence):
        method2 = _SEQUENCE_METHODS.get(name)
        if method2 is not None:
            return Native(f"list.{name}", lambda e, a: method2(e, value, a), at)
    elif isinstance(value, Scalar):
        return _scalar_attribute(ev, value, name, at)
    elif isinstance(value, Globals):
        if name == "update":
            return Native("globals.update", lambda e, a: _globals_update(e, value, a), at)
        if name == "get":
            held = Mapping(dict(value.scope.entries), at, True)
            return Native("globals.get", lambda e, a: _dict_get(e, held, a), at)
    elif isinstance(value, Partial):
        if name in ("func", "__wrapped__"):
            return value.function
        if name == "__name__":
            return Unknown("a partial has no name", at)
    return Unknown(f"an attribute that cannot be known: {name}", at)


def _scalar_attribute(ev: Evaluator, value: Scalar, name: str, at: At) -> Value:
    held = value.value
    if isinstance(held, str) and name in _STR_METHODS:
        return Native(f"str.{name}", lambda e, a: _pure(e, value, name, a), at)
    if isinstance(held, datetime.timedelta):
        if name in ("days", "seconds", "microseconds"):
            return Scalar(_builtins.getattr(held, name), at, value.env)
        if name == "total_seconds":
            return Native("timedelta.total_seconds", lambda e, a: Scalar(held.total_seconds(), a.at, value.env), at)
    return Unknown(f"an attribute that cannot be known: {name}", at)


def _pure(ev: Evaluator, value: Scalar, name: str, args: Arguments) -> Value:
    plain = [_plain(ev, a) for a in args.positional]
    keywords = {k: _plain(ev, e.value) for k, e in args.keywords.items()}
    if args.open or any(p is None for p in plain) or any(p is None for p in keywords.values()):
        return Unknown(f"str.{name} of values that cannot be known", args.at)
    env = next((p[1] for p in [*plain, *keywords.values()] if p and p[1]), None) or value.env
    given = [p[0] for p in [*plain, *keywords.values()] if p]
    if name in _GROWING and (
        _outgrows(str(value.value), given)
        or (name == "zfill" and any(n > MOST_CHARACTERS for n in given if type(n) is int))
    ):
        return Unknown("a long string", args.at)
    try:
        result = _builtins.getattr(value.value, name)(
            *(p[0] for p in plain if p), **{k: p[0] for k, p in keywords.items() if p}
        )
    except Exception:
        return Unknown(f"str.{name} that fails", args.at)
    return wrap(result, args.at, env)


def _dict_get(ev: Evaluator, value: Mapping, args: Arguments) -> Value:
    key = ev.key(args.positional[0]) if args.positional else None
    default = args.get(1, "default") or Scalar(None, args.at)
    if key is None:
        return Unknown("a key that is not known", args.at)
    entry = value.items.get(key[0])
    if entry is None:
        return Unknown("a key that may be there", args.at) if value.open else default
    held = entry.value
    if isinstance(held, Either) and any(isinstance(o, Missing) for o in held.options):
        return either([default if isinstance(o, Missing) else o for o in held.options], held.why, held.at)
    return held


def _dict_setdefault(ev: Evaluator, value: Mapping, args: Arguments) -> Value:
    if not args.positional:
        return Unknown("setdefault without a key", args.at)
    key = ev.key(args.positional[0])
    default = args.get(1, "default") or Scalar(None, args.at)
    if key is None:
        value.open = True
        return Unknown("a key that is not known", args.at)
    if key[0] in value.items and not isinstance(value.items[key[0]].value, Missing):
        return value.items[key[0]].value
    if value.open:
        default = either([Unknown("a key that may be there", args.at), default], "it may be there", args.at)
    if ev.changeable(value.born):
        put(ev, value, args.positional[0], default, args.at)
    return default


def _dict_pop(ev: Evaluator, value: Mapping, args: Arguments) -> Value:
    result = _dict_get(ev, value, args)
    key = ev.key(args.positional[0]) if args.positional else None
    if key is not None and ev.changeable(value.born):
        if ev.certain(value.born):
            value.items.pop(key[0], None)
        elif key[0] in value.items:
            held = value.items[key[0]]
            value.items[key[0]] = Entry(either([held.value, Missing()], "removed in a branch", held.at), held.at)
    return result


def _dict_update(ev: Evaluator, value: Mapping, args: Arguments) -> Value:
    for positional in args.positional:
        update(ev, value, positional, args.at)
    update(ev, value, Mapping(dict(args.keywords), args.at, args.open), args.at)
    return Scalar(None, args.at)


def _dict_copy(ev: Evaluator, value: Mapping, args: Arguments) -> Value:
    return Mapping(dict(value.items), value.at, value.open, ev.born)


def _keys(ev: Evaluator, value: Mapping, args: Arguments) -> Value:
    return Sequence("list", ev.iterate(value) or [], value.at, value.open, ev.born)


def _values(ev: Evaluator, value: Mapping, args: Arguments) -> Value:
    return Sequence("list", [e.value for e in value.items.values()], value.at, value.open, ev.born)


def _items(ev: Evaluator, value: Mapping, args: Arguments) -> Value:
    pairs: list[Value] = []
    for key, entry in value.items.items():
        name: Value = Scalar(key, entry.at) if not isinstance(key, tuple) else Unknown("a key", entry.at)
        pairs.append(Sequence("tuple", [name, entry.value], entry.at))
    return Sequence("list", pairs, value.at, value.open, ev.born)


def _dict_clear(ev: Evaluator, value: Mapping, args: Arguments) -> Value:
    if ev.changeable(value.born):
        value.items.clear()
    return Scalar(None, args.at)


_MAPPING_METHODS: dict[str, Callable[[Evaluator, Mapping, Arguments], Value]] = {
    "get": _dict_get, "setdefault": _dict_setdefault, "pop": _dict_pop, "update": _dict_update, "copy": _dict_copy,
    "keys": _keys, "values": _values, "items": _items, "clear": _dict_clear,
}  # fmt: skip


def _append(ev: Evaluator, value: Sequence, args: Arguments) -> Value:
    if args.positional and ev.changeable(value.born):
        if ev.certain(value.born):
            value.items.append(args.positional[0])
        else:
            value.open = True
    return Scalar(None, args.at)


def _extend(ev: Evaluator, value: Sequence, args: Arguments) -> Value:
    for positional in args.positional:
        extend(ev, value, positional)
    return Scalar(None, args.at)


def _insert(ev: Evaluator, value: Sequence, args: Arguments) -> Value:
    if len(args.positional) == 2 and ev.changeable(value.born):
        position = ev.force(args.positional[0])
        if ev.certain(value.born) and isinstance(position, Scalar) and type(position.value) is int:
            value.items.insert(position.value, args.positional[1])
        else:
            value.open = True
    return Scalar(None, args.at)


def _mess(ev: Evaluator, value: Sequence, args: Arguments) -> Value:
    if ev.changeable(value.born):
        value.open = True
    return Unknown("an item of a list", args.at)


def _copy_sequence(ev: Evaluator, value: Sequence, args: Arguments) -> Value:
    return Sequence(value.kind, list(value.items), value.at, value.open, ev.born)


def _union(ev: Evaluator, value: Sequence, args: Arguments) -> Value:
    out = Sequence(value.kind, list(value.items), value.at, value.open, ev.born)
    for positional in args.positional:
        extend(ev, out, positional)
    return out


_SEQUENCE_METHODS: dict[str, Callable[[Evaluator, Sequence, Arguments], Value]] = {
    "append": _append, "extend": _extend, "insert": _insert, "remove": _mess, "pop": _mess, "sort": _mess,
    "reverse": _mess, "copy": _copy_sequence, "add": _append, "update": _extend, "union": _union, "discard": _mess,
}  # fmt: skip


# --- functions --------------------------------------------------------------------------------------------------------


def _number(convert: Callable[[Any], Any], name: str) -> Callable[[Evaluator, Arguments], Value]:
    def call(ev: Evaluator, args: Arguments) -> Value:
        if not args.positional and not args.open:
            return Scalar(convert(0), args.at)
        value = ev.force(args.positional[0]) if args.positional else Unknown("nothing", args.at)
        if isinstance(value, Member):
            value = ev.plain_member(value) or value
        if isinstance(value, Scalar) and len(args.positional) == 1:
            try:
                return wrap(convert(value.value), args.at, value.env)
            except (TypeError, ValueError, OverflowError):
                return Unknown(f"{name}() that fails", args.at)
        if isinstance(value, Either) and len(args.positional) == 1:
            options = [call(ev, Arguments([o], {}, args.at)) for o in value.options]
            return either(options, value.why, args.at)
        if isinstance(value, Unknown):
            return Unknown(value.why, args.at, value.marks)
        return Unknown(f"{name}() of a value that cannot be known", args.at)

    return call


def _str(ev: Evaluator, args: Arguments) -> Value:
    value = ev.force(args.positional[0]) if args.positional else Scalar("", args.at)
    if isinstance(value, Member):
        return ev.formatted_member(value)
    if isinstance(value, Scalar) and isinstance(value.value, (str, int, bool)):
        return Scalar(str(value.value), args.at, value.env)
    return Unknown("str() of a value that cannot be known", args.at)


def _bool(ev: Evaluator, args: Arguments) -> Value:
    value = ev.force(args.positional[0]) if args.positional else Scalar(False, args.at)
    truth = ev.truth(value)
    if truth is None:
        return Unknown("bool() of a value that cannot be known", args.at)
    return Scalar(truth, args.at, value.env if isinstance(value, Scalar) else None)


def _collection(kind: str) -> Callable[[Evaluator, Arguments], Value]:
    def call(ev: Evaluator, args: Arguments) -> Value:
        if not args.positional:
            return Sequence(kind, [], args.at, args.open, ev.born)
        value = ev.force(args.positional[0])
        items = ev.iterate(value)
        if items is None:
            partial = list(value.items) if isinstance(value, Sequence) else []
            return Sequence(kind, partial, args.at, True, ev.born)
        return Sequence(kind, items, args.at, False, ev.born)

    return call


def _dict(ev: Evaluator, args: Arguments) -> Value:
    out = Mapping({}, args.at, False, ev.born)
    for positional in args.positional:
        update(ev, out, positional, args.at)
    for key, entry in args.keywords.items():
        out.items[key] = entry
    out.open = out.open or args.open
    return out


def _len(ev: Evaluator, args: Arguments) -> Value:
    value = ev.force(args.positional[0]) if args.positional else None
    if isinstance(value, (Sequence, Mapping)) and not value.open:
        return Scalar(len(value.items), args.at)
    if isinstance(value, Scalar) and isinstance(value.value, str):
        return Scalar(len(value.value), args.at, value.env)
    return Unknown("len() of a value that cannot be known", args.at)


def _range(ev: Evaluator, args: Arguments) -> Value:
    plain = [_plain(ev, a) for a in args.positional]
    if all(p is not None and type(p[0]) is int for p in plain) and plain:
        try:
            span = range(*(p[0] for p in plain if p))
        except (TypeError, ValueError):
            return Unknown("range() that fails", args.at)
        if len(span) <= 1000:
            return Sequence("list", [Scalar(i, args.at) for i in span], args.at, False, ev.born)
    return Unknown("range() of values that cannot be known", args.at)


def _sorted(ev: Evaluator, args: Arguments) -> Value:
    plain = _plain(ev, args.positional[0]) if args.positional else None
    if plain is not None and not args.keywords:
        try:
            return wrap(sorted(plain[0]), args.at, plain[1])
        except TypeError:
            pass
    items = ev.iterate(args.positional[0]) if args.positional else None
    if items is not None and len(items) <= 1:
        return Sequence("list", items, args.at, False, ev.born)
    return Unknown("sorted() of values that cannot be known", args.at)


def _extreme(function: Callable[[Any], Any]) -> Callable[[Evaluator, Arguments], Value]:
    def call(ev: Evaluator, args: Arguments) -> Value:
        items = ev.iterate(args.positional[0]) if len(args.positional) == 1 else args.positional
        plain = [_plain(ev, i) for i in items] if items else []
        if not plain or args.keywords or any(p is None for p in plain):
            return Unknown("the extreme of values that cannot be known", args.at)
        try:
            return wrap(function([p[0] for p in plain if p]), args.at, next((p[1] for p in plain if p and p[1]), None))
        except TypeError:
            return Unknown("the extreme of values that do not compare", args.at)

    return call


def _enumerate(ev: Evaluator, args: Arguments) -> Value:
    items = ev.iterate(args.positional[0]) if args.positional else None
    start = _plain(ev, args.get(1, "start") or Scalar(0))
    if items is None or start is None or type(start[0]) is not int:
        return Unknown("enumerate() of values that cannot be known", args.at)
    pairs: list[Value] = [Sequence("tuple", [Scalar(n), i], i.at) for n, i in enumerate(items, start[0])]
    return Sequence("list", pairs, args.at, False, ev.born)


def _zip(ev: Evaluator, args: Arguments) -> Value:
    columns = [ev.iterate(a) for a in args.positional]
    if any(c is None for c in columns) or args.open:
        return Unknown("zip() of values that cannot be known", args.at)
    rows: list[Value] = [
        Sequence("tuple", list(row), args.at) for row in zip(*(c for c in columns if c is not None), strict=False)
    ]
    return Sequence("list", rows, args.at, False, ev.born)


def _map(ev: Evaluator, args: Arguments) -> Value:
    items = ev.iterate(args.positional[1]) if len(args.positional) == 2 else None
    if items is None:
        return Unknown("map() of values that cannot be known", args.at)
    results = [ev.call(args.positional[0], Arguments([i], {}, args.at)) for i in items]
    return Sequence("list", results, args.at, False, ev.born)


def _getattr(ev: Evaluator, args: Arguments) -> Value:
    if len(args.positional) < 2 or args.at is None:
        return Unknown("getattr()", args.at)
    name = ev.force(args.positional[1])
    if not isinstance(name, Scalar) or not isinstance(name.value, str):
        return Unknown("getattr() with a name that cannot be known", args.at)
    target = ev.force(args.positional[0])
    has = has_attribute(ev, target, name.value)
    if len(args.positional) > 2:
        if has is False:
            return args.positional[2]
        if has is None:
            held = ev.force(ev.getattr(target, name.value, args.at))
            if isinstance(held, (Unknown, External)):
                default = ev.force(args.positional[2])
                return either([Unknown("an attribute that may be there", args.at), default], "getattr()", args.at)
            return held
    return ev.getattr(target, name.value, args.at)


def has_attribute(ev: Evaluator, target: Value, name: str) -> bool | None:
    """Whether an object has an attribute; None if that is not known."""
    if isinstance(target, ModuleValue):
        if ev.has_attribute(target.module, name):
            return True
        return None if target.module.scope.stars else False
    if isinstance(target, Instance):
        if name in target.attrs or name in target.keywords:
            return True
        found = ev.class_entry(target.cls, name)
        return False if found is None else True if isinstance(found, Entry) else None
    if isinstance(target, ClassValue):
        found = ev.class_entry(target, name)
        return False if found is None else True if isinstance(found, Entry) else None
    if isinstance(target, FunctionValue):
        return name in target.attrs or name in ("__name__", "__module__", "__doc__", "__qualname__", "__call__")
    if isinstance(target, (Mapping, Sequence)):
        return name in (_MAPPING_METHODS if isinstance(target, Mapping) else _SEQUENCE_METHODS)
    if isinstance(target, Scalar):
        return hasattr(target.value, name)
    behaviour = ev.registry.types.get(type(target))
    return behaviour.hasattr(ev, target, name) if behaviour is not None else None


def _hasattr(ev: Evaluator, args: Arguments) -> Value:
    name = ev.force(args.positional[1]) if len(args.positional) > 1 else None
    if isinstance(name, Scalar) and isinstance(name.value, str):
        has = has_attribute(ev, ev.force(args.positional[0]), name.value)
        if has is not None:
            return Scalar(has, args.at)
    return Unknown("hasattr() of a value that cannot be known", args.at)


def _setattr(ev: Evaluator, args: Arguments) -> Value:
    name = ev.force(args.positional[1]) if len(args.positional) == 3 else None
    if isinstance(name, Scalar) and isinstance(name.value, str) and args.at is not None:
        # Under a computed name this copies what is written elsewhere: there is where it is set.
        value = args.positional[2]
        ev.setattr(args.positional[0], name.value, value, ev.force(value).at or args.at)
    return Scalar(None, args.at)


def _callable(ev: Evaluator, args: Arguments) -> Value:
    value = ev.force(args.positional[0]) if args.positional else None
    if isinstance(value, (FunctionValue, ClassValue, Bound, Partial, Native)):
        return Scalar(True, args.at)
    if isinstance(value, (Scalar, Sequence, Mapping, ModuleValue)):
        return Scalar(False, args.at)
    if value is not None and type(value) in ev.registry.types:
        return Scalar(True, args.at)
    return Unknown("callable() of a value that cannot be known", args.at)


def _isinstance(ev: Evaluator, args: Arguments) -> Value:
    if len(args.positional) == 2:
        value, kind = ev.force(args.positional[0]), ev.force(args.positional[1])
        kinds = [ev.force(k) for k in kind.items] if isinstance(kind, Sequence) else [kind]
        results = [_is_a(ev, value, k) for k in kinds]
        if True in results:
            return Scalar(True, args.at)
        if None not in results:
            return Scalar(False, args.at)
    return Unknown("isinstance() of a value that cannot be known", args.at)


_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "builtins.str": (str,), "builtins.int": (int,), "builtins.float": (float,), "builtins.bool": (bool,),
}  # fmt: skip


def _is_a(ev: Evaluator, value: Value, kind: Value) -> bool | None:
    name = kind.dotted if isinstance(kind, External) else ""
    if isinstance(kind, Native):
        name = f"builtins.{kind.name}"
    if isinstance(value, Scalar):
        if name in _PYTHON_TYPES:
            return isinstance(value.value, _PYTHON_TYPES[name])
        return False if name.startswith("builtins.") else None
    if isinstance(value, Sequence):
        return name == f"builtins.{value.kind}" if name.startswith("builtins.") else None
    if isinstance(value, Mapping):
        return name == "builtins.dict" if name.startswith("builtins.") else None
    if isinstance(value, (Instance, ClassValue)) and isinstance(kind, (ClassValue, External, Native)):
        if isinstance(value, ClassValue):
            return True if name == "builtins.type" else None
        return any(b is kind or (isinstance(b, External) and b.dotted == name) for b in ev.mro(value.cls)) or (
            None if any(isinstance(b, Unknown) for b in ev.mro(value.cls)) else False
        )
    if isinstance(value, FunctionValue):
        return False if name in _PYTHON_TYPES or name in ("builtins.dict", "builtins.list", "builtins.type") else None
    return None


def _issubclass(ev: Evaluator, args: Arguments) -> Value:
    if len(args.positional) == 2:
        cls, kind = ev.force(args.positional[0]), ev.force(args.positional[1])
        if isinstance(cls, ClassValue):
            order = ev.mro(cls)
            name = kind.dotted if isinstance(kind, External) else ""
            if any(b is kind or (isinstance(b, External) and b.dotted == name) for b in order):
                return Scalar(True, args.at)
            if isinstance(kind, ClassValue) and not any(isinstance(b, Unknown) for b in order):
                return Scalar(False, args.at)
    return Unknown("issubclass() of values that cannot be known", args.at)


def _type(ev: Evaluator, args: Arguments) -> Value:
    if len(args.positional) == 1:
        value = ev.force(args.positional[0])
        if isinstance(value, Instance):
            return value.cls
    return Unknown("type() of a value that cannot be known", args.at)


def _super(ev: Evaluator, args: Arguments) -> Value:
    frame = ev.frames[-1] if ev.frames else None
    if frame is not None and frame.function.owner_class is not None and frame.function.node.params:
        entry = frame.scope.entries.get(frame.function.node.params[0].name)
        if entry is not None:
            return Super(ev.force(entry.value), frame.function.owner_class, args.at)
    return Unknown("super()", args.at)


def _nothing(ev: Evaluator, args: Arguments) -> Value:
    return Scalar(None, args.at)


def _any(want: bool) -> Callable[[Evaluator, Arguments], Value]:
    def call(ev: Evaluator, args: Arguments) -> Value:
        items = ev.iterate(args.positional[0]) if args.positional else None
        if items is None:
            return Unknown("a condition over values that cannot be known", args.at)
        truths = [ev.truth(i) for i in items]
        if want in truths:
            return Scalar(want, args.at)
        return Unknown("a condition", args.at) if None in truths else Scalar(not want, args.at)

    return call


class Globals(Value):
    """`globals()`: the names of the module that calls it."""

    __slots__ = ("scope",)

    def __init__(self, scope: Scope, at: At | None) -> None:
        super().__init__(at)
        self.scope = scope


def _module_names(ev: Evaluator, args: Arguments) -> Value:
    if args.at is None or args.positional or ev.walk:
        return Unknown("the names of a scope", args.at)
    return Globals(ev.index.module(args.at[0]).scope, args.at)


def _globals_update(ev: Evaluator, names: Globals, args: Arguments) -> Value:
    for positional in args.positional:
        value = ev.force(positional)
        if isinstance(value, Mapping):
            names.scope.entries.update({k: e for k, e in value.items.items() if isinstance(k, str)})
            if value.open:
                names.scope.stars.append("?")
        elif not (isinstance(value, External) and value.dotted == "os.environ"):
            names.scope.stars.append("?")
    names.scope.entries.update(args.keywords)
    return Scalar(None, args.at)


def _sum(ev: Evaluator, args: Arguments) -> Value:
    items = ev.iterate(args.positional[0]) if args.positional else None
    total: Value = args.get(1, "start") or Scalar(0, args.at)
    if items is None or args.at is None:
        return Unknown("sum() of values that cannot be known", args.at)
    for item in items:
        total = ev.binop("+", total, item, args.at)
    return total


def _abs(value: Any) -> Any:
    return abs(value)


BUILTINS: dict[str, Value] = {
    name: Native(name, call)
    for name, call in {
        "int": _number(int, "int"), "float": _number(float, "float"), "abs": _number(_abs, "abs"),
        "round": _number(round, "round"), "str": _str, "bool": _bool, "list": _collection("list"),
        "tuple": _collection("tuple"), "set": _collection("set"), "frozenset": _collection("frozenset"),
        "dict": _dict, "len": _len, "range": _range,
        "sorted": _sorted, "min": _extreme(min), "max": _extreme(max), "enumerate": _enumerate, "zip": _zip,
        "map": _map, "getattr": _getattr, "hasattr": _hasattr, "setattr": _setattr, "callable": _callable,
        "isinstance": _isinstance, "issubclass": _issubclass, "type": _type, "super": _super, "print": _nothing,
        "any": _any(True), "all": _any(False), "globals": _module_names, "locals": _module_names,
        "vars": _module_names, "sum": _sum,
    }.items()
}  # fmt: skip
"""Builtin functions and types that can be computed. As base classes and in `isinstance` they count as `builtins.<name>`."""

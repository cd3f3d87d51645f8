"""The standard library, as far as task modules and settings lean on it: functools, datetime, copy, os.path, math."""

from __future__ import annotations

import datetime

from celerylint.model.evaluate import Evaluator
from celerylint.model.objects import public_names
from celerylint.model.values import (
    Arguments,
    At,
    ClassValue,
    Entry,
    External,
    FunctionValue,
    Instance,
    Made,
    Mapping,
    Native,
    Partial,
    Scalar,
    Sequence,
    Unknown,
    Value,
)


def _partial(ev: Evaluator, args: Arguments) -> Value:
    if not args.positional or args.open:
        return Unknown("a partial of something that cannot be known", args.at)
    return Partial(args.positional[0], args.positional[1:], args.keywords, args.at)


def _wraps(ev: Evaluator, args: Arguments) -> Value:
    if not args.positional:
        return Unknown("wraps() of nothing", args.at)
    wrapped = args.positional[0]
    return Native("functools.wraps", lambda e, a: _update(e, a.positional[0], wrapped) if a.positional else wrapped)


def _update_wrapper(ev: Evaluator, args: Arguments) -> Value:
    if len(args.positional) < 2:
        return Unknown("update_wrapper() of nothing", args.at)
    wrapper, updated = ev.force(args.positional[0]), _update(ev, args.positional[0], args.positional[1])
    if isinstance(wrapper, FunctionValue) and isinstance(updated, FunctionValue) and not ev.walk:
        # Whoever holds the wrapper sees it renamed.
        if updated.wraps is not None and wrapper.innermost is not updated.innermost:
            wrapper.wraps, wrapper.attrs = updated.wraps, updated.attrs
        return wrapper
    return updated


def _update(ev: Evaluator, wrapper: Value, wrapped: Value) -> Value:
    wrapper, wrapped = ev.force(wrapper), ev.force(wrapped)
    if isinstance(wrapper, FunctionValue) and isinstance(wrapped, FunctionValue):
        copy = wrapper.copy()
        copy.wraps = wrapped
        copy.attrs = {**wrapped.attrs, **copy.attrs}
        return copy
    return wrapper


def _keep(ev: Evaluator, args: Arguments) -> Value:
    """A decorator that leaves the function what it is; called with options it returns such a decorator."""
    first = ev.force(args.positional[0]) if len(args.positional) == 1 else None
    if isinstance(first, FunctionValue) or (first is not None and type(first) in ev.registry.types):
        return first
    return Native("a decorator", lambda e, a: a.positional[0] if a.positional else Unknown("nothing", a.at), args.at)


_UNITS = ("days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks")


def _timedelta(ev: Evaluator, args: Arguments) -> Value:
    given: dict[str, float] = {}
    env: str | None = None
    pairs = [*zip(_UNITS, args.positional, strict=False), *((k, e.value) for k, e in args.keywords.items())]
    for name, value in pairs:
        held = ev.force(value)
        if not isinstance(held, Scalar) or not isinstance(held.value, (int, float)) or name not in _UNITS:
            return Unknown("a timedelta of values that cannot be known", args.at)
        given[name] = held.value
        env = env or held.env
    if args.open:
        return Unknown("a timedelta of values that cannot be known", args.at)
    try:
        return Scalar(datetime.timedelta(**given), args.at, env)
    except (OverflowError, ValueError):
        return Unknown("a timedelta that is out of range", args.at)


def _copy(ev: Evaluator, args: Arguments) -> Value:
    value = ev.force(args.positional[0]) if args.positional else Unknown("nothing", args.at)
    return _duplicate(ev, value, 0)


def _duplicate(ev: Evaluator, value: Value, depth: int) -> Value:
    value = ev.force(value)
    if depth > 6:
        return value
    if isinstance(value, Mapping):
        items = {k: Entry(_duplicate(ev, e.value, depth + 1), e.at) for k, e in value.items.items()}
        return Mapping(items, value.at, value.open, ev.born)
    if isinstance(value, Sequence):
        return Sequence(value.kind, [_duplicate(ev, i, depth + 1) for i in value.items], value.at, value.open, ev.born)
    return value


def _path(ev: Evaluator, args: Arguments) -> Value:
    return Made("pathlib.Path", args.positional, args.keywords, args.at, ev.born)


def _join(ev: Evaluator, args: Arguments) -> Value:
    parts = [ev.force(p) for p in args.positional]
    if parts and all(isinstance(p, Scalar) and isinstance(p.value, str) for p in parts):
        return Scalar("/".join(str(p.value).rstrip("/") for p in parts if isinstance(p, Scalar)), args.at)
    return Made("os.path.join", args.positional, args.keywords, args.at, ev.born)


def _chain(ev: Evaluator, args: Arguments) -> Value:
    out = Sequence("list", [], args.at, args.open, ev.born)
    for part in args.positional:
        items = ev.iterate(ev.force(part))
        if items is None:
            out.open = True
        else:
            out.items.extend(items)
    return out


def _namespace(ev: Evaluator, args: Arguments) -> Value:
    made = Made("types.SimpleNamespace", [], args.keywords, args.at, ev.born)
    made.attrs.update(args.keywords)
    return made


def _import_module(ev: Evaluator, args: Arguments) -> Value:
    name = ev.force(args.positional[0]) if args.positional else None
    if isinstance(name, Scalar) and isinstance(name.value, str) and args.at and not name.value.startswith("."):
        return ev.module_value(name.value, ev.index.module(args.at[0]), args.at)
    return Unknown("a module whose name cannot be known", args.at)


def _ordered(ev: Evaluator, args: Arguments) -> Value:
    from celerylint.model.builtins import BUILTINS

    return ev.call(BUILTINS["dict"], args)


def _defaultdict(ev: Evaluator, args: Arguments) -> Value:
    from celerylint.model.builtins import BUILTINS

    return ev.call(BUILTINS["dict"], Arguments(args.positional[1:], args.keywords, args.at, args.open))


def _cast(ev: Evaluator, args: Arguments) -> Value:
    return args.positional[1] if len(args.positional) == 2 else Unknown("cast() of nothing", args.at)


def _modules(ev: Evaluator, name: str, at: At) -> Value | None:
    """`sys.modules["pkg.mod"]`."""
    if name.startswith("[") and not name.endswith("="):
        return ev.module_value(name[1:-1], ev.index.module(at[0]), at)
    return None


def _getmembers(ev: Evaluator, args: Arguments) -> Value:
    """`inspect.getmembers(object)`, without a predicate."""
    value = ev.force(args.positional[0]) if args.positional else None
    names = public_names(ev, value) if isinstance(value, (Instance, ClassValue)) else None
    if names is None or value is None or args.at is None:
        return Unknown("the members of an object that cannot be known", args.at)
    pairs: list[Value] = []
    for name in sorted(names):
        held = ev.getattr(value, name, names[name].at or args.at)
        pairs.append(Sequence("tuple", [Scalar(name), held], names[name].at))
    return Sequence("list", pairs, args.at)


def _file_path(ev: Evaluator, value: Value) -> str | None:
    """The path below the project root that an expression on `__file__` stands for."""
    value = ev.force(value)
    if isinstance(value, External) and value.dotted == "builtins.__file__" and value.at is not None:
        return value.at[0]
    if isinstance(value, Made) and value.maker in _PATH_STEPS and value.args:
        inner = _file_path(ev, value.args[0])
        if inner is None:
            return None
        return inner.rpartition("/")[0] if value.maker == "os.path.dirname" else inner
    return None


_PATH_STEPS = frozenset({"os.path.dirname", "os.path.abspath", "os.path.realpath", "os.path.normpath"})


def _basename(ev: Evaluator, args: Arguments) -> Value:
    path = _file_path(ev, args.positional[0]) if args.positional else None
    if path:
        return Scalar(path.rpartition("/")[2], args.at)
    return Unknown("a file name", args.at)


CANONICAL = {"datetime.datetime.timedelta": "datetime.timedelta", "typing_extensions.cast": "typing.cast"}

_DECORATORS = (
    "functools.lru_cache", "functools.cache", "typing.no_type_check", "typing.final", "typing.override",
    "typing_extensions.override", "warnings.deprecated", "contextlib.suppress_decorator",
)  # fmt: skip

CALLS = {
    "functools.partial": _partial,
    "functools.partialmethod": _partial,
    "functools.wraps": _wraps,
    "functools.update_wrapper": _update_wrapper,
    "datetime.timedelta": _timedelta,
    "copy.copy": _copy,
    "copy.deepcopy": _copy,
    "os.path.join": _join,
    "os.path.basename": _basename,
    "inspect.getmembers": _getmembers,
    "pathlib.Path": _path,
    "itertools.chain": _chain,
    "types.SimpleNamespace": _namespace,
    "importlib.import_module": _import_module,
    "collections.OrderedDict": _ordered,
    "collections.defaultdict": _defaultdict,
    "types.MappingProxyType": _ordered,
    "typing.cast": _cast,
    **dict.fromkeys(_DECORATORS, _keep),
}


def _constant(value: float) -> object:
    return lambda ev, at: Scalar(value, at)


NAMES = {"sys.modules": _modules}
CONSTANTS = {"math.inf": _constant(float("inf"))}

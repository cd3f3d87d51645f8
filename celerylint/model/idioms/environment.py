"""Values from the environment: the default is the best static value, and is marked as one the environment may replace.

os.environ and os.getenv, django-environ and environs (`env("X", default=...)`, `env.int(...)`), python-decouple
(`config("X", default=..., cast=...)`), starlette's Config.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable

from celerylint.model.evaluate import Evaluator
from celerylint.model.values import (
    Arguments,
    At,
    External,
    Made,
    Native,
    Scalar,
    Sequence,
    Unknown,
    Value,
)

CANONICAL = {
    "os.environ.getenv": "os.getenv",
    "environs.Env": "environ.Env",
    "environs.env": "environs.env",
    "environ.FileAwareEnv": "environ.Env",
}

_TRUE = frozenset({"true", "on", "ok", "y", "yes", "1", "t"})


def _name(ev: Evaluator, args: Arguments) -> str | None:
    first = args.get(0, "key") or args.get(0, "var") or args.get(0, "option")
    value = ev.force(first) if first is not None else None
    return value.value if isinstance(value, Scalar) and isinstance(value.value, str) else None


def variable(name: str | None, at: At | None) -> Unknown:
    """A variable that has no default."""
    return Unknown(f"the environment variable {name}" if name else "an environment variable", at)


def marked(ev: Evaluator, value: Value, name: str | None) -> Value:
    """A default, marked as one that the environment may replace."""
    value = ev.force(value)
    if isinstance(value, Scalar):
        return Scalar(value.value, value.at, name or "?")
    return value


def _getenv(ev: Evaluator, args: Arguments) -> Value:
    name = _name(ev, args)
    if name == "DJANGO_SETTINGS_MODULE" and args.at is not None:
        known = ev.celery.django_module.get(args.at[0]) or ev.celery.django_fallback
        if known:
            return Scalar(known, args.at, name)
    default = args.get(1, "default")
    if default is None:
        return Scalar(None, args.at, name or "?")
    return marked(ev, default, name)


def _setdefault(ev: Evaluator, args: Arguments) -> Value:
    name = _name(ev, args)
    value = ev.force(args.positional[1]) if len(args.positional) > 1 else None
    return _remember(ev, name, value, args)


def _setitem(ev: Evaluator, args: Arguments) -> Value:
    return _setdefault(ev, args)


def _remember(ev: Evaluator, name: str | None, value: Value | None, args: Arguments) -> Value:
    if isinstance(value, Scalar) and isinstance(value.value, str) and name and args.at and not ev.walk:
        if name == "DJANGO_SETTINGS_MODULE":
            ev.celery.django_module.setdefault(args.at[0], value.value)
            ev.celery.settings_modules.clear()
        else:
            ev.celery.django_module.setdefault(f"env:{name}", value.value)
        return Scalar(value.value, value.at, name)
    return variable(name, args.at)


def _environ(ev: Evaluator, name: str, at: At) -> Value | None:
    if name.startswith("[") and not name.endswith("="):
        return variable(name[1:-1], at)
    return None


# --- django-environ, environs -----------------------------------------------------------------------------------------

_CASTS: dict[str, str] = {
    "int": "int", "float": "float", "bool": "bool", "str": "str", "list": "list", "json": "?", "dict": "?",
    "tuple": "tuple", "url": "str", "db": "?", "cache": "?", "timedelta": "timedelta", "unicode": "str",
}  # fmt: skip


def _scheme(ev: Evaluator, made: Made, name: str | None) -> tuple[str | None, Value | None]:
    entry = made.keywords.get(name or "")
    if entry is None:
        return None, None
    pair = ev.force(entry.value)
    if isinstance(pair, Sequence) and len(pair.items) == 2:
        return _kind(ev, pair.items[0]), pair.items[1]
    return _kind(ev, pair), None


def _kind(ev: Evaluator, value: Value | None) -> str | None:
    held = ev.force(value) if value is not None else None
    if isinstance(held, Native):
        return held.name
    if isinstance(held, External):
        return held.dotted.rpartition(".")[2]
    return "?" if held is not None and not (isinstance(held, Scalar) and held.value is None) else None


def cast(value: Value, kind: str | None, at: At | None) -> Value:
    """A default turned into the kind that was asked for."""
    if kind is None or not isinstance(value, Scalar) or value.value is None:
        return value
    text = value.value
    try:
        if kind == "int":
            return Scalar(int(text), value.at, value.env)  # type: ignore[arg-type]
        if kind == "float":
            return Scalar(float(text), value.at, value.env)  # type: ignore[arg-type]
        if kind == "bool":
            if isinstance(text, str):
                return Scalar(text.strip().lower() in _TRUE, value.at, value.env)
            return Scalar(bool(text), value.at, value.env)
        if kind == "str":
            return Scalar(str(text), value.at, value.env)
        if kind == "timedelta" and isinstance(text, (int, float)):
            return Scalar(datetime.timedelta(seconds=text), value.at, value.env)
        if kind in ("list", "tuple") and isinstance(text, str):
            parts: list[Value] = [Scalar(p, value.at, value.env) for p in text.split(",") if p]
            return Sequence(kind, parts, value.at)
    except (TypeError, ValueError):
        pass
    return value if kind in ("timedelta",) else Unknown("a setting that is cast", at)


def _read(ev: Evaluator, made: Made, kind: str | None, args: Arguments) -> Value:
    name = _name(ev, args)
    scheme_kind, scheme_default = _scheme(ev, made, name)
    wanted = kind or _kind(ev, args.get(1, "cast")) or scheme_kind
    default_position = 1 if kind is not None or made.maker == "environs.env" else 2
    default = args.get(default_position, "default") or scheme_default
    if default is None:
        return variable(name, args.at)
    value = marked(ev, default, name)
    return cast(value, wanted, args.at) if isinstance(value, Scalar) and isinstance(value.value, str) else value


def _env_call(ev: Evaluator, made: Made, args: Arguments) -> Value:
    return _read(ev, made, None, args)


def _env_attribute(ev: Evaluator, made: Made, name: str, at: At) -> Value | None:
    if name in _CASTS:
        kind = _CASTS[name]
        return Native(f"env.{name}", lambda e, a: _read(e, made, kind, a), at)
    if name in ("get_value", "read_env", "read_envfile", "prefixed"):
        if name == "get_value":
            return Native("env.get_value", lambda e, a: _read(e, made, None, a), at)
        return Native(f"env.{name}", lambda e, a: Scalar(None, a.at), at)
    return None


def _environs_env(ev: Evaluator, at: At) -> Value:
    return Made("environ.Env", [], {}, at)


# --- python-decouple, starlette ---------------------------------------------------------------------------------------


def _decouple(ev: Evaluator, args: Arguments) -> Value:
    name = _name(ev, args)
    default = args.keywords.get("default")
    if default is None and len(args.positional) < 2:
        return variable(name, args.at)
    value = marked(ev, default.value if default else args.positional[1], name)
    kind_entry = args.keywords.get("cast")
    kind_value = kind_entry.value if kind_entry else (args.positional[2] if len(args.positional) > 2 else None)
    held = ev.force(kind_value) if kind_value is not None else None
    if isinstance(held, Made) and held.maker == "decouple.Csv":
        return cast(value, "list", args.at)
    kind = _kind(ev, kind_value)
    if kind == "?" and kind_value is not None and isinstance(value, Scalar):
        return ev.force(ev.call(kind_value, Arguments([value], {}, args.at)))
    return cast(value, kind, args.at) if isinstance(value, Scalar) else value


def _starlette(ev: Evaluator, made: Made, args: Arguments) -> Value:
    return _decouple(ev, args)


def _getter(kind: str) -> Callable[[Evaluator, Arguments], Value]:
    def call(ev: Evaluator, args: Arguments) -> Value:
        value = args.get(0, "val")
        held = ev.force(value) if value is not None else Unknown("nothing", args.at)
        return cast(held, kind, args.at) if isinstance(held, Scalar) else Unknown("a cast value", args.at)

    return call


CALLS = {
    "os.getenv": _getenv,
    "os.environ.get": _getenv,
    "os.environ.setdefault": _setdefault,
    "os.environ.__setitem__": _setitem,
    "decouple.config": _decouple,
    "decouple.AutoConfig.__call__": _decouple,
    "distutils.util.strtobool": _getter("bool"),
}
NAMES = {"os.environ": _environ}
CONSTANTS = {"environs.env": _environs_env}
MADE_CALLS = {
    "environ.Env": _env_call,
    "decouple.Config": _starlette,
    "decouple.AutoConfig": _starlette,
    "starlette.config.Config": _starlette,
}
MADE_ATTRIBUTES = {"environ.Env": _env_attribute}

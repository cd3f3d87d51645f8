"""Flask: `app.config` is a dict that code fills, and that a Celery factory copies from."""

from __future__ import annotations

from celerylint.model import builtins as py
from celerylint.model.evaluate import Evaluator
from celerylint.model.objects import named_object, public_names
from celerylint.model.registry import Behaviour
from celerylint.model.values import Arguments, At, Entry, Made, Mapping, Native, Scalar, Unknown, Value


class FlaskConfig(Mapping):
    """`app.config`: a dict with loaders. Flask's own defaults are left out: none of them means anything to Celery."""

    __slots__ = ()


def _flask(ev: Evaluator, args: Arguments) -> Value:
    made = Made("flask.Flask", args.positional, args.keywords, args.at, ev.born)
    made.attrs["config"] = Entry(FlaskConfig({}, args.at, False, ev.born), args.at)
    name = args.get(0, "import_name")
    if name is not None:
        made.attrs["import_name"] = Entry(name, args.at)
        made.attrs["name"] = Entry(name, args.at)
    return made


def _from_object(ev: Evaluator, config: FlaskConfig, args: Arguments) -> Value:
    source = ev.force(args.positional[0]) if args.positional else Unknown("nothing", args.at)
    if isinstance(source, Scalar) and isinstance(source.value, str) and args.at is not None:
        source = named_object(ev, source.value, args.at)
    entries = public_names(ev, source)
    if entries is None:
        config.open = True
    elif ev.changeable(config.born):
        config.items.update({n: e for n, e in entries.items() if n.isupper()})
    return Scalar(None, args.at)


def _from_mapping(ev: Evaluator, config: FlaskConfig, args: Arguments) -> Value:
    for positional in args.positional:
        py.update(ev, config, positional, args.at)
    py.update(ev, config, Mapping(dict(args.keywords), args.at, args.open), args.at)
    return Scalar(True, args.at)


def _unknown_source(ev: Evaluator, config: FlaskConfig, args: Arguments) -> Value:
    config.open = True
    return Scalar(True, args.at)


def _nothing_more(ev: Evaluator, config: FlaskConfig, args: Arguments) -> Value:
    """The environment only replaces what is there."""
    return Scalar(True, args.at)


_LOADERS = {
    "from_object": _from_object,
    "from_mapping": _from_mapping,
    "from_pyfile": _unknown_source,
    "from_envvar": _unknown_source,
    "from_file": _unknown_source,
    "from_prefixed_env": _nothing_more,
}


class _ConfigBehaviour(Behaviour):
    def getattr(self, ev: Evaluator, value: FlaskConfig, name: str, at: At) -> Value | None:
        loader = _LOADERS.get(name)
        return Native(f"config.{name}", lambda e, a: loader(e, value, a), at) if loader else None


CANONICAL = {"quart.Quart": "flask.Flask"}
CALLS = {"flask.Flask": _flask}
TYPES: dict[type[Value], Behaviour] = {FlaskConfig: _ConfigBehaviour()}

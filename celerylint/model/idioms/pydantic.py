"""Settings classes: a field's default is the best static value, and the environment may replace it."""

from __future__ import annotations

from celerylint.model.evaluate import Evaluator
from celerylint.model.values import Arguments, Instance, Scalar, Unknown, Value


def _from_environment(ev: Evaluator, subject: Instance, name: str, value: Value) -> Value:
    held = ev.force(value)
    return Scalar(held.value, held.at, name.upper()) if isinstance(held, Scalar) else held


def _field(ev: Evaluator, args: Arguments) -> Value:
    default = args.get(0, "default")
    if default is not None:
        held = ev.force(default)
        if not (isinstance(held, Unknown) and held.why.startswith("Ellipsis")):
            return held
    factory = args.keywords.get("default_factory")
    if factory is not None:
        return ev.call(factory.value, Arguments([], {}, args.at))
    return Unknown("a required field", args.at)


CANONICAL = {"pydantic.fields.Field": "pydantic.Field", "dataclasses.field": "pydantic.Field"}
CALLS = {"pydantic.Field": _field}
INSTANCE_ATTRIBUTES = {
    "pydantic.BaseSettings": _from_environment,
    "pydantic_settings.BaseSettings": _from_environment,
    "pydantic_settings.main.BaseSettings": _from_environment,
    "pydantic.v1.BaseSettings": _from_environment,
}

"""Signatures and the canvas: `chain`, `group`, `chord`, `|`."""

from __future__ import annotations

from celerylint.model.celery_values import Signature, SignatureMember
from celerylint.model.evaluate import Evaluator
from celerylint.model.idioms.celery_tasks import record
from celerylint.model.registry import Behaviour, CallHandler
from celerylint.model.values import Arguments, At, Made, Scalar, Value

CANONICAL = {
    f"{module}.{name}": f"celery.canvas.{name}"
    for module in ("celery", "celery.canvas", "celery.app.canvas")
    for name in ("chain", "group", "chord", "signature", "subtask", "chunks", "xmap", "xstarmap", "maybe_signature")
}

_METHODS = frozenset(
    {"delay", "apply_async", "apply", "clone", "set", "on_error", "link", "link_error", "then", "freeze", "replace"}
)


def signature(ev: Evaluator, args: Arguments) -> Value:
    """`signature("name", ...)`."""
    name = args.get(0, "varies") or args.get(0, "task")
    value = ev.force(name) if name is not None else None
    if isinstance(value, Signature):
        return value
    if isinstance(value, Scalar):
        record(ev, None, value, "signature", args)
    return Signature("signature", None, value, args, args.at)


def _canvas(kind: str) -> CallHandler:
    def call(ev: Evaluator, args: Arguments) -> Value:
        parts: list[Value] = []
        for positional in args.positional:
            items = ev.iterate(ev.force(positional)) if len(args.positional) == 1 else None
            parts.extend(items if items is not None else [positional])
        return Signature(kind, None, None, args, args.at, parts)

    return call


class _SignatureBehaviour(Behaviour):
    def getattr(self, ev: Evaluator, value: Signature, name: str, at: At) -> Value | None:
        return SignatureMember(value, name, at)

    def hasattr(self, ev: Evaluator, value: Signature, name: str) -> bool | None:
        return True if name in _METHODS else None

    def setattr(self, ev: Evaluator, value: Signature, name: str, new: Value, at: At) -> bool:
        return True

    def call(self, ev: Evaluator, value: Signature, args: Arguments) -> Value | None:
        if value.kind in ("chain", "group", "chord"):
            record(ev, None, None, f"{value.kind}()", args)
            return Made("celery.result.AsyncResult", [], {}, args.at, ev.born)
        return Made("celery.Signature()", [], {}, args.at, ev.born)

    def binop(self, ev: Evaluator, op: str, left: Value, right: Value, at: At) -> Value | None:
        if op != "|":
            return None
        return Signature("chain", None, None, Arguments([left, right], {}, at), at, [left, right])


class _SignatureMemberBehaviour(Behaviour):
    def call(self, ev: Evaluator, value: SignatureMember, args: Arguments) -> Value | None:
        if value.name == "set":
            value.signature.options.update(args.keywords)
            return value.signature
        if value.name in ("clone", "on_error", "link", "link_error"):
            return value.signature
        if value.name in ("delay", "apply_async", "apply"):
            task = value.signature.task
            record(ev, task, value.signature.task_name, f"{value.signature.kind}().{value.name}", args)
            return Made("celery.result.AsyncResult", [], {}, args.at, ev.born)
        return Made(f"celery.Signature().{value.name}", args.positional, args.keywords, args.at, ev.born)


CALLS: dict[str, CallHandler] = {
    "celery.canvas.signature": signature,
    "celery.canvas.subtask": signature,
    "celery.canvas.maybe_signature": signature,
    "celery.canvas.chain": _canvas("chain"),
    "celery.canvas.group": _canvas("group"),
    "celery.canvas.chord": _canvas("chord"),
}

TYPES: dict[type[Value], Behaviour] = {
    Signature: _SignatureBehaviour(),
    SignatureMember: _SignatureMemberBehaviour(),
}

"""CLY508."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.finding import Finding, Severity, Span
from celerylint.model.project import Project
from celerylint.model.values import FunctionValue, Scope
from celerylint.rules.base import Rule
from celerylint.rules.dispatch.canvas import celery_name, unwrapped
from celerylint.rules.written import flat, modules

_MAKERS = frozenset({"s", "si", "signature", "subtask"})
_CANVAS = frozenset({"chain", "group", "chord"})


class UnsentSignature(Rule):
    """This builds a signature and drops it: nothing is sent.

    `ship.s(order_id)`, `chain(...)`, `group(...)` and `a.s() | b.s()` only describe work. Nothing happens until the
    signature is called or sent with `delay` or `apply_async`. As a statement of its own it is thrown away, without an
    error and without a message.

    ## What to do

    Send it: `chain(...).delay()`, `group(...)()`, or `ship.delay(order_id)` for a single task. Delete it if it was only
    tried out.

    [Signatures](https://docs.celeryq.dev/en/stable/userguide/canvas.html#signatures)
    """

    code = "CLY508"
    name = "unsent-signature"
    summary = "A signature is built as a statement and never sent."
    severity = Severity.ERROR
    bad = """\
from celery import chain, shared_task


@shared_task
def pack(order_id): ...


@shared_task
def ship(parcel): ...


def checkout(order):
    chain(pack.s(order.pk), ship.s())
"""
    good = """\
from celery import chain, shared_task


@shared_task
def pack(order_id): ...


@shared_task
def ship(parcel): ...


def checkout(order):
    chain(pack.s(order.pk), ship.s()).delay()
"""

    def check_project(self, project: Project) -> Iterable[Finding]:
        signatures = {
            (dispatch.at[0], dispatch.at[1].span): dispatch.task_name
            for dispatch in project.dispatches
            if dispatch.method in _MAKERS and dispatch.task is not None
        }
        for path, functions in project.functions.items():
            for function in functions:
                if _builds(function):
                    yield from self._dropped(nodes(function.node), path, function.scope, signatures)
        for path, module in modules(project).items():
            body = module.facts.body if module.facts is not None else []
            yield from self._dropped(flat(body), path, module.scope, signatures)

    def _dropped(
        self, below: Iterable[ir.Node], path: str, scope: Scope, signatures: Mapping[tuple[str, Span], str | None]
    ) -> Iterator[Finding]:
        for node in below:
            if not isinstance(node, ir.ExprStmt) or not isinstance(node.value, (ir.Call, ir.BinOp)):
                continue
            call = _last(node.value)
            name = signatures.get((path, call.span)) if call is not None else None
            made = f"a signature of `{name}`" if name else ""
            if call is not None and not made and celery_name(call.func, scope) in _CANVAS:
                made = f"a {celery_name(call.func, scope)}" if _holds_signatures(call) else ""
            if made and isinstance(node.value, ir.BinOp):
                made = "a chain"
            if made and not _is_helper(call, name):
                yield self.finding(
                    (path, node),
                    f"this builds {made} and drops it: nothing is sent",
                    "send it with .delay() or .apply_async(), or delete it",
                    symbol=name or "",
                )


def _builds(function: FunctionValue) -> bool:
    node = function.node
    return isinstance(node, ir.Function) and not (_MAKERS | _CANVAS).isdisjoint(node.uses)


def _last(node: ir.Expr) -> ir.Call | None:
    """The call that makes the signature, or the last step of `a.s() | b.s()`."""
    if isinstance(node, ir.BinOp):
        return unwrapped(node.right) if node.op == "|" else None
    return unwrapped(node)


def _is_helper(call: ir.Call | None, name: str | None) -> bool:
    """Whether the signature is made somewhere in a function that is called here, which may send it as well."""
    return name is not None and not (call is not None and isinstance(call.func, ir.Attr) and call.func.attr in _MAKERS)


def _holds_signatures(call: ir.Call) -> bool:
    """Whether a canvas has something in it that looks like a signature; other packages have chains and groups too."""
    return any(
        isinstance(node, ir.Call) and isinstance(node.func, ir.Attr) and node.func.attr in _MAKERS
        for node in nodes(call)
    )

"""Where signatures stand in a canvas, as written."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.finding import Span
from celerylint.model.modules import Module
from celerylint.model.project import Dispatch, Project
from celerylint.model.values import External, FunctionValue, Scope
from celerylint.rules.body import Body

_KEEPS = frozenset({"set", "on_error"})
"""Methods of a signature that return it with the same arguments."""

_SIGNATURES = frozenset({"s", "si", "signature", "subtask"})
_DEPTH = 20


def fed(project: Project) -> dict[tuple[str, Span], str]:
    """Signatures that get a result as first argument: where each is written, and the words for what hands it over."""
    found: dict[tuple[str, Span], str] = {}
    seen: set[int] = set()
    for dispatch in project.dispatches:
        if dispatch.method not in ("s", "signature", "subtask") or dispatch.function is None:
            continue
        root = dispatch.function.node
        if id(root) not in seen:
            seen.add(id(root))
            named = _bound_once(root) if isinstance(root, ir.Function) else {}
            for node in nodes(root):
                for step, words in _fed_by(node, dispatch.function.scope):
                    for part in _first(step, dispatch.function.scope, named):
                        found[(dispatch.at[0], part.span)] = words
    return found


def _fed_by(node: ir.Node, scope: Scope) -> Iterator[tuple[ir.Expr, str]]:
    """The steps that a node of a canvas hands something to."""
    if isinstance(node, ir.BinOp) and node.op == "|":
        yield node.right, "the result of the step before it"
    elif isinstance(node, ir.Call):
        name = celery_name(node.func, scope)
        steps = node.args
        if name == "chain":
            if len(steps) == 1 and isinstance(steps[0], ir.Seq):
                steps = steps[0].items
            yield from ((step, "the result of the step before it") for step in _behind_the_first(steps))
        body = steps[1:2] if name == "chord" else []
        called = isinstance(node.func, ir.Call) and celery_name(node.func.func, scope) == "chord"
        if called:
            body = steps[:1]
        if called or name == "chord":
            body += [keyword.value for keyword in node.keywords if keyword.name == "body"]
        yield from ((step, "the list of results of the chord's header") for step in body)
        linked = steps[:1] if isinstance(node.func, ir.Attr) and name == "link" else []
        for keyword in node.keywords:
            if keyword.name == "link" and name in ("apply_async", "set", "send_task"):
                linked += keyword.value.items if isinstance(keyword.value, ir.Seq) else [keyword.value]
        yield from ((step, "the result of the task that it is linked to") for step in linked)


def _behind_the_first(steps: list[ir.Expr]) -> list[ir.Expr]:
    starred = any(isinstance(step, ir.Starred) for step in steps)
    return [] if starred else steps[1:]


def _first(step: ir.Expr, scope: Scope, named: dict[str, ir.Expr], depth: int = 0) -> Iterator[ir.Call]:
    """The signatures that get what is handed to a step: itself, the first of a chain, each of a group or a header."""
    if depth > _DEPTH:
        # A name may be bound to what is made of itself: `work = work | total.s()`.
        return
    step = _named(step, named)
    if isinstance(step, ir.BinOp) and step.op == "|":
        yield from _first(step.left, scope, named, depth + 1)
        return
    call = unwrapped(step)
    name = celery_name(call.func, scope) if call is not None else ""
    if call is None:
        return
    if name not in ("chain", "group", "chord"):
        yield call
        return
    inside = call.args[:1] if name == "chord" else call.args
    members = inside[0].items if len(inside) == 1 and isinstance(inside[0], ir.Seq) else inside
    for member in members[:1] if name == "chain" else members:
        inner = member.value if isinstance(member, ir.Comp) else member
        yield from _first(inner, scope, named, depth + 1)


def unwrapped(node: ir.Expr) -> ir.Call | None:
    """The call that makes a signature, without `.set(...)` behind it; None where that changes what it takes."""
    while isinstance(node, ir.Call) and isinstance(node.func, ir.Attr) and node.func.attr in _KEEPS:
        if any(keyword.name in (None, "immutable", "args", "kwargs") for keyword in node.keywords):
            return None
        node = node.func.value
    return node if isinstance(node, ir.Call) else None


def celery_name(node: ir.Expr, scope: Scope) -> str:
    """The last part of what a dotted name stands for, such as `chain`; empty where it is not Celery's."""
    value = Body("", [], scope).meaning(node)
    if isinstance(value, External):
        return value.dotted.rpartition(".")[2] if value.dotted.startswith("celery.") else ""
    # Bound in the function itself, most likely by an import there.
    return last_name(node) if value is None else ""


def last_name(node: ir.Expr) -> str:
    """The last part of a dotted name."""
    return node.attr if isinstance(node, ir.Attr) else node.id if isinstance(node, ir.Name) else ""


def handed_on(dispatch: Dispatch, results: dict[tuple[str, Span], str]) -> str:
    """What a signature gets as its first argument beside what is written; empty where nothing is known of it."""
    return results.get((dispatch.at[0], dispatch.at[1].span), "")


# --- chords -----------------------------------------------------------------------------------------------------------


class Chord(Struct, frozen=True):
    """A chord as written, also where it is a group with a task behind it."""

    node: ir.Expr
    header: ir.Expr | None
    """The tasks that run first: a group, or what `chord` was given; None if that is not seen."""
    words: str


def canvas_names(module: Module) -> frozenset[str]:
    """The names that a module may use for what makes chords."""
    bound = {
        name
        for name, entry in module.scope.entries.items()
        if isinstance(entry.value, External) and entry.value.dotted in ("celery.canvas.chord", "celery.canvas.group")
    }
    return frozenset({"chord", "group", *bound})


def chords(function: FunctionValue, makers: frozenset[str]) -> Iterator[Chord]:
    """The chords that a function makes; `makers` are the names to look for."""
    node = function.node
    if not isinstance(node, ir.Function) or makers.isdisjoint(node.uses):
        return
    named = _bound_once(node)
    for inner in nodes(node):
        if isinstance(inner, ir.Call) and celery_name(inner.func, function.scope) == "chord":
            given = next((k.value for k in inner.keywords if k.name == "header"), None)
            given = inner.args[0] if inner.args else given
            yield Chord(inner, _named(given, named) if given is not None else None, "a chord")
        elif isinstance(inner, ir.BinOp) and inner.op == "|":
            left = _named(inner.left, named)
            last = left.right if isinstance(left, ir.BinOp) and left.op == "|" else left
            if (header := _group(last, function.scope, named)) is not None:
                yield Chord(inner, header, "a group with a task behind it, a chord")
        elif isinstance(inner, ir.Call) and celery_name(inner.func, function.scope) == "chain":
            steps = inner.args[0].items if len(inner.args) == 1 and isinstance(inner.args[0], ir.Seq) else inner.args
            for step in steps[:-1]:
                if (header := _group(step, function.scope, named)) is not None:
                    yield Chord(inner, header, "a chain in which a task follows a group, a chord")
                    break


def _group(step: ir.Expr, scope: Scope, named: dict[str, ir.Expr]) -> ir.Call | None:
    """The group that a step is; None for a group of one, which Celery takes for the task alone."""
    call = unwrapped(_named(step, named))
    if call is None or celery_name(call.func, scope) != "group" or not call.args:
        return None
    only = call.args[0] if len(call.args) == 1 else None
    if isinstance(only, ir.Seq):
        few = len(only.items) <= 1 and not any(isinstance(item, ir.Starred) for item in only.items)
        return None if few else call
    single = isinstance(only, ir.Call) and isinstance(only.func, ir.Attr) and only.func.attr in _SIGNATURES
    return None if single else call


def _named(expression: ir.Expr, named: dict[str, ir.Expr]) -> ir.Expr:
    return named.get(expression.id, expression) if isinstance(expression, ir.Name) else expression


def _bound_once(function: ir.Function) -> dict[str, ir.Expr]:
    """What names of a function stand for that are bound in one place, by a plain assignment."""
    found: dict[str, ir.Expr] = {}
    others = {param.name for param in function.params}
    for node in nodes(function):
        targets = node.targets if isinstance(node, ir.Assign) else []
        if isinstance(node, ir.Assign) and len(targets) == 1 and isinstance(targets[0], ir.Name):
            name = targets[0].id
            if name in found:
                others.add(name)
            found[name] = node.value
        elif isinstance(node, (ir.Assign, ir.AugAssign, ir.AnnAssign, ir.For, ir.Generator, ir.WithItem)):
            more = targets if isinstance(node, ir.Assign) else [node.target] if node.target is not None else []
            others.update(n.id for target in more for n in nodes(target) if isinstance(n, ir.Name))
        elif isinstance(node, ir.Walrus):
            others.add(node.name)
    return {name: value for name, value in found.items() if name not in others}

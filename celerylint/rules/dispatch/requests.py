"""Views of Django that run inside the transaction which `ATOMIC_REQUESTS` opens for every request."""

from __future__ import annotations

from collections.abc import Iterator

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.model.project import Project
from celerylint.model.values import At, ClassValue, External, FunctionValue, forced
from celerylint.rules.body import Body
from celerylint.rules.dispatch.canvas import last_name
from celerylint.rules.dispatch.transactions import Transaction, blocks_around, encloses, own_calls
from celerylint.rules.written import load

_DECORATORS = ("django.views.", "django.contrib.auth.decorators.", "rest_framework.decorators.")
_CLASSES = ("django.views.", "rest_framework.views.", "rest_framework.viewsets.", "rest_framework.generics.")
_CREATES = frozenset({"create", "get_or_create", "update_or_create", "bulk_create", "bulk_update", "update"})
_INHERITED = frozenset({"form_valid", "perform_create", "perform_update", "create", "update", "save_model"})
_WRITES = _CREATES | _INHERITED | {"save"}


def of_request(function: FunctionValue, project: Project) -> Transaction | None:
    """The transaction around every request; None where there is none, or where the function is no view that writes."""
    atomic = project.django.get("ATOMIC_REQUESTS")
    node = function.node
    if atomic is None or not atomic.is_(True) or atomic.at is None or not isinstance(node, ir.Function):
        return None
    # Django refuses ATOMIC_REQUESTS for views that are coroutines.
    if _WRITES.isdisjoint(node.uses) or node.is_async or node.is_generator or not _is_view(function, node):
        return None
    return Transaction(atomic.at, "request", True)


def _is_view(function: FunctionValue, node: ir.Function) -> bool:
    if function.owner_class is not None:
        return bool(node.params) and node.params[0].name == "self" and _is_view_class(function.owner_class, 0)
    if function.scope.kind != "module" or not node.params or node.params[0].name != "request":
        return False
    path = f"/{function.scope.module.path}"
    return path.endswith("/views.py") or "/views/" in path or any(_marks_a_view(d, function) for d in node.decorators)


def _marks_a_view(decorator: ir.Expr, function: FunctionValue) -> bool:
    target = decorator.func if isinstance(decorator, ir.Call) else decorator
    value = Body("", [], function.scope).meaning(target, read=False)
    return isinstance(value, External) and value.dotted.startswith(_DECORATORS)


def _is_view_class(cls: ClassValue, depth: int) -> bool:
    for base in map(forced, cls.bases):
        if isinstance(base, External) and base.dotted.startswith(_CLASSES):
            return True
        if isinstance(base, ClassValue) and depth < 8 and _is_view_class(base, depth + 1):
            return True
    return False


def opts_out(function: FunctionValue, project: Project) -> bool:
    """Whether `non_atomic_requests` takes a view out: on itself, its class, its `dispatch`, or where URLs are told."""
    written: list[ir.Node] = [*function.node.decorators] if isinstance(function.node, ir.Function) else []
    pending = [function.owner_class] if function.owner_class is not None else []
    while pending:
        cls = pending.pop()
        written += cls.node.decorators
        written += [d for s in cls.node.body if isinstance(s, ir.Function) for d in s.decorators]
        pending += [base for base in map(forced, cls.bases) if isinstance(base, ClassValue)]
    if any(_says_so(part) for part in written):
        return True
    folder = function.scope.module.path.rpartition("/")[0]
    nearby = (f"{folder}/urls.py", f"{folder.rpartition('/')[0]}/urls.py")
    return any(_says_so(statement) for path in nearby for statement in load(project.apps[0], path) or [])


def _says_so(root: ir.Node) -> bool:
    return any(last_name(node) == "non_atomic_requests" for node in nodes(root) if isinstance(node, (ir.Name, ir.Attr)))


# --- what a view has written ------------------------------------------------------------------------------------------


def written_before(function: FunctionValue, body: list[ir.Stmt], node: ir.Node) -> At | None:
    """A row that a function of this body has saved by the time it gets to a place in it; None if no such call is seen."""
    for block in blocks_around(body, node):
        for statement in block:
            if encloses(statement, node):
                break
            for call in own_calls(statement):
                if _writes(call):
                    return function.scope.module.path, call
    return None


def calls_after_a_write(body: list[ir.Stmt]) -> Iterator[ir.Call]:
    """Every call that a function makes itself and that is written below one that may save a row."""
    calls = [call for statement in body for call in own_calls(statement)]
    first = min(((call.line, call.col) for call in calls if _writes(call)), default=None)
    return (call for call in calls if first is not None and (call.line, call.col) > first)


def _writes(call: ir.Call) -> bool:
    func = call.func
    if not isinstance(func, ir.Attr):
        return False
    if isinstance(func.value, ir.Call) and last_name(func.value.func) == "super":
        return func.attr in _INHERITED
    if func.attr == "save":
        return not call.args and all(keyword.name != "commit" for keyword in call.keywords)
    return func.attr in _CREATES and any(isinstance(n, ir.Attr) and n.attr == "objects" for n in nodes(func.value))

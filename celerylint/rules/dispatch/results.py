"""Where functions wait for the results of tasks, and what keeps results."""

from __future__ import annotations

from collections.abc import Iterator

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.finding import Related
from celerylint.model.project import App, Decision, Dispatch, Project
from celerylint.model.values import External, FunctionValue
from celerylint.rules.base import related
from celerylint.rules.body import Body
from celerylint.rules.dispatch.canvas import last_name
from celerylint.rules.dispatch.transactions import called, own_calls

_WAITS = frozenset({"get", "join", "join_native", "wait"})
_SENDS = ("delay", "apply_async", "send_task", "().delay", "().apply_async", "chain()", "group()", "chord()")
_RESULTS = frozenset({"celery.result.AsyncResult", "celery.result.GroupResult", "celery.result.ResultSet"})


class Waits:
    """Where functions wait for results."""

    def __init__(self, project: Project) -> None:
        self._sent = {
            (d.at[0], d.at[1].span) for d in project.dispatches if d.method.endswith(_SENDS) and not _ignored(d)
        }
        self._known: dict[int, list[ir.Call]] = {}
        self._calls: dict[int, list[ir.Call]] = {}
        self._called: dict[int, list[tuple[ir.Call, FunctionValue]]] = {}

    def waiting_in(self, function: FunctionValue) -> list[ir.Call]:
        """The calls of a function itself that wait."""
        node = function.node
        if not isinstance(node, ir.Function) or _WAITS.isdisjoint(node.uses):
            return []
        if id(node) not in self._known:
            self._known[id(node)] = self._in(function, self._calls_in(node), ir.read_body(node))
        return self._known[id(node)]

    def reached(
        self, function: FunctionValue, depth: int, seen: set[int]
    ) -> Iterator[tuple[str, ir.Call, list[Related]]]:
        """Each call that waits, in a function or in those that it calls, with the calls that lead there."""
        node = function.node
        if id(node) in seen or not isinstance(node, ir.Function) or node.is_async:
            return
        seen.add(id(node))
        path = function.scope.module.path
        yield from ((path, call, []) for call in self.waiting_in(function))
        for call, target in self._targets(function, node) if depth > 1 else ():
            step = related((path, call), f"calls {last_name(call.func)}()")
            for where, wait, steps in self.reached(target, depth - 1, seen):
                yield where, wait, [*step, *steps]

    def _targets(self, function: FunctionValue, node: ir.Function) -> list[tuple[ir.Call, FunctionValue]]:
        """The calls in a function of functions of the project: found once, however many tasks lead there."""
        if id(node) not in self._called:
            pairs = ((call, called(call, function)) for call in self._calls_in(node))
            self._called[id(node)] = [(call, target) for call, target in pairs if target is not None]
        return self._called[id(node)]

    def _calls_in(self, node: ir.Function) -> list[ir.Call]:
        """The calls of a function itself; none where it says that it may wait."""
        if id(node) not in self._calls:
            calls = [call for statement in ir.read_body(node) for call in own_calls(statement)]
            allowed = any("allow_join_result" in last_name(call.func) for call in calls)
            self._calls[id(node)] = [] if allowed else calls
        return self._calls[id(node)]

    def _in(self, function: FunctionValue, calls: list[ir.Call], body: list[ir.Stmt]) -> list[ir.Call]:
        calls = [call for call in calls if isinstance(call.func, ir.Attr) and call.func.attr in _WAITS]
        by_name = any(isinstance(call.func, ir.Attr) and isinstance(call.func.value, ir.Name) for call in calls)
        results = self._names(function, body) if by_name else set()
        return [call for call in calls if self._waits(call, function, results)]

    def _waits(self, call: ir.Call, function: FunctionValue, results: set[str]) -> bool:
        func = call.func
        if not isinstance(func, ir.Attr) or func.attr not in _WAITS:
            return False
        if any(keyword.name in (None, "disable_sync_subtasks") for keyword in call.keywords):
            return False
        if isinstance(func.value, ir.Name):
            return func.value.id in results
        return self._is_result(func.value, function)

    def _is_result(self, expression: ir.Expr, function: FunctionValue) -> bool:
        if not isinstance(expression, ir.Call):
            return False
        if (function.scope.module.path, expression.span) in self._sent:
            return True
        maker = Body("", [], function.scope).meaning(expression.func, read=False)
        return isinstance(maker, External) and maker.dotted in _RESULTS

    def _names(self, function: FunctionValue, body: list[ir.Stmt]) -> set[str]:
        """Names that stand for a result and nothing else, and those of loops over results."""
        bound: dict[str, list[ir.Expr | None]] = {}
        loops: list[tuple[ir.Expr, ir.Expr]] = []
        for node in (node for statement in body for node in nodes(statement)):
            if isinstance(node, ir.Assign):
                for target in node.targets:
                    for inner in nodes(target):
                        if isinstance(inner, ir.Name):
                            bound.setdefault(inner.id, []).append(node.value if inner is target else None)
            elif isinstance(node, (ir.AugAssign, ir.AnnAssign, ir.WithItem)) and isinstance(node.target, ir.Name):
                bound.setdefault(node.target.id, []).append(None)
            elif isinstance(node, (ir.For, ir.Generator)):
                loops.append((node.target, node.source))
        lists: set[str] = set()
        found: set[str] = set()
        for name, values in bound.items():
            if all(value is not None and self._is_result(value, function) for value in values):
                found.add(name)
            if all(isinstance(v, ir.Comp) and self._is_result(v.value, function) for v in values):
                lists.add(name)
        for target, source in loops:
            known = isinstance(source, ir.Name) and source.id in lists
            known = known or (isinstance(source, ir.Comp) and self._is_result(source.value, function))
            if known and isinstance(target, ir.Name) and target.id not in bound and _once(target.id, loops):
                found.add(target.id)
        return found


def _once(name: str, loops: list[tuple[ir.Expr, ir.Expr]]) -> bool:
    return sum(isinstance(target, ir.Name) and target.id == name for target, _ in loops) == 1


def _ignored(dispatch: Dispatch) -> bool:
    """Whether the result is ignored, so that there is nothing to wait for and get() returns None."""
    task = dispatch.task
    if task is None:
        return "ignore_result" in dispatch.args.keywords
    held = task.option("ignore_result")
    # Without an app in sight only what is written can say so.
    unknown = not held.known and (task.app is not None or held.at is not None)
    return "ignore_result" in dispatch.args.keywords or held.truthy or unknown


# --- what keeps them --------------------------------------------------------------------------------------------------


def backend_of(app: App) -> str | None:
    """The kind of an app's result backend, empty where there is none; None where it cannot be known."""
    backend = app.setting("result_backend")
    return _scheme(backend) if backend.chosen or not _given(app) else None


def from_outside(app: App) -> bool:
    """Whether neither broker nor backend is set: both are likely to come from the environment, which Celery reads by itself."""
    broker = app.setting("broker_url")
    return not app.setting("result_backend").chosen and not broker.chosen and broker.known


def _scheme(backend: Decision) -> str | None:
    if not backend.known or backend.env or not (backend.value is None or isinstance(backend.value, str)):
        return None
    return (backend.value or "").partition("://")[0].partition("+")[0]


def _given(app: App) -> bool:
    """Whether `Celery(...)` is given a backend that may be None, as `os.environ.get("RESULTS")` is."""
    call = app.at[1]
    keywords = call.keywords if isinstance(call, ir.Call) else []
    return any(k.name in ("backend", "result_backend") and not isinstance(k.value, ir.Const) for k in keywords)

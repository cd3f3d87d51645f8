"""The name that a task is registered under (`celery.utils.imports.gen_task_name`)."""

from __future__ import annotations

from celerylint.facts import ir
from celerylint.model import celery_values as cv
from celerylint.model.evaluate import Evaluator
from celerylint.model.options import decide
from celerylint.model.project import Decision
from celerylint.model.values import Arguments, Entry, FunctionValue, Scalar, Unknown


def task_name(ev: Evaluator, task: cv.Task, app: cv.App | None) -> Decision:
    """The name, explicit or made by the app's naming scheme."""
    explicit = task.attrs.get("name") or task.options.get("name") if task.cls is None else _class_name(ev, task)
    if explicit is not None:
        decision = decide(ev, explicit.value, "decorator", explicit.at)
        if not (decision.known and not decision.value):
            return decision
    elif task.opened:
        return Decision(None, False, "decorator", task.at, "options are passed that cannot all be known")
    name, module = _parts(ev, task)
    scheme = app.attrs.get("gen_task_name") if app is not None else None
    own = ev.class_entry(app.cls, "gen_task_name") if app is not None and app.cls is not None else None
    if scheme is None and isinstance(own, Entry):
        scheme = own
    if scheme is not None and app is not None:
        function = ev.force(scheme.value)
        if isinstance(function, FunctionValue):
            args = [Scalar(name), Scalar(module)]
            head = [app] if own is not None else []
            result = ev.force(ev.call_function(function, Arguments([*head, *args], {}, task.at)))
            return decide(ev, result, "default", None)
        return Decision(None, False, "default", None, "gen_task_name cannot be read")
    return Decision(f"{module}.{name}" if module else name, True, "default", None)


def _class_name(ev: Evaluator, task: cv.Task) -> Entry | None:
    if task.instance is not None and "name" in task.instance.attrs:
        return task.instance.attrs["name"]
    assert task.cls is not None
    found = ev.class_entry(task.cls, "name")
    if isinstance(found, Entry):
        return found
    return Entry(found, found.at) if isinstance(found, Unknown) else None


def _parts(ev: Evaluator, task: cv.Task) -> tuple[str, str]:
    """`__name__` and `__module__` of the function or class."""
    if task.cls is not None:
        return task.cls.node.name, task.cls.module.dotted
    function = task.function
    assert function is not None
    inner = function.innermost
    name = inner.node.name if isinstance(inner.node, ir.Function) else "<lambda>"
    module = inner.scope.module.dotted
    for part, attribute in (("name", "__name__"), ("module", "__module__")):
        entry = function.attrs.get(attribute)
        held = ev.force(entry.value) if entry is not None else None
        if isinstance(held, Scalar) and isinstance(held.value, str):
            if part == "name":
                name = held.value
            else:
                module = held.value
    return name, module

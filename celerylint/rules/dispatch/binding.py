"""Whether the arguments of a call fit a task: what the rules of this folder know about both sides."""

from __future__ import annotations

from collections.abc import Collection

from msgspec import Struct

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.model.project import Dispatch, Task
from celerylint.model.values import (
    ClassValue,
    Either,
    External,
    FunctionValue,
    Mapping,
    Missing,
    Scalar,
    Sequence,
    Value,
    forced,
)

_OURS = frozenset(
    {"celery.Task", "celery.app.task.Task", "celery.contrib.django.task.DjangoTask", "builtins.object", "abc.ABC"}
)
_SENDING = frozenset(
    {
        "apply_async", "apply", "delay", "delay_on_commit", "apply_async_on_commit", "s", "si", "signature", "subtask",
        "subtask_from_request", "signature_from_request", "__header__", "__getattr__", "__init__", "__new__",
    }
)  # fmt: skip
_KEEPS_ARGUMENTS = (
    "django.db.transaction.",
    "django.utils.translation.",
    "functools.lru_cache",
    "functools.cache",
    "sentry_sdk.",
    "typing.",
    "typing_extensions.",
)
"""Decorators, by the beginning of their names, that hand on what they are given and add nothing."""

OF_ONE_CALL = frozenset(
    {
        "args", "kwargs", "countdown", "eta", "expires", "queue", "exchange", "routing_key", "priority", "link",
        "link_error", "serializer", "compression", "time_limit", "soft_time_limit", "task_id", "ignore_result", "retry",
        "retry_policy", "shadow", "headers",
    }
)  # fmt: skip
"""Options of `apply_async` that are taken for such wherever they stand."""


class Given(Struct, frozen=True):
    """The arguments that a call hands to a task, as far as they are known."""

    positional: int
    keywords: frozenset[str]
    more_positional: bool = False
    """Whether there may be positional arguments beyond those counted."""
    more_keywords: bool = False

    def after(self, count: int) -> Given:
        """The same behind `count` arguments, such as the result of the step before."""
        return Given(self.positional + count, self.keywords, self.more_positional, self.more_keywords)


# --- the task ---------------------------------------------------------------------------------------------------------


def parameters(task: Task) -> list[ir.Param] | None:
    """The parameters that a caller fills; None where they cannot be known or Celery does not check them."""
    function = task.value.function
    if function is None or task.class_based or task.value.opened or task.value.method or task.conditional:
        return None
    if not task.option("typing").is_(True) or task.value.foreign or changes_calls(task):
        return None
    if function.wraps is not None or not all(_keeps_arguments(wrapper) for wrapper in function.wrappers):
        return None
    if function.owner_class is not None or isinstance(function.node, ir.LambdaExpr):
        return None
    params = list(function.node.params)
    if task.bound:
        if not params or params[0].kind not in ("positional-only", "positional"):
            return None
        return params[1:]
    # Without bind=True nobody passes `self`: that is another fault, and one finding is enough.
    return None if params and params[0].name == "self" else params


def received_by(dispatch: Dispatch, key: int | str) -> ir.Param | None:
    """The parameter of the task that an argument is for, by its position or name; None where it cannot be known."""
    params = parameters(dispatch.task) if dispatch.task is not None else None
    if params is None or dispatch.args.open or dispatch.method in ("s", "signature", "subtask"):
        return None  # a signature may get the result of another task first
    if isinstance(key, int):
        found = params[key] if key < len(params) else None
    else:
        found = next((param for param in params if param.name == key), None)
    return found if found is not None and not found.kind.startswith("var") else None


def changes_calls(task: Task) -> bool:
    """Whether a class of the task, or one that cannot be seen, has its own way of being called."""
    for cls in task.lineage:
        if isinstance(cls, ClassValue):
            if not _SENDING.isdisjoint(cls.attrs) or not cls.ran:
                return True
        elif not (isinstance(cls, External) and cls.dotted in _OURS):
            return True
    return any(name in _SENDING for name in task.value.attrs)


def _keeps_arguments(wrapper: Value) -> bool:
    wrapper = forced(wrapper)
    dotted = wrapper.dotted if isinstance(wrapper, External) else getattr(wrapper, "maker", "")
    return isinstance(dotted, str) and dotted.startswith(_KEEPS_ARGUMENTS)


# --- the call ---------------------------------------------------------------------------------------------------------


def callers_choose(dispatch: Dispatch) -> bool:
    """Whether what is handed over depends on parameters that callers of the function around it may fill or leave."""
    node = dispatch.at[1]
    if not isinstance(node, ir.Call) or dispatch.function is None:
        return False
    around = [dispatch.function.node, *(n for n in dispatch.context if isinstance(n, (ir.Function, ir.LambdaExpr)))]
    theirs = {
        p.name for function in around for p in function.params if p.default is not None or p.kind.startswith("var")
    }
    if not theirs:
        return False
    whole = dispatch.method not in ("delay", "delay_on_commit", "s", "si")
    written = [arg for arg in node.args if whole or isinstance(arg, ir.Starred)]
    written += [k.value for k in node.keywords if k.name is None or k.name in ("args", "kwargs")]
    used = {name for expression in written for name in _used(expression)}
    assigned = [n for n in nodes(around[0]) if isinstance(n, (ir.Assign, ir.AnnAssign))]
    for _ in range(3):
        for statement in assigned:
            targets = statement.targets if isinstance(statement, ir.Assign) else [statement.target]
            if statement.value is not None and any(isinstance(t, ir.Name) and t.id in used for t in targets):
                used.update(_used(statement.value))
    return not theirs.isdisjoint(used)


def _used(expression: ir.Node) -> set[str]:
    return {node.id for node in nodes(expression) if isinstance(node, ir.Name)}


def given(dispatch: Dispatch) -> Given | None:
    """What a call hands to its task; None where that cannot be known."""
    args = dispatch.args
    if dispatch.method in ("delay", "delay_on_commit", "s", "si"):
        certain = frozenset(name for name, entry in args.keywords.items() if not _may_be_missing(entry.value))
        return Given(len(args.positional), certain, args.open, args.open or len(certain) < len(args.keywords))
    if dispatch.method in ("apply_async", "apply_async_on_commit", "apply", "signature", "subtask", "send_task"):
        first = 1 if names_its_task(dispatch) else 0
        count = _count(args.get(first, "args"))
        names = _names(args.get(first + 1, "kwargs"))
        if count is None or names is None:
            return None
        return Given(count[0], names[0], count[1] or args.open, names[1] or args.open)
    return None


def names_its_task(dispatch: Dispatch) -> bool:
    """Whether the first argument is the task's name: `send_task("name", ...)`, `signature("name", ...)`."""
    if dispatch.method not in ("send_task", "signature", "subtask"):
        return False
    first = dispatch.args.get(0, "name") or dispatch.args.get(0, "varies")
    held = forced(first) if first is not None else None
    return dispatch.method == "send_task" or (isinstance(held, Scalar) and isinstance(held.value, str))


def _count(value: Value | None) -> tuple[int, bool] | None:
    if value is None:
        return 0, False
    held = forced(value)
    if isinstance(held, Scalar) and held.value is None:
        return 0, False
    if isinstance(held, Sequence) and held.kind in ("tuple", "list"):
        return len(held.items), held.open
    return None


def _names(value: Value | None) -> tuple[frozenset[str], bool] | None:
    if value is None:
        return frozenset(), False
    held = forced(value)
    if isinstance(held, Scalar) and held.value is None:
        return frozenset(), False
    if not isinstance(held, Mapping):
        return None
    certain: set[str] = set()
    more = held.open
    for key, entry in held.items.items():
        if _may_be_missing(entry.value):
            more = True
        elif isinstance(key, str):
            certain.add(key)
        else:
            return None
    return frozenset(certain), more


def _may_be_missing(value: Value) -> bool:
    """Whether a key is there on some ways through the code only."""
    held = forced(value)
    options = held.options if isinstance(held, Either) else [held]
    return any(isinstance(option, Missing) for option in options)


# --- both -------------------------------------------------------------------------------------------------------------


def mismatch(params: list[ir.Param], what: Given, *, partial: bool = False) -> str:
    """Why the arguments cannot bind to the parameters, as Python would say it; empty where they can.

    `partial` arguments may be completed later: only what is too much counts.
    """
    places = [p for p in params if p.kind in ("positional-only", "positional")]
    names = {p.name: p for p in params if p.kind in ("positional", "keyword")}
    takes_more = any(p.kind == "var" for p in params)
    takes_any = any(p.kind == "var-keyword" for p in params)
    if what.positional > len(places) and not takes_more:
        return f"takes {_arguments(len(places))} and gets {what.positional}"
    unknown = sorted(what.keywords - names.keys())
    if unknown and not takes_any:
        return f"takes no argument `{unknown[0]}`"
    filled = [p.name for p in places[: what.positional] if p.kind == "positional" and p.name in what.keywords]
    if filled:
        return f"gets `{filled[0]}` twice, by position and by name"
    if partial:
        return ""
    missing = [
        p.name
        for p in params
        if p.default is None
        and p.kind in ("positional-only", "positional", "keyword")
        and not _is_given(p, places, what)
    ]
    return f"is not given {_listed(missing)}" if missing else ""


def _is_given(param: ir.Param, places: list[ir.Param], what: Given) -> bool:
    if param in places and (places.index(param) < what.positional or what.more_positional):
        return True
    return param.kind != "positional-only" and (param.name in what.keywords or what.more_keywords)


def _arguments(count: int) -> str:
    return "no positional arguments" if not count else f"{count} positional argument{'s' if count > 1 else ''}"


def _listed(names: Collection[str]) -> str:
    shown = [f"`{name}`" for name in names]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def signature_of(function: FunctionValue) -> str:
    """The parameters as one would read them aloud: `order_id, force=...`."""
    return ", ".join(_shown(param) for param in function.node.params)


def _shown(param: ir.Param) -> str:
    star = {"var": "*", "var-keyword": "**"}.get(param.kind, "")
    return f"{star}{param.name}{'=...' if param.default is not None else ''}"

"""`@app.task`, `@shared_task`, `register_task` and what can be done with a task."""

from __future__ import annotations

from celerylint.facts import ir
from celerylint.model.celery_values import (
    App,
    Dispatch,
    RetryCall,
    Signature,
    Task,
    TaskMaker,
    TaskMember,
    TaskSelf,
    TaskSelfMember,
)
from celerylint.model.evaluate import Evaluator
from celerylint.model.objects import named_object
from celerylint.model.registry import Behaviour
from celerylint.model.values import (
    Arguments,
    At,
    Bound,
    ClassValue,
    Deferred,
    Entry,
    External,
    FunctionValue,
    Instance,
    Made,
    Mapping,
    Partial,
    Scalar,
    Sequence,
    Unknown,
    Value,
)

CANONICAL = {
    "celery.task.task": "celery.task.task",
    "celery.decorators.task": "celery.task.task",
    "celery.registry.tasks": "celery.current_app.tasks",
}

SENDERS = frozenset(
    {"delay", "apply_async", "apply", "delay_on_commit", "apply_async_on_commit", "chunks", "map", "starmap"}
)
SIGNATURES = frozenset({"s", "si", "signature", "subtask"})


def task_decorator(ev: Evaluator, app: App | None, args: Arguments) -> Value:
    """`app.task(...)` and `shared_task(...)`, with or without the function."""
    if len(args.positional) == 1:
        function = args.positional[0]
        rest = Arguments([], args.keywords, args.at, args.open)
        return make_task(ev, app, function, rest)
    return TaskMaker(app, args)


def make_task(ev: Evaluator, app: App | None, function: Value, args: Arguments) -> Value:
    """A task of a function, with the options in `args`."""
    inner = ev.force(function)
    if isinstance(inner, Unknown) and isinstance(function, Deferred) and function.fallback is not None:
        inner = ev.force(function.fallback)
    at = _decorator_site(ev, inner, args.at)
    task = Task(app, at, ev.index.module(at[0]))
    task.options = dict(args.keywords)
    task.opened = args.open
    task.conditional = ev.uncertain > 0
    if isinstance(inner, FunctionValue):
        task.function = inner
    elif isinstance(inner, Bound):
        task.function, task.method = inner.function, True
    elif isinstance(inner, Partial) and isinstance(ev.force(inner.function), FunctionValue):
        held = ev.force(inner.function)
        assert isinstance(held, FunctionValue)
        task.function = held
    elif isinstance(inner, Task):
        return inner
    elif isinstance(inner, ClassValue):
        task.cls = inner
    elif isinstance(inner, (Unknown, External, Made, Instance)):
        return Unknown("a task made of something that cannot be known", args.at)
    else:
        return Unknown("a task made of something that is no function", args.at)
    if not ev.walk:
        ev.celery.tasks.append(task)
    return task


def _decorator_site(ev: Evaluator, function: Value, at: At | None) -> At:
    """Where the decorator stands: a decorator of the project makes the task elsewhere, beside its own code."""
    assert at is not None
    home = function.innermost.at if isinstance(function, FunctionValue) else None
    if home is not None:
        for site in (at, *reversed(ev.sites)):
            if site is not None and site[0] == home[0]:
                return site
    return at


def register_task(ev: Evaluator, app: App | None, args: Arguments) -> Value:
    """`app.register_task(T())`, also with the class itself."""
    value = ev.force(args.positional[0]) if args.positional else None
    if value is None or args.at is None:
        return Unknown("register_task() of nothing", args.at)
    if isinstance(value, Task):
        return value
    if not isinstance(value, (Instance, ClassValue)):
        return Unknown("a task class that cannot be known", args.at)
    if isinstance(value, ClassValue):
        # Celery makes the object itself.
        made = ev.instantiate(value, Arguments([], {}, args.at))
        value = made if isinstance(made, Instance) else value
    cls = value.cls if isinstance(value, Instance) else value
    task = Task(app, args.at, ev.index.module(args.at[0]))
    task.cls = cls
    task.instance = value if isinstance(value, Instance) else None
    task.options = dict(args.keywords)
    task.conditional = ev.uncertain > 0
    if not ev.walk:
        ev.celery.tasks.append(task)
    return task


def shared_task(ev: Evaluator, args: Arguments) -> Value:
    """`celery.shared_task`."""
    return task_decorator(ev, None, args)


def record(ev: Evaluator, task: Task | None, name: Value | None, method: str, args: Arguments) -> None:
    """Note that a task is sent, or that a signature of it is made."""
    at = ev.call_site(args.at)
    function = ev.frames[0].function if ev.frames else None
    ev.celery.dispatches.append(Dispatch(task, name, method, _as_now(ev, args), at, tuple(ev.context), function))


def _as_now(ev: Evaluator, args: Arguments) -> Arguments:
    """Arguments with lists and dicts as they are at this moment: code may change them after the call."""

    def copied(value: Value) -> Value:
        held = ev.peek(value)
        if isinstance(held, Mapping):
            return Mapping(dict(held.items), held.at, held.open, held.born)
        return (
            Sequence(held.kind, list(held.items), held.at, held.open, held.born)
            if isinstance(held, Sequence)
            else value
        )

    keywords = {key: Entry(copied(entry.value), entry.at) for key, entry in args.keywords.items()}
    return Arguments([copied(value) for value in args.positional], keywords, args.at, args.open)


def send_task(ev: Evaluator, args: Arguments) -> Value:
    """`app.send_task("name", ...)`."""
    name = args.get(0, "name")
    if name is not None:
        record(ev, None, ev.force(name), "send_task", args)
    return Made("celery.result.AsyncResult", [], {}, args.at, ev.born)


def named_task(ev: Evaluator, name: Value, at: At | None) -> Value:
    """`app.tasks["name"]`."""
    name = ev.force(name)
    if isinstance(name, Scalar) and isinstance(name.value, str):
        task = ev.celery.by_name.get(name.value)
        if task is not None:
            return task
    return Unknown("a task looked up by a name", at)


def option(ev: Evaluator, task: Task, name: str) -> Entry | Value | None:
    """An attribute of a task as written: set later, given to the decorator, or inherited from a class of the project."""
    entry = task.attrs.get(name) or (task.options.get(name) if task.cls is None else None)
    if entry is not None:
        return entry
    if task.instance is not None and name in task.instance.attrs:
        return task.instance.attrs[name]
    cls = task_class(ev, task)
    return ev.class_entry(cls, name) if isinstance(cls, ClassValue) else None


def task_class(ev: Evaluator, task: Task) -> Value | None:
    """The class of a class-based task, or the base class of a decorated one; None where it is Celery's own."""
    if task.cls is not None:
        return task.cls
    base = task.options.get("base")
    if base is not None:
        value = ev.force(base.value)
        if not (isinstance(value, Scalar) and value.value is None):
            return by_name(ev, value, base.at)
    if task.home is not None and task.home.task_base is not None:
        return by_name(ev, ev.force(task.home.task_base.value), task.home.task_base.at)
    return None


def by_name(ev: Evaluator, value: Value, at: At | None) -> Value:
    """A class that may be given as `"package.module:Class"`."""
    if isinstance(value, Scalar) and isinstance(value.value, str) and at is not None:
        return named_object(ev, value.value, at)
    return value


def foreign_decorator(ev: Evaluator, value: Value, at: At) -> Value | None:
    """`@celery_app.task` where the app comes from outside the project: a task, of an app that cannot be known."""
    node = at[1]
    if not isinstance(node, ir.Attr):
        return None
    holder = node.value
    called = holder.attr if isinstance(holder, ir.Attr) else holder.id if isinstance(holder, ir.Name) else ""
    if isinstance(value, Made):
        told = "celery" in value.maker.lower() and not value.maker.startswith("celery.")
    elif isinstance(value, External):
        told = "celery" in value.dotted.lower() and not value.dotted.startswith("celery.")
    else:
        home = value.at[0].lower() if value.at is not None else ""
        told = "celery" in called.lower() or (called == "app" and "celery" in home)
    if not told:
        return None
    # An unknown receiver may be the project's own app, handed on by a framework's registry.
    return TaskMaker(None, Arguments([], {}, at), foreign=True, handed_on=isinstance(value, Unknown))


class _TaskBehaviour(Behaviour):
    def getattr(self, ev: Evaluator, value: Task, name: str, at: At) -> Value | None:
        if name in SENDERS or name in SIGNATURES or name in ("retry", "run", "__call__", "s"):
            return TaskMember(value, name, at)
        entry = value.attrs.get(name)
        if entry is not None:
            return entry.value
        if name in ("__wrapped__", "_orig_run") and value.function is not None:
            return value.function
        if name == "name":
            explicit = value.options.get("name")
            return explicit.value if explicit is not None else Unknown("the name of a task", at)
        if name == "app":
            return value.app or Unknown("the app of a shared task", at)
        found = option(ev, value, name)
        if isinstance(found, Entry):
            return ev.bound(found.value, TaskSelf(value, at), at)
        return External(f"celery.Task().{name}", at)

    def hasattr(self, ev: Evaluator, value: Task, name: str) -> bool | None:
        return True if name in SENDERS or name in SIGNATURES or name in ("name", "app", "run") else None

    def setattr(self, ev: Evaluator, value: Task, name: str, new: Value, at: At) -> bool:
        if not ev.walk:
            value.attrs[name] = Entry(new, at)
        return True

    def call(self, ev: Evaluator, value: Task, args: Arguments) -> Value | None:
        if value.function is not None and not ev.walk:
            head: list[Value] = [TaskSelf(value, args.at)] if bound_first(ev, value) else []
            return ev.call_function(
                value.function, Arguments([*head, *args.positional], args.keywords, args.at, args.open)
            )
        return Unknown("what a task returns when called directly", args.at)


def bound_first(ev: Evaluator, task: Task) -> bool | None:
    """Whether the task's function gets the task as its first argument."""
    entry = task.options.get("bind")
    if entry is None:
        return None if task.opened else False
    return ev.truth(entry.value)


class _TaskMemberBehaviour(Behaviour):
    def call(self, ev: Evaluator, value: TaskMember, args: Arguments) -> Value | None:
        if value.name in SENDERS:
            record(ev, value.task, None, value.name, args)
            return Made("celery.result.AsyncResult", [], {}, args.at, ev.born)
        if value.name in SIGNATURES:
            record(ev, value.task, None, value.name, args)
            return Signature(value.name, value.task, None, args, args.at)
        if value.name == "retry":
            return _retry(ev, value.task, args)
        return Unknown("what a task returns", args.at)


class _TaskMakerBehaviour(Behaviour):
    def call(self, ev: Evaluator, value: TaskMaker, args: Arguments) -> Value | None:
        if not args.positional:
            if value.foreign and not value.args.keywords:
                return TaskMaker(None, args, foreign=True, handed_on=value.handed_on)
            return Unknown("a task decorator called without a function", args.at)
        keywords = {**value.args.keywords, **args.keywords}
        options = Arguments([], keywords, args.at, value.args.open or args.open)
        made = make_task(ev, value.app, args.positional[0], options)
        if isinstance(made, Task):
            made.foreign, made.handed_on = value.foreign, value.handed_on
        return made


class _TaskSelfBehaviour(Behaviour):
    def getattr(self, ev: Evaluator, value: TaskSelf, name: str, at: At) -> Value | None:
        if name.startswith("super:"):
            return External(f"celery.Task().{name[len('super:') :]}", at)
        cls = task_class(ev, value.task)
        if isinstance(cls, ClassValue):
            found = ev.class_entry(cls, name)
            # A base that overrides `retry` or `apply_async` does more than Celery, but it does that too.
            if isinstance(found, Entry) and name not in ("run", "retry") and name not in SENDERS:
                return ev.bound(found.value, value, at)
        instance = value.task.instance
        if instance is not None and name in instance.attrs:
            return instance.attrs[name].value
        if name == "retry" or name in SENDERS or name in SIGNATURES:
            return TaskSelfMember(value.task, name, at)
        if name == "app":
            return value.task.app or External("celery.Task().app", at)
        entry = value.task.options.get(name)
        if entry is not None and name not in ("name", "bind", "base"):
            return entry.value
        return External(f"celery.Task().{name}", at)

    def hasattr(self, ev: Evaluator, value: TaskSelf, name: str) -> bool | None:
        return None

    def setattr(self, ev: Evaluator, value: TaskSelf, name: str, new: Value, at: At) -> bool:
        return True

    def call(self, ev: Evaluator, value: TaskSelf, args: Arguments) -> Value | None:
        return Unknown("what a task returns", args.at)


class _TaskSelfMemberBehaviour(Behaviour):
    def call(self, ev: Evaluator, value: TaskSelfMember, args: Arguments) -> Value | None:
        if value.name == "retry":
            return _retry(ev, value.task, args)
        if value.name in SENDERS or value.name in SIGNATURES:
            record(ev, value.task, None, value.name, args)
        return Made("celery.result.AsyncResult", [], {}, args.at, ev.born)


def _retry(ev: Evaluator, task: Task, args: Arguments) -> Value:
    if ev.walk:
        ev.celery.retries.append(RetryCall(task, args, args.at, tuple(ev.context)))
    return Made("celery.exceptions.Retry", [], {}, args.at, ev.born)


CALLS = {
    "celery.shared_task": shared_task,
    "celery.task.task": shared_task,
    "celery.current_app.task": shared_task,
    "celery.current_app.send_task": send_task,
    "celery.current_app.register_task": lambda ev, args: register_task(ev, None, args),
    "celery.current_app.tasks.register": lambda ev, args: register_task(ev, None, args),
    "celery.execute.send_task": send_task,
}


def _task_module(ev: Evaluator, name: str, at: At) -> Value | None:
    return named_task(ev, Scalar(name[1:-1], at), at) if name.startswith("[") else None


NAMES = {"celery.current_app.tasks": _task_module}

NEEDED = SENDERS | SIGNATURES | {"retry", "send_task"}

GUESSES = {"task": foreign_decorator}

TYPES: dict[type[Value], Behaviour] = {
    Task: _TaskBehaviour(),
    TaskMember: _TaskMemberBehaviour(),
    TaskMaker: _TaskMakerBehaviour(),
    TaskSelf: _TaskSelfBehaviour(),
    TaskSelfMember: _TaskSelfMemberBehaviour(),
}

"""CLY303."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator

from celerylint.facts import ir
from celerylint.finding import Confidence, Finding, Fix, Severity
from celerylint.model.project import App, Project, Route
from celerylint.model.routing import is_glob
from celerylint.model.values import At, Scalar, Sequence, Value, forced
from celerylint.rules import mending
from celerylint.rules.base import Rule
from celerylint.text import closest

_LIKE = 0.85


class DeadRoute(Rule):
    """The route takes no task: what it was written for goes to the default queue.

    A key of `task_routes` is compared with the name of the task, which is that of its module and function, or what
    `name=` says. A task that was renamed, moved or misspelt in the key falls through to the default queue without a
    word, and the workers started for the route's queue have nothing to do.

    Only a `*` makes a key a pattern. `feed.tasks.sync_?` and `feed.[ab]` are taken for the full name of one task.

    Routers that are not a dict stand in a list: `([("feed.*", "feeds")],)`. A flat list of pairs is read as a list of
    routers, each pair being one, and sending any task raises ValueError.

    Keys that begin like no task here are left alone: their tasks may belong to an installed package or another service.

    ## What to do

    Write the name under which the worker knows the task; `celery -A proj inspect registered` lists them.

    ## Fix safety

    The fix puts a flat list of pairs into another list, which is safe: no task can be sent without it. It writes the nearest
    name of a task in place of one that does not exist, which is unsafe: messages then go to another queue.

    [Automatic routing](https://docs.celeryq.dev/en/stable/userguide/routing.html#automatic-routing)
    """

    code = "CLY303"
    name = "dead-route"
    summary = "A route matches no task: what it was written for goes to the default queue."
    severity = Severity.WARNING
    bad = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.task_routes = {"shop.tasks.send_reciept": {"queue": "mail"}}


@app.task(name="shop.tasks.send_receipt")
def send_receipt(order_id): ...
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.task_routes = {"shop.tasks.send_receipt": {"queue": "mail"}}


@app.task(name="shop.tasks.send_receipt")
def send_receipt(order_id): ...
"""

    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        yield from self._flat(app)
        if not project.tasks or not all(task.named.known for task in project.tasks):
            return
        for route in app.routes.all:
            if not route.regex:
                yield from self._judge(route, app, project)

    def _judge(self, route: Route, app: App, project: Project) -> Iterator[Finding]:
        key = route.pattern
        tasks = [task.name for task in project.tasks]
        sent = [dispatch.task_name for dispatch in project.dispatches if dispatch.task_name]
        sent += [entry.task_name for entry in project.schedule if entry.task_name]
        if any(_takes(key, name) for name in (*tasks, *sent)):
            return
        named = _named_otherwise(key, project)
        if named is None and _is_a_function(key, project):
            return
        if any(_takes(key, name) for name in _names_of_classes(project)):
            return
        queue = f" for `{route.queue.value}`" if route.queue.known and route.queue.value else ""
        meant = [name for name in tasks if not is_glob(key) and fnmatch.fnmatchcase(name, key)]
        if meant:
            yield self.finding(
                route.at,
                f"`{key}` holds no `*`, so the route{queue} is for a task of exactly that name, and there is none:"
                f" `{meant[0]}` goes elsewhere",
                "only `*` makes a key a pattern: write one, or the full names of the tasks",
                symbol=app.name,
            )
            return
        near = named or _near(key, tasks)
        if near is None and not _begins_like_ours(key, tasks):
            return
        yield self.finding(
            route.at,
            f"no task is named `{key}`: the route{queue} takes nothing"
            if not is_glob(key)
            else f"no task has a name like `{key}`: the route{queue} takes nothing",
            f"did you mean `{near}`?" if near else "write the name of the task, or delete the route",
            symbol=app.name,
            confidence=None if near else Confidence.MEDIUM,
            fix=_renamed(route, near),
        )

    def _flat(self, app: App) -> Iterator[Finding]:
        setting = app.setting("task_routes")
        value = forced(setting.raw) if setting.raw is not None else None
        if not isinstance(value, Sequence) or value.open or setting.at is None:
            return
        pairs = [pair for pair in map(forced, value.items) if _is_pair(pair)]
        if pairs:
            yield self.finding(
                setting.at,
                "task_routes is a flat list of pairs, and each is taken for a router of its own: sending any task raises"
                " ValueError",
                "put the list of pairs into another one: task_routes = ([...],)",
                symbol=app.name,
                severity=Severity.ERROR,
                fix=_nested(mending.expression(setting.at)),
            )


def _renamed(route: Route, near: str | None) -> Fix | None:
    edit = mending.renamed(route.at, route.pattern, near) if near is not None else None
    return mending.unsafe(f"route {near}", edit) if edit is not None else None


def _nested(at: At | None) -> Fix | None:
    """The list as the only item of another one."""
    path, node = at or ("", None)
    if not isinstance(node, ir.Seq):
        return None
    opened, closed = ("[", "]") if node.kind == "list" else ("(", ",)")
    edits = (mending.before(node, path, opened), mending.behind(node, path, closed))
    return mending.safe("make it one router", *edits)


def _is_pair(value: Value) -> bool:
    """Whether a router is `("pattern", ...)`: its first part would be unpacked into a key and a value."""
    if not isinstance(value, Sequence) or value.kind not in ("tuple", "list") or len(value.items) != 2:
        return False
    first = forced(value.items[0])
    return isinstance(first, Scalar) and isinstance(first.value, str) and len(first.value) != 2


def _takes(key: str, name: str) -> bool:
    return fnmatch.fnmatchcase(name, key) if is_glob(key) else name == key


def _named_otherwise(key: str, project: Project) -> str | None:
    """The name of the task whose function a key names by its module, which `name=` has replaced."""
    module, _, function = key.rpartition(".")
    for task in project.tasks:
        node = task.value.function.node if task.value.function is not None else None
        if isinstance(node, ir.Function) and node.name == function and module and _is_module(task.path, module):
            return task.name
    return None


def _is_a_function(key: str, project: Project) -> bool:
    """Whether a key is the dotted name of a function here: perhaps a task that could not be seen as one."""
    module, _, name = key.rpartition(".")
    return any(
        _is_module(file, module) and any(isinstance(f.node, ir.Function) and f.node.name == name for f in functions)
        for file, functions in project.functions.items()
    )


def _is_module(path: str, dotted: str) -> bool:
    """Whether a file may be the module of a dotted name."""
    stem = dotted.replace(".", "/")
    return path.endswith((f"{stem}.py", f"{stem}/__init__.py"))


def _names_of_classes(project: Project) -> Iterator[str]:
    """What classes call themselves, `name = "shop.send"`: those of `celery.task.Task` register themselves before Celery 5."""
    for cls in project.machine.classes_seen if project.machine is not None else ():
        for part in cls.node.body:
            given = part.value if isinstance(part, ir.Assign) else None
            if isinstance(given, ir.Const) and isinstance(given.value, str) and _is_called_name(part):
                yield given.value


def _is_called_name(part: ir.Stmt) -> bool:
    return isinstance(part, ir.Assign) and any(isinstance(t, ir.Name) and t.id == "name" for t in part.targets)


def _near(key: str, tasks: list[str]) -> str | None:
    """The task that was probably meant: of the same last name, or spelled nearly so."""
    if is_glob(key):
        return None
    last = key.rpartition(".")[2]
    same = [name for name in tasks if name.rpartition(".")[2] == last]
    return same[0] if len(same) == 1 else closest(key, tasks, _LIKE)


def _begins_like_ours(key: str, tasks: list[str]) -> bool:
    """Whether a key begins with the same package as some task here."""
    first, dot, _ = key.partition(".")
    return bool(dot) and "*" not in first and first != "celery" and any(name.startswith(f"{first}.") for name in tasks)

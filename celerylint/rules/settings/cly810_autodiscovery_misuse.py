"""CLY810."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.finding import Finding, Fix, InsertStatement, Severity
from celerylint.model.project import App, Project
from celerylint.model.values import Arguments, At, Scalar, Sequence, forced, place
from celerylint.rules import mending
from celerylint.rules.base import Rule, related
from celerylint.rules.written import load, modules

_SIGNALS = frozenset({"on_configure", "on_after_configure", "on_after_finalize"})
_DJANGO = "DJANGO_SETTINGS_MODULE"


class AutodiscoveryMisuse(Rule):
    """Tasks or handlers are not found, because Celery is told of them in a way that does not work.

    * `autodiscover_tasks("shop")` is given a text: its letters are taken for packages, and the worker stops with
      ModuleNotFoundError for the first. It takes a list: `["shop"]`.
    * For a dotted name that does not exist Celery looks in the package above it instead, and says nothing.
    * `DJANGO_SETTINGS_MODULE` is looked at when `Celery(...)` is made. Set below it, the app does not know that it
      belongs to Django: `autodiscover_tasks()` without arguments finds nothing, and says nothing, unless somebody had
      set the variable before.
    * A handler defined inside a function and connected to `on_after_configure` is held by a weak reference: it is gone
      when the function returns, and never called. `connect(weak=False)` keeps it.

    ## What to do

    Give a list of packages that can be imported; set the variable in the first lines; connect with `weak=False`.

    ## Fix safety

    The fix makes a list of the text, connects a nested handler with `weak=False`, and sets `DJANGO_SETTINGS_MODULE` above the
    line that makes the app. It is safe: none of it does what is written without. A package that does not exist is left alone.

    [autodiscover_tasks](https://docs.celeryq.dev/en/stable/reference/celery.html#celery.Celery.autodiscover_tasks)
    """

    code = "CLY810"
    name = "autodiscovery-misuse"
    summary = "Tasks or handlers are never found: a text for a list, a missing package, a variable or handler too late."
    severity = Severity.ERROR
    bad = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.autodiscover_tasks("shop")
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.autodiscover_tasks(["shop"])
"""

    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        for args in app.value.autodiscovers:
            yield from self._packages(app, args)
        yield from self._too_late(app, project)

    def check_project(self, project: Project) -> Iterable[Finding]:
        for path, module in sorted(modules(project).items()):
            for at, handler, signal in _nested(path, module.facts.body if module.facts is not None else []):
                yield self.finding(
                    at,
                    f"`{handler}` is defined inside a function, and {signal} holds it by a weak reference: it is gone"
                    " when the function returns, and never called",
                    f"connect it with {signal}.connect(weak=False), or define it in the module",
                    symbol=handler,
                    fix=mending.safe("hold it by a strong reference", *mending.set_at(at, weak="False")),
                )

    def _packages(self, app: App, args: Arguments) -> Iterator[Finding]:
        given = args.get(0, "packages")
        value = forced(given) if given is not None else None
        if args.at is None:
            return
        if isinstance(value, Scalar) and isinstance(value.value, str) and value.value:
            yield self.finding(
                args.at,
                f"autodiscover_tasks({value.value!r}) takes each letter for a package: the worker stops with"
                f" ModuleNotFoundError for {value.value[0]!r}",
                f"give it a list: [{value.value!r}]",
                symbol=app.name,
                fix=_as_list(args),
            )
        related_name = args.get(1, "related_name")
        tail = forced(related_name) if related_name is not None else Scalar("tasks")
        if not isinstance(tail, Scalar) or not isinstance(tail.value, str):
            return
        for item in value.items if isinstance(value, Sequence) else ():
            held = forced(item)
            name = held.value if isinstance(held, Scalar) else None
            if isinstance(name, str) and _missing(name, tail.value, app):
                yield self.finding(
                    args.at,
                    f"there is no package `{name}`: Celery looks for tasks in `{name.rpartition('.')[0]}` instead, and"
                    " says nothing",
                    "name a package that can be imported",
                    symbol=app.name,
                )

    def _too_late(self, app: App, project: Project) -> Iterator[Finding]:
        """DJANGO_SETTINGS_MODULE set below `Celery(...)`, in the module that finds its tasks through Django."""
        facts = app.value.module.facts
        bare = any(not args.positional and not args.keywords and not args.open for args in app.value.autodiscovers)
        if facts is None or not bare:
            return
        body = list(facts.body)
        made = [n for n, s in enumerate(body) if isinstance(s, ir.Assign) and app.at[1] == s.value]
        sets = [(n, s) for n, s in enumerate(body) if any(_sets_django(inner) for inner in nodes(s))]
        if made and sets and sets[0][0] > made[0]:
            yield self.finding(
                (app.at[0], sets[0][1]),
                f"{_DJANGO} is set after `Celery(...)` has looked for it: unless it was set before,"
                " autodiscover_tasks() finds no tasks, and says nothing",
                "set it above the line that makes the app",
                symbol=app.name,
                related=related(app.at, "the app is made here"),
                fix=_earlier(sets[0][1], body[made[0]], app.at[0], project),
            )


def _as_list(args: Arguments) -> Fix | None:
    path, node = args.at if args.at is not None else ("", None)
    given = [k.value for k in node.keywords if k.name == "packages"] if isinstance(node, ir.Call) else []
    value = next(iter([*(node.args[:1] if isinstance(node, ir.Call) else []), *given]), None)
    if not isinstance(value, ir.Const):
        return None
    return mending.safe("make it a list", mending.before(value, path, "["), mending.behind(value, path, "]"))


def _earlier(sets: ir.Stmt, made: ir.Stmt, path: str, project: Project) -> Fix | None:
    """The statement above the one that makes the app."""
    text = mending.text_of(sets, path, project)
    if not text or "\n" in text or not isinstance(sets, (ir.Assign, ir.ExprStmt)):
        return None
    moved = InsertStatement(place((path, made)), text, before=True)
    return mending.safe("set it above", moved, mending.lines_without(sets, path, project))


def _sets_django(node: ir.Node) -> bool:
    if isinstance(node, ir.Assign) and isinstance(node.targets[0], ir.Subscript):
        index = node.targets[0].index
        return isinstance(index, ir.Const) and index.value == _DJANGO
    if isinstance(node, ir.Call) and isinstance(node.func, ir.Attr) and node.func.attr == "setdefault" and node.args:
        return isinstance(node.args[0], ir.Const) and node.args[0].value == _DJANGO
    return False


def _missing(name: str, related_name: str, app: App) -> bool:
    """Whether a dotted name lies in a package of the project and is not there."""
    parts = name.split(".")
    if len(parts) < 2 or not all(part.isidentifier() for part in parts):
        return False
    above = app.at[0].split("/")[:-1]
    folders = [app.root, *("/".join(above[:count]) for count in range(len(above), -1, -1))]
    known = False
    for folder in dict.fromkeys(folders):
        base = f"{folder}/" if folder else ""
        if load(app, f"{base}{parts[0]}/__init__.py") is not None:
            known = True
            path = base + "/".join(parts)
            # A folder without __init__.py is a package too, where it holds a module of tasks.
            if any(
                load(app, path + end) is not None for end in (".py", "/__init__.py", f"/{related_name}.py", "/apps.py")
            ):
                return False
            # What a module of the parent defines cannot be a package, but the parent may be one without a file.
            for count in range(2, len(parts)):
                if load(app, base + "/".join(parts[:count]) + "/__init__.py") is None:
                    return False
    return known


def _nested(path: str, body: Iterable[ir.Stmt]) -> Iterator[tuple[At, str, str]]:
    """Handlers that are defined inside a function, connected, and held by nobody."""
    for outer in _functions(body):
        inside = ir.read_body(outer)
        for handler in inside:
            for decorator in handler.decorators if isinstance(handler, ir.Function) else ():
                signal = _connects(decorator)
                assert isinstance(handler, ir.Function)
                if signal is not None and not _held(handler.name, inside):
                    yield (path, decorator), handler.name, signal


def _functions(body: Iterable[ir.Stmt]) -> Iterator[ir.Function]:
    """Functions in which something is connected, wherever they are defined."""
    for statement in body:
        if isinstance(statement, ir.Function):
            if "connect" in statement.uses:
                yield statement
                yield from _functions(ir.read_body(statement))
        elif isinstance(statement, (ir.Class, ir.If, ir.Try, ir.With)):
            yield from _functions(statement.body)


def _connects(decorator: ir.Expr) -> str | None:
    """The signal of an app that a decorator connects to with a weak reference."""
    func = decorator.func if isinstance(decorator, ir.Call) else decorator
    keywords = decorator.keywords if isinstance(decorator, ir.Call) else []
    if any(keyword.name in ("weak", None) for keyword in keywords):
        return None
    if isinstance(func, ir.Attr) and func.attr == "connect" and isinstance(func.value, ir.Attr):
        return func.value.attr if func.value.attr in _SIGNALS else None
    return None


def _held(name: str, inside: list[ir.Stmt]) -> bool:
    """Whether the function around does anything with the handler: returns it, keeps it, or shares names with it."""
    return any(
        isinstance(node, (ir.Name, ir.Scope)) and name in (getattr(node, "id", None), *getattr(node, "names", ()))
        for statement in inside
        for node in nodes(statement)
    )

"""Facts of all files -> what the project means. The only entry to the model."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from functools import cache, partial
from typing import NamedTuple

from celerylint import catalog
from celerylint.config import Options
from celerylint.facts import ir
from celerylint.facts.ir import PythonFacts
from celerylint.facts.walk import nodes
from celerylint.finding import Place, Span, Undecided
from celerylint.model import celery_values as cv
from celerylint.model import routing, schedule
from celerylint.model.deploy.process import Deployment
from celerylint.model.evaluate import Evaluator, OutOfFuel
from celerylint.model.idioms.celery_tasks import SENDERS, SIGNATURES, bound_first, task_class
from celerylint.model.idioms.django import for_tasks
from celerylint.model.modules import Module, ModuleIndex
from celerylint.model.naming import task_name
from celerylint.model.options import Bases, attribute, decide, effective_options
from celerylint.model.plain import plain
from celerylint.model.project import App, Command, Crew, Decision, Dispatch, Project, Retry, Routes, Task
from celerylint.model.registry import registry
from celerylint.model.settings import effective, lookup, namespace, source_name
from celerylint.model.values import (
    Arguments,
    At,
    ClassValue,
    Entry,
    External,
    FunctionValue,
    Instance,
    Mapping,
    Partial,
    Scope,
    Value,
)
from celerylint.model.version import TargetVersion

_STARTERS = {"worker_main", "start", "run", "call", "Popen", "check_call", "check_output", "execv", "execvp", "system"}
_WALKED = SENDERS | SIGNATURES | {"send_task", "retry", "chain", "group", "chord", "get_task"} | _STARTERS
"""Names whose use in a body makes it worth walking."""
_SENDS = SENDERS | SIGNATURES
_OPENERS = frozenset({"atomic", "begin", "begin_nested"})
"""Names whose use in a method makes its class worth knowing: what it calls may run inside a transaction."""

_FACTORY_USES = frozenset({"Celery", "config_from_object", "autodiscover_tasks", "add_periodic_task", "register_task"})
_MAKERS = frozenset({"task", "shared_task"})
_FACTORY_NAMES = ("create", "make", "init", "build", "setup", "configure", "get_celery", "includeme")


class Inputs(NamedTuple):
    """What a link is made of."""

    paths: Iterable[str]
    """Every Python file of the project, relative to its root."""
    gated: Iterable[str]
    """Those whose bytes showed that they matter."""
    load: Callable[[str], PythonFacts | None]
    """The facts of a file; called for others than `gated` when a value of theirs is needed."""
    version: TargetVersion
    source_roots: Iterable[str] = ()
    marks: Iterable[str] = ()
    """Paths of files that mark a source root (`pyproject.toml`, `manage.py`...)."""
    django_settings: str = ""
    aliases: frozenset[str] = frozenset()
    """What an earlier link found the project to call its own task decorators."""
    options: Options = Options()
    """The options of the run, which rules read from the project."""
    packages: Callable[[], frozenset[str]] = frozenset
    """The packages that the project is seen to use; called once, when a rule asks."""
    deployment: Deployment = Deployment()
    """What the project's deployment files start."""
    source: Callable[[str], bytes | None] = lambda path: None
    """The bytes of a file."""


def link(inputs: Inputs) -> tuple[Project, frozenset[str]]:
    """The project, and names that other files may use to make tasks without mentioning Celery."""
    with _deep_recursion():
        return _link(inputs)


@contextmanager
def _deep_recursion() -> Iterator[None]:
    """Evaluation recurses with the program's own structure: a deeper limit, put back afterwards."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, 6000))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def _link(inputs: Inputs) -> tuple[Project, frozenset[str]]:
    gated = sorted(inputs.gated)
    index = ModuleIndex(
        inputs.paths,
        gated,
        inputs.load,
        lambda path, deep: _imports_of(inputs.load(path), deep),
        inputs.source_roots,
        inputs.marks,
    )
    facts = catalog.load(inputs.version.minor)
    ev = Evaluator(index, registry(), inputs.version.minor, inputs.aliases)
    _django_modules(ev, gated, inputs)
    for path in gated:
        ev.run(index.module(path))
    _call_factories(ev)
    _call_handlers(ev)
    apps = _apps(ev, facts)
    tasks = _tasks(ev, facts, apps)
    by_value = {id(task.value): task for task in tasks}
    by_name: dict[str, Task] = {}
    for task in tasks:
        by_name.setdefault(task.name, task)
    ev.celery.by_name = {name: task.value for name, task in by_name.items()}
    entries = [entry for app in apps for entry in schedule.entries(ev, app, by_name, by_value)]
    _walk(ev, tasks, gated)
    dispatches = _dispatches(ev, by_name, by_value)
    retries: dict[int, list[Retry]] = {}
    seen: set[tuple[str, int, int, int]] = set()
    for call in ev.celery.retries:
        owner = by_value.get(id(call.task))
        if owner is None or call.at is None:
            continue
        key = (call.at[0], call.at[1].line, call.at[1].col, id(owner))
        if key not in seen:
            seen.add(key)
            retries.setdefault(id(owner), []).append(Retry(owner, call.args, call.at, call.context))
    functions: dict[str, list[FunctionValue]] = {}
    for function in ev.functions_seen:
        functions.setdefault(function.scope.module.path, []).append(function)
    commands = tuple(_commands(ev, apps))
    project = Project(
        version=inputs.version,
        catalog=facts,
        apps=tuple(apps),
        tasks=tuple(tasks),
        schedule=tuple(sorted(entries, key=lambda e: (e.at[0], e.at[1].line, e.at[1].col, e.name))),
        dispatches=tuple(dispatches),
        retries={
            key: tuple(sorted(value, key=lambda r: (r.at[1].line, r.at[1].col))) for key, value in retries.items()
        },
        repeated_keys=tuple(_repeated(ev, apps)),
        undecided=tuple(_undecided(apps, tasks)),
        crashes=tuple(ev.crashes),
        functions={
            path: tuple(sorted(value, key=lambda f: (f.node.line, f.node.col))) for path, value in functions.items()
        },
        index=index,
        commands=commands,
        django=_django(ev, apps),
        options=inputs.options,
        deployment=inputs.deployment,
        crew_of=cache(partial(_crew, ev, facts, apps, commands, inputs)),
        packages_of=cache(inputs.packages),
        takers_of=cache(partial(_takers, tasks)),
        source=inputs.source,
        machine=ev,
    )
    aliases = _aliases(ev)
    ev.linked = True
    return project, aliases


def _takers(tasks: Iterable[Task]) -> dict[tuple[str, str, Span], list[Task]]:
    """The tasks that take an option from a place, by the option and where the place is."""
    takers: dict[tuple[str, str, Span], list[Task]] = {}
    for task in tasks:
        for option, held in task.options.items():
            if held.at is not None:
                takers.setdefault((option, held.at[0], held.at[1].span), []).append(task)
    return takers


def _imports(statements: Iterable[ir.Stmt], deep: bool) -> Iterator[ir.Import | ir.ImportFrom]:
    """Import statements, at module level or anywhere."""
    for statement in statements:
        if isinstance(statement, (ir.Import, ir.ImportFrom)):
            yield statement
        elif isinstance(statement, (ir.Try, ir.If, ir.With, ir.Class)):
            yield from _imports(statement.body, deep)
        elif isinstance(statement, ir.Function) and deep:
            yield from _imports(ir.read_body(statement), deep)


def _imports_of(facts: PythonFacts | None, deep: bool) -> Iterator[ir.Import | ir.ImportFrom]:
    return _imports(facts.body if facts is not None else (), deep)


# --- Django's settings module -----------------------------------------------------------------------------------------


def _django_modules(ev: Evaluator, gated: list[str], inputs: Inputs) -> None:
    """Where files set DJANGO_SETTINGS_MODULE, in functions too (`manage.py` does it in `main`)."""
    if inputs.django_settings:
        ev.celery.django_fallback = inputs.django_settings
        ev.celery.django_forced = True
    for path in gated:
        facts = inputs.load(path)
        if facts is None:
            continue
        for variable, known in (
            ("DJANGO_SETTINGS_MODULE", ev.celery.django_module),
            ("DJANGO_CONFIGURATION", ev.celery.configurations),
        ):
            name = _set_in_environment(variable, facts.body, 0)
            if name is not None:
                known[path] = name


def _set_in_environment(variable: str, statements: Iterable[ir.Stmt], depth: int) -> str | None:
    for statement in statements:
        found: str | None = None
        if isinstance(statement, ir.ExprStmt):
            found = _setdefault(variable, statement.value)
        elif isinstance(statement, ir.Assign) and isinstance(statement.targets[0], ir.Subscript):
            index, value = statement.targets[0].index, statement.value
            if isinstance(index, ir.Const) and index.value == variable and isinstance(value, ir.Const):
                found = value.value if isinstance(value.value, str) else None
        elif isinstance(statement, ir.Function) and depth < 2 and "setdefault" in statement.uses:
            found = _set_in_environment(variable, ir.read_body(statement), depth + 1)
        elif isinstance(statement, (ir.If, ir.Try, ir.With)):
            found = _set_in_environment(variable, statement.body, depth)
            if found is None and isinstance(statement, ir.If):
                found = _set_in_environment(variable, statement.orelse, depth)
        if found is not None:
            return found
    return None


def _setdefault(variable: str, node: ir.Expr) -> str | None:
    if not isinstance(node, ir.Call) or not isinstance(node.func, ir.Attr) or node.func.attr != "setdefault":
        return None
    if len(node.args) == 2:
        key, value = node.args
        if isinstance(key, ir.Const) and key.value == variable and isinstance(value, ir.Const):
            return value.value if isinstance(value.value, str) else None
    return None


# --- code that only runs when somebody calls it -----------------------------------------------------------------------


def _call_factories(ev: Evaluator) -> None:
    """Application factories that nothing at module level calls: the server does."""
    for cls in list(ev.classes_seen):
        if cls.scope.module.gated and any(
            isinstance(s, ir.Function) and _FACTORY_USES & set(s.uses) for s in cls.node.body
        ):
            ev.class_body(cls)
    for function in list(ev.functions_seen):
        node = function.node
        if not isinstance(node, ir.Function) or id(node) in ev.called or function.owner_class is not None:
            continue
        uses = set(node.uses)
        if not uses & _FACTORY_USES and "conf" not in uses:
            continue
        if node.name.lstrip("_").startswith(_FACTORY_NAMES):
            ev.call_function(function, Arguments([], {}, function.at))


def _call_handlers(ev: Evaluator) -> None:
    """Handlers of `on_configure`, `on_after_configure`, `on_after_finalize`, in Celery's order."""
    for handler in ev.celery.import_handlers:
        for app in list(ev.celery.apps):
            ev.fuel = 100_000
            ev.call(handler, Arguments([], {"sender": Entry(app, app.at)}, app.at))
    for signal in ("on_configure", "on_after_configure", "on_after_finalize"):
        for app in list(ev.celery.apps):
            done: set[int] = set()
            while True:
                pending = [h for s, h in app.handlers if s == signal and id(h) not in done]
                if not pending:
                    break
                for handler in pending:
                    done.add(id(handler))
                    ev.fuel = 100_000
                    ev.call(handler, Arguments([], {"sender": Entry(app, app.at)}, app.at))


# --- apps -------------------------------------------------------------------------------------------------------------


def _apps(ev: Evaluator, facts: catalog.Catalog) -> list[App]:
    names = _bindings(ev)
    out: list[App] = []
    for value in ev.celery.apps:
        if value.at is None:
            continue
        settings: dict[str, Decision] = {}
        own: dict[str, Decision] = {}
        for key in facts.settings:
            found = effective(ev, value, key)
            decision = decide(ev, found.value, found.kind, found.at)
            if found.kind == "default":
                decision = Decision(decision.value, decision.known, "default", raw=decision.raw, why=decision.why)
            settings[key] = decision
            if lookup(ev, value, key) is not None:
                own[key] = decision
        name = names.get(id(value)) or f"{value.module.dotted} (line {value.at[1].line})"
        at = value.sources[-1].at if value.sources else None
        out.append(
            App(
                name=name,
                at=value.at,
                value=value,
                settings=settings,
                routes=routing.expand(ev, settings["task_routes"])
                if "task_routes" in settings
                else Routes((), True, None),
                own_settings=own,
                settings_at=at,
                root=value.module.root,
                namespace=namespace(ev, value),
                source=source_name(ev, value),
            )
        )
    return sorted(out, key=lambda app: (app.at[0], app.at[1].line, app.at[1].col))


def _bindings(ev: Evaluator) -> dict[int, str]:
    """The dotted name that each app is bound to: in the module that makes it if possible."""
    found: dict[int, tuple[tuple[int, str], str]] = {}
    for path in sorted(ev.index.paths):
        module = ev.index.loaded(path)
        if module is None or not module.started:
            continue
        for name, entry in module.scope.entries.items():
            value = ev.peek(entry.value)
            if not isinstance(value, cv.App):
                continue
            dotted = f"{module.dotted}.{name}" if module.dotted else name
            rank = (0 if module is value.module else 1, path)
            if id(value) not in found or rank < found[id(value)][0]:
                found[id(value)] = (rank, dotted)
    return {key: dotted for key, (_, dotted) in found.items()}


# --- tasks ------------------------------------------------------------------------------------------------------------


def _tasks(ev: Evaluator, facts: catalog.Catalog, apps: list[App]) -> list[Task]:
    by_app = {id(app.value): app for app in apps}
    out: list[Task] = []
    seen: dict[tuple[str, int, str], list[Task]] = {}
    for value in ev.celery.tasks:
        if value.handed_on and len(apps) == 1:
            value.foreign = False
        app = by_app.get(id(value.app)) if value.app is not None else _nearest(apps, value.module)
        if value.home is None and app is not None:
            value.home = app.value
        task = _task(ev, facts, value, app)
        alike = seen.setdefault((task.path, task.line, task.name), [])
        if not any(_same(task, other) for other in alike):
            alike.append(task)
            out.append(task)
    return sorted(out, key=lambda task: (task.path, task.line, task.name))


def _same(task: Task, other: Task) -> bool:
    """Whether one task was seen twice; two may share a definition, made by calls of the function that it stands in."""
    one, two = task.value.function, other.value.function
    if one is None or two is None or one.innermost.scope is two.innermost.scope:
        return True
    return (task.at[0], task.at[1].line) == (other.at[0], other.at[1].line)


def _nearest(apps: list[App], module: Module) -> App | None:
    """The app that a shared task of a module belongs to: of the same source root, nearest in the tree, and one that loads
    tasks rather than one that only sends them, or keeps their schedule."""
    if len(apps) == 1:
        return apps[0]
    folder = module.path.split("/")[:-1]

    def rank(app: App) -> tuple[int, int, bool, str, int]:
        other = app.at[0].split("/")[:-1]
        common = 0
        for one, two in zip(folder, other, strict=False):
            if one != two:
                break
            common += 1
        same = 0 if app.root == module.root else 1
        loads = app.value.autodiscovers or app.settings["include"].chosen or app.settings["imports"].chosen
        return (same, -common, not loads, app.at[0], app.at[1].line)

    ranked = sorted(apps, key=rank)
    if not ranked:
        return None
    return ranked[0]


def _task(ev: Evaluator, facts: catalog.Catalog, value: cv.Task, app: App | None) -> Task:
    named = task_name(ev, value, app.value if app is not None else None)
    definition = _definition(value)
    node = definition[1]
    function = node.name if isinstance(node, (ir.Function, ir.Class)) else "<lambda>"
    name = named.value if named.known and isinstance(named.value, str) else f"{value.module.dotted}.{function}"
    bases = Bases(ev, value)
    options, behaviour = effective_options(ev, facts, value, bases, name, app)
    own = attribute(ev, value, bases, "queue") or Decision(None, True, "default")
    exchange = attribute(ev, value, bases, "exchange")
    default = (
        app.settings["task_default_queue"]
        if app is not None
        else Decision(None, False, "default", None, "no app is known")
    )
    routes = app.routes if app is not None else Routes((), False, None)
    queue = routing.queue_of(routes, name, own, default, exchange is not None and exchange.chosen)
    at = value.at if value.cls is None else definition
    assert at is not None
    return Task(
        name=name,
        named=named,
        function=function,
        path=definition[0],
        line=node.line,
        app=app,
        value=value,
        options=options,
        behaviour=behaviour,
        queue=queue,
        at=at,
        definition=definition,
        keywords={key: entry.at for key, entry in value.options.items() if entry.at is not None},
        bound=bool(bound_first(ev, value)) or value.cls is not None,
        class_based=value.cls is not None,
        conditional=value.conditional,
        shared=value.app is None,
        lineage=_lineage(ev, value),
    )


def _lineage(ev: Evaluator, value: cv.Task) -> tuple[Value, ...]:
    cls = task_class(ev, value)
    if cls is None:
        return ()
    return tuple(ev.mro(cls)) if isinstance(cls, ClassValue) else (cls,)


def _definition(value: cv.Task) -> At:
    if value.cls is not None and value.cls.at is not None:
        return value.cls.at
    if value.function is not None:
        at = value.function.innermost.at
        if at is not None:
            return at
    assert value.at is not None
    return value.at


# --- bodies -----------------------------------------------------------------------------------------------------------


def _walk(ev: Evaluator, tasks: list[Task], gated: list[str]) -> None:
    """Walk every body that sends, makes or retries a task."""
    owners: dict[int, Task] = {}
    for task in tasks:
        function = task.value.function
        while function is not None:
            owners[id(function.node)] = task
            function = function.wraps
    _know_classes(ev, tasks)
    classes = {id(task.value.cls): task for task in tasks if task.value.cls is not None}
    done: set[int] = set()
    for function in list(ev.functions_seen):
        node = function.node
        if not isinstance(node, ir.Function) or id(node) in done:
            continue
        subject = _subject(function, owners, classes)
        # A task that has itself in hand may give it to a helper that retries it.
        itself = bool(subject) and isinstance(subject[0], cv.TaskSelf)
        if itself or not _WALKED.isdisjoint(node.uses):
            done.add(id(node))
            ev.walk_function(function, Arguments(subject, {}, None, open=True))
    _walk_callers(ev, owners, classes, done)
    for path in gated:
        _walk_main(ev, ev.index.module(path))


def _know_classes(ev: Evaluator, tasks: list[Task]) -> None:
    """Run the bodies of classes with methods that send or call tasks, that open a transaction (with what they inherit), or
    that save.
    """
    wanted = _WALKED | _OPENERS | {task.function for task in tasks}
    for cls in list(ev.classes_seen):
        saves = any(isinstance(s, ir.Function) and s.name == "save" for s in cls.node.body)
        if cls.scope.module.gated and (saves or _has_method_using(cls, wanted)):
            ev.class_body(cls)
            if _has_method_using(cls, _OPENERS):
                for base in map(ev.peek, cls.bases):
                    if isinstance(base, ClassValue) and base.scope.module.gated:
                        ev.class_body(base)


def _has_method_using(cls: ClassValue, names: AbstractSet[str]) -> bool:
    return any(isinstance(s, ir.Function) and not names.isdisjoint(s.uses) for s in cls.node.body)


def _walk_callers(ev: Evaluator, owners: dict[int, Task], classes: dict[int, Task], done: set[int]) -> None:
    """Walk functions that hand a task to a function of the project which sends it, and send nothing themselves."""
    functions = [(f, f.node) for f in list(ev.functions_seen) if isinstance(f.node, ir.Function)]
    senders = {node.name for f, node in functions if id(node) in done and _sends_an_argument(ev, node)}
    if not senders:
        return
    for function, node in functions:
        if id(node) not in done and not senders.isdisjoint(node.uses):
            done.add(id(node))
            ev.walk_function(function, Arguments(_subject(function, owners, classes), {}, None, open=True))


def _sends_an_argument(ev: Evaluator, node: ir.Function) -> bool:
    """Whether a function sends a task that it is handed: `task.delay(...)` of a parameter."""
    if _SENDS.isdisjoint(node.uses):
        return False
    names = {param.name for param in node.params} - {"self", "cls"}
    return any(
        isinstance(inner, ir.Attr)
        and inner.attr in _SENDS
        and isinstance(inner.value, ir.Name)
        and inner.value.id in names
        for statement in ev.body(node)
        for inner in nodes(statement)
    )


def _walk_main(ev: Evaluator, module: Module) -> None:
    """Walk what a module does when it is run as a program: for the rest of the project it never happens."""
    for statement in module.facts.body if module.facts is not None else ():
        if isinstance(statement, ir.If) and _is_main(statement.test):
            with ev.walking(), suppress(OutOfFuel, RecursionError):
                ev.block(statement.body, Scope("function", module, module.scope))


def _is_main(test: ir.Expr) -> bool:
    return (
        isinstance(test, ir.Compare)
        and isinstance(test.left, ir.Name)
        and test.left.id == "__name__"
        and isinstance(test.rights[0], ir.Const)
        and test.rights[0].value == "__main__"
    )


def _subject(function: FunctionValue, owners: dict[int, Task], classes: dict[int, Task]) -> list[Value]:
    """What is known of the first argument of a body."""
    task = owners.get(id(function.node))
    if task is not None:
        return [cv.TaskSelf(task.value, task.at)] if task.bound else []
    cls = function.owner_class
    # What was seen is the function as it was defined, before any decorator.
    kinds = {d.id for d in getattr(function.node, "decorators", ()) if isinstance(d, ir.Name)}
    if cls is None or "staticmethod" in kinds:
        return []
    owner = classes.get(id(cls))
    if owner is not None:
        return [cv.TaskSelf(owner.value, owner.at)]
    return [cls if "classmethod" in kinds else Instance(cls, cls.at)]


def _dispatches(ev: Evaluator, by_name: dict[str, Task], by_value: dict[int, Task]) -> list[Dispatch]:
    out: list[Dispatch] = []
    seen: set[tuple[str, int, int, str, str]] = set()
    for found in ev.celery.dispatches:
        if found.at is None:
            continue
        task = by_value.get(id(found.task)) if found.task is not None else None
        name = task.name if task is not None else None
        if task is None and found.task_name is not None:
            held = plain(ev, found.task_name)
            name = held.value if held.known and isinstance(held.value, str) else None
            task = by_name.get(name) if name else None
        key = (found.at[0], found.at[1].line, found.at[1].col, found.method, name or "")
        if key in seen:
            continue
        seen.add(key)
        out.append(Dispatch(task, name, found.method, found.args, found.at, found.context, found.function))
    return sorted(out, key=lambda d: (d.at[0], d.at[1].line, d.at[1].col, d.method, d.task_name or ""))


def _commands(ev: Evaluator, apps: list[App]) -> Iterator[Command]:
    by_app = {id(app.value): app for app in apps}
    seen: set[tuple[str, int, int]] = set()
    for found in ev.celery.commands:
        key = (found.at[0], found.at[1].line, found.at[1].col)
        if key not in seen:
            seen.add(key)
            words, places = tuple(word for word, _ in found.words), tuple(at for _, at in found.words)
            yield Command(by_app.get(id(found.app)), words, places, found.at, found.context)


def _crew(
    ev: Evaluator, facts: catalog.Catalog, apps: list[App], commands: tuple[Command, ...], inputs: Inputs
) -> Crew:
    """Workers, beats and monitors, read when somebody asks for them."""
    from celerylint.model.deploy.development import Patterns, judge
    from celerylint.model.deploy.workers import crew

    patterns = Patterns(inputs.options.deployment_files, inputs.options.development_files)
    return crew(ev, facts, apps, inputs.deployment.processes, commands, judge(patterns))


# --- the rest ---------------------------------------------------------------------------------------------------------


def _django(ev: Evaluator, apps: list[App]) -> dict[str, Decision]:
    """Django's settings as the first app that uses them sees them."""
    for app in apps:
        found = for_tasks(ev, app.value.module)
        if found:
            return {name: decide(ev, e.value, "setting" if e.at else "default", e.at) for name, e in found.items()}
    return {}


def _repeated(ev: Evaluator, apps: list[App]) -> Iterator[tuple[App, str, At, At]]:
    seen: set[int] = set()
    for app in apps:
        setting = app.settings.get("beat_schedule")
        value = ev.force(setting.raw) if setting is not None and setting.raw is not None else None
        if isinstance(value, Mapping) and id(value) not in seen:
            seen.add(id(value))
            for key, first, second in value.repeats:
                yield app, str(key), first, second


def _undecided(apps: list[App], tasks: list[Task]) -> Iterator[Undecided]:
    """Every cause once."""
    seen: set[tuple[str, str]] = set()
    nowhere = Span(1, 1, 1, 1)
    for app in apps:
        for key, decision in app.settings.items():
            if not decision.known:
                where = decision.place or app.place
                mark = (decision.why, where.path)
                if mark not in seen:
                    seen.add(mark)
                    yield Undecided(f"{app.name}: {key}", decision.why, where)
    for task in tasks:
        for key, decision in (("name", task.named), *task.options.items(), ("queue", task.queue)):
            if not decision.known:
                where = decision.place or Place(task.path, nowhere)
                mark = (decision.why, where.path)
                if mark not in seen:
                    seen.add(mark)
                    yield Undecided(f"{task.name}: {key}", decision.why, where)


def _aliases(ev: Evaluator) -> frozenset[str]:
    """Names that modules of the project bind to task decorators or apps under a spelling that does not show it."""
    out: set[str] = set()
    for path in sorted(ev.index.paths):
        module = ev.index.loaded(path)
        if module is None or not module.started:
            continue
        for name, entry in module.scope.entries.items():
            if name not in _MAKERS and _makes_tasks(ev, ev.peek(entry.value)):
                out.add(name)
    # A function that returns what makes tasks is a decorator, used or not by the files read so far.
    tasks = {id(task.function.node) for task in ev.celery.tasks if task.function is not None}
    app_classes = [base for app in ev.celery.apps if app.cls is not None for base in ev.mro(app.cls)]
    functions = [
        f.node
        for f in ev.functions_seen
        if isinstance(f.node, ir.Function)
        and id(f.node) not in tasks
        and (f.owner_class is None or f.owner_class in app_classes)
    ]
    makers = {*_MAKERS, *out}
    fresh = True
    while fresh:
        found = {node.name for node in functions if not makers.isdisjoint(node.uses) and _returns(ev, node, makers)}
        fresh = not found <= makers
        makers |= found
        out |= found
    for task in ev.celery.tasks:
        name_of = _decorator_name(task)
        if name_of is not None:
            out.add(name_of)
    return frozenset(out)


def _makes_tasks(ev: Evaluator, value: Value) -> bool:
    if isinstance(value, Partial):
        return _makes_tasks(ev, ev.peek(value.function))
    if isinstance(value, External):
        return value.dotted == "celery.shared_task"
    # An app is not among them: whoever decorates with it writes `.task`, which shows.
    return isinstance(value, cv.TaskMaker) or (isinstance(value, cv.AppMember) and value.name == "task")


def _returns(ev: Evaluator, node: ir.Function, makers: set[str]) -> bool:
    """Whether a function returns what one of the makers returns, itself or through a function defined inside."""

    def leads(statements: list[ir.Stmt]) -> bool:
        for statement in statements:
            if isinstance(statement, ir.Return) and statement.value is not None and _maker(statement.value) in makers:
                return True
            if isinstance(statement, ir.Function):
                if not makers.isdisjoint(statement.uses) and leads(ir.read_body(statement)):
                    return True
            elif isinstance(statement, (ir.If, ir.For, ir.While)):
                if leads(statement.body) or leads(statement.orelse):
                    return True
            elif isinstance(statement, (ir.With, ir.Try)) and leads(statement.body):
                return True
        return False

    return leads(ev.body(node))


def _maker(node: ir.Expr) -> str:
    """The last name of what is called: `task` in `app.task(**options)(function)`, `job` in `partial(job, ...)`."""
    while isinstance(node, ir.Call):
        name = (
            node.func.attr if isinstance(node.func, ir.Attr) else node.func.id if isinstance(node.func, ir.Name) else ""
        )
        node = node.args[0] if name == "partial" and node.args else node.func
    return node.attr if isinstance(node, ir.Attr) else node.id if isinstance(node, ir.Name) else ""


def _decorator_name(task: cv.Task) -> str | None:
    """The last part of the decorator's own name, if it is not one of Celery's."""
    if task.at is None:
        return None
    node: ir.Node = task.at[1]
    while isinstance(node, ir.Call):
        node = node.func
    name = node.attr if isinstance(node, ir.Attr) else node.id if isinstance(node, ir.Name) else None
    return name if name not in ("task", "shared_task", "register_task", None) else None

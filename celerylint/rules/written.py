"""The settings of an app as they are written, with names that Celery may not know: what rules about names look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from celerylint.facts import ir
from celerylint.facts.walk import children
from celerylint.model.celery_values import ConfigSource
from celerylint.model.modules import Module
from celerylint.model.project import App, Project
from celerylint.model.values import (
    At,
    ClassValue,
    Entry,
    External,
    Instance,
    Mapping,
    ModuleValue,
    Scalar,
    forced,
)


class Written(Struct, frozen=True):
    """One name, and where a value is put under it."""

    name: str
    at: At
    kind: str
    """`code` for `app.conf.x = ...` and the arguments of `Celery(...)`, `object` for what config_from_object reads."""


class Names(Struct, frozen=True):
    """What an app is configured from."""

    namespace: str | None
    """With its underscore: `CELERY_`; empty without one, None where it cannot be known."""
    code: tuple[Written, ...]
    object: tuple[Written, ...]
    """Names of constants only: imports, functions and classes are left out."""
    dedicated: bool
    """Whether the object holds nothing but settings of Celery: it is not Django's settings."""
    paths: frozenset[str]
    """The files that the object's names come from."""
    complete: bool
    """Whether everything that the object holds is known."""


def names_of(app: App, project: Project) -> Names:
    """Every name that is set for an app."""
    value = app.value
    code = [Written(name, entry.at, "code") for name, entry in value.changes.items() if entry.at is not None]
    last = value.sources[-1] if value.sources else None
    found = _Object(app)
    if last is not None:
        found.read(last)
    return Names(
        app.namespace,
        tuple(code),
        tuple(found.names.values()),
        found.dedicated,
        frozenset(written.at[0] for written in found.names.values()),
        found.complete and (last is None or last.certain),
    )


class _Object:
    """Reads the object that `config_from_object` was given last."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.names: dict[str, Written] = {}
        self.dedicated = True
        self.complete = True

    def read(self, source: ConfigSource) -> None:
        value = forced(source.source)
        if isinstance(value, Scalar) and isinstance(value.value, str):
            self._named(value.value)
        elif isinstance(value, External):
            self._named(value.dotted.replace("django.conf.settings", "django.conf:settings"))
        elif isinstance(value, ModuleValue):
            self.add(value.module.scope.entries)
            self.complete = not value.module.scope.stars
        elif isinstance(value, Mapping):
            self.add({key: entry for key, entry in value.items.items() if isinstance(key, str)})
            self.complete = not value.open
        elif isinstance(value, (ClassValue, Instance)):
            self._class(value.cls if isinstance(value, Instance) else value)
            if isinstance(value, Instance):
                self.add(value.attrs)
        else:
            self.complete = False

    def add(self, entries: dict[str, Entry]) -> None:
        """Constants among bindings."""
        for name, entry in entries.items():
            if entry.at is not None and isinstance(entry.at[1], (ir.Assign, ir.AnnAssign, ir.Keyword, ir.Const)):
                self.names[name] = Written(name, entry.at, "object")

    def _class(self, cls: ClassValue) -> None:
        for base in reversed(cls.bases):
            held = forced(base)
            if isinstance(held, ClassValue):
                self._class(held)
            elif not (isinstance(held, External) and held.dotted.startswith("builtins.")):
                self.complete = False
        self.add(cls.attrs)
        self._statements(cls.scope.module.path, cls.node.body, 0)

    def _named(self, name: str) -> None:
        if name == "django.conf:settings":
            self.dedicated = False
            self._django()
            return
        dotted, _, attribute = name.partition(":")
        if attribute:
            self.complete = False
            return
        path = self._path(dotted, self.app.value.module.path, self.app.root)
        if path is None:
            self.complete = False
        else:
            self._module(path, 0)

    def _django(self) -> None:
        """The settings module: the files that live settings come from, and the one that the app's module names."""
        paths = {
            decision.at[0]
            for decision in self.app.own_settings.values()
            if decision.at is not None and isinstance(decision.at[1], (ir.Assign, ir.AnnAssign))
        } - {self.app.value.module.path}
        facts = self.app.value.module.facts
        for node in facts.body if facts is not None else ():
            name = _settings_module(node)
            path = self._path(name, self.app.value.module.path, self.app.root) if name else None
            if path is not None:
                paths.add(path)
        self.complete = False
        for path in sorted(paths):
            self._module(path, 0)
        for path, cls in self._classes():
            self._statements(path, cls.body, 0)

    def _classes(self) -> Iterator[tuple[str, ir.Class]]:
        """The classes, of django-configurations, that settings in force come from."""
        places = [decision.at for decision in self.app.own_settings.values() if decision.at is not None]
        for path in sorted({path for path, _ in places} - {self.app.value.module.path}):
            lines = [node.line for where, node in places if where == path]
            for node in load(self.app, path) or ():
                if isinstance(node, ir.Class) and any(node.line < line <= node.end_line for line in lines):
                    yield path, node

    def _path(self, dotted: str, importer: str, root: str) -> str | None:
        """The file that a dotted name stands for, seen from a file."""
        tail = dotted.replace(".", "/")
        folder = importer.rpartition("/")[0]
        parts = folder.split("/") if folder else []
        folders = [root, *("/".join(parts[:count]) for count in range(len(parts), -1, -1))]
        for base in dict.fromkeys(folders):
            for path in (f"{base}/{tail}.py", f"{base}/{tail}/__init__.py"):
                path = path.lstrip("/")
                if load(self.app, path) is not None:
                    return path
        return None

    def _module(self, path: str, depth: int) -> None:
        facts = load(self.app, path)
        if facts is not None and depth < 6:
            self._statements(path, facts, depth)

    def _statements(self, path: str, statements: Iterable[ir.Stmt], depth: int) -> None:
        for node in flat(statements):
            if isinstance(node, ir.ImportFrom) and any(alias.name == "*" for alias in node.names):
                star = self._path(_absolute(node, path, self.app.root), path, self.app.root)
                if star is not None:
                    self._module(star, depth + 1)
                else:
                    self.complete = False
            targets: list[ir.Expr] = []
            if isinstance(node, ir.Assign):
                targets = node.targets
            elif isinstance(node, ir.AnnAssign) and node.value is not None:
                targets = [node.target]
            for target in targets:
                if isinstance(target, ir.Name):
                    self.names.setdefault(target.id, Written(target.id, (path, node), "object"))


def _absolute(node: ir.ImportFrom, path: str, root: str) -> str:
    if not node.level:
        return node.module
    folder = path.split("/")[: -node.level]
    inside = folder[len(root.split("/")) if root else 0 :]
    return ".".join([*inside, *([node.module] if node.module else [])])


def _settings_module(node: ir.Stmt) -> str | None:
    call = node.value if isinstance(node, ir.ExprStmt) else None
    if isinstance(call, ir.Call) and isinstance(call.func, ir.Attr) and call.func.attr == "setdefault":
        words = [arg.value for arg in call.args if isinstance(arg, ir.Const)]
        if len(words) == 2 and words[0] == "DJANGO_SETTINGS_MODULE" and isinstance(words[1], str):
            return words[1]
    return None


def load(app: App, path: str) -> list[ir.Stmt] | None:
    """The statements of a file of the project; None if there is none at this path."""
    module = app.value.module
    facts = module.facts if path == module.path else module._load(path)
    return facts.body if facts is not None else None


def flat(statements: Iterable[ir.Stmt]) -> Iterator[ir.Stmt]:
    """The statements that a module or class body may run, those of branches too."""
    for node in statements:
        yield node
        if isinstance(node, (ir.If, ir.For, ir.While)):
            yield from flat(node.body)
            yield from flat(node.orelse)
        elif isinstance(node, ir.Try):
            yield from flat([*node.body, *(s for handler in node.handlers for s in handler.body), *node.orelse])
            yield from flat(node.final)
        elif isinstance(node, ir.With):
            yield from flat(node.body)


def paths_of(project: Project) -> frozenset[str]:
    """Files that are known to have something to do with Celery."""
    out = set(project.functions)
    out.update(app.at[0] for app in project.apps)
    out.update(task.path for task in project.tasks)
    out.update(task.at[0] for task in project.tasks)
    out.update(decision.at[0] for app in project.apps for decision in app.own_settings.values() if decision.at)
    return frozenset(out)


def names_read(project: Project, wanted: frozenset[str], more: Iterable[str] = ()) -> frozenset[str]:
    """Which of some names the project reads: those are its own constants, whatever Celery makes of them."""
    found: set[str] = set()
    if not project.apps or not wanted:
        return frozenset()
    spelled = [name.encode() for name in wanted]
    for path in sorted({*paths_of(project), *more}):
        source = project.source(path) or b""
        if not any(name in source for name in spelled):
            continue
        for node in _nodes(load(project.apps[0], path) or []):
            if isinstance(node, ir.Call):
                found.update(wanted & _asked_for(node))
            elif _reads(node) in wanted:
                found.add(_reads(node))
            elif isinstance(node, ir.ImportFrom):
                found.update(wanted & {alias.name for alias in node.names})
    return frozenset(found)


def _reads(node: ir.Node) -> str:
    if isinstance(node, ir.Name):
        return node.id
    if isinstance(node, ir.Attr):
        return node.attr
    if isinstance(node, ir.Subscript) and isinstance(node.index, ir.Const) and not _environ(node.value):
        return str(node.index.value)
    return ""


def _asked_for(call: ir.Call) -> set[str]:
    """The names that a call is given as text: `getattr(conf, "name")`, `value_of(conf, "name", set)`, `conf.get("name")`."""
    func = call.func
    name = func.attr if isinstance(func, ir.Attr) else func.id if isinstance(func, ir.Name) else ""
    if name in ("setattr", "setdefault") or (isinstance(func, ir.Attr) and _environ(func.value)):
        return set()
    given = call.args[:1] if name == "get" and isinstance(func, ir.Attr) else call.args[1:]
    return {part.value for part in given if isinstance(part, ir.Const) and isinstance(part.value, str)}


def _environ(node: ir.Expr) -> bool:
    name = node.attr if isinstance(node, ir.Attr) else node.id if isinstance(node, ir.Name) else ""
    return "env" in name.lower()


def _nodes(root: object) -> Iterator[ir.Node]:
    """Everything below, without what is only assigned to."""
    pending: list[object] = [root]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending.extend(node)
        elif isinstance(node, (ir.Assign, ir.AnnAssign, ir.AugAssign)):
            yield node
            targets = node.targets if isinstance(node, ir.Assign) else [node.target]
            pending.extend(target.value for target in targets if isinstance(target, (ir.Attr, ir.Subscript)))
            pending.append(node.value)
        elif isinstance(node, ir.Node):
            yield node
            pending.extend(children(node))


def modules(project: Project) -> dict[str, Module]:
    """The modules of the project that are known to have something to do with Celery, by path."""
    found = [function.scope.module for functions in project.functions.values() for function in functions[:1]]
    found += [task.value.module for task in project.tasks]
    found += [app.value.module for app in project.apps]
    return {module.path: module for module in found}

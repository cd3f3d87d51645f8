"""Which modules a worker has imported when it begins, as far as that can be known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.model.modules import Module, ModuleIndex
from celerylint.model.project import App, Project
from celerylint.model.values import Arguments, FunctionValue, Scalar, Sequence, Value, forced

MOST_FILES = 200
"""Files that do not mention Celery and are read for the sake of one answer: where it takes more, it is not known."""

_LOADERS = frozenset(
    {"importlib", "pkgutil", "imp", "runpy", "stevedore", "django.utils.module_loading", "werkzeug.utils"}
)
"""Modules that import by names computed at run time."""


_SETTINGS = ("include", "imports")
_HARMLESS = ("metadata", "resources", "reload")
_SIMPLE = (ir.Assign, ir.AnnAssign, ir.AugAssign, ir.ExprStmt, ir.Return)
_TELLING = ("autodiscover_tasks", "import_default_modules", "import_task_module", "import_modules")
_TOLD = tuple(word.encode() for word in (*_TELLING, *_SETTINGS, "loader"))
_TELLERS = frozenset({*_TELLING, *_SETTINGS, "conf", "Celery"})


class UnknowableError(Exception):
    """What workers import cannot be told from the files."""


class Listed:
    """The modules that an app's configuration names for its workers."""

    def __init__(self, app: App, project: Project) -> None:
        self.app = app
        self.index = project.index
        self.modules: list[Module] = []
        self.related: set[str] = set()
        """Names of modules that are looked for in packages that Django knows."""
        for setting in _SETTINGS:
            self._setting(setting)
        for args in app.value.autodiscovers:
            self._autodiscover(args)

    @property
    def explicit(self) -> bool:
        """Whether workers are told of any module of the project."""
        return bool(self.modules or self.related)

    def _setting(self, name: str) -> None:
        held = self.app.setting(name)
        value = [held.value] if isinstance(held.value, str) else held.value
        if not held.known or not all(isinstance(item, str) for item in value or ()):
            raise UnknowableError
        for item in value or ():
            self._add(item)

    def _autodiscover(self, args: Arguments) -> None:
        packages, related = args.get(0, "packages"), args.get(1, "related_name")
        tail = forced(related) if related is not None else Scalar("tasks")
        if args.open or not isinstance(tail, Scalar) or not isinstance(tail.value, str | None):
            raise UnknowableError
        value = forced(packages) if packages is not None else None
        if value is None or isinstance(value, FunctionValue) or (isinstance(value, Scalar) and value.value is None):
            self.related.add(tail.value or "")
            return
        if not isinstance(value, Sequence) or value.open:
            raise UnknowableError
        for item in value.items:
            self._add(_text(forced(item)))
            if tail.value:
                self._add(f"{_text(forced(item))}.{tail.value}", needed=False)

    def _add(self, dotted: str, *, needed: bool = True) -> None:
        module = self.index.find(dotted, self.app.value.module)
        if module is not None:
            self.modules.append(module)
        elif needed and self.index.find(dotted.partition(".")[0], self.app.value.module) is not None:
            # A folder without `__init__.py`, or a name that is not there, which is another fault.
            raise UnknowableError


def _text(value: Value) -> str:
    if not isinstance(value, Scalar) or not isinstance(value.value, str):
        raise UnknowableError
    return value.value


def told_elsewhere(project: Project) -> bool:
    """Whether code that was not evaluated may tell workers of more modules: in a function that nobody is seen to call."""
    seen = {
        (at[0], at[1].line)
        for app in project.apps
        for at in (*(args.at for args in app.value.autodiscovers), *(app.setting(name).at for name in _SETTINGS))
        if at is not None
    }
    return any(
        _tells(node) and (path, node.line) not in seen
        for path, module in project.index.relevant.items()
        if any(word in (project.source(path) or b"") for word in _TOLD)
        for statement in _statements(module.facts.body if module.facts is not None else [], _may_tell)
        for node in _own(statement)
    )


def _may_tell(function: ir.Function) -> bool:
    return not _TELLERS.isdisjoint(function.uses)


def _tells(node: ir.Node) -> bool:
    """Whether a node adds to the modules that workers import."""
    if isinstance(node, ir.Attr):
        of_conf = node.attr in _SETTINGS and isinstance(node.value, ir.Attr) and node.value.attr == "conf"
        return of_conf or node.attr in _TELLING
    return isinstance(node, ir.Keyword) and node.name in (*_SETTINGS, "loader")


class Imports:
    """Which modules of a project import which. What was read once is kept."""

    def __init__(self, index: ModuleIndex) -> None:
        self.index = index
        self._of: dict[str, tuple[Module, ...]] = {}
        self._read = 0

    def reached(self, entries: Iterable[Module]) -> set[str]:
        """The paths of some modules and of all that they import, in functions too. Raises UnknowableError."""
        found: set[str] = set()
        pending = list(entries)
        while pending:
            module = pending.pop()
            if module.path not in found:
                found.add(module.path)
                pending.extend(self.of(module))
        return found

    def importers(self, wanted: Iterable[str], among: Iterable[Module]) -> dict[str, set[str]]:
        """The files among some that import each of the files wanted. Raises UnknowableError."""
        found: dict[str, set[str]] = {path: set() for path in wanted}
        for module in among if found else ():
            for other in self.of(module):
                if other.path in found and other is not module:
                    found[other.path].add(module.path)
        return found

    def of(self, module: Module) -> tuple[Module, ...]:
        """The modules that a module imports, and the packages that they lie in. Raises UnknowableError."""
        if module.path not in self._of:
            self._read += not module.gated
            if self._read > MOST_FILES:
                raise UnknowableError
            self._of[module.path] = tuple(_imports_of(module, self.index))
        return self._of[module.path]


def _imports_of(module: Module, index: ModuleIndex) -> Iterator[Module]:
    names = {module.dotted.rpartition(".")[0]} if module.dotted else set()
    for node in _statements(module.facts.body if module.facts is not None else []):
        names.update(_names(node, module, index))
    prefixes = {
        ".".join(parts[:count]) for parts in (name.split(".") for name in names) for count in range(1, len(parts) + 1)
    }
    for prefix in prefixes:
        found = index.find(prefix, module) if prefix else None
        if found is not None:
            yield found


def _names(node: ir.Stmt, module: Module, index: ModuleIndex) -> Iterator[str]:
    """The dotted names that a statement imports. Raises UnknowableError where they are made at run time."""
    if isinstance(node, ir.Import):
        loaded = [alias.path or alias.name for alias in node.names]
        yield from loaded
        if not _LOADERS.isdisjoint(loaded):
            raise UnknowableError
    elif isinstance(node, ir.ImportFrom):
        base = index.relative(module, node.module, node.level) if node.level else node.module
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names)
        if node.module in _LOADERS and any(alias.name not in _HARMLESS for alias in node.names):
            raise UnknowableError
    elif isinstance(node, ir.Function) and "__import__" in node.uses:
        raise UnknowableError


def _statements(
    body: Iterable[ir.Stmt], enters: Callable[[ir.Function], bool] = lambda function: True
) -> Iterator[ir.Stmt]:
    """Every statement, of branches and classes too, and of the functions that are entered."""
    pending: list[ir.Stmt] = list(body)
    while pending:
        node = pending.pop()
        yield node
        if isinstance(node, ir.Function):
            pending.extend(ir.read_body(node) if enters(node) else ())
            continue
        for part in ("body", "orelse", "final"):
            pending.extend(getattr(node, part, ()))
        for handler in getattr(node, "handlers", ()):
            pending.extend(handler.body)
        for case in getattr(node, "cases", ()):
            pending.extend(case.body)


def _own(statement: ir.Stmt) -> Iterator[ir.Node]:
    """The expressions of a simple statement: those of others are looked at with their own statements."""
    return nodes(statement) if isinstance(statement, _SIMPLE) else iter(())

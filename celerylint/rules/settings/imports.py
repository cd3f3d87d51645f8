"""Which modules a worker has imported when it begins, as far as that can be known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.model.modules import Module, ModuleIndex
from celerylint.model.project import App, Project
from celerylint.model.values import Arguments, FunctionValue, Scalar, Sequence, Value, forced

MOST_FILES = 500
"""Files read for the sake of one answer: in a larger project the answer is not known."""

_LOADERS = ("importlib", "pkgutil", "imp", "runpy", "stevedore", "django.utils.module_loading", "werkzeug.utils")
"""Modules that import by names computed at run time."""


_SETTINGS = ("include", "imports")
_TELLING = ("autodiscover_tasks", "import_default_modules", "import_task_module", "import_modules")


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
        for statement in (module.facts.body if module.facts is not None else [])
        for node in nodes(statement)
    )


def _tells(node: ir.Node) -> bool:
    """Whether a node adds to the modules that workers import."""
    if isinstance(node, ir.Attr):
        of_conf = node.attr in _SETTINGS and isinstance(node.value, ir.Attr) and node.value.attr == "conf"
        return of_conf or node.attr in _TELLING
    return isinstance(node, ir.Keyword) and node.name in (*_SETTINGS, "loader")


def imported(entries: Iterable[Module], index: ModuleIndex) -> set[str]:
    """The paths of some modules and of all that they import, in functions too. Raises UnknowableError."""
    found: set[str] = set()
    pending = list(entries)
    while pending:
        module = pending.pop()
        if module.path in found:
            continue
        found.add(module.path)
        if len(found) > MOST_FILES:
            raise UnknowableError
        pending.extend(imports_of(module, index))
    return found


def imports_of(module: Module, index: ModuleIndex) -> Iterator[Module]:
    """The modules of the project that a module imports, and the packages they lie in. Raises UnknowableError."""
    names = {module.dotted.rpartition(".")[0]} if module.dotted else set()
    for node in _statements(module.facts.body if module.facts is not None else []):
        names.update(_names(node, module, index))
    for name in names:
        parts = name.split(".") if name else []
        for count in range(1, len(parts) + 1):
            found = index.find(".".join(parts[:count]), module)
            if found is not None:
                yield found


def _names(node: ir.Stmt, module: Module, index: ModuleIndex) -> Iterator[str]:
    if isinstance(node, ir.Import):
        yield from (alias.path or alias.name for alias in node.names)
    elif isinstance(node, ir.ImportFrom):
        base = index.relative(module, node.module, node.level) if node.level else node.module
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names)
    elif isinstance(node, (ir.Assign, ir.ExprStmt)) and any(
        isinstance(inner, ir.Name) and inner.id == "__import__" for inner in nodes(node)
    ):
        raise UnknowableError
    if isinstance(node, (ir.Import, ir.ImportFrom)):
        for name in (
            [node.module] if isinstance(node, ir.ImportFrom) else [alias.path or alias.name for alias in node.names]
        ):
            if name in _LOADERS and not (isinstance(node, ir.ImportFrom) and _harmless(node)):
                raise UnknowableError


def _harmless(node: ir.ImportFrom) -> bool:
    return all(alias.name in ("metadata", "resources", "reload") for alias in node.names)


def _statements(body: Iterable[ir.Stmt]) -> Iterator[ir.Stmt]:
    """Every statement, of branches, classes and functions too."""
    pending: list[ir.Stmt] = list(body)
    while pending:
        node = pending.pop()
        yield node
        if isinstance(node, ir.Function):
            pending.extend(ir.read_body(node))
            continue
        for part in ("body", "orelse", "final"):
            pending.extend(getattr(node, part, ()))
        for handler in getattr(node, "handlers", ()):
            pending.extend(handler.body)
        for case in getattr(node, "cases", ()):
            pending.extend(case.body)

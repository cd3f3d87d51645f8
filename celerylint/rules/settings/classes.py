"""Task classes of a project and what it does with them, by what is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct, field

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.model.idioms.celery_tasks import SENDERS, SIGNATURES
from celerylint.model.modules import Module
from celerylint.model.project import Project
from celerylint.model.values import At, ClassValue, External, forced

_PLAIN_BASES = frozenset({"celery.Task", "celery.contrib.django.task.DjangoTask", "builtins.object", "abc.ABC"})
_SENT = (SENDERS | SIGNATURES) - {"apply"}
_CALLED = frozenset({"run", "__call__", "apply"})
_SEARCHES = frozenset({"__subclasses__", "getmembers", "globals", "vars"})
"""How classes are found without a mention of their names."""


def task_classes(project: Project) -> Iterator[ClassValue]:
    """The classes at module level that a worker could run if they were registered: Celery's `Task` with a `run`."""
    for module in project.index.relevant.values():
        for entry in module.scope.entries.values():
            value = entry.value
            if isinstance(value, ClassValue) and value.module is module and value.at is not None and _runs(value):
                yield value


def _runs(cls: ClassValue) -> bool:
    """Whether all that makes up a class is known, with Celery's `Task` and a `run` in it, and nothing that registers."""
    lineage = list(_lineage(cls))
    if not all(isinstance(base, ClassValue) or base in _PLAIN_BASES for base in lineage):
        return False
    known = [base for base in lineage if isinstance(base, ClassValue)]
    defined = {statement.name for base in known for statement in base.node.body if isinstance(statement, ir.Function)}
    plain = not any(base.decorators or base.node.keywords or _compatible(base.module) for base in known)
    return plain and "celery.Task" in lineage and "run" in defined and "__init_subclass__" not in defined


def _lineage(cls: ClassValue, depth: int = 0) -> Iterator[ClassValue | str]:
    """The class and its bases; foreign ones by name, and what is no class as an empty text."""
    yield cls
    for base in map(forced, cls.bases):
        if isinstance(base, ClassValue) and depth < 10:
            yield from _lineage(base, depth + 1)
        else:
            yield base.dotted if isinstance(base, External) else ""


def _compatible(module: Module) -> bool:
    """Whether a module uses the classes of Celery 3, which registered themselves."""
    body = module.facts.body if module.facts is not None else []
    return any(
        isinstance(node, ir.ImportFrom) and node.module.startswith(("celery.task", "celery.decorators"))
        for node in body
    )


def constant(cls: ClassValue, name: str) -> object:
    """The constant that a class body gives to a name; None if it gives none."""
    for statement in cls.node.body:
        targets = statement.targets if isinstance(statement, ir.Assign) else []
        if isinstance(statement, ir.Assign) and any(_last(target) == name for target in targets):
            return statement.value.value if isinstance(statement.value, ir.Const) else None
    return None


class Uses(Struct):
    """What is done with the objects of a class."""

    sent: list[At] = field(default_factory=list)
    other: bool = False
    """Whether it is mentioned in any way that may register it."""


class Mentions:
    """Everything that the relevant files of a project say, to look names up in. Made only where there is a class to judge."""

    def __init__(self, project: Project) -> None:
        bodies = {
            path: module.facts.body if module.facts is not None else []
            for path, module in project.index.relevant.items()
        }
        self._nodes: Mapping[str, list[ir.Node]] = {
            path: [node for statement in body for node in nodes(statement)] for path, body in bodies.items()
        }
        registered = {(task.value.at[0], task.value.at[1].line) for task in project.tasks if task.value.at is not None}
        self.dynamic = any(
            _last(node) in _SEARCHES or _registers_a_variable(node, (path, node.line) in registered)
            for path, held in self._nodes.items()
            for node in held
        )
        """Whether classes are registered, or may be, without being named there."""

    def of(self, cls: ClassValue) -> Uses:
        """What is done with a class."""
        uses = Uses()
        variables: set[str] = set()
        plain: set[int] = set()
        for path, held in self._nodes.items():
            for node in held:
                if isinstance(node, ir.Call) and isinstance(node.func, ir.Attr) and _makes(node.func.value, cls):
                    made = node.func.value
                    assert isinstance(made, ir.Call)
                    if node.func.attr in _SENT:
                        uses.sent.append((path, node))
                    if node.func.attr in _SENT | _CALLED:
                        plain.add(id(made.func))
                elif isinstance(node, ir.Assign) and _makes(node.value, cls):
                    assert isinstance(node.value, ir.Call)
                    if len(node.targets) == 1 and isinstance(node.targets[0], ir.Name):
                        variables.add(node.targets[0].id)
                        plain |= {id(node.value.func), id(node.targets[0])}
        name = constant(cls, "name")
        uses.other = any(id(node) not in plain and _mentions(node, cls.node.name, name) for node in self._all()) or any(
            not self._only_sent(variable, name, uses, plain) for variable in variables
        )
        return uses

    def _only_sent(self, variable: str, own: object, uses: Uses, plain: set[int]) -> bool:
        """Whether an object, known by the name of its variable, is sent and nothing else is done with it."""
        for path, held in self._nodes.items():
            for node in held:
                if isinstance(node, ir.Call) and isinstance(node.func, ir.Attr) and _last(node.func.value) == variable:
                    if node.func.attr in _SENT:
                        uses.sent.append((path, node))
                    if node.func.attr in _SENT | _CALLED:
                        plain.add(id(node.func.value))
        return not any(id(node) not in plain and _mentions(node, variable, own) for node in self._all())

    def _all(self) -> Iterator[ir.Node]:
        for held in self._nodes.values():
            yield from held


def _makes(node: ir.Node, cls: ClassValue) -> bool:
    """Whether an expression is `Pull()`, as far as names tell."""
    return isinstance(node, ir.Call) and not node.args and not node.keywords and _last(node.func) == cls.node.name


def _mentions(node: ir.Node, name: str, own: object) -> bool:
    """Whether a node speaks of a class or variable: by its name, under another name, or in a text."""
    if isinstance(node, (ir.Name, ir.Attr)):
        return _last(node) == name
    if isinstance(node, ir.Alias):
        return node.name == name and node.bound != name
    if isinstance(node, ir.Const) and isinstance(node.value, str):
        return node.value != own and (node.value == name or node.value.endswith((f".{name}", f":{name}")))
    return False


def _last(node: ir.Node) -> str:
    return node.id if isinstance(node, ir.Name) else node.attr if isinstance(node, ir.Attr) else ""


def _registers_a_variable(node: ir.Node, found: bool) -> bool:
    """Whether a call registers what a variable holds, which nothing was found out of."""
    if not isinstance(node, ir.Call) or found or not node.args:
        return False
    owner = node.func.value if isinstance(node.func, ir.Attr) else None
    if _last(node.func) != "register_task" and not (
        _last(node.func) == "register" and owner is not None and _last(owner) == "tasks"
    ):
        return False
    held = node.args[0].func if isinstance(node.args[0], ir.Call) else node.args[0]
    return not _last(held)[:1].isupper()

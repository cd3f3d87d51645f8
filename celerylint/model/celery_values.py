"""Celery's own objects as the evaluator sees them: apps, their configuration, task decorators, tasks, signatures."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from celerylint.model.values import Arguments, At, ClassValue, Entry, FunctionValue, Instance, Value

if TYPE_CHECKING:
    from celerylint.facts import ir
    from celerylint.model.modules import Module


class ConfigSource:
    """One call of `config_from_object` or `config_from_envvar`: the last one wins entirely."""

    __slots__ = ("at", "certain", "source")

    def __init__(self, source: Value, at: At | None, certain: bool) -> None:
        self.source = source
        self.at = at
        self.certain = certain


class App(Value):
    """A Celery application."""

    __slots__ = (
        "arguments", "attrs", "autodiscovers", "changes", "cls", "conf", "configured", "defaults", "handlers", "main",
        "module", "namespace", "opened", "periodic", "sources", "task_base",
    )  # fmt: skip

    def __init__(self, module: Module, at: At | None, cls: ClassValue | None) -> None:
        super().__init__(at)
        self.module = module
        self.cls = cls
        self.main: Value | None = None
        self.attrs: dict[str, Entry] = {}
        self.changes: dict[str, Entry] = {}
        """Settings set by code, by the name used; a later change replaces an earlier one."""
        self.arguments: set[str] = set()
        """Settings that were given to the constructor."""
        self.opened: Value | None = None
        """Something unknown that was merged into the settings by code."""
        self.defaults: list[Value] = []
        self.sources: list[ConfigSource] = []
        self.namespace: Value | None = None
        self.task_base: Entry | None = None
        self.handlers: list[tuple[str, Value]] = []
        self.autodiscovers: list[Arguments] = []
        self.periodic: list[Periodic] = []
        self.configured = False
        """Whether code has read the configuration: `on_after_configure` has been sent by then."""
        self.conf = Conf(self, at)


class Periodic:
    """One call of `add_periodic_task`."""

    __slots__ = ("args", "certain")

    def __init__(self, args: Arguments, certain: bool) -> None:
        self.args = args
        self.certain = certain


class Conf(Value):
    """`app.conf`."""

    __slots__ = ("app",)

    def __init__(self, app: App, at: At | None) -> None:
        super().__init__(at)
        self.app = app


class AppMember(Value):
    """A method or signal of an app."""

    __slots__ = ("app", "name")

    def __init__(self, app: App, name: str, at: At | None) -> None:
        super().__init__(at)
        self.app = app
        self.name = name


class TaskMaker(Value):
    """What `app.task(...)` or `shared_task(...)` returns: a decorator that makes a task of a function."""

    __slots__ = ("app", "args", "foreign", "handed_on")

    def __init__(self, app: App | None, args: Arguments, foreign: bool = False, handed_on: bool = False) -> None:
        super().__init__(args.at)
        self.handed_on = handed_on
        self.app = app
        self.args = args
        self.foreign = foreign
        """Whether its app comes from outside the project."""


class Task(Value):
    """A registered task."""

    __slots__ = (
        "app", "attrs", "cls", "conditional", "foreign", "function", "handed_on", "home", "instance", "method", "module",
        "opened", "options",
    )  # fmt: skip

    def __init__(self, app: App | None, at: At | None, module: Module) -> None:
        super().__init__(at)
        self.app = app
        self.home = app
        """The app it runs in; for a shared task the one it is taken to belong to, known once all modules have run."""
        self.module = module
        """The module whose code made it: where the decorator stands."""
        self.function: FunctionValue | None = None
        self.method = False
        self.cls: ClassValue | None = None
        self.instance: Instance | None = None
        self.options: dict[str, Entry] = {}
        self.opened = False
        """Whether options may have been given that cannot be seen."""
        self.attrs: dict[str, Entry] = {}
        """Attributes set on the task after it was made."""
        self.conditional = False
        self.foreign = False
        """Whether its app comes from outside the project, and with it perhaps a base class."""
        self.handed_on = False
        """Whether that is only because a framework handed the app on: if the project has one app, it is that."""


class TaskMember(Value):
    """A method of a task, such as `delay`."""

    __slots__ = ("name", "task")

    def __init__(self, task: Task, name: str, at: At | None) -> None:
        super().__init__(at)
        self.task = task
        self.name = name


class TaskSelf(Value):
    """The task as seen from inside a running body: `self` of a bound task, or a class-based task's own."""

    __slots__ = ("task",)

    def __init__(self, task: Task, at: At | None = None) -> None:
        super().__init__(at)
        self.task = task


class TaskSelfMember(Value):
    """A method of the running task, such as `self.retry`."""

    __slots__ = ("name", "task")

    def __init__(self, task: Task, name: str, at: At | None) -> None:
        super().__init__(at)
        self.task = task
        self.name = name


class Signature(Value):
    """A signature of a task: `task.s(...)`, or a canvas of several."""

    __slots__ = ("args", "kind", "options", "parts", "task", "task_name")

    def __init__(
        self,
        kind: str,
        task: Task | None,
        task_name: Value | None,
        args: Arguments | None,
        at: At | None,
        parts: list[Value] | None = None,
    ) -> None:
        super().__init__(at)
        self.kind = kind
        """`s`, `si`, `signature`, `chain`, `group`, `chord`, `chunks`, `map`, `starmap`."""
        self.task = task
        self.task_name = task_name
        self.args = args
        self.parts = parts or []
        self.options: dict[str, Entry] = {}


class SignatureMember(Value):
    """A method of a signature."""

    __slots__ = ("name", "signature")

    def __init__(self, signature: Signature, name: str, at: At | None) -> None:
        super().__init__(at)
        self.signature = signature
        self.name = name


class Dispatch:
    """A place that sends a task or makes a signature of it."""

    __slots__ = ("args", "at", "context", "function", "method", "options", "task", "task_name")

    def __init__(
        self,
        task: Task | None,
        task_name: Value | None,
        method: str,
        args: Arguments,
        at: At | None,
        context: tuple[ir.Node, ...],
        function: FunctionValue | None,
    ) -> None:
        self.task = task
        self.task_name = task_name
        self.method = method
        self.args = args
        self.at = at
        self.context = context
        """Statements and calls around it, outermost first."""
        self.function = function
        """The function whose body it stands in."""
        self.options: dict[str, Entry] = {}


class RetryCall:
    """A call of a task's `retry` in the task's body, or in a helper that was handed the task."""

    __slots__ = ("args", "at", "context", "task")

    def __init__(self, task: Task, args: Arguments, at: At | None, context: tuple[ir.Node, ...]) -> None:
        self.task = task
        self.args = args
        self.at = at
        self.context = context
        """Statements and calls around it, outermost first."""


class Command:
    """A program that Python code starts."""

    __slots__ = ("app", "at", "context", "words")

    def __init__(
        self, app: App | None, words: list[tuple[str | None, At]], at: At, context: tuple[ir.Node, ...]
    ) -> None:
        self.app = app
        self.words = words
        """Each word, None where it cannot be known, and where it is written."""
        self.at = at
        self.context = context


class Configured(NamedTuple):
    """What classes of django-configurations set."""

    names: dict[str, Entry]
    why: str
    """Why other names may be set as well; empty where none is."""


class CeleryState:
    """Everything of Celery that running the modules brought to light."""

    def __init__(self) -> None:
        self.apps: list[App] = []
        self.tasks: list[Task] = []
        self.import_handlers: list[Value] = []
        """Handlers of the signal `import_modules`, whichever app sends it."""
        self.dispatches: list[Dispatch] = []
        self.retries: list[RetryCall] = []
        self.commands: list[Command] = []
        self.by_name: dict[str, Task] = {}
        """Tasks by name, known once all modules have run."""
        self.django_module: dict[str, str] = {}
        """DJANGO_SETTINGS_MODULE as set by a module of the project, by the module's path."""
        self.configurations: dict[str, str] = {}
        """DJANGO_CONFIGURATION, the class of django-configurations, as set by a module of the project, by the module's path."""
        self.configured: dict[tuple[str, str], Configured | None] = {}
        """What classes of a settings module hold, by the file that asks and the module."""
        self.settings_modules: dict[str, Module | None] = {}
        """Django's settings module as seen from each file."""
        self.django_fallback: str | None = None
        self.django_forced = False
        """Whether the user named the settings module, which then counts everywhere."""

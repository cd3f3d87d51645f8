"""CLY710."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from celerylint.facts import ir
from celerylint.facts.walk import children
from celerylint.finding import Confidence, Finding, Severity
from celerylint.model.modules import Module, ModuleIndex
from celerylint.model.project import App, Project
from celerylint.model.values import At
from celerylint.rules.base import Rule, related

_THREADED = frozenset({"BatchSpanProcessor", "BatchLogRecordProcessor", "PeriodicExportingMetricReader"})
"""What exports from a thread of its own."""
_GRPC = ".proto.grpc"
_FORKS = (None, "prefork", "processes")
_DEPTH = 3
"""Imports and calls that are followed."""


class TracingBeforeFork(Rule):
    """OpenTelemetry is set up while the worker imports the application, before it forks the processes that run tasks.

    The prefork pool imports the application in one process and forks the others from it. A `BatchSpanProcessor`, a
    `BatchLogRecordProcessor` or a `PeriodicExportingMetricReader` exports from a thread, and a fork copies no threads; its locks
    are copied as they happen to be. Newer versions of the SDK start the thread again in the child. A channel of gRPC that the
    exporter opened before does not survive: gRPC [doesn't support
    fork()](https://github.com/grpc/grpc/blob/master/doc/fork_support.md), and exports hang or fail. Spans of tasks are
    missing then, while those of the web application arrive.

    OpenTelemetry [asks for both](https://opentelemetry-python-contrib.readthedocs.io/en/latest/instrumentation/celery/celery.html),
    the provider and the instrumentation, to be set up in `worker_process_init`. Nothing is reported where workers use other
    pools than prefork, or where the set-up is in a function that nothing calls at import.

    ## What to do

    ```python
    @worker_process_init.connect(weak=False)
    def trace_tasks(**kwargs):
        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        trace.set_tracer_provider(provider)
        CeleryInstrumentor().instrument()
    ```

    [worker_process_init](https://docs.celeryq.dev/en/stable/userguide/signals.html#worker-process-init)
    """

    code = "CLY710"
    name = "tracing-before-fork"
    summary = "OpenTelemetry is set up at import, before the worker forks its processes."
    severity = Severity.WARNING
    confidence = Confidence.MEDIUM
    bad = """\
from celery import Celery
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)

app = Celery("shop", broker="redis://")
"""
    good = """\
from celery import Celery
from celery.signals import worker_process_init
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

app = Celery("shop", broker="redis://")


@worker_process_init.connect(weak=False)
def trace_tasks(**kwargs):
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
"""

    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        if not _forks(app, project):
            return
        paths = dict.fromkeys(at[0] for at in (app.at, app.settings_at) if at is not None)
        modules = [module for path in paths if (module := project.index.loaded(path)) is not None]
        for setup in _Import(project).of(modules):
            left = (
                "its locks without its thread, and a gRPC channel that does not work there: what they trace may never be"
                " exported, or exporting hangs"
                if setup.grpc
                else "its locks as they are at that moment and none of its threads, which newer versions of the SDK alone"
                " start again"
            )
            yield self.finding(
                setup.at,
                f"{setup.what} is made when the worker imports this, before the prefork pool forks: the processes that run"
                f" tasks get {left}",
                "set the provider and the instrumentation up in a handler of celery.signals.worker_process_init",
                symbol=app.name,
                severity=self.severity if setup.grpc else Severity.INFO,
                related=related(setup.called, "called here at import"),
            )


class _Setup(NamedTuple):
    """An exporter with a thread that is made at import."""

    what: str
    at: At
    grpc: bool
    called: At | None
    """The call at import that leads there; None where it is made at import itself."""


def _forks(app: App, project: Project) -> bool:
    """Whether a worker of the app is known to be of the prefork pool, which is Celery's default."""
    workers = [worker for worker in project.workers if not worker.start.development and worker.app in (app, None)]
    if workers:
        return any(worker.pool.known and worker.pool.value in _FORKS for worker in workers)
    pool = app.setting("worker_pool")
    return pool.known and pool.value in _FORKS


class _Import:
    """What happens when modules are imported, as far as OpenTelemetry is concerned."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.seen: set[str] = set()
        self._functions: dict[str, dict[str, list[ir.Function]]] = {}
        """Those of modules, by path and name, that have to do with OpenTelemetry."""

    def of(self, modules: Iterable[Module], depth: int = 0) -> Iterator[_Setup]:
        """What modules, and those that they import, set up at import."""
        for module in modules:
            source = self.project.source(module.path) or b""
            if module.path in self.seen or module.facts is None or b"register_at_fork" in source:
                continue
            self.seen.add(module.path)
            calls = list(_calls(module.facts.body))
            yield from self.made(module, calls, None, depth)
            if depth < _DEPTH:
                yield from self.of(self.imported(module), depth + 1)

    def imported(self, module: Module) -> Iterator[Module]:
        """Modules of the project that a module imports, and that have to do with OpenTelemetry."""
        for target in dict.fromkeys(_imports(module, self.project.index).values()):
            found = self.project.index.find(target, module) or self.project.index.find(
                target.rpartition(".")[0], module
            )
            if found is not None and b"opentelemetry" in (self.project.source(found.path) or b""):
                yield found

    def made(self, module: Module, calls: Iterable[ir.Call], called: At | None, depth: int) -> Iterator[_Setup]:
        """What calls set up, by themselves or in functions of the project."""
        names = _imports(module, self.project.index)
        for call in calls:
            target = _target(call.func, names)
            if target.startswith("opentelemetry.") and target.rpartition(".")[2] in _THREADED:
                held = [_target(each.func, names) for each in _calls([call]) if isinstance(each, ir.Call)]
                grpc = any(_GRPC in name for name in held) or _by_name(call, module, names)
                grpc = grpc and b"GRPC_ENABLE_FORK_SUPPORT" not in (self.project.source(module.path) or b"")
                yield _Setup(target.rpartition(".")[2], (module.path, call), grpc, called)
            elif depth < _DEPTH and target:
                yield from self.inside(module, call, target, called, depth)

    def inside(self, module: Module, call: ir.Call, target: str, called: At | None, depth: int) -> Iterator[_Setup]:
        """What a function of the project sets up that is called at import."""
        home, _, name = target.rpartition(".")
        there = self.project.index.find(home, module) if home else module
        if there is None:
            return
        for function in self._functions_of(there).get(name, ()):
            body = list(_calls(ir.read_body(function)))
            yield from self.made(there, body, called or (module.path, call), depth + 1)

    def _functions_of(self, module: Module) -> dict[str, list[ir.Function]]:
        found = self._functions.get(module.path)
        if found is None:
            found = self._functions[module.path] = {}
            if module.facts is not None and b"opentelemetry" in (self.project.source(module.path) or b""):
                for statement in module.facts.body:
                    if isinstance(statement, ir.Function) and not statement.decorators:
                        found.setdefault(statement.name, []).append(statement)
        return found


def _calls(body: Iterable[ir.Node]) -> Iterator[ir.Call]:
    """The calls that run with some statements: bodies of functions do not, nor what is for programs alone."""
    pending = list(body)
    while pending:
        node = pending.pop()
        if isinstance(node, (ir.Function, ir.Class, ir.LambdaExpr)) or (
            isinstance(node, ir.If) and _is_main(node.test)
        ):
            continue
        if isinstance(node, ir.Call):
            yield node
        pending.extend(children(node))


def _is_main(test: ir.Node) -> bool:
    return isinstance(test, ir.Compare) and any(getattr(node, "id", "") == "__name__" for node in children(test))


def _imports(module: Module, index: ModuleIndex) -> dict[str, str]:
    """What names of a module are imported from, those of its functions among them."""
    found: dict[str, str] = {}
    pending: list[ir.Node] = list(module.facts.body) if module.facts is not None else []
    while pending:
        node = pending.pop()
        if isinstance(node, ir.Import):
            found.update({name: name for alias in node.names if (name := alias.path)})
            found.update({alias.bound: alias.name for alias in node.names})
        elif isinstance(node, ir.ImportFrom):
            base = index.relative(module, node.module, node.level) if node.level else node.module
            found.update({alias.bound: f"{base}.{alias.name}" for alias in node.names})
        elif isinstance(node, ir.Node) and not isinstance(node, ir.ExprStmt):
            pending.extend(children(node))
    return found


def _target(func: ir.Node, names: dict[str, str]) -> str:
    """The dotted name that is called, as it was imported; the bare name for one of the module's own."""
    if isinstance(func, ir.Name):
        return names.get(func.id, func.id)
    if isinstance(func, ir.Attr):
        held = _target(func.value, names)
        return f"{held}.{func.attr}" if held else ""
    return ""


def _by_name(call: ir.Call, module: Module, names: dict[str, str]) -> bool:
    """Whether what a call is given is a name, and the module's exporters are those of gRPC."""
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    return any(isinstance(each, ir.Name) for each in given) and any(_GRPC in name for name in names.values())

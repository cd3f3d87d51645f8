"""CLY608."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.facts import ir
from celerylint.finding import Finding, Severity
from celerylint.model.project import Project, Task
from celerylint.model.values import ClassValue, External, FunctionValue, Value, forced
from celerylint.rules.base import Rule

_RUNNERS = frozenset({
    "celery_pool_asyncio", "celery_aio_pool", "aio_celery", "asyncio_celery", "celery_asyncio", "async_celery", "asynctask",
})  # fmt: skip
"""Packages that teach Celery to run coroutines."""
_POOLS = frozenset({None, "prefork", "processes", "threads", "solo", "gevent", "eventlet", "blockingpool"})
"""Celery's own pools: none of them awaits anything."""
_AWAITS = frozenset({
    "iscoroutine", "iscoroutinefunction", "isawaitable", "run_until_complete", "run_coroutine_threadsafe", "async_to_sync",
    "asyncio", "anyio", "trio", "send", "create_task", "gather", "Runner", "get_event_loop", "new_event_loop",
})  # fmt: skip
"""Names of which a `__call__` that runs coroutines uses one."""


class AsyncTask(Rule):
    """The worker calls the function, gets a coroutine or a generator, and never runs a line of its body.

    Celery's pools do not await. Calling an `async def` makes a coroutine object, calling a function that yields makes a
    generator, and with that the task has returned: without a result backend it is reported as succeeded, with one it fails,
    as neither can be stored.

    Nothing is said where something runs it: a pool or a package made for it (`celery-aio-pool`, `celery-pool-asyncio`), a
    decorator between the task and the function (`async_to_sync`), a base class of the task whose `__call__` awaits.

    ## What to do

    Make the task an ordinary function that runs the coroutine: `asyncio.run(fetch(url))`, or
    `@app.task` above `@async_to_sync`. Let a task that yields return a list, or loop over the generator itself.

    [Tasks](https://docs.celeryq.dev/en/stable/userguide/tasks.html)
    """

    code = "CLY608"
    name = "async-task"
    summary = "An `async def` or a generator as a task: its body never runs."
    severity = Severity.ERROR
    bad = """\
from celery import Celery

app = Celery("shop", broker="redis://")


@app.task
async def fetch(url):
    print(url)
"""
    good = """\
import asyncio

from celery import Celery

app = Celery("shop", broker="redis://")


async def _fetch(url):
    print(url)


@app.task
def fetch(url):
    asyncio.run(_fetch(url))
"""

    def check_task(self, task: Task, project: Project) -> Iterable[Finding]:
        function = _function(task)
        if function is None or function.wrappers or not isinstance(function.node, ir.Function):
            return
        node = function.node
        if not (node.is_async or node.is_generator) or _runs_it(task, project):
            return
        made = "a coroutine" if node.is_async and not node.is_generator else "a generator"
        ran = "awaits" if node.is_async else "iterates over"
        yield self.finding(
            (function.scope.module.path, node),
            f"the body of {task.name} never runs: the worker gets {made} from calling it, which nothing {ran}; {_outcome(task)}",
            "make the task a plain function that runs it: asyncio.run(...) of the coroutine"
            if node.is_async
            else "let the task loop over the generator, or return a list",
            symbol=task.name,
        )


def _function(task: Task) -> FunctionValue | None:
    """What the worker calls."""
    if task.value.cls is None:
        return task.value.function
    for cls in task.lineage:
        entry = cls.attrs.get("run") if isinstance(cls, ClassValue) else None
        if entry is not None:
            value = forced(entry.value)
            return value if isinstance(value, FunctionValue) else None
    return None


def _outcome(task: Task) -> str:
    """How the run is reported."""
    backend = task.app.setting("result_backend") if task.app is not None else None
    ignored = task.option("ignore_result")
    if ignored.truthy or (backend is not None and backend.known and backend.value in (None, "disabled", "disabled://")):
        return "the task is reported as succeeded"
    if ignored.falsy and backend is not None and backend.known:
        return "the task fails, as that is no result that can be stored"
    return "the task is reported as succeeded, or fails where results are stored"


def _runs_it(task: Task, project: Project) -> bool:
    """Whether something may run what the function returns."""
    if project.packages & _RUNNERS:
        return True
    pool = task.app.setting("worker_pool") if task.app is not None else None
    if pool is not None and not (pool.known and pool.value in _POOLS):
        return True
    if any(not (worker.pool.known and worker.pool.value in _POOLS) for worker in project.workers):
        return True
    return any(_may_run(cls) for cls in task.lineage)


def _may_run(cls: Value) -> bool:
    """Whether a class that a task is made of may run what its function returns."""
    if isinstance(cls, External):
        return not cls.dotted.startswith("celery.")
    if not isinstance(cls, ClassValue):
        return True
    entry = cls.attrs.get("__call__")
    if entry is None:
        return False
    value = forced(entry.value)
    if not isinstance(value, FunctionValue) or not isinstance(value.node, ir.Function):
        return True
    return value.node.is_async or not _AWAITS.isdisjoint(value.node.uses) or _awaits_by_name(value.node)


def _awaits_by_name(node: ir.Function) -> bool:
    return any("async" in name.lower() or "coro" in name.lower() or "loop" in name.lower() for name in node.uses)

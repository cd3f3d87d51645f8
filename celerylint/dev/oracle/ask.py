"""Runs inside an interpreter that has Celery: loads projects and says what Celery resolved. Imports nothing of ours.

Reads one JSON request per line, `{"root": ..., "path": [...], "services": [{"app": module, "modules": [...]}]}`, and
answers with one JSON line. Each service is loaded in a fork of this process: Celery is imported once, and no project
can disturb the next.
"""

from __future__ import annotations

import ast
import functools
import importlib
import json
import os
import re
import sys
import traceback
from datetime import timedelta
from enum import Enum
from typing import Any

TASK_OPTIONS = (
    "serializer", "rate_limit", "priority", "time_limit", "soft_time_limit", "track_started", "acks_late",
    "acks_on_failure_or_timeout", "acks_on_failure", "acks_on_timeout", "reject_on_worker_lost",
    "retry_on_worker_lost", "ignore_result", "store_eager_result", "store_errors_even_if_ignored", "max_retries",
    "default_retry_delay", "autoretry_for", "dont_autoretry_for", "retry_kwargs", "retry_backoff",
    "retry_backoff_max", "retry_jitter", "expires", "throws", "typing", "trail", "send_events",
)  # fmt: skip

NEW_OPTIONS = ("acks_on_failure", "acks_on_timeout", "retry_on_worker_lost")

AUTORETRY_DEFAULTS = {
    "autoretry_for": (), "dont_autoretry_for": (), "retry_kwargs": {}, "retry_backoff": False,
    "retry_backoff_max": 600, "retry_jitter": True,
}  # fmt: skip


class OpaqueError(Exception):
    """The value cannot be written as JSON."""


def plain(value: Any) -> Any:
    """The value as JSON can carry it: seconds, class names, lists, queue names."""
    from celery.schedules import crontab, schedule
    from kombu.entity import Queue

    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, type):
        return value.__name__
    if isinstance(value, dict):
        return {key if isinstance(key, str) else _refuse(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(plain(item) for item in value)
    if isinstance(value, Queue):
        return value.name
    if isinstance(value, crontab):
        fields = ("minute", "hour", "day_of_week", "day_of_month", "month_of_year")
        return {"crontab": {field: plain_field(getattr(value, "_orig_" + field)) for field in fields}}
    if isinstance(value, schedule):
        return value.run_every.total_seconds()
    return _refuse(value)


def plain_field(value: Any) -> Any:
    """A crontab field as its writer gave it."""
    return sorted(map(str, value)) if isinstance(value, (list, tuple, set, frozenset)) else str(value)


def _refuse(value: Any) -> Any:
    raise OpaqueError(repr(value))


def answer(value: Any, **more: Any) -> dict[str, Any]:
    """One value of the answer, or the statement that it cannot be compared."""
    try:
        return dict(value=plain(value), **more)
    except OpaqueError:
        return {"opaque": True}


class Watch:
    """Notes where apps are made and which app's decorator made a function a task."""

    def __init__(self, root: str) -> None:
        from celery import Celery

        self.root = root + os.sep
        self.apps: list[tuple[Any, str | None, int | None]] = []
        self.made_by: dict[int, Any] = {}
        make, task = Celery.__init__, Celery.task
        watch = self

        @functools.wraps(make)
        def noted_init(app: Any, *args: Any, **kwargs: Any) -> None:
            # Celery makes itself a "default" app when it looks for the current one for the first time.
            if args[:1] != ("default",):
                watch.apps.append((app, *watch.place(app)))
            make(app, *args, **kwargs)

        @functools.wraps(task)
        def noted_task(app: Any, *args: Any, **options: Any) -> Any:
            made = task(app, *args, **options)
            if args:
                watch.made_by[id(args[0])] = app
                return made

            def decorate(function: Any) -> Any:
                watch.made_by[id(function)] = app
                return made(function)

            return decorate

        Celery.__init__, Celery.task = noted_init, noted_task

    def place(self, app: Any) -> tuple[str | None, int | None]:
        """The file and line of the project that called the constructor."""
        frame: Any = sys._getframe(2)
        while frame is not None:
            inside = frame.f_code.co_filename.startswith(self.root)
            if inside and not (frame.f_code.co_name == "__init__" and frame.f_locals.get("self") is app):
                return os.path.relpath(frame.f_code.co_filename, self.root), frame.f_lineno
            frame = frame.f_back
        return None, None


def app_names(app: Any, root: str) -> list[str]:
    """Every dotted name under which the project can reach the app."""
    found = []
    for name, module in list(sys.modules.items()):
        if (getattr(module, "__file__", None) or "").startswith(root):
            found += [name + "." + attribute for attribute, value in list(vars(module).items()) if value is app]
    return sorted(found)


@functools.cache
def definitions(path: str) -> tuple[dict[int, int], dict[str, int]]:
    """Lines of `def` by the line that Python calls a function's first, and of classes by name."""
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    functions: dict[int, int] = {}
    classes: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = min([node.lineno] + [decorator.lineno for decorator in node.decorator_list])
            functions[first] = functions[node.lineno] = node.lineno
        elif isinstance(node, ast.ClassDef):
            classes[node.name] = node.lineno
    return functions, classes


def where(task: Any, root: str) -> tuple[str, str, int | None]:
    """Name, file and line of the function or class that the task is."""
    function = vars(type(task)).get("__wrapped__")
    if function is None:
        path = str(sys.modules[type(task).__module__].__file__)
        return type(task).__name__, os.path.relpath(path, root), definitions(path)[1].get(type(task).__name__)
    function = getattr(function, "__func__", function)
    name = function.__name__
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    code = function.__code__
    line = definitions(code.co_filename)[0].get(code.co_firstlineno)
    return name, os.path.relpath(code.co_filename, root), line


def behaviour(task: Any) -> dict[str, Any]:
    """The autoretry options that the wrapper around `run` really uses; empty without a wrapper."""
    run = getattr(task.run, "__func__", task.run)
    if not hasattr(task, "_orig_run") or not getattr(run, "__closure__", None):
        return {}
    cells = dict(zip(run.__code__.co_freevars, run.__closure__, strict=True))
    return {name: cell.cell_contents for name, cell in cells.items() if name in AUTORETRY_DEFAULTS}


def options(task: Any) -> dict[str, Any]:
    """Every option that this version knows, as the task holds it. `also` is what its retries do, if that differs."""
    from celery.app.task import Task

    found: dict[str, Any] = {}
    real = behaviour(task)
    for name in TASK_OPTIONS:
        if name in NEW_OPTIONS and not hasattr(Task, name):
            continue
        value = getattr(task, name, AUTORETRY_DEFAULTS.get(name))
        entry = answer(value)
        other = answer(real[name]) if name in real else entry
        if "value" in entry and "value" in other and other["value"] != entry["value"]:
            entry["also"] = other["value"]
        found[name] = entry
    return found


def queue(task: Any, app: Any) -> dict[str, Any]:
    """The queue that apply_async would send to."""
    given = dict(task._get_exec_options())
    routed = app.amqp.router.route(given, task.name, (), {}, task_type=task)
    name = routed.get("queue")
    if name is None and routed.get("exchange"):
        return {"opaque": True}
    if name is None:
        name = app.conf.task_default_queue
    code = any(callable(route) and type(route).__name__ != "MapRoute" for route in app.amqp.routes or ())
    return {"value": getattr(name, "name", name), "by_code": code}


def schedule(app: Any) -> list[dict[str, Any]]:
    """The beat entries."""
    from celery.schedules import maybe_schedule

    entries = []
    for name, entry in (app.conf.beat_schedule or {}).items():
        task = entry["task"]
        task = getattr(task, "name", task)
        try:
            when = plain(maybe_schedule(entry["schedule"]))
        except OpaqueError:
            when = None
        entries.append({"entry": name, "task": task, "schedule": when, "resolves": task in app.tasks})
    return entries


def settings(app: Any) -> dict[str, Any]:
    """Every declared setting."""
    from celery.app.defaults import DEFAULTS

    found = {}
    for name, default in DEFAULTS.items():
        value = getattr(app.conf, name)
        found[name] = answer(value, default=comparable(value) == comparable(default))
    return found


def comparable(value: Any) -> Any:
    """The value for a comparison with the default."""
    try:
        return plain(value)
    except OpaqueError:
        return repr(value)


def load(root: str, service: dict[str, Any]) -> Watch:
    """Import a service the way its worker does, then every other task module of it."""
    watch = Watch(root)
    importlib.import_module(service["app"])
    for app, _, _ in list(watch.apps):
        app.loader.import_default_modules()
    for name in service["modules"]:
        importlib.import_module(name)
    return watch


def resolve(root: str, service: dict[str, Any]) -> dict[str, Any]:
    """What Celery makes of one service."""
    import celery

    watch = load(root, service)
    apps: list[Any] = []
    tasks: list[Any] = []
    entries: list[Any] = []
    for app, path, line in watch.apps:
        app.finalize()
        names = app_names(app, root)
        apps.append({"names": names, "path": path, "line": line, "settings": settings(app)})
        for name, task in sorted(app.tasks.items()):
            if name.startswith("celery."):
                continue
            task.app  # noqa: B018  # the first look binds a task that was put into the registry by hand
            function, task_path, task_line = where(task, root)
            wrapped = vars(type(task)).get("__wrapped__")
            maker = watch.made_by.get(id(getattr(wrapped, "__func__", wrapped)))
            if maker is not None and maker is not app:
                continue
            tasks.append({
                "name": name, "function": function, "path": task_path, "line": task_line, "app": names,
                "shared": maker is None and wrapped is not None, "options": options(task), "queue": queue(task, app),
            })  # fmt: skip
        entries += schedule(app)
    return {"celery": celery.__version__, "apps": apps, "tasks": tasks, "schedule": entries}


def in_child(request: dict[str, Any], service: dict[str, Any]) -> Any:
    """The answer for a service, worked out in a fork."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            root = os.path.realpath(request["root"])
            os.chdir(root)
            sys.path[:0] = [os.path.join(root, part) for part in request["path"]]
            text = json.dumps(resolve(root, service))
        except BaseException:
            text = json.dumps({"error": traceback.format_exc()})
        with os.fdopen(writer, "w") as file:
            file.write(text)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        text = file.read()
    os.waitpid(child, 0)
    return json.loads(text)


def main() -> None:
    """Answer requests until there are no more."""
    import warnings

    importlib.import_module("django.conf")

    warnings.simplefilter("ignore")
    sys.dont_write_bytecode = True
    for name in [name for name in os.environ if re.match(r"(CELERY|DJANGO|ORACLE)_", name)]:
        del os.environ[name]
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps([in_child(request, service) for service in request["services"]]), file=answers, flush=True)


if __name__ == "__main__":
    main()

"""`Celery(...)` and what can be done with the app."""

from __future__ import annotations

from typing import Any

from celerylint.model.celery_values import App, AppMember, Conf, ConfigSource, Periodic
from celerylint.model.evaluate import Evaluator
from celerylint.model.registry import Behaviour
from celerylint.model.values import (
    Arguments,
    At,
    Bound,
    ClassValue,
    Either,
    Entry,
    External,
    FunctionValue,
    Instance,
    Made,
    Mapping,
    Missing,
    Native,
    Scalar,
    Unknown,
    Value,
    either,
)

CANONICAL = {
    "celery.app.base.Celery": "celery.Celery",
    "celery.app.Celery": "celery.Celery",
    "celery.app.shared_task": "celery.shared_task",
    "celery.app.task.Task": "celery.Task",
    "celery.app.base.Task": "celery.Task",
    "celery.task.base.Task": "celery.Task",
    "celery.app.defaults.DEFAULTS": "celery.app.defaults.DEFAULTS",
    "celery.schedules.crontab": "celery.schedules.crontab",
}

_PARAMETERS = (
    "main", "loader", "backend", "amqp", "events", "log", "control", "set_as_current", "tasks", "broker", "include",
    "changes", "config_source", "fixups", "task_cls", "autofinalize", "namespace", "strict_typing",
)  # fmt: skip
"""Positional parameters of `Celery.__init__` (celery/app/base.py)."""

_PLAIN = {"broker": "broker_url", "backend": "result_backend", "include": "include"}

_DICT_SETTINGS = frozenset(
    {
        "beat_schedule", "task_routes", "task_annotations", "broker_transport_options",
        "result_backend_transport_options", "CELERYBEAT_SCHEDULE", "CELERY_ROUTES", "CELERY_ANNOTATIONS",
        "redis_backend_use_ssl", "database_engine_options",
    }
)  # fmt: skip
"""Settings that code changes in place: `app.conf.beat_schedule["x"] = ...`."""


def make_app(ev: Evaluator, args: Arguments) -> Value:
    """`Celery(...)`."""
    return initialize(ev, App(_module(ev, args.at), args.at, None), args)


def make_subclass_app(ev: Evaluator, args: Arguments) -> Value:
    """`MyCelery(...)`, a subclass defined in the project; the class is the first argument."""
    cls = args.positional[0]
    assert isinstance(cls, ClassValue)
    app = App(_module(ev, args.at), args.at, cls)
    rest = Arguments(args.positional[1:], args.keywords, args.at, args.open)
    entry = ev.class_entry(cls, "task_cls")
    if isinstance(entry, Entry):
        app.task_base = entry
    _register(ev, app)
    own = ev.class_entry(cls, "__init__")
    if isinstance(own, Entry):
        ev.initialize(app, cls, rest)
    else:
        initialize(ev, app, rest)
    return app


_KNOWN_APPS = {"tenant_schemas_celery.app.CeleryApp": "tenant_schemas_celery.task.TenantTask"}
"""Apps of packages which set no setting, and the base class that they give to tasks."""


def foreign_app(ev: Evaluator, dotted: str, args: Arguments) -> Value | None:
    """`NotifyCelery(...)`, `CeleryApp(...)`: a subclass that an installed package brings, and what it sets is not known."""
    name = dotted.rpartition(".")[2]
    if not name[:1].isupper() or not name.endswith(("Celery", "CeleryApp")) or args.at is None:
        return None
    app = App(_module(ev, args.at), args.at, None)
    initialize(ev, app, args)
    own = _KNOWN_APPS.get(dotted)
    if own is not None:
        if app.task_base is None:
            app.task_base = Entry(External(own, args.at), args.at)
        return app
    app.opened = Unknown(f"{dotted} may set it", args.at)
    if app.task_base is None:
        app.task_base = Entry(Unknown(f"{dotted} may bring a base class for tasks", args.at), args.at)
    return app


def _module(ev: Evaluator, at: At | None) -> Any:
    assert at is not None
    return ev.index.module(at[0])


def _register(ev: Evaluator, app: App) -> None:
    if not ev.walk and app not in ev.celery.apps:
        ev.celery.apps.append(app)


def initialize(ev: Evaluator, app: App, args: Arguments) -> Value:
    """`Celery.__init__`."""
    _register(ev, app)
    given = dict(zip(_PARAMETERS, (Entry(v, args.at) for v in args.positional), strict=False))
    given.update(args.keywords)
    for name, entry in given.items():
        if name == "main":
            app.main = entry.value
        elif name == "task_cls":
            if not _none(ev, entry.value):
                app.task_base = entry
        elif name == "config_source":
            app.sources.append(ConfigSource(entry.value, entry.at, not ev.uncertain))
        elif name == "namespace":
            app.namespace = entry.value
        elif name == "changes":
            merge(ev, app, entry.value)
        elif name in _PLAIN or name not in _PARAMETERS:
            value = ev.force(entry.value)
            if not _none(ev, value):
                key = _PLAIN.get(name, name)
                app.changes[key] = Entry(value, entry.at)
                app.arguments.add(key)
    if args.open:
        app.opened = Unknown("arguments of Celery() that cannot be known", args.at)
    return app


def _none(ev: Evaluator, value: Value) -> bool:
    value = ev.force(value)
    return isinstance(value, Scalar) and value.value is None


def change(ev: Evaluator, app: App, key: str, value: Value, at: At | None) -> None:
    """`app.conf[key] = value`."""
    if ev.walk:
        return
    if ev.uncertain:
        before = app.changes[key].value if key in app.changes else Missing(at)
        value = either([before, value], "set in a branch that may not run", at)
    app.changes[key] = Entry(value, at)
    app.arguments.discard(key)


def merge(ev: Evaluator, app: App, value: Value) -> None:
    """`app.conf.update(value)`."""
    value = ev.force(value)
    if ev.walk:
        return
    if isinstance(value, Instance):
        held = ev.class_entry(value.cls, "__dict__")
        value = Mapping(dict(value.attrs), value.at, held is not None)
    if isinstance(value, Mapping):
        for key, entry in value.items.items():
            if isinstance(key, str):
                change(ev, app, key, entry.value, entry.at)
        if value.open:
            app.opened = Unknown("settings merged by code that cannot all be known", value.at)
        return
    if isinstance(value, Either):
        for option in value.options:
            inner = ev.force(option)
            if isinstance(inner, Mapping):
                ev.uncertain += 1
                merge(ev, app, inner)
                ev.uncertain -= 1
        return
    pairs = ev.iterate(value)
    if pairs is None:
        if not _none(ev, value):
            app.opened = Unknown("settings merged by code that cannot be known", value.at)
        return
    for pair in pairs:
        inner_items = ev.iterate(pair)
        known = ev.key(inner_items[0]) if inner_items and len(inner_items) == 2 else None
        if known is not None and isinstance(known[0], str) and inner_items:
            change(ev, app, known[0], inner_items[1], pair.at)


class _AppBehaviour(Behaviour):
    def getattr(self, ev: Evaluator, value: App, name: str, at: At) -> Value | None:
        if name.startswith("super:"):
            return AppMember(value, name[len("super:") :], at)
        entry = value.attrs.get(name)
        if entry is not None:
            return entry.value
        if value.cls is not None:
            found = ev.class_entry(value.cls, name)
            if isinstance(found, Entry):
                return ev.bound(found.value, value, at)
        if name == "conf":
            return value.conf
        if name == "main":
            return value.main or Scalar(None, at)
        if name == "Task":
            return value.task_base.value if value.task_base else External("celery.Task", at)
        if name == "__class__" and value.cls is not None:
            return value.cls
        return AppMember(value, name, at)

    def hasattr(self, ev: Evaluator, value: App, name: str) -> bool | None:
        return True if name in ("conf", "task", "main", "send_task", "tasks", "Task") else None

    def setattr(self, ev: Evaluator, value: App, name: str, new: Value, at: At) -> bool:
        if ev.walk:
            return True
        if name in ("Task", "task_cls"):
            value.task_base = Entry(new, at)
        elif name == "conf":
            merge(ev, value, new)
        elif name == "config_source":
            value.sources.append(ConfigSource(new, at, not ev.uncertain))
        else:
            value.attrs[name] = Entry(new, at)
        return True


class _ConfBehaviour(Behaviour):
    def getattr(self, ev: Evaluator, value: Conf, name: str, at: At) -> Value | None:
        app = value.app
        if name == "update":

            def run(e: Evaluator, a: Arguments) -> Value:
                for positional in a.positional:
                    merge(e, app, positional)
                merge(e, app, Mapping(dict(a.keywords), a.at, a.open))
                return Scalar(None, a.at)

            return Native("conf.update", run, at)
        if name == "get":
            return Native("conf.get", lambda e, a: _get(e, app, a), at)
        if name == "setdefault":
            return Native("conf.setdefault", lambda e, a: _setdefault(e, app, a), at)
        if name in ("add_defaults",):
            return AppMember(app, name, at)
        return read(ev, app, name, at)

    def setattr(self, ev: Evaluator, value: Conf, name: str, new: Value, at: At) -> bool:
        change(ev, value.app, name, new, at)
        return True

    def getitem(self, ev: Evaluator, value: Conf, index: Value, at: At) -> Value | None:
        if isinstance(index, Scalar) and isinstance(index.value, str):
            return read(ev, value.app, index.value, at)
        return Unknown("a setting whose name cannot be known", at)

    def setitem(self, ev: Evaluator, value: Conf, index: Value, new: Value, at: At) -> bool:
        if isinstance(index, Scalar) and isinstance(index.value, str):
            change(ev, value.app, index.value, new, at)
        elif not ev.walk:
            value.app.opened = Unknown("a setting whose name cannot be known", at)
        return True


def _get(ev: Evaluator, app: App, args: Arguments) -> Value:
    name = ev.force(args.positional[0]) if args.positional else None
    if isinstance(name, Scalar) and isinstance(name.value, str) and args.at is not None:
        return read(ev, app, name.value, args.at)
    return Unknown("a setting whose name cannot be known", args.at)


def _setdefault(ev: Evaluator, app: App, args: Arguments) -> Value:
    name = ev.force(args.positional[0]) if args.positional else None
    if isinstance(name, Scalar) and isinstance(name.value, str) and len(args.positional) == 2:
        held = app.changes.get(name.value)
        if held is not None:
            return held.value
        change(ev, app, name.value, args.positional[1], args.at)
        return args.positional[1]
    return Unknown("a setting whose name cannot be known", args.at)


def read(ev: Evaluator, app: App, name: str, at: At) -> Value:
    """`app.conf.name` as of now."""
    from celerylint.model.settings import lookup

    if not ev.walk:
        app.configured = True
    found = lookup(ev, app, name)
    if found is not None:
        return found.value
    if name in _DICT_SETTINGS:
        fresh = Mapping({}, at, False, (0, 0))
        change(ev, app, name, fresh, at)
        return fresh
    from celerylint.model.settings import default_value

    return default_value(ev, name, at)


class _MemberBehaviour(Behaviour):
    def getattr(self, ev: Evaluator, value: AppMember, name: str, at: At) -> Value | None:
        if name == "connect" and value.name.startswith("on_"):
            return AppMember(value.app, f"{value.name}.connect", at)
        if value.name == "tasks" and name in ("register", "unregister"):
            return AppMember(value.app, f"tasks.{name}", at)
        return External(f"celery.Celery().{value.name}.{name}", at)

    def getitem(self, ev: Evaluator, value: AppMember, index: Value, at: At) -> Value | None:
        if value.name == "tasks":
            from celerylint.model.idioms.celery_tasks import named_task

            return named_task(ev, index, at)
        return None

    def setattr(self, ev: Evaluator, value: AppMember, name: str, new: Value, at: At) -> bool:
        return True

    def call(self, ev: Evaluator, value: AppMember, args: Arguments) -> Value | None:
        handler = _METHODS.get(value.name)
        if handler is not None:
            return handler(ev, value.app, args)
        if value.name.endswith(".connect"):
            return _connect(ev, value.app, value.name.removesuffix(".connect"), args)
        return Made(f"celery.Celery().{value.name}", args.positional, args.keywords, args.at, ev.born)


def _connect(ev: Evaluator, app: App, signal: str, args: Arguments) -> Value:
    handler = args.get(0, "receiver") or args.get(0, "fun")
    if handler is None:
        return Native(f"{signal}.connect", lambda e, a: _connect(e, app, signal, a), args.at)
    if not ev.walk and not app.configured:
        # Each of these signals is sent once: whoever connects later is never called.
        app.handlers.append((signal, handler))
    return handler


def _task(ev: Evaluator, app: App, args: Arguments) -> Value:
    from celerylint.model.idioms.celery_tasks import task_decorator

    return task_decorator(ev, app, args)


def _config_from_object(ev: Evaluator, app: App, args: Arguments) -> Value:
    source = args.get(0, "obj")
    namespace = args.get(3, "namespace")
    if ev.walk or source is None:
        return Scalar(None, args.at)
    app.sources.append(ConfigSource(source, args.at, not ev.uncertain))
    if namespace is not None and not _none(ev, namespace):
        app.namespace = namespace
    return Scalar(None, args.at)


def _config_from_envvar(ev: Evaluator, app: App, args: Arguments) -> Value:
    if not ev.walk:
        unknown = Unknown("the configuration module that an environment variable names", args.at)
        variable = args.get(0, "variable_name")
        name = ev.force(variable) if variable is not None else None
        if isinstance(name, Scalar) and isinstance(name.value, str):
            known = ev.celery.django_module.get(f"env:{name.value}")
            source: Value = Scalar(known, args.at, name.value) if known else unknown
            app.sources.append(ConfigSource(source, args.at, not ev.uncertain))
        else:
            app.sources.append(ConfigSource(unknown, args.at, not ev.uncertain))
    return Scalar(None, args.at)


def _add_defaults(ev: Evaluator, app: App, args: Arguments) -> Value:
    value = ev.force(args.positional[0]) if args.positional else None
    if value is not None and not ev.walk:
        if isinstance(value, (FunctionValue, Bound)):
            value = ev.force(ev.call(value, Arguments([], {}, args.at)))
        app.defaults.append(value)
    return Scalar(None, args.at)


def _autodiscover(ev: Evaluator, app: App, args: Arguments) -> Value:
    if not ev.walk:
        app.autodiscovers.append(args)
    return Scalar(None, args.at)


def _periodic(ev: Evaluator, app: App, args: Arguments) -> Value:
    if not ev.walk:
        app.periodic.append(Periodic(args, not ev.uncertain))
    return Scalar(None, args.at)


def _register_task(ev: Evaluator, app: App, args: Arguments) -> Value:
    from celerylint.model.idioms.celery_tasks import register_task

    app.configured = app.configured or not ev.walk
    return register_task(ev, app, args)


def _start(ev: Evaluator, app: App, args: Arguments) -> Value:
    from celerylint.model.idioms.commands import started

    return started(ev, app, args, args.get(0, "argv"))


def _send_task(ev: Evaluator, app: App, args: Arguments) -> Value:
    from celerylint.model.idioms.celery_tasks import send_task

    return send_task(ev, args)


def _signature(ev: Evaluator, app: App, args: Arguments) -> Value:
    from celerylint.model.idioms.celery_canvas import signature

    return signature(ev, args)


def _init(ev: Evaluator, app: App, args: Arguments) -> Value:
    initialize(ev, app, args)
    return Scalar(None, args.at)


def _gen_task_name(ev: Evaluator, app: App, args: Arguments) -> Value:
    name, module = args.get(0, "name"), args.get(1, "module")
    if name is None or module is None or args.at is None:
        return Unknown("a task name", args.at)
    joined = ev.binop("+", ev.force(module), Scalar("."), args.at)
    return ev.binop("+", joined, ev.force(name), args.at)


_METHODS = {
    "task": _task,
    "config_from_object": _config_from_object,
    "config_from_envvar": _config_from_envvar,
    "add_defaults": _add_defaults,
    "autodiscover_tasks": _autodiscover,
    "add_periodic_task": _periodic,
    "register_task": _register_task,
    "tasks.register": _register_task,
    "send_task": _send_task,
    "start": _start,
    "worker_main": _start,
    "signature": _signature,
    "subtask": _signature,
    "gen_task_name": _gen_task_name,
    "__init__": _init,
}


def _proxy(ev: Evaluator, args: Arguments) -> Value:
    """What stands for the result of a function that it calls on first use."""
    maker = args.positional[0] if args.positional else None
    if not isinstance(maker, Value) or args.open:
        return Unknown("a proxy of something that cannot be known", args.at)
    return ev.call(maker, Arguments([], {}, args.at))


_PROXIES = (
    "celery.local.Proxy", "celery.local.PromiseProxy", "django.utils.functional.SimpleLazyObject", "lazy_object_proxy.Proxy",
    "werkzeug.local.LocalProxy",
)  # fmt: skip

CALLS = {
    "celery.Celery": make_app,
    "celery.Celery.__subclass_call__": make_subclass_app,
    **dict.fromkeys(_PROXIES, _proxy),
}


def _import_modules(ev: Evaluator, args: Arguments) -> Value:
    """`celery.signals.import_modules.connect`: sent by each app, with the app as sender, before its modules load."""
    handler = args.get(0, "receiver") or args.get(0, "fun")
    if handler is None:
        return Native("connect", _import_modules, args.at)
    if not ev.walk:
        ev.celery.import_handlers.append(handler)
    return handler


CALLS["celery.signals.import_modules.connect"] = _import_modules

NEEDED = {
    "task", "shared_task", "register_task", "conf", "config_from_object", "add_periodic_task", "autodiscover_tasks",
    "on_configure", "on_after_configure", "on_after_finalize", "Task", "tasks",
}  # fmt: skip

GUESS_CALL = foreign_app

TYPES: dict[type[Value], Behaviour] = {
    App: _AppBehaviour(),
    Conf: _ConfBehaviour(),
    AppMember: _MemberBehaviour(),
}

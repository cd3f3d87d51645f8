"""Prints, as JSON, what the Celery of this interpreter says about itself.

Runs under the interpreter of an environment (see `environments`), by path: it imports nothing of ours and keeps to
the Python 3.8 that the oldest environments may have.
"""
# mypy: ignore-errors
# It reflects on code without types, in whatever shape each version has it.

import ast
import importlib
import inspect
import json
import sys
import textwrap
from datetime import timedelta
from pathlib import Path

import celery
from celery.app import amqp, defaults
from celery.app import autoretry as autoretry_module
from celery.app import base as base_module
from celery.app import task as task_module

_FRAMEWORK_ATTRIBUTES = {"name", "abstract", "autoregister", "request_stack", "from_config", "backend", "app"}
"""Data attributes of `Task` that are no options of a task."""

_DEPRECATED_OPTIONS = {"immediate", "mandatory"}
"""Copied into the message, but without a meaning for years."""

_LEGACY_ATTRIBUTES = {"exchange_type"}
"""Known to `Task.bind`, which warns of it, and read by nothing."""


def plain(value):
    """A JSON value: durations in seconds, sequences as lists, anything else by its name or repr."""
    if isinstance(value, timedelta):
        return int(value.total_seconds())
    if value == float("inf"):
        return "inf"  # JSON has no infinity
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(plain(item) for item in value)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return getattr(value, "__name__", repr(value))


def settings():
    old_names = {}
    for old, new, _ in defaults.flatten(defaults.NAMESPACES, keyfilter=defaults._to_compat):
        old_names.setdefault(new, []).append(old)
    return {
        name: {
            "default": plain(option.default),
            "type": plain(option.type),
            "old_names": sorted(old_names[name]),
            "deprecated_for": option.alt or "" if option.deprecate_by or option.remove_by else "",
        }
        for name, option in defaults.flatten(defaults.NAMESPACES)
    }


def declared_options():
    """The data attributes of the class, read before anything binds it to an app."""
    return {
        name: plain(value)
        for name, value in vars(task_module.Task).items()
        if name.islower() and not name.startswith("_") and name not in _FRAMEWORK_ATTRIBUTES and is_data(value)
    }


def is_data(value):
    return not callable(value) and not isinstance(value, (property, classmethod, staticmethod))


def assumed_options():
    """What `add_autoretry_behaviour` assumes for attributes that the class does not have."""
    found = {}
    for node in ast.walk(tree_of(autoretry_module.add_autoretry_behaviour)):
        if is_call(node, "getattr") and len(node.args) == 3:
            try:
                found[ast.literal_eval(node.args[1])] = plain(ast.literal_eval(node.args[2]))
            except ValueError:
                pass  # `getattr(task, 'x', task.y)`: no default of its own
    return found


def message_options():
    """The attributes that the publisher copies into the message: the arguments of `extract_exec_options`."""
    for node in ast.walk(ast.parse(inspect.getsource(task_module))):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "extract_exec_options":
            return [argument.value for argument in node.value.args]
    raise LookupError("extract_exec_options")


def task_options():
    declared = declared_options()
    in_message = set(message_options())
    assumed = dict.fromkeys(in_message - _DEPRECATED_OPTIONS)
    assumed.update(assumed_options())
    from_config = dict(task_module.Task.from_config)
    assumed.update(dict.fromkeys(from_config))
    fallbacks = fallback_options()
    pool_settings = worker_fallback_settings()
    bound = bare_task()
    options = {}
    for name in sorted({*declared, *assumed}):
        default = declared.get(name, assumed.get(name))
        options[name] = {
            "default": default,
            "declared": name in declared,
            "setting": from_config.get(name),
            "worker_fallback_setting": pool_settings.get(name),
            "fallback_option": fallbacks.get(name),
            "bound_default": plain(getattr(bound, name, default)),
            "message": name in in_message,
        }
    return options


def fallback_options():
    """What `bind` copies from another attribute: `cls.x = cls.y if cls.y is not None else ...`."""
    found = {}
    for node in ast.walk(tree_of(task_module.Task.bind.__func__)):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.IfExp):
            source, target = node.value.body, node.targets[0]
            if isinstance(source, ast.Attribute) and isinstance(target, ast.Attribute):
                found[target.attr] = source.attr
    return found


def worker_fallback_settings():
    """The limits that a worker takes from settings and hands to its pool: `self.x = either('task_x', x)`."""
    from celery.worker.worker import WorkController

    found = {}
    for node in ast.walk(tree_of(WorkController.setup_defaults)):
        if (
            isinstance(node, ast.Assign)
            and is_call(node.value, "either")
            and node.targets[0].attr.endswith("time_limit")
        ):
            found[node.targets[0].attr] = node.value.args[0].value
    return found


def bare_task():
    """A task of an app without any configuration, bound."""
    app = celery.Celery("bare", set_as_current=False)

    @app.task
    def nothing():
        pass

    return app.tasks[nothing.name]


def task_attributes():
    """Everything else on a task that means something to Celery: methods to override, framework attributes."""
    options = set(task_options())
    public = {name for name in dir(task_module.Task) if not name.startswith("_")}
    return sorted((public | _DEPRECATED_OPTIONS | _LEGACY_ATTRIBUTES | {"__doc__", "__trace__"}) - options)


def decorator_parameters():
    names = set(inspect.signature(base_module.Celery._task_from_fun).parameters) - {"self", "fun", "options"}
    for node in ast.walk(tree_of(base_module.Celery.task)):
        if isinstance(node, ast.FunctionDef) and node.name == "inner_create_task_cls":
            names |= {argument.arg for argument in node.args.args}
    return sorted(names)


def call_options():
    """The keywords that anything between `apply_async` and the broker takes by name."""
    from amqp.basic_message import Message
    from kombu.messaging import Producer

    takers = [
        task_module.Task.apply_async,
        task_module.Task.apply,
        base_module.Celery.send_task,
        amqp.AMQP.as_task_v1,
        amqp.AMQP.as_task_v2,
        Producer.publish,
    ]
    names = set(message_options()) | {name for name, _ in Message.PROPERTIES}
    for taker in takers:
        names |= {
            parameter.name
            for parameter in inspect.signature(taker).parameters.values()
            if parameter.kind is not parameter.VAR_KEYWORD
        }
    for node in ast.walk(tree_of(amqp.AMQP._create_task_sender)):
        if isinstance(node, ast.FunctionDef) and node.name == "send_task_message":
            names |= {argument.arg for argument in node.args.args}
    for taker in (task_module.Task.apply_async, task_module.Task.apply, base_module.Celery.send_task):
        names |= set(popped(taker))
    return sorted(names - {"self", "name", "message", "body", "now", "options", "properties"})


def popped(function):
    """The keys that a function takes out of its own `**options`."""
    for node in ast.walk(tree_of(function)):
        is_method = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if not is_method or node.func.attr not in ("pop", "get") or getattr(node.func.value, "id", "") != "options":
            continue
        if isinstance(node.args[0], ast.Constant):
            yield node.args[0].value


def program():
    from celery.bin.celery import celery as group

    return {
        "worker_flags": flags(group.commands["worker"]),
        "beat_flags": flags(group.commands["beat"]),
        "global_flags": flags(group),
        "subcommands": sorted(group.commands),
    }


def flags(command):
    return {param.name: flag(param) for param in command.params if param.param_type_name == "option"}


def flag(param):
    switch = param.is_flag or param.count
    choices = [str(choice) for choice in getattr(param.type, "choices", ())]
    computed = switch or param.name == "hostname"  # a switch is off; a host's name is not Celery's
    return {
        "long": [spelling for spelling in param.opts if spelling.startswith("--")],
        "short": [spelling for spelling in param.opts if not spelling.startswith("--")],
        "negative": list(param.secondary_opts),
        "takes_value": not switch,
        "type": "boolean" if switch else "choice" if choices else param.type.name.lower(),
        "choices": [] if switch else choices,
        "env": param.envvar or "",
        "default": param.default if isinstance(param.default, (int, float, str)) and not computed else None,
    }


def transports():
    """The schemes of kombu, with the clock that a transport's channel declares."""
    from kombu.transport import TRANSPORT_ALIASES

    return {
        scheme: {"module": target.partition(":")[0], "visibility_timeout": visibility_timeout(target.partition(":")[0])}
        for scheme, target in TRANSPORT_ALIASES.items()
        if isinstance(target, str)
    }


def visibility_timeout(module):
    """Seconds, read from the source: most transports cannot be imported without their client library."""
    path = Path(importlib.import_module("kombu").__file__).parent.joinpath(*module.split(".")[1:])
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not source.exists():
        return None
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        target = getattr(node.targets[0], "id", "") if isinstance(node, ast.Assign) else ""
        if target in ("visibility_timeout", "default_visibility_timeout") and isinstance(node.value, ast.Constant):
            return node.value.value
    return None


def undeclared_settings(candidates):
    """The candidates that this Celery's source names, and the daemon options it reads as settings since 5.4."""
    from celery.bin import base

    package = Path(celery.__file__).parent
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(package.rglob("*.py")))
    found = {name for name in candidates if name in text}
    if hasattr(base, "DaemonOption"):
        from celery.bin.celery import celery as group

        for command in ("worker", "beat", "events"):
            for param in group.commands[command].params:
                if isinstance(param, base.DaemonOption):
                    found.add(command + "_" + param.name)
    return sorted(found - set(defaults.SETTING_KEYS))


def tree_of(function):
    return ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function))))


def is_call(node, name):
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") == name


def main():
    described = {
        "celery": celery.__version__,
        "settings": settings(),
        "task_options": task_options(),
        "task_attributes": task_attributes(),
        "decorator_parameters": decorator_parameters(),
        "call_options": call_options(),
        "transports": transports(),
        "undeclared_settings": undeclared_settings(sys.argv[1:]),
    }
    described.update(program())
    print(json.dumps(described))


if __name__ == "__main__":
    main()

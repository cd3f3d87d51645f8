"""Forms of tasks. Each idiom writes one or a few tasks into a module and says what Celery will call them."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import indent

from celerylint.dev.oracle.bases import class_options, parent_class
from celerylint.dev.oracle.decorators import app_expression, celery_decorator
from celerylint.dev.oracle.options import keywords, random_options
from celerylint.dev.oracle.project import Module, Project, Service
from celerylint.dev.oracle.values import spell

_VERBS = ("send", "sync", "charge", "refresh", "export", "purge", "index", "notify", "resize", "import")
_NOUNS = ("orders", "invoices", "emails", "stock", "report", "feeds", "thumbnails", "ledger", "carts", "webhooks")


def add_task(project: Project, service: Service, module: Module) -> None:
    """Write a task in one of the forms."""
    idiom = project.weighted(_FORMS)
    project.note(f"task/{idiom.__name__.strip('_')}")
    idiom(project, service, module)


def _function_name(project: Project) -> str:
    return project.fresh(f"{project.pick(_VERBS)}_{project.pick(_NOUNS)}")


def _register(project: Project, service: Service, module: Module, function: str, arguments: list[str]) -> None:
    """Remember the name that the task will probably have, for routes and schedules; sometimes give it one."""
    name = f"{module.name}.{function}"
    if project.chance(0.2):
        name = f"{service.package}.{function.replace('_', '-')}"
        arguments.insert(0, f"name={spell(project, service, module, name)}")
        project.note("task/explicit-name")
    service.task_names.append(name)


def _decoration(project: Project, service: Service, module: Module, function: str) -> tuple[str, bool]:
    """The text of a task decorator for the function, and whether it binds."""
    own = service.decorators if module is not service.app_module else []
    if own and project.chance(0.35):
        decorator = project.pick(own)
        project.note("task/project-decorator")
        expression = project.reach(module, decorator.module, decorator.name)
        if not decorator.called or (decorator.bare and project.chance(0.3)):
            service.task_names.append(f"{module.name}.{function}")
            return expression, False
        return _called(project, service, module, function, expression, decorator.fixed)
    if service.methods and project.chance(0.5):
        project.note("task/subclass-method")
        expression = f"{app_expression(project, service, module)}.{project.pick(service.methods)}"
        return _called(project, service, module, function, expression, frozenset())
    expression = celery_decorator(project, service, module)
    if project.chance(0.15):
        service.task_names.append(f"{module.name}.{function}")
        return expression, False
    return _called(project, service, module, function, expression, frozenset())


def _called(
    project: Project, service: Service, module: Module, function: str, expression: str, fixed: frozenset[str]
) -> tuple[str, bool]:
    arguments = keywords(project, service, module, random_options(project, 5, without=fixed))
    bound = project.chance(0.3)
    if bound:
        arguments.insert(0, "bind=True")
    if service.bases and project.chance(0.3):
        project.note("task/base=")
        arguments.insert(0, f"base={project.reach(module, *project.pick(service.bases))}")
    _register(project, service, module, function, arguments)
    arguments.sort(key=lambda argument: argument.startswith("**"))
    return f"{expression}({', '.join(arguments)})", bound


def _parameters(project: Project, bound: bool) -> str:
    own = project.pick(("", "pk", "pk, force=False", "*args, **kwargs"))
    return ", ".join(part for part in ("self" if bound else "", own) if part)


def _plain(project: Project, service: Service, module: Module) -> None:
    function = _function_name(project)
    decorator, bound = _decoration(project, service, module, function)
    module.add(f"@{decorator}\ndef {function}({_parameters(project, bound)}):\n    return None")
    if module is service.app_module:
        service.local_tasks.append(function)


def _stacked(project: Project, service: Service, module: Module) -> None:
    """Another decorator that wraps properly stands under the task decorator."""
    function = _function_name(project)
    helper = project.module(f"{service.package}.utils")
    if "timed" not in helper.spelled:
        helper.spelled["timed"] = "yes"
        helper.add_import("from functools import wraps")
        helper.add("""
def timed(function):
    @wraps(function)
    def inner(*args, **kwargs):
        return function(*args, **kwargs)
    return inner

def locked(timeout):
    def decorate(function):
        @wraps(function)
        def inner(*args, **kwargs):
            return function(*args, **kwargs)
        return inner
    return decorate
""")
    under = [f"@{project.reach(module, helper, 'timed')}", f"@{project.reach(module, helper, 'locked')}(timeout=60)"]
    decorator, bound = _decoration(project, service, module, function)
    below = "\n".join(project.some(under, 1, 2))
    module.add(f"@{decorator}\n{below}\ndef {function}({_parameters(project, bound)}):\n    return None")


def _class_based(project: Project, service: Service, module: Module) -> None:
    function = _function_name(project)
    name = function.title().replace("_", "")
    lines = ""
    explicit = f"{module.name}.{name}"
    by_registry = project.chance(0.1) and module is not service.app_module
    if by_registry or project.chance(0.4):
        explicit = f"{service.package}.{function}"
        lines = f"    name = {spell(project, service, module, explicit)}\n"
    service.task_names.append(explicit)
    parent = parent_class(project, service, module)
    app = app_expression(project, service, module)
    if project.chance(0.2):
        parent = f"{app}.Task"
        project.note("class/app.Task")
    attributes = class_options(project, service, module)
    module.add(f"class {name}({parent}):\n{lines}{attributes}\n    def run(self, pk=None):\n        return pk")
    if by_registry:
        project.note("class/tasks.register")
        module.add(f"{app}.tasks.register({name}())")
        return
    form = project.weighted({"instance": 4.0, "class": 1.0, "statement": 2.0, "variable": 1.0})
    if form == "statement":
        module.add(f"{app}.register_task({name}())")
    elif form == "variable":
        module.add(f"{function}_instance = {name}()\n{app}.register_task({function}_instance)")
    else:
        module.add(f"{function} = {app}.register_task({name}{'()' if form == 'instance' else ''})")


def _loop(project: Project, service: Service, module: Module) -> None:
    function = _function_name(project)
    items = project.some(("eu", "us", "apac", "latam"), 2, 3)
    arguments = [f'name=f"{service.package}.{function}.{{region}}"']
    arguments += keywords(project, service, module, random_options(project, 3))
    decorator = celery_decorator(project, service, module)
    source = repr(tuple(items))
    if project.chance(0.4):
        module.add(f"REGIONS_{function} = {items!r}")
        source = f"REGIONS_{function}"
    service.task_names.extend(f"{service.package}.{function}.{item}" for item in items)
    module.add(
        f"for region in {source}:\n    @{decorator}({', '.join(arguments)})\n"
        f"    def {function}(pk=None):\n        return pk"
    )


def _factory(project: Project, service: Service, module: Module) -> None:
    """A function that makes tasks, called for each kind."""
    function = _function_name(project)
    maker = f"make_{function}"
    fixed = random_options(project, 3)
    arguments = [f'name="{service.package}.{function}." + kind', *keywords(project, service, module, fixed)]
    decorator = celery_decorator(project, service, module)
    passed = project.chance(0.4)
    if passed:
        arguments.append("**options")
    arguments.sort(key=lambda argument: argument.startswith("**"))
    module.add(
        f"def {maker}(kind{', **options' if passed else ''}):\n    @{decorator}({', '.join(arguments)})\n"
        f"    def run_{function}(pk=None):\n        return kind\n\n    return run_{function}"
    )
    for kind in project.some(("csv", "pdf", "xml"), 1, 2):
        extra = random_options(project, 2, without=fixed) if passed else {}
        given = [f'"{kind}"', *keywords(project, service, module, extra)]
        module.add(f"{function}_{kind} = {maker}({', '.join(given)})")
        service.task_names.append(f"{service.package}.{function}.{kind}")


def _by_call(project: Project, service: Service, module: Module) -> None:
    """A plain function made a task by calling the decorator."""
    function = _function_name(project)
    module.add(f"def _{function}(pk=None):\n    return pk")
    arguments = keywords(project, service, module, random_options(project, 3))
    _register(project, service, module, f"_{function}", arguments)
    decorator = celery_decorator(project, service, module)
    arguments.sort(key=lambda argument: argument.startswith("**"))
    if project.chance(0.5):
        module.add(f"{function} = {decorator}({', '.join(['_' + function, *arguments])})")
    else:
        module.add(f"{function} = {decorator}({', '.join(arguments)})(_{function})")


def _in_class(project: Project, service: Service, module: Module) -> None:
    """A task among the static methods of a class."""
    function = _function_name(project)
    decorator, bound = _decoration(project, service, module, function)
    static = "@staticmethod\n" if project.chance(0.6) else ""
    body = f"{static}@{decorator}\ndef {function}({_parameters(project, bound)}):\n    return None"
    module.add(f"class {function.title().replace('_', '')}Jobs:\n{indent(body, '    ')}")


def _branches(project: Project, service: Service, module: Module) -> None:
    """The same task defined under `if` and `else`, or after a guarded import."""
    function = _function_name(project)
    decorator, bound = _decoration(project, service, module, function)
    parameters = _parameters(project, bound)
    task = indent(f"@{decorator}\ndef {function}({parameters}):\n    return None", "    ")
    form = project.pick(("if-else", "if", "try"))
    project.note(f"branch/{form}")
    if form == "try":
        module.add("try:\n    import fastcsv_not_installed as csv\nexcept ImportError:\n    import csv")
        module.add(f"try:\n{task}\nfinally:\n    pass")
        return
    module.add_import("import sys")
    other = f"\nelse:\n{task}" if form == "if-else" else ""
    module.add(f"if sys.version_info >= (3, 8):\n{task}{other}")


_Form = Callable[[Project, Service, Module], None]
_FORMS: dict[_Form, float] = {
    _plain: 10.0,
    _stacked: 1.5,
    _class_based: 2.5,
    _loop: 0.7,
    _factory: 0.6,
    _by_call: 0.6,
    _in_class: 0.6,
    _branches: 0.8,
}

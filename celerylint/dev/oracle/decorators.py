"""Ways to reach a task decorator: Celery's own, and the ones a project makes for itself."""

from __future__ import annotations

from collections.abc import Callable

from celerylint.dev.oracle.options import dictionary, keywords, random_options
from celerylint.dev.oracle.project import Module, Project, ProjectDecorator, Service, celery_library


def add_decorators(project: Project, service: Service) -> None:
    """Write a few decorators of the project's own."""
    for _ in range(project.rng.choice((0, 0, 1, 2))):
        module = project.module(f"{service.package}.{project.pick(('decorators', 'core.jobs'))}")
        make = project.pick(_MAKERS)
        service.decorators.append(make(project, service, module))
        project.note(f"decorator/{make.__name__.strip('_')}")


def celery_decorator(project: Project, service: Service, module: Module) -> str:
    """An expression for `app.task` or `shared_task` as this module reaches it."""
    if "decorator" not in module.spelled or project.chance(0.2):
        module.spelled["decorator"] = project.pick(_CELERY_OWN)(project, service, module)
    return module.spelled["decorator"]


def app_expression(project: Project, service: Service, module: Module) -> str:
    """An expression for the app in this module, the same one throughout."""
    if module is service.app_module:
        return service.variable
    if "app" not in module.spelled:
        exported = service.app_module.spelled.get("exported")
        if exported and project.chance(0.4):
            project.note("import/re-exported-app")
            module.add_import(f"from {service.package} import {exported} as queue_app")
            module.spelled["app"] = "queue_app"
        else:
            module.spelled["app"] = project.reach(module, service.app_module, service.variable)
    return module.spelled["app"]


def _app_task(project: Project, service: Service, module: Module) -> str:
    project.note("decorator/app.task")
    return f"{app_expression(project, service, module)}.task"


def _shared_task(project: Project, service: Service, module: Module) -> str:
    form = project.weighted({"plain": 5.0, "alias": 1.5, "celery.": 1.5, "module": 0.7, "variable": 0.7})
    if module is service.app_module:
        form = "plain"
    project.note(f"decorator/shared_task-{form}")
    if form == "alias":
        module.add_import("from celery import shared_task as queued")
        return "queued"
    if form == "celery.":
        return f"{celery_library(service, module)}.shared_task"
    if form == "module":
        module.add_import("from celery import app as celery_application")
        return "celery_application.shared_task"
    module.add_import("from celery import shared_task")
    if form == "variable":
        name = project.fresh("job")
        module.add(f"{name} = shared_task")
        return name
    return "shared_task"


_CELERY_OWN = (_app_task, _app_task, _shared_task)


def _partial(project: Project, service: Service, module: Module) -> ProjectDecorator:
    module.add_import("from functools import partial")
    options = random_options(project, 4)
    name = project.fresh("resilient")
    arguments = [celery_decorator(project, service, module), *keywords(project, service, module, options)]
    module.add(f"{name} = partial({', '.join(arguments)})")
    return ProjectDecorator(module, name, bare=True, called=True, fixed=frozenset())


def _preconfigured(project: Project, service: Service, module: Module) -> ProjectDecorator:
    options = random_options(project, 4)
    name = project.fresh("durable")
    arguments = ", ".join(keywords(project, service, module, options))
    module.add(f"{name} = {celery_decorator(project, service, module)}({arguments})")
    return ProjectDecorator(module, name, bare=True, called=False, fixed=frozenset())


def _factory(project: Project, service: Service, module: Module) -> ProjectDecorator:
    """A function of options that returns Celery's decorator, with the options completed first."""
    options = random_options(project, 4)
    name = project.fresh("background")
    own = celery_decorator(project, service, module)
    form = project.weighted({"setdefault": 3.0, "fixed": 2.0, "merged": 2.0, "assigned": 1.0})
    project.note(f"factory/{form}")
    fixed: frozenset[str] = frozenset()
    if form == "setdefault":
        lines = [f'options.setdefault("{item}", {text})' for item, text in
                 (argument.split("=", 1) for argument in _written_out(project, service, module, options))]  # fmt: skip
        body = "\n    ".join([*lines, f"return {own}(**options)"])
    elif form == "assigned":
        lines = [f'options["{item}"] = {text}' for item, text in
                 (argument.split("=", 1) for argument in _written_out(project, service, module, options))]  # fmt: skip
        body = "\n    ".join([*lines, f"return {own}(**options)"])
    elif form == "fixed":
        fixed = frozenset(options)
        body = f"return {own}({', '.join([*_written_out(project, service, module, options), '**options'])})"
    else:
        defaults = dictionary(project, service, module, options)
        merged = project.pick((f"{{**{defaults}, **options}}", f"dict({defaults}, **options)"))
        body = f"return {own}(**{merged})"
    module.add(f"def {name}(**options):\n    {body}")
    return ProjectDecorator(module, name, bare=False, called=True, fixed=fixed)


def _wrapping_factory(project: Project, service: Service, module: Module) -> ProjectDecorator:
    """A factory with a keyword of its own, whose inner function wraps the body and ends in Celery's decorator."""
    module.add_import("import functools")
    options = random_options(project, 3)
    name = project.fresh("guarded")
    own = celery_decorator(project, service, module)
    pairs = (argument.split("=", 1) for argument in _written_out(project, service, module, options))
    defaults = "".join(f'    options.setdefault("{item}", {text})\n' for item, text in pairs)
    module.add(f"""
def {name}(*, lock=None, **options):
{defaults}
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs)

        return {own}(**options)(wrapper)

    return decorate
""")
    return ProjectDecorator(module, name, bare=False, called=True, fixed=frozenset())


def _either_way(project: Project, service: Service, module: Module) -> ProjectDecorator:
    """A decorator that works with and without parentheses."""
    module.add_import("from functools import partial")
    options = random_options(project, 3)
    name = project.fresh("either")
    own = celery_decorator(project, service, module)
    defaults = dictionary(project, service, module, options)
    module.add(f"""
def {name}(function=None, **options):
    if function is None:
        return partial({name}, **options)
    return {own}(**{{**{defaults}, **options}})(function)
""")
    return ProjectDecorator(module, name, bare=True, called=True, fixed=frozenset())


def _plain_function(project: Project, service: Service, module: Module) -> ProjectDecorator:
    """A decorator that takes the function only."""
    options = random_options(project, 3)
    name = project.fresh("quick")
    arguments = ", ".join(_written_out(project, service, module, options))
    module.add(f"def {name}(function):\n    return {celery_decorator(project, service, module)}({arguments})(function)")
    return ProjectDecorator(module, name, bare=True, called=False, fixed=frozenset())


def _written_out(project: Project, service: Service, module: Module, options: dict[str, object]) -> list[str]:
    """The options as keywords, none of them spread."""
    return [argument for name, value in options.items() for argument in _one(project, service, module, name, value)]


def _one(project: Project, service: Service, module: Module, name: str, value: object) -> list[str]:
    arguments = keywords(project, service, module, {name: value})
    return [f"{name}={argument[2:]}[{name!r}]" if argument.startswith("**") else argument for argument in arguments]


_MAKERS: tuple[Callable[[Project, Service, Module], ProjectDecorator], ...] = (
    _partial, _preconfigured, _factory, _factory, _wrapping_factory, _either_way, _plain_function,
)  # fmt: skip

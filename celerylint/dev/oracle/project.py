"""A Celery project while it is being invented: modules that idioms add imports and statements to."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

CELERY_RELEASES = {"5.3": "5.3.6", "5.6": "5.6.3", "5.7": "5.7.0"}
"""What a generated project pins, so that a reader of the project knows the version too."""


class Module:
    """One Python file: imports are collected and sorted, statements stay in the order they came."""

    def __init__(self, name: str, path: str) -> None:
        self.name = name
        self.path = path
        self.imports: dict[str, None] = {}
        self.blocks: list[str] = []
        self.last: list[str] = []
        """Statements that must come after everything else, such as imports of modules that import this one."""
        self.spelled: dict[str, str] = {}
        """How this file says a thing that it says in one way throughout, such as the app."""

    @property
    def package(self) -> str:
        """The package that relative imports of this file start from."""
        return self.name if self.path.endswith("/__init__.py") else self.name.rpartition(".")[0]

    def add_import(self, line: str) -> None:
        """Add one import statement, once."""
        self.imports[line] = None

    def add(self, block: str) -> None:
        """Add statements below those already there."""
        self.blocks.append(block.strip("\n"))

    def text(self) -> str:
        """The file's content."""
        parts = ["\n".join(sorted(self.imports)), *self.blocks, *self.last]
        return "\n\n".join(part for part in parts if part) + "\n"


class Service:
    """One app of the project, with its own package, configuration and tasks."""

    def __init__(self, package: str, app_module: Module, variable: str) -> None:
        self.package = package
        self.app_module = app_module
        self.variable = variable
        self.task_modules: list[Module] = []
        self.task_names: list[str] = []
        self.local_tasks: list[str] = []
        """Variables of tasks that stand in the app's own module."""
        self.decorators: list[ProjectDecorator] = []
        self.bases: list[tuple[Module, str]] = []
        self.settings_object = False
        """Whether Django's `settings` may be read in task modules."""
        self.methods: list[str] = []
        """Decorator methods that a Celery subclass of the project adds."""


class ProjectDecorator:
    """A decorator that the project made for itself: where it is, and what callers may not say again."""

    def __init__(self, module: Module, name: str, *, bare: bool, called: bool, fixed: frozenset[str]) -> None:
        self.module = module
        self.name = name
        self.bare = bare
        self.called = called
        self.fixed = fixed


class Project:
    """Files, the modules to load for each app, the idioms used, and the dice."""

    def __init__(self, seed: int, celery: str) -> None:
        self.seed = seed
        self.celery = celery
        self.rng = random.Random(f"oracle {seed}")
        self.modules: dict[str, Module] = {}
        self.services: list[Service] = []
        self.idioms: Counter[str] = Counter()
        self.source_root = ""
        self._counter = 0

    def note(self, idiom: str) -> None:
        """Count a use of an idiom."""
        self.idioms[idiom] += 1

    def chance(self, probability: float) -> bool:
        """True that often."""
        return self.rng.random() < probability

    def pick(self, choices: Sequence[T]) -> T:
        """One of them, all equally likely."""
        return self.rng.choice(choices)

    def weighted(self, choices: dict[T, float]) -> T:
        """One of the keys, as likely as its value says."""
        return self.rng.choices(list(choices), list(choices.values()))[0]

    def some(self, choices: Sequence[T], least: int, most: int) -> list[T]:
        """Between `least` and `most` of them, in a random order."""
        return self.rng.sample(list(choices), min(len(choices), self.rng.randint(least, most)))

    def fresh(self, stem: str) -> str:
        """A name that nothing else in the project has."""
        self._counter += 1
        return f"{stem}_{self._counter}"

    def module(self, name: str, *, package: bool = False) -> Module:
        """The module of that dotted name, made with its parent packages if it is new."""
        if name in self.modules:
            return self.modules[name]
        parent = name.rpartition(".")[0]
        if parent:
            self.module(parent, package=True)
        path = self.source_root + name.replace(".", "/") + ("/__init__.py" if package else ".py")
        self.modules[name] = Module(name, path)
        return self.modules[name]

    def files(self) -> dict[str, str]:
        """Every file of the project by path."""
        texts = {module.path: module.text() for module in self.modules.values()}
        texts["requirements.txt"] = f"celery=={CELERY_RELEASES[self.celery]}\ndjango>=4.2\nredis>=5\n"
        return texts

    def reach(self, reader: Module, target: Module, name: str) -> str:
        """An expression for `target`'s `name` in `reader`, imported in one of the ways people import."""
        if reader is target:
            return name
        parent, _, leaf = target.name.rpartition(".")
        forms = {"from": 5.0, "from-as": 1.5, "relative": 2.0, "import": 1.0, "module": 2.0}
        if not parent or leaf == name:
            del forms["module"]
        if leaf in name or "imports tasks" in target.spelled or reader.name.split(".")[0] in reader.spelled.values():
            forms.pop("import", None)
        if target.name.split(".")[0] != reader.name.split(".")[0]:
            del forms["relative"]
        form = self.weighted(forms)
        self.note(f"import/{form}")
        if form == "import":
            reader.add_import(f"import {target.name}")
            return f"{target.name}.{name}"
        if form == "module":
            alias = f"{leaf}_module" if leaf in ("celery", "app", "celery_app") else leaf
            suffix = "" if alias == leaf else f" as {alias}"
            alias = f"{parent.replace('.', '_')}_{alias}" if self._taken(reader, alias, parent) else alias
            suffix = f" as {alias}" if alias != leaf else suffix
            reader.add_import(f"from {parent} import {leaf}{suffix}")
            return f"{alias}.{name}"
        if form == "from-as":
            alias = self.fresh(f"imported_{name.lower()}")
            reader.add_import(f"from {target.name} import {name} as {alias}")
            return alias
        source = _relative(reader, target) if form == "relative" else target.name
        reader.add_import(f"from {source} import {name}")
        return name

    def _taken(self, reader: Module, alias: str, parent: str) -> bool:
        """Whether the reader already means another module by that name."""
        return reader.spelled.setdefault(f"module {alias}", parent) != parent


def celery_library(service: Service, module: Module) -> str:
    """A name for the `celery` package itself, which must not be the app's own name."""
    if service.variable == "celery":
        module.add_import("import celery as celery_library")
        return "celery_library"
    module.add_import("import celery")
    return "celery"


def _relative(reader: Module, target: Module) -> str:
    """The target as `.x.y`, seen from the reader."""
    here, there = reader.package.split("."), target.name.split(".")
    common = 0
    while common < len(here) and common < len(there) - 1 and here[common] == there[common]:
        common += 1
    return "." * (len(here) - common + 1) + ".".join(there[common:])

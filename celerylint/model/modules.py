"""Which file a dotted module name is, and which name a file has.

Python decides by `sys.path`, which no file states; so the roots are inferred: the folder above each top-level package, moved up
where imports of the project show that the folders above are packages without `__init__.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property

from celerylint.facts import ir
from celerylint.facts.ir import PythonFacts
from celerylint.model.values import Entry, Scope

_NEVER_OURS = frozenset({"celery", "kombu", "billiard", "django", "redis", "flask", "typing", "os", "sys", "datetime"})
"""Packages that a file of the same name in a project does not replace (`proj/celery.py` beside `from celery import ...`)."""

_ROOT_MARKS = ("manage.py", "pyproject.toml", "setup.py", "setup.cfg", "requirements.txt")


class Module:
    """A Python file of the project. `scope` fills up as the evaluator runs it."""

    __slots__ = (
        "_facts", "_load", "_run", "dotted", "gated", "is_package", "late", "needed", "path", "root", "running", "scope", "started",
    )  # fmt: skip

    def __init__(
        self,
        path: str,
        root: str,
        dotted: str,
        gated: bool,
        load: Callable[[str], PythonFacts | None],
        run: Callable[[Module], None],
    ) -> None:
        self.path = path
        self.root = root
        self.dotted = dotted
        self.gated = gated
        """Whether its bytes showed that it may matter; others are read only when a value of theirs is needed."""
        self.is_package = path.endswith("__init__.py")
        self.scope = Scope("module", self, None)
        self.started = False
        self.late = False
        """Whether it was read for a single question, when the project was put together already."""
        self.needed = False
        """Whether tasks use what it does."""
        self.running = False
        self._load = load
        self._run = run
        self._facts: PythonFacts | None = None

    @property
    def known(self) -> bool:
        """Whether it was read before anything was judged. What has been read since must not change other answers, or they
        would depend on which question came first."""
        return self.gated or self.needed or (self.started and not self.late)

    @property
    def bindings(self) -> dict[str, Entry]:
        """What its names are bound to: the module is run for it if nobody needed it yet."""
        self._run(self)
        return self.scope.entries

    @property
    def facts(self) -> PythonFacts | None:
        """What the file says; None if it cannot be read."""
        if self._facts is None:
            self._facts = self._load(self.path)
        return self._facts

    @property
    def package(self) -> str:
        """The package that relative imports start from."""
        return self.dotted if self.is_package else self.dotted.rpartition(".")[0]


class ModuleIndex:
    """All Python files of the project by path and by dotted name."""

    def __init__(
        self,
        paths: Iterable[str],
        gated: Iterable[str],
        load: Callable[[str], PythonFacts | None],
        imported: Callable[[str, bool], Iterable[ir.Import | ir.ImportFrom]],
        source_roots: Iterable[str] = (),
        marks: Iterable[str] = (),
    ) -> None:
        self.paths = frozenset(paths)
        self._load = load
        self.run: Callable[[Module], None] = lambda module: None
        """How a module is run; set by the evaluator."""
        self._gated = frozenset(gated)
        self._modules: dict[str, Module] = {}
        self._by_ending: dict[str, list[str]] = {}
        """Paths by the last one and the last two parts of their dotted names."""
        for path in sorted(self.paths):
            stem = _stem(path)
            above = stem.rpartition("/")
            self._by_ending.setdefault(above[2], []).append(path)
            if above[1]:
                self._by_ending.setdefault(f"{above[0].rpartition('/')[2]}/{above[2]}", []).append(path)
        self.roots = frozenset({"", *(_trim(r) for r in source_roots)}) | frozenset(
            path.rpartition("/")[0] for path in (*self.paths, *marks) if path.rpartition("/")[2] in _ROOT_MARKS
        )
        self._starts = frozenset(p.rpartition("/")[0] for p in self.paths if p.rpartition("/")[2] == "manage.py")
        self._resolved: dict[tuple[str, str], str | None] = {}
        self._imported = imported
        self._relative = self._relative_levels()

    def _relative_levels(self) -> dict[str, int]:
        """How many packages a folder is at least inside of, by the dots of its files' relative imports."""
        levels: dict[str, int] = {}
        for path in self._gated:
            folder = path.rpartition("/")[0]
            for statement in self._imported(path, False):
                if isinstance(statement, ir.ImportFrom) and statement.level > levels.get(folder, 0):
                    levels[folder] = statement.level
        return levels

    @cached_property
    def _every_prefix(self) -> frozenset[str]:
        """Every dotted name, and each of its prefixes, that a relevant file imports absolutely, inside functions too.

        Read only where the name of a file hangs on it.
        """
        out: set[str] = set()
        for path in sorted(self._gated):
            for statement in self._imported(path, True):
                if isinstance(statement, ir.Import):
                    names = [alias.name for alias in statement.names]
                elif statement.level:
                    continue
                else:
                    names = [statement.module, *(f"{statement.module}.{a.name}" for a in statement.names)]
                for name in names:
                    parts = name.split(".")
                    out.update(".".join(parts[:n]) for n in range(1, len(parts) + 1))
        return frozenset(out)

    @property
    def relevant(self) -> dict[str, Module]:
        """The modules whose bytes showed that they may matter, by path."""
        return {path: self.module(path) for path in sorted(self._gated)}

    @property
    def known(self) -> list[str]:
        """The paths of the modules that were read before anything was judged, in order."""
        return sorted(self._gated | {path for path, module in self._modules.items() if module.known})

    def module(self, path: str) -> Module:
        """The module of a path that is in the project."""
        module = self._modules.get(path)
        if module is None:
            root, dotted = self.name_of(path)
            module = Module(path, root, dotted, path in self._gated, self._load, lambda m: self.run(m))
            self._modules[path] = module
        return module

    def loaded(self, path: str) -> Module | None:
        """The module of a path, if anything asked for it yet."""
        return self._modules.get(path)

    def name_of(self, path: str) -> tuple[str, str]:
        """The root and the dotted name that a file is imported under."""
        parts = _parts(path)
        folder = path.rpartition("/")[0]
        own = 0 if path.endswith("__init__.py") else 1
        tail = max(self._depth(folder), self._relative.get(folder, 0)) + own
        best = tail
        if f"{folder}/__init__.py" not in self.paths or "/".join(parts[:-tail]) not in self.roots:
            # Folders without __init__.py are packages too where somebody imports through them.
            for longer in range(tail + 1, len(parts) + 1):
                root = "/".join(parts[:-longer])
                if self._plausible(root) and self._imported_from(root, parts[-longer]):
                    best = longer
                if root in self.roots:
                    break
            if folder and best == tail and not self._depth(folder) and not self._siblings_imported(folder):
                # Nobody shows where it is imported from: from the nearest place that programs start in.
                root = max((r for r in self.roots if not r or folder == r or folder.startswith(r + "/")), key=len)
                best = len(parts) - (root.count("/") + 1 if root else 0)
        best = min(max(best, 1), len(parts)) if parts else 0
        return "/".join(parts[: len(parts) - best]), ".".join(parts[len(parts) - best :])

    def _depth(self, folder: str) -> int:
        """How many folders above a file are its package.

        A folder inside a package belongs to it, with or without an `__init__.py` of its own. A folder that holds
        `manage.py` is where the program starts, whatever else it holds.
        """
        parts = folder.split("/") if folder else []
        depth = 0
        for up in range(1, len(parts) + 1):
            here = "/".join(parts[: len(parts) - up + 1])
            if here in self._starts:
                break
            if f"{here}/__init__.py" in self.paths:
                depth = up
        return depth

    def _siblings_imported(self, folder: str) -> bool:
        """Whether files of a folder are imported by their bare names: it is on the path itself."""
        base = f"{folder}/" if folder else ""
        return any(
            f"{base}{name}.py" in self.paths
            for name in self._every_prefix
            if "." not in name and name not in _NEVER_OURS
        )

    def _imported_from(self, root: str, package: str) -> bool:
        """Whether somebody imports modules of a package that lies in this root."""
        if package in _NEVER_OURS:
            return False
        base = f"{root}/" if root else ""
        for dotted in self._by_package.get(package, ()):
            path = base + dotted.replace(".", "/")
            if f"{path}.py" in self.paths or f"{path}/__init__.py" in self.paths:
                return True
        return False

    @cached_property
    def _by_package(self) -> dict[str, list[str]]:
        out: dict[str, list[str]] = {}
        for dotted in sorted(self._every_prefix):
            if "." in dotted:
                out.setdefault(dotted.partition(".")[0], []).append(dotted)
        return out

    def _plausible(self, root: str) -> bool:
        return not root or root in self._starts or f"{root}/__init__.py" not in self.paths

    def find(self, dotted: str, importer: Module | None) -> Module | None:
        """The module of the project that an absolute import names, seen from the importing module; None if it is foreign."""
        root = importer.root if importer else ""
        key = (dotted, root)
        if key not in self._resolved:
            self._resolved[key] = self._find(dotted, importer)
        path = self._resolved[key]
        return self.module(path) if path is not None else None

    def _find(self, dotted: str, importer: Module | None) -> str | None:
        parts = dotted.split(".")
        if not parts[-1] or parts[0] in _NEVER_OURS:
            return None
        folder = importer.path.rpartition("/")[0] if importer else ""
        candidates: list[tuple[tuple[int, int, int, str], str]] = []
        tail = "/".join(parts)
        for path in self._by_ending.get("/".join(parts[-2:]), ()):
            stem = _stem(path)
            if stem != tail and not stem.endswith("/" + tail):
                continue
            root = stem[: -len(tail) - 1]
            if not self._plausible(root):
                continue
            above = not root or folder == root or folder.startswith(root + "/")
            known = root in self.roots or (importer is not None and root == importer.root) or root.endswith("src")
            if not above and not known and len(parts) == 1:
                continue
            if len(parts) == 1 and not known and root != folder:
                continue
            rank = (
                0 if importer and root == importer.root else 1,
                0 if above else 1,
                -len(root) if above else len(root),
            )
            candidates.append(((*rank, path), path))
        return min(candidates)[1] if candidates else None

    def relative(self, module: Module, name: str, level: int) -> str:
        """The absolute name of a relative import."""
        package = module.package.split(".") if module.package else []
        base = package[: len(package) - (level - 1)] if level > 1 else package
        return ".".join([*base, *([name] if name else [])])

    def submodule(self, module: Module, name: str) -> Module | None:
        """The module `name` inside a package."""
        if not module.is_package:
            return None
        folder = module.path.rpartition("/")[0]
        for path in (f"{folder}/{name}.py", f"{folder}/{name}/__init__.py"):
            path = path.lstrip("/")
            if path in self.paths:
                return self.module(path)
        return None


def _stem(path: str) -> str:
    """The dotted name of a file, from the project root, with `/` between its parts."""
    stem = path.removesuffix(".py")
    return "" if stem == "__init__" else stem.removesuffix("/__init__")


def _parts(path: str) -> list[str]:
    stem = path[: -len(".py")] if path.endswith(".py") else path
    parts = stem.split("/")
    if parts[-1] == "__init__":
        parts.pop()
    return parts


def _trim(root: str) -> str:
    return root.strip("/").removeprefix("./") if root != "." else ""

"""Which files a run reads: one walk over the project, leaving out what is not its code."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from celerylint.config import PROJECT_MARKERS, Options, UsageError
from celerylint.facts.deploy.kinds import certain, may_deploy
from celerylint.facts.pins import is_pin_file
from celerylint.gitignore import IgnoreFile, parse
from celerylint.store import MOST_WRITTEN, Stamp, contents, stamp

_TELLING = frozenset((*PROJECT_MARKERS, "celerylint.toml", ".gitignore", "pyvenv.cfg"))
"""Names that are looked for, whatever they hold."""

READABLE = "make it readable, or leave it out with extend-exclude in [tool.celerylint]"
BOUNDED = f"make it readable, and smaller than {MOST_WRITTEN // 1_000_000} MB"
TOLD = (errno.EACCES, errno.EPERM, errno.EFBIG)
"""Why a file that says how to lint cannot be read, where people should know: a pipe or a missing file is none."""

_TEST_FOLDERS = frozenset(("test", "tests", "doc", "docs"))


class Problem(Struct, frozen=True, order=True):
    """A folder, or a file that says how to lint, that could not be read."""

    path: str
    why: str
    help: str


class Discovery(Struct, frozen=True, kw_only=True):
    """The files of a project. Paths are relative to its root, with `/` between their parts, and sorted."""

    files: tuple[str, ...]
    """Python files to lint."""
    tests: tuple[str, ...]
    """Python test files, which are read only where other code refers to them. Empty if tests are to be linted."""
    pins: tuple[str, ...]
    """Files that may pin Celery's version."""
    deployment: tuple[str, ...]
    """Files that may say how the project is deployed, by their names."""
    problems: tuple[Problem, ...]
    stamps: Mapping[str, Stamp | None]
    """Those of all folders and ignore files, taken before they were read; empty where nothing is to be cached."""
    keep: Callable[[str], bool]
    """False for a file that .gitignore or an exclude pattern leaves out. Folders were asked while walking; asking
    about every file would take longer than all else, so it is for the files that turn out to matter."""
    wanted: Callable[[str], bool]
    """Whether findings in this file were asked for: it lies at or below one of the paths given."""


def discover(
    root: Path, paths: Sequence[str], options: Options, unsaved: Mapping[str, bytes] | None = None
) -> Discovery:
    """The files of the project at `root`, of which `paths` (relative to the working directory) are to be linted.

    The whole project is read even if only one file of it is to be linted, since what a task does is decided in many
    files; a folder that no project marker shows to be a project is not. `unsaved` is what is taken for the content of files,
    by path relative to the root, whatever is on disk. Raises UsageError for a path that is not there.
    """
    unsaved = unsaved or {}
    named = _named(root, paths, unsaved)
    walk = _Walk(root, options)
    if any((root / marker).exists() for marker in (*PROJECT_MARKERS, "celerylint.toml")):
        walk.folder("")
    for path, is_folder in named.items():
        if is_folder:
            walk.folder(path + "/" if path else "")
    walk.add(unsaved)
    files = {path for path, is_folder in named.items() if not is_folder}
    if options.force_exclude:
        files = {path for path in files if not walk.left_out(path) and (options.include_tests or not _is_test(path))}
    tops = tuple(path + "/" if path else "" for path, is_folder in named.items() if is_folder)
    deployed = {path for path in files if not path.endswith(".py") and _deploys(root, path, unsaved.get(path))}
    chosen = {
        path for path in files - deployed if path.endswith(".py") or not (options.force_exclude or is_pin_file(path))
    }
    tests: set[str] = set() if options.include_tests else walk.tests(tops) - files
    return Discovery(
        files=tuple(sorted(walk.python().union(chosen) - tests)),
        tests=tuple(sorted(tests)),
        pins=tuple(sorted(walk.pins)),
        deployment=tuple(sorted(deployed.union(walk.deployment))),
        problems=tuple(sorted(walk.problems)),
        stamps=walk.stamps,
        keep=lambda path: path in files or not walk.ignored_file(path),
        wanted=lambda path: path in files or path.startswith(tops),
    )


def is_test_file(name: str) -> bool:
    """Whether a file is a test by what it is called, wherever it lies."""
    return name.startswith("test_") or name.endswith("_test.py") or name in ("conftest.py", "tests.py")


def is_test_folder(folder: str) -> bool:
    """Whether all files in a folder are tests, or examples in documentation, by where it lies."""
    return not _TEST_FOLDERS.isdisjoint(folder.split("/"))


def _is_test(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    return is_test_folder(folder) or is_test_file(name)


def _deploys(root: Path, path: str, content: bytes | None) -> bool:
    """Whether a file that was given by its path, or with its content, is a deployment file, and no Python script without a
    suffix."""
    name = path.rpartition("/")[2]
    if certain(path) or "." in name or not may_deploy(name):
        return may_deploy(name)
    if content is not None:
        return b"python" not in content[:200].partition(b"\n")[0]
    try:
        with open(root / path, "rb") as file:
            return b"python" not in file.readline(200)
    except OSError:
        return False


def _named(root: Path, paths: Sequence[str], unsaved: Collection[str]) -> dict[str, bool]:
    """Each path given, relative to the root, and whether it is a folder."""
    named: dict[str, bool] = {}
    for path in paths or ["."]:
        try:
            relative = Path(os.path.abspath(path)).relative_to(root).as_posix()
        except ValueError:
            raise UsageError(f"{path} lies outside of the project {root}") from None
        if relative in unsaved:
            named[relative] = False
            continue
        if not os.path.exists(path):
            raise UsageError(f"no such file or folder: {path}")
        is_folder = os.path.isdir(path)
        if not is_folder and not os.path.isfile(path):
            raise UsageError(f"not a regular file: {path}")
        named["" if relative == "." else relative] = is_folder
    return named


def listing(root: str, folder: str) -> list[str] | None:
    """What a walk looks at in a folder, which is empty or ends in `/`: names of files, and of folders with `/` after them;
    None if it cannot be listed."""
    names = []
    try:
        with os.scandir(f"{root}/{folder}") as entries:
            for entry in entries:
                name = entry.name
                if entry.is_dir(follow_symlinks=False):
                    if name in _TELLING or not (name.startswith(".") or name == "__pycache__"):
                        names.append(name + "/")
                elif name in _TELLING or name.endswith(".py") or may_deploy(name) or is_pin_file(folder + name):
                    names.append(name if entry.is_file(follow_symlinks=False) else name + "@")
    except OSError:
        return None
    return sorted(names)


class _Walk:
    """One walk: what it has seen, and the ignore files it met on the way."""

    def __init__(self, root: Path, options: Options) -> None:
        self.root = str(root)
        self.stamped = not options.no_cache
        self.stamps: dict[str, Stamp | None] = {}
        if self.stamped:
            self.stamps[""] = stamp(self.root)
            for above in root.parents:
                path = os.path.relpath(above / ".gitignore", root)
                self.stamps[path] = stamp(str(above / ".gitignore"))
        self.modules: dict[str, list[str]] = {}
        """For each folder, the names of the Python files in it."""
        self.pins: list[str] = []
        self.deployment: list[str] = []
        self.problems: list[Problem] = []
        self.excluded = parse((*options.exclude, *options.extend_exclude))
        self.above = self._ignore_files_above(root)
        self.rules: dict[str, tuple[IgnoreFile, ...]] = {}
        """For each folder walked (empty, or ending in `/`), the ignore files that apply in it, innermost first."""
        self.answers: dict[str, bool] = {}

    def folder(self, start: str) -> None:
        """Walk the folder `start`, which is never ignored itself."""
        stack = [start]
        while stack:
            folder = stack.pop()
            if folder in self.rules:
                continue
            if self.stamped:
                self.stamps[folder] = stamp(f"{self.root}/{folder}")
            try:
                with os.scandir(os.path.join(self.root, folder)) as listing:
                    entries = list(listing)
            except OSError as error:
                why = f"the folder cannot be listed: {error.strerror or 'for no known reason'}"
                self.problems.append(Problem(folder.rstrip("/") or ".", why, READABLE))
                continue
            names = {entry.name for entry in entries}
            if self.stamped and ".gitignore" in names:
                self.stamps[f"{folder}.gitignore"] = stamp(f"{self.root}/{folder}.gitignore")
            if "pyvenv.cfg" in names and folder != start:
                continue
            self.rules[folder] = rules = self._rules(folder, ".gitignore" in names)
            modules = self.modules[folder] = []
            for entry in entries:
                name = entry.name
                if entry.is_dir(follow_symlinks=False):
                    # Hidden folders hold what tools keep, not what workers run.
                    if not name.startswith(".") and not self._ignored(rules, folder + name, name, True):
                        stack.append(folder + name + "/")
                    continue
                # Links are left alone: what they lead to is met by itself, or is no part of the project.
                is_module = name.endswith(".py")
                is_pin = (not is_module or name == "setup.py") and is_pin_file(folder + name)
                may = not is_module and may_deploy(name)
                if (is_module or is_pin or may) and entry.is_file(follow_symlinks=False):
                    if is_module:
                        modules.append(name)
                    if may:
                        self.deployment.append(folder + name)
                    if is_pin:
                        self.pins.append(folder + name)

    def add(self, paths: Collection[str]) -> None:
        """Meet files that may not be on disk, where the walk would have met them if they were."""
        for path in paths:
            folder, slash, name = path.rpartition("/")
            if self.left_out(path):
                continue
            if name.endswith(".py"):
                modules = self.modules.setdefault(folder + slash, [])
                if name not in modules:
                    modules.append(name)
            elif may_deploy(name) and path not in self.deployment:
                self.deployment.append(path)

    def left_out(self, path: str) -> bool:
        """Whether a walk over the whole project leaves a file out."""
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            parent, name, is_folder = "/".join(parts[: depth - 1]), parts[depth - 1], depth < len(parts)
            rules = self.rules.get(parent + "/" if parent else "", self.above)
            here = "/".join(parts[:depth])
            if is_folder and (name.startswith(".") or os.path.exists(f"{self.root}/{here}/pyvenv.cfg")):
                return True
            if self._ignored(rules, here, name, is_folder):
                return True
        return False

    def python(self) -> set[str]:
        """Every Python file met."""
        return {folder + name for folder, names in self.modules.items() for name in names}

    def tests(self, tops: Sequence[str]) -> set[str]:
        """The test files met. A folder among `tops` was asked for, so its own name makes nothing in it a test."""
        found: set[str] = set()
        for folder, names in self.modules.items():
            top = max((len(top) for top in tops if folder.startswith(top)), default=0)
            whole = is_test_folder(folder[top:])
            found.update(folder + name for name in names if whole or is_test_file(name))
        return found

    def ignored_file(self, path: str) -> bool:
        """Whether a file met on the walk is ignored."""
        folder, _, name = path.rpartition("/")
        rules = self.rules.get(folder + "/" if folder else "", self.above)
        return self._ignored(rules, path, name, False)

    def _ignored(self, rules: tuple[IgnoreFile, ...], path: str, name: str, folder: bool) -> bool:
        if self.excluded.verdict(path, name, folder):
            return True
        for rule in rules:
            verdict = rule.verdict(path, name, folder)
            if verdict is not None:
                return verdict
        return False

    def _rules(self, folder: str, has_own: bool) -> tuple[IgnoreFile, ...]:
        outer = self.above
        parent = folder
        while parent:
            parent = parent.rstrip("/").rpartition("/")[0]
            parent = parent + "/" if parent else ""
            if parent in self.rules:
                outer = self.rules[parent]
                break
        own = self._ignore_file(os.path.join(self.root, folder, ".gitignore"), base=folder) if has_own else ()
        return (*own, *outer)

    def _ignore_files_above(self, root: Path) -> tuple[IgnoreFile, ...]:
        """Those of the folders that hold the root, up to the top of the git checkout, innermost first."""
        found: list[IgnoreFile] = []
        for folder in (root, *root.parents):
            if folder != root:
                inside = root.relative_to(folder).as_posix() + "/"
                found.extend(self._ignore_file(str(folder / ".gitignore"), inside=inside))
            if (folder / ".git").exists():
                return tuple(found)
        self.problems.clear()
        return ()  # outside of a checkout, nobody ignores on its behalf

    def _ignore_file(self, path: str, base: str = "", inside: str = "") -> tuple[IgnoreFile, ...]:
        try:
            text = contents(path, MOST_WRITTEN).decode("utf-8", "replace")
        except OSError as error:
            if error.errno in TOLD:
                why = f"cannot be read ({error.strerror}): none of its patterns leaves anything out"
                self.problems.append(Problem(os.path.relpath(path, self.root), why, BOUNDED))
            return ()
        return (parse(text.splitlines(), base, inside),)

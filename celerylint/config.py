"""The options of a run. One field here is one command-line flag and one configuration key."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from celerylint.store import MOST_WRITTEN, contents
from celerylint.text import clean, did_you_mean

PROJECT_MARKERS = (".git", "pyproject.toml", "setup.cfg", "manage.py")

# Folders that hold no code of the project. Virtual environments are known by their pyvenv.cfg, whatever their name.
DEFAULT_EXCLUDE = (
    ".bzr",
    ".direnv",
    ".eggs",
    ".git",
    ".hg",
    ".mypy_cache",
    ".nox",
    ".pytest_cache",
    ".ruff_cache",
    ".svn",
    ".tox",
    ".venv",
    "__pycache__",
    "__pypackages__",
    "node_modules",
    "site-packages",
    "venv",
)

_MOST_NAME, _MOST_PATH = 255, 4_000
"""Bytes of a name, and characters of a path, that file systems have room for."""

_MOST_SAID = 1_000
"""Characters of a message."""

# Options that are paths: in a configuration file they are relative to its folder.
_PATHS = frozenset(("baseline", "cache_dir", "output_file"))

Names = tuple[str, ...]
Table = tuple[tuple[str, Names], ...]
Jobs = int | Literal["auto"]

FORMATS = ("full", "concise", "grouped", "json", "github", "gitlab", "junit", "rdjson", "sarif")


class Output(Struct, frozen=True):
    """A format that findings are shown in, and the file they go to; none is standard output."""

    format: str
    file: str | None = None


Outputs = tuple[Output, ...]


class UsageError(Exception):
    """What was asked cannot be done. The text is one line for the person who asked, whatever a checkout put into it."""

    def __init__(self, message: str) -> None:
        text = clean(message)
        super().__init__(text if len(text) <= _MOST_SAID else f"{text[:_MOST_SAID]}...")


class ConfigError(UsageError):
    """An option has an unknown name or a bad value.

    `option` is the field of Options at fault and `value` the part of it that is wrong, when the error was found after
    loading, so that `Settings.locate` can say where it was written.
    """

    def __init__(self, message: str, *, option: str = "", value: str = "") -> None:
        super().__init__(message)
        self.option = option
        self.value = value


class Options(Struct, frozen=True, kw_only=True):
    """Every option, with its default."""

    select: Annotated[Names, Meta(description="Report these rules and no others: codes, prefixes or names.")] = ()
    extend_select: Annotated[Names, Meta(description="Report these rules as well.")] = ()
    ignore: Annotated[Names, Meta(description="Leave these rules out.")] = ()
    preset: Annotated[
        Literal["recommended", "playbook", "all"],
        Meta(description="The rules to start from when --select is not given."),
    ] = "recommended"
    confidence: Annotated[
        Literal["low", "medium", "high"],
        Meta(description="The least certain findings to show; low where the preset is all and nothing else is said."),
    ] = "medium"
    fail_on: Annotated[
        Literal["info", "warning", "error", "never"],
        Meta(description="The least severe finding that makes the exit status 1."),
    ] = "warning"
    exit_zero: Annotated[bool, Meta(description="Exit with status 0 even when there are findings.")] = False
    exclude: Annotated[
        Names, Meta(description="Patterns, as in .gitignore, of files to leave out, in place of the default ones.")
    ] = DEFAULT_EXCLUDE
    extend_exclude: Annotated[Names, Meta(description="Patterns of files to leave out as well.")] = ()
    force_exclude: Annotated[
        bool,
        Meta(description="Leave out what a run over the whole project leaves out, even where it is named as a path."),
    ] = False
    per_file_ignores: Annotated[Table, Meta(description="Rules to leave out of the files that match a pattern.")] = ()
    ignore_noqa: Annotated[bool, Meta(description="Report what comments silence, too.")] = False
    include_tests: Annotated[
        bool, Meta(description="Lint test files too. Otherwise they are read only where other code refers to them.")
    ] = False
    source_roots: Annotated[
        Names, Meta(description="Folders that modules are imported from, where they cannot be guessed.")
    ] = ()
    celery_version: Annotated[
        str | None, Meta(description="The Celery version to judge by, in place of the one the project pins.")
    ] = None
    django_settings_module: Annotated[
        str | None, Meta(description="The Django settings module to judge by, such as proj.settings.production.")
    ] = None
    require: Annotated[
        Names, Meta(description="Task options that somebody must choose for every task, such as acks_late (CLY820).")
    ] = ()
    effects: Annotated[
        Names,
        Meta(
            description="Functions and methods, by dotted name, that do something which a second run repeats (CLY601)."
        ),
    ] = ()
    repeat_safe: Annotated[
        Names,
        Meta(
            description="Functions, methods and tasks, by dotted name, that may run twice, whatever they do (CLY601)."
        ),
    ] = ()
    guard_decorators: Annotated[
        Names,
        Meta(
            description="Decorators and context managers, by dotted name, that let a run do its work once only (CLY601)."
        ),
    ] = ()
    lock_context_managers: Annotated[
        Names,
        Meta(
            description="Context managers and decorators, by dotted name, that keep out a run at the same time (CLY603)."
        ),
    ] = ()
    deployment_files: Annotated[
        Names,
        Meta(description="Patterns of the deployment files in use; all others then count as development."),
    ] = ()
    development_files: Annotated[
        Names, Meta(description="Patterns of deployment files that are for development, tests or CI only.")
    ] = ()
    baseline: Annotated[
        str | None, Meta(description="Leave out the findings that this file, written by --write-baseline, knows.")
    ] = None
    since: Annotated[
        str | None, Meta(description="Report only findings on lines that were changed since this git revision.")
    ] = None
    fix: Annotated[bool, Meta(description="Mend what has a safe fix, then report the rest.")] = False
    unsafe_fixes: Annotated[
        bool, Meta(description="With --fix, --fix-only or --diff: apply fixes that change what runs, too.")
    ] = False
    fix_only: Annotated[bool, Meta(description="Mend as --fix does, and report nothing of the rest.")] = False
    show_fixes: Annotated[bool, Meta(description="List what was mended.")] = False
    jobs: Annotated[Jobs, Meta(description="Number of processes, or auto.")] = "auto"
    cache_dir: Annotated[str | None, Meta(description="Folder of the cache.")] = None
    executor: Annotated[
        str | None,
        Meta(description="Where files are read: dask://HOST:PORT, whose workers see them under the same paths."),
    ] = None
    no_cache: Annotated[bool, Meta(description="Neither read nor write the cache.")] = False
    output_format: Annotated[
        Outputs,
        Meta(description="How findings are shown; repeat it with files, as in sarif:out.sarif, for more than one."),
    ] = ()
    output_file: Annotated[str | None, Meta(description="Write findings to this file.")] = None
    color: Annotated[Literal["auto", "always", "never"], Meta(description="When to use colour.")] = "auto"
    statistics: Annotated[bool, Meta(description="Show how many findings each rule has, in place of the findings.")] = (
        False
    )


class Option(Struct, frozen=True):
    """One field of Options, described."""

    name: str
    kind: Literal["switch", "choice", "text", "list", "table", "jobs", "outputs"]
    choices: Names
    default: Any
    help: str

    @property
    def key(self) -> str:
        """The configuration key; with two dashes before it, the flag."""
        return self.name.replace("_", "-")


class Settings(Struct, frozen=True, kw_only=True):
    """The options of one run, the project they are for, and where they came from."""

    root: Path
    options: Options
    source: Path | None = None
    """The configuration file, if there is one."""
    flags: frozenset[str] = frozenset()
    """Fields given on the command line."""
    written: frozenset[str] = frozenset()
    """Fields given in the configuration file."""

    def locate(self, error: ConfigError) -> str:
        """The text of `error`, after the file and line that it is about if the configuration file is at fault."""
        if not error.option or self.source is None or error.option in self.flags:
            return str(error)
        text = _text(self.source)
        line = _line_of(text, _header(self.source), error.option.replace("_", "-"), error.value)
        return f"{_shown(self.source)}:{line}: {error}"


def load(
    paths: Sequence[str],
    flags: Mapping[str, object] | None = None,
    *,
    config: str | None = None,
    isolated: bool = False,
) -> Settings:
    """The options for linting `paths`: defaults, then the configuration file, then `flags`.

    `flags` maps fields of Options to what the command line gave for them. `config` names the configuration file;
    without it the nearest one at or above `paths` counts, and none if `isolated`. Raises UsageError.
    """
    if isolated and config is not None:
        raise UsageError("--config and --isolated cannot both be meant")
    flags = flags or {}
    start = _start(paths)
    source = None if isolated else _named(config) if config is not None else _nearest(start)
    values = _read(source, trusted=config is not None) if source else {}
    given = {name: _checked(_option(name), value, f"--{_option(name).key}") for name, value in flags.items()}
    options = _merge(values, given) if values or given else Options()
    inside = source is not None and (source.parent == start or source.parent in start.parents)
    root = source.parent if source is not None and inside else _project_root(start, only_files=_only_files(paths))
    return Settings(root=root, options=options, source=source, flags=frozenset(given), written=frozenset(values))


def looked_at(paths: Sequence[str], settings: Settings) -> list[str]:
    """The files and folders whose content, or whose absence, decides what `load` makes of these paths."""
    start = _start(paths)
    found = [str(settings.source)] if settings.source else []
    for folder in (start, *start.parents):
        found += [str(folder / "celerylint.toml"), str(folder / "pyproject.toml")]
    inside = True
    for folder in (*_from_here(start, _only_files(paths)), start, *start.parents):
        inside = inside and folder != settings.root
        found += [str(folder / marker) for marker in PROJECT_MARKERS if inside and marker != "pyproject.toml"]
        if not inside:
            found.append(str(folder / ".git" / "HEAD"))  # of a checkout around the project; .git itself changes often
    return list(dict.fromkeys(found))


@cache
def option_table() -> tuple[Option, ...]:
    """Every option, described, in the order of the fields."""
    hints = get_type_hints(Options, include_extras=True)
    defaults = Options()
    return tuple(_describe(name, hints[name], getattr(defaults, name)) for name in Options.__struct_fields__)


def _describe(name: str, hint: Any, default: Any) -> Option:
    annotated, meta = get_args(hint)
    kind: Any = {bool: "switch", Names: "list", Table: "table", Jobs: "jobs", Outputs: "outputs"}.get(annotated, "text")
    choices: Names = FORMATS if kind == "outputs" else ()
    if get_origin(annotated) is Literal:
        kind, choices = "choice", get_args(annotated)
    return Option(name, kind, choices, default, meta.description)


def _option(name: str) -> Option:
    return next(option for option in option_table() if option.name == name)


# -- the file ---------------------------------------------------------------------------------------------------------


def _start(paths: Sequence[str]) -> Path:
    """The deepest folder that holds every path."""
    for path in paths:
        if not path:
            raise UsageError("a path is empty")
        if len(path) > _MOST_PATH or any(len(os.fsencode(name)) > _MOST_NAME for name in path.split("/")):
            raise UsageError(f"no such file or folder: {path[:100]}...")
    absolute = [os.path.abspath(path) for path in paths] or [os.getcwd()]
    try:
        common = Path(os.path.commonpath(absolute))
    except ValueError as error:
        raise UsageError("the paths to lint lie on different drives") from error
    return common if common.is_dir() else common.parent


def _named(config: str) -> Path:
    source = Path(os.path.abspath(config))
    if not source.is_file():
        raise ConfigError(f"no such configuration file: {config}")
    return source


def _nearest(start: Path) -> Path | None:
    for folder in (start, *start.parents):
        own = folder / "celerylint.toml"
        if own.is_file():
            return own
        shared = folder / "pyproject.toml"
        if shared.is_file() and _mentions_us(shared):
            return shared
    return None


def _mentions_us(path: Path) -> bool:
    """Whether `path` has a table for us. Read as bytes first, so that most projects never need a TOML parser."""
    try:
        if b"celerylint" not in contents(str(path), MOST_WRITTEN):
            return False
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise ConfigError(f"{_shown(path)}:1: {error.strerror}") from error
        return False
    return _table(_parse(path), path) is not None


def _project_root(start: Path, *, only_files: bool = False) -> Path:
    """The nearest folder of a project. Where only files are named, as hooks and editors do, the current one comes first:
    which files those are must not change what the project is."""
    for folder in (*_from_here(start, only_files), start, *start.parents):
        if any((folder / marker).exists() for marker in PROJECT_MARKERS):
            return folder
    return start


def _from_here(start: Path, only_files: bool) -> tuple[Path, ...]:
    here = Path.cwd()
    return (here,) if only_files and here in (start, *start.parents) else ()


def _only_files(paths: Sequence[str]) -> bool:
    return bool(paths) and not any(map(os.path.isdir, paths))


def _parse(path: Path) -> dict[str, Any]:
    import sys

    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    from celerylint.nesting import too_dotted

    try:
        text = _text(path)
        if too_dotted(text):
            raise RecursionError
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        reason = re.sub(r" \(at .*\)$", "", str(error))
        raise ConfigError(f"{_shown(path)}:{line[1] if line else 1}: not valid TOML: {reason}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{_shown(path)}:1: not UTF-8 text") from error
    except (RecursionError, ValueError, MemoryError) as error:
        raise ConfigError(f"{_shown(path)}:1: nested too deeply, or a number too large") from error
    except OSError as error:
        raise ConfigError(f"{_shown(path)}:1: cannot be read: {error.strerror}") from error


def _text(path: Path) -> str:
    return contents(str(path), MOST_WRITTEN).decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")


def _table(document: dict[str, Any], path: Path) -> Any:
    if path.name != "pyproject.toml":
        return document
    tool = document.get("tool")
    return tool.get("celerylint") if isinstance(tool, dict) else None


def _header(path: Path) -> str:
    return "tool.celerylint" if path.name == "pyproject.toml" else ""


def _read(path: Path, *, trusted: bool) -> dict[str, Any]:
    """The fields that a configuration file sets, checked. What was not named by whoever runs this lies in a checkout that may
    be anybody's: it has nothing written outside of it, and nobody connected to."""
    table = _table(_parse(path), path)
    if table is None:
        return {}
    header = _header(path)
    text = _text(path)
    if not isinstance(table, dict):
        raise ConfigError(
            f"{_shown(path)}:{_line_of(text, 'tool', 'celerylint', '')}: [tool.celerylint] must be a table"
        )
    known = {option.key: option for option in option_table()}
    values: dict[str, Any] = {}
    for key, value in table.items():
        at = f"{_shown(path)}:{_line_of(text, header, key, '')}: "
        if key not in known:
            where = f" in [{header}]" if header else ""
            raise ConfigError(f'{at}unknown key "{key}"{where}{did_you_mean(key, known)}')
        values[known[key].name] = _checked(known[key], value, f'"{key}"', at)
    for name in _PATHS & values.keys():
        values[name] = str(path.parent / values[name])
    if "output_format" in values:
        values["output_format"] = tuple(
            Output(output.format, str(path.parent / output.file) if output.file else None)
            for output in values["output_format"]
        )
    if not trusted:
        for name in values:
            if why := _refused(name, values[name], path.parent):
                key = _option(name).key
                raise ConfigError(f'{_shown(path)}:{_line_of(text, header, key, "")}: "{key}" {why}')
    return values


def _refused(name: str, value: Any, folder: Path) -> str:
    """Why an option may not be set by a file that nobody named; empty if it may."""
    if name == "executor":
        return "counts on the command line, or in a file that --config names: it says whom to connect to"
    files = [value] if name == "output_file" else [o.file for o in value if o.file] if name == "output_format" else []
    top = os.path.realpath(folder)
    if any(os.path.commonpath([top, os.path.realpath(file)]) != top for file in files):
        return "leads out of the folder of this file: name the file on the command line, or this one with --config"
    return ""


def _shown(path: Path) -> str:
    """`path` as the person sees it from where they stand."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def _line_of(text: str, table: str, key: str, value: str) -> int:
    """The line of `key` in `table`, or of `value` at or after it; that of the table if the key is spelled oddly."""
    quoted = rf"""(?:{re.escape(key)}|"{re.escape(key)}"|'{re.escape(key)}')"""
    prefix = re.escape(table) + r"\." if table else ""
    heading = re.compile(rf"\s*\[\s*{prefix}{quoted}\s*[\].]")
    here, best = table == "", 1
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        opened = re.match(r"\s*\[+\s*([^\]]*?)\s*\]", line)
        if opened and "=" not in line.partition("#")[0].partition("]")[0]:
            here = opened[1] == table
            best = number if here and table else best
            if heading.match(line):
                return _value_line(lines, number, value)
        elif here and re.match(rf"\s*{quoted}\s*[.=]", line):
            return _value_line(lines, number, value)
    return best


def _value_line(lines: list[str], start: int, value: str) -> int:
    if value:
        for number, line in enumerate(lines[start - 1 :], start):
            if f'"{value}"' in line or f"'{value}'" in line:
                return number
    return start


# -- values -----------------------------------------------------------------------------------------------------------


def _checked(option: Option, value: object, label: str, at: str = "") -> Any:
    """`value` as the field holds it. Text from the command line and values from TOML are both understood."""

    def wrong(expected: str) -> ConfigError:
        return ConfigError(f"{at}{label} must be {expected}, not {_said(value)}")

    if _has_null(value):
        raise ConfigError(f"{at}{label} must not hold null characters")
    if option.kind == "switch":
        if not isinstance(value, bool):
            raise wrong("true or false")
        return value
    if option.kind == "choice":
        if value not in option.choices:
            hint = did_you_mean(value, option.choices) if isinstance(value, str) else ""
            raise ConfigError(f"{wrong('one of ' + ', '.join(option.choices))}{hint}")
        return value
    if option.kind == "outputs":
        texts = [value] if isinstance(value, str) else value
        if not _is_names(texts):
            raise wrong("a string or a list of strings")
        return tuple(_output(text, option, label, at) for text in texts)  # type: ignore[attr-defined]
    if option.kind == "list":
        if not _is_names(value):
            raise wrong("a list of strings")
        return tuple(value)  # type: ignore[arg-type]
    if option.kind == "table":
        if not isinstance(value, Mapping) or not all(_is_names(codes) for codes in value.values()):
            raise wrong("a table of lists of strings")
        return tuple((str(pattern), tuple(codes)) for pattern, codes in value.items())
    if option.kind == "jobs":
        number = int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 10 else value
        if number != "auto" and (not isinstance(number, int) or isinstance(number, bool) or number < 1):
            raise wrong('a number of processes from 1, or "auto"')
        return number
    if not isinstance(value, str) or not value:
        raise wrong("a string")
    if option.name == "celery_version" and not re.fullmatch(r"v?\d{1,9}(\.\d{1,9}){0,2}(?!\d)[a-z0-9.+]*", value):
        raise wrong('a version such as "5.4"')
    return value


def _output(text: str, option: Option, label: str, at: str) -> Output:
    shape, colon, file = text.partition(":")
    if shape not in option.choices:
        hint = did_you_mean(shape, option.choices)
        raise ConfigError(f"{at}{label} must be one of {', '.join(option.choices)}, not {_said(shape)}{hint}")
    if colon and not file:
        raise ConfigError(f'{at}{label} names no file after the colon: "{text}"')
    return Output(shape, file or None)


def _has_null(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(_has_null(key) or _has_null(held) for key, held in value.items())
    return any(map(_has_null, value)) if isinstance(value, list | tuple) else isinstance(value, str) and "\0" in value


def _is_names(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(name, str) for name in value)


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, dict):
        return "a table"
    return "a list" if isinstance(value, list | tuple) else f"a {type(value).__name__}"


def _merge(values: Mapping[str, Any], flags: Mapping[str, Any]) -> Options:
    """File, then command line. Flags replace values, except that they add to the lists of rules to add or leave out."""
    merged = dict(values)
    if "select" in flags or "preset" in flags:
        # Who asks for certain rules on the command line means those, whatever the file leaves out.
        for name in ("select", "extend_select", *(("ignore",) if "select" in flags else ())):
            merged.pop(name, None)
    if "extend_select" in flags:
        asked = flags["extend_select"]
        merged["ignore"] = tuple(code for code in merged.get("ignore", ()) if code not in asked)
    for name, value in flags.items():
        adds = name in ("extend_select", "ignore", "extend_exclude", "per_file_ignores")
        merged[name] = (*merged.get(name, ()), *value) if adds else value
    if merged.get("preset") == "all":
        merged.setdefault("confidence", "low")
    return msgspec.structs.replace(Options(), **merged)

"""Which Celery a project asks for: the requirements written in lock files, requirements files and manifests.

Read with regular expressions wherever the format allows: a lock file is large and parsing it whole is slow. What is no
valid file of its format yields nothing, for it is not this tool's to complain about.
"""

from __future__ import annotations

import posixpath
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Literal

from msgspec import Struct

LOCK_FILES = ("uv.lock", "pylock.toml", "pdm.lock", "poetry.lock", "Pipfile.lock")
"""Most likely to be the one in use first, for a project that has several."""

_MOST_PINS = 200
"""Requirements of Celery in one file that people wrote."""
_MOST_INCLUDES = 1_000
_MOST_CHARACTERS = 1_000
"""Of one requirement, and between the name and the version of a locked package."""


class Pin(Struct, frozen=True, order=True):
    """One requirement of Celery."""

    path: str
    line: int
    """From 1."""
    specifier: str
    """As in PEP 440, whatever the file's own notation: `==5.3.6`, `>=5.3,<6`; empty for any version."""
    kind: Literal["lockfile", "requirement"]


class PinFile(Struct, frozen=True):
    """What one file says of Celery."""

    pins: tuple[Pin, ...] = ()
    includes: tuple[str, ...] = ()
    """Paths of the requirements files that this one draws in (`-r`, `-c`), for the caller to read as well."""


def is_pin_file(name: str) -> bool:
    """Whether a file of that name, or path, can say which Celery a project asks for.

    A path tells more than a name: `requirements/base.txt` is one, `base.txt` alone is not.
    """
    return _PIN_FILE.search(name) is not None


def read_pins(path: str, content: bytes) -> PinFile:
    """The requirements of Celery in one file. A file of an unknown name is read as a requirements file."""
    text = _decode(content)
    name = posixpath.basename(path)
    if _is_requirements_file(name):
        return _requirements_file(path, text)
    if "celery" not in text.lower():
        return PinFile()
    kind: Literal["lockfile", "requirement"] = "lockfile" if lock_rank(path) is not None else "requirement"
    found = sorted({(line, specifier) for line, specifier in islice(_reader(name)(text), _MOST_PINS)})
    return PinFile(tuple(Pin(path, line, specifier, kind) for line, specifier in found))


def lock_rank(path: str) -> int | None:
    """The place of a lock file among LOCK_FILES; None for any other file."""
    name = posixpath.basename(path)
    if re.fullmatch(r"pylock\.[^.]+\.toml", name):  # named locks of the same standard
        name = "pylock.toml"
    return LOCK_FILES.index(name) if name in LOCK_FILES else None


_PIN_FILE = re.compile(
    r"""(?:^|/)(?:
        (?:uv|pdm|poetry|Pipfile)\.lock | pylock(?:\.[^./]+)?\.toml
        | Pipfile | pyproject\.toml | setup\.(?:cfg|py) | environment[^/]*\.ya?ml
        | [^/]*(?:requirements|constraints)[^/]*\.(?:txt|in|pip)
        | (?:requirements|reqs|requires|constraints|deps)/(?:[^/]+/)?[^/]+\.(?:txt|in|pip)
    )$""",
    re.VERBOSE,
)

_Found = tuple[int, str]
"""A line and a specifier."""


def _reader(name: str) -> Callable[[str], Iterable[_Found]]:
    if name == "Pipfile.lock":
        return _pipfile_lock
    if lock_rank(name) is not None:
        return _toml_lock
    if name.startswith("environment"):
        return _environment
    return {"pyproject.toml": _pyproject, "Pipfile": _pipfile, "setup.cfg": _setup_cfg, "setup.py": _setup_py}[name]


def _is_requirements_file(name: str) -> bool:
    known = ("pyproject.toml", "Pipfile", "setup.cfg", "setup.py")
    return name not in known and lock_rank(name) is None and not re.fullmatch(r"environment.*\.ya?ml", name)


def _decode(content: bytes) -> str:
    """Text with `\\n` line ends. PowerShell writes `pip freeze > requirements.txt` as UTF-16."""
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    return content.decode(encoding, "replace").replace("\r\n", "\n")


# --- lock files -------------------------------------------------------------------------------------------------------


def _toml_lock(text: str) -> Iterator[_Found]:
    """`[[package]]` tables; the version of one stands above its first sub-table."""
    for name in re.finditer(r"""\nname\s*=\s*["']celery["']""", text):
        most = name.end() + _MOST_CHARACTERS
        end = text.find("\n[", name.end(), most)
        version = re.compile(r"""(?m)^version\s*=\s*["']([^"']+)["']""").search(
            text, name.end(), end if end != -1 else most
        )
        if version:
            yield _line_of(text, version.start()), f"=={version[1]}"


def _pipfile_lock(text: str) -> Iterator[_Found]:
    """JSON whose package objects hold no objects themselves."""
    for package in re.finditer(r'"celery"\s*:\s*\{([^{}]*)\}', text, re.IGNORECASE):
        version = re.search(r'"version"\s*:\s*"([^"]+)"', package[1])
        if version:
            yield _line_of(text, package.start(1) + version.start()), version[1]


# --- requirements files -----------------------------------------------------------------------------------------------


def _requirements_file(path: str, text: str) -> PinFile:
    pins, includes = [], []
    for line, written in _logical_lines(text):
        include = _INCLUDE.match(written)
        if include:
            target = include[1].strip("\"'")
            if "://" not in target:
                includes.append(posixpath.normpath(posixpath.join(posixpath.dirname(path), target)))
            continue
        specifier = _requirement(re.sub(r"^(?:-e|--editable)[\s=]+", "", written))
        if specifier is not None:
            pins.append(Pin(path, line, specifier, "requirement"))
    return PinFile(tuple(pins[:_MOST_PINS]), tuple(dict.fromkeys(includes))[:_MOST_INCLUDES])


_INCLUDE = re.compile(r"(?:-r|-c|--requirement\b|--constraint\b)[\s=]*(\S.*)")


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines without comments, joined over a backslash at their end, with the number of their first line."""
    start, joined = 0, ""
    for number, physical in enumerate(text.split("\n"), 1):
        start = start or number
        bare = re.sub(r"(?:^|\s)#.*$", "", physical)
        if bare.endswith("\\"):
            joined += bare[:-1] + " "
            continue
        written = (joined + bare).strip()
        if written:
            yield start, written
        start, joined = 0, ""


def _requirement(written: str) -> str | None:
    """The specifier of one requirement in the notation of PEP 508, if it is of Celery."""
    if len(written) > _MOST_CHARACTERS:
        return None
    address = _ADDRESS.match(written)
    if address:
        version = _ADDRESS_VERSION.search(address[1])
        return f"=={version[1]}" if version else None
    match = _REQUIREMENT.match(written)
    return _tidy(match[1]) if match else None


_REQUIREMENT = re.compile(r"(?i)celery\s*(?:\[[^\]]*\])?\s*\(?\s*((?:[<>=!~][^;)#]*?)?)\s*\)?\s*(?:;.*|\s--.*)?$")
_ADDRESS = re.compile(r"(?i)(?:celery\s*(?:\[[^\]]*\])?\s*@\s*)?((?:\w+\+)?\w+://\S*celery\S*)")
_ADDRESS_VERSION = re.compile(r"(?i)(?:/celery(?:\.git)?@v?|/celery-|/celery/archive/(?:refs/tags/)?v?)(\d+(?:\.\d+)+)")


# --- manifests --------------------------------------------------------------------------------------------------------


def _pyproject(text: str) -> Iterator[_Found]:
    document = _toml(text)
    for written in _requirement_strings(document):
        specifier = _requirement(written.strip())
        if specifier is not None:
            yield _line_of(text, max(text.find(written), 0)), specifier
    poetry = _at(document, "tool", "poetry")
    tables = [_at(poetry, "dependencies"), _at(poetry, "dev-dependencies")]
    tables += [_at(group, "dependencies") for group in _values(_at(poetry, "group"))]
    yield from _dependency_tables(text, tables)


def _pipfile(text: str) -> Iterator[_Found]:
    """Every section but `source` and `requires` is a group of packages."""
    tables = [table for name, table in _toml(text).items() if name not in ("source", "requires", "pipenv", "scripts")]
    yield from _dependency_tables(text, tables)


def _requirement_strings(document: dict[str, Any]) -> Iterator[str]:
    """What pyproject.toml holds in the notation of PEP 508."""
    uv = _at(document, "tool", "uv")
    lists = [
        _at(document, "project", "dependencies"),
        *_values(_at(document, "project", "optional-dependencies")),
        *_values(_at(document, "dependency-groups")),
        *_values(_at(document, "tool", "pdm", "dev-dependencies")),
        *(_at(uv, key) for key in ("dev-dependencies", "constraint-dependencies", "override-dependencies")),
    ]
    for each in lists:
        if isinstance(each, list):
            yield from (item for item in each if isinstance(item, str))


def _dependency_tables(text: str, tables: Iterable[Any]) -> Iterator[_Found]:
    """`celery = "^5.3"`, `celery = {version = "^5.3", extras = [...]}`, or a list of such for different markers."""
    key = re.compile(r"""(?mi)^[ \t]*(?:\[[\w.\-]+\.)?["']?celery["']?\s*[=\]]""")
    lines = [_line_of(text, found.end()) for found in key.finditer(text)] or [1]
    wanted = [
        value
        for table in tables
        if isinstance(table, dict)
        for name, value in table.items()
        if name.lower() == "celery"
    ]
    for index, value in enumerate(wanted):
        line = lines[min(index, len(lines) - 1)]
        for each in value if isinstance(value, list) else [value]:
            version = each.get("version") if isinstance(each, dict) else each
            if isinstance(version, str):
                yield from ((line, specifier) for specifier in _alternatives(version))


def _alternatives(constraint: str) -> Iterator[str]:
    """Poetry's or Pipenv's notation in that of PEP 440; alternatives (`||`) one by one."""
    for alternative in constraint.split("||"):
        parts = re.split(r"\s*,\s*|\s+(?=[<>=!~^])", alternative.strip())
        yield _tidy(",".join(filter(None, map(_clause, parts))))


def _clause(clause: str) -> str:
    match = re.fullmatch(r"([\^~]?)\s*v?(\d{1,9}(?:\.\d{1,9})*)(\.\*|[a-z].*)?", clause.strip(), re.IGNORECASE)
    if match is None:
        return "" if clause.strip() == "*" else clause.strip()
    sign, number, rest = match[1], match[2], match[3] or ""
    if not sign:
        return f"=={number}{rest}"
    parts = [int(part) for part in number.split(".")]
    # ^ keeps everything up to the first part that is not zero, ~ everything up to the minor version.
    kept = (
        next((at for at, part in enumerate(parts) if part), len(parts) - 1) if sign == "^" else min(1, len(parts) - 1)
    )
    above = ".".join(map(str, [*parts[:kept], parts[kept] + 1]))
    return f">={number}{rest},<{above}"


def _setup_cfg(text: str) -> Iterator[_Found]:
    """Requirements stand alone on a line, or behind the key of their list."""
    section = ""
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("["):
            section = line.strip()
        elif section in ("[options]", "[options.extras_require]"):
            specifier = _requirement(re.sub(r"^[\w.\-]+\s*=(?!=)", "", line).strip())
            if specifier is not None:
                yield number, specifier


def _setup_py(text: str) -> Iterator[_Found]:
    """String literals that constrain Celery; the word alone could be a keyword or a package of the project."""
    for match in re.finditer(r"""(?i)["'](celery\s{0,9}(?:\[[^\]"']{0,200}\])?\s{0,9}[<>=!~][^"'\n]*)["';]""", text):
        specifier = _requirement(match[1])
        if specifier:
            yield _line_of(text, match.start()), specifier


def _environment(text: str) -> Iterator[_Found]:
    """Conda's list, and pip's inside it. Conda's `=5.3` means 5.3.*, and a build may follow: `=5.3.6=py311_0`."""
    for match in re.finditer(r"""(?mi)^[ \t]*-[ \t]*["']?(?:[\w./\-]+::)?(celery\b[^\n#"']*)""", text):
        written = match[1].strip()
        fuzzy = re.fullmatch(r"(?i)celery\s*=\s*([\d.]+)(\.\*|\*)?(?:=\S+)?", written)
        if fuzzy:
            number = fuzzy[1].rstrip(".")
            specifier: str | None = f"=={number}" if number.count(".") >= 2 and not fuzzy[2] else f"=={number}.*"
        else:
            specifier = _requirement(written)
        if specifier is not None:
            yield _line_of(text, match.start(1)), specifier


# --- helpers ----------------------------------------------------------------------------------------------------------


def _tidy(specifier: str) -> str:
    """Without blanks, and without the star that stands for any version."""
    return "" if specifier.strip() == "*" else re.sub(r"\s+", "", specifier)


def _line_of(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def _toml(text: str) -> dict[str, Any]:
    """The document, or an empty one if it is broken. The parser is loaded here, since most projects need it once."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    from celerylint.nesting import too_dotted

    try:
        return tomllib.loads(text) if not too_dotted(text) else {}
    except (ValueError, RecursionError, MemoryError):
        return {}


def _at(table: Any, *keys: str) -> Any:
    """The value down a path of keys; None where there is none."""
    for key in keys:
        table = table.get(key) if isinstance(table, dict) else None
    return table


def _values(table: Any) -> list[Any]:
    return list(table.values()) if isinstance(table, dict) else []

"""A case whose app is configured by code, with the same values in Django's settings under a namespace instead.

`app.conf.task_acks_late = True` becomes `CELERY_TASK_ACKS_LATE = True` on the same line of a settings module that the app reads by
`config_from_object("django.conf:settings", namespace="CELERY")`. Where that would mean something else the case stays as it is.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from celerylint.catalog import NEWEST, Version, load

if TYPE_CHECKING:
    from runner import Case

_CONFIGURED = (
    "config_from_object",
    "config_from_envvar",
    "config_source",
    "DJANGO_SETTINGS_MODULE",
    "add_defaults",
    "namespace",
)
_KEYWORDS = {"broker": "broker_url", "backend": "result_backend", "include": "include"}


def namespaced(case: Case, app: tuple[str, str]) -> Case:
    """The case with the settings of its only app in a module of their own; the case itself where that cannot be."""
    path, name = app
    texts = [text for file, text in case.files.items() if file.endswith(".py")]
    if any(word in text for text in texts for word in _CONFIGURED) or path.startswith("src/"):
        return case
    tree = ast.parse(case.files[path])
    moved = {node: setting for node in tree.body if (setting := _setting(node, name))}
    known = load(Version(*map(int, case.celery.split(".")[:2])) if case.celery else NEWEST).settings
    mentions = sum(text.count(".conf") for text in texts)
    if mentions != len(moved) or not set(moved.values()) <= known.keys() or len(set(moved.values())) < len(moved):
        return case
    made = next((node for node in tree.body if _makes(node, name)), None)
    imports = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom)) and _movable(node)]
    first = next((node for node in imports if node.lineno == node.end_lineno), None)
    if made is None or first is None or first.lineno >= made.lineno:
        return case
    given = _keywords(made, case, path)
    bound = {alias.asname or alias.name for node in imports for alias in node.names}
    if not (moved or given) or not {n for node in (*moved, *given) for n in _names(node.value)} <= bound:
        return case
    return _respelled(case, path, made, first, imports, moved, given)


def _respelled(
    case: Case,
    path: str,
    made: ast.Assign,
    first: ast.stmt,
    imports: list[ast.Import | ast.ImportFrom],
    moved: dict[ast.Assign, str],
    given: dict[ast.keyword, str],
) -> Case:
    source = case.files[path].split("\n")
    lines, settings = list(source), [""] * len(source)
    if moved:
        for node in imports:
            _copy(node, source, settings)
    for node, setting in moved.items():
        _copy(node, source, settings)
        settings[node.lineno - 1] = f"CELERY_{setting.upper()} ={settings[node.lineno - 1].partition('=')[2]}"
        for number in _lines(node):
            lines[number - 1] = ""
    for keyword, setting in given.items():
        value = ast.unparse(keyword.value)
        settings[made.lineno - 1] += f"{'; ' * bool(settings[made.lineno - 1])}CELERY_{setting.upper()} = {value}"
    call = made.value
    assert isinstance(call, ast.Call)
    assert made.end_lineno is not None
    if given:
        call.keywords = [keyword for keyword in call.keywords if keyword not in given]
        lines[made.lineno - 1] = ast.unparse(made)
    module = PurePosixPath(path).with_name("django_settings.py")
    dotted = ".".join(module.with_suffix("").parts)
    target = ast.unparse(made.targets[0])
    lines[made.end_lineno - 1] += f'; {target}.config_from_object("django.conf:settings", namespace="CELERY")'
    lines[first.lineno - 1] += f'; import os; os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{dotted}")'
    gone = {(path, number) for node in moved for number in _lines(node)}

    def there(hits: frozenset[tuple[str, int, str]]) -> frozenset[tuple[str, int, str]]:
        return frozenset((str(module) if (file, line) in gone else file, line, code) for file, line, code in hits)

    return replace(
        case,
        files={**case.files, path: "\n".join(lines), str(module): "\n".join(settings)},
        expected=there(case.expected),
        missed=there(case.missed),
        false=there(case.false),
    )


def _setting(node: ast.stmt, app: str) -> str | None:
    """The setting that a statement sets by `app.conf.name = ...`."""
    if not isinstance(node, ast.Assign) or len(node.targets) != 1 or not isinstance(node.targets[0], ast.Attribute):
        return None
    target = node.targets[0]
    return target.attr if ast.unparse(target.value) == f"{app}.conf" else None


def _makes(node: ast.stmt, app: str) -> bool:
    """Whether a statement is `app = Celery(...)`."""
    return (
        isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and [ast.unparse(target) for target in node.targets] == [app]
        and ast.unparse(node.value.func).endswith("Celery")
    )


def _keywords(made: ast.Assign, case: Case, path: str) -> dict[ast.keyword, str]:
    """The settings among the arguments of `Celery(...)`, where nothing is expected to be found in them."""
    call = made.value
    assert isinstance(call, ast.Call)
    hits = {(file, line) for file, line, _ in case.expected | case.missed | case.false}
    if made.lineno != made.end_lineno or (path, made.lineno) in hits:
        return {}
    return {keyword: _KEYWORDS[keyword.arg] for keyword in call.keywords if keyword.arg in _KEYWORDS}


def _movable(node: ast.Import | ast.ImportFrom) -> bool:
    return not isinstance(node, ast.ImportFrom) or (node.level == 0 and node.module != "__future__")


def _names(node: ast.expr) -> Iterator[str]:
    return (inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name))


def _copy(node: ast.stmt, source: list[str], target: list[str]) -> None:
    for number in _lines(node):
        target[number - 1] = source[number - 1]


def _lines(node: ast.stmt) -> range:
    assert node.end_lineno is not None
    return range(node.lineno, node.end_lineno + 1)

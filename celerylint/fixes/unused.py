"""Imports that a fix took the last use of: they go with it, as a linter would ask next."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterator

from celerylint.fixes.text import Change, Text

_WORD = re.compile(r"[^\W\d]\w*")
_NOQA = re.compile(r"#\s*(?:noqa|type:|pylint:|isort:)", re.I)
_Import = ast.Import | ast.ImportFrom


def without_unused(path: str, before: str, after: str, is_ours: Callable[[str], bool]) -> str:
    """`after` without the imports whose names `before` used and `after` does not.

    Those of the project's own modules stay, since importing one may be what registers a task or a receiver, and so do all
    of a package's `__init__.py`, which others import from. `is_ours` says whether a module is one of the project.
    """
    old, new = _parsed(before), _parsed(after)
    if old is None or new is None or path.rpartition("/")[2] == "__init__.py":
        return after
    used = _used(new)
    left = {
        bound
        for node in _imports(old)
        for alias in node.names
        if (bound := _bound(alias)) not in used and not _stays(node, alias, is_ours)
    }
    left &= _used(old)
    text = Text("", after.encode())
    changes: list[Change] = []
    for node in _imports(new) if left else ():
        going = [alias for alias in node.names if _bound(alias) in left]
        start, end = _stretch(node, text)
        if going and not _NOQA.search(text.text[start : text.line_end(end)]):
            changes += _removed(node, going, text, new)
    return text.changed(changes) if changes else after


def _parsed(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _imports(module: ast.Module) -> Iterator[_Import]:
    return (node for node in module.body if isinstance(node, _Import))


def _stays(node: _Import, alias: ast.alias, is_ours: Callable[[str], bool]) -> bool:
    if isinstance(node, ast.Import):
        return "." in alias.name or is_ours(alias.name)
    return bool(node.level) or node.module == "__future__" or is_ours((node.module or "").partition(".")[0])


def _bound(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]


def _used(module: ast.Module) -> set[str]:
    """The names that a module mentions outside of its imports, those in texts that are no docstrings too."""
    docs = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    at_top = set(map(id, module.body))
    found: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            found.update(node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            found.update(_WORD.findall(node.value))
        elif isinstance(node, _Import) and id(node) not in at_top:
            found.update(map(_bound, node.names))
    return found


def _removed(node: _Import, going: list[ast.alias], text: Text, module: ast.Module) -> Iterator[Change]:
    if len(going) == len(node.names):
        yield from _without_line(node, text, module)
        return
    names = node.names
    for number, alias in enumerate(names):
        if alias not in going:
            continue
        start, end = _stretch(alias, text)
        following = re.compile(r"[ \t]*,?[ \t]*").match(text.text, end)
        stop = following.end() if following else end
        if text.first_on_its_line(start) and text.line_end(end) == stop:
            yield Change(text.line_start(start), text.next_line(end), "")
        elif any(other not in going for other in names[number + 1 :]):
            yield Change(start, _stretch(names[number + 1], text)[0], "")
        else:
            kept = max(index for index, other in enumerate(names) if other not in going)
            if number == kept + 1:
                yield Change(_stretch(names[kept], text)[1], _stretch(names[-1], text)[1], "")


def _without_line(node: _Import, text: Text, module: ast.Module) -> Iterator[Change]:
    start, end = _stretch(node, text)
    rest = text.text[end : text.line_end(end)].strip()
    if not text.first_on_its_line(start) or (rest and not rest.startswith("#")) or len(module.body) == 1:
        return  # several statements stand on the line
    first, last = text.line_start(start), text.next_line(end)
    above = text.text[:first]
    blank = re.compile(r"[ \t]*\r?\n").match(text.text, last)
    if blank and (not above or re.search(r"\n[ \t]*\r?\n$", above)):
        last = blank.end()
    yield Change(first, last, "")


def _stretch(node: ast.alias | _Import, text: Text) -> tuple[int, int]:
    end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
    return _offset(node.lineno, node.col_offset, text), _offset(end_line, end_column, text)


def _offset(line: int, column: int, text: Text) -> int:
    """Where a line, and a column that counts bytes from 0, are in the text."""
    start = text.offset(line, 1)
    return start + len(text.text[start : text.line_end(start)].encode()[:column].decode())

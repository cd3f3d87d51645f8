"""Newer syntax that stands on one line, rewritten where the parser stumbles over it.

Most files that an older interpreter cannot read hold a single `except A, B:` or `def f[T](...)`. Importing libcst for those would
take longer than reading everything else; what is more involved is left to `newer_syntax`. Columns after the construct stay, but
for the colon behind an `except`.
"""

from __future__ import annotations

import ast
import re

_EXCEPT = re.compile(r"^(\s*except)[ \t]([^():#'\"]*,[^():#'\"]*?)[ \t]*:")
_GENERIC = re.compile(r"^(\s*(?:async\s+def|def|class)\s+\w+)(\[[^\[\]\n]*\])(?=\s*[(:])")
_ALIAS = re.compile(r"^(\s*)type (\s*\w+)(\[[^\[\]\n]*\])?(\s*=[^=])")

_MOST = 60
"""Lines that are rewritten at most: each costs another parse."""


def parse(text: str, error: SyntaxError) -> ast.Module | None:
    """The tree of a text that failed with `error`; None if rewriting single lines does not make it readable."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for _ in range(_MOST):
        line = (error.lineno or 0) - 1
        if not 0 <= line < len(lines):
            return None
        rewritten = _older(lines[line])
        if rewritten is None:
            return None
        lines[line] = rewritten
        try:
            return ast.parse("\n".join(lines))
        except SyntaxError as next_error:
            error = next_error
        except (ValueError, RecursionError, MemoryError):
            return None
    return None


def _older(line: str) -> str | None:
    match = _EXCEPT.match(line)
    if match:
        return f"{match[1]}({match[2]}):{line[match.end() :]}"
    match = _GENERIC.match(line)
    if match:
        return line[: match.start(2)] + " " * len(match[2]) + line[match.end(2) :]
    match = _ALIAS.match(line)
    if match:
        blank = " " * len(match[3] or "")
        return f"{match[1]}0;   {match[2]}{blank}{match[4]}{line[match.end() :]}"
    return None

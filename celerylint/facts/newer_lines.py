"""Newer syntax that stands on one line, rewritten where the parser stumbles over it.

Most files that an older interpreter cannot read hold a few of `except A, B:`, `def f[T](...)` and `f'{a['b']}'`. Importing libcst
for those would take longer than reading everything else; what is more involved is left to `newer_syntax`. Columns after the
construct stay, but for the colon behind an `except`.
"""

from __future__ import annotations

import ast
import re

_EXCEPT = re.compile(r"^(\s*except)[ \t]([^():#'\"]*,[^():#'\"]*?)[ \t]*:")
_GENERIC = re.compile(r"^(\s*(?:async\s+def|def|class)\s+\w+)(\[[^\[\]\n]*\])(?=\s*[(:])")
_ALIAS = re.compile(r"^(\s*)type (\s*\w+)(\[[^\[\]\n]*\])?(\s*=[^=])")

_STRING = re.compile(r"""([A-Za-z]*)('{3}|"{3}|['"])|#""")

_LONGEST = 5_000
"""Characters of a line: the patterns may take the square of that."""

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
    if len(line) > _LONGEST:
        return None
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
    return _requoted(line)


def _requoted(line: str) -> str | None:
    """A line whose f-strings hold strings in their own quotes, `f'{a['b']}'`, with those in the other quotes; None if none does.

    Only what fits on the line and has another quote to take: what else there is, libcst has to tell apart.
    """
    changed = list(line)
    at = 0
    while match := _STRING.search(line, at):
        quote = match[2]
        if quote is None:
            break  # a comment
        if len(quote) > 1:
            return None
        formatted = "f" in match[1].lower()
        end = _end_of_formatted(line, match.end(), quote, changed) if formatted else _end_of(line, match.end(), quote)
        if end is None:
            return None
        at = end
    rewritten = "".join(changed)
    return rewritten if rewritten != line else None


def _end_of(line: str, start: int, quote: str) -> int | None:
    """Where a string ends whose text begins at `start`; None if that is on another line."""
    at = start
    while at < len(line):
        if line[at] == quote:
            return at + 1
        at += 2 if line[at] == "\\" else 1
    return None


def _end_of_formatted(line: str, start: int, quote: str, changed: list[str]) -> int | None:
    """The same for an f-string; what has to be written in `changed`, the characters of the line, is written there."""
    other = '"' if quote == "'" else "'"
    depth, at = 0, start
    while at < len(line):
        char = line[at]
        if char == "{" and not depth and line.startswith("{{", at):
            at += 1
        elif char in "{[(":
            depth += bool(depth) or char == "{"
        elif char in "}])":
            depth -= bool(depth)
        elif char == "\\":
            if depth:
                return None
            at += 1
        elif char == quote and not depth:
            return at + 1
        elif char in "'\"" and depth:
            end = _end_of(line, at + 1, char)
            text = line[at + 1 : end - 1] if end is not None else ""
            if end is None or "\\" in text or line[at - 1].isalpha() or (not text and line.startswith(char, end)):
                return None  # with a prefix, or in three quotes
            if char == quote:
                if quote in text or other in text:
                    return None
                changed[at] = changed[end - 1] = other
            at = end - 1
        at += 1
    return None

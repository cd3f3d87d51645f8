"""Comments that ask for silence: `# celerylint: ignore[...]`, `# celerylint: ignore-file[...]` and `# noqa`.

A small scanner, rather than `tokenize`, tells comments from strings, so that syntax newer than this interpreter is
read too.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice
from typing import Literal

from msgspec import Struct

# Strings first, so that a `#` inside of one is not taken for a comment. A quote left open ends with its line.
_SCAN = re.compile(
    r"'''(?:[^'\\]|\\.|'(?!''))*(?:'''|\Z)"
    r'|"""(?:[^"\\]|\\.|"(?!""))*(?:"""|\Z)'
    r"|'(?:[^'\\\n]|\\.)*'?"
    r'|"(?:[^"\\\n]|\\.)*"?'
    r"|(?P<comment>\#[^\n]*)"
    r"|(?P<join>\\\n)|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<newline>\n)",
    re.DOTALL,
)
_OWN = re.compile(r"#\s*celerylint:\s*(?P<word>[\w-]*)\s*(?:\[(?P<codes>[^\]]*)\]?)?(?P<rest>[^#]*)")
_WORDS = (b"celerylint:", b"noqa", b"NOQA", b"NoQA")
_CODE = r"(?:[A-Z]+[0-9]+|CLY(?![\w-]))"
# As flake8 reads it: what is no list of codes after the colon leaves a bare comment, which is for every code.
_NOQA = re.compile(rf"#\s*noqa(?![\w-])(?:\s*:\s*(?P<codes>{_CODE}(?:[,\s]+{_CODE})*))?", re.I)
_UNBRACKETED = re.compile(r"\s*(?::\s*)?(?P<codes>CLY[0-9]+(?:[,\s]+CLY[0-9]+)*)(?P<rest>.*)", re.S)
_CANDIDATE = re.compile(r"celerylint:|noqa", re.I)
_MOST_COMMENTS, _MOST_CODES = 1_000, 100
"""In one file, and in one comment: more are written by nobody."""
_MOST_CHARACTERS = 1_000
"""From the start of a comment to what it says, and of that."""
_MOST_LINES = 2_000
"""That a comment in a file that is not Python speaks for."""
_HEADER = re.compile(r"(?:async\s+def|def|class)\b")


class Suppression(Struct, frozen=True):
    """A comment that asks for silence, or that tries to."""

    kind: Literal["ignore", "ignore-file", "noqa", "unknown"]
    """`unknown` for a comment of ours whose word is misspelt; the word is then the only code."""
    codes: tuple[str, ...]
    """Codes, prefixes or names of rules; empty for all."""
    reason: str
    line: int
    column: int
    end_column: int
    """Where the comment stands, in characters from 1; the end is exclusive."""
    first: int
    last: int
    """The lines it speaks for: its own with those that a string or a backslash joins to it, as flake8 takes them, or a
    whole header if it ends a line of a decorator, a `def` or a `class`."""


def suppressions(source: bytes | str) -> tuple[Suppression, ...]:
    """The comments in a Python file that ask for silence, in order."""
    if isinstance(source, bytes):
        if not any(word in source for word in _WORDS):
            return ()
        source = source.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    text = source.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    # Most such files speak to other tools only; scanning them would cost more than all else done to them here.
    if not any(_read(around, 0, 0, 0, 0) for around in _candidates(text)):
        return ()
    comments, statements = _scan(text)
    if not comments:
        return ()
    starts = [0, *(at.end() for at in re.finditer("\n", text))]
    headers = _headers(text, statements, starts)
    found = []
    for at, comment, joined in comments:
        line = bisect_right(starts, at)
        column = at - starts[line - 1] + 1
        first, last = headers.get(line, (bisect_right(starts, joined), line))
        found.extend(_read(comment, line, column, first, last))
        if len(found) >= _MOST_COMMENTS:
            break
    return tuple(found)


def _candidates(text: str) -> Iterator[str]:
    """What may be a comment that asks for silence, wherever it stands, from its `#` on."""
    for word in _CANDIDATE.finditer(text):
        start = text.rfind("\n", max(word.start() - _MOST_CHARACTERS, 0), word.start()) + 1
        at = text.find("#", start or max(word.start() - _MOST_CHARACTERS, 0), word.start())
        if at >= 0:
            yield text[at : word.end() + _MOST_CHARACTERS].partition("\n")[0]


def plain_suppressions(source: bytes | str, starts: str = "#") -> tuple[Suppression, ...]:
    """The comments that ask for silence in a file that is not Python: YAML, Dockerfiles, shell, INI.

    A comment speaks for its line, or for the next one if it stands alone, and for what belongs to that line: continuation
    lines and deeper ones, since most formats allow no comment inside of a value. `starts` are the characters that start a
    comment. Of comments for other tools, those count that name a code of ours.
    """
    if isinstance(source, bytes):
        if not any(word in source for word in _WORDS):
            return ()
        source = source.decode("utf-8", "replace")
    lines = source.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    plain = re.compile(rf"(?:^|(?<=\s))[{starts}]")
    found: list[Suppression] = []
    for number, line in enumerate(lines, 1):
        low = line.lower()
        comment = plain.search(line, 0, max(low.rfind("celerylint:"), low.rfind("noqa"), 0))
        if comment:
            first, last = _reach(lines, number, starts, alone=not line[: comment.start()].strip())
            read = _read("#" + line[comment.end() :], number, comment.start() + 1, first, last)
            found.extend(one for one in read if one.kind != "noqa" or one.codes)
            if len(found) >= _MOST_COMMENTS:
                break
    return tuple(found)


def _reach(lines: list[str], number: int, starts: str, *, alone: bool) -> tuple[int, int]:
    """The first and the last line that a comment at a line speaks for."""
    start = number
    while alone and start < min(len(lines), number + _MOST_LINES) and lines[start - 1].lstrip()[:1] in ("", *starts):
        start += 1
    indent = _indent(lines[start - 1])
    listed = lines[start - 1].lstrip().startswith("- ")
    last = start
    for at in range(start, min(len(lines), start + _MOST_LINES)):
        line = lines[at]
        if line.lstrip()[:1] in ("", *starts):
            continue
        items = _indent(line) == indent and line.lstrip().startswith("- ") and not listed
        if not (_indent(line) > indent or items or lines[last - 1].rstrip().endswith("\\")):
            break
        last = at + 1
    return number, last


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _read(comment: str, line: int, column: int, first: int, last: int) -> list[Suppression]:
    own, noqa = _OWN.search(comment), _NOQA.search(comment)
    found = []
    if own:
        word, codes, rest = own["word"], own["codes"], own["rest"]
        if codes is None and (listed := _UNBRACKETED.match(rest)):
            codes, rest = listed["codes"], listed["rest"]
        if codes is not None and not _split(codes):
            word += "[]"
        span = (line, column + own.start(), column + own.start() + len(own[0].rstrip()))
        reason = rest.strip(" \t-:–—")
        if word == "ignore":
            found.append(Suppression("ignore", _split(codes), reason, *span, first, last))
        elif word == "ignore-file":
            found.append(Suppression("ignore-file", _split(codes), reason, *span, first, last))
        else:
            found.append(Suppression("unknown", (word,), reason, *span, first, last))
    if noqa:
        codes = tuple(code for code in _split(noqa["codes"]) if code.upper().startswith("CLY"))
        # One that names only the codes of other tools does not speak to us.
        if codes or not noqa["codes"]:
            span = (line, column + noqa.start(), column + noqa.start() + len(noqa[0].rstrip()))
            found.append(Suppression("noqa", codes, "", *span, first, last))
    return found


def _split(codes: str | None) -> tuple[str, ...]:
    return tuple(code[0] for code in islice(re.finditer(r"[^,\s]+", codes or ""), _MOST_CODES))


def _scan(text: str) -> tuple[list[tuple[int, str, int]], list[tuple[int, int]]]:
    """Comments that may matter, with where they and the lines joined to theirs start; and where each statement starts and ends."""
    comments: list[tuple[int, str, int]] = []
    statements: list[tuple[int, int]] = []
    depth = start = joined = 0
    for token in _SCAN.finditer(text):
        kind = token.lastgroup
        if kind == "comment":
            if "celerylint:" in token[0] or "noqa" in token[0].lower():
                comments.append((token.start(), token[0], joined))
        elif kind == "open":
            depth += 1
        elif kind == "close":
            depth = max(depth - 1, 0)
        elif kind == "newline":
            joined = token.end()
            if depth == 0:
                statements.append((start, token.start()))
                start = token.end()
    statements.append((start, len(text)))
    return comments, statements


def _headers(text: str, statements: list[tuple[int, int]], starts: list[int]) -> dict[int, tuple[int, int]]:
    """For the first and last line of each decorator and `def` or `class` header: the lines of the whole header."""
    found: dict[int, tuple[int, int]] = {}
    parts: list[tuple[int, int]] = []
    for start, end in statements:
        code = text[start:end].lstrip()
        if not code or code.startswith("#"):
            continue  # comments and empty lines may stand between decorators
        is_decorator = code.startswith("@")
        if is_decorator or _HEADER.match(code):
            parts.append((bisect_right(starts, start), bisect_right(starts, end)))
        if not is_decorator:
            for first, last in parts:
                found[first] = found[last] = (parts[0][0], parts[-1][1])
            parts = []
    return found

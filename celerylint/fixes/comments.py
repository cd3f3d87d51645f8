"""Comments that silence findings, written where they are read."""

from __future__ import annotations

import re
from collections.abc import Iterable

from celerylint.finding import Finding
from celerylint.fixes.text import Change, Text

_OURS = re.compile(r"#\s*celerylint:\s*ignore\[([^\]\n]*)\]")


def silenced(file: Text, findings: Iterable[Finding], reason: str) -> str:
    """The text of a file with a comment for each finding: at the end of its line, or above it where that cannot be."""
    codes: dict[int, set[str]] = {}
    for finding in findings:
        codes.setdefault(finding.place.line, set()).add(finding.code)
    python = file.path.endswith((".py", ".pyi"))
    closed = _ends_of_strings(file.text) if python else {}
    changes: list[Change] = []
    for line, those in sorted(codes.items()):
        start = file.offset(line, 1)
        while python and (line in closed or file.text[start : file.line_end(start)].endswith("\\")):
            # A comment at this line would be part of a string, or of nothing.
            line += 1
            start = file.offset(line, 1)
        end = file.line_end(start)
        if python:
            changes.append(_at_the_end(file.text, start, end, those, reason))
        else:
            indent = file.indent(start)
            changes.append(Change(start, start, f"{indent}{_comment(those, reason)}\n"))
    return file.changed(_merged(changes))


def _at_the_end(text: str, start: int, end: int, codes: set[str], reason: str) -> Change:
    held = _OURS.search(text, start, end)
    if held is not None:
        known = [code.strip() for code in held[1].split(",") if code.strip()]
        return Change(held.start(1), held.end(1), ", ".join(dict.fromkeys([*known, *sorted(codes)])))
    return Change(end, end, f"  {_comment(codes, reason)}")


def _comment(codes: set[str], reason: str) -> str:
    said = " ".join(reason.split())
    return f"# celerylint: ignore[{', '.join(sorted(codes))}]" + (f" {said}" if said else "")


def _merged(changes: list[Change]) -> list[Change]:
    """No two at one place: findings on lines that end as one."""
    return list({change.start: change for change in changes}.values())


_STRINGS = re.compile(
    r"'''(?:[^'\\]|\\.|'(?!''))*(?:'''|\Z)|\"\"\"(?:[^\"\\]|\\.|\"(?!\"\"))*(?:\"\"\"|\Z)"
    r"|'(?:[^'\\\n]|\\.)*'?|\"(?:[^\"\\\n]|\\.)*\"?|#[^\n]*",
    re.DOTALL,
)


def _ends_of_strings(text: str) -> dict[int, bool]:
    """The lines that end within a string."""
    inside: dict[int, bool] = {}
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    for found in _STRINGS.finditer(plain):
        first = plain.count("\n", 0, found.start()) + 1 if "\n" in found[0] else 0
        inside.update((first + number, True) for number in range(found[0].count("\n")) if first)
    return inside

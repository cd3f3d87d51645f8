"""Edits of YAML by its indentation: a key more in a block, beside those that are there. Flow style is left alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from celerylint.finding import DeleteLines, InsertText, Place, ReplaceText
from celerylint.model.deploy.process import Process
from celerylint.model.project import Project

if TYPE_CHECKING:
    from celerylint.fixes.text import Text

_KEY = re.compile(r"(?P<indent>[ ]*)[\"']?(?P<key>[\w.-]+)[\"']?[ ]*:(?P<value>[ ].*|)")
_WITHOUT_DEPTH = re.compile(r"\s*(?:#|\{\{|\{%|$)")
"""Comments, blank lines and lines of a template language."""


class Outline:
    """The lines of a YAML file or a template of one, numbered from 1."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self.lines = re.split(r"\r\n|\r|\n", text.text)

    def depth(self, line: int) -> int | None:
        """How far a line is indented; None where that means nothing."""
        held = self.lines[line - 1]
        return None if _WITHOUT_DEPTH.match(held) else len(held) - len(held.lstrip(" "))

    def end(self, line: int) -> int:
        """The last line of what a key on a line holds."""
        own, last = self.depth(line), line
        for number in range(line + 1, len(self.lines) + 1):
            depth = self.depth(number)
            if depth is None or own is None:
                continue
            dashed = depth == own and self.lines[number - 1].lstrip(" ").startswith("- ")
            if depth <= own and not (dashed and not self.value(line)):
                break
            last = number
        return last

    def keys(self, line: int) -> dict[str, int]:
        """The keys right below the key on a line, and where each stands; empty unless they stand on lines of their own."""
        return {} if self.value(line) else self._keys(range(line + 1, self.end(line) + 1))

    def top(self, line: int) -> dict[str, int]:
        """The keys of the document that a line stands in."""
        marks = [number for number, held in enumerate(self.lines, 1) if held.startswith("---")]
        first = max((mark for mark in marks if mark < line), default=0)
        last = min((mark for mark in marks if mark > line), default=len(self.lines) + 1)
        return self._keys(range(first + 1, last))

    def _keys(self, lines: range) -> dict[str, int]:
        found: dict[str, int] = {}
        shallowest: int | None = None
        for number in lines:
            depth = self.depth(number)
            shallowest = depth if shallowest is None else shallowest
            key = _KEY.fullmatch(self.lines[number - 1]) if depth is not None and depth == shallowest else None
            if key is not None:
                found.setdefault(key["key"], number)
        return found

    def value(self, line: int) -> str:
        """What stands behind a key on its line, without an anchor or a comment."""
        key = _KEY.fullmatch(self.lines[line - 1])
        value = key["value"].strip() if key is not None else "?"
        return re.sub(r"^(?:[&!]\S+\s*)?(?:#.*)?$", "", value)

    # --- edits

    def after(self, line: int, *added: str) -> InsertText:
        """Lines after the block of a key, beside it."""
        indent = " " * (self.depth(line) or 0)
        at = self.text.line_end(self.text.offset(self.end(line), 1))
        return InsertText(self._place(at, at), "".join(f"\n{indent}{each}" for each in added))

    def before(self, line: int, *added: str) -> InsertText:
        """Lines before a key, beside it."""
        indent = " " * (self.depth(line) or 0)
        at = self.text.offset(line, 1)
        return InsertText(self._place(at, at), "".join(f"{indent}{each}\n" for each in added))

    def below(self, line: int, *added: str) -> InsertText:
        """Lines at the end of what a key holds, one step below it."""
        keys = self.keys(line)
        if keys:
            return self.after(max(keys.values()), *added)
        indent = " " * ((self.depth(line) or 0) + 2)
        at = self.text.line_end(self.text.offset(line, 1))
        return InsertText(self._place(at, at), "".join(f"\n{indent}{each}" for each in added))

    def at(self, line: int, column: int, text: str) -> InsertText:
        """A text behind so many characters of a line."""
        at = self.text.offset(line, column + 1)
        return InsertText(self._place(at, at), text)

    def without(self, line: int) -> DeleteLines:
        """Without a key and what it holds."""
        return DeleteLines(self.text.path, line, self.end(line))

    def _place(self, start: int, end: int) -> Place:
        return Place(self.text.path, self.text.span(start, end))


def makes_several(process: Process, project: Project) -> bool:
    """Whether the place that declares a process declares others, as a template for several workloads does."""
    there = (other.name for other in project.processes if other.place == process.place)
    return len({name.partition("/")[0] for name in there}) > 1


def instead(text: Text, place: Place, old: str, new: str) -> ReplaceText | None:
    """A text in place of another, where that stands at a place as it is; None where it does not."""
    start = text.offset(place.line, place.span.column)
    start += text.text[start : start + 1] in ("'", '"')
    if not old or not text.text.startswith(old, start):
        return None
    return ReplaceText(Place(text.path, text.span(start, start + len(old))), new)

"""Templates of YAML (Helm, Jinja), which are no YAML until rendered: line by line, indentation and keys."""

from __future__ import annotations

import re

from celerylint.facts.deploy.ir import TemplateFile, TemplateLine
from celerylint.facts.deploy.text import Joined

_COMMENT = re.compile(r"\{\{-?\s{0,9}/\*|\{#")
_ACTION = r"\{\{(?:(?!\}\}|\{\{).)*\}\}|\{%(?:(?!%\}|\{%).)*%\}"
_ACTIONS = re.compile(_ACTION, re.DOTALL)
_ONLY_ACTIONS = re.compile(rf"(?:{_ACTION}|\s)*\Z")
_ITEM = re.compile(r"-(?:[ ]+|$)")
_KEY = re.compile(
    rf"(?P<key>(?:{_ACTION}|\"[^\"]*\"|'[^']*'|[^:\[\]{{}}\"'#\s]|[ ](?=[^\s:#])|:(?=\S))+?)[ ]*:(?:[ ]+|$)"
)
_TRAILING = re.compile(
    rf"(?P<kept>(?:{_ACTION}|\"(?:{_ACTION}|[^\"{{]|\{{(?![{{%]))*\"|'(?:{_ACTION}|[^'{{]|\{{(?![{{%]))*'|[^\s]|[ \t]+(?!\#))*)"
)
_BLOCK = re.compile(r"(?:[&!]\S+[ ]+)*(?P<style>[|>])[-+0-9]*$")


_UNQUOTED = re.compile(r"(?m)^[ \t]*(?:-[ \t]+)*(?:[^\s#{}'\"][^#{}'\"\n]*:[ \t]+)?\{[{%]")


def is_template(path: str, text: str) -> bool:
    """Whether what looks like YAML, and may even parse as such, has to be rendered first."""
    if "{{" not in text and "{%" not in text:
        return False
    return "templates" in path.split("/")[:-1] or _UNQUOTED.search(text) is not None


def read(text: str) -> TemplateFile:
    """The lines of a template. A document's end is a line whose key is `---`."""
    return TemplateFile(_Reader(_plain(text).split("\n")).lines())


def _plain(text: str) -> str:
    """The text without comments of the template language, and with no action over several lines; lines stay as they are."""
    text = _without_comments(text)
    return _ACTIONS.sub(lambda found: found[0].replace("\n", " ") + "\n" * found[0].count("\n"), text)


def _without_comments(text: str) -> str:
    kept: list[str] = []
    at = 0
    while opening := _COMMENT.search(text, at):
        closing = "#}" if opening[0] == "{#" else "*/"
        end = text.find(closing, opening.end())
        if end >= 0 and closing == "*/":
            end = text.find("}}", end)
        if end < 0:
            break
        kept += text[at : opening.start()], "\n" * text.count("\n", opening.start(), end)
        at = end + 2
    return "".join(kept) + text[at:]


class _Reader:
    """Lines one by one; values that go on take those that follow."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._at = 0

    def lines(self) -> list[TemplateLine]:
        """All of them."""
        found: list[TemplateLine] = []
        while self._at < len(self._lines):
            line = self._lines[self._at]
            self._at += 1
            stripped = line.strip()
            if stripped.startswith("---"):
                found.append(self._line(0, 0, False, "---", Joined()))
            elif stripped and not stripped.startswith("#"):
                found.append(self._read(line))
        return found

    def _read(self, line: str) -> TemplateLine:
        number = self._at
        outer = start = len(line) - len(line.lstrip())
        item = _ITEM.match(line, start)
        value = Joined()
        if item:
            start = item.end()
        elif _ONLY_ACTIONS.match(line):
            value.add(line.strip(), number, start + 1)
            return self._line(start, start, False, "", value)
        key = _KEY.match(line, start)
        at = key.end() if key else start
        written = _without_note(line, at)
        block = _BLOCK.match(written)
        indent = start if key else outer
        if block:
            self._block(value, indent, block["style"])
        else:
            value.add(written, number, at + 1)
            self._rest(value, written, indent)
        name = key["key"].strip() if key else ""
        return self._line(start, number - 1, bool(item), _unquoted(name, 0)[0], value, at)

    def _line(self, start: int, index: int, item: bool, key: str, value: Joined, at: int | None = None) -> TemplateLine:
        if at is None:
            index, at = self._at - 1, start
        text, origins = value.finish(index + 1, at + 1)
        bare, shift = _unquoted(text, 0)
        if shift:
            offset, line, col = origins[0]
            origins = [(offset, line, col + shift), *((o - shift, li, co) for o, li, co in origins[1:])]
        last = self._lines[self._at - 1].rstrip()
        return TemplateLine(index + 1, start + 1, self._at, len(last) + 1, start, item, key, bare, origins)

    def _deeper(self, indent: int) -> bool:
        """Whether the next line that is more than blanks and actions is deeper."""
        for line in self._lines[self._at : self._at + 50]:
            if not _ONLY_ACTIONS.match(line):
                return len(line) - len(line.lstrip()) > indent
        return False

    def _block(self, value: Joined, indent: int, style: str) -> None:
        """The lines of a block scalar."""
        first: int | None = None
        while self._at < len(self._lines) and self._deeper(indent):
            line = self._lines[self._at]
            self._at += 1
            blanks = len(line) - len(line.lstrip())
            first = blanks if first is None and line.strip() else first
            if value:
                value.add("\n" if style == "|" else " ", self._at, max(blanks, 1))
            body = line[min(blanks, first or 0) :].rstrip()
            value.add(body, self._at, min(blanks, first or 0) + 1)

    def _rest(self, value: Joined, written: str, indent: int) -> None:
        """The lines that a flow sequence or a plain value goes on over."""
        is_flow = written.startswith("[") or (written.startswith("{") and not written.startswith(("{{", "{%")))
        depth = _depth(written) if is_flow else 0
        while written and self._at < len(self._lines):
            line = self._lines[self._at]
            blanks = len(line) - len(line.lstrip())
            stripped = _without_note(line, blanks)
            goes_on = depth > 0 if is_flow else blanks > indent and _is_text(stripped)
            if not goes_on or (is_flow and blanks <= indent and _KEY.match(line, blanks)):
                break
            self._at += 1
            if stripped and not stripped.startswith("#"):
                value.add(" ", self._at, max(blanks, 1))
                value.add(stripped, self._at, blanks + 1)
                depth += _depth(stripped)


def _without_note(line: str, at: int) -> str:
    """A line from a column on, without the comment at its end."""
    found = _TRAILING.match(line, at)
    return (found["kept"] if found else "").rstrip()


def _is_text(stripped: str) -> bool:
    """Whether a line holds nothing but a value."""
    return bool(stripped) and not (
        stripped.startswith("#") or _ITEM.match(stripped) or _KEY.match(stripped) or _ONLY_ACTIONS.match(stripped)
    )


def _depth(written: str) -> int:
    """How many more brackets a line opens than it closes."""
    bare = re.sub(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'", "", _ACTIONS.sub("", written))
    return bare.count("[") + bare.count("{") - bare.count("]") - bare.count("}")


def _unquoted(text: str, shift: int) -> tuple[str, int]:
    """A text without the quotes around it, and how much further it starts."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1], shift + 1
    return text, shift

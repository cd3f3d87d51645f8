"""Files of settings: supervisord's INI, systemd units, environment files, redis.conf and rabbitmq.conf."""

from __future__ import annotations

import re
from collections.abc import Iterator

from celerylint.facts.deploy.ir import Section, SectionFile, Setting
from celerylint.facts.deploy.text import Joined, MalformedError

_HEADER = re.compile(r"\s*\[(?P<name>[^\]]+)\]")
_INLINE = re.compile(r"(?:^|(?<=\s))[;#]")
_OPTION = re.compile(r"\s*(?P<key>[^=:\s](?:[^=:]*[^=:\s])?)\s*[=:][ \t]*")
_TEMPLATE = re.compile(r"\{[{%]")


def supervisor(text: str) -> SectionFile:
    """A file of supervisord, as its `RawConfigParser` reads it: `;` and `#` after a blank start a comment, a deeper line continues.

    Raises:
        MalformedError: a line that is neither a section nor a setting, in a file that is no template.
    """
    reader = _Reader()
    is_template = _TEMPLATE.search(text) is not None
    indent = 0
    for number, line in enumerate(text.split("\n"), 1):
        comment = _INLINE.search(line)
        written = (line[: comment.start()] if comment else line).rstrip()
        blanks = len(written) - len(written.lstrip())
        if not written:
            continue
        if reader.continues and blanks > indent:
            reader.value.add(" ", number, blanks)
            reader.value.add(written[blanks:], number, blanks + 1)
            continue
        indent = blanks
        header, option = _HEADER.match(written), _OPTION.match(written)
        if header:
            reader.section(header["name"], number, header.start("name"), len(written))
        elif option and reader.sections:
            reader.setting(option["key"].lower(), number, option.start("key"), option.end("key"), option.end())
            reader.value.add(written[option.end() :], number, option.end() + 1)
        elif not is_template:
            raise MalformedError("neither a section nor a setting", number, blanks + 1)
    return reader.finish()


def systemd(text: str) -> SectionFile:
    """A unit file: comments are whole lines, and a `\\` at the end of a line continues it."""
    reader = _Reader()
    continued = False
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if stripped.startswith(("#", ";")):
            continue
        more = line.endswith("\\")
        body = line.rstrip("\\").rstrip() if more else line.rstrip()
        blanks = len(body) - len(body.lstrip())
        if continued:
            reader.value.add(" ", number, max(blanks, 1))
            reader.value.add(body[blanks:], number, blanks + 1)
            continued = more
            continue
        header = _HEADER.match(body)
        key, equals, _ = body.partition("=")
        if header:
            reader.section(header["name"], number, header.start("name"), len(body))
        elif equals and reader.sections:
            start = len(body) - len(body[len(key) + 1 :].lstrip())
            reader.setting(key.strip(), number, blanks, len(key.rstrip()), start)
            reader.value.add(body[start:], number, start + 1)
            continued = more
    return reader.finish()


_VARIABLE = re.compile(r"^[ \t]*(?:export[ \t]+)?(?P<key>[A-Za-z_][\w.-]*)(?:[ \t]*=|:[ \t])[ \t]*", re.MULTILINE)
_VALUE = re.compile(
    r"(?P<join>\\\n)|'(?P<single>[^']*)'|\"(?P<double>(?:[^\"\\]|\\.)*)\"|(?P<comment>[ \t]+\#[^\n]*)"
    r"|(?P<plain>[^\s'\"\\]+|[^\n])",
    re.DOTALL,
)
_IN_DOUBLE = re.compile(r"(?P<join>\\\n)|\\(?P<escaped>[\"\\`])|(?P<plain>[^\\]+|\\)", re.DOTALL)


def environment(text: str) -> SectionFile:
    """Lines `NAME=value`, as `env_file`, `EnvironmentFile` and shells read them. Quotes are removed; other lines are left out."""
    reader = _Reader()
    reader.section("", 1, 0, 0)
    lines = _Lines(text)
    at = 0
    while found := _VARIABLE.search(text, at):
        at = found.end()
        line, col = lines.place(found.start("key"))
        reader.setting(found["key"], line, col - 1, col - 1 + len(found["key"]), lines.place(at)[1] - 1)
        quoted = text[at : at + 1] in ("'", '"')
        while token := _VALUE.match(text, at):
            at = token.end()
            if token.lastgroup in ("single", "double"):
                _quoted(token, quoted, reader.value, lines)
            elif token.lastgroup == "plain":
                if quoted and token[0].isspace():
                    break  # what follows the quotes is no part of the value
                reader.value.add(token[0], *lines.place(token.start()))
        at = text.find("\n", at)
        if at < 0:
            break
    return reader.finish()


def _quoted(token: re.Match[str], removed: bool, value: Joined, lines: _Lines) -> None:
    """Quotes inside of a value that does not start with one are part of it."""
    kind = str(token.lastgroup)
    if not removed:
        value.add(token[0], *lines.place(token.start()))
    elif kind == "single":
        value.add(token[kind], *lines.place(token.start(kind)))
    else:
        for piece in _IN_DOUBLE.finditer(token[kind]):
            if piece.lastgroup != "join":
                name = str(piece.lastgroup)
                value.add(piece[name], *lines.place(token.start(kind) + piece.start(name)))


def redis(text: str) -> SectionFile:
    """redis.conf: a name, a blank and its arguments, quoted or not."""
    reader = _Reader()
    reader.section("", 1, 0, 0)
    for number, line in enumerate(text.split("\n"), 1):
        found = re.match(r"\s*([^\s#]\S*)[ \t]+", line.rstrip() + " ")
        if not found:
            continue
        value = line[found.end() :].rstrip()
        start = min(found.end(), len(line))
        reader.setting(found[1].lower(), number, found.start(1), found.end(1), start)
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" and value[0] not in value[1:-1]:
            value, start = value[1:-1], start + 1
        reader.value.add(value, number, start + 1)
    return reader.finish()


def rabbitmq(text: str) -> SectionFile:
    """rabbitmq.conf: `name = value`, and `#` starts a comment anywhere."""
    reader = _Reader()
    reader.section("", 1, 0, 0)
    for number, line in enumerate(text.split("\n"), 1):
        found = re.match(r"\s*([^\s=#]+)\s*=\s*('?)([^#\n]*)", line)
        if found:
            value = found[3].rstrip()
            reader.setting(found[1], number, found.start(1), found.end(1), found.start(3))
            reader.value.add(value.removesuffix("'") if found[2] else value, number, found.start(3) + 1)
    return reader.finish()


class _Lines:
    """Line and column of offsets that are asked for in rising order."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._line, self._start, self._at = 1, 0, 0

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column, from 1."""
        breaks = self._text.count("\n", self._at, offset)
        if breaks:
            self._line += breaks
            self._start = self._text.rfind("\n", 0, offset) + 1
        self._at = offset
        return self._line, offset - self._start + 1


class _Reader:
    """Sections as they are read. Columns are given as offsets in the line."""

    def __init__(self) -> None:
        self.sections: list[tuple[str, int, int, int, list[Setting]]] = []
        self.value = Joined()
        self._open: tuple[str, int, int, int, int] | None = None

    @property
    def continues(self) -> bool:
        """Whether there is a setting that a line could continue."""
        return self._open is not None

    def section(self, name: str, line: int, start: int, end: int) -> None:
        """A section starts."""
        self._close()
        self.sections.append((name.strip(), line, start, end, []))

    def setting(self, key: str, line: int, start: int, end: int, value: int) -> None:
        """A setting starts, whose value may follow at an offset of the same line."""
        self._close()
        self._open = (key, line, start, end, value)
        self.value = Joined()

    def _close(self) -> None:
        if self._open is not None:
            key, line, start, end, at = self._open
            value, origins = self.value.finish(line, at + 1)
            self.sections[-1][4].append(Setting(line, start + 1, line, end + 1, key, value, origins))
            self._open = None

    def finish(self) -> SectionFile:
        """The file; sections without a name and settings are left out."""
        self._close()
        return SectionFile([*self._built()])

    def _built(self) -> Iterator[Section]:
        for name, line, start, end, settings in self.sections:
            if name or settings:
                yield Section(line, start + 1, line, end + 1, name, settings)

"""Edits of the command that starts a worker or a beat, in whatever file and form it is written: a line of a script or a
Procfile, a list of YAML or JSON, a list of Python.

A command is edited only where it is written out: a word that a variable gives, or that other commands share, is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from celerylint.catalog import Flag
from celerylint.finding import Edit, InsertText, Place, ReplaceText
from celerylint.model.commandline import Option
from celerylint.model.deploy.process import UNKNOWN
from celerylint.model.project import Beat, Project, Start, Worker

if TYPE_CHECKING:
    from celerylint.fixes.text import Text

_ON_A_LINE = re.compile(r"(?:[ \t]|\\?\r?\n)+")
_IN_BRACKETS = re.compile(r"[ \t\r\n]*,[ \t\r\n]*")
_WITH_DASHES = re.compile(r"[ \t]*(?:#[^\n]*)?\n(?P<indent>[ \t]*-[ \t]+)")
_PLAIN = re.compile(r"(?:\$\{[^}\s]*\}|[^\s\"'`,\[\];&|<>()])+")
"""A word with variables in it."""
_ADDED = re.compile(r"[\w.,:/=@%+-]+", re.ASCII)
"""What means the same in every shell and file: names of queues may hold anything."""
_BEFORE = frozenset(" \t\n=[,(\"'") | {""}
_BEHIND = frozenset(" \t\r\n],);&|<>\"'") | {""}
_QUOTING = str.maketrans("", "", "\"'\\")


class CommandText:
    """A command as it is written."""

    def __init__(self, held: Worker | Beat, project: Project, text: Text) -> None:
        self.held = held
        self.project = project
        self.text = text
        self.path = text.path
        self.words = held.start.words
        self.tokens = [self._token(n) for n in range(len(self.words))]
        """Where each word stands, its quotes included; None where it is not written out."""

    # --- edits

    def with_flag(self, flag: str) -> list[Edit]:
        """A flag more, behind the others; nothing where it cannot be put."""
        if not _ADDED.fullmatch(flag):
            return []
        for number in range(len(self.words) - 1, self.held.line.at - 1, -1):
            if self.tokens[number] is not None and not self._takes_next(number):
                return self._after(number, flag)
        return []

    def without(self, option: Option) -> list[Edit]:
        """Without an option and its value; nothing where they are not written out."""
        first, last = self._unit(option)
        word = self.words[first] or ""
        if _is_cluster(word, option):
            token = self.tokens[first]
            at = self._inside(first)
            if token is None or at is None or last != first or option.value is not None or self._is_shared(first):
                return []
            place = at + word.index(option.spelling[1], 1)
            return [ReplaceText(self._place(place, place + 1), "")]
        stretch = self._stretch(first, last)
        before = self.tokens[first - 1] if first else None
        if stretch is None or any(self._is_shared(n) for n in range(first, last + 1)):
            return []
        if before is not None and self._gap(first) is not None:
            return [ReplaceText(self._place(before[1], stretch[1]), "")]
        after = self.tokens[last + 1] if last + 1 < len(self.tokens) else None
        if after is not None and self._gap(last + 1) is not None:
            return [ReplaceText(self._place(stretch[0], after[0]), "")]
        return []

    def with_value(self, option: Option, value: str) -> list[Edit]:
        """Another value of an option; nothing where it is not written out."""
        last = self._unit(option)[1]
        word, at = self.words[last], self._inside(last)
        if option.value is None or word is None or at is None or self._is_shared(last) or not _ADDED.fullmatch(value):
            return []
        start = len(word) - len(option.value)
        if self.text.text[at + start : at + len(word)] != option.value:
            return []
        return [ReplaceText(self._place(at + start, at + len(word)), value)]

    def moved(self, options: list[Option], before: int) -> list[Edit]:
        """Options with their values before another word; nothing where not all of them can be."""
        target, gap = self.tokens[before], self._gap(before)
        if target is None or gap is None or self._is_shared(before):
            return []
        edits: list[Edit] = []
        inserted = ""
        for option in sorted(options, key=lambda option: option.position):
            first, last = self._unit(option)
            stretch, removed = self._stretch(first, last), self.without(option)
            if stretch is None or not removed or _is_cluster(self.words[first] or "", option):
                return []
            parts = [self.text.text[slice(*token)] for n in range(first, last + 1) if (token := self.tokens[n])]
            inserted += "".join(part + gap for part in parts)
            edits += removed
        return [InsertText(self._place(target[0], target[0]), inserted), *edits]

    # --- texts

    def before(self, number: int) -> str | None:
        """The line that a word stands on, up to the word."""
        token = self.tokens[number]
        return self.text.text[self.text.line_start(token[0]) : token[0]] if token is not None else None

    def written(self, option: Option) -> str | None:
        """An option and its value as they are written; None where they are not written out, or it is one letter of several."""
        first, last = self._unit(option)
        stretch = self._stretch(first, last)
        whole = stretch is not None and not _is_cluster(self.words[first] or "", option)
        return self.text.text[stretch[0] : stretch[1]] if stretch is not None and whole else None

    def instead(self, first: int, name: str, options: Sequence[Option]) -> tuple[int, int, str] | None:
        """The stretch from a word, the sub-command, to the end, and what it would be for another one with some of the
        options; None where not all of it is written out.
        """
        end, token = self.tokens[-1], self.tokens[first]
        gaps = [self._gap(number) for number in range(first + 1, len(self.tokens))]
        if token is None or end is None or None in gaps:
            return None
        text = self.text.text[slice(*token)].replace(self.words[first] or "", name)
        for option in options:
            written, gap = self.written(option), self._gap(option.position)
            if written is None or gap is None:
                return None
            text += gap + written
        return token[0], end[1], text

    def line_after(self, line: str) -> InsertText:
        """A line after the one that the command ends on."""
        end = self.text.line_end(max(token[1] for token in self.tokens if token is not None))
        return InsertText(self._place(end, end), f"\n{line}")

    # --- places

    def _place(self, start: int, end: int) -> Place:
        return Place(self.path, self.text.span(start, end))

    def _inside(self, number: int) -> int | None:
        """Where a word that is written as it is begins, behind its quote."""
        word, place = self.words[number], self.held.start.places[number]
        if self.tokens[number] is None or word is None or UNKNOWN in word:
            return None
        at = self.text.offset(place.line, place.span.column)
        at += self.text.text[at : at + 1] in ("'", '"')
        return at if self.text.text.startswith(word, at) else None

    def _token(self, number: int) -> tuple[int, int] | None:
        word, place = self.words[number], self.held.start.places[number]
        if word is None or place.path != self.path:
            return None
        text = self.text.text
        start, end = self.text.stretch(place.span)
        if UNKNOWN in word or text[start:end].translate(_QUOTING) != word.translate(_QUOTING):
            return self._variable(start, place)
        for quote in "\"'":
            end += text[start:end].count(quote) % 2 == 1 and text[end : end + 1] == quote
        if start and text[start - 1] in "\"'" and text[start - 1] == text[end : end + 1]:
            start, end = start - 1, end + 1
        alone = text[start - 1 : start] in _BEFORE and text[end : end + 1] in _BEHIND
        return (start, end) if alone else self._variable(start, place)

    def _variable(self, at: int, place: Place) -> tuple[int, int] | None:
        """Where a word stands that is made of variables, and is one word for certain."""
        if self.held.start.places.count(place) > 1:
            return None
        line = self.text.line_start(at), self.text.line_end(at)
        found = next((m for m in _PLAIN.finditer(self.text.text, *line) if m.start() <= at < m.end()), None)
        return found.span() if found is not None and "$" in found[0] else None

    def _stretch(self, first: int, last: int) -> tuple[int, int] | None:
        """From one word to another that follows it."""
        start, end = self.tokens[first], self.tokens[last]
        whole = all(self._gap(n) is not None for n in range(first + 1, last + 1))
        return (start[0], end[1]) if start is not None and end is not None and whole else None

    def _gap(self, number: int) -> str | None:
        """What stands between a word and the one before it; None where that is not what separates words."""
        one = self.tokens[number - 1] if number else None
        two = self.tokens[number] if number < len(self.tokens) else None
        if one is None or two is None or one[1] > two[0]:
            return None
        between = self.text.text[one[1] : two[0]]
        dashes = _WITH_DASHES.fullmatch(between)
        if dashes is not None:
            return f"\n{dashes['indent']}"
        return between if _ON_A_LINE.fullmatch(between) or _IN_BRACKETS.fullmatch(between) else None

    # --- words

    def _takes_next(self, number: int) -> bool:
        """Whether a word is a flag whose value is the next word."""
        return any(first == number < last for first, last in map(self._unit, _options(self.held)))

    def _unit(self, option: Option) -> tuple[int, int]:
        """The words of an option: the flag, and its value where that is a word of its own."""
        word = self.words[option.position] or ""
        catalog = self.project.catalog
        tables = (catalog.worker_flags, catalog.beat_flags, catalog.global_flags)
        flag: Flag | None = next((table[option.spelling] for table in tables if option.spelling in table), None)
        apart = flag is not None and flag.takes_value and word.endswith(option.spelling[1:]) and "=" not in word
        return option.position, option.position + apart

    def _after(self, number: int, flag: str) -> list[Edit]:
        unit = next((unit for unit in map(self._unit, _options(self.held)) if unit[1] == number), (number, number))
        token = self.tokens[number]
        if token is None or self._is_shared(number):
            return []
        gap = self._gap(unit[0]) or self._gap(number + 1) or (", " if self._in_brackets(token) else " ")
        quoted = self.text.text[token[0]] in "\"'" and ("," in gap or "- " in gap)
        quote = self.text.text[token[0]] if quoted else ""
        at = token[1]
        rest = self.text.text[at : self.text.line_end(at)]
        if "- " in gap and rest.lstrip().startswith("#"):
            at += len(rest)
        return [InsertText(self._place(at, at), f"{gap}{quote}{flag}{quote}")]

    def _in_brackets(self, token: tuple[int, int]) -> bool:
        return self.text.text[: token[0]].rstrip().endswith(("[", "("))

    def _is_shared(self, number: int) -> bool:
        """Whether another command takes this word from where it is written."""
        place, words = self.held.start.places[number], self.words
        return any(place in other.places for other in _starts(self.project) if other.words != words)


def command_text(held: Worker | Beat, project: Project) -> CommandText | None:
    """The command of a worker or a beat as it is written; None where its file cannot be read, or several workers are made of it."""
    start = held.start
    if held.line.node or not start.places:
        return None
    from celerylint.fixes.text import FixError

    text = text_of(start.places[held.line.at].path, project)
    try:
        return CommandText(held, project, text) if text is not None else None
    except FixError:
        return None


def text_of(path: str, project: Project) -> Text | None:
    """A file as a text to edit; None where it cannot be read."""
    from celerylint.fixes.text import FixError, Text

    source = project.source(path)
    try:
        return Text(path, source) if source is not None else None
    except FixError:
        return None


def _starts(project: Project) -> Iterator[Start]:
    """Everything of Celery's that is deployed."""
    starts = [held.start for held in project.workers]
    starts += [held.start for held in project.beats]
    starts += [held.start for held in project.monitors]
    yield from (start for start in starts if not start.development)


def _options(held: Worker | Beat) -> list[Option]:
    line = held.line
    return [*line.options.values(), *line.misplaced.values(), *line.app_options.values()]


def _is_cluster(word: str, option: Option) -> bool:
    """Whether an option is one letter of several: the `B` of `-BE`."""
    short = len(option.spelling) == 2 and not word.startswith("--")
    return short and (word[:2] != option.spelling or (option.value is None and len(word) > 2))

"""A stretch of source with its labelled places, as compilers show it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from unicodedata import east_asian_width

from msgspec import Struct

from celerylint.finding import Place
from celerylint.report.style import Paint, Style
from celerylint.text import clean

_CONTEXT = 1
_LONGEST_SPAN = 4
"""Lines of a longer span are cut, since the place to edit is at its start."""
_WIDEST = 160
"""Characters of a line that are shown where nobody says how wide the place is."""
_NARROWEST = 40
_CUT = "..."
_TAB = "    "


class Label(Struct, frozen=True):
    """A place and what is said of it."""

    place: Place
    text: str
    primary: bool


def frames(labels: Sequence[Label], sources: Mapping[str, str], style: Style, primary: Paint) -> list[str]:
    """One snippet for each file that a label is in, the first label's file first."""
    paths = list(dict.fromkeys(label.place.path for label in labels))
    lines = {path: re.split(r"\r\n|\r|\n", sources[path]) for path in paths if path in sources}
    shown = [label.place.span.line for label in labels if label.place.path in lines]
    gutter = len(str(max(shown, default=0) + _LONGEST_SPAN + _CONTEXT))
    out: list[str] = []
    for index, path in enumerate(paths):
        here = [label for label in labels if label.place.path == path]
        arrow = " " * gutter + style.paint("-->" if index == 0 else ":::", "blue")
        if path in lines:
            out += [f"{arrow} {_at(here[0])}", *_snippet(here, lines[path], gutter, style, primary)]
        else:
            out += [f"{arrow} {_at(label)}{': ' if label.text else ''}{clean(label.text)}" for label in here]
    return out


def _at(label: Label) -> str:
    span = label.place.span
    return f"{clean(label.place.path)}:{span.line}:{span.column}"


def _snippet(labels: Sequence[Label], source: list[str], gutter: int, style: Style, primary: Paint) -> list[str]:
    bar = style.paint("|", "blue")
    out = [f"{' ' * gutter} {bar}"]
    room = _WIDEST if style.width is None else min(style.width - gutter - len(" | "), _WIDEST)
    previous = 0
    for number in _numbers(labels, source):
        if previous and number > previous + 1:
            out.append(style.paint("." * 3, "blue"))
        previous = number
        here = [label for label in labels if label.place.line == number]
        first = min((label.place.span.column for label in here), default=1)
        last = max(
            (label.place.span.end_column for label in here if label.place.span.end_line == number), default=first
        )
        text, shift = _window(source[number - 1], first, last, room)
        out.append(f"{style.paint(str(number).rjust(gutter), 'blue')} {bar} {_printed(text)}".rstrip())
        for label in sorted(here, key=lambda label: (not label.primary, label.place.span)):
            start = label.place.span.column - shift
            end = label.place.span.end_column - shift if label.place.span.end_line == number else len(text) + 1
            end = min(max(end, start + 1), len(text) + 1)
            width = max(_columns(_printed(text[start - 1 : end - 1])), 1)
            before = _columns(_printed(text[: start - 1]))
            for indent, said in _marked("^" if label.primary else "-", before, width, clean(label.text), room):
                painted = style.paint(said, primary if label.primary else "blue")
                out.append(f"{' ' * gutter} {bar} {' ' * indent}{painted}")
    out.append(f"{' ' * gutter} {bar}")
    return out


def _marked(sign: str, before: int, width: int, text: str, room: int) -> list[tuple[int, str]]:
    """The marks below a place and what is said of it: behind them, or on the next line if there is too little room."""
    marks = sign * width
    if not text or before + width + 1 + len(text) <= room:
        return [(before, f"{marks} {text}".rstrip())]
    return [(before, marks), (max(min(before, room - len(text)), 0), text)]


def _numbers(labels: Sequence[Label], source: list[str]) -> list[int]:
    """The lines to show: those of the labels and, around the primary one, the lines next to them."""
    shown: set[int] = set()
    for label in labels:
        span = label.place.span
        last = min(max(span.end_line, span.line), span.line + _LONGEST_SPAN - 1)
        around = _CONTEXT if label.primary else 0
        shown.update(range(span.line - around, last + around + 1))
    # A gap of one line is shown: the dots that stand for it would take as much room.
    shown.update(number + 1 for number in tuple(shown) if number + 2 in shown)
    wanted = {label.place.line for label in labels}
    return sorted(
        number for number in shown if 1 <= number <= len(source) and (number in wanted or source[number - 1].strip())
    )


def _window(text: str, first: int, last: int, room: int) -> tuple[str, int]:
    """The part of a long line, with these columns, that fits into so much room; and how many characters come before it."""
    room = max(room - (len(_TAB) - 1) * text.count("\t"), _NARROWEST)
    if len(text) <= room:
        return text, 0
    start = max(min(first - 1 - room // 4, len(text) - room), 0) if last - 1 > room - len(_CUT) else 0
    part = text[start : start + room]
    if start:
        part = _CUT + part[len(_CUT) :]
    return part if start + room >= len(text) else part[: -len(_CUT)] + _CUT, start


def _printed(text: str) -> str:
    return clean(text.replace("\t", _TAB))


def _columns(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)

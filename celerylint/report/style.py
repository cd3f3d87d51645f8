"""How text is dressed for the place it is shown in: colour, links, width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from celerylint.text import clean

Paint = Literal["bold", "dim", "red", "yellow", "blue", "cyan", "green"]
_CODES: dict[Paint, str] = {
    "bold": "1",
    "dim": "2",
    "red": "1;31",
    "yellow": "1;33",
    "blue": "1;34",
    "cyan": "36",
    "green": "32",
}


class Style(Struct, frozen=True, kw_only=True):
    """What the place that text is shown in can do. The default is a plain file."""

    color: bool = False
    links: bool = False
    """Whether text can carry a link (OSC 8)."""
    width: int | None = None
    """Columns to fill; None not to break lines."""
    summary: bool = True
    """Whether to close with counts."""

    def paint(self, text: str, paint: Paint) -> str:
        """`text` in a colour, where there is colour."""
        return f"\x1b[{_CODES[paint]}m{text}\x1b[0m" if self.color and text else text

    def link(self, text: str, url: str) -> str:
        """`text` as a link, where links can be shown."""
        return f"\x1b]8;;{clean(url)}\x1b\\{text}\x1b]8;;\x1b\\" if self.links and url else text

    def wrap(self, text: str, indent: str = "", *, taken: int = 0) -> str:
        """`text` broken into lines, those after the first indented; `taken` columns of the first are in use already."""
        if self.width is None or len(text) + taken <= self.width:
            return text
        import textwrap

        lines = textwrap.wrap(
            " " * taken + text if taken else text,
            max(self.width, 40),
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        return "\n".join(lines)[taken:]


PLAIN = Style()


def table(rows: Sequence[Sequence[str]], *, indent: str = "  ", right: Sequence[int] = ()) -> list[str]:
    """Rows as aligned columns two spaces apart; the columns in `right` are aligned to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        indent
        + "  ".join(
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]

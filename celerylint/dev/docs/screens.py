"""Pictures of what a terminal shows: SVG made by rich from the output of real commands."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from celerylint.dev.docs.commands import terminal

_PROJECT = "quickstart"
_SCREENS: Mapping[str, tuple[int, str]] = {
    "findings": (112, "celerylint --select CLY405,CLY601 shop/celeryconfig.py shop/mail.py"),
    "inspect": (118, "celerylint inspect"),
}
"""Columns and command of each, by its name."""
_FRAME = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, "SFMono-Regular", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: ui-monospace, Menlo, Consolas, monospace; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""rich's own, without the fonts that it loads from elsewhere."""


def pictures(root: Path) -> Mapping[str, str]:
    """The pictures, by path in `docs/`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / _PROJECT
        shutil.copytree(root / "fixtures" / "projects" / _PROJECT, folder, ignore=shutil.ignore_patterns("__pycache__"))
        shots = {
            f"images/{title}.svg": screen(
                title, command, columns, _said(f"{command} --color always", folder, root, columns)
            )
            for title, (columns, command) in _SCREENS.items()
        }
        page = _said("celerylint graph --output-format html", folder, root)
    return {**shots, "images/graph.svg": drawing(page)}


def _said(command: str, folder: Path, root: Path, columns: int = 100) -> str:
    return terminal(command, folder, root, home=folder.parent / "home", columns=columns)


def screen(title: str, command: str, columns: int, output: str) -> str:
    """A terminal that shows the output of a command."""
    from rich.console import Console
    from rich.text import Text

    console = Console(record=True, width=columns, file=StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text("$ ", style="dim") + Text(command, style="bold"))
    console.print(Text.from_ansi(re.sub(r"\x1b\]8;.*?\x1b\\", "", output)), end="")
    svg = console.export_svg(title=command.partition(" --")[0], code_format=_FRAME, unique_id=f"celerylint-{title}")
    return "".join(line.rstrip() + "\n" for line in svg.splitlines())


def drawing(page: str) -> str:
    """The picture of `celerylint graph`, out of its page."""
    svg = page[page.index("<svg") : page.index("</svg>") + len("</svg>")]
    style = page[page.index("<style>") : page.index("</style>") + len("</style>")]
    opening, _, inside = svg.partition(">")
    if "xmlns=" not in opening:
        opening += ' xmlns="http://www.w3.org/2000/svg"'
    return f"{opening}>\n{style}\n{inside}\n"

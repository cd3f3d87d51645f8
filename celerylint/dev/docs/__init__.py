"""Writes the generated parts of the documentation: `python -m celerylint.dev docs`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from celerylint.dev.docs import commands, reference, rules, screens

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"


def generated() -> Mapping[str, str]:
    """The text of every generated file, by its path in `docs/`."""
    return {**rules.pages(), **reference.pages(), **screens.pictures(ROOT)}


def stale(folder: Path = DOCS) -> list[Path]:
    """Files among the generated ones that are no longer written by anything."""
    ours = {folder / path for path in generated()}
    found = [*folder.glob("rules/*.md"), *folder.glob("images/*.svg")]
    return sorted(set(found) - ours)


def main(argv: Sequence[str]) -> int:
    """Write what changed, and say what that is; 1 if a command of a page fails, or its output must be mended by hand."""
    parser = argparse.ArgumentParser(prog="python -m celerylint.dev docs", description=__doc__)
    parser.add_argument(
        "--commands", action="store_true", help="run the commands of the pages too, and show what they say now"
    )
    options = parser.parse_args(argv)
    for path, text in generated().items():
        _write(DOCS / path, text)
    for file in stale():
        file.unlink()
        print(f"{file.relative_to(ROOT)} (taken away)")
    trouble: list[str] = []
    for page in commands.pages(ROOT) if options.commands else ():
        text, said = commands.refreshed(page, ROOT)
        trouble += [f"{page.relative_to(ROOT)}:{line}" for line in said]
        _write(page, text)
    print("".join(line + "\n" for line in trouble), end="")
    return 1 if trouble else 0


def _write(file: Path, text: str) -> None:
    if file.is_file() and file.read_text("utf-8") == text:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8", newline="\n")
    print(file.relative_to(ROOT))

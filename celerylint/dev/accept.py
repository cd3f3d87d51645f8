"""Writes what celerylint says of the fixture projects to `fixtures/expected`, to be read in a diff and committed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from celerylint import engine
from celerylint.config import load
from celerylint.report import full, graph_mermaid, inspect_text

_FIXTURES = Path(__file__).parents[2] / "fixtures"
PROJECTS = tuple(sorted(path for path in (_FIXTURES / "projects").iterdir() if path.is_dir()))


def outputs(project: Path) -> dict[str, str]:
    """The text of `celerylint`, `celerylint inspect` and `celerylint graph` for a project, by kind."""
    settings = load([str(project)], {"no_cache": True, "jobs": 1})
    return {
        "lint": full.render(engine.check([str(project)], settings.options, root=settings.root)),
        "inspect": inspect_text.render(engine.inspect([str(project)], settings.options, root=settings.root)),
        "graph": graph_mermaid.render(engine.graph([str(project)], settings.options, root=settings.root)),
    }


def main(argv: Sequence[str]) -> int:
    """Accept what is said now. Takes no arguments."""
    for project in PROJECTS:
        for kind, text in outputs(project).items():
            target = _FIXTURES / "expected" / f"{project.name}.{kind}.txt"
            target.parent.mkdir(exist_ok=True)
            target.write_text(text, encoding="utf-8")
            print(target.relative_to(_FIXTURES.parent))
    return 0

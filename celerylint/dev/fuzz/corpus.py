"""What is spoiled: small projects of our own, and Celery's own modules."""

from __future__ import annotations

import re
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path

from celerylint.dev.fuzz.case import Files
from celerylint.facts.deploy.kinds import may_deploy

_ROOT = Path(__file__).parents[3]
_BLOCK = re.compile(r"(?:^`(?P<path>[^`\s]+)`:?\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_NAMES = {"py": "tasks.py", "toml": "celerylint.toml"}
_MOST = 60_000


@cache
def projects() -> tuple[Files, ...]:
    """The fixture projects, and every case of the specs."""
    found: list[Files] = []
    for folder in sorted((_ROOT / "fixtures" / "projects").iterdir()):
        files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix != ".pyc" and path.stat().st_size <= _MOST
        }
        if files:
            found.append(files)
    for spec in sorted((_ROOT / "tests" / "rules").glob("CLY*.md")):
        for case in re.split(r"(?m)^#+ ", spec.read_text("utf-8")):
            blocks = [match for match in _BLOCK.finditer(case) if match["kind"] not in ("output", "fixed")]
            files = {
                match["path"] or _NAMES.get(match["kind"], "compose.yml"): match["text"].encode() for match in blocks
            }
            if files:
                found.append(files)
    return tuple(found)


@cache
def deployed() -> tuple[Files, ...]:
    """Those with deployment files."""
    return tuple(
        files
        for files in projects()
        if any(may_deploy(path.rpartition("/")[2]) and not path.endswith((".py", ".toml")) for path in files)
    )


@cache
def modules() -> tuple[bytes, ...]:
    """The modules of Celery and kombu that are installed here; their text alone is read."""
    found: list[bytes] = []
    for package in ("celery", "kombu"):
        spec = PathFinder.find_spec(package)  # kombu, once imported, has none of its own
        for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
            found.extend(p.read_bytes() for p in sorted(Path(folder).rglob("*.py")) if 200 < p.stat().st_size < 30_000)
    return tuple(found)

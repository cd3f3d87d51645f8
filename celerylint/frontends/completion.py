"""Completion in shells: click's scripts, and what they ask for."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import click
from click.shell_completion import CompletionItem, ShellComplete, get_completion_class

from celerylint.config import FORMATS, UsageError, option_table
from celerylint.text import did_you_mean

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_CELERYLINT_COMPLETE"
"""The environment variable in which a shell's script says what it wants, such as `bash_complete`."""

_PROGRAM = "celerylint"
_OF_RULES = frozenset(("select", "extend_select", "ignore", "rules"))
_FILES = frozenset(("config", "output_file", "stdin_filename", "baseline", "write_baseline", "paths"))
_FOLDERS = frozenset(("cache_dir", "source_roots"))

Commands = Mapping[str, Callable[[], click.Command]]


def script(shell: str | None) -> str:
    """What a shell is to run so that it completes; None for the shell that the environment names.

    Raises:
        UsageError: a shell that there is no script for.
    """
    wanted = shell or os.path.basename(os.environ.get("SHELL", ""))
    if wanted not in SHELLS:
        hint = did_you_mean(wanted, SHELLS) if wanted else ""
        said = f'no completion for the shell "{wanted}"' if wanted else "name a shell"
        raise UsageError(f"{said}: bash, zsh or fish{hint}")
    # Not `source()` of the class itself, which starts the shell to ask for its version.
    return ShellComplete.source(_completer(wanted, click.Command(_PROGRAM)))


def completions(instruction: str, commands: Commands) -> str:
    """What a shell's script asks for: the script itself, or the words that may come next. Empty for anything else."""
    shell, _, wish = instruction.partition("_")
    if shell not in SHELLS or wish not in ("source", "complete"):
        return ""
    if wish == "source":
        return script(shell) + "\n"
    try:
        arguments, incomplete = _completer(shell, click.Command(_PROGRAM)).get_completion_args()
    except (KeyError, ValueError):
        return ""  # no script asks so
    verb = arguments[0] if arguments and arguments[0] in commands else ""
    command = commands[verb or "check"]()
    for param in command.params:
        param.type = _type(param)
    completer = _completer(shell, command)
    items = completer.get_completions(arguments[1:] if verb else arguments, incomplete)
    if not arguments and not incomplete.startswith("-"):
        verbs = [CompletionItem(name, help=commands[name]().help) for name in commands if name.startswith(incomplete)]
        items = [*verbs, *items]
    return "".join(completer.format_completion(item) + "\n" for item in items)


def _completer(shell: str, command: click.Command) -> ShellComplete:
    kind = get_completion_class(shell)
    assert kind is not None
    return kind(command, {}, _PROGRAM, VARIABLE)


class _Words(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.2, and no older one can be told so
    """Words that may be given one after the other, with commas between them."""

    name = "words"

    def __init__(self, words: Mapping[str, str], *, listed: bool) -> None:
        self._words = words
        self._listed = listed

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        before, comma, begun = incomplete.rpartition(",") if self._listed else ("", "", incomplete)
        return [
            CompletionItem(f"{before}{comma}{word}", help=help or None)
            for word, help in self._words.items()
            if word.lower().startswith(begun.lower())
        ]


def _type(param: click.Parameter) -> click.ParamType[Any]:
    """What a parameter may be, for completion only."""
    name = param.name or ""
    if name in _OF_RULES:
        return _Words(_rules(), listed=name != "rules")
    if name in _FILES:
        return click.Path()
    if name in _FOLDERS:
        return click.Path(file_okay=False)
    if isinstance(param.type, click.Choice):
        return param.type
    option = next((option for option in option_table() if option.name == name), None)
    if option is not None and option.kind == "choice":
        return _Words(dict.fromkeys(option.choices, ""), listed=False)
    if option is not None and option.kind == "outputs":
        return _Words(dict.fromkeys(FORMATS, ""), listed=False)
    if name == "jobs":
        return _Words({"auto": ""}, listed=False)
    if name == "shell":
        return _Words(dict.fromkeys(SHELLS, ""), listed=False)
    return param.type


def _rules() -> dict[str, str]:
    """The codes of all rules, each with the name of the rule."""
    from celerylint.rules.registry import all_rules

    return {rule.code: rule.name for rule in all_rules()}

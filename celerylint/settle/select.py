"""Which rules a run reports, overall and for each file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache

from celerylint.config import ConfigError, Options
from celerylint.gitignore import parse
from celerylint.settle.meta import ALWAYS, RuleLike, in_preset
from celerylint.text import did_you_mean


def selected(options: Options, rules: Iterable[RuleLike]) -> frozenset[str]:
    """The codes that this run reports.

    `select` replaces the preset, `extend_select` adds, `ignore` removes; where they disagree the longer prefix
    wins, and `ignore` wins among equals. Raises ConfigError for a code or name that no rule has.
    """
    rules = tuple(rules)
    names = {rule.name: rule.code for rule in rules}
    codes = sorted(names.values())
    add = _resolved(options.select, names, "select") + _resolved(options.extend_select, names, "extend_select")
    remove = _resolved(options.ignore, names, "ignore")
    base = ALWAYS if options.select else in_preset(rules, options.preset) | ALWAYS

    def is_selected(code: str) -> bool:
        added = max((len(prefix) for prefix in add if code.startswith(prefix)), default=0 if code in base else -1)
        removed = max((len(prefix) for prefix in remove if code.startswith(prefix)), default=-1)
        return added > removed

    return frozenset(code for code in codes if is_selected(code))


def ignored_by_file(options: Options, rules: Iterable[RuleLike]) -> Callable[[str], frozenset[str]]:
    """A function from a path to the codes that `per_file_ignores` leaves out of it. Raises ConfigError."""
    names = {rule.name: rule.code for rule in rules}
    table = []
    for pattern, selectors in options.per_file_ignores:
        prefixes = tuple(_resolved(selectors, names, "per_file_ignores"))
        away = frozenset(code for code in names.values() if code.startswith(prefixes)) if prefixes else frozenset()
        negated = pattern.startswith("!")
        table.append((parse([pattern.removeprefix("!")]), negated, away))

    def matches(path: str, pattern_index: int) -> bool:
        pattern, negated, _ = table[pattern_index]
        parts = path.split("/")
        hit = any(
            pattern.verdict("/".join(parts[:depth]), parts[depth - 1], depth < len(parts))
            for depth in range(1, len(parts) + 1)
        )
        return hit != negated

    @cache
    def ignored(path: str) -> frozenset[str]:
        return frozenset().union(*(away for index, (_, _, away) in enumerate(table) if matches(path, index)))

    return ignored


def known_code(selector: str, codes: Iterable[str]) -> bool:
    """Whether `selector` is a code or the beginning of one."""
    return any(code.startswith(selector) for code in codes)


def _resolved(selectors: Sequence[str], names: dict[str, str], option: str) -> list[str]:
    """Prefixes of codes for selectors, which may be codes, prefixes, names or ALL."""
    prefixes = []
    for selector in dict.fromkeys(selectors):
        prefix = names.get(selector, selector.upper())
        if prefix == "ALL":
            prefix = "CLY"
        if not known_code(prefix, names.values()):
            hint = did_you_mean(selector, [*names, *names.values()])
            raise ConfigError(
                f'unknown rule "{selector}" in "{option.replace("_", "-")}"{hint}', option=option, value=selector
            )
        prefixes.append(prefix)
    return prefixes

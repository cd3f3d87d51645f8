"""All rules, found by scan: a rule is a class with a code in a module of one of the folders here."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import cast

from celerylint import rules
from celerylint.rules.base import Rule
from celerylint.settle.meta import RuleLike


@cache
def all_rules() -> tuple[RuleLike, ...]:
    """Every rule, by code."""
    found: list[RuleLike] = []
    for folder in pkgutil.iter_modules(rules.__path__, f"{rules.__name__}."):
        if not folder.ispkg:
            continue
        package = importlib.import_module(folder.name)
        for info in pkgutil.iter_modules(package.__path__, f"{folder.name}."):
            module = importlib.import_module(info.name)
            for value in vars(module).values():
                if isinstance(value, type) and value.__module__ == info.name and hasattr(value, "code"):
                    found.append(cast("RuleLike", value()))
    return tuple(sorted(found, key=lambda rule: rule.code))


def judges() -> tuple[Rule, ...]:
    """The rules that judge a project; the others speak of the run itself."""
    return tuple(rule for rule in all_rules() if isinstance(rule, Rule))

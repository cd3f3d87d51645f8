"""What settling needs to know of a rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Protocol

from celerylint.finding import Confidence, Severity

Preset = Literal["recommended", "playbook", "all"]
# Each preset holds the ones before it.
PRESETS: tuple[Preset, ...] = ("recommended", "playbook", "all")

# What could not be read or judged is said even to those who asked for other rules: silence would look like approval.
UNREADABLE = "CLY900"
INTERNAL_ERROR = "CLY990"
ALWAYS = frozenset((UNREADABLE, INTERNAL_ERROR))

UNUSED = "CLY901"
UNKNOWN_CODE = "CLY902"
NO_REASON = "CLY903"


class RuleLike(Protocol):
    """A rule, described."""

    @property
    def code(self) -> str:
        """Such as CLY201."""

    @property
    def name(self) -> str:
        """Kebab-case: what is wrong, such as broad-autoretry."""

    @property
    def summary(self) -> str:
        """One line."""

    @property
    def severity(self) -> Severity:
        """How much its findings matter."""

    @property
    def confidence(self) -> Confidence:
        """How sure it is of them."""

    @property
    def preset(self) -> Preset:
        """The smallest preset that holds it."""

    @property
    def since(self) -> str:
        """The version of celerylint that brought it."""

    @property
    def explanation(self) -> str:
        """The documentation page, in Markdown."""

    @property
    def bad(self) -> str:
        """Code that it finds."""

    @property
    def good(self) -> str:
        """The same, mended."""


def in_preset(rules: Iterable[RuleLike], preset: str) -> frozenset[str]:
    """The codes of the rules that a preset holds."""
    held = PRESETS[: PRESETS.index(preset) + 1]
    return frozenset(rule.code for rule in rules if rule.preset in held)

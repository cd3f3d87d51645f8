"""Which Celery the project is judged against."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from celerylint.catalog import NEWEST, OLDEST, VERSIONS, Version
from celerylint.facts.pins import Pin, lock_rank

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet


class VersionOrigin(Struct, frozen=True):
    """What decided the version; the path is empty and the line 0 unless a file did."""

    kind: Literal["lockfile", "requirement", "option", "default"]
    path: str = ""
    line: int = 0


class TargetVersion(Struct, frozen=True):
    """The Celery that the project runs, as far as it can be told."""

    value: str
    """As pinned ("5.6.2"), or only a minor version ("5.7") where a range or nothing was given."""
    minor: Version
    """The version of the catalog that stands for it."""
    origin: VersionOrigin
    clamped: bool = False
    """Whether the catalog does not know the real version, and its nearest one is used instead."""


def choose(pins: Sequence[Pin], option: str = "") -> TargetVersion:
    """The target: the option if given, else the best pin, else the newest Celery known.

    A lock file beats an exact requirement, which beats a range; among equals the one nearest to the root wins, then
    the first path, then the highest version. A range stands for the newest minor version that it allows.
    Raises ValueError if the option is not a version.
    """
    if option:
        return _target(option, VersionOrigin("option"))
    # Ranges cost the most to read and weigh the least: only the strongest pins that say anything are looked into.
    for _, group in groupby(sorted(pins, key=_weakness), key=_weakness):
        equals = [(pin, value) for pin in group for value in [_value(pin.specifier)] if value and _sort_key(value)]
        if equals:
            pin, value = max(equals, key=lambda pair: (_sort_key(pair[1]), -pair[0].line))
            return _target(value, VersionOrigin(pin.kind, pin.path, pin.line))
    return TargetVersion(str(NEWEST), NEWEST, VersionOrigin("default"))


def _weakness(pin: Pin) -> tuple[int, int, int, str]:
    """How little a pin weighs: by kind, distance from the root, kind of lock file and path."""
    rank = lock_rank(pin.path)
    kind = 0 if pin.kind == "lockfile" else 1 if _exact(pin.specifier) else 2
    return kind, pin.path.count("/"), rank or 0, pin.path


def _exact(specifier: str) -> str | None:
    """The one version that a specifier allows; None if it allows several."""
    match = re.fullmatch(r"={2,3}v?(\d+(?:\.\d+)*[^*,]*)", specifier)
    return match[1] if match else None


def _value(specifier: str) -> str | None:
    """The version a pin stands for; None if it is malformed or allows no Celery at all."""
    return _exact(specifier) or _newest_minor(specifier)


def _newest_minor(specifier: str) -> str | None:
    """The newest minor version known that a range allows, else the newest older one, else a newer one."""
    from packaging.specifiers import SpecifierSet

    try:
        allowed = SpecifierSet(specifier)
        return next((str(minor) for minor in _minors() if _allows(allowed, minor)), None)
    except ValueError:  # no specifier, or one with more digits than Python reads
        return None


def _minors() -> Iterator[Version]:
    yield from reversed(VERSIONS)
    yield from (Version(major, minor) for major in (4, 3) for minor in range(4, -1, -1))
    yield from (Version(major, minor) for major in (5, 6) for minor in range(10) if (major, minor) > NEWEST)


def _allows(allowed: SpecifierSet, minor: Version) -> bool:
    """Whether a range holds any release of a minor version; no minor of Celery ever had thirty of them."""
    return any(allowed.contains(f"{minor}.{patch}") for patch in range(30))


def _target(value: str, origin: VersionOrigin) -> TargetVersion:
    written = _sort_key(value)
    if not written:
        raise ValueError(f"not a Celery version: {value!r}")
    real = Version(written[0], written[1] if len(written) > 1 else 0)
    minor = min(max(real, OLDEST), NEWEST)
    return TargetVersion(value, minor, origin, clamped=minor != real)


def _sort_key(value: str) -> tuple[int, ...]:
    """The leading numbers of a version: (5, 5, 0) for 5.5.0rc4."""
    match = re.match(r"v?(\d{1,9}(?:\.\d{1,9})*)(?!\d)", value.strip())
    return tuple(map(int, match[1].split("."))) if match else ()

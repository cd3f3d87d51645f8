"""A name for each finding that stays when lines move."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from msgspec.structs import replace

from celerylint.finding import Finding
from celerylint.store import blake2b
from celerylint.text import skeleton

# Names of others: what is found of a task stays the same when another one is renamed, or joins it at one place.
_ALSO = re.compile(r" \(also [^()]*\)")
_NAME = re.compile(r"\b\w[\w-]*(?:\.\w[\w-]*)*")
_LIST = re.compile(r"_(?:, _)*(?: (?:and|or) _(?: more)?)?")
_SEVERAL = re.compile(r"(?:(?:any of |all )?_(?: of _| of the _)? tasks|both tasks)(?: \(_\))?")


def with_fingerprints(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """`findings` in order, each with a fingerprint. Equal findings of one file are told apart by their order in it."""
    seen: Counter[tuple[str, ...]] = Counter()
    named = []
    for finding in sorted(findings, key=order):
        identity = _identity(finding)
        named.append(replace(finding, fingerprint=_digest(identity, seen[identity])))
        seen[identity] += 1
    return tuple(named)


def family(finding: Finding) -> str:
    """The fingerprint of the first of those findings that are equal but for their lines."""
    return _digest(_identity(finding), 0)


def gist(message: str, symbol: str) -> str:
    """What stays the same in a message whatever the numbers in it, and whoever else is named in it.

    What follows a semicolon are the circumstances, which change with others.
    """
    said = _NAME.sub(
        lambda name: "_" if "." in name[0] or name[0] == symbol else name[0], skeleton(_ALSO.sub("", message))
    )
    return _SEVERAL.sub("_", _LIST.sub("_", said)).partition(";")[0]


def order(finding: Finding) -> tuple[object, ...]:
    """The order in which findings are reported: by path, place, code, and what is said."""
    return (finding.place, finding.code, finding.symbol, finding.message)


def _identity(finding: Finding) -> tuple[str, ...]:
    return (finding.code, finding.place.path, finding.symbol, gist(finding.message, finding.symbol))


def _digest(identity: tuple[str, ...], number: int) -> str:
    key = "\0".join((*identity, str(number)))
    return blake2b(key.encode("utf-8", "replace"), digest_size=8).hexdigest()

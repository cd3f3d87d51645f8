"""A name for each finding that stays when lines move."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b

from msgspec.structs import replace

from celerylint.finding import Finding
from celerylint.text import skeleton


def with_fingerprints(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """`findings` in order, each with a fingerprint. Equal findings of one file are told apart by their order in it."""
    seen: Counter[tuple[str, ...]] = Counter()
    named = []
    for finding in sorted(findings, key=order):
        identity = (finding.code, finding.place.path, finding.symbol, skeleton(finding.message))
        key = "\0".join((*identity, str(seen[identity])))
        seen[identity] += 1
        named.append(replace(finding, fingerprint=blake2b(key.encode("utf-8", "replace"), digest_size=8).hexdigest()))
    return tuple(named)


def order(finding: Finding) -> tuple[object, ...]:
    """The order in which findings are reported: by path, place, code, and what is said."""
    return (finding.place, finding.code, finding.symbol, finding.message)

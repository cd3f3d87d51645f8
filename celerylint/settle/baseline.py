"""A baseline: findings that are known and accepted for now. They are told from new ones without line numbers."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from celerylint.finding import Baseline, Finding, Known
from celerylint.settle.fingerprint import family, gist

VERSION = 1

_NO_TEXT = re.compile("[\ud800-\udfff]")
_NEVER = frozenset(("CLY990",))
"""What no baseline holds: a fault of ours hides what else there is."""


class Compared(Struct, frozen=True, kw_only=True):
    """Findings, parted by whether a baseline knows them."""

    new: tuple[Finding, ...]
    baselined: tuple[Finding, ...]
    baseline: Baseline


class BaselineError(Exception):
    """A text that is no baseline. Says the line, 0 for none, and the reason."""

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


# --- the file ---------------------------------------------------------------------------------------------------------


def read(text: str) -> tuple[Known, ...]:
    """The entries of a baseline.

    Raises:
        BaselineError: it is none.
    """
    try:
        document = json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        raise BaselineError(f"not valid JSON: {error.msg}", error.lineno) from error
    except (RecursionError, ValueError) as error:
        raise BaselineError("it is no baseline of celerylint") from error
    if not isinstance(document, dict) or not isinstance(document.get("findings"), list) or "celerylint" not in document:
        raise BaselineError("it is no baseline of celerylint")
    if document["celerylint"] != VERSION:
        raise BaselineError(
            "it was written by another version of celerylint: delete it, and write it anew with --write-baseline"
        )
    try:
        entries = msgspec.convert(document["findings"], tuple[Known, ...])
    except msgspec.ValidationError as error:
        raise BaselineError(str(error).replace("$[", "findings[")) from error
    if any(entry.count < 1 for entry in entries):
        raise BaselineError("a count is less than 1")
    return combined((), entries)


def written(entries: Iterable[Known]) -> str:
    """The text of a baseline: sorted, a line for each entry, so that people can review it and git can merge it."""
    lines = [json.dumps(asdict(entry), ensure_ascii=False) for entry in sorted(entries)]
    # UTF-8 has no room for what stands for bytes that are no text; JSON has.
    lines = [_NO_TEXT.sub(lambda found: f"\\u{ord(found[0]):04x}", line) for line in lines]
    held = ",\n".join(f"  {line}" for line in lines)
    return f'{{"celerylint": {VERSION}, "findings": [\n{held}\n]}}\n' if held else _EMPTY


_EMPTY = f'{{"celerylint": {VERSION}, "findings": []}}\n'


def recorded(findings: Iterable[Finding]) -> tuple[Known, ...]:
    """Entries for findings; those that are equal but for their lines become one."""
    return combined((), (_entry(finding) for finding in findings if finding.code not in _NEVER))


def combined(entries: Iterable[Known], more: Iterable[Known]) -> tuple[Known, ...]:
    """Two lists of entries as one, sorted, with the counts of equal ones added."""
    found: dict[str, Known] = {}
    for entry in (*entries, *more):
        held = found.get(entry.fingerprint)
        found[entry.fingerprint] = replace(held, count=held.count + entry.count) if held else entry
    return tuple(sorted(found.values()))


def _entry(finding: Finding, count: int = 1) -> Known:
    return Known(
        path=finding.place.path,
        code=finding.code,
        symbol=finding.symbol,
        message=finding.message,
        fingerprint=family(finding),
        count=count,
    )


# --- comparing --------------------------------------------------------------------------------------------------------


def compare(
    findings: Sequence[Finding],
    known: Sequence[Known],
    *,
    judged: Callable[[Known], bool],
    is_gone: Callable[[str], bool],
    first: Callable[[Finding], bool] = lambda finding: True,
) -> Compared:
    """Part `findings` by whether `known` has them: as often as its entries count, and no more.

    `judged` says whether this run would have found what an entry stands for, `is_gone` whether a file is not there any
    more, `first` which of equal findings are the known ones if there are more of them than are known.
    """
    left = {entry.fingerprint: entry for entry in known}
    taken: dict[int, Known] = {}
    counts = {entry.fingerprint: entry.count for entry in known}
    candidates = [finding for finding in findings if finding.code not in _NEVER]
    candidates.sort(key=lambda finding: not first(finding))
    for finding in candidates:
        name = family(finding)
        if counts.get(name, 0) > 0:
            counts[name] -= 1
            taken[id(finding)] = left[name]
    for same in (_at_one_place, _of_one_name):
        open_entries = [left[name] for name, count in counts.items() if count]
        index = _indexed((entry for entry in open_entries if judged(entry) or is_gone(entry.path)), same)
        for finding in candidates:
            if id(finding) in taken or not index:
                continue
            found = _entry(finding)
            for entry in index.get(same(found), ()):
                if counts[entry.fingerprint] and _are_one(found, entry):
                    counts[entry.fingerprint] -= 1
                    taken[id(finding)] = entry
                    break
    kept = [_entry(finding) for finding in candidates if id(finding) in taken]
    unjudged = [replace(left[name], count=count) for name, count in counts.items() if count and not judged(left[name])]
    gone = [replace(left[name], count=count) for name, count in counts.items() if count and judged(left[name])]
    return Compared(
        new=tuple(finding for finding in findings if id(finding) not in taken),
        baselined=tuple(finding for finding in findings if id(finding) in taken),
        baseline=Baseline(entries=combined(unjudged, _worded(kept, left)), gone=tuple(sorted(gone))),
    )


def _worded(entries: Iterable[Known], before: dict[str, Known]) -> list[Known]:
    """Entries in the words that the baseline has for them: numbers that changed are no change of it."""
    return [
        replace(entry, message=before[entry.fingerprint].message) if entry.fingerprint in before else entry
        for entry in entries
    ]


_Key = tuple[str, ...]


def _at_one_place(entry: Known) -> _Key:
    """The same for places where several tasks meet, whoever is named first."""
    return (entry.code, entry.path, gist(entry.message, entry.symbol))


def _of_one_name(entry: Known) -> _Key:
    """The same for a thing that moved to another file."""
    return (entry.code, entry.symbol.rpartition(".")[2], gist(entry.message, entry.symbol))


def _are_one(found: Known, entry: Known) -> bool:
    """Whether two entries that are nearly the same stand for one thing."""
    if not found.symbol or not entry.symbol:
        return False
    if found.path == entry.path:
        return found.symbol in entry.message or entry.symbol in found.message
    return found.symbol.rpartition(".")[2] == entry.symbol.rpartition(".")[2]


def _indexed(entries: Iterable[Known], key: Callable[[Known], _Key]) -> dict[_Key, list[Known]]:
    found: dict[_Key, list[Known]] = {}
    for entry in entries:
        found.setdefault(key(entry), []).append(entry)
    return found


def said(entries: Iterable[Known]) -> str:
    """Entries in a few words: `CLY201 shop/tasks.py (2), CLY405 shop/beat.py`."""
    counts: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        counts[entry.code, entry.path] += entry.count
    named = [f"{code} {path}" + (f" ({count})" if count > 1 else "") for (code, path), count in sorted(counts.items())]
    return ", ".join(named[:_NAMED]) + (f" and {len(named) - _NAMED} more" if len(named) > _NAMED else "")


_NAMED = 4

"""From what the rules found to what is reported: comments, selection, confidence, order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from msgspec import Struct

from celerylint.config import Options
from celerylint.facts.comments import Suppression
from celerylint.finding import Baseline, Finding, Known
from celerylint.settle.fingerprint import order, with_fingerprints
from celerylint.settle.meta import INTERNAL_ERROR, UNREADABLE, UNUSED, RuleLike, in_preset
from celerylint.settle.select import ignored_by_file, selected
from celerylint.settle.suppress import about_comments, silence

_CONFIDENCES = ("low", "medium", "high")


class Settled(Struct, frozen=True, kw_only=True):
    """What is reported."""

    findings: tuple[Finding, ...]
    """Sorted, with fingerprints."""
    suppressed: int
    """How many findings comments silenced."""
    by_code: dict[str, int]
    """How many findings each rule has, sorted by code."""
    baselined: int = 0
    """How many findings the baseline knows."""
    unchanged: int = 0
    """How many findings lie on lines that were not changed, where only changes were asked about."""
    baseline: Baseline | None = None
    """What became of the baseline, if there is one."""


def settle(
    findings: Iterable[Finding],
    comments: Mapping[str, Sequence[Suppression]],
    options: Options,
    rules: Sequence[RuleLike],
    *,
    wanted: Callable[[str], bool] = lambda path: True,
    unread: AbstractSet[str] = frozenset(),
    known: Sequence[Known] | None = None,
    is_gone: Callable[[str], bool] = lambda path: False,
    touched: Callable[[Finding], bool] | None = None,
) -> Settled:
    """Settle the findings of a run.

    `comments` are the suppressions of every file read, by path; `rules` every rule there is; `wanted` whether findings
    in a path were asked for; `unread` the files that could not be read, be it worth a finding or not; `known` the entries
    of the baseline, if there is one; `is_gone` whether a file is not there any more; `touched` whether a finding is about a
    change, where only changes were asked about. Raises ConfigError for an unknown code in the options.
    """
    chosen = selected(options, rules)
    ignored = ignored_by_file(options, rules)
    names = {rule.name: rule.code for rule in rules}
    heard = {} if options.ignore_noqa else comments
    comments = {path: found for path, found in heard.items() if found and wanted(path)}

    def is_shown(finding: Finding) -> bool:
        return (
            finding.code in chosen
            and wanted(finding.place.path)
            and _CONFIDENCES.index(finding.confidence.value) >= _CONFIDENCES.index(options.confidence)
            and finding.code not in ignored(finding.place.path)
        )

    # Comments are matched first: one that silences a finding too uncertain to show is not unused.
    silenced = silence(with_fingerprints(findings), comments, names)
    preset = in_preset(rules, options.preset)
    said: list[Finding] = []
    unread |= {finding.place.path for finding in (*silenced.kept, *silenced.suppressed) if finding.code == UNREADABLE}
    for path, file_comments in comments.items():
        # What was not linted cannot show that a comment is of no use.
        here = chosen - ignored(path) - ({UNUSED} if path in unread else set())
        said.extend(about_comments({path: file_comments}, silenced.used, rules, here, preset))
    own = silence(with_fingerprints(said), comments, names, explicit=True)
    kept = sorted((*silenced.kept, *own.kept), key=order)
    compared = None
    if known is not None:
        from celerylint.settle.baseline import compare

        judged = _judged(kept, chosen, ignored, wanted, rules, unread)
        first = touched or (lambda finding: False)
        compared = compare(kept, known, judged=judged, is_gone=is_gone, first=lambda finding: not first(finding))
    shown = tuple(filter(is_shown, compared.new if compared else kept))
    about_changes = tuple(filter(touched, shown)) if touched else shown
    return Settled(
        findings=about_changes,
        suppressed=sum(map(is_shown, (*silenced.suppressed, *own.suppressed))),
        by_code=dict(sorted(Counter(finding.code for finding in about_changes).items())),
        baselined=sum(map(is_shown, compared.baselined)) if compared else 0,
        unchanged=len(shown) - len(about_changes),
        baseline=compared.baseline if compared else None,
    )


def _judged(
    findings: Iterable[Finding],
    chosen: frozenset[str],
    ignored: Callable[[str], frozenset[str]],
    wanted: Callable[[str], bool],
    rules: Sequence[RuleLike],
    unread: AbstractSet[str],
) -> Callable[[Known], bool]:
    """Whether this run would have found what an entry of the baseline stands for."""
    codes = {rule.code for rule in rules}
    broken = any(finding.code == INTERNAL_ERROR for finding in findings)

    def judged(entry: Known) -> bool:
        if entry.code not in codes:
            return wanted(entry.path)  # no rule is called so any more
        asked = entry.code in chosen and wanted(entry.path) and entry.code not in ignored(entry.path)
        return asked and not broken and (entry.path not in unread or entry.code == UNREADABLE)

    return judged

"""From what the rules found to what is reported: comments, selection, confidence, order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct

from celerylint.config import Options
from celerylint.facts.comments import Suppression
from celerylint.finding import Finding
from celerylint.settle.fingerprint import order, with_fingerprints
from celerylint.settle.meta import RuleLike, in_preset
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


def settle(
    findings: Iterable[Finding],
    comments: Mapping[str, Sequence[Suppression]],
    options: Options,
    rules: Sequence[RuleLike],
    *,
    wanted: Callable[[str], bool] = lambda path: True,
) -> Settled:
    """Settle the findings of a run.

    `comments` are the suppressions of every file read, by path; `rules` every rule there is; `wanted` whether findings
    in a path were asked for. Raises ConfigError for an unknown code in the options.
    """
    chosen = selected(options, rules)
    ignored = ignored_by_file(options, rules)
    names = {rule.name: rule.code for rule in rules}
    comments = {path: found for path, found in comments.items() if found and wanted(path)}

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
    for path, file_comments in comments.items():
        here = chosen - ignored(path)
        said.extend(about_comments({path: file_comments}, silenced.used, rules, here, preset))
    own = silence(with_fingerprints(said), comments, names, explicit=True)
    kept = tuple(sorted(filter(is_shown, (*silenced.kept, *own.kept)), key=order))
    return Settled(
        findings=kept,
        suppressed=sum(map(is_shown, (*silenced.suppressed, *own.suppressed))),
        by_code=dict(sorted(Counter(finding.code for finding in kept).items())),
    )

"""Writes docs/comparison.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from celerylint.dev.compare.cases import Case, PeerRule
from celerylint.dev.compare.projects import Judged
from celerylint.rules.registry import all_rules

_HEAD = """\
# Side by side

celerylint beside the other linters that know Celery: [celery-audit](https://pypi.org/project/celery-audit/) 0.1 with its 26
rules, and the three rules on Celery of [flake8-pie](https://pypi.org/project/flake8-pie/) 0.16. Do not edit this page:
`python -m celerylint.dev compare` runs all three, fails if one of them says anything else than what is told here, and
writes it.
"""

_CASES = """\
## Rule by rule

Each rule of theirs is judged by small projects, in [fixtures/comparison](../fixtures/comparison): some in which it is *right*,
some in which it is *wrong*, or says what nobody should act on, and some in which it *misses* the fault that it is about.
The numbers are projects: of those in which it is right, how many we find; of those in which it is wrong, on how many we say
nothing of the kind; of those that it misses, how many we find. Where celery-audit says that it could not decide, it has
said nothing. A code in parentheses has no rule yet, and is silent for that reason alone.
"""

_PROJECTS = """\
## On the projects of this repository

Findings on [fixtures/projects](../fixtures/projects), which were written to try celerylint and not for this comparison. *Ours
too* are those for which we have a finding at the same place, or one for the whole application where they have one for each
task.
"""

TIME = "## Time\n"


def cases(rules: Sequence[PeerRule]) -> str:
    """What the cases show, which is known without running anybody."""
    lines = [
        _CASES,
        "| rule | says | ours | right: found | wrong: silent | missed: found |",
        "|---|---|---|---|---|---|",
    ]
    lines += [_row(rule.code, rule.says, rule.ours, [rule]) for rule in rules]
    lines += [_row("**all**", "", (), rules), ""]
    lines += ["### What they say wrongly", "", *_titles(rules, "wrong"), ""]
    lines += ["### What they miss", "", *_titles(rules, "missed"), ""]
    lines += ["### What we have to mend", "", *_ours(rules), ""]
    return "\n".join(lines)


def projects(judged: Sequence[Judged]) -> str:
    """What was said of the fixture projects."""
    lines = [_PROJECTS, "| rule | findings | ours too | wrong | neither |", "|---|---|---|---|---|"]
    for code in sorted({each.said.code for each in judged}):
        lines.append(_counted(code, [each for each in judged if each.said.code == code]))
    lines += [_counted("**all**", judged), "", "Wrong, and why:", ""]
    reasons: dict[tuple[str, str], list[str]] = {}
    for each in judged:
        if each.wrong is not None:
            where = f"{each.project}/{each.said.path}:{each.said.line}"
            reasons.setdefault((each.said.code, each.wrong), []).append(where)
    lines += [f"- {code} at {', '.join(places)}: {why}" for (code, why), places in sorted(reasons.items())]
    return "\n".join([*lines, ""])


def whole(rules: Sequence[PeerRule], judged: Sequence[Judged], time: str) -> str:
    """The page. `time` is its last section."""
    return "\n".join([_HEAD, cases(rules), projects(judged), time])


def _row(code: str, says: str, codes: Sequence[str], rules: Sequence[PeerRule]) -> str:
    known = {rule.code for rule in all_rules()}
    ours = ", ".join(each if each in known else f"({each})" for each in codes)
    cells = []
    for verdict in ("right", "wrong", "missed"):
        those = [case for rule in rules for case in rule.of(verdict)]
        cells.append(f"{sum(case.by_us for case in those)} of {len(those)}" if those else "")
    return f"| {' | '.join([code, says, ours, *cells])} |"


def _counted(code: str, judged: Sequence[Judged]) -> str:
    wrong = sum(each.wrong is not None for each in judged)
    neither = sum(each.wrong is None and not each.by_us for each in judged)
    by_us = sum(each.wrong is None and each.by_us for each in judged)
    return f"| {code} | {len(judged)} | {by_us} | {wrong} | {neither} |"


def _titles(rules: Iterable[PeerRule], verdict: str) -> list[str]:
    found = [(rule.code, [_low(case) for case in rule.of(verdict)]) for rule in rules]
    return [f"- {code}: {'; '.join(titles)}" for code, titles in found if titles]


def _ours(rules: Iterable[PeerRule]) -> list[str]:
    lines = []
    for rule in rules:
        for case in rule.cases:
            for mark, what in (("todo-error", "missed"), ("todo-ok", "said wrongly")):
                codes = sorted({code for _, _, code in case.marks[mark]})  # type: ignore[index]
                lines += [f"- {', '.join(codes)}, {what}: {_low(case)} ({rule.code})"] if codes else []
    return lines or ["Nothing that these projects show."]


def _low(case: Case) -> str:
    """The title of a case within a sentence."""
    first, _, rest = case.title.partition(" ")
    return case.title if not first.istitle() or first in _NAMES else f"{first.lower()} {rest}".strip()


_NAMES = ("Celery's", "Django's", "RabbitMQ's", "Redis,", "SQS")

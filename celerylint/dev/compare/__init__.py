"""Side by side with celery-audit and flake8-pie: `python -m celerylint.dev compare` writes docs/comparison.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from celerylint.dev.compare import document
from celerylint.dev.compare.cases import Hit, PeerRule, read_all
from celerylint.dev.compare.linters import ours_of, peers, said_of
from celerylint.dev.compare.projects import judge
from celerylint.dev.compare.times import measured

PAGE = Path(__file__).parents[3] / "docs" / "comparison.md"


def main(argv: Sequence[str]) -> int:
    """Compare, and write the page; 1, and no page, if a linter says anything else than what the cases and verdicts tell."""
    options = _parser().parse_args(argv)
    commands = peers()
    rules = read_all()
    wrong = [line for rule in rules for line in _differences(rule, commands)]
    judged = judge(rules, commands)
    wrong += [f"{each.project}: no verdict on {each.said}" for each in judged if not each.by_us and each.wrong is None]
    wrong += [f"{each.project}: wrong, and ours too: {each.said}" for each in judged if each.by_us and each.wrong]
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
        return 1
    time = measured(options.tree, options.audit, commands, options.runs) if options.tree else _last_time()
    PAGE.write_text(document.whole(rules, judged, time), encoding="utf-8")
    print(PAGE.relative_to(PAGE.parents[1]))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m celerylint.dev compare", description=__doc__)
    parser.add_argument(
        "tree", nargs="?", type=Path, help="a checkout to measure times on; else those of last time stay"
    )
    parser.add_argument(
        "--audit", default="", help="what celery-audit is to be told of the checkout: --audit='--config a/settings.py'"
    )
    parser.add_argument("--runs", type=int, default=3, help="how often each is run on the checkout; the best counts")
    return parser


def _differences(rule: PeerRule, commands: Path) -> list[str]:
    """Where a linter says anything else than what the cases of a rule tell."""
    lines: list[str] = []
    for case in rule.cases:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            case.write(folder)
            told = case.marks["right"] | case.marks["wrong"]
            lines += _explained(f"{rule.code}: {case.title}: they", said_of(case, rule, commands, folder), told)
            lines += _explained(f"{rule.code}: {case.title}: we", ours_of(case, rule, folder), case.found)
    return lines


def _explained(who: str, said: set[Hit], told: set[Hit]) -> list[str]:
    lines = [f"{who} say {code} at {path}:{line}" for path, line, code in sorted(said - told)]
    return lines + [f"{who} do not say {code} at {path}:{line}" for path, line, code in sorted(told - said)]


def _last_time() -> str:
    """The section on time of the page as it is."""
    text = PAGE.read_text("utf-8") if PAGE.exists() else ""
    _, found, section = text.partition(document.TIME)
    return found + section if found else f"{document.TIME}\nNot measured yet.\n"

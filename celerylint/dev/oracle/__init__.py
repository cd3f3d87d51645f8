"""An independent judge of the model: random projects, resolved by Celery itself and by `celerylint inspect`.

The two must agree on every task, option, queue, setting and schedule entry. Celery's word is the truth; the tool may
say that it does not know, but seldom, and it may never be wrong.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from celerylint.dev.oracle.run import Outcome, idioms, run

MOST_UNKNOWN = 0.01
"""The share of decided values that the tool may leave open."""


def main(argv: list[str]) -> int:
    """Run the comparison and print a summary; 1 if the tool disagrees with Celery."""
    options = _parser().parse_args(argv)
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    good = True
    everything: list[Outcome] = []
    rows = []
    for minor in options.celery.split(","):
        seeds = range(options.seed, options.seed + options.count)
        outcomes = run(seeds, minor, jobs=options.jobs, keep=options.keep, tool=not options.celery_only)
        for outcome in outcomes:
            _explain(outcome, options.celery_only, show_unknown=options.show_unknown)
        rows.append(_row(minor, outcomes))
        good = good and passes(outcomes)
        everything += outcomes
    print("celery  projects  values  defaults  wrong  missed  invented  unknown  failed")
    print("\n".join(rows))
    if options.celery_only:
        print("\nprojects holding each idiom:")
        for idiom, count in sorted(idioms(everything).items()):
            print(f"  {idiom:34} {count}")
    return 0 if good else 1


def passes(outcomes: list[Outcome]) -> bool:
    """Nothing wrong, missed, invented or broken, and few enough unknown values."""
    return all(outcome.good for outcome in outcomes) and unknown_share(outcomes) <= MOST_UNKNOWN


def unknown_share(outcomes: list[Outcome]) -> float:
    """Unknown values for each value that somebody decided."""
    compared = sum(outcome.tally.compared for outcome in outcomes)
    return sum(outcome.tally.count("unknown") for outcome in outcomes) / compared if compared else 0.0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m celerylint.dev oracle", description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="projects for each version")
    parser.add_argument("--seed", type=int, default=1, help="the first project's seed; the others follow")
    parser.add_argument("--celery", default="5.3,5.6,5.7", help="minor versions, separated by commas")
    parser.add_argument("--keep", type=Path, help="keep projects that fail below this folder")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--celery-only", action="store_true", help="check the generator: does Celery load every project?"
    )
    parser.add_argument("--show-unknown", action="store_true", help="list unknown values too")
    return parser


def _explain(outcome: Outcome, celery_only: bool, *, show_unknown: bool) -> None:
    head = f"seed {outcome.project.seed} celery {outcome.project.celery}"
    if outcome.celery_failed:
        print(f"{head}: Celery cannot load it\n{outcome.celery_failed}")
    if outcome.tool_failed:
        print(f"{head}: {outcome.tool_failed}")
    for difference in outcome.tally.differences:
        if difference.kind != "unknown" or show_unknown:
            print(f"{head}: {difference.kind} {difference.what}: expected {difference.expected!r}, "
                  f"got {difference.got!r} ({difference.path})")  # fmt: skip


def _row(minor: str, outcomes: list[Outcome]) -> str:
    def total(kind: str) -> int:
        return sum(outcome.tally.count(kind) for outcome in outcomes)

    compared = sum(outcome.tally.compared for outcome in outcomes)
    defaults = sum(outcome.tally.defaults for outcome in outcomes)
    failed = sum(bool(outcome.celery_failed or outcome.tool_failed) for outcome in outcomes)
    return (f"{minor:6}  {len(outcomes):8}  {compared:6}  {defaults:8}  {total('wrong'):5}  {total('missed'):6}  "
            f"{total('invented'):8}  {unknown_share(outcomes):7.2%}  {failed:6}")  # fmt: skip

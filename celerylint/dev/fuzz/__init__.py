"""Random input of many kinds, until the time is over: no exception may leave the tool, and none may stop a rule.

Each case is made from a target and a seed alone, so `--target T --seed S --count 1` runs it again. Cases run in a process of
their own with bounded memory, so one that ends it, or never ends, is a finding too.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from celerylint.dev.fuzz.case import Fault
from celerylint.dev.fuzz.run import keep, run
from celerylint.dev.fuzz.targets import TARGETS


def main(argv: list[str]) -> int:
    """Fuzz and print what failed; 1 if something did, 2 for wrong usage."""
    options = _parser().parse_args(argv)
    if options.guided:
        return _guided(options.guided, options.minutes, options.keep)
    names = options.target or list(TARGETS)
    unknown = [name for name in names if name not in TARGETS]
    if unknown:
        print(f"no such target: {', '.join(unknown)} (there are {', '.join(TARGETS)})", file=sys.stderr)
        return 2
    until = time.monotonic() + options.minutes * 60 if options.count is None else None
    faults: list[Fault] = []
    rows = []
    outcomes = run(names, options.seed, count=options.count, until=until)
    for outcome in outcomes:
        if outcome.fault is not None and outcome.fault.kind not in {fault.kind for fault in faults}:
            faults.append(outcome.fault)
            print(outcome.fault.describe(), flush=True)
            if options.keep is not None:
                print(f"  kept in {keep(outcome.fault, options.keep)}", flush=True)
        rows.append(outcome)
    for name in names:
        mine = [row for row in rows if row.target == name]
        slowest = max((row.seconds for row in mine), default=0.0)
        print(
            f"{name:12} {len(mine):7} cases, {sum(r.fault is not None for r in mine)} failed, slowest {slowest:.1f} s"
        )
    return 1 if faults else 0


def _guided(target: str, minutes: float, keep: Path | None) -> int:
    from celerylint.dev.fuzz.guided import guided

    with tempfile.TemporaryDirectory() as spare:
        try:
            fault = guided(target, int(minutes * 60), keep or Path(spare))
        except ModuleNotFoundError as error:
            print(f"{error}: pip install atheris", file=sys.stderr)
            return 2
    print(fault.kind + "\n" + fault.details if fault is not None else f"{target}: nothing failed")
    return 1 if fault is not None else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m celerylint.dev fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0, help="how long, unless --count is given")
    parser.add_argument("--count", type=int, help="cases of each target")
    parser.add_argument("--seed", type=int, default=1, help="the first case's seed; the others follow")
    parser.add_argument("--target", action="append", help=f"one of {', '.join(TARGETS)}; may be given again")
    parser.add_argument("--guided", choices=("command", "expression"), help="let atheris find input for a parser")
    parser.add_argument("--keep", type=Path, help="write what fails, made small, below this folder")
    return parser

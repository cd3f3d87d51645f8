"""How fast, side by side with others: `python -m celerylint.dev bench [PATHS]`, `--curve` for the plot of docs/performance.md."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from celerylint.dev.bench.contenders import after_a_change, contenders
from celerylint.dev.bench.curve import plot
from celerylint.dev.bench.runs import Contender, Measured, measure
from celerylint.dev.bench.tree import generate

PLOT = Path(__file__).parents[3] / "docs" / "performance.svg"
CURVE = (1_000, 2_000, 5_000, 10_000, 20_000, 50_000)


def main(argv: Sequence[str]) -> int:
    """Measure, and print tables; 2 for a path that is no folder."""
    options = _parser().parse_args(argv)
    missing = [path for path in options.paths if not path.is_dir()]
    if missing:
        print(f"not a folder: {missing[0]}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="celerylint-bench-") as name:
        scratch = Path(name)
        if options.curve:
            return _curve(scratch, options)
        if options.files or not options.paths:
            tree = generate(scratch / "monorepo", options.files or 5_000)
            _side_by_side(tree, scratch / "made", options, changed=tree / "app0/tasks.py")
        for number, path in enumerate(options.paths):
            _side_by_side(path.resolve(), scratch / str(number), options, changed=None)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m celerylint.dev bench", description=__doc__)
    parser.add_argument("paths", nargs="*", type=Path, help="checkouts to measure on; nothing in them is changed")
    parser.add_argument(
        "--files",
        type=int,
        default=0,
        help="measure on a generated monorepo of so many files (5,000 where nothing is given)",
    )
    parser.add_argument("--runs", type=int, default=5, help="how often each is run, in turns; the best counts")
    parser.add_argument(
        "--only", default="", help="contenders whose names hold one of these words, with commas between them"
    )
    parser.add_argument(
        "--curve",
        action="store_true",
        help=f"measure {CURVE[0]:,} to {CURVE[-1]:,} generated files, and draw {PLOT.name}",
    )
    parser.add_argument("--plot", type=Path, default=PLOT, help="where --curve draws")
    return parser


def _side_by_side(tree: Path, scratch: Path, options: argparse.Namespace, changed: Path | None) -> None:
    """One tree, every contender that is installed. `changed` is a file that may be touched."""
    scratch.mkdir()
    wanted = [word for word in options.only.split(",") if word]

    def chosen(found: Sequence[Contender]) -> list[Contender]:
        return [each for each in found if not wanted or any(word in each.name for word in wanted)]

    count = sum(name.endswith(".py") for _, _, names in os.walk(tree) for name in names)
    print(f"\n{tree.name}: {count:,} Python files, best of {options.runs} in turns, load {os.getloadavg()[0]:.1f}")
    found = measure(chosen(contenders(tree, scratch)), tree, options.runs)
    if changed is not None:
        # Apart, since a changed file would leave nothing warm for the others.
        found |= measure(chosen(after_a_change(scratch, changed)), tree, options.runs)
    print(table(found), flush=True)


def table(found: dict[str, Measured]) -> str:
    """Rows of what was measured, each as a ratio to ruff's kind of run that it is held against."""
    rows = [f"{'':<34}{'wall ms':>9}{'CPU ms':>9}{'MB':>7}  to ruff"]
    for name, run in found.items():
        base = found.get("ruff, warm" if "warm" in name else "ruff, cold")
        ratio = f"{run.wall / base.wall:8.2f}x" if base is not None and run.compares else ""
        note = "" if run.status in (0, 1) else f"  (exit status {run.status})"
        rows.append(f"{name:<34}{run.wall * 1000:>9,.0f}{run.cpu * 1000:>9,.0f}{run.memory / 1e6:>7,.0f}{ratio}{note}")
    return "\n".join(rows)


def _curve(scratch: Path, options: argparse.Namespace) -> int:
    """Measure growing trees, and draw what came of it."""
    points: dict[str, list[tuple[int, Measured]]] = {}
    for count in CURVE:
        folder = scratch / str(count)
        folder.mkdir()
        tree = generate(folder / "monorepo", count)
        chosen = [
            each for each in contenders(tree, folder) if each.name.startswith(("celerylint", "ruff")) and each.compares
        ]
        found = measure(chosen, tree, options.runs)
        print(f"\n{count:,} files\n{table(found)}", flush=True)
        for name, run in found.items():
            points.setdefault(name, []).append((count, run))
    options.plot.write_text(plot(points), encoding="utf-8")
    print(f"\n{options.plot}")
    return 0

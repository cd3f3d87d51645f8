"""The benchmark measures what it says, on trees that are the same every time."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from celerylint import engine
from celerylint.config import Options
from celerylint.dev import bench
from celerylint.dev.bench import runs, tree
from celerylint.dev.bench.contenders import contenders
from celerylint.dev.bench.curve import plot
from celerylint.dev.bench.runs import Contender, Measured


def test_two_files_in_a_hundred_of_the_monorepo_are_tasks(tmp_path: Path) -> None:
    root = tree.generate(tmp_path / "mono", 301)
    files = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.py"))
    assert len(files) == 301
    assert sum(name.endswith("tasks.py") for name in files) == 6
    report = engine.check([str(root)], Options(no_cache=True), root=root)
    assert report.summary.tasks == 12
    assert "CLY990" not in report.summary.by_code
    again = tree.generate(tmp_path / "again", 301)
    assert all((root / name).read_text() == (again / name).read_text() for name in files)


def test_time_processors_and_memory_are_those_of_the_program(tmp_path: Path) -> None:
    environment = dict(os.environ)
    busy = (
        "import time; x = bytearray(200_000_000); end = time.process_time() + .2\nwhile time.process_time() < end: pass"
    )
    found = runs.measure(
        [
            Contender("busy", (sys.executable, "-c", busy), environment),
            Contender(
                "asleep", (sys.executable, "-c", "import time; time.sleep(.3); raise SystemExit(3)"), environment
            ),
        ],
        tmp_path,
        1,
    )
    assert found["busy"].cpu >= 0.2
    assert found["busy"].memory >= 200_000_000
    assert found["asleep"].wall >= 0.3
    assert found["asleep"].cpu < found["asleep"].wall
    assert [run.status for run in found.values()] == [0, 3]


def test_what_is_prepared_happens_before_every_run(tmp_path: Path) -> None:
    done: list[int] = []
    contender = Contender("one", (sys.executable, "-c", ""), dict(os.environ), lambda: done.append(1))
    runs.measure([contender], tmp_path, 2)
    assert len(done) == 3  # the first fills caches, and is not counted


def test_ratios_are_to_the_same_kind_of_run_of_ruff() -> None:
    found = {
        "celerylint, cold": Measured(3.0, 4.0, 50_000_000, 0),
        "celerylint, warm": Measured(0.1, 0.1, 30_000_000, 0),
        "ruff, cold": Measured(1.5, 2.0, 60_000_000, 0),
        "ruff, warm": Measured(0.2, 0.2, 40_000_000, 1),
        "other": Measured(9.0, 9.0, 9_000_000, 2),
    }
    rows = bench.table(found).splitlines()
    assert rows[1].split() == ["celerylint,", "cold", "3,000", "4,000", "50", "2.00x"]
    assert rows[2].split()[-1] == "0.50x"
    assert rows[5].endswith("6.00x  (exit status 2)")


def test_the_plot_draws_every_series_and_names_it() -> None:
    series = {
        f"{name} <{kind}>": [(1000, Measured(1, 0.1 * n, 10**8, 0)), (50000, Measured(1, 5.0 * n, 2 * 10**8, 0))]
        for n, (name, kind) in enumerate([("ours", "cold"), ("ruff", "warm")], 1)
    }
    import xml.etree.ElementTree as ElementTree

    picture = ElementTree.fromstring(plot(series))
    lines = [e for e in picture.iter() if e.tag.endswith("polyline")]
    assert len(lines) == 2
    # A cost in proportion is a straight line, and both of these are parallel.
    slopes = []
    for line in lines:
        (x1, y1), (x2, y2) = [tuple(map(float, p.split(","))) for p in line.attrib["points"].split()]
        slopes.append((y2 - y1) / (x2 - x1))
    assert slopes[0] == pytest.approx(slopes[1], abs=0.01)
    assert "ours <cold> (200 MB)" in [e.text for e in picture.iter()]


def test_every_contender_of_ours_runs_and_reads_the_tree_it_is_given(tmp_path: Path) -> None:
    root = tree.generate(tmp_path / "mono", 60)
    ours = [each for each in contenders(root, tmp_path / "scratch") if each.name.startswith(("celerylint", "python"))]
    found = runs.measure(ours, root, 2)  # what was written within the last second is not kept
    assert {run.status for run in found.values()} == {0}
    kept = sorted(path.suffix for path in (tmp_path / "scratch" / "celerylint").iterdir())
    assert kept == [".kept", ".kept", ".msgpack"]  # the report, what was printed, and the facts


def test_a_path_that_is_no_folder_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main([str(tmp_path / "absent")]) == 2
    assert "not a folder" in capsys.readouterr().err

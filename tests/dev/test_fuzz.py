"""A bounded sample of the fuzzer, and that it sees what goes wrong."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from random import Random

import pytest

from celerylint.dev import fuzz
from celerylint.dev.fuzz.case import Files, UnsoundError
from celerylint.dev.fuzz.guided import guided
from celerylint.dev.fuzz.run import run
from celerylint.dev.fuzz.targets import TARGETS, Target

SAMPLE = {
    "project": 12,
    "deployment": 12,
    "command": 12,
    "celery": 8,
    "programs": 1,
    "settings": 20,
    "fix": 8,
    "fix-deploy": 6,
}


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_escapes(target: str) -> None:
    outcomes = list(run([target], seed=7, count=SAMPLE[target]))
    assert [outcome.fault.describe() for outcome in outcomes if outcome.fault is not None] == []
    assert [outcome.seed for outcome in outcomes] == list(range(7, 7 + SAMPLE[target]))


@pytest.mark.parametrize("target", sorted(TARGETS.keys() - {"programs"}))
def test_a_seed_is_a_case(target: str) -> None:
    assert TARGETS[target].make(Random(3)) == TARGETS[target].make(Random(3))


def _raises(files: Files, folder: Path) -> None:
    if b"bad" in b"".join(files.values()):
        raise UnsoundError("as planned")


def _dies(files: Files, folder: Path) -> None:
    os._exit(3)


def _sleeps(files: Files, folder: Path) -> None:
    time.sleep(60)


def _lines(random: Random) -> Files:
    return {"a.py": b"one\nbad\ntwo\n" * 3, "b.py": b"three\n"}


def test_a_fault_is_found_and_made_small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys) -> None:
    monkeypatch.setitem(TARGETS, "planned", Target(_lines, _raises))
    [outcome] = run(["planned"], seed=1, count=1)
    assert outcome.fault is not None
    assert outcome.fault.files == {"a.py": b"bad\n"}
    assert fuzz.main(["--target", "planned", "--count", "2", "--keep", str(tmp_path)]) == 1
    assert (tmp_path / "planned-1" / "a.py").read_bytes() == b"bad\n"
    assert "--target planned --seed 1 --count 1" in capsys.readouterr().out


def test_what_ends_its_process_or_never_ends_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[run.__module__], "LONGEST", 0.5)
    monkeypatch.setitem(TARGETS, "dies", Target(_lines, _dies))
    monkeypatch.setitem(TARGETS, "sleeps", Target(_lines, _sleeps))
    kinds = [outcome.fault.kind for outcome in run(["dies", "sleeps"], seed=1, count=2) if outcome.fault]
    assert kinds == ["dies ends the process (3)"] * 2 + ["sleeps never ends"] * 2


def test_wrong_usage() -> None:
    assert fuzz.main(["--target", "nothing"]) == 2


@pytest.mark.parametrize("target", ["command", "expression"])
def test_guided_input_breaks_nothing(target: str, tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    fault = guided(target, 3, tmp_path)
    assert fault is None
    assert list((tmp_path / "corpus").iterdir())


def test_guided_input_finds_what_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("atheris")
    (tmp_path / "sitecustomize.py").write_text(
        "from celerylint.facts.deploy import read\n\n\ndef broken(*args): raise ZeroDivisionError\n\n\nread.read = broken\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{Path(__file__).parents[2]}")
    fault = guided("command", 3, tmp_path / "kept")
    assert fault is not None
    assert "ZeroDivisionError" in fault.details

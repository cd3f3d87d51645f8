"""The model agrees with Celery on invented projects, and the comparison would notice if it did not."""

from __future__ import annotations

import copy
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from celerylint.dev.oracle import MOST_UNKNOWN, main, unknown_share
from celerylint.dev.oracle.compare import compare, same, schedule_of
from celerylint.dev.oracle.generate import generate
from celerylint.dev.oracle.project import CELERY_RELEASES
from celerylint.dev.oracle.run import Celery, run, services, write

COUNT = 25
PYTHON = Path(sys.executable)


def told_from(truth: list[Any]) -> dict[str, Any]:
    """What a tool without fault would say, in the shape of `inspect`."""

    def known(entry: dict[str, Any]) -> dict[str, Any]:
        return {"known": True, "value": entry.get("value")}

    apps, tasks, entries = [], [], []
    for service in truth:
        for app in service["apps"]:
            settings = {name: known(entry) for name, entry in app["settings"].items()}
            apps.append({"name": app["names"][0], "path": app["path"], "line": app["line"], "settings": settings})
        for task in service["tasks"]:
            options = {name: known(entry) for name, entry in task["options"].items()}
            tasks.append({**task, "app": task["app"][0], "options": options, "queue": known(task["queue"])})
        for entry in service["schedule"]:
            when = entry["schedule"]
            if isinstance(when, dict):
                when = "crontab(" + ", ".join(f"{name}={value!r}" for name, value in when["crontab"].items()) + ")"
            entries.append({**entry, "schedule": str(when), "path": "?"})
    version = known({"value": CELERY_RELEASES["5.7"]})
    return {"celery_version": version, "apps": apps, "tasks": tasks, "schedule": entries}


@pytest.fixture(scope="module")
def truths(tmp_path_factory: pytest.TempPathFactory) -> list[list[Any]]:
    """Celery's answers for a few projects."""
    celery = Celery(PYTHON)
    answers = []
    for seed in range(1, 16):
        project = generate(seed, "5.7")
        root = tmp_path_factory.mktemp(f"seed{seed}")
        write(project, root)
        answers.append(celery.ask_services(root, [project.source_root], services(project)))
    celery.close()
    return answers


def test_a_seed_always_makes_the_same_project() -> None:
    assert generate(7, "5.6").files() == generate(7, "5.6").files()
    assert generate(7, "5.6").files() != generate(8, "5.6").files()


def test_celery_loads_what_is_generated(truths: list[list[Any]]) -> None:
    assert not [answer["error"] for truth in truths for answer in truth if "error" in answer]
    assert all(answer["tasks"] for truth in truths for answer in truth)


def test_the_truth_told_back_passes(truths: list[list[Any]]) -> None:
    for truth in truths:
        tally = compare(truth, told_from(truth), CELERY_RELEASES["5.7"])
        assert not tally.differences
        assert tally.compared > 20


def _wrong_option(told: Any) -> None:
    told["tasks"][0]["options"]["max_retries"]["value"] = 77


def _unknown_option(told: Any) -> None:
    told["tasks"][0]["options"]["acks_late"] = {"known": False, "value": None}


def _absent_option(told: Any) -> None:
    del told["tasks"][0]["options"]["acks_late"]


def _missed_task(told: Any) -> None:
    del told["tasks"][0]


def _invented_task(told: Any) -> None:
    told["tasks"].append({**told["tasks"][0], "name": "nobody.wrote.this"})


def _wrong_line(told: Any) -> None:
    told["tasks"][0]["line"] += 1


def _wrong_queue(told: Any) -> None:
    told["tasks"][0]["queue"]["value"] = "elsewhere"


def _wrong_setting(told: Any) -> None:
    told["apps"][0]["settings"]["worker_prefetch_multiplier"]["value"] = 99


def _missed_app(told: Any) -> None:
    del told["apps"][0]


def _invented_entry(told: Any) -> None:
    told["schedule"].append({"entry": "x", "task": "y", "schedule": "5", "resolves": False, "path": "?", "line": 1})


@pytest.mark.parametrize(
    ("falsify", "kind"),
    [
        (_wrong_option, "wrong"),
        (_unknown_option, "unknown"),
        (_absent_option, "wrong"),
        (_missed_task, "missed"),
        (_invented_task, "invented"),
        (_wrong_line, "wrong"),
        (_wrong_queue, "wrong"),
        (_wrong_setting, "wrong"),
        (_missed_app, "missed"),
        (_invented_entry, "invented"),
    ],
)
def test_a_falsified_answer_is_noticed(truths: list[list[Any]], falsify: Any, kind: str) -> None:
    truth = next(truth for truth in truths if len(truth) == 1)
    told = copy.deepcopy(told_from(truth))
    falsify(told)
    tally = compare(truth, told, CELERY_RELEASES["5.7"])
    assert [difference.kind for difference in tally.differences] == [kind]
    assert bool(tally.faults) == (kind != "unknown")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30", 30.0), ("60.0", 60.0), ("5 * 60", 300.0), ("timedelta(minutes=15)", 900.0), ("<freq: 30.00 seconds>", 30.0),
     ("datetime.timedelta(days=1, hours=2)", 93600.0), ("30.0 seconds", 30.0), ("every day", None)],
)  # fmt: skip
def test_intervals_are_read_however_written(text: str, seconds: float | None) -> None:
    assert schedule_of(text) == seconds


def test_crontabs_are_read_however_written() -> None:
    assert schedule_of("crontab(minute=0, hour=3)") == schedule_of("<crontab: 0 3 * * * (m/h/dM/MY/d)>")
    assert schedule_of("crontab(0, 4, 'mon')") == schedule_of("<crontab: 0 4 * * mon (m/h/dM/MY/d)>")


def test_a_flag_is_not_a_number() -> None:
    assert same(3600, 3600.0)
    assert not same(True, 1)
    assert same(["TimeoutError", "OSError"], ["builtins.OSError", "TimeoutError"], "task x autoretry_for")


@pytest.mark.skipif(find_spec("celerylint.engine") is None, reason="nothing to judge: the engine is not there")
def test_the_model_agrees_with_celery() -> None:
    outcomes = run(range(1, COUNT + 1), "5.7", python=PYTHON)
    broken = [outcome.celery_failed or outcome.tool_failed for outcome in outcomes]
    assert not any(broken), broken
    faults = [(outcome.project.seed, fault) for outcome in outcomes for fault in outcome.tally.faults]
    assert not faults, faults[:20]
    assert unknown_share(outcomes) <= MOST_UNKNOWN


def test_the_command_checks_the_generator_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--count", "2", "--seed", "3", "--celery", "5.7", "--celery-only"]) == 0
    assert "projects holding each idiom" in capsys.readouterr().out

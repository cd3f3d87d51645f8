"""Fixes change nothing of what Celery makes of a project but what they name, and the comparison would notice if they did."""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from celerylint.dev.fix_oracle import APPS
from celerylint.dev.fix_oracle.allowed import MAY_CHANGE, may_change
from celerylint.dev.fix_oracle.run import FIXTURES, differences, run_fixture, run_generated, run_trial
from celerylint.dev.fix_oracle.trials import TRIALS, Trial
from celerylint.dev.oracle.run import Celery
from celerylint.rules.registry import all_rules

PYTHON = Path(sys.executable)


@pytest.fixture(scope="module")
def celery() -> Iterator[Celery]:
    process = Celery(PYTHON)
    yield process
    process.close()


@pytest.mark.parametrize("name", ["compose_shop_faults", "flask_blog", "k8s_orders_faults", "monorepo"])
def test_mended_fixtures_load_as_before(celery: Celery, name: str) -> None:
    outcome = run_fixture(name, APPS[name], celery)
    assert not outcome.not_loaded
    assert not outcome.faults
    assert outcome.applied


def test_mended_projects_load_as_before() -> None:
    # With `**` options that hold what a fix sets (2, 8), and a decorator that takes no options (20).
    outcomes = run_generated([2, 8, 20], "5.7", PYTHON, jobs=1, keep=None)
    assert [line for outcome in outcomes for line in (*outcome.faults, outcome.not_loaded) if line] == []
    assert all(outcome.applied.total() > 5 for outcome in outcomes if "CLY" not in outcome.name)


@pytest.mark.parametrize("seed", range(len(TRIALS)), ids=lambda seed: f"{TRIALS[seed].code}-{seed}")
def test_mended_tasks_do_as_before(seed: int) -> None:
    outcome = run_trial(seed, "5.7", PYTHON, keep=None)
    assert not outcome.not_loaded
    assert not outcome.faults


def test_a_task_that_does_something_else_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "import redis\nfrom celery import shared_task\n\n\n@shared_task(ignore_results=True)\ndef pull(): ...\n"
    probe = "from shop.tasks import pull; print(pull.ignore_result)"
    trial = Trial("CLY804", {"shop/__init__.py": "", "shop/tasks.py": text}, probe)
    monkeypatch.setattr("celerylint.dev.fix_oracle.run.trial_of", lambda seed: trial)
    outcome = run_trial(0, "5.7", PYTHON, keep=None)
    assert outcome.faults == ["it printed 'False\\n', and prints 'True\\n'"]


def test_every_fixture_project_is_known() -> None:
    assert {path.name for path in FIXTURES.iterdir() if path.is_dir()} == APPS.keys()


def test_only_rules_with_fixes_may_change_anything() -> None:
    assert set(MAY_CHANGE) <= {rule.code for rule in all_rules() if "## Fix safety" in rule.explanation}


def test_what_a_fix_may_change() -> None:
    assert may_change(["CLY101"], "acks_late")
    assert may_change(["CLY101"], "settings.task_acks_late")
    assert may_change(["CLY207"], "settings.task_annotations")
    assert may_change(["CLY801"], "settings.anything")
    assert not may_change(["CLY101"], "time_limit")
    assert not may_change(["CLY804"], "settings.task_acks_late")
    assert not may_change(["CLY701"], "settings.task_annotations")
    assert not may_change(["CLY815"], "queue")
    assert not may_change([], "schedule")


_ANSWER: Any = {
    "apps": [{"names": ["shop"], "settings": {"task_acks_late": {"value": False}}}],
    "tasks": [
        {
            "name": "shop.pull",
            "function": "pull",
            "options": {"max_retries": {"value": 3}},
            "queue": {"value": "celery", "by_code": False},
        }
    ],
    "schedule": [{"entry": "pull", "task": "shop.pull"}],
}


def _renamed(answer: Any) -> None:
    answer["tasks"][0]["name"] = "shop.push"


def _other_function(answer: Any) -> None:
    answer["tasks"][0]["function"] = "push"


def _other_option(answer: Any) -> None:
    answer["tasks"][0]["options"]["max_retries"] = {"value": 10}


def _other_queue(answer: Any) -> None:
    answer["tasks"][0]["queue"]["value"] = "slow"


def _other_setting(answer: Any) -> None:
    answer["apps"][0]["settings"]["task_acks_late"] = {"value": True}


def _no_schedule(answer: Any) -> None:
    answer["schedule"] = []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_renamed, ""),
        (_other_function, ""),
        (_other_option, "CLY207"),
        (_other_queue, "CLY301"),
        (_other_setting, "CLY101"),
        (_no_schedule, "CLY403"),
    ],
)
def test_what_no_fix_names_is_noticed(change: Any, code: str) -> None:
    after = copy.deepcopy(_ANSWER)
    change(after)
    assert differences(_ANSWER, after, ["CLY817"])
    if code:
        assert not differences(_ANSWER, after, [code])
    assert not differences(_ANSWER, _ANSWER, [])

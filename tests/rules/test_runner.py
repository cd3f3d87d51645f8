"""The runner reads specs as its docstring promises, and fails when a rule does otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest
from runner import Case, read, respellings, suppressed

_SPEC = """\
# CLY901 unused-suppression

Words about it.

## The first
```py
from celery import shared_task

@shared_task  # error: CLY901, CLY902
def pull(): ...
```

## The second
celery: 5.6
`proj/core.py`:
```py
from celery import Celery
the_app = Celery("proj")
the_app.conf.task_acks_late = True  # todo-ok: CLY101
```
`proj/tasks.py`:
```py
from proj.core import the_app

@the_app.task(acks_late=True)  # todo-error: CLY201
def pull(): ...
```
```toml
ignore = ["CLY902"]
```
```output
warning
```
"""


@pytest.fixture
def cases(tmp_path: Path) -> list[Case]:
    spec = tmp_path / "CLY901.md"
    spec.write_text(_SPEC)
    return read(spec)


def test_a_heading_starts_a_case(cases: list[Case]) -> None:
    assert [case.title for case in cases] == ["The first", "The second"]


def test_a_block_without_a_name_gets_one(cases: list[Case]) -> None:
    assert list(cases[0].files) == ["tasks.py"]
    assert list(cases[1].files) == ["proj/core.py", "proj/tasks.py", "celerylint.toml"]


def test_expectations_are_read_and_taken_out(cases: list[Case]) -> None:
    first, second = cases
    assert first.expected == {("tasks.py", 3, "CLY901"), ("tasks.py", 3, "CLY902")}
    assert "# error" not in first.files["tasks.py"]
    assert second.false == {("proj/core.py", 3, "CLY101")}
    assert second.missed == {("proj/tasks.py", 3, "CLY201")}
    assert second.codes == ("CLY101", "CLY201", "CLY901")
    assert (second.celery, second.output) == ("5.6", "warning")


def test_no_line_moves_when_a_case_is_respelled(cases: list[Case]) -> None:
    for case in cases:
        for _, other in respellings(case):
            for path, text in case.files.items():
                assert text.count("\n") == other.files[path].count("\n")


def test_respellings(cases: list[Case]) -> None:
    first = {name: case.files["tasks.py"] for name, case in respellings(cases[0])}
    assert first["alias"].startswith("from celery import shared_task as its_shared_task\n\n@its_shared_task\n")
    assert first["module"].startswith("import celery as c\n\n@c.shared_task\n")
    second = dict(respellings(cases[1]))
    shared = second["shared_task"].files["proj/tasks.py"]
    assert shared.startswith("from proj.core import the_app; from celery import shared_task\n\n@shared_task(acks_late")
    assert "the_app.conf.update(task_acks_late=True)\n" in second["conf.update"].files["proj/core.py"]


_CONFIGURED = """\
## Code that configures
```py
from celery import Celery
from celery.schedules import crontab

app = Celery("shop", broker="redis://")
app.conf.task_acks_late = True  # error: CLY901
app.conf.beat_schedule = {
    "one": {"task": "tasks.pull", "schedule": crontab(hour=3)},  # error: CLY405
}

@app.task  # error: CLY902
def pull(): ...
```
```fixed
app = None
```
"""


def test_settings_move_to_a_module_of_their_own_on_the_same_lines(tmp_path: Path) -> None:
    spec = tmp_path / "CLY901.md"
    spec.write_text(_CONFIGURED)
    case = read(spec)[0]
    moved = dict(respellings(case))["namespace"]
    assert moved.files["django_settings.py"].split("\n")[3:8] == [
        "CELERY_BROKER_URL = 'redis://'",
        "CELERY_TASK_ACKS_LATE = True",
        "CELERY_BEAT_SCHEDULE = {",
        '    "one": {"task": "tasks.pull", "schedule": crontab(hour=3)},',
        "}",
    ]
    assert moved.files["tasks.py"].split("\n")[3:9] == [
        'app = Celery(\'shop\'); app.config_from_object("django.conf:settings", namespace="CELERY")',
        *[""] * 5,
    ]
    assert moved.expected == {
        ("django_settings.py", 5, "CLY901"),
        ("django_settings.py", 7, "CLY405"),
        ("tasks.py", 10, "CLY902"),
    }


@pytest.mark.parametrize(
    "text",
    [
        "from celery import Celery\napp = Celery()\napp.conf.task_ack_late = True\n",
        "from celery import Celery\napp = Celery()\nLATE = True\napp.conf.task_acks_late = LATE\n",
        "from celery import Celery\napp = Celery()\nif LATE:\n    app.conf.task_acks_late = True\n",
        "from celery import Celery\napp = Celery(broker='redis://')\napp.config_from_object('settings')\n",
        "from celery import Celery\napp = Celery()\n",
    ],
)
def test_settings_stay_where_moving_them_would_mean_something_else(text: str) -> None:
    assert "namespace" not in dict(respellings(Case("CLY901", "a case", {"tasks.py": text})))


def test_a_spelling_can_be_left_out(tmp_path: Path) -> None:
    spec = tmp_path / "CLY901.md"
    spec.write_text(_CONFIGURED.replace("```py", "spelling: without namespace\n```py"))
    assert "namespace" not in dict(respellings(read(spec)[0]))


def test_what_the_fixes_make_is_kept(tmp_path: Path) -> None:
    spec = tmp_path / "CLY901.md"
    spec.write_text(_CONFIGURED)
    assert read(spec)[0].fixed == {"tasks.py": "app = None\n"}


def test_a_comment_on_each_finding(cases: list[Case]) -> None:
    silenced = suppressed(cases[0])
    assert silenced is not None
    assert "@shared_task  # celerylint: ignore[CLY901,CLY902] as we meant it\n" in silenced.files["tasks.py"]


def _case(text: str, **hits: set[str]) -> Case:
    expected = {name: frozenset(("tasks.py", 3, code) for code in codes) for name, codes in hits.items()}
    return Case("CLY901", "a case", {"tasks.py": text}, **expected)


_CLEAN = "from celery import shared_task\n\n@shared_task\ndef pull(): ...\n"
_UNUSED = _CLEAN.replace("@shared_task\n", "@shared_task  # celerylint: ignore[CLY902] no reason\n")


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (_case(_CLEAN, expected={"CLY901"}), "not found: tasks.py:3: CLY901"),
        (_case(_CLEAN, false={"CLY901"}), "not found any more, delete it: tasks.py:3: CLY901"),
        (_case(_UNUSED, missed={"CLY902"}), "found: tasks.py:3: CLY901"),
        (_case(_UNUSED, missed={"CLY901", "CLY902"}), "found at last, make it an error: tasks.py:3: CLY901"),
    ],
)
def test_a_wrong_rule_fails_its_case(case: Case, said: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=said):
        case.hold(tmp_path)


def test_a_right_rule_passes(tmp_path: Path) -> None:
    _case(_UNUSED, expected={"CLY901"}, missed={"CLY902"}).hold(tmp_path)

"""What a file that no Python of today can read may hold is not said to be missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from celerylint.config import Options
from celerylint.engine import check

_APP = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.beat_schedule = {"one": {"task": "check_members", "schedule": 600}}


@app.task
def other(): ...
"""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('@task(name="check_members")\ndef check():\n    print "checked"\n', []),
        ("@task\ndef check_members():\n    print 1\n", []),
        ('@task(name="check_members_of")\ndef check():\n    print "checked"\n', ["CLY406"]),
        ('@task(name="other_name")\ndef check():\n    print("check_members")\n', ["CLY406"]),
    ],
)
def test_a_scheduled_name_may_be_that_of_a_task_there(tmp_path: Path, text: str, found: list[str]) -> None:
    (tmp_path / "app.py").write_text(_APP)
    (tmp_path / "old.py").write_text(f"from celery import task\n\n{text}")
    report = check([str(tmp_path)], Options(select=("CLY406",), no_cache=True), root=tmp_path)
    assert [finding.code for finding in report.findings if finding.code == "CLY406"] == found

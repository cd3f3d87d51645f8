"""Tasks that send each other in a long row are judged like any others."""

from __future__ import annotations

from pathlib import Path

from celerylint import engine
from celerylint.config import Options


def test_a_row_of_tasks_is_no_deep_recursion(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("celery==5.4\n")
    tasks = "".join(
        f"\n\n@app.task(acks_late=True)\ndef step_{n}(pk):\n    step_{n + 1}.delay(pk)\n    requests.get('http://shop')\n"
        for n in range(400)
    )
    last = "\n\n@app.task(acks_late=True)\ndef step_400(pk):\n    requests.get('http://shop', timeout=3)\n"
    (tmp_path / "jobs.py").write_text(
        f"import requests\nfrom celery import Celery\n\napp = Celery('shop')\n{tasks}{last}"
    )
    report = engine.check([str(tmp_path)], Options(no_cache=True, jobs=1), root=tmp_path)
    assert "CLY990" not in report.summary.by_code
    assert report.summary.by_code["CLY606"] == 400


def test_what_a_far_task_gives_up_is_still_found_from_near(tmp_path: Path) -> None:
    # The first task is too far from the request to be worth reading files for; that must not decide for the second.
    for n in range(4):
        (tmp_path / f"step_{n}.py").write_text(
            f"from step_{n + 1} import go_{n + 1}\n\n\ndef go_{n}(pk):\n    return go_{n + 1}(pk)\n"
        )
    (tmp_path / "step_4.py").write_text("import requests\n\n\ndef go_4(pk):\n    requests.get('http://shop')\n")
    task = "from celery import shared_task\nfrom step_{0} import go_{0}\n\n\n@shared_task\ndef from_{0}(pk):\n    go_{0}(pk)\n"
    (tmp_path / "near.py").write_text(task.format(3))
    alone = engine.check([str(tmp_path)], Options(no_cache=True, jobs=1, select=("CLY606",)), root=tmp_path)
    assert [finding.place.path for finding in alone.findings] == ["step_4.py"]
    (tmp_path / "far.py").write_text(task.format(0))
    both = engine.check([str(tmp_path)], Options(no_cache=True, jobs=1, select=("CLY606",)), root=tmp_path)
    assert both.findings == alone.findings

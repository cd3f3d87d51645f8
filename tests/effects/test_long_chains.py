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

"""What CLY605 says of how long a lock stays taken when nobody gives it back: no more than is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from celerylint.config import Options
from celerylint.engine import check

_TASK = """\
import redis
import requests
from celery import Celery
from django.core.cache import cache

app = Celery("shop", broker="redis://")
r = redis.Redis()


@app.task
def push(pk, wait):
    if not {taken}:
        return
    {more}requests.post("https://erp.example", timeout=5)
    r.delete("push")
    cache.delete("push")
"""


@pytest.mark.parametrize(
    ("taken", "more", "said"),
    [
        ('r.set("push", 1, nx=True)', "", "stays taken for good,"),
        ('r.set("push", 1, nx=True, ex=90)', "", "stays taken for 90 s"),
        ('r.set("push", 1, nx=True, px=90_000)', "", "stays taken for 90 s"),
        ('r.set("push", 1, nx=True, ex=wait)', "", "stays taken,"),
        ('r.set("push", 1, nx=True, exat=wait)', "", "stays taken,"),
        ('r.setnx("push", 1)', 'r.expire("push", wait); ', "stays taken,"),
        ('cache.add("push", 1, None)', "", "stays taken for good,"),
        ('cache.add("push", 1, timeout=wait - 1)', "", "stays taken,"),
        ('cache.add("push", 1)', "", "stays taken,"),  # as long as the settings say, which are not there
    ],
)
def test_it_stays_as_long_as_is_known(taken: str, more: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text(_TASK.format(taken=taken, more=more))
    report = check([str(tmp_path)], Options(no_cache=True, jobs=1, select=("CLY605",)), root=tmp_path)
    (found,) = report.findings
    assert said in found.message

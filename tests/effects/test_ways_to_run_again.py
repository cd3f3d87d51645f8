"""What makes a task run again after an effect, and what does not: each project is one effect, done in a task for each way."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from celerylint.config import load
from celerylint.engine import check


class Way(NamedTuple):
    """The options of a task, its body around `DO`, where `GET` may fail, and whether another run follows one that did it."""

    options: str
    body: str
    repeats: bool


_ON_ERROR = "autoretry_for=(requests.RequestException,)"
_ON_ALL = "autoretry_for=(Exception,)"
_BY_HAND = "bind=True, max_retries=5"
_WAYS = {
    "a retry after it": Way(_ON_ERROR, "DO\nGET\n", True),
    "a retry before it": Way(_ON_ERROR, "GET\nDO\n", False),
    "a retry for anything after it": Way(_ON_ALL, "DO\nGET\n", True),
    "raised after it": Way(_ON_ALL, "DO\nraise ValueError(pk)\n", True),
    "a retry for anything before it": Way(_ON_ALL, "GET\nDO\n", False),
    "no retries": Way(f"{_ON_ERROR}, max_retries=0", "DO\nGET\n", False),
    "no retries among the arguments": Way(f"{_ON_ERROR}, retry_kwargs={{'max_retries': 0}}", "DO\nGET\n", False),
    "a retry for something else": Way("autoretry_for=(ZeroDivisionError,)", "DO\nGET\n", False),
    "a function that fails after it": Way(_ON_ERROR, "DO\ncheck()\n", True),
    "a function that fails before it": Way(_ON_ERROR, "check()\nDO\n", False),
    "caught where it fails": Way(_ON_ERROR, "DO\ntry:\n    GET\nexcept requests.RequestException:\n    pass\n", False),
    "in a loop": Way(_ON_ALL, "for one in range(3):\n    DO\n", True),
    "in a loop, after what fails": Way(_ON_ERROR, "for one in range(3):\n    GET\n    DO\n", True),
    "in another branch than what fails": Way(_ON_ERROR, "if pk:\n    DO\nelse:\n    GET\n", False),
    "left before what fails": Way(_ON_ERROR, "if pk > 5:\n    DO\n    return\nGET\n", False),
    "retried by hand after it": Way(
        _BY_HAND, "DO\ntry:\n    GET\nexcept requests.RequestException as exc:\n    raise self.retry(exc=exc)\n", True
    ),
    "retried around both": Way(
        _BY_HAND,
        "try:\n    DO\n    GET\nexcept requests.RequestException as exc:\n    raise self.retry(exc=exc)\n",
        True,
    ),
    "retried around both, the effect last": Way(
        _BY_HAND,
        "try:\n    GET\n    DO\nexcept requests.ConnectionError as exc:\n    raise self.retry(exc=exc)\n",
        False,
    ),
    "retried by hand before it": Way(
        _BY_HAND, "try:\n    GET\nexcept requests.RequestException as exc:\n    raise self.retry(exc=exc)\nDO\n", False
    ),
    "in the else of what fails": Way(
        _BY_HAND,
        "try:\n    GET\nexcept requests.RequestException as exc:\n    raise self.retry(exc=exc)\nelse:\n    DO\n",
        False,
    ),
    "retried on a condition before it": Way(
        _BY_HAND, "if not ready(pk):\n    raise self.retry(countdown=5)\nDO\n", False
    ),
    "retried on a condition after it": Way(
        _BY_HAND, "DO\nif not ready(pk):\n    raise self.retry(countdown=5)\n", True
    ),
    "retried and never run again": Way(
        "bind=True, max_retries=0", "DO\nif not ready(pk):\n    raise self.retry(countdown=5)\n", False
    ),
    "retried by a function after it": Way(_BY_HAND, "DO\nagain(self)\n", True),
    "in the finally around a retry": Way(
        _BY_HAND,
        "try:\n    GET\nexcept requests.RequestException as exc:\n    raise self.retry(exc=exc)\nfinally:\n    DO\n",
        True,
    ),
    "in the finally around what fails": Way(_ON_ERROR, "try:\n    GET\nfinally:\n    DO\n", True),
    "caught and raised again": Way(
        _ON_ERROR, "DO\ntry:\n    GET\nexcept requests.RequestException:\n    print(pk)\n    raise\n", True
    ),
    "caught in part": Way(_ON_ERROR, "DO\ntry:\n    GET\nexcept requests.HTTPError:\n    pass\n", True),
    "in the handler that retries": Way(
        _BY_HAND,
        "try:\n    GET\nexcept requests.RequestException as exc:\n    DO\n    raise self.retry(exc=exc)\n",
        True,
    ),
    "in the last attempt": Way(
        _BY_HAND,
        "try:\n    GET\nexcept requests.RequestException as exc:\n"
        "    if self.request.retries >= self.max_retries:\n        DO\n        return\n    raise self.retry(exc=exc)\n",
        False,
    ),
    "where no attempt is left": Way(
        _BY_HAND,
        "try:\n    try:\n        GET\n    except requests.RequestException as exc:\n"
        "        raise self.retry(exc=exc)\nexcept self.MaxRetriesExceededError:\n    DO\n",
        False,
    ),
    "late acknowledgement": Way("acks_late=True", "DO\n", True),
    "early acknowledgement by word": Way("acks_late=False", "DO\n", False),
    "early acknowledgement": Way("", "DO\n", False),
    "options that repeat nothing": Way("ignore_result=True, rate_limit='1/s'", "DO\nGET\n", False),
}
_EFFECTS = {
    "mail": "send_mail('s', 'b', None, ['a@b.c'])",
    "create": "Note.objects.create(text=str(pk))",
    "request": "requests.post('https://example.com', json={'pk': pk}, timeout=3)",
    "payment": "stripe.Charge.create(amount=1, currency='eur', source='tok')",
}
_ACT = """\
import requests
import stripe
from django.core.mail import send_mail

from shop.models import Note


def act(pk):
    CALL
"""
_LINE = 9
_GET = "requests.get('https://example.com/state', timeout=3).raise_for_status()"
_TASKS = f"""\
import requests
from celery import Celery

from shop import MODULES

app = Celery("shop", broker="amqp://")


def check():
    {_GET}


def ready(pk):
    return requests.get("https://example.com/ready", timeout=3).ok


def again(task):
    try:
        check()
    except requests.RequestException as exc:
        raise task.retry(exc=exc)
"""
_MODELS = """\
from django.db import models


class Note(models.Model):
    text = models.TextField()
"""


@pytest.mark.parametrize("effect", _EFFECTS)
def test_what_runs_a_task_again_after_an_effect(effect: str, tmp_path: Path) -> None:
    files = {"shop/__init__.py": "", "shop/models.py": _MODELS}
    tasks = _TASKS.replace("MODULES", ", ".join(f"act{number}" for number in range(len(_WAYS))))
    for number, (name, way) in enumerate(_WAYS.items()):
        files[f"shop/act{number}.py"] = _ACT.replace("CALL", _EFFECTS[effect])
        body = textwrap.indent(way.body.replace("DO", f"act{number}.act(pk)").replace("GET", _GET), "    ")
        given = "self, pk" if "bind" in way.options else "pk"
        tasks += f"\n\n# {name}\n@app.task({way.options})\ndef t{number}({given}):\n{body}"
    files["shop/tasks.py"] = tasks
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")
    (tmp_path / ".git").mkdir()
    settings = load([str(tmp_path)])
    options = msgspec.structs.replace(settings.options, no_cache=True, jobs=1, select=("CLY601",))
    report = check([str(tmp_path)], options, root=settings.root)
    found = {(f.place.path, f.place.line) for f in report.findings}
    expected = {(f"shop/act{n}.py", _LINE) for n, way in enumerate(_WAYS.values()) if way.repeats}
    assert found == expected

"""What is known of tasks that run twice, beyond what rules say of it: triggers, and whether they may."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from celerylint import engine
from celerylint.config import Options
from celerylint.effects.behaviour import Behaviour, Bodies
from celerylint.finding import Finding
from celerylint.model.project import Project

HEAD = """\
import requests
import stripe
from celery import Celery
from django.db import models

app = Celery("shop", broker="amqp://")


class Order(models.Model):
    state = models.CharField(max_length=9)


"""


@pytest.fixture
def behaviour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Behaviour]:
    """The behaviour of the last task of a module that starts with HEAD."""

    def of(task: str, **options: object) -> Behaviour:
        (tmp_path / "tasks.py").write_text(HEAD + task)
        projects: list[Project] = []

        def judge(rules: object, project: Project, options: object, *_: object) -> list[Finding]:
            projects.append(project)
            return []

        monkeypatch.setattr(engine, "_judge", judge)
        chosen = msgspec.structs.replace(Options(no_cache=True, jobs=1), **options)
        engine.check([str(tmp_path)], chosen, root=tmp_path)
        return list(Bodies(projects[0]).all())[-1]

    return of


def kinds(found: Behaviour) -> list[list[str]]:
    """The kinds of triggers of each effect."""
    return [[trigger.kind for trigger in judged.triggers] for judged in found.acts]


@pytest.mark.parametrize(
    ("options", "body", "expected"),
    [
        ("acks_late=True", "", ["redelivery"]),
        ("", "", []),
        ("acks_late=True, autoretry_for=(Exception,)", "requests.get('https://erp')", ["redelivery", "autoretry"]),
        ("autoretry_for=(Exception,)", "", []),
        ("autoretry_for=(OSError,)", "requests.get('https://erp')", ["autoretry"]),
        ("autoretry_for=(KeyError,)", "requests.get('https://erp')", []),
        ("autoretry_for=(stripe.StripeError,)", "stripe.Charge.retrieve('c')", ["autoretry"]),
        ("autoretry_for=(ValueError,)", "raise ValueError", ["autoretry"]),
        ("autoretry_for=(Exception,), max_retries=0", "requests.get('https://erp')", []),
        ("bind=True", "self.retry()", ["retry"]),
        ("bind=True, max_retries=0", "self.retry()", []),
    ],
)
def test_what_runs_a_charge_again(
    behaviour: Callable[..., Behaviour], options: str, body: str, expected: list[str]
) -> None:
    self = "self, " if "bind" in options else ""
    found = behaviour(
        f"@app.task({options})\ndef charge({self}amount):\n    stripe.Charge.create(amount=amount)\n    {body}\n"
    )
    assert kinds(found) == [expected]


def test_a_retry_for_what_an_unread_call_may_raise_is_a_guess(behaviour: Callable[..., Behaviour]) -> None:
    found = behaviour(
        "@app.task(autoretry_for=(Exception,))\ndef charge(amount, thing):\n"
        "    stripe.Charge.create(amount=amount)\n    thing.go()\n"
    )
    assert [trigger.certain for judged in found.acts for trigger in judged.triggers] == [False]


def test_what_a_rollback_undoes_is_not_repeated_by_a_retry(behaviour: Callable[..., Behaviour]) -> None:
    body = "    with transaction.atomic():\n        Order.objects.create(state='new')\n        requests.get('https://erp')\n"
    task = f"from django.db import transaction\n\n\n@app.task(autoretry_for=(Exception,))\ndef store():\n{body}"
    assert kinds(behaviour(task)) == [[]]
    assert kinds(behaviour(f"{task}    requests.get('https://erp')\n")) == [["autoretry"]]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("Order.objects.filter(id=5).update(state='old')", "yes"),
        ("Order.objects.create(state='new')", "no"),
        ("requests.post('https://erp', headers={'Idempotency-Key': 'order-5'})", "yes"),
        ("requests.post('https://erp')", "no"),
        ("thing.go()", "unknown"),
        ("requests.patch('https://erp')", "unknown"),
        ("return 5", "yes"),
    ],
)
def test_whether_a_task_may_run_twice(behaviour: Callable[..., Behaviour], body: str, expected: str) -> None:
    assert behaviour(f"@app.task\ndef work(thing):\n    {body}\n").repeat_safe == expected


def test_a_task_is_as_safe_as_those_that_it_sends(behaviour: Callable[..., Behaviour]) -> None:
    safe = "@app.task\ndef close():\n    Order.objects.update(state='old')\n\n\n"
    unsafe = "@app.task\ndef charge():\n    stripe.Charge.create(amount=5)\n\n\n"
    canvas = "from celery import group\n\n\n" + safe + unsafe
    assert behaviour(f"{safe}@app.task\ndef work():\n    close.delay()\n").repeat_safe == "yes"
    assert behaviour(f"{unsafe}@app.task\ndef work():\n    charge.delay()\n").repeat_safe == "no"
    assert behaviour(f"{canvas}@app.task\ndef work():\n    group([close.s(), close.s()])()\n").repeat_safe == "yes"
    assert behaviour(f"{canvas}@app.task\ndef work():\n    (close.si() | charge.si()).delay()\n").repeat_safe == "no"


def test_tasks_that_send_each_other_end(behaviour: Callable[..., Behaviour]) -> None:
    found = behaviour("@app.task\ndef one():\n    two.delay()\n\n\n@app.task\ndef two():\n    one.delay()\n")
    assert found.repeat_safe == "unknown"


def test_a_project_teaches_what_may_be_repeated_and_what_not(behaviour: Callable[..., Behaviour]) -> None:
    task = "def book():\n    print(5)\n\n\n@app.task\ndef work():\n    book()\n    requests.post('https://erp')\n"
    assert [j.act.what for j in behaviour(task, effects=("tasks.book",)).acts] == ["tasks.book", "requests.post"]
    assert [j.act.what for j in behaviour(task, repeat_safe=("requests.post",)).acts] == []
    assert behaviour(task, repeat_safe=("tasks.work",)).repeat_safe == "yes"
    assert behaviour(task, effects=("tasks.nothing",), repeat_safe=("nowhere.at_all",)).repeat_safe == "no"

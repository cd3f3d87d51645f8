"""What the rules say of when and as what tasks are sent, asked of Celery itself."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from typing import ClassVar
from zoneinfo import ZoneInfo

import pytest
from celery import Celery, chain, group
from celery.worker.request import Request

_DJANGO = """
import os
import sys
import types

proj = types.ModuleType("proj_settings")
proj.DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
proj.TIME_ZONE = "Europe/Berlin"
sys.modules["proj_settings"] = proj
os.environ["DJANGO_SETTINGS_MODULE"] = "proj_settings"

import django

django.setup()

from celery import Celery
from celery.contrib.django.task import DjangoTask
from django.db import transaction

app = Celery("proj", broker="memory://", task_cls=DjangoTask)
sent = []


@app.task
def ship(order_id): ...


ship.apply_async = lambda *args, **kwargs: sent.append(args)
ship.delay = lambda *args, **kwargs: sent.append(args)
"""


def _in_django(code: str) -> None:
    """Run code in a process of its own: Django's settings are for the whole process, and change its time zone."""
    done = subprocess.run([sys.executable, "-c", _DJANGO + code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_delay_sends_while_the_transaction_is_open_and_after_a_rollback() -> None:
    _in_django("""
del ship.delay, ship.apply_async
with app.connection_or_acquire() as connection:
    queue = connection.default_channel
    try:
        with transaction.atomic():
            ship.delay(1)
            assert queue._size("celery") == 1
            raise OSError
    except OSError:
        assert queue._size("celery") == 1
""")


def test_delay_on_commit_sends_after_the_commit_and_returns_none() -> None:
    _in_django("""
with transaction.atomic():
    assert ship.delay_on_commit(1) is None
    assert ship.apply_async_on_commit((1,)) is None
    assert not sent
assert len(sent) == 2
try:
    with transaction.atomic():
        ship.delay_on_commit(1)
        raise OSError
except OSError:
    assert len(sent) == 2
""")


def test_a_lambda_of_a_loop_sends_the_last_value_each_time() -> None:
    _in_django("""
with transaction.atomic():
    for order in (1, 2, 3):
        transaction.on_commit(lambda: ship.delay(order))
assert sent == [(3,), (3,), (3,)], sent
""")


def test_an_atomic_block_in_a_request_is_only_a_savepoint() -> None:
    _in_django("""
from django.core.handlers.base import BaseHandler
from django.db import connection

connection.settings_dict["ATOMIC_REQUESTS"] = True


def checkout(request):
    with transaction.atomic():
        pass
    assert connection.in_atomic_block
    ship.delay_on_commit(1)
    assert not sent


BaseHandler().make_view_atomic(checkout)(None)
assert len(sent) == 1


@transaction.non_atomic_requests
def outside(request):
    assert not connection.in_atomic_block


BaseHandler().make_view_atomic(outside)(None)
""")


def test_django_sets_the_zone_of_the_process() -> None:
    _in_django("""
import time

assert time.tzname == ("CET", "CEST"), time.tzname
""")


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> tuple[Celery, list[str]]:
    app = Celery("proj", broker="memory://", backend="cache+memory://", set_as_current=False)
    names: list[str] = []
    monkeypatch.setattr(app.amqp, "send_task_message", lambda producer, name, message, **options: names.append(name))

    @app.task(name="ship", shared=False)
    def ship(order_id: int) -> None: ...

    return app, names


@pytest.mark.parametrize(
    "build",
    [lambda s: s, lambda s: s | s, lambda s: chain(s, s), lambda s: group([s, s])],
    ids=["s", "|", "chain", "group"],
)
def test_a_signature_sends_nothing_by_itself(
    build: Callable[[object], object], published: tuple[Celery, list[str]]
) -> None:
    app, names = published
    signature = build(app.tasks["ship"].si(1))
    assert names == []
    signature.apply_async()  # type: ignore[attr-defined]
    assert set(names) == {"ship"}


def test_a_name_that_no_task_has_is_sent_all_the_same(published: tuple[Celery, list[str]]) -> None:
    app, names = published
    app.send_task("shiip", (1,))
    assert names == ["shiip"]
    assert "shiip" not in app.tasks


@pytest.mark.parametrize("zone", [None, "Asia/Tokyo", "America/Bogota"])
def test_a_time_without_a_zone_is_read_as_utc_whatever_the_setting_says(zone: str | None) -> None:
    app = Celery("proj", broker="memory://", set_as_current=False, timezone=zone)

    @app.task(name="ship", shared=False)
    def ship() -> None: ...

    noon = datetime(2030, 6, 1, 12)
    sent = app.amqp.as_task_v2("1", "ship", eta=noon)
    assert _due(app, sent.headers["eta"]) == noon.replace(tzinfo=timezone.utc)
    zoned = app.amqp.as_task_v2("1", "ship", eta=noon.replace(tzinfo=ZoneInfo("Europe/Berlin")))
    assert _due(app, zoned.headers["eta"]) == datetime(2030, 6, 1, 10, tzinfo=timezone.utc)


def _due(app: Celery, eta: str) -> datetime:
    """When a worker runs a message."""
    headers = {"id": "1", "task": "ship", "eta": eta, "retries": 0}
    due = Request(
        _Message(), app=app, headers=headers, decoded=True, body=((), {}, {}), task=app.tasks["ship"], utc=True
    ).eta
    assert due is not None
    return due  # type: ignore[no-any-return]


class _Message:
    delivery_info: ClassVar[dict[str, str]] = {}
    properties: ClassVar[dict[str, str]] = {}
    content_type, content_encoding = "application/json", "utf-8"

"""What the rules say of the content of messages and of chords, asked of Celery, kombu and Django themselves."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import io
import pathlib
import re
import types
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery
from kombu.exceptions import EncodeError
from pydantic import BaseModel

_TAKEN = [
    datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc), datetime.date(2026, 1, 1), datetime.time(1),
    decimal.Decimal("1.5"), uuid.UUID(int=1), b"bytes", (1, 2), {1: 2}, collections.OrderedDict(a=1),
]  # fmt: skip


class _Color(enum.Enum):
    RED = "red"


class _Size(str, enum.Enum):
    BIG = "big"


@dataclasses.dataclass
class _Parcel:
    weight: int


class _Plain:
    pass


class _Written:
    def __json__(self) -> int:
        return 3


class _Order(BaseModel):
    number: int


def _numbers() -> Iterator[int]:
    yield 1


_REFUSED = [
    {1}, frozenset(), datetime.timedelta(1), pathlib.Path("x"), 1j, _numbers(), range(3), map(str, []), zip(), filter(None, []),
    enumerate([]), collections.deque(), ValueError("no"), bytearray(b"x"), memoryview(b"x"), lambda: 1, _numbers, _Plain, _Plain(),
    _Plain().__init__, _Parcel(3), _Order(number=1), _Color.RED, {(1, 2): 3}, {_Color.RED: 1}, {}.keys(), io.BytesIO(),
    types.SimpleNamespace(), re.compile("x"), re,
]  # fmt: skip


def _app(**settings: object) -> Celery:
    return Celery("proj", broker="memory://", backend="cache+memory://", set_as_current=False, **settings)


def _ship(app: Celery, **options: object) -> Any:
    @app.task(name="ship", shared=False, **options)
    def ship(what: object) -> None: ...

    return app.tasks["ship"]


@pytest.mark.parametrize("value", _REFUSED, ids=lambda value: type(value).__name__)
def test_json_refuses(value: object) -> None:
    ship = _ship(_app())
    for send in (
        lambda: ship.delay(value),
        lambda: ship.apply_async((value,)),
        lambda: ship.s(value).delay(),
        lambda: ship.apply_async(kwargs={"what": [{"inside": value}]}),
    ):
        with pytest.raises(EncodeError):
            send()


@pytest.mark.parametrize("value", [*_TAKEN, _Size.BIG, _Written()], ids=lambda value: type(value).__name__)
def test_json_takes(value: object) -> None:
    _ship(_app()).delay(value)


def test_json_refuses_tasks_and_results_and_takes_signatures() -> None:
    app = _app()
    ship = _ship(app)
    for value in (ship, ship.delay(1), app.AsyncResult("x"), app):
        with pytest.raises(EncodeError):
            ship.delay(value)
    ship.delay(ship.s(1))


def test_pickle_writes_them() -> None:
    ship = _ship(_app(), serializer="pickle")
    for value in ({1}, datetime.timedelta(1), _Parcel(3), _Color.RED):
        ship.delay(value)
    with pytest.raises(EncodeError):
        ship.apply_async(({1},), serializer="json")


def test_apply_writes_nothing() -> None:
    assert _ship(_app()).apply(({1},)).successful()


def test_a_task_may_write_the_models_that_it_takes() -> None:
    app = _app()

    @app.task(name="typed", shared=False, pydantic=True)
    def typed(order: _Order) -> None: ...

    app.tasks["typed"].delay(_Order(number=1))


def _django() -> Any:
    from django.apps import apps
    from django.conf import settings

    if not settings.configured:
        settings.configure(
            INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"],
            DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        )
    if not apps.ready:
        import django

        django.setup()
    from django.contrib.auth.models import User

    return User


def test_json_refuses_rows_of_django() -> None:
    user_model = _django()
    ship = _ship(_app())
    for value in (user_model(username="x"), user_model.objects.all()):
        with pytest.raises(EncodeError):
            ship.delay(value)


def test_pickle_makes_a_copy_of_a_row() -> None:
    import pickle

    user = _django()(pk=1, username="before")
    copy = pickle.loads(pickle.dumps(user))
    user.username = "after"
    assert copy.username == "before"
    assert copy == user


def test_json_refuses_rows_of_sqlalchemy() -> None:
    from sqlalchemy import Column, Integer
    from sqlalchemy.orm import declarative_base

    class Order(declarative_base()):  # type: ignore[misc]
        __tablename__ = "orders"
        id = Column(Integer, primary_key=True)

    ship = _ship(_app())
    with pytest.raises(EncodeError):
        ship.delay(Order())

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
from celery import Celery, chain, chord, group
from celery.app.trace import build_tracer
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


# --- chords -----------------------------------------------------------------------------------------------------------


def _priced(app: Celery, seen: list[object], **options: object) -> tuple[Any, Any]:
    @app.task(name="price", shared=False, **options)
    def price(number: int) -> int:
        return number

    @app.task(name="total", shared=False)
    def total(prices: object) -> None:
        seen.append(prices)

    return app.tasks["price"], app.tasks["total"]


@pytest.mark.parametrize("backend", [None, "disabled://", "rpc://"])
def test_a_chord_cannot_be_sent_without_a_backend_that_knows_chords(backend: str | None) -> None:
    app = Celery("proj", broker="memory://", backend=backend, set_as_current=False)
    price, total = _priced(app, [])
    for canvas in (
        chord([price.s(1), price.s(2)], total.s(), app=app),
        chord([price.s(1)], total.s(), app=app),
        group([price.s(1), price.s(2)], app=app) | total.s(),
        group([price.s(1), price.s(2)], app=app) | group([total.s(), total.s()], app=app),
        chain(group([price.s(1), price.s(2)], app=app), total.s(), app=app),
        chain(price.s(1), group([price.s(), price.s()], app=app), total.s(), total.s(), app=app),
        price.s(1) | group([price.s(), price.s()], app=app) | total.s(),
    ):
        with pytest.raises(NotImplementedError):
            canvas.delay()
    with pytest.raises(NotImplementedError):
        chord([price.s(1), price.s(2)], app=app)(total.s())


def test_no_chord_no_backend() -> None:
    app = Celery("proj", broker="memory://", set_as_current=False)
    price, total = _priced(app, [])
    for canvas in (
        group([price.s(1), price.s(2)], app=app),
        chain(price.s(1), total.s(), app=app),
        price.s(1) | group([price.s(), total.s()], app=app),
        chain(group([price.s(1)], app=app), total.s(), app=app),
        group(price.s(1), app=app),
    ):
        canvas.delay()


def _run(app: Celery, most: int) -> list[str]:
    """Run what waits in the queue as a worker would, each as soon as it is there; the names of what was run."""
    ran: list[str] = []
    with app.connection() as connection, connection.SimpleQueue("celery") as queue:
        while len(ran) < most:
            try:
                message = queue.get_nowait()
            except queue.Empty:
                return ran
            message.ack()
            args, kwargs, embedded = message.payload
            task = app.tasks[message.headers["task"]]
            request = {**message.headers, **embedded, "args": args, "kwargs": kwargs, "delivery_info": {}}
            build_tracer(task.name, task, app=app)(message.headers["id"], args, kwargs, request)
            ran.append(task.name)
    return ran


@pytest.mark.parametrize("ignored", [False, True])
@pytest.mark.parametrize("kind", ["file", "db", "cache"])
def test_the_body_waits_for_results_that_are_ignored(kind: str, ignored: bool, tmp_path: pathlib.Path) -> None:
    backends = {"file": f"file://{tmp_path}", "db": f"db+sqlite:///{tmp_path}/results.db", "cache": "cache+memory://"}
    app = Celery("proj", broker=f"memory://{kind}{ignored}", backend=backends[kind], set_as_current=False)
    app.conf.result_chord_join_timeout = 0.2
    seen: list[object] = []
    price, total = _priced(app, seen, ignore_result=ignored)
    result = chord([price.s(1), price.s(2)], app=app)(total.s())
    ran = _run(app, most=20)
    if not ignored:
        assert seen == [[1, 2]]
    elif kind == "cache":
        assert (seen, result.state) == ([], "FAILURE")
    else:
        assert (seen, result.state, ran.count("celery.chord_unlock")) == ([], "PENDING", 18)


def test_a_result_goes_to_what_comes_first_in_the_next_step() -> None:
    app = _app()
    got: list[tuple[str, tuple[object, ...]]] = []

    @app.task(name="first", shared=False)
    def first() -> int:
        return 1

    @app.task(name="one", shared=False)
    def one(*args: object) -> None:
        got.append(("one", args))

    @app.task(name="other", shared=False)
    def other(*args: object) -> None:
        got.append(("other", args))

    linked = first.s()
    linked.link(one.s())
    told = [("one", (1,)), ("other", (None,))]
    for canvas, expected in (
        (chain(first.s(), chain(one.s(), other.s(), app=app), app=app), told),
        (first.s() | (one.s() | other.s()), told),
        (chain(first.s(), chord([one.s(), one.si()], other.s(), app=app), app=app),
         [("one", (1,)), ("one", ()), ("other", ([None, None],))]),
        (linked, told[:1]),
    ):  # fmt: skip
        got.clear()
        canvas.delay()
        _run(app, most=9)
        assert got == expected

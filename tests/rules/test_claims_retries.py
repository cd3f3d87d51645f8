"""What the rules say about retries, asked of Celery itself: tasks run as in a worker, with a broker in memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from itertools import count
from typing import Any

import pytest
from celery import Celery, Task
from celery import __version__ as celery_version
from celery.app.trace import build_tracer
from celery.exceptions import Reject, SoftTimeLimitExceeded
from celery.utils.time import get_exponential_backoff_interval

_NUMBERS = count()
VERSION = tuple(int(part) for part in celery_version.split(".")[:2])


@pytest.fixture
def app() -> Iterator[Celery]:
    app = Celery("claims", broker="memory://", backend="cache+memory://", set_as_current=False)
    yield app
    app.close()


def _run(task: Task, retries: int = 0) -> tuple[str, float | None]:
    """The state that a run ends in, and how many seconds its retry is put off; None where there is no retry."""
    app = task.app
    app.finalize()
    request = {
        "id": "an-id",
        "retries": retries,
        "delivery_info": {"routing_key": "celery", "exchange": ""},
        "hostname": "w",
    }
    before = datetime.now(timezone.utc)
    _, info, _, _ = build_tracer(task.name, task, app=app)("an-id", (), {}, request)
    with app.connection_for_read() as connection:
        message = connection.SimpleQueue("celery").queue.get()
    state = info.state if info is not None else "SUCCESS"
    if message is None:
        return state, None
    message.ack()
    eta = message.headers["eta"]
    return state, (datetime.fromisoformat(eta) - before).total_seconds() if eta else 0.0


def _delays(task: Task) -> list[float | None]:
    return [_rounded(_run(task, retries)[1]) for retries in range(4)]


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds)


def _failing(app: Celery, **options: Any) -> Task:
    """A task that Celery retries by itself."""

    @app.task(name=f"failing{next(_NUMBERS)}", shared=False, **options)
    def failing() -> None:
        raise ConnectionError

    return failing


def _retrying(app: Celery, arguments: dict[str, Any] | None = None, **options: Any) -> Task:
    """A task that retries by hand."""

    @app.task(name=f"retrying{next(_NUMBERS)}", shared=False, bind=True, **options)
    def retrying(self: Task) -> None:
        try:
            raise ConnectionError
        except ConnectionError as exc:
            raise self.retry(exc=exc, **(arguments or {})) from exc

    return retrying


# --- CLY202, CLY204: the fixed distance -------------------------------------------------------------------------------


def test_autoretry_without_backoff_waits_180_seconds_each_time(app: Celery) -> None:
    assert _delays(_failing(app, autoretry_for=(ConnectionError,))) == [180, 180, 180, None]


def test_a_chosen_default_is_as_fixed(app: Celery) -> None:
    assert _delays(_failing(app, autoretry_for=(ConnectionError,), default_retry_delay=30)) == [30, 30, 30, None]


def test_retry_kwargs_choose_the_distance(app: Celery) -> None:
    assert _delays(_failing(app, autoretry_for=(ConnectionError,), retry_kwargs={"countdown": 7}))[:3] == [7, 7, 7]


def test_limits_of_backoff_are_no_backoff(app: Celery) -> None:
    assert _delays(_failing(app, autoretry_for=(ConnectionError,), retry_backoff_max=60))[:3] == [180, 180, 180]


def test_retry_by_hand_waits_180_seconds_each_time(app: Celery) -> None:
    assert _delays(_retrying(app)) == [180, 180, 180, None]
    assert _delays(_retrying(app, {"countdown": None}))[0] == 180


def test_countdown_zero_is_no_pause(app: Celery) -> None:
    assert _delays(_retrying(app, {"countdown": 0}))[0] == 0


# --- how often --------------------------------------------------------------------------------------------------------


def test_retry_kwargs_beat_the_task(app: Celery) -> None:
    once = _failing(app, autoretry_for=(ConnectionError,), max_retries=3, retry_kwargs={"max_retries": 1})
    assert _delays(once) == [180, None, None, None]


def test_none_in_a_call_is_as_the_task_says_and_none_on_the_task_is_for_ever(app: Celery) -> None:
    assert _run(_retrying(app, {"max_retries": None}), 3)[1] is None
    assert _run(_failing(app, autoretry_for=(ConnectionError,), retry_kwargs={"max_retries": None}), 3)[1] is None
    assert _run(_retrying(app, max_retries=None), 5000)[0] == "RETRY"


def test_the_call_beats_the_task(app: Celery) -> None:
    assert _run(_retrying(app, {"max_retries": 9}, max_retries=1), 8)[0] == "RETRY"


def test_zero_is_never(app: Celery) -> None:
    assert _run(_failing(app, autoretry_for=(Exception,), max_retries=0)) == ("FAILURE", None)


# --- CLY201 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [TypeError, SoftTimeLimitExceeded, Reject])
def test_exception_retries_bugs_and_what_celery_itself_raises(app: Celery, error: type[Exception]) -> None:
    @app.task(shared=False, autoretry_for=(Exception,))
    def failing() -> None:
        raise error

    assert _run(failing)[0] == "RETRY"


@pytest.mark.skipif(VERSION < (5, 3), reason="came with 5.3")
def test_what_is_spared_is_asked_first(app: Celery) -> None:
    assert _run(_failing(app, autoretry_for=(Exception,), dont_autoretry_for=(ConnectionError,)))[0] == "FAILURE"


# --- CLY203 -----------------------------------------------------------------------------------------------------------


def test_backoff_without_jitter_is_the_same_for_all(app: Celery) -> None:
    task = _failing(app, autoretry_for=(ConnectionError,), retry_backoff=True, retry_jitter=False)
    assert _delays(task) == [1, 2, 4, None]


def test_the_mended_example_of_the_page_waits_this_long(app: Celery) -> None:
    task = _failing(app, autoretry_for=(ConnectionError,), retry_backoff=30, max_retries=6, retry_jitter=False)
    assert [_rounded(_run(task, n)[1]) for n in range(7)] == [30, 60, 120, 240, 480, 600, None]


def test_jitter_is_anything_up_to_the_computed_wait() -> None:
    waits = [get_exponential_backoff_interval(1, 4, 600, full_jitter=True) for _ in range(2000)]
    assert (min(waits), max(waits)) == (0, 16)
    assert 7 < sum(waits) / len(waits) < 9


def test_the_helper_has_no_jitter_unless_it_is_asked_for() -> None:
    assert {get_exponential_backoff_interval(2, 3, 600) for _ in range(100)} == {16}


# --- CLY205 -----------------------------------------------------------------------------------------------------------


def test_retry_by_hand_reads_no_option_of_backoff(app: Celery) -> None:
    assert _delays(_retrying(app, retry_backoff=5, retry_backoff_max=60, retry_jitter=False))[:3] == [180, 180, 180]


def test_also_in_a_task_that_retries_by_itself(app: Celery) -> None:
    task = _retrying(app, autoretry_for=(ConnectionError,), retry_backoff=5, retry_jitter=False)
    assert _delays(task)[:3] == [180, 180, 180]


def test_backoff_alone_retries_nothing(app: Celery) -> None:
    assert _run(_failing(app, retry_backoff=True)) == ("FAILURE", None)


def test_a_task_that_is_called_like_a_function_retries_nothing(app: Celery) -> None:
    @app.task(bind=True)
    def log(self: Task) -> None:
        raise self.retry(countdown=60, exc=KeyError("row"))

    @app.task
    def welcome() -> None:
        log()

    assert _run(log)[0] == "RETRY"
    assert _run(welcome) == ("FAILURE", None)
    with pytest.raises(KeyError):
        log()

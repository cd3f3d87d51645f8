"""What the rules say about results, failures and calls that wait for nobody, asked of Celery itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery, Task, chain, group
from celery.app.trace import build_tracer
from celery.exceptions import Retry, SoftTimeLimitExceeded


@pytest.fixture
def app() -> Iterator[Celery]:
    app = Celery("results", broker="memory://", backend="cache+memory://", set_as_current=False)
    yield app
    app.close()


def _traced(task: Task, retries: int = 0, uuid: str = "an-id") -> str:
    """The state that a run by a worker ends in."""
    task.app.finalize()
    request = {"id": uuid, "retries": retries, "delivery_info": {"routing_key": "celery", "exchange": ""}}
    _, info, _, _ = build_tracer(task.name, task, app=task.app)(uuid, (), {}, request)
    return info.state if info is not None else "SUCCESS"


def _waiting(app: Celery) -> int:
    """How many messages are in the default queue, which is empty afterwards."""
    with app.connection_for_read() as connection:
        queue = connection.SimpleQueue("celery").queue
        count = 0
        while (message := queue.get()) is not None:
            message.ack()
            count += 1
        return count


# --- CLY215 -----------------------------------------------------------------------------------------------------------


def test_when_retries_are_spent_the_task_fails_and_only_its_hook_is_told(app: Celery) -> None:
    told: list[str] = []

    class Noticed(Task):
        def on_failure(self, exc: Exception, task_id: str, *rest: Any) -> None:
            told.append(repr(exc))

    def failing() -> None:
        raise ConnectionError("lost")

    task = app.task(failing, base=Noticed, name="failing", shared=False, autoretry_for=(ConnectionError,))
    _waiting(app)
    assert _traced(task, retries=2) == "RETRY"
    assert (told, _waiting(app)) == ([], 1)
    assert _traced(task, retries=3) == "FAILURE"
    assert (told, _waiting(app)) == (["ConnectionError('lost')"], 0)


# --- CLY514 -----------------------------------------------------------------------------------------------------------


def _ship(order_id: int) -> int:
    return order_id


def test_a_loop_of_delay_sends_a_message_for_each_and_chunks_one_for_many(app: Celery) -> None:
    ship = app.task(_ship, name="ship", shared=False)
    _waiting(app)
    for order_id in range(100):
        ship.delay(order_id)
    assert _waiting(app) == 100
    group(ship.s(order_id) for order_id in range(100)).apply_async()
    assert _waiting(app) == 100
    ship.chunks(((order_id,) for order_id in range(100)), 20).apply_async()
    assert _waiting(app) == 5


# --- CLY515 -----------------------------------------------------------------------------------------------------------


def test_a_task_that_is_called_runs_at_once_and_sends_nothing(app: Celery) -> None:
    ship = app.task(_ship, name="ship", shared=False)
    _waiting(app)
    assert ship(7) == 7
    assert _waiting(app) == 0


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_task_that_is_called_raises_where_it_would_be_retried(app: Celery, by_hand: bool) -> None:
    def failing(self: Task) -> None:
        try:
            raise ConnectionError("lost")
        except ConnectionError as exc:
            if by_hand:
                raise self.retry(exc=exc) from exc
            raise

    options = {} if by_hand else {"autoretry_for": (ConnectionError,)}
    task = app.task(failing, bind=True, name="failing", shared=False, **options)
    _waiting(app)
    with pytest.raises(ConnectionError, match="lost"):
        task()
    assert _waiting(app) == 0


def test_a_task_that_is_called_and_retries_without_an_error_raises_retry(app: Celery) -> None:
    def again(self: Task) -> None:
        raise self.retry()

    task = app.task(again, bind=True, name="again", shared=False)
    with pytest.raises(Retry):
        task()


# --- CLY516 -----------------------------------------------------------------------------------------------------------


def _nothing() -> None: ...


@pytest.mark.parametrize(("ignored", "expected"), [(False, "SUCCESS"), (True, "PENDING")])
def test_a_result_is_stored_unless_it_is_ignored(app: Celery, ignored: bool, expected: str) -> None:
    task = app.task(_nothing, name="plain", shared=False, ignore_result=ignored)
    assert _traced(task, uuid=f"stored-{ignored}") == "SUCCESS"
    assert app.AsyncResult(f"stored-{ignored}").state == expected


def test_an_app_with_a_backend_stores_by_default_for_a_day(app: Celery) -> None:
    assert app.conf.task_ignore_result is False
    assert app.conf.result_expires.total_seconds() == 86400


def test_a_chain_needs_no_results(app: Celery) -> None:
    ship = app.task(_ship, name="ship", shared=False, ignore_result=True)
    app.conf.update(task_always_eager=True)
    assert chain(ship.s(7), ship.s()).apply_async().get() == 7


# --- CLY108 -----------------------------------------------------------------------------------------------------------


def test_a_run_that_swallows_its_soft_limit_succeeds(app: Celery) -> None:
    def swallowing() -> None:
        try:
            raise SoftTimeLimitExceeded
        except Exception:
            pass

    assert issubclass(SoftTimeLimitExceeded, Exception)
    assert _traced(app.task(swallowing, name="swallowing", shared=False)) == "SUCCESS"


# --- CLY822 -----------------------------------------------------------------------------------------------------------


def test_without_a_backend_asking_for_a_result_raises() -> None:
    app = Celery("nowhere", broker="memory://", set_as_current=False)

    def total() -> int:
        return 1

    result = app.task(total, shared=False).delay()
    with pytest.raises(NotImplementedError, match="No result backend"):
        result.get(timeout=1)
    app.close()

"""What the rules say about retries that are caught, misspelt or impossible, asked of Celery itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery, Task
from celery.app.trace import build_tracer
from celery.exceptions import Ignore, Reject


@pytest.fixture
def app() -> Iterator[Celery]:
    app = Celery("caught", broker="memory://", backend="cache+memory://", set_as_current=False)
    yield app
    app.close()


def _run(task: Task, retries: int = 0) -> tuple[str, Any, int]:
    """The state that a run ends in, what it returned or raised, and how many messages it sent."""
    app = task.app
    app.finalize()
    with app.connection_for_read() as connection:
        queue = connection.SimpleQueue("celery").queue
        queue.purge()
        request = {"id": "an-id", "retries": retries, "delivery_info": {"routing_key": "celery", "exchange": ""}}
        value, info, _, _ = build_tracer(task.name, task, app=app)("an-id", (), {}, request)
        sent = 0
        while (message := queue.get()) is not None:
            message.ack()
            sent += 1
    return (info.state, info.retval, sent) if info is not None else ("SUCCESS", value, sent)


def _task(app: Celery, body: Callable[[Task], Any], **options: Any) -> Task:
    return app.task(name=body.__name__, shared=False, bind=True, **options)(body)


# --- CLY208 -----------------------------------------------------------------------------------------------------------


def test_a_swallowed_retry_is_sent_and_the_run_succeeds(app: Celery) -> None:
    def swallowing(self: Task) -> str:
        try:
            self.retry()
        except Exception:
            return "done"
        raise AssertionError

    assert _run(_task(app, swallowing)) == ("SUCCESS", "done", 1)


def test_a_handler_that_raises_something_else_fails_the_run_and_the_retry_is_sent(app: Celery) -> None:
    def failing(self: Task) -> None:
        try:
            self.retry()
        except Exception as exc:
            raise ValueError from exc

    state, _, sent = _run(_task(app, failing))
    assert (state, sent) == ("FAILURE", 1)


def test_a_handler_that_retries_sends_two(app: Celery) -> None:
    def doubling(self: Task) -> None:
        try:
            self.retry()
        except Exception as exc:
            raise self.retry(exc=exc) from exc

    state, _, sent = _run(_task(app, doubling))
    assert (state, sent) == ("RETRY", 2)


@pytest.mark.parametrize("signal", [Ignore, Reject])
def test_what_is_ignored_or_rejected_and_swallowed_succeeds(app: Celery, signal: type[Exception]) -> None:
    def swallowing(self: Task) -> None:
        try:
            raise signal
        except Exception:
            pass

    assert _run(_task(app, swallowing))[0] == "SUCCESS"


def test_when_retries_are_spent_nothing_is_sent(app: Celery) -> None:
    def last(self: Task) -> str:
        try:
            self.retry()
        except self.MaxRetriesExceededError:
            return "given up"
        raise AssertionError

    assert _run(_task(app, last), retries=3) == ("SUCCESS", "given up", 0)


# --- CLY211 -----------------------------------------------------------------------------------------------------------


def test_an_exception_or_a_number_given_first_is_a_type_error_without_a_retry(app: Celery) -> None:
    def failing(self: Task) -> None:
        try:
            raise ConnectionError
        except ConnectionError as exc:
            raise self.retry(exc) from exc

    def counting(self: Task) -> None:
        raise self.retry(60)

    for task in (_task(app, failing), _task(app, counting)):
        state, error, sent = _run(task)
        assert (state, sent) == ("FAILURE", 0)
        assert isinstance(error, TypeError)


# --- CLY213 -----------------------------------------------------------------------------------------------------------


def _nothing() -> None: ...


@pytest.mark.parametrize("errors", [ConnectionError, None])
def test_what_is_not_iterable_stops_the_app_from_starting(app: Celery, errors: Any) -> None:
    app.task(autoretry_for=errors, shared=False, name="failing")(_nothing)
    with pytest.raises(TypeError, match="object is not iterable"):
        app.finalize()


@pytest.mark.parametrize("errors", [[ConnectionError], {ConnectionError}, ()])
def test_what_is_iterable_will_do(app: Celery, errors: Any) -> None:
    app.task(autoretry_for=errors, shared=False, name="working")(_nothing)
    app.finalize()


# --- CLY216 -----------------------------------------------------------------------------------------------------------


def test_a_bare_retry_ends_the_run(app: Celery) -> None:
    def retrying(self: Task) -> None:
        self.retry()
        raise AssertionError

    state, _, sent = _run(_task(app, retrying))
    assert (state, sent) == ("RETRY", 1)


# --- CLY209, CLY111 ---------------------------------------------------------------------------------------------------


def test_what_the_body_swallows_is_not_retried(app: Celery) -> None:
    def swallowing(self: Task) -> None:
        try:
            raise ConnectionError
        except Exception:
            pass

    assert _run(_task(app, swallowing, autoretry_for=(ConnectionError,)))[::2] == ("SUCCESS", 0)


def test_a_retry_keeps_the_moment_at_which_the_first_message_expires(app: Celery) -> None:
    def retrying(self: Task) -> None:
        raise self.retry(countdown=180)

    task = _task(app, retrying)
    app.finalize()
    moment = "2030-01-01T00:00:00+00:00"
    request = {"id": "an-id", "expires": moment, "delivery_info": {"routing_key": "celery", "exchange": ""}}
    build_tracer(task.name, task, app=app)("an-id", (), {}, request)
    with app.connection_for_read() as connection:
        message = connection.SimpleQueue("celery").queue.get()
    assert message.headers["expires"] == moment


# --- CLY103 -----------------------------------------------------------------------------------------------------------


def test_an_automatic_retry_takes_reject_too(app: Celery) -> None:
    def rejecting(self: Task) -> None:
        raise Reject("no", requeue=True)

    assert _run(_task(app, rejecting, autoretry_for=(Exception,)))[::2] == ("RETRY", 1)

"""What the rules say of settings, asked of Celery itself."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from celery import Celery
from celery.exceptions import CPendingDeprecationWarning, ImproperlyConfigured
from celery.worker.consumer import Consumer
from kombu.exceptions import ContentDisallowed


def _app(**settings: object) -> Celery:
    return Celery("proj", broker="memory://", set_as_current=False, **settings)


def test_a_name_that_celery_does_not_know_is_kept_in_silence() -> None:
    app = _app()
    app.conf.task_ack_late = True
    assert app.conf.task_acks_late is False
    assert app.conf.task_ack_late is True


def test_django_names_are_not_read_without_a_namespace() -> None:
    app = _app()
    app.config_from_object({"CELERY_TASK_TIME_LIMIT": 30, "CELERY_TASK_SERIALIZER": "yaml", "TASK_ACKS_LATE": True})
    assert app.conf.task_time_limit is None
    assert app.conf.task_acks_late is False
    assert app.conf.task_serializer == "yaml"


def test_a_configuration_may_not_mix_names() -> None:
    app = _app()
    app.config_from_object({"broker_url": "memory://", "task_acks_late": True, "CELERYD_CONCURRENCY": 3})
    with pytest.raises(ImproperlyConfigured, match="CELERYD_CONCURRENCY"):
        app.conf.task_acks_late  # noqa: B018
    app = _app()
    app.config_from_object({"BROKER_URL": "memory://", "CELERY_ACKS_LATE": True, "worker_concurrency": 3})
    with pytest.raises(ImproperlyConfigured, match="worker_concurrency"):
        app.conf.task_acks_late  # noqa: B018


def test_both_names_of_one_setting_are_allowed() -> None:
    app = _app()
    app.config_from_object({"broker_url": "memory://", "task_acks_late": True, "CELERY_ACKS_LATE": False})
    assert app.conf.task_acks_late is True


def test_code_may_not_mix_names_either() -> None:
    app = _app()
    app.conf.update(task_acks_late=True, CELERY_ROUTES={})
    with pytest.raises(ImproperlyConfigured):
        app.conf.task_acks_late  # noqa: B018


def test_a_text_is_true_and_no_number() -> None:
    app = _app(task_always_eager="False", task_time_limit="60", task_soft_time_limit="50")
    ran = []

    @app.task
    def one() -> None:
        ran.append(1)

    one.delay()
    assert ran == [1]
    assert isinstance(app.conf.task_time_limit, str)


def test_texts_are_not_counted_with() -> None:
    from billiard.pool import Worker

    with pytest.raises(AssertionError):
        Worker(None, None, maxtasks="100")


@pytest.mark.parametrize("text", ["10/min", "10/d", "10 per minute", "ten/m", "10", "0.5/h", " 10 /m", "3/s", "1/"])
def test_rates_are_read_as_celery_reads_them(text: str) -> None:
    from celery.utils.time import rate

    from celerylint.rules.settings.cly818_invalid_rate_limit import rate_error

    raised: list[str] = []
    try:
        rate(text)
    except (KeyError, ValueError) as error:
        raised.append(type(error).__name__)
    assert rate_error(text) == (raised[0] if raised else None)


def test_a_worker_refuses_what_it_does_not_accept() -> None:
    from kombu.serialization import dumps, loads, prepare_accept_content

    app = _app(task_serializer="pickle")
    kind, encoding, body = dumps([1], serializer=app.conf.task_serializer)
    with pytest.raises(ContentDisallowed):
        loads(body, kind, encoding, accept=prepare_accept_content(app.conf.accept_content))


def test_retries_at_startup_will_no_longer_follow_the_setting_for_lost_connections() -> None:
    app = _app()
    app.conf.broker_connection_retry = False
    consumer = SimpleNamespace(app=app, broker_connection_retry_attempt=0, first_connection_attempt=True)
    with (
        pytest.warns(CPendingDeprecationWarning, match="no longer determine"),
        app.connection_for_write() as connection,
    ):
        Consumer.ensure_connected(consumer, connection)


def test_a_reader_of_results_refuses_what_it_does_not_accept() -> None:
    app = _app(backend="cache+memory://")
    app.conf.result_serializer = "pickle"
    app.backend.store_result("1", 42, "SUCCESS")
    with pytest.raises(ContentDisallowed, match="pickle"):
        app.AsyncResult("1").get(timeout=1)

"""What the rules say of settings, asked of Celery itself."""

from __future__ import annotations

import pytest
from celery import Celery
from celery.exceptions import ImproperlyConfigured


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

"""What the rules say about time limits and what waits, asked of Celery itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery
from celery import __version__ as celery_version

VERSION = tuple(int(part) for part in celery_version.split(".")[:2])


@pytest.fixture
def app() -> Iterator[Celery]:
    app = Celery("limits", broker="memory://", backend="cache+memory://", set_as_current=False)
    yield app
    app.close()


def _nothing() -> None: ...


# --- CLY107 -----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(VERSION < (5, 5), reason="checked since 5.5")
def test_a_task_whose_soft_limit_is_above_its_hard_one_cannot_be_sent(app: Celery) -> None:
    pull = app.task(shared=False, soft_time_limit=120, time_limit=60)(_nothing)
    with pytest.raises(ValueError, match="soft_time_limit must be less than or equal to time_limit"):
        pull.delay()


def test_equal_limits_can_be_sent(app: Celery) -> None:
    pull = app.task(shared=False, soft_time_limit=60, time_limit=60)(_nothing)
    pull.delay()


# --- CLY104 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("options", "timeout"), [({}, 3600), ({"visibility_timeout": 77}, 77)])
def test_redis_reads_the_transport_options_of_the_broker(options: dict[str, int], timeout: int) -> None:
    pytest.importorskip("redis")
    app = Celery("limits", broker="redis://localhost", broker_transport_options=options, set_as_current=False)
    app.conf.result_backend_transport_options = {"visibility_timeout": 5}
    connection: Any = app.connection_for_read()
    channel = connection.transport.Channel
    assert connection.transport_options.get("visibility_timeout", channel.visibility_timeout) == timeout

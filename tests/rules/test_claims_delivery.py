"""What the rules say about acknowledgement, asked of the worker's own request."""

from __future__ import annotations

import time
from typing import Any
from unittest.mock import Mock

import pytest
from celery import Celery
from celery.worker.request import Request


def _acknowledged(app: Celery, **options: Any) -> tuple[bool, bool]:
    """Whether the message of a task is acknowledged when it has started, and when it has ended."""

    @app.task(name="pull", shared=False, **options)
    def pull() -> None: ...

    app.finalize()
    message = Mock(
        headers={"task": "pull", "id": "an-id", "eta": None, "expires": None, "timelimit": (None, None)},
        properties={"reply_to": None, "correlation_id": "an-id"},
        delivery_info={},
        body=b"[[], {}, {}]",
        content_type="application/json",
        content_encoding="utf-8",
        payload=([], {}, {}),
    )
    acks: list[str] = []
    request = Request(
        message,
        app=app,
        on_ack=lambda *_: acks.append("ack"),
        hostname="w",
        eventer=Mock(enabled=False),
        task=app.tasks["pull"],
    )
    request.on_accepted(pid=1, time_accepted=time.monotonic())
    started = bool(acks)
    request.on_success((False, None, 0.1))
    return started, bool(acks)


@pytest.fixture
def app() -> Celery:
    return Celery("claims", broker="memory://", set_as_current=False)


def test_by_default_a_message_is_acknowledged_when_the_task_starts(app: Celery) -> None:
    assert _acknowledged(app) == (True, True)


def test_acks_late_acknowledges_when_it_has_ended(app: Celery) -> None:
    assert _acknowledged(app, acks_late=True) == (False, True)


def test_none_on_the_task_takes_the_setting(app: Celery) -> None:
    app.conf.task_acks_late = True
    assert _acknowledged(app, acks_late=None) == (False, True)

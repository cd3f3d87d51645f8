"""Each claim meets a Celery that no other has touched: what outlives an app in one process is put back."""

from __future__ import annotations

import celery.app.builtins  # noqa: F401  # registers Celery's own tasks
import pytest
from celery import _state
from kombu.transport import memory

_OWN_FINALIZERS = frozenset(_state._on_app_finalizers)


@pytest.fixture(autouse=True)
def untouched_celery() -> None:
    """Forget messages in the in-memory broker, workers, and tasks that share themselves with every app to come."""
    memory.Channel.queues.clear()
    memory.Channel.events.clear()
    memory.Transport.global_state.clear()
    _state._on_app_finalizers.intersection_update(_OWN_FINALIZERS)
    # A worker that ran in this process leaves it taken for a task for good.
    _state._set_task_join_will_block(False)

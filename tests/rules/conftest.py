"""Each claim meets an empty broker: the in-memory one outlives the apps that send to it."""

from __future__ import annotations

import pytest
from kombu.transport import memory


@pytest.fixture(autouse=True)
def empty_broker() -> None:
    """Forget what other tests have left in the queues."""
    memory.Channel.queues.clear()
    memory.Channel.events.clear()
    memory.Transport.global_state.clear()

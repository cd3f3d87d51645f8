"""What the rules say of pools and time limits, asked of Celery itself."""

from __future__ import annotations

import time
from typing import Any

import pytest
from celery.concurrency import get_implementation


@pytest.mark.parametrize("name", ["solo", "threads"])
def test_pools_without_processes_ignore_both_limits(name: str) -> None:
    pool: Any = get_implementation(name)(1)
    pool.start()
    done: list[object] = []
    stopped: list[object] = []
    try:
        pool.apply_async(
            time.sleep,
            args=(0.3,),
            callback=done.append,
            timeout=0.1,
            soft_timeout=0.05,
            timeout_callback=lambda *args: stopped.append(args),
        )
        deadline = time.monotonic() + 10
        while not done and time.monotonic() < deadline:
            time.sleep(0.02)
    finally:
        pool.stop()
    assert (len(done), stopped) == (1, [])

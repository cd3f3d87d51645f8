"""What the rules say about the bodies of tasks, asked of Celery and of the libraries themselves."""

from __future__ import annotations

import inspect
import socket
import threading
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import pytest
from celery import Celery, Task
from celery.app.trace import build_tracer

# --- CLY606 -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[str]:
    """A server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"


def _waits(call: Any) -> bool:
    """Whether a call is still waiting after half a second."""

    def run() -> None:
        with suppress(Exception):
            call()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(0.5)
    return thread.is_alive()


def test_requests_waits_without_end_also_in_a_session_and_beside_a_default_of_sockets(server: str) -> None:
    requests = pytest.importorskip("requests")
    session = requests.Session()
    given: list[Any] = []

    class Noting(requests.adapters.HTTPAdapter):  # type: ignore[name-defined,misc]
        def send(self, request: Any, timeout: Any = "missing", **kwargs: Any) -> Any:
            given.append(timeout)
            raise requests.ConnectionError

    session.mount("http://", Noting())
    session.timeout = 5
    for call in (session.get, session.post, session.delete):
        with pytest.raises(requests.ConnectionError):
            call(server)
    assert given == [None, None, None]
    assert _waits(lambda: requests.get(server))
    assert not _waits(lambda: requests.get(server, timeout=0.1))


def test_urllib_waits_as_long_as_sockets_do_and_urlretrieve_takes_no_timeout(server: str) -> None:
    assert socket.getdefaulttimeout() is None
    assert _waits(lambda: urllib.request.urlopen(server))
    assert not _waits(lambda: urllib.request.urlopen(server, None, 0.1))
    assert "timeout" not in inspect.signature(urllib.request.urlretrieve).parameters
    assert list(inspect.signature(urllib.request.urlopen).parameters)[:3] == ["url", "data", "timeout"]


def test_pools_of_urllib3_wait_without_end_unless_they_were_made_with_a_timeout(server: str) -> None:
    urllib3 = pytest.importorskip("urllib3")
    assert _waits(lambda: urllib3.PoolManager().request("GET", server))
    assert not _waits(lambda: urllib3.PoolManager(timeout=0.1, retries=False).request("GET", server))
    assert inspect.signature(urllib3.request).parameters["timeout"].default == 3


def test_httpx_waits_five_seconds_unless_it_is_told_not_to() -> None:
    httpx = pytest.importorskip("httpx")
    assert httpx.Client().timeout == httpx.Timeout(5.0)
    assert httpx.Client(timeout=None).timeout == httpx.Timeout(None)
    assert httpx.Timeout(None).read is None


def test_aiohttp_takes_no_timeout_of_a_session_for_its_own_and_of_a_request_for_none() -> None:
    aiohttp = pytest.importorskip("aiohttp")
    import asyncio

    assert aiohttp.client.DEFAULT_TIMEOUT.total == 300

    async def told() -> Any:
        async with aiohttp.ClientSession(timeout=None) as session:
            return session.timeout.total

    assert asyncio.run(told()) == 300
    assert "ClientTimeout(total=timeout)" in inspect.getsource(aiohttp.ClientSession._request)


# --- CLY608 -----------------------------------------------------------------------------------------------------------


def _traced(task: Task) -> str:
    task.app.finalize()
    request = {"id": "an-id", "retries": 0, "delivery_info": {"routing_key": "celery", "exchange": ""}}
    _, info, _, _ = build_tracer(task.name, task, app=task.app)("an-id", (), {}, request)
    return info.state if info is not None else "SUCCESS"


@pytest.mark.filterwarnings("ignore:coroutine")
def test_the_body_of_an_async_task_and_of_a_generator_never_runs_and_it_succeeds() -> None:
    app = Celery("async", broker="memory://", set_as_current=False)
    ran: list[str] = []

    @app.task(name="coroutine", shared=False)
    async def coroutine() -> None:
        ran.append("coroutine")

    @app.task(name="generator", shared=False)
    def generator() -> Iterator[int]:
        ran.append("generator")
        yield 1

    @app.task(name="both", shared=False)
    async def both() -> AsyncIterator[int]:
        ran.append("both")
        yield 1

    class Run(Task):
        name = "class"

        async def run(self) -> None:
            ran.append("class")

    for task in (coroutine, generator, both, app.register_task(Run())):
        assert _traced(task) == "SUCCESS"
    assert ran == []


@pytest.mark.filterwarnings("ignore:coroutine")
def test_where_results_are_stored_it_fails_as_a_coroutine_cannot_be_stored() -> None:
    app = Celery("async", broker="memory://", backend="cache+memory://", set_as_current=False)
    ran: list[str] = []

    @app.task(name="coroutine", shared=False)
    async def coroutine() -> None:
        ran.append("coroutine")

    @app.task(name="generator", shared=False)
    def generator() -> Iterator[int]:
        ran.append("generator")
        yield 1

    for task in (coroutine, generator):
        assert _traced(task) == "FAILURE"
    assert ran == []

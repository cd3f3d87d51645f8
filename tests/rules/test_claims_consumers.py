"""What the rules say of the queues that workers consume, asked of Celery itself."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import pytest
from celery import Celery
from celery.beat import Scheduler
from celery.utils.quorum_queues import detect_quorum_queues
from kombu import Exchange, Queue


def _app(**settings: object) -> Celery:
    return Celery("proj", broker="memory://", set_as_current=False, **settings)


def _consumed(app: Celery, queues: list[str] | None = None, without: list[str] | None = None) -> list[str]:
    """What a worker with `-Q` and `-X` consumes; it is set up, and not started."""
    app.finalize()
    app.Worker(queues=queues, exclude_queues=without, pool="solo", hostname="w@host", without_gossip=True)
    return sorted(app.amqp.queues.consume_from)


def test_without_q_a_worker_consumes_what_is_declared_and_looks_at_nothing_else() -> None:
    routed = _app(task_routes={"shop.report": "reports"})

    @routed.task(name="shop.rebuild", queue="slow")
    def rebuild() -> None: ...

    assert _consumed(routed) == ["celery"]
    assert _consumed(_app(task_queues=[Queue("mail"), Queue("reports")])) == ["mail", "reports"]


def test_q_names_all_that_a_worker_consumes() -> None:
    assert _consumed(_app(), ["mail", "reports"]) == ["mail", "reports"]
    assert _consumed(_app(task_queues=[Queue("celery"), Queue("mail")]), ["mail"]) == ["mail"]
    assert _consumed(_app(), ["celery", "mail"], ["celery"]) == ["mail"]


def test_a_task_without_a_route_is_sent_to_a_default_queue_that_is_not_declared() -> None:
    app = _app(task_queues=[Queue("mail")])

    @app.task(name="shop.report")
    def report() -> None: ...

    report.delay()
    with app.connection_for_read() as connection:
        waiting = {name: connection.default_channel.queue_declare(name).message_count for name in ("celery", "mail")}
    assert waiting == {"celery": 1, "mail": 0}
    assert _consumed(app) == ["mail"]


@pytest.mark.parametrize(("backend", "sent"), [("file", True), ("cache+memory://", False)])
def test_beat_cleans_up_only_where_results_do_not_expire_by_themselves(
    backend: str, sent: bool, tmp_path: Path
) -> None:
    app = _app(backend=f"file://{tmp_path}" if backend == "file" else backend)
    scheduler = Scheduler(app, lazy=True)
    scheduler.install_default_entries({})
    assert ("celery.backend_cleanup" in scheduler.schedule) is sent
    kept = _app(backend=f"file://{tmp_path}")
    kept.conf.result_expires = None
    without = Scheduler(kept, lazy=True)
    without.install_default_entries({})
    assert not without.schedule


def test_the_keyword_queue_of_s_is_an_argument_of_the_task() -> None:
    app = _app()

    @app.task(name="shop.drain")
    def drain(queue: str) -> None: ...

    assert (drain.s(queue="a").options, drain.s(queue="a").kwargs) == ({}, {"queue": "a"})
    assert drain.signature((), queue="a").options == {"queue": "a"}


def test_a_queue_on_a_direct_exchange_gets_what_is_sent_to_it_and_no_other_does() -> None:
    shared = Exchange("shop", type="direct")
    app = _app(task_queues=[Queue("a", shared, routing_key="k"), Queue("b", shared, routing_key="k")])
    with app.connection_for_write() as connection:
        for queue in app.amqp.queues.values():
            queue(connection.default_channel).declare()
        app.send_task("shop.report", queue="a")
        waiting = {name: connection.default_channel.queue_declare(name).message_count for name in ("a", "b")}
    assert waiting == {"a": 1, "b": 0}


def test_the_default_queue_is_a_quorum_queue_on_a_direct_exchange_unless_more_is_said() -> None:
    plain = _app(task_default_queue_type="quorum")
    assert detect_quorum_queues(plain, "amqp") == (True, "celery")
    assert plain.amqp.queues["celery"].exchange.type == "direct"
    topic = _app(task_default_queue_type="quorum", task_default_exchange_type="topic")
    assert topic.amqp.queues["celery"].exchange.type == "topic"
    declared = _app(task_default_queue_type="quorum", task_queues=[Queue("celery")])
    assert detect_quorum_queues(declared, "amqp") == (False, "")
    assert detect_quorum_queues(plain, "redis") == (False, "")


def test_a_delay_on_a_direct_exchange_stays_with_the_worker(caplog: pytest.LogCaptureFixture) -> None:
    for kind, warned in (("direct", True), ("topic", False)):
        app = _app(task_default_queue_type="quorum", task_default_exchange_type=kind)
        caplog.clear()
        with app.connection_for_write() as connection, patch.object(type(connection.transport), "driver_type", "amqp"):
            app.send_task("shop.remind", countdown=600)
        assert ("Direct exchanges are not supported" in caplog.text) is warned

"""What the rules say of routes, asked of Celery itself."""

from __future__ import annotations

import pytest
from celery import Celery
from celery.exceptions import QueueNotFound
from kombu import Queue


def _app(**settings: object) -> Celery:
    return Celery("proj", broker="memory://", set_as_current=False, **settings)


def _queue(app: Celery, name: str, **options: object) -> str:
    return str(app.amqp.router.route(options, name)["queue"].name)


def test_a_flat_list_of_pairs_raises() -> None:
    app = _app(task_routes=[("shop.*", "shop")])
    with pytest.raises(ValueError, match="unpack"):
        app.send_task("shop.ship")
    assert _queue(_app(task_routes=([("shop.*", "shop")],)), "shop.ship") == "shop"


def test_only_a_star_makes_a_pattern() -> None:
    app = _app(task_routes={"shi?": "a", "[ab]": "b", "[ab]*": "c"})
    assert [_queue(app, name) for name in ("ship", "a", "shi?")] == ["celery", "c", "a"]


def test_the_first_pattern_wins_and_full_names_before_it() -> None:
    app = _app(task_routes={"shop.*": "wide", "shop.mail.*": "narrow", "shop.mail.now": "named"})
    assert [_queue(app, name) for name in ("shop.mail.later", "shop.mail.now")] == ["wide", "named"]
    both = _app(task_routes=({"shop.*": "wide"}, {"shop.ship": "named"}))
    assert _queue(both, "shop.ship") == "wide"


def test_the_queue_of_a_task_beats_its_route() -> None:
    app = _app(task_routes={"ship": "routed"})
    assert _queue(app, "ship", queue="own") == "own"


def test_queues_that_are_not_declared_are_not_created() -> None:
    app = _app(task_create_missing_queues=False, task_queues=[Queue("celery")], task_routes={"ship": "ship"})
    with pytest.raises(QueueNotFound):
        app.send_task("ship")

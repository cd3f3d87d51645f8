"""What the rules say of Flower and of events, asked of Flower and Celery themselves."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery
from celery.worker.consumer.events import Events as EventsStep
from flower.events import Events
from flower.options import default_options
from flower.views import BaseHandler
from tornado.web import HTTPError


def _visitor(**given: Any) -> Any:
    """Somebody without credentials, as a Flower with these options sees them."""
    options = SimpleNamespace(**{"basic_auth": default_options.basic_auth, "auth": default_options.auth, **given})
    request = SimpleNamespace(headers={})
    return SimpleNamespace(
        application=SimpleNamespace(options=options), request=request, get_secure_cookie=lambda name: None
    )


@pytest.mark.parametrize(
    "given",
    [{}, {"oauth2_key": "abc", "oauth2_secret": "def"}, {"auth_provider": "flower.views.auth.GithubLoginHandler"}],
)
def test_flower_lets_everybody_in_without_basic_auth_or_auth(given: dict[str, Any]) -> None:
    """CLY707."""
    assert BaseHandler.get_current_user(_visitor(**given)) is True


def test_flower_with_either_asks() -> None:
    """CLY707. An empty password is one, too."""
    for basic_auth in (["admin:secret"], [""]):
        with pytest.raises(HTTPError, match="401"):
            BaseHandler.get_current_user(_visitor(basic_auth=basic_auth))
    assert BaseHandler.get_current_user(_visitor(auth=r".*@shop\.example")) is None


def test_flower_listens_everywhere_at_5555() -> None:
    """CLY707."""
    assert (default_options.port, default_options.address) == (5555, "")


def test_a_worker_without_task_events_sends_its_own_alone() -> None:
    """CLY708."""
    app = Celery("shop", broker="memory://")
    consumer = SimpleNamespace(app=app)
    assert app.conf.worker_send_task_events is False
    assert EventsStep(consumer, task_events=False).groups == ["worker"]
    assert EventsStep(consumer, task_events=True).groups is None


def test_flower_asks_for_events_every_five_seconds() -> None:
    """CLY708."""
    assert default_options.enable_events is True
    assert Events.events_enable_interval == 5000

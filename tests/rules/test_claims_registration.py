"""What the rules say of modules that are gone and of tasks that are not found, asked of Celery itself."""

from __future__ import annotations

import gc
import importlib

import celery
import pytest
from celery import Celery

from celerylint.rules.settings.cly806_removed_api import _MODULES, _NAMES


def _app(**settings: object) -> Celery:
    return Celery("proj", broker="memory://", set_as_current=False, **settings)


@pytest.mark.parametrize("name", _MODULES)
def test_these_modules_are_gone(name: str) -> None:
    with pytest.raises(ImportError):
        importlib.import_module(name)


@pytest.mark.parametrize("name", _NAMES)
def test_these_names_are_gone(name: str) -> None:
    assert not hasattr(celery, name)


@pytest.mark.parametrize("name", ["celery.registry", "celery.execute", "celery.log", "celery.messaging"])
def test_these_are_still_there(name: str) -> None:
    importlib.import_module(name)


def test_the_letters_of_a_text_are_taken_for_packages() -> None:
    app = _app()
    app.autodiscover_tasks("qx")
    with pytest.raises(ModuleNotFoundError, match="'q'"):
        app.loader.import_default_modules()


def test_of_a_missing_package_nothing_is_said() -> None:
    app = _app()
    app.autodiscover_tasks(["celery.no_such_package"])
    app.loader.import_default_modules()


def test_a_nested_handler_is_gone() -> None:
    called = []

    def create(**options: object) -> Celery:
        app = _app()

        def schedule(sender: Celery, **kwargs: object) -> None:
            called.append(sender)

        app.on_after_configure.connect(**options)(schedule)
        return app

    app = create()
    gc.collect()
    app.conf.task_acks_late  # noqa: B018
    assert called == []
    kept = create(weak=False)
    gc.collect()
    kept.conf.task_acks_late  # noqa: B018
    assert called == [kept]

"""What the rules say of modules that are gone and of tasks that are not found, asked of Celery itself."""

from __future__ import annotations

import gc
import importlib
import time
from pathlib import Path

import celery
import pytest
from celery import Celery, signals
from celery.contrib.testing.worker import start_worker

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


def test_a_task_class_is_registered_by_hand_alone() -> None:
    app = _app()

    class Pull(celery.Task):
        name = "pull"

        def run(self) -> None: ...

    assert "pull" not in app.tasks
    app.register_task(Pull())
    assert "pull" in app.tasks


def test_what_a_class_sends_without_being_registered_a_worker_drops() -> None:
    app = _app()

    class Pull(celery.Task):
        name = "pull"

        def run(self) -> None: ...

    dropped = []

    @signals.task_unknown.connect
    def note(name: str, **kwargs: object) -> None:
        dropped.append(name)

    Pull.bind(app)
    with start_worker(app, pool="solo", perform_ping_check=False):
        Pull().delay()
        deadline = time.monotonic() + 10
        while not dropped and time.monotonic() < deadline:
            time.sleep(0.01)
    signals.task_unknown.disconnect(note)
    assert dropped == ["pull"]


def test_a_worker_imports_what_it_is_told_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "unregistered"
    folder.mkdir()
    (folder / "__init__.py").touch()
    for name in ("told", "tasks", "mails"):
        (folder / f"{name}.py").write_text(
            f"from celery import shared_task\n\n@shared_task(name='unregistered-{name}')\ndef one(): ...\n"
        )
    monkeypatch.syspath_prepend(str(tmp_path))
    app = _app(include=["unregistered.told"])
    app.autodiscover_tasks(["unregistered"])
    app.loader.import_default_modules()
    app.finalize()
    assert {"unregistered-told", "unregistered-tasks"} <= app.tasks.keys()
    assert "unregistered-mails" not in app.tasks

"""What the rules say of schedule entries and of bound tasks, asked of Celery itself."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable

import pytest
from celery import Celery
from celery.beat import Scheduler


def _app(**settings: object) -> Celery:
    return Celery("proj", broker="memory://", set_as_current=False, **settings)


def _beat(app: Celery, **entry: object) -> Scheduler:
    """Beat, started with one entry."""
    beat = Scheduler(app=app, lazy=True)
    beat.update_from_dict({"one": entry})
    return beat


def test_an_entry_takes_no_other_keys() -> None:
    with pytest.raises(TypeError, match="queue"):
        _beat(_app(), task="sync", schedule=60, queue="slow")
    _beat(_app(), task="sync", schedule=60, options={"queue": "slow"}, relative=True, args=(), kwargs={})


def test_a_text_is_no_schedule() -> None:
    with pytest.raises(AttributeError):
        _beat(_app(), task="sync", schedule="0 3 * * *")


def test_the_letters_of_a_text_become_arguments() -> None:
    app = _app()
    got = []
    app.send_task = lambda name, args, kwargs, **options: got.append(args)  # type: ignore[method-assign]
    beat = _beat(app, task="sync", schedule=60, args="abc")
    beat.apply_async(beat.schedule["one"], advance=False)
    assert got == [["a", "b", "c"]]


def test_a_bound_function_needs_a_parameter() -> None:
    app = _app(task_always_eager=True, task_eager_propagates=True)

    @app.task(bind=True)
    def one() -> None: ...

    with pytest.raises(TypeError):
        one.delay()


def test_self_is_an_ordinary_argument_without_bind() -> None:
    app = _app(task_always_eager=True)

    @app.task
    def one(self: object, pk: int) -> None: ...

    with pytest.raises(TypeError, match="missing"):
        one.delay(1)


def test_of_two_functions_with_one_name_one_is_registered() -> None:
    app = _app(task_always_eager=True)
    ran = []

    @app.task(name="sync")
    def one() -> None:
        ran.append("one")

    @app.task(name="sync")
    def two() -> None:
        ran.append("two")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        app.finalize()
        one.delay()
        two.delay()
    assert len(ran) == 2
    assert len(set(ran)) == 1


def test_a_decorator_above_the_task_makes_a_function_of_it() -> None:
    app = _app()
    seen = []

    def logged(function: Callable[[], None]) -> Callable[[], None]:
        @functools.wraps(function)
        def wrapper() -> None:
            seen.append(function)
            function()

        return wrapper

    @logged
    @app.task(name="one")
    def one() -> None: ...

    assert not hasattr(one, "delay")
    app.tasks["one"].apply()
    assert seen == []


def test_beat_plans_no_cleanup_of_results_that_never_expire() -> None:
    for expires, planned in ((3600, True), (0, False), (None, False)):
        app = _app(result_backend="file:///tmp")
        app.conf.result_expires = expires
        beat = Scheduler(app=app, lazy=True)
        beat.install_default_entries({})
        assert ("celery.backend_cleanup" in beat.schedule) is planned

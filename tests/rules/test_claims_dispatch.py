"""What the rules say of sending tasks, asked of Celery itself."""

from __future__ import annotations

import pytest
from celery import Celery, chain


def _app(**settings: object) -> Celery:
    return Celery("proj", broker="memory://", backend="cache+memory://", set_as_current=False, **settings)


def _ship(app: Celery) -> object:
    @app.task(name="ship", shared=False)
    def ship(order_id: int, express: bool = False) -> int:
        return order_id

    return app.tasks["ship"]


def test_arguments_that_do_not_fit_raise_in_the_caller() -> None:
    ship = _ship(_app())
    for args, kwargs in (((), {}), ((1, 2, 3), {}), ((1,), {"expres": True}), ((1,), {"order_id": 1})):
        with pytest.raises(TypeError):
            ship.delay(*args, **kwargs)  # type: ignore[attr-defined]
        with pytest.raises(TypeError):
            ship.apply_async(args, kwargs)  # type: ignore[attr-defined]


def test_signatures_and_names_are_not_checked_until_they_run() -> None:
    app = _app()
    ship = _ship(app)
    signature = ship.s(1, 2, 3)  # type: ignore[attr-defined]
    app.send_task("ship", (1, 2, 3))
    with pytest.raises(TypeError):
        signature.delay()


def test_a_step_of_a_chain_gets_the_result_even_of_none() -> None:
    app = _app(task_always_eager=True, task_store_eager_result=True)

    @app.task(shared=False)
    def nothing() -> None: ...

    @app.task(shared=False)
    def told(result: object) -> str:
        return f"told {result}"

    @app.task(shared=False)
    def deaf() -> str:
        return "deaf"

    assert chain(nothing.s(), told.s(), app=app).apply().get() == "told None"
    assert chain(nothing.s(), deaf.si(), app=app).apply().get() == "deaf"
    with pytest.raises(TypeError):
        chain(nothing.s(), deaf.s(), app=app).apply().get()


def test_delay_hands_options_to_the_function() -> None:
    app = _app()
    ship = _ship(app)
    with pytest.raises(TypeError, match="countdown"):
        ship.delay(1, countdown=10)  # type: ignore[attr-defined]

    @app.task(name="any", shared=False)
    def anything(**kwargs: object) -> object:
        return kwargs

    assert anything.apply(kwargs={"countdown": 10}).get() == {"countdown": 10}
    anything.delay(countdown=10)


def test_one_value_is_no_sequence_of_arguments() -> None:
    app = _app()
    ship = _ship(app)
    for args in (42, {"order_id": 1}, {1}, "abc"):
        with pytest.raises(TypeError):
            ship.apply_async(args)  # type: ignore[attr-defined]
    with pytest.raises(TypeError):
        app.send_task("ship", 42)
    assert app.signature("ship", args="ab").args == ("a", "b")


def test_options_of_the_task_are_not_options_of_a_call() -> None:
    app = _app(task_always_eager=True)
    runs: list[int] = []

    @app.task(name="failing", shared=False, autoretry_for=(OSError,), default_retry_delay=0)
    def failing() -> None:
        runs.append(1)
        raise OSError

    failing.apply_async(max_retries=0, contdown=60)
    assert len(runs) == 4


def test_waiting_inside_a_task_raises() -> None:
    from celery._state import _set_task_join_will_block
    from celery.result import allow_join_result

    app = _app()
    _set_task_join_will_block(True)
    try:
        with pytest.raises(RuntimeError, match="Never call"):
            app.AsyncResult("x").get()
        with allow_join_result(), pytest.raises(Exception, match=r"[Tt]imed out"):
            app.AsyncResult("x").get(timeout=0.01)
    finally:
        _set_task_join_will_block(False)

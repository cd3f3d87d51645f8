"""What the rules say of schedules, routes, prefetching and options, asked of Celery itself."""

from __future__ import annotations

import warnings
from datetime import datetime, timedelta, timezone

from celery import Celery
from celery.schedules import crontab

from celerylint.rules.beat.cly405_crontab_every_minute import _hours


def _app(**settings: object) -> Celery:
    return Celery("proj", broker="memory://", set_as_current=False, **settings)


def _starts(schedule: crontab, start: datetime, minutes: int) -> int:
    """In how many of the minutes after `start` a crontab is due."""
    moments = (start + timedelta(minutes=n) for n in range(minutes))
    return sum(
        now.minute in schedule.minute and now.hour in schedule.hour and now.isoweekday() % 7 in schedule.day_of_week
        for now in moments
    )


def test_an_hour_without_a_minute_is_sixty_runs() -> None:
    sunday = datetime(2026, 3, 1, tzinfo=timezone.utc)
    assert _starts(crontab(hour=3), sunday, 24 * 60) == 60
    assert _starts(crontab(day_of_week=1), sunday, 7 * 24 * 60) == 1440
    assert _starts(crontab(minute=0, hour=3), sunday, 24 * 60) == 1
    assert _starts(crontab(minute=0, day_of_week=0), sunday, 7 * 24 * 60) == 24


def test_beat_finds_the_next_minute_due() -> None:
    noon = datetime(2026, 3, 1, 3, 0, tzinfo=timezone.utc)
    every = crontab(hour=3, app=_app(timezone="UTC"), nowfun=lambda: noon + timedelta(minutes=1))
    assert every.is_due(noon).is_due


def test_hours_are_read_as_celery_reads_them() -> None:
    for text in ("3", "3,15", "*/6", "8-17", "0-23/5", "22,*/7"):
        assert _hours(text) == sorted(crontab(hour=text).hour)


def test_positional_fields_start_with_the_minute() -> None:
    assert crontab(5, 3).minute == {5}
    assert crontab(5, 3).hour == {3}


def test_equal_signatures_without_a_name_leave_one_entry() -> None:
    app = _app()

    @app.task(name="sync")
    def sync(what: str) -> None: ...

    app.finalize()
    app.conf.beat_schedule  # noqa: B018  the configuration must be read for entries to be added at once
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        app.add_periodic_task(60, sync.s("all"))
        app.add_periodic_task(3600, sync.s("all"))
    assert [entry["schedule"] for entry in app.conf.beat_schedule.values()] == [3600]
    app.add_periodic_task(60, sync.s("orders"), name="sync")
    app.add_periodic_task(60, sync.s("stock"), name="sync")
    assert len(app.conf.beat_schedule) == 2
    app.add_periodic_task(60, sync.s("orders"))
    assert len(app.conf.beat_schedule) == 3


def test_unknown_keywords_are_kept_and_change_nothing() -> None:
    app = _app()

    @app.task(ignore_results=True, max_retry=10, task_time_limit=3)
    def pull() -> None: ...

    assert pull.ignore_results is True
    assert (pull.ignore_result, pull.max_retries, pull.time_limit) == (False, 3, None)


def test_tasks_without_a_route_go_to_the_default_queue() -> None:
    app = _app(task_routes={"mail.*": {"queue": "mail"}, "shi?": {"queue": "ship"}})

    def queue(name: str) -> str:
        return str(app.amqp.router.route({}, name)["queue"].name)

    assert queue("mail.receipt") == "mail"
    assert queue("imports") == "celery"
    assert queue("ship") == "celery"  # no `*`, no pattern
    assert str(_app().amqp.router.route({}, "anything")["queue"].name) == "celery"
    everything = _app(task_routes={"mail.*": "mail", "*": "main"})
    assert str(everything.amqp.router.route({}, "imports")["queue"].name) == "main"


def test_four_messages_for_each_process_unless_somebody_says_otherwise() -> None:
    assert _app().conf.worker_prefetch_multiplier == 4

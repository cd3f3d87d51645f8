"""What the fixes of each rule may change of what Celery makes of a project. A rule that is not listed may change nothing."""

from __future__ import annotations

from collections.abc import Iterable

_LATE = ("acks_late", "settings.task_acks_late")
_RETRIES = ("autoretry_for", "retry_backoff", "retry_backoff_max", "retry_jitter")

MAY_CHANGE: dict[str, tuple[str, ...]] = {
    # acks_late where a task, its base or the app decides it
    "CLY101": _LATE,
    # reject_on_worker_lost, called retry_on_worker_lost from 5.7 on, beside the acks_late that it completes
    "CLY102": (
        "reject_on_worker_lost",
        "retry_on_worker_lost",
        "settings.task_reject_on_worker_lost",
        "settings.task_retry_on_worker_lost",
    ),
    # acks_late, without which reject_on_worker_lost has no effect
    "CLY103": _LATE,
    # visibility_timeout among the options of the broker
    "CLY104": ("settings.broker_transport_options",),
    # a limit where there is none
    "CLY106": ("time_limit", "settings.task_time_limit"),
    # the soft limit, lowered below the hard one
    "CLY107": ("soft_time_limit", "settings.task_soft_time_limit"),
    # the exceptions that are tried again
    "CLY201": ("autoretry_for",),
    # a backoff with jitter
    "CLY202": ("retry_backoff", "retry_jitter"),
    # jitter where it was turned off
    "CLY203": ("retry_jitter",),
    # the most that a wait grows to
    "CLY206": ("retry_backoff_max",),
    # a number of retries where it was unlimited
    "CLY207": ("max_retries",),
    # exceptions that can never come out of autoretry_for
    "CLY212": ("autoretry_for",),
    # a tuple where one class stands; until then the module cannot be imported and its task has none of its options
    "CLY213": _RETRIES,
    # queues for tasks that all went to one
    "CLY301": ("queue", "settings.task_routes", "settings.task_queues", "settings.task_default_queue"),
    # a route that matched no task
    "CLY303": ("queue", "settings.task_routes"),
    # the default queue among those that are consumed
    "CLY306": ("queue", "settings.task_queues"),
    # the type of the exchange
    "CLY310": ("queue", "settings.task_default_exchange_type", "settings.task_queues"),
    # entries of the schedule: one less, when they are due, whom they name, how they are sent
    "CLY403": ("schedule", "settings.beat_schedule"),
    "CLY405": ("schedule", "settings.beat_schedule"),
    "CLY406": ("schedule", "settings.beat_schedule"),
    "CLY407": ("schedule", "settings.beat_schedule"),
    "CLY409": ("settings.beat_schedule",),
    # results that nobody looks at
    "CLY516": ("ignore_result", "settings.task_ignore_result"),
    # how many messages a worker takes ahead
    "CLY701": ("settings.worker_prefetch_multiplier",),
    # names that had no effect
    "CLY801": ("settings", "options", "queue"),
    "CLY802": ("settings", "options", "queue"),
    "CLY803": ("settings", "options", "queue"),
    "CLY804": ("options", "queue"),
    # shared_task in place of what Celery 4 had, which no import finds any more
    "CLY806": (),
    # tasks that are sent to workers again
    "CLY813": ("settings.task_always_eager",),
    # the time after which results expire
    "CLY814": ("settings.result_expires",),
    # texts that were meant as numbers or flags: whichever setting, and what tasks take from it
    "CLY815": ("settings", "options"),
}


def may_change(codes: Iterable[str], what: str) -> bool:
    """Whether some rule of these may change that: an option's name, `queue`, `schedule`, or `settings.` and a name."""
    if what == "settings.task_annotations":
        # Options are set there too, by the name of a task.
        return any(
            not each.startswith(("settings.", "schedule")) for code in codes for each in MAY_CHANGE.get(code, ())
        )
    group = "settings" if what.startswith("settings.") else "options"
    others = ("queue", "schedule")
    return any(
        what in allowed or (group in allowed and what not in others)
        for allowed in (MAY_CHANGE.get(code, ()) for code in codes)
    )

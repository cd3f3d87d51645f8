"""What a project configures: plain settings, routes, queues, annotations and the beat schedule."""

from __future__ import annotations

from typing import Any

from celerylint.dev.oracle.options import random_value
from celerylint.dev.oracle.project import Module, Project, Service
from celerylint.dev.oracle.values import Written, spell

OLD_NAMES = {
    "task_acks_late": "CELERY_ACKS_LATE",
    "task_time_limit": "CELERYD_TASK_TIME_LIMIT",
    "task_soft_time_limit": "CELERYD_TASK_SOFT_TIME_LIMIT",
    "task_track_started": "CELERY_TRACK_STARTED",
    "task_ignore_result": "CELERY_IGNORE_RESULT",
    "task_serializer": "CELERY_TASK_SERIALIZER",
    "task_default_queue": "CELERY_DEFAULT_QUEUE",
    "task_default_rate_limit": "CELERY_DEFAULT_RATE_LIMIT",
    "task_routes": "CELERY_ROUTES",
    "task_annotations": "CELERY_ANNOTATIONS",
    "task_queues": "CELERY_QUEUES",
    "worker_prefetch_multiplier": "CELERYD_PREFETCH_MULTIPLIER",
    "worker_concurrency": "CELERYD_CONCURRENCY",
    "worker_max_tasks_per_child": "CELERYD_MAX_TASKS_PER_CHILD",
    "result_expires": "CELERY_TASK_RESULT_EXPIRES",
    "result_backend": "CELERY_RESULT_BACKEND",
    "broker_url": "BROKER_URL",
    "broker_transport_options": "BROKER_TRANSPORT_OPTIONS",
    "beat_schedule": "CELERYBEAT_SCHEDULE",
    "accept_content": "CELERY_ACCEPT_CONTENT",
    "timezone": "CELERY_TIMEZONE",
    "enable_utc": "CELERY_ENABLE_UTC",
}

_PLAIN: dict[str, tuple[Any, ...]] = {
    "task_acks_late": (True, False),
    "task_reject_on_worker_lost": (True, False),
    "task_track_started": (True, False),
    "task_ignore_result": (True, False),
    "task_store_errors_even_if_ignored": (True, False),
    "task_acks_on_failure_or_timeout": (True, False),
    "task_time_limit": (60, 300, 600, 3600),
    "task_soft_time_limit": (50, 240, 540),
    "task_default_rate_limit": ("10/m", "100/h"),
    "task_default_priority": (3, 5),
    "task_serializer": ("json", "pickle"),
    "task_default_queue": ("default", "shop", "celery"),
    "worker_prefetch_multiplier": (1, 2, 4, 8),
    "worker_concurrency": (2, 4, 8),
    "worker_max_tasks_per_child": (100, 1000),
    "result_expires": (3600, 86400, Written("timedelta(hours=6)", ("from datetime import timedelta",))),
    "result_backend": ("redis://localhost:6379/1", "django-db", "rpc://"),
    "broker_url": ("redis://localhost:6379/0", "amqp://guest:guest@localhost:5672//"),
    "broker_transport_options": ({"visibility_timeout": 7200}, {"visibility_timeout": 43200, "max_retries": 3}),
    "accept_content": (["json"], ["json", "pickle"]),
    "timezone": ("UTC", "Europe/Paris"),
    "enable_utc": (True, False),
}
_ONLY_NEW_NAMES = [name for name in _PLAIN if name not in OLD_NAMES]

_ANNOTATED = ("acks_late", "time_limit", "soft_time_limit", "max_retries", "rate_limit", "track_started",
              "ignore_result", "default_retry_delay", "autoretry_for", "retry_backoff", "retry_jitter")  # fmt: skip


def random_settings(project: Project, service: Service, module: Module, most: int = 6, *, far: bool) -> dict[str, str]:
    """Setting names with the text of their values, as it reads in the module."""
    settings = {
        name: spell(project, service, module, project.pick(_PLAIN[name]), far=far)
        for name in project.some(list(_PLAIN), 0, most)
    }
    for name, probability, make in _STRUCTURED:
        if project.chance(probability):
            settings[name] = make(project, service, module)
    return settings


def old_names_only(settings: dict[str, str]) -> dict[str, str]:
    """The settings that have an old name, under it."""
    return {OLD_NAMES[name]: text for name, text in settings.items() if name in OLD_NAMES}


def _task_name(project: Project, service: Service) -> str:
    return project.pick(service.task_names) if service.task_names else f"{service.package}.tasks.nothing"


def _pattern(project: Project, service: Service) -> str:
    name = _task_name(project, service)
    forms = {"exact": 3.0, "module": 3.0, "leaf": 1.0, "all": 0.4, "literal-question-mark": 0.2}
    form = project.weighted(forms)
    project.note(f"route/{form}")
    parent, _, leaf = name.rpartition(".")
    return {
        "exact": name,
        "module": f"{parent}.*",
        "leaf": f"*{leaf.split('_')[0]}*",
        "all": "*",
        "literal-question-mark": name[:-1] + "?",
    }[form]


def _routes(project: Project, service: Service, module: Module) -> str:
    form = project.weighted({"dict": 6.0, "list": 1.0, "pairs": 1.0, "function": 0.15})
    project.note(f"routes/{form}")
    pairs = [(_pair_key(project, service, module), _destination(project)) for _ in range(project.rng.randint(1, 4))]
    mapping = "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}"
    if form == "list":
        cut = len(pairs) // 2
        maps = ["{" + ", ".join(f"{key}: {value}" for key, value in part) + "}" for part in (pairs[:cut], pairs[cut:])]
        return "[" + ", ".join(maps) + "]" if project.chance(0.5) else "(" + ", ".join(maps) + ",)"
    if form == "pairs":
        return "([" + ", ".join(f"({key}, {value})" for key, value in pairs) + "],)"
    if form == "function":
        name = project.fresh("route_task")
        module.add(
            f"def {name}(name, args, kwargs, options, task=None, **kw):\n"
            "    if name.endswith('1'):\n        return {'queue': 'ones'}\n    return None"
        )
        return f"({name}, {mapping})"
    return mapping


def _pair_key(project: Project, service: Service, module: Module) -> str:
    if project.chance(0.08):
        module.add_import("import re")
        project.note("route/regex")
        return f're.compile(r"{service.package}\\..*{project.pick(("send", "sync", "export"))}_.*")'
    return repr(_pattern(project, service))


def _destination(project: Project) -> str:
    queue = project.pick(("fast", "slow", "bulk", "mail"))
    return project.weighted(
        {
            f'{{"queue": "{queue}"}}': 6.0,
            f'"{queue}"': 1.0,
            f'{{"queue": "{queue}", "routing_key": "{queue}.key"}}': 1.0,
            f'{{"queue": "{queue}", "priority": 5}}': 0.5,
            f'{{"routing_key": "{queue}"}}': 0.3,
            f'dict(queue="{queue}")': 0.5,
        }
    )


def _queues(project: Project, service: Service, module: Module) -> str:
    names = project.some(("default", "fast", "slow", "celery", "bulk"), 1, 4)
    if project.chance(0.15):
        project.note("queues/dict")
        return "{" + ", ".join(f'"{name}": {{"exchange": "{name}"}}' for name in names) + "}"
    module.add_import("from kombu import Queue")
    project.note("queues/Queue")
    made = ", ".join(f'Queue("{name}")' if project.chance(0.6) else f'Queue("{name}", routing_key="{name}.#")'
                     for name in names)  # fmt: skip
    return f"({made},)" if project.chance(0.5) else f"[{made}]"


def _annotations(project: Project, service: Service, module: Module) -> str:
    def one() -> str:
        keys = [_task_name(project, service) for _ in range(project.rng.randint(0, 2))]
        keys += ["*"] if project.chance(0.5) or not keys else []
        project.rng.shuffle(keys)
        entries = []
        for key in dict.fromkeys(keys):
            names = project.some(_ANNOTATED, 1, 3)
            items = (f'"{name}": {spell(project, service, module, random_value(project, name), far=False)}'
                     for name in names)  # fmt: skip
            entries.append(f'"{key}": {{{", ".join(items)}}}')
        return "{" + ", ".join(entries) + "}"

    form = project.weighted({"dict": 5.0, "list": 1.0})
    project.note(f"annotations/{form}")
    return one() if form == "dict" else f"[{one()}, {one()}]"


def schedule_text(project: Project, module: Module) -> str:
    """A schedule: a number, a timedelta or a crontab."""
    form = project.weighted({"crontab": 4.0, "number": 2.0, "timedelta": 1.5})
    project.note(f"schedule/{form}")
    if form == "number":
        return project.pick(("30", "60.0", "5 * 60", "3600.0"))
    if form == "timedelta":
        module.add_import("from datetime import timedelta")
        return project.pick(("timedelta(minutes=15)", "timedelta(seconds=30)", "timedelta(days=1, hours=2)"))
    module.add_import("from celery.schedules import crontab")
    return project.pick(_CRONTABS)


_CRONTABS = (
    "crontab(minute=0, hour=3)",
    'crontab(minute="*/15")',
    "crontab()",
    'crontab(hour="9-17", minute=30)',
    'crontab(0, 4, day_of_week="mon,fri")',
    "crontab(minute=0, hour=[6, 18])",
    'crontab(minute="5", day_of_month=1, hour=0)',
    "crontab(hour=7)",
)


def schedule_entry(project: Project, service: Service, module: Module) -> tuple[str, str]:
    """The key and the value of one beat_schedule entry."""
    task = _task_name(project, service) if project.chance(0.9) else f"{service.package}.tasks.gone"
    extra = project.pick(
        ("", ', "args": (1,)', ', "kwargs": {"force": True}', ', "options": {"queue": "slow", "expires": 60}')
    )
    return f'"{project.fresh("entry")}"', f'{{"task": "{task}", "schedule": {schedule_text(project, module)}{extra}}}'


def _schedule(project: Project, service: Service, module: Module) -> str:
    entries = [schedule_entry(project, service, module) for _ in range(project.rng.randint(1, 3))]
    form = project.weighted({"literal": 4.0, "built": 1.0, "merged": 0.7})
    project.note(f"beat/{form}")
    if form == "literal":
        return "{" + ", ".join(f"{key}: {value}" for key, value in entries) + "}"
    name = project.fresh("schedule")
    key, value = entries[0]
    module.add(f"{name} = {{{key}: {value}}}")
    rest = entries[1:]
    if form == "merged":
        return f"{{**{name}, {', '.join(f'{key}: {value}' for key, value in rest)}}}"
    for key, value in rest:
        module.add(f"{name}[{key}] = {value}" if project.chance(0.6) else f"{name}.update({{{key}: {value}}})")
    return name


_STRUCTURED = (
    ("task_routes", 0.35, _routes),
    ("task_queues", 0.15, _queues),
    ("task_annotations", 0.2, _annotations),
    ("beat_schedule", 0.35, _schedule),
)

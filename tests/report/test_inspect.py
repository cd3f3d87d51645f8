from __future__ import annotations

import json
from typing import Any

from celerylint.inspection import (
    Answer,
    AppInfo,
    BeatInfo,
    DispatchInfo,
    Inspection,
    MonitorInfo,
    Origin,
    QueueInfo,
    RouteInfo,
    ScheduleInfo,
    TaskInfo,
    UnknownInfo,
    WorkerInfo,
)
from celerylint.report import inspect_json, inspect_text

DEFAULT = Origin("default")


def inspection(**more: Any) -> Inspection:
    fields: dict[str, Any] = {
        "celery_version": Answer("5.6.2", True, Origin("lockfile", "uv.lock", 120)),
        "apps": [
            AppInfo(
                "proj.celery.app",
                "proj/celery.py",
                3,
                {
                    "task_acks_late": Answer(True, True, Origin("setting", "proj/settings.py", 7)),
                    "accept_content": Answer(("json",), True, DEFAULT),
                },
            )
        ],
        "tasks": [
            TaskInfo(
                "proj.tasks.pull",
                "pull",
                "proj/tasks.py",
                5,
                "proj.celery.app",
                {
                    "acks_late": Answer(True, True, Origin("setting", "proj/settings.py", 7)),
                    "max_retries": Answer(5, True, Origin("decorator", "proj/tasks.py", 4)),
                    "rate_limit": Answer(
                        "kept?", False, Origin("base", "proj/base.py", 2), "read from the environment"
                    ),
                    "time_limit": Answer(None, True, DEFAULT),
                },
                Answer("fast", True, Origin("route", "proj/celery.py", 9)),
                "no",
            )
        ],
        "routes": [RouteInfo("proj.tasks.*", "fast", "proj/celery.py", 9)],
        "workers": [
            WorkerInfo(
                "celery -A proj worker",
                "proj",
                ["fast"],
                "prefork",
                4,
                1,
                False,
                1,
                "Procfile",
                2,
                "procfile",
                "worker",
            ),
            WorkerInfo(
                *(
                    "celery -A proj worker -Q ?",
                    "proj",
                    None,
                    None,
                    None,
                    None,
                    False,
                    None,
                    "dev.yml",
                    9,
                    "compose",
                    "w",
                ),
                *("the file is dev.yml", "the value of -Q is not known"),
            ),
        ],
        "beats": [BeatInfo("celery -A proj beat", "PersistentScheduler", 1, "Procfile", 3, "procfile", "beat")],
        "monitors": [MonitorInfo("flower", "celery -A proj flower", "Procfile", 4)],
        "queues": [
            QueueInfo("fast", ["proj.tasks.pull"], 2, ["nightly"], ["Procfile:2"]),
            QueueInfo("slow", [], 0, [], []),
        ],
        "schedule": [
            ScheduleInfo("nightly", "proj.tasks.gone", "crontab(minute=0, hour=3)", False, "proj/celery.py", 12)
        ],
        "dispatches": [DispatchInfo("proj.tasks.pull", "delay", "proj/views.py", line) for line in (30, 31)],
        "unknown": [UnknownInfo("task name", "built at run time", "proj/dyn.py", 1)],
    }
    return Inspection(**{**fields, **more})


def test_json_has_exactly_the_promised_shape() -> None:
    assert json.loads(inspect_json.render(inspection())) == {
        "version": 1,
        "celery_version": {"value": "5.6.2", "origin": {"kind": "lockfile", "path": "uv.lock", "line": 120}},
        "apps": [
            {
                "name": "proj.celery.app",
                "path": "proj/celery.py",
                "line": 3,
                "settings": {
                    "task_acks_late": {
                        "value": True,
                        "known": True,
                        "origin": {"kind": "setting", "path": "proj/settings.py", "line": 7},
                    },
                    "accept_content": {"value": ["json"], "known": True, "origin": {"kind": "default"}},
                },
            }
        ],
        "tasks": [
            {
                "name": "proj.tasks.pull",
                "function": "pull",
                "path": "proj/tasks.py",
                "line": 5,
                "app": "proj.celery.app",
                "options": {
                    "acks_late": {
                        "value": True,
                        "known": True,
                        "origin": {"kind": "setting", "path": "proj/settings.py", "line": 7},
                    },
                    "max_retries": {
                        "value": 5,
                        "known": True,
                        "origin": {"kind": "decorator", "path": "proj/tasks.py", "line": 4},
                    },
                    "rate_limit": {
                        "value": None,
                        "known": False,
                        "origin": {"kind": "base", "path": "proj/base.py", "line": 2},
                    },
                    "time_limit": {"value": None, "known": True, "origin": {"kind": "default"}},
                },
                "queue": {
                    "value": "fast",
                    "known": True,
                    "origin": {"kind": "route", "path": "proj/celery.py", "line": 9},
                },
                "repeat_safe": "no",
            }
        ],
        "routes": [{"pattern": "proj.tasks.*", "queue": "fast", "path": "proj/celery.py", "line": 9}],
        "workers": [
            {
                "command": "celery -A proj worker",
                "app": "proj",
                "queues": ["fast"],
                "pool": "prefork",
                "concurrency": 4,
                "prefetch_multiplier": 1,
                "beat": False,
                "replicas": 1,
                "path": "Procfile",
                "line": 2,
                "platform": "procfile",
                "name": "worker",
                "development": "",
                "why": "",
            },
            {
                "command": "celery -A proj worker -Q ?",
                "app": "proj",
                "queues": None,
                "pool": None,
                "concurrency": None,
                "prefetch_multiplier": None,
                "beat": False,
                "replicas": None,
                "path": "dev.yml",
                "line": 9,
                "platform": "compose",
                "name": "w",
                "development": "the file is dev.yml",
                "why": "the value of -Q is not known",
            },
        ],
        "beats": [
            {
                "command": "celery -A proj beat",
                "scheduler": "PersistentScheduler",
                "replicas": 1,
                "path": "Procfile",
                "line": 3,
                "platform": "procfile",
                "name": "beat",
                "development": "",
            }
        ],
        "monitors": [
            {"kind": "flower", "command": "celery -A proj flower", "path": "Procfile", "line": 4, "development": ""}
        ],
        "queues": [
            {
                "queue": "fast",
                "tasks": ["proj.tasks.pull"],
                "calls": 2,
                "entries": ["nightly"],
                "workers": ["Procfile:2"],
            },
            {"queue": "slow", "tasks": [], "calls": 0, "entries": [], "workers": []},
        ],
        "schedule": [
            {
                "entry": "nightly",
                "task": "proj.tasks.gone",
                "schedule": "crontab(minute=0, hour=3)",
                "resolves": False,
                "path": "proj/celery.py",
                "line": 12,
            }
        ],
        "dispatches": [
            {"task": "proj.tasks.pull", "method": "delay", "path": "proj/views.py", "line": 30},
            {"task": "proj.tasks.pull", "method": "delay", "path": "proj/views.py", "line": 31},
        ],
        "unknown": [{"what": "task name", "why": "built at run time", "path": "proj/dyn.py", "line": 1}],
    }


def test_json_can_say_every_value_that_celery_may_hold() -> None:
    value = {1: (1, 2.5), "s": {"b", "a"}, "inf": float("inf"), "nested": [{"x": frozenset()}], "object": 1j}
    app = AppInfo("a", "a.py", 1, {"x": Answer(value, True, DEFAULT)})
    shown = json.loads(inspect_json.render(inspection(apps=[app])), parse_constant=lambda name: 1 / 0)
    assert shown["apps"][0]["settings"]["x"]["value"] == {
        "1": [1, 2.5],
        "s": ["a", "b"],
        "inf": float("inf"),
        "nested": [{"x": []}],
        "object": "1j",
    }


def test_text_shows_what_was_chosen_and_where() -> None:
    assert inspect_text.render(inspection()) == (
        """\
Celery 5.6.2  lockfile uv.lock:120

Apps (1)
  proj.celery.app  proj/celery.py:3
      task_acks_late  = True  setting proj/settings.py:7

Tasks (1)
  proj.tasks.pull  queue fast  repeat-safe: no  proj/tasks.py:5
      max_retries  = 5                                      decorator proj/tasks.py:4
      unknown      (read from the environment): rate_limit  base proj/base.py:2

Queues (2)
  fast  1 task   2 calls  1 entry  consumed by Procfile:2
  slow  0 tasks

Routes (1)
  proj.tasks.*  -> fast  proj/celery.py:9

Workers (2)
  celery -A proj worker       queues: fast  prefork x 4  prefetch 1  x1                 Procfile:2
  celery -A proj worker -Q ?  queues: ?     ? x ?        prefetch ?  x?  (development)  dev.yml:9

Beats (1)
  celery -A proj beat  PersistentScheduler  x1  Procfile:3

Monitors (1)
  flower  celery -A proj flower  Procfile:4

Schedule (1)
  nightly  crontab(minute=0, hour=3)  -> proj.tasks.gone (no such task)  proj/celery.py:12

Dispatches (2)
  proj.tasks.pull  2 delay

Unknown (1)
  task name  built at run time  proj/dyn.py:1
"""
    )


def test_text_of_an_empty_project_says_so() -> None:
    sections = (
        "apps",
        "tasks",
        "routes",
        "workers",
        "beats",
        "monitors",
        "queues",
        "schedule",
        "dispatches",
        "unknown",
    )
    empty = inspection(**{name: [] for name in sections})
    assert inspect_text.render(empty) == "Celery 5.6.2  lockfile uv.lock:120\n\nNo tasks.\n"


def test_no_name_under_lint_reaches_the_terminal_as_a_command() -> None:
    evil = "a\x1b[2Jb\x07"
    shown = inspect_text.render(
        inspection(
            routes=[RouteInfo(evil, evil, evil, 1)],
            schedule=[ScheduleInfo(evil, evil, evil, True, evil, 1)],
            dispatches=[DispatchInfo(evil, evil, evil, 1)],
            apps=[AppInfo(evil, evil, 1, {evil: Answer(evil, True, Origin("setting", evil, 1))})],
        )
    )
    assert not set(shown) & set("\x1b\x07")

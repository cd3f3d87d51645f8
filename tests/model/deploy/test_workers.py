"""Workers, beats and monitors with the values in force in them; what Celery itself decides is asked of Celery."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from kombu import Queue

from celerylint import engine
from celerylint.config import Options
from celerylint.model import inspect as model_inspect
from celerylint.model.project import Project, Worker

APP = 'from celery import Celery\nfrom kombu import Queue\napp = Celery("proj")\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Project]:
    """The project that some files are."""

    def read(files: dict[str, str], **options: Any) -> Project:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        seen: list[Project] = []
        original = model_inspect.inspection
        monkeypatch.setattr(
            model_inspect, "inspection", lambda found, safe: (seen.append(found), original(found, safe))[1]
        )
        engine.inspect([str(tmp_path)], Options(no_cache=True, jobs=1, **options), root=tmp_path)
        return seen[0]

    return read


def one(project: Project) -> Worker:
    (worker,) = project.workers
    return worker


Made = Callable[..., Project]


# --- queues -----------------------------------------------------------------------------------------------------------

COMPOSE = """\
services:
  w:
    image: x
    command: celery -A proj worker
    environment:
      CELERY_WORKER_QUEUES: a,b
"""
UNNAMED = APP + "import os\napp.conf.task_queues = [Queue(os.environ['X'])]\n"

SETTINGS: dict[str, dict[str, Any]] = {
    "": {},
    'app.conf.task_default_queue = "main"': {"task_default_queue": "main"},
    'app.conf.task_queues = [Queue("a"), Queue(name="b")]': {"task_queues": [Queue("a"), Queue("b")]},
    'app.conf.task_queues = {"a": {}, "celery": {"exchange": "x"}}': {"task_queues": {"a": {}, "celery": {}}},
    "app.conf.task_queues = []": {"task_queues": []},
}
FLAGS: dict[str, tuple[str, str]] = {
    "": ("", ""),
    "-Q a": ("a", ""),
    "-Q a,c --exclude-queues=a": ("a,c", "a"),
    "-X celery,zzz": ("", "celery,zzz"),
    "--queues=b,celery -X b": ("b,celery", "b"),
}


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("flags", FLAGS)
def test_a_worker_consumes_what_celery_says(project: Made, setting: str, flags: str) -> None:
    app = Celery("asked", broker="memory://", set_as_current=False, **SETTINGS[setting])
    include, exclude = FLAGS[flags]
    app.amqp.queues.select(include.split(",") if include else None)
    app.amqp.queues.deselect(exclude.split(",") if exclude else None)
    found = one(project({"proj.py": f"{APP}{setting}\n", "Procfile": f"worker: celery -A proj worker {flags}\n"}))
    assert found.queues.known
    assert set(found.queues.value) == set(app.amqp.queues.consume_from)


@pytest.mark.parametrize(
    ("files", "queues"),
    [
        ({"Procfile": "worker: celery -A proj worker -Q $QUEUES\n"}, None),
        ({"Procfile": "worker: celery -A proj worker $OPTIONS\n"}, None),
        ({"Procfile": "worker: celery -A proj worker -Q a $OPTIONS\n"}, ("a",)),
        (
            {"compose.yml": COMPOSE},
            ("a", "b"),
        ),
        (
            {
                "proj.py": UNNAMED,
                "Procfile": "w: celery -A proj worker\n",
            },
            None,
        ),
        ({"supervisord.conf": "[program:w]\ncommand=celery -A proj worker -Q a,b\n  -c 4 ; two\n"}, ("a", "b")),
        ({"Procfile": 'w: celery -A proj worker -Q "a, b"\n'}, ("a", " b")),
    ],
)
def test_queues(project: Made, files: dict[str, str], queues: tuple[str, ...] | None) -> None:
    found = one(project({"proj.py": APP, **files})).queues
    assert (found.value, found.known) == (queues, queues is not None)
    assert found.known or found.why


# --- apps -------------------------------------------------------------------------------------------------------------

TWO = {"one/__init__.py": "", "one/celery.py": 'from celery import Celery\napp = Celery("one")\nother = 1\n'}
MORE = {
    "two/__init__.py": "from .jobs import celery_app\n",
    "two/jobs.py": 'from celery import Celery\ncelery_app = Celery("two")\n',
}


@pytest.mark.parametrize(
    ("named", "app"),
    [
        ("-A one", "one.celery.app"),
        ("--app=one.celery", "one.celery.app"),
        ("-A one.celery:app", "one.celery.app"),
        ("-A one.celery.app", "one.celery.app"),
        ("-A two", "two.jobs.celery_app"),
        ("-A two:celery_app", "two.jobs.celery_app"),
        ("-A two.jobs", "two.jobs.celery_app"),
        ("-A three", None),
        ("-A one.celery:other", None),
        ("-A $APP_NAME", None),
        ("", None),
    ],
)
def test_apps_are_found_as_celery_finds_them(project: Made, named: str, app: str | None) -> None:
    found = one(project({**TWO, **MORE, "Procfile": f"worker: celery {named} worker\n"}))
    assert (found.app.name if found.app is not None else None, found.app_known) == (app, app is not None)


def test_the_app_of_the_environment_and_of_celery_4(project: Made) -> None:
    compose = "services:\n  w:\n    image: x\n    command: celery worker\n    environment: [CELERY_APP=one]\n"
    files = {**TWO, **MORE, "compose.yml": compose, "Procfile": "w: celery worker -A two -l info\n"}
    by_path = {worker.start.place.path: worker for worker in project(files).workers}
    assert {path: worker.app and worker.app.name for path, worker in by_path.items()} == {
        "compose.yml": "one.celery.app",
        "Procfile": "two.jobs.celery_app",
    }
    assert "app" in by_path["Procfile"].line.misplaced


def test_the_only_app_is_taken_and_said_to_be_a_guess(project: Made) -> None:
    found = one(project({"proj.py": APP, "Procfile": "worker: celery worker\n"}))
    assert found.app is not None
    assert not found.app_known


def test_of_two_apps_of_one_name_the_nearer_is_meant(project: Made) -> None:
    files = {
        "a/tasks.py": 'from celery import Celery\napp = Celery("a")\n',
        "b/tasks.py": 'from celery import Celery\napp = Celery("b")\n',
        "b/Procfile": "worker: celery -A tasks worker\n",
    }
    found = one(project(files))
    assert found.app is not None
    assert found.app.place.path == "b/tasks.py"


# --- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "flags", "name", "value", "kind"),
    [
        ("", "", "prefetch_multiplier", 4, "default"),
        ("worker_prefetch_multiplier = 1", "", "prefetch_multiplier", 1, "setting"),
        ("worker_prefetch_multiplier = 1", "--prefetch-multiplier=2", "prefetch_multiplier", 2, "flag"),
        ("worker_prefetch_multiplier = 1", "--prefetch-multiplier 0", "prefetch_multiplier", 1, "setting"),
        ("", "-c 8", "concurrency", 8, "flag"),
        ("worker_concurrency = 3", "-c 0", "concurrency", 3, "setting"),
        ("", "-c 8 --autoscale=2,10", "concurrency", 10, "flag"),
        ("", "--autoscale 5", "autoscale", (5, 0), "flag"),
        ("", "", "concurrency", None, "default"),
        ("", "-c auto", "concurrency", None, "flag"),
        ("", "-P gevent", "pool", "gevent", "flag"),
        ('worker_pool = "threads"', "-P prefork", "pool", "threads", "setting"),
        ("", "", "pool", "prefork", "default"),
        ("", "--max-tasks-per-child=100", "max_tasks_per_child", 100, "flag"),
        ("worker_max_memory_per_child = 9", "", "max_memory_per_child", 9, "setting"),
        ("", "-E", "task_events", True, "flag"),
        ("worker_send_task_events = True", "", "task_events", True, "setting"),
        ("", "", "task_events", False, "default"),
        ("", "-B", "beat", True, "flag"),
        ("", "", "beat", False, "default"),
        ("", "--time-limit=30", "time_limit", 30.0, "flag"),
        ("task_time_limit = 60", "--time-limit=30", "time_limit", 60, "setting"),
        ("", "-n w1@%h", "hostname", "w1@%h", "flag"),
        ("", "-B --scheduler redbeat.RedBeatScheduler", "scheduler", "redbeat.RedBeatScheduler", "flag"),
    ],
)
def test_values_in_force(project: Made, setting: str, flags: str, name: str, value: Any, kind: str) -> None:
    source = f"{APP}app.conf.{setting}\n" if setting else APP
    found = one(project({"proj.py": source, "Procfile": f"w: celery -A proj worker {flags}\n"}, celery_version="5.7"))
    decision = getattr(found, name)
    assert (decision.value, decision.kind) == (value, kind)
    assert decision.known is (value is not None)
    if kind == "flag":
        assert decision.place.path == "Procfile"


def test_before_5_7_the_flag_of_a_time_limit_wins(project: Made) -> None:
    files = {
        "proj.py": f"{APP}app.conf.task_time_limit = 60\n",
        "Procfile": "w: celery -A proj worker --time-limit=30\n",
    }
    assert one(project(files, celery_version="5.6")).time_limit.value == 30.0


def test_nodes_of_celery_multi(project: Made) -> None:
    unit = "[Service]\nExecStart=/venv/bin/celery -A proj multi start w1 w2 -Q:w1 a -Q:w2 b -c 2\n"
    found = project({"proj.py": APP, "celery.service": unit})
    assert [(worker.line.node, worker.queues.value, worker.concurrency.value) for worker in found.workers] == [
        ("w1", ("a",), 2),
        ("w2", ("b",), 2),
    ]


# --- beats, monitors, Python ------------------------------------------------------------------------------------------


def test_beats(project: Made) -> None:
    found = project({"proj.py": APP, "Procfile": "beat: celery -A proj beat -S a.B -s /data/schedule\n"})
    (beat,) = found.beats
    assert (beat.scheduler.value, beat.schedule_file.value) == ("a.B", "/data/schedule")
    assert not found.workers


def test_monitors(project: Made) -> None:
    compose = (
        "services:\n  f:\n    image: x\n    command: celery -A proj flower --port=5555\n"
        "    environment:\n      FLOWER_BASIC_AUTH: u:p\n"
        "  e:\n    image: x\n    command: celery-exporter --broker-url=redis://\n"
    )
    found = project({"proj.py": APP, "compose.yml": compose}).monitors
    assert {monitor.kind: sorted(monitor.flags) for monitor in found} == {
        "flower": ["basic_auth", "port"],
        "exporter": ["broker_url"],
    }


def test_a_word_that_another_program_takes_is_no_worker(project: Made) -> None:
    compose = "services:\n  w:\n    image: concourse/concourse\n    command: worker\n"
    assert not project({"proj.py": APP, "compose.yml": compose}).workers


def test_workers_that_python_starts(project: Made) -> None:
    found = project({"proj.py": f'{APP}if __name__ == "__main__":\n    app.worker_main(["worker", "-Q", "a"])\n'})
    worker = one(found)
    assert (worker.queues.value, worker.app_known, worker.start.process) == (("a",), True, None)


def test_reloaders_are_for_development(project: Made) -> None:
    found = project({"proj.py": APP, "Procfile": "w: watchmedo auto-restart -d . -- celery -A proj worker\n"})
    assert "watchmedo" in one(found).start.development


def test_the_queue_table(project: Made, tmp_path: Path) -> None:
    source = (
        f"{APP}\n@app.task(queue='slow')\ndef one(): ...\n\n@app.task\ndef two(): ...\n\n"
        "def send():\n    two.apply_async(queue='named')\n"
        "app.conf.beat_schedule = {'each': {'task': 'proj.one', 'schedule': 5}}\n"
    )
    procfile = "a: celery -A proj worker -Q slow,spare\nb: celery -A proj worker\n"
    project({"proj.py": source, "Procfile": procfile})
    found = engine.inspect([str(tmp_path)], Options(no_cache=True, jobs=1), root=tmp_path).queues
    assert [(each.queue, each.tasks, each.calls, each.entries, each.workers) for each in found] == [
        ("celery", ["proj.two"], 0, [], ["Procfile:2"]),
        ("named", [], 1, [], []),
        ("slow", ["proj.one"], 0, ["each"], ["Procfile:1"]),
        ("spare", [], 0, [], ["Procfile:1"]),
    ]

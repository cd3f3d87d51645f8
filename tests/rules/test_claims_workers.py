"""What the rules say about commands of workers and beats, asked of Celery itself."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from celery import Celery
from celery import __version__ as celery_version
from celery.beat import PersistentScheduler
from celery.bin.base import CLIContext
from celery.bin.celery import celery as program
from celery.bin.worker import worker as command
from celery.concurrency import get_implementation
from celery.worker import WorkController
from celery.worker.components import Consumer, Pool
from click.testing import CliRunner

VERSION = tuple(int(part) for part in celery_version.split(".")[:2])


@pytest.fixture
def app() -> Iterator[Celery]:
    app = Celery("workers", broker="memory://", backend="cache+memory://", set_as_current=False)
    yield app
    app.close()


def _given(app: Celery, *words: str) -> dict[str, Any]:
    """What the worker's command makes of its words."""
    context = CLIContext(app=app, no_color=True, workdir="", quiet=True)
    return command.make_context("worker", list(words), obj=context).params


def _worker(app: Celery, **options: Any) -> WorkController:
    """A worker with these options, not started."""
    return WorkController(app=app, pool_cls=get_implementation("solo"), **options)


# --- CLY401, CLY402, CLY411 -------------------------------------------------------------------------------------------


def _beat(app: Celery, file: Path) -> PersistentScheduler:
    return PersistentScheduler(app=app, schedule_filename=str(file), lazy=False)


def test_two_beats_send_everything_twice(app: Celery, tmp_path: Path) -> None:
    app.conf.beat_schedule = {"pull": {"task": "pull", "schedule": 0.01}}
    sent: list[str] = []
    app.send_task = lambda name, *args, **options: sent.append(name) or SimpleNamespace(id="1")  # type: ignore[method-assign]
    beats = [_beat(app, tmp_path / name) for name in ("one", "two")]
    time.sleep(0.05)
    for beat in beats:
        beat.tick()
        beat.close()
    assert sent == ["pull", "pull"]


def test_without_its_file_beat_counts_an_interval_from_its_start(app: Celery, tmp_path: Path) -> None:
    app.conf.beat_schedule = {"clean": {"task": "clean", "schedule": timedelta(hours=24)}}
    first = _beat(app, tmp_path / "kept")
    first.schedule["clean"].last_run_at -= timedelta(hours=20)
    first.sync()
    first.close()
    kept, anew = _beat(app, tmp_path / "kept"), _beat(app, tmp_path / "another")
    hours = [beat.schedule["clean"].is_due().next / 3600 for beat in (kept, anew)]
    for beat in (kept, anew):
        beat.close()
    assert hours == [pytest.approx(4, abs=0.1), pytest.approx(24, abs=0.1)]


# --- CLY701, CLY702 ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "multiplier"), [((), 3), (("--prefetch-multiplier", "0"), 3), (("--prefetch-multiplier=9",), 9)]
)
def test_the_flag_beats_the_setting_and_zero_is_no_flag(app: Celery, words: tuple[str, ...], multiplier: int) -> None:
    app.conf.worker_prefetch_multiplier = 3
    assert _given(app, *words)["prefetch_multiplier"] == multiplier


def test_the_variable_is_read_where_no_flag_is(app: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELERY_WORKER_PREFETCH_MULTIPLIER", "5")
    context = CLIContext(app=app, no_color=True, workdir="", quiet=True)
    made = command.make_context("worker", [], obj=context, auto_envvar_prefix="CELERY_WORKER")
    assert made.params["prefetch_multiplier"] == 5


def test_a_concurrency_of_zero_is_no_flag(app: Celery) -> None:
    app.conf.worker_concurrency = 7
    assert _given(app, "-c", "0")["concurrency"] == 7


@pytest.mark.parametrize("multiplier", [-1, 0, 4])
def test_the_multiplier_is_taken_as_it_is(app: Celery, multiplier: int) -> None:
    app.conf.worker_prefetch_multiplier = multiplier
    worker = _worker(app, concurrency=2)
    assert worker.prefetch_multiplier == multiplier
    assert _prefetched(worker) == 2 * multiplier


def _prefetched(worker: WorkController) -> int:
    """The prefetch count that the consumer begins with."""

    class Asked(Consumer):
        def instantiate(self, name: Any, *args: Any, **given: Any) -> Any:
            return given["initial_prefetch_count"]

    worker.max_concurrency = worker.hub = worker.timer = worker.pool = None
    return Asked(worker).create(worker)


# --- CLY703 ----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize(("text", "goes_on"), [("sleep 60; true", True), ("exec sleep 60", False)])
def test_a_shell_keeps_sigterm_to_itself(text: str, goes_on: bool) -> None:
    shell = subprocess.Popen(["sh", "-c", f"echo started; {text}"], stdout=subprocess.PIPE, start_new_session=True)
    assert shell.stdout is not None
    shell.stdout.readline()
    time.sleep(0.2)
    shell.terminate()
    shell.wait(10)
    try:
        os.killpg(shell.pid, signal.SIGKILL)
        assert goes_on
    except ProcessLookupError:
        assert not goes_on
    shell.stdout.close()


# --- CLY705 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("subcommand", ["worker", "beat"])
@pytest.mark.parametrize("words", [("-A", "proj"), ("--workdir=/srv",), ("-b", "redis://")])
def test_global_options_behind_the_subcommand_are_refused(subcommand: str, words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(program, ["-b", "memory://", subcommand, *words])
    assert result.exit_code != 0
    assert isinstance(result.exception, (SystemExit, click.ClickException))


# --- CLY712 -----------------------------------------------------------------------------------------------------------


def test_prefork_on_the_command_line_loses_against_the_setting(app: Celery) -> None:
    app.conf.worker_pool = "threads"
    assert _given(app, "-P", "prefork")["pool"] is get_implementation("threads")
    assert _given(app, "-P", "solo")["pool"] is get_implementation("solo")


def test_autoscale_decides_instead_of_concurrency(app: Celery) -> None:
    worker = SimpleNamespace(concurrency=8, optimization="default")
    Pool(worker, autoscale=[10, 2])
    assert (worker.max_concurrency, worker.min_concurrency) == (10, 2)


def test_every_optimization_is_fair() -> None:
    asynpool = pytest.importorskip("celery.concurrency.asynpool")
    assert asynpool.SCHED_STRATEGIES["default"] == asynpool.SCHED_STRATEGIES["fair"]


@pytest.mark.skipif(VERSION < (5, 7), reason="since 5.7")
def test_a_configured_limit_travels_with_the_message(app: Celery) -> None:
    app.conf.task_time_limit = 300

    @app.task(shared=False)
    def task() -> None: ...

    assert task.time_limit == 300


# --- CLY711 -----------------------------------------------------------------------------------------------------------


def test_nothing_bounds_a_child_by_default(app: Celery) -> None:
    worker = _worker(app)
    assert (worker.max_tasks_per_child, worker.max_memory_per_child) == (None, None)

"""Files read by a cluster of several processes: the same bytes as one process gives."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("distributed")

ROOT = Path(__file__).parents[2]
ENVIRON = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a scheduler with two workers, each a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    host, _, port = address.partition(":")
    plain = ["--no-dashboard", "--host", host]
    commands = [[sys.executable, "-m", "distributed.cli.dask_scheduler", *plain, "--port", port]]
    worker = [
        sys.executable,
        "-m",
        "distributed.cli.dask_worker",
        f"tcp://{address}",
        *plain,
        "--no-nanny",
        "--nthreads",
        "1",
    ]
    commands += [worker, worker]
    running = [
        subprocess.Popen(command, env=ENVIRON, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for command in commands
    ]
    try:
        _wait(host, int(port))
        yield address
    finally:
        for process in reversed(running):
            process.kill()
            process.wait()


def _wait(host: str, port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            socket.create_connection((host, port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("no scheduler")


def _run(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "celerylint", "--no-cache", *options]
    return subprocess.run(command, capture_output=True, text=True, env=ENVIRON, timeout=120)


@pytest.fixture(scope="module")
def monorepo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("monorepo")
    (folder / ".git").mkdir()
    for number in range(900):
        celery = (
            "from celery import shared_task\n\n@shared_task(autoretry_for=(Exception,))\n" if number % 30 == 0 else ""
        )
        (folder / f"m{number}.py").write_text(f"{celery}def run_{number}(): ...\n")
    (folder / "broken.py").write_text("import celery\ndef (:\n")
    return folder


def test_the_same_bytes_as_at_home(cluster: str, monorepo: Path) -> None:
    options = ("--preset", "all", "--output-format", "json", str(monorepo))
    home, away = _run(*options), _run("--executor", f"dask://{cluster}", *options)
    assert away.stderr == home.stderr == ""
    assert away.stdout == home.stdout
    assert home.stdout.count('"CLY201"') >= 30
    assert '"CLY900"' in home.stdout


def test_it_is_the_workers_who_read(cluster: str, monorepo: Path) -> None:
    command = [sys.executable, "-c", _ILLITERATE, "--no-cache", "--executor", f"dask://{cluster}", "-q", str(monorepo)]
    run = subprocess.run(command, capture_output=True, text=True, env=ENVIRON, timeout=60)
    assert run.stderr == ""
    assert "CLY201" in run.stdout


_ILLITERATE = """
import sys
from celerylint.extract import Files
Files._gate = lambda self, paths: [1 / 0 for path in paths]
from celerylint.frontends.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("spark://x:1", "no such executor: spark://x:1 (dask://HOST:PORT is known)"),
        ("dask://", "no such executor: dask:// (dask://HOST:PORT is known)"),
    ],
)
def test_an_engine_that_is_none_is_one_clear_line(monorepo: Path, address: str, message: str) -> None:
    run = _run("--executor", address, str(monorepo))
    assert (run.returncode, run.stdout, run.stderr) == (2, "", f"celerylint: {message}\n")


def test_a_cluster_that_does_not_answer_is_one_clear_line(monorepo: Path, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"dask://127.0.0.1:{free.getsockname()[1]}"
    (tmp_path / "celerylint.toml").write_text(f'executor = "{address}"\n')
    run = subprocess.run(
        [sys.executable, "-c", _IMPATIENT, "--config", str(tmp_path / "celerylint.toml"), str(monorepo)],
        capture_output=True,
        text=True,
        env=ENVIRON,
        timeout=60,
    )
    assert run.returncode == 2
    assert run.stderr.startswith(f"celerylint: {tmp_path}/celerylint.toml:1: {address} does not answer: ")
    assert run.stderr.count("\n") == 1


_IMPATIENT = """
import sys
from celerylint import remote
remote._PATIENCE = 1
from celerylint.frontends.cli import main
sys.exit(main(sys.argv[1:]))
"""

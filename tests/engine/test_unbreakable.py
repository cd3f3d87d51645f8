"""Runs that are disturbed: killed, side by side on one cache, without room or home; and the same bytes in any case."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TASK = "from celery import shared_task\n\n\n@shared_task(autoretry_for=(Exception,))\ndef pull_{0}(): ...\n"
MODULES = 150


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    (folder / ".git").mkdir()
    for number in range(MODULES):
        (folder / f"tasks_{number}.py").write_text(TASK.format(number))
    (folder / "compose.yml").write_text("services: {w: {image: x, command: celery -A tasks_0 worker -Q a,b}}\n")
    return folder


def _start(folder: Path, cache: Path | None, *options: str, **environ: str) -> subprocess.Popen[bytes]:
    where = ["--cache-dir", str(cache)] if cache is not None else []
    command = [sys.executable, "-m", "celerylint", *where, "--output-format", "json", *options, str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environ}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)


def _said(run: subprocess.Popen[bytes]) -> bytes:
    out, err = run.communicate(timeout=120)
    assert err == b""
    assert run.returncode in (0, 1)
    return out


@pytest.fixture(scope="module")
def expected(project: Path) -> bytes:
    out = _said(_start(project, None, "--no-cache"))
    assert out.count(b'"code": "CLY201"') + out.count(b'"code":"CLY201"') == MODULES
    return out


# --- one cache, many runs ---------------------------------------------------------------------------------------------


def test_runs_side_by_side_share_a_cache(project: Path, expected: bytes, tmp_path: Path) -> None:
    runs = [_start(project, tmp_path / "cache") for _ in range(4)]
    assert [_said(run) for run in runs] == [expected] * 4
    assert _said(_start(project, tmp_path / "cache")) == expected


def test_a_killed_run_leaves_a_cache_that_serves(project: Path, expected: bytes, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    choose = random.Random(4)
    for _ in range(6):
        run = _start(project, cache)
        time.sleep(choose.uniform(0.05, 0.6))
        run.send_signal(signal.SIGKILL)
        run.communicate()
    assert _said(_start(project, cache)) == expected
    assert _said(_start(project, cache)) == expected


@pytest.mark.parametrize("spoil", ["cut", "flipped", "empty", "folder", "another"])
def test_a_spoiled_cache_is_as_good_as_none(project: Path, expected: bytes, tmp_path: Path, spoil: str) -> None:
    cache = tmp_path / "cache"
    _said(_start(project, cache))
    for file in [path for path in cache.rglob("*") if path.is_file()]:
        content = bytearray(file.read_bytes())
        if spoil == "folder":
            file.unlink()
            file.mkdir()
            continue
        if spoil == "cut":
            content = content[: len(content) // 2]
        elif spoil == "flipped":
            for at in random.Random(5).sample(range(len(content)), min(60, len(content))):
                content[at] ^= 0x41
        elif spoil == "empty":
            content = bytearray()
        else:
            content = bytearray(b"\x92\x01\xa1x")
        file.write_bytes(content)
    assert _said(_start(project, cache)) == expected


# --- no room ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("home", ["/proc/nowhere", "/dev/null", ""])
def test_a_home_that_takes_nothing_is_no_obstacle(project: Path, expected: bytes, home: str) -> None:
    assert _said(_start(project, None, HOME=home, XDG_CACHE_HOME=home)) == expected


_JSON = ("--output-format", "json")
_CRAMPED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))
from celerylint.frontends.cli import main
sys.exit(main({!r}))
"""


def test_a_full_disk_costs_the_cache_and_not_the_run(project: Path, expected: bytes, tmp_path: Path) -> None:
    # No file may grow beyond a few bytes: writing the cache fails as it does on a full disk.
    code = _CRAMPED.format([*_JSON, "--cache-dir", str(tmp_path / "cache"), str(project)])
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    run = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    assert _said(run) == expected
    left = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert left == []


FULL = [
    "check .",
    "inspect .",
    "graph .",
    "explain CLY201",
    "--version",
    "--help",
    "--output-format json .",
    "--diff .",
]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
@pytest.mark.parametrize("arguments", FULL)
def test_output_that_finds_no_room_is_one_clear_line(tmp_path: Path, arguments: str) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "tasks.py").write_text(TASK.format(0).replace("(Exception,)", "ValueError"))
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "celerylint", *arguments.split()]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        run = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, cwd=tmp_path, env=environment, timeout=60)
    assert run.returncode == 2
    assert run.stderr == b"celerylint: cannot write the output: No space left on device\n"


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps the folder of a process")
@pytest.mark.parametrize("arguments", [".", "tasks.py", "inspect .", "graph", "--show-settings", "- <&-", "--fix"])
def test_a_folder_that_is_gone_is_one_clear_line(tmp_path: Path, arguments: str) -> None:
    run = subprocess.run(
        ["sh", "-c", f'mkdir gone && cd gone && rmdir ../gone && exec "$0" -m celerylint {arguments}', sys.executable],
        capture_output=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
    )
    assert (run.returncode, run.stdout) == (2, b"")
    assert run.stderr == b"celerylint: the current folder is not there any more\n"


# --- size, kind -------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="memory is measured as Linux does")
def test_a_hundred_megabytes_are_one_finding_and_little_memory(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    for name in ("big.py", "compose.yml", "entrypoint.sh"):
        with (tmp_path / name).open("wb") as file:
            file.write(b"import celery  # celery worker\n" + b"x = 1\n" * 10)
            file.truncate(100_000_000)
    (tmp_path / "tasks.py").write_text(TASK.format(0))
    run = subprocess.run(
        [sys.executable, "-c", _MEASURED, str(tmp_path)],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
    )
    assert b"big.py:1:1: CLY900" in run.stdout
    assert b"tasks.py:4:14: CLY201" in run.stdout
    assert int(run.stderr) < 150_000, "kilobytes"


_MEASURED = """
import re, sys
from celerylint.frontends.cli import main
main(["--no-cache", "--jobs", "1", "--output-format", "concise", sys.argv[1]])
sys.stdout.flush()
# Not getrusage: its peak is inherited from the process that started this one.
print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1], file=sys.stderr)
"""


def test_folders_within_each_other_thousand_deep(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "tasks.py").write_text(TASK.format(0))
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1000):
        os.mkdir("d", dir_fd=here)
        there = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = there
    os.close(here)
    try:
        assert b'"CLY201"' in _said(_start(tmp_path, None, "--no-cache"))
    finally:
        subprocess.run(["rm", "-rf", str(tmp_path / "d")], check=True)


# --- the same bytes ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fixtures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("fixtures") / "projects"
    shutil.copytree(ROOT / "fixtures" / "projects", folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_the_same_bytes_whatever_the_circumstances(fixtures: Path, tmp_path: Path) -> None:
    first = _said(_start(fixtures, None, "--no-cache", "--preset", "all", "--jobs", "1", PYTHONHASHSEED="0"))
    for number, (jobs, seed, warm) in enumerate(
        [("2", "1", False), ("4", "2", True), ("1", "3", True), ("auto", "4", True)]
    ):
        options = ["--preset", "all", "--jobs", jobs, *([] if warm else ["--no-cache"])]
        said = _said(_start(fixtures, tmp_path if warm else None, *options, PYTHONHASHSEED=seed))
        assert said == first, f"circumstances {number}"


def test_the_order_in_which_a_folder_is_listed_changes_nothing(fixtures: Path) -> None:
    code = (
        "import os, random, sys\n"
        "listed = os.scandir\n"
        "class Shuffled(list):\n"
        "    __enter__ = lambda self: self\n"
        "    __exit__ = lambda self, *x: None\n"
        "    close = lambda self: None\n"
        "def scandir(path='.'):\n"
        "    with listed(path) as it:\n"
        "        found = Shuffled(it)\n"
        "    random.Random(int(sys.argv[1])).shuffle(found)\n"
        "    return found\n"
        "os.scandir = scandir\n"
        "from celerylint.frontends.cli import main\n"
        "main(['--no-cache', '--preset', 'all', '--output-format', 'json', sys.argv[2]])\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", code, seed, str(fixtures)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        for seed in ("1", "2")
    ]
    one, two = (_said(run) for run in runs)
    assert one == two
    assert b'"CLY201"' in one


def test_comments_are_judged_alike_whoever_walked_through_their_file(tmp_path: Path) -> None:
    root, cache = tmp_path / "project", tmp_path / "cache"
    (root / ".git").mkdir(parents=True)
    for number in range(60):
        (root / f"client_{number}.py").write_text(_CLIENT.format("" if number % 3 else ", timeout=3"))
        (root / f"tasks_{number}.py").write_text(_SENDS.format(number))

    def runs() -> set[bytes]:
        alone = [_said(_start(root, None, "--no-cache", "--jobs", jobs, *_COMMENTS)) for jobs in ("1", "2", "4")]
        kept = [_said(_start(root, cache, "--jobs", jobs, *_COMMENTS)) for jobs in ("2", "4", "1")]
        return {*alone, *kept}

    (before,) = runs()
    # Of CLY606, a third is found nowhere; of CLY601 nothing.
    assert before.count(b"silence for CLY606") == 20
    assert before.count(b"silence for CLY601") == 60
    (root / "tasks_7.py").write_text(_SENDS.format(7) + "\n\nMORE = 1\n")
    (root / "client_8.py").write_text(_CLIENT.format(", timeout=3"))
    (after,) = runs()
    assert after.count(b"silence for CLY606") == 21


_COMMENTS = ("--select", "CLY601,CLY606,CLY901", "--confidence", "low")
_CLIENT = """import requests


def put(number):
    requests.post("https://example.org", json={{"number": number}}{})  # noqa: CLY606
    return number  # noqa: CLY601
"""
_SENDS = "from celery import shared_task\nfrom client_{0} import put\n\n\n@shared_task\ndef send_{0}(): put({0})\n"


# --- streams that are closed ------------------------------------------------------------------------------------------

CLOSED = [
    ("<&-", "check .", 1),
    ("<&-", "- --stdin-filename tasks.py", 0),
    (">&-", "check .", 1),
    (">&-", "--version", 0),
    (">&-", "inspect .", 0),
    ("2>&-", "check .", 1),
    ("2>&-", "nowhere.py", 2),
    ("<&- >&- 2>&-", "check .", 1),
    ("2>/dev/full", "nowhere.py", 2),
]


@pytest.mark.skipif(os.name == "nt", reason="shells of Unix close streams so")
@pytest.mark.parametrize(("streams", "arguments", "status"), CLOSED)
def test_closed_streams_change_nothing_but_what_is_seen(
    tmp_path: Path, streams: str, arguments: str, status: int
) -> None:
    if "/dev/full" in streams and not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    (tmp_path / ".git").mkdir()
    (tmp_path / "tasks.py").write_text(TASK.format(0))
    run = subprocess.run(
        ["sh", "-c", f'exec "$0" -m celerylint {arguments} {streams}', sys.executable],
        capture_output=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "CELERYLINT_CACHE_DIR": str(tmp_path / "cache")},
        timeout=60,
    )
    assert run.returncode == status
    assert b"Traceback" not in run.stdout + run.stderr
    assert b"internal error" not in run.stdout + run.stderr

"""Checkouts that mean no good: bounded time and memory, one clear finding each, and the rest is linted."""

from __future__ import annotations

import ast
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

GOOD = "from celery import shared_task\n\n\n@shared_task(autoretry_for=(Exception,))\ndef pull(): ...\n"

SOURCES = {
    "nested too deeply": "import celery\nX = " + "(" * 5000 + "1" + ")" * 5000 + "\n",
    "a sum of twenty thousand terms": "import celery\nX = " + "+".join(["1"] * 20_000) + "\n",
    "a list that doubles sixty times": "import celery\nl = [0]\n" + "l = l + l\n" * 60,
    "a text that grows tenfold thirty times": "import celery\nx = 'a' * 10\n" + "x = x * 10\n" * 30,
    "calls that double at each level": "import celery\ndef a0(f): return f\n"
    + "".join(f"def a{i}(f): return a{i - 1}(a{i - 1}(f))\n" for i in range(1, 40))
    + "X = a39(1)\n",
    "endless loops": "import celery\nwhile True:\n    x = 1\nfor i in range(10 ** 12): pass\n",
    "a dict that holds itself": "from celery import Celery\nd = {}\nd['d'] = d\napp = Celery(task_routes=d, beat_schedule=d)\n",
    "a class that is its own base": "import celery\nclass A(A): pass\nclass B(C): pass\nclass C(B): pass\n",
    "a module that imports itself": "import celery\nfrom bad import *\nfrom bad import y as y\nimport bad\nz = bad.z\n",
    "three hundred undecided branches": "import os\nfrom celery import Celery\nx = 0\n"
    + "".join(f"if os.environ['A{i}']: x = x + {i}\n" for i in range(300))
    + "app = Celery(task_time_limit=x)\n",
    "a null byte": "import celery\n\0\n",
    "an unknown encoding": "# -*- coding: nope -*-\nimport celery\n",
}


def _bounded() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))


def _lint(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "celerylint", "--no-cache", "--select", "CLY201", *options, str(root)],
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=_bounded,
    )


@pytest.mark.parametrize("name", SOURCES)
def test_the_rest_is_linted(tmp_path: Path, name: str) -> None:
    (tmp_path / "bad.py").write_text(SOURCES[name])
    (tmp_path / "good.py").write_text(GOOD)
    run = _lint(tmp_path, "--output-format", "json")
    assert run.returncode == 1, run.stderr
    found = json.loads(run.stdout)["findings"]
    assert ("CLY201", "good.py") in [(f["code"], f["path"]) for f in found]
    assert "CLY990" not in [f["code"] for f in found]


def test_names_cannot_speak_to_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "bad\n\x1b[31mname.py").write_text(GOOD)
    run = _lint(tmp_path, "--color", "never")
    assert run.returncode == 1
    assert "\x1b" not in run.stdout


def test_what_is_no_file_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(GOOD)
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere.py")
    assert _lint(tmp_path, "--statistics").returncode == 1


def _bomb() -> str:
    return "x0: &x0 [a, b]\n" + "".join(f"x{i}: &x{i} [{', '.join([f'*x{i - 1}'] * 9)}]\n" for i in range(1, 40))


DEPLOYMENT = {
    "aliases that multiply": ("docker-compose.yml", lambda: _bomb() + "services: *x39\n"),
    "nested ten thousand deep": ("docker-compose.yml", lambda: "services:\n  web:\n    image: " + "[" * 10_000),
    "blocks ten thousand deep": (
        "compose.yml",
        lambda: "services:\n" + "".join(f"{' ' * i}a:\n" for i in range(1, 10_000)),
    ),
    "fifty megabytes": ("docker-compose.yml", lambda: "services:\n" + "  web: {image: x}\n" * 3_000_000),
    "no text at all": ("docker-compose.yml", lambda: "services:\n  web: \udcff\udcfe\n"),
    "tabs": ("docker-compose.yml", lambda: "services:\n\tweb:\n\t\timage: x\n"),
}


@pytest.mark.parametrize("name", DEPLOYMENT)
def test_one_finding_for_each_deployment_file_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    path, text = DEPLOYMENT[name]
    (tmp_path / path).write_bytes(text().encode("utf-8", "surrogateescape"))
    (tmp_path / "good.py").write_text(GOOD)
    run = _lint(tmp_path, "--output-format", "json")
    assert run.returncode == 1, run.stderr
    found = [(f["code"], f["path"]) for f in json.loads(run.stdout)["findings"]]
    assert sorted(found) == [("CLY201", "good.py"), ("CLY900", path)]


HARMLESS = {
    "entrypoint.sh": "celery " + "$(" * 20_000,
    "worker.sh": "celery\n" + "if x; then\n" * 3_000,
    "run.sh": "celery " + '"${A:-' * 5_000,
    "case.sh": "celery\n" + "case $1 in a)\n" * 3_000,
    "Dockerfile": "FROM x\nRUN " + "<<A " * 20_000 + "\\\n" * 20_000,
    "Procfile": "a: " + "celery " * 100_000,
    "supervisord.conf": "[program:a]\ncommand=celery\n" + "  x\n" * 100_000,
    "celery.service": "[Service]\nExecStart=celery \\\n" + "x \\\n" * 100_000,
    "chart/templates/a.yaml": "apiVersion: v1\nkind: Pod\n{{" * 20_000,
    "celeryd": 'CELERYD_NODES="' + "\\" * 100_001,
}


def test_deployment_files_of_nonsense(tmp_path: Path) -> None:
    for path, text in HARMLESS.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    os.mkfifo(tmp_path / "Procfile.pipe")
    (tmp_path / "Dockerfile.loop").symlink_to("Dockerfile.loop")
    (tmp_path / "compose.yml").write_text(
        "services:\n  a:\n    env_file: /dev/zero\n    command: sh /dev/zero\n  b:\n    extends: {file: compose.yml, service: b}\n"
    )
    (tmp_path / "good.py").write_text(GOOD)
    run = _lint(tmp_path, "--output-format", "json")
    assert run.returncode == 1, run.stderr
    assert [(f["code"], f["path"]) for f in json.loads(run.stdout)["findings"]] == [("CLY201", "good.py")]


# --- files that say how to lint ---------------------------------------------------------------------------------------


def _nested(depth: int) -> str:
    return "[tool.celerylint]\nselect = " + "[" * depth + "]" * depth


SETTINGS = {
    "pyproject.toml nested deeply": ("pyproject.toml", _nested(20_000)),
    "a number of many digits": ("celerylint.toml", "jobs = " + "9" * 10_000),
    "keys in keys": ("celerylint.toml", "a" + ".a" * 50_000 + " = 1"),
    "tables in tables": ("celerylint.toml", "[" + " . ".join(['"a"'] * 50_000) + "]"),
    "a null character": ("celerylint.toml", 'cache-dir = "a\\u0000b"'),
    "null characters in a list": ("celerylint.toml", 'source-roots = ["a\\u0000b"]'),
    "a rule of a million letters": ("celerylint.toml", '[per-file-ignores]\n"*" = ["' + "A" * 1_000_000 + '"]'),
    "escape codes in a rule": (
        "celerylint.toml",
        '[per-file-ignores]\n"*" = ["\\u001b[31mA\\u0007\\n\\u009b31m\\u202e"]',
    ),
    "escape codes in a key": ("celerylint.toml", '"\\u001b[31mA\\u0007\\n\\u009b31m" = 1'),
    "escape codes in a value": ("celerylint.toml", 'preset = "\\u001b[31mA\\u0007\\n"'),
    "a configuration without end": ("pyproject.toml", "[tool.celerylint]\n" + "# x\n" * 3_000_000),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_configuration_that_cannot_be_read_is_one_line(tmp_path: Path, name: str) -> None:
    path, text = SETTINGS[name]
    (tmp_path / path).write_text(text)
    (tmp_path / "good.py").write_text(GOOD)
    run = _lint(tmp_path)
    assert run.returncode == 2
    assert run.stderr.startswith("celerylint: ")
    assert path in run.stderr
    assert "internal error" not in run.stderr
    assert run.stderr.count("\n") == 1
    assert len(run.stderr) < 1_100
    assert not set(run.stderr) & set("\x1b\x07\x9b\u202e")


def test_settings_are_shown_without_what_a_terminal_acts_on(tmp_path: Path) -> None:
    (tmp_path / "celerylint.toml").write_text('exclude = ["\\u001b[31ma\\u009b31m\\u202e", "b"]\n')
    run = _lint(tmp_path, "--show-settings")
    assert (run.returncode, run.stderr) == (0, "")
    assert not set(run.stdout) & set("\x1b\x9b\u202e")


def test_a_rule_that_is_named_without_end_is_looked_up_once(tmp_path: Path) -> None:
    (tmp_path / "celerylint.toml").write_text("select = [" + '"CLY201", ' * 100_000 + "]\n")
    (tmp_path / "good.py").write_text(GOOD)
    assert _lint(tmp_path).returncode == 1


def _zeros(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"celery\n")
        file.truncate(50_000_000_000)


@pytest.mark.parametrize("name", [".gitignore", "pyproject.toml", "included.txt", "setup.cfg", "poetry.lock"])
@pytest.mark.parametrize("make", [os.mkfifo, _zeros, _sparse])
def test_what_is_no_plain_file_of_settings_is_passed_over_and_one_too_large_is_said(
    tmp_path: Path, make: Callable[[Path], None], name: str
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "requirements.txt").write_text("-r included.txt\ncelery==5.3\n")
    (tmp_path / "good.py").write_text(GOOD)
    make(tmp_path / name)
    run = _lint(tmp_path, "--output-format", "concise")
    if make is _sparse and name == "pyproject.toml":
        assert (run.returncode, run.stderr.count("\n")) == (2, 1), run.stderr
        return
    assert run.returncode == 1, run.stderr
    found = [tuple(line.split(" ", 3)[:2]) for line in run.stdout.splitlines()]
    told = [(f"{name}:1:1:", "CLY900")] if make is _sparse else []
    assert sorted(found) == sorted([("good.py:4:14:", "CLY201"), *told])
    assert run.stdout.count("cannot be read (larger than 8 MB): ") == len(told)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser reads all")
@pytest.mark.parametrize("name", [".gitignore", "requirements.txt"])
def test_what_may_not_be_read_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / name).touch(0)
    (tmp_path / "good.py").write_text(GOOD)
    assert (
        f"{name}:1:1: CLY900 [error] cannot be read (Permission denied)"
        in _lint(tmp_path, "--output-format", "concise").stdout
    )


@pytest.mark.parametrize("make", [os.mkfifo, _zeros])
def test_a_baseline_that_is_no_file_is_one_line(tmp_path: Path, make: Callable[[Path], None]) -> None:
    (tmp_path / "celerylint.toml").write_text('baseline = "known.json"\n')
    (tmp_path / "good.py").write_text(GOOD)
    make(tmp_path / "known.json")
    run = _lint(tmp_path)
    assert run.returncode == 2
    assert run.stderr.endswith("known.json: cannot be read: not a plain file\n")


@pytest.mark.parametrize("make", [os.mkfifo, _zeros])
def test_a_cache_of_pipes_and_devices_is_as_good_as_none(tmp_path: Path, make: Callable[[Path], None]) -> None:
    (tmp_path / "good.py").write_text(GOOD)
    old = time.time() - 100
    for path in (tmp_path / "good.py", tmp_path):
        os.utime(path, (old, old))
    time.sleep(1.1)
    cache = tmp_path.with_name(f"{tmp_path.name}-cache")
    command = [sys.executable, "-m", "celerylint", "--select", "CLY201", str(tmp_path)]
    environment = {**os.environ, "CELERYLINT_CACHE_DIR": str(cache)}

    def run() -> str:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, preexec_fn=_bounded)
        assert (ran.returncode, ran.stderr) == (1, "")
        return ran.stdout

    first = run()
    kept = list(cache.iterdir())
    assert len(kept) == 3
    for path in kept:
        path.unlink()
        make(path)
    assert run() == first


PINS = {
    "poetry.lock": '[[package]]\nname = "celery"\nversion = "' + "9" * 100_000 + '"\n',
    "requirements.txt": f"celery=={'9' * 10_000}.9\ncelery>={'9' * 10_000}\ncelery{' ' * 1_000_000}>\n" + "[" * 100_000,
    "pyproject.toml": f'[project]\ndependencies = {"[" * 5_000}\n[tool.poetry.dependencies]\ncelery = "^{"9" * 5000}"',
    "Pipfile": "[packages]\ncelery" + ".a" * 50_000 + ' = "*"\n',
    "setup.py": f'setup(install_requires=["celery{" " * 1_000_000}"])\n',
    "environment.yml": "dependencies:" + "\n" * 1_000_000 + "- celery\n",
    "uv.lock": '\nname = "celery"' * 100_000,
}


@pytest.mark.parametrize("name", PINS)
def test_versions_that_are_none(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(PINS[name])
    (tmp_path / "good.py").write_text(GOOD)
    run = _lint(tmp_path, "--output-format", "concise")
    assert run.returncode == 1, run.stderr
    assert "good.py:4:14: CLY201" in run.stdout
    assert "CLY990" not in run.stdout


def test_patterns_of_many_stars_are_matched_at_once(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("*a" * 40 + "\n" + "**/a*/" * 40 + "x\n" + "[[:" * 1000 + "\n**/*b*d*/**/e*\n")
    name = "a" * 100 + "b.py"
    (tmp_path / name).write_text(GOOD)
    folder = tmp_path / "x" / "abcde" / "y"
    folder.mkdir(parents=True)
    (folder / "ef.py").write_text(GOOD)
    (folder / "f.py").write_text(GOOD)
    run = _lint(tmp_path, "--output-format", "json")
    assert [found["path"] for found in json.loads(run.stdout)["findings"]] == [name, "x/abcde/y/f.py"]


@pytest.mark.parametrize(
    "encoding", ["base64", "hex", "zlib", "rot13", "punycode", "idna", "undefined", "utf-16", "\0"]
)
def test_an_encoding_of_no_text_is_one_finding_at_most(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "bad.py").write_text(f"# -*- coding: {encoding} -*-\nimport celery\n")
    (tmp_path / "good.py").write_text(GOOD)
    run = _lint(tmp_path, "--output-format", "json")
    assert run.returncode == 1, run.stderr
    found = [(f["code"], f["path"]) for f in json.loads(run.stdout)["findings"]]
    assert found in ([("CLY900", "bad.py"), ("CLY201", "good.py")], [("CLY201", "good.py")])


# --- numbers, texts and names without end -----------------------------------------------------------------------------

NINES = "9" * 5_000
COMPUTED = [
    "10 ** 10 ** 10",
    "1 << 10 ** 12",
    "int('9' * 100000)",
    "'%0999999999d' % 1",
    "'%s %0999999999d' % ('a', 1)",
    "'%c' % (10 ** 12,)",
    "'%.99999999999999999999f' % (1.5,)",
    "'{:>999999999}'.format(1)",
    "'{:{}}'.format(1, 999999999)",
    "'1'.zfill(999999999)",
    "('x' * 9999).replace('x', 'y' * 9999)",
    "','.join(['x' * 9999] * 1000).replace('x', 'y' * 9999)",
    "('{0}' * 3000).format('x' * 9999)",
    "0x" + "f" * 100_000,
]


def test_what_is_computed_stays_small(tmp_path: Path) -> None:
    lines = [f"app.conf.result_expires = {code}\napp.conf.task_time_limit = {code}\n" for code in COMPUTED]
    (tmp_path / "bad.py").write_text("from celery import Celery\napp = Celery('x')\n" + "".join(lines * 3))
    (tmp_path / "good.py").write_text(GOOD)
    run = subprocess.run(
        [sys.executable, "-m", "celerylint", "--no-cache", "--jobs", "1", "--output-format", "concise", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (600 << 20, 600 << 20)),
    )
    assert run.returncode == 1, run.stderr
    assert "good.py:4:14: CLY201" in run.stdout
    assert "CLY990" not in run.stdout


def test_texts_of_a_reasonable_length_are_computed(tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text(
        "from celery import Celery\napp = Celery('x')\n\n\n"
        "@app.task(name='%s.%05d' % ('a', 86400) + '{:>4}'.format(7) + ','.join(['b', 'c']).replace('c', 'd').zfill(5))\n"
        "def f(): ...\n"
    )
    command = [sys.executable, "-m", "celerylint", "inspect", "--no-cache", "--output-format", "json", str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert [task["name"] for task in json.loads(run.stdout)["tasks"]] == ["a.86400   700b,d"]


def test_numbers_of_many_digits_in_deployment_files(tmp_path: Path) -> None:
    flags = f"-c {NINES} --prefetch-multiplier={NINES} --autoscale={NINES},1 --time-limit={NINES} --max-tasks-per-child {NINES}"
    (tmp_path / "compose.yml").write_text(
        f"services:\n  w:\n    image: x\n    command: celery -A c worker {flags}\n    stop_grace_period: {NINES}s\n"
        f"    mem_limit: {NINES}g\n    deploy: {{replicas: {NINES}}}\n"
        f"  flower: {{image: x, command: celery -A c flower, ports: ['1-{NINES}:{NINES}-{NINES}']}}\n"
    )
    (tmp_path / "rabbitmq.conf").write_text(f"consumer_timeout = {NINES}\n")
    (tmp_path / "redis.conf").write_text(f"maxmemory {NINES}gb\nsave {NINES} 1\n")
    (tmp_path / "w.service").write_text(f"[Service]\nExecStart=celery -A c worker\nTimeoutStopSec={NINES}\n")
    (tmp_path / "c.py").write_text(
        "from celery import Celery\nfrom celery.schedules import crontab\n\napp = Celery('x', broker='amqp://')\n"
        f"app.conf.beat_schedule = {{'a': {{'task': 'c.f', 'schedule': crontab(minute='*/{NINES}', hour='0-{NINES}/2')}}}}\n"
        f"\n\n@app.task(acks_late=True, rate_limit='{NINES}/s')\ndef f(): ...\n"
    )
    command = [sys.executable, "-m", "celerylint", "--no-cache", "--preset", "all", "--output-format", "json"]
    run = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert run.returncode == 1, run.stderr
    assert "CLY990" not in [found["code"] for found in json.loads(run.stdout)["findings"]]


FORMATS = ["full", "concise", "grouped", "github", "gitlab", "sarif", "junit", "json", "rdjson"]


@pytest.mark.parametrize("shape", FORMATS)
def test_names_that_are_no_text_in_every_format(tmp_path: Path, shape: str) -> None:
    project = tmp_path / "project"
    project.mkdir()
    cache = tmp_path / "cache"
    old = time.time() - 100
    for name in (b"\xff\xfe.py", b"a\nb\x1b[31m\x07<&>\"'.py", b"%0A::error::x.py", b"a,b::c%.py", b"]]>.py"):
        path = os.path.join(os.fsencode(project), name)
        with open(path, "w") as file:
            file.write(GOOD)
        os.utime(path, (old, old))
    time.sleep(1.1)
    command = [sys.executable, "-m", "celerylint", "--select", "CLY201", "--color", "never", "--cache-dir", str(cache)]
    first, again = (
        subprocess.run([*command, "--output-format", shape, str(project)], capture_output=True, timeout=60)
        for _ in range(2)
    )
    assert (first.returncode, first.stderr) == (1, b"")
    assert again.stdout == first.stdout
    assert b"\x1b" not in first.stdout
    assert b"\x07" not in first.stdout
    if shape in ("gitlab", "sarif", "json", "rdjson"):
        json.loads(first.stdout)
    if shape == "junit":
        from xml.dom import minidom

        minidom.parseString(first.stdout)
    if shape in ("concise", "github"):
        assert first.stdout.count(b"CLY201") >= 5
        assert b"\n::error::x" not in first.stdout


@pytest.mark.parametrize("path", ["", "x" * 5_000, "x/" * 5_000])
def test_paths_that_no_file_has(tmp_path: Path, path: str) -> None:
    run = subprocess.run([sys.executable, "-m", "celerylint", path], capture_output=True, text=True, cwd=tmp_path)
    assert run.returncode == 2
    assert run.stderr.count("\n") == 1
    assert "internal error" not in run.stderr
    assert len(run.stderr) < 200


# --- what a checkout may not ask for ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line", ['executor = "dask://127.0.0.1:1"', 'output-file = "../out.txt"', 'output-format = "json:../o"']
)
def test_a_checkout_has_nobody_connected_to_and_nothing_written_outside(tmp_path: Path, line: str) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "celerylint.toml").write_text(f"{line}\n")
    (project / "good.py").write_text(GOOD)
    run = _lint(project)
    assert run.returncode == 2
    assert "celerylint.toml:1: " in run.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["project"]


def test_a_link_in_a_checkout_does_not_lead_what_is_written_outside(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (tmp_path / "precious").write_text("mine")
    (project / "out.txt").symlink_to(tmp_path / "precious")
    (project / "celerylint.toml").write_text('output-file = "out.txt"\n')
    (project / "good.py").write_text(GOOD)
    assert _lint(project).returncode == 2
    assert (tmp_path / "precious").read_text() == "mine"
    named = _lint(project, "--config", str(project / "celerylint.toml"))
    assert named.returncode == 1, named.stderr
    assert "CLY201" in (tmp_path / "precious").read_text()


# --- comments without end ---------------------------------------------------------------------------------------------

COMMENTS = {
    "one code of many letters": "# celerylint: ignore[" + "A" * 500_000,
    "many codes": "# noqa: " + "CLY1," * 200_000,
    "many spaces": "# celerylint:" + " " * 500_000 + "x\n# noqa" + " " * 500_000 + ":x",
    "many hashes": "#" * 1_000_000 + " noqa: CLY201",
    "many words": "# " + "noqa " * 200_000,
    "many comments": "# noqa: CLY999\n" * 100_000,
    "strings left open": "'\\" * 100_000 + "# noqa: CLY201",
}


@pytest.mark.parametrize("name", COMMENTS)
def test_comments_that_ask_for_silence_without_end(tmp_path: Path, name: str) -> None:
    (tmp_path / "bad.py").write_text(f"import celery\n{COMMENTS[name]}\n")
    (tmp_path / "compose.yml").write_text(
        f"services: {{w: {{image: x, command: celery -A c worker}}}}\n{COMMENTS[name]}\n"
    )
    (tmp_path / "good.py").write_text(GOOD)
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "celerylint",
            "--no-cache",
            "--select",
            "CLY201,CLY901,CLY902",
            "--statistics",
            tmp_path,
        ],
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert run.returncode == 1, run.stderr
    assert "CLY201" in run.stdout


# --- what libcst does not survive -------------------------------------------------------------------------------------

DEEP = {
    "one or the other": "x = " + "a and b or " * 20_000 + "c",
    "dots of an import": "import " + ".".join(["a"] * 20_000),
    "a pattern in brackets": "match x:\n  case " + "[" * 100 + "]" * 100 + ": pass",
    "texts in a row": "x = (" + "'a'\n" * 900 + ")",
    "loops in a list": "x = [a " + "for a in b " * 900 + "]",
}
NEWER = {
    "signs before a value": "x = " + "-" * 20_000 + "1",
    "functions of functions": "x = " + "lambda a, b: " * 20_000 + "1",
    "attributes": "x = a" + ".b" * 20_000,
    "sums": "x = " + "1 + " * 20_000 + "1",
    "conditions": "x = " + "1 if a else " * 20_000 + "2",
    "a pattern in brackets": "match x:\n  case " + "[" * 100 + "]" * 100 + ": pass",
    "fields": "x = " + 'f"{' * 1_000 + "1" + '}"' * 1_000,
    "letters": "a" * 300_000 + " b",
    "commas": "try: ...\nexcept " + "a, " * 100_000,
}


@pytest.mark.parametrize("name", DEEP)
def test_fixes_in_what_is_nested_too_deeply_are_left_out(tmp_path: Path, name: str) -> None:
    (tmp_path / "bad.py").write_text(f"{GOOD}\n\n{DEEP[name]}\n")
    (tmp_path / "good.py").write_text(GOOD)
    run = _lint(tmp_path, "--select", "CLY817", "--diff", "--unsafe-fixes")
    assert run.returncode == 1, run.stderr
    assert run.stdout.startswith("--- a/good.py")
    assert run.stdout.count("--- a/") == 1
    assert "bad.py:4: CLY817 is not fixed: its code is nested too deeply" in run.stderr
    found = json.loads(_lint(tmp_path, "--select", "CLY817", "--output-format", "json").stdout)["findings"]
    fixes = {one["path"]: one["fix"] is not None for one in found if one["code"] == "CLY817"}
    assert fixes == {"bad.py": False, "good.py": True}


@pytest.mark.parametrize("name", NEWER)
def test_newer_syntax_that_is_nested_too_deeply_is_one_finding_at_most(tmp_path: Path, name: str) -> None:
    (tmp_path / "bad.py").write_text(f"import celery\nclass A[T = int]: ...\nb = t'{{c}}'\n{NEWER[name]}\n")
    (tmp_path / "good.py").write_text(GOOD)
    run = _lint(tmp_path, "--output-format", "json")
    assert run.returncode == 1, run.stderr
    found = [(f["code"], f["path"]) for f in json.loads(run.stdout)["findings"]]
    assert found in ([("CLY900", "bad.py"), ("CLY201", "good.py")], [("CLY201", "good.py")])


def test_a_comment_is_taken_out_of_newer_syntax_that_is_too_much_for_libcst(tmp_path: Path) -> None:
    newer = "import celery\ntry: ...\nexcept KeyError, ValueError: ...\n" + f"x = {' + '.join(['1'] * 200)}\n" * 20
    (tmp_path / "a.py").write_text(f"{newer}b = 1  # celerylint: ignore[CLY201] x\n")
    run = _lint(tmp_path, "--select", "CLY901", "--fix", "--output-format", "json")
    assert (run.returncode, json.loads(run.stdout)["findings"]) == (0, []), run.stderr
    assert (tmp_path / "a.py").read_text() == f"{newer}b = 1\n"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_comment_that_a_line_goes_on_in_is_left(tmp_path: Path, end: str) -> None:
    text = f"import celery{end}x = 1\\{end}  # celerylint: ignore[CLY201] x{end}"
    (tmp_path / "a.py").write_text(text, newline="")
    run = _lint(tmp_path, "--select", "CLY901", "--fix", "--output-format", "json")
    assert [found["code"] for found in json.loads(run.stdout)["findings"]] == ["CLY901"]
    assert "a.py:3: CLY901 is not fixed: the line before it goes on there" in run.stderr
    assert (tmp_path / "a.py").read_bytes().decode() == text


# --- what changes while it is read ------------------------------------------------------------------------------------


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    from celerylint.extract import read_source
    from celerylint.facts.ir import Unreadable

    os.mkfifo(tmp_path / "a.py")
    problems: dict[str, Unreadable] = {}
    assert not read_source(str(tmp_path), "a.py", problems)
    writer = os.open(tmp_path / "a.py", os.O_RDWR)  # somebody holds it open, and writes nothing
    assert read_source(str(tmp_path), "a.py", problems) is None
    os.close(writer)
    assert problems["a.py"].message.startswith("cannot be read: ")


def test_a_deployment_file_that_is_a_pipe_by_now_is_one_finding(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text("services: {w: {image: x, command: celery -A c worker}}\n")
    (tmp_path / "good.py").write_text(GOOD)
    code = (
        "import os, sys\n"
        "from celerylint import discover, engine\n"
        "from celerylint.frontends.cli import main\n"
        "listed = discover.discover\n"
        "def swapped(root, *rest):\n"
        "    found = listed(root, *rest)\n"
        "    (root / 'compose.yml').unlink()\n"
        "    os.mkfifo(root / 'compose.yml')\n"
        "    return found\n"
        "discover.discover = swapped\n"
        "main(['--no-cache', '--select', 'CLY201', '--output-format', 'concise', sys.argv[1]])\n"
    )
    run = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, timeout=60)
    assert "compose.yml:1:1: CLY900 [error] cannot be read: not a plain file" in run.stdout, run.stderr
    assert "good.py:4:14: CLY201" in run.stdout


# --- where what cannot be read stands ---------------------------------------------------------------------------------

BROKEN = {
    "the end of a line": "import celery\nx = 'a\n",
    "behind the end of a line": "import celery\nif x\n    pass\n",
    "carriage returns": "import celery\rx = (\ry = 1\r",
    "the end of the file": "import celery\nx = (1,\n",
    "a block that never comes": "import celery\nif x:",
    "nothing but a mark": "\ufeffimport celery\ndef",
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_read_stands_within_its_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "bad.py").write_text(BROKEN[name], newline="")
    (found,) = json.loads(_lint(tmp_path, "--output-format", "json").stdout)["findings"]
    lines = BROKEN[name].removeprefix("\ufeff").replace("\r", "\n").split("\n")
    assert found["code"] == "CLY900"
    assert found["line"] == found["end_line"] <= len(lines)
    assert found["column"] <= found["end_column"] <= len(lines[found["line"] - 1]) + 1


# --- names that a fix writes ------------------------------------------------------------------------------------------

NAMES = ['a\'"+exit()+"', 'a"+exit()+"', "a\\", "a\\N{BULLET}", "a\u2028b", "a'", "a$(touch mark)", "a'; touch mark; '"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_a_fix_writes_stays_a_name(tmp_path: Path, name: str) -> None:
    files = {
        f"{name}/tasks.py": "from celery import shared_task\n\n\n@shared_task\ndef one(): ...\n\n\n@shared_task\ndef two(): ...\n",
        f"{name}/more.py": "from celery import shared_task\n\n\n@shared_task\ndef three(): ...\n",
        "app.py": f"from celery import Celery, shared_task\n\napp = Celery('x')\napp.conf.task_default_queue = {name!r}\n"
        f"app.conf.beat_schedule = {{'a': {{'task': {name + '.tasks.onee'!r}, 'schedule': 5.0}}}}\n"
        f"app.send_task({name + '.tasks.onne'!r})\n\n\n@app.task(queue={name!r})\ndef four(): ...\n",
        "compose.yml": "services:\n  w:\n    image: x\n    command: celery -A app worker -Q celery\n",
        "run.sh": "#!/bin/sh\nexec celery -A app worker -Q celery\n",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    run = _lint(tmp_path, "--fix-only", "--unsafe-fixes", "--preset", "all", "--select", "CLY")
    assert run.returncode == 0, run.stderr
    assert "break" not in run.stderr
    calls = [
        node
        for path in files
        if path.endswith(".py")
        for node in ast.walk(ast.parse((tmp_path / path).read_text()))
        if isinstance(node, ast.Call)
    ]
    assert {ast.unparse(call.func) for call in calls} <= {"Celery", "app.send_task", "app.task", "shared_task", "Queue"}
    written = {keyword.value.value for call in calls for keyword in call.keywords if keyword.arg == "name"}
    assert written >= {f"{name}.tasks.one", f"{name}.tasks.two", f"{name}.more.three"}
    assert "touch" not in (tmp_path / "run.sh").read_text() + (tmp_path / "compose.yml").read_text()


# --- much of one kind -------------------------------------------------------------------------------------------------

_APP = "import re\nfrom celery import Celery\napp = Celery('x')\n"
MUCH = {
    "two thousand tasks that retry": _APP
    + "".join(
        f"@app.task(bind=True)\ndef t{i}(self):\n    try: t{(i + 1) % 2000}()\n    except OSError: raise self.retry()\n"
        for i in range(2_000)
    ),
    "eight thousand tasks": _APP + "".join(f"@app.task\ndef t{i}(): pass\n" for i in range(8_000)),
    "a thousand globs for a thousand tasks": _APP
    + f"app.conf.task_routes = {{{', '.join(f'{i}: {{}}' for i in map(repr, (f'q{n}.*' for n in range(1_000))))}}}\n"
    + "".join(f"@app.task\ndef t{i}(): pass\n" for i in range(1_000)),
    "patterns that are tried without end": _APP
    + "app.conf.task_routes = [[(re.compile('(x+x+)+y'), {'queue': 'a'}), (re.compile('.*.*.*.*.*.*.*y'), {'queue': 'b'})]]\n"
    + "".join(f"@app.task(name='{'x' * 60}{i}')\ndef t{i}(): pass\n" for i in range(10)),
    "a pattern of many brackets": _APP
    + f"app.conf.task_routes = {{re.compile('{'(' * 900}{')' * 900}'): {{'queue': 'a'}}}}\n@app.task\ndef t(): pass\n",
    "sixty thousand calls": _APP + "f()\n" * 60_000,
}


@pytest.mark.parametrize("name", MUCH)
def test_much_of_one_kind_takes_its_time_once(tmp_path: Path, name: str) -> None:
    (tmp_path / "bad.py").write_text(MUCH[name])
    (tmp_path / "good.py").write_text(GOOD)
    run = _lint(tmp_path, "--select", "CLY", "--output-format", "concise")
    assert run.returncode == 1, run.stderr
    assert "good.py:4:14: CLY201" in run.stdout
    assert "CLY990" not in run.stdout


def test_a_file_that_is_too_large_for_libcst_is_not_mended(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(f"{GOOD}\n\nx = [{'1, ' * 200_000}]\n")
    (tmp_path / "good.py").write_text(GOOD)
    run = _lint(tmp_path, "--select", "CLY817", "--diff")
    assert run.returncode == 1, run.stderr
    assert run.stdout.count("--- a/") == 1
    assert "bad.py:4: CLY817 is not fixed: its file is larger than 400 kB" in run.stderr


NO_TEXT = {
    "in a comment": b"# \xe6 x\n",
    "in a text": b"x = 'a\xe6'\n",
    "behind a text": b"x = '\xc3\xa9'  # \xff\r\n",
    "in an encoding": b"",
}


@pytest.mark.parametrize("name", NO_TEXT)
def test_bytes_that_are_no_text_are_one_finding_where_they_stand(tmp_path: Path, name: str) -> None:
    head = b"# coding: ascii\n" if name == "in an encoding" else b"import celery\n"
    (tmp_path / "bad.py").write_bytes(head + (NO_TEXT[name] or "import celery  # é\n".encode()))
    (tmp_path / "good.py").write_text(GOOD)
    run = _lint(tmp_path, "--output-format", "concise")
    assert run.returncode == 1, run.stderr
    first, second = run.stdout.splitlines()
    assert first.startswith("bad.py:2:")
    assert ": CLY900 [error] not readable as Python: '" in first
    assert second.startswith("good.py:4:14: CLY201")

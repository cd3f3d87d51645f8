"""Input that atheris finds by what it reaches: commands as shells and Celery read them, expressions as the model computes them.

atheris never returns, so it runs in a process of its own: `python -m celerylint.dev.fuzz.guided TARGET SECONDS FOLDER`.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from celerylint.dev.fuzz.case import Fault

GRACE = 60
"""Seconds for what atheris does before and after."""


def guided(target: str, seconds: int, folder: Path) -> Fault | None:
    """Let atheris look for a fault. What it learns, and the input that fails, stay in the folder.

    Raises:
        ModuleNotFoundError: atheris is not installed.
    """
    import importlib.util

    if importlib.util.find_spec("atheris") is None:
        raise ModuleNotFoundError("atheris is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", __spec__.name, target, str(seconds), str(folder)]
    try:
        run = subprocess.run(command, capture_output=True, timeout=seconds + GRACE)
    except subprocess.TimeoutExpired:
        return Fault(target, 0, f"{target} never ends", "", {})
    if run.returncode == 0:
        return None
    said = run.stdout.decode("utf-8", "replace") + run.stderr.decode("utf-8", "replace")
    crashes = sorted(folder.glob("crash-*")) + sorted(folder.glob("timeout-*")) + sorted(folder.glob("oom-*"))
    files = {crash.name: crash.read_bytes() for crash in crashes[:1]}
    return Fault(target, 0, f"{target} fails under atheris", said[-3000:], files)


def _command(data: bytes) -> None:
    from celerylint.catalog import load
    from celerylint.facts.deploy import read
    from celerylint.model.commandline import parse_all

    for kind, name in (("script", "x.sh"), ("procfile", "Procfile"), ("dockerfile", "Dockerfile")):
        read.read(name, kind, data)
    words = data.decode("utf-8", "replace").split(" ")
    parse_all(words, load())


def _expression(data: bytes) -> None:
    from celerylint.facts.lower import extract
    from celerylint.model.link import Inputs, link
    from celerylint.model.version import choose

    source = b"from celery import Celery\napp = Celery('x')\n@app.task\ndef t(): ...\n" + data
    try:
        source.decode()
    except UnicodeDecodeError:
        return
    facts = extract("m.py", source)
    if facts.error is None:
        project, _ = link(Inputs(paths=("m.py",), gated=("m.py",), load=lambda path: facts, version=choose([], "5.6")))
        if project.crashes:
            raise project.crashes[0][1]


GUIDED: dict[str, Callable[[bytes], None]] = {"command": _command, "expression": _expression}

_SEEDS = {
    "command": (b"celery -A p worker -B -Q a,b --autoscale=10,3", b"if [ -z $X ]; then exec celery multi start 3 -Q:1 a; fi"),
    "expression": (b"app.conf.update({k: v for k, v in [('task_acks_late', not 1)]}, **{'a' + 'b': 2})", b"x = f'{1:>{2}}' % ()"),
}  # fmt: skip


def _run(target: str, seconds: str, folder: str) -> None:
    import atheris

    with atheris.instrument_imports(include=["celerylint"], enable_loader_override=False):
        GUIDED[target](b"")
    corpus = Path(folder) / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(_SEEDS[target]):
        (corpus / f"seed{number}").write_bytes(seed)
    flags = [
        f"-max_total_time={seconds}",
        "-timeout=20",
        "-rss_limit_mb=3000",
        "-max_len=300",
        f"-artifact_prefix={folder}/",
    ]
    atheris.Setup([sys.argv[0], *flags, str(corpus)], GUIDED[target])
    atheris.Fuzz()


if __name__ == "__main__":
    _run(*sys.argv[1:])

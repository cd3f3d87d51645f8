"""What the engine makes of deployment files: which are read, what is said of those that cannot be, and what silences it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from celerylint import engine
from celerylint.config import Options
from celerylint.discover import discover
from celerylint.extract_deploy import DeployFiles
from celerylint.facts.deploy.ir import DeployFacts

COMPOSE = "services:\n  worker:\n    image: app\n    command: celery -A proj worker\n"
BROKEN = "services:\n\tworker: x\n"


def project(root: Path, files: dict[str, str | bytes]) -> Path:
    for name, text in {"pyproject.toml": "", **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        past = time.time() - 60
        os.utime(path, (past, past))
    return root


def read(root: Path, **options: object) -> DeployFiles:
    asked = Options(no_cache=True, **options)  # type: ignore[arg-type]
    files = DeployFiles(root, discover(root, [str(root)], asked), asked, None)
    files.begin()
    return files


def found(root: Path, *paths: str, **options: object) -> list[tuple[str, str, int, str]]:
    asked = Options(no_cache=True, **options)  # type: ignore[arg-type]
    report = engine.check(list(paths) or [str(root)], asked, root=root)
    return [(f.code, f.place.path, f.place.line, f.message) for f in report.findings]


ALL = {
    "docker-compose.yml": COMPOSE,
    "deploy/k8s/worker.yaml": "apiVersion: apps/v1\nkind: Deployment\n",
    "bin/start": "#!/bin/sh\nexec celery -A proj worker\n",
    "locale/en.yml": "en: x\n",
    "build/docker-compose.yml": COMPOSE,
    "node_modules/x/Procfile": "a: celery worker\n",
    ".gitlab-ci.yml": COMPOSE,
    ".git/HEAD": "",
    ".gitignore": "build/\nProcfile.local\n",
    "Procfile.local": "worker: celery worker\n",
}


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_is_read(tmp_path: Path, jobs: int) -> None:
    files = read(project(tmp_path, {**ALL}), jobs=jobs)
    assert {path: facts.kind for path, facts in files.gated().items()} == {
        "bin/start": "script",
        "deploy/k8s/worker.yaml": "manifest",
        "docker-compose.yml": "compose",
    }
    assert list(files.gated()) == sorted(files.gated())


def test_exclude_patterns_hold(tmp_path: Path) -> None:
    files = read(project(tmp_path, {**ALL}), extend_exclude=("deploy/", "bin/start"))
    assert list(files.gated()) == ["docker-compose.yml"]
    assert files.load("bin/start") is None


def test_files_that_others_name(tmp_path: Path) -> None:
    root = project(
        tmp_path / "project",
        {".env": "A=1\n", "entry": 'exec "$@"\n', ".git/HEAD": "", ".gitignore": "secret.env\n", "secret.env": "A=1\n"},
    )
    (tmp_path / "outside.sh").write_text("celery worker\n")
    (root / "link.sh").symlink_to("../outside.sh")
    (root / "inner.sh").symlink_to("entry")
    (root / "loop.sh").symlink_to("loop.sh")
    os.mkfifo(root / "pipe.sh")
    files = read(root)
    kinds = {path: facts.kind for path in (".env", "entry", "inner.sh") if (facts := files.load(path))}
    assert kinds == {".env": "environment", "entry": "script", "inner.sh": "script"}
    for path in (
        "link.sh",
        "loop.sh",
        "pipe.sh",
        "gone.sh",
        "secret.env",
        "../outside.sh",
        "/etc/passwd",
        "",
        ".",
        "a\0b",
    ):
        assert files.load(path) is None, path
    assert dict(files.gated()) == {}


def test_a_file_that_cannot_be_read_is_one_finding_there(tmp_path: Path) -> None:
    root = project(tmp_path, {"docker-compose.yml": BROKEN, "tests/docker-compose.yml": BROKEN, "x.yml": BROKEN})
    ((code, path, line, message),) = found(root)
    assert (code, path, line) == ("CLY900", "docker-compose.yml", 2)
    assert message.startswith("cannot be parsed: found character that cannot start any token")


def test_a_template_is_no_broken_file(tmp_path: Path) -> None:
    text = "apiVersion: apps/v1\nkind: Deployment\n{{- if .Values.x }}\nspec: {}\n{{- end }}\n"
    assert found(project(tmp_path, {"chart/templates/a.yaml": text, "a.yaml": text})) == []


@pytest.mark.parametrize(
    ("path", "comment"),
    [
        ("docker-compose.yml", "# celerylint: ignore-file[CLY900] made by a tool\n"),
        ("docker-compose.yml", "services:\n  # celerylint: ignore[CLY900] made by a tool\n"),
        ("supervisord.conf", "; celerylint: ignore-file[CLY900] made by a tool\n[program:x]\nnonsense\n"),
    ],
)
def test_comments_silence(tmp_path: Path, path: str, comment: str) -> None:
    text = comment if "program" in comment else comment + BROKEN.removeprefix("services:\n" if "  #" in comment else "")
    silenced = comment.index("#" if "#" in comment else ";")
    assert found(project(tmp_path, {path: text})) == []
    assert [code for code, *_ in found(project(tmp_path, {path: text[:silenced] + text[silenced + 1 :]}))] == ["CLY900"]


def test_a_comment_that_silences_nothing_is_said(tmp_path: Path) -> None:
    text = COMPOSE.replace("app\n", "app  # celerylint: ignore[CLY701] x\n")
    root = project(tmp_path, {"docker-compose.yml": text, "x.yml": "a: 1  # celerylint: ignore[CLY701] x\n"})
    assert [(code, path, line) for code, path, line, _ in found(root, preset="all") if code[:4] == "CLY9"] == [
        ("CLY901", "docker-compose.yml", 3)
    ]


def test_files_given_by_path(tmp_path: Path) -> None:
    root = project(
        tmp_path, {"docker-compose.yml": BROKEN, "Procfile": "web: x\n", "run": "#!/bin/sh\ncelery worker\n"}
    )
    (root / "tool").write_text("#!/usr/bin/env python3\nimport celery\nx = (\n")
    assert [(code, path) for code, path, *_ in found(root, str(root / "run"), str(root / "Procfile"))] == []
    given = found(root, str(root / "tool"), str(root / "docker-compose.yml"))
    assert [(code, path) for code, path, *_ in given] == [("CLY900", "docker-compose.yml"), ("CLY900", "tool")]


def test_a_second_run_reads_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = project(tmp_path / "p", {"docker-compose.yml": BROKEN, "run.sh": "celery worker\n", "other.yml": "a: 1\n"})

    def run() -> list[tuple[str, str, str]]:
        report = engine.check([str(root)], Options(cache_dir=str(tmp_path / "cache"), jobs=1), root=root)
        return [(f.code, f.place.path, f.message) for f in report.findings]

    first = run()
    assert [code for code, *_ in first] == ["CLY900"]

    def refuse(path: str, kind: str, source: bytes) -> DeployFacts:
        raise AssertionError(f"{path} was read again")

    monkeypatch.setattr("celerylint.extract_deploy._read", refuse)
    assert run() == first
    monkeypatch.undo()
    (root / "docker-compose.yml").write_text(COMPOSE)
    assert run() == []


def test_a_fault_of_ours_costs_only_the_deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError("oops")

    monkeypatch.setattr("celerylint.model.deploy.deployment.deployment", fail)
    ((code, path, _, message),) = found(project(tmp_path, {"docker-compose.yml": COMPOSE}))
    assert (code, path) == ("CLY990", ".")
    assert "evaluation of the deployment files failed (RuntimeError: oops" in message


def test_of_what_cannot_be_read_no_comment_is_unused(tmp_path: Path) -> None:
    text = "# celerylint: ignore[CLY701] x\n"
    code = f"from celery import shared_task\n{text}def f(:\n"
    files = {
        "values.yml": f"{text}worker: {{celery\n  a: ]\n",
        "tests/docker-compose.yml": text + BROKEN,
        "{{x}}/a.py": code,
    }
    root = project(tmp_path, files)
    assert found(root, preset="all", include_tests=True) == []


def test_values_are_complained_of_only_beside_a_chart(tmp_path: Path) -> None:
    files = {"locale/values.yaml": "a: [\n", "chart/values.yaml": "a: [\n", "chart/Chart.yaml": "name: x\n"}
    assert [(code, path) for code, path, *_ in found(project(tmp_path, {**files}))] == [("CLY900", "chart/values.yaml")]


@pytest.mark.parametrize(
    ("options", "development"),
    [
        ({}, {"worker": False, "other": True}),
        ({"deployment_files": ("dev.compose.yml",)}, {"worker": True, "other": False}),
        ({"development_files": ("docker-*",)}, {"worker": True, "other": True}),
    ],
)
def test_options_say_what_is_in_use(tmp_path: Path, options: dict[str, object], development: dict[str, bool]) -> None:
    files = {"docker-compose.yml": COMPOSE, "dev.compose.yml": COMPOSE.replace("worker:", "other:")}
    asked = Options(no_cache=True, **options)  # type: ignore[arg-type]
    deployed = read(project(tmp_path, {**files}))
    deployment, crash = engine._deployment(deployed, asked)
    assert crash is None
    assert {process.name: bool(process.development) for process in deployment.processes} == development

from __future__ import annotations

import pytest

from celerylint.facts.deploy.kinds import certain, kind_if_named, kind_of, may_deploy
from celerylint.facts.deploy.read import read

COMPOSE = b"services:\n  worker:\n    command: celery -A proj worker\n"
DEPLOYMENT = b"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"

FOUND = [
    ("docker-compose.yml", COMPOSE, "compose"),
    ("compose.prod.yaml", b"services:\n  web: {image: x}\n", "compose"),
    ("deploy/stack.yml", COMPOSE, "compose"),
    ("local.yml", COMPOSE, "compose"),
    ("docker-compose.yml", b"web:\n  image: x\n", "compose"),
    ("docker-compose.yml.j2", COMPOSE, "compose"),
    ("k8s/worker.yaml", DEPLOYMENT, "manifest"),
    ("k8s/all.yaml", b"---\nkind: 'CronJob'\napiVersion: batch/v1\n", "manifest"),
    ("k8s/list.yaml", b"kind: List\napiVersion: v1\nitems:\n- apiVersion: apps/v1\n  kind: Deployment\n", "manifest"),
    ("k8s/kustomization.yaml", b"resources: [a.yaml]\n", "kustomization"),
    ("chart/values.yaml", b"replicas: 2\n", "values"),
    ("Procfile", b"worker: celery worker\n", "procfile"),
    ("Procfile.prod", b"web: gunicorn\n", "procfile"),
    ("Dockerfile", b"# x\nFROM python\n", "dockerfile"),
    ("docker/worker.Dockerfile", b"from python\n", "dockerfile"),
    ("Dockerfile.worker", b"FROM python\n", "dockerfile"),
    ("supervisor/celery.conf", b"[program:celery]\ncommand=celery worker\n", "supervisor"),
    ("supervisord.ini", b"[supervisord]\n[program:x]\n", "supervisor"),
    ("celery.service", b"[Service]\nExecStart=/x\n", "systemd"),
    ("celery@.service", b"[Service]\nExecStart=/x\n", "systemd"),
    ("ecs/task-definition.json", b'{"containerDefinitions": []}', "ecs"),
    ("stack.yaml", b"Resources:\n  T:\n    Properties:\n      ContainerDefinitions: []\n", "ecs"),
    ("app.json", b'{"formation": {"worker": {"quantity": 1}}}', "heroku"),
    ("redis.conf", b"appendonly yes\n", "redis"),
    ("rabbitmq/20-limits.conf", b"consumer_timeout = 1\n", "rabbitmq"),
    ("definitions.json", b'{"vhosts": [], "policies": []}', "definitions"),
    ("bin/worker.sh", b"exec celery -A proj worker\n", "script"),
    ("bin/start-worker", b"#!/usr/bin/env bash\ncelery worker\n", "script"),
    ("s6/run", b"#!/command/with-contenv /usr/bin/bash\ncelery worker\n", "script"),
    ("default/celeryd", b'CELERYD_NODES="w1 w2"\n', "environment"),
]

NOTHING = [
    ("ci.yml", b"jobs:\n  test:\n    services:\n      redis: {image: redis}\n"),
    ("fixture.yaml", b"- model: x\n  celery: 1\n"),
    ("docs.yml", b"kind: Deployment\n"),
    ("crd.yaml", b"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"),
    ("locale.yml", b"en:\n  services: many\n"),
    ("nginx.conf", b"server { }\n"),
    ("tox.ini", b"[testenv]\nsetenv =\n  CELERY_BROKER=x\nCELERY_X=y\n"),
    ("build.sh", b"make\n"),
    ("Dockerfile.md", b"# How to build\n"),
    ("bin/tool", b"#!/usr/bin/env python\nimport celery\n"),
    ("bin/logger", b"#!/usr/bin/env python\n'''\n[program:x]\n'''\n"),
    ("x.service", b"hello\n"),
    ("app.json", b'{"name": "x"}'),
    ("LICENSE", b"celery\n"),
]


@pytest.mark.parametrize(("path", "source", "kind"), FOUND)
def test_found(path: str, source: bytes, kind: str) -> None:
    assert may_deploy(path.rpartition("/")[2])
    assert kind_of(path, source) == kind
    assert kind_if_named(path, source) == kind
    facts = read(path, kind, source)
    assert (facts.error, facts.content is None) == (None, False)


@pytest.mark.parametrize(("path", "source"), NOTHING)
def test_nothing(path: str, source: bytes) -> None:
    assert kind_of(path, source) is None


NAMES = [
    ".gitlab-ci.yml",
    ".env",
    "Makefile",
    "package.json",
    "tsconfig.json",
    "x.py",
    "x.md",
    "logo.png",
    "settings.cfg",
]


@pytest.mark.parametrize("name", NAMES)
def test_other_names_are_not_even_read(name: str) -> None:
    assert not may_deploy(name)


@pytest.mark.parametrize(
    ("path", "source", "kind"),
    [
        (".env", b"A=1\n", "environment"),
        (".envs/.production/.django", b"# x\nA=1\n\nB=2\n", "environment"),
        ("docker/compose.env", b"export A=1\n", "environment"),
        ("docker/entrypoint.sh", b'exec "$@"\n', "script"),
        ("docker/entrypoint", b'#!/bin/sh\nexec "$@"\n', "script"),
        ("start", b'exec "$@"\n', "script"),
        ("base.yml", b"services:\n  x: {}\n", "compose"),
        ("patch.yaml", b"apiVersion: x/v1\nkind: Other\n", "manifest"),
        ("worker", b"#!/usr/bin/env python3\n", None),
        ("manage.py", b"import celery\n", None),
        ("bin/tool", b"\x7fELF\0\0\0", None),
    ],
)
def test_files_that_others_name(path: str, source: bytes, kind: str | None) -> None:
    assert kind_if_named(path, source) == kind


def test_what_names_alone_tell() -> None:
    assert [path for path in ("a/Dockerfile", "docker-compose.yml", "x.yml", "run", "w.service") if certain(path)] == [
        "a/Dockerfile",
        "docker-compose.yml",
        "w.service",
    ]


@pytest.mark.parametrize(
    ("path", "source", "kind"),
    [
        ("k8s/a.yaml", b"apiVersion: v1\nkind: Pod\nname: {{ .Values.x }}\n", "template"),
        ("k8s/a.yaml", b"{{- if .x }}\napiVersion: v1\nkind: Pod\n{{- end }}\n", "template"),
        ("chart/templates/a.yaml", b'apiVersion: v1\nkind: Pod\nname: "{{ .x }}"\n', "template"),
        ("k8s/a.yaml", b'apiVersion: v1\nkind: Pod\nname: "{{ .x }}"\n', "manifest"),
        ("docker-compose.yml", b'services:\n  w:\n    hostname: "{{.Node.Hostname}}"\n    command: x\n', "compose"),
        ("docker-compose.yml", b"services:\n  w:\n    image: {{ x }}_w\n", "template"),
        ("docker-compose.yml", b"services:\n{% if x %}\n  w:\n    image: w\n{% endif %}\n", "template"),
    ],
)
def test_templates(path: str, source: bytes, kind: str) -> None:
    found = kind_of(path, source)
    assert found is not None
    assert read(path, found, source).kind == kind


def test_errors_say_where() -> None:
    facts = read("docker-compose.yml", "compose", b"services:\n\tw: 1\n")
    assert facts.content is None
    assert facts.error is not None
    assert (facts.error.line, facts.error.col) == (2, 1)
    facts = read("docker-compose.yml", "compose", b"services:\n  w: \xff\xfe\n")
    assert facts.error is not None
    assert (facts.error.message, facts.error.line, facts.error.col) == ("not UTF-8 text", 2, 6)

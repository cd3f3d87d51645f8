"""Deployment files that mean harm, or that nobody has looked at for long: a bounded answer, never an exception."""

from __future__ import annotations

import time

import pytest
from deployed import deploy

HUGE = 9_000
FILES = {
    "variables": {"compose.yaml": "services:\n  a:\n    image: b\n    command: '" + "${A:-" * HUGE + "'\n"},
    "dollars": {"compose.yaml": "services:\n  a:\n    image: b\n    command: '" + "$A" * HUGE + "'\n"},
    "a long command": {"compose.yaml": "services:\n  a:\n    image: b\n    command: " + "celery " * HUGE + "\n"},
    "quotes": {"compose.yaml": "services:\n  a:\n    image: b\n    command: |\n      " + "\"'" * HUGE + "\n"},
    "services that extend one another": {
        "compose.yaml": "services:\n" + "".join(f"  s{i}: {{extends: s{i + 1}, image: a}}\n" for i in range(3000))
    },
    "files that include one another": {
        "compose.yaml": "include: [b/compose.yaml]\nservices: {a: {image: b}}\n",
        "b/compose.yaml": "include: [../compose.yaml, compose.yaml]\nservices: {c: {image: b}}\n",
    },
    "kustomizations": {
        f"k{i}/kustomization.yaml": "resources: [" + ", ".join(f"../k{j}" for j in range(40)) + ", w.yaml]\n" for i in range(40)
    },
    "a pattern that never ends": {
        "kustomization.yaml": "resources: [w.yaml]\npatches: [{target: {kind: Pod, name: '(a*)*b'}, patch: 'a: b'}]\n",
        "w.yaml": f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {'a' * 250}}}\nspec: {{containers: [{{name: a}}]}}\n",
    },
    "actions": {"c/templates/w.yaml": "apiVersion: v1\nkind: Pod\nmetadata:\n  name: " + "{{ a }}{{" * HUGE + "\n"},
    "flow sequences": {
        "c/templates/w.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {{ x }}\nspec: [" + "{{}}" * HUGE + " ]\n{{ end }}\n"
    },
    "odd indentation": {
        "c/templates/w.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: {{ x }}}\nspec:\n"
        + "".join(f"{' ' * (i % 37)}- k{i}:\n{' ' * (i % 11)}x: {{{{ y }}}}\n" for i in range(999))
    },
    "stages": {"Dockerfile": "FROM a AS a\nCOPY --from=a . .\n" + "FROM a AS a\nCOPY --from=a . .\n" * 300 + "CMD ./x.sh celery\n"},
    "variables of an image": {"Dockerfile": "FROM a\n" + "".join(f"ENV A{i}=$A{i - 1}$A{i - 1}\n" for i in range(200)) + "CMD a\n"},
    "a script that runs itself": {"Procfile": "a: ./celery.sh\n", "celery.sh": "#!/bin/sh\n./celery.sh\n. ./celery.sh\n"},
    "supervisor": {"supervisord.conf": "[program:a]\ncommand=" + "%(ENV_A)s" * HUGE + "\nenvironment=" + "A=" * HUGE + "\n"},
    "systemd": {"a.service": "[Service]\nExecStart=" + "${A}%i" * HUGE + "\nTimeoutStopSec=" + "1" * HUGE + "s\n"},
    "ecs": {"task.json": '{"containerDefinitions": [1, {"command": {}, "name": [], "environment": "x", "image": {}}, []]}'},
    "odd supervisor": {"s.conf": "[program:]\ncommand=\n[program:a]\nnumprocs=%(x)s\ncommand='\n"},
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_there_is_an_answer(name: str) -> None:
    start = time.process_time()
    deploy(FILES[name])
    assert time.process_time() - start < 10

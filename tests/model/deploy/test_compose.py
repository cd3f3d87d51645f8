from __future__ import annotations

import pytest
from deployed import deploy

from celerylint.model.deploy.development import Patterns

WORKER = "celery -A proj worker -Q mail,push"


@pytest.mark.parametrize(
    "command",
    [
        "command: celery -A proj worker -Q mail,push",
        "command: 'celery -A \"proj\" worker -Q mail,push'",
        "command: [celery, -A, proj, worker, -Q, 'mail,push']",
        "command:\n          - celery\n          - -A\n          - proj\n          - worker\n          - -Q\n          - mail,push",
        "command: >\n          celery -A proj worker\n          -Q mail,push",
        "command: |\n          celery -A proj worker -Q mail,push",
        "command: sh -c 'celery -A proj worker -Q mail,push'",
        "command: ['sh', '-c', 'exec celery -A proj worker -Q mail,push']",
        "command: celery -A proj worker -Q ${QUEUES:-mail,push}",
        "command: celery -A proj worker -Q ${QUEUES-mail,${SECOND:-push}}",
        "entrypoint: celery\n        command: -A proj worker -Q mail,push",
        "entrypoint: [celery, -A, proj]\n        command: worker -Q mail,push",
    ],
)
def test_every_spelling_of_a_command(command: str) -> None:
    found = deploy({"docker-compose.yml": f"services:\n      worker:\n        image: app\n        {command}\n"})
    assert found.commands("worker") == [WORKER]
    assert found.process("worker").complete


def test_words_know_where_they_stand() -> None:
    text = (
        "services:\n  worker:\n    image: app\n    command: >-\n      celery -A proj\n      worker -Q ${Q:-mail} -c 4\n"
    )
    words = deploy({"compose.yaml": text}).process("worker").invocations[0].words
    assert [(w.text, w.place.line, w.place.span.column) for w in words] == [
        ("celery", 5, 7),
        ("-A", 5, 14),
        ("proj", 5, 17),
        ("worker", 6, 7),
        ("-Q", 6, 14),
        ("mail", 6, 22),
        ("-c", 6, 28),
        ("4", 6, 31),
    ]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("$QUEUES", "?"),
        ("${QUEUES}", "?"),
        ("a-${QUEUES}-b", "a-?-b"),
        ("${QUEUES:?set it}", "?"),
        ("${QUEUES:+other}", "?"),
        ("$$QUEUES", "$QUEUES"),
        ("${QUEUES:-}", ""),
        ("${QUEUES", "?"),
    ],
)
def test_what_only_the_machine_knows_is_unknown(written: str, expected: str) -> None:
    text = f"services:\n  worker:\n    image: app\n    command: [celery, worker, -Q, '{written}']\n"
    assert deploy({"compose.yaml": text}).commands("worker") == [f"celery worker -Q {expected}"]


def test_an_image_of_the_project_is_followed_into_its_script() -> None:
    found = deploy(
        {
            "docker-compose.yml": """
                services:
                  web:
                    build: .
                    image: team/app:latest
                  worker:
                    image: team/app:latest
                    command: worker
                    environment:
                      QUEUES: mail,push
                  beat:
                    build: {context: ., dockerfile: Dockerfile}
                    command: ["beat"]
            """,
            "Dockerfile": """
                FROM python:3.12 AS build
                COPY deploy /built
                FROM python:3.12
                WORKDIR /srv/app
                COPY --from=build /built/ /usr/local/bin/
                ENV CONCURRENCY=4
                ENTRYPOINT ["entry.sh"]
                CMD ["web"]
            """,
            "deploy/entry.sh": """
                #!/bin/sh
                case "$1" in
                  web) exec gunicorn proj.wsgi ;;
                  worker) exec celery -A proj worker -Q "$QUEUES" -c $CONCURRENCY ;;
                  beat) exec celery -A proj beat ;;
                esac
            """,
        }
    )
    assert found.commands("web") == ["gunicorn proj.wsgi"]
    assert found.commands("worker") == ["celery -A proj worker -Q mail,push -c 4"]
    assert found.commands("beat") == ["celery -A proj beat"]
    worker = found.process("worker").invocations[0]
    assert (worker.place.path, worker.signalled) == ("deploy/entry.sh", True)
    assert worker.via[0].path == "docker-compose.yml"


def test_entrypoints_and_commands_by_dockers_rules() -> None:
    found = deploy(
        {
            "compose.yaml": """
                services:
                  plain: {build: .}
                  other-command: {build: ., command: worker}
                  other-entrypoint: {build: ., entrypoint: celery -A other}
                  both: {build: ., entrypoint: [celery], command: [status]}
                  stage: {build: {context: ., target: workers}}
            """,
            "Dockerfile": """
                FROM python:3.12 AS base
                ENTRYPOINT ["celery", "-A", "proj"]
                CMD ["beat"]
                FROM base AS workers
                CMD worker -c 2
                FROM base
            """,
        }
    )
    assert found.commands("plain") == ["celery -A proj beat"]
    assert found.commands("other-command") == ["celery -A proj worker"]
    assert found.commands("other-entrypoint") == ["celery -A other"]
    assert found.commands("both") == ["celery status"]
    # The shell form is an argument like another, since there is an entrypoint.
    assert found.commands("stage") == ["celery -A proj /bin/sh -c worker -c 2"]


def test_several_files_are_merged() -> None:
    found = deploy(
        {
            "docker-compose.yml": """
                services:
                  worker:
                    image: app
                    command: celery -A proj worker -Q $QUEUES
                    environment: [QUEUES=mail, LEVEL=info]
                    ports: ["1:1"]
                    stop_grace_period: 20s
                  beat: {image: app, command: celery -A proj beat}
                  debug: {image: app, command: celery -A proj worker}
            """,
            "docker-compose.prod.yml": """
                services:
                  worker:
                    command: celery -A proj worker -c 8
                    deploy: {replicas: 3}
                    ports: ["2:2"]
                  beat:
                    stop_grace_period: 1m30s
                  debug: !reset null
            """,
        }
    )
    assert found.names == ["worker", "beat"]
    worker = found.process("worker")
    assert found.commands("worker") == ["celery -A proj worker -c 8"]
    assert (worker.replicas.value, worker.grace.value) == (3, 20)
    assert worker.replicas.place is not None
    assert worker.replicas.place.path == "docker-compose.prod.yml"
    assert worker.attributes["ports"].value == "1:1,2:2"
    assert found.process("beat").grace.value == 90
    assert worker.deployment == "docker-compose.yml + docker-compose.prod.yml"
    assert not worker.development


def test_a_file_for_development_leaves_the_base_alone() -> None:
    found = deploy(
        {
            "docker-compose.yml": "services:\n  beat:\n    image: app\n    command: celery -A proj beat\n",
            "docker-compose.override.yml": "services:\n  beat:\n    deploy: {replicas: 2}\n",
            "docker-compose.ci.yml": "services:\n  beat:\n    image: app\n    command: celery -A proj beat -l debug\n",
        }
    )
    assert [(p.replicas.value, bool(p.development)) for p in found.whole.processes] == [
        (1, True),
        (2, True),
        (1, False),
    ]


def test_what_development_changes_nothing_of_is_not_said_twice() -> None:
    found = deploy(
        {
            "docker-compose.yml": """
                services:
                  worker: {image: app, command: celery -A proj worker}
                  beat: {image: app, command: celery -A proj beat}
            """,
            "docker-compose.dev.yml": """
                services:
                  worker: {environment: {DEBUG: "1"}}
                  beat: {command: celery -A proj beat -l debug}
            """,
        }
    )
    assert [(p.name, bool(p.development)) for p in found.whole.processes] == [
        ("beat", True),
        ("worker", False),
        ("beat", False),
    ]


def test_a_file_for_production_beside_the_plain_one() -> None:
    text = "services:\n  worker:\n    image: app\n    command: celery -A proj worker\n"
    found = deploy({"docker-compose.yml": text, "docker-compose.prod.yml": text.replace("worker:", "real:")})
    assert found.process("worker").development == "docker-compose.prod.yml stands for production"
    assert not found.process("real").development
    found = deploy({"docker-compose.yml": text, "docker-compose.products.yml": text.replace("worker:", "real:")})
    assert not found.process("worker").development


def test_extends_in_the_same_and_in_another_file() -> None:
    found = deploy(
        {
            "docker-compose.yml": """
                services:
                  base:
                    image: app
                    environment: {QUEUES: mail}
                    scale: 2
                  worker:
                    extends: base
                    command: celery -A proj worker
                  other:
                    extends: {service: common, file: deploy/common.yml}
                    command: [worker]
                  loop: {extends: loop, image: app, command: celery -A proj beat}
            """,
            "deploy/common.yml": "services:\n  common:\n    build: app\n    entrypoint: celery -A proj\n",
            "deploy/app/Dockerfile": "FROM python\n",
        }
    )
    assert found.process("worker").replicas.value == 2
    assert found.commands("other") == ["celery -A proj worker"]
    assert found.commands("loop") == ["celery -A proj beat"]


def test_env_files_stand_below_the_environment() -> None:
    found = deploy(
        {
            "docker-compose.yml": """
                services:
                  worker:
                    image: app
                    command: sh -c 'celery -A proj worker -Q $$QUEUES -c $$COUNT -n $$NAME'
                    env_file: [{path: worker.env, required: false}, missing.env]
                    environment: [COUNT=8, NAME]
            """,
            "worker.env": "QUEUES='mail,push'\nCOUNT=2\nNAME=x\n",
        }
    )
    assert found.commands("worker") == ["celery -A proj worker -Q mail,push -c 8 -n ?"]


@pytest.mark.parametrize(
    ("lines", "replicas", "grace"),
    [
        ("", 1, 10),
        ("scale: 3", 3, 10),
        ("deploy: {replicas: 4}", 4, 10),
        ("deploy: {replicas: '${COUNT:-2}'}", 2, 10),
        ("deploy: {replicas: '${COUNT}'}", None, 10),
        ("deploy: {mode: global}", None, 10),
        ("stop_grace_period: 1h2m3.5s", 1, 3723.5),
        ("stop_grace_period: soon", 1, None),
    ],
)
def test_replicas_and_grace(lines: str, replicas: int | None, grace: float | None) -> None:
    text = f"services:\n  worker:\n    image: app\n    command: celery worker -A proj\n    {lines}\n"
    process = deploy({"compose.yml": text}).process("worker")
    assert (process.replicas.value, process.grace.value) == (replicas, grace)


@pytest.mark.parametrize(
    ("path", "lines", "developed"),
    [
        ("docker-compose.yml", "", False),
        ("docker-compose.production.yml", "", False),
        ("docker-compose.staging.yml", "", False),
        ("docker-compose.dev.yml", "", True),
        ("docker-compose-local.yml", "", True),
        ("compose.test.yaml", "", True),
        ("docs/docker-compose.yml", "", True),
        ("examples/plain/docker-compose.yml", "", True),
        ("latest/docker-compose.yml", "", False),
        ("docker-compose.yml", "profiles: [debug]", True),
        ("docker-compose.yml", "profiles: [workers]", False),
        ("docker-compose.yml", "profiles: [dev, workers]", False),
        ("docker-compose.yml", "build: {context: ., target: dev}", True),
        ("docker-compose.yml", "build: {context: ., dockerfile: Dockerfile.dev}", True),
    ],
)
def test_what_is_deployed(path: str, lines: str, developed: bool) -> None:
    text = f"services:\n  worker:\n    image: app\n    command: celery -A proj worker\n    {lines}\n"
    assert bool(deploy({path: text}).process("worker").development) == developed


def test_configuration_says_what_is_deployed() -> None:
    text = "services:\n  worker:\n    image: app\n    command: celery -A proj worker\n"
    files = {"a/docker-compose.yml": text, "b/docker-compose.dev.yml": text.replace("worker:", "other:")}
    found = deploy(files, Patterns(deployed=("b/",)))
    assert found.process("worker").development == "configuration names other files"
    assert not found.process("other").development
    found = deploy(files, Patterns(development=("docker-compose.yml",)))
    assert found.process("worker").development == "configuration says so"
    assert found.process("other").development


def test_images_of_others_run_none_of_the_projects_programs() -> None:
    found = deploy(
        {
            "docker-compose.yml": """
                services:
                  db: {image: 'postgres:17'}
                  web: {image: team/web}
                  flower: {image: mher/flower}
                  worker: {image: team/app, command: celery -A proj worker}
                  exporter: {image: 'danihodovic/celery-exporter:latest', command: --broker-url=redis://redis}
                  lost: {image: team/worker}
            """
        }
    )
    assert {p.name: p.complete for p in found.whole.processes} == {
        **dict.fromkeys(("db", "web", "flower", "worker", "exporter"), True),
        "lost": False,
    }
    assert found.commands("flower") == ["celery flower"]
    assert found.commands("exporter") == ["celery-exporter --broker-url=redis://redis"]


def test_what_an_image_runs_is_unknown_without_anything_that_says_it() -> None:
    found = deploy({"docker-compose.yml": "services:\n  app: {image: team/app}\n"})
    assert not found.process("app").complete
    found = deploy({"docker-compose.yml": "services:\n  app: {build: elsewhere, command: /opt/start-worker}\n"})
    assert not found.process("app").complete


@pytest.mark.parametrize(
    ("command", "complete"),
    [
        ("celery -A proj worker", True),
        ("python manage.py celery worker", True),
        ("gunicorn proj.wsgi -k uvicorn.workers.UvicornWorker", True),
        ("python manage.py runserver", True),
        ("run_worker fast", False),
        ("python -m invoke celery-worker", False),
        ("make celery", False),
        ("python manage.py start_workers", False),
    ],
)
def test_programs_that_may_start_a_worker_in_their_own_way(command: str, complete: bool) -> None:
    text = f"services:\n  app: {{image: team/app, command: {command}}}\n  other: {{build: .}}\n"
    assert deploy({"compose.yaml": text}).process("app").complete == complete


def test_mounted_files_are_those_of_the_project() -> None:
    found = deploy(
        {
            "deploy/compose.yaml": """
                services:
                  worker:
                    image: python:3.12
                    working_dir: /srv
                    volumes: ['..:/srv:ro', 'data:/data', {type: bind, source: ./run.sh, target: /run.sh}]
                    command: bin/start
                  other: {extends: worker, command: /run.sh}
            """,
            "bin/start": "#!/bin/bash\nexec celery -A proj worker -Q start\n",
            "deploy/run.sh": "#!/bin/bash\nexec celery -A proj worker -Q run\n",
        }
    )
    assert found.commands("worker") == ["celery -A proj worker -Q start"]
    assert found.commands("other") == ["celery -A proj worker -Q run"]
    assert found.process("worker").attributes["folder"].value == "."


def test_a_published_image_is_taken_for_the_one_that_has_its_script() -> None:
    files = {
        "docker-compose.yml": """
            services:
              web: {image: 'registry.example:5000/team/backend:1'}
              worker: {image: 'registry.example:5000/team/backend:1', entrypoint: [/opt/bin/worker.sh]}
        """,
        "docker/Dockerfile.prod": """
            FROM python:3.12
            COPY --chown=app:app tools/ /opt/bin/
            ENTRYPOINT ["/opt/bin/web.sh"]
        """,
        "tools/worker.sh": "#!/bin/sh\ncelery --app=config worker --pool=solo\n",
        "tools/web.sh": "#!/bin/sh\ncelery --app=config beat &\ngunicorn config.wsgi\n",
    }
    found = deploy(files)
    assert found.commands("worker") == ["celery --app=config worker --pool=solo"]
    # Which image it is cannot be told from nothing.
    assert found.commands("web") == []


@pytest.mark.parametrize(
    "text", ["", "services:", "services: []", "services: {a: }", "services: {a: [1]}", "[]", "a: {b: c}"]
)
def test_odd_files_start_nothing(text: str) -> None:
    assert deploy({"docker-compose.yml": text}).names == []

"""supervisord, systemd, Procfiles, and scripts and images that nothing here runs."""

from __future__ import annotations

import pytest
from deployed import deploy


def test_programs_of_supervisord() -> None:
    found = deploy(
        {
            "conf/supervisord.conf": """
                [supervisord]
                environment=QUEUES="mail,push"

                [program:worker]
                command=celery -A proj worker -Q mail,push
                    --concurrency=4 -n %(program_name)s@%%h -l %(ENV_LEVEL)s  ; the workers
                numprocs=2
                process_name=%(program_name)s_%(process_num)02d
                stopwaitsecs=600
                directory=/srv/app
                autostart=false

                [program:beat]
                command=sh -c "celery -A proj beat"
                stopasgroup=true

                [program:script]
                command=/srv/app/bin/work.sh
                environment=COUNT="3",EMPTY=,OTHER='x'

                [program:named]
                command=%(ENV_RUN)s -l %(ENV_LEVEL)s
                environment=RUN="celery -A proj flower"

                [group:all]
                programs=worker,beat
            """,
            "bin/work.sh": '#!/bin/sh\nexec celery -A proj worker -Q "$QUEUES" -c $COUNT\n',
        }
    )
    assert found.names == ["worker", "beat", "script", "named"]
    assert found.commands("named") == ["celery -A proj flower -l ?"]
    worker, beat = found.process("worker"), found.process("beat")
    assert found.commands("worker") == ["celery -A proj worker -Q mail,push --concurrency=4 -n worker@%h -l ?"]
    assert (worker.replicas.value, worker.grace.value, worker.attributes["autostart"].value) == (2, 600, "false")
    assert worker.invocations[0].words[6].place.line == 7
    assert worker.invocations[0].signalled
    assert (beat.replicas.value, beat.grace.value, beat.invocations[0].signalled) == (1, 10, True)
    assert found.commands("script") == ["celery -A proj worker -Q mail,push -c 3"]


def test_units_of_systemd() -> None:
    found = deploy(
        {
            "deploy/worker.service": r"""
                [Service]
                Type=forking
                EnvironmentFile=-/etc/conf.d/celery
                Environment="LEVEL=info" APP=proj
                WorkingDirectory=/srv/app
                ExecStart=/bin/false
                ExecStart=
                ExecStart=-/srv/venv/bin/celery -A $APP worker \
                    -Q ${QUEUES} -l ${LEVEL} $OPTIONS -n %i -p ${MISSING} 100%%
                TimeoutStopSec=5min 20s
            """,
            "deploy/etc/conf.d/celery": 'QUEUES="mail,push"\nOPTIONS="-c 4 --time-limit=300"\nCELERYD_NODES="a"\n',
        }
    )
    worker = found.process("worker")
    assert found.commands("worker") == [
        "/srv/venv/bin/celery -A proj worker -Q mail,push -l info -c 4 --time-limit=300 -n ? -p ? 100%"
    ]
    assert (worker.replicas.value, worker.grace.value, worker.invocations[0].signalled) == (1, 320, True)


def test_celery_multi_with_an_environment_file() -> None:
    found = deploy(
        {
            "celery.service": """
                [Service]
                EnvironmentFile=/etc/default/celeryd
                ExecStart=/bin/sh -c '${CELERY_BIN} -A $CELERY_APP multi start $CELERYD_NODES $CELERYD_OPTS'
            """,
            "etc/default/celeryd": 'CELERYD_NODES="w1 w2"\nCELERY_BIN="/venv/bin/celery"\n'
            'CELERY_APP="proj"\nCELERYD_OPTS="--time-limit=300 -Q:w1 mail"\n',
        }
    )
    assert found.commands("celery") == ["/venv/bin/celery -A proj multi start w1 w2 --time-limit=300 -Q:w1 mail"]


_DEFAULTS = """
# Name of nodes to start
CELERYD_NODES="w1 w2"
CELERY_BIN="/venv/bin/celery"
CELERY_APP="proj"
#CELERYD_OPTS="--concurrency=2"
CELERYD_OPTS="--time-limit=300 --concurrency=8 -Q:w1 mail"
CELERYD_CHDIR="/opt/Myproject/"
CELERYD_LOG_FILE="/var/log/celery/%n%I.log"
CELERY_CREATE_DIRS=1
"""


def test_what_celery_s_init_scripts_read() -> None:
    found = deploy(
        {
            "etc/default/celeryd": _DEFAULTS,
            "deploy/celerybeat.default.j2": 'CELERY_APP="proj.celery:app"\nCELERYBEAT_OPTS="-s /run/$NAME -l info"\n',
        }
    )
    assert found.commands("celeryd") == [
        "/venv/bin/celery multi start w1 w2 -A proj --time-limit=300 --concurrency=8 -Q:w1 mail"
    ]
    assert found.commands("celerybeat") == ["celery -A proj.celery:app beat -s ? -l info"]
    (started,) = found.process("celeryd").invocations
    assert [word.place.line for word in started.words[3:8]] == [3, 3, 3, 5, 7]


def test_variables_that_a_unit_reads_start_nothing_themselves() -> None:
    unit = "[Service]\nEnvironmentFile=/etc/default/celeryd\nExecStart=/bin/sh -c '$CELERY_BIN worker $CELERYD_OPTS'\n"
    found = deploy({"celery.service": unit, "etc/default/celeryd": _DEFAULTS})
    assert found.names == ["celery"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("etc/default/celeryd", 'CELERYD_USER="celery"\nCELERY_BIN="celery"\n'),
        ("etc/default/celeryd", 'CELERYBEAT_OPTS="-s /run/beat"\n'),
        ("etc/default/celeryd", 'CELERYD_NODES="w1"\nCELERYD_MULTI="$PYTHON manage.py celeryd_multi"\n'),
        ("etc/conf.d/celery", _DEFAULTS),
        ("etc/default/celeryd.py", _DEFAULTS),
    ],
)
def test_what_says_nothing_of_workers_starts_none(path: str, text: str) -> None:
    assert deploy({path: text}).names == []


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ("", 90.0),
        ("TimeoutStopSec=300", 300.0),
        ("TimeoutSec=2min", 120.0),
        ("TimeoutStopSec=1h 30s", 3630.0),
        ("TimeoutStopSec=infinity", float("inf")),
        ("TimeoutStopSec=soon", None),
    ],
)
def test_how_long_systemd_waits(line: str, seconds: float | None) -> None:
    found = deploy({"w@.service": f"[Service]\nExecStart=celery -A proj worker\n{line}\nKillMode=mixed\n"})
    process = found.process("w@")
    assert (process.grace.value, process.replicas.value) == (seconds, None)


def test_a_procfile() -> None:
    found = deploy(
        {
            "Procfile": """\
                release: python manage.py migrate
                web: gunicorn proj.wsgi
                worker: REMAP_SIGTERM=SIGQUIT celery -A proj worker -Q ${QUEUES:-mail} -c $COUNT
                beat: ./bin/beat.sh
                """,
            "app.json": """
                {"formation": {"worker": {"quantity": 3}}, "env": {"COUNT": {"value": "2"}, "SECRET": {"generator": "secret"}}}
            """,
            "bin/beat.sh": "celery -A proj beat\n",
        }
    )
    assert found.names == ["web", "worker", "beat"]
    assert found.commands("worker") == ["celery -A proj worker -Q mail -c 2"]
    assert found.commands("beat") == ["celery -A proj beat"]
    worker = found.process("worker")
    assert (worker.replicas.value, worker.grace.value, worker.invocations[0].signalled) == (3, 30, True)
    assert found.process("beat").replicas.value is None


def test_procfiles_for_development() -> None:
    found = deploy({"Procfile.dev": "worker: celery -A proj worker\n"})
    assert found.process("worker").development == "the file is Procfile.dev"


# --- loose ------------------------------------------------------------------------------------------------------------


def test_scripts_and_images_that_nothing_here_runs() -> None:
    found = deploy(
        {
            "bin/worker.sh": "#!/bin/sh\nexec celery -A proj worker -Q mail\n",
            "bin/web.sh": "#!/bin/sh\n# celery is elsewhere\nexec gunicorn proj.wsgi\n",
            "bin/used.sh": "#!/bin/sh\nexec celery -A proj beat\n",
            "Procfile": "beat: bin/used.sh\n",
            "docker/worker/Dockerfile": "FROM python\nCMD celery -A proj worker -Q push\n",
            "docker/web/Dockerfile": "FROM python\nCMD gunicorn proj.wsgi\n",
        }
    )
    assert {p.name: p.platform for p in found.whole.processes} == {
        "beat": "procfile",
        "docker/worker/Dockerfile": "dockerfile",
        "bin/worker.sh": "script",
    }
    assert found.commands("docker/worker/Dockerfile") == ["celery -A proj worker -Q push"]
    assert found.process("bin/worker.sh").replicas.value is None


def test_an_image_that_a_service_starts_is_no_process_of_its_own() -> None:
    found = deploy(
        {
            "docker-compose.yml": "services:\n  worker: {build: .}\n",
            "Dockerfile": "FROM python\nCMD celery -A proj worker\n",
        }
    )
    assert found.names == ["worker"]


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("/opt/app/bin/start.sh", True),
        ("/opt/app/start-worker.sh", True),
        ("./start-worker.sh", True),
        ("/opt/app/start.sh", False),
        ("/opt/app/bin/celery", False),
        ("celery", False),
    ],
)
def test_which_script_a_path_on_another_machine_names(command: str, found: bool) -> None:
    script = "#!/bin/sh\nexec celery -A proj worker\n"
    deployed = deploy(
        {
            "conf/supervisord.conf": f"[program:p]\ncommand={command}\n",
            **dict.fromkeys(("tools/bin/start.sh", "tools/start-worker.sh", "tools/bin/celery"), script),
        }
    )
    assert (deployed.commands("p") == ["celery -A proj worker"]) == found


# --- Dockerfiles ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ('CMD ["celery", "worker"]', "celery worker"),
        ("CMD celery worker", "celery worker"),
        ("CMD exec celery worker", "celery worker"),
        ("ENTRYPOINT celery worker\nCMD [\"ignored\"]", "celery worker"),
        ('ENTRYPOINT ["celery"]\nCMD ["worker"]', "celery worker"),
        ('CMD ["worker"]\nENTRYPOINT ["celery"]', "celery worker"),
        ('ENTRYPOINT ["celery", "worker"]\nCMD []', "celery worker"),
        ("ENV QUEUES=mail\nCMD celery worker -Q $QUEUES", "celery worker -Q mail"),
        ("ENV QUEUES mail,push\nCMD celery worker -Q $QUEUES", "celery worker -Q mail,push"),
        ("ARG Q=mail\nENV QUEUES=${Q}\nCMD celery worker -Q $QUEUES", "celery worker -Q mail"),
        ("ARG Q\nENV QUEUES=${Q}\nCMD celery worker -Q $QUEUES", "celery worker -Q ?"),
        ("CMD celery beat\nCMD celery worker", "celery worker"),
        ('CMD ["celery", "worker", "-Q", "$QUEUES"]', "celery worker -Q $QUEUES"),
    ],
)  # fmt: skip
def test_what_an_image_starts(lines: str, expected: str) -> None:
    found = deploy({"Dockerfile": f"FROM python:3.12\n{lines}\n"})
    assert found.commands("Dockerfile") == [expected]


def test_the_command_of_a_stage_goes_with_a_new_entrypoint() -> None:
    text = 'FROM python AS a\nCMD ["worker"]\nFROM a\nENTRYPOINT ["celery", "beat"]\n'
    assert deploy({"Dockerfile": text}).commands("Dockerfile") == ["celery beat"]


@pytest.mark.parametrize(
    "copy",
    [
        "COPY run.sh /run.sh",
        "COPY --chown=a:b --chmod=755 run.sh README /",
        "COPY . /",
        "COPY *.sh /",
        "WORKDIR /app\nCOPY ./ ../",
        "ARG HOME=/\nCOPY . ${HOME}",
        "ADD [\"run.sh\", \"/\"]",
    ],
)  # fmt: skip
def test_where_files_of_an_image_come_from(copy: str) -> None:
    found = deploy(
        {
            "docker-compose.yml": "services:\n  w: {build: app, entrypoint: /run.sh}\n",
            "app/Dockerfile": f"FROM python\n{copy}\n",
            "app/run.sh": "#!/bin/sh\nexec celery worker -Q here\n",
            "run.sh": "#!/bin/sh\nexec celery worker -Q there\n",
        }
    )
    assert found.commands("w") == ["celery worker -Q here"]

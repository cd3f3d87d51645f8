"""Commands followed to the programs that they start."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from celerylint.facts.deploy import shell
from celerylint.facts.deploy.ir import DeployFacts
from celerylint.finding import Place, Span
from celerylint.model.deploy.process import UNKNOWN, Invocation, Word
from celerylint.model.deploy.scripts import invocations, run


def words(*texts: str) -> list[Word]:
    return [Word(text, Place("compose.yml", Span(5 + i, 1, 5 + i, 1 + len(text)))) for i, text in enumerate(texts)]


def loading(files: Mapping[str, str]) -> Callable[[str], DeployFacts | None]:
    return lambda path: DeployFacts(path, "script", shell.read(files[path])) if path in files else None


def followed(
    argv: Sequence[str], environment: Mapping[str, str | None] = {}, files: Mapping[str, str] = {}
) -> tuple[Invocation, ...]:
    return invocations(words(*argv), environment, loading(files))


def texts(found: Sequence[Invocation]) -> list[str]:
    return [" ".join(word.text for word in invocation.words).replace(UNKNOWN, "?") for invocation in found]


def of_script(text: str, *argv: str, **environment: str | None) -> list[str]:
    return texts(followed(["./run.sh", *argv], environment, {"run.sh": text}))


# --- runners ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prefix", "signalled"),
    [
        ("poetry run", True),
        ("poetry -C /app run --", True),
        ("uv run", None),
        ("uv --project x run --with gevent --frozen", None),
        ("pipenv run", True),
        ("pdm run", None),
        ("hatch run", None),
        ("conda run -n app --no-capture-output", None),
        ("ddtrace-run", True),
        ("newrelic-admin run-program", True),
        ("opentelemetry-instrument --service_name x --traces_exporter=otlp", True),
        ("gosu app:app", True),
        ("su-exec app", True),
        ("setpriv --reuid=1000 --regid 1000 --init-groups --", True),
        ("chroot --userspec=1000 /srv", True),
        ("sudo -E -u app", True),
        ("env A=1 -u B", True),
        ("tini --", True),
        ("/usr/bin/tini -s -g --", True),
        ("dumb-init --rewrite 15:3 --", True),
        ("nice -n 10", True),
        ("ionice -c2 -n 7 nice", True),
        ("timeout -k 5 -s INT 3600", True),
        ("wait-for-it.sh db:5432 -t 30 --", None),
        ("./wait-for db:5432 --", None),
        ("dockerize -wait tcp://db:5432 -timeout 60s", True),
        ("watchmedo auto-restart -d . -p *.py --recursive --", None),
        ("chamber exec production --", True),
        ("doppler run --", None),
        ("honcho run", None),
        ("tini -- gosu app ddtrace-run", True),
        ("somebody-elses-wrapper run", None),
        ("coverage run --branch -m", True),
        ("python -u -m debugpy --listen 0.0.0.0:5678 -m", True),
        ("hupper -m", None),
    ],
)
def test_runners_are_removed(prefix: str, signalled: bool | None) -> None:
    (found,) = followed([*prefix.split(), "celery", "-A", "proj", "worker", "-Q", "a"])
    assert texts([found]) == ["celery -A proj worker -Q a"]
    assert found.signalled is signalled


@pytest.mark.parametrize(
    "argv",
    [
        ["python", "-m", "celery", "worker"],
        ["python3.12", "-u", "-X", "dev", "-m", "celery", "worker"],
        ["/venv/bin/python", "/venv/bin/celery", "worker"],
        ["python", "manage.py", "celery", "worker"],
        ["django-admin", "celery", "worker"],
        ["su", "app", "-s", "/bin/sh", "-c", "celery worker"],
        ["watchfiles", "--filter", "python", "celery worker", "proj"],
        ["bash", "-euo", "pipefail", "-c", "celery worker"],
        ["/bin/sh", "-lc", "exec celery worker"],
    ],
)
def test_other_ways_to_start_it(argv: list[str]) -> None:
    assert texts(followed(argv))[0].rpartition("/")[2] == "celery worker" or argv[0] == "django-admin"


@pytest.mark.parametrize(
    "command",
    [
        "echo celery worker",
        "pkill -f celery worker",
        "pip install celery worker",
        "docker compose exec celery celery worker",
        "python manage.py shell",
    ],
)
def test_commands_that_only_mention_it(command: str) -> None:
    assert texts(followed(command.split())) == [command]


def test_env_sets_variables() -> None:
    (found,) = followed(["env", "CELERY_WORKER_QUEUES=a", f"B={UNKNOWN}", "celery", "worker"], {"C": "1"})
    assert found.environment == {"C": "1", "CELERY_WORKER_QUEUES": "a", "B": None}


# --- shells -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shell_name", "line", "signalled"),
    [
        ("sh", "celery worker", False),
        ("sh", "exec celery worker", True),
        ("sh", "cd /app && exec celery worker", True),
        ("bash", "celery worker", True),
        ("bash", "cd /app && celery worker", True),
        ("bash", "celery worker; true", False),
        ("bash", "celery worker & wait", False),
        ("bash", "celery worker | tee log", False),
        ("bash", "trap 'kill 0' TERM; celery worker & wait", None),
    ],
)
def test_signals(shell_name: str, line: str, signalled: bool | None) -> None:
    (found,) = [each for each in followed([shell_name, "-c", line]) if each.words[0].text == "celery"]
    assert found.signalled is signalled


def test_bash_becomes_its_last_command_and_a_script_does_not(tmp_path: Path) -> None:
    script = tmp_path / "script.sh"
    script.write_text("true\nps -o comm= -p $$\n")
    beside = subprocess.run(["bash", str(script)], capture_output=True, text=True, check=True).stdout.strip()
    instead = subprocess.run(["bash", "-c", "ps -o comm= -p $$"], capture_output=True, text=True, check=True).stdout
    assert (beside, instead.strip()) == ("bash", "ps")


def test_words_keep_their_places() -> None:
    place = Place("compose.yml", Span(9, 14, 9, 40))
    line = Word("celery -A proj worker", place, ((0, 9, 15),))
    (found,) = invocations([*words("sh", "-c"), line], {}, loading({}))
    assert [(word.place.line, word.place.span.column) for word in found.words] == [(9, 15), (9, 22), (9, 25), (9, 30)]
    assert found.place.line == 9


# --- scripts ----------------------------------------------------------------------------------------------------------

ENTRY = """#!/bin/bash
set -euo pipefail
if [ -z "${DATABASE_URL:-}" ]; then export DATABASE_URL=postgres://; fi
until pg_isready; do sleep 1; done
case "$1" in
  worker)
    shift
    exec celery -A proj worker -Q "${QUEUES:-a,b}" -c ${CONCURRENCY:-4} "$@"
    ;;
  beat|scheduler) exec celery -A proj beat ;;
  *) exec "$@" ;;
esac
"""


def test_an_arm_of_case() -> None:
    assert of_script(ENTRY, "worker", "-l", "INFO")[-1] == "celery -A proj worker -Q a,b -c 4 -l INFO"
    assert of_script(ENTRY, "worker", QUEUES="x", CONCURRENCY="8")[-1] == "celery -A proj worker -Q x -c 8"
    assert of_script(ENTRY, "worker", QUEUES=None)[-1] == "celery -A proj worker -Q ? -c 4"
    assert of_script(ENTRY, "scheduler")[-1] == "celery -A proj beat"
    assert of_script(ENTRY, "celery", "-A", "p", "worker")[-1] == "celery -A p worker"


def test_words_of_the_caller_stand_where_the_caller_wrote_them() -> None:
    found = followed(["/e.sh", "celery", "-A", "p", "worker"], {}, {"/e.sh": 'exec "$@"\n'})[-1]
    assert found.place.path == "compose.yml"
    assert found.words[0].place.line == 6
    assert [place.path for place in found.via] == ["compose.yml"]
    assert found.signalled is True


def test_an_argument_that_is_not_known_may_lead_anywhere() -> None:
    found = followed(["./run.sh", UNKNOWN], {}, {"run.sh": ENTRY})
    assert "celery -A proj worker -Q a,b -c 4" in texts(found)
    assert not any(invocation.certain for invocation in found if invocation.words[0].text == "celery")


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("Q=a; Q=$Q,b; celery worker -Q $Q", "celery worker -Q a,b"),
        ("celery worker -Q $Q", "celery worker -Q ?"),
        ("celery worker -Q ${Q:=a},$Q", "celery worker -Q a,a"),
        (": ${Q:=a}\ncelery worker -Q $Q", "celery worker -Q a"),
        ("celery worker ${Q:+-Q $Q}", "celery worker ?"),
        ("Q=; celery worker ${Q:+-Q $Q}", "celery worker"),
        ("Q=a; celery worker ${Q:+-Q $Q}", "celery worker -Q a"),
        ('OPTS="-Q a -c 4"; celery worker $OPTS', "celery worker -Q a -c 4"),
        ('OPTS="-Q a b"; celery worker "$OPTS"', "celery worker -Q a b"),
        ('A=(-Q "a b"); A+=(-c 4); celery worker "${A[@]}"', "celery worker -Q a b -c 4"),
        ('set -- worker -Q a; celery "$@"', "celery worker -Q a"),
        ("Q=queue=a; celery worker -Q ${Q#*=}", "celery worker -Q a"),
        ("Q=a.b.c; celery worker -Q ${Q%%.*}", "celery worker -Q a"),
        ('eval "celery worker -Q $(echo a)"', "celery worker -Q ?"),
        ("eval exec celery worker -Q a", "celery worker -Q a"),
        ("W='celery worker'; eval $W -Q a", "celery worker -Q a"),
        ("f() { celery worker -Q $1; }; f a", "celery worker -Q a"),
        ("if [ 1 -gt 0 ]; then celery worker -Q a; else celery worker -Q b; fi", "celery worker -Q a"),
        ("[ x = y ] && Q=a || Q=b; celery worker -Q $Q", "celery worker -Q b"),
        ("if [[ a-b == a* ]]; then celery worker -Q a; fi", "celery worker -Q a"),
        ('if [ -n "$X" ]; then Q=a; else Q=b; fi; celery worker -Q $Q', "celery worker -Q ?"),
        ("while [ $# -gt 0 ]; do shift; done; celery worker -Q a$1", "celery worker -Q a"),
        ("for x in 1 2; do Q=$x; done; celery worker -Q $Q", "celery worker -Q 2"),
        ("cd /app; . ./lib.sh; celery worker -Q $LIB", "celery worker -Q lib"),
        ("sh ./inner.sh a", "celery worker -Q a"),
        ('exec "$(dirname "$0")/inner.sh" b', "celery worker -Q b"),
        ("celery worker -Q $(cat queues)", "celery worker -Q ?"),
        ("unset Q; celery worker -Q ${Q:-a}", "celery worker -Q a"),
        ("read Q; celery worker -Q ${Q:-a}", "celery worker -Q ?"),
        ("exec > log 2>&1; celery worker", "celery worker"),
        ("if ! python check.py; then exit 1; fi; celery worker -Q a", "celery worker -Q a"),
    ],
)
def test_what_a_shell_computes(script: str, expected: str) -> None:
    files = {"run.sh": script, "lib.sh": "LIB=lib", "inner.sh": "exec celery worker -Q $1"}
    found = texts(followed(["./run.sh", "one"], {}, files))
    assert found[-1] == expected


def test_words_that_may_be_there_are_marked() -> None:
    script = 'A=(-Q a)\nif [ -n "$C" ]; then A+=(-c 4); fi\nexec celery worker "${A[@]}"'
    (found,) = followed(["./run.sh"], {}, {"run.sh": script})
    assert [word.text for word in found.words] == ["celery", "worker", "-Q", "a", f"{UNKNOWN}-c", f"{UNKNOWN}4"]
    assert found.certain


def test_certainty() -> None:
    script = 'if [ -n "$DEV" ]; then exec celery worker -Q dev; fi\nexec celery worker -Q prod'
    assert [(texts([each])[0][-3:], each.certain) for each in followed(["./run.sh"], {}, {"run.sh": script})] == [
        ("dev", False),
        ("rod", False),
    ]
    checked = 'if [ -z "$DSN" ]; then echo no; exit 1; fi\nexec celery worker'
    assert [each.certain for each in followed(["./run.sh"], {}, {"run.sh": checked})] == [True]


def test_several_programs() -> None:
    script = "python manage.py migrate\nfor q in a b; do\n  celery worker -Q $q &\ndone\ncelery beat &\nwait\n"
    assert of_script(script) == [
        "python manage.py migrate",
        "celery worker -Q a",
        "celery worker -Q b",
        "celery beat",
    ]


def test_variables_that_are_handed_on() -> None:
    script = "A=1\nexport B=2 C=$X\nset -a\nD=3\nset +a\nE=5 celery worker"
    (found,) = followed(["./run.sh"], {"F": "6"}, {"run.sh": script})
    assert found.environment == {"B": "2", "C": None, "D": "3", "E": "5", "F": "6"}


def test_a_script_whose_caller_is_not_known() -> None:
    script = shell.read("Q=${1:-celery}\nexec celery worker -Q $Q -c ${C:-4}")
    place = loading({})
    assert texts(run(script, (), {}, place, "run.sh")) == ["celery worker -Q celery -c 4"]
    assert texts(run(script, (), {}, place, "run.sh", outside=True)) == ["celery worker -Q ? -c ?"]


@pytest.mark.parametrize("argv", [["./missing.sh"], ["/opt/entry.sh", "worker"], ["$X", "worker"]])
def test_scripts_that_are_not_here(argv: list[str]) -> None:
    assert texts(followed(argv)) == [" ".join(argv)]


def test_what_cannot_be_read_may_start_anything() -> None:
    found = followed(["./run.sh"], {}, {"run.sh": "celery worker\nfi\ncelery beat"})
    assert texts(found) == ["celery worker", "?", "celery beat"]
    assert [each.certain for each in found] == [True, False, False]


@pytest.mark.parametrize(
    "script",
    [
        "./run.sh",
        "f() { f; f; }; f",
        "while true; do X=$X.; if a; then b; fi; done",
        "\n".join(f"if a{i}; then X=$X$X; else Y=1$Y$Y; fi" for i in range(400)),
        "X=aaaaaaaaaaaaaaaa\n" + "X=$X$X\n" * 200,
        "for a in 1 2 3 4 5 6 7 8; do " * 8 + "x $a" + "; done" * 8,
        "eval eval eval eval eval eval $X",
        ". ./run.sh",
    ],
)
def test_endless_scripts_end(script: str) -> None:
    followed(["./run.sh"], {}, {"run.sh": script})

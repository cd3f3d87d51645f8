from __future__ import annotations

import configparser

import pytest

from celerylint.facts.deploy import sections
from celerylint.facts.deploy.ir import SectionFile, Setting
from celerylint.facts.deploy.text import MalformedError

SUPERVISOR = """\
; the workers
[supervisord]
nodaemon = true   ; stays in front
# numprocs = 3

[program:worker]
command=celery -A proj worker
    -Q mail,push   ; the slow ones
    # nothing

    --concurrency=4
environment : A="x;y",B='1'
\tC="2"
NumProcs: 2
stopwaitsecs =
url=http://host/#top
[group:all]
programs=worker
"""


def values(found: SectionFile) -> dict[str, list[tuple[str, str]]]:
    return {section.name: [(s.key, s.value) for s in section.settings] for section in found.sections}


def test_supervisor_reads_as_supervisord_does() -> None:
    found = values(sections.supervisor(SUPERVISOR))
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"), strict=False)
    parser.read_string(SUPERVISOR)
    expected = {name: [(k, " ".join(v.split())) for k, v in parser.items(name)] for name in parser.sections()}
    assert {name: [(k, " ".join(v.split())) for k, v in pairs] for name, pairs in found.items()} == expected
    assert ("command", "celery -A proj worker -Q mail,push --concurrency=4") in found["program:worker"]


def every(found: SectionFile) -> list[Setting]:
    return [setting for section in found.sections for setting in section.settings]


def stretches(text: str, setting: Setting) -> list[str]:
    lines = text.split("\n")
    ends = [*(offset for offset, _, _ in setting.origins[1:]), len(setting.value)]
    return [
        lines[line - 1][col - 1 : col - 1 + end - offset]
        for (offset, line, col), end in zip(setting.origins, ends, strict=True)
    ]


def test_places() -> None:
    found = sections.supervisor(SUPERVISOR)
    worker = found.sections[1]
    assert (worker.line, worker.col) == (6, 2)
    command = worker.settings[0]
    assert (command.line, command.col, command.end_col) == (7, 1, 8)
    assert [s.strip() for s in stretches(SUPERVISOR, command)] == [
        "celery -A proj worker",
        "-Q mail,push",
        "--concurrency=4",
    ]


def test_a_line_that_supervisord_refuses() -> None:
    with pytest.raises(MalformedError, match="neither a section nor a setting") as caught:
        sections.supervisor("[program:x]\ncommand=a\nnonsense\n")
    assert caught.value.line == 3
    assert values(sections.supervisor("{% for n in x %}\n[program:{{ n }}]\ncommand=a {{ n }}\n{% endfor %}\n")) == {
        "program:{{ n }}": [("command", "a {{ n }}")]
    }


UNIT = """\
# comment
[Unit]
Description=Celery; workers # not a comment

[Service]
  Type=forking
Environment=A=1 "B=x y"
Environment = C=3
ExecStart=/bin/sh -c '${CELERY_BIN} \\
# left out
  -A $CELERY_APP multi start \\
  ; left out, too
    $CELERYD_NODES'
ExecStop=
"""


def test_systemd() -> None:
    found = sections.systemd(UNIT)
    assert values(found) == {
        "Unit": [("Description", "Celery; workers # not a comment")],
        "Service": [
            ("Type", "forking"),
            ("Environment", 'A=1 "B=x y"'),
            ("Environment", "C=3"),
            ("ExecStart", "/bin/sh -c '${CELERY_BIN} -A $CELERY_APP multi start $CELERYD_NODES'"),
            ("ExecStop", ""),
        ],
    }
    start = found.sections[1].settings[3]
    assert [s.strip() for s in stretches(UNIT, start)] == [
        "/bin/sh -c '${CELERY_BIN}",
        "-A $CELERY_APP multi start",
        "$CELERYD_NODES'",
    ]
    assert [(s.line, s.col) for s in found.sections[1].settings] == [(6, 3), (7, 1), (8, 1), (9, 1), (14, 1)]


ENVIRONMENT = """\
# celery multi
CELERYD_NODES="w1 w2"
export CELERY_APP=proj.celery:app  # the app
CELERYD_OPTS="--time-limit=300 -Q:w1 a \\
    --concurrency=8 \\"x\\""
EMPTY=
SINGLE='a "b" # c'
URL=redis://host/0#frag
 SPACED = some words here
INNER=say "hi"
TWO="a"'b'c # d
COMPOSE: value
MULTI="one
two"
if [ -f x ]; then
LAST=${X:-1}
UNCLOSED="abc"""


def test_environment() -> None:
    found = sections.environment(ENVIRONMENT)
    assert values(found)[""] == [
        ("CELERYD_NODES", "w1 w2"),
        ("CELERY_APP", "proj.celery:app"),
        ("CELERYD_OPTS", '--time-limit=300 -Q:w1 a     --concurrency=8 "x"'),
        ("EMPTY", ""),
        ("SINGLE", 'a "b" # c'),
        ("URL", "redis://host/0#frag"),
        ("SPACED", "some words here"),
        ("INNER", 'say "hi"'),
        ("TWO", "abc"),
        ("COMPOSE", "value"),
        ("MULTI", "one\ntwo"),
        ("LAST", "${X:-1}"),
        ("UNCLOSED", '"abc'),
    ]
    by_key = {setting.key: setting for setting in every(found)}
    assert (by_key["CELERY_APP"].line, by_key["CELERY_APP"].col) == (3, 8)
    assert (by_key["LAST"].line, by_key["LAST"].col, by_key["LAST"].end_col) == (16, 1, 5)
    assert by_key["CELERYD_NODES"].origins == [(0, 2, 16)]
    for key in ("CELERYD_OPTS", "TWO", "SINGLE", "URL"):
        assert "".join(stretches(ENVIRONMENT, by_key[key])) == by_key[key].value


def test_environment_files_of_nonsense_are_read_in_linear_time() -> None:
    assert len(every(sections.environment('A="' * 50_000))) <= 1
    assert len(every(sections.environment("A='\n" * 50_000))) > 0
    assert len(every(sections.environment("A=\\\n" * 50_000))) > 0
    assert len(every(sections.environment("A=" + " " * 200_000 + "x"))) == 1


def test_redis() -> None:
    found = sections.redis(
        '# note\n  appendonly yes\nmaxmemory-policy   noeviction\nsave ""\nsave 900 1 300 10\n\nRequirePass "a b"\nbare\n'
    )
    assert values(found)[""] == [
        ("appendonly", "yes"),
        ("maxmemory-policy", "noeviction"),
        ("save", ""),
        ("save", "900 1 300 10"),
        ("requirepass", "a b"),
        ("bare", ""),
    ]
    assert every(found)[1].origins == [(0, 3, 20)]
    assert every(found)[0].col == 3


def test_rabbitmq() -> None:
    found = sections.rabbitmq(
        "## note\nconsumer_timeout = 7200000 # two hours\nlisteners.tcp.default=5672\nx = 'a b'\n%% old\n[erlang].\n"
    )
    assert values(found)[""] == [
        ("consumer_timeout", "7200000"),
        ("listeners.tcp.default", "5672"),
        ("x", "a b"),
    ]
    assert every(found)[0].origins == [(0, 2, 20)]


@pytest.mark.parametrize("text", ["", "\n\n", "[", "[]", "=", "a", "a=", "[x]\n=\n", "\\", "[a]\nb=\\\n\\\n", "  x"])
def test_scraps(text: str) -> None:
    for reader in (sections.systemd, sections.environment, sections.redis, sections.rabbitmq):
        assert isinstance(reader(text), SectionFile)

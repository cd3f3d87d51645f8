"""Programs that run other programs: what is left of a command when `poetry run`, `gosu app`, `tini --` and the like are removed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from celerylint.model.deploy.process import UNKNOWN, Word

SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh"})

_MONITORS = {"celery_exporter": "celery-exporter", "celery-prometheus-exporter": "celery-exporter"}
_PROGRAMS = frozenset({"celery", "celeryd", "celerybeat", "celeryev", "flower", "celery-exporter", *_MONITORS})
"""Programs of Celery's world."""

_SUBCOMMANDS = frozenset({"worker", "beat", "multi", "flower", "events"})
_DJANGO = frozenset({"manage.py", "django-admin", "django-admin.py"})
_PYTHON = re.compile(r"(python|pypy)[0-9.]*(\.exe)?$")
_PYTHON_VALUES = frozenset({"-X", "-W", "-Q"})
_ASSIGNS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_WAITS = re.compile(r"wait[-_]?(for|until|4)|dockerize")

_TALKERS_NAMES = """
echo printf cat grep egrep fgrep sed awk ls tail head tee logger xargs pgrep pkill kill killall ps which type
watch test [ [[ stat find pip pip3 apt apt-get apk yum dnf npm yarn git make curl wget tar docker
docker-compose podman kubectl helm heroku fly flyctl systemctl supervisorctl service rc-service update-rc.d
adduser addgroup useradd groupadd usermod install chown chmod chgrp mkdir rm rmdir cp mv ln touch cd psql
mysql redis-cli ssh scp rsync sleep true false
"""
_TALKERS = frozenset(_TALKERS_NAMES.split())
"""Programs that name others without running them here."""


class Runner(NamedTuple):
    """A program that runs the one which its arguments name."""

    takes: frozenset[str] = frozenset()
    """Options whose value is the next word."""
    skip: int = 0
    """Arguments before the program's name."""
    verbs: tuple[str, ...] = ()
    """Its own sub-commands that must come first, one of each group separated by `|`."""
    forwards: bool | None = True
    """Whether SIGTERM reaches the program, because the runner becomes it or hands signals on."""


def _runner(takes: str = "", skip: int = 0, verbs: str = "", forwards: bool | None = True) -> Runner:
    return Runner(frozenset(takes.split()), skip, tuple(verbs.split()), forwards)


_UV = (
    "--with --with-requirements --with-editable --extra --no-extra --group --no-group --only-group --env-file -p --python --project"
    " --directory --package --index --default-index -i --index-url --extra-index-url --cache-dir --config-file --refresh-package"
)
_WATCHMEDO = (
    "-d --directory -p --pattern --patterns -i --ignore-pattern --ignore-patterns --signal --kill-after --interval"
    " --timeout --debounce-interval"
)

RUNNERS: Mapping[str, Runner] = {
    **dict.fromkeys(
        ("nohup", "time", "command", "builtin", "setsid", "ddtrace-run", "with-contenv", "catatonit"), _runner()
    ),
    **dict.fromkeys(("gosu", "su-exec", "s6-setuidgid", "setuser", "envdir", "s6-envdir", "taskset"), _runner(skip=1)),
    "exec": _runner("-a"),
    "nice": _runner("-n --adjustment"),
    "ionice": _runner("-c -n --class --classdata"),
    "chrt": _runner("-T -P -D", skip=1),
    "stdbuf": _runner("-i -o -e --input --output --error"),
    "timeout": _runner("-k -s --kill-after --signal", skip=1),
    "sudo": _runner("-u -g -h -p -C -r -t -U -D -T --user --group --host --prompt --chdir"),
    "runuser": _runner("-u --user -g --group -s --shell", forwards=None),
    "chroot": _runner("--userspec --groups", skip=1),
    "chpst": _runner("-u -U -b -e -/ -n -l -L -m -d -o -p -f -c -r -t"),
    "setpriv": _runner(
        "--reuid --regid --ruid --euid --rgid --egid --groups --inh-caps --ambient-caps --bounding-set --securebits"
    ),
    "flock": _runner("-w --wait --timeout -E --conflict-exit-code", skip=1, forwards=None),
    "tini": _runner("-p -e"),
    "tini-static": _runner("-p -e"),
    "docker-init": _runner("-p -e"),
    "dumb-init": _runner("-r --rewrite"),
    "poetry": _runner("-C --directory -P --project", verbs="run"),
    "pipenv": _runner("--python --pypi-mirror", verbs="run"),
    "uv": _runner(_UV, verbs="run", forwards=None),
    "pdm": _runner("-p --project -s --site-packages", verbs="run", forwards=None),
    "rye": _runner("--pyproject", verbs="run", forwards=None),
    "hatch": _runner("-e --env -p --project", verbs="run", forwards=None),
    "pixi": _runner("-e --environment --manifest-path", verbs="run", forwards=None),
    **dict.fromkeys(
        ("conda", "mamba", "micromamba"), _runner("-n --name -p --prefix --cwd", verbs="run", forwards=None)
    ),
    "newrelic-admin": _runner(verbs="run-program|run-python"),
    "elasticapm-run": _runner("--config"),
    "honcho": _runner("-e --env -d --app-root -f --procfile", verbs="run", forwards=None),
    "doppler": _runner("-p --project -c --config -t --token", verbs="run", forwards=None),
    "infisical": _runner("--env --path --token --projectId", verbs="run", forwards=None),
    "chamber": _runner(skip=1, verbs="exec"),
    "aws-vault": _runner("-d --duration", skip=1, verbs="exec", forwards=None),
    "op": _runner("--env-file --account", verbs="run", forwards=None),
    "dotenv": _runner("-f --file -q --quote", verbs="run", forwards=None),
    "direnv": _runner(skip=1, verbs="exec"),
    "watchmedo": _runner(_WATCHMEDO, verbs="auto-restart|shell-command", forwards=None),
    "dockerize": _runner(
        "-wait -timeout -template -stdout -stderr -delims -wait-http-header -wait-retry-interval -env -env-section -exit-code"
    ),
}

_STRINGS = {"watchfiles": "", "nodemon": "--exec -x", "concurrently": ""}
"""Programs that take a command as one string, and the option that holds it; they restart it when files change."""

DEVELOPMENT = frozenset({"watchmedo", "watchfiles", "nodemon", "debugpy", "hupper"})
"""Runners that nobody uses in production: they reload code or wait for a debugger."""

_MODULES = {
    "debugpy": "--listen --connect --log-to --pid --configure",
    "coverage": "--rcfile --source --omit --include",
}
"""Modules that run another module: `python -m debugpy --listen 5678 -m celery ...`, and their options with values."""


class Program(NamedTuple):
    """A program, and what is known of the way it is started."""

    words: tuple[Word, ...]
    environment: Mapping[str, str | None]
    forwards: bool | None
    """Whether SIGTERM for the outermost program reaches this one."""
    runners: tuple[str, ...]
    """The runners that were removed, the outermost first."""
    string: bool = False
    """Whether the only word is a command line for a shell."""


def unwrap(words: Sequence[Word], environment: Mapping[str, str | None]) -> Program:
    """What is left of a command when every runner is removed, with the variables that `env` and `sudo` set.

    `python -m celery`, `python /usr/bin/celery` and `python manage.py celery` are left as `celery`.
    """
    program = Program(tuple(words), environment, True, ())
    while program.words:
        inner = _inner(program)
        if inner is None:
            break
        program = inner
    return program


def unwrap_unknown(program: Program) -> Program | None:
    """A command of Celery's that are the last arguments of a program which nobody has told us of; None if there is none."""
    words = program.words
    name = base_name(words[0])
    if name in _PROGRAMS or name in SHELLS or name in _TALKERS or _PYTHON.match(name):
        return None
    for index, word in enumerate(words[1:], 1):
        celery = base_name(word) == "celery" and any(later.text in _SUBCOMMANDS for later in words[index + 1 :])
        valued = words[index - 1].text.startswith("-") and words[index - 1].text != "--"
        python = _PYTHON.match(base_name(word)) and _python(program._replace(words=words[index:])) is not None
        if (celery and not valued) or python:
            return _removed(program, name, index, None)
    return None


def base_name(word: Word) -> str:
    """The file name of a program, lower case."""
    return re.split(r"[/\\]", word.text)[-1].lower()


def is_program(word: Word) -> bool:
    """Whether a word names one of Celery's programs, or an exporter."""
    return base_name(word) in _PROGRAMS


def _inner(program: Program) -> Program | None:
    """A command without its outermost runner; None if there is none."""
    words = program.words
    name = base_name(words[0])
    if name in _MONITORS:
        return program._replace(words=(Word(_MONITORS[name], words[0].place), *words[1:]))
    if name in _PROGRAMS or name in SHELLS or name in _TALKERS:
        return None
    if name == "hupper":
        at = next((i for i, word in enumerate(words) if word.text == "-m"), 0)
        inner = _module(program, words[at + 1 :]) if at else None
        return inner._replace(forwards=None, runners=(*program.runners, name)) if inner is not None else None
    if _PYTHON.match(name) or name == "coverage":
        return _python(program)
    if name in ("env", "sudo"):
        return _with_variables(program, name)
    if name in ("su", "runuser") and any(word.text in ("-c", "--command") for word in words):
        return _su(program)
    if name in _STRINGS:
        return _string(program, name)
    if name == "opentelemetry-instrument":
        return _removed(program, name, _after_pairs(words))
    if name in RUNNERS:
        start = _skipped(words, 1, RUNNERS[name])
        return _removed(program, name, start, RUNNERS[name].forwards) if start else None
    if _WAITS.match(name):
        start = next((i + 1 for i, word in enumerate(words) if word.text == "--"), 0)
        return _removed(program, name, start, None) if start else None
    return None


def _removed(program: Program, name: str, start: int, forwards: bool | None = True) -> Program | None:
    if not 0 < start < len(program.words):
        return None
    together = program.forwards if forwards else forwards
    return program._replace(words=program.words[start:], forwards=together, runners=(*program.runners, name))


def _options(words: Sequence[Word], index: int, takes: frozenset[str]) -> int:
    """The index of the first word from `index` on that is no option and no option's value; `--` is passed over."""
    while index < len(words):
        text = words[index].text
        if text == "--":
            return index + 1
        if not text.startswith("-") or text == "-":
            return index
        index += 2 if text in takes else 1
    return index


def _skipped(words: Sequence[Word], index: int, runner: Runner) -> int:
    """The index of the program that a runner runs; 0 if it runs none."""
    for verb in runner.verbs:
        index = _options(words, index, runner.takes)
        if index >= len(words) or words[index].text not in verb.split("|"):
            return 0
        index += 1
    index = _options(words, index, runner.takes)
    for _ in range(runner.skip):
        index = _options(words, index + 1, runner.takes)
    return index if index < len(words) else 0


def _with_variables(program: Program, name: str) -> Program | None:
    """`env A=b program`, `sudo -u app A=b program`."""
    words = program.words
    takes = frozenset({"-u", "--unset", "-C", "--chdir"}) if name == "env" else RUNNERS["sudo"].takes
    index = 1
    environment = dict(program.environment)
    while index < len(words):
        text = words[index].text
        if name == "env" and text in ("-S", "--split-string"):
            index += 1
        elif name == "env" and text in ("-u", "--unset") and index + 1 < len(words):
            environment[words[index + 1].text] = ""
            index += 2
        elif name == "env" and text in ("-i", "-", "--ignore-environment"):
            environment, index = {}, index + 1
        elif _ASSIGNS.match(text):
            variable, _, value = text.partition("=")
            environment[variable] = None if UNKNOWN in value else value
            index += 1
        elif text.startswith("-"):
            index += 2 if text in takes else 1
        else:
            break
    found = _removed(program, name, index)
    return found._replace(environment=environment) if found is not None else None


def _su(program: Program) -> Program | None:
    """`su app -c "command"`."""
    words = program.words
    at = next(i for i, word in enumerate(words) if word.text in ("-c", "--command"))
    if at + 1 >= len(words):
        return None
    return program._replace(words=(words[at + 1],), forwards=None, runners=(*program.runners, "su"), string=True)


def _string(program: Program, name: str) -> Program | None:
    """`watchfiles "celery -A proj worker" proj`: the first argument, or that of an option, as a command line."""
    words = program.words
    named = _STRINGS[name].split()
    at = next((i + 1 for i, word in enumerate(words) if word.text in named), 0)
    if not at:
        at = next((i for i, word in enumerate(words) if " " in word.text.strip()), 0)
    if not 0 < at < len(words):
        return None
    return program._replace(words=(words[at],), forwards=None, runners=(*program.runners, name), string=True)


def _after_pairs(words: Sequence[Word]) -> int:
    """Options of which each has a value, after `=` or as the next word."""
    index = 1
    while index < len(words) and words[index].text.startswith("-"):
        index += 1 if "=" in words[index].text or words[index].text == "--" else 2
    return index


def _python(program: Program) -> Program | None:
    """What a Python interpreter runs, if it is Celery or a module that runs another."""
    words = program.words
    index = 1
    if base_name(words[0]) == "coverage":
        if len(words) < 2 or words[1].text != "run":
            return None
        index = 2
    while index < len(words):
        text = words[index].text
        if text == "-m" or text.startswith("-m"):
            module = words[index + 1 :] if text == "-m" else (Word(text[2:], words[index].place), *words[index + 1 :])
            return _module(program, module)
        if not text.startswith("-") or text == "-c":
            break
        index += 2 if text in _PYTHON_VALUES else 1
    if index >= len(words) or words[index].text == "-c":
        return None
    script = base_name(words[index])
    if script in _DJANGO:
        rest = words[index + 1 :]
        return program._replace(words=rest) if rest and rest[0].text in _PROGRAMS else None
    return program._replace(words=words[index:]) if script in _PROGRAMS else None


def _module(program: Program, module: Sequence[Word]) -> Program | None:
    if not module:
        return None
    name = module[0].text
    root = name.partition(".")[0].replace("_", "-")
    if root in _PROGRAMS:
        named = {"celery.bin.worker": "celeryd", "celery.bin.beat": "celerybeat"}.get(name, root)
        return program._replace(words=(Word(named, module[0].place), *module[1:]))
    if name in _MODULES:
        rest = module[1:]
        if name == "coverage" and rest and rest[0].text == "run":
            rest = rest[1:]
        at = 0
        while at < len(rest) and rest[at].text != "-m" and rest[at].text.startswith("-"):
            at += 2 if rest[at].text in _MODULES[name].split() else 1
        python = (program.words[0], *rest[at:])
        return program._replace(words=python, runners=(*program.runners, name)) if at < len(rest) else None
    return None

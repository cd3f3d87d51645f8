"""Celery's own init scripts, `celeryd` and `celerybeat`: what they start is in the file of variables that they read."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping

from celerylint.facts.deploy.ir import Section, SectionFile, Setting
from celerylint.model.deploy.containers import World, unfollowed
from celerylint.model.deploy.hosts import beside, last
from celerylint.model.deploy.process import UNKNOWN, Known, Process, Word
from celerylint.model.deploy.scripts import invocations
from celerylint.model.deploy.systemd import files_of_variables
from celerylint.model.deploy.texts import located, place_of, split

_NAME = re.compile(r"(?:.*[._-])?(celeryd|celerybeat)(?:[._-].*)?")
_SAYS = {"celeryd": ("CELERYD_NODES", "CELERYD_OPTS"), "celerybeat": ("CELERYBEAT_OPTS", "CELERYBEAT_CHDIR")}
"""Variables of which one at least makes a file that of the script."""


def processes(world: World) -> Iterator[Process]:
    """What the scripts start by each file of variables that no unit of systemd reads."""
    read = {held.path for path, facts in world.facts.items() for held in files_of_variables(path, facts, world)}
    for path, facts in sorted(world.facts.items()):
        if facts.kind == "environment" and path not in read and isinstance(facts.content, SectionFile):
            named = _NAME.fullmatch(posixpath.basename(path))
            for section in facts.content.sections[:1]:
                if named is not None and any(last(section, name) for name in _SAYS[named[1]]) and not _is_old(section):
                    yield _process(path, named[1], section, world)


def _is_old(section: Section) -> bool:
    """Whether another program than `celery multi` is to start the nodes, as before Celery 3.1: `manage.py celeryd_multi`."""
    program = last(section, "CELERYD_MULTI")
    return program is not None and program.value.split()[-1:] != ["multi"]


def _process(path: str, script: str, section: Section, world: World) -> Process:
    """What `celeryd start` or `celerybeat start` runs."""
    place = place_of(path, next(setting for name in _SAYS[script] if (setting := last(section, name)) is not None))
    variables = {setting.key: setting for setting in section.settings}

    def plain(*texts: str) -> list[Word]:
        return [Word(text, place) for text in texts]

    def value(name: str, default: str = "") -> list[Word]:
        return _split(path, variables[name]) if name in variables else plain(*default.split())

    app = value("CELERY_APP")
    named = [*plain("-A"), *app] if app else []
    if script == "celeryd":
        nodes = value("CELERYD_NODES", "celery")
        words = [*value("CELERY_BIN", "celery"), *plain("multi", "start"), *nodes, *named, *value("CELERYD_OPTS")]
    else:
        words = [*value("CELERY_BIN", "celery"), *named, *plain("beat"), *value("CELERYBEAT_OPTS")]
    found = invocations(words, _environment(variables), beside(path, world), via=(place,))
    return Process(
        platform="initd",
        name=script,
        place=place,
        deployment=f"init scripts in {posixpath.dirname(path) or '.'}",
        invocations=found,
        complete=not any(map(unfollowed, found)),
        replicas=Known(1, None),
        grace=Known(None, None),
        development=world.why(path),
    )


def _split(path: str, setting: Setting) -> list[Word]:
    """The words of a value; what the shell puts in place of a variable is not known."""
    words = split(located(path, setting))
    return [Word(UNKNOWN, word.place) if "$" in word.text or "`" in word.text else word for word in words]


def _environment(variables: Mapping[str, Setting]) -> dict[str, str | None]:
    return {name: None if "$" in setting.value else setting.value for name, setting in variables.items()}

"""CLY801."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from celerylint.catalog import VERSIONS, Catalog, load
from celerylint.finding import Finding, Fix, Severity
from celerylint.model.project import App, Project
from celerylint.rules import mending
from celerylint.rules.base import Rule
from celerylint.rules.written import Written, names_of, names_read
from celerylint.text import closest

_NEAR = 0.86
"""How alike a name among others and a setting must be spelled: names that only begin with CELERY_ are the project's."""


class UnknownSetting(Rule):
    """Celery knows no setting of this name: it keeps the value and goes on with its default.

    Celery never complains of a name that it does not know. With `app.conf.task_ack_late = True` messages are still
    acknowledged early, with `CELERY_TASK_TIMELIMIT = 60` nothing is ever stopped, and nobody hears of it.

    On `app.conf`, in the arguments of `Celery(...)` and in a module that holds nothing but Celery's settings, every
    name is reported that neither Celery nor a known extension reads. Among Django's settings, and in configurations
    merged from elsewhere, a name must be nearly spelled as a setting. A name that the project itself reads somewhere
    is its own and left alone.

    ## What to do

    Write the name of the setting that was meant; the message says which one it probably is. If the name belongs to
    your own code, read it there.

    ## Fix safety

    The fix writes the name that is near, where there is one and nothing has it yet. It is unsafe: a value that had no
    effect takes effect.

    [Configuration and defaults](https://docs.celeryq.dev/en/stable/userguide/configuration.html#new-lowercase-settings)
    """

    code = "CLY801"
    name = "unknown-setting"
    summary = "A setting has a name that Celery does not read: its default stays in force."
    severity = Severity.ERROR
    bad = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.task_ack_late = True
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.task_acks_late = True
"""

    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        suspects = list(_suspects(app, project))
        read = names_read(project, frozenset(written.name for written, _, _ in suspects), names_of(app, project).paths)
        for written, bare, prefix in suspects:
            if written.name in read:
                continue
            near = _near(bare, project.catalog)
            if near is None and _is_of_a_part(bare, app):
                continue
            yield self.finding(
                written.at,
                f"Celery {_versions(bare, project)} no setting `{written.name}`: the value is kept and never looked at"
                f"{_instead(near, app)}",
                f"did you mean `{_as_written(near, written.name, prefix)}`?"
                if near
                else "remove it, or read it somewhere: nothing in this project does",
                symbol=app.name,
                fix=_renamed(written, near, prefix, app),
            )


def _renamed(written: Written, near: str | None, prefix: str, app: App) -> Fix | None:
    if near is None or near in app.own_settings:
        return None
    new = _as_written(near, written.name, prefix)
    edit = mending.renamed(written.at, written.name, new)
    return mending.unsafe(f"write {new}", edit) if edit is not None else None


def _suspects(app: App, project: Project) -> Iterator[tuple[Written, str, str]]:
    """Names that Celery does not read, the setting that each would be, and what stands before it."""
    facts = project.catalog
    names = names_of(app, project)
    if names.namespace is None:
        return
    for written in (*names.code, *names.object):
        name, prefix = written.name, ""
        if names.namespace and name.startswith(names.namespace):
            prefix = names.namespace
        elif not name.islower():
            prefix = next((start for start in ("CELERYD_", "CELERYBEAT_", "CELERY_") if name.startswith(start)), "")
        bare = name[len(prefix) :].lower()
        if name.startswith("_") or facts.known_setting(bare) or facts.known_setting(name) or name in facts.old_names:
            continue
        if name.islower() and prefix == "" and not names.namespace:
            # On app.conf, or in a module of its own, there is nothing but settings.
            if written.kind == "code" or names.dedicated or _nearly(bare, facts):
                yield written, bare, prefix
        elif (name.islower() and written.kind == "code") or (prefix and _nearly(bare, facts)):
            yield written, bare, prefix


_PARTS = ("worker_autoscaler", "worker_pool", "worker_consumer", "worker_timer", "beat_scheduler")
"""Settings that name classes, which may come from other packages and read settings of their own."""


_SHORT = 3
"""Words of so many letters say nothing."""


def _is_of_a_part(name: str, app: App) -> bool:
    """Whether a name has a word of a package whose class Celery is told to use: `resource_limits` of a resource autoscaler."""
    held = [app.setting(part).value for part in _PARTS]
    foreign = [path for path in held if isinstance(path, str) and not path.startswith("celery.")]
    words = {word for path in foreign for word in re.split(r"[.:_]", path)} - {"celery"}
    return not words.isdisjoint(word for word in name.split("_") if len(word) > _SHORT)


def _near(name: str, facts: Catalog) -> str | None:
    """The setting that was probably meant."""
    return _nearly(name, facts) or closest(name, facts.settings, 0.75)


def _nearly(name: str, facts: Catalog) -> str | None:
    near = closest(name, facts.settings, _NEAR)
    if near is not None:
        return near
    ends = [known for known in facts.settings if "_" in name and known.endswith(f"_{name}")]
    return ends[0] if len(ends) == 1 else None


def _versions(name: str, project: Project) -> str:
    """`reads`, or `5.4 reads` where another version does."""
    having = [version for version in VERSIONS if name in load(version).settings]
    return f"{project.version.minor} reads" if having else "reads"


def _instead(near: str | None, app: App) -> str:
    held = app.settings.get(near) if near else None
    return f", and `{near}` is {held.value!r}" if held is not None and held.known else ""


def _as_written(near: str, name: str, prefix: str) -> str:
    """The setting in the style of the name that stands there."""
    if name.islower():
        return prefix + near
    return f"{'CELERY_' if prefix.startswith('CELERY') else prefix}{near.upper()}"

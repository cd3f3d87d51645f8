"""CLY802."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from celerylint.facts import ir
from celerylint.finding import Confidence, Finding, Fix, Severity
from celerylint.model.project import App, Project
from celerylint.model.values import At, Either, forced
from celerylint.rules import mending
from celerylint.rules.base import Rule, related
from celerylint.rules.flow import within
from celerylint.rules.written import Names, Written, load, names_of, names_read

_CODE_WINS = (5, 7)
"""The version from which code beats the settings object, and old names are read under a namespace."""
_ITS_OWN = ("CELERY", "BROKER_")
"""Old names that nobody but Celery has: `S3_BUCKET` and `CASSANDRA_PORT` are others' as well."""
_FAMILIES = ("task_", "worker_", "beat_", "result_", "broker_", "event_", "control_")


class DeadSetting(Rule):
    """Celery never sees this setting: the value that stands here is not in force.

    Which names Celery reads depends on how it is configured:

    * with `namespace="CELERY"` it reads `CELERY_` and the new name: `CELERY_TASK_ACKS_LATE`. The old name of the same
      setting, `CELERY_ACKS_LATE`, is ignored up to Celery 5.6 (5.7 reads it);
    * without a namespace it reads `task_acks_late`, or the old `CELERY_ACKS_LATE`, and never `CELERY_TASK_ACKS_LATE`;
    * a variable beside the app is none: `task_acks_late = True` in a module that is never given to
      `config_from_object` configures nothing;
    * up to Celery 5.6 what stands in the settings object under a namespace beats `app.conf.x = ...` and the arguments
      of `Celery(...)`: the code has no effect (from 5.7 on code wins).

    Nothing is said of a name that the project reads itself, nor where the same setting is also given under a name
    that works.

    ## What to do

    Write the name that is read, given in the message. Mind that this puts a value in force that was asleep so far. Where the
    value is the one that holds anyway nothing changes: such a line is an `info`, and may as well go.

    ## Fix safety

    The fix writes the name that Celery looks up. It is unsafe: a value that has been asleep comes into force. What code sets and
    settings override is left alone, since one of the two must go.

    [Configuration](https://docs.celeryq.dev/en/stable/userguide/application.html#config-from-object)
    """

    code = "CLY802"
    name = "dead-setting"
    summary = "A setting stands where Celery never reads it, or under a name that it does not look for."
    severity = Severity.ERROR
    bad = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.CELERY_TASK_ACKS_LATE = True
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.task_acks_late = True
"""

    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        names = names_of(app, project)
        if names.namespace is None:
            return
        suspects = [*_by_name(app, names, project), *_beside(app, names, project)]
        read = names_read(project, frozenset(written.name for written, _, _ in suspects), names.paths)
        pinned = project.version.origin.kind != "default"
        for written, right, message in suspects:
            if written.name not in read:
                doubtful = not pinned and "5.6" in message
                idle = _is_in_force(app, written, right)
                yield self.finding(
                    written.at,
                    message,
                    f"delete it, or write `{right}`: what holds now is the same value"
                    if idle
                    else f"write `{right}`; that puts a value in force that is asleep now",
                    symbol=app.name,
                    related=related(app.settings_at, "the app is configured here"),
                    severity=Severity.INFO if idle else None,
                    confidence=Confidence.MEDIUM if doubtful else None,
                    fix=_renamed(written, right, app),
                )
        if pinned and project.version.minor < _CODE_WINS:
            yield from self._overridden(app, names, project)

    def _overridden(self, app: App, names: Names, project: Project) -> Iterator[Finding]:
        if not names.namespace:
            return
        held = {written.name: written for written in names.object}
        for written in names.code:
            new = project.catalog.new_name(written.name)
            wins = held.get(names.namespace + new.upper()) if new else None
            setting = app.settings.get(new) if new else None
            if wins is None or setting is None or setting.at is None or setting.at[1] is not wins.at[1]:
                continue
            mine = forced(app.value.changes[written.name].value)
            if isinstance(setting.raw, Either) or (setting.known and getattr(mine, "value", mine) == setting.value):
                continue
            yield self.finding(
                written.at,
                f"Celery {project.version.value} takes `{wins.name}` from {_source(app)}, whatever code sets:"
                f" `{written.name}` here has no effect (from 5.7 on the code would win)",
                "set it in one place: delete this, or the name in the settings",
                symbol=app.name,
                related=related(wins.at, "this value is in force"),
            )


def _is_in_force(app: App, written: Written, right: str) -> bool:
    """Whether the value that stands under a dead name is the one that holds without it."""
    name = right.rpartition(".")[2].removeprefix(app.namespace or "").lower()
    held, value = app.settings.get(name), mending.expression(written.at)
    if held is None or not held.known or value is None or not isinstance(value[1], ir.Const):
        return False
    return type(value[1].value) is type(held.value) and value[1].value == held.value


def _renamed(written: Written, right: str, app: App) -> Fix | None:
    """The name that is looked up; of a variable of the app's own module, below the line that makes the app."""
    head, dot, name = right.rpartition(".")
    if dot:
        made = (node for node in load(app, app.at[0]) or () if isinstance(node, ir.Assign) and within(app.at[1], node))
        target = next((node.targets[0] for node in made), None)
        after = written.at[0] == app.at[0] and written.at[1].line > app.at[1].end_line
        if not after or not isinstance(target, ir.Name):
            return None
        right = f"{head.replace('app', target.id, 1)}.{name}"
    edit = mending.renamed(written.at, written.name, right)
    return mending.unsafe(f"write {right}, which puts the value in force", edit) if edit is not None else None


def _by_name(app: App, names: Names, project: Project) -> Iterator[tuple[Written, str, str]]:
    """Settings under names that are not looked up: what stands there, the right name, what to say."""
    facts, version = project.catalog, project.version
    have = {written.name for written in names.object}
    if names.namespace:
        dead_until_57 = version.minor < _CODE_WINS or version.origin.kind == "default"
        prefix = names.namespace
        if not prefix.isupper():
            return
        live = {prefix + name.upper() for name in facts.settings}
        for written in names.object:
            new = facts.old_names.get(written.name) if written.name.startswith(_ITS_OWN) else None
            right = prefix + new.upper() if new else ""
            if new and written.name not in live and not {right, new} & have and dead_until_57:
                yield (
                    written,
                    right,
                    f"with namespace={prefix[:-1]!r} Celery up to 5.6 looks in {_source(app)} for `{right}` and never for the"
                    f" old name `{written.name}`: {_default(app, new)} stays in force",
                )
        return
    for written in (*names.object, *names.code):
        name = written.name
        bare = name.removeprefix("CELERY_").lower()
        if not name.isupper() or name in facts.old_names or bare not in facts.settings:
            continue
        within = f" in {_source(app)}" if written.kind == "object" else ""
        if name.startswith("CELERY_") or (bare.startswith(_FAMILIES) and (names.dedicated or written.kind == "code")):
            if bare in app.own_settings or bare in have:
                continue
            yield (
                written,
                bare,
                f"without a namespace Celery looks{within} for `{bare}` and never for `{name}`:"
                f" {_default(app, bare)} stays in force",
            )


def _beside(app: App, names: Names, project: Project) -> Iterator[tuple[Written, str, str]]:
    """Variables of the app's own module that look like settings, in a module that is not loaded as such."""
    module = app.value.module
    if module.path in names.paths or (app.value.sources and not names.complete and names.dedicated):
        return
    for name, entry in module.scope.entries.items():
        if name not in project.catalog.settings or not name.startswith(_FAMILIES) or not _assigned(entry.at):
            continue
        if name not in app.own_settings and entry.at is not None and entry.at[0] == module.path:
            yield (
                Written(name, entry.at, "object"),
                f"app.conf.{name}",
                f"`{name}` is a variable of this module, which no app is configured from{_instead(app)}:"
                f" {_default(app, name)} stays in force",
            )


def _assigned(at: At | None) -> bool:
    return at is not None and isinstance(at[1], (ir.Assign, ir.AnnAssign))


def _source(app: App) -> str:
    """The object that an app is configured from, as messages name it."""
    return f"`{app.source}`" if app.source else "the settings object"


def _instead(app: App) -> str:
    return f" (it is from `{app.source}`)" if app.source else ""


def _default(app: App, name: str) -> str:
    held = app.settings.get(name)
    return f"`{name}` = {held.value!r}" if held is not None and held.known else "the default"

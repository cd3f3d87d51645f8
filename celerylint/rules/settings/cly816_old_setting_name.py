"""CLY816."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.facts import ir
from celerylint.finding import Finding, Fix, Severity
from celerylint.model.project import App, Project
from celerylint.rules import mending
from celerylint.rules.base import Rule
from celerylint.rules.written import Names, Written, names_of, names_read


class OldSettingName(Rule):
    """The setting has its name from before Celery 4, which Celery 6 will not read any more.

    Celery still reads `CELERY_ACKS_LATE` where a configuration without a namespace is written in old names
    throughout, and says with a warning that support ends with 6.0. On that day the default comes back in silence.

    Old names that are not read today, under a namespace for one, are reported as CLY802.

    ## What to do

    Write the new name; all settings of one configuration must change together, since mixing them raises. `celery
    upgrade settings <file>` rewrites a module.

    ## Fix safety

    The fix renames all old names of a configuration at once, since Celery refuses a mixture. It is safe where every one of
    them is read today and no other code reads it under its old name; otherwise there is none.

    [New lower-case settings](https://docs.celeryq.dev/en/stable/userguide/configuration.html#new-lowercase-settings)
    """

    code = "CLY816"
    name = "old-setting-name"
    summary = "A setting has its old upper-case name, which Celery 6 will not read."
    severity = Severity.INFO
    preset = "all"
    bad = """\
from celery import Celery


class Config:
    BROKER_URL = "redis://"
    CELERY_ACKS_LATE = True


app = Celery("shop")
app.config_from_object(Config)
"""
    good = """\
from celery import Celery


class Config:
    broker_url = "redis://"
    task_acks_late = True


app = Celery("shop")
app.config_from_object(Config)
"""

    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        names = names_of(app, project)
        if names.namespace != "":
            return
        fix = _renamed_all(names, app, project)
        for written in (*names.object, *names.code):
            new = project.catalog.old_names.get(written.name)
            if new is not None and new in app.own_settings:
                yield self.finding(
                    written.at,
                    f"`{written.name}` is the old name of `{new}`: Celery 6.0 stops reading it, and the default is back",
                    f"write `{new}`, and the new names of all other settings here",
                    symbol=app.name,
                    fix=fix,
                )


def _handed_on(written: Written) -> bool:
    """Whether a variable reaches the configuration through something else, such as Flask's, which may read no other case."""
    node = written.at[1]
    targets = node.targets if isinstance(node, ir.Assign) else [node.target] if isinstance(node, ir.AnnAssign) else []
    return written.kind == "code" and any(isinstance(target, ir.Name) for target in targets)


def _renamed_all(names: Names, app: App, project: Project) -> Fix | None:
    old = [written for written in (*names.object, *names.code) if written.name in project.catalog.old_names]
    if not names.complete or any(project.catalog.old_names[written.name] not in app.own_settings for written in old):
        return None
    if any(_handed_on(written) for written in old):
        return None
    if names_read(project, frozenset(written.name for written in old), names.paths):
        return None
    edits = [mending.renamed(written.at, written.name, project.catalog.old_names[written.name]) for written in old]
    if None in edits:
        return None
    return mending.safe("write the new names", *(edit for edit in edits if edit is not None))

"""CLY803."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from celerylint.finding import Confidence, Finding, Fix, Severity
from celerylint.model.project import App, Project
from celerylint.rules import mending
from celerylint.rules.base import Rule, names, related
from celerylint.rules.written import Written, names_of


class MixedSettingNames(Rule):
    """The configuration mixes old and new names of settings: Celery refuses to start.

    Without a namespace Celery decides by majority whether a configuration is written in new names (`task_acks_late`)
    or in those from before Celery 4 (`CELERY_ACKS_LATE`). A name of the other kind raises `ImproperlyConfigured` when
    the configuration is first read, in workers and in every process that sends a task.

    A setting that is there under both names is allowed: the new name wins.

    ## What to do

    Write all names in the new style. `celery upgrade settings <file>` rewrites a module.

    ## Fix safety

    The fix writes the fewer names in the style of the others. It is unsafe: what reads a setting under the name that it had
    finds it no more.

    [New lower-case settings](https://docs.celeryq.dev/en/stable/userguide/configuration.html#new-lowercase-settings)
    """

    code = "CLY803"
    name = "mixed-setting-names"
    summary = "A configuration mixes old and new names of settings, which raises ImproperlyConfigured."
    severity = Severity.ERROR
    bad = """\
from celery import Celery


class Config:
    broker_url = "redis://"
    task_acks_late = True
    CELERYD_PREFETCH_MULTIPLIER = 1


app = Celery("shop")
app.config_from_object(Config)
"""
    good = """\
from celery import Celery


class Config:
    broker_url = "redis://"
    task_acks_late = True
    worker_prefetch_multiplier = 1


app = Celery("shop")
app.config_from_object(Config)
"""

    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        found = names_of(app, project)
        if found.namespace != "":
            return
        if app.value.sources:
            source = found.object
            doubtful = not found.complete
        else:
            # What the constructor is given does not count; what is set after the configuration was read neither.
            source = tuple(w for w in found.code if w.name not in app.value.arguments)
            doubtful = True
            if app.value.configured or app.value.opened is not None:
                return
        facts = project.catalog
        have = {written.name: written for written in source}
        new = [written for name, written in have.items() if name in facts.settings]
        old = [written for name, written in have.items() if name in facts.old_names]
        if not new or not old:
            return
        if len(old) > len(new):
            others = {name: facts.settings[name].old_names for name in facts.settings}
            wrong = [w for w in new if others[w.name] and not set(others[w.name]) & have.keys()]
            majority, style = old, "old"
        else:
            wrong = [w for w in old if facts.old_names[w.name] not in have]
            majority, style = new, "new"
        if wrong:
            yield self._said(app, wrong, majority, style, project, doubtful)

    def _said(
        self, app: App, wrong: list[Written], majority: list[Written], style: str, project: Project, doubtful: bool
    ) -> Finding:
        wanted = [f"`{project.catalog.old_names.get(w.name, w.name)}`" for w in wrong]
        if style == "old":
            wanted = [f"`{project.catalog.settings[w.name].old_names[0]}`" for w in wrong]
        return self.finding(
            wrong[0].at,
            f"{names([f'`{w.name}`' for w in wrong])} among {len(majority)} settings with {style} names such as"
            f" `{majority[0].name}`: Celery raises ImproperlyConfigured when it reads the configuration",
            f"write {names(wanted)}"
            + (", and the other settings with their new names when you can" if style == "old" else ""),
            symbol=app.name,
            related=[
                *(place for w in wrong[1:4] for place in related(w.at, f"`{w.name}` too")),
                *related(majority[0].at, f"written in {style} names"),
            ],
            confidence=Confidence.MEDIUM if doubtful else None,
            fix=_renamed([(w, name.strip("`")) for w, name in zip(wrong, wanted, strict=True)], style),
        )


def _renamed(wanted: Sequence[tuple[Written, str]], style: str) -> Fix | None:
    found = [mending.renamed(written.at, written.name, new) for written, new in wanted]
    edits = [edit for edit in found if edit is not None]
    return mending.unsafe(f"write {style} names throughout", *edits) if len(edits) == len(found) else None

"""CLY412."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.finding import Finding, Severity
from celerylint.model.plain import CRONTAB_FIELDS
from celerylint.model.project import App, Entry, Project
from celerylint.model.values import Made, Scalar, forced
from celerylint.rules.base import Rule, names, related


class UtcSurprise(Rule):
    """Crontabs name hours, and no time zone is set: the hours are those of UTC.

    Celery's time zone is UTC unless `timezone` says otherwise, whatever the clock of the machine shows.
    `crontab(hour=8)` is nine or ten o'clock in Berlin, depending on the season, and three or four at night in New
    York. Under Django, `TIME_ZONE` counts if Celery is configured from Django's settings.

    ## What to do

    Set `timezone = "Europe/Berlin"`, or `timezone = "UTC"` to say that UTC is meant.

    [Time zones](https://docs.celeryq.dev/en/stable/userguide/periodic-tasks.html#time-zones)
    """

    code = "CLY412"
    name = "utc-surprise"
    summary = "Crontabs name hours and no time zone is set: the hours are those of UTC."
    severity = Severity.INFO
    preset = "playbook"
    bad = """\
from celery import Celery
from celery.schedules import crontab

app = Celery("shop", broker="redis://")
app.conf.beat_schedule = {
    "report": {"task": "shop.report", "schedule": crontab(minute=0, hour=8)},
}


@app.task(name="shop.report")
def report(): ...
"""
    good = """\
from celery import Celery
from celery.schedules import crontab

app = Celery("shop", broker="redis://")
app.conf.timezone = "Europe/Berlin"
app.conf.beat_schedule = {
    "report": {"task": "shop.report", "schedule": crontab(minute=0, hour=8)},
}


@app.task(name="shop.report")
def report(): ...
"""

    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        zone, utc = app.setting("timezone"), app.setting("enable_utc")
        if zone.chosen or not zone.known or zone.value not in (None, "UTC") or not utc.truthy:
            return
        hourly = [entry for entry in project.schedule if entry.app is app and not entry.lost and _names_hours(entry)]
        if hourly:
            yield self.finding(
                app.at,
                f"no time zone is set, so the hours of {names([f'`{entry.name}`' for entry in hourly])} are UTC's",
                'set timezone, if only to "UTC"',
                symbol=app.name,
                related=related(hourly[0].at, f"{hourly[0].schedule or 'a crontab'}"),
            )


def _names_hours(entry: Entry) -> bool:
    value = forced(entry.raw) if entry.raw is not None else None
    if not isinstance(value, Made) or value.maker != "celery.schedules.crontab":
        return False
    hour = value.keywords["hour"].value if "hour" in value.keywords else None
    if hour is None and len(value.args) > CRONTAB_FIELDS.index("hour"):
        hour = value.args[CRONTAB_FIELDS.index("hour")]
    held = forced(hour) if hour is not None else None
    return isinstance(held, Scalar) and not str(held.value).startswith("*")

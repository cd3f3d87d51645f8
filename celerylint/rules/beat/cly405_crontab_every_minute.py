"""CLY405."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from celerylint.facts import ir
from celerylint.finding import Confidence, Edit, Finding, SetKeyword, Severity
from celerylint.model.plain import CRONTAB_FIELDS
from celerylint.model.project import Entry, Project
from celerylint.model.values import At, Deferred, Either, Made, Scalar, Sequence, Value, peeked, place
from celerylint.rules import mending
from celerylint.rules.base import Rule, related


class CrontabEveryMinute(Rule):
    """The crontab names an hour or a day and no minute, so the task is sent in every minute of it.

    Each field of `crontab()` that is not given is `'*'`. `crontab(hour=3)` does not mean "at three" but "in every
    minute of the hour that begins at three": the task is sent 60 times. `crontab(day_of_week=1)` sends it 1440 times
    on each Monday.

    One level up, `crontab(minute=0, day_of_month=1)` does not mean "once on the first" but "every hour of the first": 24
    times. That is reported with less confidence, and only where one minute and one day are named: every hour from Monday to
    Friday is likely to be meant.

    A bare `crontab()` says every minute in so many words, and so does `minute='*'`: both are left alone.

    ## What to do

    Write the minute: `crontab(minute=0, hour=3)`. Where every minute is meant, write `minute='*'`.

    The positional order of `crontab` is minute, hour, day of week, day of month, month: not that of a crontab file.

    ## Fix safety

    The fix adds `minute=0`, and `hour=0` where the hour is missing. It is unsafe: the task is sent once where it was sent
    in every minute, or every hour.

    [Crontab schedules](https://docs.celeryq.dev/en/stable/userguide/periodic-tasks.html#crontab-schedules)
    """

    code = "CLY405"
    name = "crontab-every-minute"
    summary = "A crontab names an hour or a day and no minute: the task is sent in every minute of it."
    severity = Severity.ERROR
    bad = """\
from celery import Celery
from celery.schedules import crontab

app = Celery("shop", broker="redis://")
app.conf.beat_schedule = {
    "nightly-report": {"task": "shop.report", "schedule": crontab(hour=3)},
}


@app.task(name="shop.report")
def report(): ...
"""
    good = """\
from celery import Celery
from celery.schedules import crontab

app = Celery("shop", broker="redis://")
app.conf.beat_schedule = {
    "nightly-report": {"task": "shop.report", "schedule": crontab(minute=0, hour=3)},
}


@app.task(name="shop.report")
def report(): ...
"""

    def check_entry(self, entry: Entry, project: Project) -> Iterable[Finding]:
        for crontab in _crontabs(entry.raw):
            fields = _fields(crontab)
            named = {name: value for name, value in fields.items() if _text(value) != "*"}
            if crontab.at is None:
                continue
            if "minute" in fields:
                yield from self._every_hour(entry, fields, crontab.at)
                continue
            if not named:
                continue
            unknown = any(_text(value) is None for value in named.values())
            times, when = _runs(named)
            yield self.finding(
                crontab.at,
                f"`{entry.task_name or entry.name}` is sent {times}, {when}:"
                " a minute that crontab() is not given is '*'",
                "write the minute: crontab(minute=0, ...), or minute='*' if every minute is meant",
                symbol=entry.name,
                related=related(entry.at, "the entry") if entry.at[1].line != crontab.at[1].line else [],
                confidence=Confidence.MEDIUM if unknown else None,
                fix=mending.unsafe("send it at minute 0", _first(crontab.at, "minute")),
            )

    def _every_hour(self, entry: Entry, fields: dict[str, Value], at: At) -> Iterator[Finding]:
        """The same mistake one level up: a minute and a day, and no hour."""
        days = [_text(fields[name]) or "" for name in _DAYS if name in fields and _text(fields[name]) != "*"]
        minute = _text(fields["minute"]) or ""
        if "hour" in fields or not minute.isdigit() or len(days) != 1 or not days[0].isalnum():
            return
        yield self.finding(
            at,
            f"`{entry.task_name or entry.name}` is sent 24 times on the day it names, at xx:{minute.zfill(2)} of every"
            " hour: an hour that crontab() is not given is '*'",
            f"write the hour: crontab(minute={minute}, hour=0, ...), or hour='*' if every hour is meant",
            symbol=entry.name,
            related=related(entry.at, "the entry") if entry.at[1].line != at[1].line else [],
            confidence=Confidence.MEDIUM,
            fix=mending.unsafe("send it at hour 0", *mending.set_at(at, hour="0")),
        )


def _first(at: At, name: str) -> Edit:
    """A field of a crontab, before the others where they stand on one line."""
    call = at[1]
    if isinstance(call, ir.Call) and not call.args and call.keywords and call.keywords[0].line == call.line:
        return mending.before(call.keywords[0], at[0], f"{name}=0, ")
    return SetKeyword(place(at), name, "0")


_DAYS = ("day_of_week", "day_of_month")


def _crontabs(value: Value | None) -> Iterator[Made]:
    value = _peek(value)
    if isinstance(value, Either):
        for option in value.options:
            yield from _crontabs(option)
    elif isinstance(value, Made) and value.maker == "celery.schedules.crontab" and not value.open:
        # With a `**` of unknown content the minute may be given after all.
        yield value


def _fields(crontab: Made) -> dict[str, Value]:
    given = dict(zip(CRONTAB_FIELDS, crontab.args, strict=False))
    given.update({name: entry.value for name, entry in crontab.keywords.items() if name in CRONTAB_FIELDS})
    return given


def _peek(value: Value | None) -> Value | None:
    held = peeked(value) if value is not None else None
    return None if isinstance(held, Deferred) else held


def _text(value: Value) -> str | None:
    """A field as crontab reads it; None if it is not known."""
    held = _peek(value)
    if isinstance(held, Sequence) and not held.open:
        parts = [_text(item) for item in held.items]
        return ",".join(part for part in parts if part is not None) if None not in parts else None
    return str(held.value) if isinstance(held, Scalar) else None


def _runs(named: dict[str, Value]) -> tuple[str, str]:
    """How often a crontab without a minute fires, and when."""
    days = "a day" if named.keys() <= {"hour"} else "on each day it names"
    if "hour" not in named:
        return f"1440 times {days}", "in every minute"
    hours = _hours(_text(named["hour"]) or "")
    if not hours:
        return "60 times an hour", "in every minute of the hours it names"
    shown = [f"{hour:02}:xx" for hour in hours]
    if len(shown) > 4:
        return f"{60 * len(hours)} times {days}", f"in every minute of {len(hours)} hours"
    return f"{60 * len(hours)} times {days}", f"in every minute of {' and '.join(shown)}"


def _hours(text: str) -> list[int]:
    """The hours of a crontab field; empty where it is written in a way not read here."""
    hours: set[int] = set()
    for part in text.split(","):
        span, _, step = part.strip().partition("/")
        low, _, high = ("0-23" if span == "*" else span).partition("-")
        if not all(re.fullmatch(r"\d{1,3}", number) for number in (low, high or low, step or "1")):
            return []
        hours.update(range(int(low), int(high or low) + 1, int(step or 1) or 1))
    return sorted(hour for hour in hours if hour < 24)

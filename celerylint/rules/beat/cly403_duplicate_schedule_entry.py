"""CLY403."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, combinations

from celerylint.facts import ir
from celerylint.finding import Finding, Fix, Severity
from celerylint.model.project import App, Entry, Project
from celerylint.model.values import Made, Scalar, forced
from celerylint.rules import mending
from celerylint.rules.base import Rule, related
from celerylint.rules.flow import statements, written_in


class DuplicateScheduleEntry(Rule):
    """The schedule says the same thing twice, or two things under one name: tasks run twice, or never.

    Beat sends every entry by itself. Two entries with the same task, schedule and arguments send two messages at the
    same moment, so that the task runs twice at once; a report goes out twice.

    Two entries under one name are one entry. Of a key that is written twice in a dict Python keeps the last, without a
    word. `add_periodic_task` without `name=` takes the signature as its name: two calls with an equal signature, or
    with an equal `name=`, leave the second schedule alone, and the first is never sent.

    Entries that differ in an argument or an option are left alone, and so are schedules that belong to different
    applications or that are never in force together.

    ## What to do

    Delete the repeat. Where both schedules are meant, give each entry a name of its own:

    ```python
    sender.add_periodic_task(crontab(minute=0, hour=3), cleanup.s(), name="cleanup at night")
    sender.add_periodic_task(crontab(minute=0, hour=15), cleanup.s(), name="cleanup in the afternoon")
    ```

    ## Fix safety

    The fix deletes the second of two entries that send the same, or the first under a key that stands twice, which Python
    drops anyway. It is safe: what was sent twice is sent once. Calls of `add_periodic_task` it leaves to you.

    [Periodic tasks](https://docs.celeryq.dev/en/stable/userguide/periodic-tasks.html#entries)
    """

    code = "CLY403"
    name = "duplicate-schedule-entry"
    summary = "Two schedule entries send the same thing, or one takes the place of the other."
    severity = Severity.ERROR
    bad = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.beat_schedule = {
    "sync-stock": {"task": "shop.sync_stock", "schedule": 600},
    "refresh-stock": {"task": "shop.sync_stock", "schedule": 600},
}


@app.task(name="shop.sync_stock")
def sync_stock(): ...
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.beat_schedule = {
    "sync-stock": {"task": "shop.sync_stock", "schedule": 600},
}


@app.task(name="shop.sync_stock")
def sync_stock(): ...
"""

    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        entries = [entry for entry in project.schedule if entry.app is app and entry.certain]
        yield from self._sent_twice([entry for entry in entries if not entry.lost], project)
        yield from self._replaced(entries)
        for owner, key, first, second in project.repeated_keys:
            if owner is app:
                yield self.finding(
                    second,
                    f"the key {key!r} stands twice in this schedule: Python keeps the last one, and the entry at line"
                    f" {first[1].line} is never sent",
                    "delete one of them, or give each a key of its own",
                    symbol=key,
                    related=related(first, "this entry is lost"),
                    fix=mending.safe("delete the entry that is lost", mending.without(first)),
                )

    def _sent_twice(self, entries: list[Entry], project: Project) -> Iterator[Finding]:
        reported: set[int] = set()
        by_task: dict[str, list[Entry]] = {}
        for entry in entries:
            if entry.task_name is not None:
                by_task.setdefault(entry.task_name, []).append(entry)
        for first, second in chain.from_iterable(combinations(group, 2) for group in by_task.values()):
            if id(second) in reported or not _same(first, second):
                continue
            reported.add(id(second))
            yield self.finding(
                second.at,
                f"`{second.name}` sends `{second.task_name}` at the same times and with the same arguments as"
                f" `{first.name}` ({first.schedule}): every run happens twice",
                "delete one of the two entries",
                symbol=second.name,
                related=related(first.at, f"`{first.name}`, the same"),
                fix=_without_repeat(second, project),
            )

    def _replaced(self, entries: list[Entry]) -> Iterator[Finding]:
        for lost in entries:
            if not lost.lost or lost.kind != "add_periodic_task" or not _name_is_known(lost):
                continue
            winner = next((e for e in entries if e.name == lost.name and not e.lost), None)
            if winner is None or winner.kind != lost.kind:
                continue
            named = "an equal name" if "name" in lost.keys else "an equal signature and no name"
            yield self.finding(
                winner.at,
                f"this call has {named}, so its entry `{lost.name}` takes the place of the one from line"
                f" {lost.at[1].line}: of {lost.schedule or 'the first schedule'} and"
                f" {winner.schedule or 'the second'} only the second is in force",
                "give each call a name= of its own, or delete one",
                symbol=winner.name,
                related=related(lost.at, "this entry is lost"),
            )


def _without_repeat(entry: Entry, project: Project) -> Fix | None:
    """The schedule without an entry: without its key, or without the call that adds it, where that is a line of its own."""
    if entry.kind == "setting":
        return mending.safe("delete the repeat", mending.without(entry.at))
    found = written_in(entry.at, project)
    statement = found[1].statement if found is not None else None
    if found is None or not isinstance(statement, ir.ExprStmt) or statement.value.span != entry.at[1].span:
        return None
    block = [s for s, around in statements(ir.read_body(found[0])) if around == found[1].around]
    beside = [s for s in block if s.line <= statement.end_line and statement.line <= s.end_line]
    if len(block) < 2 or len(beside) > 1:
        return None
    return mending.safe("delete the repeat", mending.lines_without(statement, entry.at[0], project))


def _same(first: Entry, second: Entry) -> bool:
    """Whether both send the same message at the same moments, as far as both are known."""
    if first.task_name is None or first.schedule is None or not (first.arguments.known and second.arguments.known):
        return False
    return (first.task_name, _moments(first)) == (second.task_name, _moments(second)) and (
        first.arguments.value == second.arguments.value
    )


def _moments(entry: Entry) -> object:
    """When an entry is sent, however it is written: `crontab(hour="3", minute=0)` is `crontab(minute=0, hour=3)`."""
    raw = forced(entry.raw) if entry.raw is not None else None
    if isinstance(raw, Made) and raw.maker == "celery.schedules.crontab" and not raw.args and not raw.open:
        fields = {name: forced(field.value) for name, field in raw.keywords.items()}
        known = {n: str(v.value) for n, v in fields.items() if isinstance(v, Scalar) and type(v.value) in (int, str)}
        if len(known) == len(fields):
            return frozenset(known.items())
    return entry.schedule


def _name_is_known(entry: Entry) -> bool:
    """Whether the name is `name=`, or made of a signature that is known."""
    return "name" in entry.keys or (entry.task_name is not None and entry.arguments.known)

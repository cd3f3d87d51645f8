"""CLY407."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from celerylint.facts import ir
from celerylint.finding import AddDictEntry, Finding, Fix, Severity
from celerylint.model.project import Entry, Project, Task
from celerylint.model.schedule import KEYS
from celerylint.model.values import At, Mapping, Scalar, Sequence, Value, forced, place
from celerylint.rules import mending
from celerylint.rules.base import Rule, related
from celerylint.rules.commanding import text_of
from celerylint.rules.entries import own_scheduler, written
from celerylint.text import closest

_OF_OTHER_SCHEDULERS = frozenset({"enabled", "description", "one_off", "start_time", "expire_seconds", "name"})
"""Keys that RedBeat or django-celery-beat read, which may be chosen on the command line."""


class InvalidScheduleEntry(Rule):
    """The entry of the schedule is not one that beat can use: beat does not start, or the task never runs.

    An entry takes `task`, `schedule`, `args`, `kwargs`, `options` and `relative`. Any other key raises TypeError when
    beat starts, and so nothing at all is sent: `queue`, `expires` and `priority` belong in `options`. So does a
    schedule that is a text: crontab lines must be written as `crontab(...)`.

    `args` must be a tuple or list. `("orders")` is a text, each letter of which becomes an argument; with a number
    beat logs an error at each tick and sends nothing. Arguments that the task cannot take make each run fail.

    Where the project chooses another scheduler, its keys and schedules are not judged.

    ## What to do

    Put the key where it belongs, write `args` as a tuple with a comma, give the arguments that the task takes.

    ## Fix safety

    The fix puts an option of the call into `options`, writes the key that was meant, and makes one argument a tuple. It is safe:
    beat stops at the entry without it, or what it sends fails. Where nothing tells what was meant, there is none.

    [Available fields](https://docs.celeryq.dev/en/stable/userguide/periodic-tasks.html#available-fields)
    """

    code = "CLY407"
    name = "invalid-schedule-entry"
    summary = "A schedule entry has a key, schedule or arguments that beat or the task cannot take."
    severity = Severity.ERROR
    bad = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.beat_schedule = {
    "sync": {"task": "shop.sync", "schedule": 600, "queue": "slow"},
}


@app.task(name="shop.sync")
def sync(): ...
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.beat_schedule = {
    "sync": {"task": "shop.sync", "schedule": 600, "options": {"queue": "slow"}},
}


@app.task(name="shop.sync")
def sync(): ...
"""

    def check_entry(self, entry: Entry, project: Project) -> Iterable[Finding]:
        if entry.lost:
            return
        for where, message, help, fix in _faults(entry, project):
            elsewhere = (where[0], where[1].line) != (entry.at[0], entry.at[1].line)
            there = related(entry.at, "the entry") if elsewhere else []
            yield self.finding(where, message, help, symbol=entry.name, related=there, fix=fix)
            return


def _faults(entry: Entry, project: Project) -> Iterator[tuple[At, str, str, Fix | None]]:
    mapping = written(entry) if entry.kind == "setting" else None
    if mapping is not None and own_scheduler(entry):
        yield from _keys(entry, mapping, project)
        schedule = forced(entry.raw) if entry.raw is not None else None
        if isinstance(schedule, Scalar) and isinstance(schedule.value, str):
            yield (
                entry.keys.get("schedule") or entry.at,
                f"the schedule of `{entry.name}` is the text {schedule.value!r}: beat raises AttributeError when it"
                " starts, and sends nothing",
                "write crontab(...), timedelta(...) or a number of seconds",
                None,
            )
    if (mapping is not None and not mapping.open) or (entry.kind != "setting" and _only_a_signature(entry)):
        yield from _arguments(entry, project)


def _only_a_signature(entry: Entry) -> bool:
    """Whether the arguments are those of the signature: add_periodic_task may be given more."""
    call = entry.at[1]
    return isinstance(call, ir.Call) and len(call.args) <= 2 and not {"args", "kwargs"} & entry.keys.keys()


def _keys(entry: Entry, mapping: Mapping, project: Project) -> Iterator[tuple[At, str, str, Fix | None]]:
    for key, at in entry.keys.items():
        if key in KEYS or key in _OF_OTHER_SCHEDULERS:
            continue
        near = closest(key, KEYS, 0.7)
        option = key in project.catalog.call_options
        yield (
            at or entry.at,
            f"a schedule entry takes no `{key}`: beat raises TypeError when it starts, and sends nothing",
            f'put it in the options: "options": {{"{key}": ...}}'
            if option
            else f"did you mean `{near}`?"
            if near
            else "remove it: an entry takes task, schedule, args, kwargs, options and relative",
            _as_option(mapping, key, at, project) if option else _renamed(key, near, at, mapping),
        )
    if not mapping.open:
        for key, effect in (
            ("task", "there is nothing to send"),
            ("schedule", "nothing says when it is due"),
        ):
            if key not in entry.keys:
                yield entry.at, f"the entry `{entry.name}` has no `{key}`: {effect}", f"add `{key}`", None


def _arguments(entry: Entry, project: Project) -> Iterator[tuple[At, str, str, Fix | None]]:
    args = forced(entry.args) if entry.args is not None else None
    where = entry.keys.get("args") or entry.at
    fix = _as_tuple(args.at, project) if args is not None and "args" in entry.keys else None
    if isinstance(args, Scalar) and args.value is not None:
        if isinstance(args.value, str):
            count = len(args.value)
            effect = f"each of its {count} letters becomes an argument" if count > 1 else "that works by accident only"
            if count < 2:
                return
        else:
            effect = "beat logs an error each time it is due and sends nothing"
        yield where, f"args of `{entry.name}` is {args.value!r}, no tuple: {effect}", f"write ({args.value!r},)", fix
        return
    if entry.task is not None:
        said = _misfit(entry, entry.task, args)
        if said:
            at = where if "args" in entry.keys else entry.keys.get("kwargs") or entry.at
            yield (
                at,
                f"`{entry.task.name}` cannot be called with what `{entry.name}` sends: {said}; no run of it succeeds",
                "give the arguments that the task takes",
                None,
            )


# --- fixes ------------------------------------------------------------------------------------------------------------


def _value_of(key: At, mapping: Mapping) -> ir.Expr | None:
    """The value that is written for a key of an entry."""
    node = key[1]
    if isinstance(node, ir.Keyword):
        return node.value
    written = mapping.at[1] if mapping.at is not None and mapping.at[0] == key[0] else None
    pairs = zip(written.keys, written.values, strict=True) if isinstance(written, ir.DictExpr) else ()
    return next((value for held, value in pairs if held is not None and held.span == node.span), None)


def _as_option(mapping: Mapping, key: str, at: At | None, project: Project) -> Fix | None:
    """A key among the options of the entry."""
    value = _value_of(at, mapping) if at is not None else None
    if at is None or value is None:
        return None
    path, title = at[0], f"put {key} into the options"
    entry = mapping.items.get("options")
    options = forced(entry.value) if entry is not None else None
    if entry is None:
        renamed = mending.renamed(at, key, "options")
        around = (mending.before(value, path, f'{{"{key}": '), mending.behind(value, path, "}"))
        return mending.safe(title, renamed, *around) if renamed is not None else None
    text = text_of(path, project)
    if text is None or not isinstance(options, Mapping) or options.at is None or options.at[0] != path:
        return None
    if not isinstance(options.at[1], ir.DictExpr) or key in options.items:
        return None
    written = text.text[slice(*text.stretch(place((path, value)).span))]
    return mending.safe(title, mending.without(at), AddDictEntry(place(options.at), key, written))


def _renamed(key: str, near: str | None, at: At | None, mapping: Mapping) -> Fix | None:
    edit = mending.renamed(at, key, near) if at is not None and near is not None and near not in mapping.items else None
    return mending.safe(f"write {near}", edit) if edit is not None else None


def _as_tuple(at: At | None, project: Project) -> Fix | None:
    """The comma that makes a tuple, or a tuple around a value."""
    text = text_of(at[0], project) if at is not None and isinstance(at[1], ir.Const) else None
    if at is None or text is None:
        return None
    path, node = at
    start, end = text.stretch(place(at).span)
    if text.text[:start].rstrip().endswith("(") and text.text[end:].lstrip().startswith(")"):
        return mending.safe("write the comma that makes a tuple", mending.behind(node, path, ","))
    return mending.safe("make it a tuple", mending.before(node, path, "("), mending.behind(node, path, ",)"))


def _misfit(entry: Entry, task: Task, args: Value | None) -> str:
    """Why the arguments of an entry do not fit the task; empty where they do, or where that is not known."""
    kwargs = forced(entry.kwargs) if entry.kwargs is not None else None
    function = task.value.function
    if function is None or not isinstance(function.node, ir.Function) or task.value.opened or task.value.method:
        return ""
    if function.wraps is not None or function.wrappers or task.value.foreign:
        return ""
    if any("__call__" in getattr(cls, "attrs", {}) for cls in task.lineage) or task.keywords.keys() & {"pydantic"}:
        return ""
    if (
        "bind" in task.keywords
        and not task.bound
        and getattr(task.value.options["bind"].value, "value", 0) is not False
    ):
        return ""
    if not (args is None or (isinstance(args, Sequence) and not args.open)):
        return ""
    if not (kwargs is None or (isinstance(kwargs, Mapping) and not kwargs.open)):
        return ""
    given = len(args.items) if isinstance(args, Sequence) else 0
    named = [key for key in kwargs.items if isinstance(key, str)] if isinstance(kwargs, Mapping) else []
    params = function.node.params
    places = [p for p in params if p.kind in ("positional-only", "positional")][1 if task.bound else 0 :]
    if given > len(places) and not any(p.kind == "var" for p in params):
        return f"it takes {len(places)} positional argument{'s' * (len(places) != 1)}, and gets {given}"
    by_name = {p.name for p in params if p.kind in ("positional", "keyword")}
    extra = next((name for name in named if name not in by_name), None)
    if extra is not None and not any(p.kind == "var-keyword" for p in params):
        return f"it takes no argument `{extra}`"
    twice = next((p.name for p in places[:given] if p.name in named and p.kind == "positional"), None)
    if twice is not None:
        return f"`{twice}` is given twice"
    rest = [*places[given:], *(p for p in params if p.kind == "keyword")]
    missing = next((p.name for p in rest if p.default is None and p.name not in named), None)
    return f"its argument `{missing}` is missing" if missing is not None else ""

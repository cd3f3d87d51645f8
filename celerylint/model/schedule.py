"""The schedule entries of beat, and the tasks that they name."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from celerylint.model import celery_values as cv
from celerylint.model.evaluate import Evaluator
from celerylint.model.plain import plain, schedule_text
from celerylint.model.project import App, Decision, Entry, Task
from celerylint.model.values import Arguments, At, Either, Mapping, Missing, Sequence, Value
from celerylint.model.values import Entry as Binding

KEYS = frozenset({"task", "schedule", "args", "kwargs", "options", "relative", "total_run_count", "last_run_at"})
"""The keys that `celery.beat.ScheduleEntry` takes."""


def entries(ev: Evaluator, app: App, tasks: dict[str, Task], by_value: dict[int, Task]) -> list[Entry]:
    """The schedule entries of an app; one whose name a later one takes again is lost."""
    written = list(_written(ev, app, tasks, by_value))
    last = {entry.name: entry for entry in written}
    return [entry if last[entry.name] is entry else replace(entry, lost=True) for entry in written]


def _written(ev: Evaluator, app: App, tasks: dict[str, Task], by_value: dict[int, Task]) -> Iterator[Entry]:
    setting = app.settings.get("beat_schedule")
    written = ev.force(setting.raw) if setting is not None and setting.raw is not None else None
    seen: set[object] = set()
    branches = [ev.force(o) for o in written.options] if isinstance(written, Either) else [written]
    for branch in branches:
        if not isinstance(branch, Mapping):
            continue
        for key, binding in branch.items.items():
            value = ev.force(binding.value)
            certain = len(branches) == 1
            if isinstance(value, Either):
                certain = False
                options = [o for o in map(ev.force, value.options) if isinstance(o, Mapping)]
                if not options:
                    continue
                value = options[0]
            if isinstance(value, Missing) or isinstance(key, tuple):
                continue
            at = binding.at or value.at
            mark = (at[0], at[1].line, at[1].col, key) if at is not None else None
            if at is None or mark in seen:
                continue
            seen.add(mark)
            yield _from_mapping(ev, app, str(key), value, at, certain, tasks, by_value)
    for periodic in app.value.periodic:
        entry = _periodic(ev, app, periodic, tasks, by_value)
        if entry is not None:
            yield entry


def schedule(ev: Evaluator, value: Value | None) -> str | None:
    """A schedule as text: `crontab(...)` or `every 30.0 s`."""
    if value is None:
        return None
    text = schedule_text(ev, value)
    if text is None:
        text = plain(ev, value)
    if not text.known or text.value is None:
        return None
    if isinstance(text.value, (int, float)) and not isinstance(text.value, bool):
        return f"every {float(text.value)} s"
    return str(text.value)


def _from_mapping(
    ev: Evaluator,
    app: App,
    name: str,
    value: Value,
    at: At,
    certain: bool,
    tasks: dict[str, Task],
    by_value: dict[int, Task],
) -> Entry:
    items: dict[str, Binding] = {}
    if isinstance(value, Mapping):
        items = {k: e for k, e in value.items.items() if isinstance(k, str)}

    def get(key: str) -> Value | None:
        found = items.get(key)
        return ev.force(found.value) if found is not None else None

    task_name, task = _task(ev, get("task"), tasks, by_value)
    return Entry(
        name=name,
        app=app,
        task_name=task_name,
        task=task,
        resolves=_resolves(task_name, task),
        schedule=schedule(ev, get("schedule")),
        raw=get("schedule"),
        args=get("args"),
        kwargs=get("kwargs"),
        options=get("options"),
        keys={k: e.at for k, e in items.items()},
        at=at,
        kind="setting",
        certain=certain,
        arguments=_sent(ev, get("args"), get("kwargs"), get("options")),
    )


def _sent(ev: Evaluator, *parts: Value | None) -> Decision:
    """What an entry sends, so that two can be compared: nothing and an empty collection are the same."""
    held = [plain(ev, part) for part in parts if part is not None]
    unknown = next((one for one in held if not one.known), None)
    if unknown is not None:
        return Decision(None, False, "setting", why=unknown.why)
    return Decision([plain(ev, part).value or None if part is not None else None for part in parts], True, "setting")


def _task(
    ev: Evaluator, value: Value | None, tasks: dict[str, Task], by_value: dict[int, Task]
) -> tuple[str | None, Task | None]:
    if isinstance(value, cv.Task):
        task = by_value.get(id(value))
        return (task.name if task is not None else None), task
    if isinstance(value, cv.Signature):
        if value.task is not None:
            return _task(ev, value.task, tasks, by_value)
        return _task(ev, value.task_name, tasks, by_value)
    held = plain(ev, value) if value is not None else None
    if held is not None and held.known and isinstance(held.value, str):
        return held.value, tasks.get(held.value)
    return None, None


def _resolves(name: str | None, task: Task | None) -> bool:
    return task is not None or (name is not None and name.startswith("celery."))


def _periodic(
    ev: Evaluator, app: App, call: cv.Periodic, tasks: dict[str, Task], by_value: dict[int, Task]
) -> Entry | None:
    args = call.args
    when, signature = args.get(0, "schedule"), args.get(1, "sig")
    if when is None or signature is None or args.at is None:
        return None
    value = ev.force(signature)
    task_name, task = _task(ev, value, tasks, by_value)
    given = args.get(4, "name")
    held = plain(ev, given) if given is not None else None
    inner = value.args if isinstance(value, cv.Signature) and value.kind in ("s", "si") else None
    if held is not None and held.known and isinstance(held.value, str):
        name = held.value
    else:
        name = f"{task_name or '?'}({_shown(ev, inner)})"
    kwargs = Mapping(dict(inner.keywords), args.at) if inner is not None and inner.keywords else None
    positional = None
    if inner is not None and (inner.positional or inner.open):
        # `clone(args)` puts what the call adds before what the signature has.
        more = ev.iterate(given_args) if (given_args := args.get(2, "args")) is not None else []
        positional = Sequence("tuple", [*(more or []), *inner.positional], args.at, inner.open or more is None)
    arguments, keywords = positional or args.get(2, "args"), kwargs or args.get(3, "kwargs")
    own = ("schedule", "sig", "args", "kwargs", "name")
    options = Mapping({k: e for k, e in args.keywords.items() if k not in own}, args.at, args.open)
    set_on = Mapping(dict(value.options), args.at) if isinstance(value, cv.Signature) else None
    return Entry(
        name=name,
        app=app,
        task_name=task_name,
        task=task,
        resolves=_resolves(task_name, task),
        schedule=schedule(ev, when),
        raw=ev.force(when),
        args=arguments,
        kwargs=keywords,
        options=options,
        keys={k: e.at for k, e in args.keywords.items()},
        at=args.at,
        kind="add_periodic_task",
        certain=call.certain,
        arguments=_sent(ev, arguments, keywords, options, set_on),
    )


def _shown(ev: Evaluator, args: Arguments | None) -> str:
    """The arguments as `repr(signature)` shows them."""
    if args is None:
        return ""
    parts = []
    for value in args.positional:
        held = plain(ev, value)
        parts.append(repr(held.value) if held.known else "...")
    for name, entry in args.keywords.items():
        held = plain(ev, entry.value)
        parts.append(f"{name}={held.value!r}" if held.known else f"{name}=...")
    return ", ".join(parts)

"""What the tool understood, for people: tables that leave out what Celery does by default."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from celerylint.inspection import Answer, BeatInfo, Inspection, Origin, TaskInfo, WorkerInfo
from celerylint.report.style import PLAIN, Style, table
from celerylint.text import clean, plural

_LONGEST_VALUE = 60


def render(inspection: Inspection, style: Style = PLAIN) -> str:
    """The sections that have something to say."""
    version = inspection.celery_version
    sections = [
        [f"{style.paint('Celery', 'bold')} {_value(version)}  {_where(version.origin)}"],
        _apps(inspection, style),
        _tasks(inspection, style),
        _queues(inspection, style),
        _section(
            "Routes", [(r.pattern, f"-> {r.queue or '?'}", _at(r.path, r.line)) for r in inspection.routes], style
        ),
        _section("Workers", [_worker(worker) for worker in inspection.workers], style),
        _section("Beats", [_beat(beat) for beat in inspection.beats], style),
        _section(
            "Monitors",
            [(m.kind, m.command, m.development and "(development)", _at(m.path, m.line)) for m in inspection.monitors],
            style,
        ),
        _section(
            "Schedule",
            [
                (
                    s.entry,
                    s.schedule or "?",
                    f"-> {s.task or '?'}{'' if s.resolves else ' (no such task)'}",
                    _at(s.path, s.line),
                )
                for s in inspection.schedule
            ],
            style,
        ),
        _dispatches(inspection, style),
        _section("Unknown", [(u.what, u.why, _at(u.path, u.line)) for u in inspection.unknown], style),
    ]
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _section(title: str, rows: Iterable[Sequence[str]], style: Style) -> list[str]:
    cleaned = [tuple(map(clean, row)) for row in rows]
    filled = [column for column in zip(*cleaned, strict=True) if any(column)]
    return [_title(title, len(cleaned), style), *table(list(zip(*filled, strict=True)))] if cleaned else []


def _title(title: str, count: int, style: Style) -> str:
    return f"{style.paint(title, 'bold')} ({count:,})"


def _apps(inspection: Inspection, style: Style) -> list[str]:
    if not inspection.apps:
        return []
    lines = [_title("Apps", len(inspection.apps), style)]
    for app in inspection.apps:
        lines.append(f"  {clean(app.name)}  {_at(app.path, app.line)}")
        lines += _decided(app.settings, style)
    return lines


def _tasks(inspection: Inspection, style: Style) -> list[str]:
    if not inspection.tasks:
        return ["No tasks."]
    lines = [_title("Tasks", len(inspection.tasks), style)]
    heads = table(
        [
            (
                clean(task.name),
                f"queue {_value(task.queue)}",
                f"repeat-safe: {task.repeat_safe}",
                _at(task.path, task.line),
            )
            for task in inspection.tasks
        ]
    )
    for task, head in zip(inspection.tasks, heads, strict=True):
        lines.append(head)
        lines += _decided(_own_options(task), style)
    return lines


def _own_options(task: TaskInfo) -> dict[str, Answer]:
    # A task's queue has a column of its own; a setting that holds for every task is told with the app.
    return {
        name: answer for name, answer in task.options.items() if name != "queue" and answer.origin.kind != "setting"
    }


def _decided(answers: dict[str, Answer], style: Style) -> list[str]:
    """The answers that somebody chose, or that nobody can know, each with where it comes from."""
    rows = [
        (clean(name), f"= {_value(answer)}", _where(answer.origin))
        for name, answer in answers.items()
        if answer.origin.kind != "default" and answer.known
    ]
    # What nobody can know is told once per reason: one foreign base class hides thirty options.
    reasons: dict[tuple[str, str], list[str]] = {}
    for name, answer in answers.items():
        if not answer.known:
            reasons.setdefault((answer.why, _where(answer.origin)), []).append(name)
    rows += [
        ("unknown", f"({clean(why)}): {clean(_few(names))}", where) for (why, where), names in sorted(reasons.items())
    ]
    return [style.paint(line, "dim") for line in table(rows, indent="      ")] if rows else []


def _few(names: list[str], most: int = 3) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _worker(worker: WorkerInfo) -> tuple[str, ...]:
    queues = "?" if worker.queues is None else ",".join(worker.queues) or "none"
    return (
        worker.command,
        f"queues: {queues}",
        f"{worker.pool or '?'} x {worker.concurrency if worker.concurrency is not None else '?'}",
        f"prefetch {worker.prefetch_multiplier if worker.prefetch_multiplier is not None else '?'}",
        *_number(worker),
    )


def _beat(beat: BeatInfo) -> tuple[str, ...]:
    return (beat.command, beat.scheduler or "?", *_number(beat))


def _number(started: WorkerInfo | BeatInfo) -> tuple[str, ...]:
    replicas = "?" if started.replicas is None else str(started.replicas)
    return (f"x{replicas}", started.development and "(development)", _at(started.path, started.line))


def _queues(inspection: Inspection, style: Style) -> list[str]:
    unknown = sum(not task.queue.known for task in inspection.tasks)
    rows = [
        (
            each.queue,
            plural(len(each.tasks), "task"),
            plural(each.calls, "call") if each.calls else "",
            plural(len(each.entries), "entry") if each.entries else "",
            "consumed by " + ", ".join(each.workers) if each.workers else "",
        )
        for each in inspection.queues
    ]
    rows += [("unknown", plural(unknown, "task"), "", "", "")] if unknown else []
    return _section("Queues", rows, style)


def _dispatches(inspection: Inspection, style: Style) -> list[str]:
    calls: dict[str, Counter[str]] = {}
    for dispatch in inspection.dispatches:
        calls.setdefault(dispatch.task, Counter())[dispatch.method] += 1
    rows = [
        (task, ", ".join(f"{count} {method}" for method, count in sorted(methods.items())))
        for task, methods in sorted(calls.items())
    ]
    lines = _section("Dispatches", rows, style)
    return [_title("Dispatches", len(inspection.dispatches), style), *lines[1:]] if lines else []


def _value(answer: Answer) -> str:
    if not answer.known:
        return "unknown" + (f" ({clean(answer.why)})" if answer.why else "")
    text = clean(answer.value if isinstance(answer.value, str) else repr(answer.value))
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 3] + "..."


def _where(origin: Origin) -> str:
    return origin.kind if origin.path is None else f"{origin.kind} {_at(origin.path, origin.line)}"


def _at(path: str, line: int | None) -> str:
    return clean(path) if line is None else f"{clean(path)}:{line}"

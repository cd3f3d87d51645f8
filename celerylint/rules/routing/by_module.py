"""Routes that give each kind of work a queue: by the modules of the tasks, or of one module by how long they may run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, count

from celerylint.model.durations import limit
from celerylint.model.project import Task
from celerylint.rules import mending

_PLAIN = frozenset({"tasks", "task", "celery", "celery_tasks", "jobs", "workers", "__init__"})
"""Names of modules that say nothing of the work."""
_MOST = 12
"""Tasks that are routed one by one."""


def routes(tasks: Sequence[Task], default: str) -> dict[str, str]:
    """Patterns of names and the queue of each, in the order in which Celery must try them; empty where nothing tells
    the tasks apart. `default` is the name of the default queue.
    """
    if not all(task.named.known for task in tasks):
        return {}
    modules = dict.fromkeys(task.name.rpartition(".")[0] for task in tasks)
    groups = _groups([module.split(".") for module in modules if module])
    if len(groups) > 1 and "" not in modules:
        return _by_module(groups, default)
    paths = dict.fromkeys(task.path for task in tasks)
    if len(paths) > 1:
        return _by_name(tasks, paths, default)
    return _by_limit(tasks, default)


def _groups(modules: Iterable[Sequence[str]]) -> list[tuple[str, ...]]:
    """The packages, one step below what is common to all modules, that tell them apart."""
    held = sorted(map(tuple, modules))
    shortest = min(map(len, held), default=0)
    common = next((n for n in range(shortest) if len({module[n] for module in held}) > 1), shortest)
    return list(dict.fromkeys(module[: common + 1] for module in held))


def _by_module(groups: Sequence[tuple[str, ...]], default: str) -> dict[str, str]:
    queues = _named(groups, default)
    # A pattern matches packages below as well, so these come first.
    return {f"{'.'.join(group)}.*": queues[group] for group in sorted(groups, key=lambda group: (-len(group), group))}


def _by_name(tasks: Sequence[Task], paths: Iterable[str], default: str) -> dict[str, str]:
    """Each task by its name, for those named without a module."""
    parts = {path: tuple(re.split(r"[/.]", path.removesuffix(".py"))) for path in paths}
    groups = _groups(parts.values())
    queues = _named(groups, default)
    deepest = sorted(groups, key=len, reverse=True)
    of_path = {path: next(group for group in deepest if part[: len(group)] == group) for path, part in parts.items()}
    return {task.name: queues[of_path[task.path]] for task in tasks} if len(tasks) <= _MOST else {}


def _named(groups: Sequence[tuple[str, ...]], default: str) -> Mapping[tuple[str, ...], str]:
    """A queue for each group: its last part that says something."""
    found: dict[tuple[str, ...], str] = {}
    taken = {default}
    numbers: dict[str, count[int]] = {}
    for group in groups:
        telling = [part for part in group if part not in _PLAIN] or list(group)
        name = re.sub(r"\W+", "_", telling[-1]).strip("_").removesuffix("_tasks") or "tasks"
        further = (f"{name}_{number}" for number in numbers.setdefault(name, count(2)))
        candidates = chain((name, "_".join(telling)), further)
        found[group] = next(candidate for candidate in candidates if candidate not in taken)
        taken.add(found[group])
    return found


def _by_limit(tasks: Sequence[Task], default: str) -> dict[str, str]:
    """Those that may run for much longer than the others, where all have limits."""
    limits = {task.name: found for task in tasks if (found := limit(task)) is not None}
    steps = sorted(set(limits.values()))
    if len(limits) < len(tasks) or len(steps) < 2 or steps[0] <= 0:
        return {}
    longest = max(range(1, len(steps)), key=lambda number: steps[number] / steps[number - 1])
    long = {name: "slow" for name, found in limits.items() if found >= steps[longest]}
    return {**long, "*": default} if default != "slow" else {}


def as_dict(found: Mapping[str, str]) -> str:
    """Routes as the dict that `task_routes` takes."""
    entries = [f'{mending.quoted(pattern)}: {{"queue": {mending.quoted(queue)}}}' for pattern, queue in found.items()]
    return f"{{\n    {', '.join(entries)}\n}}"


def as_lines(found: Mapping[str, str]) -> str:
    """The same with each route on a line of its own."""
    entries = (
        f'    {mending.quoted(pattern)}: {{"queue": {mending.quoted(queue)}}},\n' for pattern, queue in found.items()
    )
    return f"{{\n{''.join(entries)}}}"

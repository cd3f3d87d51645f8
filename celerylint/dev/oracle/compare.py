"""Holds what `celerylint inspect` says against what Celery said."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

Json = Any

_CLASS_OPTIONS = {"autoretry_for", "dont_autoretry_for", "throws"}
_NOT_COMPARED = {"beat_schedule"}
"""Settings whose content is compared elsewhere, entry by entry."""


@dataclass(frozen=True)
class Difference:
    """One thing that the two do not agree on. `kind` is `wrong`, `missed`, `invented` or `unknown`."""

    kind: str
    what: str
    expected: Json
    got: Json
    path: str


@dataclass
class Tally:
    """The outcome for one project."""

    compared: int = 0
    """Values that somebody decided: every task option and queue, schedule entries, settings that left their default."""
    defaults: int = 0
    """Settings at their default: counted apart, or they would drown the rest."""
    differences: list[Difference] = field(default_factory=list)

    def count(self, kind: str) -> int:
        """How many differences are of that kind."""
        return sum(difference.kind == kind for difference in self.differences)

    @property
    def faults(self) -> list[Difference]:
        """Everything but values that the tool said it does not know."""
        return [difference for difference in self.differences if difference.kind != "unknown"]

    def note(self, kind: str, what: str, expected: Json, got: Json, path: str | None) -> None:
        """Record a difference."""
        self.differences.append(Difference(kind, what, expected, got, path or "?"))

    def value(self, what: str, expected: Json, told: Json, path: str | None, *, excused: bool = False) -> None:
        """Compare one value with an answer of the contract's shape (`value`, `known`)."""
        if expected.get("opaque"):
            return
        if expected.get("default"):
            self.defaults += 1
        else:
            self.compared += 1
        if not isinstance(told, dict):
            self.note("wrong", what, expected["value"], "absent", path)
        elif not told.get("known"):
            if not excused:
                self.note("unknown", what, expected["value"], told.get("why"), path)
        elif not any(same(value, told["value"], what) for value in _accepted(expected)):
            self.note("wrong", what, expected["value"], told["value"], path)


def compare(truth: list[Json], told: Json, version: str) -> Tally:
    """What differs between Celery's answers (one per service) and the tool's."""
    tally = Tally()
    pinned = {"known": True, **told["celery_version"]}  # the version is always known: if nobody says, it is the newest
    tally.value("celery_version", {"value": version}, pinned, "requirements.txt")
    _apps(tally, [app for service in truth for app in service["apps"]], told["apps"])
    several = sum(len(service["apps"]) for service in truth) > 1
    _tasks(tally, [task for service in truth for task in service["tasks"]], told["tasks"], several=several)
    _schedule(tally, [entry for service in truth for entry in service["schedule"]], told["schedule"])
    return tally


def same(expected: Json, got: Json, what: str = "") -> bool:
    """Whether two values are the same to Celery; class and queue names are compared however they are written."""
    leaf = what.rpartition(" ")[2]
    if leaf in _CLASS_OPTIONS:
        return isinstance(got, (list, tuple)) and sorted(map(_leaf, expected)) == sorted(map(_leaf, got))
    if leaf == "task_queues" and isinstance(expected, list):
        return isinstance(got, list) and expected == [_queue_name(item) for item in got]
    if isinstance(expected, dict) and isinstance(got, dict):
        return expected.keys() == got.keys() and all(same(expected[key], got[key], key) for key in expected)
    if isinstance(expected, list) and isinstance(got, list):
        return len(expected) == len(got) and all(map(same, expected, got))
    if isinstance(expected, bool) or isinstance(got, bool):
        return expected is got
    return bool(expected == got)


def schedule_of(text: Json) -> Json:
    """Seconds, or the fields of a crontab, from however a schedule is written; None if it cannot be read."""
    if isinstance(text, (int, float)):
        return float(text)
    if not isinstance(text, str):
        return None
    shown = re.fullmatch(r"<crontab: (\S+) (\S+) (\S+) (\S+) (\S+) .*>", text)
    if shown:
        minute, hour, day_of_month, month_of_year, day_of_week = shown.groups()
        return _crontab(minute, hour, day_of_week, day_of_month, month_of_year)
    frequency = re.fullmatch(r"<freq: (.*) seconds?>|(?:every )?([\d.]+)(?: ?s| seconds?)?", text)
    if frequency:
        return float(frequency.group(1) or frequency.group(2))
    try:
        return _evaluate(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, TypeError):
        return None


def _accepted(expected: Json) -> Iterator[Json]:
    yield expected["value"]
    if "also" in expected:
        yield expected["also"]


def _leaf(name: str) -> str:
    return str(name).rpartition(".")[2]


def _queue_name(item: Json) -> Json:
    if isinstance(item, dict):
        return item.get("name")
    called = re.match(r"""(?:\w+\.)*Queue\(['"]([^'"]+)""", str(item))
    return called.group(1) if called else item


def _apps(tally: Tally, truth: list[Json], told: list[Json]) -> None:
    left = list(told)
    for app in truth:
        found = _app(app, left)
        label = app["names"][0] if app["names"] else f"{app['path']}:{app['line']}"
        if found is None:
            tally.note("missed", f"app {label}", app["names"], None, app["path"])
            continue
        left.remove(found)
        for name, expected in app["settings"].items():
            if name not in _NOT_COMPARED:
                tally.value(f"app {label} {name}", expected, found["settings"].get(name), app["path"])
    for extra in left:
        tally.note("invented", f"app {extra['name']}", None, extra["name"], extra["path"])


def _app(app: Json, told: list[Json]) -> Json:
    by_name = [item for item in told if item["name"] in app["names"]]
    by_place = [item for item in told if item["path"] == app["path"] and item["line"] == app["line"]]
    return next(iter(by_name or by_place), None)


def _tasks(tally: Tally, truth: list[Json], told: list[Json], *, several: bool) -> None:
    said: dict[str, list[Json]] = {}
    for entry in told:
        said.setdefault(entry["name"], []).append(entry)
    names = {task["name"] for task in truth}
    for task in truth:
        name, path = task["name"], task["path"]
        # Alternatives under `if` and `else` may all be listed: the one that Celery saw is judged.
        entries = sorted(said.get(name, []), key=lambda entry: (entry["path"], entry["line"]) != (path, task["line"]))
        if not entries:
            tally.note("missed", f"task {name}", name, None, f"{path}:{task['line']}")
            continue
        entry = entries[0]
        here = f"{path}:{task['line']}"
        excused = several and task["shared"]
        for part in ("function", "path", "line"):
            tally.value(f"task {name} {part}", {"value": task[part]}, {"known": True, "value": entry[part]}, here)
        if entry["app"] not in task["app"] and not excused:
            tally.note("wrong", f"task {name} app", task["app"], entry["app"], here)
        for option, expected in task["options"].items():
            tally.value(f"task {name} {option}", expected, entry["options"].get(option), here, excused=excused)
        tally.value(
            f"task {name} queue", task["queue"], entry["queue"], here, excused=excused or task["queue"].get("by_code")
        )
    for name in said.keys() - names:
        entry = said[name][0]
        tally.note("invented", f"task {name}", None, name, f"{entry['path']}:{entry['line']}")


def _schedule(tally: Tally, truth: list[Json], told: list[Json]) -> None:
    left = list(told)
    for entry in truth:
        label = f"schedule {entry['entry']}"
        unnamed = "(" in entry["entry"]
        found = next((item for item in left if item["entry"] == entry["entry"]), None)
        if found is None and unnamed:
            found = next((item for item in left if item["task"] == entry["task"]), None)
        if found is None:
            tally.note("missed", label, entry, None, None)
            continue
        left.remove(found)
        for part in ("task", "resolves"):
            told_part = {"known": found[part] is not None, "value": found[part]}
            tally.value(f"{label} {part}", {"value": entry[part]}, told_part, found["path"])
        if entry["schedule"] is None:
            continue
        expected = entry["schedule"]
        expected = ("crontab", _fields(expected["crontab"])) if isinstance(expected, dict) else float(expected)
        read = schedule_of(found["schedule"])
        tally.compared += 1
        if found["schedule"] is None:
            tally.note("unknown", f"{label} schedule", entry["schedule"], None, found["path"])
        elif read != expected:
            tally.note("wrong", f"{label} schedule", entry["schedule"], found["schedule"], found["path"])
    for extra in left:
        tally.note("invented", f"schedule {extra['entry']}", None, extra["entry"], extra["path"])


_CRONTAB_FIELDS = ("minute", "hour", "day_of_week", "day_of_month", "month_of_year")
_ARITHMETIC = {ast.Mult: operator.mul, ast.Add: operator.add, ast.Sub: operator.sub, ast.Div: operator.truediv}


def _crontab(*positional: Json, **keywords: Json) -> Json:
    return "crontab", _fields({**dict(zip(_CRONTAB_FIELDS, positional, strict=False)), **keywords})


def _fields(given: dict[str, Json]) -> dict[str, str]:
    """All five fields as cron would write them."""
    return {name: _field(given.get(name, "*")) for name in _CRONTAB_FIELDS}


def _field(value: Json) -> str:
    return ",".join(sorted(map(str, value))) if isinstance(value, (list, tuple, set)) else str(value)


def _evaluate(node: ast.expr) -> Json:
    """A number, or a call of crontab, timedelta or schedule on literals."""
    if isinstance(node, ast.BinOp):
        left, right = _evaluate(node.left), _evaluate(node.right)
        return float(_ARITHMETIC[type(node.op)](left, right))
    if not isinstance(node, ast.Call):
        value = ast.literal_eval(node)
        return float(value) if isinstance(value, (int, float)) else value
    name = ast.unparse(node.func).rpartition(".")[2]
    positional = [ast.literal_eval(argument) for argument in node.args] if name == "crontab" else [
        _evaluate(argument) for argument in node.args]  # fmt: skip
    keywords = {word.arg or "": ast.literal_eval(word.value) for word in node.keywords if name != "schedule"}
    if name == "crontab":
        return _crontab(*positional, **keywords)
    if name == "timedelta":
        return timedelta(*positional, **keywords).total_seconds()
    return positional[0] if positional else _evaluate(node.keywords[0].value)

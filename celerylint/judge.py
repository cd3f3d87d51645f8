"""All rules over one project: in a large one by two processes, which share out the bodies of tasks as they go.

Rules that need no body are shared out beforehand. What a task does when it runs twice does not depend on the tasks that were
looked at before it, so both processes then take one task after another, one from the front and one from the back (tasks that stand
near each other need the same files), and tell each other what came of it. Rules that ask about many tasks come last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec import Struct

from celerylint.config import Options
from celerylint.effects.behaviour import Bodies, Told
from celerylint.finding import Finding, Place, Span
from celerylint.forked import ForkedCall, WorkQueue, can_fork
from celerylint.model.project import Project, Task
from celerylint.rules.base import Rule

_TASKS_WORTH_A_PROCESS = 30
"""With fewer tasks the rules are done before another process has started."""

_COSTS = {"CLY501": 20, "CLY502": 35, "CLY504": 20, "CLY505": 5, "CLY515": 20, "CLY801": 5, "CLY806": 3, "CLY809": 15}
"""What rules take that take long, measured on large projects; any other takes 1."""


class Body(Struct, frozen=True, gc=False):
    """What came of one task's body: what others may ask of it, and what each rule found in it, by the rule's code."""

    told: Told
    findings: dict[str, list[Finding]]
    crashes: list[Finding]


class Share(Struct, frozen=True, gc=False):
    """What one process did: whole rules, and bodies by the position of the task."""

    findings: list[Finding]
    bodies: dict[int, Body]
    read: dict[str, bytes]
    """The files of the project that it has read itself, with their encoded facts where these are to be kept."""


class Reading(Protocol):
    """Tells which files a run has read."""

    @property
    def read(self) -> AbstractSet[str]:
        """Their paths."""
        ...

    def read_ahead(self, paths: Sequence[str]) -> None:
        """Read files that several processes will ask for."""
        ...

    def encoded(self, path: str) -> bytes:
        """The facts of one of them as they are kept for the next run; empty if they are not to be kept, or are already."""
        ...

    def also_read(self, files: Mapping[str, bytes]) -> None:
        """Take files for read, with their encoded facts: another process did."""
        ...


def judge(rules: Sequence[Rule], project: Project, options: Options, reading: Reading) -> list[Finding]:
    """What the rules find. A rule that fails is a finding of its own, and the others go on."""
    readers = [rule for rule in rules if rule.reads_bodies()]
    askers = [rule for rule in rules if rule.asks_about_bodies()]
    others = [rule for rule in rules if not rule.reads_bodies() and not rule.asks_about_bodies()]
    tasks = _to_walk(readers, askers, project)
    bodies = Bodies(project)
    needed = bodies.begin() if tasks else []
    if options.jobs == 1 or len(project.tasks) < _TASKS_WORTH_A_PROCESS or not can_fork():
        share = _share(others, readers, tasks, range(len(tasks)), project, bodies)
    else:
        reading.read_ahead(needed)
        share = _shared(others, readers, tasks, project, bodies, reading)
    bodies.tell({id(tasks[number]): body.told for number, body in share.bodies.items()})
    return share.findings + _of_bodies(readers, share.bodies, project) + _found(askers, project, bodies)


def _to_walk(readers: Sequence[Rule], askers: Sequence[Rule], project: Project) -> Sequence[Task]:
    """The tasks whose bodies somebody needs."""
    if readers:
        return project.tasks
    asked = {id(task) for rule in askers for task in rule.asks_about(project)}
    return [task for task in project.tasks if id(task) in asked]


def _shared(
    rules: Sequence[Rule],
    readers: Sequence[Rule],
    tasks: Sequence[Task],
    project: Project,
    bodies: Bodies,
    reading: Reading,
) -> Share:
    """The shares of two processes, put together."""
    size = WorkQueue.chunk_size(len(tasks), 1)
    turns = range(-(-len(tasks) // size))
    queue = WorkQueue(len(turns))

    def taken(from_the_back: bool) -> Iterable[int]:
        for turn, _ in zip(reversed(turns) if from_the_back else turns, queue, strict=False):
            yield from range(turn * size, min((turn + 1) * size, len(tasks)))

    there, here = _shared_out(rules)
    known = frozenset(reading.read)

    def its_share() -> bytes:
        share = _share(there, readers, tasks, taken(True), project, bodies)
        read = {path: reading.encoded(path) for path in sorted(reading.read - known)}
        return msgspec.msgpack.encode(msgspec.structs.replace(share, read=read))

    call = ForkedCall(its_share)
    mine = _share(here, readers, tasks, taken(False), project, bodies)
    queue.close()
    result = call.result()
    if result is not None:
        theirs = msgspec.msgpack.decode(result, type=Share)
        reading.also_read(theirs.read)
    else:
        # It died, and what it had taken died with it.
        left = [number for number in range(len(tasks)) if number not in mine.bodies]
        theirs = _share(there, readers, tasks, left, project, bodies)
    return Share(mine.findings + theirs.findings, {**mine.bodies, **theirs.bodies}, {})


def _shared_out(rules: Sequence[Rule]) -> tuple[list[Rule], list[Rule]]:
    """The rules for two processes, the slowest first."""
    there: list[Rule] = []
    here: list[Rule] = []
    taken = spent = 0
    for rule in sorted(rules, key=lambda rule: -_COSTS.get(rule.code, 1)):
        if taken <= spent:
            there.append(rule)
            taken += _COSTS.get(rule.code, 1)
        else:
            here.append(rule)
            spent += _COSTS.get(rule.code, 1)
    return there, here


def _share(
    rules: Sequence[Rule],
    readers: Sequence[Rule],
    tasks: Sequence[Task],
    numbers: Iterable[int],
    project: Project,
    bodies: Bodies,
) -> Share:
    return Share(
        _found(rules, project, bodies),
        {number: _body(tasks[number], readers, project, bodies) for number in numbers},
        {},
    )


def _found(rules: Iterable[Rule], project: Project, bodies: Bodies) -> list[Finding]:
    findings: list[Finding] = []
    for rule in rules:
        try:
            findings.extend(rule.check(project, bodies))
        except Exception as error:
            findings.append(crashed(f"the rule {rule.code}", error))
    return findings


def _body(task: Task, readers: Sequence[Rule], project: Project, bodies: Bodies) -> Body:
    """What is found in the body of one task. A fault of ours in it costs what is said of this task."""
    try:
        behaviour, told = bodies.of(task), bodies.told(task)
    except Exception as error:
        return Body(Told(), {}, [crashed(f"reading what {task.name} does", error, task.path)])
    found: dict[str, list[Finding]] = {}
    crashes = []
    for rule in readers:
        try:
            of_rule = list(rule.check_behaviour(behaviour, project))
        except Exception as error:
            crashes.append(crashed(f"the rule {rule.code}", error))
        else:
            if of_rule:
                found[rule.code] = of_rule
    return Body(told, found, crashes)


def _of_bodies(readers: Sequence[Rule], bodies: dict[int, Body], project: Project) -> list[Finding]:
    """What rules found in bodies, put together in the order of the tasks."""
    in_order = [body for _, body in sorted(bodies.items())]
    findings = list(dict.fromkeys(finding for body in in_order for finding in body.crashes))
    for rule in readers:
        try:
            findings += rule.concluded([f for body in in_order for f in body.findings.get(rule.code, ())], project)
        except Exception as error:
            findings.append(crashed(f"the rule {rule.code}", error))
    return findings


def crashed(what: str, error: Exception, path: str = ".") -> Finding:
    """A part of the tool that failed: said, so that silence is not taken for approval."""
    import traceback

    from celerylint.rules.linter.cly990_internal_error import InternalError

    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(frame.filename).name}:{frame.lineno}"
    return InternalError().finding(
        Place(path, Span(1, 1, 1, 1)),
        f"{what} failed ({type(error).__name__}: {error} at {where}): what it would have found is missing here",
        "report it with the file that makes it happen; the rest was linted",
    )

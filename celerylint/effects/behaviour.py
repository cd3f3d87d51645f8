"""What is known of a task that runs twice: its effects, judged, and whether it may be repeated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from msgspec import Struct

from celerylint.effects.events import Act, Call, Trace, Write
from celerylint.effects.frames import Args, Handler
from celerylint.effects.guards import Answer, Verdict, verdict
from celerylint.effects.library import LIBRARY, taught
from celerylint.effects.promise import Promise
from celerylint.effects.symbols import Sym
from celerylint.effects.triggers import Trigger, escapes, overlap, triggers
from celerylint.effects.unique import is_refused
from celerylint.effects.walk import Walker
from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.model import celery_values as cv
from celerylint.model.project import Entry, Project, Task
from celerylint.model.values import FunctionValue

NOTHING = Trace((), False)


class Judged(Struct, frozen=True, eq=False):
    """An effect, what guards it, and what repeats it."""

    act: Act
    guarded: Verdict
    triggers: tuple[Trigger, ...]
    beside: Trigger | None = None
    """What starts a run beside one that is not over."""


class Behaviour(Struct, frozen=True, eq=False):
    """A task as it behaves when it runs twice."""

    task: Task
    trace: Trace
    acts: tuple[Judged, ...]
    repeat_safe: str
    """`yes`, `no` or `unknown`."""


class Told(Struct, frozen=True, gc=False):
    """What of a task's behaviour matters to those who judge something else."""

    repeat_safe: str = "unknown"
    """`yes`, `no` or `unknown`."""
    repeats: bool = False
    """Whether it is known to do something again when it runs again, and something to run it again."""


class Bodies:
    """The behaviour of a project's tasks, each found out when it is asked for."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._known: dict[int, Behaviour] = {}
        self._traces: dict[int, Trace] = {}
        self._told: dict[int, Told] = {}
        self._verdicts: dict[int, Verdict] = {}

    @cached_property
    def _by_value(self) -> dict[int, Task]:
        return {id(task.value): task for task in self._project.tasks}

    @cached_property
    def _by_name(self) -> dict[str, Task]:
        return {task.name: task for task in self._project.tasks}

    @cached_property
    def _promise(self) -> Promise:
        assert self._project.machine is not None
        return Promise(self._project.index, self._project.source, taught.words(self._project.options))

    @cached_property
    def _library(self) -> tuple[Handler, ...]:
        own = taught.handler(self._project.options)
        return (own, *LIBRARY) if own is not None else LIBRARY

    @cached_property
    def _entries(self) -> dict[int, list[Entry]]:
        found: dict[int, list[Entry]] = {}
        for entry in self._project.schedule:
            if entry.task is not None:
                found.setdefault(id(entry.task), []).append(entry)
        return found

    @cached_property
    def _named(self) -> dict[str, str]:
        options = self._project.options
        locks = dict.fromkeys(options.lock_context_managers, "lock")
        return {**locks, **dict.fromkeys(options.guard_decorators, "guard")}

    def begin(self) -> list[str]:
        """Find out which files are as good as read because tasks need them, before anybody asks about a single task."""
        index = self._project.index
        needed: list[str] = []
        for path in sorted({task.path for task in self._project.tasks}):
            for module in self._promise.needed_by(index.module(path)):
                module.needed = True
                needed.append(module.path)
        return needed

    def all(self) -> Iterable[Behaviour]:
        """Every task's behaviour."""
        return (self.of(task) for task in self._project.tasks)

    def of(self, task: Task) -> Behaviour:
        """The behaviour of one task, whichever were asked for before."""
        found = self._known.get(id(task))
        if found is None:
            found = self._known[id(task)] = self._judge(task, self._traced(task))
        return found

    def told(self, task: Task) -> Told:
        """What matters of it to others."""
        found = self._told.get(id(task))
        if found is None:
            behaviour = self.of(task)
            found = self._told[id(task)] = Told(behaviour.repeat_safe, _repeats(behaviour))
        return found

    def tell(self, told: Mapping[int, Told]) -> None:
        """What other processes found out, by `id` of the task."""
        self._told.update(told)

    def _traced(self, task: Task) -> Trace:
        found = self._traces.get(id(task))
        if found is None:
            found = self._traces[id(task)] = self._trace(task)
        return found

    def _trace(self, task: Task) -> Trace:
        machine = self._project.machine
        entry = _entry(task)
        if machine is None or entry is None:
            return NOTHING
        function, subject = entry
        around = _around(task)
        if around is not None:
            function, subject = around, cv.TaskSelf(task.value, task.at)
        first = (Sym(value=subject, key="self"),) if subject is not None else ()
        walker = Walker(machine, self._library, self._promise)
        walker.taught = self._named
        with machine.walking():
            return walker.run(function, Args(first, {}, task.definition, open=True))

    def _judge(self, task: Task, trace: Trace) -> Behaviour:
        asked = {id(task): Answer.MAYBE}
        if self._says_safe(task):
            return Behaviour(task, trace, (), "yes")
        beside = overlap(self._entries.get(id(task), ()))
        judged = tuple(
            Judged(act, self._guarded(act, trace, asked), tuple(triggers(task, act, trace)), beside)
            for act in trace.of(Act)
        )
        return Behaviour(task, trace, judged, _repeat_safe([(j.act, j.guarded) for j in judged], trace))

    def _says_safe(self, task: Task) -> bool:
        return taught.says_safe(self._project.options, task.name, task.value.function)

    def _guarded(self, act: Act, trace: Trace, asked: dict[int, Answer]) -> Verdict:
        """What guards an effect; sending a task is as safe as the task that is sent."""
        found = self._verdicts.get(id(act))
        if found is None:
            found = self._verdicts[id(act)] = self._refused(act, trace, verdict(act, trace))
        if act.kind.name != "fan-out" or found.later is Answer.YES:
            return found
        named = self._by_name.get(act.what) if act.task is None else None
        sent = act.task if named is None else named.value
        children = sent if isinstance(sent, tuple) else (sent,)
        safe = min((self._safety(child, asked) for child in children), default=Answer.MAYBE)
        return Verdict(max(found.later, safe), max(found.beside, safe) if None not in children else found.beside)

    def _refused(self, act: Act, trace: Trace, found: Verdict) -> Verdict:
        """What guards a new row, where the database refuses the second and nothing that this raises ends the run."""
        if act.kind.name != "create" or found.later is Answer.YES or escapes(act, trace):
            return found
        return Verdict(Answer.YES, Answer.YES) if is_refused(self._project.machine, act.subject) else found

    def _safety(self, value: object, asked: dict[int, Answer]) -> Answer:
        """Whether a task that is sent may run twice. `asked` is what is known already, for one task that is judged: where
        tasks send each other, the answer depends on who is asked first, so it is not kept for the next one."""
        child = self._by_value.get(id(value)) if value is not None else None
        if child is None or len(asked) > _MOST_ASKED:
            return Answer.MAYBE
        known = asked.get(id(child))
        if known is None:
            asked[id(child)] = Answer.MAYBE
            known = asked[id(child)] = _ANSWERS[self._child_safe(child, asked)]
        return known

    def _child_safe(self, task: Task, asked: dict[int, Answer]) -> str:
        if self._says_safe(task):
            return "yes"
        trace = self._traced(task)
        return _repeat_safe([(act, self._guarded(act, trace, asked)) for act in trace.of(Act)], trace)


_MOST_ASKED = 60
"""How many tasks are asked about, on the way from one that sends another that sends another."""

_ANSWERS = {"yes": Answer.YES, "unknown": Answer.MAYBE, "no": Answer.NO}


def _entry(task: Task) -> tuple[FunctionValue, cv.TaskSelf | None] | None:
    """The function that a worker calls, and the task itself if it gets that as its first argument."""
    value = task.value
    subject = cv.TaskSelf(value, task.at)
    if value.cls is None:
        return (value.function, subject if task.bound else None) if value.function is not None else None
    for cls in task.lineage:
        entry = getattr(cls, "attrs", {}).get("run")
        if entry is not None and isinstance(entry.value, FunctionValue):
            return entry.value, subject
    return None


def _around(task: Task) -> FunctionValue | None:
    """`__call__` of a class of the project that decides whether the task's function runs."""
    if task.value.function is None:
        return None
    for cls in task.lineage:
        entry = getattr(cls, "attrs", {}).get("__call__")
        held = entry.value if entry is not None else None
        if isinstance(held, FunctionValue) and isinstance(held.node, ir.Function):
            return held if any(isinstance(node, ir.If) for node in nodes(held.node)) else None
    return None


def _repeat_safe(judged: Sequence[tuple[Act, Verdict]], trace: Trace) -> str:
    open_acts = [(act, guarded) for act, guarded in judged if guarded.later is not Answer.YES]
    if any(guarded.later is Answer.NO and act.kind.confidence != "low" for act, guarded in open_acts):
        return "no"
    if any(write.counter for write in trace.of(Write)):
        return "no"
    if open_acts or not trace.complete or any(not call.known for call in trace.of(Call)):
        return "unknown"
    return "yes"


def _repeats(behaviour: Behaviour) -> bool:
    return any(
        judged.triggers
        and judged.guarded.later is Answer.NO
        and judged.act.kind.confidence != "low"
        and any(trigger.certain for trigger in judged.triggers)
        and not (judged.act.key is not None and judged.act.key.random)
        for judged in behaviour.acts
    )

"""Walks the body of a task, and the functions of the project that it calls, and notes what a run does and under which conditions.

Every branch is walked once, loops too; a function is walked anew for each call, with what is known of its arguments. Depth,
recursion and length are bounded: beyond, the trace says that it is not complete.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from celerylint.effects.catalogue.forks import SHARED
from celerylint.effects.catalogue.kinds import COUNTER
from celerylint.effects.events import Act, Call, Event, Fields, Raised, Release, Step, Trace, Use, Write
from celerylint.effects.expressions import EXPRESSIONS
from celerylint.effects.frames import Args, Closure, Frame, Handler, Site, Suspended
from celerylint.effects.managers import behind
from celerylint.effects.models import (
    MANAGERS,
    column,
    counts,
    dotted_name,
    imported_name,
    is_model,
    is_number,
    model_name,
    short,
)
from celerylint.effects.records import SELECTED, columns_of, is_document, is_record, picked, records, unpacked
from celerylint.effects.statements import STATEMENTS, opens_transaction
from celerylint.effects.symbols import (
    BY_VALUE,
    CHOSEN,
    RANDOM,
    UNKNOWN,
    Gate,
    Hold,
    Sym,
    after,
    answered,
    constant,
    join,
    names_work,
    one_of,
)
from celerylint.effects.transitions import pass_through
from celerylint.facts import ir
from celerylint.model import celery_values as cv
from celerylint.model.builtins import BUILTINS
from celerylint.model.values import (
    At,
    Bound,
    ClassValue,
    Deferred,
    Entry,
    External,
    FunctionValue,
    Imported,
    Instance,
    Made,
    Mapping,
    Member,
    ModuleValue,
    Native,
    Partial,
    Scalar,
    Scope,
    Super,
    Unknown,
    Value,
    unread,
)
from celerylint.model.values import Sequence as Collection

if TYPE_CHECKING:
    from celerylint.effects.promise import Promise
    from celerylint.model.evaluate import Evaluator

MAX_DEPTH = 5
"""Functions that are entered within one another, the task among them; wrappers and those that only pass on are not counted."""

_PASSES_ON = 2
"""The most statements of a function that only passes on what it is given."""

_CALLED = frozenset({"callable", "partial", "method"})
_CALLABLE = (FunctionValue, ClassValue, Closure, Bound, Partial, Imported, cv.Task)

_OF_APP = {
    "producer_pool": "kombu.pools.ProducerPool()", "producer_or_acquire": "kombu.Producer", "connection": "kombu.Connection",
    "connection_for_write": "kombu.Connection", "connection_or_acquire": "kombu.Connection", "pool": "kombu.pools.ConnectionPool()",
}  # fmt: skip
"""What an app gives out of the library that it talks to its broker with."""

ITEMS = "\0items"
"""The attribute under which it is kept what was put into a mapping that cannot be read."""

FUEL = 1000
"""Statements and calls that are walked for one task."""


class Exhausted(Exception):  # noqa: N818
    """The walk took as many steps as it may."""


class Within:
    """The time that a walk is inside a part of a compound statement. Made often: a generator takes three times as long."""

    __slots__ = ("_step", "_trail", "_walker")

    def __init__(self, walker: Walker, step: Step) -> None:
        self._walker = walker
        self._step = step
        self._trail = walker.trail

    def __enter__(self) -> None:
        self._walker.trail = (*self._trail, self._step)

    def __exit__(self, *raised: object) -> None:
        self._walker.trail = self._trail


class Walker:
    """One walk over one task. Thrown away afterwards."""

    def __init__(self, machine: Evaluator, library: Sequence[Handler], promise: Promise) -> None:
        self.machine = machine
        self._dull: dict[tuple[int, int, tuple[str, ...]], bool] = {}
        """Functions that were walked and do nothing that counts; whether all that they call is known. For one task only:
        what a function does may depend on what it is given, so what is found in a task would depend on those before it."""
        self._library = library
        self._promise = promise
        self.taught: dict[str, str] = {}
        """What the configuration names: `guard` or `lock` by dotted name."""
        self.events: list[Event] = []
        self.trail: tuple[Step, ...] = ()
        self.path: tuple[At, ...] = ()
        self.holds: tuple[Hold, ...] = ()
        self.frames: list[Frame] = []
        self.fuel = FUEL
        self.complete = True
        self.called_directly = False
        """Inside a task that was called like a function."""
        self.attributes: dict[tuple[str, str], Sym] = {}
        """Attributes of objects, by the object's key, that this run has set."""
        self.made_up: dict[tuple[str, str], tuple[Step, ...]] = {}
        """Fields of rows that this run has set to what differs in every run, and on which path."""
        self.caught: dict[tuple[int, int], tuple[str, ...]] = {}
        self._runs: list[tuple[tuple[Hold, ...], tuple[Step, ...]]] = []
        """What was so, and what was around it, where a base class of the task called the task's own function."""
        self._number = 0

    # --- what happened ------------------------------------------------------------------------------------------------

    def emit(self, event: type[Event], at: At, **fields: Any) -> None:
        """Note that something happens here."""
        self._number += 1
        self.events.append(
            event(order=self._number, at=at, trail=self.trail, path=self.path, holds=self.holds, **fields)
        )

    def leave(self, branch: range, last: int, until: float) -> None:
        """Note that a run which did something in a branch does nothing of what is written between two numbers."""
        for index in branch:
            event = self.events[index]
            if isinstance(event, (Act, Write)) and last < until:
                self.events[index] = msgspec.structs.replace(event, left=(*event.left, (last, until)))

    @property
    def now(self) -> int:
        """The number of the last event."""
        return self._number

    def fresh(self, prefix: str = "") -> str:
        """A key that nothing else has."""
        self._number += 1
        return f"{prefix}#{self._number}"

    def within(self, kind: str, node: int, arm: int = 0, *, given: Fields | None = None) -> Within:
        """Inside a part of a compound statement."""
        return Within(self, Step(kind, node, arm, given))

    def used(self, symbol: Sym, at: At) -> Sym:
        """Note that a body uses a client that was made when its module was imported."""
        if symbol.client is not None and client_of(symbol.client) in SHARED:
            self.emit(Use, at, client=symbol.client)
        return symbol

    def mounts(self, path: str) -> bool:
        """Whether a file may give a session of requests an adapter that has a timeout."""
        return self._promise.mounts(path)

    @property
    def loop(self) -> int:
        """The innermost loop that this is in; 0 outside of one."""
        return next((step.node for step in reversed(self.trail) if step.kind == "loop"), 0)

    @property
    def frame(self) -> Frame:
        """The function that runs."""
        return self.frames[-1]

    @property
    def file(self) -> str:
        """The file that it is written in."""
        return self.frames[-1].scope.module.path

    # --- functions ----------------------------------------------------------------------------------------------------

    def run(self, function: FunctionValue, args: Args) -> Trace:
        """The trace of a call of a function."""
        cut = False
        try:
            self.enter(function, args, None)
        except (Exhausted, RecursionError):
            self.complete, cut = False, True
        return Trace(tuple(self.events), self.complete, cut, self.caught)

    def enter(self, function: FunctionValue, args: Args, subject: Sym | None) -> Sym:
        """Walk a function of the project with its arguments."""
        node = function.node
        if self.taught and isinstance(node, ir.Function):
            self.frames.append(Frame(None, function.scope, {}))
            kinds = [self.configured(decorator) for decorator in node.decorators]
            self.frames.pop()
            with self.guarded(min(filter(None, kinds), default=""), args.at):
                return self._enter(function, args, subject)
        return self._enter(function, args, subject)

    def configured(self, node: ir.Expr) -> str:
        """Whether the configuration names a decorator or context manager: `guard`, `lock`, or empty."""
        func = node.func if isinstance(node, ir.Call) else node
        last = func.attr if isinstance(func, ir.Attr) else func.id if isinstance(func, ir.Name) else ""
        if not any(name.rpartition(".")[2] == last for name in self.taught):
            return ""
        entry = self.frame.scope.module.bindings.get(func.id) if isinstance(func, ir.Name) else None
        written = imported_name(entry.value) if entry is not None else ""
        return self.taught.get(written) or self.taught.get(dotted_name(self.eval(func)), "")

    @contextmanager
    def guarded(self, kind: str, at: At) -> Any:
        """Inside what the configuration calls a guard, or a lock that is given back afterwards."""
        before = self.holds
        gate = Gate("claim", self.fresh("configured"), at=at, order=self.now)
        if kind:
            self.holds = (*before, Hold(gate, True))
        try:
            yield
        finally:
            if kind:
                self.holds = before
        if kind == "lock":
            self.emit(Release, at, subject=gate.subject)

    def _enter(self, function: FunctionValue, args: Args, subject: Sym | None) -> Sym:
        node = function.node
        if isinstance(node, ir.Function) and node.is_generator and self.frame_is_context(function):
            return Sym(value=Suspended(function, args, args.at))
        which = (id(node), id(function.scope), _told(args))  # a decorator's wrapper is another one around each function
        known = self._dull.get(which)
        if known is not None:
            return self._pass_by(function, args, known)
        frame = Frame(node, function.scope, {})
        frame.owner = function.owner_class
        frame.subject = subject
        defaults = {name: self.of(value) for name, value in function.defaults.items()}
        start, whole = len(self.events), self.complete
        self.complete = True
        if _in_transaction(function):
            with self.within("atomic", hash((id(node), self._number))):
                result = self._activate(node, frame, args, defaults)
        else:
            result = self._activate(node, frame, args, defaults)
        if self.complete and not (result.holds or result.what or result.shape or result.value is not None):
            done = self.events[start:]
            if all(isinstance(e, (Call, Raised)) for e in done) and not _hands_over(args):
                self._dull[which] = all(e.known for e in done if isinstance(e, Call))
        self.complete = self.complete and whole
        if subject is not None and subject.shape == "row" and function.wrappers:
            pass_through(self, function, subject, args.at)
        return result

    def _pass_by(self, function: FunctionValue, args: Args, known: bool) -> Sym:
        """A call of a function that is known to do nothing that counts."""
        if not known:
            return self.unread_call(args, getattr(function.node, "name", ""))
        self.emit(Call, args.at, what="", name=getattr(function.node, "name", ""), known=True)
        keys = [a.key for a in args.all]
        traits = frozenset[str]().union(*(a.traits for a in args.all)) & RANDOM
        return Sym(key=f"{getattr(function.node, 'name', '')}({','.join(keys)})" if all(keys) else "", traits=traits)

    def frame_is_context(self, function: FunctionValue) -> bool:
        """Whether a generator is made a context manager by its decorators."""
        return any(
            isinstance(w, External) and w.dotted.endswith("contextmanager") for w in function.innermost.wrappers
        ) or any(isinstance(w, External) and w.dotted.endswith("contextmanager") for w in function.wrappers)

    def _activate(self, node: ir.Function | ir.LambdaExpr, frame: Frame, args: Args, defaults: dict[str, Sym]) -> Sym:
        self.fuel -= 1
        if self.fuel < 0:
            raise Exhausted
        recurs = any(f.node is node and f.scope is frame.scope for f in self.frames)
        if recurs or _depth(self.frames) >= MAX_DEPTH or len(self.frames) >= 2 * MAX_DEPTH:
            self.complete = self.complete and recurs
            called = self.unread_call(args, getattr(node, "name", "<lambda>"))
            return UNKNOWN if recurs else called  # what it asks is what is being read
        self._bind(node, frame, args, defaults)
        before, path, start = self.holds, self.path, len(self.events)
        if self.frames:
            self.path = (*path, args.at)
        self.frames.append(frame)
        try:
            if isinstance(node, ir.LambdaExpr):
                return self.eval(node.body)
            body = self.machine.body(node)
            frame.passes_on = _only_passes_on(body)
            end = self.block(body)
            if end is None:
                frame.returns.append((constant(None), self.holds))
            return self._reported(frame, self._returned(frame, before), start)
        finally:
            self.frames.pop()
            for branch, last in frame.left:
                self.leave(branch, last, self.now)
            self.path = path
            kept = _sticky(frame.returns, len(before))
            self.holds = before + kept

    def _reported(self, frame: Frame, result: Sym, start: int) -> Sym:
        """What a function returns that tries something, and returns in another way where that failed: a report on it."""
        if len(frame.returns) < 2:
            return result
        depth = len(self.trail)
        tried = [
            event
            for event in self.events[start:]
            if isinstance(event, Act) and any(step.kind == "try" for step in event.trail[depth:])
        ]
        told = tuple(Hold(Gate("result", act.what, at=act.at, order=act.order), None) for act in tried[:4])
        return msgspec.structs.replace(result, holds=result.holds + told) if told else result

    def _returned(self, frame: Frame, before: tuple[Hold, ...]) -> Sym:
        """What a function returns; what was so at each `return` is so where the caller finds the result true, or false."""
        returns = frame.returns
        if frame.yielded:
            items, paths = zip(*frame.yielded, strict=True)
            chosen = answered([path[len(before) :] for path in paths], ())
            return Sym(shape="list", items=(join(list(items)),), entries={CHOSEN: Sym(holds=chosen)} if chosen else {})
        if not returns:
            return UNKNOWN
        return after([(value, here[len(before) :]) for value, here in returns])

    def _bind(self, node: ir.Function | ir.LambdaExpr, frame: Frame, args: Args, defaults: dict[str, Sym]) -> None:
        left = list(args.positional)
        keywords = dict(args.keywords)
        for param in node.params:
            value: Sym | None = None
            if param.kind in ("positional-only", "positional") and left:
                value = left.pop(0)
            elif param.kind == "var":
                value, left = (
                    Sym(shape="tuple", items=tuple(left), traits=frozenset({"open"}) if args.open else frozenset()),
                    [],
                )
            elif param.kind == "var-keyword":
                value = Sym(
                    shape="dict", entries=dict(keywords), traits=frozenset({"open"}) if args.open else frozenset()
                )
            elif param.name in keywords:
                value = keywords.pop(param.name)
            if value is None:
                value = defaults.get(param.name)
                if value is None or args.open:
                    value = Sym(key=f"param:{param.name}", traits=frozenset({"input"}))
            if param.annotation is not None and not (value.what or value.shape or value.value is not None):
                value = self._annotated(param.annotation, frame.scope, value)
            frame.env[param.name] = value
            if value.shape == "const" and (value.const is None or isinstance(value.const, bool)):
                frame.settled[param.name] = value.const

    def _annotated(self, node: ir.Expr, scope: Scope, value: Sym) -> Sym:
        """A parameter by its annotation."""
        while isinstance(node, ir.Subscript):
            holder = node.value.attr if isinstance(node.value, ir.Attr) else getattr(node.value, "id", "")
            if holder not in ("Optional", "Annotated"):
                return value
            node = node.index.items[0] if isinstance(node.index, ir.Seq) and node.index.items else node.index
        if isinstance(node, ir.BinOp) and node.op == "|":
            node = node.left
        if not isinstance(node, (ir.Name, ir.Attr)):
            return value
        frame = Frame(None, scope, {})
        self.frames.append(frame)
        try:
            held = self.eval(node)
        finally:
            self.frames.pop()
        if held.what and not held.what.startswith(("builtins.", "typing.", "collections.")):
            return msgspec.structs.replace(value, what=f"{held.what}()")
        cls = self.force(held).value
        if isinstance(cls, ClassValue):
            return self.instance_of(cls, value.key or self.fresh(), "row")
        return value

    def instance_of(self, cls: ClassValue, key: str, shape: str) -> Sym:
        """An object of a class of the project: a row where the class is a model's."""
        if is_model(self.machine, cls):
            return Sym(key=key, shape=shape, model=model_name(cls), cls=cls)
        return Sym(key=key, shape="object", cls=cls)

    # --- statements ---------------------------------------------------------------------------------------------------

    def block(self, statements: Iterable[ir.Stmt]) -> str | None:
        """Walk statements; how they end, if not by running off the end: `return`, `raise` or `jump`."""
        for statement in statements:
            self.fuel -= 1
            if self.fuel < 0:
                raise Exhausted
            handler = STATEMENTS.get(type(statement))
            end = handler(self, statement) if handler is not None else None
            if end is not None:
                return end
        return None

    def assign(self, target: ir.Expr, value: Sym, statement: ir.Node) -> None:
        """Bind a target."""
        if isinstance(target, ir.Name):
            self.frame.env[target.id] = value
            self.frame.settled.pop(target.id, None)
        elif isinstance(target, ir.Attr):
            base = self.eval(target.value)
            if base.shape in ("row", "new"):
                counter = f"counts:{base.key}.{target.attr}" in value.traits and is_number(
                    self.machine, base, target.attr, UNKNOWN
                )
                self.set_field(base, target.attr, value, (self.file, statement), counter=counter)
            elif base.key:
                self.attributes[base.key, target.attr] = value
            elif base.traits & {"input"} or base.key.startswith("param:"):
                self.emit(Write, (self.file, statement), subject=base.key, model="", name=target.attr, saved=False)
            if base.shape == "" and base.key:
                self.emit(Write, (self.file, statement), subject=base.key, model="", name=target.attr, saved=False)
        elif isinstance(target, ir.Subscript):
            base = self.eval(target.value)
            index = self.eval(target.index)
            if isinstance(index.const, str):
                self.set_item(base, index.const, value, (self.file, statement))
            self.filled(target.value)
        elif isinstance(target, ir.Seq):
            items = value.items if value.shape in ("tuple", "list") else ()
            if is_record(value):
                items = unpacked(self, value, (self.file, statement))
            for number, part in enumerate(target.items):
                if isinstance(part, ir.Starred):
                    part = part.value
                unknown = Sym(traits=value.traits & RANDOM, key=self.fresh(), holds=value.holds)
                held = items[number] if number < len(items) else unknown
                self.assign(part, held, statement)
        elif isinstance(target, ir.Starred):
            self.assign(target.value, UNKNOWN, statement)

    def filled(self, target: ir.Expr) -> None:
        """A dict gets something in it: where that is made of rows, something is in it because there are such rows."""
        held = self.frame.env.get(target.id) if isinstance(target, ir.Name) else None
        if held is None or held.shape not in ("", "dict") or (held.what and not held.what.startswith("collections.")):
            return
        there = tuple(h for h in self.holds if h.gate.kind == "exists" and h.holds is True and h not in held.holds)
        if there and isinstance(target, ir.Name):
            self.frame.env[target.id] = msgspec.structs.replace(held, holds=held.holds + there)

    def set_item(self, holder: Sym, name: str, value: Sym, at: At) -> None:
        """`holder[name] = value`."""
        if is_document(holder):
            row, _, field = holder.key.rpartition(".")
            model = holder.model.rpartition(".")[0]
            self.emit(Write, at, subject=row, model=model, name=f"{field}[{name!r}]", saved=False, value=value)
        if holder.shape == "dict":
            holder.entries[name] = value
        elif holder.key:
            self.attributes.setdefault((holder.key, ITEMS), Sym(shape="dict", entries={})).entries[name] = value

    def set_field(self, row: Sym, name: str, value: Sym, at: At, *, counter: bool = False) -> None:
        """A field of a row is set, in memory as yet."""
        self.emit(
            Write, at, subject=row.key, model=row.model, name=name, saved=False,
            counter=counter and row.shape == "row", locked=row.locked, value=value,
        )  # fmt: skip
        self.made_up.pop((row.key, name), None)
        if value.random and not any(h.gate.kind == "field" and h.gate.name == name for h in self.holds):
            self.made_up[row.key, name] = self.trail
        if name in ("pk", "id") and not any(h.gate.kind == "stored" and h.gate.subject == row.key for h in self.holds):
            self.attributes[row.key, "\0pk"] = value
        if row.shape == "row" and (counts(value, name) or (counter and row.locked)):
            self.emit(Act, at, kind=COUNTER, what=f"{short(row.model)}.{name}", subject=row)

    def row_holds(self, row: Sym, source: Sym, at: At) -> tuple[Hold, ...]:
        """What is so for a row that a query found: the fields it was looked for by are as they were asked."""
        key, model = row.key, source.model
        if source.shape == "rows" and columns_of(source) and row.shape != "row":
            key = key.rpartition(".")[0]  # a column of it
        elif row.shape != "row":
            return ()
        return tuple(
            Hold(Gate("field", key, model, name, at, self.now, loop=self.loop), None)
            for name in sorted(source.fields - {"*"})
        )

    def chosen(self, source: Sym) -> tuple[Hold, ...]:
        """What is so for each item of a list, because only such were put into it, or yielded."""
        held = source.entries.get(CHOSEN, UNKNOWN).holds if source.shape == "list" else ()
        held = tuple(h for h in held if not any(h.gate is each.gate for each in self.holds))
        return tuple(
            msgspec.structs.replace(h, gate=msgspec.structs.replace(h.gate, loop=self.loop), when=None) for h in held
        )

    def callables(self, held: Sym) -> tuple[Sym, ...]:
        """The functions or classes that a list or dict holds; empty where it holds anything else."""
        found = self._held(held)
        return found if all(item.shape in _CALLED or isinstance(item.value, _CALLABLE) for item in found) else ()

    def _held(self, held: Sym) -> tuple[Sym, ...]:
        """What a list or dict holds."""
        value = held.value
        if isinstance(value, Imported) and unread(value):
            if not self._promise.collects(value.module, value.name):
                return ()
            value = self.force(held).value
        items: Iterable[Sym] = ()
        if isinstance(value, Mapping):
            items = (self.of(entry.value) for entry in value.items.values())
        elif isinstance(value, Collection):
            items = map(self.of, value.items)
        elif held.shape == "dict":
            items = held.entries.values()
        return tuple(items)

    def entry(self, held: Sym, key: object) -> Sym | None:
        """What a dict of the project holds under a key."""
        if not isinstance(held.value, Mapping) or not isinstance(key, (str, int)):
            return None
        found = held.value.items.get(key)
        return self.of(found.value) if found is not None else None

    def element(self, source: Sym, at: At) -> Sym:
        """One item of an iterable."""
        if source.shape in ("rows", "manager"):
            row = Sym(
                key=self.fresh(source.key), shape="row", model=source.model, cls=source.cls, fields=source.fields,
                locked=source.locked, value=source.value, entries=columns_of(source),
            )  # fmt: skip
            return picked(self, row, at) if row.entries else row
        if source.key and (source.key, SELECTED) in self.attributes:
            return self.element(self.attributes[source.key, SELECTED], at)
        if source.value is not None and (items := self._held(source)):
            same = all(item.shape == "object" for item in items) or self.callables(source)
            return one_of(items) if same else Sym(key=self.fresh(f"{source.key}[]"))
        if source.shape in ("tuple", "list") and len({item.shape for item in source.items}) == 1:
            return one_of(source.items) if source.items[0].shape == "callable" else source.items[0]
        return Sym(key=self.fresh(f"{source.key}[]"), traits=source.traits - {"open"})

    # --- expressions --------------------------------------------------------------------------------------------------

    def eval(self, node: ir.Expr) -> Sym:
        """What an expression stands for; what it does is noted."""
        handler = EXPRESSIONS.get(type(node))
        return handler(self, node) if handler is not None else UNKNOWN

    def of(self, value: Value) -> Sym:
        """A value of the model as a symbol. What nobody has read yet stays unread."""
        if isinstance(value, Deferred):
            if unread(value) or (value.result is None and value.running):
                return Sym(value=value)
            value = self.machine.force(value)
        if isinstance(value, External):
            return Sym(what=value.dotted, key=value.dotted, client=value if "()" in value.dotted else None)
        if isinstance(value, Native) and BUILTINS.get(value.name) is value:
            return Sym(what=f"builtins.{value.name}", key=value.name)
        if isinstance(value, Made):
            return Sym(what=made_path(self, value), client=value)
        if isinstance(value, Scalar):
            return constant(value.value)
        if isinstance(value, Member):
            return self._member_of(value)
        if isinstance(value, Instance):
            return self.instance_of(value.cls, f"object:{id(value)}", "row").with_value(value)
        if isinstance(value, Unknown):
            return self._item_of(value)
        return Sym(value=value, key=f"value:{id(value)}")

    def _item_of(self, value: Unknown) -> Sym:
        """What a module took out of what a package made: `db = MongoClient()["shop"]`."""
        at = value.at
        if at is None or not isinstance(at[1], ir.Subscript) or any(frame.node is at[1] for frame in self.frames):
            return UNKNOWN
        scope = self.machine.index.module(at[0]).scope
        events, self.events = self.events, []
        self.frames.append(Frame(at[1], scope, {}))
        try:
            made = self.eval(at[1].value)
        finally:
            self.frames.pop()
            self.events = events
        return Sym(what=f"{made.what}[]", key=f"{made.what}[]") if made.what.endswith(("()", "[]")) else UNKNOWN

    def _member_of(self, member: Member) -> Sym:
        """A member of an enumeration, as the value that a row holds of it; of choices with a label that is the first part."""
        value = self.machine.force(member.value)
        if isinstance(value, Collection) and value.items:
            value = self.machine.force(value.items[0])
        return constant(value.value) if isinstance(value, Scalar) else Sym(value=member, key=f"value:{id(member)}")

    def constants(self, symbol: Sym) -> tuple[Sym, ...]:
        """The constants that a comparison is with: one, or those of a collection; empty if they are not all known."""
        if symbol.shape == "const":
            return (symbol,)
        items = symbol.items if symbol.shape in ("tuple", "list") else ()
        if isinstance(symbol.value, Collection) and not symbol.value.open:
            items = tuple(self.of(item) for item in symbol.value.items)
        return items if items and all(item.shape == "const" for item in items) else ()

    def force(self, symbol: Sym) -> Sym:
        """A symbol whose value has been read."""
        if isinstance(symbol.value, Deferred):
            value = self.machine.need(symbol.value)
            return UNKNOWN if isinstance(value, Deferred) else self.of(value)
        return symbol

    def attribute(self, base: Sym, name: str, at: At) -> Sym:
        """`base.name`."""
        if base.key and (base.key, name) in self.attributes:
            return self.attributes[base.key, name]
        if name == "__class__" and base.cls is not None and base.shape in ("row", "new", "object"):
            return self.of(base.cls)
        if isinstance(base.value, Deferred) and not base.shape:
            if name in MANAGERS:
                return self.manager(base, name)
            base = self.used(self.force(base), at)
        if base.what:
            return self._foreign(base, name, at)
        if base.shape == "outcome":
            return msgspec.structs.replace(base, shape="")  # `result.rowcount`
        if base.shape == "const" and name == "value":
            return base  # of a member of an enumeration
        if base.shape in ("row", "new"):
            return base if name == "_mapping" else self._field(base, name, at)
        if base.shape == "object" and base.cls is not None:
            return self._member(base, name, at)
        if base.shape in ("rows", "manager"):
            if name == "model":
                return self.of(base.cls) if base.cls is not None else self.force(Sym(value=base.value))
            return Sym(shape="method", items=(base, constant(name)), key=f"{base.key}.{name}" if base.key else "")
        if base.shape == "choice":
            each = [self.attribute(item, name, at) for item in base.items]
            return one_of(each) if all(item.shape in _CALLED for item in each) else join(each)
        value = base.value
        if isinstance(value, ModuleValue) and not value.module.known:
            module = value.module
            return Sym(value=Imported(lambda: self.machine.module_attribute(module, name, at), module, name, at))
        if isinstance(value, ClassValue):
            if name in MANAGERS and is_model(self.machine, value):
                return self.manager(base, name)
            if name == "query" and is_model(self.machine, value):
                return Sym(shape="rows", model=model_name(value), cls=value, key=model_name(value))
            held = self.machine.class_attribute(value, name, at)
            found = self.of(held)
            if found.cls is not None and found.shape == "object" and is_model(self.machine, value):
                own = tuple(Sym(value=cls) for cls in behind(self, value, name) or (found.cls,))
                return Sym(shape="manager", model=model_name(value), cls=value, key=model_name(value), items=own)
            if found.what.endswith("Manager()") and is_model(self.machine, value):
                return self.manager(base, name)  # `archived = models.Manager()`
            if (found.value is None or isinstance(found.value, Made)) and is_model(self.machine, value):
                if made := behind(self, value, name):
                    own = tuple(Sym(value=cls) for cls in made)
                    return Sym(shape="manager", model=model_name(value), cls=value, key=model_name(value), items=own)
                key = found.key or f"{base.key}.{name}"
                return msgspec.structs.replace(found, key=key, traits=column(name), cls=value)
            return found if found.value is not None or found.what or found.shape else Sym(key=f"{base.key}.{name}")
        if isinstance(value, cv.App) and name in _OF_APP:
            return Sym(what=_OF_APP[name])
        if isinstance(value, cv.TaskSelf) and (own_property := self._property_of_task(value.task, name)) is not None:
            return self.enter(own_property, Args((base,), {}, at), base)
        if isinstance(value, (cv.TaskSelf, ModuleValue, cv.Task, cv.App, Super)):
            return self.of(self.machine.getattr(value, name, at))
        if value is not None and not isinstance(value, (FunctionValue, Closure)):
            return self.of(self.machine.getattr(value, name, at))
        if base.random and name in PARTS_OF_DATE:
            return Sym(key=f"time.{name}")
        key = f"{base.key}.{name}" if base.key else ""
        traits = base.traits & (RANDOM | {"input", "rowattr"})
        # What hangs on a row or was handed in may be a row itself.
        gate = Gate("field" if traits & {"input", "rowattr"} else "attribute", base.key, "", name, at, self.now)
        return Sym(key=key, traits=traits, holds=(Hold(gate, True),) if base.key else ())

    def _property_of_task(self, task: cv.Task, name: str) -> FunctionValue | None:
        """A property of a task's class: it may make what it returns when it is first asked, and keep it."""
        base = task.options.get("base")
        cls = task.cls or (self.machine.need(base.value) if base is not None else None)
        entry = self.machine.class_entry(cls, name) if isinstance(cls, ClassValue) else None
        method = self.machine.need(entry.value) if isinstance(entry, Entry) else None
        return method if isinstance(method, FunctionValue) and is_property(method) else None

    def _foreign(self, base: Sym, name: str, at: At) -> Sym:
        """An attribute of what a package provides."""
        if base.random and name in PARTS_OF_DATE:
            return Sym(what=f"{base.what}.{name}", key=f"{base.what}.{name}")
        what = self.machine.canonical(f"{base.what}.{name}")
        holds = tuple(h for h in base.holds if h.gate.kind in ("result", "swapped", "created", "kept"))
        if base.key and name in ("status_code", "ok", "is_success") and _ANSWER.match(base.what):
            holds += (Hold(Gate("answer", base.key, "", name, at, self.now), True),)
        elif base.key and base.what.endswith("()"):
            holds += (Hold(Gate("attribute", base.key, "", name, at, self.now), True),)
        if what.endswith("request.retries"):
            holds = (Hold(Gate("retries", what, at=at, order=self.now), None),)
        key = f"{base.key}.{name}" if base.key else ""
        return Sym(what=what, key=key, traits=base.traits & RANDOM, holds=holds)

    def manager(self, base: Sym, name: str) -> Sym:
        """`Model.objects`."""
        value = base.value
        if isinstance(value, ClassValue):
            return Sym(shape="manager", model=model_name(value), cls=value, key=model_name(value))
        dotted = imported_name(value)
        return Sym(shape="manager", model=dotted, key=dotted, value=value)

    def _field(self, row: Sym, name: str, at: At) -> Sym:
        """An attribute of a row: a method of the project's class, else a field."""
        if name in ("pk", "id"):
            stored = Hold(Gate("stored", row.key, row.model, name, at, self.now), True)
            copied = (row.key, "\0pk") in self.attributes
            holds = (stored,) if row.shape == "new" else () if copied else (self._adding(row, at, so=False),)
            return Sym(key=f"{row.key}.pk", traits=frozenset({"input", "rowattr"}), holds=holds)
        if name == "_state" and row.shape == "row":
            key = f"{row.key}._state"
            self.attributes.setdefault((key, "adding"), Sym(holds=(self._adding(row, at, so=True),)))
            return Sym(key=key)
        cls = row.cls or self.row_class(row, name)
        if cls is not None:
            found = self.machine.class_entry(cls, name)
            if isinstance(found, Entry):
                method = self._bound(found.value, row, at)
                if method is not None:
                    return method
        hold = Hold(Gate("field", row.key, row.model, name, at, self.now, loop=self.loop), True)
        key = f"{row.key}.{name}"
        trail = self.made_up.get((row.key, name))
        fresh = RANDOM if trail is not None and self.trail[: len(trail)] == trail else frozenset[str]()
        return Sym(
            key=key, traits=frozenset({"rowattr", f"of:{key}", row.shape}) | fresh, holds=(hold,) if row.shape == "row" else (),
            locked=row.locked, model=f"{row.model}.{name}",
        )  # fmt: skip

    def _adding(self, row: Sym, at: At, *, so: bool) -> Hold:
        """That a row that was found is yet to be stored."""
        return Hold(Gate("adding", row.key, row.model, at=at, order=self.now), so)

    def row_class(self, row: Sym, name: str) -> ClassValue | None:
        """The class of rows whose module nobody has read, if its text defines a method of that name."""
        if not isinstance(row.value, Imported) or not self._promise.defines(row.value.module, name):
            return None
        held = self.force(Sym(value=row.value)).value
        return held if isinstance(held, ClassValue) else None

    def _member(self, subject: Sym, name: str, at: At) -> Sym:
        """An attribute of an object of the project."""
        assert subject.cls is not None
        if isinstance(subject.value, Instance) and name in subject.value.attrs:
            return self.of(subject.value.attrs[name].value)
        found = self.machine.class_entry(subject.cls, name)
        if isinstance(found, Entry):
            held = self._bound(found.value, subject, at)
            if held is not None:
                return held
            return self.of(found.value)
        if isinstance(found, External):
            return Sym(what=found.dotted.replace(f".{name}", f"().{name}"), key=f"{subject.key}.{name}")
        return self._from_constructor(subject, name)

    def _from_constructor(self, subject: Sym, name: str) -> Sym:
        """An attribute that `__init__` sets, for an object whose making was not seen."""
        assert subject.cls is not None
        method = self.method(subject.cls, "__init__")
        key = f"{subject.key}.{name}"
        if method is None:
            return self._annotated_field(subject.cls, name, Sym(key=key))
        if not isinstance(method.node, ir.Function) or (subject.key, "\0made") in self.attributes:
            return Sym(key=key)
        self.attributes[subject.key, "\0made"] = UNKNOWN
        events, trail, holds = self.events, self.trail, self.holds
        self.events = []
        try:
            # What the constructor did happened before: only what it set counts.
            self.enter(method, Args((subject,), {}, subject_at(subject, method), open=True), subject)
        finally:
            self.events, self.trail, self.holds = events, trail, holds
        return self.attributes.get((subject.key, name), Sym(key=key))

    def _annotated_field(self, cls: ClassValue, name: str, value: Sym) -> Sym:
        """What a class says of an attribute by its annotation alone, as a dataclass does."""
        for owner in self.machine.mro(cls):
            if isinstance(owner, ClassValue):
                for part in owner.node.body:
                    if isinstance(part, ir.AnnAssign) and isinstance(part.target, ir.Name) and part.target.id == name:
                        return self._annotated(part.annotation, owner.scope, value)
        return value

    def named(self, node: ir.Name | ir.Attr, scope: Scope) -> Value | None:
        """What a name stands for at the top level of a module or in a class."""
        if isinstance(node, ir.Name):
            return self.machine.need(self.machine.lookup(node.id, scope, (scope.module.path, node)))
        self.frames.append(Frame(None, scope, {}))
        try:
            return self.force(self.eval(node)).value
        finally:
            self.frames.pop()

    def method(self, cls: ClassValue, name: str) -> FunctionValue | None:
        """A method of a class of the project, looked for in bases that nobody has read only if their text has it."""
        own = any(isinstance(part, ir.Function) and part.name == name for part in cls.node.body)
        bases = [base for base in cls.bases if isinstance(base, Imported) and unread(base)]
        if not own and bases and not any(self._promise.defines(base.module, name) for base in bases):
            return None
        found = self.machine.class_entry(cls, name)
        value = self.machine.need(found.value) if isinstance(found, Entry) else None
        return value if isinstance(value, FunctionValue) else None

    def _bound(self, value: Value, subject: Sym, at: At) -> Sym | None:
        """A method as seen through an object, a property's value; None for what is neither."""
        value = self.machine.need(value)
        if not isinstance(value, FunctionValue):
            return None
        if any(isinstance(w, External) and w.dotted == "builtins.staticmethod" for w in value.wrappers):
            return Sym(value=value, shape="callable")
        if is_property(value):
            return self.enter(value, Args((subject,), {}, at), subject)
        return Sym(value=value, shape="callable", items=(subject,))

    def call(self, node: ir.Call) -> Sym:
        """A call as written: the arguments first, then the libraries are asked, then it is followed."""
        at = (self.file, node)
        func = node.func
        if isinstance(func, ir.Attr):
            base: Sym | None = self.eval(func.value)
            name = func.attr
            if base is not None and isinstance(base.value, Deferred) and not base.shape:
                base = self.used(self.force(base), at)
        else:
            base = None
            name = func.id if isinstance(func, ir.Name) else ""
        if name == "super" and base is None:
            return self._super()
        args = self.arguments(node, at)
        if base is not None:
            asked = Site(node, base, name, UNKNOWN, args)
            for handler in self._library:
                result = handler(self, asked)
                if result is not None:
                    return result
            if base.shape == "super":
                return self._call_super(base, name, args)
            callee = self.attribute(base, name, (self.file, func))
        else:
            callee = self.eval(func)
        return self.apply(callee, Site(node, base, name, callee, args))

    def entered(self, context: Sym, at: At) -> Sym:
        """A lock that was made elsewhere, as `with` takes it."""
        node = ir.Call(0, 0, 0, 0, ir.Opaque(0, 0, 0, 0, ""), [], [])
        site = Site(node, context, "__enter__", UNKNOWN, Args((), {}, at))
        return next((found for handler in self._library if (found := handler(self, site)) is not None), context)

    def arguments(self, node: ir.Call, at: At) -> Args:
        """The arguments of a call, evaluated."""
        positional: list[Sym] = []
        keywords: dict[str, Sym] = {}
        is_open = False
        for arg in node.args:
            if isinstance(arg, ir.Starred):
                spread = self.eval(arg.value)
                positional.extend(spread.items)
                is_open = is_open or spread.shape not in ("tuple", "list") or "open" in spread.traits
            else:
                positional.append(self.eval(arg))
        for keyword in node.keywords:
            value = self.eval(keyword.value)
            if keyword.name is not None:
                keywords[keyword.name] = value
            else:
                keywords.update(value.entries)
                is_open = is_open or value.shape != "dict" or not value.entries or "open" in value.traits
        return Args(tuple(positional), keywords, at, is_open)

    def apply(self, callee: Sym, site: Site) -> Sym:
        """Call something."""
        if callee.holds and BY_VALUE in callee.traits:
            # Whether it is called, or something else, hangs on the value that it was found under.
            before, self.holds = self.holds, self.holds + callee.holds
            called = self.apply(msgspec.structs.replace(callee, holds=()), site)
            self.holds = before
            return called
        if callee.shape == "choice":
            return self._one_called(callee.items, site)
        if callee.shape == "method":
            return self._method_called(callee, site)
        value = callee.value
        if isinstance(value, Imported) and unread(value) and not self._promise.of(value.module, value.name):
            made = self.unread_call(site.args, site.name, site.base)
            return msgspec.structs.replace(made, model=site.name) if self._promise.is_class(value) else made
        if isinstance(value, Deferred):
            callee = self.used(self.force(callee), site.at)
        asked = Site(site.node, None, site.name, callee, site.args, site.base or site.holder)
        for handler in self._library:
            result = handler(self, asked)
            if result is not None:
                return result
        value, args = callee.value, site.args
        if isinstance(value, FunctionValue):
            subject = callee.items[0] if callee.items else None
            inner = args.but(positional=(subject, *args.positional)) if subject is not None else args
            return self.enter(value, inner, subject)
        if isinstance(value, Bound):
            subject = self.of(value.subject)
            return self.enter(value.function, args.but(positional=(subject, *args.positional)), subject)
        if isinstance(value, Closure):
            return self.enter_closure(value, args)
        if isinstance(value, Partial):
            inner = args.but(
                positional=(*(self.of(a) for a in value.args), *args.positional),
                keywords={**{k: self.of(e.value) for k, e in value.keywords.items()}, **args.keywords},
            )
            return self.apply(self.of(value.function), site.but(args=inner))
        if isinstance(value, ClassValue):
            return self.construct(value, args)
        if callee.shape == "object" and callee.cls is not None:
            method = self.method(callee.cls, "__call__")
            if method is not None:
                return self.enter(method, args.but(positional=(callee, *args.positional)), callee)
        if callee.shape == "partial" and callee.items:
            target, *given = callee.items
            inner = args.but(positional=(*given, *args.positional), keywords={**callee.entries, **args.keywords})
            return self.apply(target, site.but(args=inner))
        return self.unread_call(args, site.name, site.base)

    def _one_called(self, items: Sequence[Sym], site: Site) -> Sym:
        """One of several is called, and it is not known which."""
        uid, before = hash((id(site.node), self._number)), self.holds
        results: list[Sym] = []
        for number, item in enumerate(items):
            self.holds = before
            with self.within("case", uid, number):
                results.append(self.apply(item, site))
        self.holds = before
        return one_of(results) if all(r.shape in ("object", "callable") for r in results) else join(results)

    def _method_called(self, callee: Sym, site: Site) -> Sym:
        """A method of a manager that was handed on as a function."""
        base, name = callee.items
        called = Site(site.node, base, str(name.const), UNKNOWN, site.args)
        found = (handler(self, called) for handler in self._library)
        return next((result for result in found if result is not None), UNKNOWN)

    def enter_closure(self, closure: Closure, args: Args) -> Sym:
        """Call a function that was defined in a body."""
        frame = Frame(closure.node, closure.frame.scope, {"\0closure": Sym(value=closure)})
        frame.owner, frame.subject = closure.frame.owner, closure.frame.subject
        defaults = {p.name: constant(None) for p in closure.node.params if p.default is not None}
        for param in closure.node.params:
            if param.default is not None:
                self.frames.append(closure.frame)
                try:
                    defaults[param.name] = self.eval(param.default)
                finally:
                    self.frames.pop()
        return self._activate(closure.node, frame, args, defaults)

    def construct(self, cls: ClassValue, args: Args) -> Sym:
        """Make an object of a class of the project."""
        made = self.instance_of(cls, self.fresh(cls.node.name), "new")
        if made.shape == "new":
            traits = frozenset({"open"}) if args.open else frozenset[str]()
            return msgspec.structs.replace(made, entries=dict(args.keywords), traits=traits)
        method = self.method(cls, "__init__")
        if method is not None:
            self.attributes[made.key, "\0made"] = UNKNOWN
            self.enter(method, args.but(positional=(made, *args.positional)), made)
        else:
            for name, value in (*zip(self._declared(cls), args.positional, strict=False), *args.keywords.items()):
                self.attributes[made.key, name] = value
            for value in args.positional[:1]:
                self.attributes[made.key, "\0first"] = value
            for name in self._declared(cls):
                default = self._default(cls, name, args.at) if (made.key, name) not in self.attributes else None
                if default is not None:
                    self.attributes[made.key, name] = default
        return made

    def _default(self, cls: ClassValue, name: str, at: At) -> Sym | None:
        """What a field of a dataclass is made by, if nothing is given: `field(default_factory=uuid4)`."""
        written = (s for s in cls.node.body if isinstance(s, ir.AnnAssign) and isinstance(s.value, ir.Call))
        value = next((s.value for s in written if isinstance(s.target, ir.Name) and s.target.id == name), None)
        keywords = value.keywords if isinstance(value, ir.Call) else ()
        factory = next((k.value for k in keywords if k.name in ("default_factory", "factory")), None)
        if factory is None:
            return None
        self.frames.append(Frame(None, cls.scope, {}))
        try:
            node = ir.Call(0, 0, 0, 0, ir.Opaque(0, 0, 0, 0, ""), [], [])
            return self.apply(self.eval(factory), Site(node, None, "", UNKNOWN, Args((), {}, at)))
        finally:
            self.frames.pop()

    def _declared(self, cls: ClassValue) -> list[str]:
        """The fields that a class declares by annotations alone, as of a dataclass, in their order."""
        order = [base for base in reversed(self.machine.mro(cls)) if isinstance(base, ClassValue)]
        fields = [s.target for base in order for s in base.node.body if isinstance(s, ir.AnnAssign)]
        return list(dict.fromkeys(target.id for target in fields if isinstance(target, ir.Name)))

    def unread_call(self, args: Args, name: str, base: Sym | None = None) -> Sym:
        """A call that cannot be followed."""
        if (
            base is not None
            and name == "get"
            and (
                _OF_MESSAGE.fullmatch(base.key) is not None
                or isinstance(self.machine.need(base.value) if base.value else None, Mapping)
            )
        ):
            return Sym(key=f"{base.key}.get({','.join(a.key for a in args.all)})" if base.key else "")
        takes = tuple(s for s in (*((base,) if base is not None else ()), *args.all) if s.key)
        if len(takes) == 1 and takes[0].shape == "row" and _CONVERTS.search(name):
            self.emit(Call, args.at, what="", name=name, known=True)
            return takes[0] if is_record(takes[0]) else records(takes[0], ())
        self.emit(Call, args.at, what="", name=name, takes=takes)
        if base is not None and name in _OF_TEXT:
            key = f"{base.key}.{name}({','.join(a.key for a in args.all)})" if base.key else ""
            return Sym(key=key, holds=base.holds, traits=base.traits & (RANDOM | {"input"}))
        subject = ",".join(s.key for s in takes) or self.fresh()
        gate = Gate("opaque", subject, name=name, at=args.at, order=self.now, given=any(map(names_work, takes)))
        traits = (
            frozenset[str]().union(*(s.traits for s in args.all)) & RANDOM if name not in _DEFAULTED else frozenset()
        )
        result = Sym(key=f"{name}({subject})", holds=(Hold(gate, True),), traits=traits)
        if _FINDS_OR_MAKES.search(name) is None:
            return result
        created = Hold(Gate("created", self.fresh(), at=args.at, order=self.now), True)
        return msgspec.structs.replace(result, shape="tuple", items=(Sym(key=result.key), Sym(holds=(created,))))

    def _super(self) -> Sym:
        frame = self.frame
        subject = frame.subject or frame.env.get("self") or UNKNOWN
        return Sym(shape="super", items=(subject,), cls=frame.owner)

    def _call_super(self, base: Sym, name: str, args: Args) -> Sym:
        """`super().name(...)`: the next definition along the bases."""
        subject = base.items[0]
        is_query = subject.shape in ("rows", "manager")
        own = subject.cls if isinstance(subject.cls, ClassValue) and not is_query else base.cls
        order = self.machine.mro(own) if own is not None else []
        if base.cls in order:
            order = order[order.index(base.cls) + 1 :]
        for cls in order:
            if isinstance(cls, External) and isinstance(subject.value, cv.TaskSelf) and name == "__call__":
                return self._call_run(subject, args)
            if isinstance(cls, External) and subject.shape in ("object", "") and not name.startswith("__"):
                return self._call_inherited(cls, subject, name, args)
            if not isinstance(cls, ClassValue):
                break
            entry = self.machine.class_body(cls).get(name)
            value = self.machine.need(entry.value) if entry is not None else None
            if isinstance(value, FunctionValue):
                return self.enter(value, args.but(positional=(subject, *args.positional)), subject)
        if subject.shape in ("row", "new", "rows", "manager"):
            site = Site(ir.Call(0, 0, 0, 0, ir.Opaque(0, 0, 0, 0, ""), [], []), subject, f"super:{name}", UNKNOWN, args)
            for handler in self._library:
                result = handler(self, site)
                if result is not None:
                    return result
        return UNKNOWN

    def _call_run(self, subject: Sym, args: Args) -> Sym:
        """The task's own function, called by its base class. What is so where it is called a second time was mostly so the
        first time, as where a handler calls it: once is enough then."""
        around = tuple(step for step in self.trail if step.kind in ("atomic", "loop", "deferred"))
        if (self.holds, around) in self._runs:
            return UNKNOWN
        self._runs.append((self.holds, around))
        node = args.at[1]
        assert isinstance(node, ir.Call)
        site = Site(node, subject, "run", UNKNOWN, args)
        return next((found for handler in self._library if (found := handler(self, site)) is not None), UNKNOWN)

    def _call_inherited(self, cls: External, subject: Sym, name: str, args: Args) -> Sym:
        """A method of a package's class, called through a class of the project."""
        node = args.at[1]
        assert isinstance(node, ir.Call)
        site = Site(node, subject, name, UNKNOWN, args)
        if subject.value is not None:
            for handler in self._library:
                result = handler(self, site)
                if result is not None:
                    return result
        return self.apply(Sym(what=f"{cls.dotted}().{name}"), site)


# --- small questions --------------------------------------------------------------------------------------------------


def client_of(value: Made | External) -> str:
    """The path of the call that made a client, also for what was found on it; empty for what no call made."""
    path = value.maker if isinstance(value, Made) else value.dotted
    head, called, _ = path.partition("()")
    return head if called or isinstance(value, Made) else ""


def made_path(walker: Walker, value: Made) -> str:
    """The path of what a call returned; services of a cloud are told apart by their name."""
    named = value.keywords.get("service_name")
    first = value.args[0] if value.args else named.value if named is not None else None
    if value.maker.startswith("boto3") and isinstance(first, Scalar) and isinstance(first.value, str):
        return f"{value.maker}({first.value})"
    return f"{value.maker}()"


def subject_at(subject: Sym, method: FunctionValue) -> At:
    """Where to say that an object was made whose making was not seen."""
    at = subject.value.at if subject.value is not None else None
    return at or (method.scope.module.path, method.node)


def is_property(function: FunctionValue) -> bool:
    """Whether a method is asked for without a call."""
    kinds = [w.dotted for w in function.wrappers if isinstance(w, External)]
    return any(kind == "builtins.property" or kind.endswith("cached_property") for kind in kinds)


def _in_transaction(function: FunctionValue) -> bool:
    """Whether a decorator runs a function in a database transaction."""
    wrappers = (*function.wrappers, *function.innermost.wrappers)
    names = (w.dotted if isinstance(w, External) else w.maker if isinstance(w, Made) else "" for w in wrappers)
    return any(map(opens_transaction, names))


_DEFAULTED = frozenset({"", "get", "pop", "setdefault"})
"""Calls that return what they are given only where there is nothing else."""


def _depth(frames: Sequence[Frame]) -> int:
    """How deep a walk is, the wrappers of decorators and what only passes on not counted."""
    return sum(frame.scope.kind != "function" and not frame.passes_on for frame in frames)


def _only_passes_on(body: Sequence[ir.Stmt]) -> bool:
    """Whether a function does no more than call others, as one layer of a project calls the next."""
    said = body[1:] if body and isinstance(body[0], ir.ExprStmt) and isinstance(body[0].value, ir.Const) else body
    return len(said) <= _PASSES_ON and all(isinstance(part, (ir.ExprStmt, ir.Assign, ir.Return)) for part in said)


def _told(args: Args) -> tuple[str, ...]:
    """Which arguments a call is given, and which of them are True, False or None: what decides on branches."""
    given = [a.key if a.key in _SETTLED else "" for a in args.positional]
    return (*given, *(f"{name}={a.key if a.key in _SETTLED else ''}" for name, a in args.keywords.items()))


_SETTLED = frozenset({"True", "False", "None"})


def _hands_over(args: Args) -> bool:
    """Whether a call is given something that it might call, so that another call may do more."""
    return any(
        a.shape in ("callable", "partial") or isinstance(a.value, (FunctionValue, Closure, cv.Task)) for a in args.all
    )


PARTS_OF_DATE = frozenset({"year", "month", "day"})
"""Attributes of a time that are the same all day."""
_ANSWER = re.compile(r"(requests|httpx)\.(.*\.)?(get|head)\(\)$")
_OF_MESSAGE = re.compile(r"param:\w+(\['\w+'\]|\.get\('\w+'(,[^()]*)?\))*")
"""An argument of the task, or what is in it: every run of a message finds the same there."""
_OF_TEXT = frozenset(
    {"strip", "lstrip", "rstrip", "lower", "upper", "casefold", "title", "capitalize", "encode", "decode"}
)
"""Methods of text that give the same text in another form: it is empty where the other is."""
_CONVERTS = re.compile(r"(^|_)(as_?)?(to_?)?(dict|json|mapping|record|dto)$|^(serialize|model_dump)$", re.IGNORECASE)
"""Names of what makes a dict of a row."""
_FINDS_OR_MAKES = re.compile(r"(get|find|fetch)_or_(create|make|add|insert)|create_or_(get|find)")
"""Names of what returns whether it made what it returns, as Django's `get_or_create` does."""


def _sticky(returns: list[tuple[Sym, tuple[Hold, ...]]], start: int) -> tuple[Hold, ...]:
    """What is so after a call, whichever `return` was taken, because otherwise it would have raised."""
    if not returns:
        return ()
    common = [h for h in returns[0][1][start:] if h.sticky]
    for _, holds in returns[1:]:
        mine = {id(h.gate) for h in holds[start:] if h.sticky}
        common = [h for h in common if id(h.gate) in mine]
    return tuple(common)

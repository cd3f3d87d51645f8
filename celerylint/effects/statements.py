"""Statements: which parts of a body run when, and what is so in each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from math import inf
from typing import TYPE_CHECKING, Any

import msgspec

from celerylint.effects.catalogue.benign import is_kept
from celerylint.effects.events import Act, Call, Event, Fields, Raised, Release, Save
from celerylint.effects.expressions import decided
from celerylint.effects.frames import Args, Closure, Frame, Suspended
from celerylint.effects.models import is_number
from celerylint.effects.records import is_there
from celerylint.effects.symbols import (
    UNKNOWN,
    Gate,
    Hold,
    Sym,
    common,
    constant,
    flag,
    grown,
    is_flag,
    join,
    met,
    negated,
)
from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.model.values import At, FunctionValue

if TYPE_CHECKING:
    from celerylint.effects.walk import Walker

_INTEGRITY = ("IntegrityError", "UniqueViolation", "UniqueViolationError", "DuplicateKeyError", "DuplicateEntryError",
              "NotUniqueError", "UniqueConstraintError", "ConditionalCheckFailedException")  # fmt: skip
_ABSENT = ("DoesNotExist", "ObjectDoesNotExist", "NoResultFound", "NotFound", "Http404")


def _exprstmt(walker: Walker, node: ir.ExprStmt) -> str | None:
    walker.eval(node.value)
    return None


def _assign(walker: Walker, node: ir.Assign) -> str | None:
    value = walker.eval(node.value)
    for target in node.targets:
        walker.assign(target, value, node)
    return None


def _annassign(walker: Walker, node: ir.AnnAssign) -> str | None:
    if node.value is not None:
        walker.assign(node.target, walker.eval(node.value), node)
    return None


def _augassign(walker: Walker, node: ir.AugAssign) -> str | None:
    value = walker.eval(node.value)
    target = node.target
    if isinstance(target, ir.Name):
        held = walker.frame.env.get(target.id, UNKNOWN)
        walker.frame.settled.pop(target.id, None)
        if node.op == "+" and held.shape == "list":
            walker.frame.env[target.id] = grown(held, value.items or (value,), walker.holds)
            return None
        walker.frame.env[target.id] = Sym(
            traits=held.traits | value.traits,
            what=held.what,
            shape=held.shape if held.shape != "const" else "",
            # A sum that is not nothing is so because of one of its parts.
            holds=held.holds + tuple(msgspec.structs.replace(h, weak=True) for h in value.holds),
        )
    elif isinstance(target, ir.Attr):
        base = walker.eval(target.value)
        if base.shape in ("row", "new"):
            counts = node.op in ("+", "-") and is_number(walker.machine, base, target.attr, value)
            walker.set_field(base, target.attr, value, (walker.file, node), counter=counts)
    else:
        walker.eval(target)
    return None


def _return(walker: Walker, node: ir.Return) -> str | None:
    value = walker.eval(node.value) if node.value is not None else constant(None)
    walker.frame.returns.append((value, walker.holds))
    return "return"


def _raise(walker: Walker, node: ir.Raise) -> str | None:
    if node.exc is not None:
        walker.eval(node.exc)
    exc = node.exc.func if isinstance(node.exc, ir.Call) else node.exc
    name = exc.attr if isinstance(exc, ir.Attr) else exc.id if isinstance(exc, ir.Name) else ""
    walker.emit(Raised, (walker.file, node), name=name)
    return "raise"


def _assert(walker: Walker, node: ir.Assert) -> str | None:
    test = walker.eval(node.test)
    walker.holds += tuple(msgspec.structs.replace(h, sticky=True) for h in met(test.holds))
    return None


def _jump(walker: Walker, node: ir.Jump) -> str | None:
    if node.kind == "pass":
        return None
    walker.frame.jumps.append((walker.frame.env, walker.holds))
    return "jump"


def _if(walker: Walker, node: ir.If) -> str | None:
    answer = decided(walker, node.test)
    if answer is not None:
        return walker.block(node.body if answer else node.orelse)
    test = walker.eval(node.test)
    if "settled" in test.traits and test.shape == "const":
        return walker.block(node.body if test.const else node.orelse)
    if is_there(walker, test):
        return walker.block(node.body)
    holds = test.holds
    if test.shape == "list":
        holds = tuple(h for h in holds if not any(h.gate is each.gate for each in walker.holds))
    arms = [(met(holds), node.body), (negated(holds), node.orelse)]
    return _branches(walker, id(node), arms, given=_given(test))


def _given(test: Sym) -> Fields | None:
    """What a condition asks, if that is no more than an argument of the task, or fields of rows as they were found."""
    if _GIVEN.match(test.key):
        return frozenset()
    if not test.holds or any(h.gate.kind != "field" for h in test.holds):
        return None
    return frozenset((h.gate.subject, h.gate.name) for h in test.holds)


_IS_LOCK = re.compile(r"(threading|multiprocessing|asyncio)\.\w+\(\)|.*([lL]ock|[mM]utex|Semaphore)\(\)")
_GIVEN = re.compile(r"(not )?\(?param:\w+([^\w.]|$)")
"""A condition that asks an argument of the task."""


def _branches(
    walker: Walker, uid: int, arms: Sequence[tuple[tuple[Hold, ...], Sequence[ir.Stmt]]], *, given: Fields | None = None
) -> str | None:
    """Walk alternatives. After them holds what held in the only one that went on."""
    uid = hash((uid, len(walker.frames), walker._number))
    before, env = walker.holds, walker.frame.env
    ends: list[str | None] = []
    results: list[tuple[dict[str, Sym], tuple[Hold, ...]]] = []
    for number, (holds, body) in enumerate(arms):
        walker.frame.env = dict(env)
        walker.holds = before + holds
        start = len(walker.events)
        with walker.within("if", uid, number, given=given):
            ends.append(walker.block(body))
        _left(walker, start, ends[-1])
        results.append((walker.frame.env, walker.holds))
    alive = [result for result, end in zip(results, ends, strict=True) if end is None]
    if not alive:
        walker.holds = before
        return "raise" if all(end == "raise" for end in ends) else next(e for e in ends if e != "raise")
    walker.frame.env = _joined(alive, len(before))
    walker.holds = before
    # Where a part of an arm ended, more is so behind it than its condition.
    asked = (len(before) + len(holds) for holds, _ in arms)
    narrowed = any(e is None and len(h) > n for e, (_, h), n in zip(ends, results, asked, strict=True))
    if len(alive) > 1 and (len(alive) < len(results) or narrowed):
        told = common([own[len(before) :] for _, own in alive])
        walker.holds = before + tuple(h for h in told if h.gate.kind == "field" and not h.sticky)
    if len(alive) == 1 and len(results) > 1:
        raises = all(end in (None, "raise") for end in ends)
        own = alive[0][1][len(before) :]
        walker.holds = before + tuple(msgspec.structs.replace(h, sticky=h.sticky or raises) for h in own)
    return None


def _left(walker: Walker, start: int, end: str | None) -> None:
    """A branch that returned, or that raised what nothing catches: a run that took it does not go on behind it."""
    branch = range(start, len(walker.events))
    if end == "return":
        walker.frame.left.append((branch, walker.now))
    elif end == "raise" and not any(step.kind == "try" for step in walker.trail):
        walker.leave(branch, walker.now, inf)


def _match(walker: Walker, node: ir.Match) -> str | None:
    subject = walker.eval(node.subject)
    holds = tuple(Hold(h.gate, None) for h in subject.holds)
    arms: list[tuple[tuple[Hold, ...], Sequence[ir.Stmt]]] = [(holds, case.body) for case in node.cases]
    last = node.cases[-1] if node.cases else None
    if last is None or last.pattern is not None or last.guard is not None:
        arms.append((holds, []))
    return _branches(walker, id(node), arms)


def _for(walker: Walker, node: ir.For) -> str | None:
    source = walker.eval(node.source)
    _loop(walker, node, source, node.target, node.body)
    if not node.orelse:
        return None
    before = walker.holds
    if source.shape in ("rows", "manager"):
        # No row of them made the loop break off.
        walker.holds += (
            Hold(Gate("exists", source.key, source.model, "*", at=(walker.file, node), order=walker.now), False),
        )
    end = walker.block(node.orelse)
    walker.holds = before
    return end


def _while(walker: Walker, node: ir.While) -> str | None:
    before = walker.holds
    test = walker.eval(node.test)
    walker.holds = before + met(test.holds)
    _loop(walker, node, UNKNOWN, None, node.body)
    walker.holds = before
    return walker.block(node.orelse)


def _loop(walker: Walker, node: ir.Node, source: Sym, target: ir.Expr | None, body: Sequence[ir.Stmt]) -> None:
    before, env = walker.holds, walker.frame.env
    walker.frame.env = dict(env)
    uid = hash((id(node), len(walker.frames), walker._number))
    there = _any_of(walker, source, (walker.file, node))
    outer, walker.frame.jumps = walker.frame.jumps, []
    with walker.within("loop", uid):
        for name in _bound_in(body) if walker.frame.settled else ():
            walker.frame.settled.pop(name, None)
        if target is not None:
            item = walker.element(source, (walker.file, node))
            walker.assign(target, item, node)
            walker.holds += walker.row_holds(item, source, (walker.file, node)) + walker.chosen(source)
            walker.holds += there
        end = walker.block(body)
    through = [] if end is not None else [(walker.frame.env, walker.holds)]
    walker.frame.env = _joined([(env, before + negated(there)), *through, *walker.frame.jumps], len(before))
    walker.frame.jumps = outer
    walker.holds = before


def _any_of(walker: Walker, source: Sym, at: At) -> tuple[Hold, ...]:
    """What is so where there is something to go through: rows, what a store holds, or what a call that cannot be read found."""
    there: tuple[Hold, ...] = ()
    if source.shape in ("rows", "manager"):
        there = (Hold(Gate("exists", source.key, source.model, "*", at, walker.now), True),)
    # Of whom it is about it was told, as whoever lists the recipients of a message is.
    kinds = {"opaque", "kept", "cached", "swapped", *(("field",) if "resumed" in source.traits else ())}
    return there + tuple(
        msgspec.structs.replace(h, gate=msgspec.structs.replace(h.gate, given=False))
        for h in met(source.holds)
        if h.gate.kind in kinds
    )


def _bound_in(body: Sequence[ir.Stmt]) -> Iterator[str]:
    """Names that statements assign, whichever turn of a loop it is."""
    for node in (each for statement in body for each in nodes(statement)):
        targets = node.targets if isinstance(node, ir.Assign) else [getattr(node, "target", None)]
        for target in targets:
            yield from (part.id for part in nodes(target) if isinstance(part, ir.Name)) if target is not None else ()


def _try(walker: Walker, node: ir.Try) -> str | None:
    uid = hash((id(node), len(walker.frames), walker._number))
    before, env = walker.holds, walker.frame.env
    start = len(walker.events)
    walker.frame.env = dict(env)
    with walker.within("try", uid):
        end = walker.block(node.body)
    stop, body_env, body_holds = len(walker.events), walker.frame.env, walker.holds
    last = stop
    after: list[tuple[str | None, dict[str, Sym], tuple[Hold, ...]]] = []
    claims: tuple[Hold, ...] = ()
    if end is None or not node.handlers:
        with walker.within("else", uid):
            end = end or walker.block(node.orelse)
        body_env, body_holds, last = walker.frame.env, walker.holds, len(walker.events)
    for number, handler in enumerate(node.handlers):
        names = caught(walker, handler)
        walker.frame.env = _joined([(env, before), (body_env, before)], len(before))
        if handler.name:
            walker.frame.env[handler.name] = Sym(key=walker.fresh(), traits=frozenset({"exception"}))
        walker.holds = before + _absence(walker, handler, names, start, stop)
        walker.caught[uid, number] = tuple(names)
        begin = len(walker.events)
        with walker.within("handler", uid, number):
            handled = walker.block(handler.body)
        _left(walker, begin, handled)
        # `if "duplicate" in str(error): return`, then `raise`: it tells one violation from the others.
        tells = handled != "raise" or any(isinstance(part, ir.If) for part in handler.body)
        if tells and _named(names, _INTEGRITY):
            claims += _swallowed(walker, start, stop, last, handled)
        after.append((handled, walker.frame.env, walker.holds))
    alive = [(e, en, h) for e, en, h in [(end, body_env, body_holds), *after] if e is None]
    if not alive:
        ends = [end, *(e for e, _, _ in after)]
        result: str | None = "raise" if all(e == "raise" for e in ends) else next(e for e in ends if e != "raise")
        walker.frame.env = body_env
        walker.holds = before
    else:
        result = None
        walker.frame.env = _joined([(en, h) for _, en, h in alive], len(before))
        walker.holds = alive[0][2] + claims if len(alive) == 1 else before
    with walker.within("finally", uid):
        final = walker.block(node.final)
    return final or result


_RAISE_ABSENT = frozenset({"get", "latest", "earliest"})


def _absence(walker: Walker, handler: ir.Handler, names: list[str], start: int, stop: int) -> tuple[Hold, ...]:
    """In `except DoesNotExist`: the rows that the block asked for are not there, nor what it asked a store for."""
    asked = [e for e in walker.events[start:stop] if isinstance(e, Call) and is_kept(e.what)]
    kept = tuple(
        Hold(Gate("kept", e.what.rpartition(".")[0], name=e.name, at=e.at, order=e.order), False) for e in asked[:1]
    )
    broad = "*" in names  # that nothing was there is one of the errors
    if not broad and not _named(names, _ABSENT):
        return kept
    found = [e for e in walker.events[start:stop] if isinstance(e, Call) and e.name in _RAISE_ABSENT and e.takes]
    gates = [
        Gate("exists", rows.key, rows.model, ",".join(sorted(rows.fields)), at=e.at, order=e.order)
        for e in found
        for rows in e.takes[:1]
    ]
    exc = handler.catches
    if not gates and isinstance(exc, ir.Attr) and exc.attr == "DoesNotExist":
        # `order.receipt`: what hangs on a row is asked for without a call.
        cls = walker.eval(exc.value)
        model = walker.manager(cls, "objects").model if cls.value is not None else cls.what.removesuffix("()")
        gates.append(Gate("exists", walker.fresh(model), model, "*", at=(walker.file, exc), order=walker.now))
    return (*kept, *(Hold(gate, False, weak=broad) for gate in gates))


def _swallowed(walker: Walker, start: int, stop: int, last: int, handled: str | None) -> tuple[Hold, ...]:
    """Creates in a block whose handler takes a violated constraint: a claim for the rest of the block and its `else`, and for
    what comes after if the handler leaves."""
    claims: list[Hold] = []
    pending = _pending(walker, start, stop)
    for index in (*pending, *range(start, last)):
        event = walker.events[index]
        if not isinstance(event, Act):
            continue
        held = tuple(h for h in claims if h not in event.holds)
        if event.kind.name == "create" and index < stop:
            walker.events[index] = msgspec.structs.replace(event, swallows=True, holds=event.holds + held)
            gate = Gate("claim", f"row:{event.subject.model}", event.subject.model, at=event.at, order=event.order)
            claims.append(Hold(gate, True))
        elif held:
            walker.events[index] = msgspec.structs.replace(event, holds=event.holds + held)
    return tuple(claims) if handled is not None else ()


def _pending(walker: Walker, start: int, stop: int) -> list[int]:
    """Rows that a session of SQLAlchemy was given in front of a block that commits: that is where they are refused."""
    if not any(_commits(event) for event in walker.events[start:stop]):
        return []
    found: list[int] = []
    for index in range(start - 1, -1, -1):
        event = walker.events[index]
        if _commits(event):
            break
        if isinstance(event, Act) and event.what.startswith("session.") and set(event.trail) <= set(walker.trail):
            found.insert(0, index)
    return found


def _commits(event: Event) -> bool:
    return isinstance(event, Call) and event.what == "sqlalchemy.commit"


def caught(walker: Walker, handler: ir.Handler) -> list[str]:
    """The last names of what a handler catches; `*` for everything."""
    if handler.catches is None:
        return ["*"]
    parts = handler.catches.items if isinstance(handler.catches, ir.Seq) else [handler.catches]
    names = [p.attr if isinstance(p, ir.Attr) else _exception(walker, p) for p in parts]
    return ["*" if n in ("Exception", "BaseException") else n for n in names]


def _exception(walker: Walker, node: ir.Expr) -> str:
    """The last name of an exception, whatever the module calls it: `from ... import IntegrityError as Taken`."""
    if not isinstance(node, ir.Name):
        return "?"
    what = walker.eval(node).what
    return node.id if not what or what.startswith("builtins.") else what.rpartition(".")[2]


def _with(walker: Walker, node: ir.With) -> str | None:
    return _items(walker, node, list(node.items))


def _items(walker: Walker, node: ir.With, items: list[ir.WithItem]) -> str | None:
    if not items:
        return walker.block(node.body)
    kind = walker.configured(items[0].context) if walker.taught else ""
    if kind:
        with walker.guarded(kind, (walker.file, items[0].context)):
            return _entered(walker, node, items)
    return _entered(walker, node, items)


def _entered(walker: Walker, node: ir.With, items: list[ir.WithItem]) -> str | None:
    item, rest = items[0], items[1:]
    context = walker.eval(item.context)
    at = (walker.file, item.context)
    if isinstance(context.value, Suspended):
        return _suspended(walker, context.value, node, item, rest)
    entered = enter_context(walker, context, at)
    if item.target is not None:
        walker.assign(item.target, entered, node)
    uid = hash((id(item), len(walker.frames), walker._number))
    before = walker.holds
    # What the project's own context managers do on the way out stands in their `__exit__`.
    taken = () if context.shape == "object" and context.cls is not None else entered.holds
    claim = next((h for h in taken if h.gate.kind == "claim"), None)
    if claim is not None:
        claim = Hold(msgspec.structs.replace(claim.gate, within=True), True)
        walker.holds += (claim,)
    what = context.what
    if what.startswith("contextlib.suppress("):
        return _suppressed(walker, context, node, rest, uid)
    with walker.within("atomic" if opens_transaction(what) else "with", uid):
        end = _items(walker, node, rest)
    if claim is not None:
        walker.holds = before + walker.holds[len(before) + 1 :]
        walker.emit(Release, at, subject=claim.gate.subject)
    exit_context(walker, context, at)
    return end


def _suppressed(walker: Walker, context: Sym, node: ir.With, rest: list[ir.WithItem], uid: int) -> str | None:
    start = len(walker.events)
    with walker.within("try", uid):
        _items(walker, node, rest)
    names = [str(s.what).rpartition(".")[2] or s.key.rpartition(".")[2] for s in context.items]
    if _named(names, _INTEGRITY):
        _swallowed(walker, start, len(walker.events), len(walker.events), None)
    return None


def _suspended(
    walker: Walker, held: Suspended, node: ir.With, item: ir.WithItem, rest: list[ir.WithItem]
) -> str | None:
    """`with` over a generator of the project: the body runs where it yields."""
    ends: list[str | None] = []
    learnt: list[Hold] = []
    outer = tuple(walker.frames)
    here = walker.frame

    def body(value: Sym) -> None:
        if len(ends) > 1:
            return
        frames, walker.frames = walker.frames, list(outer)
        path, walker.path = walker.path, walker.path[: len(here_path)]
        try:
            if item.target is not None:
                walker.assign(item.target, value, node)
            before = walker.holds
            ends.append(_items(walker, node, rest))
            learnt.extend(walker.holds[len(before) :])
        finally:
            walker.frames, walker.path = frames, path

    here_path = walker.path
    function = held.function
    frame = Frame(function.node, function.scope, {})
    frame.owner, frame.yields = function.owner_class, body
    defaults = {name: walker.of(value) for name, value in function.defaults.items()}
    assert isinstance(function.node, ir.Function)
    walker._activate(function.node, frame, held.args, defaults)
    if not ends:
        # The generator could not be followed to its yield: its body runs all the same.
        assert here is walker.frame
        if item.target is not None:
            walker.assign(item.target, UNKNOWN, node)
        ends.append(_items(walker, node, rest))
    walker.holds += tuple(learnt)
    return ends[0] if ends and all(e is not None for e in ends) else None


def enter_context(walker: Walker, context: Sym, at: At) -> Sym:
    """What `as` binds."""
    if context.shape == "object" and context.cls is not None:
        method = walker.method(context.cls, "__enter__")
        if method is not None:
            result = walker.enter(method, Args((context,), {}, at), context)
            return result if result.shape or result.what or result.holds or result.value is not None else context
    if _IS_LOCK.fullmatch(context.what) and not context.holds:
        return walker.entered(context, at)
    return context


def exit_context(walker: Walker, context: Sym, at: At) -> None:
    """What leaving the block does."""
    if context.shape == "object" and context.cls is not None:
        method = walker.method(context.cls, "__exit__")
        if method is not None:
            none = Sym(shape="const", key="None", traits=frozenset({"settled"}))
            given = Args((context, none, none, none), {}, at)
            if _asks_what_was_raised(method):
                walker.enter(method, given, context)
            else:
                with walker.within("finally", hash((id(at[1]), "exit", walker.now))):
                    walker.enter(method, given, context)
    elif _is_session(context.what):
        walker.emit(Save, at, subject="", model="")
    elif _CLOSES.fullmatch(context.what):
        walker.emit(Call, at, what="sqlalchemy.close", name="close", known=True)


def _asks_what_was_raised(method: FunctionValue) -> bool:
    """Whether an `__exit__` looks at the exception: what it does may be done only where there is none."""
    if not isinstance(method.node, ir.Function):
        return True
    raised = {param.name for param in method.node.params[1:]}
    return any(
        isinstance(node, ir.Name) and node.id in raised
        for statement in ir.read_body(method.node)
        for node in nodes(statement)
    )


def _function(walker: Walker, node: ir.Function) -> str | None:
    walker.frame.env[node.name] = Sym(
        value=Closure(node, walker.frame, (walker.file, node)), shape="callable", key=node.name
    )
    return None


def _import(walker: Walker, node: ir.Import) -> str | None:
    for alias in node.names:
        at = (walker.file, alias)
        walker.frame.env[alias.bound] = walker.of(
            walker.machine.module_value(alias.name, walker.frame.scope.module, at)
        )
    return None


def _importfrom(walker: Walker, node: ir.ImportFrom) -> str | None:
    module = walker.frame.scope.module
    base = walker.machine.index.relative(module, node.module, node.level) if node.level else node.module
    for alias in node.names:
        if alias.name != "*":
            at = (module.path, alias)
            walker.frame.env[alias.bound] = walker.of(walker.machine.import_from(base, alias.name, module, at))
    return None


def _delete(walker: Walker, node: ir.Delete) -> str | None:
    for target in node.targets:
        if isinstance(target, ir.Name):
            walker.frame.env.pop(target.id, None)
    return None


def _named(names: list[str], wanted: tuple[str, ...]) -> bool:
    return any(name in wanted for name in names)


def opens_transaction(what: str) -> bool:
    """Whether a context manager or decorator opens a database transaction."""
    return what.endswith(
        (
            "transaction.atomic",
            "transaction.atomic()",
            ".begin()",
            ".begin_nested()",
            "transaction.commit_on_success()",
            "db.atomic()",
        )
    )


_CLOSES = re.compile(r"(sqlalchemy|sqlmodel)\b.*(sessionmaker\(\)\(\)|\.(Async)?Session\(\))")
"""Sessions that drop what was not committed, at the end of the block."""


def _is_session(what: str) -> bool:
    return "sqlalchemy" in what and what.endswith((".begin()", "sessionmaker().begin()"))


Path = tuple[dict[str, Sym], tuple[Hold, ...]]
"""The names after one of several ways through a statement, and what is so there."""


def _joined(paths: list[Path], before: int) -> dict[str, Sym]:
    """The names after one of several ways; the first so many of what is so there was so before."""
    if len(paths) == 1:
        return paths[0][0]
    out = dict(paths[0][0])
    bound: dict[str, list[tuple[Sym, tuple[Hold, ...]]]] = {}
    for env, _ in paths[1:]:
        for name, value in env.items():
            if out.setdefault(name, value) is not value:
                bound[name] = []
    for name, ways in bound.items():
        ways += [(env[name], holds[before:]) for env, holds in paths if name in env]
        values = [value for value, _ in ways]
        if not is_flag(values):
            out[name] = join(values)
            continue
        out[name] = flag(ways)
    return out


STATEMENTS: dict[type, Callable[[Walker, Any], str | None]] = {
    ir.ExprStmt: _exprstmt, ir.Assign: _assign, ir.AnnAssign: _annassign, ir.AugAssign: _augassign, ir.Return: _return,
    ir.Raise: _raise, ir.Assert: _assert, ir.Jump: _jump, ir.If: _if, ir.Match: _match, ir.For: _for, ir.While: _while,
    ir.Try: _try, ir.With: _with, ir.Function: _function, ir.Import: _import, ir.ImportFrom: _importfrom, ir.Delete: _delete,
}  # fmt: skip

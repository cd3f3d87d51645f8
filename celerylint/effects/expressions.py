"""Expressions: what each stands for, and what its truth would mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from celerylint.effects.events import Step
from celerylint.effects.frames import Closure
from celerylint.effects.models import computed, is_expression
from celerylint.effects.records import column, is_document, is_there, item, listed
from celerylint.effects.symbols import (
    BY_VALUE,
    CHOSEN,
    RANDOM,
    RESUMED,
    SET,
    UNKNOWN,
    Gate,
    Hold,
    Sym,
    all_of,
    any_of,
    constant,
    flag,
    inverted,
    is_flag,
    join,
    met,
    missing,
    negated,
    one_of,
)
from celerylint.facts import ir
from celerylint.model import celery_values as cv
from celerylint.model.values import At, Mapping

if TYPE_CHECKING:
    from celerylint.effects.walk import Walker


def _const(walker: Walker, node: ir.Const) -> Sym:
    return constant(node.value)


def _name(walker: Walker, node: ir.Name) -> Sym:
    frame = walker.frames[-1]
    name, env = node.id, frame.env
    held = env.get(name)
    if held is not None:
        return held
    closure = env.get("\0closure")
    while closure is not None and isinstance(closure.value, Closure):
        env = closure.value.frame.env
        held = env.get(name)
        if held is not None:
            return held
        closure = env.get("\0closure")
    at = (frame.scope.module.path, node)
    found = walker.of(walker.machine.lookup(name, frame.scope, at))
    return found if found.client is None else walker.used(found, at)


def _attr(walker: Walker, node: ir.Attr) -> Sym:
    base = walker.eval(node.value)
    at = (walker.file, node)
    found = walker.used(walker.attribute(base, node.attr, at), at)
    if not base.holds:
        return found
    told = tuple(h for h in base.holds if h.gate.kind == "result")
    return msgspec.structs.replace(found, holds=found.holds + told) if told and not found.what else found


def _seq(walker: Walker, node: ir.Seq) -> Sym:
    items = tuple(walker.eval(i.value if isinstance(i, ir.Starred) else i) for i in node.items)
    traits = frozenset[str]().union(*(i.traits for i in items)) & RANDOM
    keys = [i.key for i in items]
    return Sym(
        shape="tuple" if node.kind == "tuple" else "list", items=items, traits=traits,
        key=f"({','.join(keys)})" if all(keys) else "", holds=(),
    )  # fmt: skip


def _dict(walker: Walker, node: ir.DictExpr) -> Sym:
    entries: dict[str, Sym] = {}
    is_open = False
    for key, value in zip(node.keys, node.values, strict=True):
        held = walker.eval(value)
        if key is None:
            entries.update(held.entries)
            is_open = is_open or held.shape != "dict"
            continue
        name = walker.eval(key)
        if isinstance(name.const, str):
            entries[name.const] = held
        for trait in name.traits:
            if trait.startswith("column:"):
                entries[trait[7:]] = held
    traits = frozenset({"open"}) if is_open else frozenset[str]()
    if any(e.random for e in entries.values()):
        traits |= RANDOM
    return Sym(shape="dict", entries=entries, traits=traits)


def _binop(walker: Walker, node: ir.BinOp) -> Sym:
    left, right = walker.eval(node.left), walker.eval(node.right)
    traits = left.traits | right.traits
    what = next((s.what for s in (left, right) if is_expression(s) or s.what == "pathlib.Path()"), "")
    if isinstance(left.const, (int, float)) and isinstance(right.const, (int, float)) and node.op in ("+", "*"):
        return constant(left.const + right.const if node.op == "+" else left.const * right.const)
    if node.op in ("|", "&") and left.shape == right.shape == "rows" and left.model == right.model:
        key = walker.fresh(left.model)
        return msgspec.structs.replace(left, key=key, fields=left.fields | right.fields, holds=())
    if node.op == "|" and (parts := _canvas(left, right)):
        return Sym(shape="canvas", const="chain", items=parts)
    if not any(side.shape == "text" or isinstance(side.const, str) for side in (left, right)):
        traits |= computed(traits)  # `data - "key"` takes a key out of a document
    if node.op in ("+", "-"):
        # `row.n = row.n + 1`: a counter, if it is a number and is put back where it came from.
        traits |= {f"counts:{trait[3:]}" for trait in left.traits | right.traits if trait.startswith("of:")}
    key = f"({left.key}{node.op}{right.key})" if left.key and right.key else ""
    shape = "list" if left.shape == right.shape == "list" else ""
    items = (*left.items, *right.items) if shape else ()
    rest = node.op == "-" and (shape or left.traits | right.traits >= SET)
    holds = (missing((walker.file, node), walker.now),) if rest else ()
    return Sym(
        what=what, traits=traits, key=key, shape=shape, items=items, fields=left.fields | right.fields, holds=holds
    )


def _canvas(left: Sym, right: Sym) -> tuple[Sym, ...]:
    """The signatures of `first.s() | second.s()`; empty where it is something else."""
    if not any(side.shape == "canvas" or isinstance(side.value, cv.Signature) for side in (left, right)):
        return ()
    return tuple(part for side in (left, right) for part in (side.items if side.shape == "canvas" else (side,)))


def _boolop(walker: Walker, node: ir.BoolOp) -> Sym:
    before = walker.holds
    values: list[Sym] = []
    for part in node.values:
        held = walker.eval(part)
        values.append(held)
        walker.holds += met(held.holds) if node.op == "and" else negated(held.holds)
    walker.holds = before
    holds = (all_of if node.op == "and" else any_of)([v.holds for v in values])
    if node.op == "or" and is_document(values[0]) and _is_empty(values[-1]):
        return values[0]  # `row.data or {}`
    joined = join(values) if node.op == "or" else values[-1]
    return msgspec.structs.replace(joined, holds=holds)


def _is_empty(value: Sym) -> bool:
    """Whether something is an empty dict, list or text."""
    return (value.shape in ("dict", "list") and not value.entries and not value.items) or value.const == ""


def _unary(walker: Walker, node: ir.UnaryOp) -> Sym:
    value = walker.eval(node.value)
    if node.op == "not" and "settled" in value.traits and value.shape == "const":
        return Sym(shape="const", const=not value.const, traits=value.traits)
    if node.op == "not" and is_there(walker, value):
        return Sym(shape="const", const=False, traits=frozenset({"settled"}))
    if node.op == "not":
        return Sym(holds=inverted(value.holds), key=f"not {value.key}" if value.key else "")
    if node.op == "-" and isinstance(value.const, (int, float)):
        return constant(-value.const)
    what = value.what if node.op == "~" else ""
    return Sym(what=what, traits=value.traits, key=f"{node.op}{value.key}" if value.key else "", fields=value.fields)


def _compare(walker: Walker, node: ir.Compare) -> Sym:
    left = walker.eval(node.left)
    rights = [walker.eval(right) for right in node.rights]
    op, right = node.ops[0], rights[0]
    if "settled" in left.traits and right.shape == "const" and op in ("is", "is not", "==", "!="):
        same = left.const == right.const
        return Sym(shape="const", const=same if op in ("is", "==") else not same, traits=left.traits)
    if right.shape == "const" and right.const is None and op in ("is", "is not") and is_there(walker, left):
        return Sym(shape="const", const=op == "is not", traits=frozenset({"settled"}))
    key = f"({left.key}{op}{right.key})" if left.key and right.key else ""
    sides = [s for s in (left, *rights) if s.holds]
    if len(rights) == 1 and (changed := _changed(left, right, (walker.file, node), walker.now)) is not None:
        return Sym(key=key, holds=(Hold(changed, None),))
    if len(rights) > 1 or len(sides) != 1:
        return Sym(key=key, holds=tuple(Hold(h.gate, None) for s in sides for h in s.holds))
    asked, other = (left, right) if sides[0] is left else (right, left)
    status = any(h.gate.kind == "answer" and h.gate.name == "status_code" for h in asked.holds)
    answer = _success(op, walker.constants(other)) if status else _truth_of_comparison(op, other)
    if answer is None:
        holds = tuple(Hold(h.gate, None, when=h.when, weak=h.weak) for h in asked.holds)
    else:
        holds = asked.holds if answer else inverted(asked.holds)
    constants = walker.constants(other) if asked is left or op in ("==", "!=", "is", "is not") else ()
    if constants and op in _EQUAL | _UNEQUAL and asked.shape != "row" and BY_VALUE not in asked.traits:
        among = op in _EQUAL
        holds = tuple(
            msgspec.structs.replace(h, asked=constants, among=among) if h.gate.kind == "field" else h for h in holds
        )
    if asked is left:
        holds = tuple(
            msgspec.structs.replace(h, asked=(other,), among=_few_attempts(op, other.const))
            if h.gate.kind == "retries"
            else h
            for h in holds
        )
    return Sym(key=key, holds=holds)


def _changed(left: Sym, right: Sym, at: At, order: int) -> Gate | None:
    """Whether a field of a row is what it was, as a field beside it tells: `self._old_status != self.status`."""
    fields = [hold.gate for side in (left, right) for hold in side.holds[:1] if hold.gate.kind == "field"]
    if (
        len(fields) != 2
        or fields[0].subject != fields[1].subject
        or not any(map(_AS_IT_WAS.match, [f.name for f in fields]))
    ):
        return None
    return Gate("opaque", fields[0].subject, fields[0].model, "changed", at, order, given=True)


_AS_IT_WAS = re.compile(r"_*(old|orig(inal)?|prev(ious)?|initial|cached|loaded|last)_\w+|__\w+")
"""Names of fields that hold what another one was when the row was read."""


def decided(walker: Walker, test: ir.Expr) -> bool | None:
    """How a condition ends that asks nothing but parameters which were given True, False or None."""
    settled = walker.frame.settled
    if not settled:
        return None
    if isinstance(test, ir.Name):
        return bool(settled[test.id]) if test.id in settled else None
    if isinstance(test, ir.UnaryOp) and test.op == "not":
        answer = decided(walker, test.value)
        return None if answer is None else not answer
    if isinstance(test, ir.BoolOp):
        answers = [decided(walker, part) for part in test.values]
        ends = test.op == "or"
        if answers[0] is ends:
            return ends
        return None if None in answers else any(answers) if ends else all(answers)
    if isinstance(test, ir.Compare) and len(test.rights) == 1 and test.ops[0] in ("is", "is not", "==", "!="):
        left, right = test.left, test.rights[0]
        if isinstance(left, ir.Name) and left.id in settled and isinstance(right, ir.Const):
            return (settled[left.id] == right.value) is (test.ops[0] in ("is", "=="))
    return None


def _ifexp(walker: Walker, node: ir.IfExp) -> Sym:
    answer = decided(walker, node.test)
    if answer is not None:
        return walker.eval(node.body if answer else node.orelse)
    test = walker.eval(node.test)
    before = walker.holds
    uid = hash((id(node), len(walker.frames), walker._number))
    walker.holds = before + met(test.holds)
    with walker.within("if", uid, 0):
        body = walker.eval(node.body)
    walker.holds = before + negated(test.holds)
    with walker.within("if", uid, 1):
        orelse = walker.eval(node.orelse)
    walker.holds = before
    if is_flag([body, orelse]):
        return flag([(body, met(test.holds)), (orelse, negated(test.holds))])
    return join([body, orelse])


def _subscript(walker: Walker, node: ir.Subscript) -> Sym:
    base = walker.eval(node.value)
    index = walker.eval(node.index)
    if index.traits >= RESUMED and base.shape not in ("rows", "manager"):
        return msgspec.structs.replace(base, holds=base.holds + index.holds, traits=base.traits | RESUMED)
    if base.shape == "dict" and isinstance(index.const, str) and index.const in base.entries:
        return base.entries[index.const]
    if (
        base.shape in ("tuple", "list")
        and isinstance(index.const, int)
        and -len(base.items) <= index.const < len(base.items)
    ):
        return base.items[index.const]
    if items := walker.callables(base):
        return walker.entry(base, index.const) or by_value(one_of(items), index)
    if isinstance(node.index, ir.SliceExpr) and base.shape in ("rows", "manager", "list"):
        return base
    if base.shape in ("rows", "manager"):
        return walker.element(base, (walker.file, node))
    if is_document(base) and isinstance(index.const, str):
        return item(base, index.const)
    if base.shape == "row" and (found := column(walker, base, index.const, (walker.file, node))) is not None:
        return found
    if isinstance(base.value, cv.AppMember) and base.value.name == "tasks":
        return Sym(what="celery.Celery().tasks[]", const=index.const, key=f"tasks[{index.key}]" if index.key else "")
    if base.what and not base.what.startswith("collections."):
        return Sym(
            what=f"{base.what}[]",
            traits=base.traits & RANDOM,
            key=f"{base.key}[{index.key}]" if base.key and index.key else "",
            holds=tuple(_of_what_was_asked(h) for h in base.holds if h.gate.kind in ("kept", "answer")),
        )
    key = f"{base.key}[{index.key}]" if base.key and index.key else ""
    found = Sym(key=key, traits=base.traits & (RANDOM | {"input"}), holds=base.holds)
    return by_value(found, index) if isinstance(base.value, Mapping) else found


def _of_what_was_asked(hold: Hold) -> Hold:
    """What a part of an answer tells."""
    if hold.gate.kind == "kept":
        return Hold(hold.gate, None)
    return Hold(msgspec.structs.replace(hold.gate, name="[]"), True)


def by_value(found: Sym, index: Sym) -> Sym:
    """What a dict holds under a value: whether there is anything hangs on that, as on the state of a row."""
    asked = tuple(Hold(h.gate, None, weak=h.weak) for h in index.holds if h.gate.kind in ("field", "opaque"))
    if not asked:
        return found
    return msgspec.structs.replace(found, holds=found.holds + asked, traits=found.traits | {BY_VALUE})


def _slice(walker: Walker, node: ir.SliceExpr) -> Sym:
    lower = walker.eval(node.lower) if node.lower is not None else UNKNOWN
    asked = tuple(Hold(h.gate, None) for h in lower.holds if h.gate.kind == "field")
    return Sym(holds=asked, traits=RESUMED) if asked else UNKNOWN


def _fstring(walker: Walker, node: ir.FString) -> Sym:
    parts = [walker.eval(part) for part in node.parts]
    traits = frozenset[str]().union(*(p.traits for p in parts))
    keys = [p.key for p in parts]
    texts = [p.const for p in parts]
    const = "".join(map(str, texts)) if parts and all(p.shape == "const" for p in parts) else None
    if const is not None:
        return constant(const)
    head = parts[0].const if parts and isinstance(parts[0].const, str) else None
    # Of unknown parts it is the same text wherever the name that it is bound to stands.
    key = f"f({','.join(keys)})" if all(keys) else "" if RANDOM & traits else walker.fresh("text")
    return Sym(key=key, traits=traits - {"open"}, shape="text", const=head, items=tuple(parts[-1:]))


def _lambda(walker: Walker, node: ir.LambdaExpr) -> Sym:
    return Sym(value=Closure(node, walker.frame, (walker.file, node)), shape="callable")


def _starred(walker: Walker, node: ir.Starred) -> Sym:
    return walker.eval(node.value)


def _comp(walker: Walker, node: ir.Comp) -> Sym:
    env, before, trail = walker.frame.env, walker.holds, walker.trail
    walker.frame.env = dict(env)
    uid = hash((id(node), len(walker.frames), walker._number))
    walker.trail = (*trail, Step("loop", uid, 0))
    try:
        for generator in node.generators:
            source = walker.eval(generator.source)
            listed(walker, source, (walker.file, node))
            item = walker.element(source, (walker.file, node))
            walker.assign(generator.target, item, node)
            walker.holds += walker.row_holds(item, source, (walker.file, node))
            for condition in generator.conditions:
                walker.holds += met(walker.eval(condition).holds)
        if node.key is not None:
            walker.eval(node.key)
        value = walker.eval(node.value)
        chosen = walker.holds[len(before) :]
    finally:
        walker.frame.env, walker.holds, walker.trail = env, before, trail
    if node.key is not None and source.shape == "items":
        return source.items[0]  # `{name: str(value) for name, value in row.items()}`
    entries = {CHOSEN: Sym(holds=chosen)} if chosen and value.key and value.key == item.key else {}
    holds = tuple(Hold(h.gate, True) for h in source.holds if h.gate.kind in ("answer", "kept"))
    if source.shape in ("rows", "manager"):
        holds = (Hold(Gate("exists", source.key, source.model, "*", (walker.file, node), walker.now), True),)
    return Sym(shape="list", items=(value,), traits=value.traits & RANDOM, entries=entries, holds=holds)


def _await(walker: Walker, node: ir.Await) -> Sym:
    return walker.eval(node.value)


def _yield(walker: Walker, node: ir.Yield) -> Sym:
    value = walker.eval(node.value) if node.value is not None else constant(None)
    if walker.frame.yields is not None:
        walker.frame.yields(value)
    else:
        walker.frame.yielded.append((value, walker.holds))
    return UNKNOWN


def _walrus(walker: Walker, node: ir.Walrus) -> Sym:
    value = walker.eval(node.value)
    walker.frame.env[node.name] = value
    walker.frame.settled.pop(node.name, None)
    return value


def _few_attempts(op: str, number: object) -> bool:
    """Whether a comparison of the number of the attempt is true of one attempt, or the last ones, and not of most."""
    if op in _UNEQUAL or (op == ">" and number == 0) or (op == ">=" and number == 1):
        return False
    return op not in ("<", "<=") or number in (0, 1)


_EQUAL = frozenset({"==", "is", "in"})
_UNEQUAL = frozenset({"!=", "is not", "not in"})


def _success(op: str, codes: Sequence[Sym]) -> bool | None:
    """Whether a comparison with status codes of HTTP means that what was asked for is there; None if that is not known."""
    found = {isinstance(code.const, int) and 200 <= code.const < 300 for code in codes}
    if len(found) != 1 or op not in _EQUAL | _UNEQUAL:
        return None
    return found.pop() is (op in _EQUAL)


def _truth_of_comparison(op: str, other: Sym) -> bool | None:
    """Whether a comparison with a constant means that the other side is true, or that it is false; None if neither."""
    if other.shape != "const":
        return None
    value = other.const
    nothing = value is None or value is False or value == 0 or value == ""
    if op in ("is", "=="):
        return False if nothing else True if value is True or value == 1 else None
    if op in ("is not", "!="):
        return True if nothing else False if value is True else None
    if op in (">",) and value == 0:
        return True
    if op in (">=",) and value == 1:
        return True
    if op in ("<",) and value == 1:
        return False
    return None


EXPRESSIONS: dict[type, Callable[[Walker, Any], Sym]] = {
    ir.Const: _const, ir.Name: _name, ir.Attr: _attr, ir.Call: lambda walker, node: walker.call(node), ir.Seq: _seq,
    ir.DictExpr: _dict, ir.BinOp: _binop, ir.BoolOp: _boolop, ir.UnaryOp: _unary, ir.Compare: _compare, ir.IfExp: _ifexp,
    ir.Subscript: _subscript, ir.SliceExpr: _slice, ir.FString: _fstring, ir.LambdaExpr: _lambda, ir.Starred: _starred,
    ir.Comp: _comp, ir.Await: _await, ir.Yield: _yield, ir.Walrus: _walrus,
}  # fmt: skip

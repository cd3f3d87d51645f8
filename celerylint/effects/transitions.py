"""Methods of rows under a state machine of django-fsm: they raise unless the row is in a state, and leave it in another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from celerylint.effects.symbols import Gate, Hold, Sym, constant
from celerylint.facts import ir
from celerylint.model.values import At, FunctionValue, Made

if TYPE_CHECKING:
    from celerylint.effects.walk import Walker

_DECORATORS = frozenset({"django_fsm.transition", "django_fsm_2.transition", "viewflow.fsm.transition"})


def pass_through(walker: Walker, method: FunctionValue, row: Sym, at: At) -> None:
    """What a decorated method of a row asks and sets: `@transition(field=state, source="new", target="sent")`."""
    for made in method.wrappers:
        if not isinstance(made, Made) or made.maker not in _DECORATORS or made.at is None:
            continue
        call = made.at[1]
        given = {k.name: k.value for k in call.keywords} if isinstance(call, ir.Call) else {}
        field = given.get("field", call.args[0] if isinstance(call, ir.Call) and call.args else None)
        name = field.id if isinstance(field, ir.Name) else field.value if isinstance(field, ir.Const) else None
        if not isinstance(name, str):
            continue
        source, target = walker.eval(given.get("source", _ANY)), walker.eval(given.get("target", _ANY))
        states = tuple(s for s in (source.items or (source,)) if s.const is not None)
        if states and all(state.const not in ("*", "+") for state in states):
            gate = Gate("field", row.key, row.model, name, at, walker.now, loop=walker.loop)
            walker.holds += (Hold(gate, None, sticky=True, asked=states),)
        walker.set_field(row, name, constant(target.const), at)


_ANY = ir.Const(0, 0, 0, 0, "*")

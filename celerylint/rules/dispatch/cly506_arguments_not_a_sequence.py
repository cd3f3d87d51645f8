"""CLY506."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.facts import ir
from celerylint.finding import Confidence, Finding, Fix, Severity
from celerylint.model.project import Dispatch, Project
from celerylint.model.values import At, Mapping, Member, Scalar, Sequence, Unknown, Value, forced
from celerylint.rules import mending
from celerylint.rules.base import Rule
from celerylint.rules.dispatch.binding import callers_choose, changes_calls, names_its_task

_CHECKED = frozenset({"apply_async", "apply_async_on_commit"})
_METHODS = _CHECKED | {"apply", "send_task", "signature", "subtask"}


class ArgumentsNotASequence(Rule):
    """The arguments of the task are one value and no list or tuple: the call raises TypeError, or spells a string out.

    `apply_async`, `send_task` and `signature` take the task's arguments as a sequence. `args=(order_id)` is not a tuple
    of one but the order's number in parentheses, which Python drops: the comma makes the tuple. A number raises
    TypeError where the task is sent. A string is taken apart, each letter being an argument: TypeError as well, or, for
    a task that happens to take that many, a run with letters for arguments.

    Where nothing is known of the value, it is reported only if it stands in parentheses of its own: `args=(order.pk)`.

    ## What to do

    Write the comma, `args=(order_id,)`, or a list, `args=[order_id]`. `delay(order_id)` takes the arguments as they are.

    ## Fix safety

    The fix writes the comma, `args=(order_id,)`, or makes a tuple of a text or number. It is safe: as it is written, the
    call fails, or sends letters.

    [Calling tasks](https://docs.celeryq.dev/en/stable/userguide/calling.html#basics)
    """

    code = "CLY506"
    name = "arguments-not-a-sequence"
    summary = "The arguments of a task are given as one value instead of a list or tuple."
    severity = Severity.ERROR
    bad = """\
from celery import shared_task


@shared_task
def ship(order_id): ...


def checkout(order):
    ship.apply_async(args=(order.pk), countdown=10)
"""
    good = """\
from celery import shared_task


@shared_task
def ship(order_id): ...


def checkout(order):
    ship.apply_async(args=(order.pk,), countdown=10)
"""

    def check_dispatch(self, dispatch: Dispatch, project: Project) -> Iterable[Finding]:
        if dispatch.method not in _METHODS or (dispatch.task is not None and changes_calls(dispatch.task)):
            return
        first = 1 if names_its_task(dispatch) else 0
        value = dispatch.args.get(first, "args")
        held = forced(value) if value is not None else None
        if held is None:
            return
        what = _what(held)
        unsure = not what and _in_parentheses(dispatch, held)
        if not (what or unsure) or (not unsure and callers_choose(dispatch)):
            return
        name = f"`{dispatch.task_name}`" if dispatch.task_name else "the task"
        yield self.finding(
            _where(dispatch),
            f"{name} is given {what or 'a value in parentheses, which is no tuple,'} where a list or tuple of its"
            f" arguments belongs: {_outcome(dispatch, what)}",
            "write the comma that makes a tuple, args=(x,), or a list, args=[x]",
            symbol=dispatch.task_name or "",
            confidence=Confidence.MEDIUM if unsure else None,
            fix=_as_tuple(dispatch, held, unsure),
        )


def _as_tuple(dispatch: Dispatch, held: Value, unsure: bool) -> Fix | None:
    path, node = dispatch.at
    keyword = next((k for k in node.keywords if k.name == "args"), None) if isinstance(node, ir.Call) else None
    if keyword is None and isinstance(node, ir.Call) and node.args and isinstance(node.args[0], ir.Const):
        return _first_as_tuple(node, node.args[0], path) if isinstance(held, Scalar) else None
    if keyword is None or not (unsure or (isinstance(held, Scalar) and isinstance(keyword.value, ir.Const))):
        return None
    value = keyword.value
    if (keyword.end_line, keyword.end_col) != (value.end_line, value.end_col):
        return mending.safe("write the comma that makes a tuple", mending.behind(value, path, ","))
    edits = (mending.before(value, path, "("), mending.behind(value, path, ",)"))
    return mending.safe("make it a tuple", *edits)


def _first_as_tuple(call: ir.Call, value: ir.Const, path: str) -> Fix | None:
    """`apply_async((1))` and `apply_async(1)` with a tuple; nothing where more stands around the number or text."""
    beside = value.col - call.func.end_col if value.line == call.func.end_line else 0
    if call.args[0] is not value or beside not in (1, 2):
        return None
    if beside == 2:
        return mending.safe("write the comma that makes a tuple", mending.behind(value, path, ","))
    return mending.safe("make it a tuple", mending.before(value, path, "("), mending.behind(value, path, ",)"))


def _what(value: Value) -> str:
    """What is surely no list or tuple, in words; empty for all else."""
    if isinstance(value, Scalar) and value.value:
        return "a string" if isinstance(value.value, str) else f"a {type(value.value).__name__}"
    if isinstance(value, Mapping):
        return "a dict" if value.items or value.open else ""
    if isinstance(value, Sequence) and value.kind in ("set", "frozenset") and value.items:
        return "a set"
    return "one value" if isinstance(value, Member) else ""


def _outcome(dispatch: Dispatch, what: str) -> str:
    if what == "a string":
        return "each letter is taken for an argument"
    if dispatch.method in ("signature", "subtask"):
        return "it is iterated over, and a number raises TypeError" if not what else f"{what} is iterated over"
    return f"{dispatch.method}() raises TypeError" if what else f"{dispatch.method}() raises TypeError unless it is one"


def _in_parentheses(dispatch: Dispatch, value: Value) -> bool:
    """Whether it is written `args=(x)`, and x is nothing that is likely to be a sequence."""
    node = dispatch.at[1]
    if not isinstance(value, Unknown) and not hasattr(value, "dotted"):
        return False
    keyword = next((k for k in node.keywords if k.name == "args"), None) if isinstance(node, ir.Call) else None
    if keyword is None or not isinstance(keyword.value, (ir.Name, ir.Attr, ir.Subscript)):
        return False
    written = keyword.value
    name = written.attr if isinstance(written, ir.Attr) else written.id if isinstance(written, ir.Name) else ""
    wrapped = (keyword.end_line, keyword.end_col) != (written.end_line, written.end_col)
    return wrapped and not name.lower().endswith(("s", "list", "tuple", "data"))


def _where(dispatch: Dispatch) -> At:
    entry = dispatch.args.keywords.get("args")
    return entry.at if entry is not None and entry.at is not None and entry.at[0] == dispatch.at[0] else dispatch.at

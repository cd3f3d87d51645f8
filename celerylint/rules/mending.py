"""How rules offer fixes: edits at the places that the model knows."""

from __future__ import annotations

import re
from collections.abc import Iterable

from celerylint.facts import ir
from celerylint.facts.lower import decode_source
from celerylint.finding import (
    DeleteLines,
    Edit,
    Fix,
    InsertText,
    Needed,
    Place,
    RemoveKeyword,
    ReplaceExpr,
    ReplaceText,
    SetKeyword,
    Span,
)
from celerylint.model.celery_values import TaskMaker
from celerylint.model.project import Decision, Project, Task
from celerylint.model.values import At, FunctionValue, Scalar, Sequence, Value, forced, place
from celerylint.rules.body import Body
from celerylint.rules.flow import within

WIDE = 88
"""Columns: what would reach beyond is folded."""

_BRACKET = re.compile(r"[ \t]*\(")

_WIDER = 100
"""Columns beyond which it is folded once more."""

INTERVAL = Needed("celery.utils.time", "get_exponential_backoff_interval")


def safe(title: str, *edits: Edit) -> Fix:
    """A fix that keeps what runs, or is plainly what was meant."""
    return Fix(title, "safe", edits)


def unsafe(title: str, *edits: Edit) -> Fix:
    """A fix that changes what runs."""
    return Fix(title, "unsafe", edits)


def set_at(at: At, needs: Iterable[Needed] = (), **values: str) -> list[Edit]:
    """Options set at a place: a call, a decorator, a class, or beside another option."""
    return [SetKeyword(place(at), name, value, tuple(needs)) for name, value in values.items()]


def quoted(text: str) -> str:
    """A text of the project, which may be anything, as Python writes it: in double quotes wherever it can be."""
    return f'"{text}"' if text.isprintable() and not set(text) & set('"\\') else repr(text)


def before(node: ir.Node, path: str, text: str) -> InsertText:
    """A text right before a node."""
    return InsertText(Place(path, Span(node.line, node.col, node.line, node.col)), text)


def behind(node: ir.Node, path: str, text: str) -> InsertText:
    """A text right behind a node."""
    return InsertText(Place(path, Span(node.end_line, node.end_col, node.end_line, node.end_col)), text)


def statements_before(node: ir.Node, path: str, text: str, needs: Iterable[Needed] = ()) -> ReplaceExpr:
    """Lines right before a node that starts one, indented as it is."""
    return ReplaceExpr(Place(path, Span(node.line, node.col, node.line, node.col)), f"{text}\n", tuple(needs))


def partial_of(
    call: ir.Call,
    path: str,
    project: Project,
    start: Span | None = None,
    given_to: str = "",
    more: str = "",
    needs: Iterable[Needed] = (),
) -> list[Edit]:
    """`partial(f, x)` in place of `f(x)`, and of all that stands from `start` on; or `given_to(partial(f, x)more)`.

    What `f` is given on lines of its own stays there; an `f` that is given nothing needs no partial. Nothing for a lone
    generator, which cannot stand beside another argument, or where more than blanks stand before the bracket.
    """
    func = call.func
    blanks = _BRACKET.match(text_of(call, path, project)[len(text_of(func, path, project)) :])
    lone = len(call.args) == 1 and isinstance(call.args[0], ir.Comp) and call.args[0].kind == "generator"
    if lone or blanks is None:
        return []
    line, column = (start.line, start.column) if start is not None else (func.line, func.col)
    given = min([*call.args, *call.keywords], key=lambda node: (node.line, node.col), default=None)
    below = given is not None and given.line > func.end_line
    added = len(".".join(given_to.split(".")[-2:])) + len(more) + (len("(partial( )") if given is not None else 0)
    wide = bool(given_to) and call.line == call.end_line and call.end_col - 1 + added > WIDE
    wider = wide and given is not None and call.end_col - 1 + len("    partial( ") > _WIDER
    text = f"{given_to}(" + ("\n    " if wide else "") if given_to else ""
    if given is not None:
        text += "functools.partial(" + ("\n        " if wider else "\n    " if below else "")
        needs = (*needs, Needed("functools", "partial"))
    opening = ReplaceExpr(Place(path, Span(line, column, func.line, func.col)), text, tuple(needs))
    closing = f"{more}\n)" if wide else f"{more})" if given_to else ""
    if given is None:
        brackets = Place(path, Span(func.end_line, func.end_col, call.end_line, call.end_col))
        return [opening, ReplaceExpr(brackets, closing)]
    bracket = Place(path, Span(func.end_line, func.end_col, func.end_line, func.end_col + blanks.end()))
    end = Place(path, Span(call.end_line, call.end_col, call.end_line, call.end_col))
    last = Place(path, Span(call.end_line, call.end_col - 1, call.end_line, call.end_col - 1))
    return [
        opening,
        ReplaceText(bracket, "," if below else ", "),
        *([ReplaceExpr(last, "\n    ")] if wider else ()),
        *([ReplaceExpr(end, closing)] if given_to else ()),
    ]


def without(at: At) -> RemoveKeyword:
    """Without a keyword, an assignment, or an entry of a dict."""
    return RemoveKeyword(place(at))


def renamed(at: At, name: str, new: str) -> ReplaceText | None:
    """Another name for what is written at a place: a keyword, the target of an assignment, a key; None for anything else."""
    path, node = at
    if isinstance(node, ir.Const):
        return ReplaceText(place(at), quoted(new)) if node.value == name else None
    if isinstance(node, ir.Keyword):
        return ReplaceText(Place(path, Span(node.line, node.col, node.line, node.col + len(name))), new)
    target = node.target if isinstance(node, ir.AnnAssign) else None
    if isinstance(node, ir.Assign) and len(node.targets) == 1:
        target = node.targets[0]
    if isinstance(target, ir.Name) and target.id == name:
        return ReplaceText(place((path, target)), new)
    if isinstance(target, ir.Attr) and target.attr == name:
        start = target.end_col - len(name)
        return ReplaceText(Place(path, Span(target.end_line, start, target.end_line, target.end_col)), new)
    return None


# --- where a value is written -----------------------------------------------------------------------------------------


def written(decision: Decision) -> At | None:
    """The expression that an option's value is: where it is set, or in the constant that it is taken from."""
    held = expression(decision.at)
    raw = forced(decision.raw) if decision.raw is not None else None
    at = raw.at if raw is not None else None
    if held is None or at is None or not isinstance(held[1], (ir.Name, ir.Attr)):
        return held
    return at if isinstance(raw, Scalar) and isinstance(at[1], ir.Const) else held


def expression(at: At | None) -> At | None:
    """The value of what is written at a place: a keyword, an assignment."""
    node = at[1] if at is not None else None
    if at is None or not isinstance(node, (ir.Keyword, ir.Assign, ir.AnnAssign)) or node.value is None:
        return None
    return at[0], node.value


def replaced(decision: Decision, text: str, needs: Iterable[Needed] = ()) -> list[Edit]:
    """An option's value in place of the one it has, where that is written; nothing if that cannot be seen."""
    at = written(decision)
    if at is not None:
        return [ReplaceExpr(place(at), text, tuple(needs))]
    return []


def item_of(held: Value | None, wanted: Value) -> tuple[At, At] | None:
    """A display and where one of its items stands in it; None where the value is not written as one, item by item."""
    value = forced(held) if held is not None else None
    if not isinstance(value, Sequence) or value.at is None:
        return None
    path, node = value.at
    if (
        not isinstance(node, ir.Seq)
        or len(node.items) != len(value.items)
        or any(isinstance(item, ir.Starred) for item in node.items)
    ):
        return None
    found = next((n for n, item in zip(node.items, value.items, strict=True) if forced(item) is wanted), None)
    return (value.at, (path, found)) if found is not None else None


def one_each(items: Iterable[str], brackets: str = "()") -> str:
    """Items in brackets, each on a line of its own."""
    return brackets[0] + "".join(f"\n    {item}," for item in items) + f"\n{brackets[1]}"


def text_of(node: ir.Node, path: str, project: Project) -> str:
    """A node as it is written; empty where its file cannot be read."""
    held = _lines(path, project)[node.line - 1 : node.end_line]
    if held:
        held[-1] = held[-1][: node.end_col - 1]
        held[0] = held[0][node.col - 1 :]
    return "\n".join(held)


def is_commented(at: At, project: Project) -> bool:
    """Whether a comment ends the line that a node ends on, or stands above it: it may say why it is so."""
    path, node = at
    lines = _lines(path, project)
    if not 0 < node.end_line <= len(lines):
        return False
    above = lines[node.line - 2].lstrip() if node.line > 1 else ""
    return "#" in lines[node.end_line - 1][node.end_col - 1 :] or above.startswith("#")


def lines_without(node: ir.Node, path: str, project: Project) -> DeleteLines:
    """Without the lines of a statement, and without one of the blank lines around it where there are two."""
    lines = _lines(path, project)
    around = [lines[number].strip() for number in (node.line - 2, node.end_line) if 0 <= number < len(lines)]
    first = node.line - 1 if not any(around) and len(around) == 2 else node.line
    return DeleteLines(path, first, node.end_line)


def _lines(path: str, project: Project) -> list[str]:
    try:
        text = decode_source(project.source(path) or b"")
    except (SyntaxError, UnicodeDecodeError, LookupError):
        return []
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def spelled(node: ir.Expr) -> str | None:
    """A dotted name as text; None for anything else."""
    if isinstance(node, ir.Name):
        return node.id
    if isinstance(node, ir.Attr):
        holder = spelled(node.value)
        return f"{holder}.{node.attr}" if holder else None
    return None


# --- what else it touches ---------------------------------------------------------------------------------------------


def takes_options(task: Task) -> bool:
    """Whether an option may be added at the place that makes a task, for it alone: its class, or a decorator of its own
    that is Celery's or hands options on.
    """
    path, node = task.at
    if task.value.opened:
        return False
    function = task.value.function.innermost.node if task.value.function is not None else None
    if not isinstance(function, ir.Function):
        return isinstance(node, ir.Class)
    if path != task.path or all(decorator.span != node.span for decorator in function.decorators):
        return False  # made by a call, which may stand in a decorator of the project and make others too
    maker = _maker(task)
    if isinstance(maker, TaskMaker):
        return False  # what `app.task(...)` gave back takes functions alone
    if maker is None and not isinstance(node, ir.Call):
        # Nobody knows whether it may be called, unless it is called as Celery's are.
        return (
            (spelled(node) or "").rpartition(".")[2] in ("task", "shared_task") if isinstance(node, ir.Attr) else True
        )
    if not isinstance(maker, FunctionValue):
        return True
    params = maker.innermost.node.params
    return isinstance(node, ir.Call) and any(param.kind == "var-keyword" for param in params)


def _maker(task: Task) -> Value | None:
    """What decorates the function of a task, as far as its module tells."""
    node = task.at[1]
    while isinstance(node, ir.Call):
        node = node.func
    function = task.value.function
    if function is None or not isinstance(node, (ir.Name, ir.Attr)):
        return None
    return Body(task.at[0], [], function.innermost.scope).meaning(node, read=False)


def own(task: Task, at: At) -> bool:
    """Whether a place is the task's own decorator or class: nothing else depends on it."""
    return at[0] == task.at[0] and within(at[1], task.at[1])


def sharing(at: At, option: str, project: Project) -> list[Task]:
    """The tasks that take an option from a place."""
    return list(project.takers_of().get((option, at[0], at[1].span), ()))


def shared_by(at: At, option: str, project: Project) -> int:
    """How many tasks take an option from a place."""
    return len(sharing(at, option, project))


def also(at: At, option: str, project: Project) -> str:
    """What a fix at a place says of the other tasks that it touches; empty if there are none."""
    count = shared_by(at, option, project)
    return f", for all {count} tasks that take it from there" if count > 1 else ""

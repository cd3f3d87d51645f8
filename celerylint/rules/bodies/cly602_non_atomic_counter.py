"""CLY602."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.effects.behaviour import Behaviour
from celerylint.effects.events import Act, Save, Trace, Write, covers
from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.finding import Edit, Finding, Fix, Needed, Place, ReplaceExpr, Severity, Span
from celerylint.model.project import Project
from celerylint.model.values import ClassValue, External, place
from celerylint.rules import mending
from celerylint.rules.base import Rule
from celerylint.rules.bodies.telling import way
from celerylint.rules.dispatch.instances import lineage
from celerylint.rules.flow import Spot, written_in


class NonAtomicCounter(Rule):
    """Two runs at the same time read the same number, and one of the two additions is lost.

    `row.n += 1` reads the number that this process fetched earlier, adds to it in Python, and `save()` writes the result
    over whatever has become of the row in the meantime. Workers do exactly that beside each other: of two runs that both
    read 7, both write 8.

    A row that was fetched under `select_for_update` is left alone, and so are a row that the task made itself and a field
    that it set before it counts.

    ## What to do

    Let the database add: `Page.objects.filter(pk=pk).update(hits=F("hits") + 1)`; in SQLAlchemy
    `page.hits = Page.hits + 1`. A second run of the task still counts twice; see CLY601.

    ## Fix safety

    The fix lets the database add when the row is saved: `page.hits = F("hits") + 1`, in SQLAlchemy `page.hits = Page.hits + 1`.
    It is offered where the function saves the row once and does nothing else with it, or with the number, that could see
    that it is no number until the row is fetched again. It is unsafe: a `save` of your own, or who listens to it, may look.

    [F() expressions](https://docs.djangoproject.com/en/stable/ref/models/expressions/#avoiding-race-conditions-using-f),
    [Tasks: state](https://docs.celeryq.dev/en/stable/userguide/tasks.html#state)
    """

    code = "CLY602"
    name = "non-atomic-counter"
    summary = "A number of a fetched row is counted in Python and saved: runs beside each other lose additions."
    severity = Severity.WARNING
    bad = """\
from celery import Celery
from django.db import models

app = Celery("shop", broker="redis://")


class Page(models.Model):
    hits = models.IntegerField(default=0)


@app.task
def count(pk):
    page = Page.objects.get(pk=pk)
    page.hits += 1
    page.save()
"""
    good = """\
from celery import Celery
from django.db import models

app = Celery("shop", broker="redis://")


class Page(models.Model):
    hits = models.IntegerField(default=0)


@app.task
def count(pk):
    page = Page.objects.get(pk=pk)
    page.hits = models.F("hits") + 1
    page.save()
"""

    def check_behaviour(self, behaviour: Behaviour, project: Project) -> Iterable[Finding]:
        task, trace = behaviour.task, behaviour.trace
        for write in trace.of(Write):
            if not write.counter or write.locked or not _saved(write, trace) or _locked(write) or _reset(write, trace):
                continue
            if _refused(write, trace):
                continue
            yield self.finding(
                write.at,
                f"`{write.name}` is counted in Python and saved: two runs of {task.name} at the same time read the same number,"
                " and one addition is lost",
                f'let the database add: .update({write.name}=F("{write.name}") + ...)',
                symbol=task.name,
                related=way(task, write),
                fix=_by_the_database(write, project),
            )


def _refused(write: Write, trace: Trace) -> bool:
    """Whether the run goes on where the database refused what it read meanwhile: a row that only one can make of it, or a
    version that another run has raised."""
    tried = {step.node for step in write.trail if step.kind == "try"}
    taken = {name for (node, _), names in trace.caught.items() if node in tried for name in names}
    made = any(
        act.kind.name == "create" and any(step.kind == "try" and step.node in tried for step in act.trail)
        for act in trace.of(Act)
    )
    return "StaleDataError" in taken or (made and "IntegrityError" in taken)


def _by_the_database(write: Write, project: Project) -> Fix | None:
    """The field made of itself in the database, where nobody looks at it before it is fetched again."""
    found = written_in(write.at, project)
    if found is None:
        return None
    function, spot = found
    statement = spot.statement
    target = statement.target if isinstance(statement, ir.AugAssign) else None
    if isinstance(statement, ir.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
    if not isinstance(target, ir.Attr) or not isinstance(target.value, ir.Name):
        return None
    row, column = target.value.id, _column(write, spot)
    saves = "commit" if column is not None and not column.needs else "save"
    value = getattr(statement, "value", None)
    counted = [value.left] if isinstance(value, ir.BinOp) and not isinstance(statement, ir.AugAssign) else []
    if column is None or not _is_unseen(ir.read_body(function), row, target, counted, saves):
        return None
    edits = _computed(statement, target, column, write.at[0])
    return mending.unsafe("let the database add", *edits) if edits else None


def _column(write: Write, spot: Spot) -> ReplaceExpr | None:
    """How an expression of the database names the field, at no place yet."""
    name = write.model.rpartition(".")[2]
    cls = spot.body.meaning(ir.Name(0, 0, 0, 0, name)) if name else None
    if not isinstance(cls, ClassValue):
        return None
    bases = [base.dotted for base in lineage(cls) if isinstance(base, External)]
    nowhere = Place(write.at[0], Span(0, 0, 0, 0))
    if any(base.endswith("db.models.Model") for base in bases):
        return ReplaceExpr(nowhere, f'django.db.models.F("{write.name}")', (Needed("django.db.models", "F"),))
    return ReplaceExpr(nowhere, f"{name}.{write.name}") if _is_mapped(cls) else None


def _is_mapped(cls: ClassValue) -> bool:
    """Whether a class of the project is a table of SQLAlchemy's."""
    return any(
        isinstance(target, ir.Name) and target.id == "__tablename__"
        for statement in cls.node.body
        if isinstance(statement, ir.Assign)
        for target in statement.targets
    )


def _is_unseen(body: list[ir.Stmt], row: str, target: ir.Attr, counted: list[ir.Expr], saves: str) -> bool:
    """Whether a function stores a row once after its field is written, and else does not look at it again."""
    inside = [node for statement in body for node in nodes(statement)]
    of_row = [n for n in inside if isinstance(n, ir.Attr) and isinstance(n.value, ir.Name) and n.value.id == row]
    own = {target.span, *(n.span for n in counted)}
    reads = [n for n in of_row if n.attr == target.attr and n.span not in own]
    called = [n for n in inside if isinstance(n, ir.Call) and isinstance(n.func, ir.Attr) and n.line > target.line]
    stores = [n for n in called if isinstance(n.func, ir.Attr) and n.func.attr == saves]
    if saves == "save":
        stores = [n for n in stores if n.func in of_row]
    methods = [n for n in called if n.func in of_row and n not in stores]
    held = {n.value.span for n in of_row}
    added = {a.span for n in called if isinstance(n.func, ir.Attr) and n.func.attr == "add" for a in n.args}
    bare = [n for n in inside if isinstance(n, ir.Name) and n.id == row and n.line > target.line]
    bare = [n for n in bare if n.span not in held | added]
    return len(stores) == 1 and not (reads or methods or bare)


def _computed(statement: ir.Stmt, target: ir.Attr, column: ReplaceExpr, path: str) -> list[Edit]:
    """`x.n = F("n") + 1` in place of `x.n += 1` or `x.n = x.n + 1`, where nothing stands in brackets."""
    if isinstance(statement, ir.AugAssign) and statement.op in ("+", "-"):
        value = statement.value
        if (value.line, value.col) != (target.end_line, target.end_col + len(" += ")):
            return []
        between = Place(path, Span(target.end_line, target.end_col, value.line, value.col))
        whole: list[Edit] = [ReplaceExpr(between, f" = {column.text} {statement.op} ", column.needs)]
        if not isinstance(value, (ir.Const, ir.Name, ir.Attr, ir.Call, ir.Subscript)):
            whole += [mending.before(value, path, "("), mending.behind(value, path, ")")]
        return whole
    made = statement.value if isinstance(statement, ir.Assign) else None
    if isinstance(made, ir.BinOp) and made.op in ("+", "-") and isinstance(made.left, ir.Attr):
        return [ReplaceExpr(place((path, made.left)), column.text, column.needs)]
    return []


def _reset(write: Write, trace: Trace) -> bool:
    """Whether the run set the field itself before: it adds to that, and not to what it fetched."""
    return any(
        earlier.order < write.order and not earlier.counter and covers(earlier, write)
        for earlier in trace.of(Write)
        if earlier.name == write.name and earlier.subject == write.subject
    )


def _saved(write: Write, trace: Trace) -> bool:
    return any(
        save.order > write.order and save.subject in ("", write.subject) and (save.subject or not save.model)
        for save in trace.of(Save)
    )


def _locked(write: Write) -> bool:
    """Whether a lock that others take too is held."""
    return any(
        (hold.gate.kind in ("claim", "locked") and hold.holds is not False and not hold.gate.local)
        # Adding where the same field was looked at is setting a flag, or guarded.
        or (hold.gate.kind == "field" and hold.gate.name == write.name)
        for hold in write.holds
    )

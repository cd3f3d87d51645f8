"""Which fields of a model the database keeps unique, as the project's classes say it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from celerylint.effects.symbols import Sym
from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.model.evaluate import Evaluator
from celerylint.model.values import ClassValue, Deferred, External


def is_unique(machine: Evaluator | None, row: Sym) -> bool | None:
    """Whether a unique constraint refuses a second row like `row`; None where its model, or the row, cannot be read."""
    value = _model(machine, row)
    given = {name.removesuffix("_id") for name in row.entries}
    if machine is None or value is None or not given:
        return None
    order = machine.mro(value)
    mapped = any(_bound(statement) == "__tablename__" for statement in value.node.body)
    if not mapped and any(not isinstance(base, (ClassValue, External)) for base in order):
        return None
    return any(not fields or fields <= given for fields in _kept(order))


def is_refused(machine: Evaluator | None, row: Sym) -> bool | None:
    """Whether a second run that makes `row` again is refused, by a unique constraint on what both runs give; None where that is
    unknown."""
    value = _model(machine, row)
    if machine is None or value is None:
        return False
    given = {name.removesuffix("_id"): field for name, field in row.entries.items()}
    answer: bool | None = False
    for fields in _kept(machine.mro(value)):
        if not fields:
            answer = None
        elif fields <= given.keys():
            known = [_comes_again(given[name]) for name in fields]
            if all(known):
                return True
            answer = None if False not in known else answer
    return answer


def _comes_again(given: Sym) -> bool | None:
    """Whether a second run gives the same value; None if that is unknown."""
    if given.random or given.shape == "new":
        return False
    return True if given.shape == "const" or given.key else None


def _model(machine: Evaluator | None, row: Sym) -> ClassValue | None:
    value = row.cls or row.value
    if machine is None or "open" in row.traits:
        return None
    if isinstance(value, Deferred):
        value = machine.need(value)
    return value if isinstance(value, ClassValue) else None


def _kept(order: Iterable[object]) -> Iterator[frozenset[str]]:
    """The sets of fields that classes, in the order in which they are asked, keep unique."""
    return (fields for cls in order if isinstance(cls, ClassValue) for fields in _unique(cls))


def is_related(row: Sym, name: str) -> bool:
    """Whether a field of a new row says that the other side knows it by this name: `related_name="receipt"`."""
    body = row.cls.node.body if isinstance(row.cls, ClassValue) else []
    calls = (value for value in (getattr(statement, "value", None) for statement in body) if isinstance(value, ir.Call))
    named = (
        k.value
        for call in calls
        for k in call.keywords
        if k.name in ("related_name", "related_query_name", "back_populates")
    )
    return any(isinstance(value, ir.Const) and value.value == name for value in named)


def _unique(cls: ClassValue) -> Iterator[frozenset[str]]:
    """The sets of fields that are unique together, `_id` left out; empty where they cannot be read."""
    for statement in cls.node.body:
        if isinstance(statement, ir.Class) and statement.name == "Meta":
            yield from _together(statement.body)
        name = _bound(statement)
        value = getattr(statement, "value", None)
        if name in ("__table_args__", "__table__") or not name:
            yield from _constraints(value)
        elif isinstance(value, ir.Call) and _is_unique(value):
            yield frozenset({name.removesuffix("_id")})


def _bound(statement: ir.Stmt) -> str:
    """The name that an assignment in a class body binds; empty for any other statement."""
    target = statement.targets[0] if isinstance(statement, ir.Assign) else getattr(statement, "target", None)
    return target.id if isinstance(target, ir.Name) else ""


def _is_unique(call: ir.Call) -> bool:
    """`CharField(unique=True)`, `OneToOneField(...)`, `Column(primary_key=True)`."""
    name = _last(call.func)
    if name == "OneToOneField":
        return True
    return any(
        keyword.name in ("unique", "primary_key")
        and not (isinstance(keyword.value, ir.Const) and keyword.value.value is False)
        for keyword in call.keywords
    )


def _together(body: list[ir.Stmt]) -> Iterator[frozenset[str]]:
    """`unique_together` and `constraints` of a model's Meta."""
    for statement in body:
        value = getattr(statement, "value", None)
        if _bound(statement) == "unique_together" and value is not None:
            groups = [n for n in nodes(value) if isinstance(n, ir.Seq) and n.items]
            innermost = [g for g in groups if not any(isinstance(item, ir.Seq) for item in g.items)]
            yield from ([_texts(group) for group in innermost] or [frozenset()])
        elif _bound(statement) == "constraints":
            yield from _constraints(value)


def _constraints(value: ir.Expr | None) -> Iterator[frozenset[str]]:
    """`UniqueConstraint(...)`, `Index(..., unique=True)`, of Django and of SQLAlchemy."""
    for node in nodes(value) if value is not None else ():
        if not isinstance(node, ir.Call):
            continue
        name = _last(node.func)
        unique = any(k.name == "unique" for k in node.keywords)
        if name in ("UniqueConstraint", "PrimaryKeyConstraint") or (name == "Index" and unique):
            fields = next((k.value for k in node.keywords if k.name == "fields"), None)
            if fields is not None:
                yield _texts(fields)
            else:
                yield _texts(*(node.args[1:] if name == "Index" else node.args))


def _texts(*given: ir.Expr) -> frozenset[str]:
    """The names in a group; empty if one of them is no text."""
    items = [item for node in given for item in (node.items if isinstance(node, ir.Seq) else [node])]
    names = [item.value for item in items if isinstance(item, ir.Const) and isinstance(item.value, str)]
    return frozenset(name.removesuffix("_id") for name in names) if len(names) == len(items) else frozenset()


def _last(func: ir.Expr) -> str:
    return func.attr if isinstance(func, ir.Attr) else func.id if isinstance(func, ir.Name) else ""

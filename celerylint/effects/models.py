"""Which classes are tables, and which of their fields are numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable

from celerylint.effects.symbols import Sym
from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.model.evaluate import Evaluator
from celerylint.model.values import ClassValue, Entry, External, FunctionValue, Imported, Made, Unknown, Value, unread

_NUMBERS = re.compile(r"(Integer|Float|Decimal|Numeric|Money|Duration|Big|Small)\w*$")
_COUNTERS = re.compile(
    r"(^|_)(count|counts|counter|total|num|number|hits|views|balance|amount|attempts|tries|retries|credits|points|score|quantity|stock|used|left"
    r"|remaining|failures|errors|likes|votes|usage|size|n)($|_)"
)
_ROWS = re.compile(r"Model|Base|Mixin|Abstract|Table|Entity")
_COLUMN = re.compile(r"(\wField|Key|[cC]olumn|relationship)$")
MANAGERS = frozenset({"objects", "_default_manager", "_base_manager", "all_objects"})


def model_name(cls: ClassValue) -> str:
    """The dotted name of a class of the project."""
    return f"{cls.module.dotted}.{cls.node.name}"


def imported_name(value: Value | None) -> str:
    """The dotted name of what is imported from a module that nobody has read."""
    module = getattr(value, "module", None)
    return f"{module.dotted}.{getattr(value, 'name', '')}" if module is not None else ""


def dotted_name(symbol: Sym) -> str:
    """The dotted name of a function, class or import of the project, or of what a package provides; empty for all else."""
    value = symbol.value
    if isinstance(value, FunctionValue):
        node = value.innermost.node
        return f"{value.innermost.scope.module.dotted}.{node.name}" if isinstance(node, ir.Function) else ""
    if isinstance(value, ClassValue):
        return model_name(value)
    return imported_name(value) or symbol.what


def is_model(machine: Evaluator, cls: ClassValue) -> bool:
    """Whether a class of the project is one whose objects are rows."""
    if cls not in machine.tables:
        machine.tables[cls] = _says_model(cls)
    said = machine.tables[cls]
    return said if said is not None else _is_derived(machine, cls)


def _says_model(cls: ClassValue) -> bool | None:
    """The answer as far as the class itself gives one; None if its bases decide."""
    if any(
        isinstance(s, ir.Assign)
        and any(isinstance(t, ir.Name) and t.id in ("__tablename__", "__table__") for t in s.targets)
        for s in cls.node.body
    ):
        return True
    unseen = [base for base in cls.bases if isinstance(base, Imported) and unread(base)]
    if cls.bases and len(unseen) == len(cls.bases) and not _may_be_rows(cls, unseen):
        return False  # reading the bases would take longer than all else that is asked of them
    return None


def _is_derived(machine: Evaluator, cls: ClassValue) -> bool:
    for base in machine.mro(cls):
        if isinstance(base, External):
            dotted = base.dotted
            last = dotted.rpartition(".")[2]
            if ".models." in dotted or last in (
                "Model",
                "DeclarativeBase",
                "SQLModel",
                "declarative_base()",
                "MPTTModel",
                "Page",
            ):
                return "pydantic" not in dotted
            if dotted.startswith("mongoengine.") and last.endswith("Document"):
                return True
        elif (
            isinstance(base, Made)
            and base.maker.endswith(("declarative_base", "SQLAlchemy", "automap_base", "generate_base"))
        ) or (isinstance(base, Unknown) and any(isinstance(b, ir.Attr) and b.attr == "Model" for b in cls.node.bases)):
            return True
    return False


def _may_be_rows(cls: ClassValue, bases: Iterable[Imported]) -> bool:
    """Whether a class whose bases nobody has read may be a table, by what it is called and what stands in its body."""
    if any(_ROWS.search(base.name) or "model" in base.module.dotted for base in bases):
        return True
    return any(
        isinstance(s, (ir.Assign, ir.AnnAssign))
        and isinstance(s.value, ir.Call)
        and _COLUMN.search(getattr(s.value.func, "attr", getattr(s.value.func, "id", "")))
        for s in cls.node.body
    )


def is_expression(value: Sym) -> bool:
    """Whether the database computes it: `F("n") + 1`."""
    return value.what.startswith("django.db.models.") and value.what.endswith(("F()", "expressions.F()"))


def counts(value: Sym, name: str) -> bool:
    """Whether the database computes a value out of the field that it is put into."""
    return f"math:{name}" in value.traits


def computed(traits: frozenset[str]) -> frozenset[str]:
    """What arithmetic makes of columns."""
    return frozenset(f"math:{trait[7:]}" for trait in traits if trait.startswith("column:"))


def column(name: str) -> frozenset[str]:
    """The traits of a column as a part of an expression."""
    return frozenset({f"column:{name.rpartition('__')[2]}"})


def is_number(machine: Evaluator, row: Sym, name: str, added: Sym) -> bool:
    """Whether adding a value to a field of a row is counting, rather than putting text or lists together."""
    if added.shape in ("text", "list", "tuple", "dict") or is_expression(added):
        return False
    if added.shape == "const":
        return isinstance(added.const, (int, float)) and not isinstance(added.const, bool)
    if row.cls is not None and (typed := _typed(machine, row.cls, name)) is not None:
        return typed
    found = machine.class_entry(row.cls, name) if row.cls is not None else None
    made = _written(machine, found.value) if isinstance(found, Entry) else None
    if isinstance(made, Made) and made.maker.endswith(("Column", "mapped_column")):
        kinds = [_written(machine, argument) for argument in made.args]
        return any(_NUMBERS.search(getattr(kind, "dotted", getattr(kind, "maker", ""))) for kind in kinds)
    if isinstance(made, Made):
        return _NUMBERS.search(made.maker) is not None
    return _COUNTERS.search(name) is not None


def _typed(machine: Evaluator, cls: ClassValue, name: str) -> bool | None:
    """Whether a column's annotation says that it is a number: `points: Mapped[int]`; None without one."""
    for base in machine.mro(cls):
        for statement in base.node.body if isinstance(base, ClassValue) else ():
            if isinstance(statement, ir.AnnAssign) and getattr(statement.target, "id", "") == name:
                names = [getattr(n, "id", getattr(n, "attr", "")) for n in nodes(statement.annotation)]
                return not {"int", "float", "Decimal"}.isdisjoint(names)
    return None


def _written(machine: Evaluator, value: Value) -> Value:
    """A value, if nothing must be read for it."""
    return value if unread(value) else machine.force(value)


def columns(nodes: Iterable[ir.Expr]) -> frozenset[str]:
    """The columns that conditions ask, in SQLAlchemy's words: `Order.id == x`, `Order.sent_at.is_(None)`, `or_(...)`."""
    out: set[str] = set()
    for node in nodes:
        if isinstance(node, ir.Compare):
            out |= columns([node.left, *node.rights])
        elif isinstance(node, ir.BinOp):
            out |= columns([node.left, node.right])
        elif isinstance(node, ir.UnaryOp):
            out |= columns([node.value])
        elif isinstance(node, ir.Attr):
            out.add(node.attr)
        elif isinstance(node, ir.Call):
            of_a_column = isinstance(node.func, ir.Attr) and isinstance(node.func.value, ir.Attr)
            out |= columns([node.func.value] if of_a_column and isinstance(node.func, ir.Attr) else node.args)
    return frozenset(out)


def short(model: str) -> str:
    """`Order` of `shop.models.Order`."""
    return model.rpartition(".")[2].removesuffix("()") or model

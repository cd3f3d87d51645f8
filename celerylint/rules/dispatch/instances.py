"""Which values are rows of a database: objects of Django's or SQLAlchemy's models, as far as that is cheap to tell.

A row is known by where it came from: a query, the constructor of a model, `self` in a method of one, the `instance` of a signal, or
the annotation of a parameter. What is not known is no row.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from celerylint.facts import ir
from celerylint.model.values import (
    Arguments,
    ClassValue,
    Either,
    External,
    Instance,
    Made,
    Missing,
    Part,
    Scalar,
    Sequence,
    Value,
    forced,
)
from celerylint.rules.dispatch.messages import MANY, Hint, Surroundings, spelled

_ONE = frozenset(
    {
        "get", "create", "first", "last", "earliest", "latest", "aget", "acreate", "afirst", "alast", "get_or_404", "one",
        "first_or_404", "one_or_404", "one_or_none", "scalar_one", "scalar_one_or_none", "scalar", "get_one",
    }
)  # fmt: skip
_PAIR = frozenset({"get_or_create", "update_or_create", "aget_or_create", "aupdate_or_create"})
_SEVERAL = frozenset(
    {
        "all", "filter", "exclude", "order_by", "select_related", "prefetch_related", "distinct", "select_for_update",
        "using", "only", "defer", "reverse", "annotate", "alias", "iterator", "aiterator", "none", "complex_filter",
        "bulk_create", "filter_by", "join", "outerjoin", "options", "where", "limit", "offset", "with_for_update", "scalars",
        "unique", "execution_options", "fetchall",
    }
)  # fmt: skip
_MANAGERS = frozenset({"objects", "_default_manager", "_base_manager", "Manager", "Manager()", "UserManager"})

_SIGNALS = ("django.db.models.signals.", "django.db.models.signal.")
_EVENTS = ("before_insert", "after_insert", "before_update", "after_update", "before_delete", "after_delete")
_VIEWS = ("django.views.generic.", "rest_framework.")
_DJANGO_FORMS = frozenset(
    {
        "django.forms.ModelForm.save", "django.forms.models.ModelForm.save",
        "django.contrib.auth.forms.UserCreationForm.save", "rest_framework.serializers.ModelSerializer.save",
    }
)  # fmt: skip
_RELATIONS = ("ForeignKey", "OneToOneField", "ParentalKey")
_DECLARATIVE = (
    "sqlalchemy.orm.DeclarativeBase",
    "sqlalchemy.orm.DeclarativeBaseNoMeta",
    "sqlmodel.SQLModel",
    "flask_sqlalchemy.SQLAlchemy().Model",
    "flask_sqlalchemy.model.Model",
)
_DEPTH = 8


class Row(Struct, frozen=True):
    """A row, or several of one model."""

    model: str
    """The name of its class; empty if that is not known."""
    cls: ClassValue | None = None
    """The class, if the project defines it."""
    number: str = "one"
    """`one`, `many` for a query or a list, `pair` for what `get_or_create` returns."""

    @property
    def words(self) -> str:
        """`an instance of Order`, `a query of Order`."""
        of = f" of `{self.model}`" if self.model else " of a model"
        return f"an instance{of}" if self.number == "one" else f"rows{of}"


class Rows:
    """What is known of the values around one dispatch."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    def of(self, value: Value, depth: int = 0) -> Row | None:
        """The row that a value is, or None if it is none or that is not known."""
        value = forced(value)
        if depth > _DEPTH:
            return None
        if isinstance(value, Either):
            return self._of_either(value, depth)
        if isinstance(value, Instance):
            return Row(value.cls.node.name, value.cls) if is_model(value.cls) else None
        if isinstance(value, Made):
            return self._made(value)
        if isinstance(value, External):
            return _of_view(value.dotted)
        if isinstance(value, Sequence):
            rows = [self.of(item, depth + 1) for item in value.items]
            return replace(rows[0], number="many") if rows and not value.open and rows[0] is not None else None
        if isinstance(value, Part):
            return self._part(value, depth)
        return self._parameter(value)

    def _of_either(self, value: Either, depth: int) -> Row | None:
        """A row if it is one on every way that leaves anything at all."""
        rows = [self.of(option, depth + 1) for option in value.options if not _nothing(option)]
        return rows[0] if rows and all(row is not None for row in rows) else None

    # --- what another package returned ---

    def _made(self, value: Made) -> Row | None:
        maker = value.maker
        name = maker.rpartition(".")[2]
        if maker.startswith("django.") and name in _RELATIONS:
            return Row(_target(value))
        if maker.endswith(
            ("shortcuts.get_object_or_404", "shortcuts.aget_object_or_404", "generics.get_object_or_404")
        ):
            return Row(_name_of(value.args[0]) if value.args else "", _class_of(value.args[0]) if value.args else None)
        if maker in _DJANGO_FORMS or (maker.startswith(_VIEWS) and name == "get_object"):
            return Row("")
        if maker.startswith("django.contrib.") and ".models." in maker and name[:1].isupper() and "()" not in maker:
            return Row(name)
        return self._query_of_django(value) or self._query_of_sqlalchemy(value)

    def _query_of_django(self, value: Made) -> Row | None:
        """`Order.objects.filter(...).first()` by the dotted path of what was called."""
        parts = value.maker.split(".")
        index = next((i for i, part in enumerate(parts) if part in _MANAGERS), None)
        flask = parts.index("query") if "query" in parts and "Model" in parts[: parts.index("query")] else None
        index = index if index is not None else flask
        if index is None or index == len(parts) - 1 or not _is_class(parts[:index], parts[index]):
            return None
        model = _written_model(value)
        found = self._around.meaning(model) if model is not None else None
        cls = found if isinstance(found, ClassValue) else None
        name = cls.node.name if cls is not None else spelled(model).rpartition(".")[2] if model is not None else ""
        return _through([part.removesuffix("()") for part in parts[index + 1 :]], Row(name, cls))

    # --- what is part of something, or came out of it ---

    def _part(self, value: Part, depth: int) -> Row | None:
        if isinstance(value.step, Arguments):
            return self._query_of_sqlalchemy(value)
        if isinstance(value.step, str):
            return self._attribute(value, value.step, depth)
        whole = self.of(value.of, depth + 1)
        if whole is None:
            return None
        if value.step is None:
            return replace(whole, number="one") if whole.number == "many" else None
        return replace(whole, number="one") if whole.number == "pair" and value.step == 0 else None

    def _attribute(self, value: Part, name: str, depth: int) -> Row | None:
        if name == "user" and self.is_request(value.of):
            return Row("User")
        whole = self.of(value.of, depth + 1)
        if whole is None or whole.number != "one" or whole.cls is None:
            return None
        relation = _relation(whole.cls, name)
        return Row(relation) if relation is not None else None

    def is_request(self, value: Value) -> bool:
        """Whether a value is the request that a view of Django's was called with."""
        value = forced(value)
        hint = self._around.hint(value)
        if hint is not None:
            dotted = getattr(hint.type, "dotted", "")
            return dotted in ("django.http.HttpRequest", "django.http.request.HttpRequest") or (
                dotted.startswith("rest_framework.") and dotted.endswith(".Request")
            )
        found = self._around.parameter(value)
        if found is None or found[0].name != "request" or found[0].annotation is not None:
            return False
        names = [param.name for param in found[1].params if param.name not in ("self", "cls")]
        view = self._around.imports("django.http", "django.shortcuts", "django.views", "rest_framework.")
        return names[:1] == ["request"] and view

    # --- parameters ---

    def _parameter(self, value: Value) -> Row | None:
        hint = self._around.hint(value)
        if hint is not None:
            return _hinted(hint)
        found = self._around.parameter(value)
        if found is None or found[0].annotation is not None:
            return None
        param, function = found
        return Row(self._sender(function)) if self._receives(param, function) else None

    def _receives(self, param: ir.Param, function: ir.Function | ir.LambdaExpr) -> bool:
        """Whether a function is called with the row that a signal is about."""
        receivers: list[bool] = []
        for decorator in function.decorators if isinstance(function, ir.Function) else ():
            if not isinstance(decorator, ir.Call):
                continue
            dotted = getattr(self._around.meaning(decorator.func), "dotted", "")
            if dotted == "django.dispatch.receiver" and decorator.args:
                receivers.append(self._of_models(decorator.args[0]))
            elif dotted in ("sqlalchemy.event.listens_for", "sqlalchemy.event.api.listens_for"):
                words = [arg.value for arg in decorator.args if isinstance(arg, ir.Const)]
                return bool(words) and words[0] in _EVENTS and function.params[2:3] == [param]
        names = {p.name for p in function.params}
        shape = {"sender", "instance"} <= names and any(p.kind == "var-keyword" for p in function.params)
        return param.name == "instance" and (all(receivers) if receivers else shape)

    def _of_models(self, signals: ir.Expr) -> bool:
        several = signals.items if isinstance(signals, ir.Seq) else [signals]
        return all(str(getattr(self._around.meaning(s), "dotted", "")).startswith(_SIGNALS) for s in several)

    def _sender(self, function: ir.Function | ir.LambdaExpr) -> str:
        """The model that a receiver was registered for, where it names one."""
        for decorator in function.decorators if isinstance(function, ir.Function) else ():
            for keyword in decorator.keywords if isinstance(decorator, ir.Call) else ():
                if keyword.name == "sender" and isinstance(keyword.value, (ir.Name, ir.Attr)):
                    return spelled(keyword.value).rpartition(".")[2]
        return ""

    # --- SQLAlchemy: the model stands in an argument ---

    def _query_of_sqlalchemy(self, value: Value) -> Row | None:
        if value.at is None or self._around.scope is None or value.at[0] != self._around.scope.module.path:
            return None
        node = value.at[1]
        steps = list(_steps(node)) if isinstance(node, ir.Call) else []
        for index, (name, args) in enumerate(steps):
            if name in ("get", "get_one", "get_or_404") and len(args) >= 2:
                cls = self._model(args[0])
                return Row(cls.node.name, cls) if cls is not None and index == len(steps) - 1 else None
            if name in ("query", "execute", "scalars", "exec", "scalar") and len(args) == 1:
                cls = self._model(args[0] if name == "query" else self._selected(args[0]))
                rest = [step for step, _ in steps[index + 1 :]]
                if cls is None or (name == "execute" and not rest):
                    return None
                return Row(cls.node.name, cls) if name == "scalar" else _through(rest, Row(cls.node.name, cls))
        return None

    def _selected(self, statement: ir.Expr) -> ir.Expr | None:
        """What `select(Order).where(...)` selects, if it is one thing."""
        steps = list(_steps(statement)) if isinstance(statement, ir.Call) else []
        name, args = steps[0] if steps else ("", [])
        return args[0] if name == "select" and len(args) == 1 else None

    def _model(self, expression: ir.Expr | None) -> ClassValue | None:
        value = self._around.meaning(expression) if expression is not None else None
        return value if isinstance(value, ClassValue) and is_model(value) else None


def _through(steps: list[str], row: Row) -> Row | None:
    """What the last of several methods of a query returns; None where one of them makes something else of the rows."""
    if not all(step in _SEVERAL for step in steps[:-1]):
        return None
    last = steps[-1] if steps else "all"
    number = "one" if last in _ONE else "many" if last in _SEVERAL else "pair" if last in _PAIR else ""
    return replace(row, number=number) if number else None


def _steps(call: ir.Call) -> Iterator[tuple[str, list[ir.Expr]]]:
    """The calls of a chain such as `session.query(Order).first()`, the innermost first."""
    func = call.func
    if isinstance(func, ir.Attr):
        if isinstance(func.value, ir.Call):
            yield from _steps(func.value)
        yield func.attr, call.args
    elif isinstance(func, ir.Name):
        yield func.id, call.args


def _is_class(parts: list[str], manager: str) -> bool:
    """Whether what has the manager is a class, or the manager Django's own."""
    if manager in ("Manager", "Manager()", "UserManager"):
        return parts[:1] == ["django"]
    last = parts[-1] if parts else ""
    return (last[:1].isupper() and "(" not in last) or last in ("get_user_model()", "get_model()")


def _written_model(value: Made) -> ir.Expr | None:
    """`Order` of `Order.objects.filter(...).first()`, as written."""
    node: ir.Node | None = value.at[1] if value.at is not None else None
    while isinstance(node, (ir.Call, ir.Attr)):
        if isinstance(node, ir.Attr) and node.attr in ("objects", "_default_manager", "_base_manager", "query"):
            return node.value if isinstance(node.value, (ir.Name, ir.Attr)) and spelled(node.value) != "self" else None
        node = node.func if isinstance(node, ir.Call) else node.value
    return None


def _of_view(dotted: str) -> Row | None:
    """`self.object` and `self.request.user` in a view whose base is one of Django's."""
    if not dotted.startswith(_VIEWS):
        return None
    if dotted.endswith(".request.user"):
        return Row("User")
    return Row("") if dotted.startswith("django.views.generic.") and dotted.endswith(".object") else None


def _hinted(hint: Hint) -> Row | None:
    number = "many" if hint.many else "one"
    if isinstance(hint.type, ClassValue) and is_model(hint.type):
        return Row(hint.type.node.name, hint.type, number)
    dotted = getattr(hint.type, "dotted", "")
    name = dotted.rpartition(".")[2]
    if dotted.startswith("django.contrib.") and ".models." in dotted and name[:1].isupper():
        return Row(name, None, number) if not name.endswith("Manager") else None
    if dotted.startswith("django.db.models.") and name in MANY:
        return Row("", None, "many")
    return Row("", None, number) if dotted == "django.db.models.Model" else None


# --- models -----------------------------------------------------------------------------------------------------------


def is_model(cls: ClassValue) -> bool:
    """Whether a class of the project is a model of Django's or SQLAlchemy's, by itself or through its bases."""
    return any(_makes_model(base) for base in lineage(cls)) or any(
        isinstance(target, ir.Name) and target.id in ("__tablename__", "__table__")
        for statement in cls.node.body
        if isinstance(statement, ir.Assign)
        for target in statement.targets
    )


def _makes_model(base: Value) -> bool:
    if isinstance(base, Made):
        return base.maker.startswith("sqlalchemy.") and base.maker.endswith(("declarative_base", "automap_base"))
    if not isinstance(base, External):
        return False
    if base.dotted.startswith("django."):
        name = base.dotted.rpartition(".")[2]
        return base.dotted.endswith("db.models.Model") or (
            base.dotted.startswith("django.contrib.") and ".models." in base.dotted and name.startswith("Abstract")
        )
    return base.dotted in _DECLARATIVE or base.dotted.endswith(".db.Model") or _of_a_package(base.dotted)


def _of_a_package(dotted: str) -> bool:
    """Abstract models of packages, such as `model_utils.models.TimeStampedModel`."""
    return ".models." in dotted and dotted.endswith("Model") and not dotted.startswith(("pydantic", "odoo"))


def lineage(cls: ClassValue) -> Iterator[Value]:
    """The bases of a class and theirs, each once, in no order that matters."""
    seen: set[int] = set()
    pending: list[ClassValue] = [cls]
    while pending:
        for base in map(forced, pending.pop().bases):
            if id(base) in seen:
                continue
            seen.add(id(base))
            yield base
            if isinstance(base, ClassValue):
                pending.append(base)


def _relation(cls: ClassValue, name: str) -> str | None:
    """The model that a foreign key of a class leads to, empty if it is not named; None if the name is none."""
    classes = [cls, *(base for base in lineage(cls) if isinstance(base, ClassValue))]
    for owner in classes:
        for statement in owner.node.body:
            if isinstance(statement, ir.Assign) and any(
                isinstance(target, ir.Name) and target.id == name for target in statement.targets
            ):
                call = statement.value
                if isinstance(call, ir.Call) and spelled(call.func).rpartition(".")[2] in _RELATIONS:
                    return _last(call.args[0]) if call.args else ""
                return None
    return None


def _last(target: ir.Expr) -> str:
    name = target.value if isinstance(target, ir.Const) else spelled(target)
    return name.rpartition(".")[2] if isinstance(name, str) and name != "self" else ""


def _target(value: Made) -> str:
    target = forced(value.args[0]) if value.args else None
    if isinstance(target, Scalar) and isinstance(target.value, str):
        return target.value.rpartition(".")[2] if target.value != "self" else ""
    return _name_of(target) if target is not None else ""


def _class_of(value: Value) -> ClassValue | None:
    held = forced(value)
    return held if isinstance(held, ClassValue) else None


def _name_of(value: Value) -> str:
    held = forced(value)
    if isinstance(held, ClassValue):
        return held.node.name
    name = held.dotted.rpartition(".")[2] if isinstance(held, External) else ""
    return name if name[:1].isupper() else ""


def _nothing(value: Value) -> bool:
    held = forced(value)
    return isinstance(held, Missing) or (isinstance(held, Scalar) and held.value is None)

"""CLY503."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.finding import Finding, Fix, Place, ReplaceText, Severity, Span
from celerylint.model import celery_values as cv
from celerylint.model.builtins import EXCEPTIONS, PLAIN_ENUM_BASES
from celerylint.model.project import Dispatch, Project
from celerylint.model.values import (
    Bound,
    ClassValue,
    Either,
    External,
    FunctionValue,
    Instance,
    Made,
    Mapping,
    Member,
    Missing,
    ModuleValue,
    Part,
    Partial,
    Scalar,
    Sequence,
    Unknown,
    Value,
    forced,
)
from celerylint.rules import mending
from celerylint.rules.base import Rule
from celerylint.rules.body import body_of
from celerylint.rules.dispatch.binding import received_by
from celerylint.rules.dispatch.canvas import last_name
from celerylint.rules.dispatch.instances import Rows, is_model, lineage
from celerylint.rules.dispatch.messages import (
    Carried,
    Surroundings,
    carried,
    outcome,
    registers_types,
    sent_otherwise,
    serializer_of,
)


class _Kind(Struct, frozen=True):
    """Something that JSON cannot hold, and what to send instead."""

    words: str
    instead: str
    wrapper: str = ""
    """What makes something of it that JSON holds and that holds as much."""


_SET = _Kind("a set", "send a list: sorted(...), or list(...)", "list")
_DELTA = _Kind("a timedelta", "send its .total_seconds()")
_GENERATOR = _Kind("a generator", "send a list", "list")
_FUNCTION = _Kind("a function", "send what tells the task which function to call, such as a name")
_EXCEPTION = _Kind("an exception", "send its text, such as repr(...)")
_FILE = _Kind("an open file", "send its path, or what it holds")
_PATH = _Kind("a Path", "send it as a string, str(...)", "str")
_RESULT = _Kind("the result of a task, an AsyncResult", "send its .id")
_REQUEST = _Kind("the request that a view is called with", "send what the task needs of it")
_RESPONSE = _Kind("a response of requests", "send what the task needs of it, such as .text")
_DEQUE = _Kind("a deque", "send a list", "list")

_MAKERS = {
    "datetime.timedelta": _DELTA,
    "builtins.open": _FILE,
    "io.open": _FILE,
    "io.BytesIO": _FILE,
    "io.StringIO": _FILE,
    "tempfile.NamedTemporaryFile": _FILE,
    "tempfile.TemporaryFile": _FILE,
    "pathlib.Path": _PATH,
    "pathlib.PurePath": _PATH,
    "pathlib.PosixPath": _PATH,
    "collections.deque": _DEQUE,
    "builtins.bytearray": _Kind("a bytearray", "send bytes(...)"),
    "builtins.memoryview": _Kind("a memoryview", "send bytes(...)"),
    "builtins.complex": _Kind("a complex number", "send its two parts"),
    "types.SimpleNamespace": _Kind("a SimpleNamespace", "send a dict, vars(...)"),
    "re.compile": _Kind("a compiled pattern", "send its .pattern"),
    "logging.getLogger": _Kind("a logger", "let the task get its own"),
    "threading.Lock": _Kind("a lock", "use one that lives outside of the process, such as Redis'"),
    "celery.result.AsyncResult": _RESULT,
    "celery.result.GroupResult": _RESULT,
    **{
        f"requests.{verb}": _RESPONSE
        for verb in ("get", "post", "put", "patch", "delete", "head", "request")
    },
}  # fmt: skip
_HINTS = {
    "datetime.timedelta": _DELTA,
    "pathlib.Path": _PATH,
    "set": _SET,
    "frozenset": _SET,
    "typing.Set": _SET,
    "typing.FrozenSet": _SET,
    "typing.Generator": _GENERATOR,
    "collections.abc.Generator": _GENERATOR,
    "celery.result.AsyncResult": _RESULT,
}
_LAZY = frozenset({"range", "map", "zip", "enumerate", "filter", "reversed", "iter"})
_PYDANTIC = ("pydantic.BaseModel", "pydantic.main.BaseModel", "pydantic.v1.BaseModel", "sqlmodel.SQLModel")
_PLAIN_BASES = frozenset(
    {
        "builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol", "typing_extensions.Protocol", *_PYDANTIC,
        *(f"builtins.{name}" for name in EXCEPTIONS),
    }
)  # fmt: skip
"""Bases that leave an object one that JSON knows nothing of."""


class UnserializableArgument(Rule):
    """The message cannot be written: JSON does not know what one of the arguments is, and EncodeError is raised.

    Celery writes messages as JSON unless told otherwise. Kombu's JSON also takes datetimes, dates, times, `Decimal`,
    `UUID` and bytes, and members of enums that are strings or numbers. All else raises EncodeError where the task is
    sent: sets, `timedelta`, `Path`, generators, functions and classes, open files, exceptions, results of tasks, plain
    enums, and objects of one's own, dataclasses and Pydantic's models among them.

    Rows of a database are the matter of CLY502. Classes with a method `__json__` are left alone, as are projects that
    teach kombu types of their own, and tasks with `pydantic=True` from Celery 5.7 on, which write the models themselves.

    ## What to do

    Send what JSON holds: a list for a set, `delta.total_seconds()`, `str(path)`, `dataclasses.asdict(parcel)`,
    `order.model_dump(mode="json")`, the id of a result.

    ## Fix safety

    A set, a generator, a deque or what `map()` returns becomes a list where it is sent, a `Path` becomes a string. It is
    safe where the task is seen to do nothing with the argument but iterate, count, sort or search it, which it can do with a
    list as well; all else is unsafe: the task may do something that only the other type can.

    [Serializers](https://docs.celeryq.dev/en/stable/userguide/calling.html#serializers)
    """

    code = "CLY503"
    name = "unserializable-argument"
    summary = "A task is sent something that its serializer cannot write."
    severity = Severity.ERROR
    bad = """\
from celery import shared_task


@shared_task
def ship(order_ids): ...


def checkout(orders):
    ship.delay({order.pk for order in orders})
"""
    good = """\
from celery import shared_task


@shared_task
def ship(order_ids): ...


def checkout(orders):
    ship.delay(list({order.pk for order in orders}))
"""

    def check_dispatch(self, dispatch: Dispatch, project: Project) -> Iterable[Finding]:
        if serializer_of(dispatch, project) != "json":
            return
        kinds = _Kinds(Surroundings(dispatch), _dumps_models(dispatch, project))
        for argument in carried(dispatch):
            kind = kinds.of(argument.value)
            if kind is None or registers_types(project) or sent_otherwise(dispatch):
                continue
            yield self.finding(
                dispatch.at,
                f"{argument.label} is {kind.words}, which JSON cannot hold: {outcome(dispatch)}",
                kind.instead,
                symbol=dispatch.task_name or "",
                fix=_wrapped(argument, kind, dispatch),
            )
            return


def _wrapped(argument: Carried, kind: _Kind, dispatch: Dispatch) -> Fix | None:
    """The argument as a list, or as text."""
    path, call = dispatch.at
    written = argument.written
    if not kind.wrapper or written is None or isinstance(written, ir.Starred) or not isinstance(call, ir.Call):
        return None
    safe = kind.wrapper == "list" and _is_only_read(dispatch, argument.key)
    offer = mending.safe if safe else mending.unsafe
    title = "send a list" if kind.wrapper == "list" else "send it as a string"
    is_display = (isinstance(written, ir.Seq) and written.kind == "set") or (
        isinstance(written, ir.Comp) and written.kind == "generator"
    )
    if not is_display:
        around = (mending.before(written, path, f"{kind.wrapper}("), mending.behind(written, path, ")"))
        return offer(title, *around)
    first = Span(written.line, written.col, written.line, written.col + 1)
    last = Span(written.end_line, written.end_col - 1, written.end_line, written.end_col)
    shared = (written.end_line, written.end_col) == (call.end_line, call.end_col)  # the brackets of the call itself
    opening, closing = ("([", "])") if shared else ("[", "]")
    return offer(title, ReplaceText(Place(path, first), opening), ReplaceText(Place(path, last), closing))


_READERS = frozenset({
    "len", "sorted", "list", "set", "tuple", "frozenset", "sum", "min", "max", "any", "all", "enumerate", "iter", "map",
    "filter", "zip", "bool", "join",
})  # fmt: skip


def _is_only_read(dispatch: Dispatch, key: int | str) -> bool:
    """Whether the task does nothing with an argument that it could not do with a list."""
    param = received_by(dispatch, key)
    body = body_of(dispatch.task) if dispatch.task is not None and param is not None else None
    if body is None or param is None:
        return False
    inside = [node for statement in body.statements for node in nodes(statement)]
    used = [node for node in inside if isinstance(node, ir.Name) and node.id == param.name]
    read = {part.span for node in inside for part in _read_by(node)}
    return all(node.span in read for node in used)


def _read_by(node: ir.Node) -> list[ir.Expr]:
    """What a node goes through, counts, searches or asks whether it is empty."""
    if isinstance(node, (ir.For, ir.Generator)):
        return [node.source]
    if isinstance(node, (ir.If, ir.IfExp)):
        return [node.test, *([node.test.value] if isinstance(node.test, ir.UnaryOp) else [])]
    if isinstance(node, ir.Compare):
        return [right for op, right in zip(node.ops, node.rights, strict=True) if op in ("in", "not in")]
    if isinstance(node, ir.Keyword):
        return [node.value] if (node.name or "").endswith("__in") else []
    return node.args if isinstance(node, ir.Call) and last_name(node.func) in _READERS else []


def _dumps_models(dispatch: Dispatch, project: Project) -> bool:
    """Whether the task writes Pydantic's models itself."""
    return dispatch.task is not None and "pydantic" in dispatch.task.keywords and project.version.minor >= (5, 7)


class _Kinds:
    """What the values around one dispatch are, as far as JSON cannot hold them."""

    def __init__(self, around: Surroundings, dumps_models: bool) -> None:
        self._around = around
        self._rows = Rows(around)
        self._dumps_models = dumps_models

    def of(self, value: Value) -> _Kind | None:
        """What a value is; None if JSON can hold it, if that is not known, or if it is a row of a database."""
        value = forced(value)
        if isinstance(value, Either):
            return self._of_either(value)
        if isinstance(value, Scalar):
            return _DELTA if type(value.value).__name__ == "timedelta" else None
        if isinstance(value, (Sequence, Mapping)):
            return _container(value)
        if isinstance(value, (FunctionValue, Bound, Partial, ClassValue, ModuleValue, cv.Task, cv.TaskSelf)):
            return _of_code(value)
        if isinstance(value, Made):
            return _MAKERS.get(value.maker)
        if isinstance(value, Instance):
            return self._object(value.cls)
        if isinstance(value, Member):
            return _member(value)
        if isinstance(value, External):
            view = value.dotted.startswith(("django.views.", "rest_framework."))
            return _REQUEST if view and value.dotted.endswith(".request") and value.dotted.count("()") == 0 else None
        return self._unknown(value) if isinstance(value, Unknown) and not isinstance(value, Part) else None

    def _of_either(self, value: Either) -> _Kind | None:
        kinds = [self.of(option) for option in value.options if not _nothing(option)]
        return kinds[0] if kinds and all(kind is not None for kind in kinds) else None

    def _object(self, cls: ClassValue) -> _Kind | None:
        """An object of a class of the project, unless it is a kind of dict or string or says itself how it is written."""
        if is_model(cls) or not all(_adds_nothing(base) for base in lineage(cls)):
            return None
        classes = [cls, *(base for base in lineage(cls) if isinstance(base, ClassValue))]
        methods = {getattr(statement, "name", "") for one in classes for statement in one.node.body}
        if methods & {"__json__", "__getattr__"} or any(one.keywords for one in classes):
            return None
        name = cls.node.name
        if any(getattr(base, "dotted", "") in _PYDANTIC for base in lineage(cls)):
            pydantic = _Kind(f"an object of Pydantic's model `{name}`", 'send its .model_dump(mode="json")')
            return None if self._dumps_models else pydantic
        if any(getattr(base, "dotted", "").removeprefix("builtins.") in EXCEPTIONS for base in lineage(cls)):
            return _Kind(f"an exception, `{name}`", _EXCEPTION.instead)
        if any("dataclass" in _decorator(decorator) for decorator in cls.decorators):
            return _Kind(f"an object of the dataclass `{name}`", "send a dict, dataclasses.asdict(...)")
        return _Kind(f"an object of the class `{name}`", "send what the task needs of it, as a dict of plain values")

    def _unknown(self, value: Unknown) -> _Kind | None:
        node = value.at[1] if value.at is not None else None
        if isinstance(node, ir.Handler):
            return _EXCEPTION
        if isinstance(node, ir.Call):
            return self._made_here(node, value)
        hint = self._around.hint(value)
        if hint is None:
            return _REQUEST if self._rows.is_request(value) else None
        if hint.many:
            return None
        if isinstance(hint.type, ClassValue):
            # An annotation may stand for a class of its own below it: only data is taken to be what it is called.
            return self._object(hint.type) if _is_data(hint.type) else None
        dotted = hint.type if isinstance(hint.type, str) else getattr(hint.type, "dotted", "")
        return _REQUEST if self._rows.is_request(value) else _HINTS.get(dotted)

    def _made_here(self, call: ir.Call, value: Unknown) -> _Kind | None:
        """What a call makes whose arguments are not known."""
        name = last_name(call.func)
        if name == "timedelta" and value.why.startswith("a timedelta"):
            return _DELTA
        if isinstance(call.func, ir.Name) and name in _LAZY and value.why.startswith(f"{name}()"):
            return _Kind(f"what {name}() returns, no list", "send list(...)", "list")
        maker = self._around.meaning(call.func)
        if isinstance(maker, FunctionValue) and isinstance(maker.node, ir.Function) and not maker.wrappers:
            return _GENERATOR if maker.node.is_generator and not maker.node.is_async and maker.wraps is None else None
        return None


def _container(value: Sequence | Mapping) -> _Kind | None:
    node = value.at[1] if value.at is not None else None
    if isinstance(value, Mapping):
        known = any(isinstance(key, tuple) and key[0] in ("tuple", "member") for key in value.items)
        return _Kind("a dict whose keys are tuples or members of an enum", "send a list of pairs") if known else None
    if value.kind in ("set", "frozenset"):
        return _SET
    if isinstance(node, ir.Comp) and node.kind == "generator":
        return _GENERATOR
    if isinstance(node, ir.Call) and isinstance(node.func, ir.Name) and node.func.id in _LAZY and value.kind == "list":
        return _Kind(f"what {node.func.id}() returns, no list", "send list(...)", "list")
    return None


def _of_code(value: Value) -> _Kind | None:
    function = value.function if isinstance(value, Bound) else value
    if isinstance(function, FunctionValue) and (function.wrappers or function.wraps):
        # A decorator may have made a property of it, or anything else.
        return None
    if isinstance(value, ClassValue) and value.decorators and not _is_data(value):
        return None
    if isinstance(value, ClassValue):
        return _Kind(f"the class `{value.node.name}`", "send its name")
    if isinstance(value, ModuleValue):
        return _Kind(f"the module `{value.module.dotted}`", "send its name")
    if isinstance(value, (cv.Task, cv.TaskSelf)):
        return _Kind("a task", "send its .name, or a signature of it")
    if isinstance(value, FunctionValue) and isinstance(value.node, ir.LambdaExpr):
        return _Kind("a lambda", _FUNCTION.instead)
    if isinstance(value, FunctionValue) and isinstance(value.node, ir.Function):
        return _Kind(f"the function `{value.node.name}`", _FUNCTION.instead)
    return _Kind("a method", _FUNCTION.instead) if isinstance(value, Bound) else _FUNCTION


def _member(value: Member) -> _Kind | None:
    """A member of an enum whose members are neither strings nor numbers."""
    bases = [getattr(base, "dotted", "?") for base in lineage(value.cls) if not isinstance(base, ClassValue)]
    if set(bases) & PLAIN_ENUM_BASES or not set(bases) <= {"enum.Enum", "enum.Flag"}:
        return None
    return _Kind(f"a member of the enum `{value.cls.node.name}`", "send its .value or .name")


def _adds_nothing(base: Value) -> bool:
    if isinstance(base, ClassValue):
        return True
    return isinstance(base, External) and base.dotted in _PLAIN_BASES


def _is_data(cls: ClassValue) -> bool:
    """Whether a class is one of those that are made to hold data: a dataclass, or a model of Pydantic's."""
    if any("dataclass" in _decorator(decorator) for decorator in cls.decorators):
        return True
    return any(getattr(base, "dotted", "") in _PYDANTIC for base in lineage(cls))


def _decorator(value: Value) -> str:
    return value.maker if isinstance(value, Made) else str(getattr(value, "dotted", ""))


def _nothing(value: Value) -> bool:
    held = forced(value)
    return isinstance(held, Missing) or (isinstance(held, Scalar) and held.value is None)

"""The facts of one Python file: a small, serialisable language of statements and expressions.

It keeps what is *written* and where, and nothing of `ast`: a value of this module can be cached, sent between processes and read
by any interpreter. Names stay as written; what they mean is the model's business. Lines and columns count characters from 1, the
end column is exclusive. The body of a function is kept encoded and read on demand (`read_body`), since most are never looked at.
"""

from __future__ import annotations

from typing import Union

import msgspec
from msgspec import Raw, Struct

from celerylint.finding import Span

EXTRACTOR_VERSION = 3
"""Part of the cache key: raise it whenever lowering changes, or what is read from deployment files."""


class Node(Struct, frozen=True, array_like=True, gc=False):
    """Anything that stands at a span of a file."""

    line: int
    col: int
    end_line: int
    end_col: int

    @property
    def span(self) -> Span:
        """Where it stands."""
        return Span(self.line, self.col, self.end_line, self.end_col)


# --- expressions ------------------------------------------------------------------------------------------------------


class Const(Node, frozen=True, tag=0):
    """A literal. Bytes, complex numbers and integers over 64 bits are `Opaque`."""

    value: bool | int | float | str | None


class Name(Node, frozen=True, tag=1):
    """A bare name."""

    id: str


class Attr(Node, frozen=True, tag=2):
    """`value.attr`."""

    value: Expr
    attr: str


class Keyword(Node, frozen=True, tag=3):
    """`name=value` of a call; `name` is None for `**value`."""

    name: str | None
    value: Expr


class Call(Node, frozen=True, tag=4):
    """A call."""

    func: Expr
    args: list[Expr]
    keywords: list[Keyword]


class Seq(Node, frozen=True, tag=5):
    """A display of kind `list`, `tuple` or `set`."""

    kind: str
    items: list[Expr]


class DictExpr(Node, frozen=True, tag=6):
    """A dict display; a key of None stands for `**value`."""

    keys: list[Expr | None]
    values: list[Expr]


class BinOp(Node, frozen=True, tag=7):
    """`left op right`; `op` is the operator as written."""

    op: str
    left: Expr
    right: Expr


class BoolOp(Node, frozen=True, tag=8):
    """`and` or `or` over two or more values."""

    op: str
    values: list[Expr]


class UnaryOp(Node, frozen=True, tag=9):
    """`not`, `-`, `+` or `~`."""

    op: str
    value: Expr


class Compare(Node, frozen=True, tag=10):
    """A chain of comparisons."""

    left: Expr
    ops: list[str]
    rights: list[Expr]


class IfExp(Node, frozen=True, tag=11):
    """`body if test else orelse`."""

    test: Expr
    body: Expr
    orelse: Expr


class Subscript(Node, frozen=True, tag=12):
    """`value[index]`."""

    value: Expr
    index: Expr


class FString(Node, frozen=True, tag=13):
    """An f-string: literal parts are `Const`, the others the expressions without conversion or format."""

    parts: list[Expr]


class LambdaExpr(Node, frozen=True, tag=14):
    """A lambda."""

    params: list[Param]
    body: Expr


class Starred(Node, frozen=True, tag=15):
    """`*value`."""

    value: Expr


class Generator(Node, frozen=True, tag=16):
    """One `for target in source if ...` of a comprehension."""

    target: Expr
    source: Expr
    conditions: list[Expr]


class Comp(Node, frozen=True, tag=17):
    """A comprehension of kind `list`, `set`, `dict` or `generator`; `key` only for `dict`."""

    kind: str
    key: Expr | None
    value: Expr
    generators: list[Generator]


class Await(Node, frozen=True, tag=18):
    """`await value`."""

    value: Expr


class Yield(Node, frozen=True, tag=19):
    """`yield value` or `yield from value`."""

    value: Expr | None


class Walrus(Node, frozen=True, tag=20):
    """`name := value`."""

    name: str
    value: Expr


class SliceExpr(Node, frozen=True, tag=21):
    """`lower:upper:step` in a subscript."""

    lower: Expr | None
    upper: Expr | None
    step: Expr | None


class Opaque(Node, frozen=True, tag=22):
    """Something that the language has no word for; `kind` says what it was."""

    kind: str


Expr = Union[
    Const, Name, Attr, Call, Seq, DictExpr, BinOp, BoolOp, UnaryOp, Compare, IfExp, Subscript, FString, LambdaExpr,
    Starred, Comp, Await, Yield, Walrus, SliceExpr, Opaque,
]  # fmt: skip


class Param(Node, frozen=True, tag=30):
    """A parameter of kind `positional-only`, `positional`, `var`, `keyword` or `var-keyword`."""

    name: str
    kind: str
    default: Expr | None
    annotation: Expr | None


# --- statements -------------------------------------------------------------------------------------------------------


class Assign(Node, frozen=True, tag=40):
    """`a = b = value`."""

    targets: list[Expr]
    value: Expr


class AugAssign(Node, frozen=True, tag=41):
    """`target op= value`; `op` without the `=`."""

    target: Expr
    op: str
    value: Expr


class AnnAssign(Node, frozen=True, tag=42):
    """`target: annotation = value`."""

    target: Expr
    annotation: Expr
    value: Expr | None


class ExprStmt(Node, frozen=True, tag=43):
    """An expression that stands as a statement."""

    value: Expr


class Return(Node, frozen=True, tag=44):
    """`return value`."""

    value: Expr | None


class Raise(Node, frozen=True, tag=45):
    """`raise exc from cause`."""

    exc: Expr | None
    cause: Expr | None


class Assert(Node, frozen=True, tag=46):
    """`assert test`."""

    test: Expr


class If(Node, frozen=True, tag=47):
    """`if`; an `elif` is an `If` alone in `orelse`."""

    test: Expr
    body: list[Stmt]
    orelse: list[Stmt]


class While(Node, frozen=True, tag=48):
    """`while`."""

    test: Expr
    body: list[Stmt]
    orelse: list[Stmt]


class For(Node, frozen=True, tag=49):
    """`for` or `async for`."""

    target: Expr
    source: Expr
    body: list[Stmt]
    orelse: list[Stmt]


class WithItem(Node, frozen=True, tag=50):
    """`context as target`."""

    context: Expr
    target: Expr | None


class With(Node, frozen=True, tag=51):
    """`with` or `async with`."""

    items: list[WithItem]
    body: list[Stmt]


class Handler(Node, frozen=True, tag=52):
    """`except catches as name`; `catches` is None for a bare `except`."""

    catches: Expr | None
    name: str | None
    body: list[Stmt]


class Try(Node, frozen=True, tag=53):
    """`try`, also `except*`."""

    body: list[Stmt]
    handlers: list[Handler]
    orelse: list[Stmt]
    final: list[Stmt]


class Case(Node, frozen=True, tag=54):
    """One `case`; `pattern` is kept where it is a plain value, a capture is in `names`."""

    pattern: Expr | None
    names: list[str]
    guard: Expr | None
    body: list[Stmt]


class Match(Node, frozen=True, tag=55):
    """`match`."""

    subject: Expr
    cases: list[Case]


class Alias(Node, frozen=True, tag=56):
    """One name of an import. `name` is what is imported, `bound` what it is called here."""

    name: str
    bound: str
    path: str = ""
    """What `import a.b` loads, which binds `a` alone; empty where it is `name`."""


class Import(Node, frozen=True, tag=57):
    """`import a.b as c`."""

    names: list[Alias]


class ImportFrom(Node, frozen=True, tag=58):
    """`from ..module import name as bound`; a star is an alias named `*`."""

    module: str
    level: int
    names: list[Alias]


class Function(Node, frozen=True, tag=59):
    """A `def`. Its span is that of the `def` line's start to the end of the body; `decorators` stand above."""

    name: str
    params: list[Param]
    decorators: list[Expr]
    returns: Expr | None
    is_async: bool
    is_generator: bool
    uses: list[str]
    """Attribute names and called names anywhere in the body, sorted: an index for who needs to read the body."""
    body: Raw
    """`read_body` gives the statements."""
    header_line: int
    """The last line of the signature, where a suppression for the function may stand."""


class Class(Node, frozen=True, tag=60):
    """A `class`."""

    name: str
    bases: list[Expr]
    keywords: list[Keyword]
    decorators: list[Expr]
    body: list[Stmt]


class Delete(Node, frozen=True, tag=61):
    """`del`."""

    targets: list[Expr]


class Scope(Node, frozen=True, tag=62):
    """`global` or `nonlocal`."""

    kind: str
    names: list[str]


class Jump(Node, frozen=True, tag=63):
    """`break`, `continue` or `pass`."""

    kind: str


Stmt = Union[
    Assign, AugAssign, AnnAssign, ExprStmt, Return, Raise, Assert, If, While, For, With, Try, Match, Import, ImportFrom,
    Function, Class, Delete, Scope, Jump,
]  # fmt: skip


class Unreadable(Struct, frozen=True, array_like=True, gc=False):
    """Why a file could not be read, and where in it."""

    message: str
    line: int
    col: int


class PythonFacts(Struct, frozen=True, array_like=True, gc=False):
    """Everything that one Python file says. `path` is relative to the project root."""

    path: str
    body: list[Stmt]
    error: Unreadable | None = None

    @property
    def is_package(self) -> bool:
        """Whether it is an `__init__.py`."""
        return self.path.rsplit("/", 1)[-1] == "__init__.py"


_encoder = msgspec.msgpack.Encoder()
_body_decoder = msgspec.msgpack.Decoder(list[Stmt])
_facts_decoder = msgspec.msgpack.Decoder(PythonFacts)


def write_body(statements: list[Stmt]) -> Raw:
    """The encoded form that `Function.body` holds."""
    return Raw(_encoder.encode(statements))


def read_body(function: Function) -> list[Stmt]:
    """The statements of a function. Each call decodes anew: keep the result."""
    return _body_decoder.decode(function.body)


def encode(facts: PythonFacts) -> bytes:
    """Facts as MessagePack."""
    return _encoder.encode(facts)


def decode(data: bytes) -> PythonFacts:
    """Facts from MessagePack.

    Raises:
        msgspec.DecodeError: the bytes are not what `encode` wrote.
    """
    return _facts_decoder.decode(data)

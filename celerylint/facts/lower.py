"""Python source -> facts, in one pass over the syntax tree.

Pure: bytes in, `PythonFacts` out, and a file that cannot be read is said so in `error` rather than raised.
"""

from __future__ import annotations

import ast
import warnings
from bisect import bisect_left
from collections.abc import Callable
from typing import Any

from celerylint.facts import ir
from celerylint.facts.ir import Expr, Node, PythonFacts, Stmt, Unreadable
from celerylint.nesting import MOST_FOR_LIBCST

_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.LShift: "<<", ast.RShift: ">>", ast.BitOr: "|", ast.BitXor: "^", ast.BitAnd: "&", ast.MatMult: "@",
    ast.And: "and", ast.Or: "or", ast.Not: "not", ast.USub: "-", ast.UAdd: "+", ast.Invert: "~",
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip

_BIG = 1 << 63
_MOST_REWRITTEN = 1_000_000
"""Bytes of a file whose lines are rewritten: each costs another parse."""


def extract(path: str, source: bytes) -> PythonFacts:
    """The facts of one file. `path` is kept as given; `source` is the file as it is on disk."""
    try:
        # Asked first: some interpreters parse what is no text in comments, and none imports it.
        text = None if source.isascii() else decode_source(source)
        tree = _parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError, UnicodeError) as error:
        return PythonFacts(path, [], _unreadable(error))
    if text is not None:
        _count_characters(tree, text)
    try:
        return PythonFacts(path, _Lowerer().block(tree.body))
    except RecursionError:
        return PythonFacts(path, [], Unreadable("the code is nested too deeply to be read", 1, 1))


def _parse(source: bytes) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(source)
        except SyntaxError as error:
            tree = _parse_newer(source, error)
            if tree is None:
                raise
            return tree


def _parse_newer(source: bytes, error: SyntaxError) -> ast.Module | None:
    """The tree of code in newer syntax than this interpreter's; None if that is not what is wrong with it."""
    if "too many" in (error.msg or "") or len(source) > _MOST_REWRITTEN:
        return None  # nesting that no version reads, and that costs libcst gigabytes
    from celerylint.facts import newer_lines

    try:
        text = decode_source(source).removeprefix("\ufeff")
    except (SyntaxError, UnicodeDecodeError):
        return None
    tree = newer_lines.parse(text, error)
    if tree is not None or len(text) > MOST_FOR_LIBCST:
        return tree
    from celerylint.facts import newer_syntax

    try:
        return ast.parse(newer_syntax.to_older(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def decode_source(source: bytes) -> str:
    """The text of a Python file by its BOM and coding line, newlines as they are.

    Raises:
        SyntaxError, UnicodeDecodeError: an encoding that is unknown, wrong or none of text.
    """
    import io
    import tokenize

    encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
    try:
        return source.decode(encoding)
    except UnicodeDecodeError:
        raise
    except (UnicodeError, LookupError) as error:
        raise SyntaxError(f"not text in {encoding}") from error


def _unreadable(error: BaseException) -> Unreadable:
    if isinstance(error, SyntaxError):
        return Unreadable(f"syntax error: {error.msg}", max(error.lineno or 1, 1), max(error.offset or 1, 1))
    if isinstance(error, (RecursionError, MemoryError)):
        return Unreadable("the code is nested too deeply to be read", 1, 1)
    line = column = 1
    if isinstance(error, UnicodeDecodeError):
        before = error.object[: error.start].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        line, column = before.count(b"\n") + 1, len(before.rpartition(b"\n")[2].decode(error.encoding, "replace")) + 1
    return Unreadable(f"not readable as Python: {error}", line, column)


def _count_characters(tree: ast.Module, text: str) -> None:
    """Turn ast's columns, which count UTF-8 bytes, into characters; what has ASCII lines only is not looked through."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    lines = {n: line.encode() for n, line in enumerate(text.split("\n"), 1) if not line.isascii()}
    numbers = sorted(lines)
    nodes: list[ast.AST] = [tree]
    while nodes:
        node = nodes.pop()
        if isinstance(node, (ast.stmt, ast.expr)):
            last = node.end_lineno or 0
            first = min((each.lineno for each in getattr(node, "decorator_list", ())), default=node.lineno)
            nearest = bisect_left(numbers, first)
            if nearest == len(numbers) or numbers[nearest] > last:
                continue
        if hasattr(node, "lineno"):
            start, end = lines.get(node.lineno), lines.get(node.end_lineno or 0)  # type: ignore[attr-defined]
            if start is not None:
                node.col_offset = len(start[: node.col_offset].decode(errors="replace"))  # type: ignore[attr-defined]
            if end is not None:
                node.end_col_offset = len(end[: node.end_col_offset].decode(errors="replace"))  # type: ignore[attr-defined]
        nodes.extend(ast.iter_child_nodes(node))


class _Lowerer:
    """One pass over one tree. Holds only what a function's summary gathers while its body is lowered."""

    def __init__(self) -> None:
        self.uses: set[str] = set()
        self.yields = False
        self._exprs: dict[type, Callable[[Any, int, int, int, int], Expr]] = {
            ast.Constant: self._constant, ast.Name: self._name, ast.Attribute: self._attribute, ast.Call: self._call,
            ast.List: self._list, ast.Tuple: self._tuple, ast.Set: self._set, ast.Dict: self._dict,
            ast.BinOp: self._binop, ast.BoolOp: self._boolop, ast.UnaryOp: self._unary, ast.Compare: self._compare,
            ast.IfExp: self._ifexp, ast.Subscript: self._subscript, ast.JoinedStr: self._fstring,
            ast.FormattedValue: self._formatted, ast.Lambda: self._lambda, ast.Starred: self._starred,
            ast.ListComp: self._listcomp, ast.SetComp: self._setcomp, ast.GeneratorExp: self._genexp,
            ast.DictComp: self._dictcomp, ast.Await: self._await, ast.Yield: self._yield, ast.YieldFrom: self._yield,
            ast.NamedExpr: self._walrus, ast.Slice: self._slice,
        }  # fmt: skip
        self._stmts: dict[type, Callable[[Any, int, int, int, int], Stmt]] = {
            ast.Assign: self._assign, ast.AugAssign: self._augassign, ast.AnnAssign: self._annassign,
            ast.Expr: self._exprstmt, ast.Return: self._return, ast.Raise: self._raise, ast.Assert: self._assert,
            ast.If: self._if, ast.While: self._while, ast.For: self._for, ast.AsyncFor: self._for,
            ast.With: self._with, ast.AsyncWith: self._with, ast.Try: self._try, ast.Match: self._match,
            ast.Import: self._import, ast.ImportFrom: self._importfrom, ast.FunctionDef: self._function,
            ast.AsyncFunctionDef: self._function, ast.ClassDef: self._class, ast.Delete: self._delete,
            ast.Global: self._scope, ast.Nonlocal: self._scope, ast.Pass: self._jump, ast.Break: self._jump,
            ast.Continue: self._jump,
        }  # fmt: skip
        if hasattr(ast, "TryStar"):
            self._stmts[ast.TryStar] = self._try

    # --- the two entry points

    def expr(self, node: ast.expr) -> Expr:
        line, end = node.lineno, node.end_lineno or node.lineno
        col, end_col = node.col_offset + 1, (node.end_col_offset or 0) + 1
        handler = self._exprs.get(type(node))
        if handler is None:
            return ir.Opaque(line, col, end, end_col, type(node).__name__)
        return handler(node, line, col, end, end_col)

    def exprs(self, nodes: list[ast.expr]) -> list[Expr]:
        return [self.expr(node) for node in nodes]

    def maybe(self, node: ast.expr | None) -> Expr | None:
        return None if node is None else self.expr(node)

    def block(self, nodes: list[ast.stmt]) -> list[Stmt]:
        out: list[Stmt] = []
        for node in nodes:
            # Docstrings and other constant statements say nothing.
            if type(node) is ast.Expr and type(node.value) is ast.Constant:
                continue
            handler = self._stmts.get(type(node))
            position = (
                node.lineno,
                node.col_offset + 1,
                node.end_lineno or node.lineno,
                (node.end_col_offset or 0) + 1,
            )
            if handler is None:
                opaque = ir.Opaque(*position, type(node).__name__)
                out.append(ir.ExprStmt(*position, opaque))
            else:
                out.append(handler(node, *position))
        return out

    # --- expressions

    def _constant(self, node: ast.Constant, a: int, b: int, c: int, d: int) -> Expr:
        value = node.value
        if isinstance(value, str):
            if value.isascii():
                return ir.Const(a, b, c, d, value)
            try:
                value.encode()
            except UnicodeEncodeError:
                return ir.Opaque(a, b, c, d, "surrogate")
            return ir.Const(a, b, c, d, value)
        if value is None or isinstance(value, (bool, float)):
            return ir.Const(a, b, c, d, value)
        if isinstance(value, int) and -_BIG <= value < _BIG:
            return ir.Const(a, b, c, d, value)
        return ir.Opaque(a, b, c, d, type(value).__name__)

    def _name(self, node: ast.Name, a: int, b: int, c: int, d: int) -> Expr:
        return ir.Name(a, b, c, d, node.id)

    def _attribute(self, node: ast.Attribute, a: int, b: int, c: int, d: int) -> Expr:
        self.uses.add(node.attr)
        return ir.Attr(a, b, c, d, self.expr(node.value), node.attr)

    def keyword(self, node: ast.keyword) -> ir.Keyword:
        return ir.Keyword(
            node.lineno,
            node.col_offset + 1,
            node.end_lineno or node.lineno,
            (node.end_col_offset or 0) + 1,
            node.arg,
            self.expr(node.value),
        )

    def _call(self, node: ast.Call, a: int, b: int, c: int, d: int) -> Expr:
        if type(node.func) is ast.Name:
            self.uses.add(node.func.id)
        return ir.Call(
            a, b, c, d, self.expr(node.func), self.exprs(node.args), [self.keyword(k) for k in node.keywords]
        )

    def _list(self, node: ast.List, a: int, b: int, c: int, d: int) -> Expr:
        return ir.Seq(a, b, c, d, "list", self.exprs(node.elts))

    def _tuple(self, node: ast.Tuple, a: int, b: int, c: int, d: int) -> Expr:
        return ir.Seq(a, b, c, d, "tuple", self.exprs(node.elts))

    def _set(self, node: ast.Set, a: int, b: int, c: int, d: int) -> Expr:
        return ir.Seq(a, b, c, d, "set", self.exprs(node.elts))

    def _dict(self, node: ast.Dict, a: int, b: int, c: int, d: int) -> Expr:
        return ir.DictExpr(a, b, c, d, [self.maybe(k) for k in node.keys], self.exprs(node.values))

    def _binop(self, node: ast.BinOp, a: int, b: int, c: int, d: int) -> Expr:
        return ir.BinOp(a, b, c, d, _OPERATORS[type(node.op)], self.expr(node.left), self.expr(node.right))

    def _boolop(self, node: ast.BoolOp, a: int, b: int, c: int, d: int) -> Expr:
        return ir.BoolOp(a, b, c, d, _OPERATORS[type(node.op)], self.exprs(node.values))

    def _unary(self, node: ast.UnaryOp, a: int, b: int, c: int, d: int) -> Expr:
        value = self.expr(node.operand)
        if type(node.op) is ast.USub and type(value) is ir.Const and type(value.value) in (int, float):
            return ir.Const(a, b, c, d, -value.value)  # type: ignore[operator]
        return ir.UnaryOp(a, b, c, d, _OPERATORS[type(node.op)], value)

    def _compare(self, node: ast.Compare, a: int, b: int, c: int, d: int) -> Expr:
        ops = [_OPERATORS[type(op)] for op in node.ops]
        return ir.Compare(a, b, c, d, self.expr(node.left), ops, self.exprs(node.comparators))

    def _ifexp(self, node: ast.IfExp, a: int, b: int, c: int, d: int) -> Expr:
        return ir.IfExp(a, b, c, d, self.expr(node.test), self.expr(node.body), self.expr(node.orelse))

    def _subscript(self, node: ast.Subscript, a: int, b: int, c: int, d: int) -> Expr:
        return ir.Subscript(a, b, c, d, self.expr(node.value), self.expr(node.slice))

    def _slice(self, node: ast.Slice, a: int, b: int, c: int, d: int) -> Expr:
        return ir.SliceExpr(a, b, c, d, self.maybe(node.lower), self.maybe(node.upper), self.maybe(node.step))

    def _fstring(self, node: ast.JoinedStr, a: int, b: int, c: int, d: int) -> Expr:
        return ir.FString(a, b, c, d, self.exprs(node.values))

    def _formatted(self, node: ast.FormattedValue, a: int, b: int, c: int, d: int) -> Expr:
        value = self.expr(node.value)
        if node.conversion == -1 and node.format_spec is None:
            return value
        given = [value] if node.format_spec is None else [value, self.expr(node.format_spec)]
        return ir.Call(a, b, c, d, ir.Opaque(a, b, c, d, "format"), given, [])

    def _lambda(self, node: ast.Lambda, a: int, b: int, c: int, d: int) -> Expr:
        params = self.params(node.args)
        outer, self.yields = self.yields, False
        body = self.expr(node.body)
        self.yields = outer
        return ir.LambdaExpr(a, b, c, d, params, body)

    def _starred(self, node: ast.Starred, a: int, b: int, c: int, d: int) -> Expr:
        return ir.Starred(a, b, c, d, self.expr(node.value))

    def generators(self, nodes: list[ast.comprehension]) -> list[ir.Generator]:
        out = []
        for node in nodes:
            target = self.expr(node.target)
            at = (target.line, target.col, target.end_line, target.end_col)
            out.append(ir.Generator(*at, target, self.expr(node.iter), self.exprs(node.ifs)))
        return out

    def _listcomp(self, node: ast.ListComp, a: int, b: int, c: int, d: int) -> Expr:
        return ir.Comp(a, b, c, d, "list", None, self.expr(node.elt), self.generators(node.generators))

    def _setcomp(self, node: ast.SetComp, a: int, b: int, c: int, d: int) -> Expr:
        return ir.Comp(a, b, c, d, "set", None, self.expr(node.elt), self.generators(node.generators))

    def _genexp(self, node: ast.GeneratorExp, a: int, b: int, c: int, d: int) -> Expr:
        return ir.Comp(a, b, c, d, "generator", None, self.expr(node.elt), self.generators(node.generators))

    def _dictcomp(self, node: ast.DictComp, a: int, b: int, c: int, d: int) -> Expr:
        key, value = self.expr(node.key), self.expr(node.value)
        return ir.Comp(a, b, c, d, "dict", key, value, self.generators(node.generators))

    def _await(self, node: ast.Await, a: int, b: int, c: int, d: int) -> Expr:
        return ir.Await(a, b, c, d, self.expr(node.value))

    def _yield(self, node: ast.Yield | ast.YieldFrom, a: int, b: int, c: int, d: int) -> Expr:
        self.yields = True
        return ir.Yield(a, b, c, d, self.maybe(node.value))

    def _walrus(self, node: ast.NamedExpr, a: int, b: int, c: int, d: int) -> Expr:
        return ir.Walrus(a, b, c, d, node.target.id, self.expr(node.value))

    # --- statements

    def _assign(self, node: ast.Assign, a: int, b: int, c: int, d: int) -> Stmt:
        return ir.Assign(a, b, c, d, self.exprs(node.targets), self.expr(node.value))

    def _augassign(self, node: ast.AugAssign, a: int, b: int, c: int, d: int) -> Stmt:
        return ir.AugAssign(a, b, c, d, self.expr(node.target), _OPERATORS[type(node.op)], self.expr(node.value))

    def _annassign(self, node: ast.AnnAssign, a: int, b: int, c: int, d: int) -> Stmt:
        return ir.AnnAssign(a, b, c, d, self.expr(node.target), self.expr(node.annotation), self.maybe(node.value))

    def _exprstmt(self, node: ast.Expr, a: int, b: int, c: int, d: int) -> Stmt:
        return ir.ExprStmt(a, b, c, d, self.expr(node.value))

    def _return(self, node: ast.Return, a: int, b: int, c: int, d: int) -> Stmt:
        return ir.Return(a, b, c, d, self.maybe(node.value))

    def _raise(self, node: ast.Raise, a: int, b: int, c: int, d: int) -> Stmt:
        return ir.Raise(a, b, c, d, self.maybe(node.exc), self.maybe(node.cause))

    def _assert(self, node: ast.Assert, a: int, b: int, c: int, d: int) -> Stmt:
        return ir.Assert(a, b, c, d, self.expr(node.test))

    def _if(self, node: ast.If, a: int, b: int, c: int, d: int) -> Stmt:
        return ir.If(a, b, c, d, self.expr(node.test), self.block(node.body), self.block(node.orelse))

    def _while(self, node: ast.While, a: int, b: int, c: int, d: int) -> Stmt:
        return ir.While(a, b, c, d, self.expr(node.test), self.block(node.body), self.block(node.orelse))

    def _for(self, node: ast.For | ast.AsyncFor, a: int, b: int, c: int, d: int) -> Stmt:
        target, source = self.expr(node.target), self.expr(node.iter)
        return ir.For(a, b, c, d, target, source, self.block(node.body), self.block(node.orelse))

    def _with(self, node: ast.With | ast.AsyncWith, a: int, b: int, c: int, d: int) -> Stmt:
        items = []
        for item in node.items:
            context = self.expr(item.context_expr)
            where = (context.line, context.col, context.end_line, context.end_col)
            items.append(ir.WithItem(*where, context, self.maybe(item.optional_vars)))
        return ir.With(a, b, c, d, items, self.block(node.body))

    def _try(self, node: Any, a: int, b: int, c: int, d: int) -> Stmt:
        handlers = [
            ir.Handler(
                h.lineno,
                h.col_offset + 1,
                h.end_lineno,
                h.end_col_offset + 1,
                self.maybe(h.type),
                h.name,
                self.block(h.body),
            )
            for h in node.handlers
        ]
        return ir.Try(a, b, c, d, self.block(node.body), handlers, self.block(node.orelse), self.block(node.finalbody))

    def _match(self, node: ast.Match, a: int, b: int, c: int, d: int) -> Stmt:
        cases = []
        for case in node.cases:
            pattern = case.pattern
            where = (pattern.lineno, pattern.col_offset + 1, pattern.end_lineno, pattern.end_col_offset + 1)
            names = [
                name
                for part in ast.walk(pattern)
                for name in (getattr(part, "name", None), getattr(part, "rest", None))
                if isinstance(name, str)
            ]
            value = self.expr(pattern.value) if isinstance(pattern, ast.MatchValue) else None
            cases.append(ir.Case(*where, value, names, self.maybe(case.guard), self.block(case.body)))
        return ir.Match(a, b, c, d, self.expr(node.subject), cases)

    def aliases(self, nodes: list[ast.alias], dotted: bool) -> list[ir.Alias]:
        out = []
        for node in nodes:
            bound = node.asname or (node.name.split(".", 1)[0] if dotted else node.name)
            end_col = (node.end_col_offset or 0) + 1
            # `import a.b` binds `a`, `import a.b as c` binds the module a.b.
            name = node.name if node.asname or not dotted else bound
            path = node.name if name != node.name else ""
            end_line = node.end_lineno or node.lineno
            out.append(ir.Alias(node.lineno, node.col_offset + 1, end_line, end_col, name, bound, path))
        return out

    def _import(self, node: ast.Import, a: int, b: int, c: int, d: int) -> Stmt:
        return ir.Import(a, b, c, d, self.aliases(node.names, dotted=True))

    def _importfrom(self, node: ast.ImportFrom, a: int, b: int, c: int, d: int) -> Stmt:
        return ir.ImportFrom(a, b, c, d, node.module or "", node.level, self.aliases(node.names, dotted=False))

    def param(self, node: ast.arg, kind: str, default: ast.expr | None) -> ir.Param:
        return ir.Param(
            node.lineno,
            node.col_offset + 1,
            node.end_lineno or node.lineno,
            (node.end_col_offset or 0) + 1,
            node.arg,
            kind,
            self.maybe(default),
            self.maybe(node.annotation),
        )

    def params(self, node: ast.arguments) -> list[ir.Param]:
        positional = [(a, "positional-only") for a in node.posonlyargs] + [(a, "positional") for a in node.args]
        missing = len(positional) - len(node.defaults)
        out = [
            self.param(arg, kind, node.defaults[i - missing] if i >= missing else None)
            for i, (arg, kind) in enumerate(positional)
        ]
        if node.vararg:
            out.append(self.param(node.vararg, "var", None))
        out.extend(
            self.param(arg, "keyword", default) for arg, default in zip(node.kwonlyargs, node.kw_defaults, strict=True)
        )
        if node.kwarg:
            out.append(self.param(node.kwarg, "var-keyword", None))
        return out

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, a: int, b: int, c: int, d: int) -> Stmt:
        decorators = self.exprs(node.decorator_list)
        params, returns = self.params(node.args), self.maybe(node.returns)
        outer_uses, outer_yields = self.uses, self.yields
        self.uses, self.yields = set(), False
        body = self.block(node.body)
        uses, yields = self.uses, self.yields
        self.uses, self.yields = outer_uses | uses, outer_yields
        first = node.body[0]
        header = max(node.lineno, min(first.lineno - 1, *_starts(first)) if first.lineno > node.lineno else node.lineno)
        return ir.Function(
            a,
            b,
            c,
            d,
            node.name,
            params,
            decorators,
            returns,
            isinstance(node, ast.AsyncFunctionDef),
            yields,
            sorted(uses),
            ir.write_body(body),
            header,
        )

    def _class(self, node: ast.ClassDef, a: int, b: int, c: int, d: int) -> Stmt:
        decorators, bases = self.exprs(node.decorator_list), self.exprs(node.bases)
        keywords = [self.keyword(k) for k in node.keywords]
        return ir.Class(a, b, c, d, node.name, bases, keywords, decorators, self.block(node.body))

    def _delete(self, node: ast.Delete, a: int, b: int, c: int, d: int) -> Stmt:
        return ir.Delete(a, b, c, d, self.exprs(node.targets))

    def _scope(self, node: ast.Global | ast.Nonlocal, a: int, b: int, c: int, d: int) -> Stmt:
        return ir.Scope(a, b, c, d, type(node).__name__.lower(), node.names)

    def _jump(self, node: ast.stmt, a: int, b: int, c: int, d: int) -> Stmt:
        return ir.Jump(a, b, c, d, type(node).__name__.lower())


def _starts(node: ast.stmt) -> list[int]:
    """The line before the first decorator of a statement, or before the statement itself."""
    lines = [d.lineno - 1 for d in getattr(node, "decorator_list", [])]
    return [*lines, node.lineno - 1]


__all__ = ["Node", "decode_source", "extract"]

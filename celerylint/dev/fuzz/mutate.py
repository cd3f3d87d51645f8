"""Texts and programs, spoiled a little."""

from __future__ import annotations

import ast
import copy
import warnings
from collections.abc import Sequence
from random import Random

_BITS = (
    b"{{", b"}}", b"{%", b'"', b"'", b'"""', b"\\\n", b"\n", b"\t", b"    ", b": ", b"- ", b"&a ", b"*a ", b"<<: ",
    b"|\n", b">-\n",
    b"[", b"]", b"{", b"}", b"(", b")", b"#", b";", b"$(", b"${X:-", b"`", b"<<EOF\n", b"if ", b"fi\n",
    b"case x in\n", b"\xff",
    b"\xc3\xa9", b"\xed\xa0\x80", b"\0", b"\x0c", b"%YAML", b"!x ", b"---\n", b"\r", b"\r\n", b"\xe2\x80\xa8",
    b"\xef\xbb\xbf", b"\x1b[31m",
    b"# celerylint: ignore[", b"# noqa: CLY", b"# -*- coding: utf-7 -*-\n", b"0x", b"1e999", b"9" * 50, b"-", b"*",
    b"**", b"@", b":=", b"=",
    b"lambda: ", b"yield ", b"await ", b"async ", b"def f():\n", b"class A(A):\n", b"import celery\n",
    b"from . import *\n", b"match x:\n",
    b"worker -B ", b"celery -A x ", b"--prefetch-multiplier=", b"-Q a,b ", b"replicas: 99999999999999999999\n",
)  # fmt: skip


def spoiled(source: bytes, random: Random) -> bytes:
    """Some bytes put in, taken out or said again."""
    text = bytearray(source)
    for _ in range(random.randint(1, 10)):
        at = random.randrange(len(text) + 1)
        choice = random.random()
        if choice < 0.5:
            text[at:at] = random.choice(_BITS) * random.choice((1, 1, 1, 3))
        elif choice < 0.75:
            del text[at : at + random.randint(1, 30)]
        else:
            other = random.randrange(len(text) + 1)
            text[at:at] = text[other : other + random.randint(1, 80)]
    return bytes(text)


def shuffled(source: bytes, random: Random) -> bytes:
    """Lines left out, said twice, put elsewhere or moved in and out."""
    lines = source.splitlines(keepends=True) or [b"\n"]
    for _ in range(random.randint(1, 6)):
        at, other = random.randrange(len(lines)), random.randrange(len(lines))
        choice = random.randrange(5)
        if choice == 0 and len(lines) > 1:
            del lines[at]
        elif choice == 1:
            lines.insert(other, lines[at])
        elif choice == 2:
            lines[at], lines[other] = lines[other], lines[at]
        elif choice == 3:
            lines[at] = b"  " * random.randint(1, 3) + lines[at]
        else:
            lines[at] = lines[at].lstrip(b" ")
    return b"".join(lines)


def regrown(source: bytes, random: Random) -> bytes:
    """A program whose parts stand where others stood: it still compiles, and means something nobody would write."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return source
    expressions = [node for node in ast.walk(tree) if isinstance(node, ast.expr)]
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    if not expressions:
        return source
    for _ in range(random.randint(1, 8)):
        _exchange(tree, expressions, statements, random)
    try:
        text = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "x", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, TypeError, AttributeError, RecursionError):
        return source
    return text.encode("utf-8", "surrogatepass")


_ODD = (
    "None", "True", "...", "-1", "0", "10 ** 30", "1.5", "float('nan')", "'celery'", "''", "b'x'", "()", "[]",
    "{}", "{1, 2}", "(lambda *a, **k: a)",
    "[*x]", "{**x}", "f'{x}{y!r:>{z}}'", "x if y else z", "x[1:2, ...]", "x.y.z", "not x", "x @ y", "-x",
    "x < y < z", "[x for x in y if z]",
    "{x: y for x, y in z}", "(x := 5)", "x(*y, **z)", "__import__('os')", "type(x)", "super()", "self", "app",
    "app.conf", "celery.current_app",
    "object()", "locals()", "print", "dict(x=1)", "timedelta(days=-1)", "crontab(minute='*/0')", "(yield)",
    "await_", "(Exception,)",
    "'\\ud800'", "'a' * 10 ** 9", "1 << 10 ** 9", "[0] * 10 ** 9", "range(10 ** 12)", "'%s' % ()", "'{}'.format()",
)  # fmt: skip


def _exchange(tree: ast.AST, expressions: Sequence[ast.expr], statements: Sequence[ast.stmt], random: Random) -> None:
    parents = [node for node in ast.walk(tree) if any(True for _ in ast.iter_child_nodes(node))]
    parent = random.choice(parents)
    names = [name for name, value in ast.iter_fields(parent) if isinstance(value, (ast.expr, list)) and value]
    if not names:
        return
    name = random.choice(names)
    value = getattr(parent, name)
    if not isinstance(value, list):
        setattr(parent, name, _other(expressions, random))
        return
    at = random.randrange(len(value))
    if isinstance(value[at], ast.stmt):
        choice = random.randrange(3)
        if choice == 0:
            value[at] = copy.deepcopy(random.choice(statements))
        elif choice == 1:
            value.insert(at, copy.deepcopy(random.choice(statements)))
        elif len(value) > 1:
            del value[at]
    elif isinstance(value[at], ast.expr):
        value[at] = _other(expressions, random)
    elif isinstance(value[at], ast.keyword):
        value[at].value = _other(expressions, random)


def _other(expressions: Sequence[ast.expr], random: Random) -> ast.expr:
    if random.random() < 0.5:
        return ast.parse(random.choice(_ODD), mode="eval").body
    return copy.deepcopy(random.choice(expressions))

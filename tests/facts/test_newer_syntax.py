import ast
import sys
from itertools import chain

import pytest

from celerylint.facts.newer_syntax import to_older

OLD = (3, 10)

# Each with a name after it on the same line, where the construct allows: its place is what must not move.
CONSTRUCTS = {
    "type": "type X = int; after\n",
    "type, generic": "type X[T: (int, str), *Ts, **P] = dict[T, after]\n",
    "type, in a block": "if a:\n    type X = int; b\n    after\n",
    "type, continued": "type \\\n    X = after\n",
    "def": "def f[T](a: int) -> after: b\n",
    "def, several lines": "def f[\n    T: int,  # why\n\n    *Ts,\n](a): after\n",
    "def, CRLF": "def f[\r\n    T,\r\n](a): after\r\nb\r\n",
    "def, other alphabet": "def f[Τύπος](a, ä=1): after\n",
    "class": "class A[T](B): after\n",
    "class, default": "class A[T = int, *Ts = *tuple[int], **P = [int]](B): after\n",
    "async def, decorated": "@after.task(x)\nasync def f[T](a): b.c(d)\n",
    "type is a name still": "type = 3; type[0]; type(x); type X = after\n",
    "except, two": "try: a\nexcept A, b.B: after\n",
    "except, body below": "try:\n    a\nexcept A, B:\n    after(c)\n",
    "except, blank before the colon": "try: a\nexcept A, B : after\n",
    "except*": "try: a\nexcept* A: after\nexcept *B as e: c\n",
    "except*, two": "try: a\nexcept* A, B: after\n",
    "except*, two, close": "try: a\nexcept*A, B: c\nafter\n",
    "star in an index": "x[*a]; y[b, *c]; after\n",
    "star in an annotation": "def f(*args: *Ts): after\n",
    "template": "x = t'{a} b', after\n",
    "template, raw": "x = Rt'{a}\\d', after\n",
    "template, raw the other way": "x = tr'{a}\\d', after\n",
    "templates side by side": "x = t'{a}' t'b', after\n",
    "lazy": "lazy import a; after\n",
    "lazy from": "lazy from a import b; after\n",
    "f-string, same quotes": "x = f'{a['b']}', after\n",
    "f-string, same quotes, triple": 'x = f"""{a["""b"""]}""", after\n',
    "f-string, backslash": "x = f\"{'\\n'.join(a)}\", after\n",
    "f-string, comment": "x = f'''{\na # why's\n}''', after\n",
    "f-string, several lines": "x = f'{\n    a.b(c)  # why\n  }', after\n",
    "f-string, several lines, no room": "x = f'{\na}'\nafter\n",
    "f-string, in itself": "x = f'{f'{f'{a}'}'}', after\n",
    "f-string, specification": "x = f'{a:>{b['c']}}', after\n",
    "f-string, nested specification": "x = f'{a:{b:{c}}}', after\n",
    "f-string, template within": "x = f'{t'{a}'}', after\n",
    "f-string, other alphabet": "x = f'ä{a['ö']}', after\n",
    "f-string, debugging": "x = f'{a['b'] = }', after\n",
    "f-string, strings side by side": "x = f'{a['b']}' 'c' f'{'\\n' 'd'}', after\n",
    "f-string after a form feed": "\x0cx = f'{a['b']}', after\n",
}


@pytest.mark.parametrize("source", CONSTRUCTS.values(), ids=CONSTRUCTS)
def test_a_construct_is_rewritten_in_place(source):
    older = to_older(source, min(OLD, sys.version_info[:2]))

    tree = ast.parse(older, feature_version=OLD)
    assert older.count("\n") == source.count("\n")
    assert "after" in {name.id for name in names(tree)}
    assert_in_place(tree, source)


@pytest.mark.parametrize(
    ("source", "older"),
    [
        ("type X[T] = int\n", "0;   X    = int\n"),
        ("def f[\n  T,\n\n](a): b\n", "def f \\\n    \\\n\\\n (a): b\n"),
        ("try: a\nexcept A, B: c\n", "try: a\nexcept(A, B):c\n"),
        ("try: a\nexcept A, B :c\n", "try: a\nexcept(A, B):c\n"),
        ("try: a\nexcept A, B:\n  c\n", "try: a\nexcept(A, B):\n  c\n"),
        ("try: a\nexcept* A, B: c\n", "try: a\nexcept (A, B):c\n"),
        ("try: a\nexcept* A as e: c\n", "try: a\nexcept  A as e: c\n"),
        ("x[*a]\n", "x[ a]\n"),
        ("x = rt'{a}'\n", "x = rf'{a}'\n"),
        ("lazy import a\n", "0;   import a\n"),
    ],
)
def test_the_older_form(source, older):
    assert to_older(source, OLD) == older


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="this interpreter reads any f-string")
@pytest.mark.parametrize(
    ("source", "older"),
    [
        # In other quotes, where there are some free.
        ("f'{a['b']}'\n", "f'{a[\"b\"]}'\n"),
        ("f'{a['b']}{c[\"d\"]}'\n", 'f\'{a["b"]}{c["d"]}\'\n'),
        ("f'{f'{a['b']}'}'\n", "f'{f\"{a[___]}\"}'\n"),
        # A string that cannot be written is unknown, what is around it stays.
        ("f\"{'\\n'.join(a)}\"\n", 'f"{____.join(a)}"\n'),
        ("f'{a['\"']}'\n", "f'{a[___]}'\n"),
        ("f'{a['c' 'd\\\\']}'\n", "f'{a[_________]}'\n"),
        # A comment goes.
        ("f'''{\na # c\n}'''\n", "f'''{\na    \n}'''\n"),
        # Lines in simple quotes: triple ones, the indent makes room for them.
        ("f'{\n  a\n    }'.b\n", "f'''{\n  a\n  }'''.b\n"),
        ("f'{\n    a['b']}'.b\n", "f'''{\n  a['b']}'''.b\n"),
        # Nothing helps: all of the field is unknown.
        ("f'{a.b():{c:{d}}}'\n", "f'{_____        }'\n"),
        # What can be read stays to the letter.
        ("f'{a[\"b\"]}'; type X = int\n", "f'{a[\"b\"]}'; 0;   X = int\n"),
    ],
)
def test_f_strings(source, older):
    assert to_older(source, OLD) == older
    ast.parse(older)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="needs an interpreter that reads both forms")
@pytest.mark.parametrize(
    "kept", ["def f[T](a: int) -> after: b(c)\n", "class A[\n T, *Ts\n](B): x = y\n", "async def f[T]() -> 'ä': b\n"]
)
def test_a_tree_differs_in_the_construct_only(kept):
    tree = ast.parse(kept)
    for node in ast.walk(tree):
        if hasattr(node, "type_params"):
            node.type_params = []

    assert ast.dump(ast.parse(to_older(kept, OLD)), include_attributes=True) == ast.dump(tree, include_attributes=True)


def test_what_the_interpreter_reads_stays():
    source = "def f[T](a): f'{a['b']}'\nclass A[T = int]: pass\ntype X = int\ntry: a\nexcept* A: b\n"

    assert to_older(source, (3, 12)) == source.replace("[T = int]", "         ")
    assert to_older(source, (3, 13)) == source


@pytest.mark.parametrize(
    "source",
    ["def f(:\n", "print 'a'\n", "x = (\n", "if a:\nb\n", "\x00", "x = " + "(" * 20_000, "type X = a" + "+a" * 2_000],
    ids=["signature", "print", "open", "indent", "null", "brackets", "chain"],
)
def test_what_is_no_python_is_refused(source):
    with pytest.raises(SyntaxError):
        to_older(source)


def names(tree):
    return (node for node in ast.walk(tree) if isinstance(node, ast.Name))


def assert_in_place(tree, source):
    """Every name stands in the source where the tree says."""
    lines = [line.encode() for line in source.replace("\x0c", " ").splitlines()]
    # Before 3.12 the places within an f-string are approximate.
    strings = (node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr))
    within = set(chain.from_iterable(names(string) for string in strings))
    for name in set(names(tree)) - within:
        assert lines[name.lineno - 1][name.col_offset :].startswith(name.id.encode()), name.id

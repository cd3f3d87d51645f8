"""What libcst is not asked about: it would end the process, or take for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from celerylint.nesting import too_deep

ROOT = Path(__file__).parents[1]

DEEP = {
    "brackets": lambda n: "x = " + "(" * n + "1" + ")" * n,
    "calls": lambda n: "x = " + "f(a=" * n + "1" + ")" * n,
    "signs before a value": lambda n: "x = " + "-" * n + "1",
    "conditions": lambda n: "x = " + "1 if a else " * n + "2",
    "one or the other": lambda n: "x = " + "a and b or " * n + "c",
    "functions with two names each": lambda n: "x = " + "lambda a, b: " * n + "1",
    "one loop in another": lambda n: "x = [a " + "for a, b in c " * n + "]",
    "attributes": lambda n: "x = a" + ".b" * n,
    "texts in a row": lambda n: "x = (" + "'a'\n" * n + ")",
    "elifs": lambda n: "if a: pass\n" + "elif b: pass\n" * n,
    "fields in fields": lambda n: "x = " + 'f"{' * n + "1" + '}"' * n,
    "fields behind a text in a field": lambda n: 'x = f"{"a" + ' + "-" * n + '1}"',
    "fields in formats": lambda n: 'x = f"{a' + ":{a" * n + "}" * n + '}"',
    "fields over many lines": lambda n: 'x = f"""{\n' + "-\n" * n + '1}"""',
    "behind a quote in a format": lambda n: 'x = f"{a:\'}" + ' + "-" * n + "1 + ' '",
    "lines that go on": lambda n: "x = " + "- \\\n" * n + "1",
}


@pytest.mark.parametrize("shape", DEEP)
def test_what_is_deep_is_told(shape: str) -> None:
    assert not too_deep(DEEP[shape](8) + "\n")
    assert too_deep(DEEP[shape](2_000) + "\n")


@pytest.mark.parametrize("bracket", ["[]", "()", "A()", "{1:}"])
def test_patterns_double_with_each_bracket(bracket: str) -> None:
    def case(count: int) -> str:
        return f"match x:\n    case {bracket[:-1] * count}a{bracket[-1] * count}: pass\n"

    assert not too_deep(case(4))
    assert too_deep(case(15))
    assert not too_deep(case(15).replace("case ", "y = "))


WIDE = {
    "a long list": "x = [" + "'a', " * 20_000 + "]",
    "a table of functions": "x = {" + "'a': lambda b, c: b, " * 5_000 + "}",
    "a long text": 'x = """' + "a b ( c [ d\n" * 20_000 + '"""',
    "a long text with a field": 'x = f"""' + "a b ( c [ d: e {{\n" * 20_000 + '{f}"""',
    "many statements": "x = f(a, b)[0].c if d else -e\n" * 5_000,
    "many calls": "f(\n" + "    g(a=[b], c={'d': (e, f)}),\n" * 5_000 + ")",
    "many comments": "# ((((((((\n" * 20_000,
    "a quote in a comment": "# don't\nx = [" + "'a', " * 2_000 + "]",
}


@pytest.mark.parametrize("shape", WIDE)
def test_what_is_long_is_not_deep(shape: str) -> None:
    assert not too_deep(WIDE[shape] + "\n")


def test_no_code_of_people_is_too_deep() -> None:
    for path in sorted((ROOT / "celerylint").rglob("*.py")) + sorted((ROOT / "fixtures").rglob("*.py")):
        assert not too_deep(path.read_bytes().decode("utf-8", "replace")), path

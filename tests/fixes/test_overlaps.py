"""Edits put together at random: what comes of them parses, and says what they come to one at a time."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from celerylint.finding import Confidence, Finding, Fix, Place, RemoveKeyword, SetKeyword, Severity, Span
from celerylint.fixes.bench import Bench
from celerylint.repair import ROUNDS

NAMES = ("acks_late", "bind", "queue", "time_limit")
Wanted = tuple[int, str, str | None]
"""The number of a function, an option of its decorator, and the value to set; None takes it out."""

_STYLES: tuple[Callable[[Sequence[str]], str], ...] = (
    lambda options: f"@shared_task({', '.join(options)})",
    lambda options: f"@shared_task( {', '.join(options)} )  # why",
    lambda options: "@shared_task(" + "".join(f"\n    {option}," for option in options) + "\n)",
    lambda options: "@shared_task(" + ",  # why\n\t".join(options) + ")",
    lambda options: "@shared_task(\n  " + "\n  , ".join(options) + "\n)",
    lambda options: f"@shared_task({', '.join(options)},)" if options else "@shared_task",
)

decorators = st.builds(
    lambda style, names: style([f"{name}={number}" for number, name in enumerate(names)]),
    st.sampled_from(_STYLES),
    st.lists(st.sampled_from(NAMES), unique=True),
)
modules = st.builds(
    lambda made, newline: "".join(f"{text}\ndef task{n}(self): ...\n\n" for n, text in enumerate(made)).replace(
        "\n", newline
    ),
    st.lists(decorators, min_size=1, max_size=4),
    st.sampled_from(("\n", "\r\n")),
)
edits = st.lists(
    st.tuples(
        st.integers(0, 3), st.sampled_from(NAMES), st.sampled_from(("True", '"fast lane"', "(\n    1,\n)", None))
    ),
    unique_by=lambda wanted: wanted[:2],
    max_size=10,
)


def _decorators(text: str) -> list[ast.expr]:
    return [node.decorator_list[0] for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]


def _options(decorator: ast.expr) -> dict[str | None, str]:
    keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
    assert len({keyword.arg for keyword in keywords}) == len(keywords)
    return {keyword.arg: ast.unparse(keyword.value) for keyword in keywords}


def _place(node: ast.expr | ast.keyword) -> Place:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return Place("tasks.py", Span(node.lineno, node.col_offset + 1, node.end_lineno, node.end_col_offset + 1))


def _finding(text: str, wanted: Wanted) -> Finding | None:
    """The edit as a finding about a text; None where nothing is left to do."""
    number, name, value = wanted
    found = _decorators(text)
    if number >= len(found):
        return None
    decorator = found[number]
    keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
    held = next((keyword for keyword in keywords if keyword.arg == name), None)
    if value is None:
        if held is None:
            return None
        edit: SetKeyword | RemoveKeyword = RemoveKeyword(_place(held))
    elif held is not None and ast.unparse(held.value) == ast.unparse(ast.parse(value, mode="eval")):
        return None
    else:
        edit = SetKeyword(_place(decorator), name, value)
    place = edit.place
    return Finding(
        code="CLY999", name="x", message="x", help="x", severity=Severity.ERROR, confidence=Confidence.HIGH,
        place=place, fix=Fix("x", "safe", (edit,)),
    )  # fmt: skip


def _mended(text: str, wanted: Sequence[Wanted], rounds: int = ROUNDS) -> str:
    for _ in range(rounds):
        findings = [found for each in wanted if (found := _finding(text, each)) is not None]
        source = text
        done = Bench(lambda path: source.encode(), lambda path, module: False).round(findings)  # noqa: B023
        assert not done.broken
        assert not done.refused
        if not done.changed:
            break
        text = done.changed["tasks.py"].decode()
        ast.parse(text)
    assert all(_finding(text, each) is None for each in wanted)
    return text


@given(modules, edits)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_edits_together_come_to_what_they_come_to_one_at_a_time(text: str, wanted: list[Wanted]) -> None:
    together = _mended(text, wanted)
    alone = text
    for each in wanted:
        alone = _mended(alone, [each], rounds=1)
    assert list(map(_options, _decorators(together))) == list(map(_options, _decorators(alone)))
    assert _mended(together, wanted) == together
    untouched = set(range(4)) - {number for number, _, _ in wanted}
    before, after = _blocks(text), _blocks(together)
    assert len(before) == len(after)
    assert all(before[number] == after[number] for number in untouched if number < len(before))


def _blocks(text: str) -> list[str]:
    return [block for block in text.split("@shared_task") if block]

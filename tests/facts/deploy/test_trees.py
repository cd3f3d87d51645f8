from __future__ import annotations

import pytest

from celerylint.facts.deploy.ir import Entry, ListNode, MapNode, Scalar, Tree
from celerylint.facts.deploy.text import MalformedError
from celerylint.facts.deploy.trees import MAX_DEPTH, read


def only(text: str) -> MapNode:
    (document,) = read(text).documents
    assert isinstance(document, MapNode)
    return document


def at(tree: Tree | None, *keys: str | int) -> Tree:
    for key in keys:
        tree = tree.get(key) if isinstance(tree, MapNode) and isinstance(key, str) else tree.items[key]  # type: ignore
    assert tree is not None
    return tree


def scalar(text: str) -> Scalar:
    found = at(only(text), "a")
    assert isinstance(found, Scalar)
    return found


def plain(tree: Tree) -> object:
    if isinstance(tree, MapNode):
        return {entry.key: plain(entry.value) for entry in tree.entries}
    return [plain(item) for item in tree.items] if isinstance(tree, ListNode) else tree.value


def stretches(text: str, found: Scalar) -> list[str]:
    """What the file holds where each stretch of the text is said to stand."""
    lines = text.split("\n")
    ends = [*(offset for offset, _, _ in found.origins[1:]), len(found.text)]
    return [
        lines[line - 1][col - 1 : col - 1 + end - offset]
        for (offset, line, col), end in zip(found.origins, ends, strict=True)
    ]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("4", 4),
        ("-1", -1),
        ("0755", 493),
        ("0x1F", 31),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("yes", "yes"),
        ("off", "off"),
        ("30s", "30s"),
        ("1:30", "1:30"),
        ("'4'", "4"),
        ('"true"', "true"),
        ("!!str 4", "4"),
        ("!reset null", None),
        ("!reset 'null'", None),
        ("9" * 30, "9" * 30),
    ],
)
def test_types(written: str, value: object) -> None:
    found = scalar(f"a: {written}\n").value
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("a: celery worker\n", "celery worker", ["celery worker"]),
        ("a: 'it''s on'\n", "it's on", ["it'", "s on"]),
        ('a: "x\\ty"\n', "x\ty", ["x\\", "y"]),
        ("a: celery\n  worker -Q\n  b\n", "celery worker -Q b", ["celery ", "worker -Q ", "b"]),
        ("a: one\n\n\n  two\n", "one\n\ntwo", ["one", "two"]),
        ('a: "one \\\n  two"\n', "one two", ["one ", "two"]),
        ("a: >-\n  celery\n  worker\n\n  -l info\n", "celery worker\n-l info", ["celery", "worker", "-l info"]),
        ("a: |\n  one  two\n    three\n", "one  two\n  three\n", ["one  two", "three"]),
        ("a: |2-\n\n  one\n", "\none", ["a", "one"]),
    ],
)
def test_text_knows_where_it_stands(text: str, value: str, expected: list[str]) -> None:
    found = scalar(text)
    assert found.text == value
    assert [stretch.rstrip() for stretch in stretches(text, found)] == [part.rstrip() for part in expected]


def test_spans_end_with_the_last_value() -> None:
    document = only("a:\n  b: 1\n  c:\n    - x\n    - yz\n\n# end\n\nd: 1\n")
    assert (at(document, "a").line, at(document, "a").end_line, at(document, "a").end_col) == (2, 5, 9)
    assert document.entry("d") == Entry(9, 1, 9, 2, "d", at(document, "d"))
    assert scalar("a: |\n  one\n  two\n\n\nb: 1\n").end_line == 3


def test_merge_keys() -> None:
    document = only(
        "one: &one {x: 1, y: 1}\ntwo: &two\n  y: 2\n  z: 2\nboth:\n  <<: [*one, *two]\n  x: 3\nquoted:\n  '<<': *one\n"
    )
    assert plain(at(document, "both")) == {"y": 1, "z": 2, "x": 3}
    assert plain(at(document, "quoted")) == {"<<": {"x": 1, "y": 1}}
    assert at(document, "both", "z").line == 4, "a merged value stands where it is written"


def test_a_repeated_key_keeps_its_last_value() -> None:
    assert plain(only("a: 1\nb: 2\na: 3\n")) == {"a": 3, "b": 2}


def test_documents_and_tags() -> None:
    assert [plain(d) for d in read("---\na: 1\n---\n# none\n---\n---\nb: 2\n").documents] == [{"a": 1}, {"b": 2}]
    document = only("a: !reset []\nb: !override\n  c: 1\nd: !Ref x\ne: !!map {}\n")
    marks = [at(document, key).mark for key in "abde"]
    assert marks == ["!reset", "!override", "!Ref", ""]
    assert plain(only("? [a, b]\n: c\nd: e\n")) == {"d": "e"}


def test_json() -> None:
    document = only('{\n\t"a": ["celery", "x\\/y", "\\ud83d\\ude00"],\n\t"b": null}')
    assert plain(document) == {"a": ["celery", "x/y", "\ufffd\ufffd"], "b": None}
    assert (at(document, "a", 0).line, at(document, "a", 0).col) == (2, 8)


def test_python_objects_are_not_made() -> None:
    document = only("a: !!python/object/apply:os.system ['touch /tmp/x']\nb: !!python/name:os.system x\n")
    assert plain(document) == {"a": ["touch /tmp/x"], "b": "x"}


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("a: b\n\tc: d\n", "cannot be parsed: found a tab character that violates indentation", 2),
        ("a: [1\nb: 2\n", "cannot be parsed: ", 2),
        ("a: *b\n", "cannot be parsed: the alias *b repeats nothing that is above it", 1),
        ("a: &a [*a]\n", "cannot be parsed: the alias *a stands inside of what it repeats", 1),
        ("x: 1\na: \x01\n", "cannot be parsed: ", 2),
        ("[" * 10_000, f"nested deeper than {MAX_DEPTH} levels", 1),
        ("- " * 10_000, f"nested deeper than {MAX_DEPTH} levels", 1),
        ("\n".join(" " * i + "a:" for i in range(2000)), f"nested deeper than {MAX_DEPTH} levels", MAX_DEPTH),
    ],
)
def test_what_cannot_be_read_says_where(text: str, message: str, line: int) -> None:
    with pytest.raises(MalformedError) as caught:
        read(text)
    assert caught.value.message.startswith(message)
    assert caught.value.line == line


def test_bombs_are_bounded() -> None:
    step = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30)]
    with pytest.raises(MalformedError, match="values, aliases counted in full"):
        read("a0: &a0 [x]\n" + "".join(step))
    step = [f"a{i}: &a{i}\n  <<: [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30)]
    with pytest.raises(MalformedError, match="values, aliases counted in full"):
        read("a0: &a0 {x: 1}\n" + "".join(step))
    with pytest.raises(MalformedError, match="nested deeper"):
        read("a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 3000)))
    with pytest.raises(MalformedError, match="values, aliases counted in full"):
        read("- [1, 2, 3, 4]\n" * 50_000)


@pytest.mark.parametrize(
    "written", ["&x celery", "!t celery", "&x !t celery", "&x 'celery'", '!t "celery"', "!t >-\n  celery"]
)
def test_tags_and_anchors_are_no_part_of_the_text(written: str) -> None:
    text = f"a: {written}\nb: 1\n"
    found = scalar(text)
    assert (found.text, stretches(text, found)) == ("celery", ["celery"])

from __future__ import annotations

import pytest

from celerylint.facts.comments import Suppression, suppressions


def only(source: str) -> Suppression:
    (found,) = suppressions(source)
    return found


@pytest.mark.parametrize(
    ("comment", "kind", "codes", "reason"),
    [
        ("# celerylint: ignore[CLY201] the API is flaky", "ignore", ("CLY201",), "the API is flaky"),
        ("# celerylint: ignore[CLY201,broad-retry] why", "ignore", ("CLY201", "broad-retry"), "why"),
        ("#celerylint:ignore[ CLY201 , CLY202 ]", "ignore", ("CLY201", "CLY202"), ""),
        ("# celerylint: ignore", "ignore", (), ""),
        ("# celerylint: ignore -- known", "ignore", (), "known"),
        ("# celerylint: ignore-file[CLY1] old code", "ignore-file", ("CLY1",), "old code"),
        ("# celerylint: ignore-file", "ignore-file", (), ""),
        ("# celerylint: ignroe[CLY201] x", "unknown", ("ignroe",), "x"),
        ("# celerylint: ignore CLY201, CLY202 why", "ignore", ("CLY201", "CLY202"), "why"),
        ("# celerylint: ignore: CLY201", "ignore", ("CLY201",), ""),
        ("# celerylint: ignore[] x", "unknown", ("ignore[]",), "x"),
        ("# noqa: CLY201", "noqa", ("CLY201",), ""),
        ("# noqa: CLY201 because of the API", "noqa", ("CLY201",), ""),
        ("# noqa: because", "noqa", (), ""),
        ("# noqa: CLY", "noqa", ("CLY",), ""),
        ("# noqa: E501, CLY201", "noqa", ("CLY201",), ""),
        ("# noqa: E501 CLY201", "noqa", ("CLY201",), ""),
        ("# noqa:E501,cly201", "noqa", ("cly201",), ""),
        ("# NOQA", "noqa", (), ""),
        ("# NoQA: CLY201", "noqa", ("CLY201",), ""),
        ("# noqa", "noqa", (), ""),
        ("# type: ignore[x]  # noqa: CLY101", "noqa", ("CLY101",), ""),
    ],
)
def test_forms(comment: str, kind: str, codes: tuple[str, ...], reason: str) -> None:
    found = only(f"x = 1  {comment}\n")
    assert (found.kind, found.codes, found.reason) == (kind, codes, reason)


@pytest.mark.parametrize("comment", ["# noqa: E501", "# noqa: E501,W291", "# noqa-foo", "# celerylint is nice"])
def test_comments_that_do_not_speak_to_us(comment: str) -> None:
    assert suppressions(f"x = 1  {comment}\n") == ()


@pytest.mark.parametrize(
    "source",
    [
        's = "# celerylint: ignore"\n',
        "s = '''\n# celerylint: ignore[CLY201]\n'''\n",
        's = """\n"quoted" # noqa\n"""\n',
        "s = 'it\\'s # noqa'\n",
        "s = \"a\" '# noqa'\n",
        'def f():\n    """Say # noqa: CLY201 to it."""\n',
    ],
)
def test_words_inside_of_strings_are_not_comments(source: str) -> None:
    assert suppressions(source) == ()


def test_comment_after_strings_and_newer_syntax_is_found() -> None:
    source = (
        "match x:\n    case {'#': y}: ...\n"
        "type A[T = int] = list[T]\n"
        "try: ...\nexcept A, B: ...\n"
        "t = t'{x!r} # no'\n"
        'f = f"{d["key"]} # no"\n'
        "z = 1  # celerylint: ignore[CLY201] because\n"
    )
    assert only(source).line == 8


def test_place_counts_characters_from_one() -> None:
    found = only("é = 'ü'  # celerylint: ignore[CLY201]  \n")
    assert (found.line, found.column, found.end_column) == (1, 10, 38)


def test_bytes_with_mark_and_foreign_line_ends_are_read() -> None:
    (found,) = suppressions(b"\xef\xbb\xbfx = 1\r\ny = 2  # noqa: CLY201\r\n")
    assert (found.line, found.column, found.first, found.last) == (2, 8, 2, 2)


HEADER = """\
@app.task(
    bind=True,{inside}
    autoretry_for=(Exception,),
){close}
# a remark
@other{other}
def pull(
    self,
):{end}
    work(){body}
"""


@pytest.mark.parametrize("where", ["close", "other", "end"])
def test_comment_at_an_end_of_a_decorator_or_def_speaks_for_the_whole_header(where: str) -> None:
    slots = dict.fromkeys(("inside", "close", "other", "end", "body"), "")
    found = only(HEADER.format(**{**slots, where: "  # noqa: CLY201"}))
    assert (found.first, found.last) == (1, 9)


@pytest.mark.parametrize(("where", "line"), [("inside", 2), ("body", 10)])
def test_comment_elsewhere_speaks_for_its_line(where: str, line: int) -> None:
    slots = dict.fromkeys(("inside", "close", "other", "end", "body"), "")
    found = only(HEADER.format(**{**slots, where: "  # noqa: CLY201"}))
    assert (found.first, found.last) == (line, line)


def test_comment_in_a_long_dictionary_does_not_speak_for_all_of_it() -> None:
    found = only("S = {\n    'a': 1,\n    'b': 2,  # celerylint: ignore[CLY403] on purpose\n}\n")
    assert (found.first, found.last) == (3, 3)


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ('NAME = """\na\nb\n"""  # noqa: CLY601\n', (1, 4)),
        ('run(a, """\na\n""", b)  # celerylint: ignore[CLY601]\n', (1, 3)),
        ("total = a + \\\n    b  # noqa\n", (1, 2)),
        ("run(\n    a,\n    b=1,  # noqa\n)\n", (3, 3)),
        ('x = """\n"""\ny = 1  # noqa\n', (3, 3)),
    ],
)
def test_comment_speaks_for_the_lines_that_a_string_or_a_backslash_joins_to_its_own(
    source: str, lines: tuple[int, int]
) -> None:
    (found,) = suppressions(source)
    assert (found.first, found.last) == lines

"""Edits of any file: of comments that silence findings."""

from __future__ import annotations

import re

import pytest

from celerylint.facts.comments import plain_suppressions, suppressions
from celerylint.finding import DropCodes, Place, Span
from celerylint.fixes.text import Text


def dropped(path: str, source: str, *codes: str) -> str:
    """The text without codes of its first comment."""
    read = suppressions if path.endswith(".py") else plain_suppressions
    comment = read(source)[0]
    span = Span(comment.line, comment.column, comment.line, comment.end_column)
    text = Text(path, source.encode())
    return text.changed(text.changes(DropCodes(Place(path, span), codes)))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1  # celerylint: ignore[CLY201] flaky\n", "x = 1\n"),
        ("x = 1  # celerylint: ignore[CLY201, CLY202] flaky\n", "x = 1  # celerylint: ignore[CLY202] flaky\n"),
        ("x = 1  # celerylint: ignore[CLY202,CLY201,CLY3] x\n", "x = 1  # celerylint: ignore[CLY202,CLY3] x\n"),
        ("x = 1  # celerylint: ignore CLY201 flaky\n", "x = 1\n"),
        ("x = 1  # noqa: CLY201\n", "x = 1\n"),
        ("x = 1  # noqa: E501, CLY201\n", "x = 1  # noqa: E501\n"),
        ("x = 1  # noqa: CLY201 because\n", "x = 1  # because\n"),
        ("x = 1  # noqa: CLY201  # pragma: no cover\n", "x = 1  # pragma: no cover\n"),
        ("x = 1  # because  # noqa: CLY201\n", "x = 1  # because\n"),
        ("x = 1  # celerylint: ignore[CLY201] a  # noqa: E501\n", "x = 1  # noqa: E501\n"),
        ("# celerylint: ignore-file[CLY201] made\nx = 1\n", "x = 1\n"),
        ("def f():\r\n    # celerylint: ignore[CLY201] a\r\n    g()\r\n", "def f():\r\n    g()\r\n"),
        ("x = 1  # celerylint: ignore[CLY201] no line end", "x = 1"),
    ],
)
def test_codes_are_taken_out_of_a_comment(before: str, after: str) -> None:
    assert dropped("tasks.py", before, "CLY201") == after


@pytest.mark.parametrize("path", ["docker-compose.yml", "Dockerfile", "run.sh", "Procfile"])
def test_comments_of_other_files_too(path: str) -> None:
    source = "a: b  # celerylint: ignore[CLY701,CLY703] x\n# celerylint: ignore[CLY702] y\nc: d\n"
    assert dropped(path, source, "CLY701") == re.sub("CLY701,", "", source)
    assert dropped(path, source, "CLY701", "CLY703") == source.replace("  # celerylint: ignore[CLY701,CLY703] x", "")


def test_no_codes_stand_for_all() -> None:
    assert dropped("tasks.py", "x = 1  # celerylint: ignore\n") == "x = 1\n"

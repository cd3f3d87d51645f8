from __future__ import annotations

import pytest

from celerylint.facts.comments import plain_suppressions

COMPOSE = """\
services:
  # celerylint: ignore[CLY701] one worker is enough

  worker:
    command: celery -A proj worker  # celerylint: ignore[CLY702] yes
    environment:
      A: "# not noqa"
  # celerylint: ignore[CLY711] next
  flower:
    command:
    - celery
    - flower
  beat:  # noqa: CLY401
    command: >
      celery
      beat
  other: x  # noqa
"""


def test_yaml() -> None:
    found = plain_suppressions(COMPOSE)
    assert [(s.kind, s.codes, s.line, s.column, s.first, s.last, s.reason) for s in found] == [
        ("ignore", ("CLY701",), 2, 3, 2, 7, "one worker is enough"),
        ("ignore", ("CLY702",), 5, 37, 5, 5, "yes"),
        ("ignore", ("CLY711",), 8, 3, 8, 12, "next"),
        ("noqa", ("CLY401",), 13, 10, 13, 16, ""),
    ]


def test_items_at_the_level_of_their_key() -> None:
    text = "command:  # celerylint: ignore[CLY1] x\n- a\n- b\nother: 1\n"
    assert [(s.first, s.last) for s in plain_suppressions(text)] == [(1, 3)]
    text = "# celerylint: ignore[CLY1] x\n- a\n- b\n"
    assert [(s.first, s.last) for s in plain_suppressions(text)] == [(1, 2)]


def test_continuation_lines() -> None:
    text = "FROM x\n# celerylint: ignore[CLY1] x\n# more\nCMD celery \\\n\n# why\nworker \\\n-l info\nUSER app\n"
    assert [(s.line, s.first, s.last) for s in plain_suppressions(text)] == [(2, 2, 8)]


def test_semicolons_where_the_format_has_them() -> None:
    text = (
        "[program:x]\n; celerylint: ignore[CLY1] x\ncommand=celery\n  worker\nuser=app ; celerylint: ignore[CLY2] y\n"
    )
    assert plain_suppressions(text) == ()
    assert [(s.codes, s.first, s.last) for s in plain_suppressions(text, "#;")] == [
        (("CLY1",), 2, 4),
        (("CLY2",), 5, 5),
    ]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("# celerylint: ignore-file[CLY7] old\n", "ignore-file"),
        ("# celerylint: ignroe[CLY7]\n", "unknown"),
        ("\ufeff# celerylint: ignore\r\nx\r\n", "ignore"),
    ],
)
def test_words(text: str, kind: str) -> None:
    assert [s.kind for s in plain_suppressions(text.encode())] == [kind]


def test_what_is_no_comment() -> None:
    assert plain_suppressions(b"a: x#celerylint: ignore\nb: 1  # fine\n") == ()
    assert plain_suppressions(b"\xff\xfe # celerylint:\n")[0].kind == "unknown"

from __future__ import annotations

import pytest

from celerylint.facts.deploy.instructions import dockerfile, procfile
from celerylint.facts.deploy.ir import Instruction

DOCKERFILE = """\
# syntax=docker/dockerfile:1
# A comment.
ARG PY=3.11
FROM python:${PY} AS base

run pip install celery \\
    # why
    redis \\

    && rm -rf /root/.cache
COPY <<EOF <<-"END" /app/
CMD nothing
EOF
\tENTRYPOINT ["nothing"]
\tEND
  ENTRYPOINT [ "tini", "--", \\
    "/app/a \\"b\\".sh" ]
CMD ['celery', 'worker']
CMD ["celery"] worker
CMD []
HEALTHCHECK --interval=5s CMD celery inspect ping \\
"""


def words(found: Instruction) -> list[str] | None:
    return None if found.argv is None else [word.text for word in found.argv]


def test_dockerfile() -> None:
    found = dockerfile(DOCKERFILE).instructions
    assert [(i.line, i.end_line, i.word, " ".join(i.text.split()), words(i)) for i in found] == [
        (3, 3, "ARG", "PY=3.11", None),
        (4, 4, "FROM", "python:${PY} AS base", None),
        (6, 10, "RUN", "pip install celery redis && rm -rf /root/.cache", None),
        (11, 11, "COPY", '<<EOF <<-"END" /app/', None),
        (16, 17, "ENTRYPOINT", '[ "tini", "--", "/app/a \\"b\\".sh" ]', ["tini", "--", '/app/a "b".sh']),
        (18, 18, "CMD", "['celery', 'worker']", None),
        (19, 19, "CMD", '["celery"] worker', None),
        (20, 20, "CMD", "[]", []),
        (21, 21, "HEALTHCHECK", "--interval=5s CMD celery inspect ping", None),
    ]


def test_places() -> None:
    lines = DOCKERFILE.split("\n")
    run, entrypoint = dockerfile(DOCKERFILE).instructions[2], dockerfile(DOCKERFILE).instructions[4]
    for offset, line, col in run.origins:
        assert lines[line - 1][col - 1 :].startswith(run.text[offset : offset + 5].rstrip())
    assert entrypoint.argv is not None
    assert [(word.line, word.col, word.origins) for word in entrypoint.argv] == [
        (16, 16, [(0, 16, 17)]),
        (16, 24, [(0, 16, 25)]),
        (17, 5, [(0, 17, 6)]),
    ]
    assert (entrypoint.col, entrypoint.end_col) == (3, len(lines[16]) + 1)


def test_another_escape() -> None:
    found = dockerfile("# escape=`\nFROM x\nCMD celery `\n  worker -l \\\nUSER app\n").instructions
    assert [(i.word, i.text) for i in found] == [("FROM", "x"), ("CMD", "celery   worker -l \\"), ("USER", "app")]
    late = dockerfile("# note\n# escape=`\nCMD celery \\\n worker\n").instructions
    assert [i.text for i in late] == ["celery  worker"]


SCRAPS = ["", "\\", "CMD", "CMD \\", "CMD \\\n\n\n", "RUN <<A\nx", "# escape=", 'CMD ["\\u12"]', "\0", "CMD [\n]"]


@pytest.mark.parametrize("text", SCRAPS)
def test_scraps(text: str) -> None:
    assert len(dockerfile(text).instructions) <= 2


def test_an_open_heredoc_hides_nothing() -> None:
    assert [i.word for i in dockerfile("RUN cat <<EOF\nCMD x\n").instructions] == ["RUN", "CMD"]


def test_procfile() -> None:
    text = (
        "# types\nweb: gunicorn app:app\n worker:celery -A proj worker -Q a:b  \n\nbad line\nempty:\nb_2: celery beat\n"
    )
    found = procfile(text).instructions
    assert [(i.line, i.col, i.end_col, i.word, i.text, i.origins) for i in found] == [
        (2, 1, 22, "web", "gunicorn app:app", [(0, 2, 6)]),
        (3, 2, 37, "worker", "celery -A proj worker -Q a:b", [(0, 3, 9)]),
        (7, 1, 17, "b_2", "celery beat", [(0, 7, 6)]),
    ]

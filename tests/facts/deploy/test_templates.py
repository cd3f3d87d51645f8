from __future__ import annotations

import pytest

from celerylint.facts.deploy.ir import TemplateLine
from celerylint.facts.deploy.templates import read

CHART = """\
{{- /* a
comment {{ .x }} */ -}}
{{- if .Values.on }}
kind: Deployment  # note
  "{{ .a }}: b": "{{ .Values.y | default "c # d" }}"  # note
  command: ["celery", "-A",
    "{{ .Values.app }}",  # app
    'worker']
  args:
    - -Q
    - {{ .Values.queues | quote }}
    -
      name: foo
    - "a: b"
    - name: X
      value: redis://x/#1
    - |
      exec celery \\
    {{- if .Values.y }}
        -Q a
    {{- end }}
        worker

  plain: celery -A proj
    worker
  folded: >-
    celery
    worker
  {{- with
     .Values.q }}
---
a: b
"""


def shown(line: TemplateLine) -> tuple[int, int, bool, str, str]:
    return line.line, line.indent, line.item, line.key, line.value


def test_chart() -> None:
    assert [shown(line) for line in read(CHART).lines] == [
        (3, 0, False, "", "{{- if .Values.on }}"),
        (4, 0, False, "kind", "Deployment"),
        (5, 2, False, "{{ .a }}: b", '{{ .Values.y | default "c # d" }}'),
        (6, 2, False, "command", '["celery", "-A", "{{ .Values.app }}", \'worker\']'),
        (9, 2, False, "args", ""),
        (10, 6, True, "", "-Q"),
        (11, 6, True, "", "{{ .Values.queues | quote }}"),
        (12, 5, True, "", ""),
        (13, 6, False, "name", "foo"),
        (14, 6, True, "", "a: b"),
        (15, 6, True, "name", "X"),
        (16, 6, False, "value", "redis://x/#1"),
        (17, 6, True, "", "exec celery \\\n{{- if .Values.y }}\n  -Q a\n{{- end }}\n  worker"),
        (24, 2, False, "plain", "celery -A proj worker"),
        (26, 2, False, "folded", "celery worker"),
        (29, 2, False, "", "{{- with      .Values.q }}"),
        (31, 0, False, "---", ""),
        (32, 0, False, "a", "b"),
    ]


def test_places() -> None:
    lines = CHART.split("\n")
    for found in read(CHART).lines:
        for (offset, line, col), (end, _, _) in zip(
            found.origins, [*found.origins[1:], (len(found.value), 0, 0)], strict=True
        ):
            written = found.value[offset:end].strip()
            if "with" not in written:
                assert written in lines[line - 1][max(col - 2, 0) :], found
    command = next(line for line in read(CHART).lines if line.key == "command")
    assert (command.line, command.end_line, command.origins[0]) == (6, 8, (0, 6, 12))


def test_jinja() -> None:
    text = "{% for q in queues %}\n{# a {{ x }} #}\nw_{{ q }}:\n  command: celery -Q {{ q }}\n{% endfor %}\n"
    assert [shown(line) for line in read(text).lines] == [
        (1, 0, False, "", "{% for q in queues %}"),
        (3, 0, False, "w_{{ q }}", ""),
        (4, 2, False, "command", "celery -Q {{ q }}"),
        (5, 0, False, "", "{% endfor %}"),
    ]


NONSENSE = ["{{" * 100_000, "{{/*" * 100_000, "{#" * 100_000, '"' * 100_001, "'{{" * 50_000, "- " * 50_000]
NONSENSE += ['a: "' + "{{a}}" * 50_000, "a: " + "[" * 100_000, "a: |\n" + " x\n" * 30_000, "a: [\n" * 20_000]


@pytest.mark.parametrize("text", NONSENSE)
def test_nonsense_is_read_in_linear_time(text: str) -> None:
    assert len(read(text).lines) <= text.count("\n") + 1

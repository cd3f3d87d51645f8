from __future__ import annotations

import pytest
from deployed import deploy, spelled

CHART = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "proj.fullname" . }}-worker
  labels:
    {{- include "proj.labels" . | nindent 4 }}
spec:
  replicas: {{ .Values.worker.replicas }}
  strategy:
    type: {{ .Values.worker.strategy | default "Recreate" }}
  template:
    spec:
      terminationGracePeriodSeconds: {{ .Values.worker.grace | default 45 }}
      containers:
        - name: worker
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
%s
          {{- with .Values.resources }}
          resources:
            {{- toYaml . | nindent 12 }}
          {{- end }}
"""
VALUES = """
image: {repository: team/app, tag: "1"}
worker:
  replicas: 3
  queues: mail,push
  concurrency: 4
  args: [celery, -A, proj, worker, -c, "2"]
  extra: []
  list: [mail, push]
  rendered: [sh, -c, "exec celery -A proj worker -Q {{ .Values.worker.queues }} -n {{ .Release.Name }}"]
  enabled: true
"""


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("args: [celery, -A, proj, worker]", "celery -A proj worker"),
        ('command: ["celery", "-A", "proj", "worker", "-Q", "mail,push"]', "celery -A proj worker -Q mail,push"),
        ("command: [celery, -Q, '{{ .Values.worker.queues }}']", "celery -Q mail,push"),
        ("command: [celery, -Q, {{ .Values.worker.queues | quote }}]", "celery -Q mail,push"),
        ("command: [celery, -c, {{ .Values.worker.concurrency | quote }}]", "celery -c 4"),
        ("command: [celery, -c, {{ .Values.worker.missing }}]", "celery -c ?"),
        ("command: [celery, -c, {{ .Values.worker.missing | default 7 | quote }}]", "celery -c 7"),
        ("command: [celery, -c, {{ default 7 .Values.worker.missing }}]", "celery -c 7"),
        ("command: [celery, -Q, {{ .Values.worker.list | join \",\" | quote }}]", "celery -Q mail,push"),
        ("command: [celery, -Q, '{{ join \",\" .Values.worker.list }}']", "celery -Q mail,push"),
        ("command: [celery, -Q, {{ .Values.worker.queues | join \",\" }}]", "celery -Q ?"),
        ("command: [celery, -n, {{ .Release.Name }}]", "celery -n ?"),
        ("command:\n- celery\n- -A\n- proj\n- worker", "celery -A proj worker"),
        ("command:\n  - celery\n  - -Q={{ .Values.worker.queues }}", "celery -Q=mail,push"),
        ("command:\n  {{- toYaml .Values.worker.args | nindent 12 }}", "celery -A proj worker -c 2"),
        ("command: {{ tpl (toJson .Values.worker.args) . }}", "celery -A proj worker -c 2"),
        ("command: {{  tpl (toJson .Values.worker.rendered) $ }}", "celery -A proj worker -Q mail,push -n ?"),
        ("command:\n  {{- tpl (toYaml .Values.worker.args) . | nindent 12 }}", "celery -A proj worker -c 2"),
        ("command: {{ toJson .Values.worker.args }}", "celery -A proj worker -c 2"),
        ("command: {{- toYaml .Values.worker.args | nindent 12 }}", "celery -A proj worker -c 2"),
        ("command:\n{{- range .Values.worker.args }}\n  - {{ . | quote }}\n{{- end }}", "celery -A proj worker -c 2"),
        ("command:\n  - sh\n  - -c\n  - |\n    celery \\\n      -Q {{ .Values.worker.queues }}", "celery -Q mail,push"),
        ("command:\n  - celery\n{{- if .Values.worker.enabled }}\n  - beat\n{{- else }}\n  - worker\n{{- end }}", "celery beat"),
        ("command:\n  - celery\n{{- if .Values.worker.extra }}\n  - -X\n{{- end }}\n  - worker", "celery worker"),
        ("command:\n  - celery\n{{- if .Capabilities.x }}\n  - -B\n{{- end }}\n  - worker", "celery ? worker"),
        ("{{- if .Capabilities.x }}\ncommand: [a]\n{{- else }}\ncommand: [b]\n{{- end }}", "?"),
    ],
)  # fmt: skip
def test_commands(lines: str, expected: str) -> None:
    template = CHART % "\n".join(f"          {line}" for line in lines.split("\n"))
    found = deploy(
        {"chart/templates/worker.yaml": template, "chart/values.yaml": VALUES, "chart/Chart.yaml": "name: c\n"}
    )
    process = found.process('{{ include "proj.fullname" . }}-worker')
    assert [spelled(invocation) for invocation in process.invocations] == [expected]
    assert process.platform == "helm"
    assert (process.replicas.value, process.grace.value) == (3, 45)
    assert process.attributes["strategy"].value == "Recreate"
    assert process.attributes["image"].value == "team/app:1"


def test_words_stand_in_the_template() -> None:
    template = (
        CHART % "          command:\n            - celery\n            - -Q\n            - {{ .Values.worker.queues }}"
    )
    found = deploy({"c/templates/w.yaml": template, "c/values.yaml": VALUES})
    words = found.whole.processes[0].invocations[0].words
    assert [(word.place.path, word.place.line, word.place.span.column) for word in words] == [
        ("c/templates/w.yaml", 19, 15),
        ("c/templates/w.yaml", 20, 15),
        ("c/templates/w.yaml", 21, 15),
    ]


def test_what_values_leave_out_is_not_deployed() -> None:
    template = (
        "{{- if .Values.flower.enabled }}\n" + CHART.strip() % "          command: [celery, flower]" + "\n{{- end }}\n"
    )
    files = {"c/templates/f.yaml": template, "c/values.yaml": VALUES + "flower: {enabled: false}\n"}
    assert deploy(files).whole.processes[0].development == "c/values.yaml leaves it out"
    files["c/values.yaml"] = VALUES + "flower: {enabled: true}\n"
    assert not deploy(files).whole.processes[0].development
    # Without the value nobody can tell.
    files["c/values.yaml"] = VALUES
    assert [process.development for process in deploy(files).whole.processes] == [""]


def test_a_chart_without_values() -> None:
    found = deploy({"c/templates/w.yaml": CHART % "          command: [celery, -Q, {{ .Values.worker.queues }}]"})
    process = found.whole.processes[0]
    assert [spelled(invocation) for invocation in process.invocations] == ["celery -Q ?"]
    assert process.replicas.value is None


def test_an_autoscaler_of_the_same_chart() -> None:
    scaler = """
        {{- if .Values.autoscaling }}
        apiVersion: autoscaling/v2
        kind: HorizontalPodAutoscaler
        metadata:
          name: {{ include "proj.fullname" . }}-worker
        spec:
          scaleTargetRef:
            kind: Deployment
            name: {{ include "proj.fullname" . }}-worker
          maxReplicas: {{ .Values.most }}
        {{- end }}
    """
    found = deploy(
        {
            "c/templates/w.yaml": CHART % "          command: [celery, worker]",
            "c/templates/hpa.yaml": scaler,
            "c/values.yaml": VALUES + "autoscaling: true\nmost: 9\n",
        }
    )
    assert found.whole.processes[0].attributes["autoscaler"].value == 9

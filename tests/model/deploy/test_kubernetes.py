from __future__ import annotations

import pytest
from deployed import deploy

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: worker}
spec:
  template:
    spec:
      containers:
        - name: app
          image: team/app:1
          %s
"""


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("command: [celery, -A, proj, worker]", "celery -A proj worker"),
        ("command: [celery]\n          args: [-A, proj, worker]", "celery -A proj worker"),
        ("args: [celery, -A, proj, worker]", "celery -A proj worker"),
        ("command: [sh, -c]\n          args: ['exec celery -A proj worker']", "celery -A proj worker"),
        ("command: [sh, -c]\n          args:\n          - |\n            cd /\n            celery worker", "celery worker"),
        ("command: [celery, -Q, $(QUEUES)]\n          env: [{name: QUEUES, value: mail}]", "celery -Q mail"),
        ("command: [celery, -Q, $(OTHER)]\n          env: [{name: QUEUES, value: mail}]", "celery -Q ?"),
        ("command: [celery, -Q, $$(QUEUES)]", "celery -Q $(QUEUES)"),
        ("command: [celery, -Q, $QUEUES]", "celery -Q $QUEUES"),
        (
            "command: [sh, -c, 'celery -Q $QUEUES worker']\n"
            "          env: [{name: P, value: a}, {name: QUEUES, value: $(P)-b}]",
            "celery -Q a-b worker",
        ),
        (
            "command: [celery, -Q, $(QUEUES)]\n"
            "          env: [{name: QUEUES, valueFrom: {secretKeyRef: {name: s, key: q}}}]",
            "celery -Q ?",
        ),
    ],
)  # fmt: skip
def test_commands(lines: str, expected: str) -> None:
    found = deploy({"k8s/worker.yaml": DEPLOYMENT % lines})
    assert found.commands("worker") == [expected]
    assert found.process("worker").grace.value == 30
    assert found.process("worker").attributes["strategy"].value == "RollingUpdate"


def test_a_shell_command_of_several_lines_knows_where_its_words_stand() -> None:
    text = (
        DEPLOYMENT
        % "command:\n          - sh\n          - -c\n          - |\n            cd /app\n            celery -A proj worker"
    )
    invocation = deploy({"worker.yaml": text}).process("worker").invocations[0]
    assert (invocation.place.line, invocation.place.span.column) == (16, 13)


def test_variables_of_config_maps() -> None:
    found = deploy(
        {
            "k8s/map.yml": """
                apiVersion: v1
                kind: ConfigMap
                metadata: {name: settings}
                data: {QUEUES: mail, COUNT: "2"}
            """,
            "k8s/worker.yml": DEPLOYMENT
            % """command: [sh, -c, 'exec celery -A proj worker -Q $X_QUEUES -c $COUNT']
          envFrom: [{prefix: X_, configMapRef: {name: settings}}]
          env: [{name: COUNT, valueFrom: {configMapKeyRef: {name: settings, key: COUNT}}}]""",
        }
    )
    assert found.commands("worker") == ["celery -A proj worker -Q mail -c 2"]


def test_workloads() -> None:
    pod = "spec: {containers: [{name: c, image: app, command: [celery, -A, proj, worker]}]"
    template = f"template: {{{pod}}}}}"
    found = deploy(
        {
            "k8s/all.yaml": "\n---\n".join(
                [
                    f"apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: set}}\nspec: {{replicas: 2, {template}}}",
                    f"apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {{name: daemon}}\nspec: {{{template}}}",
                    f"apiVersion: v1\nkind: Pod\nmetadata: {{name: pod}}\n{pod}}}",
                    f"apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: cron}}\n"
                    f"spec: {{jobTemplate: {{spec: {{parallelism: 3, {template}}}}}}}",
                    f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: plain}}\nspec: {{{template}}}",
                    "apiVersion: v1\nkind: Service\nmetadata: {name: service}\nspec: {ports: []}",
                    f"apiVersion: v1\nkind: List\nitems:\n- {{kind: Pod, metadata: {{name: item}}, {pod}}}}}",
                ]
            )
        }
    )
    assert {p.name: (p.replicas.value, p.attributes["kind"].value) for p in found.whole.processes} == {
        "set": (2, "StatefulSet"),
        "daemon": (None, "DaemonSet"),
        "pod": (1, "Pod"),
        "cron": (3, "CronJob"),
        "plain": (1, "Deployment"),
        "item": (1, "Pod"),
    }
    assert all(found.commands(name) == ["celery -A proj worker"] for name in found.names)


def test_what_rules_ask_of_a_workload() -> None:
    found = deploy(
        {
            "k8s/beat.yaml": """
                apiVersion: apps/v1
                kind: Deployment
                metadata: {name: beat}
                spec:
                  replicas: 1
                  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 0}}
                  template:
                    metadata: {labels: {app: beat}}
                    spec:
                      terminationGracePeriodSeconds: 120
                      volumes:
                        - {name: data, persistentVolumeClaim: {claimName: data}}
                        - {name: tmp, emptyDir: {}}
                      initContainers:
                        - {name: migrate, image: app, command: [python, manage.py, migrate]}
                        - {name: side, image: app, restartPolicy: Always, command: [celery, -A, proj, flower]}
                      containers:
                        - name: beat
                          image: app
                          command: [celery, -A, proj, beat]
                          lifecycle: {preStop: {exec: {command: [sleep, "5"]}}}
                          livenessProbe: {exec: {command: [celery, status]}}
                          volumeMounts: [{name: data, mountPath: /data}]
                ---
                apiVersion: autoscaling/v2
                kind: HorizontalPodAutoscaler
                metadata: {name: h}
                spec: {scaleTargetRef: {kind: Deployment, name: beat}, maxReplicas: 5}
                ---
                apiVersion: v1
                kind: Service
                metadata: {name: outside}
                spec: {type: LoadBalancer, selector: {app: beat}, ports: [{port: 80, targetPort: 5555}]}
                ---
                apiVersion: v1
                kind: Service
                metadata: {name: inside}
                spec: {selector: {app: beat}, ports: [{port: 81}]}
            """
        }
    )
    assert found.names == ["beat/beat", "beat/side"]
    beat = found.process("beat/beat")
    assert beat.grace.value == 120
    values = {key: known.value for key, known in beat.attributes.items()}
    assert values == {
        "kind": "Deployment",
        "strategy": "RollingUpdate",
        "max_surge": "0",
        "autoscaler": 5,
        "ports": "80:5555",
        "volumes": "data",
        "mounts": "data:/data",
        "pre_stop": "sleep 5",
        "liveness": "celery status",
        "image": "app",
    }


def test_keda_scales_too() -> None:
    scaled = """
        apiVersion: keda.sh/v1alpha1
        kind: ScaledObject
        metadata: {name: s}
        spec: {scaleTargetRef: {name: worker}}
    """
    found = deploy({"k/worker.yaml": DEPLOYMENT % "args: [celery, worker]", "k/scaled.yaml": scaled})
    assert found.process("worker").attributes["autoscaler"].value == 100


def test_an_image_that_the_project_makes_is_followed() -> None:
    found = deploy(
        {
            "k8s/deployment.yaml": DEPLOYMENT % "args: [worker]",
            "Dockerfile": """
                FROM python:3.12
                WORKDIR /app
                COPY . .
                ENTRYPOINT ["sh", "scripts/start.sh"]
            """,
            "scripts/start.sh": """
                if [ "$1" = "worker" ]; then
                  exec celery -A proj worker -Q mail
                fi
                exec gunicorn proj.wsgi
            """,
        }
    )
    assert found.commands("worker") == ["celery -A proj worker -Q mail"]


# --- Kustomize --------------------------------------------------------------------------------------------------------


def test_overlays_of_kustomize() -> None:
    found = deploy(
        {
            "k8s/base/kustomization.yaml": """
                resources: [worker.yaml, beat.yaml]
                configMapGenerator:
                  - name: settings
                    literals: [QUEUES=mail]
                    envs: [more.env]
            """,
            "k8s/base/more.env": "COUNT=3\n",
            "k8s/base/worker.yaml": DEPLOYMENT
            % """command: [sh, -c, 'celery -A proj worker -Q $QUEUES -c $COUNT']
          envFrom: [{configMapRef: {name: settings}}]""",
            "k8s/base/beat.yaml": (DEPLOYMENT % "command: [celery, -A, proj, beat]").replace(
                "{name: worker}", "{name: beat}"
            ),
            "k8s/overlays/prod/kustomization.yaml": """
                resources: [../../base]
                replicas: [{name: worker, count: 4}]
                patches:
                  - path: grace.yaml
                  - target: {kind: Deployment, name: beat}
                    patch: |-
                      - op: add
                        path: /spec/replicas
                        value: 2
                      - op: replace
                        path: /spec/template/spec/containers/0/command
                        value: [celery, -A, other, beat]
            """,
            "k8s/overlays/prod/grace.yaml": """
                apiVersion: apps/v1
                kind: Deployment
                metadata: {name: worker}
                spec:
                  template:
                    spec:
                      terminationGracePeriodSeconds: 600
                      containers: [{name: app, env: [{name: COUNT, value: "8"}]}]
            """,
            "k8s/overlays/dev/kustomization.yaml": "resources: [../../base]\n",
        }
    )
    deployed = [process for process in found.whole.processes if not process.development]
    worker, beat = deployed
    assert {process.deployment for process in deployed} == {"k8s/overlays/prod/kustomization.yaml"}
    assert (worker.replicas.value, worker.grace.value) == (4, 600)
    assert [word.text for word in worker.invocations[0].words][-4:] == ["-Q", "mail", "-c", "8"]
    assert (beat.replicas.value, beat.replicas.place and beat.replicas.place.line) == (2, 10)
    command = beat.invocations[0].words[2]
    assert (command.text, command.place.line, command.place.span.column) == ("other", 13, 29)
    assert [p.deployment for p in found.whole.processes if p.development] == ["k8s/overlays/dev/kustomization.yaml"] * 2


def test_a_patch_that_cannot_be_followed_makes_the_command_unknown() -> None:
    found = deploy(
        {
            "kustomization.yaml": """
                resources: [worker.yaml]
                patchesJson6902:
                  - target: {kind: Deployment, name: worker}
                    patch: "[{op: replace, path: /spec/template/spec/containers/3/command, value: [x]}]"
            """,
            "worker.yaml": DEPLOYMENT % "command: [celery, -A, proj, worker]",
        }
    )
    assert not found.process("worker").complete


def test_kustomizations_that_build_on_each_other_end() -> None:
    files = {f"{a}/kustomization.yaml": f"resources: [../{b}, worker.yaml]\n" for a, b in (("a", "b"), ("b", "a"))}
    deploy({**files, "a/worker.yaml": DEPLOYMENT % "command: [celery]"})


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: v1\nkind: Deployment\n",
        "apiVersion: v1\nkind: Deployment\nmetadata: {name: x}\nspec: []\n",
        "apiVersion: v1\nkind: Deployment\nmetadata: {name: x}\nspec: {template: {spec: {containers: {a: b}}}}\n",
        "apiVersion: v1\nkind: Deployment\nmetadata: {name: x}\nspec: {template: {spec: {containers: [a, [b]]}}}\n",
        "apiVersion: v1\nkind: List\nitems: {a: b}\n",
    ],
)
def test_odd_manifests_start_nothing(text: str) -> None:
    assert deploy({"a.yaml": text}).names == []

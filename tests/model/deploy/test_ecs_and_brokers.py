from __future__ import annotations

from deployed import deploy


def test_task_definitions() -> None:
    found = deploy(
        {
            "ecs/task-definition.json": """
                {"family": "workers", "containerDefinitions": [
                  {"name": "worker", "image": "team/app:1", "command": ["celery", "-A", "proj", "worker", "-Q", "mail"],
                   "stopTimeout": 100, "environment": [{"name": "A", "value": "b"}]},
                  {"name": "beat", "image": "team/app:1", "entryPoint": ["sh", "-c"],
                   "command": ["exec celery -A proj beat -l $LEVEL"], "environment": [{"name": "LEVEL", "value": "info"}]}
                ]}
            """,
            "ecs/service-definition.json": """
                {"services": [{"serviceName": "x", "taskDefinition": "workers:3", "desiredCount": 2,
                 "containerDefinitions": []}]}
            """,
        }
    )
    worker = found.process("worker")
    assert found.commands("worker") == ["celery -A proj worker -Q mail"]
    assert found.commands("beat") == ["celery -A proj beat -l info"]
    assert (worker.grace.value, found.process("beat").grace.value) == (100, 30)
    assert worker.replicas.value == 2


def test_a_template_of_cloudformation() -> None:
    found = deploy(
        {
            "infra/stack.yaml": """
                Resources:
                  Beat:
                    Type: AWS::ECS::TaskDefinition
                    Properties:
                      ContainerDefinitions:
                        - Name: beat
                          Image: !Sub "${Account}/app"
                          Command: [celery, -A, proj, beat, -l, !Ref Level]
                  BeatService:
                    Type: AWS::ECS::Service
                    Properties:
                      TaskDefinition: !Ref Beat
                      DesiredCount: 1
                      DeploymentConfiguration: {MaximumPercent: 200}
            """
        }
    )
    beat = found.process("beat")
    assert found.commands("beat") == ["celery -A proj beat -l ?"]
    assert (beat.replicas.value, beat.attributes["max_percent"].value) == (1, 200)


def test_redis_in_compose() -> None:
    found = deploy(
        {
            "docker-compose.yml": """
                services:
                  plain: {image: 'redis:7'}
                  kept:
                    image: redis:7
                    command: redis-server --appendonly yes --maxmemory-policy allkeys-lru --save "" --requirepass ${PASSWORD}
                    volumes: ['data:/data']
                  short: {image: valkey/valkey, command: ['--appendonly', 'yes']}
                  configured:
                    image: redis
                    command: redis-server /etc/redis.conf
                    volumes: ['./redis.conf:/etc/redis.conf', 'data:/data']
                  elsewhere: {image: redis, command: redis-server /etc/other.conf}
                  db: {image: 'postgres:17'}
            """,
            "redis.conf": "appendonly yes\nmaxmemory-policy noeviction\n",
        }
    )
    brokers = {broker.name: broker for broker in found.whole.brokers}
    assert set(brokers) == {"plain", "kept", "short", "configured", "elsewhere"}
    assert {broker.transport for broker in brokers.values()} == {"redis"}
    plain, kept = brokers["plain"], brokers["kept"]
    assert (dict(plain.settings), plain.storage.value, plain.complete) == ({}, "", True)
    assert {key: known.value for key, known in kept.settings.items()} == {
        "appendonly": "yes",
        "maxmemory-policy": "allkeys-lru",
        "save": "",
        "requirepass": None,
    }
    assert kept.storage.value == "data"
    assert kept.settings["appendonly"].place is not None
    assert kept.settings["appendonly"].place.line == 6
    assert brokers["short"].settings["appendonly"].value == "yes"
    configured = brokers["configured"]
    assert configured.settings["maxmemory-policy"].value == "noeviction"
    assert configured.settings["maxmemory-policy"].place is not None
    assert configured.settings["maxmemory-policy"].place.path == "redis.conf"
    assert configured.complete
    assert configured.storage.value == "data"
    assert not brokers["elsewhere"].complete


def test_rabbitmq_and_its_files() -> None:
    found = deploy(
        {
            "docker-compose.yml": """
                services:
                  rabbit:
                    image: rabbitmq:3.13-management
                    volumes:
                      - ./rabbitmq.conf:/etc/rabbitmq/rabbitmq.conf
                      - ./definitions.json:/etc/rabbitmq/definitions.json
                      - data:/var/lib/rabbitmq
                  other:
                    image: rabbitmq
                    environment: {RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "-rabbit consumer_timeout 7200000"}
            """,
            "rabbitmq.conf": "# slow tasks\nconsumer_timeout = 3600000\n",
            "definitions.json": """
                {"vhosts": [], "policies": [{"name": "ha", "pattern": ".*", "definition": {"ha-mode": "all"}}]}
            """,
            "other/rabbitmq.conf": "consumer_timeout = 1\n",
        }
    )
    rabbit, other, loose = found.whole.brokers
    assert (rabbit.transport, rabbit.settings["consumer_timeout"].value, rabbit.storage.value) == (
        "rabbitmq",
        "3600000",
        "data",
    )
    assert [place.path for place in rabbit.mirrored] == ["definitions.json"]
    assert other.settings["consumer_timeout"].value == "7200000"
    assert (loose.platform, loose.place.path) == ("configuration", "other/rabbitmq.conf")


def test_redis_in_kubernetes() -> None:
    found = deploy(
        {
            "redis.yaml": """
                apiVersion: apps/v1
                kind: StatefulSet
                metadata: {name: redis}
                spec:
                  volumeClaimTemplates: [{metadata: {name: data}}]
                  template:
                    spec:
                      containers:
                        - name: redis
                          image: redis:7
                          args: ['--appendonly', 'yes']
                          volumeMounts: [{name: data, mountPath: /data}]
                ---
                apiVersion: apps/v1
                kind: Deployment
                metadata: {name: volatile}
                spec: {template: {spec: {containers: [{name: redis, image: 'redis:7'}]}}}
            """
        }
    )
    kept, volatile = found.whole.brokers
    assert (kept.settings["appendonly"].value, kept.storage.value) == ("yes", "data")
    assert volatile.storage.value == ""

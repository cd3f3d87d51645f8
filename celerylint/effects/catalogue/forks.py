"""Clients that a forked process must not take over, by the call that makes them, with what becomes of the copy.

Only what the libraries themselves say: redis-py notices the fork, and is not here.
"""

from __future__ import annotations

_THREADS = "a copy of it, whose background threads exist in the parent alone"

COPIED: dict[str, str] = {
    "pymongo.MongoClient": "a copy of it, in which locks that its threads held stay locked: calls can hang",
    "pymongo.mongo_client.MongoClient": "a copy of it, in which locks that its threads held stay locked: calls can hang",
    "kafka.KafkaProducer": f"{_THREADS}: nothing is sent, and flush() hangs",
    "kafka.KafkaConsumer": f"{_THREADS}, on connections that all share",
    "confluent_kafka.Producer": f"{_THREADS}: nothing is sent, and flush() hangs",
    "confluent_kafka.SerializingProducer": f"{_THREADS}: nothing is sent, and flush() hangs",
    "confluent_kafka.Consumer": f"{_THREADS}: nothing is received",
    "grpc.insecure_channel": "a copy of it, and gRPC does not support being forked: calls can hang",
    "grpc.secure_channel": "a copy of it, and gRPC does not support being forked: calls can hang",
    "boto3.client": "a copy of it, and clients cannot be shared across processes: answers can come in the wrong order",
    "boto3.resource": "a copy of it, and resources should not be shared across processes",
    "boto3.Session": "a copy of it, and sessions should not be shared across processes",
    "boto3.session.Session": "a copy of it, and sessions should not be shared across processes",
    "sqlalchemy.create_engine": "the connections of its pool, which all processes then share",
}
THROUGH = frozenset({"sqlalchemy.orm.sessionmaker", "sqlalchemy.orm.scoped_session"})
"""What hands a client on."""
SHARED = frozenset(COPIED) | THROUGH

"""`python -m celerylint.dev catalog`: write `catalog/celery.json` from every Celery it describes.

Each minor version describes itself in its own environment; a fact that did not change between two of them is written
once, with the versions it held in. What no Celery can tell (names that other packages read) is written down here.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import celerylint.catalog
from celerylint.dev.environments import CELERY_MINORS, python_for

DATA_FILE = Path(celerylint.catalog.__file__).with_name("celery.json")

UNDECLARED_SETTINGS = (
    "cassandra_secure_bundle_path",  # backends/cassandra.py; defaults.py declares cassandra_bundle_path instead
    "override_backends",  # app/backends.py
    "redis_backend_credential_provider",  # backends/redis.py, and the next two
    "redis_backend_health_check_interval",
    "redis_client_name",
    "result_backend_thread_safe",  # backends/base.py
    "dynamodb_endpoint_url",  # backends/dynamodb.py
    "firestore_project",  # backends/gcs.py, and the next
    "gcs_threadpool_maxsize",
    "CELERY_DB_REUSE_MAX",  # fixups/django.py
)
"""Read by Celery's code but not declared; a version has those that its source names."""

TRANSPORT_CALL_OPTIONS = (
    "MessageAttributes",  # kombu/transport/SQS, as are the next two
    "MessageDeduplicationId",
    "MessageGroupId",
)
"""Message properties that a transport reads and no function takes by name."""

FAMILIES = {"pyamqp": "amqp", "librabbitmq": "amqp", "confluentkafka": "kafka", "SQS": "sqs", "SLMQ": "slmq"}
"""Families of transports whose module is not called like them; `redis` covers rediss and sentinel."""

EXTENSIONS: tuple[dict[str, Any], ...] = (
    {
        "package": "celery-redbeat",  # 2.4.2
        "prefixes": ["redbeat_"],
        "settings": [
            "redbeat_redis_url",
            "redbeat_redis_use_ssl",
            "redbeat_redis_options",
            "redbeat_key_prefix",
            "redbeat_lock_key",
            "redbeat_lock_timeout",
        ],
    },
    {
        "package": "celery-singleton",  # 0.3.1
        "prefixes": ["singleton_"],
        "settings": [
            "singleton_backend_class",
            "singleton_backend_kwargs",
            "singleton_backend_url",
            "singleton_key_prefix",
            "singleton_raise_on_duplicate",
            "singleton_lock_expiry",
        ],
        "task_options": ["unique_on", "lock_expiry", "raise_on_duplicate"],
    },
    {"package": "celery-once", "settings": ["ONCE"], "task_options": ["once"]},  # 3.0.1
    {
        "package": "django-celery-beat",  # 2.9.0
        "prefixes": ["django_celery_beat_"],
        "django_settings": ["DJANGO_CELERY_BEAT_TZ_AWARE"],
    },
    {
        "package": "django-celery-results",  # 2.6.0
        "prefixes": ["django_celery_results_"],
        "django_settings": [
            "DJANGO_CELERY_RESULTS",
            "DJANGO_CELERY_RESULTS_TASK_ID_MAX_LENGTH",
            "DJANGO_CELERY_RESULTS_ID_FIRST_URLS",
        ],
    },
)
"""The facts of `catalog.Extension`, each read in the source of the release beside it."""

Described = dict[str, Any]
"""What one Celery says of one name."""


def main(argv: list[str]) -> int:
    """Write the data file, or with `--check` only say whether it is up to date; 1 if it is not."""
    parser = argparse.ArgumentParser(prog="python -m celerylint.dev catalog", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if the file would change")
    options = parser.parse_args(argv)
    text = render(merge([describe(minor) for minor in CELERY_MINORS]))
    if options.check:
        return int(DATA_FILE.read_text(encoding="utf-8") != text)
    DATA_FILE.write_text(text, encoding="utf-8")
    print(f"wrote {DATA_FILE}")
    return 0


def describe(celery_minor: str) -> dict[str, dict[str, Described]]:
    """Table -> name -> facts, for one Celery."""
    script = Path(__file__).with_name("_describe_celery.py")
    command = [str(python_for(celery_minor)), "-W", "ignore", str(script), *UNDECLARED_SETTINGS]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    told.pop("celery")
    told["call_options"] += TRANSPORT_CALL_OPTIONS
    for transport in told["transports"].values():
        module = transport.pop("module").removeprefix("kombu.transport.").removesuffix(".Transport")
        transport["family"] = FAMILIES.get(module, module)
    return {table: facts if isinstance(facts, dict) else {name: {} for name in facts} for table, facts in told.items()}


def merge(descriptions: list[dict[str, dict[str, Described]]]) -> dict[str, list[Described]]:
    """Every table as a list of facts, each with the stretch of versions it held in."""
    tables = {table: [each[table] for each in descriptions] for table in descriptions[-1]}
    # Which transports exist is for kombu's version to say, which hardly depends on Celery's.
    tables["transports"] = [descriptions[-1]["transports"]] * len(descriptions)
    return {
        **{table: merge_table(versions) for table, versions in tables.items()},
        "extensions": [dict(each) for each in EXTENSIONS],
    }


def merge_table(tables: list[dict[str, Described]]) -> list[Described]:
    """One table of all versions, sorted by name and first version."""
    merged = []
    for name in sorted({name for table in tables for name in table}):
        told = [table.get(name) for table in tables]
        since = next(index for index, facts in enumerate(told) if facts is not None)
        merged += [{"name": name, **compact(facts), **stretch(first, last, since)} for first, last, facts in runs(told)]
    return merged


def runs(told: list[Described | None]) -> list[tuple[int, int, Described]]:
    """The stretches of equal facts, as (first index, last index, facts); where there are none is no stretch."""
    found: list[tuple[int, int, Described]] = []
    for index, facts in enumerate(told):
        if facts is None:
            continue
        if found and found[-1][1] == index - 1 and found[-1][2] == facts:
            found[-1] = (found[-1][0], index, facts)
        else:
            found.append((index, index, facts))
    return found


def stretch(first: int, last: int, since: int) -> Described:
    """The versions of a fact, written only where they are not all of them."""
    versions = [[int(part) for part in minor.split(".")] for minor in CELERY_MINORS]
    written: Described = {}
    if first > 0:
        written["first"] = versions[first]
    if last < len(versions) - 1:
        written["last"] = versions[last]
    if since > 0:
        written["since"] = versions[since]
    return written


def compact(facts: Described) -> Described:
    """Without what the loader's types have as their default."""
    return {key: value for key, value in facts.items() if not is_loader_default(key, value)}


def is_loader_default(key: str, value: Any) -> bool:
    """Whether a type of `celerylint.catalog` fills this value in by itself. Celery's own defaults start from None."""
    if value is None:
        return True
    if key in ("default", "bound_default"):
        return False
    return value in ("", []) or _LOADER_DEFAULTS.get(key) is value


_LOADER_DEFAULTS = {"takes_value": True, "declared": True, "message": False}


def render(tables: dict[str, list[Described]]) -> str:
    """JSON with one fact on a line, so that a new Celery shows as a readable difference."""
    blocks = []
    for table, facts in sorted(tables.items()):
        lines = ",\n".join(json.dumps(fact, ensure_ascii=False, allow_nan=False) for fact in facts)
        blocks.append(f"{json.dumps(table)}: [\n{lines}\n]")
    return "{\n" + ",\n".join(blocks) + "\n}\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

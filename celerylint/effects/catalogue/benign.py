"""Calls that a second run may repeat freely: they read, compute, or leave what they found."""

from __future__ import annotations

import re

_PURE = frozenset({
    "abc", "argparse", "array", "ast", "base64", "binascii", "bisect", "bleach", "calendar", "cmath", "codecs",
    "collections", "colorsys",
    "contextlib", "copy", "csv", "dataclasses", "dateutil", "datetime", "decimal", "difflib", "enum",
    "fnmatch", "fractions",
    "gc", "getpass", "glob", "gzip", "hashlib", "heapq", "hmac", "html", "humanize", "inspect", "io",
    "ipaddress", "isodate", "itertools",
    "jinja2", "json", "keyword", "linecache", "locale", "logging", "loguru", "markdown", "math", "mimetypes",
    "msgspec", "numbers", "numpy",
    "orjson", "pandas", "pathlib", "pickle", "platform", "pprint", "prometheus_client", "pydantic",
    "pytz", "random", "re",
    "reprlib", "sched", "secrets", "sentry_sdk", "shlex", "signal", "simplejson", "slugify", "statistics",
    "statsd", "string", "stringprep",
    "struct", "structlog", "sys", "textwrap", "time", "timeit", "traceback", "typing",
    "typing_extensions", "tzlocal", "ujson",
    "unicodedata", "uuid", "warnings", "weakref", "yaml", "zlib", "zoneinfo", "attr", "attrs",
    "more_itertools", "toolz",
    "opentelemetry", "newrelic", "datadog", "ddtrace", "bugsnag", "rollbar", "raven",
    "marshmallow", "phonenumbers",
})  # fmt: skip
"""Packages whose calls change nothing outside of the run, or nothing that counts."""

_HARMLESS = re.compile(
    r"""builtins\.(?!open\b|exec\b|eval\b|compile\b|__import__\b|input\b).*
    |os\.(path\..*|environ.*|getenv|getpid|makedirs|mkdir|listdir|walk|stat|replace|remove|unlink|urandom|cpu_count|sep|fspath|scandir|access)
    |shutil\.(rmtree|copy\w*|disk_usage|which|get_terminal_size)
    |tempfile\..*
    |requests\.(.*\.)?(get|head|options|put|delete|raise_for_status|json|close|mount|Session\(\).*|exceptions\..*|.*\bupdate|iter_content|iter_lines)
    |requests\.(Session|adapters\..*|auth\..*)
    |httpx\.(.*\.)?(get|head|options|put|delete|Client|AsyncClient|raise_for_status|json|Timeout|Limits|close|aclose|HTTPTransport)
    |django\.(utils|template|urls|conf|shortcuts|forms|http|apps|core\.(exceptions|serializers|files|signing|validators|paginator)|db\.models)\b.*
    |django\.core\.cache\.(.*\.)?(get|set|get_many|set_many|add|delete|delete_many|touch|get_or_set|has_key|clear|lock|ttl|expire)
    |django\.db\.(connections?|transaction)\b.*
    |redis\..*\b(get|set|mget|mset|setex|setnx|hset|hmset|hget|hgetall|hmget|sadd|srem|smembers|sismember|zadd|zrem|zrange|delete|unlink|expire|exists|ttl|keys|scan|scan_iter|ping|lock|acquire|release|close|llen|lrange|ltrim|from_url|pipeline|execute|Redis|StrictRedis)
    |celery\..*
    |urllib\.(parse|error|robotparser)\b.*
    |boto3\..*\b(get_\w+|list_\w+|describe_\w+|head_\w+|put_object|copy_object|copy|delete_\w+|download_\w+|upload_\w+|put_item|delete_item|generate_presigned_\w+|client\(.*\)|resource\(.*\)|Session|Bucket|Object|Table|query|scan|paginate|get_paginator|get_waiter|wait|load|tag_\w+|untag_\w+)
    |stripe\..*\b(retrieve|list|modify|search|auto_paging_iter|construct_event)
    |sqlalchemy\..*
    """,
    re.VERBOSE,
)


def is_benign(what: str) -> bool:
    """Whether a call by this path is known to be harmless when it is repeated."""
    if "()()" in what or "module_loading" in what:
        return False  # what a call returned is called: it may be anything
    root = what.partition(".")[0].removesuffix("()")
    return root in _PURE or _HARMLESS.fullmatch(what) is not None


_STORES = ("pymongo", "motor", "boto3", "google.cloud", "elasticsearch", "opensearchpy", "os.path", "pathlib")
_LOOKS_UP = re.compile(
    r"find(_one|_raw_batches)?|count(_documents)?|estimated_document_count|distinct|get(_item|_object|_blob|_source)?|query|scan|stream"
    r"|head_object|search|exists|l?exists|is_?file|is_?dir|receive_messages?|pull"
)
"""What asks a store for what is in it, and changes nothing."""


def is_kept(what: str) -> bool:
    """Whether a store, or the file system, is asked for something that a run may have left there."""
    return what.startswith(_STORES) and _LOOKS_UP.fullmatch(what.rpartition(".")[2]) is not None


_QUIET = frozenset({
    "builtins", "calendar", "collections", "contextlib", "contextvars", "copy", "dataclasses", "datetime", "email", "enum",
    "functools", "gc", "hashlib", "hmac", "html", "inspect", "itertools", "json", "logging", "math", "operator", "platform",
    "pprint", "random", "re", "secrets", "string", "sys", "textwrap", "time", "timeit", "traceback", "types", "typing",
    "typing_extensions", "warnings", "weakref", "zoneinfo", "pytz",
    "logbook", "loguru", "structlog", "tqdm",
    "airbrake", "bugsnag", "datadog", "ddtrace", "elasticapm", "honeybadger", "newrelic", "opencensus", "opentelemetry",
    "prometheus_client", "pybrake", "raven", "rollbar", "sentry_sdk", "statsd",
})  # fmt: skip
_SILENT = re.compile(r"(uuid\.uuid\d|base64\.\w*encode|django\.(utils\.(timezone|translation|text|html)|conf))\b.*")


def is_quiet(what: str) -> bool:
    """Whether a call by this path hardly ever raises: it computes from what is there, or reports what happened and keeps its
    failures to itself."""
    return what.partition(".")[0].removesuffix("()") in _QUIET or _SILENT.match(what) is not None

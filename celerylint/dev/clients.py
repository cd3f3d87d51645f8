"""`python -m celerylint.dev clients`: look up in the packages themselves what the catalogue of effects says of them.

Each package is fetched by pip, as a wheel where there is one, and its source is read, not imported: every name that a pattern
of the catalogue is made of must be defined there, every key must be named there, and so must every exception that is said to
pass by itself. Where each was found is written to `tests/effects/clients.json`, and a test holds the catalogue to that file.
What no package could be had for stands in the file as `unverified`, with the reason.
"""

from __future__ import annotations

import argparse
import ast
import fnmatch
import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import celerylint
from celerylint.dev.spelled import names_of
from celerylint.effects.catalogue.clients import EFFECTS
from celerylint.rules.retries.transient import PASSING

DATA_FILE = Path(celerylint.__file__).parents[1] / "tests" / "effects" / "clients.json"

STANDARD = frozenset({"ftplib", "os", "shutil", "smtplib", "socket", "subprocess", "urllib"})
"""Modules of Python's own: the test asks them directly."""

PACKAGES: Mapping[str, tuple[str, ...]] = {
    "Adyen": ("Adyen",),
    "adyen": ("Adyen",),
    "africastalking": ("africastalking",),
    "aio_pika": ("aio-pika",),
    "aiogram": ("aiogram",),
    "aiohttp": ("aiohttp",),
    "aiokafka": ("aiokafka",),
    "aioredis": ("aioredis",),
    "aiosmtplib": ("aiosmtplib",),
    "algoliasearch": ("algoliasearch", "algoliasearch<4"),
    "amqp": ("amqp",),
    "analytics": ("analytics-python",),
    "anthropic": ("anthropic",),
    "anymail": ("django-anymail", "django"),
    "apns2": ("apns2",),
    "apprise": ("apprise",),
    "asana": ("asana",),
    "authlib": ("authlib", "requests", "httpx"),
    "azure": (
        "azure-servicebus",
        "azure-eventhub",
        "azure-storage-queue",
        "azure-communication-email",
        "azure-communication-sms",
        "azure-eventgrid",
    ),
    "boto3": ("boto3", "botocore"),
    "botocore": ("botocore",),
    "braintree": ("braintree",),
    "brevo_python": ("brevo-python",),
    "channels": ("channels",),
    "cloudscraper": ("cloudscraper", "requests"),
    "confluent_kafka": ("confluent-kafka",),
    "customerio": ("customerio",),
    "discord": ("discord.py",),
    "discord_webhook": ("discord-webhook",),
    "django": ("django",),
    "django_q": ("django-q2", "django-q"),
    "django_redis": ("django-redis", "redis"),
    "django_rq": ("django-rq", "rq"),
    "docker": ("docker",),
    "elasticsearch": ("elasticsearch", "elasticsearch<8"),
    "emails": ("emails",),
    "exchangelib": ("exchangelib",),
    "exponent_server_sdk": ("exponent-server-sdk",),
    "fakeredis": ("fakeredis", "redis"),
    "fastapi_mail": ("fastapi-mail",),
    "fcm_django": ("fcm-django",),
    "firebase_admin": ("firebase-admin", "firebase-admin<7"),
    "flask_mail": ("Flask-Mail",),
    "flask_redis": ("flask-redis", "redis"),
    "github": ("PyGithub",),
    "gitlab": ("python-gitlab",),
    "gocardless_pro": ("gocardless-pro",),
    "google": ("google-cloud-pubsub", "google-cloud-tasks", "google-cloud-bigquery", "google-cloud-firestore"),
    "googleapiclient": ("google-api-python-client",),
    "grpc": ("grpcio",),
    "gspread": ("gspread",),
    "httpx": ("httpx",),
    "hubspot": ("hubspot-api-client",),
    "intercom": ("python-intercom",),
    "jira": ("jira",),
    "kafka": ("kafka-python",),
    "kombu": ("kombu",),
    "linebot": ("line-bot-sdk",),
    "mailchimp_transactional": ("mailchimp-transactional",),
    "mailgun": ("mailgun",),
    "mailjet_rest": ("mailjet-rest",),
    "mandrill": ("mandrill",),
    "mattermostdriver": ("mattermostdriver",),
    "meilisearch": ("meilisearch",),
    "messagebird": ("messagebird",),
    "mixpanel": ("mixpanel",),
    "mollie": ("mollie-api-python",),
    "motor": ("motor",),
    "nats": ("nats-py",),
    "nexmo": ("nexmo",),
    "notifications_python_client": ("notifications-python-client",),
    "notion_client": ("notion-client",),
    "onesignal": ("onesignal-python-api",),
    "onesignal_sdk": ("onesignal-sdk",),
    "openai": ("openai",),
    "opensearchpy": ("opensearch-py",),
    "paho": ("paho-mqtt",),
    "paramiko": ("paramiko",),
    "paypalcheckoutsdk": ("paypal-checkout-serversdk",),
    "paypalrestsdk": ("paypalrestsdk",),
    "paypalserversdk": ("paypal-server-sdk",),
    "pandas": ("pandas",),
    "peewee": ("peewee",),
    "pika": ("pika",),
    "plaid": ("plaid-python",),
    "plivo": ("plivo",),
    "post_office": ("django-post-office",),
    "posthog": ("posthog", "posthog<4"),
    "postmarker": ("postmarker",),
    "praw": ("praw", "praw<8"),
    "psycopg": ("psycopg",),
    "psycopg2": ("psycopg2-binary",),
    "pusher": ("pusher",),
    "pyairtable": ("pyairtable", "pyairtable<2"),
    "pyfcm": ("pyfcm",),
    "pymongo": ("pymongo", "pymongo<4"),
    "pymsteams": ("pymsteams",),
    "pymysql": ("PyMySQL",),
    "pyrogram": ("pyrogram",),
    "python_http_client": ("python-http-client",),
    "pywebpush": ("pywebpush",),
    "razorpay": ("razorpay",),
    "recurly": ("recurly",),
    "redis": ("redis",),
    "requests": ("requests",),
    "requests_oauthlib": ("requests-oauthlib", "requests"),
    "requests_toolbelt": ("requests-toolbelt", "requests"),
    "resend": ("resend",),
    "rq": ("rq",),
    "seed_services_client": ("seed-services-client",),
    "segment": ("segment-analytics-python",),
    "sendgrid": ("sendgrid", "python-http-client"),
    "sib_api_v3_sdk": ("sib-api-v3-sdk",),
    "simple_salesforce": ("simple-salesforce",),
    "slack": ("slackclient",),
    "slack_bolt": ("slack-bolt", "slack-sdk"),
    "slack_sdk": ("slack-sdk",),
    "slackclient": ("slackclient<2",),
    "slacker": ("slacker",),
    "sparkpost": ("sparkpost",),
    "sqlalchemy": ("SQLAlchemy",),
    "square": ("squareup", "squareup<39"),
    "stripe": ("stripe", "stripe<9", "stripe<6"),
    "telebot": ("pyTelegramBotAPI",),
    "telegram": ("python-telegram-bot", "python-telegram-bot<14"),
    "telethon": ("Telethon",),
    "telnyx": ("telnyx", "telnyx<3"),
    "temba_client": ("rapidpro-python",),
    "templated_email": ("django-templated-email",),
    "templated_mail": ("django-templated-mail", "django"),
    "tortoise": ("tortoise-orm",),
    "tweepy": ("tweepy",),
    "twilio": ("twilio",),
    "urllib3": ("urllib3",),
    "valkey": ("valkey",),
    "vonage": ("vonage", "vonage-messages", "vonage-sms", "vonage<4"),
    "web3": ("web3",),
    "webexteamssdk": ("webexteamssdk",),
    "yagmail": ("yagmail",),
    "zenpy": ("zenpy",),
    "zulip": ("zulip",),
}
"""What brings each package of the catalogue, as pip is asked for it: the newest, and the last with another interface."""

UNSEEN: Mapping[str, Mapping[str, str]] = {
    "aioredis": dict.fromkeys(("lmove", "spublish"), "of redis, which takes its place"),
    "googleapiclient": dict.fromkeys(
        ("append", "create", "insert", "send"), "made at run time, from the description of an API"
    ),
    "onesignal_sdk": {"external_id": "a field of the notification, which the service reads"},
    "python_http_client": dict.fromkeys(("mail", "send"), "made at run time, as parts of the path of a request"),
    "paypalcheckoutsdk": {"execute": "of paypalhttp, which it builds on"},
}
"""Names that no distribution defines, and why they stand in the catalogue all the same."""


class Source(NamedTuple):
    """What one distribution defines."""

    version: str
    """Its file's name and version: `stripe-16.1.0`."""
    found: dict[str, str]
    """Names, and where each is defined: `stripe._charge.Charge.create`."""


def main(argv: list[str]) -> int:
    """Look the catalogue up; 1 if something in it is in no package."""
    parser = argparse.ArgumentParser(prog="python -m celerylint.dev clients", description=__doc__)
    parser.add_argument(
        "--from", dest="folder", type=Path, help="a folder of wheels and archives that are there already"
    )
    parser.add_argument("packages", nargs="*", help="names of the catalogue; all of them without any")
    args = parser.parse_args(argv)
    known = sorted({*EFFECTS, *PACKAGES} - STANDARD)
    written = json.loads(DATA_FILE.read_text("utf-8")) if DATA_FILE.exists() else {}
    data = {package: written[package] for package in known if package in written}
    missing: list[str] = []
    with tempfile.TemporaryDirectory() as temporary:
        for package in args.packages or known:
            data[package], absent = _entry(package, args.folder or Path(temporary), fetch=args.folder is None)
            missing += [f"{package}: {name}" for name in absent]
            print(f"{package}: {', '.join(data[package]['versions']) or data[package]['unverified']}")
    DATA_FILE.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n", "utf-8")
    print(*(f"in no package: {line}" for line in missing), sep="\n", file=sys.stderr)
    return 1 if missing else 0


def _entry(package: str, folder: Path, *, fetch: bool) -> tuple[dict[str, object], list[str]]:
    """What is written of one package, and the names that none of its distributions has."""
    sources = [
        read for wanted in PACKAGES.get(package, ()) if (read := _source(wanted, folder, fetch=fetch)) is not None
    ]
    if not sources:
        reason = "no distribution could be fetched" if package in PACKAGES else "no distribution is known"
        return {"versions": [], "found": {}, "unverified": reason}, []
    unseen = UNSEEN.get(package, {})
    names = sorted(needed(package) - unseen.keys())
    places = {name: [place for source in sources if (place := _place(name, source.found))] for name in names}
    entry: dict[str, object] = {
        "versions": [source.version for source in sources],
        "found": {name: min(held, key=_rank) for name, held in places.items() if held},
        "unverified": dict(unseen),
    }
    return entry, [name for name, held in places.items() if not held]


def needed(package: str) -> set[str]:
    """The names that the catalogue holds of a package: parts of paths (`*` for any text), keys, exceptions."""
    names = {name for effect in EFFECTS.get(package, ()) for name in names_of(effect.pattern)}
    names |= {key for effect in EFFECTS.get(package, ()) for key in effect.keys}
    names |= {
        error.name
        for client, errors in PASSING.items()
        if client.partition(".")[0] == package
        for error in errors
        if error.module.partition(".")[0] == package
    }
    return names


def _place(name: str, found: Mapping[str, str]) -> str:
    if "*" not in name:
        return found.get(name, "")
    return next((found[each] for each in sorted(found) if fnmatch.fnmatchcase(each, name)), "")


# --- reading packages -------------------------------------------------------------------------------------------------


def _source(wanted: str, folder: Path, *, fetch: bool) -> Source | None:
    target = folder / wanted.replace("<", "_below_")
    if fetch and not target.exists():
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "-q",
            "--no-deps",
            "--prefer-binary",
            "-d",
            str(target),
            wanted,
        ]
        subprocess.run(command, check=False, capture_output=True)
    for archive in sorted(target.glob("*")) if target.is_dir() else ():
        found: dict[str, str] = {}
        for path, data in _files(archive):
            for name, where in _defined(path, data):
                if name not in found or _rank(where) < _rank(found[name]):
                    found[name] = where
        return Source(_VERSION.split(archive.name)[1], found)
    return None


_VERSION = re.compile(r"(^.+?-\d[\w.]*?)(?:-|\.tar\.gz)")
"""The name and version at the head of an archive's name."""


def _rank(where: str) -> int:
    """How much a place says: a definition more than an import, or a parameter, or a text."""
    marks = ("(a text)", ": .", "(imports ", "(")
    return next((len(marks) - index for index, mark in enumerate(marks) if mark in where), 0)


def _files(archive: Path) -> Iterator[tuple[str, bytes]]:
    """The Python files of a distribution, and the descriptions of services that botocore and boto3 are made of."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            yield from ((name, wheel.read(name)) for name in wheel.namelist() if _is_read(name))
    else:
        with tarfile.open(archive) as tar:
            for member in tar:
                held = tar.extractfile(member) if member.isfile() and _is_read(member.name) else None
                if held is not None:
                    yield member.name.partition("/")[2], io.BytesIO(held.read()).getvalue()


def _is_read(path: str) -> bool:
    if "/tests/" in path or path.startswith("tests/"):
        return False
    return path.endswith((".py", "/resources-1.json", "/service-2.json", "/service-2.json.gz"))


def _defined(path: str, data: bytes) -> Iterator[tuple[str, str]]:
    """Names that a file defines, and where; what it only names in a text comes last."""
    if not path.endswith(".py"):
        yield from _of_service(path, data)
        return
    module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    yield from ((part, module) for part in module.split("."))
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError):
        return
    yield from _of_body(tree, module)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < _LONGEST:
            yield node.value, f"{module} (a text)"


_LONGEST = 60
"""Characters of a text that may be a name."""


def _of_body(body: ast.AST, prefix: str) -> Iterator[tuple[str, str]]:
    for node in ast.iter_child_nodes(body):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name, f"{prefix}.{node.name}"
            if not isinstance(node, ast.ClassDef):
                arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
                yield from ((argument.arg, f"{prefix}.{node.name}({argument.arg})") for argument in arguments)
            yield from _of_body(node, f"{prefix}.{node.name}")
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.rpartition(".")[2], f"{prefix} (imports {node.name})"
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, f"{prefix}.{node.id}"
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr, f"{prefix}: .{node.attr} ="
        else:
            yield from _of_body(node, prefix)


def _of_service(path: str, data: bytes) -> Iterator[tuple[str, str]]:
    """`client(ses).send_email` of botocore, `resource(sqs).send_message` of boto3, and the parameters that operations take."""
    if path.endswith(".gz"):
        import gzip

        data = gzip.decompress(data)
    described = json.loads(data)
    service = path.split("/")[-3]
    if path.endswith("resources-1.json"):
        for each in (described.get("service", {}), *described.get("resources", {}).values()):
            for action in {*each.get("actions", {}), *each.get("batchActions", {})}:
                yield f"resource({service}).{_snake(action)}", f"{path}: {action}"
        return
    for name, operation in described.get("operations", {}).items():
        yield f"client({service}).{_snake(name)}", f"{path}: {name}"
        taken = described["shapes"].get(operation.get("input", {}).get("shape"), {}).get("members", {})
        yield from ((member, f"{path}: {name}, {member}") for member in taken)


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")

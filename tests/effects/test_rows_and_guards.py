"""Every row of the catalogue under every guard, right and broken, however deep it hides: each project is one effect, reached in one
way, by a task for each guard."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from celerylint.config import load
from celerylint.engine import check


class Row(NamedTuple):
    """An effect: what it imports, what its module makes, and what is called."""

    imports: str
    made: str
    call: str


class Guard(NamedTuple):
    """What stands around `DO`, and whether it keeps a later run from doing it again."""

    body: str
    holds: bool


_DJANGO = "from shop.models import Note, Tally"
_ROWS = {
    "create": Row(_DJANGO, "", "Note.objects.create(text=str(pk))"),
    "save": Row(_DJANGO, "", "Note(text=str(pk)).save()"),
    "bulk create": Row(_DJANGO, "", "Note.objects.bulk_create([Note(text=str(pk))])"),
    "counter": Row(f"from django.db.models import F\n{_DJANGO}", "", "Tally.objects.update(n=F('n') + 1)"),
    "SQL": Row("from django.db import connection as c", "", "c.cursor().execute('INSERT INTO log (pk) VALUES (1)')"),
    "requests": Row("import requests", "", "requests.post('https://example.com', json={'pk': pk}, timeout=3)"),
    "httpx": Row("import httpx", "client = httpx.Client()", "client.post('https://example.com', json={'pk': pk})"),
    "stripe": Row("import stripe", "", "stripe.Charge.create(amount=1, currency='eur', source='tok')"),
    "braintree": Row("import braintree", "g = braintree.BraintreeGateway()", "g.transaction.sale({'amount': '1'})"),
    "mail": Row("from django.core.mail import send_mail", "", "send_mail('s', 'b', None, ['a@b.c'])"),
    "message": Row("from django.core.mail import EmailMessage", "", "EmailMessage('s', 'b', to=['a@b.c']).send()"),
    "SES": Row("import boto3", "ses = boto3.client('ses')", "ses.send_raw_email(RawMessage={'Data': b'x'})"),
    "twilio": Row("from twilio.rest import Client", "sms = Client('a', 'b')", "sms.messages.create(to='+1', body='x')"),
    "slack": Row("from slack_sdk import WebClient", "", "WebClient(token='x').chat_postMessage(channel='c', text='x')"),
    "FCM": Row("from firebase_admin import messaging", "", "messaging.send(messaging.Message(token='x'))"),
    "SNS": Row("import boto3", "", "boto3.client('sns').publish(TopicArn='x', Message='y')"),
    "SQS": Row("import boto3", "q = boto3.resource('sqs').Queue('u')", "q.send_message(MessageBody='x')"),
    "lambda": Row("import boto3", "", "boto3.client('lambda').invoke(FunctionName='f', InvocationType='Event')"),
    "pubsub": Row("from google.cloud import pubsub_v1", "p = pubsub_v1.PublisherClient()", "p.publish('t', b'x')"),
    "kafka": Row("from kafka import KafkaProducer", "p = KafkaProducer()", "p.send('t', b'x')"),
    "pika": Row("import pika", "", "pika.BlockingConnection().channel().basic_publish('', 'q', b'x')"),
    "redis": Row("import redis", "r = redis.Redis()", "r.incr('hits')"),
    "list": Row("import redis", "r = redis.Redis()", "r.rpush('list', pk)"),
    "append": Row("", "", "open('/tmp/x.log', 'a').write(str(pk))"),
    "new file": Row("import uuid", "", "open(f'/srv/out/{uuid.uuid4()}', 'w').write(str(pk))"),
    "child": Row("from shop.child import notify", "", "notify.delay(pk)"),
    "search": Row(
        "from elasticsearch import Elasticsearch", "es = Elasticsearch()", "es.index(index='d', document={})"
    ),
    "mongo": Row("from pymongo import MongoClient", "db = MongoClient()['x']", "db.things.insert_one({'pk': pk})"),
}

_GET = "row = Order.objects.get(pk=pk)\n"
_MARK = "row.done_at = timezone.now()\nrow.save()\n"
_MADE = "row, created = Mark.objects.get_or_create(key=f'x-{pk}')\n"
_SWAP = "n = Order.objects.filter(pk=pk, state='new').update(state='done')\n"
_FIRST = "row = Order.objects.filter(pk=pk, state='new').first()\n"
_ADD = "cache.add(f'x-{pk}', 1, None)"
_LOCKED = "with transaction.atomic():\n    row = Order.objects.select_for_update().get(pk=pk)\n"
_THERE = "if Mark.objects.filter(key=f'x-{pk}').exists():\n    return\nDO\n"
_GUARDS = {
    "none": Guard("DO\n", False),
    "status": Guard(f"{_GET}if row.done_at:\n    return\nDO\n{_MARK}", True),
    "status, marked before": Guard(f"{_GET}if row.done_at is not None:\n    return\n{_MARK}DO\n", True),
    "status, marked by a query": Guard(
        f"{_GET}if row.state != 'new':\n    return\nDO\nOrder.objects.filter(pk=pk).update(state='done')\n", True
    ),
    "status, asserted": Guard(f"{_GET}assert row.done_at is None\nDO\n{_MARK}", True),
    "status, raised": Guard(f"{_GET}if row.done_at:\n    raise ValueError\nDO\n{_MARK}", True),
    "status, matched": Guard(
        f"{_GET}match row.state:\n    case 'new':\n        DO\n        row.state = 'done'\n        row.save()\n", True
    ),
    "status, asked after": Guard(f"{_GET}DO\nif row.done_at:\n    return\n{_MARK}", False),
    "status, of another": Guard(
        f"{_GET}other = Order.objects.get(pk=pk + 1)\nif other.done_at:\n    return\nDO\n{_MARK}", False
    ),
    "status, not saved": Guard(f"{_GET}if row.done_at:\n    return\nDO\nrow.done_at = timezone.now()\n", False),
    "status, another field": Guard(f"{_GET}if row.state == 'void':\n    return\nDO\n{_MARK}", False),
    "status, the other branch": Guard(
        f"{_GET}if row.done_at:\n    DO\nelse:\n    row.done_at = timezone.now()\n    row.save()\n", False
    ),
    "looked for": Guard(f"{_FIRST}if row is None:\n    return\nDO\nrow.state = 'done'\nrow.save()\n", True),
    "looked for, not marked": Guard(f"{_FIRST}if not row:\n    return\nDO\n{_MARK}", False),
    "created": Guard(f"{_MADE}if created:\n    DO\n", True),
    "created, left early": Guard(f"{_MADE}if not created:\n    return\nDO\n", True),
    "created, ignored": Guard(f"{_MADE}DO\n", False),
    "created, the wrong way round": Guard(f"{_MADE}if created:\n    return\nDO\n", False),
    "swapped": Guard(f"{_SWAP}if not n:\n    return\nDO\n", True),
    "swapped, ignored": Guard(f"{_SWAP}DO\n", False),
    "claimed": Guard(f"if not {_ADD}:\n    return\nDO\n", True),
    "claimed, within": Guard(f"if {_ADD}:\n    DO\n", True),
    "claimed, given back": Guard(
        f"if not {_ADD}:\n    return\ntry:\n    DO\nfinally:\n    cache.delete(f'x-{{pk}}')\n", False
    ),
    "claimed, ignored": Guard(f"{_ADD}\nDO\n", False),
    "claimed in redis": Guard("if not store.set(f'x-{pk}', 1, nx=True):\n    return\nDO\n", True),
    "lock": Guard("with store.lock(f'x-{pk}', timeout=60):\n    DO\n", False),
    "marker": Guard(
        "try:\n    with transaction.atomic():\n        Mark.objects.create(key=f'x-{pk}')\nexcept IntegrityError:\n    return\n"
        "DO\n",
        True,
    ),
    "marker that is there": Guard(f"{_THERE}Mark.objects.create(key=f'x-{{pk}}')\n", True),
    "marker that is there, found or made": Guard(f"{_THERE}Mark.objects.get_or_create(key=f'x-{{pk}}')\n", True),
    "marker of another class": Guard(f"{_THERE}Order.objects.get_or_create(state=f'x-{{pk}}')\n", False),
    "row lock": Guard(f"{_LOCKED}    DO\n    row.state = 'done'\n    row.save()\n", False),
    "row lock and status": Guard(
        f"{_LOCKED}    if row.state == 'done':\n        return\n    DO\n    row.state = 'done'\n    row.save()\n", True
    ),
    "each row marked": Guard(
        "for row in Order.objects.filter(state='new'):\n    DO\n    row.state = 'done'\n    row.save()\n", True
    ),
    "no row marked": Guard("for row in Order.objects.filter(state='new'):\n    DO\n", False),
    "where there is none": Guard("try:\n    Order.objects.get(pk=pk)\nexcept Order.DoesNotExist:\n    DO\n", False),
}

_WAYS = {
    "a function": ("def act(pk):\n    CALL\n", "M.act(pk)"),
    "a method": (
        "class Service:\n    def __init__(self, pk):\n        self.pk = pk\n\n    def act(self):\n        self.do(self.pk)\n\n"
        "    def do(self, pk):\n        CALL\n",
        "M.Service(pk).act()",
    ),
    "the base class": (
        "class Base:\n    def act(self, pk):\n        CALL\n\n\nclass Service(Base):\n    @classmethod\n    def make(cls):\n"
        "        return cls()\n\n    def act(self, pk):\n        return super().act(pk)\n",
        "M.Service.make().act(pk)",
    ),
    "the commit": (
        "from functools import partial\n\nfrom django.db import transaction\n\n\ndef act(pk):\n    CALL\n\n\ndef later(pk):\n"
        "    transaction.on_commit(partial(act, pk))\n",
        "M.later(pk)",
    ),
    "a coroutine": ("async def act(pk):\n    CALL\n", "asyncio.run(M.act(pk))"),
    "a context manager": (
        "from contextlib import contextmanager\n\n\n@contextmanager\ndef acting(pk):\n    CALL\n    yield\n",
        "with M.acting(pk): pass",
    ),
    "a dict of functions": ("def act(pk):\n    CALL\n\n\nACTS = {'act': act}\n", "M.ACTS[str(pk)](pk)"),
}

_MODELS = """\
from django.db import models


class Order(models.Model):
    state = models.CharField(max_length=9, default="new")
    done_at = models.DateTimeField(null=True)


class Mark(models.Model):
    key = models.CharField(max_length=9, unique=True)


class Note(models.Model):
    text = models.TextField()


class Tally(models.Model):
    n = models.IntegerField(default=0)
"""
_CHILD = """\
from celery import shared_task
from django.core.mail import send_mail


@shared_task(acks_late=True)
def notify(pk):
    send_mail("s", "b", None, ["a@b.c"])
"""
_TASKS = """\
import asyncio

import redis
from celery import shared_task
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.utils import timezone

from shop.models import Mark, Order
from shop import MODULES

store = redis.Redis(host="cache")
"""


@pytest.mark.parametrize(
    ("row", "way"),
    [*((row, "a function") for row in _ROWS), *((row, way) for row in ("mail", "create") for way in _WAYS)],
)
def test_what_a_guard_keeps_from_being_done_again(row: str, way: str, tmp_path: Path) -> None:
    effect, (around, call) = _ROWS[row], _WAYS[way]
    source = f"{effect.imports}\n{effect.made}\n\n{around.replace('CALL', effect.call)}"
    line = next(number for number, text in enumerate(source.splitlines(), 1) if effect.call in text)
    files = {"shop/__init__.py": "", "shop/models.py": _MODELS, "shop/child.py": _CHILD}
    tasks, expected = _TASKS, set()
    for number, (name, guard) in enumerate(_GUARDS.items()):
        module = f"act{number}"
        files[f"shop/{module}.py"] = source
        body = textwrap.indent(guard.body.replace("DO", call.replace("M.", f"{module}.")), "    ")
        tasks += f"\n\n# {name}\n@shared_task(acks_late=True)\ndef t{number}(pk):\n{body}"
        if not guard.holds:
            expected.add((name, line))
    files["shop/tasks.py"] = tasks.replace("MODULES", ", ".join(f"act{number}" for number in range(len(_GUARDS))))
    names = list(_GUARDS)
    found = {
        (names[int(path.removeprefix("shop/act").removesuffix(".py"))], number)
        for path, number in _found(files, tmp_path)
        if path.startswith("shop/act")
    }
    assert found == expected


def _found(files: dict[str, str], folder: Path) -> set[tuple[str, int]]:
    """Where CLY601 is found in a project."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, "utf-8")
    (folder / ".git").mkdir()
    settings = load([str(folder)])
    options = msgspec.structs.replace(settings.options, no_cache=True, jobs=1, select=("CLY601",))
    report = check([str(folder)], options, root=settings.root)
    return {(finding.place.path, finding.place.line) for finding in report.findings}

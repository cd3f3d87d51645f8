"""Faults that have a fix, for invented projects: tasks, apps and files that Celery loads and celerylint mends."""

from __future__ import annotations

from celerylint.dev.oracle.project import Module, Project, Service

_SHARED = "from celery import shared_task"
_FETCH = (_SHARED, "from urllib.request import urlopen")

TASKS: tuple[tuple[tuple[str, ...], str], ...] = (
    ((_SHARED,), "@shared_task(reject_on_worker_lost=True)\ndef {f}(url):\n    print(url)"),
    ((_SHARED,), "@shared_task(acks_late=True)\ndef {f}(url): ..."),
    ((_SHARED,), "@shared_task(soft_time_limit=120, time_limit=60)\ndef {f}(url):\n    print(url)"),
    (
        (_SHARED,),
        "@shared_task(soft_time_limit=60, time_limit=75)\ndef {f}(urls):\n    for url in urls:\n        try:\n"
        "            open(url)\n        except Exception:\n            print(url)",
    ),
    (
        _FETCH,
        "@shared_task(autoretry_for=(Exception,), retry_backoff=True)\ndef {f}(url):\n    urlopen(url, timeout=5).read()",
    ),
    ((_SHARED,), "@shared_task(autoretry_for=(ConnectionError,))\ndef {f}(): ..."),
    ((_SHARED,), "@shared_task(\n    autoretry_for=(ConnectionError,),\n)\ndef {f}(): ..."),
    (
        (_SHARED,),
        "@shared_task(autoretry_for=(ConnectionError,), retry_backoff=True, retry_jitter=False)\ndef {f}(): ...",
    ),
    (
        (_SHARED,),
        "@shared_task(bind=True)\ndef {f}(self, url):\n    try:\n        print(url)\n"
        "    except ConnectionError as exc:\n        raise self.retry(exc=exc, countdown=60)",
    ),
    ((_SHARED,), "@shared_task(autoretry_for=(ConnectionError,), retry_backoff=900)\ndef {f}(url):\n    print(url)"),
    (
        (_SHARED,),
        "{F} = None\n\n\n@shared_task(autoretry_for=(ConnectionError,), retry_backoff=True, max_retries={F})\n"
        "def {f}(url):\n    print(url)",
    ),
    (
        (_SHARED,),
        "@shared_task(bind=True)\ndef {f}(self, url):\n    try:\n        if not url:\n"
        "            raise self.retry(countdown=60)\n        print(url)\n    except Exception:\n        print(self)",
    ),
    (
        _FETCH,
        "@shared_task(bind=True)\ndef {f}(self, url):\n    try:\n        urlopen(url, timeout=5)\n"
        "    except Exception as exc:\n        raise self.retry(exc=exc)",
    ),
    (
        (_SHARED,),
        "@shared_task(bind=True)\ndef {f}(self, url):\n    try:\n        print(url)\n"
        "    except ConnectionError as exc:\n        raise self.retry(exc)",
    ),
    (
        (_SHARED, "from billiard.exceptions import WorkerLostError"),
        "@shared_task(autoretry_for=(ConnectionError, WorkerLostError), retry_backoff=True)\ndef {f}(url):\n    print(url)",
    ),
    (
        (_SHARED,),
        "@shared_task(bind=True)\ndef {f}(self, url):\n    try:\n        print(url)\n"
        "    except ConnectionError as exc:\n        self.retry(exc=exc)",
    ),
    (
        (_SHARED,),
        "@shared_task\ndef {f}(order_ids):\n    for each in order_ids:\n        print(each)\n\n\n"
        "def send_{f}(orders):\n    {f}.delay({{order.pk for order in orders}})",
    ),
    (
        (_SHARED,),
        "@shared_task\ndef {f}(order_id): ...\n\n\ndef send_{f}(order):\n    {f}.apply_async(args=(order.pk), countdown=10)",
    ),
    (
        (_SHARED,),
        "@shared_task\ndef {f}(order_id): ...\n\n\ndef send_{f}(order):\n    {f}.apply_async((order.pk,), contdown=60)",
    ),
    (
        (_SHARED, "from django.db import transaction"),
        "@shared_task\ndef {f}(order_id): ...\n\n\ndef send_{f}(order):\n    with transaction.atomic():\n"
        "        order.save()\n        {f}.delay(order.pk)",
    ),
    (
        (_SHARED, "from django.db import transaction"),
        "@shared_task\ndef {f}(order_id): ...\n\n\ndef send_{f}(orders):\n    for order in orders:\n"
        "        transaction.on_commit(lambda: {f}.delay(order.pk))",
    ),
    (
        (_SHARED, "from datetime import datetime, timedelta"),
        "@shared_task\ndef {f}(order_id): ...\n\n\ndef send_{f}(order):\n"
        "    {f}.apply_async((order.pk,), eta=datetime.now() + timedelta(minutes=1))",
    ),
    (
        (_SHARED, "from django.core.cache import cache", "from django.core.mail import send_mail"),
        '@shared_task\ndef {f}(pk, to):\n    if cache.get(f"{f}-{{pk}}"):\n        return\n'
        '    send_mail("Your order", "...", None, [to])\n    cache.set(f"{f}-{{pk}}", True, None)',
    ),
    (_FETCH, "@shared_task\ndef {f}(url):\n    return urlopen(url).read()"),
    ((_SHARED,), "@shared_task(ignore_results=True)\ndef {f}(): ..."),
    ((_SHARED,), "@shared_task\ndef {f}(self, pk):\n    print(self.request.id, pk)"),
    (
        (_SHARED, "from django.db import transaction"),
        "@transaction.atomic\n@shared_task\ndef {f}(): ...",
    ),
    ((_SHARED,), "@shared_task(acks_late=True)  # celerylint: ignore[CLY201] the API is flaky\ndef {f}(): ..."),
)
"""What to import and what to define, with `{f}` for the name of a task and `{F}` for that of a constant."""

_TWO = (
    "@app.task(time_limit=10)\ndef reset(user_id): ...\n\n\n@app.task(time_limit=3600)\ndef import_catalog(path): ..."
)
_SYNC = '@app.task(name="{p}.sync_stock")\ndef sync_stock(): ...'

APPS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    ((), "app.conf.task_ack_late = True", _TWO),
    ((), "app.conf.CELERY_TASK_ACKS_LATE = True", _TWO),
    ((), 'app.conf.task_acks_late = True\napp.conf.broker_url = "redis://"', _TWO),
    ((), "app.conf.task_always_eager = True", _SYNC),
    ((), 'app.conf.result_backend = "redis://"\napp.conf.result_expires = None', _SYNC),
    (("import os",), 'app.conf.task_acks_late = os.environ.get("ACKS_LATE", "False")', _SYNC),
    (
        (),
        "app.conf.beat_schedule = {{\n"
        '    "sync-stock": {{"task": "{p}.sync_stock", "schedule": 600}},\n'
        '    "refresh-stock": {{"task": "{p}.sync_stock", "schedule": 600}},\n}}',
        _SYNC,
    ),
    (
        ("from celery.schedules import crontab",),
        "app.conf.beat_schedule = {{\n"
        '    "nightly": {{"task": "{p}.sync_stock", "schedule": crontab(hour=3)}},\n'
        '    "often": {{"task": "{p}.sync_stok", "schedule": 30, "queue": "slow"}},\n}}',
        _SYNC,
    ),
    (
        (),
        'app.conf.task_routes = {{"{p}.sync_stok": {{"queue": "stock"}}}}',
        f'{_SYNC}\n\n\ndef send():\n    app.send_task("{{p}}.sync_stok")',
    ),
    (
        (),
        'app.conf.broker_url = "redis://localhost"',
        f"{_SYNC}\n\n\ndef send():\n    sync_stock.apply_async(countdown=86400)",
    ),
    (
        (),
        'app.conf.broker_url = "amqp://"\napp.conf.task_default_queue_type = "quorum"',
        f"{_SYNC}\n\n\ndef send():\n    sync_stock.apply_async(countdown=600)",
    ),
    (
        ("from kombu import Queue",),
        'app.conf.task_queues = [Queue("mail"), Queue("reports")]',
        f'{_SYNC}\n\n\nif __name__ == "__main__":\n    app.worker_main(["worker", "-B", "--autoscale=10,2", "-c", "4"])',
    ),
    ((), 'app.conf.result_backend = "redis://"', f"{_SYNC}\n\n\ndef send():\n    sync_stock.delay()"),
    (
        (),
        'class Config:\n    BROKER_URL = "redis://"\n    CELERY_ACKS_LATE = True\n\n\napp.config_from_object(Config)',
        _SYNC,
    ),
)
"""What to import, how an app named `app` is configured, and its tasks, with `{p}` for its package."""

_COMPOSE = """\
services:
  redis:
    image: redis:7
  worker:
    build: .
    command: celery -A {module} worker
  exporter:
    image: danihodovic/celery-exporter
    command: --broker-url=redis://redis
"""
_FILES = (
    {"Procfile": "worker: celery worker -A {module} -l INFO\n"},
    {"Procfile": "worker: celery -A {module} worker -B -l INFO\n"},
    {"docker-compose.yml": _COMPOSE},
    {
        "Dockerfile": 'FROM python:3.12\nCOPY . .\nCMD ["./run.sh"]\n',
        "run.sh": "#!/bin/sh\npython manage.py migrate\ncelery -A {module} worker\n",
    },
)


def add_faults(project: Project) -> dict[str, str]:
    """Put faults into an invented project; the files that it needs beside its modules, by path."""
    for service in list(project.services):
        if "imports tasks" in service.app_module.spelled:
            continue  # its modules are imported while the app's is: what they send may not be there yet
        for imports, text in project.some(TASKS, 2, 7):
            _put(project.pick(service.task_modules), imports, text, project.fresh("fault"))
    package = project.fresh("depot")
    app = project.module(f"{package}.queue")
    imports, configured, tasks = project.pick(APPS)
    for line in ("from celery import Celery", *imports):
        app.add_import(line)
    app.add(f'app = Celery("{package}")')
    app.add(configured.format(p=package))
    app.add(tasks.format(p=package))
    project.services.append(Service(package, app, "app"))
    module = project.pick(project.services).app_module.name
    return {path: text.format(module=module) for path, text in project.pick(_FILES).items()}


def _put(module: Module, imports: tuple[str, ...], text: str, name: str) -> None:
    for line in imports:
        module.add_import(line)
    module.add(text.format(f=name, F=name.upper()))

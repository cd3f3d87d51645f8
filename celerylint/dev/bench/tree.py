"""A monorepo of any size, of which two files in a hundred touch Celery, the same in every run."""

from __future__ import annotations

import os
import time
from pathlib import Path

_PER_FOLDER = 50
"""Files of one package. The first of each is a module of tasks: two in a hundred."""

_PLAIN = '''\
"""Orders of shop {n}."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

logger = logging.getLogger(__name__)


@dataclass
class Order{n}:
    """What somebody wants of shop {n}."""

    number: int
    lines: list[str] = field(default_factory=list)
    total: float = 0.0

    def add(self, line: str, price: float) -> None:
        """Put a line on the order."""
        if price < 0:
            raise ValueError(f"no price: {{price}}")
        self.lines.append(line)
        self.total += price

    def describe(self) -> str:
        """The order in words."""
        text = ", ".join(line.title() for line in self.lines)
        return f"{{self.number}}: {{text}} ({{self.total:.2f}})"


def cheapest_{n}(orders: list[Order{n}], limit: float = {n}.0) -> Order{n} | None:
    """The order with the least total under a limit, None if there is none."""
    found = None
    for order in orders:
        if order.total < limit and (found is None or order.total < found.total):
            logger.debug("so far %s", order.describe())
            found = order
    return found
'''

_TASKS = '''\
"""Tasks of package {n}."""

import requests
from celery import shared_task

from app{n}.module1 import Order{one}, cheapest_{one}


@shared_task(bind=True, autoretry_for=(Exception,), max_retries=5)
def fetch_{n}(self, number):
    answer = requests.get(f"https://shop.example/{{number}}", timeout=10)
    order = Order{one}(number)
    for line in answer.json()["lines"]:
        order.add(line["name"], line["price"])
    return order.describe()


@shared_task
def report_{n}(numbers):
    for number in numbers:
        fetch_{n}.delay(number)
    requests.post("https://shop.example/report", json={{"numbers": numbers}})
    return cheapest_{one}([])
'''

_APP = """\
from celery import Celery

app = Celery("monorepo", broker="redis://localhost")
app.conf.task_acks_late = True
app.autodiscover_tasks()
"""


def generate(folder: Path, files: int) -> Path:
    """Write a monorepo of so many Python files, and say where."""
    folder.mkdir(parents=True)
    (folder / ".git").mkdir()
    (folder / "requirements.txt").write_text("celery==5.4.0\n")
    (folder / "celery_app.py").write_text(_APP)
    for number in range(files - 1):
        package, place = divmod(number, _PER_FOLDER)
        home = folder / f"app{package}"
        if place == 0:
            home.mkdir()
        name, text = ("tasks.py", _TASKS) if place == 0 else (f"module{place}.py", _PLAIN)
        first = package * _PER_FOLDER + 1
        (home / name).write_text(text.format(n=package if place == 0 else number, one=first))
    _age(folder)
    return folder


def _age(folder: Path) -> None:
    """Wait until no file counts as just changed; a tree of that size would not be new either."""
    newest = os.stat(folder).st_ctime
    time.sleep(max(0.0, newest + 2.5 - time.time()))

"""A state that is asked for before an effect and written behind it, in each way that SQL and SQLAlchemy ask and write."""

from __future__ import annotations

from pathlib import Path

import pytest

from celerylint.config import Options
from celerylint.engine import check

_HEAD = """\
import sqlite3

import asyncpg
import psycopg2
from celery import Celery
from django.core.mail import send_mail
from django.db import connection
from sqlalchemy import String, create_engine, select, text, update
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

app = Celery("shop", broker="redis://")
engine = create_engine("postgresql://")
Session = sessionmaker(engine)


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(String(9))
    email: Mapped[str] = mapped_column(String(9))
"""

_TASK = """

@app.task(acks_late=True)
{spoken}def {name}(pk, other):
    {opened} as db:
        {asked}
            return
        send_mail("a", "b", None, ["c"])
        {written}
"""

_CURSOR = {
    "unpacked": 'db.execute("SELECT status FROM orders WHERE id=%s", [pk])\n(status,) = db.fetchone()\nif status == "sent":',
    "by number": 'db.execute("SELECT email, status FROM orders WHERE id=%s", [pk])\nrow = db.fetchone()\nif row[1] == "sent":',
    "at once": 'db.execute("SELECT status FROM orders WHERE id=%(pk)s", {"pk": pk})\nif db.fetchone()[0] != "new":',
    "a time": 'db.execute("SELECT o.sent_at FROM shop.orders o WHERE o.id=%s", [pk])\nrow = db.fetchone()\n'
    "if row and row[0] is not None:",
    "those that are new": "db.execute(\"SELECT id FROM orders WHERE id=%s AND status='new'\", [pk])\nif db.fetchone() is None:",
    "those that are sent": "db.execute(\"SELECT 1 FROM orders WHERE id=%s AND status='sent'\", [pk])\nif db.fetchone():",
    "counted": "db.execute(\"SELECT count(*) FROM orders WHERE id=%s AND status='sent'\", [pk])\nif db.fetchone()[0]:",
    "locked": 'db.execute("SELECT status FROM orders WHERE id=%s FOR UPDATE", [pk])\nrow = db.fetchone()\n'
    'if not row or row[0] == "sent":',
}
_CURSOR_WRITES = {
    "marked": ("db.execute(\"UPDATE orders SET status='sent', sent_at=now(), tries=tries WHERE id=%s\", [pk])", True),
    "counted as well": (
        "db.execute(\"UPDATE orders SET status='sent', sent_at=now(), v=1 WHERE id=%(pk)s\", {'pk': pk})",
        True,
    ),
    "not marked": ("pass", False),
    "another table": ("db.execute(\"UPDATE bills SET status='sent', sent_at=now() WHERE id=%s\", [pk])", False),
    "another row": ("db.execute(\"UPDATE orders SET status='sent', sent_at=now() WHERE id=%s\", [other])", False),
    "another column": ("db.execute(\"UPDATE orders SET email='sent' WHERE id=%s\", [pk])", False),
}

_CONNECTION = {
    "scalar": 'if db.execute(text("SELECT status FROM orders WHERE id=:pk"), {"pk": pk}).scalar() == "sent":',
    "scalar_one": 'if db.execute(text("SELECT status FROM orders WHERE id=:pk"), {"pk": pk}).scalar_one() != "new":',
    "attribute": 'row = db.execute(text("SELECT * FROM orders WHERE id=CAST(:pk AS uuid)"), {"pk": pk}).fetchone()\n'
    'if row.status == "sent":',
    "mapping": 'row = db.execute(text("SELECT * FROM orders WHERE id=:pk"), {"pk": pk}).mappings().one()\n'
    'if row["status"] == "sent":',
    "_mapping": 'row = db.execute(text("SELECT * FROM orders WHERE id=:pk"), {"pk": pk}).one()\n'
    'if dict(row._mapping).get("status") == "sent":',
    "column": 'if db.execute(select(Order.status).where(Order.id == pk)).scalar_one() == "sent":',
    "first of scalars": 'if db.scalars(select(Order.status).where(Order.id == pk)).first() == "sent":',
    "columns": 'status, email = db.execute(select(Order.status, Order.email).where(Order.id == pk)).one()\nif status != "new":',
    "query": 'row = db.query(Order.email, Order.status).filter(Order.id == pk).first()\nif row[1] != "new":',
    "new ones": 'if db.scalar(select(Order).where(Order.id == pk, Order.status == "new")) is None:',
    "exists": 'if db.query(db.query(Order).filter(Order.id == pk, Order.status == "sent").exists()).scalar():',
}
_CONNECTION_WRITES = {
    "marked": ("db.execute(text(\"UPDATE orders SET status='sent' WHERE id=:pk\"), {'pk': pk})", True),
    "marked by statement": ('db.execute(update(Order).where(Order.id == pk).values(status="sent"))', True),
    "not marked": ("pass", False),
    "another column": ('db.execute(update(Order).where(Order.id == pk).values(email="sent"))', False),
}

_ASYNCPG = {
    "fetchval": 'if await db.fetchval("SELECT status FROM orders WHERE id = $1", pk) == "sent":',
    "fetchrow": 'row = await db.fetchrow("SELECT status FROM orders WHERE id = $1", pk)\nif row["status"] == "sent":',
}
_ASYNCPG_WRITES = {
    "marked": ("await db.execute(\"UPDATE orders SET status = 'sent' WHERE id = $1\", pk)", True),
    "another row": ("await db.execute(\"UPDATE orders SET status = 'sent' WHERE id = $1\", other)", False),
}

_WAYS = [
    ("", "with connection.cursor()", _CURSOR, _CURSOR_WRITES),
    ("", 'with psycopg2.connect("").cursor()', _CURSOR, _CURSOR_WRITES),
    ("", "with Session()", _CONNECTION, _CONNECTION_WRITES),
    ("async ", "async with asyncpg.create_pool().acquire()", _ASYNCPG, _ASYNCPG_WRITES),
]
_CASES = [
    (spoken, opened, asked, done)
    for spoken, opened, asks, writes in _WAYS
    for asked in asks.values()
    for done in writes.values()
]


def _is_of_one_kind(asked: str, written: str) -> bool:
    """Whether text asks what text writes: the name of a table tells nothing of a class."""
    return ("text(" in asked or "SELECT" in asked) == ("UPDATE" in written) or written == "pass" or "email" in written


def test_it_guards_where_it_is_written_on_the_same_row_and_nowhere_else(tmp_path: Path) -> None:
    source, expected = _HEAD, {}
    for number, (spoken, opened, asked, (written, _)) in enumerate(_CASES):
        source += _TASK.format(
            spoken=spoken, name=f"t{number}", opened=opened, asked=asked.replace("\n", "\n        "), written=written
        )
    for number, (_, _, asked, (written, guards)) in enumerate(_CASES):
        if _is_of_one_kind(asked, written):
            expected[f"tasks.t{number}"] = not guards
    (tmp_path / "tasks.py").write_text(source)
    report = check([str(tmp_path)], Options(no_cache=True, jobs=1, select=("CLY601",)), root=tmp_path)
    assert not [f.message for f in report.findings if f.code.startswith("CLY9")]
    found = {finding.symbol for finding in report.findings}
    wrong = {name: _CASES[int(name[7:])] for name, is_found in expected.items() if (name in found) is not is_found}
    assert not wrong
    assert len(expected) > 90


def test_a_number_that_is_asked_for_is_not_counted_twice(tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text(
        _HEAD
        + """

@app.task(acks_late=True)
def edit(pk, version):
    with engine.begin() as db:
        db.execute(text("UPDATE pages SET version = version + 1 WHERE id = :pk AND version = :version"), {"pk": pk})


@app.task(acks_late=True)
def count(pk):
    with engine.begin() as db:
        db.execute(text("UPDATE pages SET views = views + 1 WHERE id = :pk"), {"pk": pk})
"""
    )
    report = check([str(tmp_path)], Options(no_cache=True, jobs=1, select=("CLY601",)), root=tmp_path)
    assert [finding.symbol for finding in report.findings] == ["tasks.count"]


_REPOSITORY = """\
from sqlalchemy import text


def row_to_dict(row):
    return {name: str(value) for name, value in row._mapping.items()}


class Runs:
    def __init__(self, conn):
        self.conn = conn

    def get(self, pk):
        row = self.conn.execute(text("SELECT * FROM runs WHERE id = :pk"), {"pk": pk}).fetchone()
        return row_to_dict(row) if row is not None else None

    def update(self, pk, fields):
        assigned = ", ".join(f"{name} = :{name}" for name in fields)
        self.conn.execute(text(f"UPDATE runs SET {assigned} WHERE id = :pk"), {**fields, "pk": pk})
"""


def test_a_repository_that_makes_dicts_of_rows(tmp_path: Path) -> None:
    (tmp_path / "repository.py").write_text(_REPOSITORY)
    (tmp_path / "tasks.py").write_text(
        _HEAD
        + """
from repository import Runs


@app.task(acks_late=True)
def marked(pk):
    with engine.begin() as conn:
        run = Runs(conn).get(pk)
    if run is None or run.get("status") != "pending":
        return
    send_mail("a", "b", None, ["c"])
    with engine.begin() as conn:
        Runs(conn).update(pk, {"status": "done"})


@app.task(acks_late=True)
def not_marked(pk):
    with engine.begin() as conn:
        run = Runs(conn).get(pk)
    if run is None or run.get("status") != "pending":
        return
    send_mail("a", "b", None, ["c"])
"""
    )
    report = check([str(tmp_path)], Options(no_cache=True, jobs=1, select=("CLY601",)), root=tmp_path)
    assert [finding.symbol for finding in report.findings] == ["tasks.not_marked"]


_STORES = """\
import os
from pathlib import Path

import boto3
from celery import Celery
from django.core.mail import send_mail
from pymongo import MongoClient

app = Celery("shop", broker="redis://")
db = MongoClient()["shop"]
table = boto3.resource("dynamodb").Table("orders")
"""
_KEPT = {
    'if db.orders.find_one({"_id": pk})["status"] == "sent":': 'db.orders.update_one({"_id": pk}, {"$set": {"status": "sent"}})',
    'if (db.orders.find_one({"_id": pk}) or {}).get("sent_at"):': 'db.orders.replace_one({"_id": pk}, {"sent_at": 1})',
    'if db.orders.count_documents({"_id": pk, "status": "sent"}):': 'db.orders.insert_one({"_id": pk, "status": "sent"})',
    'if table.get_item(Key={"id": pk})["Item"]["status"] == "sent":': 'table.update_item(Key={"id": pk})',
    'if os.path.exists(f"/srv/{pk}"):': 'open(f"/srv/{pk}", "w").close()',
    'if (Path("/srv") / str(pk)).exists():': '(Path("/srv") / str(pk)).touch()',
}


@pytest.mark.parametrize("asked", _KEPT)
def test_what_a_store_holds_may_be_what_the_run_left_there(asked: str, tmp_path: Path) -> None:
    task = "\n\n@app.task(acks_late=True)\ndef {}(pk):\n    {}\n        return\n    send_mail('a', 'b', None, ['c'])\n    {}\n"
    source = _STORES + task.format("left", asked, _KEPT[asked]) + task.format("nothing_left", asked, "pass")
    (tmp_path / "tasks.py").write_text(source)
    report = check([str(tmp_path)], Options(no_cache=True, jobs=1, select=("CLY601",)), root=tmp_path)
    assert {f.symbol for f in report.findings if "send_mail" in f.message} == {"tasks.nothing_left"}

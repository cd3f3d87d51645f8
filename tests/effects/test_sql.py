"""What the text of a statement tells."""

from __future__ import annotations

import pytest

from celerylint.effects.sql import Value, select, sets, where


@pytest.mark.parametrize(
    ("text", "table", "columns", "values"),
    [
        ("SELECT status FROM orders WHERE id=%s", "orders", ("status",), (Value("id", None, 0),)),
        ("select o.status as s, email from shop.orders o", "orders", ("s", "email"), ()),
        ('SELECT * FROM "orders" WHERE "id" = ? AND kind = ?', "orders", ("*",), (Value("id", None, 0), Value("kind", None, 1))),
        ("SELECT 1 FROM t WHERE id=CAST(:pk AS uuid) LIMIT 1", "t", ("1",), (Value("id", None, "pk"),)),
        ("SELECT a FROM t WHERE id = $2::uuid AND at IS NULL", "t", ("a",), (Value("id", None, 1), Value("at", None, None))),
        ("SELECT a FROM t WHERE n = 3 AND done = false", "t", ("a",), (Value("n", 3, None), Value("done", False, None))),
        ("SELECT count(*) FROM t WHERE a = 'b''s'", "t", ("",), None),
        ("SELECT exists(SELECT 1 FROM t WHERE id=%(pk)s)", "t", ("",), (Value("id", None, "pk"),)),
        ("SELECT a FROM t WHERE x = 1 OR y = 2", "t", ("a",), None),
        ("SELECT a FROM t WHERE x IN (1, 2)", "t", ("a",), None),
        ("SELECT a FROM t WHERE x > 1", "t", ("a",), None),
        ("SELECT a FROM t WHERE x = 1 + 1", "t", ("a",), None),
    ],
)  # fmt: skip
def test_a_select(text: str, table: str, columns: tuple[str, ...], values: tuple[Value, ...] | None) -> None:
    found = select(text)
    assert found is not None
    assert (found.table, found.columns, found.where.values) == (table, columns, values)


@pytest.mark.parametrize(
    "text", ["UPDATE t SET a=1", "SELECT 1", "SELECT extract(year FROM day) FROM t", "with x as (select 1)"]
)
def test_what_is_none_of_one_table(text: str) -> None:
    assert select(text) is None


def test_what_locks() -> None:
    found = select("SELECT a FROM t WHERE id = 1 FOR UPDATE SKIP LOCKED")
    assert found is not None
    assert found.locks
    assert found.where.values == (Value("id", 1, None),)


def test_an_update_sets_values_and_others() -> None:
    text = "UPDATE t SET status = 'sent', n = %s, at = now(), x = x + 1 WHERE id = %s"
    start = text.index("SET") + 3
    assert list(sets(text, start, text.index("WHERE"))) == [
        Value("status", "sent", None),
        Value("n", None, 0),
        "at",
        "x",
    ]
    assert where(text).values == (Value("id", None, 1),)

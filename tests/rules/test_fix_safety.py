"""Which fixes are safe: those that the task is seen to stand, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest
from runner import Case

from celerylint.rules.retries.transient import PASSING

_SETS = """\
from celery import shared_task

@shared_task
def ship(ids):
    {body}

def checkout(a, b):
    ship.delay({{a, b}})
"""
_LATE = """\
from celery import shared_task
from django.db import transaction

@shared_task
def ship(order_id): ...

def checkout(orders):
    for order in orders:
        transaction.on_commit(lambda: ship.delay({argument}))
"""


def _safety(code: str, text: str, folder: Path) -> str:
    (finding,) = Case(code, code, {"tasks.py": text}).run(folder).findings
    assert finding.fix is not None
    return finding.fix.safety


@pytest.mark.parametrize(
    ("body", "safety"),
    [
        ("return [pk for pk in ids if pk in ids]", "safe"),
        ("return sorted(ids) if ids else len(ids)", "safe"),
        ("return Order.objects.filter(pk__in=ids)", "safe"),
        ("ids.add(1)", "unsafe"),
        ("return ids | {1}", "unsafe"),
        ("return other(ids)", "unsafe"),
        ("return ids", "unsafe"),
    ],
)
def test_a_list_is_safe_where_the_task_only_reads_it(body: str, safety: str, tmp_path: Path) -> None:
    assert _safety("CLY503", _SETS.format(body=body), tmp_path) == safety


@pytest.mark.parametrize(("argument", "safety"), [("order.pk", "safe"), ("order.total()", "unsafe")])
def test_what_is_computed_before_the_commit_is_unsafe(argument: str, safety: str, tmp_path: Path) -> None:
    assert _safety("CLY511", _LATE.format(argument=argument), tmp_path) == safety


_ERRORS = sorted({(error.module, error.name) for errors in PASSING.values() for error in errors})


@pytest.mark.parametrize(("module", "name"), _ERRORS, ids=[f"{module}.{name}" for module, name in _ERRORS])
def test_what_retries_are_narrowed_to_is_an_exception(module: str, name: str) -> None:
    found = pytest.importorskip(module, exc_type=ImportError)
    assert issubclass(getattr(found, name), Exception)

"""What calls of well-known libraries do: one file for each."""

from __future__ import annotations

from celerylint.effects.frames import Handler
from celerylint.effects.library import celery_tasks, clients, django_orm, locks, python, raw_sql, sqlalchemy_orm, waits

LIBRARY: tuple[Handler, ...] = (
    celery_tasks.call,
    locks.call,
    sqlalchemy_orm.call,
    django_orm.call,
    raw_sql.call,
    waits.call,
    python.call,
    clients.call,
)
"""In the order in which they are asked."""

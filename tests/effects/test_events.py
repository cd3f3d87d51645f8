"""How two happenings of one run stand to each other."""

from __future__ import annotations

import pytest

from celerylint.effects.events import Event, Retry, Step, can_follow, covers, exclusive
from celerylint.facts import ir

IF, ELSE = Step("if", 1, 0), Step("if", 1, 1)
OTHER_IF = Step("if", 2, 0)
LOOP = Step("loop", 3, 0)
TRY, HANDLER, SECOND_HANDLER, FINALLY = (
    Step("try", 4, 0),
    Step("handler", 4, 0),
    Step("handler", 4, 1),
    Step("finally", 4, 0),
)
ATOMIC, DEFERRED, WITH = Step("atomic", 5, 0), Step("deferred", 6, 0), Step("with", 7, 0)
FIRST_CASE, SECOND_CASE = Step("case", 8, 0), Step("case", 8, 1)


def event(order: int, *trail: Step) -> Event:
    """Something that happens within these parts of a body."""
    return Retry(order=order, at=("tasks.py", ir.Node(order, 0, order, 1)), trail=trail, path=(), holds=())


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((), (), False),
        ((IF,), (ELSE,), True),
        ((IF, LOOP), (ELSE, TRY), True),
        ((FIRST_CASE,), (SECOND_CASE,), True),
        ((IF,), (OTHER_IF,), False),
        ((IF,), (), False),
        ((LOOP, IF), (LOOP, ELSE), True),
        ((TRY,), (HANDLER,), False),
        ((WITH,), (WITH, IF), False),
    ],
)
def test_branches_of_one_condition_exclude_each_other(
    one: tuple[Step, ...], other: tuple[Step, ...], expected: bool
) -> None:
    assert exclusive(event(1, *one), event(2, *other)) is expected
    assert exclusive(event(1, *other), event(2, *one)) is expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((), (), True),
        ((), (IF,), True),
        ((IF,), (), False),
        ((IF,), (IF, OTHER_IF), True),
        ((IF,), (ELSE,), False),
        ((LOOP,), (), False),
        ((LOOP,), (LOOP,), True),
        ((HANDLER,), (), False),
        ((TRY,), (), True),
        ((FINALLY,), (TRY,), True),
        ((ATOMIC, DEFERRED), (ATOMIC,), True),
        ((WITH,), (), True),
        ((SECOND_CASE,), (SECOND_CASE,), True),
        ((SECOND_CASE,), (FIRST_CASE,), False),
    ],
)
def test_what_every_run_does_that_does_the_other(
    one: tuple[Step, ...], other: tuple[Step, ...], expected: bool
) -> None:
    assert covers(event(2, *one), event(1, *other)) is expected


@pytest.mark.parametrize(
    ("late", "early", "expected"),
    [
        ((2,), (1,), True),
        ((1,), (2,), False),
        ((2, IF), (1, ELSE), False),
        ((1, LOOP), (2, LOOP), True),
        ((1, LOOP, IF), (2, LOOP, ELSE), True),
        ((2, HANDLER), (1, TRY), True),
        ((2,), (1, IF), True),
    ],
)
def test_what_can_happen_after_another(
    late: tuple[int | Step, ...], early: tuple[int | Step, ...], expected: bool
) -> None:
    after, before = (event(int(e[0]), *e[1:]) for e in (late, early))  # type: ignore[arg-type]
    assert can_follow(after, before) is expected


def test_what_waits_for_the_commit_has_not_happened_within_the_transaction() -> None:
    waiting = event(1, ATOMIC, DEFERRED)
    assert not can_follow(event(2, ATOMIC), waiting)
    assert can_follow(event(3), waiting)


def test_what_a_trail_says_of_an_event() -> None:
    assert event(1, IF, LOOP).in_loop
    assert not event(1, IF).in_loop
    assert event(1, WITH, ATOMIC, Step("atomic", 9, 0)).atomic == ATOMIC
    assert event(1, WITH).atomic is None
    assert event(1, ATOMIC, DEFERRED).deferred
    assert not event(1, ATOMIC).deferred

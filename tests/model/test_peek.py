"""Looking at a value no further than it is computed."""

from __future__ import annotations

from celerylint.model.evaluate import Evaluator
from celerylint.model.modules import ModuleIndex
from celerylint.model.registry import registry
from celerylint.model.values import Deferred, Scalar, Unknown

_LATEST = (5, 7)


def _evaluator() -> Evaluator:
    return Evaluator(ModuleIndex([], [], lambda path: None, lambda path, deep: ()), registry(), _LATEST)


def test_names_that_stand_for_each_other_end_somewhere() -> None:
    one, two = Deferred(lambda: Scalar(1, None)), Deferred(lambda: Scalar(2, None))
    one.result, two.result = two, one
    assert isinstance(_evaluator().peek(one), Unknown)


def test_what_is_not_computed_yet_stays_so() -> None:
    value = Deferred(lambda: Scalar(1, None))
    outer = Deferred(lambda: value)
    outer.result = value
    assert _evaluator().peek(outer) is value

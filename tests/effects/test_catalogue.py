"""The catalogue of effects names what is there: in the packages as they were read, and in Python itself."""

from __future__ import annotations

import importlib
import json

import pytest

from celerylint.dev.clients import DATA_FILE, STANDARD, needed
from celerylint.dev.spelled import names_of, verbs_of
from celerylint.effects.catalogue.clients import EFFECTS
from celerylint.effects.promise import acts
from celerylint.rules.retries.transient import PASSING

_READ = json.loads(DATA_FILE.read_text("utf-8"))
_PACKAGES = sorted({*EFFECTS, *(client.partition(".")[0] for client in PASSING)} - STANDARD)


@pytest.mark.parametrize("package", _PACKAGES)
def test_what_is_said_of_a_package_was_found_in_it(package: str) -> None:
    entry = _READ[package]
    assert entry["versions"]
    assert needed(package) <= {*entry["found"], *entry["unverified"]}, "run `python -m celerylint.dev clients`"


@pytest.mark.parametrize("package", sorted(STANDARD & EFFECTS.keys()))
def test_what_is_said_of_python_is_there(package: str) -> None:
    module = importlib.import_module(package)
    for effect in EFFECTS[package]:
        for name in names_of(effect.pattern):
            assert hasattr(module, name) or any(hasattr(held, name) for held in vars(module).values())


def test_errors_of_python_are_there() -> None:
    errors = {(e.module, e.name) for client in STANDARD & PASSING.keys() for e in PASSING[client]}
    assert all(hasattr(importlib.import_module(module), name) for module, name in errors)


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        (r".*\b(create(_async)?|pay)", {"create", "create_async", "pay"}),
        (r".*\b(messages|calls)\.create", {"messages", "calls", "create"}),
        (r"(.*\.)?client\((ses|sesv2)\)\.send_\w*email", {"client(ses).send_*email", "client(sesv2).send_*email"}),
        (r".*\bincr(by(float)?)?", {"incr", "incrby", "incrbyfloat"}),
        (r"core\.cache\.(.*\.)?(incr|decr)", {"core", "cache", "incr", "decr"}),
        (r".*\binsert_rows?", {"insert_row", "insert_rows"}),
    ],
)
def test_a_pattern_is_made_of_names(pattern: str, names: set[str]) -> None:
    assert names_of(pattern) == names


_PLAIN = frozenset(
    {"add", "answer", "append", "complete", "credit", "edit", "generate", "index", "multiple", "put", "run", "single"}
)
"""Verbs that too many other things are done by, for a file to be read for the word alone."""


def test_no_file_is_left_unread_that_calls_a_client() -> None:
    verbs = {
        verb
        for effects in EFFECTS.values()
        for effect in effects
        if effect.kind.confidence != "low"
        for verb in verbs_of(effect.pattern)
    }
    unread = {verb for verb in verbs if not acts(f"client.{verb.replace('*', 'x')}(".encode())}
    assert unread == _PLAIN

"""Which pin decides, and what a range stands for."""

from __future__ import annotations

import itertools

import pytest

from celerylint.catalog import NEWEST, Version
from celerylint.facts.pins import Pin
from celerylint.model.version import TargetVersion, VersionOrigin, choose


def required(path: str, specifier: str, line: int = 1) -> Pin:
    return Pin(path, line, specifier, "requirement")


def locked(path: str, version: str, line: int = 1) -> Pin:
    return Pin(path, line, f"=={version}", "lockfile")


class TestPrecedence:
    def test_nothing_known(self) -> None:
        assert choose([]) == TargetVersion("5.7", NEWEST, VersionOrigin("default"))

    def test_the_option_beats_everything(self) -> None:
        target = choose([locked("uv.lock", "5.3.6")], option="5.5.1")
        assert target == TargetVersion("5.5.1", Version(5, 5), VersionOrigin("option"))

    def test_a_wrong_option(self) -> None:
        with pytest.raises(ValueError, match="newest"):
            choose([], option="newest")

    @pytest.mark.parametrize(
        ("pins", "value", "path"),
        [
            ([locked("a/uv.lock", "5.3.6"), required("requirements.txt", "==5.4.0")], "5.3.6", "a/uv.lock"),
            (
                [required("a/requirements.txt", "==5.3.6"), required("pyproject.toml", ">=5.4")],
                "5.3.6",
                "a/requirements.txt",
            ),
            (
                [required("a/requirements.txt", "==5.3.6"), required("requirements.txt", "==5.2.7")],
                "5.2.7",
                "requirements.txt",
            ),
            ([locked("poetry.lock", "5.2.7"), locked("uv.lock", "5.3.6")], "5.3.6", "uv.lock"),
            (
                [locked("uv.lock", "5.2.7"), locked("uv.lock", "5.10.0", 9), locked("uv.lock", "5.3.6")],
                "5.10.0",
                "uv.lock",
            ),
            ([required("b.txt", "==5.3.6"), required("a.txt", "==5.2.7")], "5.2.7", "a.txt"),
            ([required("pyproject.toml", "nonsense"), required("a/b/c.txt", "~=5.3.0")], "5.3", "a/b/c.txt"),
        ],
    )
    def test_in_any_order(self, pins: list[Pin], value: str, path: str) -> None:
        targets = {repr(choose(order)) for order in itertools.permutations(pins)}
        assert len(targets) == 1
        target = choose(pins)
        assert (target.value, target.origin.path) == (value, path)

    def test_the_first_line_of_equals(self) -> None:
        assert choose([required("r.txt", "==5.3.6", 9), required("r.txt", "==5.3.6", 2)]).origin.line == 2


class TestRanges:
    @pytest.mark.parametrize(
        ("specifier", "value"),
        [
            ("", "5.7"),
            (">=5.3", "5.7"),
            (">=5.3,<6", "5.7"),
            ("~=5.3", "5.7"),
            ("~=5.3.4", "5.3"),
            (">=5.3.4,<5.5", "5.4"),
            ("<5.4", "5.3"),
            ("<=5.3.6", "5.3"),
            (">5.2,<5.3", "5.2"),
            ("==5.3.*", "5.3"),
            ("!=5.7.0,<5.8", "5.7"),
            ("<5", "4.4"),
            (">=4.3,<4.4", "4.3"),
            (">=6", "6.0"),
        ],
    )
    def test_the_newest_minor_that_it_allows(self, specifier: str, value: str) -> None:
        target = choose([required("requirements.txt", specifier)])
        assert (target.value, target.origin.kind) == (value, "requirement")

    @pytest.mark.parametrize("specifier", ["nonsense", ">=5.3,<5.2", "==", "git+https://example.org"])
    def test_what_allows_nothing_is_passed_over(self, specifier: str) -> None:
        assert choose([required("requirements.txt", specifier)]).origin.kind == "default"


class TestMinor:
    @pytest.mark.parametrize(
        ("version", "minor", "clamped"),
        [
            ("5.6.2", (5, 6), False),
            ("5.0", (5, 0), False),
            ("5.5.0rc4", (5, 5), False),
            ("5", (5, 0), False),
            ("4.4.7", (5, 0), True),
            ("3.1.26", (5, 0), True),
            ("6.0.0", (5, 7), True),
            ("5.10.1", (5, 7), True),
        ],
    )
    def test_clamped_into_the_catalog(self, version: str, minor: tuple[int, int], clamped: bool) -> None:
        target = choose([locked("uv.lock", version, 4)])
        assert target == TargetVersion(version, Version(*minor), VersionOrigin("lockfile", "uv.lock", 4), clamped)

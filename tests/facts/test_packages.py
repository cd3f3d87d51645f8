"""Which packages a file names."""

from __future__ import annotations

import pytest

from celerylint.facts.packages import packages_in, sets_up


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        ("requirements.txt", "celery==5.3\nsentry-sdk[django]>=1 ; python_version > '3'\n", {"celery", "sentry_sdk"}),
        ("pyproject.toml", '[project]\ndependencies = ["elastic-apm", "Rollbar>1"]\n', {"elastic_apm", "rollbar"}),
        ("Pipfile", '[packages]\nsentry-sdk = "*"\n', {"sentry_sdk"}),
        ("setup.py", 'setup(install_requires=["bugsnag==4"])\n', {"bugsnag"}),
        ("environment.yml", "dependencies:\n  - newrelic\n  - pip:\n    - ddtrace==1\n", {"newrelic", "ddtrace"}),
        ("uv.lock", '\n[[package]]\nname = "opentelemetry-api"\nversion = "1"\n', {"opentelemetry_api"}),
        ("Pipfile.lock", '{\n  "default": {\n    "honeybadger": {\n', {"honeybadger"}),
        ("settings.py", "import sentry_sdk\nif PROD:\n    from raven.contrib import x\n", {"sentry_sdk", "raven"}),
        ("settings.py", 'INSTALLED_APPS = [\n    "raven.contrib.django",  # errors\n]\n', {"raven"}),
    ],
)
def test_what_a_file_names(path: str, content: str, expected: set[str]) -> None:
    assert expected <= packages_in(path, content.encode())


def test_the_encoding_of_powershell() -> None:
    assert "sentry_sdk" in packages_in("requirements.txt", "sentry-sdk==1\r\n".encode("utf-16"))


def test_the_hashes_of_a_lock_file_are_no_packages() -> None:
    content = b'\n[[package]]\nname = "celery"\nfiles = [\n    {file = "newrelic.whl", hash = "sha256:1"},\n]\n'
    assert packages_in("poetry.lock", content) == {"celery"}


def test_what_is_no_text_names_nothing() -> None:
    assert packages_in("requirements.txt", b"\xff\xfe\x00") == set()
    assert packages_in("settings.py", b"\x00\xff") == set()


@pytest.mark.parametrize(
    "path", ["settings.py", "proj/settings/production.py", "conf/base.py", "proj/sentry.py", "wsgi.py"]
)
def test_files_that_set_up_a_program(path: str) -> None:
    assert sets_up(path)


@pytest.mark.parametrize("path", ["proj/views.py", "orders/models.py", "settingsx/a.txt"])
def test_files_that_do_not(path: str) -> None:
    assert not sets_up(path)

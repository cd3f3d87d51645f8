"""The committed facts against two witnesses: a snapshot taken by hand, and the Celery that is installed."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from celerylint.catalog import NEWEST, OLDEST, VERSIONS, load

SNAPSHOT: dict[str, Any] = json.loads(Path(__file__).with_name("celery_settings.json").read_text("utf-8"))


def plain(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    return "inf" if value == float("inf") else value


class TestSnapshot:
    @pytest.mark.parametrize("entry", SNAPSHOT["settings"], ids=lambda entry: entry["name"])
    def test_setting(self, entry: dict[str, Any]) -> None:
        setting = load(NEWEST).settings[entry["name"]]
        seconds = {"timedelta(seconds=86400)": 86400}
        expected = entry["default"]
        assert setting.default == (seconds.get(expected, expected) if isinstance(expected, str) else expected)
        assert setting.type == entry["type"]
        assert list(setting.old_names) == sorted(entry["old_names"])
        assert setting.django_name() == entry["django_name_with_namespace_CELERY"]
        assert str(setting.since) == (entry["first_seen_in"] if entry["first_seen_in"] != "<=4.4" else str(OLDEST))
        assert setting.deprecated_for == (entry.get("alt", "") if "deprecate_by" in entry else "")

    @pytest.mark.parametrize("version", VERSIONS, ids=str)
    def test_names_of_every_minor(self, version: tuple[int, int]) -> None:
        assert sorted(load(version).settings) == sorted(SNAPSHOT["full_names_by_minor"]["{}.{}".format(*version)])

    @pytest.mark.parametrize("change", SNAPSHOT["default_changes"], ids=lambda change: change["name"])
    def test_default_changes(self, change: dict[str, Any]) -> None:
        before, after = (tuple(map(int, change[key].split("."))) for key in ("from_version", "to_version"))
        assert load((before[0], before[1])).settings[change["name"]].default == change["from"]
        assert load((after[0], after[1])).settings[change["name"]].default == change["to"]

    def test_task_options_of_settings(self) -> None:
        options = {each.setting: name for name, each in load().task_options.items() if each.setting}
        expected = {each["name"]: each["task_attribute"] for each in SNAPSHOT["settings"] if "task_attribute" in each}
        assert options == expected

    def test_settings_that_are_read_but_not_declared(self) -> None:
        assert load().undeclared_settings == set(SNAPSHOT["read_but_not_declared"])

    def test_names_of_other_packages(self) -> None:
        for entry in SNAPSHOT["third_party"]:
            for name in entry["names"]:
                extension = load().extension_of_setting(name)
                assert extension is not None
                assert extension.package == entry["package"]


class TestInstalledCelery:
    """What the running Celery says of itself; it is the newest one that the catalog describes."""

    @pytest.fixture(autouse=True)
    def _newest(self) -> None:
        celery = pytest.importorskip("celery")
        if celery.__version__.split(".")[:2] != str(NEWEST).split("."):
            pytest.skip(f"celery {celery.__version__} is installed")

    def test_settings(self) -> None:
        from celery.app import defaults

        declared = dict(defaults.flatten(defaults.NAMESPACES))
        settings = load().settings
        assert settings.keys() == declared.keys()
        assert {name: each.default for name, each in settings.items()} == {
            name: plain(option.default) for name, option in declared.items()
        }
        assert load().old_names == defaults._TO_NEW_KEY

    def test_task_options_from_config(self) -> None:
        from celery.app.task import Task

        options = load().task_options
        assert {name: each.setting for name, each in options.items() if each.setting} == dict(Task.from_config)

    def test_a_bound_task_holds_the_bound_defaults(self) -> None:
        from celery import Celery

        app = Celery("bare", set_as_current=False)

        @app.task
        def nothing() -> None: ...

        task = app.tasks[nothing.name]
        for name, option in load().task_options.items():
            assert plain(getattr(task, name, option.bound_default)) == option.bound_default, name

    def test_class_defaults(self) -> None:
        # In another process: whatever binds `Task` itself to an app writes settings into the class.
        script = (
            "import json; from celery.app.task import Task; from celerylint.catalog import load; "
            "print([n for n, o in load().task_options.items() if o.declared != hasattr(Task, n) "
            "or json.loads(json.dumps(getattr(Task, n, o.default))) != o.default])"
        )
        run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert run.stdout.strip() == "[]"

    @pytest.mark.parametrize("name", ["worker", "beat", ""])
    def test_flags(self, name: str) -> None:
        from celery.bin.celery import celery as group

        catalog = load()
        command = group.commands[name] if name else group
        known = {"worker": catalog.worker_flags, "beat": catalog.beat_flags, "": catalog.global_flags}[name]
        assert set(known) == {spelling for param in command.params for spelling in [*param.opts, *param.secondary_opts]}
        for param in command.params:
            for spelling in param.opts:
                assert known[spelling].name == param.name
                assert known[spelling].takes_value == (not param.is_flag)

    def test_subcommands(self) -> None:
        from celery.bin.celery import celery as group

        plugins = {entry.name for entry in metadata.entry_points(group="celery.commands")}
        assert load().subcommands == set(group.commands) - plugins

    def test_transports(self) -> None:
        from kombu.transport import TRANSPORT_ALIASES

        assert load().transports.keys() == TRANSPORT_ALIASES.keys()


class TestTaskOptions:
    def test_time_limits_come_from_the_configuration_since_5_7(self) -> None:
        before, after = load((5, 6)).task_options["time_limit"], load((5, 7)).task_options["time_limit"]
        assert (before.setting, after.setting) == (None, "task_time_limit")
        assert before.worker_fallback_setting == "task_time_limit"

    @pytest.mark.parametrize(
        ("name", "default"),
        [
            ("max_retries", 3),
            ("default_retry_delay", 180),
            ("autoretry_for", []),
            ("dont_autoretry_for", []),
            ("retry_kwargs", {}),
            ("retry_backoff", False),
            ("retry_backoff_max", 600),
            ("retry_jitter", True),
            ("expires", None),
            ("throws", []),
            ("trail", True),
            ("send_events", True),
            ("resultrepr_maxsize", 1024),
            ("queue", None),
            ("compression", None),
        ],
    )
    def test_class_default(self, name: str, default: Any) -> None:
        assert load().task_options[name].bound_default == default

    def test_an_option_that_came_later_is_absent_before(self) -> None:
        assert "dont_autoretry_for" not in load((5, 2)).task_options
        assert "acks_on_failure" not in load((5, 6)).task_options

    def test_acks_on_failure_falls_back_to_the_older_option(self) -> None:
        option = load().task_options["acks_on_failure"]
        assert (option.fallback_option, option.bound_default) == ("acks_on_failure_or_timeout", True)


class TestKeywords:
    @pytest.mark.parametrize(
        "name",
        ["bind", "base", "name", "shared", "lazy", "typing", "trail", "on_failure", "acks_late", "queue", "once"],
    )
    def test_known_decorator_keyword(self, name: str) -> None:
        assert load().known_task_keyword(name)

    @pytest.mark.parametrize("name", ["acks_lat", "retries", "countdown", "max_retry"])
    def test_unknown_decorator_keyword(self, name: str) -> None:
        assert not load().known_task_keyword(name)

    def test_pydantic_since_5_5(self) -> None:
        assert "pydantic" in load((5, 5)).decorator_only
        assert not load((5, 4)).known_task_keyword("pydantic")

    @pytest.mark.parametrize("name", ["countdown", "eta", "link_error", "headers", "queue", "MessageGroupId", "retry"])
    def test_call_option(self, name: str) -> None:
        assert name in load().call_options

    @pytest.mark.parametrize("name", ["contdown", "max_retries", "acks_late", "autoretry_for", "self", "name"])
    def test_not_a_call_option(self, name: str) -> None:
        assert name not in load().call_options


class TestSettings:
    @pytest.mark.parametrize(
        "name", ["task_acks_late", "worker_pidfile", "redbeat_anything", "one", "singleton_backend_url"]
    )
    def test_known(self, name: str) -> None:
        assert load().known_setting(name) == (name != "one")

    def test_new_name(self) -> None:
        assert load().new_name("CELERY_ACKS_LATE") == "task_acks_late"
        assert load().new_name("CELERYD_PREFETCH_MULTIPLIER") == "worker_prefetch_multiplier"
        assert load().new_name("BROKER_URL") == "broker_url"
        assert load().new_name("task_acks_late") == "task_acks_late"
        assert load().new_name("CELERY_TASK_ACKS_LATE") is None

    def test_django_name_under_a_namespace(self) -> None:
        setting = load().settings["broker_url"]
        assert setting.django_name() == "CELERY_BROKER_URL"
        assert setting.django_name("MY_") == "MY_BROKER_URL"


class TestTransports:
    @pytest.mark.parametrize(
        ("url", "family", "seconds"),
        [
            ("redis://localhost/0", "redis", 3600),
            ("rediss://localhost/0", "redis", 3600),
            ("sentinel://localhost:26379", "redis", 3600),
            ("sqs://", "sqs", 1800),
            ("SQS://", "sqs", 1800),
            ("pgmq://localhost/db", "pgmq", 1800),
            ("amqp://guest@localhost//", "amqp", None),
            ("amqps://guest@localhost//", "amqp", None),
            ("pyamqp", "amqp", None),
            ("memory://", "memory", None),
            ("sqla+postgresql://localhost/db", "sqlalchemy", None),
            ("REDIS://localhost", "redis", 3600),
        ],
    )
    def test_visibility_timeout(self, url: str, family: str, seconds: int | None) -> None:
        transport = load().transport(url)
        assert transport is not None
        assert (transport.family, transport.visibility_timeout) == (family, seconds)

    def test_unknown_scheme(self) -> None:
        assert load().transport("rabbit://localhost") is None


def test_a_version_outside_is_served_by_the_nearest() -> None:
    assert load((4, 4)).version == OLDEST
    assert load((6, 0)).version == NEWEST

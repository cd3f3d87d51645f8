"""What Celery is, per minor version: settings, task options, call options, command line, transports.

The facts lie in `celery.json`, which `python -m celerylint.dev catalog` writes from Celery itself. `load` gives the
view of one version. Every value here is frozen; durations are seconds.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import Struct


class Version(NamedTuple):
    """A minor version of Celery, such as 5.7."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


OLDEST = Version(5, 0)
"""The oldest Celery this catalog describes: a `since` of this version means "then or before"."""

NEWEST = Version(5, 7)
"""The newest Celery this catalog describes, and the target where a project does not say."""

VERSIONS = tuple(Version(5, minor) for minor in range(OLDEST.minor, NEWEST.minor + 1))


class _Fact(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A named fact that held from one version to another, both included."""

    name: str
    first: Version = OLDEST
    """The version this very fact starts with; see `since` for the name's own."""
    last: Version = NEWEST
    since: Version = OLDEST
    """The first version that has the name at all."""


class Setting(_Fact, frozen=True, kw_only=True, omit_defaults=True):
    """A setting that Celery declares."""

    default: Any = None
    """Celery's default as a JSON value: tuples are lists, timedeltas are seconds, infinity is "inf"."""
    type: str = "string"
    """As declared: string, int, float, bool, dict, list, tuple, any, bytes. Celery does not convert to it."""
    old_names: tuple[str, ...] = ()
    """The upper-case names from before Celery 4, still read without a namespace."""
    deprecated_for: str = ""
    """What Celery says to use instead, if it is deprecated."""

    def django_name(self, namespace: str = "CELERY") -> str:
        """The name under `config_from_object(..., namespace=...)`: `CELERY_TASK_ACKS_LATE`."""
        return f"{namespace.rstrip('_')}_{self.name.upper()}" if namespace else self.name.upper()


class TaskOption(_Fact, frozen=True, kw_only=True, omit_defaults=True):
    """An attribute of a task that changes what Celery does with it."""

    default: Any = None
    """The attribute of `celery.Task`, or what Celery assumes if the class has none."""
    declared: bool = True
    """Whether `celery.Task` has the attribute at all."""
    setting: str | None = None
    """The setting that fills it at bind time while it is None, in this version."""
    worker_fallback_setting: str | None = None
    """The setting that the worker's pool applies to tasks that leave the option empty, without the task knowing."""
    fallback_option: str | None = None
    """The option whose effective value is taken while this one and its setting are None."""
    bound_default: Any = None
    """What a bound task holds while nobody sets the option nor any setting."""
    message: bool = False
    """Whether the publisher copies it into the message, where a call option beats it."""


class Flag(_Fact, frozen=True, kw_only=True, omit_defaults=True):
    """An option of the `celery` program. Its name is the parameter's: `prefetch_multiplier`."""

    long: tuple[str, ...] = ()
    short: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    """The spellings that switch it off."""
    takes_value: bool = True
    type: str = "text"
    """click's name of the value's type: text, integer, float, boolean, choice, path, "comma separated list"..."""
    choices: tuple[str, ...] = ()
    default: Any = None
    env: str = ""
    """The environment variable that is read beside `CELERY_<COMMAND>_<NAME>`."""

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every way to write it, the long ones first."""
        return self.long + self.short + self.negative


class Transport(_Fact, frozen=True, kw_only=True, omit_defaults=True):
    """A URL scheme that kombu knows as a broker. Schemes are as written in kombu: mostly lower-case."""

    family: str = ""
    """Schemes of one family behave alike: redis, amqp, sqs, pgmq, memory, filesystem..."""
    visibility_timeout: int | None = None
    """Seconds after which an unacknowledged message is delivered again; None if the transport has no such clock."""


class Extension(Struct, frozen=True):
    """A package that reads names of its own from Celery's or Django's settings."""

    package: str
    prefixes: tuple[str, ...] = ()
    """Lower-case beginnings of setting names that belong to it."""
    settings: tuple[str, ...] = ()
    """Names it reads from `app.conf`, as written there."""
    django_settings: tuple[str, ...] = ()
    """Names it reads from Django's settings, which look like Celery's but are not."""
    task_options: tuple[str, ...] = ()
    """Decorator keywords it reads from a task."""


class _Facts(Struct, frozen=True):
    """The whole data file."""

    settings: tuple[Setting, ...]
    task_options: tuple[TaskOption, ...]
    task_attributes: tuple[_Fact, ...]
    decorator_parameters: tuple[_Fact, ...]
    call_options: tuple[_Fact, ...]
    worker_flags: tuple[Flag, ...]
    beat_flags: tuple[Flag, ...]
    global_flags: tuple[Flag, ...]
    subcommands: tuple[_Fact, ...]
    transports: tuple[Transport, ...]
    undeclared_settings: tuple[_Fact, ...]
    extensions: tuple[Extension, ...]


class Catalog(Struct, frozen=True, kw_only=True):
    """What one minor version of Celery is."""

    version: Version
    settings: dict[str, Setting]
    """By new-style, lower-case name."""
    old_names: dict[str, str]
    """`CELERY_ACKS_LATE` -> `task_acks_late`."""
    task_options: dict[str, TaskOption]
    decorator_only: frozenset[str]
    """Parameters of the decorator itself, which never become attributes: bind, base, shared, pydantic..."""
    decorator_keywords: frozenset[str]
    """Every keyword of `@app.task` that Celery gives a meaning, methods such as on_failure included."""
    call_options: frozenset[str]
    """Every keyword of `apply_async` and `send_task` that has an effect."""
    worker_flags: dict[str, Flag]
    """By every spelling: `-c`, `--concurrency`. So are the next two."""
    beat_flags: dict[str, Flag]
    global_flags: dict[str, Flag]
    """Those of `celery` itself, written before the sub-command."""
    subcommands: frozenset[str]
    transports: dict[str, Transport]
    """By URL scheme."""
    undeclared_settings: frozenset[str]
    """Settings that Celery reads without declaring them."""
    extensions: tuple[Extension, ...]

    def known_setting(self, name: str) -> bool:
        """Whether Celery or a known extension reads the new-style, lower-case setting of that name."""
        return name in self.settings or name in self.undeclared_settings or self.extension_of_setting(name) is not None

    def new_name(self, name: str) -> str | None:
        """The new-style name of a setting given by its new or its old name; None if Celery declares neither."""
        return name if name in self.settings else self.old_names.get(name)

    def extension_of_setting(self, name: str) -> Extension | None:
        """The known package that reads this setting, whichever way it is written."""
        lower = name.lower()
        for extension in self.extensions:
            names = (*extension.settings, *extension.django_settings)
            if lower in map(str.lower, names) or lower.startswith(extension.prefixes):
                return extension
        return None

    def known_task_keyword(self, name: str) -> bool:
        """Whether Celery or a known extension gives this decorator keyword a meaning."""
        return name in self.decorator_keywords or any(name in each.task_options for each in self.extensions)

    def transport(self, url: str) -> Transport | None:
        """The transport of a broker URL (or bare scheme); None if kombu has none of that name."""
        scheme = url.partition("://")[0].partition("+")[0]
        return self.transports.get(scheme) or self.transports.get(scheme.lower())


@cache
def load(version: tuple[int, int] = NEWEST) -> Catalog:
    """The catalog of one minor version; a version outside 5.0 .. 5.7 is served by the nearest of them."""
    at = min(max(Version(*version), OLDEST), NEWEST)
    facts = _facts()
    settings = _by_name(facts.settings, at)
    options = _by_name(facts.task_options, at)
    parameters = frozenset(_by_name(facts.decorator_parameters, at))
    return Catalog(
        version=at,
        settings=settings,
        old_names={old: each.name for each in settings.values() for old in each.old_names},
        task_options=options,
        decorator_only=parameters,
        decorator_keywords=parameters | frozenset(options) | frozenset(_by_name(facts.task_attributes, at)),
        call_options=frozenset(_by_name(facts.call_options, at)),
        worker_flags=_by_spelling(facts.worker_flags, at),
        beat_flags=_by_spelling(facts.beat_flags, at),
        global_flags=_by_spelling(facts.global_flags, at),
        subcommands=frozenset(_by_name(facts.subcommands, at)),
        transports=_by_name(facts.transports, at),
        undeclared_settings=frozenset(_by_name(facts.undeclared_settings, at)),
        extensions=facts.extensions,
    )


@cache
def _facts() -> _Facts:
    """The decoded data file: part of the package, so the one file that a lint run reads beside the code under lint."""
    return msgspec.json.decode(Path(__file__).with_name("celery.json").read_bytes(), type=_Facts)


_F = TypeVar("_F", bound=_Fact)


def _by_name(facts: tuple[_F, ...], at: Version) -> dict[str, _F]:
    return {fact.name: fact for fact in facts if fact.first <= at <= fact.last}


def _by_spelling(flags: tuple[Flag, ...], at: Version) -> dict[str, Flag]:
    return {spelling: flag for flag in _by_name(flags, at).values() for spelling in flag.spellings}

"""The effective options of a task (`celery.app.task.Task.bind`, `celery.app.annotations`)."""

from __future__ import annotations

from collections.abc import Iterator

from celerylint.catalog import Catalog, TaskOption
from celerylint.model import celery_values as cv
from celerylint.model.evaluate import Evaluator
from celerylint.model.idioms.celery_tasks import task_class
from celerylint.model.plain import plain
from celerylint.model.project import App, Decision
from celerylint.model.settings import literal
from celerylint.model.values import (
    At,
    ClassValue,
    Either,
    Entry,
    External,
    Mapping,
    Missing,
    Scalar,
    Sequence,
    Unknown,
    Value,
    either,
)

AUTORETRY = frozenset(
    {"autoretry_for", "dont_autoretry_for", "retry_kwargs", "retry_backoff", "retry_backoff_max", "retry_jitter"}
)
_NO_OPTION: tuple[str, ...] = ()
FOREIGN_BASES = {
    "celery_batches.Batches": ("typing",),
    "celery_once.QueueOnce": _NO_OPTION,
    "celery_once.tasks.QueueOnce": _NO_OPTION,
    "celery_singleton.Singleton": _NO_OPTION,
    "celery_singleton.singleton.Singleton": _NO_OPTION,
    "celery_utils.logged_task.LoggedTask": _NO_OPTION,
    "celery_utils.persist_on_failure.LoggedPersistOnFailureTask": ("typing",),
    "celery_utils.persist_on_failure.PersistOnFailureTask": ("typing",),
    "flask_celeryext.AppContextTask": _NO_OPTION,
    "flask_celeryext.RequestContextTask": _NO_OPTION,
    "flask_celeryext.app.AppContextTask": _NO_OPTION,
    "flask_celeryext.app.RequestContextTask": _NO_OPTION,
    "openwisp_utils.tasks.OpenwispCeleryTask": ("soft_time_limit", "time_limit"),
    "taskbadger.celery.Task": _NO_OPTION,
    "tenant_schemas_celery.task.TenantTask": _NO_OPTION,
}
"""Bases of packages, and the options of Celery's that their source sets."""
_OWN_BASES = frozenset(
    {"celery.Task", "celery.task.Task", "celery.contrib.django.task.DjangoTask", "builtins.object", "typing.Generic"}
)


def decide(ev: Evaluator, value: Value, kind: str, at: At | None) -> Decision:
    """A value as a decision."""
    value = ev.force(value)
    held = plain(ev, value)
    return Decision(held.value, held.known, kind, at, held.why, held.env, value)


def effective_options(
    ev: Evaluator, facts: Catalog, task: cv.Task, bases: Bases, name: str, app: App | None
) -> tuple[dict[str, Decision], dict[str, Decision]]:
    """Every option of the catalog as the task holds it, and those of autoretry that retries see otherwise."""
    # `bind` looks annotations up by the name of the class: an object that got its name from `register_task` has none.
    known_as = name if task.cls is None or isinstance(ev.class_entry(task.cls, "name"), Entry) else None
    annotations = list(_annotations(ev, app, known_as)) if app is not None else []
    options: dict[str, Decision] = {}
    behaviour: dict[str, Decision] = {}
    for option in facts.task_options.values():
        written = _before_annotations(ev, task, bases, option, app)
        held = _annotated(ev, annotations, option.name, written)
        if held.kind == "annotation" and held.is_(None) and option.setting is not None:
            # Celery binds most tasks twice, and the second time fills None in again.
            held = Decision(
                None, False, "annotation", held.at, "an annotation of None holds until the task is bound again"
            )
        options[option.name] = held
        if option.name in AUTORETRY and option.name in task.options:
            if task.cls is not None:
                # `register_task(T(), autoretry_for=...)` wraps the body and leaves the attributes alone.
                given = task.options[option.name]
                behaviour[option.name] = decide(ev, given.value, "decorator", given.at)
            elif held is not written:
                behaviour[option.name] = written
    for option in facts.task_options.values():
        other = option.fallback_option
        held = options[option.name]
        if other and held.is_(None):
            options[option.name] = options[other]
    return options, behaviour


class Bases:
    """What the classes of a task say, looked up once for all options."""

    def __init__(self, ev: Evaluator, task: cv.Task) -> None:
        self.attrs: dict[str, Entry] = {}
        self.otherwise: Decision | None = None
        """What is true of every attribute that no class of the project sets."""
        if task.foreign and "base" not in task.options:
            why = "the app comes from outside the project, and may bring a base class"
            self.otherwise = _unknown(task.at, why)
            return
        base = task_class(ev, task)
        if isinstance(base, ClassValue):
            for cls in ev.mro(base):
                if isinstance(cls, ClassValue):
                    for name, entry in ev.class_body(cls).items():
                        if not isinstance(entry.value, Missing):
                            self.attrs.setdefault(name, entry)
                elif not isinstance(cls, External):
                    self.otherwise = _unknown(base.at, "a base class cannot be read")
                    return
                elif not self._knows(cls.dotted, base.at):
                    return
        elif isinstance(base, External):
            self._knows(base.dotted, base.at)
        elif base is not None:
            why = base.why if isinstance(base, Unknown) else "the base class cannot be known"
            self.otherwise = _unknown(base.at, why)

    def _knows(self, dotted: str, at: At | None) -> bool:
        """Whether it is known which options a foreign base class sets."""
        why = f"{dotted} may set it"
        for name in FOREIGN_BASES.get(dotted, ()):
            self.attrs.setdefault(name, Entry(Unknown(why, at), at))
        if _harmless(dotted):
            return True
        self.otherwise = _unknown(at, why)
        return False

    def get(self, ev: Evaluator, name: str) -> Decision | None:
        """What they say of one attribute; None if nothing."""
        entry = self.attrs.get(name)
        return decide(ev, entry.value, "base", entry.at) if entry is not None else self.otherwise


def _unknown(at: At | None, why: str) -> Decision:
    return Decision(None, False, "base", at, why)


def attribute(ev: Evaluator, task: cv.Task, bases: Bases, name: str) -> Decision | None:
    """An attribute as the code writes it: after the fact, in the decorator, in a class; None if nowhere."""
    entry = task.attrs.get(name)
    if entry is not None:
        return decide(ev, entry.value, "decorator", entry.at)
    if task.cls is None:
        given = task.options.get(name)
        if given is not None:
            value = ev.force(given.value)
            if isinstance(value, Either) and any(isinstance(o, Missing) for o in value.options):
                inherited = bases.get(ev, name)
                rest = [o for o in value.options if not isinstance(o, Missing)]
                other = inherited.raw if inherited is not None else None
                return decide(ev, either([*rest, other or Missing()], value.why, given.at), "decorator", given.at)
            return decide(ev, value, "decorator", given.at)
        if task.opened:
            return Decision(None, False, "decorator", task.at, "options are passed that cannot all be known")
    if task.instance is not None and name in task.instance.attrs:
        held = task.instance.attrs[name]
        return decide(ev, held.value, "base", held.at)
    return bases.get(ev, name)


def _harmless(dotted: str) -> bool:
    """Whether a foreign base class is Celery's own, or one of which it is known what it sets."""
    return (
        dotted in _OWN_BASES
        or dotted in FOREIGN_BASES
        or dotted in ("abc.ABC", "celery.app.task.Task")
        or dotted.startswith("builtins.")
    )


def _before_annotations(ev: Evaluator, task: cv.Task, bases: Bases, option: TaskOption, app: App | None) -> Decision:
    held = attribute(ev, task, bases, option.name)
    if held is not None and not (held.known and held.value is None):
        return held
    if option.setting is not None:
        # `from_config` fills in whatever is None after looking along the base classes.
        if held is None and option.default is not None:
            return _default(option.default)
        if app is None:
            return Decision(None, False, "setting", None, "the app of the task is not known")
        setting = app.settings.get(option.setting)
        if setting is not None:
            return setting if setting.chosen else Decision(setting.value, setting.known, "default", raw=setting.raw)
    if held is not None:
        return held
    if option.name == "typing" and app is not None:
        return _default(True)
    return _default(option.bound_default if option.bound_default is not None else option.default)


def _default(value: object) -> Decision:
    return Decision(value, True, "default", raw=literal(value))


def _annotated(ev: Evaluator, annotations: list[Mapping | Unknown], name: str, written: Decision) -> Decision:
    for annotation in annotations:
        if isinstance(annotation, Unknown):
            return Decision(None, False, "annotation", annotation.at, annotation.why)
        entry = annotation.items.get(name)
        if entry is not None:
            written = decide(ev, entry.value, "annotation", entry.at)
        elif annotation.open:
            return Decision(None, False, "annotation", annotation.at, "an annotation that cannot all be known")
    return written


def _annotations(ev: Evaluator, app: App, name: str | None) -> Iterator[Mapping | Unknown]:
    """The annotations of a task: the first that names it, then the first for `*`, which therefore wins."""
    setting = app.settings.get("task_annotations")
    if setting is None or setting.raw is None:
        return
    value = ev.force(setting.raw)
    if isinstance(value, Scalar) and value.value is None:
        return
    if isinstance(value, Unknown) and (setting.at is None or value is app.value.opened):
        # Nothing is known of the whole configuration. Annotations are rare: what the code says is taken to hold.
        return
    if isinstance(value, (Unknown, Either)):
        yield Unknown(value.why, value.at)
        return
    parts = [ev.force(v) for v in value.items] if isinstance(value, Sequence) else [value]
    for wanted in (name, "*") if name is not None else ("*",):
        for part in parts:
            if not isinstance(part, Mapping):
                yield Unknown("an annotation that is code", value.at)
                return
            entry: Entry | None = part.items.get(wanted)
            if entry is None:
                if part.open:
                    yield Unknown("annotations that cannot all be known", part.at)
                    return
                continue
            inner = ev.force(entry.value)
            yield inner if isinstance(inner, Mapping) else Unknown("an annotation that cannot be known", entry.at)
            break

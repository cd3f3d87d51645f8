"""CLY509."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.finding import Confidence, Finding, Severity
from celerylint.model.project import App, Decision, Dispatch, Project, Task
from celerylint.rules.base import Rule, names, related
from celerylint.rules.dispatch.canvas import Chord, canvas_names, chords
from celerylint.rules.dispatch.results import backend_of, from_outside

_JOINS = frozenset({"cache"})
"""Backends whose last header task collects the results: where one is missing it gives up after a while."""
_POLLS = frozenset(
    {
        "db", "database", "file", "mongodb", "cassandra", "elasticsearch", "couchbase", "couchdb", "cosmosdbsql", "consul",
        "azureblockblob", "arangodb", "s3",
    }
)  # fmt: skip
"""Backends that a task of Celery's own, `chord_unlock`, asks again and again whether the header is done."""


class ChordWithoutResults(Rule):
    """A chord needs the results of its header, and here there are none: it cannot be sent, or its body never runs.

    The body of a chord starts when all tasks of the header are done, which Celery learns from the result backend. With
    none configured, and with `rpc://`, sending a chord raises NotImplementedError. The same holds for a group with a task
    behind it, `group(...) | total.s()` or `chain(group(...), total.s())`, which Celery turns into a chord.

    A header task that ignores its result leaves nothing to wait for. Redis counts it all the same. With databases and
    files a task called `celery.chord_unlock` looks for the results every second for ever; with memcached the last header
    task gives up after three seconds, and the chord fails. The body never runs.

    ## What to do

    Configure a result backend that knows chords, such as `redis://`, and let the header's tasks keep their results:
    `ignore_result=False`.

    [Chords](https://docs.celeryq.dev/en/stable/userguide/canvas.html#important-notes)
    """

    code = "CLY509"
    name = "chord-without-results"
    summary = "A chord is sent where the results of its header are not kept."
    severity = Severity.ERROR
    bad = """\
from celery import Celery, chord

app = Celery("shop", broker="redis://")


@app.task
def price(order_id): ...


@app.task
def total(prices): ...


def bill(order_ids):
    chord([price.s(pk) for pk in order_ids])(total.s())
"""
    good = """\
from celery import Celery, chord

app = Celery("shop", broker="redis://", backend="redis://")


@app.task
def price(order_id): ...


@app.task
def total(prices): ...


def bill(order_ids):
    chord([price.s(pk) for pk in order_ids])(total.s())
"""

    def check_project(self, project: Project) -> Iterable[Finding]:
        signatures: dict[str, list[Dispatch]] = {}
        for dispatch in project.dispatches:
            if dispatch.task is not None:
                signatures.setdefault(dispatch.at[0], []).append(dispatch)
        for path, functions in project.functions.items():
            makers = canvas_names(functions[0].scope.module) if functions else frozenset()
            for function in functions:
                for chord in chords(function, makers):
                    yield from self._judge(chord, path, signatures.get(path, []), project)

    def _judge(self, chord: Chord, path: str, signatures: list[Dispatch], project: Project) -> Iterable[Finding]:
        if isinstance(chord.node, ir.Call) and any(k.name in ("app", None) for k in chord.node.keywords):
            return
        app = _app_of(_tasks_in(chord.node, signatures), project)
        if app is None or not app.setting("task_always_eager").falsy:
            return
        backend = app.setting("result_backend")
        scheme = backend_of(app)
        if scheme in ("", "disabled", "rpc"):
            yield from self._refused(chord, path, app, backend, scheme)
        elif scheme in _JOINS | _POLLS and chord.header is not None:
            yield from self._ignored(chord, path, scheme, _tasks_in(chord.header, signatures))

    def _refused(self, chord: Chord, path: str, app: App, backend: Decision, scheme: str | None) -> Iterable[Finding]:
        broker = app.setting("broker_url")
        if from_outside(app):
            return
        why = "keeps results in rpc://, which knows no chords" if scheme == "rpc" else "has no result backend"
        yield self.finding(
            (path, chord.node),
            f"this is {chord.words}, and {app.name} {why}: sending it raises NotImplementedError",
            "configure a result backend that knows chords, such as redis://",
            related=related(backend.at or app.at, "the result backend" if backend.at else "the app"),
            confidence=None if broker.known or scheme == "rpc" else Confidence.MEDIUM,
        )

    def _ignored(self, chord: Chord, path: str, scheme: str, header: list[Dispatch]) -> Iterable[Finding]:
        tasks = {d.task.name: d.task for d in header if d.task is not None and _ignores(d, d.task)}
        if not tasks or _says_otherwise(chord.node):
            return
        first = next(iter(tasks.values()))
        decided = first.option("ignore_result")
        yield self.finding(
            (path, chord.node),
            f"the results of {names(sorted(tasks))} are ignored, and with the result backend {scheme} this chord waits for"
            f" them: its body never runs, "
            + ("it fails" if scheme in _JOINS else "and celery.chord_unlock looks for them every second for ever"),
            "let the tasks of the header keep their results, ignore_result=False",
            symbol=first.name,
            related=related(decided.at, "results are ignored from here"),
        )


def _tasks_in(node: ir.Node, signatures: list[Dispatch]) -> list[Dispatch]:
    spans = {inner.span for inner in nodes(node) if isinstance(inner, ir.Call)}
    return [dispatch for dispatch in signatures if dispatch.at[1].span in spans]


def _app_of(parts: list[Dispatch], project: Project) -> App | None:
    """The app that a canvas is sent with; None where it cannot be told."""
    apps = {id(d.task.app): d.task.app for d in parts if d.task is not None}
    if not apps:
        return project.apps[0] if len(project.apps) == 1 else None
    return next(iter(apps.values())) if len(apps) == 1 else None


def _ignores(dispatch: Dispatch, task: Task) -> bool:
    return task.option("ignore_result").truthy and "ignore_result" not in dispatch.args.keywords


def _says_otherwise(node: ir.Node) -> bool:
    """Whether somebody sets the option on a signature of the canvas."""
    return any(isinstance(n, ir.Keyword) and n.name in ("ignore_result", None) for n in nodes(node))

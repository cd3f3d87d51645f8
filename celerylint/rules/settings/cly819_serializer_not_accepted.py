"""CLY819."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.finding import Finding, Severity
from celerylint.model.project import App, Dispatch, Project, Task
from celerylint.model.values import At, Scalar, forced
from celerylint.rules.base import Rule, related
from celerylint.rules.content import TYPES, accepted


class SerializerNotAccepted(Rule):
    """Messages are written with a serializer that the workers of the same app do not accept: each is dropped.

    `accept_content` says what a worker reads; it is `["json"]` unless set. A message of another kind is refused when
    it arrives: the worker logs "Refusing to deserialize disabled content", acknowledges the message and goes on. The
    sender notices nothing, and the result stays PENDING for ever.

    Results are read by the same rule (`result_accept_content`, or `accept_content` where that is not set): with
    another `result_serializer` they are stored, and whoever asks for one gets `ContentDisallowed`.

    ## What to do

    Name the serializer in `accept_content` too, or send with one that is accepted.

    [accept_content](https://docs.celeryq.dev/en/stable/userguide/configuration.html#accept-content)
    """

    code = "CLY819"
    name = "serializer-not-accepted"
    summary = "Messages are written with a serializer that the workers do not accept, and dropped."
    severity = Severity.ERROR
    bad = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.task_serializer = "yaml"
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.task_serializer = "yaml"
app.conf.accept_content = ["json", "yaml"]
"""

    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        held = app.setting("task_serializer")
        accept = app.setting("accept_content")
        if held.known and isinstance(held.value, str):
            where = held.at if held.chosen else accept.at
            if where is not None:
                yield from self._judged(held.value, where, app, app.name)
        yield from self._results(app)

    def _results(self, app: App) -> Iterable[Finding]:
        held, backend, own = (app.setting(f"result_{name}") for name in ("serializer", "backend", "accept_content"))
        stored = backend.chosen and not (backend.known and str(backend.value or "disabled").startswith("disabled"))
        if held.at is None or not held.known or held.env or not stored or not own.known or own.value is not None:
            return
        content = accepted(app)
        if held.value in TYPES and content is not None and held.value not in content and content <= TYPES.keys():
            yield self.finding(
                held.at,
                f"results are written with {held.value}, and {app.name} accepts only {', '.join(sorted(content))}:"
                " whoever reads one gets ContentDisallowed",
                f"add {held.value!r} to accept_content, or write results with what is accepted",
                symbol=app.name,
            )

    def check_task(self, task: Task, project: Project) -> Iterable[Finding]:
        held = task.option("serializer")
        chosen_here = held.kind in ("decorator", "base", "annotation")
        if task.app is not None and chosen_here and held.known and isinstance(held.value, str) and held.at:
            yield from self._judged(held.value, held.at, task.app, task.name)

    def check_dispatch(self, dispatch: Dispatch, project: Project) -> Iterable[Finding]:
        entry = dispatch.args.keywords.get("serializer")
        if entry is None or dispatch.task is None or dispatch.task.app is None:
            return
        value = forced(entry.value)
        if dispatch.method == "apply_async" and isinstance(value, Scalar) and isinstance(value.value, str):
            yield from self._judged(value.value, dispatch.at, dispatch.task.app, dispatch.task.name)

    def _judged(self, serializer: str, where: At, app: App, symbol: str) -> Iterable[Finding]:
        content = accepted(app)
        if content is None or serializer in content or serializer not in TYPES or not content <= TYPES.keys():
            return
        accept = app.setting("accept_content")
        yield self.finding(
            where,
            f"messages are written with {serializer}, and the workers of {app.name} accept only"
            f" {', '.join(sorted(content)) or 'nothing'}: they drop each one",
            f"add {serializer!r} to accept_content, or send with what is accepted",
            symbol=symbol,
            related=related(accept.at, "what workers accept") if accept.at and accept.at != where else [],
        )

"""CLY208."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from celerylint.facts import ir
from celerylint.finding import Finding, Fix, Needed, Place, Related, Severity, Span
from celerylint.model.project import Project, Retry, Task
from celerylint.model.values import Scalar
from celerylint.rules import mending
from celerylint.rules.base import Rule, related
from celerylint.rules.body import body_of
from celerylint.rules.flow import (
    CELERY_SIGNALS,
    Block,
    Spot,
    catcher,
    catches_signals,
    ends,
    is_signal,
    may_raise_elsewhere,
    spot_of,
    spots,
)
from celerylint.rules.retries.delays import argument, most_by_hand


class SwallowedRetry(Rule):
    """A retry is caught by a broad `except`: the run goes on as if nothing had happened, and the task runs again.

    `self.retry()` does two things: it sends the message of the next attempt, and it raises `Retry` to end this one. An
    `except Exception` around it catches that `Retry`. The message is sent all the same, and the run ends as a success
    (or as a failure, where the handler raises something else): callbacks, chains and chords go on with its result, and
    then the task runs again. A handler that retries itself sends a second message, so the number of messages doubles
    with each attempt.

    `Ignore` and `Reject` are caught the same way: the run counts as done, and nothing is ignored or rejected.

    The last attempt told apart by `except MaxRetriesExceededError` is fine: that is raised when no retry is sent.

    ## What to do

    Let Celery's own exceptions through, before the broad handler:

    ```python
    from celery.exceptions import Retry

    try:
        ...
    except Retry:
        raise
    except Exception:
        logger.exception("...")
    ```

    or call `self.retry()` from the handler, outside of any other `try`.

    ## Fix safety

    The fix puts `except Retry: raise` before the broad handler. It is unsafe: what followed the handler until now, though
    the task was to run again, is not reached any more.

    [Retrying](https://docs.celeryq.dev/en/stable/userguide/tasks.html#retrying)
    """

    code = "CLY208"
    name = "swallowed-retry"
    summary = "A retry is caught by a broad except: the run goes on, and the task runs again as well."
    severity = Severity.ERROR
    bad = """\
from celery import shared_task


@shared_task(bind=True)
def pull(self, url):
    try:
        page = fetch(url)
        if page is None:
            raise self.retry(countdown=60)
        store(page)
    except Exception:
        log(url)
"""
    good = """\
from celery import shared_task
from celery.exceptions import Retry


@shared_task(bind=True)
def pull(self, url):
    try:
        page = fetch(url)
        if page is None:
            raise self.retry(countdown=60)
        store(page)
    except Retry:
        raise
    except Exception:
        log(url)
"""

    def check_project(self, project: Project) -> Iterable[Finding]:
        seen: set[tuple[str, int, int]] = set()
        for task in project.tasks:
            for finding, guilty in self._of(task, project):
                # One handler is one place to mend, however many retries it catches.
                key = (finding.place.path, guilty.line, guilty.col)
                if key not in seen:
                    seen.add(key)
                    yield finding

    def _of(self, task: Task, project: Project) -> Iterator[tuple[Finding, ir.Node]]:
        for retry in project.retries_of(task):
            spot = spot_of(retry.at, project)
            if spot is None or not _throws(retry) or most_by_hand(task, retry) == 0:
                continue
            guilty, where = catcher(spot), Place(retry.at[0], retry.at[1].span)
            how = _swallows(guilty, project) if guilty is not None else ""
            if guilty is not None and how:
                yield self._finding(task, "the retry that is sent here", how, where, guilty)
            elif guilty is None:
                yield from self._around_the_call(task, retry, spot, project)
        body = body_of(task)
        for spot in spots(body) if body is not None else ():
            name = is_signal(spot.body, spot.statement.exc) if isinstance(spot.statement, ir.Raise) else ""
            guilty = catcher(spot) if name else None
            how = _swallows(guilty, project) if guilty is not None else ""
            if guilty is not None and how:
                yield self._finding(task, name, how, Place(spot.body.path, spot.statement.span), guilty)

    def _around_the_call(
        self, task: Task, retry: Retry, spot: Spot, project: Project
    ) -> Iterator[tuple[Finding, ir.Node]]:
        """A helper retries, and the body of the task catches what comes out of it."""
        body = body_of(task)
        own = [block.node for block in spot.around]
        if own and catches_signals(spot):
            return
        for outer in spots(body) if body is not None else ():
            statement = outer.statement
            # Its handlers stand in the context as such: what is there as a `try` is its body.
            if not isinstance(statement, ir.Try) or statement.orelse or statement.final or statement in own:
                continue
            if statement not in retry.context:
                continue
            inside = Spot(outer.body, statement.body[-1], (*outer.around, Block(statement, "body")))
            guilty = catcher(inside)
            how = _swallows(guilty, project) if guilty in statement.handlers else ""
            if isinstance(guilty, ir.Handler) and how:
                head = Place(outer.body.path, _head(guilty))
                what = f"the retry that is sent at {retry.at[0]}:{retry.at[1].line}"
                sent = Place(retry.at[0], retry.at[1].span)
                yield self._finding(task, what, how, head, guilty, related(sent, "sent here"))

    def _finding(
        self, task: Task, what: str, how: str, where: Place, guilty: ir.Node, also: list[Related] | None = None
    ) -> tuple[Finding, ir.Node]:
        sent = "sent" in what
        catches = f"the handler at line {guilty.line}" if isinstance(guilty, ir.Handler) else "suppress()"
        if not sent:
            then = {
                "fall": "the run counts as a success",
                "raise": "the run counts as a failure",
                "retry": "the task is retried instead",
            }[how]
            message = f"{catches} catches the {what} that {task.name} raises here: {then}"
        else:
            then = {
                "fall": "the run counts as a success and whatever follows it goes on, and the task runs again as well",
                "raise": "the run counts as a failure, and the task runs again as well",
                "retry": "it retries once more, so each such run sends two messages and the runs double every time",
            }[how]
            message = f"{catches} catches {what} by {task.name}: {then}"
        kind = what if not sent else "Retry"
        help = f"put `except celery.exceptions.{kind}: raise` before it"
        if not isinstance(guilty, ir.Handler):
            help = f"move it out of suppress(), which takes {kind} too"
        if also is None:
            head = _head(guilty) if isinstance(guilty, ir.Handler) else guilty.span
            also = related(Place(where.path, head), "caught here")
        fix = _let_through(guilty, kind, where.path)
        return self.finding(where, message, help, symbol=task.name, related=also, fix=fix), guilty


def _let_through(guilty: ir.Node, kind: str, path: str) -> Fix | None:
    if not isinstance(guilty, ir.Handler) or kind not in CELERY_SIGNALS:
        return None
    text = f"except celery.exceptions.{kind}:\n    raise"
    edit = mending.statements_before(guilty, path, text, [Needed("celery.exceptions", kind)])
    return mending.unsafe(f"let {kind} through", edit)


def _head(handler: ir.Handler) -> Span:
    return Span(handler.line, handler.col, handler.line, handler.col + len("except"))


def _throws(retry: Retry) -> bool:
    """Whether it surely raises."""
    throw = argument(retry, "throw", 3)
    return not retry.args.open if throw is None else isinstance(throw, Scalar) and bool(throw.value)


def _swallows(guilty: ir.Handler | ir.With, project: Project) -> str:
    """How a run ends that was meant to be retried; empty where what was caught is, or may be, raised again."""
    if isinstance(guilty, ir.With):
        return "fall"
    found = ends(guilty.body, guilty.name)
    if found == {"reraise"} or may_raise_elsewhere(guilty, project):
        return ""
    if found & {"fall", "leave"}:
        return "fall"
    return "retry" if "retry" in found else "raise"

"""CLY402."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from celerylint.facts import ir
from celerylint.finding import Confidence, Edit, Finding, Fix, InsertText, Place, Severity
from celerylint.model.commandline import Option
from celerylint.model.deploy.process import Process
from celerylint.model.project import Command, Project, Worker
from celerylint.rules import mending
from celerylint.rules.base import Rule
from celerylint.rules.beats import doubled, without_lock
from celerylint.rules.commanding import CommandText, command_text
from celerylint.rules.outline import Outline

_DEVELOPMENT = re.compile(r"(^|[/_.-])(dev|devel|development|debug|local|autoreload|watch|example|examples)([/_.-]|$)")


class BeatInWorker(Rule):
    """The worker also runs beat: a second worker started the same way sends every scheduled task twice.

    `celery worker -B` starts beat inside the worker. Beat does not ask whether another one runs: with two such workers,
    for a second machine or for the minute that a rolling deployment takes, everything on schedule is sent twice. And
    the schedule stops whenever the worker does, for a new version or because it ran out of memory.

    Celery's documentation calls the flag convenient for development and says not to use it in production.

    This rule sees the workers that deployment files start, and those that Python code does: `app.worker_main([...])`,
    `app.start([...])`, `subprocess` and `os.exec*` with a `celery` command line. A file or service whose name
    says that it is for development is left alone, and so is RedBeat, which holds a lock so that one beat at a time
    sends. Where several beats are known to run, CLY401 says so instead.

    ## What to do

    Start one beat of its own, and workers without the flag:

    ```console
    celery -A proj beat
    celery -A proj worker
    ```

    ## Fix safety

    The fix takes the flag out of the command, with the options that are those of beat. A Procfile gets a line `beat:` that has
    them, a Compose file a service `beat` made like that of the worker. It is unsafe: elsewhere nothing is sent on
    schedule any more until one `celery beat` is started beside the workers.

    [Starting the scheduler](https://docs.celeryq.dev/en/stable/userguide/periodic-tasks.html#starting-the-scheduler)
    """

    code = "CLY402"
    name = "beat-in-worker"
    summary = "A worker is started with beat inside: one more worker doubles every schedule."
    severity = Severity.WARNING
    confidence = Confidence.MEDIUM
    bad = """\
from celery import Celery

app = Celery("shop", broker="redis://")

if __name__ == "__main__":
    app.worker_main(["worker", "-B", "--loglevel=INFO"])
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="redis://")

if __name__ == "__main__":
    app.worker_main(["worker", "--loglevel=INFO"])
"""

    def check_worker(self, worker: Worker, project: Project) -> Iterable[Finding]:
        start = worker.start
        if not worker.beat.truthy or _may_lock(worker, project) or _for_development(start.command, project):
            return
        if any(found.runner.held is worker for found in doubled(project)):
            return
        option = worker.line.options.get("beat")
        flag = start.words[option.position] if option is not None else "beat"
        # What Python starts is often put together elsewhere: the call is where it is started.
        place = worker.beat.place if start.command is None else None
        yield self.finding(
            place or start.place,
            f"this worker runs beat as well ({flag}): each further worker started so, and each rolling restart,"
            " sends everything on schedule once more",
            f"start the worker without {flag}, and one `celery beat` beside it",
            symbol=worker.app.name if worker.app is not None else "",
            fix=_without_beat(worker, project),
        )


_OF_BEAT = ("scheduler", "schedule_filename")
"""Options of a worker that are those of the beat inside."""


def _without_beat(worker: Worker, project: Project) -> Fix | None:
    command, options = command_text(worker, project), worker.line.options
    if command is None or "beat" not in options or not options["beat"].known:
        return None
    given = [options[name] for name in _OF_BEAT if name in options]
    taken = [command.without(option) for option in (options["beat"], *given)]
    if not all(taken):
        return None
    edits = [edit for held in taken for edit in held]
    beat = _beside(worker, project, command, given)
    if beat:
        return mending.unsafe("start beat as a process of its own", *edits, *beat)
    flag = options["beat"].spelling
    return mending.unsafe(f"start the worker without {flag}: one `celery beat` must then be started beside it", *edits)


def _beside(worker: Worker, project: Project, command: CommandText, given: Sequence[Option]) -> list[Edit]:
    """Beat as a process of its own, in the Procfile or Compose file that starts the worker."""
    process = worker.start.process
    if process is None or process.place.path != command.path:
        return []
    others = (other.name for other in project.processes if other.deployment == process.deployment)
    if not worker.line.complete or "beat" in others:
        return []
    level = worker.line.options.get("loglevel")
    wanted = [*given, *([level] if level is not None else [])]
    if process.platform == "procfile" and process.place.line == worker.start.place.line:
        return _in_procfile(worker, command, wanted)
    return _in_compose(worker, process, command, wanted) if process.platform == "compose" else []


def _in_procfile(worker: Worker, command: CommandText, wanted: Sequence[Option]) -> list[Edit]:
    before = command.before(worker.line.at)
    options = [command.written(option) for option in wanted]
    if before is None or None in options:
        return []
    words = " ".join(["beat", *map(str, options)])
    return [command.line_after(f"beat: {before.partition(':')[2].lstrip()}{words}")]


_ANCHOR = re.compile(r"[:-][ ]+&")
_OF_THE_WORKER = ("container_name", "deploy", "healthcheck", "hostname", "ports", "scale", "stop_grace_period")
"""What a service of Compose does not share with another one that is made like it."""


def _in_compose(worker: Worker, process: Process, command: CommandText, wanted: Sequence[Option]) -> list[Edit]:
    """A copy of the worker's service that runs beat instead."""
    from celerylint.fixes.text import Text

    outline, first = Outline(command.text), process.place.line
    last = outline.end(first)
    said = command.instead(worker.line.at, "beat", wanted)
    inherited = {"container_name", "ports"} & process.attributes.keys() - outline.keys(first).keys()
    if said is None or inherited or not first < worker.start.place.line <= last:
        return []
    start, end, text = said
    whole = command.text.text[:start] + text + command.text.text[end:]
    other = Outline(Text(command.path, whole.encode()))
    keys = other.keys(first)
    dropped = {n for key in _OF_THE_WORKER if key in keys for n in range(keys[key], other.end(keys[key]) + 1)}
    kept = [other.lines[n - 1] for n in range(first + 1, other.end(first) + 1) if n not in dropped]
    if any(_ANCHOR.search(line) for line in kept):
        return []
    apart = "\n" if first > 1 and not outline.lines[first - 2].strip() else ""
    added = "\n".join([f"{' ' * (outline.depth(first) or 0)}beat:", *kept])
    at = command.text.line_end(command.text.offset(last, 1))
    return [InsertText(Place(command.path, command.text.span(at, at)), f"\n{apart}{added}")]


def _may_lock(worker: Worker, project: Project) -> bool:
    """Whether its scheduler may be one of which one at a time sends, as RedBeat is."""
    if worker.scheduler.known and not worker.scheduler.env:
        return not without_lock(worker)
    # From settings that cannot be read, or words as "$@", the scheduler is RedBeat only where the project uses it.
    chosen = "scheduler" in worker.line.options or worker.scheduler.kind == "environment"
    return chosen or any("redbeat" in package for package in project.packages)


def _for_development(command: Command | None, project: Project) -> bool:
    if command is None:
        return False
    functions = [function.node for function in project.functions.get(command.at[0], ())]
    reloads = any(isinstance(node, ir.Function) and "run_with_reloader" in node.uses for node in functions)
    return reloads or _DEVELOPMENT.search(command.at[0]) is not None

"""CLY402."""

from __future__ import annotations

import re
from collections.abc import Iterable

from celerylint.facts import ir
from celerylint.finding import Confidence, Finding, Severity
from celerylint.model.commandline import CommandLine, parse
from celerylint.model.project import Command, Project
from celerylint.rules.base import Rule

_DEVELOPMENT = re.compile(r"(^|[/_.-])(dev|devel|development|debug|local|autoreload|watch|example|examples)([/_.-]|$)")


class BeatInWorker(Rule):
    """The worker also runs beat: a second worker started the same way sends every scheduled task twice.

    `celery worker -B` starts beat inside the worker. Beat does not ask whether another one runs: with two such workers,
    for a second machine or for the minute that a rolling deployment takes, everything on schedule is sent twice. And
    the schedule stops whenever the worker does, for a new version or because it ran out of memory.

    Celery's documentation calls the flag convenient for development and says not to use it in production.

    This rule sees workers that Python code starts: `app.worker_main([...])`, `app.start([...])`, `subprocess` and
    `os.exec*` with a `celery` command line. A file whose path says that it is for development is left
    alone, and so is RedBeat, which holds a lock so that one beat at a time sends.

    ## What to do

    Start one beat of its own, and workers without the flag:

    ```console
    celery -A proj beat
    celery -A proj worker
    ```

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

    def check_project(self, project: Project) -> Iterable[Finding]:
        for command in project.commands:
            line = parse(command.words, project.catalog)
            if line is None or line.subcommand != "worker" or "beat" not in line.options:
                continue
            if _for_development(command, project) or _locks(line, command, project):
                continue
            flag = command.words[line.options["beat"].position]
            yield self.finding(
                command.at,
                f"this worker runs beat as well ({flag}): each further worker started so, and each rolling restart,"
                " sends everything on schedule once more",
                f"start the worker without {flag}, and one `celery beat` beside it",
                symbol=command.app.name if command.app is not None else "",
            )


def _locks(line: CommandLine, command: Command, project: Project) -> bool:
    """Whether the scheduler is RedBeat, of which one at a time sends."""
    apps = [command.app] if command.app is not None else project.apps
    given = [line.options["scheduler"].value] if "scheduler" in line.options else []
    set_up = [app.setting("beat_scheduler").value for app in apps]
    return any("redbeat" in str(name).lower() for name in (given or set_up))


def _for_development(command: Command, project: Project) -> bool:
    functions = [function.node for function in project.functions.get(command.at[0], ())]
    reloads = any(isinstance(node, ir.Function) and "run_with_reloader" in node.uses for node in functions)
    return reloads or _DEVELOPMENT.search(command.at[0]) is not None

"""CLY705."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.finding import Confidence, Finding, Fix, Severity
from celerylint.model.project import Beat, Project, Worker
from celerylint.rules import mending
from celerylint.rules.base import Rule
from celerylint.rules.commanding import command_text


class Celery4Command(Rule):
    """The command is written as for Celery 4, and Celery 5 refuses to start.

    Since 5.0 the options of the `celery` program itself stand before the sub-command: `-A`, `-b`, `--workdir`, `--config`,
    `--loader`, `--result-backend`, `-q`, `-C`. Behind `worker` or `beat` they are no options at all: the program
    prints its usage and ends, and the platform starts it over and over.

    ## What to do

    ```console
    celery -A proj worker -l INFO
    ```

    ## Fix safety

    The fix puts the options with their values before the sub-command, where Celery 4 reads them as well. It is safe: the
    command does not start without it. A command of which a part comes from elsewhere is left alone.

    [What was removed in 5.0](https://docs.celeryq.dev/en/stable/history/whatsnew-5.0.html#step-1-adjust-your-command-line-invocation)
    """

    code = "CLY705"
    name = "celery4-command"
    summary = "Options of the celery program stand behind the sub-command: Celery 5 refuses to start."
    severity = Severity.ERROR
    shown_in = "Procfile"
    bad = "worker: celery worker -A shop -l INFO\n"
    good = "worker: celery -A shop worker -l INFO\n"

    # Asked of Celery in tests/rules/test_claims_workers.py.
    def check_worker(self, worker: Worker, project: Project) -> Iterable[Finding]:
        return self._refused(worker, project)

    def check_beat(self, beat: Beat, project: Project) -> Iterable[Finding]:
        return self._refused(beat, project)

    def _refused(self, held: Worker | Beat, project: Project) -> Iterable[Finding]:
        version = project.version
        older = version.clamped and version.value.partition(".")[0] in ("3", "4")
        line = held.line
        # Python code may hand its words to another program.
        if older or line.node or line.start < 0 or held.start.command is not None:
            return
        known = [option for option in line.misplaced.values() if option.known]
        if not known:
            return
        first = min(known, key=lambda option: option.position)
        yield self.finding(
            held.start.places[first.position],
            f"Celery 5 has no option {first.spelling} of `{line.subcommand}`: the program prints its usage and ends",
            f"put it before the sub-command: `celery {_given(first.spelling, first.value)} {line.subcommand}`",
            symbol=held.app.name if held.app is not None else "",
            # Without a pin the project may run Celery 4.
            confidence=Confidence.MEDIUM if version.origin.kind == "default" else None,
            fix=_in_order(held, project),
        )


def _in_order(held: Worker | Beat, project: Project) -> Fix | None:
    command, line = command_text(held, project), held.line
    edits = command.moved(list(line.misplaced.values()), line.at) if command is not None else []
    return mending.safe(f"put options of the program before `{line.subcommand}`", *edits) if edits else None


def _given(spelling: str, value: str | None) -> str:
    if value is None:
        return spelling
    return f"{spelling}={value}" if spelling.startswith("--") else f"{spelling} {value}"

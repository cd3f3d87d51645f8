"""CLY703."""

from __future__ import annotations

import re
from collections.abc import Iterable

from celerylint.finding import Finding, Fix, InsertText, Place, Related, ReplaceText, Severity
from celerylint.model.project import Project, Worker
from celerylint.rules import mending
from celerylint.rules.base import Rule
from celerylint.rules.commanding import text_of
from celerylint.rules.consumers import name_of

_LOOSE = "script"
"""The platform of scripts that nothing here is known to start."""
_SHELL_FORM = re.compile(r"[ \t]*CMD[ \t]+", re.IGNORECASE)
_PLAIN = re.compile(r"[\w@%+=:,./ \t-]+")
"""A command in which a shell has nothing to do."""
_IN_A_SUBSHELL = re.compile(r"\A[^(\n]*\)|^[ \t]*\)", re.MULTILINE)
"""The rest of a script where `exec` would take the place of a subshell alone."""
_IN_A_CONTAINER = re.compile(r"docker|container|entrypoint|kubernetes|k8s", re.IGNORECASE)


class WorkerNotSignalled(Rule):
    """SIGTERM ends at a shell, and the worker is killed in the middle of its tasks.

    A container is stopped by SIGTERM to its first process, and by SIGKILL to all of them some seconds later. Where that
    first process is a shell that has started the worker beside itself, the shell does not hand the signal on: the
    worker goes on taking messages until it is killed, and what it runs then is lost, or with late acknowledgement
    runs again later. A script starts each of its commands so, unless it says `exec`.

    An init such as tini sends the signal to the shell as well. Heroku and systemd signal every process themselves; they
    are not reported, nor are shells with a `trap`.

    ## What to do

    ```sh
    #!/bin/sh
    python manage.py migrate
    exec celery -A proj worker
    ```

    or give the command as a list in the Dockerfile: `CMD ["celery", "-A", "proj", "worker"]`.

    ## Fix safety

    The fix writes `exec` before the command, or turns the `CMD` of a Dockerfile into a list. It is offered where the command is
    the last that its shell runs, and unsafe: the worker becomes the first process of the container, so processes
    that it leaves behind are its own to wait for.

    [Stopping the worker](https://docs.celeryq.dev/en/stable/userguide/workers.html#stopping-the-worker)
    """

    code = "CLY703"
    name = "worker-not-signalled"
    summary = "A shell in front of the worker keeps SIGTERM to itself: no task is finished before the worker is killed."
    severity = Severity.WARNING
    shown_in = "run.sh"
    beside = {"Dockerfile": 'FROM python\nCOPY run.sh /run.sh\nCMD ["/run.sh"]\n'}  # noqa: RUF012
    bad = """\
#!/bin/sh
python manage.py migrate
celery -A shop worker
"""
    good = """\
#!/bin/sh
python manage.py migrate
exec celery -A shop worker
"""

    # Asked of a shell in tests/rules/test_claims_workers.py.
    def check_worker(self, worker: Worker, project: Project) -> Iterable[Finding]:
        start = worker.start
        if start.process is None or start.invocation is None or start.invocation.signalled is not False:
            return
        if start.process.platform == _LOOSE and not _IN_A_CONTAINER.search(start.process.place.path):
            return
        if "detach" in worker.line.options or worker.line.node:
            return
        yield self.finding(
            start.place,
            "the shell that starts this worker keeps SIGTERM to itself: the worker goes on until it is killed, in the"
            " middle of its tasks",
            "start it with `exec`, or without a shell",
            symbol=worker.app.name if worker.app is not None else "",
            related=[Related(place, f"`{name_of(worker)}` starts it") for place in _started_by(worker)],
            fix=_replacing_the_shell(worker, project),
        )


def _replacing_the_shell(worker: Worker, project: Project) -> Fix | None:
    at = worker.start.invocation.exec_at if worker.start.invocation is not None else None
    if at is None or (text := text_of(at.path, project)) is None:
        return None
    start = text.stretch(at.span)[0]
    line_start, line_end = text.line_start(start), text.line_end(start)
    command = text.text[start:line_end].rstrip()
    if _SHELL_FORM.fullmatch(text.text[line_start:start]) and _PLAIN.fullmatch(command):
        place = Place(at.path, text.span(start, start + len(command)))
        import json

        return mending.unsafe("start the worker without a shell", ReplaceText(place, json.dumps(command.split())))
    where = Place(at.path, text.span(start, start))
    if _IN_A_SUBSHELL.search(text.text[start:]):
        return None
    return mending.unsafe("let the worker take the place of the shell", InsertText(where, "exec "))


def _started_by(worker: Worker) -> list[Place]:
    process = worker.start.process
    same = process is None or process.place.path == worker.start.place.path
    return [] if same or process is None else [process.place]

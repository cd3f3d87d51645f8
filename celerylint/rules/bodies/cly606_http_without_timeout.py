"""CLY606."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from celerylint.effects.behaviour import Behaviour, Bodies
from celerylint.effects.events import Wait
from celerylint.finding import Finding, Severity
from celerylint.model.durations import limit
from celerylint.model.project import Project, Task
from celerylint.rules.base import Rule
from celerylint.rules.bodies.telling import way
from celerylint.rules.workload import seconds


class HttpWithoutTimeout(Rule):
    """The other side accepts the connection and says nothing more, and the worker process waits for ever.

    `requests`, `urllib` and `urllib3` wait without end unless they are told otherwise. A server that hangs takes one worker
    process after the other, until nothing runs any more and no error is in any log. `httpx` (5 s) and `aiohttp` (300 s) have
    a timeout of their own, and lose it by `timeout=None`.

    A body is followed into the functions of the project that it calls. Nothing is said where a timeout may come from
    elsewhere: a session of a class of the project, with an adapter or a `request` of its own, a client that was made with a
    timeout, `functools.partial`, `**kwargs` that cannot be read, `socket.setdefaulttimeout`.

    A time limit of the task is no replacement: it kills the process, and the task fails without having seen an error.

    ## What to do

    Pass `timeout=(3.05, 27)`: the seconds to connect and the seconds between two bytes of the answer. Let the task retry
    on the exception.

    [requests: timeouts](https://requests.readthedocs.io/en/latest/user/advanced/#timeouts),
    [urllib.request.urlopen](https://docs.python.org/3/library/urllib.request.html#urllib.request.urlopen),
    [HTTPX: timeouts](https://www.python-httpx.org/advanced/timeouts/),
    [Tasks: tips](https://docs.celeryq.dev/en/stable/userguide/tasks.html#tips-and-best-practices)
    """

    code = "CLY606"
    name = "http-without-timeout"
    summary = "A task sends an HTTP request without a timeout: a server that hangs keeps the worker process for ever."
    severity = Severity.WARNING
    bad = """\
import requests
from celery import Celery

app = Celery("shop", broker="redis://")


@app.task
def fetch(url):
    return requests.get(url).text
"""
    good = """\
import requests
from celery import Celery

app = Celery("shop", broker="redis://")


@app.task
def fetch(url):
    return requests.get(url, timeout=10).text
"""

    def check(self, project: Project, bodies: Bodies) -> list[Finding]:
        found = super().check(project, bodies)
        return [] if found and _has_default(project) else found

    def check_behaviour(self, behaviour: Behaviour, project: Project) -> Iterable[Finding]:
        task = behaviour.task
        for wait in _requests(behaviour):
            how = "is told to wait without end (`timeout=None`)" if wait.given else "has no timeout"
            yield self.finding(
                wait.at,
                f"`{wait.what}` {how}: while a server hangs, {task.name} keeps its worker process {_until(task)}",
                _ADVICE.get(wait.what, "pass timeout=, in seconds, and retry when it is over"),
                symbol=task.name,
                related=way(task, wait),
            )


_ADVICE = {
    "urllib.request.urlretrieve": "it takes no timeout: use urlopen(url, timeout=...) and copy what it returns to the file"
}


def _requests(behaviour: Behaviour) -> Iterator[Wait]:
    return (wait for wait in behaviour.trace.of(Wait) if wait.seconds is None)


def _until(task: Task) -> str:
    most = limit(task)
    return "for ever" if most is None else f"until the time limit of {seconds(most)} ends it"


def _has_default(project: Project) -> bool:
    """Whether a file that mentions Celery sets a timeout for all sockets."""
    return any(
        b"setdefaulttimeout" in (project.source(path) or b"")
        for path in sorted(project.index.paths)
        if (module := project.index.loaded(path)) is not None and (module.gated or module.started)
    )

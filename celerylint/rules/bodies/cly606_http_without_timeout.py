"""CLY606."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from celerylint.effects.behaviour import Behaviour
from celerylint.effects.events import Wait
from celerylint.facts import ir
from celerylint.finding import Finding, Fix, Needed, ReplaceExpr, Severity
from celerylint.model.durations import limit
from celerylint.model.project import Project, Task
from celerylint.model.values import External, place
from celerylint.rules import mending
from celerylint.rules.base import Rule
from celerylint.rules.bodies.telling import way
from celerylint.rules.delivery.waits import time_limit
from celerylint.rules.flow import written_in
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

    ## Fix safety

    The fix gives the request a timeout: for `requests` `(3.05, 27)`, as its documentation has it, for the others 30 seconds.
    Where `timeout=None` is the default of the function that sends it, the default is changed. It is unsafe: an answer that
    takes longer was waited for until now, and raises an exception then, and 30 seconds may be too few for what is asked.

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
    return requests.get(url, timeout=(3.05, 27)).text
"""

    def concluded(self, findings: Sequence[Finding], project: Project) -> list[Finding]:
        return [] if findings and _has_default(project) else super().concluded(findings, project)

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
                fix=_bounded(wait, project),
            )


_ADVICE = {
    "urllib.request.urlretrieve": "it takes no timeout: use urlopen(url, timeout=...) and copy what it returns to the file"
}


def _requests(behaviour: Behaviour) -> Iterator[Wait]:
    return (wait for wait in behaviour.trace.of(Wait) if wait.seconds is None)


_SECONDS = "30"
_BY_PACKAGE = {
    "requests": ("(3.05, 27)", ()),
    "aiohttp": ("aiohttp.ClientTimeout(total=30)", (Needed("aiohttp", "ClientTimeout", qualified=True),)),
}
"""Timeouts where one number is not how, or not all that, a package is told. Others take seconds."""


def _bounded(wait: Wait, project: Project) -> Fix | None:
    """The request with a timeout, where it is written with all its arguments."""
    path, call = wait.at
    if wait.what in _ADVICE or not isinstance(call, ir.Call) or any(k.name is None for k in call.keywords):
        return None
    if any(isinstance(arg, ir.Starred) for arg in call.args) or not _is_written(wait, call, project):
        return None
    seconds, needs = _BY_PACKAGE.get(wait.what.partition(".")[0], (_SECONDS, ()))
    given = next((keyword for keyword in call.keywords if keyword.name == "timeout"), None)
    if not wait.given:
        return mending.unsafe("give it a timeout", *mending.set_at(wait.at, needs, timeout=seconds))
    if given is None:
        return None  # its client was made so
    if not isinstance(given.value, ir.Name):
        return mending.unsafe("give it a timeout", ReplaceExpr(place((path, given.value)), seconds, needs))
    default = _default(wait, given.value.id, project)
    if default is None:
        return None
    if wait.what.startswith("requests."):
        seconds = _SECONDS  # which an annotation is more likely to allow
    return mending.unsafe("give it a timeout by default", ReplaceExpr(place((path, default)), seconds, needs))


def _is_written(wait: Wait, call: ir.Call, project: Project) -> bool:
    """Whether a call is that of the request itself, and not of something that sends it."""
    if isinstance(call.func, ir.Attr):
        return call.func.attr == wait.what.rpartition(".")[2]
    found = written_in(wait.at, project)
    meant = found[1].body.meaning(call.func) if found is not None else None
    return isinstance(meant, External) and meant.dotted == wait.what


def _default(wait: Wait, name: str, project: Project) -> ir.Expr | None:
    """The None that a parameter stands for where its function is given nothing."""
    found = written_in(wait.at, project)
    params = found[0].params if found is not None else []
    default = next((param.default for param in params if param.name == name), None)
    return default if isinstance(default, ir.Const) and default.value is None else None


def _until(task: Task) -> str:
    most = limit(task)
    if most is None and not all(time_limit(task, name).known for name in ("time_limit", "soft_time_limit")):
        return "until a time limit ends it, if there is one"
    return "for ever" if most is None else f"until the time limit of {seconds(most)} ends it"


def _has_default(project: Project) -> bool:
    """Whether a file that mentions Celery sets a timeout for all sockets."""
    return any(
        b"setdefaulttimeout" in (project.source(path) or b"")
        for path in sorted(project.index.paths)
        if (module := project.index.loaded(path)) is not None and (module.gated or module.started)
    )

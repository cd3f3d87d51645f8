"""What makes a task run again after an effect: a lost acknowledgement, a retry."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from celerylint.effects.catalogue.benign import is_quiet
from celerylint.effects.events import Act, Call, Event, Raised, Retry, Step, Trace, can_follow, covers
from celerylint.effects.guards import marks, own_failure
from celerylint.effects.records import FETCHED
from celerylint.model.durations import own_limit, period
from celerylint.model.project import Entry, Task
from celerylint.model.values import At, ClassValue, External, Value, forced
from celerylint.model.values import Sequence as Collection

_BROAD = frozenset({"Exception", "BaseException"})
_NETWORK = frozenset(
    {"OSError", "IOError", "ConnectionError", "TimeoutError", "ConnectionResetError", "timeout", "error", "gaierror"}
)
_DATABASE = frozenset(
    {
        "OperationalError",
        "DatabaseError",
        "InterfaceError",
        "IntegrityError",
        "InternalError",
        "DataError",
        "ProgrammingError",
        "NotSupportedError",
        "DBAPIError",
        "SQLAlchemyError",
    }
)
_ABSENT = frozenset({"DoesNotExist", "ObjectDoesNotExist"})

_SINGLE = re.compile(r"singleton|once|unique|exclusive|lock", re.IGNORECASE)


class Trigger(NamedTuple):
    """A reason for a second run."""

    kind: str
    """`redelivery`, `autoretry`, `retry`, `visibility`, or `overlap`: a run beside it."""
    why: str
    """What happens, as the middle of a sentence: `its message is delivered again when a worker dies (acks_late)`."""
    at: At | None
    """Where it is written."""
    certain: bool
    """False where it depends on what a call that cannot be read may raise."""


def triggers(task: Task, act: Act, trace: Trace) -> list[Trigger]:
    """What repeats an effect of a task."""
    return [*_redelivery(task), *_autoretry(task, act, trace), *_retries(task, act, trace)]


def overlap(entries: Iterable[Entry]) -> Trigger | None:
    """A schedule that sends a task again before its run must have ended, and lets that run begin."""
    for entry in entries:
        task = entry.task
        if task is None or entry.raw is None or entry.lost or _one_at_a_time(task):
            continue
        every, own = period(forced(entry.raw)), own_limit(task)
        longest = own.value if own is not None and isinstance(own.value, (int, float)) else None
        if every is not None and longest is not None and every <= longest:
            why = f"it is sent every {every:g} s and may run for {longest:g} s: a second run starts beside it"
            return Trigger("overlap", why, entry.at, True)
    return None


def before_the_mark(task: Task, act: Act, trace: Trace) -> Trigger | None:
    """A retry that another request of the same run leads to, when it fails after an effect and before the field is set by which
    the next run would know."""
    written = marks(act, trace) if act.kind.name in _SENT and not _gives_up(task, act) else []
    if not written or any(mark.order < act.order for mark in written):
        return None
    first = min(mark.order for mark in written)
    names = [] if _no_retries_given(task) else _autoretried_for(task)
    for event in trace.events:
        if event.order >= first:
            break
        if not _is_request(event) or event is act or not can_follow(event, act) or own_failure(event, act):
            continue
        if event.order < act.order or event.deferred or _is_same_call(event, act) or _ends_in(event, written):
            continue
        line = event.at[1].line
        retry = next((r for r in trace.of(Retry) if _leads_to(event, r, trace)), None)
        if retry is not None:
            return Trigger("retry", f"line {retry.at[1].line} retries it when line {line} fails", retry.at, True)
        if names and _raises(event, names) is True and escapes(event, trace, names=names):
            at = task.retry("autoretry_for").at
            return Trigger("autoretry", f"autoretry_for: it is run again when line {line} fails", at, True)
    return None


_SENT = frozenset({"payment", "mail", "message", "make", "http"})
"""Kinds of effects outside the database."""


def _is_request(event: Event) -> bool:
    """Whether something asks another server."""
    if isinstance(event, Act):
        return event.kind.name in _SENT
    return isinstance(event, Call) and _REQUESTS.fullmatch(event.what) is not None


_REQUESTS = re.compile(r"(requests|httpx)\.(get|head|options|post|put|patch|delete|request)")


def _ends_in(event: Event, written: Iterable[Event]) -> bool:
    """Whether something is written where the failure of an event ends: in a handler or `finally` around it."""
    around = {step.node for step in event.trail if step.kind == "try"}
    return any(step.kind in ("handler", "finally") and step.node in around for mark in written for step in mark.trail)


def _leads_to(event: Event, retry: Retry, trace: Trace) -> bool:
    """Whether the failure of an event ends in a handler that retries."""
    for step in retry.trail:
        if step.kind == "handler" and _tried(event, step.node):
            names = [n if n != "*" else "Exception" for n in trace.caught.get((step.node, step.arm), ("*",))]
            return _raises(event, names) is True and escapes(event, trace, step.node)
    return False


def _one_at_a_time(task: Task) -> bool:
    """Whether a class of the task may keep a second message out, as celery-once and celery-singleton do."""
    names = [c.node.name if isinstance(c, ClassValue) else getattr(c, "dotted", "") for c in task.lineage]
    return any(not name or _SINGLE.search(name) for name in names)


def autoretried(task: Task, event: Event) -> bool:
    """Whether something is known to raise what `autoretry_for` takes."""
    names = _autoretried_for(task)
    return bool(names) and not _never_retries(task) and _raises(event, names) is True


def _autoretried_for(task: Task) -> list[str]:
    """The exceptions of autoretry_for, with their packages where they are known; none where it is unknown."""
    listed = task.retry("autoretry_for")
    if not listed.known or not listed.value:
        return []
    return _dotted(listed.raw) or [str(name) for name in listed.value]


def _never_retries(task: Task) -> bool:
    most = task.retry("max_retries")
    return most.known and most.value == 0


def _no_retries_given(task: Task) -> bool:
    """Whether the arguments of automatic retries allow none."""
    given = task.retry("retry_kwargs")
    return given.known and isinstance(given.value, dict) and given.value.get("max_retries", 1) == 0


def _redelivery(task: Task) -> Iterator[Trigger]:
    late = task.option("acks_late")
    if late.truthy:
        yield Trigger("redelivery", "acks_late: its message is delivered again when a worker dies", late.at, True)


def _gives_up(task: Task, act: Act) -> bool:
    """Whether no retry follows: there are none, or the effect is for one attempt among them, such as the last."""
    return _never_retries(task) or any(hold.gate.kind == "retries" and hold.among for hold in act.holds)


def _autoretry(task: Task, act: Act, trace: Trace) -> Iterator[Trigger]:
    names = _autoretried_for(task)
    if not names or _gives_up(task, act) or _no_retries_given(task):
        return
    best: bool | None = None
    where: Event | None = None
    for event in trace.events:
        answer = _raises(event, names)
        if answer is None or (best is not None and answer <= best):
            continue
        comes = _comes_after(event, act, trace)
        if comes is not None and escapes(event, trace, names=names) and (best is None or (answer and comes) > best):
            best, where = answer and comes, event
    if best is not None and where is not None:
        why = f"autoretry_for: it is run again when line {where.at[1].line} raises"
        yield Trigger("autoretry", why, task.retry("autoretry_for").at, best)


def _dotted(raw: Value | None) -> list[str]:
    """The exceptions of autoretry_for with their packages."""
    held = forced(raw) if raw is not None else None
    parts = [forced(item) for item in held.items] if isinstance(held, Collection) else []
    if not parts or not all(isinstance(part, (External, ClassValue)) for part in parts):
        return []
    return [
        part.dotted if isinstance(part, External) else f".{part.node.name}"
        for part in parts
        if isinstance(part, (External, ClassValue))
    ]


def _comes_after(event: Event, act: Act, trace: Trace) -> bool | None:
    """Whether something can happen after an effect that succeeded, and leaves it standing: False if it may, None if not."""
    if event is act:
        return _leaves_turns(act) or None
    if _on_the_way_out(act, event):
        return _stands(act, event, trace)
    if not can_follow(event, act) or own_failure(event, act) or _is_same_call(event, act):
        return None
    stands = _stands(act, event, trace)
    if stands is None:
        return None
    step = next((s for s in event.trail if s.kind == "handler"), None)
    if step is None or not _tried(act, step.node):
        return stands
    # In a handler around the effect: something else in the block must have raised.
    fails = _fails_after(act, trace, step, event.order)
    return fails and stands


def _is_same_call(event: Event, act: Event) -> bool:
    """Whether an event is the very call that an effect is, seen from another side: `row.save()`, which stores a new row."""
    return event.at == act.at and event.path == act.path and not act.in_loop


def _on_the_way_out(act: Act, event: Event) -> bool:
    """Whether an effect stands in the `finally` around something that raises, or retries."""
    ends = {step.node for step in act.trail if step.kind == "finally"}
    return any(step.node in ends and step.kind != "finally" for step in event.trail)


def _leaves_turns(act: Act) -> bool:
    """Whether an effect that fails leaves standing what earlier turns of a loop did."""
    turn = next((index for index, step in enumerate(act.trail) if step.kind == "loop"), None)
    if turn is None:
        return False
    rolled_back = act.kind.database and act.atomic is not None and not act.deferred
    return not (rolled_back and act.atomic in act.trail[:turn])


def escapes(event: Event, trace: Trace, within: int | None = None, names: Sequence[str] = ()) -> bool:
    """Whether what it raises leaves the run, or reaches the handlers of the `try` that is given: none takes all that matters, of
    these names if they are given, and goes on."""
    all_of_them = {"*", _all_that_it_raises(event)}
    wanted = {name.rpartition(".")[2] for name in names}
    for step in reversed(event.trail):
        if step.kind != "try":
            continue
        if step.node == within:
            return True
        for (node, number), taken in trace.caught.items():
            if node != step.node:
                continue
            takes_all = not all_of_them.isdisjoint(taken) or (wanted and wanted.issubset(taken))
            if takes_all and (node, number) not in trace.leaving:
                return False
    return True


def _all_that_it_raises(event: Event) -> str:
    """The exception that all errors of a call are; `*` where it is not known. A handler of SQLAlchemy's stands around its calls."""
    root = _root(getattr(event, "what", ""))
    stored = isinstance(event, Act) and event.kind.database
    return "SQLAlchemyError" if stored or root in _STORED else _ROOT_ERRORS.get(root, "*")


_ROOT_ERRORS = {"requests": "RequestException", "httpx": "HTTPError", "stripe": "StripeError", "redis": "RedisError"}
"""What all errors of a package's calls are."""
_STORED = ("orm", "sqlalchemy", "sql")


def _is_text(event: Event) -> bool:
    """Whether a statement is executed as text, which a driver's own cursor may do."""
    what = event.subject.model if isinstance(event, Act) and event.what == "nextval" else getattr(event, "what", "")
    return _root(what) == "sql" or what.startswith("INSERT INTO ")


def _raises(event: Event, names: list[str]) -> bool | None:
    """Whether something may raise one of these: True, False if that is a guess, None if not."""
    last = {name.rpartition(".")[2] for name in names}
    network = _NETWORK & _owned(names, _SYSTEM)
    database = _DATABASE & _owned(names, _STORES if _is_text(event) else _MAPPERS)
    owners = {name.partition(".")[0] for name in names if "." in name} - {"", "builtins", "django"}
    roots = owners.union(*(_CLIENTS.get(name, ()) for name in names))
    broad = bool(last & _BROAD)
    if isinstance(event, Raised):
        return True if broad or event.name in last else None
    if isinstance(event, Act):
        if broad:
            return True
        if event.kind.database:
            return True if database else None
        return True if network or _root(event.subject.what) in roots else None
    if not isinstance(event, Call):
        return None
    root = _root(event.what)
    if _DATA.fullmatch(event.what) and not broad:
        return None
    if (
        is_quiet(event.what)
        or _LOGS.search(event.what)
        or event.name in _CLOSES
        or (event.name in _OF_TEXT and not broad)
    ):
        return None
    if event.what == "orm" and event.name in ("get", "latest", "earliest") and last & _ABSENT:
        return True
    if not broad and event.name[:1].isupper():
        return None  # to make an object of a package's class is not to call its service
    if not root:
        # What it raises is unknown: anything, for all that can be seen; but hardly the one exception that is named.
        return False if broad else None
    if broad:
        return True
    if root in _STORED:
        return True if database else None
    return True if root in roots or (network and root in _NETWORKED) else None


def fails(event: Event) -> bool:
    """Whether something is known to raise now and then, or cannot be read: effects, requests, queries, a `raise`."""
    if isinstance(event, Call):
        return not event.known or _root(event.what) in _OFTEN or event.what in _READS
    return isinstance(event, (Act, Raised))


def _owned(names: list[str], packages: frozenset[str]) -> set[str]:
    """The last names of those exceptions that belong to one of some packages, or whose package is unknown."""
    return {name.rpartition(".")[2] for name in names if "." not in name or name.partition(".")[0] in packages}


_SYSTEM = frozenset({"builtins", "socket", "ssl", "select", "asyncio", "concurrent"})
_MAPPERS = frozenset({"django", "sqlalchemy", "peewee", "flask_sqlalchemy"})
"""Packages that raise errors of their own in place of those of the driver."""
_STORES = _MAPPERS | {"sqlite3", "psycopg2", "psycopg", "asyncpg", "MySQLdb", "pymysql", "mysql"}
_OF_TEXT = frozenset(
    {
        "encode",
        "decode",
        "strip",
        "lstrip",
        "rstrip",
        "lower",
        "upper",
        "split",
        "splitlines",
        "format",
        "startswith",
        "endswith",
    }
)
"""Methods of text: they ask nobody."""
_DATA = re.compile(
    r".*\.(data|headers|cookies|params|meta(data)?|body|payload)\.(get|items|keys|values|pop|setdefault)|.*\.json\(\).+"
)
"""What is asked of what another call answered."""
_LOGS = re.compile(r"\.logger\.|\bget_?logger\(\)|\bget_task_logger\(\)", re.IGNORECASE)
_CLOSES = frozenset({"close", "aclose", "disconnect", "quit", "shutdown", "rollback"})
"""What gives a connection back, or takes back what it was given, does not fail but where nothing works any more."""


def _root(what: str) -> str:
    return what.partition(".")[0].removesuffix("()")


_NETWORKED = frozenset(
    {"requests", "httpx", "aiohttp", "urllib", "urllib3", "socket", "smtplib", "redis", "boto3", "paramiko", "ftplib"}
)
_OFTEN = _NETWORKED - {"redis"} | {"orm", "sqlalchemy", "sql"}
"""Where calls fail that the store of a lock outlives."""
_READS = frozenset({"builtins.open", "subprocess.run", "subprocess.check_call", "subprocess.check_output"})
"""Files that are not there, and programs that fail."""


def _retries(task: Task, act: Act, trace: Trace) -> Iterator[Trigger]:
    if _gives_up(task, act):
        return
    for retry in trace.of(Retry):
        if not can_follow(retry, act) and not _on_the_way_out(act, retry):
            continue
        certain = None if own_failure(retry, act) else _stands(act, retry, trace)
        if certain is None:
            continue
        step = next((s for s in retry.trail if s.kind == "handler"), None)
        if step is not None and _tried(act, step.node):
            # Both belong to one `try`: something in its block must raise after the effect.
            fails = _fails_after(act, trace, step, retry.order)
            certain = fails and certain
        if certain is not None:
            yield Trigger("retry", f"line {retry.at[1].line} retries it", retry.at, certain)
            return


def _stands(act: Act, event: Event, trace: Trace) -> bool | None:
    """Whether an effect stands when something else fails, or asks for a retry: False if it may, None if it is rolled back."""
    if _rolled_back(act, event):
        return None
    if not act.kind.database or not (act.what.startswith(_OF_SESSIONS) or FETCHED in act.subject.traits):
        return True
    commits = [c for c in trace.of(Call) if _commits(c) and c.order > act.order]
    if not commits or any(s.kind == "loop" and s in commit.trail for s in act.trail for commit in commits):
        return True  # what earlier turns of the loop made was stored
    best: bool | None = None
    for commit in commits:
        if commit.order >= event.order or best:
            break
        if can_follow(commit, act) and not _taken_back(act, commit, trace):
            through = _comes_through(commit, event, trace)
            best = through if best is None else best or bool(through)
    return best


_OF_SESSIONS = ("session.", "insert(", "append(")
"""How what a session stores with its next commit is named."""


def _commits(call: Call) -> bool:
    """Whether it stores what a session was given."""
    return call.what == "sqlalchemy.commit" and call.name == "commit"


def _taken_back(act: Act, commit: Call, trace: Trace) -> bool:
    """Whether a session gave up what it was given before a commit that is written further down."""
    return any(
        call.what == "sqlalchemy.rollback" and act.order < call.order < commit.order and covers(call, commit)
        for call in trace.of(Call)
    )


def _comes_through(commit: Call, event: Event, trace: Trace) -> bool | None:
    """Whether something can happen after a commit that succeeded: in a handler around it, something else must have raised."""
    best = True
    for step in event.trail:
        if step.kind == "handler" and _tried(commit, step.node):
            fails = _fails_after(commit, trace, step, event.order)
            if fails is None:
                return None
            best = best and fails
    return best if can_follow(event, commit) else None


def _rolled_back(act: Act, event: Event) -> bool:
    """Whether both are part of one transaction of the database."""
    return act.kind.database and not act.deferred and act.atomic is not None and act.atomic in event.trail


def _fails_after(act: Act | Call, trace: Trace, handler: Step, before: int) -> bool | None:
    """Whether the block of a `try` can fail, after the effect, with what a handler of it takes."""
    names = list(trace.caught.get((handler.node, handler.arm), ("*",)))
    names = ["Exception" if name == "*" else name for name in names]
    best: bool | None = None
    for event in trace.events:
        if event.order >= before:
            break
        inside = any(s.kind == "try" and s.node == handler.node for s in event.trail)
        if not inside or (event is act and not act.in_loop) or not can_follow(event, act) or _is_same_call(event, act):
            continue
        if isinstance(act, Act) and (_rolled_back(act, event) or own_failure(event, act)):
            continue
        if not escapes(event, trace, handler.node):
            continue
        nearer = next(
            (s for s in event.trail if s.kind == "handler" and s.node != handler.node and _tried(act, s.node)), None
        )
        if nearer is not None and _fails_after(act, trace, nearer, event.order) is None:
            continue  # it happens where the effect itself failed
        answer = _raises(event, names)
        if answer is None and "?" in names and isinstance(event, (Call, Raised)):
            answer = False
        if answer is None and isinstance(event, Call) and not _names_known(names) and not is_quiet(event.what):
            answer = False
        if answer:
            return True
        best = answer if best is None else best
    return best


def _tried(act: Event, node: int) -> bool:
    """Whether an effect stands in the block of a `try`."""
    return any(s.kind == "try" and s.node == node for s in act.trail)


def _names_known(names: list[str]) -> bool:
    """Whether it is known which calls raise exceptions of these names."""
    return all(name in _BROAD | _NETWORK | _DATABASE or name in _CLIENTS for name in names)


_CLIENTS = {
    "RequestException": ("requests",),
    "HTTPError": ("requests", "httpx", "urllib", "urllib3"),
    "Timeout": ("requests",),
    "ReadTimeout": ("requests", "httpx"),
    "ConnectTimeout": ("requests", "httpx"),
    "URLError": ("urllib",),
    "ClientError": ("boto3", "aiohttp"),
    "BotoCoreError": ("boto3",),
    "StripeError": ("stripe",),
    "SMTPException": ("smtplib",),
    "RedisError": ("redis",),
}
"""Exceptions of packages by the names that handlers give them, and the packages that raise them."""

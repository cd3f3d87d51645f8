"""Calls in which a run may wait: sleeping, and requests whose answer no timeout bounds."""

from __future__ import annotations

import re

from celerylint.effects.events import Wait
from celerylint.effects.frames import Site
from celerylint.effects.symbols import UNKNOWN, Sym
from celerylint.effects.walk import Walker
from celerylint.model.values import Made, Value, forced, unread

_VERBS = "get|post|put|patch|delete|head|options|request"
_REQUESTS = re.compile(rf"requests\.(?:api\.)?(?:{_VERBS})")
_SESSION = re.compile(r"requests\.(?:sessions\.)?[sS]ession\(\)")
_IN_SESSION = re.compile(rf"{_SESSION.pattern}\.(?P<verb>{_VERBS}|send)")
_POOL = r"urllib3\.(?:poolmanager\.|connectionpool\.)?(?:PoolManager|ProxyManager|HTTPS?ConnectionPool|connection_from_url)\(\)"
_URLLIB3 = re.compile(rf"{_POOL}\.(?:request|urlopen|request_encode_url|request_encode_body)")
_URLLIB = re.compile(r"urllib\.request\.(?:urlopen|urlretrieve|build_opener\(\)\.open)")
_BY_REQUEST = re.compile(
    # These wait 5 s, 300 s and 3 s where nobody says otherwise.
    rf"httpx\.(?:(?:Async)?Client\(\)\.)?(?:{_VERBS}|stream|send)|aiohttp\.(?:ClientSession\(\)\.(?:{_VERBS}|ws_connect)|request)"
    r"|urllib3\.request"
)
_HTTPX_CLIENT = re.compile(r"httpx\.(?:Async)?Client\(\)")
_MADE_WITH = frozenset({"urllib", "urllib3", "httpx", "aiohttp"})
"""Packages whose clients are made with the timeout or the headers of all their requests, or whose requests are objects."""
_MOUNTED = "\0mounted"
_ROOTS = frozenset({"requests", "urllib", "urllib3", "httpx", "aiohttp", "time"})


def call(walker: Walker, site: Site) -> Sym | None:
    """Note what a call of a package waits for. What it returns, others say."""
    what = site.callee.what
    if site.base is not None or what.partition(".")[0].removesuffix("()") not in _ROOTS:
        return None
    if what == "time.sleep":
        _sleep(walker, site)
        return None
    if what.endswith(".mount") and site.holder is not None:
        adapter = site.args.get(1, "adapter")
        if adapter is None or adapter.what != "requests.adapters.HTTPAdapter()":
            walker.attributes[site.holder.key, _MOUNTED] = UNKNOWN
        return None
    answer = _unbounded(walker, site, what)
    if answer is not None:
        walker.emit(Wait, site.at, what=what.replace("()", ""), seconds=None, given=answer)
    return None


def _sleep(walker: Walker, site: Site) -> None:
    given = site.args.get(0, "seconds", "secs")
    seconds = walker.force(given).const if given is not None else None
    if isinstance(seconds, (int, float)) and not isinstance(seconds, bool):
        walker.emit(Wait, site.at, what="time.sleep", seconds=float(seconds))


def _unbounded(walker: Walker, site: Site, what: str) -> bool | None:
    """Whether a request waits without end because of `timeout=None` (True), or because nothing is said (False); else None."""
    if _REQUESTS.fullmatch(what):
        return _silent(walker, site)
    session = _IN_SESSION.fullmatch(what)
    if session:
        if _has_its_own(walker, site, session["verb"]):
            return None
        return _silent(walker, site, 8 if session["verb"] == "request" else None)
    if _URLLIB.fullmatch(what):
        return _silent(walker, site, None if what.endswith("retrieve") else 2)
    if _URLLIB3.fullmatch(what):
        own = timeout_of(site.holder)
        return None if own is not None and not _endless(own) else _silent(walker, site)
    if _BY_REQUEST.fullmatch(what):
        return _said(walker, site)
    return None


def _silent(walker: Walker, site: Site, position: int | None = None) -> bool | None:
    """For a package that waits without end unless told otherwise."""
    given = site.args.get(position, "timeout")
    if given is not None:
        return True if _endless(walker.force(given)) else None
    return None if site.args.open else False


def _said(walker: Walker, site: Site) -> bool | None:
    """For a package that has a timeout of its own, unless told that there is none."""
    given = site.args.keywords.get("timeout")
    if given is not None:
        return True if _endless(walker.force(given)) else None
    if site.args.open or site.holder is None or not _HTTPX_CLIENT.fullmatch(site.holder.what):
        return None
    own = timeout_of(site.holder)
    return True if own is not None and _endless(own) else None


def _endless(timeout: Sym) -> bool:
    return (timeout.shape == "const" and timeout.const is None) or timeout.key in (
        "httpx.Timeout(None)", "aiohttp.ClientTimeout(None)",
    )  # fmt: skip


def _has_its_own(walker: Walker, site: Site, verb: str) -> bool:
    """Whether a session of requests may have a timeout that its calls do not show: it was given other methods or adapters."""
    holder = site.holder
    if holder is None or not _SESSION.fullmatch(holder.what):
        return True
    if holder.shape or holder.cls is not None:
        return True
    made = holder.client
    if isinstance(made, Made):
        if {"request", "send", "get_adapter", "adapters", verb} & made.attrs.keys():
            return True
        if made.at is not None and walker.mounts(made.at[0]):
            return True
    return any((holder.key, name) in walker.attributes for name in ("request", "send", verb, _MOUNTED, "get_adapter"))


def timeout_of(client: Sym | None) -> Sym | None:
    """The timeout that a client was made with, as far as it is known; None if it was made with none."""
    if client is None:
        return UNKNOWN
    made = client.client
    if isinstance(made, Made):
        entry = made.keywords.get("timeout")
        if entry is not None:
            return _constant(entry.value)
        return UNKNOWN if made.open or len(made.args) > 2 else None
    return client.entries.get("timeout", UNKNOWN if "open" in client.traits or len(client.items) > 2 else None)


def _constant(value: Value) -> Sym:
    if unread(value):
        return UNKNOWN
    held = forced(value)
    nothing = getattr(held, "value", UNKNOWN) is None
    return Sym(shape="const", const=None) if nothing else UNKNOWN


def keeps_arguments(what: str) -> bool:
    """Whether what a call returns is known by the keywords it was made with."""
    return what.partition(".")[0] in _MADE_WITH

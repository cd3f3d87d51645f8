"""Clients of other services, by the catalogue; every other call of a package is noted by its path."""

from __future__ import annotations

from celerylint.effects.catalogue import kinds
from celerylint.effects.catalogue.benign import is_benign
from celerylint.effects.catalogue.clients import EFFECTS
from celerylint.effects.catalogue.table import HEADER_KEYS, Effect, find
from celerylint.effects.events import Act, Call
from celerylint.effects.frames import Site
from celerylint.effects.library.waits import keeps_arguments
from celerylint.effects.symbols import RANDOM, UNKNOWN, Gate, Hold, Sym
from celerylint.effects.walk import Walker

_DIGESTS = ("hashlib", "hmac", "uuid", "base64")
_BY_METHOD = ("request", "urlopen")
_HTTP = ("requests", "httpx", "aiohttp", "urllib3", "authlib", "requests_oauthlib")


def call(walker: Walker, site: Site) -> Sym | None:
    """A call of something that a package provides."""
    if site.base is not None:
        return None
    what = site.callee.what
    if not what:
        return None
    name = what.rpartition(".")[2]
    effect = find(EFFECTS, what) or _by_method(what, name, site)
    acted = 0
    if effect is not None:
        _act(walker, site, effect, what)
        acted = walker.now
    else:
        walker.emit(Call, site.at, what=what, name=name, known=is_benign(what), takes=_handed(site))
    if what.startswith("boto3") and name in ("client", "resource") and site.args.positional:
        service = site.args.positional[0].const
        return Sym(what=f"{what}({service})" if isinstance(service, str) else f"{what}()")
    keys = [a.key for a in site.args.all]
    traits = frozenset[str]().union(*(a.traits & RANDOM for a in site.args.all))
    key = f"{what}({','.join(keys)})" if all(keys) and not traits else ""
    gate = Gate("opaque", ",".join(a.key for a in site.args.all if a.key), name=name, at=site.at, order=walker.now)
    holds = () if effect is None and is_benign(what) else (Hold(gate, True),)
    if effect is not None:
        holds = (Hold(Gate("result", what, at=site.at, order=acted), True),)
    kept = traits if what.startswith(_DIGESTS) else frozenset[str]()
    entries: dict[str, Sym] = {}
    if keeps_arguments(what):
        entries, kept = site.args.keywords, kept | {"open"} if site.args.open else kept
    return Sym(what=f"{what}()", key=key, traits=kept, holds=holds, items=site.args.positional, entries=entries)


def _handed(site: Site) -> tuple[Sym, ...]:
    return tuple(a for a in site.args.all if a.shape in ("row", "new", "object") and a.key)


def _by_method(what: str, name: str, site: Site) -> Effect | None:
    """`request("POST", ...)`."""
    root = what.partition(".")[0].removesuffix("()")
    if root not in _HTTP or name not in _BY_METHOD:
        return None
    position = 0 if name == "request" or root == "urllib3" else None
    method = site.args.get(position, "method")
    if method is None or not isinstance(method.const, str):
        return None
    if method.const.upper() == "POST":
        return Effect("", kinds.HTTP)
    return Effect("", kinds.PATCH) if method.const.upper() == "PATCH" else None


def _act(walker: Walker, site: Site, effect: Effect, what: str) -> None:
    key = next((held for k in effect.keys if (held := site.args.keywords.get(k)) is not None), None)
    if key is not None and key.shape == "dict" and "idempotency_key" in key.entries:
        key = key.entries["idempotency_key"]
    elif key is not None and key.shape == "dict":
        key = None
    if key is None and effect.kind.name in ("http", "payment"):
        key = _header(site.args.keywords.get("headers"))
    if key is None and effect.keys and "open" in frozenset[str]().union(*(a.traits for a in site.args.all)):
        key = UNKNOWN
    if key is None and effect.keys and site.args.open:
        key = UNKNOWN
    walker.emit(Act, site.at, kind=effect.kind, what=_shown(what), subject=Sym(what=what), key=key)


def _header(headers: Sym | None) -> Sym | None:
    """The idempotency key among headers, also where these cannot be read to their end."""
    if headers is None:
        return None
    for name, value in headers.entries.items():
        if name.lower() in HEADER_KEYS:
            return value
    return None


def _shown(what: str) -> str:
    """The path as one would write it."""
    return what.replace("()", "")

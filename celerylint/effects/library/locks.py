"""Locks, cache entries and sets of keys: what only one can take, and what a run leaves for the next to find."""

from __future__ import annotations

import datetime
import math
import re

from celerylint.effects.events import CacheSet, Call, Release
from celerylint.effects.frames import Site
from celerylint.effects.symbols import UNKNOWN, Gate, Hold, Sym
from celerylint.effects.walk import Walker
from celerylint.model.idioms.django import default_cache

_CACHE = re.compile(
    r"django\.core\.cache\.(cache|caches\[\]|caches|get_cache\(\))|flask_caching\.Cache\(\)|werkzeug\.contrib\.cache\..*\(\)"
    r"|cachelib\..*\(\)|pymemcache\..*\(\)|pylibmc\..*\(\)|dogpile\.cache\..*\(\)"
)
_REDIS = re.compile(
    r"(redis|django_redis|flask_redis|aioredis|fakeredis|valkey|rediscluster|redis_sentinel\w*)\b.*(\(\)|\[\]|\.client|redis_client|connection|r)"
)
_LOCAL = re.compile(r"(threading|multiprocessing|asyncio)\.(R?Lock|Semaphore|BoundedSemaphore)\(\)")
_LOCKS = (
    ".lock", "Lock", "Mutex", "mutex", "Redlock", "Semaphore", "advisory_lock", "PidFile", "single_instance",
    "distributed_lock", "redis_lock", "cache_lock", "acquire_lock", "lock_or_fail",
)  # fmt: skip
_NAMED = re.compile(r"(^|_)(lock|mutex|semaphore|locked|exclusive|singleton)($|_)|(lock|Lock|Mutex)$")
_READS = frozenset({"get", "has_key", "exists", "sismember", "hget", "hexists", "get_many", "zscore", "getset"})
_WRITES = frozenset({"set", "setex", "psetex", "set_many", "sadd", "hset", "zadd", "touch", "getset"})
_DROPS = frozenset({"delete", "unlink", "delete_many", "srem", "hdel", "zrem", "delete_pattern"})
_TAKES = frozenset({"lpop", "rpop", "blpop", "brpop", "spop", "zpopmin", "zpopmax", "bzpopmin", "bzpopmax", "getdel"})
_FLAGS = ("timeout", "ex", "expire", "ttl", "time", "expiry", "auto_release_time", "lock_timeout")


def call(walker: Walker, site: Site) -> Sym | None:
    """A call of a cache, of Redis, or of a lock."""
    base, name = site.base, site.name
    if base is None:
        return _made(walker, site)
    what = base.what
    taken = any(h.gate.kind == "claim" for h in base.holds)
    if what and not taken and (_CACHE.fullmatch(what) or _REDIS.fullmatch(what)):
        return _entry(walker, site, base, is_cache=_CACHE.fullmatch(what) is not None)
    if name in ("acquire", "release", "__enter__", "blocking_acquire", "acquire_lock", "lock", "unlock"):
        claim = next((h.gate for h in base.holds if h.gate.kind == "claim"), None)
        if claim is None and (_LOCAL.fullmatch(what) or _is_lock(what) or _NAMED.search(_written(site))):
            claim = _claim(walker, site, base.key or what or _written(site), local=_local(what))
        if claim is None:
            return None
        if name in ("release", "unlock"):
            walker.emit(Release, site.at, subject=claim.subject)
            return UNKNOWN
        if name == "lock" and what:
            return None
        if name in ("acquire", "blocking_acquire") and not site.args.all and not site.args.open:
            walker.holds += (Hold(claim, True, sticky=True),)  # it waits until it has it
        return Sym(holds=(Hold(claim, True),), what=f"{what}.acquire()" if what else "", key=base.key)
    return None


def _is_lock(what: str) -> bool:
    return what.removesuffix("()").endswith(_LOCKS)


def _written(site: Site) -> str:
    func = getattr(site.node.func, "value", None)
    return str(getattr(func, "attr", getattr(func, "id", "")))


def _claim(walker: Walker, site: Site, subject: str, *, local: str = "", seconds: float | None = None) -> Gate:
    return Gate("claim", subject, name=site.name, at=site.at, order=walker.now, local=local, seconds=seconds)


def _local(what: str) -> str:
    """The lock that it is, if it serves one process only."""
    return what.removesuffix("()") if _LOCAL.fullmatch(what) else ""


def _cache(walker: Walker, what: str) -> tuple[str, float | None]:
    """What makes Django's cache serve one process only, if that is known, and how long its entries last."""
    if what != "django.core.cache.cache":
        return "", None
    return default_cache(walker.machine, walker.frame.scope.module)


def _seconds(walker: Walker, site: Site, position: int | None, otherwise: float | None = None) -> float | None:
    """How long it lasts: infinite if that is said, `otherwise` if nothing is, None if it cannot be told."""
    held = site.args.get(position, *_FLAGS)
    if held is None:
        milliseconds = site.args.get(None, "px")
        if milliseconds is not None and isinstance(milliseconds.const, (int, float)):
            return milliseconds.const / 1000
        said = milliseconds is not None or site.args.get(None, "exat", "pxat") is not None or site.args.open
        return None if said else otherwise
    held = walker.force(held)
    if held.shape == "const" and held.const is None:
        return math.inf
    if isinstance(held.const, datetime.timedelta):
        return held.const.total_seconds()
    return float(held.const) if isinstance(held.const, (int, float)) and not isinstance(held.const, bool) else None


def _entry(walker: Walker, site: Site, base: Sym, *, is_cache: bool) -> Sym | None:
    """A method of a cache or of Redis."""
    name, args = site.name, site.args
    first = args.get(0, "key", "name", "keys", "names")
    if first is not None and first.random:
        # A key that no other run asks for.
        walker.emit(Call, site.at, what=f"{base.what}.{name}", name=name, known=True)
        return UNKNOWN
    subject = f"cache:{first.key}" if first is not None and first.key else ""
    if name in ("lock", "redlock"):
        seconds = _seconds(walker, site, 1, math.inf) if not is_cache else _seconds(walker, site, None)
        gate = _claim(walker, site, subject or walker.fresh("lock"), seconds=seconds)
        return Sym(what=f"{base.what}.lock()", holds=(Hold(gate, True),), key=gate.subject)
    taking = args.keywords.get("nx")
    if name in ("add", "setnx", "aadd", "hsetnx") or (
        name == "set" and taking is not None and taking.const is not False
    ):
        local, lasts = _cache(walker, base.what)
        seconds = _seconds(walker, site, 2, lasts) if is_cache else _seconds(walker, site, None, math.inf)
        gate = _claim(walker, site, subject or walker.fresh("key"), local=local, seconds=seconds)
        walker.emit(Call, site.at, what=f"{base.what}.{name}", name=name, known=True)
        return Sym(holds=(Hold(gate, True),))
    if name in ("sadd", "hset") and subject:
        # What it returns tells whether the member was new.
        member = args.get(1, "values", "value", "key")
        subject = f"{subject}:{member.key}" if member is not None and member.key else subject
        walker.emit(CacheSet, site.at, subject=subject, mark=name == "sadd" or _is_mark(args.get(2, "value")))
        return Sym(holds=(Hold(_claim(walker, site, subject), True),))
    if name in _READS:
        member = args.get(1, "value", "key") if name in ("sismember", "hget", "hexists", "zscore") else None
        if member is not None and member.key and subject:
            subject = f"{subject}:{member.key}"
        gate = Gate("cached", subject or walker.fresh("key"), at=site.at, order=walker.now)
        walker.emit(Call, site.at, what=f"{base.what}.{name}", name=name, known=True)
        return Sym(holds=(Hold(gate, True),), key=f"{subject}.value")
    if name in _WRITES:
        value = args.get(2 if name in ("setex", "psetex") else 1, "value")
        lasts = _seconds(walker, site, 2 if is_cache else None)
        walker.emit(CacheSet, site.at, subject=subject, seconds=lasts, mark=_is_mark(value))
        return UNKNOWN
    if name in _TAKES:
        # Whoever gets it has it: no other run does.
        walker.emit(Call, site.at, what=f"{base.what}.{name}", name=name, known=True)
        taken = Gate("swapped", walker.fresh("item"), name=name, at=site.at, order=walker.now)
        return Sym(key=walker.fresh("item"), holds=(Hold(taken, True),))
    if name in _DROPS:
        walker.emit(Release, site.at, subject=subject)
        return UNKNOWN
    if name in ("pipeline", "client"):
        return Sym(what=f"{base.what}")
    return None


def _is_mark(value: Sym | None) -> bool:
    """Whether what is kept only says that something was done: a constant, or when."""
    return value is not None and (value.shape == "const" or value.random)


def _made(walker: Walker, site: Site) -> Sym | None:
    """A lock is made, or a function named like one is called."""
    what = site.callee.what
    if not what:
        if site.callee.value is None and _NAMED.search(site.name):
            gate = _claim(walker, site, _key(site) or walker.fresh("lock"), seconds=_seconds(walker, site, None))
            walker.emit(Call, site.at, what="", name=site.name, known=True)
            return Sym(holds=(Hold(gate, True),), key=gate.subject)
        return None
    local = _local(f"{what}()")
    if not local and not _is_lock(what):
        return None
    subject = _key(site) or (what if local else walker.fresh("lock"))
    gate = _claim(walker, site, subject, local=local, seconds=_seconds(walker, site, None))
    return Sym(what=f"{what}()", holds=(Hold(gate, True),), key=gate.subject)


def _key(site: Site) -> str:
    keys = [a.key for a in site.args.positional if a.key]
    return f"lock:{','.join(keys)}" if keys else ""

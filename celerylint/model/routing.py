"""Which queue a task goes to (`celery.app.routes`)."""

from __future__ import annotations

import fnmatch
import re

from celerylint.model.evaluate import Evaluator
from celerylint.model.options import decide
from celerylint.model.plain import plain
from celerylint.model.project import Decision, Matcher, Route, Routes
from celerylint.model.values import At, Either, Mapping, Missing, Scalar, Sequence, Value


def expand(ev: Evaluator, setting: Decision) -> Routes:
    """task_routes as routers, in the order that Celery asks them."""
    value = ev.force(setting.raw) if setting.raw is not None else None
    if value is None or (not setting.known and not isinstance(value, (Mapping, Sequence))):
        return Routes((), setting.known, setting.at)
    if isinstance(value, Scalar) and value.value is None:
        return Routes((), True, setting.at)
    parts = [ev.force(v) for v in value.items] if isinstance(value, Sequence) else [value]
    complete = not (isinstance(value, Sequence) and value.open)
    routers: list[tuple[Route, ...]] = []
    for part in parts:
        router = _router(ev, part)
        if router is None:
            complete = False
        else:
            routers.append(router[0])
            complete = complete and router[1]
    return Routes(tuple(routers), complete, setting.at, tuple(map(_matcher, routers)))


def _router(ev: Evaluator, value: Value) -> tuple[tuple[Route, ...], bool] | None:
    """One router that is a dict or a list of pairs; None for code."""
    routes: list[Route] = []
    if isinstance(value, Mapping):
        for key, entry in value.items.items():
            held = ev.force(entry.value)
            at = entry.at or value.at
            maybe = isinstance(held, Either) and any(isinstance(o, Missing) for o in held.options)
            if at is None or isinstance(held, Missing) or maybe:
                return tuple(routes), False
            if isinstance(key, tuple) and key[0] == "regex":
                routes.append(_route(ev, key[1], True, held, at))
            elif isinstance(key, str):
                routes.append(_route(ev, key, False, held, at))
            else:
                return tuple(routes), False
        return tuple(routes), not value.open
    pairs = ev.iterate(value) if isinstance(value, Sequence) else None
    if pairs is None:
        return None
    for pair in pairs:
        items = ev.iterate(pair)
        if items is None or len(items) != 2:
            return None
        key2 = ev.key(items[0])
        at2 = ev.force(items[0]).at or pair.at
        if key2 is None or at2 is None:
            return tuple(routes), False
        if isinstance(key2[0], tuple) and key2[0][0] == "regex":
            routes.append(_route(ev, key2[0][1], True, ev.force(items[1]), at2))
        elif isinstance(key2[0], str):
            routes.append(_route(ev, key2[0], False, ev.force(items[1]), at2))
    return tuple(routes), True


def _route(ev: Evaluator, pattern: str, regex: bool, value: Value, at: At) -> Route:
    options: dict[str, Decision] = {}
    if isinstance(value, Mapping):
        for key, entry in value.items.items():
            if isinstance(key, str):
                options[key] = decide(ev, entry.value, "route", entry.at)
        queue = options.get("queue")
        if queue is None:
            why = "the route names no queue" if not value.open else "the route cannot all be known"
            keyed = "exchange" in options or value.open
            queue = Decision(None, not keyed, "route", at, why if keyed else "")
    elif isinstance(value, Scalar) and isinstance(value.value, str):
        queue = decide(ev, value, "route", at)
    else:
        held = plain(ev, value)
        queue = Decision(held.value, held.known and isinstance(held.value, str), "route", at, held.why or "a route")
    return Route(pattern, regex, queue, at, options)


def is_glob(pattern: str) -> bool:
    """Whether a key is a glob to Celery: only `*` makes it one."""
    return "*" in pattern


def _matcher(router: tuple[Route, ...]) -> Matcher:
    """Exact keys are tried first, then globs and regexes in order.

    `celery.app.routes.MapRoute`; a later equal key of a dict replaces an earlier one, in a list of pairs likewise.
    """
    exact = {route.pattern: route for route in router if not route.regex and not is_glob(route.pattern)}
    # Equal patterns share one place in Celery's dict: the first one's turn, the last one's destination.
    patterns = {(route.pattern, route.regex): route for route in router if route.regex or is_glob(route.pattern)}
    compiled: list[tuple[re.Pattern[str] | None, Route]] = []
    for route in patterns.values():
        try:
            compiled.append((None if _endless(route) else re.compile(_regex(route)), route))
        except (re.error, RecursionError, OverflowError):
            continue
    return Matcher(exact, tuple(compiled))


def _regex(route: Route) -> str:
    return route.pattern if route.regex else fnmatch.translate(route.pattern)


_REPEATED_GROUP = re.compile(r"\)[*+{]")
_MOST_IN_PATTERN = 1_000
_MOST_REPEATS = 4
_MOST_IN_NAME = 200
"""Characters of the name of a task, which a pattern that repeats may try to the power of its repeats."""


def _endless(route: Route) -> bool:
    """Whether a pattern might be tried for ever: by its length, or by what it repeats within what it repeats."""
    if len(route.pattern) > _MOST_IN_PATTERN:
        return True
    if not route.regex:
        return False  # what a glob is translated to never goes back
    repeats = sum(map(route.pattern.count, "*+{"))
    return repeats > _MOST_REPEATS or _REPEATED_GROUP.search(route.pattern) is not None


def route_for(routes: Routes, name: str) -> tuple[Route | None, bool]:
    """The route that takes a task, and whether that is certain."""
    for matcher in routes.matchers:
        if name in matcher.exact:
            return matcher.exact[name], routes.complete
        for pattern, route in matcher.patterns:
            if pattern is None or (route.regex and len(name) > _MOST_IN_NAME):
                return None, False
            if pattern.match(name):
                return route, routes.complete
    return None, routes.complete


def queue_of(routes: Routes, name: str, own: Decision, default: Decision, exchanged: bool) -> Decision:
    """The queue that `apply_async` sends a task to: its own option, else its route, else the default queue."""
    if own.chosen and not (own.known and own.value is None):
        return own
    route, certain = route_for(routes, name)
    if not certain:
        return Decision(None, False, "route", routes.at, "a router is code or cannot be read")
    if route is not None:
        if route.queue.known and route.queue.value is None:
            return default
        return route.queue
    if exchanged:
        return Decision(None, False, "decorator", own.at, "the task names an exchange")
    return default

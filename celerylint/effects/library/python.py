"""Python's own functions as far as they matter: what is random, what hands a value on, which files are written."""

from __future__ import annotations

import datetime
import re

import msgspec

from celerylint.effects.catalogue import kinds
from celerylint.effects.events import Act, Call, Write
from celerylint.effects.expressions import by_value
from celerylint.effects.frames import Args, Site
from celerylint.effects.library.django_orm import query
from celerylint.effects.records import is_record, listed
from celerylint.effects.statements import enter_context
from celerylint.effects.symbols import (
    CHOSEN,
    RANDOM,
    RESUMED,
    SET,
    UNKNOWN,
    Gate,
    Hold,
    Sym,
    all_of,
    any_of,
    constant,
    grown,
    met,
    missing,
    one_of,
)
from celerylint.effects.walk import Walker
from celerylint.facts import ir
from celerylint.model.values import Mapping

_RANDOM = re.compile(
    r"uuid\.uuid[14]|uuid\.uuid7|random\..*|secrets\..*|numpy\.random\..*|os\.urandom|time\.(time|time_ns|monotonic|perf_counter)(_ns)?"
    r"|datetime\.datetime\.(now|utcnow|today)|django\.utils\.timezone\.(now|localtime)|django\.utils\.crypto\.get_random_string"
    r"|shortuuid\..*|nanoid\..*|ulid\..*|ksuid\..*|arrow\.(utcnow|now)|pendulum\.now"
)
_BY_NAME = frozenset({
    "django.utils.module_loading.import_string", "werkzeug.utils.import_string", "celery.utils.imports.symbol_by_name",
    "kombu.utils.imports.symbol_by_name",
})  # fmt: skip
_COARSE = frozenset({"date", "strftime", "isocalendar", "weekday", "toordinal"})
"""Methods that make of the time what is the same all day."""
_SAME = frozenset({"str", "repr", "bytes", "format", "int", "float", "hex", "abs", "round", "hash"})
_OBJECTS = frozenset({"row", "new", "object"})
_ITEMS = frozenset({"list", "tuple", "set", "frozenset", "sorted", "reversed", "iter", "filter"})
_TRANSPARENT = frozenset({
    "asgiref.sync.async_to_sync", "asgiref.sync.sync_to_async", "asyncio.run", "copy.copy", "copy.deepcopy",
    "typing.cast",
    "contextvars.copy_context", "asyncio.get_event_loop().run_until_complete",
})  # fmt: skip


_KEYS = frozenset({"uuid.UUID", "bson.ObjectId", "bson.objectid.ObjectId"})
"""What a key is made into that came as text: the same key."""
_TEXT_ONLY = frozenset({
    "startswith", "endswith", "isdigit", "isdecimal", "isnumeric", "isalpha", "isalnum", "isspace", "islower", "isupper",
    "splitlines", "partition", "rpartition", "removeprefix", "removesuffix", "zfill",
})  # fmt: skip
"""Methods that nothing but text has: they look at what is there."""


def call(walker: Walker, site: Site) -> Sym | None:
    """A call of a builtin or of the standard library."""
    base = site.base
    if base is not None:
        if base.random and site.name in _COARSE:
            if _to_the_second(site):
                return Sym(traits=base.traits, key=base.key)
            return Sym(key=f"{base.what or 'time'}.{site.name}", traits=base.traits - RANDOM)
        if isinstance(base.const, datetime.timedelta) and site.name == "total_seconds":
            return constant(base.const.total_seconds())
        if base.shape in ("text", "const") and site.name in ("format", "join"):
            traits = base.traits.union(*(a.traits for a in site.args.all))
            keys = [a.key for a in site.args.all]
            ends = isinstance(base.const, str) and site.name == "format"
            return Sym(
                shape="text",
                const=base.const,
                traits=traits,
                key=f"f({base.key},{','.join(keys)})" if all(keys) else "",
                items=(constant(str(base.const).rpartition("}")[2]),) if ends else (),
            )
        if site.name == "get" and site.args.positional and (held := walker.callables(base)):
            return walker.entry(base, site.args.positional[0].const) or by_value(one_of(held), site.args.positional[0])
        if base.shape == "dict" and site.name == "get" and site.args.positional:
            name = site.args.positional[0].const
            if isinstance(name, str):
                return _entry(base, name, site.args.get(1, "default"))
            return by_value(Sym(holds=base.holds), site.args.positional[0])
        if site.name == "get" and site.args.positional and isinstance(base.value, Mapping):
            # A table of the module: `ALLOWED.get(order.status)`.
            key = f"{base.key}.get({','.join(a.key for a in site.args.all)})" if base.key else ""
            return by_value(Sym(key=key), site.args.positional[0])
        if base.shape == "dict" and site.name == "setdefault" and site.args.positional:
            name = site.args.positional[0].const
            default = site.args.get(1, "default") or constant(None)
            return base.entries.setdefault(name, default) if isinstance(name, str) else UNKNOWN
        if base.shape == "dict" and site.name == "update":
            base.entries.update(site.args.keywords)
            for given in site.args.positional:
                base.entries.update(given.entries)
            return UNKNOWN
        if base.shape == "list" and site.name in ("append", "extend", "add", "insert"):
            if site.args.positional:
                _grown(walker, site, base)
            return UNKNOWN
        if site.name in ("append", "extend", "add", "insert", "update"):
            walker.filled(_holder(site.node.func))
        if site.name == "difference" and (base.shape == "list" or base.traits >= SET):
            return Sym(shape=base.shape, items=base.items, traits=SET, holds=(missing(site.at, walker.now),))
        if site.name in _TEXT_ONLY and not (base.what or base.shape or base.value is not None):
            return Sym(traits=base.traits & (RANDOM | {"input"}), key=f"{base.key}.{site.name}()" if base.key else "")
        if base.shape in ("const", "text", "list", "tuple", "dict") and site.name in _PLAIN_METHODS:
            there = base.holds if site.name == "get" else ()  # of a dict that was made of rows
            key = f"{base.key}.{site.name}()" if base.key else ""
            return Sym(traits=base.traits & (RANDOM | {"input"}), key=key, holds=there)
        return None
    what = site.callee.what
    if not what:
        func = site.node.func
        return _formatted(site) if isinstance(func, ir.Opaque) and func.kind == "format" else None
    if what == "datetime.timedelta" and (span := _span(site)) is not None:
        return constant(span)
    if _RANDOM.fullmatch(what):
        return Sym(what=f"{what}()", traits=RANDOM, key=walker.fresh("random"))
    if what in _TRANSPARENT:
        return site.args.positional[0] if site.args.positional else UNKNOWN
    if what in _KEYS and len(site.args.positional) == 1:
        return _builtin(walker, site, "str")
    if what in _BY_NAME and site.args.positional:
        return _imported(walker, site, site.args.positional[0].const)
    if what.endswith(("ExitStack().enter_context", "ExitStack().enter_async_context")) and site.args.positional:
        return enter_context(walker, site.args.positional[0], site.at)
    if what == "functools.partial" and site.args.positional:
        return Sym(shape="partial", items=site.args.positional, entries=site.args.keywords)
    if what.startswith("builtins."):
        return _builtin(walker, site, what.removeprefix("builtins."))
    if _PATH.match(what):
        return _path(walker, site, what)
    if (
        what.endswith(("Executor().map", "Pool().map", "Pool().imap", "Pool().imap_unordered"))
        and len(site.args.positional) > 1
    ):
        target, items, *_ = site.args.positional
        with walker.within("loop", id(site.node)):
            item = walker.element(items, site.at)
            return Sym(shape="list", items=(walker.apply(target, site.but(args=Args((item,), {}, site.at))),))
    if (made := _made_once(site, what)) is not None:
        walker.emit(Call, site.at, what=what, name=what.rpartition(".")[2], known=True)
        # It raises where it is there already; whether it is still there the next time is another question.
        walker.holds += (
            Hold(Gate("claim", walker.fresh(made), at=site.at, order=walker.now), True, sticky=True, weak=True),
        )
        return UNKNOWN
    if what in _STARTED:
        given = site.args.get(None, "args") or UNKNOWN
        started = site.args.get(1, "target") or UNKNOWN
        walker.apply(started, site.but(args=Args(given.items, {}, site.at)))
        return Sym(what=f"{what}()")
    if what.endswith(("Executor().submit", "ThreadPool().apply_async")) and site.args.positional:
        target, *rest = site.args.positional
        return walker.apply(target, site.but(args=site.args.but(positional=tuple(rest))))
    return None


def _made_once(site: Site, what: str) -> str | None:
    """The name of a folder that is made, and must not be there; None for anything else."""
    allowed = {"shutil.copytree": (6, "dirs_exist_ok"), "os.makedirs": (2, "exist_ok"), "os.mkdir": (9, "")}.get(what)
    if allowed is None:
        return None
    at = site.args.get(1 if what == "shutil.copytree" else 0, "dst", "name", "path") or UNKNOWN
    tolerant = site.args.get(*allowed)
    return "folder" if not at.random and (tolerant is None or tolerant.const is False) else None


_STARTED = frozenset({"threading.Thread", "multiprocessing.Process", "billiard.Process"})
"""What runs a function beside the run, once it is started."""


def _holder(func: ir.Expr) -> ir.Expr:
    """The dict of `by_user[pk].append(...)`, `by_user.setdefault(pk, []).append(...)`; else what the method is called on."""
    held = func.value if isinstance(func, ir.Attr) else func
    if isinstance(held, ir.Call) and isinstance(held.func, ir.Attr) and held.func.attr == "setdefault":
        return held.func.value
    return held.value if isinstance(held, ir.Subscript) else held


def _span(site: Site) -> datetime.timedelta | None:
    """A time that is made of numbers."""
    numbers = {name: value.const for name, value in site.args.keywords.items()}
    numbers |= zip(("days", "seconds"), (value.const for value in site.args.positional), strict=False)
    if not all(type(number) in (int, float) and abs(number) < _LONGEST for number in numbers.values()):
        return None
    return datetime.timedelta(**numbers) if numbers.keys() <= _UNITS else None


_LONGEST = 1e8
"""More than a time in seconds or weeks is ever said to be, and less than a timedelta has room for."""

_UNITS = frozenset({"days", "seconds", "minutes", "hours", "weeks", "milliseconds", "microseconds"})


def _formatted(site: Site) -> Sym:
    """A value in an f-string, in a format of its own: `f"{now:%Y%m%d}"`."""
    value, *given = site.args.positional
    spec = given[0].const if given else ""
    traits = value.traits & (RANDOM | {"input"})
    if value.random and isinstance(spec, str) and "%" in spec and _SECONDS.search(spec) is None:
        return Sym(key=f"{value.what or 'time'}:{spec}", traits=traits - RANDOM)
    return Sym(key=f"{value.key}:{spec}" if value.key and isinstance(spec, str) else "", traits=traits)


def _to_the_second(site: Site) -> bool:
    """`strftime("%Y%m%d%H%M%S")`: what is written differs between two runs of one day."""
    given = site.args.positional[0].const if site.name == "strftime" and site.args.positional else None
    return isinstance(given, str) and _SECONDS.search(given) is not None


_SECONDS = re.compile("%[-#]?[SfsTXcMr]")


def _entry(held: Sym, name: str, default: Sym | None) -> Sym:
    """`held.get(name, default)`."""
    absent = UNKNOWN if "open" in held.traits or not held.entries else default or constant(None)
    return held.entries.get(name, absent)


def _imported(walker: Walker, site: Site, path: object) -> Sym | None:
    """What is imported by its dotted name, if that is written there."""
    base, _, name = path.rpartition(".") if isinstance(path, str) else ("", "", "")
    if not base:
        return None
    return walker.of(walker.machine.import_from(base, name, walker.frame.scope.module, site.at))


def _path(walker: Walker, site: Site, what: str) -> Sym | None:
    """A path is made, and what is named by it opened or written."""
    path, name = site.holder or UNKNOWN, what.rpartition(".")[2]
    if name == "open":
        return _open(walker, site, path, site.args.get(0, "mode"))
    if name in ("write_text", "write_bytes"):
        return _open(walker, site, path, constant("w"))
    if name in ("rename", "move"):
        walker.emit(Act, site.at, kind=kinds.MOVE, what=f"Path.{name}", subject=path)
        return UNKNOWN
    traits = frozenset[str]().union(path.traits, *(a.traits for a in site.args.all)) & RANDOM
    walker.emit(Call, site.at, what=what, name=name, known=True)
    is_path = name in ("Path", "PurePath", "PosixPath", "joinpath", "with_suffix", "with_name", "resolve", "absolute")
    there = Gate("kept", "pathlib.Path()", name=name, at=site.at, order=walker.now)
    return Sym(
        what="pathlib.Path()" if is_path else f"{what}()",
        traits=traits,
        key="" if traits else f"{path.key}.{name}",
        holds=(Hold(there, True),) if name in ("exists", "is_file", "is_dir") else (),
    )


_PATH = re.compile(r"pathlib\.|os\.path\.join$")
_PLAIN_METHODS = frozenset({
    "strip", "lower", "upper", "split", "join", "replace", "startswith", "endswith", "encode", "decode",
    "format", "items", "keys", "values",
    "pop", "sort", "index", "count", "copy", "title", "lstrip", "rstrip", "remove", "clear", "reverse",
    "setdefault", "splitlines", "hex", "get",
    "isoformat", "zfill", "partition", "rpartition", "capitalize", "popitem", "add", "discard", "union",
    "difference", "intersection", "append",
})  # fmt: skip


def _grown(walker: Walker, site: Site, base: Sym) -> None:
    """A list that things are appended to holds them."""
    func = site.node.func
    holder = getattr(func, "value", None)
    name = getattr(holder, "id", None)
    added = site.args.positional[-1]
    if isinstance(name, str) and name in walker.frame.env:
        items = added.items if site.name == "extend" and added.items else (added,)
        walker.frame.env[name] = grown(base, items, walker.holds)


def _builtin(walker: Walker, site: Site, name: str) -> Sym | None:
    args = site.args
    first = args.positional[0] if args.positional else None
    if first is None:
        if name in ("list", "dict", "set", "tuple"):
            return Sym(shape="list" if name != "dict" else "dict", entries=dict(args.keywords))
        return UNKNOWN
    if name == "type" and len(args.positional) == 1 and first.cls is not None and first.shape in _OBJECTS:
        return walker.of(first.cls)
    if name in _SAME:
        shape = "text" if name in ("str", "format") else ""
        return Sym(key=first.key, traits=first.traits, shape=shape, const=first.const, holds=first.holds)
    if name == "dict" and is_record(first):
        return first
    if name in _ITEMS:
        last = args.positional[-1]
        if name == "filter" and first.shape == "callable" and last.shape in ("rows", "manager"):
            return _filtered(walker, site, first, last)
        listed(walker, last, site.at)
        if last.shape in ("rows", "manager", "list", "tuple"):
            return last
        return msgspec.structs.replace(last, shape="", traits=last.traits | SET if "set" in name else last.traits)
    if name in ("any", "all") and first.shape in ("list", "tuple") and first.items:
        told = (all_of if name == "all" else any_of)([item.holds for item in first.items])
        return Sym(holds=told + (_none_like_it(first.holds) if name == "any" else ()))
    if name in ("len", "bool", "any", "all"):
        return Sym(
            holds=_existence(walker, site, first) or first.holds, key=f"{name}({first.key})" if first.key else ""
        )
    if name == "enumerate":
        return _beside(walker, site, (first,), before=(UNKNOWN,))
    if name == "zip":
        return _beside(walker, site, args.positional)
    if name == "next" and first.shape == "rows":
        return query(walker, first, "first", site.but(args=Args((), {}, site.at)))
    if name == "next":
        found = walker.element(first, site.at)
        there = tuple(msgspec.structs.replace(h, when=True) for h in walker.chosen(first))
        return msgspec.structs.replace(found, holds=(*found.holds, *there, *_none_like_it(first.holds)))
    if name == "hasattr" and first.shape == "row" and len(args.positional) > 1:
        # A row that stands in a relation to it, if it is not a plain attribute.
        related = f"{first.model}.{args.positional[1].const}"
        gate = Gate("exists", f"{first.key}.{args.positional[1].const}", related, at=site.at, order=walker.now)
        return Sym(holds=(Hold(gate, True),))
    if name == "map" and len(args.positional) > 1:
        item = walker.element(args.positional[1], site.at)
        return Sym(shape="list", items=(walker.apply(first, site.but(args=args.but(positional=(item,)))),))
    if name == "getattr" and len(args.positional) > 1 and isinstance(args.positional[1].const, str):
        return walker.attribute(first, args.positional[1].const, site.at)
    if name == "setattr" and len(args.positional) > 2:
        field = args.positional[1].const
        if first.shape in ("row", "new") and isinstance(field, str):
            walker.set_field(first, field, args.positional[2], site.at)
        elif first.shape in ("row", "new"):
            walker.emit(Write, site.at, subject=first.key, model=first.model, name="*", saved=False)
        return constant(None)
    if name == "range":
        # Where an earlier run left off, if that is where it starts.
        asked = tuple(Hold(h.gate, None) for each in args.positional for h in each.holds if h.gate.kind == "field")
        return Sym(holds=asked, traits=RESUMED) if asked else UNKNOWN
    if name == "open":
        return _open(walker, site, first, site.args.get(1, "mode"))
    if name in ("exec", "eval", "__import__", "compile"):
        return None
    walker.emit(Call, site.at, what=f"builtins.{name}", name=name, known=True)
    return Sym(traits=frozenset[str]().union(*(a.traits & RANDOM for a in args.all)), key="")


def _none_like_it(there: tuple[Hold, ...]) -> tuple[Hold, ...]:
    """What is so where nothing was found among rows: there are none, or none like it."""
    return tuple(msgspec.structs.replace(h, when=False, weak=True) for h in there if h.gate.kind == "exists")


def _beside(walker: Walker, site: Site, sources: tuple[Sym, ...], before: tuple[Sym, ...] = ()) -> Sym:
    """What goes through several things at once: `enumerate`, `zip`."""
    items = tuple(walker.element(source, site.at) for source in sources)
    told = tuple(
        hold
        for item, source in zip(items, sources, strict=True)
        for hold in (*walker.row_holds(item, source, site.at), *walker.chosen(source))
    )
    entries = {CHOSEN: Sym(holds=told)} if told else {}
    holds = tuple(hold for source in sources for hold in _existence(walker, site, source) or source.holds)
    return Sym(shape="list", items=(Sym(shape="tuple", items=(*before, *items)),), entries=entries, holds=holds)


def _filtered(walker: Walker, site: Site, asks: Sym, rows: Sym) -> Sym:
    """`filter(lambda order: order.status == "new", orders)`."""
    item = walker.element(rows, site.at)
    with walker.within("loop", id(site.node)):
        told = met(walker.apply(asks, site.but(args=Args((item,), {}, site.at))).holds)
    chosen = walker.row_holds(item, rows, site.at) + told
    return Sym(
        shape="list",
        items=(item,),
        entries={CHOSEN: Sym(holds=chosen)} if chosen else {},
        holds=_existence(walker, site, rows),
    )


def _existence(walker: Walker, site: Site, rows: Sym) -> tuple[Hold, ...]:
    if rows.shape not in ("rows", "manager"):
        return ()
    gate = Gate("exists", rows.key, rows.model, ",".join(sorted(rows.fields)), at=site.at, order=walker.now)
    return (Hold(gate, True),)


_TEMPORARY = ("/tmp/", "/var/tmp/", "/dev/shm/")
"""Where nobody looks for a file that a run has left."""


def _open(walker: Walker, site: Site, path: Sym, given: Sym | None) -> Sym:
    mode = given.const if given is not None and isinstance(given.const, str) else "r"
    if "a" in mode:
        walker.emit(Act, site.at, kind=kinds.APPEND, what="open", subject=path)
    elif ("w" in mode or "x" in mode) and path.random and not str(path.const).startswith(_TEMPORARY):
        walker.emit(Act, site.at, kind=kinds.FILE, what="open", subject=path)
    else:
        walker.emit(Call, site.at, what="builtins.open", name="open", known=True)
    return Sym(what="builtins.open()")

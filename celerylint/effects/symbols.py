"""What a body's names stand for while it is walked: where a thing comes from, rather than what it is.

Two symbols with equal keys are the same thing for a second run of the task: the row that the task's argument names, a
constant, a cache key made of arguments. What is made anew by each run has a key that nothing else has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from msgspec import Struct, structs

from celerylint.model.values import At, ClassValue, External, Made, Value

RANDOM = frozenset({"random"})
"""Differs in every run: made of uuid4, the time, a random number."""
RESUMED = frozenset({"resumed"})
"""Starts where a field of a row says that an earlier run left off."""
_NOTHING: frozenset[str] = frozenset()


class Gate(Struct, frozen=True, eq=False):
    """Something that a condition asks, and that a second run may find answered otherwise."""

    kind: str
    """`field` of a row; `attribute` of what may be one; `stored`: a new row's key; `adding`: whether a row that was found is
    yet to be stored, which it never is; `created` flag; `swapped`: how many rows a conditional update met; `claim`: a lock or
    a key that only one can take; `locked`: a row that is locked; `cached`: what a cache holds; `exists`: whether rows exist;
    `retries`: the number of the attempt; `result`: what an effect answered; `answer`: what another service answered to a
    question; `kept`: what a store, or the file system, holds: `subject` is the path of
    what was asked; `opaque`: what a call that cannot be read returned."""
    subject: str
    """The key of the row, lock or cache entry."""
    model: str = ""
    """The class of the row or rows."""
    name: str = ""
    """The field, for `field`."""
    at: At | None = None
    order: int = 0
    """When it was asked, as events are numbered."""
    local: str = ""
    """What makes a lock live in one process: `threading.Lock`, `LocMemCache`."""
    seconds: float | None = None
    """How long a claim lasts, if that is known; infinite for one that does not end by itself."""
    within: bool = False
    """A lock that `with` gives back whatever happens."""
    loop: int = 0
    """The innermost loop in which it was asked."""
    given: bool = False
    """For `opaque`: whether the call was given what the run is about, so that it may have looked for its traces."""


class Hold(Struct, frozen=True, eq=False):
    """A gate and the answer under which one gets here: None where that cannot be told from the condition."""

    gate: Gate
    holds: bool | None
    sticky: bool = False
    """The other answer raises: it holds for the caller as well."""
    when: bool | None = None
    """Set where it is so only while the condition is true, or only while it is false."""
    weak: bool = False
    """Another part of the condition may have decided."""
    asked: tuple[Sym, ...] = ()
    """The constants that a field is compared with; for `retries`, the number that it is compared with."""
    among: bool = True
    """Whether the field is one of them here, or none of them; for `retries`, whether this is so in few of the attempts."""


class Sym(Struct, frozen=True, eq=False):
    """What is known of a value."""

    what: str = ""
    """The dotted path of what a package provides; a call adds `()`: `requests.Session().post`."""
    value: Value | None = None
    """The value of the project that it is: a function, class, module, object or task."""
    key: str = ""
    """Which one it is; empty where nothing is known."""
    shape: str = ""
    """`row`, `new` (a row not saved yet), `rows` (a queryset), `manager`, `object` (of a class of the project), `const`, `tuple`,
    `list`, `dict`, `callable`, `method` (of a manager or queryset: that and its name), `choice` (one of some callables or objects),
    `text` (of parts: `const` is the first of them and `items` holds the last), `items` (names and values of a record)."""
    model: str = ""
    """The class of rows."""
    cls: ClassValue | None = None
    """The class of rows or of an object, if it is the project's."""
    const: Any = None
    traits: frozenset[str] = _NOTHING
    holds: tuple[Hold, ...] = ()
    """What is so where this is true."""
    fields: frozenset[str] = _NOTHING
    """The fields that a query constrains."""
    items: tuple[Sym, ...] = ()
    entries: dict[str, Sym] = {}
    """The constant keys of a dict."""
    client: Made | External | None = None
    """What a package's call returned when the module was imported, or what was found on that."""
    locked: bool = False
    """A row or query under `select_for_update`."""

    def with_value(self, value: Value) -> Sym:
        """The same, known to be a value of the model."""
        return structs.replace(self, value=value)

    @property
    def random(self) -> bool:
        """Whether it differs in every run."""
        return "random" in self.traits


UNKNOWN = Sym()

COLUMNS = "\0columns"
"""The entry under which rows hold the names of their columns; its `const` tells whether a record is the first of them."""
OF = "\0of"
"""The entry under which a new row holds the one whose relation it was made by: `order.lines.create()`."""
CHOSEN = "\0chosen"
"""The entry under which a list holds what is so for each of its items."""

SET = frozenset({"set"})
"""The trait of what `set()` makes."""


BY_VALUE = "by value"
"""The trait of what was found under a value, and is none itself."""


def missing(at: At, order: int) -> Hold:
    """That something is among what one set holds and another does not: what is still to be done, more likely than not."""
    return Hold(Gate("opaque", "set", name="missing", at=at, order=order), True)


_CHOICES = 12
"""As many functions as are looked into where it is not known which of them is called."""


def one_of(symbols: Sequence[Sym]) -> Sym:
    """One of several functions, classes or objects; unknown where they are too many."""
    if len(symbols) == 1:
        return symbols[0]
    holds = tuple(hold for symbol in symbols for hold in symbol.holds if hold.gate.kind == "result")
    return Sym(shape="choice", items=tuple(symbols), holds=holds) if len(symbols) <= _CHOICES else Sym(holds=holds)


def constant(value: Any) -> Sym:
    """A literal."""
    return Sym(shape="const", const=value, key=repr(value))


IS_KEY = re.compile(r"|\*|pk|(.*_)?(id|uuid|guid|key)")
"""Columns that tell which row it is, and those that are not known."""
_A_VALUE = re.compile(
    r"(.*_)?(e?mails?|addres\w+|phone|url|uri|texts?|body|subject|content|message|msg|title|amount|total|price|size|dry_run|force"
    r"|kwargs|args|options|params|limit|timeout|lang\w*|locale|format|debug|verbose|enabled)"
)
"""Names of arguments that say what to do, and not of what."""


def names_work(given: Sym) -> bool:
    """Whether a value names what a run is about: a row or rows, or an argument of the task that may be one or its key."""
    if given.shape in ("row", "new", "rows", "manager"):
        columns = given.entries.get(COLUMNS, UNKNOWN).items
        return not columns or any(IS_KEY.fullmatch(str(column.const)) for column in columns)
    kind, _, name = given.key.partition(":")
    if kind == "param":
        return name.isidentifier() and _A_VALUE.fullmatch(name) is None
    return given.key.endswith((".pk", ".id", "request.id"))


def met(holds: Iterable[Hold]) -> tuple[Hold, ...]:
    """What is so where the condition is true."""
    return tuple(h if h.when is None else structs.replace(h, when=None) for h in holds if h.when is not False)


def negated(holds: Iterable[Hold]) -> tuple[Hold, ...]:
    """What is so where the condition is false."""
    return tuple(structs.replace(_opposite(h), when=None) for h in holds if h.when is not True)


def inverted(holds: Iterable[Hold]) -> tuple[Hold, ...]:
    """What `not` makes of a condition."""
    return tuple(map(_opposite, holds))


def _opposite(h: Hold) -> Hold:
    return structs.replace(
        h,
        holds=None if h.holds is None else not h.holds,
        among=not h.among,
        when=None if h.when is None else not h.when,
    )


def all_of(parts: Sequence[tuple[Hold, ...]]) -> tuple[Hold, ...]:
    """What `and` makes of conditions: where it is false, only one of them need be."""
    true = (structs.replace(h, when=True) for part in parts for h in met(part))
    false = (structs.replace(h, when=False, weak=True) for part in parts for h in part if h.when is not True)
    return (*true, *false)


def any_of(parts: Sequence[tuple[Hold, ...]]) -> tuple[Hold, ...]:
    """What `or` makes of conditions: where it is true, only one of them need be."""
    return inverted(all_of([inverted(part) for part in parts]))


def answered(true: Sequence[tuple[Hold, ...]], false: Sequence[tuple[Hold, ...]]) -> tuple[Hold, ...]:
    """What a result tells that is true after some paths, and false after others, by what is so on each."""
    return (
        *(structs.replace(h, when=True) for h in common(true)),
        *(structs.replace(_opposite(h), when=False) for h in common(false)),
    )


def common(paths: Sequence[tuple[Hold, ...]]) -> Iterator[Hold]:
    """What is so on every path; what is so on some only is weak."""
    seen: set[tuple[object, ...]] = set()
    ids = [{_identity(h) for h in path} for path in paths]
    for path in paths:
        for h in path:
            me = _identity(h)
            if me not in seen:
                seen.add(me)
                yield h if all(me in other for other in ids) else structs.replace(h, weak=True)


def _identity(h: Hold) -> tuple[object, ...]:
    return h.gate.kind, h.gate.subject, h.gate.name, h.holds, h.among if h.asked else None


def _together(lists: Sequence[Sym]) -> tuple[Sym, ...]:
    """What several lists hold, each of them that a name may stand for."""
    items = {id(item): item for held in lists for item in held.items}
    return tuple(items.values())[:8]


def grown(base: Sym, added: Sequence[Sym], holds: tuple[Hold, ...]) -> Sym:
    """A list with more in it: whoever goes through it has only what was put into it under these conditions."""
    so_far = base.entries.get(CHOSEN, UNKNOWN).holds if base.items else holds
    common = tuple(hold for hold in so_far if any(hold is each for each in holds))
    entries = {CHOSEN: Sym(holds=common)} if common else {}
    # There is something in it where something was put into it.
    return structs.replace(base, items=(*base.items, *added)[:8], entries=entries, holds=common)


def _chosen(lists: Sequence[Sym]) -> dict[str, Sym]:
    """What is so for each item of a list that is one of several, or was empty."""
    held = [s.entries.get(CHOSEN, UNKNOWN).holds for s in lists if s.items]
    first, others = (held[0], held[1:]) if held else ((), [])
    common = [h for h in first if all(any(h is each for each in other) for other in others)]
    return {CHOSEN: Sym(holds=tuple(common))} if common else {}


def join(symbols: list[Sym]) -> Sym:
    """What a name stands for after branches that bind it differently: what they have in common."""
    known = [s for s in symbols if not (s.shape == "const" and s.const is None)] or symbols
    if any(s.what for s in known):
        # `response.json() if response else {}`: what there is came from the package.
        known = [s for s in known if s.shape not in ("dict", "list", "tuple") or s.entries or s.items]
    if any(s.shape == "rows" for s in known):
        known = [s for s in known if s.shape != "list" or s.items]  # `return []` where there is nothing to ask for
    first = known[0]
    if all(s is first for s in known):
        return first
    if first.what and any(s.what != first.what for s in known):
        known = [structs.replace(s, what=_plain(s.what)) for s in known]
        first = known[0]
    if {s.shape for s in known} == {"row", "new"}:
        known = [structs.replace(s, shape="row") for s in known]  # `row = found or made`
        first = known[0]
    traits = frozenset[str]().union(*(s.traits for s in known))
    # Random on one branch alone is no reproach: the other one may be that a stored key exists.
    if not all(s.random for s in known):
        traits -= RANDOM
    same = all((s.what, s.shape, s.model) == (first.what, first.shape, first.model) for s in known)
    if same and first.shape == "object" and len({id(s.cls) for s in known}) > 1:
        return one_of(known)
    holds = tuple(hold for s in known for hold in s.holds)
    if same and first.shape not in ("method", "choice"):
        key = first.key if all(s.key == first.key for s in known) else ""
        return Sym(
            what=first.what, value=first.value, key=key, shape=first.shape, model=first.model, cls=first.cls,
            const=first.const if key else None, traits=traits, holds=holds, fields=first.fields, locked=first.locked,
            client=first.client, items=_together(known) if first.shape == "list" else (),
            entries=_chosen(known) if first.shape == "list" else {},
        )  # fmt: skip
    return Sym(traits=traits, holds=holds)


_WITH_TLS = {
    "smtplib.SMTP_SSL": "smtplib.SMTP",
    "http.client.HTTPSConnection": "http.client.HTTPConnection",
    "ftplib.FTP_TLS": "ftplib.FTP",
    "imaplib.IMAP4_SSL": "imaplib.IMAP4",
}


def _plain(what: str) -> str:
    """The class whose methods a client has with TLS and without: `SMTP_SSL(host) if secure else SMTP(host)`."""
    name = what.removesuffix("()")
    return what.replace(name, _WITH_TLS[name]) if name in _WITH_TLS else what


_MOST_TOLD = 16
"""As many conditions as are remembered of one value."""


def after(paths: Sequence[tuple[Sym, tuple[Hold, ...]]]) -> Sym:
    """What a value is after one of several paths, with what was so on each; `row, True` is that in each of its parts."""
    values = [value for value, _ in paths]
    joined = join(values)
    if len(paths) == 1:
        return joined
    if values[0].items and all(v.shape == "tuple" and len(v.items) == len(values[0].items) for v in values):
        parts = tuple(after([(v.items[at], own) for v, own in paths]) for at in range(len(values[0].items)))
        joined = Sym(shape="tuple", items=parts, traits=joined.traits)
    true = [(*met(v.holds), *own) for v, own in paths if v.shape != "const" or v.const]
    false = [(*negated(v.holds), *own) for v, own in paths if v.shape != "const" or not v.const]
    return structs.replace(joined, holds=answered(true, false)[:_MOST_TOLD])


def is_flag(values: Sequence[Sym]) -> bool:
    """Whether a name that may stand for any of these tells by its truth which way was taken: it was set to nothing on one."""
    return any("flag" in v.traits or (v.shape == "const" and v.key and not v.const) for v in values)


def flag(paths: Sequence[tuple[Sym, tuple[Hold, ...]]]) -> Sym:
    """What a name stands for that was set to nothing on one of several paths."""
    told = after(paths)
    # One of several constants is none that is known.
    return structs.replace(told, shape="" if told.shape == "const" else told.shape, traits=told.traits | {"flag"})

"""Whether something keeps a second run from repeating an effect: later (SEQ) or at the same time (CONC).

A guard counts where it dominates the effect, and only as far as the next run finds it: a status that nobody writes guards nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

from msgspec import structs

from celerylint.effects.events import (
    SOMETIMES,
    Act,
    CacheSet,
    Call,
    Deletion,
    Event,
    Raised,
    Release,
    Retry,
    Save,
    Step,
    Trace,
    Write,
    can_follow,
    covers,
)
from celerylint.effects.symbols import IS_KEY, Gate, Hold, Sym
from celerylint.effects.unique import is_related


class Answer(IntEnum):
    """Whether something is guarded. What cannot be decided is MAYBE, and is not reported for certain."""

    NO = 0
    MAYBE = 1
    YES = 2


class Verdict(NamedTuple):
    """Whether a second run repeats an effect."""

    later: Answer
    """A run after the first."""
    beside: Answer
    """A run at the same time."""


_BOTH = Verdict(Answer.YES, Answer.YES)
_PERHAPS = Verdict(Answer.MAYBE, Answer.MAYBE)
_NONE = Verdict(Answer.NO, Answer.NO)


def verdict(act: Act, trace: Trace) -> Verdict:
    """What guards an effect."""
    if act.key is not None and not act.key.random:
        return _BOTH
    if act.swallows or _of_the_attempt(act):
        return _BOTH
    later, beside = Answer.NO, Answer.NO
    for hold in act.holds:
        mine = _gate(hold, act, trace)
        later, beside = max(later, mine.later), max(beside, mine.beside)
    if act.subject.locked:
        beside = Answer.YES
    if act.kind.name == "create":
        later = max(later, _replaced(act, trace), _compared(act, trace), _of_new(act, trace))
    if act.kind.name in ("make", "payment"):
        later = max(later, _searched(act, trace))
    if act.kind.name == "store" and _is_claim(act, trace):
        later = max(later, Answer.MAYBE)
    if act.kind.name == "file" and any(_removes(call) and can_follow(call, act) for call in trace.of(Call)):
        later = max(later, Answer.MAYBE)  # it is there for the run alone
    if later is Answer.NO and (_names_the_message(act) or _reports(act)):
        later = Answer.MAYBE
    if later is Answer.NO and not trace.complete and any(_may_be_set(h) and _out_of_sight(h, trace) for h in act.holds):
        later = Answer.MAYBE
    return Verdict(later, beside)


def _removes(call: Call) -> bool:
    """Whether it removes a file, or a folder with all that is in it."""
    return call.name in ("unlink", "rmtree") or (
        call.what.rpartition(".")[0] in ("os", "aiofiles.os") and call.name == "remove"
    )


def _is_claim(act: Act, trace: Trace) -> bool:
    """Whether something else hangs on the number that it returned: it counts the runs themselves."""
    return any(h.gate.kind == "claim" and h.gate.order == act.order for other in trace.of(Act) for h in other.holds)


def _of_the_attempt(act: Act) -> bool:
    """Whether it records the attempt, by its number: each has its own."""
    return any(hold.gate.kind == "retries" for value in act.subject.entries.values() for hold in value.holds)


def _names_the_message(act: Act) -> bool:
    """Whether the row holds the id of the message, which is the same in every run: a record of runs, more likely than not."""
    return any(value.what.endswith("request.id") for value in act.subject.entries.values())


def _reports(act: Act) -> bool:
    """Whether it tells those who run the site of a failure, or keeps what was raised: each attempt that fails is one."""
    if not any(step.kind == "handler" for step in act.trail):
        return False
    if act.kind.name == "create":
        return any(_is_raised(value) for value in act.subject.entries.values())
    return act.what.endswith((".mail_admins", ".mail_managers"))


def _is_raised(value: Sym) -> bool:
    return "exception" in value.traits or value.what.startswith(("traceback.", "sys.exc_info"))


def _gate(hold: Hold, act: Act, trace: Trace) -> Verdict:
    """What one condition guards."""
    gate = hold.gate
    if gate.kind in ("created", "swapped"):
        return _NONE if hold.holds is False else _PERHAPS if hold.weak else _BOTH
    if gate.kind == "adding":
        return _BOTH if hold.holds is True and not hold.weak else _NONE
    if gate.kind == "locked":
        return Verdict(Answer.NO, Answer.YES)
    if gate.kind == "claim":
        return _claim(hold, act, trace)
    if gate.kind == "field" and gate.name in ("id", "pk") and hold.holds is False and act.kind.name == "create":
        return _PERHAPS  # only what is not stored yet is stored
    if gate.kind == "field" and act.kind.name == "create" and _lacks(gate, act):
        return Verdict(Answer.YES, Answer.NO)
    if gate.kind == "field" and not _identifies(hold):
        later = _status(hold, act, trace)
        return Verdict(later, Answer.YES if later is Answer.YES and _is_locked(gate, trace) else Answer.NO)
    if gate.kind == "cached":
        return Verdict(_cached(hold, act, trace), Answer.NO)
    if gate.kind == "exists" and hold.holds is False and _is_stored(gate):
        return _PERHAPS if hold.weak else _BOTH  # a row that was found is there
    if gate.kind == "exists":
        return Verdict(max(_existence(hold, act, trace), _state(hold, act, trace)), Answer.NO)
    if gate.kind in ("field", "stored"):
        return _NONE
    if gate.kind == "attribute":
        return _PERHAPS if writes(gate, trace) else _NONE
    if gate.kind == "kept":
        return _PERHAPS if any(e is not act and _may_leave(e, gate) for e in trace.events) else _NONE
    if gate.kind == "answer" and act.kind.name == "http":
        # It was asked for what is made here, it may be; by the status, or the whole of the answer, where that is not there.
        there = hold.holds is True if gate.name == "json" else hold.holds is not False
        return _NONE if there and gate.name in _WHOLE_ANSWER else _PERHAPS
    wanting = act.kind.name in ("http", "make") or (act.kind.name == "create" and hold.holds is False)
    if gate.kind == "opaque" and wanting and hold.holds is not True and _ASKS.search(gate.name) and not _is_own(gate):
        return _PERHAPS  # so it may have been here
    return _PERHAPS if gate.kind == "opaque" and _may_look(hold) else _NONE


_WHOLE_ANSWER = frozenset({"json", "status_code", "ok", "is_success"})


def _may_leave(event: Event, gate: Gate) -> bool:
    """Whether something may leave behind what a store, or the file system, was asked for."""
    if not isinstance(event, (Act, Call)) or event.order <= gate.order:
        return False
    if gate.subject in ("os.path", "pathlib.Path()"):
        return event.what == "builtins.open" or event.what.startswith(("pathlib.", "shutil.", "os.", "builtins.open()"))
    name = event.what.rpartition(".")
    return _CHANGES.match(name[2]) is not None and _CALLED.sub("", name[0]) == _CALLED.sub("", gate.subject)


_CALLED = re.compile(r"\(\w*\)|\[\]")
"""What tells calls and items in a path, which messages leave out."""
_CHANGES = re.compile(
    r"(insert|update|replace|put|set|save|create|delete|remove|find_one_and|bulk|add|index|upload|transact|batch|ack)"
)


def _is_own(gate: Gate) -> bool:
    """Whether a `get` looks into what the run holds already, as a field of a row that is a document."""
    return gate.name == "get" and ("[" in gate.subject or gate.subject.startswith("param:"))


_ASKS = re.compile(r"search|find|get|list|quer|fetch|retriev|lookup|exist|load", re.IGNORECASE)


_LOOKS = re.compile(
    r"already|exist|(^|_)has(_|$)|seen|sent(_|$)|done(_|$)|processed|handled|finished|complete|pending|lock|once|claim|dup|acquire"
    r"|first|idempot|throttl|rate_?limit|cooldown|should|need|skip|missing|unprocessed|changed|modified|updated|dirty|stale"
    r"|(^|_)is_new|synced|due(_|$)",
    re.IGNORECASE,
)
"""Calls by whose names one may tell that they look for what an earlier run left."""
_PERMITS = re.compile(
    r"valid|permi|enabled|feature|switch|flag_is|opt_?in|subscri|allow|authenti|authori"
    r"|(^|_)(left|remain\w*|quota|budget|credits?|balance)(_|$)",
    re.IGNORECASE,
)
"""Calls that tell whether something may be done at all, and how much of it."""


_ASKS_FOR_ROWS = frozenset({"exists", "count", "first", "last"})


def _may_look(hold: Hold) -> bool:
    """Whether a call that cannot be read may have found out that it was done: it was given what the run is about, and
    does not by its name ask something else; or its name says so."""
    gate = hold.gate
    if gate.name in _ASKS_FOR_ROWS:
        return hold.holds is not True
    if _PERMITS.search(gate.name) or (hold.holds is True and _fetches(gate.name)):
        return False
    return gate.given or (bool(gate.subject) and _LOOKS.search(gate.name) is not None)


def _fetches(name: str) -> bool:
    """Whether a call gets by its name what the run is about: that it is there is so in every run."""
    return _FETCHES.match(name) is not None and _LOOKS.search(name) is None and _TAKES.search(name) is None


_FETCHES = re.compile(r"_*(get|fetch|retrieve|load|lookup|read)(_|$)")
_TAKES = re.compile(
    r"(^|_)(lease|slot|permit|ticket|semaphore|token|turn|next|new|todo|queue|batch|work|job|message|event|update)s?(_|$)"
)
"""Nouns of what only one run gets, or of what is there once."""


def _may_be_set(hold: Hold) -> bool:
    """Whether it asks for what a part of the run that was not read may set."""
    if hold.gate.kind == "cached":
        return True
    if hold.gate.kind in ("retries", "result"):
        return False
    if any(value.shape == "const" and value.const is not None for value in hold.asked):
        return _TRAIT.fullmatch(hold.gate.name) is None
    return hold.gate.kind == "field" and not _identifies(hold) and _STATUS.search(hold.gate.name) is not None


def _out_of_sight(hold: Hold, trace: Trace) -> bool:
    """Whether what was not read of a run may reach what is asked: the run was not read to its end, or a function that was too
    deep was given the row, what it hangs on or what hangs on it, or an object that may hold it."""
    gate = hold.gate
    return (
        gate.kind == "cached"
        or trace.cut
        or any(
            not call.known and not call.what and call.order > gate.order and any(_leads_to(s, gate) for s in call.takes)
            for call in trace.of(Call)
        )
    )


def _leads_to(given: Sym, gate: Gate) -> bool:
    """Whether something is a row that is asked for, hangs on it or holds it, as far as can be told."""
    if given.shape == "object" or (given.model != "" and given.model == gate.model):
        return True
    return given.key.startswith(gate.subject) or gate.subject.startswith(given.key)


_TRAIT = re.compile(
    r"(.*_)?(id|pk|uuid|guid|reference|ref|slug|e?mails?|name|username|user|owner|author|type|kind|category|amount|price|total"
    r"|currency|language|locale|country|phone|phone_number|address|url|uri|host|domain|title|description|text|body|content|message"
    r"|settings|config|preferences|enabled|active|public|private|is_staff|is_superuser|permissions?|role|group|organi[sz]ation"
    r"|account|customer|site|website|project|team|parent|version|size|format)"
)
"""Fields that say what a row is, and not what became of it."""
_STATUS = re.compile(
    r"status|state|stage|step|phase|sent|done|process|complet|finish|success|fail|error|sync|notif|deliver|handled|seen|paid|charged"
    r"|created|updated|modified|expire|lock|claim|active|enabled|publish|pending|queued|retr|attempt|(_|^)(at|on|date|time)$|^is_|^has_"
)
"""Fields that say what became of a row."""
_OPEN = re.compile(
    r"pending|needs?|todo|dirty|queued|waiting|should|unsent|unprocessed|stale|changed|retry|due|scheduled|status|state"
)


def _may_mark(hold: Hold) -> bool:
    """Whether a field may say that it was done, for all that its name and the condition tell."""
    name = hold.gate.name
    if f"{name}='" in hold.gate.subject:
        return True  # rows are looked for by it, as by a state
    if _TRAIT.fullmatch(name):
        return False
    # `is not None` asks whether there is anything, as the bare name does.
    compared = any(value.const is not None for value in hold.asked)
    return hold.holds is not True or compared or _OPEN.search(name) is not None


_CONSTANT = re.compile(r"['\"\d-]|b'|(?:True|False|None)\b")
_EXACT = re.compile(r"[\[&,](\w+)=(?!['\"\d-]|b'|True\b|False\b|None\b)")
"""A field that a query looks for by something other than a constant."""


def _identifies(hold: Hold) -> bool:
    """Whether a row was just looked up by it, as the task's argument says: no run changes that."""
    gate = hold.gate
    if hold.holds is not None or hold.asked:
        return False
    return gate.name in ("id", "pk") or gate.name in _EXACT.findall(gate.subject)


def _lacks(gate: Gate, act: Act) -> bool:
    """Whether a row was looked for as one that has none of what is made: `filter(receipt__isnull=True)`."""
    named = _same_rows(gate.name, act.subject.model) or is_related(act.subject, gate.name)
    return named and f"{gate.name}__isnull=True" in gate.subject


_BY_OWN_KEY = re.compile(r"[&,](?:pk|id)=(?P<row>.*(?:#\d+|\]))\.(?:pk|id)")


def _is_stored(gate: Gate) -> bool:
    """Whether a row is looked for by the key of a row of the same class that a query found."""
    found = _BY_OWN_KEY.fullmatch(gate.subject.removeprefix(gate.model))
    return found is not None and re.split(r"[#&\[]", found["row"], maxsplit=1)[0] == gate.model


def _claim(hold: Hold, act: Act, trace: Trace) -> Verdict:
    if hold.holds is False:
        return _NONE
    # Of a lock that others do not see CLY605 speaks.
    answer = Answer.MAYBE if hold.gate.local or hold.weak else Answer.YES
    given_back = any(
        e.subject == hold.gate.subject and e.order > act.order and not _of_its_failure(act, e, trace)
        for e in trace.of(Release)
    )
    return Verdict(Answer.NO if given_back else answer, answer)


def _cached(hold: Hold, act: Act, trace: Trace) -> Answer:
    """An entry that was not there and is set, or that was there and is deleted."""
    gate = hold.gate
    sets = [e for e in trace.of(CacheSet) if _same_entry(gate, e)]
    drops = [e for e in trace.of(Release) if _same_entry(gate, e) and can_follow(e, act)]
    marks: Sequence[CacheSet | Release] = [e for e in drops if e.order > gate.order]
    if hold.holds is not True:
        marks = [e for e in sets if not any(d.order > e.order and covers(d, e) for d in drops)]
    if _everywhere(act, [e.trail for e in marks]):
        return Answer.MAYBE if hold.weak else Answer.YES
    if not gate.subject.startswith("cache:"):
        marks = [
            e for e in trace.of(CacheSet) if not e.subject and e.order > gate.order
        ]  # of a key that cannot be told
    return Answer.MAYBE if any(not _is_given(act, e.trail) for e in marks) else Answer.NO


def _same_entry(gate: Gate, event: CacheSet | Release) -> bool:
    return bool(event.subject) and (event.subject == gate.subject or gate.subject.startswith(f"{event.subject}:"))


def marks(act: Act, trace: Trace) -> list[Write]:
    """Where the field is set that alone tells a later run that an effect was done; none where something else tells it as well."""
    telling = [hold.gate for hold in act.holds if _gate(hold, act, trace).later is not Answer.NO]
    if act.key is not None or act.swallows or any(gate.kind != "field" for gate in telling):
        return []
    return [write for gate in telling for write in writes(gate, trace)]


def writes(gate: Gate, trace: Trace) -> list[Write]:
    """Where a run sets the field that a condition asks for."""
    return [e for e in trace.of(Write) if _is_field(gate, e) and (e.order > gate.order or e.in_loop)]


def _is_field(gate: Gate, event: Write) -> bool:
    if gate.subject.startswith(f"{event.subject}.{event.name}[]"):
        return True  # one of what is in it was asked
    if event.name.partition("[")[0] == gate.name or gate.name.partition("[")[0] == event.name:
        pass  # a document, and what is in it
    elif event.name not in (gate.name, "*") and event.name.removesuffix("_id") != gate.name.removesuffix("_id"):
        return False
    if event.subject == gate.subject:
        return True
    same = (
        gate.model and event.model and (_short(event.model) == _short(gate.model) or _is_table(event.model, gate.model))
    )
    return bool(same) and not _different(gate.subject, event.subject)


def _is_table(table: str, model: str) -> bool:
    """Whether a table is, by its name, the one of a class: `shop_orders` of `Order`."""
    one, name = _short(table).replace("_", ""), _short(model).lower()
    return table.islower() and not model.islower() and one.endswith((name, f"{name}s", f"{name}es", f"{name[:-1]}ies"))


_LOOKED_UP = re.compile(r"[\w.]+\[(?P<asked>[^\[\]#]+)\]")


def _different(one: str, other: str) -> bool:
    """Whether two rows are certainly not the same: looked up by the same field, with other values."""
    left, right = _asked(one), _asked(other)
    return any(
        left[name] != right[name] and (name == "id" or not _CONSTANT.match(left[name] + right[name]))
        for name in left.keys() & right.keys()
    )


def _asked(row: str) -> dict[str, str]:
    """What a row was looked up by, if that is known."""
    found = _LOOKED_UP.fullmatch(row)
    parts = (_COMPARED.fullmatch(part) for part in re.split("[,&]", found["asked"])) if found is not None else ()
    return {part["name"]: part["value"] for part in parts if part is not None}


_COMPARED = re.compile(r"(?P<open>\((value:\d+\.)?)?(?P<name>[^=]*)==?(?P<value>.+?)(?(open)\))")
"""`id=1`, and `(value:7.id==1)`, where a column of a class is compared."""


def _short(model: str) -> str:
    return model.rpartition(".")[2]


def _status(hold: Hold, act: Act, trace: Trace) -> Answer:
    """A field that is looked at before the effect and written on every path that performs it."""
    gate = hold.gate
    if gate.order > act.order:
        return Answer.NO
    best = Answer.MAYBE if _may_mark(hold) and handed_on(gate, trace) else Answer.NO
    paths: list[tuple[Step, ...]] = []
    for write in writes(gate, trace):
        if not _tells(hold, write) or not (can_follow(write, act) or can_follow(act, write)):
            continue
        stored = _stored(write, trace)
        if not stored and (_may_be_stored(write, trace) or not trace.complete or handed_on(gate, trace)):
            best = Answer.MAYBE
        paths += [trail for trail in stored if _in_time(gate, act, trail) and not _where_it_failed(act, trail)]
    if _everywhere(act, paths):
        return Answer.MAYBE if hold.weak else Answer.YES
    # Where the task's argument decides that nothing is written, so it will the next time.
    return Answer.MAYBE if any(not _is_given(act, trail) for trail in paths) else best


def _tells(hold: Hold, write: Write) -> bool:
    """Whether a condition is answered otherwise once a field holds what was written; where that is unknown, it is."""
    value = write.value
    if value is None or write.counter:
        return True
    if hold.asked:
        return value.shape != "const" or any(value.const == c.const for c in hold.asked) is not hold.among
    truth = bool(value.const) if value.shape == "const" else True if value.random else None
    return hold.holds is None or truth is None or truth is not hold.holds


def _stored(write: Write, trace: Trace) -> list[tuple[Step, ...]]:
    """Where it is stored, as the paths that do both."""
    if write.saved:
        return [write.trail]
    saves = [save for save in trace.of(Save) if save.stores(write)]
    turns = {step for step in write.trail if step.kind == "loop"}
    return [write.trail if covers(save, write) and turns <= set(save.trail) else save.trail for save in saves]


def _may_be_stored(write: Write, trace: Trace) -> bool:
    """Whether something else may store it: the session that a row of SQLAlchemy belongs to, unless the run closes it and has
    called nothing before that could commit unseen."""
    calls = trace.of(Call)
    closed = next((call for call in calls if call.what == "sqlalchemy.close" and call.order > write.order), None)
    if closed is not None and all(call.known for call in calls if call.order < closed.order):
        return False
    return any(call.what.startswith("sqlalchemy") for call in calls)


def _in_time(gate: Gate, act: Act, trail: tuple[Step, ...]) -> bool:
    """Whether the row of one turn of a loop is marked in that turn, or all of them together with the effects."""
    turn = next((step for step in act.trail if step.node == gate.loop), None)
    if turn is None or turn in trail or act.what.startswith("session."):
        return True  # what a session was given is stored by the commit that stores the mark
    return (act.kind.database or act.deferred) and act.atomic is not None and act.atomic in trail


def _where_it_failed(act: Act, trail: tuple[Step, ...]) -> bool:
    """Whether something stands in a handler of the `try` that an effect stands in: a run that did it passes by."""
    tried = {step.node for step in act.trail if step.kind == "try"}
    return any(step.kind == "handler" and step.node in tried for step in trail)


def _of_its_failure(act: Act, event: Event, trace: Trace) -> bool:
    """Whether something happens where the effect failed, and nothing else can have: it is the last in its `try`."""
    if not _where_it_failed(act, event.trail):
        return False
    block = next((step for step in reversed(act.trail) if step.kind == "try"), None)
    return not any(
        block in e.trail and e.order > act.order and isinstance(e, (Act, Call, Raised)) and not own_failure(e, act)
        for e in trace.events
    )


def own_failure(event: Event, act: Act) -> bool:
    """Whether something happens because of what the effect itself answered: it did not succeed."""
    if isinstance(event, Call) and act.subject.what and event.what.startswith(f"{act.subject.what}()"):
        return True
    told = [hold for hold in event.holds if hold.gate.kind == "result" and hold.gate.order == act.order]
    return any(isinstance(event, (Raised, Retry)) or hold.holds is not True for hold in told)


def _sometimes(trail: tuple[Step, ...]) -> list[Step]:
    return [step for step in trail if step.kind in SOMETIMES]


def _beyond(act: Act, trail: tuple[Step, ...]) -> list[Step]:
    """The conditions of a path that the effect does not share."""
    mine, theirs = _sometimes(trail), _sometimes(act.trail)
    common = 0
    while common < min(len(mine), len(theirs)) and mine[common] == theirs[common]:
        common += 1
    return mine[common:]


def _is_given(act: Act, trail: tuple[Step, ...]) -> bool:
    """Whether it is decided by what a second run finds the same, and does not ask itself on the way to the effect."""
    rest = _beyond(act, trail)
    given = rest[0].given if rest else None
    return given is not None and given.isdisjoint((h.gate.subject, h.gate.name) for h in act.holds)


def _everywhere(act: Act, paths: list[tuple[Step, ...]]) -> bool:
    """Whether every run that performs the effect takes one of the paths."""
    other_arms = {(step.node, arm) for step in act.trail if step.kind == "if" for arm in (0, 1) if arm != step.arm}
    rests = [_beyond(act, trail) for trail in paths]
    return _exhaustive([rest for rest in rests if not any((s.node, s.arm) in other_arms for s in rest)])


def _exhaustive(rests: list[list[Step]]) -> bool:
    if any(not rest for rest in rests):
        return True
    for node in {rest[0].node for rest in rests if rest[0].kind == "if"}:
        arms = [[rest[1:] for rest in rests if rest[0].node == node and rest[0].arm == arm] for arm in (0, 1)]
        if all(_exhaustive(arm) for arm in arms):
            return True
    return False


def handed_on(gate: Gate, trace: Trace) -> bool:
    """Whether a call that cannot be read gets the row, or what it was looked up by, and may write it."""
    keys = {gate.subject, *(value for name, value in _asked(gate.subject).items() if value.startswith("param:"))}
    return any(
        not call.known
        and any(s.key in keys or (s.model and s.model == gate.model) for s in call.takes)
        and not _only_reads(call)
        for call in trace.of(Call)
        if call.order > gate.order
    )


def _only_reads(call: Call) -> bool:
    """Whether a call that cannot be read sets no field of a row that it is given: an exception keeps it, and what gets or shows
    something says so."""
    if call.name[:1].isupper():
        return call.name.endswith(("Error", "Exception"))
    return _SHOWS.search(call.name) is not None


_SHOWS = re.compile(
    r"^_*(get|has|is|can|to|as|was|render|format|serialize|sign|initial|count|calculate|compute|build)_(?!(or|and)_)"
    r"|^(serialize|render|to_representation)$|_(display|url|label|left)$"
)


def _is_locked(gate: Gate, trace: Trace) -> bool:
    return any(write.locked for write in writes(gate, trace))


def _existence(hold: Hold, act: Act, trace: Trace) -> Answer:
    """Rows that were looked for, not found, and are made by this very effect or beside it."""
    model = hold.gate.model
    if not model:
        return Answer.NO
    if hold.holds is True:
        return Answer.MAYBE if _taken(hold.gate, act, trace) else Answer.NO
    if act.kind.name == "create" and model != act.subject.model and _same_rows(model, act.subject.model):
        return Answer.MAYBE
    made = [e for e in trace.of(Act) if e.kind.name == "create" and _same_rows(model, e.subject.model)]
    made = [e for e in made if not is_another(hold.gate, e, trace)]
    kept = [c for c in trace.of(Call) if c.name in _KEEPS and any(rows.model == model for rows in c.takes)]
    own = [e for e in made if e.subject.model == model]
    if any(e is act or covers(e, act) for e in (*own, *kept)) or any(_on_the_same_conditions(e, act) for e in own):
        return Answer.YES if hold.holds is False and not hold.weak else Answer.MAYBE
    # By a relation it may be the same rows; on a condition it may be that the effect succeeded.
    return Answer.MAYBE if any(can_follow(e, act) or can_follow(act, e) for e in (*made, *kept)) else Answer.NO


def is_another(gate: Gate, made: Act, trace: Trace) -> bool:
    """Whether a row that is made is certainly not one of those that were looked for: by another kind, and nothing changes it."""
    entries = made.subject.entries
    return any(
        name in entries
        and entries[name].shape == "const"
        and not _is_same(entries[name].const, _LITERALS.get(text, text.strip("'\"")))
        and not any(write.name in (name, "*") for write in trace.of(Write))
        for name, text in _KNOWN.findall(gate.subject)
    )


def _is_same(one: object, other: object) -> bool:
    return one == other or not isinstance(one, type(other))


def _on_the_same_conditions(made: Act, act: Act) -> bool:
    """Whether every run that comes to an effect made something before it: it does both on the same conditions, as a flag tells."""
    return can_follow(act, made) and all(
        any(mine.gate is its.gate and mine.holds is its.holds for mine in act.holds) for its in made.holds
    )


def _state(hold: Hold, act: Act, trace: Trace) -> Answer:
    """Rows that were looked for by a field, as by a state, which the run then writes: `filter(pk=pk, status="new").exists()`."""
    gate = hold.gate
    if hold.holds is None or not gate.model or gate.order > act.order:
        return Answer.NO
    known = dict(_KNOWN.findall(gate.subject))
    asked_for = gate.subject.removeprefix(f"{gate.model}&").replace("&", ",").replace("pk=", "id=")
    asked = []
    for name in gate.name.split(","):
        row = structs.replace(gate, kind="field", name=name, subject=f"{gate.model}[{asked_for}]")
        constant = _LITERALS.get(known[name], known[name].strip("'\"")) if name in known else None
        among = hold.holds if name in known else True
        field = Hold(row, None, asked=(Sym(shape="const", const=constant),) if name in known else (), among=among)
        if name not in known and (IS_KEY.fullmatch(name) or name == "*"):
            continue
        if not _identifies(structs.replace(field, asked=())):
            asked.append(field)
    # Where there is none, it is so by one of them.
    weak = hold.weak or (not hold.holds and len(asked) > 1)
    return max((_status(structs.replace(field, weak=weak), act, trace) for field in asked), default=Answer.NO)


_KNOWN = re.compile(r"[\[&,](\w+)=('[^']*'|\"[^\"]*\"|True|False|None)")
"""A field that a query looks for by a constant."""
_LITERALS: dict[str, object] = {"True": True, "False": False, "None": None}


def _taken(gate: Gate, act: Act, trace: Trace) -> bool:
    """Whether the rows that were there are deleted by every run that performs an effect: the next one finds none."""
    gone = (e for e in trace.of(Deletion) if e.model == gate.model and e.order > gate.order)
    return any(covers(e, act) or any(step.node == gate.loop for step in e.trail) for e in gone)


_KEEPS = frozenset({"get_or_create", "update_or_create", "bulk_upsert", "upsert", "merge", "save"})
"""What leaves a row behind that it makes only where there is none."""


def _replaced(act: Act, trace: Trace) -> Answer:
    """Whether the same run deleted rows of that class before, or deletes those of earlier runs after it; which those are that
    it deletes later, or by a relation (of no class that is known), is not."""
    best = Answer.NO
    for deleted in trace.of(Deletion):
        if covers(deleted, act) and deleted.model == act.subject.model and deleted.order < act.order:
            return Answer.YES
        if covers(deleted, act) and (deleted.model == act.subject.model or not _short(deleted.model)[:1].isupper()):
            best = Answer.MAYBE
    if any(c.name == "delete" and not c.what and c.order < act.order and covers(c, act) for c in trace.of(Call)):
        best = max(best, Answer.MAYBE)
    return best


def _compared(act: Act, trace: Trace) -> Answer:
    """Whether the run listed rows of that class before, or looked for each of many that it makes together: it may make those
    only that are missing."""
    model = act.subject.model or act.what.partition(".")[0]
    single = frozenset() if act.what.endswith("bulk_create") else _SINGLE
    listed = (
        rows.model
        for call in trace.of(Call)
        if call.what == "orm" and call.name not in single | _KEEPS and call.order < act.order
        for rows in call.takes
    )
    return Answer.MAYBE if any(_same_rows(one, model) for one in listed) else Answer.NO


def _of_new(act: Act, trace: Trace) -> Answer:
    """What guards the new row that this one belongs to: where that is not made again, neither is this."""
    whole = {value.key for value in act.subject.entries.values() if value.key}
    made = (e for e in trace.of(Act) if e.order < act.order and e.kind.name == "create" and e.subject.key in whole)
    return max((verdict(e, trace).later for e in made if covers(e, act)), default=Answer.NO)


_SINGLE = frozenset({"get", "first", "exists", "count"})
"""Questions for one row, or for whether there is any; whoever asks for the latest of them may make the next."""


def _searched(act: Act, trace: Trace) -> Answer:
    """Whether the run asked the same client before what there is: where it makes something on a condition, that may be it."""
    client, called, _ = act.subject.what.partition("()")
    # Of payments what was asked must be those: `stripe.PaymentIntent.search`.
    of = f"{client}()" if called and act.kind.name == "make" else f"{act.subject.what.rpartition('.')[0]}."
    last = max((hold.gate.order for hold in act.holds), default=0)
    if any(step.kind == "if" for step in act.trail):
        last = act.order
    if len(of) == 1 or ".copy" in act.what:
        return Answer.NO
    asked = (c for c in trace.of(Call) if c.order <= last and c.what.startswith(of))
    return Answer.MAYBE if any(_ASKS.search(call.name) for call in asked) else Answer.NO


def _same_rows(found: str, model: str) -> bool:
    """Whether rows that were looked for are of a class, or of a relation that is named after it: `project.versions`."""
    if found == model:
        return True
    relation = _short(found).replace("_", "")
    if not relation or relation[0].isupper():
        return False
    one = relation.removesuffix("set").removesuffix("s")
    return len(one) > 2 and _short(model).lower().endswith(one)

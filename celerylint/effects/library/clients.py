"""Clients of other services, by the catalogue; every other call of a package is noted by its path."""

from __future__ import annotations

import re
from collections.abc import Iterator

from celerylint.effects.catalogue import kinds
from celerylint.effects.catalogue.benign import is_benign, is_kept
from celerylint.effects.catalogue.clients import EFFECTS
from celerylint.effects.catalogue.table import HEADER_KEYS, HEADER_NAMES, Effect, find
from celerylint.effects.events import Act, Call
from celerylint.effects.frames import Site
from celerylint.effects.library.waits import keeps_arguments
from celerylint.effects.symbols import RANDOM, UNKNOWN, Gate, Hold, Sym, names_work
from celerylint.effects.walk import ITEMS, Walker
from celerylint.facts import ir
from celerylint.facts.walk import nodes

_NUMBERING = frozenset({"incr", "incrby", "hincrby"})
_DIGESTS = ("hashlib", "hmac", "uuid", "base64", "json.dumps")
_BY_METHOD = ("request", "urlopen", "send")
_PREPARED = re.compile(r"(requests|httpx)\.(.*\.)?(Request|prepare|prepare_request|build_request)\(\)")
"""A request that is made first and sent later."""
_HTTP = ("urllib", "requests", "httpx", "aiohttp", "urllib3", "authlib", "requests_oauthlib", "http")


def call(walker: Walker, site: Site) -> Sym | None:
    """A call of something that a package provides."""
    if site.base is not None:
        return None
    what = site.callee.what
    if not what:
        return None
    name = what.rpartition(".")[2]
    if what.endswith(".headers.update"):
        _set_headers(walker, site)
    if _ROW.fullmatch(what):
        walker.emit(Call, site.at, what=what, name=name, known=is_benign(what), takes=_handed(site))
        return Sym(what=f"{what}()", key=walker.fresh(what), entries=site.args.keywords)
    if name == "save" and site.holder is not None and _ROW.fullmatch(what.removesuffix("().save")):
        return _saved(walker, site, what.removesuffix("().save"))
    effect = find(EFFECTS, what, _named(site)) or _by_class(what, site) or _by_method(what, name, site)
    effect = effect or _by_value(what, name, site)
    if effect is not None and effect.kind is kinds.HTTP and _only_asks(name, site, _purpose(walker)):
        walker.emit(Call, site.at, what=what, name=name, known=True)
        return Sym(what=f"{what}()")
    acted, harmless = 0, effect is None and is_benign(what)
    if effect is not None:
        _act(walker, site, effect, what)
        acted = walker.now
    else:
        walker.emit(Call, site.at, what=what, name=name, known=harmless, takes=_handed(site))
        if what.startswith("boto3") and "ConditionExpression" in site.args.keywords:
            # It raises where another run has put it, or has changed it.
            gate = Gate("claim", walker.fresh("item"), name=name, at=site.at, order=walker.now)
            walker.holds += (
                Hold(gate, True, sticky=True, weak=not (_only_if_absent(site) or _only_if_unchanged(site))),
            )
    service_name = site.args.get(0, "service_name")
    if what.startswith("boto3") and name in ("client", "resource") and service_name is not None:
        service = service_name.const
        return Sym(what=f"{what}({service})" if isinstance(service, str) else f"{what}()")
    keys = [a.key for a in site.args.all]
    traits = frozenset[str]().union(*(a.traits & RANDOM for a in site.args.all))
    key = f"{what}({','.join(keys)})" if all(keys) and not traits else ""
    asked = "answer" if _ANSWER.match(what) else "kept" if is_kept(what) else "opaque"
    gate = Gate(
        asked,
        ",".join(a.key for a in site.args.all if a.key) if asked != "kept" else what.rpartition(".")[0],
        name=name,
        at=site.at,
        order=walker.now,
        given=any(map(names_work, site.args.all)),
    )
    holds: tuple[Hold, ...] = () if asked == "opaque" and harmless else (Hold(gate, True),)
    if effect is not None:
        holds = (Hold(Gate("result", what, at=site.at, order=acted), True),)
    elif what.startswith(_DOCUMENTS) and (told := _met(walker, site, name)) is not None:
        holds = (Hold(told, True),)
    if (
        effect is not None
        and name in _NUMBERING
        and site.args.positional
        and site.args.positional[0].key
        and not traits
    ):
        # Only the first run gets 1.
        holds += (Hold(Gate("claim", f"cache:{site.args.positional[0].key}", at=site.at, order=acted), None),)
    holds += tuple(Hold(hold.gate, None) for hold in site.callee.holds if hold.gate.kind == "kept")
    kept = traits | (site.callee.traits & RANDOM) if what.startswith(_DIGESTS) else frozenset[str]()
    if name in ("isoformat", "timestamp", "ctime"):
        kept |= site.callee.traits & RANDOM
    entries: dict[str, Sym] = {}
    if keeps_arguments(what) or (name[:1].isupper() and what.partition(".")[0] in EFFECTS):
        entries, kept = site.args.keywords, kept | {"open"} if site.args.open else kept
    items = site.args.positional
    if name in ("prepare", "prepare_request") and what.startswith("requests."):
        request = site.holder if name == "prepare" else items[0] if items else None
        items, entries = (request.items, request.entries) if request is not None else (items, entries)
    return Sym(what=f"{what}()", key=key, traits=kept, holds=holds, items=items, entries=entries)


_ROW = re.compile(r"(?!django\.db\.|pydantic)[\w.]+\.models\.(\w+\.)*[A-Z]\w*")
"""Classes in the `models` of packages: rows, if they are saved."""


def _saved(walker: Walker, site: Site, model: str) -> Sym:
    """`save` of an object that a class of a package's models made: another row, unless it has its key."""
    made, named = site.holder or UNKNOWN, (site.holder or UNKNOWN).entries
    if (made.key, "\0saved") not in walker.attributes and not {"pk", "id"} & named.keys():
        walker.attributes[made.key, "\0saved"] = UNKNOWN
        row = Sym(key=made.key, shape="new", model=model, entries=named)
        walker.emit(Act, site.at, kind=kinds.CREATE, what=f"{model.rpartition('.')[2]}.save", subject=row)
    walker.emit(Call, site.at, what="orm", name="save", known=True, takes=(Sym(model=model, shape="rows"),))
    return UNKNOWN


_ANSWER = re.compile(r"(requests|httpx)\.(.*\.)?get\(\)\.json(\(\).*)?$")
_ASKED = re.compile(
    r"(.*/)?(_?m?search|query|lookup|introspect|(access_?)?tokens?|validate|captcha(/\w+)?|log_?in|sign_?in"
    r"|(get|list|find|fetch|count|search|download)_\w+"
    r"|inquir[ey]|verify|check|status|quotes?|preview|estimate|calculate|convert|geocode"
    r"|completions|embeddings?|predict(ions?)?|infer(ence)?|transcri(be|ptions)|translate|classify|detect|moderations|rerank)/?",
    re.IGNORECASE,
)
"""Where a POST request asks, or has something computed, and changes nothing that matters: searches, tokens, logins,
`/files/list_folder`, `/v1/embeddings`."""
_TAKES_AWAY = re.compile(
    r"(.*/)?(un(link|register|subscribe|publish|assign|set|follow|lock|mute)|delete|remove|revoke|disable|deactivate|log_?out"
    r"|archive|cancel|close|(set|upsert|replace|overwrite)([_-]\w+)?)/?",
    re.IGNORECASE,
)
"""Where a POST request takes away, ends or sets what a second one finds so."""
_METHODS = re.compile(
    r"(?!\w+://[^/]*$)"  # a host is no method: `https://shop.info`
    r"((.*/)?[a-z]\w*(\.\w+)*\.(list|info|history|members|replies|test|get\w*|update|edit|delete|remove|set\w*|open|join|invite"
    r"|rename|archive|unarchive|revoke|publish|mark)"
    r"|(.*/)?(get|edit|set|delete|pin|unpin|ban|unban|answerCallback|sendChatAction)([A-Z]\w*)?)"
)
"""Methods of that kind by which Slack (`chat.update`) and Telegram (`editMessageText`) are called."""


def _only_asks(name: str, site: Site, purpose: str) -> bool:
    """Whether the address of a request, what it is for, or the function that makes it says that it is a question, takes
    something away, or sets it."""
    if "grant_type" in _named(site) or _queries(site):
        return True
    if _GETS.match(purpose):
        return True
    url = site.args.get(1 if name == "request" else 0, "url")
    if url is None:
        return False
    if url.what.endswith("urljoin()") and url.items:
        url = url.items[-1]
    end = url.items[-1] if url.shape == "text" and url.items else url
    if end.shape != "const" or not isinstance(end.const, str):
        return False
    return any(pattern.fullmatch(end.const) is not None for pattern in (_ASKED, _TAKES_AWAY, _METHODS))


def _purpose(walker: Walker) -> str:
    """The name of the function that makes a request, or has one of the project's own clients make it."""
    names = (getattr(frame.node, "name", "") for frame in reversed(walker.frames[1:]))
    return next((name for name in names if name and not _PASSES.fullmatch(name)), "")


_GETS = re.compile(
    r"_*(get|fetch|search|look_?up|find|query|list|read|load|retrieve|count|set|upsert|replace|overwrite)_"
    r"(?!\w*(or|and)_)\w*[a-z]"
)
"""Functions whose names say that they ask, or set what a second run sets to the same; the task itself is none of them."""
_PASSES = re.compile(
    r"_*((make|do|api|http|send|perform)_)?(request|post|call|api|execute|send|invoke|wrapper|inner|wrapped)"
    r"(_(request|json|api|http|url|data|form))?"
)
"""Functions that hand on what others ask for."""


def _queries(site: Site) -> bool:
    """Whether a request carries a query of GraphQL, which is no mutation."""
    body = site.args.get(None, "json")
    query = body.entries.get("query") if body is not None else None
    return query is not None and isinstance(query.const, str) and _QUERY.match(query.const) is not None


_QUERY = re.compile(r"\s*(query\b|\{)")


def _only_if_absent(site: Site) -> bool:
    """Whether DynamoDB stores an item only if there is none."""
    asked = site.args.keywords.get("ConditionExpression")
    if asked is None:
        return False
    return asked.what.endswith("not_exists()") or "attribute_not_exists" in str(asked.const)


def _only_if_unchanged(site: Site) -> bool:
    """Whether DynamoDB changes an item only while a field of it is what the same call then sets anew."""
    called = {keyword.name: keyword.value for keyword in site.node.keywords}
    names = site.args.keywords.get("ExpressionAttributeNames", UNKNOWN).entries
    said = list(nodes(called["ConditionExpression"])) if "ConditionExpression" in called else []
    asked = _FIELD.findall(" ".join(str(part.value) for part in said if isinstance(part, ir.Const)))
    written = _SET_FIELD.findall(str(site.args.keywords.get("UpdateExpression", UNKNOWN).const))
    meant = [{str(names[each].const) if each in names else each for each in found} for found in (asked, written)]
    return bool(meant[0] & meant[1])


_FIELD = re.compile(r"(?<!:)#?\b\w+")
_SET_FIELD = re.compile(r"(#?\w+)\s*=")


_DOCUMENTS = ("pymongo", "motor")


def _excludes(site: Site) -> bool:
    """Whether an update of a document asks for one that it has not changed: `{"tags": {"$ne": tag}}` with `$push` of a tag, or
    for the state that it then sets."""
    asked, given = site.args.get(0, "filter") or UNKNOWN, site.args.get(1, "update") or UNKNOWN
    pushed = (
        given.entries.get("$push", UNKNOWN).entries.keys(),
        given.entries.get("$addToSet", UNKNOWN).entries.keys(),
    )
    grown = {name.partition(".")[0] for names in pushed for name in names}
    lacks = {name.partition(".")[0] for name, value in asked.entries.items() if value.entries.keys() & _LACKS}
    changed = given.entries.get("$set", UNKNOWN).entries
    return bool(grown & lacks) or any(
        asked.entries[name].key != changed[name].key for name in asked.entries.keys() & changed.keys()
    )


_LACKS = frozenset({"$ne", "$nin", "$not"})


def _met(walker: Walker, site: Site, name: str) -> Gate | None:
    """What an update of a document tells: whether it was the first to change the field that it asks for, or made the document."""
    asked, given = site.args.get(0, "filter") or UNKNOWN, site.args.get(1, "update") or UNKNOWN
    if not name.startswith(("update_", "find_one_and_")) or not asked.entries:
        return None
    upserts = site.args.keywords.get("upsert")
    subject = walker.fresh("document")
    if upserts is not None and upserts.const is True and given.entries.keys() == {"$setOnInsert"}:
        return Gate("created", subject, at=site.at, order=walker.now)
    fields = asked.entries.keys() & given.entries.get("$set", UNKNOWN).entries.keys()
    return Gate("swapped", subject, "", ",".join(sorted(fields)), site.at, walker.now) if fields else None


def _handed(site: Site) -> tuple[Sym, ...]:
    return tuple(a for a in site.args.all if a.shape in ("row", "new", "object") and a.key)


_CLIENTS = re.compile(r"(?P<package>\w[\w.]*)\.(?P<name>\w*(redis|hubspot)\w*)\(\)\.(?P<rest>.+)", re.IGNORECASE)
"""Classes of other packages that are named after the client that they are, or hold."""


def _by_class(what: str, site: Site) -> Effect | None:
    """`RedisClient().incr` of a package that nobody knows."""
    lower = what.lower()
    found = _CLIENTS.fullmatch(what) if "redis" in lower or "hubspot" in lower else None
    if found is None or found["package"].partition(".")[0] in EFFECTS:
        return None
    return find(EFFECTS, f"{found[3].lower()}.{found['name']}().{found['rest']}", _named(site))


_SENDS = re.compile(r"(?!.*\btest)[\w.]+\.\w*(Client|Session|Api|API|HTTP|Http)\w*\(\)")
"""What classes of clients are called, of packages that nobody knows; those of tests ask nobody."""
_BODY = frozenset({"json", "data", "files", "headers", "timeout"})
"""Arguments that `post` of all libraries for HTTP has."""


def _by_method(what: str, name: str, site: Site) -> Effect | None:
    """`request("POST", ...)`."""
    root = what.partition(".")[0].removesuffix("()")
    if name == "post" and root not in EFFECTS and _SENDS.match(what) and not _BODY.isdisjoint(site.args.keywords):
        return Effect("", kinds.HTTP)
    if root not in _HTTP or name not in _BY_METHOD:
        return None
    position = 0 if name == "request" or root == "urllib3" else None
    method = site.args.get(position, "method")
    if root == "urllib":
        request = site.args.get(0, "url", "fullurl") or UNKNOWN
        method = request.entries.get("method")
        data = site.args.get(1, "data") or request.entries.get("data") or UNKNOWN
        if method is None and data is not UNKNOWN and not (data.shape == "const" and data.const is None):
            return Effect("", kinds.HTTP)
    if name == "send":
        request = site.args.get(0, "request") or UNKNOWN
        made = request.items[0] if request.items else None
        method = request.entries.get("method", made) if _PREPARED.fullmatch(request.what) else None
    if method is None or not isinstance(method.const, str):
        return None
    if method.const.upper() == "POST":
        return Effect("", kinds.HTTP)
    return Effect("", kinds.PATCH) if method.const.upper() == "PATCH" else None


def _by_value(what: str, name: str, site: Site) -> Effect | None:
    """`document.update({"count": firestore.Increment(1)})`."""
    if not what.startswith("google.cloud.firestore") or name not in ("update", "set", "create"):
        return None
    values = (value for given in site.args.all for value in given.entries.values())
    return Effect("", kinds.STORE) if any(value.what.endswith(".Increment()") for value in values) else None


def _act(walker: Walker, site: Site, effect: Effect, what: str) -> None:
    key = _key(effect, site)
    if key is None and effect.kind.name in ("http", "payment"):
        key = next((found for headers in _headers(walker, site) if (found := _header(headers)) is not None), None)
    if key is None and effect.keys and "open" in frozenset[str]().union(*(a.traits for a in site.args.all)):
        key = UNKNOWN
    if key is None and ((effect.keys and site.args.open) or (what.startswith(_DOCUMENTS) and _excludes(site))):
        key = UNKNOWN
    named = site.args.get(0, "name") if effect.kind is kinds.NAMED else None
    kind = kinds.FILE if named is not None and named.random else effect.kind
    walker.emit(Act, site.at, kind=kind, what=_shown(what), subject=Sym(what=what), key=key)


def _named(site: Site) -> dict[str, Sym]:
    """What a call is given under a name, keys of dicts among them, and what it is given first."""
    out = dict(site.args.keywords)
    if site.args.positional:
        out["0"] = site.args.positional[0]
    for given in site.args.all:
        if given.entries:
            out = {**given.entries, **out}
    return out


def _key(effect: Effect, site: Site) -> Sym | None:
    """What makes the other side recognise a repeat: an argument, or an entry of one: `options={"idempotency_key": ...}`."""
    for name in effect.keys:
        held = site.args.keywords.get(name)
        if held is not None and held.shape != "dict":
            return held
    if effect.kind is kinds.INDEX:
        return None  # what the document holds is not its id
    for given in site.args.all:
        for entries in (given.entries, *(item.entries for item in given.items)):
            for name in effect.keys:
                if name in entries:
                    return entries[name]
    return None


def _headers(walker: Walker, site: Site) -> Iterator[Sym | None]:
    """The headers of a request: given to the call, to the session when it was made, or set on it later."""
    yield site.args.keywords.get("headers")
    for request in site.args.positional[:1]:
        yield request.entries.get("headers")
    if site.holder is not None:
        yield site.holder.entries.get("headers")
        yield walker.attributes.get((f"{site.holder.key}.headers", ITEMS))


def _header(headers: Sym | None) -> Sym | None:
    """The idempotency key among headers, also where these cannot be read to their end."""
    if headers is None:
        return None
    for name, value in headers.entries.items():
        if name.lower() in HEADER_KEYS or (name.lower() in HEADER_NAMES and not value.random):
            return value
    return None


def _set_headers(walker: Walker, site: Site) -> None:
    """`session.headers.update({...})`."""
    for given in site.args.positional:
        for name, value in given.entries.items():
            walker.set_item(site.holder or UNKNOWN, name, value, site.at)


def _shown(what: str) -> str:
    """The path as one would write it."""
    return what.replace("()", "")

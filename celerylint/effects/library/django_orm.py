"""Django's ORM: managers, querysets, rows, and what waits for the commit."""

from __future__ import annotations

import re

import msgspec

from celerylint.effects.catalogue import kinds
from celerylint.effects.events import Act, Call, Deletion, Save, Write
from celerylint.effects.frames import Args, Site
from celerylint.effects.managers import behind
from celerylint.effects.models import MANAGERS, columns, counts, short
from celerylint.effects.models import column as column_trait
from celerylint.effects.records import THERE, column, columns_of, is_document, is_record, item, picked, records, single
from celerylint.effects.symbols import OF, UNKNOWN, Gate, Hold, Sym, constant, missing
from celerylint.effects.unique import is_refused
from celerylint.effects.walk import Walker
from celerylint.facts import ir
from celerylint.model.values import At, ClassValue, Entry, External, FunctionValue

_NARROWS = frozenset({"filter", "get_queryset", "filter_by", "where"})
_CHAINS = frozenset({
    "all", "order_by", "select_related", "prefetch_related", "annotate", "alias", "distinct",
    "using", "only", "defer", "iterator",
    "reverse", "none", "union", "intersection", "difference", "extra", "limit", "offset", "options", "join",
    "outerjoin", "group_by",
    "having", "with_entities", "execution_options", "yield_per", "populate_existing", "unique", "aiterator",
})  # fmt: skip
_ROWS = frozenset({
    "get", "first", "last", "latest", "earliest", "one", "one_or_none", "scalar_one", "scalar_one_or_none", "first_or_404",
    "get_or_404", "scalar", "get_by_natural_key", "fetchone",
})  # fmt: skip
_MAYBE = frozenset({"first", "last", "one_or_none", "scalar_one_or_none", "scalar", "fetchone"})
_RELATION = frozenset({"rowattr"})
_PLACED = frozenset({"first", "last", "latest", "earliest"})
"""Rows that are asked for by their place in an order."""
_ASYNC = frozenset({"acreate", "aget", "asave", "aupdate", "adelete", "afirst", "alast", "aexists", "acount", "aget_or_create",
                    "aupdate_or_create", "abulk_create", "abulk_update", "arefresh_from_db"})  # fmt: skip
_VERBS = frozenset(
    {"create", "get_or_create", "update_or_create", "bulk_create", "update", "delete", "exists", "count", "bulk_update"}
)
_FORMS = re.compile(r"\.(\w*ModelForm|\w*Serializer)\.save$")
_RELATED = (
    _VERBS
    | _CHAINS
    | _ROWS
    | _NARROWS
    | {"exclude", "add", "set", "remove", "clear", "values", "values_list", "aggregate"}
)
_DATA = frozenset(
    {"values", "values_list", "aggregate", "in_bulk", "dates", "datetimes", "explain", "contains", "mappings", "tuples"}
)


def call(walker: Walker, site: Site) -> Sym | None:
    """A call of a manager, queryset or row, or of one of Django's shortcuts."""
    base = site.base
    if base is None:
        return _function(walker, site)
    name = site.name[1:] if site.name in _ASYNC else site.name
    if base.what:
        model, _, last = base.what.rpartition(".")
        if last not in MANAGERS:
            return None
        model = model.removesuffix("()")
        base = Sym(shape="manager", model=model, key=model)
    elif is_document(base) and (held := _in_document(walker, base, name, site)) is not None:
        return held
    elif not base.shape and "rowattr" in base.traits and name in _RELATED:
        base = Sym(shape="manager", model=base.model or base.key, key=base.key, traits=_RELATION)
    elif not base.shape and "rowattr" in base.traits and name == "save" and len(site.args.positional) > 1:
        return _file_saved(walker, base, site)
    elif not base.shape and "rowattr" in base.traits and name == "save" and not site.args.positional:
        return _row(walker, msgspec.structs.replace(base, shape="row"), name, site)  # the row that it refers to
    elif not base.shape and name in _RELATED and _is_objects(site):
        base = Sym(shape="manager", model="?", key=walker.fresh("objects"))
    if base.shape in ("rows", "manager"):
        return query(walker, base, name, site)
    if name == "items" and is_record(base):
        return Sym(shape="items", items=(base,))
    if name in ("get", "_asdict") and is_record(base):
        return column(walker, base, site.args.positional[0].const, site.at) if site.args.positional else base
    if base.shape in ("row", "new"):
        return _row(walker, base, name, site)
    if base.shape == "object" and name == "save" and base.cls is not None:
        return _form(walker, base, base.cls, site)
    return None


def _in_document(walker: Walker, field: Sym, name: str, site: Site) -> Sym | None:
    """`row.data.get("sent")`, `row.data.update({...})`: of a manager both would be given keywords."""
    given = site.args.positional
    if name in ("get", "setdefault") and given and isinstance(given[0].const, str):
        if name == "setdefault":
            walker.set_item(field, given[0].const, given[1] if len(given) > 1 else UNKNOWN, site.at)
        return item(field, given[0].const)
    if name == "update" and given and given[0].shape == "dict":
        for key, value in given[0].entries.items():
            walker.set_item(field, key, value, site.at)
        return UNKNOWN
    return None


def _is_objects(site: Site) -> bool:
    holder = getattr(site.node.func, "value", None)
    return isinstance(holder, ir.Attr) and holder.attr == "objects"


# --- functions --------------------------------------------------------------------------------------------------------


def _function(walker: Walker, site: Site) -> Sym | None:
    what, args = site.callee.what, site.args
    if what.endswith("transaction.on_commit") and args.positional:
        with walker.within("deferred", id(site.node)):
            walker.apply(args.positional[0], site.but(name="on_commit", args=Args((), {}, site.at)))
        return UNKNOWN
    if what.startswith("django.db.models.") and what.endswith(".F") and args.positional:
        name = args.positional[0].const
        return Sym(what=f"{what}()", traits=column_trait(name) if isinstance(name, str) else frozenset())
    if what.startswith("django.db.models.") and what.endswith(".Q"):
        return Sym(what=f"{what}()", fields=_constraints(args)[0])
    if what.startswith(("django.db.models.", "sqlalchemy.func.", "sqlalchemy.case")):
        return Sym(what=f"{what}()", traits=frozenset[str]().union(*(a.traits for a in args.all)))
    if what in ("django.shortcuts.get_object_or_404", "django.shortcuts.aget_object_or_404") and args.positional:
        source = _as_rows(walker, args.positional[0])
        return query(walker, source, "get", site.but(args=args.but(positional=args.positional[1:])))
    return None


def _as_rows(walker: Walker, source: Sym) -> Sym:
    if source.shape in ("rows", "manager"):
        return source
    return (
        walker.manager(source, "objects")
        if source.value is not None
        else Sym(shape="manager", model=source.what, key=source.key)
    )


# --- queries ----------------------------------------------------------------------------------------------------------


def _constraints(args: Args) -> tuple[frozenset[str], str]:
    """The fields that a query asks for, and the text of what it asks."""
    names = {name.partition("__")[0] for name in args.keywords if name != "defaults"}
    parts = [f"{name}={value.key or '?'}" for name, value in sorted(args.keywords.items()) if name != "defaults"]
    parts += [value.key or "?" for value in args.positional]
    if args.open:
        names.add("*")
        parts.append("?")
    fields = frozenset(names).union(*(value.fields for value in args.positional))
    return fields, ",".join(parts)


_HANGS = re.compile(r"django\.db\.models\..*\b(Exists|Subquery|Count|Sum|Max|Min|FilteredRelation)\(\)")
"""What asks for rows that hang on others."""


def _lack(rows: Sym, args: Args, *, excluded: bool = False) -> bool:
    """Whether rows are asked for that lack what hangs on them: `filter(~Exists(receipts))`, `filter(receipts_count=0)`."""
    for name, value in args.keywords.items():
        alias, _, asked = name.partition("__")
        if f"alias:{alias}" in rows.traits and _is_so_of_none(asked, value) is not excluded:
            return True
    return any(_HANGS.fullmatch(value.what) for value in args.positional)


def _is_so_of_none(asked: str, given: Sym) -> bool:
    """Whether a lookup holds of a row that nothing hangs on."""
    if asked in ("", "exact"):
        return given.shape == "const" and not given.const
    return asked in ("lt", "lte") or (asked == "isnull" and given.const is True)


def _turned(args: Args) -> Args | None:
    """What `filter` asks for what `exclude(sent_at__isnull=False)` leaves; None for all else."""
    asked = args.keywords
    if len(asked) != 1 or args.positional or args.open:
        return None
    (name, value), *_ = asked.items()
    if not name.endswith("__isnull") or not isinstance(value.const, bool):
        return None
    return args.but(keywords={name: constant(not value.const)})


def _key(rows: Sym, walker: Walker, asked: str) -> str:
    """Which row: two queries that ask the same of one model mean the same row."""
    if not asked or "?" in asked:
        return walker.fresh(rows.model)
    for spelled in ("pk=", "id="):
        # `Order.objects.get(pk=order.pk)` is that order.
        if (
            asked.startswith(spelled)
            and asked.endswith(".pk")
            and "," not in asked
            and asked[len(spelled) :].startswith(rows.model)
        ):
            return asked[len(spelled) : -len(".pk")]
    return f"{rows.model}[{asked.replace('pk=', 'id=')}]"


def query(walker: Walker, rows: Sym, name: str, site: Site) -> Sym | None:
    """A method of a manager or queryset."""
    args = site.args
    inherited, name = name.startswith("super:"), name.removeprefix("super:")
    name = name[1:] if name in _ASYNC else name
    if name == "model":
        return walker.apply(walker.attribute(rows, name, site.at), site.but(base=None))
    if name not in _RELATED and name not in _DATA and name not in _OTHERS:
        return UNKNOWN if inherited else _own_method(walker, rows, site)
    if name in _VERBS and not inherited and (own := _overridden(walker, rows, name)) is not None:
        return walker.enter(own, args.but(positional=(rows, *args.positional)), rows)
    if name in _NARROWS:
        fields, asked = _constraints(args)
        fields |= columns(site.node.args)
        key = f"{rows.key}&{asked}" if asked and "?" not in asked and rows.key else walker.fresh(rows.model)
        narrowed = msgspec.structs.replace(rows, shape="rows", fields=rows.fields | fields, key=key)
        told = tuple(h for h in rows.holds if h.gate.kind == "opaque")
        if _lack(rows, args) or any(v.random for name, v in args.keywords.items() if "__" not in name):
            told += (missing(site.at, walker.now),)  # by what hangs on them, or what this very run has marked
        return msgspec.structs.replace(narrowed, holds=(_existence(walker, narrowed, narrowed.fields, site), *told))
    if name in ("select_for_update", "with_for_update"):
        return msgspec.structs.replace(rows, shape="rows", locked=True)
    if name == "exclude" and (turned := _turned(args)) is not None:
        return query(walker, rows, "filter", site.but(args=turned))
    if name == "exclude":
        excluded = msgspec.structs.replace(rows, shape="rows", fields=rows.fields | _constraints(args)[0])
        among = any(key.endswith("__in") for key in args.keywords) or _lack(rows, args, excluded=True)
        return (
            msgspec.structs.replace(excluded, holds=(*rows.holds, missing(site.at, walker.now))) if among else excluded
        )
    if name == "difference":
        return msgspec.structs.replace(rows, shape="rows", holds=(*rows.holds, missing(site.at, walker.now)))
    if name in ("annotate", "alias"):
        hanging = frozenset(f"alias:{alias}" for alias, value in args.keywords.items() if _HANGS.fullmatch(value.what))
        return msgspec.structs.replace(rows, shape="rows", traits=rows.traits | hanging)
    if name in _CHAINS:
        return msgspec.structs.replace(rows, shape="rows")
    if name in _ROWS:
        return _one(walker, rows, name, site)
    if name in ("exists", "count"):
        _, asked = _constraints(args)
        asked_rows = (Sym(key=rows.key, model=rows.model, shape="rows"),)
        walker.emit(Call, site.at, what="orm", name=name, known=True, takes=asked_rows)
        return Sym(holds=(_existence(walker, rows, rows.fields, site),))
    if name in _VERBS:
        return _VERB_TABLE[name](walker, rows, site)
    if name in ("add", "set", "remove", "clear"):
        walker.emit(Call, site.at, what="orm", name=name, known=True)
        walker.emit(Write, site.at, subject=rows.key.rpartition(".")[0], model=rows.model.rpartition(".")[0],
                    name=rows.key.rpartition(".")[2], saved=True)  # fmt: skip
        return UNKNOWN
    if name == "all" or name == "scalars":
        return rows
    listed = (Sym(key=rows.key, model=rows.model, shape="rows"),) if name in _DATA else ()
    walker.emit(Call, site.at, what="orm", name=name, known=True, takes=listed)
    hold = _existence(walker, rows, rows.fields, site)
    if name == "in_bulk":
        return msgspec.structs.replace(rows, shape="rows", key=walker.fresh(rows.model), holds=(hold,))
    if name in ("values", "values_list"):
        named = [value.const if isinstance(value.const, str) else "" for value in args.positional]
        only = args.keywords.get("flat", UNKNOWN).const is True
        made = records(msgspec.structs.replace(rows, shape="rows"), named, single=only)
        return msgspec.structs.replace(made, holds=(hold,))
    return Sym(holds=(hold,), key=f"{rows.key}.{name}" if rows.key else "")


_OTHERS = frozenset({"select_for_update", "with_for_update", "scalars", "execute", "fetchall", "returning"})


def _own_method(walker: Walker, rows: Sym, site: Site) -> Sym | None:
    """A method that the project's manager or queryset defines."""
    own = _overridden(walker, rows, site.name)
    if own is not None:
        return walker.apply(Sym(value=own, items=(rows,)), site.but(base=None))
    walker.unread_call(site.args, site.name, rows)
    return msgspec.structs.replace(rows, shape="rows", key=walker.fresh(rows.model))


def _overridden(walker: Walker, rows: Sym, name: str) -> FunctionValue | None:
    """A method of the manager that the project's model defines, where it has been read."""
    cls = rows.cls or walker.row_class(rows, name)
    if cls is None:
        return None
    own = [item.value for item in rows.items] or behind(walker, cls, "objects")
    found = (walker.method(one, name) for one in own if isinstance(one, ClassValue))
    return next((method for method in found if method is not None), None)


def _one(walker: Walker, rows: Sym, name: str, site: Site) -> Sym:
    """One row of a query."""
    fields, asked = _constraints(site.args)
    fields |= rows.fields
    whole = f"{rows.key}&{asked}" if rows.shape == "rows" and asked else rows.key if rows.shape == "rows" else ""
    key = _key(rows, walker, asked) if rows.shape == "manager" else _chained(rows, whole, walker)
    row = Sym(
        key=key, shape="row", model=rows.model, cls=rows.cls, fields=fields, locked=rows.locked, value=rows.value,
        entries=columns_of(single(rows) if name.startswith("scalar") else rows),
    )  # fmt: skip
    asked_rows = Sym(key=rows.key, model=rows.model, shape="rows", fields=fields)
    asked_as = name if name in _PLACED else "get"
    walker.emit(Call, site.at, what="orm", name=asked_as, known=True, takes=(asked_rows,))
    lock = (Hold(Gate("locked", row.key, row.model, at=site.at, order=walker.now), True, True),) if rows.locked else ()
    if name in _MAYBE:
        hold = _existence(walker, rows, fields, site)
        asked_for = (msgspec.structs.replace(h, when=True) for h in walker.row_holds(row, row, site.at))
        found = msgspec.structs.replace(row, holds=(hold, *asked_for, *(Hold(each.gate, True) for each in lock)))
        return picked(walker, found, site.at)
    walker.holds += tuple(Hold(h.gate, None, True) for h in walker.row_holds(row, row, site.at)) + lock
    walker.attributes[row.key, THERE] = UNKNOWN
    return picked(walker, row, site.at)


def _existence(walker: Walker, rows: Sym, fields: frozenset[str], site: Site) -> Hold:
    """Whether there are rows; the gate's name are the fields that they are looked for by, `*` among them if not all are known."""
    gate = Gate("exists", rows.key, rows.model, ",".join(sorted(fields)), site.at, walker.now, loop=walker.loop)
    return Hold(gate, True)


def _chained(rows: Sym, whole: str, walker: Walker) -> str:
    """The row of `filter(...).get()`: as `get(...)` would name it."""
    if not whole or "#" in whole:
        return walker.fresh(rows.model)
    asked = whole.removeprefix(rows.model).lstrip("&")
    return f"{rows.model}[{asked.replace('pk=', 'id=')}]"


# --- verbs ------------------------------------------------------------------------------------------------------------


def _manager(rows: Sym) -> str:
    """`Order.objects`, or `Order.lines` of a relation."""
    model, _, relation = rows.model.rpartition(".")
    return f"{short(model)}.{relation}" if model and rows.traits >= _RELATION else f"{short(rows.model)}.objects"


def _new(walker: Walker, rows: Sym, args: Args) -> Sym:
    whole, related, _ = rows.key.rpartition(".")
    of = {OF: Sym(key=whole)} if related and rows.traits >= _RELATION else {}
    return Sym(
        key=walker.fresh(rows.model),
        shape="new",
        model=rows.model,
        cls=rows.cls,
        value=rows.value,
        entries={**args.keywords, **of},
        traits=frozenset({"open"}) if args.open else frozenset(),
    )


def _create(walker: Walker, rows: Sym, site: Site) -> Sym:
    row = _new(walker, rows, site.args)
    if not is_made(walker, row):
        walker.emit(Call, site.at, what="orm", name="create", known=True)
        return row
    walker.emit(Act, site.at, kind=kinds.CREATE, what=f"{_manager(rows)}.create", subject=row)
    walker.attributes[row.key, "\0saved"] = UNKNOWN
    ends_a_second_run(walker, row, site.at)
    return row


def ends_a_second_run(walker: Walker, row: Sym, at: At, *, stored: bool = True) -> None:
    """Note that a second run goes no further than this new row where it must be unique, unless it is rolled back with the rest."""
    if is_refused(walker.machine, row):
        gate = Gate("claim", row.key, row.model, at=at, order=walker.now)
        weak = not stored or any(step.kind == "atomic" for step in walker.trail)
        walker.holds += (Hold(gate, True, sticky=True, weak=weak),)


def _bulk_create(walker: Walker, rows: Sym, site: Site) -> Sym:
    for flag in ("ignore_conflicts", "update_conflicts"):
        held = site.args.keywords.get(flag)
        if held is not None and held.const is not False:
            kept = Sym(model=rows.model, shape="rows")
            walker.emit(Call, site.at, what="orm", name="bulk_upsert", known=True, takes=(kept,))
            return UNKNOWN
    before = walker.holds
    walker.holds += walker.chosen(site.args.get(0, "objs") or UNKNOWN)
    walker.emit(
        Act,
        site.at,
        kind=kinds.CREATE,
        what=f"{_manager(rows)}.bulk_create",
        subject=_new(walker, rows, Args((), {}, site.at)),
    )
    walker.holds = before
    return UNKNOWN


def _get_or_create(walker: Walker, rows: Sym, site: Site) -> Sym:
    lookups = {name: value for name, value in site.args.keywords.items() if name != "defaults"}
    if any(value.random for value in lookups.values()):
        return Sym(shape="tuple", items=(_create(walker, rows, site), UNKNOWN))
    _fields, asked = _constraints(site.args)
    key = _key(rows, walker, asked)
    row = Sym(key=key, shape="row", model=rows.model, cls=rows.cls, value=rows.value, locked=rows.locked)
    walker.emit(Call, site.at, what="orm", name=site.name, known=True, takes=(Sym(model=rows.model, shape="rows"),))
    for name in (site.args.keywords.get("defaults") or UNKNOWN).entries if site.name == "update_or_create" else ():
        walker.emit(Write, site.at, subject=key, model=rows.model, name=name, saved=True)
    created = Hold(Gate("created", key, rows.model, at=site.at, order=walker.now), True)
    walker.attributes[key, THERE] = UNKNOWN
    return Sym(shape="tuple", items=(row, Sym(holds=(created,))))


def _update(walker: Walker, rows: Sym, site: Site) -> Sym:
    given = {**site.args.keywords}
    for value in site.args.positional:
        given.update(value.entries)
    key = _chained(rows, rows.key, walker)
    for name, value in given.items():
        if counts(value, name):
            walker.emit(
                Act,
                site.at,
                kind=kinds.COUNTER,
                what=f"{short(rows.model)}.{name}",
                subject=msgspec.structs.replace(rows, key=key),
            )
        walker.emit(Write, site.at, subject=key, model=rows.model, name=name, saved=True, value=value)
    walker.emit(Call, site.at, what="orm", name="update", known=True)
    swapped = rows.fields & given.keys()
    if not swapped:
        return UNKNOWN
    gate = Gate("swapped", key, rows.model, ",".join(sorted(swapped)), site.at, walker.now)
    return Sym(holds=(Hold(gate, True),))


def _delete(walker: Walker, rows: Sym, site: Site) -> Sym:
    walker.emit(Deletion, site.at, model=rows.model)
    return UNKNOWN


def _exists(walker: Walker, rows: Sym, site: Site) -> Sym:
    return UNKNOWN


def _bulk_update(walker: Walker, rows: Sym, site: Site) -> Sym:
    fields = site.args.get(1, "fields")
    for field in fields.items if fields is not None else ():
        if isinstance(field.const, str):
            walker.emit(Write, site.at, subject=rows.key, model=rows.model, name=field.const, saved=True)
    walker.emit(Save, site.at, subject="", model=rows.model)
    return UNKNOWN


_VERB_TABLE = {
    "create": _create, "bulk_create": _bulk_create, "get_or_create": _get_or_create,
    "update_or_create": _get_or_create,
    "update": _update, "delete": _delete, "exists": _exists, "count": _exists, "bulk_update": _bulk_update,
}  # fmt: skip


def is_made(walker: Walker, row: Sym) -> bool:
    """Whether saving a row makes another one: not where it was given a key that is the same in every run."""
    key = walker.attributes.get((row.key, "\0pk")) or row.entries.get("pk") or row.entries.get("id")
    if key is None:
        return row.shape == "new"
    return key.random or (key.shape == "const" and key.const is None)


# --- rows -------------------------------------------------------------------------------------------------------------


def _row(walker: Walker, row: Sym, name: str, site: Site) -> Sym | None:
    inherited = name.startswith("super:")
    plain = name.removeprefix("super:")
    if plain == "email_user" and row.cls is None:
        walker.emit(Act, site.at, kind=kinds.MAIL, what=f"{short(row.model)}.email_user", subject=row)
        return UNKNOWN
    if plain not in ("save", "delete", "refresh_from_db", "full_clean", "clean", "save_base", "update"):
        return UNKNOWN if inherited else None
    if not inherited and row.cls is not None and isinstance(walker.machine.class_entry(row.cls, plain), Entry):
        return None
    if plain in ("save", "save_base"):
        stored = (row.key, "\0saved") in walker.attributes or any(_is_stored(hold, row) for hold in walker.holds)
        if not stored and is_made(walker, row):
            walker.attributes[row.key, "\0saved"] = UNKNOWN
            walker.emit(Act, site.at, kind=kinds.CREATE, what=f"{short(row.model)}.save", subject=row)
            ends_a_second_run(walker, row, site.at)
        named = site.args.get(3, "update_fields")
        fields = (
            frozenset(i.const for i in named.items if isinstance(i.const, str)) if named is not None else frozenset()
        )
        walker.emit(Save, site.at, subject=row.key, model=row.model, fields=fields)
    elif plain == "delete":
        walker.emit(Deletion, site.at, model=row.model)
    elif plain == "update":
        for field in site.args.keywords:
            walker.emit(Write, site.at, subject=row.key, model=row.model, name=field, saved=True)
    kept = (Sym(model=row.model, shape="rows"),) if row.shape == "new" else ()
    walker.emit(Call, site.at, what="orm", name=plain, known=True, takes=kept)
    return UNKNOWN


def _file_saved(walker: Walker, field: Sym, site: Site) -> Sym:
    """`row.file.save(name, content)`: the row is saved with its file."""
    key, model = field.key.rpartition(".")[0], field.model.rpartition(".")[0]
    save = site.args.get(2, "save")
    if save is None or save.const is not False:
        if "new" in field.traits and (key, "\0saved") not in walker.attributes:
            walker.attributes[key, "\0saved"] = UNKNOWN
            what = f"{short(model)}.{field.model.rpartition('.')[2]}.save"
            walker.emit(Act, site.at, kind=kinds.CREATE, what=what, subject=Sym(key=key, shape="new", model=model))
        walker.emit(Save, site.at, subject=key, model=model)
    walker.emit(Call, site.at, what="orm", name="save", known=True)
    return UNKNOWN


def _is_stored(hold: Hold, row: Sym) -> bool:
    """Whether a new row was asked for its key, and has one: it was saved before."""
    return hold.gate.kind == "stored" and hold.gate.subject == row.key and hold.holds is True


# --- forms and serializers --------------------------------------------------------------------------------------------


def _form(walker: Walker, form: Sym, cls: ClassValue, site: Site) -> Sym | None:
    """`save` of a form or serializer whose own code does not define it: of the row it was given, or of one more."""
    entry = walker.machine.class_entry(cls, "save")
    if not isinstance(entry, External) or not _FORMS.search(entry.dotted):
        return None
    instance = walker.attributes.get((form.key, "instance"))
    if instance is None and "serializer" in entry.dotted.lower():
        instance = walker.attributes.get((form.key, "\0first"))
    commit = site.args.get(0, "commit")
    if instance is not None and not (instance.shape == "const" and instance.const is None):
        walker.emit(Save, site.at, subject=instance.key, model=instance.model)
    elif commit is None or commit.const is not False:
        new = Sym(key=walker.fresh(cls.node.name), shape="new", model=form.key)
        walker.emit(Act, site.at, kind=kinds.FORM, what=f"{cls.node.name}.save", subject=new)
    return UNKNOWN

"""SQLAlchemy: sessions, queries of the old style and statements of the new one, core connections, Flask-SQLAlchemy, SQLModel."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from celerylint.effects.catalogue import kinds
from celerylint.effects.events import Act, Call, Deletion, Save, Write
from celerylint.effects.frames import Args, Site
from celerylint.effects.library.django_orm import ends_a_second_run, is_made, query
from celerylint.effects.models import columns, counts, model_name, short
from celerylint.effects.records import FETCHED, columns_of, listed, records, single
from celerylint.effects.symbols import UNKNOWN, Gate, Hold, Sym
from celerylint.effects.walk import Walker
from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.model.values import ClassValue

_SESSION = re.compile(
    r"(sqlalchemy|sqlmodel|flask_sqlalchemy|aiosqlalchemy|sqlalchemy_utils)\b.*"
    r"(\.session|[sS]ession\(\)|sessionmaker\(\)\(\)|sessionmaker\(\)|scoped_session\(\)(\(\))?|\.connect\(\)|\.begin\(\)|Connection\(\)|Session\[\]\(\))"
)
_STATEMENTS = re.compile(
    r"sqlalchemy\.(.*\.)?(select|exists|insert|update|delete)|sqlmodel\.(.*\.)?(select|insert|update|delete)"
)


def call(walker: Walker, site: Site) -> Sym | None:
    """A call of a session or connection, or one that makes a statement."""
    base = site.base
    if base is None:
        found = _STATEMENTS.fullmatch(site.callee.what) if site.callee.what else None
        return _statement(walker, site, site.callee.what.rpartition(".")[2]) if found else None
    if base.shape == "statement":
        return _grown(walker, base, site)
    if base.shape == "rows" and FETCHED in base.traits and site.name in ("all", "fetchall"):
        listed(walker, base, site.at)
        return base
    if base.shape == "rows" and FETCHED in base.traits and site.name in ("mappings", "tuples", "scalars"):
        return single(base) if site.name == "scalars" else base if columns_of(base) else records(base, ())
    if base.shape == "outcome":
        return base  # `RETURNING`: what it returns is there if a row was met
    if _is_session(base, site):
        return _session(walker, site)
    if site.name in ("append", "extend", "add") and "row" in base.traits:
        return _hung_on(walker, site)
    return None


def _hung_on(walker: Walker, site: Site) -> Sym | None:
    """`cart.lines.append(Line(...))`: a new row that the session takes along with the one that it hangs on."""
    given = site.args.positional[0] if site.args.positional else UNKNOWN
    new = [row for row in (given, *given.items) if row.shape == "new" and is_made(walker, row)]
    for row in new:
        walker.attributes[row.key, "\0saved"] = UNKNOWN
        walker.emit(Act, site.at, kind=kinds.CREATE, what=f"{site.name}({short(row.model)})", subject=row)
    if new and site.base is not None:
        whole, _, name = site.base.key.rpartition(".")
        walker.emit(Write, site.at, subject=whole, model=site.base.model.rpartition(".")[0], name=name, saved=False)
    return UNKNOWN if new else None


def _is_session(base: Sym, site: Site) -> bool:
    if base.what:
        return _SESSION.fullmatch(base.what) is not None
    if base.value is not None or base.shape not in ("", "object"):
        return False
    # A session that was handed in: known by its name, and by what it is given.
    name = _name(site)
    if "session" not in name.lower() and name not in ("db", "s", "conn", "connection", "tx"):
        return False
    if site.name in ("add", "add_all", "merge", "bulk_save_objects"):
        return any(a.shape in ("new", "row") or any(i.shape == "new" for i in a.items) for a in site.args.positional)
    if site.name in ("query", "get", "get_one", "scalars", "scalar", "execute", "exec", "delete"):
        return any(
            a.shape == "statement" or isinstance(a.value, ClassValue) or a.shape == "row" for a in site.args.positional
        )
    return "session" in name.lower() and site.name in ("commit", "flush", "rollback", "begin", "begin_nested")


def _name(site: Site) -> str:
    holder = getattr(site.node.func, "value", None)
    return str(getattr(holder, "attr", getattr(holder, "id", "")))


def _model(walker: Walker, given: Sym) -> tuple[str, ClassValue | None]:
    """The class that a statement or query is about."""
    given = walker.force(given)
    if isinstance(given.value, ClassValue):
        return model_name(given.value), given.value
    if given.shape in ("row", "rows", "statement"):
        return given.model, given.cls
    if given.cls is not None and any(trait.startswith("column:") for trait in given.traits):
        return model_name(given.cls), given.cls
    return given.what or given.key, None


def _session(walker: Walker, site: Site) -> Sym | None:
    name, args = site.name, site.args
    first = args.positional[0] if args.positional else UNKNOWN
    if name == "add":
        return _added(walker, site, first)
    if name in ("add_all", "bulk_save_objects"):
        for item in first.items or (walker.element(first, site.at),):
            _added(walker, site, item)
        return UNKNOWN
    if name == "bulk_insert_mappings":
        model, cls = _model(walker, first)
        _insert(walker, site, model, cls)
        return UNKNOWN
    if name in ("commit", "flush"):
        for event in _given(walker):
            ends_a_second_run(walker, event.subject, site.at, stored=name == "commit")
        walker.emit(Save, site.at, subject="", model="")
        walker.emit(Call, site.at, what="sqlalchemy.commit", name=name, known=True)
        return UNKNOWN
    if name == "delete":
        walker.emit(Deletion, site.at, model=first.model)
        return UNKNOWN
    if name == "query" and not first.shape and any(hold.gate.kind == "exists" for hold in first.holds):
        return Sym(shape="outcome", holds=first.holds)  # `query(orders.exists()).scalar()`
    if name == "query":
        model, cls = _model(walker, first)
        rows = Sym(shape="rows", model=model, cls=cls, key=model, traits=frozenset({FETCHED}))
        return _of_columns_only(rows, args)
    ident = args.get(1, "ident")
    if name in ("get", "get_one") and ident is not None:
        model, cls = _model(walker, first)
        locked = "with_for_update" in args.keywords
        walker.emit(Call, site.at, what="sqlalchemy.get", name="get", known=True, takes=(Sym(key=model, model=model),))
        there = Gate("exists", model, model, "id", at=site.at, order=walker.now)
        return Sym(
            holds=(Hold(there, True),),
            shape="row",
            model=model,
            cls=cls,
            key=f"{model}[id={ident.key or walker.fresh()}]",
            locked=locked,
        )
    if name in ("execute", "scalars", "scalar", "stream", "exec", "stream_scalars") and first.shape == "statement":
        return _executed(walker, site, first, name)
    if name in ("begin", "begin_nested"):
        return Sym(what=f"sqlalchemy.session.{name}()")
    if name in ("execute",):
        return None
    kept = (Sym(model=first.model, shape="rows"),) if name == "merge" else ()
    walker.emit(Call, site.at, what=f"sqlalchemy.{name}", name=name, known=True, takes=kept)
    return _merged(walker, site, first) if name == "merge" and first.shape == "new" else UNKNOWN


def _merged(walker: Walker, site: Site, given: Sym) -> Sym:
    """The row that is there, or is made, with what it was given."""
    ident = given.entries.get("id", UNKNOWN)
    row = Sym(shape="row", model=given.model, cls=given.cls, key=f"{given.model}[id={ident.key or walker.fresh()}]")
    for name in given.entries:
        walker.emit(Write, site.at, subject=row.key, model=row.model, name=name, saved=False)
    return row


def _added(walker: Walker, site: Site, row: Sym) -> Sym:
    if (row.key, "\0saved") in walker.attributes:
        return UNKNOWN
    if row.shape == "new" and is_made(walker, row):
        walker.attributes[row.key, "\0saved"] = UNKNOWN
        walker.emit(Act, site.at, kind=kinds.CREATE, what=f"session.{site.name}({short(row.model)})", subject=row)
    elif (model := _mapped_elsewhere(row)) is not None:
        walker.attributes[row.key, "\0saved"] = UNKNOWN
        new = msgspec.structs.replace(row, shape="new", model=model)
        walker.emit(Act, site.at, kind=kinds.CREATE, what=f"session.{site.name}({short(model)})", subject=new)
    elif row.shape not in ("row", "new"):
        walker.unread_call(Args((row,), {}, site.at), site.name)
    return UNKNOWN


def _given(walker: Walker) -> Iterator[Act]:
    """The new rows that a session was certainly given since the last commit."""
    for event in reversed(walker.events):
        if isinstance(event, Save):
            return
        if isinstance(event, Act) and event.kind.name == "create" and event.trail == walker.trail[: len(event.trail)]:
            yield event


def _mapped_elsewhere(row: Sym) -> str | None:
    """The class of an object that this run made, where nothing of it says that it is a row: `registry.map_imperatively(Batch,
    batches)`. Only rows are given to a session."""
    if row.shape == "object" and row.cls is not None and row.key.startswith(f"{row.cls.node.name}#"):
        return model_name(row.cls)
    return row.model if not row.shape and row.model and row.key.startswith(f"{row.model}(") else None


def _insert(walker: Walker, site: Site, model: str, cls: ClassValue | None) -> None:
    row = Sym(key=walker.fresh(model), shape="new", model=model, cls=cls)
    walker.emit(Act, site.at, kind=kinds.CREATE, what=f"insert({short(model)})", subject=row)


# --- statements -------------------------------------------------------------------------------------------------------


def _statement(walker: Walker, site: Site, verb: str) -> Sym:
    given = site.args.positional[0] if site.args.positional else UNKNOWN
    if given.shape == "statement":
        return msgspec.structs.replace(given, const=verb)  # `select(exists().where(...))`
    model, cls = ("", None) if given.what.startswith("sqlalchemy.") and given.cls is None else _model(walker, given)
    made = Sym(shape="statement", const=verb, model=model, cls=cls, key=model)
    return _of_columns_only(made, site.args) if verb == "select" else made


def _of_columns_only(rows: Sym, args: Args) -> Sym:
    """The same as records, where single columns are asked for: `select(Order.status)`."""
    names = [next((t[7:] for t in a.traits if t.startswith("column:")), None) for a in args.positional]
    known = [name for name in names if name is not None]
    return records(rows, known) if known and len(known) == len(names) else rows


def _grown(walker: Walker, statement: Sym, site: Site) -> Sym:
    """A statement with one more clause."""
    name = site.name
    if name.startswith("on_conflict") or name in ("on_duplicate_key_update", "prefix_with"):
        given = {**site.args.keywords, **(site.args.get(None, "set_") or UNKNOWN).entries}
        counted = frozenset(f"counted:{each}" for each, value in given.items() if counts(value, each))
        return msgspec.structs.replace(statement, const="upsert", traits=statement.traits | counted)
    if name == "values":
        return msgspec.structs.replace(statement, entries={**statement.entries, **site.args.keywords})
    if name == "with_for_update":
        return msgspec.structs.replace(statement, locked=True)
    if name == "select_from" and site.args.positional:
        model, cls = _model(walker, site.args.positional[0])
        return msgspec.structs.replace(statement, model=model, cls=cls, key=model)
    if name in ("where", "filter", "filter_by"):
        if not statement.model:
            model, cls = _of_columns(walker, site)
            statement = msgspec.structs.replace(statement, model=model, cls=cls, key=model)
        fields = columns(site.node.args) | frozenset(site.args.keywords)
        keys = [a.key for a in site.args.all]
        key = f"{statement.key}&{','.join(keys)}" if all(keys) else walker.fresh(statement.model)
        return msgspec.structs.replace(statement, fields=statement.fields | fields, key=key)
    return statement


def _of_columns(walker: Walker, site: Site) -> tuple[str, ClassValue | None]:
    """The class whose columns conditions ask: `exists().where(Order.id == x)`."""
    asked = (node for arg in site.node.args for node in nodes(arg) if isinstance(node, ir.Attr))
    held = (walker.force(walker.eval(node.value)).value for node in asked if isinstance(node.value, ir.Name))
    cls = next((value for value in held if isinstance(value, ClassValue)), None)
    return (model_name(cls), cls) if cls is not None else ("", None)


def _executed(walker: Walker, site: Site, statement: Sym, name: str) -> Sym:
    verb = statement.const
    rows = Sym(
        shape="rows",
        model=statement.model,
        cls=statement.cls,
        key=statement.key,
        fields=statement.fields,
        locked=statement.locked,
        traits=frozenset({FETCHED}),
        entries=columns_of(single(statement) if name in ("scalars", "stream_scalars") else statement),
    )
    if verb == "insert":
        _insert(walker, site, statement.model, statement.cls)
        return UNKNOWN
    if verb == "update":
        met = query(walker, rows, "update", site.but(args=Args((), statement.entries, site.at))) or UNKNOWN
        return msgspec.structs.replace(met, shape="outcome")
    if verb == "delete":
        walker.emit(Deletion, site.at, model=statement.model)
        return UNKNOWN
    kept = (Sym(model=statement.model, shape="rows"),) if verb == "upsert" else ()
    walker.emit(Call, site.at, what="sqlalchemy.execute", name=verb if kept else name, known=True, takes=kept)
    for name in sorted(trait[8:] for trait in statement.traits if trait.startswith("counted:")):
        row = Sym(model=statement.model, key=walker.fresh(statement.model))
        walker.emit(Act, site.at, kind=kinds.COUNTER, what=f"{short(statement.model)}.{name}", subject=row)
    if verb == "upsert":
        made = Gate("created", walker.fresh(statement.model), statement.model, at=site.at, order=walker.now)
        return Sym(shape="outcome", holds=(Hold(made, True),))
    if name == "scalar":
        return query(walker, rows, "scalar", site.but(args=Args((), {}, site.at))) or UNKNOWN
    return rows

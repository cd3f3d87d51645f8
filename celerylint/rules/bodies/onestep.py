"""A look and a mark in one step, in place of two, where both are written in one function."""

from __future__ import annotations

from celerylint.facts import ir
from celerylint.facts.walk import nodes
from celerylint.finding import Fix, ReplaceExpr, ReplaceText
from celerylint.model.project import Project
from celerylint.model.values import At, External, place
from celerylint.rules import mending
from celerylint.rules.flow import Block, Spot, statements, written_in

_CACHE = "django.core.cache.cache"


def added(look: At, mark: At, project: Project) -> Fix | None:
    """`if not cache.add(key, value): return` in place of `if cache.get(key): return` and `cache.set(key, value)`."""
    found, other = written_in(look, project), written_in(mark, project)
    if found is None or other is None or found[0].span != other[0].span or look[0] != mark[0]:
        return None
    test, setting = found[1].statement, other[1].statement
    reads, sets = _called(look[1], "get"), _called(setting, "set")
    if (
        not isinstance(test, ir.If)
        or reads is None
        or sets is None
        or test.orelse
        or len(reads.args) != 1
        or reads.keywords
    ):
        return None
    leaves = _leaves_if_found(test, reads)
    block = _block(other[1], found[0])
    inside = [Block(test, "body")] if leaves is False else []
    if leaves is None or list(other[1].around) != [*found[1].around, *inside] or len(block) < 2:
        return None
    path = look[0]
    key, *given = [mending.text_of(part, path, project) for part in (*sets.args, *sets.keywords)]
    holder = mending.spelled(reads.func.value) if isinstance(reads.func, ir.Attr) else None
    same = isinstance(sets.func, ir.Attr) and mending.spelled(sets.func.value) == holder
    if holder is None or not same or key != mending.text_of(reads.args[0], path, project) or not given:
        return None
    if not _is_cache(reads, found[1]) or _changes(found[0], sets, test) or _shares_its_line(setting, block):
        return None
    text = f"{'not ' if leaves else ''}{holder}.add({', '.join([key, *given])})"
    return mending.unsafe(
        "look and set in one step",
        ReplaceText(place((path, test.test)), text),
        mending.lines_without(setting, path, project),
    )


def _called(node: ir.Node, name: str) -> ir.Call | None:
    call = node.value if isinstance(node, ir.ExprStmt) else node
    return call if isinstance(call, ir.Call) and isinstance(call.func, ir.Attr) and call.func.attr == name else None


def _leaves_if_found(statement: ir.If, look: ir.Call) -> bool | None:
    """True for `if cache.get(key): return`, False for `if not cache.get(key): ...`, None for anything else."""
    whole = statement.test
    test: ir.Expr = whole
    found = True
    if isinstance(whole, ir.UnaryOp) and whole.op == "not":
        test, found = whole.value, False
    elif isinstance(whole, ir.Compare) and len(whole.ops) == 1 and whole.ops[0] in ("is", "is not"):
        nothing = whole.rights[0]
        if not isinstance(nothing, ir.Const) or nothing.value is not None:
            return None
        test, found = whole.left, whole.ops[0] == "is not"
    if test.span != look.span:
        return None
    return found if not found or isinstance(statement.body[-1], ir.Return) else None


def _block(spot: Spot, function: ir.Function) -> list[ir.Stmt]:
    """The statements beside one."""
    return [s for s, around in statements(ir.read_body(function)) if around == spot.around]


def _is_cache(call: ir.Call, spot: Spot) -> bool:
    held = spot.body.meaning(call.func.value) if isinstance(call.func, ir.Attr) else None
    return isinstance(held, External) and held.dotted == _CACHE


def _changes(function: ir.Function, sets: ir.Call, test: ir.If) -> bool:
    """Whether what is set is computed, or may have changed since the look."""
    parts = [n for given in (*sets.args, *sets.keywords) for n in nodes(given)]
    names = {n.id for n in parts if isinstance(n, ir.Name)}
    bound = {
        n.id
        for statement, _ in statements(ir.read_body(function))
        if statement.line >= test.line
        and isinstance(statement, (ir.Assign, ir.AugAssign, ir.AnnAssign, ir.For, ir.With))
        for n in nodes(statement)
        if isinstance(n, ir.Name) and n.id in names and any(n.span == target.span for target in _targets(statement))
    }
    return bool(bound) or any(isinstance(n, (ir.Call, ir.Await)) for given in sets.args[1:] for n in nodes(given))


def _targets(statement: ir.Stmt) -> list[ir.Node]:
    held: list[ir.Expr | None] = []
    if isinstance(statement, ir.Assign):
        held = [*statement.targets]
    elif isinstance(statement, (ir.AugAssign, ir.AnnAssign, ir.For)):
        held = [statement.target]
    elif isinstance(statement, ir.With):
        held = [item.target for item in statement.items]
    return [node for target in held if target is not None for node in nodes(target)]


def _shares_its_line(statement: ir.Stmt, block: list[ir.Stmt]) -> bool:
    return any(
        other.span != statement.span and other.line <= statement.end_line and statement.line <= other.end_line
        for other in block
    )


def looked_up(look: At, project: Project) -> Fix | None:
    """`X.objects.get_or_create(a=a, defaults={...})` in place of `if not X.objects.filter(a=a).exists(): X.objects.create(...)`."""
    found = written_in(look, project)
    statement = found[1].statement if found is not None else None
    if not isinstance(statement, ir.If) or statement.orelse or len(statement.body) != 1:
        return None
    test = statement.test
    asks = _called(test.value, "exists") if isinstance(test, ir.UnaryOp) and test.op == "not" else None
    filters = _called(asks.func.value, "filter") if asks is not None and isinstance(asks.func, ir.Attr) else None
    creates = _called(statement.body[0], "create")
    if filters is None or creates is None or filters.args or creates.args:
        return None
    manager = mending.spelled(filters.func.value) if isinstance(filters.func, ir.Attr) else None
    if manager is None or not isinstance(creates.func, ir.Attr) or mending.spelled(creates.func.value) != manager:
        return None
    path = look[0]
    looked = {k.name: mending.text_of(k.value, path, project) for k in filters.keywords}
    given = {k.name: mending.text_of(k.value, path, project) for k in creates.keywords}
    if None in (looked | given) or any(name and "__" in name for name in looked) or not looked.items() <= given.items():
        return None
    rest = ", ".join(f'"{name}": {value}' for name, value in given.items() if name not in looked)
    parts = [*(f"{name}={value}" for name, value in looked.items()), *([f"defaults={{{rest}}}"] if rest else [])]
    text = f"{manager}.get_or_create({', '.join(parts)})"
    if "\n" in text:
        return None
    if statement.col + len(text) > mending.WIDE:
        text = f"{manager}.get_or_create" + mending.one_each(parts)
    edit = ReplaceExpr(place((path, statement)), text)
    return mending.unsafe("look and create in one step, which a unique constraint has to back", edit)

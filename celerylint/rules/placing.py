"""Where a setting that nobody has chosen yet belongs: among those that the project sets already, in their spelling."""

from __future__ import annotations

from collections.abc import Iterator

from celerylint.facts import ir
from celerylint.finding import Edit, InsertStatement, SetKeyword
from celerylint.model.project import App, Decision, Project
from celerylint.model.values import At, place
from celerylint.rules import mending
from celerylint.rules.flow import within
from celerylint.rules.raw import for_production
from celerylint.rules.written import load, names_of


def setting(app: App, project: Project, name: str, value: str) -> list[Edit]:
    """The edits that give an app a setting; none where it cannot be seen where its configuration is written."""
    if _stands_under_another_name(app, project, name):
        return []
    neighbours = sorted(_neighbours(app), key=lambda at: (at[0], at[1].line, at[1].col))
    for at in reversed(neighbours):
        edit = _beside(app, project, at, name, value)
        if edit is not None:
            return [edit]
    if any(key in project.catalog.old_names for key in app.value.changes):
        return []  # old names and new ones do not mix
    return _after_the_app(app, name, value)


def _stands_under_another_name(app: App, project: Project, name: str) -> bool:
    """Whether the setting is written already, under a name that is not read: that one has to go first (CLY802)."""
    spelled = {name, *(old for old, new in project.catalog.old_names.items() if new == name), f"CELERY_{name}".upper()}
    names = names_of(app, project)
    return any(written.name in spelled for written in (*names.object, *names.code))


def chosen(app: App, project: Project, name: str, value: str) -> list[Edit]:
    """The edits that give an app a setting: in place of the value that it has, or where it belongs."""
    held = app.settings.get(name)
    if held is not None and held.chosen:
        return mending.replaced(held, value)
    return setting(app, project, name, value)


def beside(held: Decision, app: App | None, project: Project, name: str, value: str) -> list[Edit]:
    """The edits that give tasks an option where they take another one from; none where that is no place for it."""
    if held.kind in ("setting", "argument"):
        return chosen(app, project, f"task_{name}", value) if app is not None else []
    if held.at is None or held.kind not in ("decorator", "base"):
        return []
    return mending.set_at(held.at, (), **{name: value})


def _neighbours(app: App) -> Iterator[At]:
    """Where the project sets something for every run of the app."""
    for decision in app.own_settings.values():
        at = decision.at
        if at is None or not for_production(at[0]):
            continue
        if isinstance(at[1], ir.Keyword):
            if not (at[0] == app.at[0] and within(at[1], app.at[1])):
                yield at  # of conf.update(...), not of Celery(...), which takes other names
            continue
        # What a class or an instance holds is known by its value alone.
        line = next((n for n in _lines(app, at[0]) if at[1].span in (n.span, n.value.span)), None)
        if line is not None:
            yield at[0], line
        elif isinstance(at[1], ir.Const):
            yield at  # the key of a dict


def _lines(app: App, path: str) -> Iterator[ir.Assign]:
    """Assignments that a module, or the body of one of its classes, always runs."""
    for node in load(app, path) or ():
        if isinstance(node, ir.Assign):
            yield node
        elif isinstance(node, ir.Class):
            yield from (inner for inner in node.body if isinstance(inner, ir.Assign))


def _beside(app: App, project: Project, at: At, name: str, value: str) -> Edit | None:
    node = at[1]
    if isinstance(node, ir.Keyword):
        spelling = _spelling(app, project, node.name or "", name, by_code=True)
        return SetKeyword(place(at), spelling, value) if spelling else None
    if isinstance(node, ir.Const):
        key = str(node.value)
        if app.value.changes.get(key) is None and not _is_a_name(key, app, project):
            return None
        spaced = bool(app.namespace) and key.startswith((app.namespace or "").upper())
        spelling = _spelling(app, project, key, name, by_code=not spaced)
        return SetKeyword(place(at), spelling, value) if spelling else None
    target = node.targets[0] if isinstance(node, ir.Assign) and len(node.targets) == 1 else None
    if isinstance(target, ir.Name):
        spelling = _spelling(app, project, target.id, name, by_code=False)
        return InsertStatement(place(at), _assigned(spelling, value)) if spelling else None
    holder = mending.spelled(target.value) if isinstance(target, ir.Attr) else None
    if isinstance(target, ir.Attr) and holder and _spelling(app, project, target.attr, name, by_code=True) == name:
        return InsertStatement(place(at), _assigned(f"{holder}.{name}", value))
    return None


def _is_a_name(key: str, app: App, project: Project) -> bool:
    """Whether a text is the name of a setting, rather than the value of one."""
    bare = key.removeprefix((app.namespace or "").upper()).lower()
    return key in project.catalog.old_names or bare in project.catalog.settings


def _spelling(app: App, project: Project, neighbour: str, name: str, *, by_code: bool) -> str:
    """A setting as its neighbour is spelled; empty where it has no such name. Old and new names do not mix."""
    if not by_code and app.namespace:
        return f"{app.namespace}{name}".upper() if neighbour.startswith(app.namespace.upper()) else ""
    if neighbour == neighbour.lower():
        return name
    return next((old for old, new in project.catalog.old_names.items() if new == name), "")


def _after_the_app(app: App, name: str, value: str) -> list[Edit]:
    """A line after the app is made, or after it was told where its configuration is."""
    path, call = app.at
    statements = load(app, path) or []
    made = next((node for node in statements if isinstance(node, ir.Assign) and within(call, node)), None)
    target = made.targets[0] if made is not None else None
    if made is None or not isinstance(target, ir.Name) or made.value.span != call.span:
        return []
    anchor: ir.Node = made
    for source in app.value.sources:
        told = next((node for node in statements if source.at is not None and within(source.at[1], node)), None)
        if source.at is None or source.at[0] != path or not isinstance(told, ir.ExprStmt):
            return []
        anchor = told
    return [InsertStatement(place((path, anchor)), _assigned(f"{target.id}.conf.{name}", value))]


_WIDEST = 88
"""Characters of a line that formatters leave alone."""


def _assigned(target: str, value: str) -> str:
    """An assignment, on one line if there is room for it. A value of several lines holds its items on the second."""
    if "\n" not in value:
        return f"{target} = {value}"
    first, inner, last = value.split("\n")
    line = f"{target} = {first}{inner.strip()}{last}"
    if len(line) <= _WIDEST:
        return line
    items = "".join(f"\n    {item}," for item in inner.strip().split(", "))
    return f"{target} = {first}{items}\n{last}"

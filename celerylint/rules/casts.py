"""What turns a text, written or given by the environment, into the flag or number that a setting takes."""

from __future__ import annotations

from celerylint.facts import ir
from celerylint.finding import Fix, ReplaceExpr, ReplaceText
from celerylint.model.project import Project
from celerylint.model.values import At, place
from celerylint.rules import mending
from celerylint.rules.raw import variable

_ON = ("1", "true", "yes", "on")
_OFF = ("0", "false", "no", "off", "")


def as_flag(at: At | None, project: Project) -> Fix | None:
    """A comparison in place of a text that is always true; None where what is written is nothing of the kind."""
    if at is None:
        return None
    path, node = at
    if isinstance(node, ir.Const) and isinstance(node.value, str):
        said = node.value.strip().lower()
        if said not in (*_ON, *_OFF):
            return None
        return mending.unsafe(f"write {said in _ON}", ReplaceExpr(place(at), str(said in _ON)))
    given = _given(node)
    if given is None or (default := _default(given)) is None:
        return None
    text = mending.text_of(given, path, project)
    quote = "'" if "'" in text and '"' not in text else '"'
    if not default and isinstance(given, ir.Call) and text.endswith(")"):
        text = f"{text[:-1].rstrip().rstrip(',')}, {quote}{quote})"
    if not text or "\n" in text:
        return None
    compared = f"{text}.lower() in ({', '.join(f'{quote}{word}{quote}' for word in _ON)})"
    return mending.unsafe("take the text for true only where it says so", ReplaceText(place(at), compared))


def as_number(at: At | None, project: Project) -> Fix | None:
    """A number in place of its text; None where it is none for certain."""
    if at is None:
        return None
    path, node = at
    if isinstance(node, ir.Const) and isinstance(node.value, str):
        number = _number(node.value)
        return mending.unsafe(f"write {number}", ReplaceExpr(place(at), number)) if number else None
    given = _given(node)
    default = _default(given) if given is not None else None
    if given is None or default is None or (isinstance(given, ir.Call) and not default):
        return None
    number = _number(default.strip("\"'")) if default else "0"
    text = mending.text_of(node, path, project)
    if not number or not text or node is not given:
        return None
    cast = "float" if "." in number else "int"
    return mending.unsafe(f"convert it with {cast}()", ReplaceExpr(place(at), f"{cast}({text})"))


def _given(node: ir.Expr | ir.Node) -> ir.Expr | None:
    """The look-up in the environment that an expression is, or that `bool()` is applied to."""
    if isinstance(node, ir.Call) and isinstance(node.func, ir.Name) and node.func.id == "bool" and node.args:
        return _given(node.args[0])
    looks_up = isinstance(node, (ir.Call, ir.Subscript)) and variable(node) is not None
    return node if looks_up and isinstance(node, (ir.Call, ir.Subscript)) else None


def _default(given: ir.Expr) -> str | None:
    """The text that a look-up falls back to, empty without one; None where it is no text that is written out."""
    if not isinstance(given, ir.Call) or (len(given.args) == 1 and not given.keywords):
        return ""
    last = given.args[1] if len(given.args) == 2 and not given.keywords else None
    return repr(last.value) if isinstance(last, ir.Const) and isinstance(last.value, str) else None


def _number(text: str) -> str:
    try:
        return str(int(text))
    except ValueError:
        pass
    try:
        return repr(float(text)) if "." in text else ""
    except ValueError:
        return ""

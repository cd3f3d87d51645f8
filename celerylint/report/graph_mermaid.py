"""The picture of a project as Mermaid, which GitHub, GitLab and most editors draw."""

from __future__ import annotations

import re

from celerylint.inspection import Graph, GraphNode, Problem
from celerylint.report.style import PLAIN, Style
from celerylint.text import clean

_SHAPES = {
    "beat": ("([", "])"),
    "entry": ("[/", "/]"),
    "task": ("[", "]"),
    "queue": ("[(", ")]"),
    "worker": ("[[", "]]"),
}
TITLES = {"beat": "Beat", "entry": "Schedule", "task": "Tasks", "queue": "Queues", "worker": "Workers"}
"""What the nodes of each kind are together, in the order of columns."""
_CLASSES = {
    "error": "fill:#fde8e8,stroke:#c81e1e,color:#1f2937",
    "warning": "fill:#fdf6b2,stroke:#b45309,color:#1f2937",
    "info": "fill:#e1effe,stroke:#1e429f,color:#1f2937",
}
_SPECIAL = re.compile(r"[^\w .,:;/()+*=?!@'-]")
_MOST_DETAILS = 3


def render(graph: Graph, style: Style = PLAIN) -> str:
    """A flowchart from the left to the right; whatever has problems says which."""
    lines = ["flowchart LR"]
    for kind, title in TITLES.items():
        nodes = [node for node in graph.nodes if node.kind == kind]
        if nodes:
            lines += [f'  subgraph {title.lower()}["{title}"]', *(f"    {_node(node)}" for node in nodes), "  end"]
    for edge in graph.edges:
        arrow = "-->" if edge.certain else "-.->"
        label = f'|"{_text(edge.label)}"|' if edge.label else ""
        lines.append(f"  {edge.source} {arrow}{label} {edge.target}")
    if graph.problems:
        lines.append(f'  others["⚠ {_text(codes(graph.problems))}"]')
    for severity, look in _CLASSES.items():
        marked = [node.id for node in graph.nodes if worst(node.problems) == severity]
        marked += ["others"] if worst(graph.problems) == severity else []
        if marked:
            lines += [f"  classDef {severity} {look}", f"  class {','.join(marked)} {severity}"]
    lines += [f"  %% {_comment(problem)}" for problem in graph.problems]
    return "\n".join(lines) + "\n"


def worst(problems: list[Problem]) -> str:
    """The severity of the worst problem; empty without problems."""
    return next((name for name in ("error", "warning", "info") if any(p.severity == name for p in problems)), "")


def codes(problems: list[Problem]) -> str:
    """`CLY101, CLY104 (2)`: what is wrong, in few words."""
    counts = {problem.code: sum(other.code == problem.code for other in problems) for problem in problems}
    return ", ".join(code if count == 1 else f"{code} ({count})" for code, count in sorted(counts.items()))


def shown_details(node: GraphNode) -> list[str]:
    """The lines that a box has room for."""
    more = len(node.details) - _MOST_DETAILS
    return node.details if more <= 0 else [*node.details[: _MOST_DETAILS - 1], f"{more + 1} more"]


def _node(node: GraphNode) -> str:
    opening, closing = _SHAPES[node.kind]
    lines = [node.label or "(no name)", *shown_details(node)]
    text = "<br/>".join(map(_text, lines))
    if node.problems:
        text += f"<br/>⚠ {_text(codes(node.problems))}"
    return f'{node.id}{opening}"{text}"{closing}'


def _text(text: str) -> str:
    """Text between quotes of Mermaid: what could end them, or is markup to it, becomes a number."""
    return _SPECIAL.sub(lambda match: f"#{ord(match[0])};", clean(text))


def _comment(problem: Problem) -> str:
    where = f"{problem.path}:{problem.line}"
    # Mermaid reads directives in braces even from comments.
    return clean(f"{problem.code} {problem.name} {where}").replace("{", "(").replace("}", ")")

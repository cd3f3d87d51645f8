"""The picture of a project as one page of HTML: an SVG drawn here, and every problem in words. It loads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import NamedTuple

from celerylint.inspection import Graph, GraphEdge, GraphNode, Problem
from celerylint.report.graph_mermaid import TITLES, codes, shown_details, worst
from celerylint.report.style import PLAIN, Style
from celerylint.text import clean, plural

# Pixels of the picture as it is drawn; the page scales it.
_LETTER = 7.3
_LINE = 18
_PAD = 10
_GAP = 14
_BETWEEN = 90
_TOP = 44
_TALL = 1400
_LONGEST = 42
"""Characters of a line in a box; a longer one loses its middle."""

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --ink: #1f2937; --paper: #fff; --box: #f3f4f6; --edge: #6b7280;
  --error: #c81e1e; --warning: #b45309; --info: #1e429f; }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: #e5e7eb; --paper: #111827; --box: #1f2937; --edge: #9ca3af;
  --error: #f98080; --warning: #faca15; --info: #76a9fa; }} }}
body {{ margin: 0; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 16px/1.45 system-ui, sans-serif; overflow-wrap: anywhere; }}
h1 {{ font-size: 1.25rem; margin: 0 0 .5rem; }} h2 {{ font-size: 1.1rem; }} h3 {{ font-size: 1rem; margin-bottom: .2rem; }}
.picture {{ overflow-x: auto; }}
svg {{ display: block; width: 100%; min-width: {least}px; height: auto; max-height: none; }}
text {{ font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: var(--ink); }}
text.head {{ font: 600 14px system-ui, sans-serif; }} text.mark {{ font-weight: 700; }}
rect {{ fill: var(--box); stroke: var(--edge); }}
path {{ fill: none; stroke: var(--edge); stroke-opacity: .6; }} path.some {{ stroke-dasharray: 4 4; }}
.error rect {{ stroke: var(--error); stroke-width: 2.5; }} .warning rect {{ stroke: var(--warning); stroke-width: 2.5; }}
.info rect {{ stroke: var(--info); stroke-width: 2; }}
.error text.mark, b.error {{ fill: var(--error); color: var(--error); }}
.warning text.mark, b.warning {{ fill: var(--warning); color: var(--warning); }}
.info text.mark, b.info {{ fill: var(--info); color: var(--info); }}
li {{ margin: .35rem 0; }} code {{ font-size: .85em; opacity: .8; }} a {{ color: inherit; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{counts}</p>
<div class="picture">
{picture}
</div>
{problems}
</body>
</html>
"""


class _Box(NamedTuple):
    """A node where it is drawn."""

    node: GraphNode
    lines: tuple[str, ...]
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


def render(graph: Graph, style: Style = PLAIN) -> str:
    """The page."""
    boxes = _layout(graph)
    width = max((box.x + box.width for box in boxes.values()), default=300) + _PAD
    found = [problem for node in graph.nodes for problem in node.problems] + graph.problems
    return _PAGE.format(
        title=_text(f"Celery: {graph.title}"),
        counts=_text(_counts(graph, found)),
        least=round(min(width, 900)),
        picture=_picture(graph, boxes, width),
        problems=_problems(graph) if found else "",
    )


def _counts(graph: Graph, found: Sequence[Problem]) -> str:
    kinds = {"worker": "worker", "queue": "queue", "entry": "schedule entry"}
    parts = [plural(sum(node.kind == kind for node in graph.nodes), noun) for kind, noun in kinds.items()]
    return f"{', '.join(parts)}; {plural(len(found), 'problem') if found else 'no problems'}"


# --- layout -----------------------------------------------------------------------------------------------------------


def _layout(graph: Graph) -> dict[str, _Box]:
    """Columns by kind, from the left to the right as messages pass them; in each, nodes near those that lead there."""
    boxes: dict[str, _Box] = {}
    left = float(_PAD)
    for kind in TITLES:
        nodes = [node for node in graph.nodes if node.kind == kind]
        if not nodes:
            continue
        texts = {node.id: _lines(node) for node in nodes}
        width = max(len(line) for lines in texts.values() for line in lines) * _LETTER + 2 * _PAD
        width = max(width, len(TITLES[kind]) * _LETTER + 2 * _PAD)
        top = float(_TOP)
        for node in _ordered(nodes, graph.edges, boxes):
            height = len(texts[node.id]) * _LINE + _PAD
            boxes[node.id] = _Box(node, texts[node.id], left, top, width, height)
            top += height + _GAP
        left += width + _BETWEEN
    return _centred(boxes)


def _lines(node: GraphNode) -> tuple[str, ...]:
    lines = [_short(clean(line)) for line in (node.label, *shown_details(node))]
    return (*lines, *([f"⚠ {_short(codes(node.problems))}"] if node.problems else []))


def _short(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    head = _LONGEST // 2 - 1
    return f"{text[:head]}…{text[-(_LONGEST - head - 1) :]}"


def _ordered(nodes: list[GraphNode], edges: Iterable[GraphEdge], placed: Mapping[str, _Box]) -> list[GraphNode]:
    """Nodes by the mean height of those that lead to them; those that nothing leads to keep their order behind them."""
    heights: dict[str, list[float]] = {}
    for edge in edges:
        if edge.source in placed:
            heights.setdefault(edge.target, []).append(placed[edge.source].middle)
    means = {key: sum(held) / len(held) for key, held in heights.items()}
    return sorted(nodes, key=lambda node: means.get(node.id, float("inf")))


def _centred(boxes: Mapping[str, _Box]) -> dict[str, _Box]:
    """Each column moved to the middle of the tallest, unless that would leave nothing to see at the top."""
    bottoms: dict[str, float] = {}
    for box in boxes.values():
        bottoms[box.node.kind] = max(bottoms.get(box.node.kind, 0.0), box.y + box.height)
    lowest = max(bottoms.values(), default=0.0)
    if lowest > _TALL:
        return dict(boxes)
    return {key: box._replace(y=box.y + (lowest - bottoms[box.node.kind]) / 2) for key, box in boxes.items()}


# --- drawing ----------------------------------------------------------------------------------------------------------


def _picture(graph: Graph, boxes: Mapping[str, _Box], width: float) -> str:
    height = max((box.y + box.height for box in boxes.values()), default=60) + _PAD
    parts = [f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{_text(graph.title)}">']
    heads = {box.node.kind: box.x for box in boxes.values()}
    parts += [f'<text class="head" x="{x:.0f}" y="24">{TITLES[kind]}</text>' for kind, x in heads.items()]
    parts += [_edge(edge, boxes[edge.source], boxes[edge.target]) for edge in graph.edges]
    parts += map(_box, boxes.values())
    return "\n".join([*parts, "</svg>"])


def _edge(edge: GraphEdge, source: _Box, target: _Box) -> str:
    x1, y1, x2, y2 = source.x + source.width, source.middle, target.x, target.middle
    bend = max((x2 - x1) / 2, 20)
    look = "" if edge.certain else ' class="some"'
    line = f"M{x1:.0f} {y1:.0f}C{x1 + bend:.0f} {y1:.0f} {x2 - bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"
    told = f"{source.node.label} → {target.node.label}" + (f" ({edge.label})" if edge.label else "")
    return f'<path{look} d="{line}"><title>{_text(told)}</title></path>'


def _box(box: _Box) -> str:
    node = box.node
    full = [node.label, *node.details, f"{node.path}:{node.line}" if node.path else ""]
    full += [f"{problem.code} {problem.message}" for problem in node.problems]
    rounded = _LINE if node.kind in ("beat", "queue") else 4
    lines = [
        f'<text{_marked(node, index, box)} x="{box.x + _PAD:.0f}" y="{box.y + _LINE * (index + 1) - 1:.0f}">'
        f"{_text(line)}</text>"
        for index, line in enumerate(box.lines)
    ]
    return (
        f'<g class="{node.kind} {worst(node.problems)}"><title>{_text(chr(10).join(filter(None, full)), keep=True)}</title>'
        f'<rect x="{box.x:.0f}" y="{box.y:.0f}" width="{box.width:.0f}" height="{box.height:.0f}" rx="{rounded}"/>'
        f"{''.join(lines)}</g>"
    )


def _marked(node: GraphNode, index: int, box: _Box) -> str:
    return ' class="mark"' if node.problems and index == len(box.lines) - 1 else ""


def _problems(graph: Graph) -> str:
    """Every problem in words, by node: a picture is too small for them."""
    parts = ["<h2>Problems</h2>"]
    for node in graph.nodes:
        if node.problems:
            parts += [f"<h3>{_text(node.label)}</h3>", _listed(node.problems)]
    if graph.problems:
        parts += ["<h3>The application as a whole, and elsewhere</h3>", _listed(graph.problems)]
    return "\n".join(parts)


def _listed(problems: Iterable[Problem]) -> str:
    items = (
        f'<li><b class="{_text(p.severity)}">{_text(p.code)}</b> {_text(p.message)}'
        f" <code>{_text(p.path)}:{p.line}</code></li>"
        for p in problems
    )
    return "<ul>" + "".join(items) + "</ul>"


def _text(text: str, *, keep: bool = False) -> str:
    """Text that cannot be taken for markup; with `keep`, its lines stay lines."""
    parts = text.split("\n") if keep else [text]
    return escape("\n".join(clean(part) for part in parts), quote=True)

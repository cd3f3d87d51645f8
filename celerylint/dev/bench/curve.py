"""A plot of times over sizes, as an SVG written by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from xml.sax.saxutils import escape

from celerylint.dev.bench.runs import Measured

_WIDTH, _HEIGHT = 760, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 190, 30, 60
_COLORS = ("#c0392b", "#e59866", "#1f618d", "#7f8c8d", "#85929e", "#27ae60")

Points = Mapping[str, Sequence[tuple[int, Measured]]]


def plot(points: Points) -> str:
    """Seconds of all processes over files, both by their logarithms: a straight line is a cost in proportion.

    Not by the clock, which what else the machine does would bend.
    """
    files = [count for series in points.values() for count, _ in series]
    seconds = [run.cpu for series in points.values() for _, run in series]
    across = _scale(min(files), max(files), _LEFT, _WIDTH - _RIGHT)
    up = _scale(min(seconds), max(seconds), _HEIGHT - _BOTTOM, _TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        *(_vertical(count, across(count)) for count in sorted(set(files))),
        *(_horizontal(tick, up(tick)) for tick in _ticks(min(seconds), max(seconds))),
        f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2:.0f}" y="{_HEIGHT - 15}" text-anchor="middle">Python files</text>',
        f'<text x="18" y="{_HEIGHT / 2:.0f}" text-anchor="middle" transform="rotate(-90 18 {_HEIGHT / 2:.0f})">CPU seconds</text>',
    ]
    for number, (name, series) in enumerate(points.items()):
        color = _COLORS[number % len(_COLORS)]
        places = " ".join(f"{across(count):.1f},{up(run.cpu):.1f}" for count, run in series)
        last, end = series[-1]
        parts.append(f'<polyline points="{places}" fill="none" stroke="{color}" stroke-width="2"/>')
        label = f"{name} ({end.memory / 1e6:,.0f} MB)"
        parts.append(
            f'<text x="{across(last) + 6:.1f}" y="{up(end.cpu) + 4:.1f}" fill="{color}">{escape(label)}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])


def _scale(least: float, most: float, start: float, end: float) -> Callable[[float], float]:
    """Where a number stands between two ends, by its logarithm."""
    length = math.log(most / least) or 1.0
    return lambda value: start + math.log(value / least) / length * (end - start)


def _ticks(least: float, most: float) -> list[float]:
    """One, two and five times powers of ten between two numbers."""
    powers = range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1)
    return [tick for power in powers for part in (1, 2, 5) if least <= (tick := part * 10.0**power) <= most]


def _vertical(count: int, x: float) -> str:
    line = f'<line x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{_HEIGHT - _BOTTOM}" stroke="#eee"/>'
    return f'{line}<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{count:,}</text>'


def _horizontal(tick: float, y: float) -> str:
    line = f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH - _RIGHT}" y2="{y:.1f}" stroke="#eee"/>'
    return f'{line}<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>'

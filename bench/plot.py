"""Curves as a picture (SVG), for documentation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

COLOURS = ("#0b6e99", "#c2410c", "#4d7c0f", "#7e22ce", "#b91c1c", "#374151")
WIDTH, HEIGHT = 420, 260
"""Of one plot's field, in pixels."""
LEFT, TOP, BOTTOM = 64, 36, 44
LINE = 18
"""Height of a line of text."""

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Plot:
    """Curves over the same range."""

    title: str
    across: str
    """What goes from left to right."""
    curves: Mapping[str, Points]
    """What a curve shows -> its points, from left to right."""


def picture(plots: Sequence[Plot]) -> str:
    """The plots beside each other, all curves of one name in one colour."""
    names = list(dict.fromkeys(name for plot in plots for name in plot.curves))
    colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(names)}
    width = len(plots) * (LEFT + WIDTH + LINE)
    height = TOP + HEIGHT + BOTTOM + LINE * len(names) + LINE // 2
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for number, plot in enumerate(plots):
        lines += _plot(plot, LEFT + number * (LEFT + WIDTH + LINE), colours)
    for number, (name, colour) in enumerate(colours.items()):
        y = TOP + HEIGHT + BOTTOM + LINE * number
        lines.append(f'<rect x="{LEFT}" y="{y}" width="24" height="4" fill="{colour}"/>')
        lines.append(f'<text x="{LEFT + 32}" y="{y + 6}">{escape(name)}</text>')
    return "\n".join([*lines, "</svg>", ""])


def _plot(plot: Plot, left: int, colours: Mapping[str, str]) -> Iterator[str]:
    most_across = max((x for points in plot.curves.values() for x, _ in points), default=1)
    most_up = max((y for points in plot.curves.values() for _, y in points), default=1)
    across, up = ticks(most_across), ticks(most_up)
    low = TOP + HEIGHT

    def place(x: float, y: float) -> tuple[float, float]:
        return round(left + x / across[-1] * WIDTH, 1), round(low - y / up[-1] * HEIGHT, 1)

    yield f'<text x="{left}" y="{TOP - 14}" font-weight="bold">{escape(plot.title)}</text>'
    for value in up:
        y = place(0, value)[1]
        yield f'<path d="M{left} {y}h{WIDTH}" stroke="#e5e7eb"/>'
        yield f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{value:g}</text>'
    for value in across:
        x = place(value, 0)[0]
        yield f'<text x="{x}" y="{low + 16}" text-anchor="middle">{value:g}</text>'
    yield f'<text x="{left + WIDTH}" y="{low + 32}" text-anchor="end">{escape(plot.across)}</text>'
    for name, points in plot.curves.items():
        corners = [place(*point) for point in points]
        path = " ".join(f"{x},{y}" for x, y in corners)
        yield f'<polyline points="{path}" fill="none" stroke="{colours[name]}" stroke-width="2"/>'
        yield from (f'<circle cx="{x}" cy="{y}" r="3" fill="{colours[name]}"/>' for x, y in corners)


def ticks(most: float) -> tuple[float, ...]:
    """Round numbers from 0 to the first that is not below `most` (above 0), three to eleven of them."""
    step = float(10 ** floor(log10(most)))
    step = next(smaller for smaller in (step / 5, step / 2, step) if most / smaller <= 10)
    return tuple(round(number * step, 9) for number in range(ceil(round(most / step, 9)) + 1))

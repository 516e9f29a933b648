"""The learning curve as a picture: the loss, and the Dice of each structure where it was measured."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from pipeline.learn.state import Point

WIDTH, HEIGHT, INSET = 640, 320, 48

COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#17becf", "#7f7f7f")
"""The loss, then structures; they come round again."""


def drawn(points: Sequence[Point]) -> str:
    """SVG: over steps, the loss (left axis, from 0 or its least to its most) and the Dice (right axis, 0 to 1)."""
    last = max((point.step for point in points), default=1)
    losses = [point.loss for point in points]
    low, high = min((0.0, *losses)), max((1e-9, *losses))
    loss = [(_x(point.step, last), _y((point.loss - low) / (high - low))) for point in points]
    names = list(dict.fromkeys(name for point in points for name in point.dice))
    lines = [("loss", loss)]
    lines += [
        (f"Dice, {name}", [(_x(p.step, last), _y(p.dice[name])) for p in points if name in p.dice]) for name in names
    ]
    body = [_axes(low, high, last, bool(names))]
    for n, (name, line) in enumerate(lines):
        colour = COLOURS[n % len(COLOURS)]
        at = " ".join(f"{x},{y}" for x, y in line)
        body.append(f'<polyline points="{at}" fill="none" stroke="{colour}" stroke-width="2"/>')
        body.append(f'<text x="{INSET + 8}" y="{20 + 14 * n}" fill="{colour}">{escape(name)}</text>')
    inside = "\n".join(body)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
        f' font-size="11">\n<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n{inside}\n</svg>\n'
    )


def _axes(low: float, high: float, last: int, right: bool) -> str:
    left, bottom, top = INSET, HEIGHT - INSET, INSET
    parts = [f'<path d="M{left},{top} V{bottom} H{WIDTH - INSET}" fill="none" stroke="#444"/>']
    parts += [
        f'<text x="{left - 4}" y="{y + 4}" text-anchor="end">{v:.3g}</text>' for y, v in ((bottom, low), (top, high))
    ]
    if right:
        x = WIDTH - INSET + 4
        parts += [f'<text x="{x}" y="{y + 4}">{v}</text>' for y, v in ((bottom, 0), (top, 1))]
    parts.append(f'<text x="{WIDTH - INSET}" y="{bottom + 16}" text-anchor="end">{last:,} steps</text>')
    return "\n".join(parts)


def _x(step: int, last: int) -> float:
    return round(INSET + step / last * (WIDTH - 2 * INSET), 1)


def _y(part: float) -> float:
    return round(HEIGHT - INSET - part * (HEIGHT - 2 * INSET), 1)

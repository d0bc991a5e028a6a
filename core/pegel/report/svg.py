"""Pictures for pages: small inline SVG that takes its colours from the page, so that light and dark both work.

Classes: `now` (filled), `baseline` (outline), `grid`, `label`. Each picture has a title for those who cannot see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from pegel.detect.effect import percent, percents
from pegel.report.shapes import Bars, OutlinedHistogram
from pegel.spec.outside_text import NAME_LIMIT, shown
from pegel.spec.plain_numbers import plain
from pegel.stats.figures import wilson

WIDTH, HEIGHT = 360.0, 150.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 38.0, 8.0, 8.0, 22.0
_LONG = 8
_LETTER = 6.0
"""About the width of a letter."""

Array = NDArray[np.float64]


def chart(shape: OutlinedHistogram | Bars | None, *, title: str, unit: str | None = None) -> str:
    """Return one field's picture: baseline as outline, window filled. No shape gives a picture that says so."""
    if shape is None:
        return _frame(title, _text(WIDTH / 2, HEIGHT / 2, "no values to draw", "middle"))
    highest = max(float(side.max(initial=0.0)) for side in (shape.baseline, shape.now) if side is not None)
    top = highest * 1.06 or 1.0
    if isinstance(shape, OutlinedHistogram):
        return _frame(title, _grid(top) + _histogram(shape, top) + _numbers(shape.edges, unit))
    return _frame(title, _grid(top) + _bars(shape, top))


def sparkline(values: Sequence[float], *, title: str, width: float = 120.0, height: float = 24.0) -> str:
    """Return a line of values over time, oldest left, from zero up; its last point is marked."""
    if not values:
        return ""
    top = max(*values, 1e-12)
    step = (width - 6) / max(len(values) - 1, 1)
    points = [(3 + i * step, height - 3 - value / top * (height - 6)) for i, value in enumerate(values)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y = points[-1]
    return (
        f'<svg class="pegel-spark" role="img" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}">'
        f"<title>{escape(shown(title))}</title>"
        f'<polyline class="baseline" points="{line}"/><circle class="now" cx="{x:.1f}" cy="{y:.1f}" r="2.4"/></svg>'
    )


def reliability_picture(groups: Sequence[tuple[float, int, int]], *, title: str) -> str:
    """Return how often the class 1 came, upwards, by mean score, to the right; on the line both are the same.

    `groups`: mean score, rows, rows of the class 1. Each has an interval of 95 % (Wilson).
    """
    width, height = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
    parts = [_grid(1.0), f'<path class="baseline" d="M{_LEFT:.1f} {_y(0, 1):.1f}l{width:.1f} {-height:.1f}"/>']
    for score, rows, positive in groups:
        x, (low, high) = _LEFT + score * width, wilson(positive, rows)
        caption = f"score {plain(score, 2)}: {percent(positive / rows)} of {rows:,} rows"
        parts.append(
            f'<rect class="now" x="{x - 1:.1f}" y="{_y(high, 1):.1f}" width="2" height="{(high - low) * height:.1f}"/>'
            f'<circle class="now" cx="{x:.1f}" cy="{_y(positive / rows, 1):.1f}" r="4">'
            f"<title>{escape(shown(caption))}</title></circle>"
        )
    ticks = "".join(_text(_LEFT + score * width, HEIGHT - 7, plain(score, 2)) for score in (0.25, 0.5, 0.75))
    return _frame(title, "".join(parts) + ticks + _text(WIDTH - _RIGHT, HEIGHT - 7, "score", "end"))


def _frame(title: str, body: str) -> str:
    return (
        f'<svg class="pegel-chart" role="img" viewBox="0 0 {WIDTH:g} {HEIGHT:g}">'
        f"<title>{escape(shown(title))}</title>{body}</svg>"
    )


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text class="label" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(shown(text))}</text>'


def _y(share: float, top: float) -> float:
    return HEIGHT - _BOTTOM - share / top * (HEIGHT - _TOP - _BOTTOM)


def _grid(top: float) -> str:
    lines = []
    for share in np.asarray(MaxNLocator(3).tick_values(0, top)).tolist():
        if 0 <= share <= top:
            y = _y(share, top)
            lines.append(f'<line class="grid" x1="{_LEFT:g}" x2="{WIDTH - _RIGHT:g}" y1="{y:.1f}" y2="{y:.1f}"/>')
            lines.append(_text(_LEFT - 5, y + 3.5, f"{100 * share:g} %", "end"))
    return "".join(lines)


def _histogram(shape: OutlinedHistogram, top: float) -> str:
    scale = (WIDTH - _LEFT - _RIGHT) / (shape.edges[-1] - shape.edges[0])
    places = _LEFT + (shape.edges - shape.edges[0]) * scale
    now = "" if shape.now is None else f'<path class="now" d="{_stairs(places, shape.now, top)}Z"/>'
    return f'{now}<path class="baseline" d="{_stairs(places, shape.baseline, top)}"/>'


def _stairs(places: Array, shares: Array, top: float) -> str:
    """Return a path that climbs and falls with the shares, from the ground to the ground."""
    path = [f"M{places[0]:.1f} {_y(0, top):.1f}"]
    path += [f"V{_y(share, top):.1f}H{x:.1f}" for share, x in zip(shares.tolist(), places[1:].tolist(), strict=True)]
    return "".join([*path, f"V{_y(0, top):.1f}"])


def _numbers(edges: Array, unit: str | None) -> str:
    low, high = float(edges[0]), float(edges[-1])
    scale = (WIDTH - _LEFT - _RIGHT) / (high - low)
    ticks = [tick for tick in np.asarray(MaxNLocator(6).tick_values(low, high)).tolist() if low <= tick <= high]
    numbers = [(_LEFT + (tick - low) * scale, plain(tick, 6)) for tick in ticks]
    # The last number would run into the unit, or out of the picture.
    end = WIDTH - (_RIGHT + _LETTER * (len(shown(unit)) + 1) if unit else 0)
    texts = [_text(x, HEIGHT - 7, number) for x, number in numbers if x + _LETTER * len(number) / 2 <= end]
    return "".join(texts) + (_text(WIDTH - _RIGHT, HEIGHT - 7, unit, "end") if unit else "")


def _bars(shape: Bars, top: float) -> str:
    slot = (WIDTH - _LEFT - _RIGHT) / len(shape.labels)
    parts = []
    for i, label in enumerate(shown(label, NAME_LIMIT) for label in shape.labels):
        middle, before = _LEFT + (i + 0.5) * slot, float(shape.baseline[i])
        caption = f"{label}: baseline {percent(before)}"
        if shape.now is not None:
            after = float(shape.now[i])
            caption = "{}: baseline {}, now {}".format(label, *percents(before, after))
            parts.append(_rectangle("now", middle=middle, width=0.62 * slot, y=_y(after, top), caption=caption))
        parts.append(_rectangle("baseline", middle=middle, width=0.82 * slot, y=_y(before, top), caption=caption))
        short = label if len(label) <= _LONG else f"{label[: _LONG - 1]}…"
        parts.append(_text(middle, HEIGHT - 7, short))
    return "".join(parts)


def _rectangle(kind: str, *, middle: float, width: float, y: float, caption: str) -> str:
    return (
        f'<rect class="{kind}" x="{middle - width / 2:.1f}" y="{y:.1f}" width="{width:.1f}" '
        f'height="{HEIGHT - _BOTTOM - y:.1f}"><title>{escape(shown(caption))}</title></rect>'
    )

"""One feature over time as pictures: how far its p lay below its threshold, and how many of its values were none.

The threshold is one line, whatever it was in each window: a point's height is the power of ten by which p lay below it.
Form tells a verdict as well as colour: what alarms is a triangle, what is below the margin a square, the others a ring.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

from pegel.data.spans import Span
from pegel.judge.findings import ALARMING, Verdict
from pegel.report.timeline import WIDTH, time_axis
from pegel.spec.outside_text import LONGEST_SENTENCE, shown

HEIGHT = 150.0
_TOP, _GROUND = 12.0, 126.0
HIGHEST, LOWEST = 12.0, -6.0
"""Powers of ten beyond which a point stays at the edge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeaturePoint:
    """What one window says of a feature, or the worst of several. Texts are for people."""

    span: Span
    verdict: Verdict
    verdict_words: str
    what: str
    p_value: float | None
    """None where it has none of its own."""
    threshold: float
    p_words: str
    threshold_words: str
    effect: str
    values: int
    missing: float | None
    """Share of the rows that have no value; None where that is not known."""
    missing_words: str
    link: str = ""
    """Where a press on it leads, ready for an attribute."""

    @property
    def score(self) -> float | None:
        """Return by which power of ten p lay below its threshold; above 0 is significant. None without a p."""
        if self.p_value is None or self.threshold <= 0:
            return None
        return HIGHEST if self.p_value <= 0 else math.log10(self.threshold) - math.log10(self.p_value)

    @property
    def words(self) -> str:
        """Return it in words: what a mouse over it shows."""
        p = f", p {self.p_words}, threshold {self.threshold_words}" if self.p_words else ""
        start, end = self.span.start, self.span.end
        said = f"{start:%Y-%m-%d %H:%M:%S} to {end:%H:%M:%S} UTC: {self.verdict_words}, {self.what}{p}"
        return shown(said, LONGEST_SENTENCE)


def score_chart(points: Sequence[FeaturePoint], *, title: str) -> str:
    """Return the scores of points, given in order of time, as SVG; an empty string without points."""
    if not points:
        return ""
    scores = [_within(point.score) for point in points if point.score is not None]
    high, low = max(2.0, *scores, 0.0), min(-1.0, *scores, 0.0)

    def y(score: float) -> float:
        return _TOP + (high - score) / (high - low) * (_GROUND - _TOP)

    line = (
        f'<line class="limit" x1="0" x2="{WIDTH:g}%" y1="{y(0):.1f}" y2="{y(0):.1f}"/>'
        f'<text class="label" x="0" y="{y(0) - 4:.1f}">threshold</text>'
    )
    marks = [_mark(point, x, y(_within(point.score)), width) for point, x, width in _placed(points)]
    return _frame(points, title, line + "".join(marks))


def missing_chart(points: Sequence[FeaturePoint], *, title: str) -> str:
    """Return the shares of rows without a value as SVG; an empty string where no row was without one."""
    most = max((point.missing or 0.0 for point in points), default=0.0)
    if most <= 0:
        return ""
    bars = []
    for point, x, width in _placed(points):
        height = (point.missing or 0.0) / most * (_GROUND - _TOP)
        caption = f"{point.span.start:%Y-%m-%d %H:%M:%S} UTC: {point.missing_words or 'not known'}"
        rectangle = f'x="{x - width / 2:.2f}%" y="{_GROUND - height:.1f}" width="{max(width * 0.85, 0.1):.2f}%"'
        bars.append(f'<g><title>{escape(caption)}</title><rect class="late" {rectangle} height="{height:.1f}"/></g>')
    label = f'<text class="label" x="0" y="{_TOP - 3:g}">{100 * most:.3g} %</text>'
    return _frame(points, title, label + "".join(bars))


def _within(score: float | None) -> float:
    return LOWEST if score is None else min(max(score, LOWEST), HIGHEST)


def _placed(points: Sequence[FeaturePoint]) -> list[tuple[FeaturePoint, float, float]]:
    """Return each point with its middle and width on the picture."""
    start, end = _reach(points)
    scale = WIDTH / (end - start).total_seconds()
    places = []
    for point in points:
        left = (point.span.start - start).total_seconds() * scale
        width = (point.span.end - point.span.start).total_seconds() * scale
        places.append((point, left + width / 2, width))
    return places


def _reach(points: Sequence[FeaturePoint]) -> tuple[datetime, datetime]:
    return points[0].span.start, max(point.span.end for point in points)


def _mark(point: FeaturePoint, x: float, y: float, width: float) -> str:
    kind = f"verdict {point.verdict.value}"
    if point.verdict in ALARMING:
        drawn = f'<path class="mark" d="M-5 {y + 4:.1f}h10l-5 -9Z"/>'
    elif point.verdict is Verdict.BELOW_MARGIN:
        drawn = f'<path class="{kind}" d="M-3.5 {y - 3.5:.1f}h7v7h-7Z"/>'
    else:
        drawn = f'<circle class="{kind}" cy="{y:.1f}" r="3"/>'
    wide = max(width, 0.6)
    press = (
        f'<rect class="press" x="{x - wide / 2:.2f}%" y="{_TOP:g}" width="{wide:.2f}%" height="{_GROUND - _TOP:g}"/>'
    )
    opened, closed = (f'<a href="{point.link}" tabindex="-1">', "</a>") if point.link else ("<g>", "</g>")
    # Its place is a share of the width, its size is not: so it is drawn in a coordinate system of its own.
    placed = f'<svg x="{x:.2f}%" overflow="visible">{drawn}</svg>'
    return f"{opened}<title>{escape(point.words)}</title>{press}{placed}{closed}"


def _frame(points: Sequence[FeaturePoint], title: str, body: str) -> str:
    start, end = _reach(points)
    axis = f'<line class="axis" x1="0" x2="{WIDTH:g}%" y1="{_GROUND:g}" y2="{_GROUND:g}"/>'
    return (
        f'<svg class="pegel-timeline pegel-score" role="img" height="{HEIGHT:g}">'
        f"<title>{escape(shown(title, LONGEST_SENTENCE))}</title>{axis}{body}"
        f"{time_axis(start, end, y=HEIGHT - 6)}</svg>"
    )

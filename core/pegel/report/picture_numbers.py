"""The numbers of a picture, for those who read them better than a drawing."""

from __future__ import annotations

from itertools import pairwise

from pegel.detect.effect import percent
from pegel.report.shapes import Bars, OutlinedHistogram
from pegel.spec.outside_text import NAME_LIMIT, shown
from pegel.spec.plain_numbers import plain


def numbers(shape: OutlinedHistogram | Bars | None) -> list[tuple[str, str, str]]:
    """Return of each bar what it is of, its share of the baseline, and of the windows shown; empty where none is.

    What lies outside of a histogram's picture stands first and last.
    """
    if shape is None:
        return []
    if isinstance(shape, Bars):
        labels = [shown(label, NAME_LIMIT) for label in shape.labels]
        return _lines(labels, shape.baseline.tolist(), None if shape.now is None else shape.now.tolist())
    edges = shape.edges.tolist()
    inside = [f"{plain(low, 4)} to {plain(high, 4)}" for low, high in pairwise(edges)]
    labels = [f"below {plain(edges[0], 4)}", *inside, f"above {plain(edges[-1], 4)}"]
    below, above, below_now, above_now = shape.outside
    now = None if shape.now is None else [below_now, *shape.now.tolist(), above_now]
    return _lines(labels, [below, *shape.baseline.tolist(), above], now)


def _lines(labels: list[str], baseline: list[float], now: list[float] | None) -> list[tuple[str, str, str]]:
    after = ["" for _ in labels] if now is None else [percent(share) for share in now]
    return [(label, percent(before), later) for label, before, later in zip(labels, baseline, after, strict=True)]

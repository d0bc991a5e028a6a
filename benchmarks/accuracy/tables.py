"""Measured rates as Markdown: tables, marks where a figure leaves its band, and the misses in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

Band = tuple[float | None, float]
"""Lower (None for none) and upper end of what is allowed, as a multiple of what was promised."""


@dataclass
class Page:
    """Lines of one section, and what missed its target."""

    lines: list[str] = field(default_factory=list)
    misses: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        """Add a paragraph."""
        self.lines += [text, ""]

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Add a table."""
        self.lines += [_line(heads), "|---" * len(heads) + "|", *map(_line, rows), ""]

    def rate(self, what: str, values: ArrayLike, band: Band | None) -> str:
        """Return the mean of values, one per baseline, with its Monte-Carlo error; note it if it leaves its band.

        The mean alone decides: a large error beside it excuses nothing.
        """
        values = np.asarray(values, dtype=np.float64)
        mean, error = float(values.mean()), float(values.std(ddof=1)) / math.sqrt(values.size)
        text = f"{mean:.2f} ± {error:.2f}"
        if band is None:
            return text
        low, high = band
        if mean > high:
            self.misses.append(f"{what}: {text}, more than {high:g}")
        elif low is not None and mean < low:
            self.misses.append(f"{what}: {text}, less than {low:g}")
        else:
            return text
        return f"{text} **missed**"

    def expect(self, what: str, shares: ArrayLike, target: float) -> None:
        """Note it if the mean of shares, one per baseline, is below a target."""
        shares = np.asarray(shares, dtype=np.float64)
        mean, error = float(shares.mean()), float(shares.std(ddof=1)) / math.sqrt(shares.size)
        if mean < target:
            self.misses.append(f"{what}: {mean:.3f} ± {error:.3f}, target {target:.2f}")

    def at_most(self, what: str, value: float, target: float) -> str:
        """Return a number of windows or events; note it if it is beyond its target."""
        if value > target:
            self.misses.append(f"{what}: {whole(value)}, target {target:g}")
        return whole(value)

    def text(self) -> str:
        """Return the section, the misses last."""
        words = "; ".join(self.misses) if self.misses else "none"
        closing = f"Missed, by the point estimate: {words}."
        return "\n".join([*self.lines, closing])


def whole(value: float) -> str:
    """Return a count; infinite where nothing was found."""
    return f"{value:,.0f}" if math.isfinite(value) else "not within the stream"


def band(limits: Band) -> str:
    """Return a band in words."""
    low, high = limits
    return f"≤ {high:g}" if low is None else f"{low:g}–{high:g}"  # noqa: RUF001  a range


def beyond_chance(rates: ArrayLike, windows: int, level: float) -> float:
    """Return the standard deviation of realised over promised rates between baselines, less what chance adds to it."""
    rates = np.asarray(rates, dtype=np.float64)
    return math.sqrt(max(0.0, float(rates.var(ddof=1) - rates.mean() / (windows * level))))


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"

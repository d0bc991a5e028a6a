"""The picture in a mail: baseline as an outline, now as a filled shape, as a PNG that reads on light and on dark."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from pegel.report.shapes import Bars, OutlinedHistogram
from pegel.spec.outside_text import shown

INK, MUTED, NOW, PAPER = "#1b2733", "#66727f", "#3d85c6", "#ffffff"
WIDTH, PANEL = 6.4, 2.05
"""Inches: a column of a mail, and one feature in it."""
MOST = 3
"""Features in one picture: the worst ones; the page shows the rest."""
LONG_TITLE, LONG_SUBTITLE, LONG_LABEL = 50, 90, 12
"""Characters that fit."""
_AS_WRITTEN: Final[dict[str, Any]] = {"parse_math": False}
"""A dollar in a name is a dollar, not the begin of a formula that cannot be set."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One feature in the picture."""

    title: str
    subtitle: str
    unit: str | None
    shape: OutlinedHistogram | Bars


def png(panels: Sequence[Panel], *, scale: float = 2.0) -> bytes:
    """Return the first `MOST` panels below each other as PNG; `scale` 2 is sharp on today's screens.

    Raises ValueError when there is no panel.
    """
    chosen = panels[:MOST]
    if not chosen:
        raise ValueError("expected at least one panel; given none; no picture was drawn")
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1)
    figure = Figure(figsize=(WIDTH, PANEL * len(chosen) + 0.3), dpi=100 * scale, facecolor=PAPER, layout=layout)
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(chosen), 1, squeeze=False)[:, 0]
    for axis, panel in zip(axes, chosen, strict=True):
        _panel(axis, panel)
    handles, labels = axes[0].get_legend_handles_labels()
    looks = {"ncols": 2, "frameon": False, "fontsize": 9, "labelcolor": MUTED}
    figure.legend(handles[::-1], labels[::-1], loc="outside lower left", **looks)
    out = io.BytesIO()
    figure.savefig(out, format="png", facecolor=PAPER, metadata={"Software": "Pegel"})
    return out.getvalue()


def _panel(axis: Axes, panel: Panel) -> None:
    if isinstance(panel.shape, OutlinedHistogram):
        _histogram(axis, panel.shape, panel.unit)
    else:
        _bars(axis, panel.shape)
    axis.set_title(
        _fitting(panel.title, LONG_TITLE), loc="left", fontsize=11, fontweight="bold", color=INK, pad=18, **_AS_WRITTEN
    )
    below = _fitting(panel.subtitle, LONG_SUBTITLE)
    axis.text(0, 1.06, below, transform=axis.transAxes, fontsize=9, color=MUTED, **_AS_WRITTEN)
    axis.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g} %")
    axis.yaxis.set_major_locator(MaxNLocator(3))
    axis.tick_params(colors=MUTED, labelsize=8.5, length=0)
    axis.grid(axis="y", color=MUTED, alpha=0.18, linewidth=0.7)
    axis.set_axisbelow(True)
    axis.spines[["top", "right", "left"]].set_visible(False)
    axis.spines["bottom"].set_color(MUTED)
    axis.margins(x=0.01)
    axis.set_ylim(bottom=0)


def _histogram(axis: Axes, histogram: OutlinedHistogram, unit: str | None) -> None:
    if histogram.now is not None:
        axis.stairs(histogram.now, histogram.edges, fill=True, color=NOW, alpha=0.75, label="now")
    axis.stairs(histogram.baseline, histogram.edges, color=INK, linewidth=1.6, label="baseline")
    axis.xaxis.set_major_locator(MaxNLocator(7))
    if unit:
        unit = _fitting(unit, LONG_LABEL)
        axis.set_xlabel(unit, loc="right", fontsize=8.5, color=MUTED, labelpad=0, **_AS_WRITTEN)


def _bars(axis: Axes, bars: Bars) -> None:
    places = np.arange(len(bars.labels))
    if bars.now is not None:
        axis.bar(places, bars.now, width=0.62, color=NOW, alpha=0.75, label="now")
    axis.bar(places, bars.baseline, width=0.82, fill=False, edgecolor=INK, linewidth=1.6, label="baseline")
    axis.set_xticks(places, [_fitting(label, LONG_LABEL) for label in bars.labels], **_AS_WRITTEN)


def _fitting(text: str, most: int) -> str:
    """Return the beginning of a text that fits: what is wider than the figure leaves no room for the drawing."""
    text = shown(text)
    return text if len(text) <= most else f"{text[: most - 1]}…"

"""Every distance of a changed field by its name: told beside a finding, never compared with a threshold.

Names carry the convention: `js_divergence` and `js_distance` have base 2, `psi` and `kl` the natural logarithm and half
a row in each cell, `w1` is in units of the feature. Bin distances are taken on the report partition of the layout, of
`cells` cells in use; see `pegel.stats.distances`.
"""

from __future__ import annotations

import math

import numpy as np

from pegel.baseline.outliers.cell_quantiles import IQR_OF_NORMAL, quantiles
from pegel.detect.location import auc
from pegel.stats import distances
from pegel.stats.layout import NumericLayout
from pegel.stats.summary import FeatureSummary

BY_CELLS = {
    "psi": distances.psi,
    "psi_excess": distances.psi_excess,
    "kl": distances.kl,
    "js_divergence": distances.js_divergence,
    "js_distance": distances.js_distance,
    "hellinger": distances.hellinger,
    "tv": distances.tv,
    "linf": distances.linf,
}


def distances_of(baseline: FeatureSummary, window: FeatureSummary) -> dict[str, float]:
    """Return every distance that is defined for a field; both sides need values. Undefined ones are left out."""
    layout = baseline.layout
    if not isinstance(layout, NumericLayout):
        found = {name: distance(baseline.cells, window.cells) for name, distance in BY_CELLS.items()}
        return found | {"cells": float((baseline.cells + window.cells > 0).sum())}
    b, w = layout.report(baseline.cells), layout.report(window.cells)
    found = {name: distance(b, w) for name, distance in BY_CELLS.items() if name != "linf"}
    found["cells"] = float((b + w > 0).sum())
    found["ks"] = distances.ks(baseline.cells, window.cells)
    found["ks_upper"] = distances.ks_upper(baseline.cells, window.cells)
    found["cliffs_delta"] = 2 * auc(baseline.cells, window.cells) - 1
    return found | _in_units(baseline, window, layout)


def _in_units(baseline: FeatureSummary, window: FeatureSummary, layout: NumericLayout) -> dict[str, float]:
    ends = [end for end in (baseline.min, window.min, baseline.max, window.max) if end is not None]
    if not ends:  # counts alone, as of a segment: the outermost cells have no ends, so nothing has a length
        return {}
    points = distances.bounds(layout.edges, min(ends), max(ends))
    with np.errstate(over="ignore", invalid="ignore"):  # what is beyond the floats is left out below
        w1 = distances.w1(baseline.cells, window.cells, points)
        found = {"w1": w1, "energy": distances.energy(baseline.cells, window.cells, points)}
    sd, middle = baseline.moments.sd, quantiles(baseline, layout, 0.25, 0.75)
    if sd:
        found["w1_sigma"] = w1 / sd
    if middle is not None and middle[1] > middle[0]:
        found["w1_robust"] = w1 / ((middle[1] - middle[0]) / IQR_OF_NORMAL)
    return {name: value for name, value in found.items() if math.isfinite(value)}

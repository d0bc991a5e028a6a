"""Distances told beside a finding."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import energy_distance, wasserstein_distance

from pegel.baseline.baseline import Baseline
from pegel.data.spans import Span
from pegel.detect.sizes import BY_CELLS, distances_of
from pegel.judge.comparison import UNKNOWN
from pegel.judge.judge import judge
from pegel.judge.recomputation import explain
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.layout import Layout
from pegel.stats.summary import Summary

Count = Callable[..., Summary]


@pytest.fixture
def window(layout: Layout, count: Count, draw: Any) -> Summary:
    """Rows that came later, and more often with one carrier."""
    return count(layout, draw(2_000, seed=7, shift=0.5, wn=0.4))


def test_findings_carry_every_distance(baseline: Baseline, window: Summary, spec: MonitorSpec, span: Span) -> None:
    """A drift finding holds every distance of its kind by name, as JSON, and explain shows them."""
    found = {one.feature: one for one in judge(baseline, window, spec=spec, span=span, revision=0).findings}
    shifted, mixed = found["delay"].evidence["distances"], found["carrier"].evidence["distances"]
    in_units = {"ks", "ks_upper", "cliffs_delta", "w1", "energy", "w1_sigma", "w1_robust", "cells"}

    assert {*BY_CELLS, "cells"} == set(mixed)
    assert ({*BY_CELLS} - {"linf"}) | in_units == set(shifted)
    assert json.loads(json.dumps(shifted)) == shifted
    assert all(math.isfinite(value) for value in (*shifted.values(), *mixed.values()))
    assert "distances   psi " in str(explain(found["delay"], window, baseline))


def test_distances_in_units_are_those_of_the_rows(
    baseline: Baseline, layout: Layout, count: Count, draw: Any, training: Any
) -> None:
    """Wasserstein and energy distance from cells are close to those of the rows, in minutes."""
    rows = draw(5_000, seed=8, shift=0.3)
    found = distances_of(baseline.features["delay"], count(layout, rows).features["delay"])
    before, now = (side["delay"][~np.isnan(side["delay"])] for side in (training, rows))

    assert wasserstein_distance(before, now) == pytest.approx(found["w1"], rel=0.05)
    assert energy_distance(before, now) == pytest.approx(found["energy"], rel=0.05)
    assert (baseline.features["delay"].moments.sd or 0) * found["w1_sigma"] == pytest.approx(found["w1"])


def test_undefined_distances_are_left_out(baseline: Baseline) -> None:
    """Without a spread nothing is told in units of it, categories have no distances along a line: never a 0 instead."""
    delay, carrier = baseline.features["delay"], baseline.features["carrier"]
    of_one_hour = delay.recounted(delay.cells, moments=UNKNOWN)

    assert "w1_sigma" not in distances_of(of_one_hour, delay)
    assert {"w1", "energy", "ks", "cliffs_delta"}.isdisjoint(distances_of(carrier, carrier))
    assert 0 == pytest.approx(distances_of(delay, delay)["w1"])

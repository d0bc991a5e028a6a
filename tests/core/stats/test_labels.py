"""Concept drift on labels: the chart's integers, and the detectors of river."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from pegel.detect.bernoulli import ErrorCusum, Steps, error_chart, run_length, steps
from pegel.detect.river_detectors import RiverDetector
from pegel.errors import NotFound


def test_published_steps_and_limits() -> None:
    """At an error rate of 0.1 and a run length of 117,000 the integers are the published ones."""
    found = [error_chart(m // 10, m, 1 / 117_000) for m in (50_000, 10_000)]
    exact = run_length(0.1, Steps(71, 10), 1_227)

    assert Steps(71, 10) == steps(0.1)
    assert [1_236, 1_270] == [chart.limit for chart in found if chart is not None]
    assert run_length(0.1, Steps(71, 10), 1_226) < 117_000 <= exact


def test_run_length_is_that_of_the_chart() -> None:
    """The solved run length is the mean distance of alarms in a long stream."""
    chart = error_chart(5_000, 50_000, 1 / 500)
    assert chart is not None
    errors = (np.random.default_rng(0).random(400_000) < 0.1).tolist()
    alarms = ErrorCusum(chart).update(errors)
    expected = run_length(0.1, Steps(chart.up, chart.down), chart.limit)

    assert expected == pytest.approx(400_000 / len(alarms), rel=0.1)


@pytest.mark.parametrize(("errors", "rows"), [(99, 5_000), (200, 999), (4_000, 5_000)])
def test_too_few_errors(errors: int, rows: int) -> None:
    """Below 100 errors, or 1,000 labelled rows, or with mostly errors, there is no chart."""
    assert error_chart(errors, rows, 1e-4) is None


def test_few_errors_are_said() -> None:
    """Between 100 and 400 errors the chart says that its limit is widened; bursts widen it further."""
    chart, bursty = error_chart(200, 2_000, 1e-3), error_chart(200, 2_000, 1e-3, dispersion=2.0)

    assert chart is not None
    assert bursty is not None
    assert "200 errors in the baseline" in (chart.message or "")
    assert 2 * chart.limit == bursty.limit


def stream(name: str) -> list[int]:
    """Return the documented example streams: numbers, a binary one, and one of right answers."""
    random = Random(12345 if name == "numbers" else 42)
    if name == "numbers":
        return random.choices([0, 1], k=1000) + random.choices(range(4, 8), k=1000)
    if name == "binary":
        return random.choices([0, 1], k=1000) + random.choices([0, 1], k=1000, weights=[0.3, 0.7])
    return random.choices([0, 1], k=250) + random.choices([0, 1], k=250, weights=[0.9, 0.1])


@pytest.mark.parametrize(
    ("name", "settings", "data", "expected"),
    [
        ("ADWIN", {}, "numbers", [1023]),
        ("PageHinkley", {}, "numbers", [1006]),
        ("KSWIN", {"alpha": 1e-4, "seed": 42}, "numbers", [1016]),
        ("DDM", {}, "binary", [1334]),
        ("HDDMA", {}, "binary", [1206]),
        ("HDDMW", {}, "binary", [1077]),
        ("EDDM", {"alpha": 0.8, "beta": 0.75}, "binary", [1278]),
        ("FHDDM", {}, "right", [315]),
        ("FHDDM", {"short_window_size": 20}, "right", [279]),
    ],
)
def test_river_alarms_where_documented(name: str, settings: dict[str, float], data: str, expected: list[int]) -> None:
    """Through our door each detector alarms at the documented places; FHDDM gets errors like all others."""
    pytest.importorskip("river", reason="river is optional: this environment does without")
    detector = RiverDetector(name, **settings)
    values = [1 - value for value in stream(data)] if name == "FHDDM" else stream(data)

    assert expected == [place for place, value in enumerate(values) if detector.update(value)]


def test_unknown_detector() -> None:
    """An unknown name is refused with those that are known."""
    with pytest.raises(NotFound, match="expected one of ADWIN, PageHinkley"):
        RiverDetector("guess")

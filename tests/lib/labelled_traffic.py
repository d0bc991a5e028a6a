"""Labelled traffic of a classifier and of a regressor, drawn hour by hour, and the baselines that belong to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np

import pegel
from pegel.baseline.baseline import Baseline
from pegel.data.spans import Span
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.labelled_rows import LabelledRows

MONDAY = datetime(2015, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
SPEC = MonitorSpec.parse(
    {
        "model": {"name": "delays", "uri": "none"},
        "baseline": {"source": "none"},
        "windowing": {"length": "1m"},
        "watch": {"rows_per_day": 4_800},
        "false_alarms": "1 per week",
    }
)


def hour(number: int) -> Span:
    """Return an hour, counted from a Monday on."""
    return Span(MONDAY + number * HOUR, MONDAY + (number + 1) * HOUR)


def _score(rng: np.random.Generator, n: int, shift: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    return rng.beta(0.5 + shift, 0.5, n)


def classes(
    number: int, n: int = 200, *, seed: int = 0, flip: float = 0.0, shift: float = 0.0, labelled: float = 1.0
) -> LabelledRows:
    """Draw an hour of a classifier whose score is the probability of its class.

    `flip`: share of labels that are turned around, with the same inputs. `shift`: other inputs, with the same relation
    to labels. `labelled`: share of the rows that have a label.
    """
    rng = np.random.default_rng([seed, number + 1])
    score = _score(rng, n, shift)
    truth = (rng.random(n) < score) ^ (rng.random(n) < flip)
    times = np.datetime64(hour(number).start.replace(tzinfo=None), "us") + np.sort(rng.integers(0, 3_600, n)) * 10**6
    came = rng.random(n) < labelled
    airline = np.where(rng.random(n) < 0.3, "airline=AA", "airline=WN").astype(object)
    return LabelledRows.of_classes(
        np.where(score > 0.5, "1", "0").astype(object),
        [("1" if true else "0") if known else None for true, known in zip(truth, came, strict=True)],
        event_time=times,
        arrived_at=np.where(came, times + np.timedelta64(2, "h"), np.datetime64("NaT", "us")),
        score=score,
        segments=[airline],
    )


def numbers(
    number: int, n: int = 200, *, seed: int = 0, worse: float = 1.0, bias: float = 0.0, shift: float = 0.0
) -> LabelledRows:
    """Draw an hour of a regressor; `worse` times the residuals of training, `bias` added, `shift`: other inputs."""
    rng = np.random.default_rng([seed, number + 1, 1])
    answer = rng.gamma(3.0 + shift, 10.0, n)
    label = answer - bias + worse * rng.normal(0, 2 + 0.1 * answer)
    times = np.datetime64(hour(number).start.replace(tzinfo=None), "us") + np.sort(rng.integers(0, 3_600, n)) * 10**6
    return LabelledRows.of_numbers(answer, label, event_time=times, arrived_at=times + np.timedelta64(2, "h"))


@cache
def class_baseline(n: int = 20_000) -> Baseline:
    """The baseline of the classifier."""
    rows = classes(-1, n)
    names = np.array(rows.classes)
    table = {"x": np.random.default_rng(0).normal(size=n), "p": rows.score, "yhat": names[rows.predicted]}
    labels = {"y": names[rows.label]}
    return pegel.profile(table | labels, predictions=["p", "yhat"], label="y", answer="yhat", score="p")


@cache
def number_baseline(n: int = 20_000) -> Baseline:
    """The baseline of the regressor."""
    rows = numbers(-1, n)
    table = {"x": np.random.default_rng(0).normal(size=n), "yhat": rows.predicted, "y": rows.label}
    return pegel.profile(table, predictions=["yhat"], label="y", answer="yhat")

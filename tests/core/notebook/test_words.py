"""What a report says in words: no more, and no less, than what was judged."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import pegel
from pegel.baseline.baseline import Baseline
from pegel.detect.scale import spread_ratio

ROWS = 5_000


def columns(seed: int, rows: int = ROWS, **changed: Any) -> dict[str, Any]:
    """Draw a number, a key of an open end, and answers of a classifier with its scores."""
    rng = np.random.default_rng(seed)
    score = rng.random(rows)
    table = {
        "x": rng.lognormal(size=rows),
        "key": rng.zipf(1.5, rows).astype(str).tolist(),
        "answer": (score > 0.5).astype(int),
        "score": score,
    }
    return table | changed


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    """What such a table looks like, with labels."""
    table = columns(0)
    labels = (np.random.default_rng(1).random(ROWS) < table["score"]).astype(int)
    return pegel.profile(table | {"label": labels}, label="label", answer="answer", score="score")


def test_notes_are_printed(baseline: Baseline) -> None:
    """What is not looked for, and why, stands in the report for a terminal."""
    report = pegel.check(columns(2, 500), baseline)
    told = [line.removeprefix("  note: ") for line in str(report).splitlines() if line.startswith("  note: ")]

    assert list(report.judgement.notes) == told
    assert any("hours" in note or "vary by themselves" in note for note in told)


def test_an_estimate_says_what_its_spread_is_of(baseline: Baseline) -> None:
    """Give or take is the chance of labels alone, and the report says that this is not all."""
    estimated = pegel.check(columns(3, 500), baseline).estimated

    assert estimated is not None
    assert re.search(r"\d\d\.\d % right answers, give or take \d\.\d by the chance of labels alone", estimated)
    assert "how far scores have come to mean something else is not in it" in estimated


def test_a_rise_of_unseen_values_says_what_was_expected(baseline: Baseline) -> None:
    """A key of an open end is often new; what is told is how many were, and how many would have been."""
    new = [f"new {i}" for i in range(150)] + columns(4, 350)["key"]
    report = pegel.check(columns(4, 500, key=new), baseline)
    whats = [finding.what for finding in report.findings if finding.feature == "key"]

    assert any(re.search(r"never seen in training: 1\d\d of 500 rows, where \d+ were to be expected", w) for w in whats)


def test_a_spread_is_told_as_it_was_tested() -> None:
    """A sample that is drawn together is told a ratio below 1, however far its few extremes reach."""
    rng = np.random.default_rng(0)
    table = {"x": rng.normal(size=ROWS)}
    narrow = rng.normal(0, 0.8, 2_000)
    narrow[:3] = 60.0
    report = pegel.check({"x": narrow}, pegel.profile(table))
    told = next(one for one in report.features if one.test == "scale")

    assert "drawn together" == told.what
    assert re.fullmatch(r"0\.\d+ times the spread", report.much(told))
    assert 0.8 == pytest.approx(told.effect, abs=0.05)


def test_spreads_of_normal_values() -> None:
    """The ratio of spreads is that of standard deviations where values are normal, and 1 for the same values."""
    rng = np.random.default_rng(0)
    edges = np.linspace(-3, 3, 61)
    before, now = (np.histogram(rng.normal(0, sd, 20_000), np.r_[-np.inf, edges, np.inf])[0] for sd in (1, 1.2))

    assert 1.2 == pytest.approx(spread_ratio(before, now), abs=0.03)
    assert 1.0 == spread_ratio(before, before)


def test_the_category_that_changed_is_the_one_that_is_named() -> None:
    """Whatever other fields are judged beside a field, its words and its effect are about the category that changed."""
    rng = np.random.default_rng(0)
    table = {"country": rng.choice(["AT", "DE", "FR"], ROWS), "key": [f"k{i}" for i in rng.integers(0, 9_000, ROWS)]}
    now = {"country": rng.choice(["AT", "DE", "FR"], 1_000), "key": ["k1"] * 1_000}
    alone, beside = (
        next(one for one in pegel.check(now, pegel.profile(part)).features if one.feature == "key")
        for part in ({"key": table["key"]}, table)
    )

    assert (alone.what, alone.effect) == (beside.what, beside.effect)
    assert re.fullmatch(r"one or more of about \d+ rarer keys 0\.\d+ % -> 100 %", beside.what)
    assert 1.0 == pytest.approx(beside.effect, abs=0.01)

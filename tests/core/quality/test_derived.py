"""The suite that follows from a baseline: what it expects, and that the rows it was learnt from are so."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pegel.baseline.baseline import Baseline
from pegel.judge.findings import Verdict
from pegel.judge.judge import judge
from pegel.quality import expectation as kinds
from pegel.quality.derived import LARGEST_DOMAIN, derived, upper_limit
from pegel.quality.merged_suite import Suite
from pegel.quality.on_counts import on_counts
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.layout import Layout
from pegel.stats.noise import Noise
from pegel.stats.seasons import Seasons
from pegel.stats.summary import Summary
from pegel.testing.samples import sample_span, sample_spec

ODD = (0.0, -0.0, 1.0, 1.5, 9.99, -3.25, 1e300, -1e300, 5e-324, np.nan, np.inf, -np.inf, 16_777_217.0)
CATEGORIES = ("a", "b", "", " a", "1", "1.0", "true", "x" * 80, None)


def of_kind(baseline: Baseline, kind: str, rows: int = 500) -> dict[str, dict[str, Any]]:
    """Return the arguments of the derived expectations of one kind, by column."""
    return {found.column: dict(found.kwargs) for found in derived(baseline, rows) if found.type == kind}


def test_what_follows_from_a_baseline(baseline: Baseline) -> None:
    """Every field has completeness and a type, numbers a range and moments, few categories a domain."""
    of_every_field = {"delay", "carrier", "stops", "late"}

    assert [["delay", "carrier", "stops"]] == [found.kwargs["column_set"] for found in derived(baseline, 500)[:1]]
    assert of_every_field == of_kind(baseline, kinds.NOT_NULL).keys() == of_kind(baseline, kinds.OF_TYPE).keys()
    assert {"delay", "stops", "late"} == of_kind(baseline, kinds.BETWEEN).keys()
    assert {"carrier": ["AA", "DL", "UA", "WN"]} == {
        column: kwargs["value_set"] for column, kwargs in of_kind(baseline, kinds.IN_SET).items()
    }
    assert {"delay", "late"} == of_kind(baseline, kinds.MEAN).keys() == of_kind(baseline, kinds.STDEV).keys()


def test_missing_values_are_tolerated_up_to_their_limit(baseline: Baseline) -> None:
    """More may be missing than in training by what its rows leave open, and never is none at all promised."""
    delay = baseline.features["delay"]
    tolerated = {column: 1 - kwargs["mostly"] for column, kwargs in of_kind(baseline, kinds.NOT_NULL).items()}

    assert tolerated["delay"] == pytest.approx(upper_limit(delay.n_null, delay.n))
    assert delay.n_null / delay.n < tolerated["delay"] < 3 * delay.n_null / delay.n
    assert 1 / 20_000 < tolerated["stops"] < 0.001


def test_a_larger_window_has_a_narrower_mean(baseline: Baseline) -> None:
    """The band of a mean is that of the sampling error of both sides."""
    few, many = (of_kind(baseline, kinds.MEAN, rows)["delay"] for rows in (100, 10_000))
    wide = [band["max_value"] - band["min_value"] for band in (few, many)]

    assert pytest.approx(np.sqrt((1 / 100 + 1 / 20_000) / (1 / 10_000 + 1 / 20_000)), rel=0.01) == wide[0] / wide[1]


def test_no_moments_where_hours_are_told_apart(learnt: Callable[..., Baseline]) -> None:
    """A mean of all hours says nothing of one of them."""
    values = {"speed": np.random.default_rng(1).normal(size=3_000)}
    plain, apart = learnt(values), learnt(values, noise=Noise(seasons=Seasons(12)))

    assert {"speed"} == of_kind(plain, kinds.MEAN).keys()
    assert {} == of_kind(apart, kinds.MEAN)


def test_long_tails_have_no_mean(learnt: Callable[..., Baseline]) -> None:
    """Where single values move a mean, none is expected."""
    heavy = learnt({"speed": np.random.default_rng(1).standard_cauchy(size=3_000)})

    assert {} == of_kind(heavy, kinds.MEAN)
    assert {"speed"} == of_kind(heavy, kinds.BETWEEN).keys()


def test_many_categories_have_no_domain(learnt: Callable[..., Baseline]) -> None:
    """Of more than fifty no list is made, nor of names that no other row has."""
    rows = 6_000
    codes = np.array([f"c{i % (LARGEST_DOMAIN + 1)}" for i in range(rows)], dtype=object)
    names = np.array([f"n{i}" for i in range(rows)], dtype=object)

    assert {} == of_kind(learnt({"code": codes, "name": names}), kinds.IN_SET)


@settings(max_examples=40, deadline=None)
@given(
    numbers=st.lists(st.sampled_from(ODD), min_size=1, max_size=60),
    texts=st.lists(st.sampled_from(CATEGORIES), min_size=1, max_size=60),
)
def test_training_rows_are_as_expected(learnt: Callable[..., Baseline], numbers: list[float], texts: list[Any]) -> None:
    """Whatever stands in the columns, no expectation that follows from rows is refuted by these rows."""
    n = min(len(numbers), len(texts))
    values = {"number": np.array(numbers[:n]), "text": np.array(texts[:n], dtype=object)}
    baseline = learnt(values)
    outcomes = [on_counts(expectation, baseline.summary, baseline) for expectation in derived(baseline, n)]

    assert [] == [outcome.words for outcome in outcomes if outcome.met is False]
    assert outcomes


def test_a_suite_is_plain_json(baseline: Baseline) -> None:
    """What is printed is a suite of a spec: read again, it expects the same."""
    printed = json.loads(json.dumps(Suite("derived 1", "2026-11-29", derived(baseline, 500)).to_json()))
    again = sample_spec(watch={"expectations": [printed]}).watch.expectations[0]

    assert [found.kwargs for found in derived(baseline, 500)] == [item["kwargs"] for item in again["expectations"]]


def test_clean_windows_raise_no_finding(
    baseline: Baseline, layout: Layout, draw: Callable[..., Any], count: Callable[..., Summary]
) -> None:
    """Rows like those of training meet the derived suite in 200 windows of 200 rows, at a budget of one in five."""
    spec = MonitorSpec.parse(
        sample_spec(watch={"expectations": "derived", "rows_per_day": 288_000}).to_json()
        | {"false_alarms": "280 per day"}
    )
    found = [
        judge(baseline, count(layout, draw(200, seed)), spec=spec, span=sample_span(), revision=1).findings
        for seed in range(1_000, 1_200)
    ]

    assert [] == [finding.what for findings in found for finding in findings if finding.detector == "expectation"]


def test_a_broken_expectation_is_one_named_finding(
    baseline: Baseline, layout: Layout, draw: Callable[..., Any], count: Callable[..., Summary]
) -> None:
    """A tenth of values missing is a finding with a p-value, within the budget, that names suite and expectation."""
    spec = sample_spec(watch={"expectations": "derived"})
    judgement = judge(baseline, count(layout, draw(500, 7, nulls=0.1)), spec=spec, span=sample_span(), revision=1)
    (finding,) = (found for found in judgement.findings if found.detector == "expectation")

    assert ("delay", "column_values_to_not_be_null", Verdict.DRIFT) == (finding.feature, finding.test, finding.verdict)
    assert finding.p_value < finding.threshold
    assert 0 < finding.budget_share < 0.05
    assert "derived" == finding.evidence["suite"]
    assert finding.what.startswith("expected: 'delay' is there, in at least 99.7")

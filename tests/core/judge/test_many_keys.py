"""Columns of many values: clean windows keep their level, and one value among thousands that changes is found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from benchmarks.accuracy import many_keys
from benchmarks.outliers import mixed
from scipy.stats import binom, poisson

import pegel
from pegel.data.spans import Span
from pegel.judge.chart_state import ChartState
from pegel.judge.findings import Verdict
from pegel.judge.judge import judge
from pegel.judge.rhythm_parts import rhythm_parts
from pegel.spec.rhythms import Rhythm
from pegel.testing.manual_clock import START
from pegel.testing.samples import counted, sample_spec

CERTAIN = 1e-4


def zipf(rng: np.random.Generator, rows: int, keys: int = 20_000, slope: float = 1.0) -> list[str]:
    """Draw keys whose shares fall by rank."""
    return [str(key) for key in rng.choice(keys, rows, p=many_keys.shares(keys, slope))]


def found(report: pegel.CheckReport) -> list[tuple[str, str]]:
    """Return test and words of each finding."""
    return [(finding.test, finding.what) for finding in report.findings]


@pytest.mark.parametrize(
    ("keys", "slope"),
    [(60, 0.0), (300, 0.5), (2_000, 0.0), (2_000, 1.0), pytest.param(20_000, 1.0, marks=pytest.mark.long)],
)
def test_clean_windows_keep_their_level(keys: int, slope: float) -> None:
    """Even and uneven keys, few and many, are flagged at most 1.2 times as often as promised, and not far less."""
    baselines, count = 8, 500
    rates = np.mean(
        [many_keys.one_baseline((7, i, keys, slope, 20_000, 500, count)).drift for i in range(baselines)], axis=0
    )
    windows = baselines * count

    for level, rate in zip(many_keys.LEVELS[:2], rates, strict=False):
        assert rate * level * windows <= binom.isf(CERTAIN, windows, 1.2 * level)
    assert rates[0] * 0.01 * windows >= binom.ppf(CERTAIN, windows, 0.5 * 0.01)


def test_charts_of_even_keys_keep_their_rate() -> None:
    """The chart of 2,000 even keys alarms no more often than promised, although the error of a baseline lasts."""
    alarms = [many_keys.one_baseline((7, i, 2_000, 0.0, 20_000, 100, 500)).chart for i in range(6)]

    assert np.mean(alarms) * many_keys.ALARMS * 3_000 <= binom.isf(CERTAIN, 3_000, 1.2 * many_keys.ALARMS)


def test_even_keys_are_ok() -> None:
    """Tables of 2,000 even keys are judged, and are ok: no key has a cell because it happened to be frequent."""
    rng = np.random.default_rng(0)
    baseline = pegel.profile({"device": rng.integers(0, 2_000, 20_000).astype(str).tolist()})
    tables = [{"device": rng.integers(0, 2_000, 2_000).astype(str).tolist()} for _ in range(10)]
    reports = [pegel.check(table, baseline, windows_per_week=40_320) for table in tables]

    assert {(Verdict.OK, "as in training")} == {(one.verdict, one.features[0].what) for one in reports}


@pytest.mark.long
@pytest.mark.environments("pyarrow")
@pytest.mark.parametrize("rows", [500, 2_000])
def test_a_stream_of_even_keys_stays_quiet_at_the_usual_budget(rows: int) -> None:
    """In 200 windows, with charts or without, against each of three baselines there is as good as nothing to be found.

    Of the budget of one false alarm a week windows have seven tenths, which is 0.014 to each baseline, so that two in
    all are chance in one of a thousand runs.
    """
    rng, spec, findings, promised = np.random.default_rng(5), sample_spec(), 0, 0.0

    def table(count: int) -> dict[str, list[str]]:
        return {
            "device": rng.integers(0, 2_000, count).astype(str).tolist(),
            "country": rng.integers(0, 60, count).astype(str).tolist(),
            "key": zipf(rng, count, 5_000),
        }

    for _ in range(3):
        baseline = pegel.profile(table(20_000))
        state = ChartState(baseline.id)
        for at in range(200):
            span = Span(START + at * spec.windowing.length, START + (at + 1) * spec.windowing.length)
            judgement = judge(
                baseline,
                counted(baseline.layout, pa.table(table(rows))),
                spec=spec,
                span=span,
                revision=0,
                chart_state=state,
            )
            assert judgement.chart_state is not None
            assert judgement.division is not None
            state = judgement.chart_state
            findings += len(judgement.findings)
            promised += judgement.division.budget.alpha

    assert promised == pytest.approx(600 / 10_080 * rhythm_parts(spec)[Rhythm.WINDOW])
    assert findings <= poisson.isf(0.002, promised)


@pytest.mark.parametrize(("share", "least"), [(0.01, 7), (0.02, 10)])
def test_one_value_that_repeats_is_found_among_new_ones(share: float, least: int) -> None:
    """A value that becomes one or two rows in a hundred is found where every sixth row has a value of its own.

    At one in a hundred it is lost where a frequent key lies in the same bucket.
    """
    rng = np.random.default_rng(1)
    baseline = pegel.profile({"key": zipf(rng, 20_000)})
    tables = [zipf(rng, 2_000) for _ in range(10)]
    for i, table in enumerate(tables):
        table[: round(2_000 * share)] = [f"value {i}"] * round(2_000 * share)
    reports = [pegel.check({"key": table}, baseline) for table in tables]

    assert sum("single category" in dict(found(report)) for report in reports) >= least
    assert all("rarer key" in what for report in reports for _, what in found(report))


def test_a_tail_that_collapses_into_one_rare_key_is_found() -> None:
    """Where all rare keys become one of them, single windows find it, whether the key was known or not."""
    rng = np.random.default_rng(2)
    baseline = pegel.profile({"key": zipf(rng, 20_000)})
    frequent = set(baseline.layout.features[0].vocabulary.top)  # type: ignore[union-attr]  # it is text
    rare = next(iter(sorted(baseline.layout.features[0].vocabulary.known)))  # type: ignore[union-attr]
    reports = [
        pegel.check({"key": [key if key in frequent else rare for key in zipf(rng, 500)]}, baseline) for _ in range(5)
    ]

    assert [True] * 5 == ["single category" in dict(found(report)) for report in reports]


@pytest.mark.parametrize("changed", ["few", "some", "many"])
def test_a_field_is_judged_as_if_it_were_alone(changed: str) -> None:
    """Numbers and words of a field of categories are the same whichever others, of more keys or fewer, stand beside."""
    keys = {"few": 4, "some": 60, "many": 3_000}
    rng = np.random.default_rng(0)

    def table(rows: int) -> dict[str, list[str]]:
        return {name: zipf(rng, rows, count, 0.5) for name, count in keys.items()}

    training, window = table(20_000), table(1_000)
    window[changed][:80] = ["new"] * 80
    together = pegel.check(window, pegel.profile(training), windows_per_week=60)
    alone = pegel.check({changed: window[changed]}, pegel.profile({changed: training[changed]}), windows_per_week=60)
    evidence = [
        [
            one.evidence["tests"]
            for one in report.judgement.findings
            if (one.feature, one.detector) == (changed, "drift")
        ]
        for report in (together, alone)
    ]
    words = [[one.what for one in report.features if one.feature == changed] for report in (together, alone)]

    assert 1 == len(evidence[0])
    assert evidence[0] == evidence[1]
    assert words[0] == words[1]


def test_a_key_that_vanishes_is_named() -> None:
    """Of a frequent key the finding says by name what was expected and what was seen, with what took its place."""
    rng = np.random.default_rng(3)
    baseline = pegel.profile({"key": zipf(rng, 20_000, 2_000)})
    now = ["0" if key == "1" else key for key in zipf(rng, 2_000, 2_000)]

    assert [("single category", "1 6 % -> 0 %, 0 12 % -> 18 %")] == found(pegel.check({"key": now}, baseline))


def identifiers(rng: np.random.Generator, rows: int) -> list[str]:
    """Draw values that hardly ever occur twice."""
    return [str(value) for value in rng.integers(0, 10**15, rows)]


@pytest.mark.parametrize("rows", [2_000, pytest.param(100_500, marks=pytest.mark.long)])
def test_identifiers_are_never_ok(rows: int) -> None:
    """Where each row has a value of its own the verdict says so, in terminal and JSON; other columns are judged."""
    rng = np.random.default_rng(4)
    baseline = pegel.profile({"id": identifiers(rng, rows), "x": rng.normal(size=rows)})
    report = pegel.check({"id": identifiers(rng, 1_000), "x": rng.normal(size=1_000)}, baseline)
    (said,) = [one for one in report.to_json()["features"] if one["feature"] == "id"]

    assert Verdict.OK == report.verdict
    assert ("insufficient", True) == (said["verdict"], said["what"].startswith("open vocabulary: "))
    assert "not judged: id (open vocabulary: " in str(report)
    assert Verdict.INSUFFICIENT == pegel.check({"id": identifiers(rng, 1_000)}, _alone(rng, rows)).verdict


def _alone(rng: np.random.Generator, rows: int) -> Any:
    return pegel.profile({"id": identifiers(rng, rows)})


def test_what_can_be_judged_of_identifiers_is() -> None:
    """Nulls, and a value that repeats, are found in a column of identifiers."""
    rng = np.random.default_rng(5)
    baseline = _alone(rng, 5_000)
    absent: list[str | None] = [*identifiers(rng, 900), *[None] * 100]
    repeated = [*identifiers(rng, 950), *["n/a"] * 50]

    assert ["nulls"] == [test for test, _ in found(pegel.check({"id": absent}, baseline))]
    assert ["single category"] == [test for test, _ in found(pegel.check({"id": repeated}, baseline))]


def test_new_values_are_told_with_what_was_expected() -> None:
    """More new values than expected are told with how many were: not as a rise from nothing."""
    rng = np.random.default_rng(6)
    baseline = pegel.profile({"key": zipf(rng, 20_000)})
    now = [key if i % 2 else f"new {i}" for i, key in enumerate(zipf(rng, 1_000))]
    (what,) = [words for test, words in found(pegel.check({"key": now}, baseline)) if test == "unseen"]

    assert what.startswith("values never seen in training: ")
    assert what.endswith(" were to be expected")


@pytest.mark.parametrize(
    "key",
    ["Zipf 1, 20,000", *(pytest.param(name, marks=pytest.mark.long) for name in ("flat, 2,000", "Zipf .7, 60,000"))],
)
def test_outliers_of_keys_keep_their_budget(key: str) -> None:
    """New keys score as single ones do, so that as many later rows are outliers as asked for.

    The bounds are about four standard errors of a mean over 16 baselines wide.
    """
    ratios = np.array([mixed.realised(key, "ecod", i, 20_000, 20_000) for i in range(16)])

    assert 0.9 <= ratios[:, 0].mean() <= 1.1
    assert 0.7 <= ratios[:, 1].mean() <= 1.3

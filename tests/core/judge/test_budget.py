"""From false alarms per week to levels."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import combinations

import numpy as np
import pytest

from pegel.baseline.baseline import Baseline
from pegel.judge.budget import CAP, divide
from pegel.judge.division import Division
from pegel.judge.layer import Setting
from pegel.judge.layer_table import LAYERS
from pegel.judge.layers.single_windows import Levels
from pegel.judge.rhythm_parts import rhythm_parts
from pegel.spec.monitor_spec import FalseAlarms, MonitorSpec
from pegel.spec.rhythms import Rhythm

MINUTE = timedelta(minutes=1)
TEN = [f"x{i}" for i in range(9)]
"""With the prediction, ten fields."""


def names(division: Division) -> list[str]:
    """Return the names of the layers that run."""
    return [layer.name for layer in division.running]


@pytest.fixture
def wish(spec: MonitorSpec) -> Callable[..., MonitorSpec]:
    """Change sections of the spec."""
    return lambda **sections: MonitorSpec.parse(spec.to_json() | sections)


def test_the_whole_budget_is_spent() -> None:
    """One alarm per week in minutes is one alarm in 10,080 windows, over all fields together."""
    budget = divide(FalseAlarms(), MINUTE, {"single windows": None})
    levels = Levels.of(budget.of("single windows"), fields=10)

    assert pytest.approx(1 / 10_080) == budget.alpha
    assert pytest.approx(1 / 7) == budget.expected_per_day
    assert 1 - (1 - levels.drift) ** 10 == pytest.approx(0.8 / 10_080)
    assert 1 - (1 - levels.quality) ** 11 == pytest.approx(0.2 / 10_080)


def test_layers_share_the_budget(wish: Callable[..., MonitorSpec]) -> None:
    """With all layers single windows have nearly half: 15 s windows and ten fields give the published levels."""
    division = Division.of(Setting(wish(windowing={"length": 15}, watch={"features": TEN, "long_spans": []})))
    single = division.budget.of("single windows")

    assert ["single windows", "charts", "correlations", "dependence", "events"] == names(division)
    assert ("9.7e-06", "9.7e-07") == (f"{0.8 * single:.1e}", f"{Levels.of(single, 10).drift:.1e}")
    assert {
        "single windows": 0.49,
        "charts": 0.4,
        "correlations": 0.05,
        "dependence": 0.05,
        "events": 0.01,
    } == pytest.approx({name: division.budget.share(alpha) for name, alpha in division.budget.alphas.items()})
    assert 1 / 7 == pytest.approx(division.budget.expected_per_day)
    assert division.describe().endswith(
        "; charts over windows have 9.9e-06 per window, correlations have 1.2e-06 per window, dependence of features "
        "has 1.2e-06 per window and tests of events have 2.5e-07 per window."
    )


@pytest.mark.parametrize(
    "idle",
    [some for size in range(3) for some in combinations(("charts", "correlations", "dependence", "events"), size)],
)
def test_unused_shares_go_to_single_windows(idle: tuple[str, ...]) -> None:
    """Whichever layers run, the sum is what was asked for, and single windows have what the others do not use."""
    shares = {entry.layer.name: entry.share for entry in LAYERS if entry.layer.name not in idle}
    budget = divide(FalseAlarms(count=2, per="day"), MINUTE, shares)
    asked, others = 2 / 1_440, sum(share for share in shares.values() if share is not None)

    assert asked == pytest.approx(budget.alpha)
    assert shares.keys() == budget.alphas.keys()
    assert dict.fromkeys(idle, 0.0) == {name: budget.of(name) for name in idle}
    assert (1 - others) * asked == pytest.approx(budget.of("single windows"))
    assert 2 == pytest.approx(budget.expected_per_day)


def test_the_shares_of_the_table_leave_a_rest() -> None:
    """One layer has the rest, the others have shares of less than the whole, and no two have a name or detector."""
    shares = [entry.share for entry in LAYERS]
    detectors = [name for entry in LAYERS for name in entry.layer.detectors]

    assert 1 == shares.count(None)
    assert 0 < sum(share for share in shares if share is not None) < 1
    assert len(LAYERS) == len({entry.layer.name for entry in LAYERS})
    assert sorted(set(detectors)) == sorted(detectors)


def test_a_layer_without_work_does_not_run(
    learnt: Callable[..., Baseline], wish: Callable[..., MonitorSpec], spec: MonitorSpec
) -> None:
    """Correlations need two watched numbers, charts 36 windows of baseline and windows that do not overlap."""
    rng = np.random.default_rng(0)
    baseline = learnt({"x": rng.normal(size=2_000), "y": rng.normal(size=2_000), "z": np.ones(2_000)})
    sliding = wish(windowing={"length": 60, "slide": 30})
    small, large, alone, overlapping, single = (
        Division.of(setting)
        for setting in (
            Setting(spec, baseline, usual_rows=55),
            Setting(spec, baseline, usual_rows=56),
            Setting(spec, baseline, follows=False),
            Setting(sliding, baseline, usual_rows=50),
            Setting(wish(watch={"features": ["x", "z"]}), baseline, follows=False),
        )
    )

    assert ["single windows", "charts", "correlations", "dependence", "events"] == names(small)
    assert [["single windows", "correlations", "dependence", "events"]] * 3 == [
        names(one) for one in (large, alone, overlapping)
    ]
    assert ["single windows", "events"] == names(single)
    assert "the baseline has 2,000 rows, and 2,016 (36 windows of 56) are needed" in large.notes()[0]
    assert "windows overlap and would count rows twice" in overlapping.notes()[0]
    assert (
        "correlations are not watched: only 1 suitable numeric feature; left out: z (one value in training)"
        in single.notes()
    )


def test_each_step_is_judged(wish: Callable[..., MonitorSpec]) -> None:
    """Overlapping windows are judged once per slide, so their number counts."""
    sliding, tumbling = wish(windowing={"length": "10m", "slide": "1m"}), wish(windowing={"length": "1m"})

    assert Division.of(Setting(sliding, follows=False)).budget == Division.of(Setting(tumbling, follows=False)).budget


def test_rhythms_share_the_budget(wish: Callable[..., MonitorSpec]) -> None:
    """All rhythms together spend what was asked for; windows have what others do not need, cannot spend or are not."""
    whole = {Rhythm.WINDOW: 0.7, Rhythm.HOUR: 0.1, Rhythm.DAY: 0.15, Rhythm.WEEK: 0.05}
    often = wish(false_alarms={"count": 3, "per": "week"})
    for spec, parts in (
        (wish(), whole),
        (wish(watch={"long_spans": ["day"]}), {Rhythm.WINDOW: 0.85, Rhythm.DAY: 0.15}),
        (wish(windowing={"length": "40m"}), {Rhythm.WINDOW: 0.8, Rhythm.DAY: 0.15, Rhythm.WEEK: 0.05}),
        (wish(windowing={"length": "7h"}), {Rhythm.WINDOW: 1.0}),
        (
            often,
            {Rhythm.WINDOW: 0.9 - 0.35 / 3 - 0.05 / 3, Rhythm.HOUR: 0.1, Rhythm.DAY: 0.35 / 3, Rhythm.WEEK: 0.05 / 3},
        ),
    ):
        divisions = {rhythm: Division.of(Setting(spec, rhythm=rhythm, follows=False)) for rhythm in parts}
        asked = spec.false_alarms.count / 7

        assert pytest.approx(parts) == rhythm_parts(spec)
        assert pytest.approx({rhythm: part * asked for rhythm, part in parts.items()}) == {
            rhythm: one.budget.expected_per_day for rhythm, one in divisions.items()
        }
        assert [pytest.approx(asked)] * len(parts) == [one.expected_per_day for one in divisions.values()]
        assert all(one.budget.alpha <= CAP * (1 + 1e-9) for one in divisions.values())


def test_looks_and_parts_share_what_a_span_may_spend(wish: Callable[..., MonitorSpec]) -> None:
    """A portion of a span's budget is a portion of every level, and what is expected of the model stays the same."""
    day, portion = (Division.of(Setting(wish(), rhythm=Rhythm.DAY, portion=part)) for part in (1.0, 0.45))

    assert pytest.approx(0.45 * day.budget.alpha) == portion.budget.alpha
    assert pytest.approx(day.expected_per_day) == portion.expected_per_day
    assert ["single windows", "correlations", "dependence"] == names(day)


def test_cap(wish: Callable[..., MonitorSpec]) -> None:
    """Few windows do not raise the level of each beyond 0.05, and the words say that fewer alarms come."""
    division = Division.of(Setting(wish(windowing={"length": "1d"}, false_alarms={"count": 10, "per": "day"})))

    assert pytest.approx(0.05) == division.budget.alpha
    assert "fewer are expected than asked for" in division.describe()


def test_words(wish: Callable[..., MonitorSpec]) -> None:
    """The arithmetic is shown: alarms per day, windows, shares, levels per field; less where fields are not known."""
    alone = Setting(wish(watch={"features": TEN, "long_spans": []}), follows=False)
    only_windows = tuple(entry for entry in LAYERS if entry.share is None)

    assert Division.of(alone, only_windows).describe() == (
        "With these settings expect 0.14 false alarms per day: 1,440 windows a day, each judged at 9.9e-05 in all "
        "(80% for drift, 20% for data quality), which is 7.9e-06 for the drift and 1.8e-06 for the quality of each of "
        "10 features; only single windows are judged, with the whole budget."
    )
    words = Division.of(Setting(wish()), only_windows).describe()
    assert words.endswith(
        " Of these, windows have 0.7, hours 0.1 (0.0006 each), days 0.15 (0.021 each) and weeks 0.05 (0.05 each) of "
        "the whole."
    )
    assert "shared by the features of the training data; only" in words


def test_words_of_a_surrogate(wish: Callable[..., MonitorSpec]) -> None:
    """Its residual is one more judged field of explained rows, and the arithmetic says so."""
    words = [
        Division.of(Setting(wish(attribution={"via": "endpoint", "identity": identity}))).describe()
        for identity in ("surrogate", "canaries")
    ]

    assert ["features and the residual of the surrogate" in text for text in words] == [True, False]

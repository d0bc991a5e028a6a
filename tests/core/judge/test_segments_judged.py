"""Segments judged: a drift that the whole does not show, within the budget of the whole."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

import pegel
from pegel.baseline.baseline import Baseline
from pegel.data.arrow_columns import columns_of
from pegel.data.columns import Role
from pegel.judge.division import Division
from pegel.judge.explaining_segments import explained
from pegel.judge.findings import Verdict
from pegel.judge.judge import judge
from pegel.judge.layer import Setting
from pegel.judge.layer_table import SEGMENT_LAYERS
from pegel.judge.recomputation import explain
from pegel.judge.whole_and_segments import SegmentedJudgement, judge_segments
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.segment_counts import SegmentCounts
from pegel.stats.summary import Summary
from pegel.testing.samples import counted, sample_span, sample_spec

pytestmark = pytest.mark.environments("pandas", "pyarrow")

AIRLINES = ("AA", "UA", "DL", "WN", "B6")
SHARES = (0.5, 0.25, 0.15, 0.05, 0.05)
SEGMENTS: list[Any] = ["airline", {"column": "distance", "cuts": [500]}]


def rows(count: int, seed: int, shift: dict[str, float] | None = None, everywhere: float = 0.0) -> dict[str, Any]:
    """Return rows of three features and a prediction; delays of some airlines, or of all, are shifted."""
    rng = np.random.default_rng(seed)
    airline = rng.choice(np.array(AIRLINES, dtype=np.object_), count, p=SHARES)
    by_airline = np.array([(shift or {}).get(name, 0.0) for name in airline])
    delay: NDArray[np.float64] = rng.normal(size=count) + by_airline + everywhere
    distance = rng.exponential(600, count)
    return {"airline": airline, "delay": delay, "distance": distance, "answer": delay + rng.normal(size=count)}


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    """Return the baseline of 60,000 rows with two columns of segments."""
    return pegel.profile(rows(60_000, 0), predictions=["answer"], segments=SEGMENTS)


def judged(baseline: Baseline, table: dict[str, Any], spec: MonitorSpec | None = None) -> SegmentedJudgement:
    """Return what is said of a table, without a notebook."""
    spec = spec or sample_spec(watch={"segments": SEGMENTS})
    summary, parts = counts(baseline, table)
    span = sample_span()
    whole = judge(baseline, summary, spec=spec, span=span, revision=0)
    return judge_segments(whole, baseline, summary, parts.summaries, spec=spec, span=span, revision=0)


def counts(baseline: Baseline, table: dict[str, Any]) -> tuple[Summary, SegmentCounts]:
    """Return the counts of a table, of the whole and by segment."""
    layout, arrow = baseline.layout, pa.table(table)
    parts = SegmentCounts(layout, baseline.segments.segments)
    (batch,) = arrow.combine_chunks().to_batches()
    codes = parts.segments.rows(layout, columns_of(layout.schema.of_role(Role.FEATURE), batch))
    for role in layout.schema.roles:
        parts.update(columns_of(layout.schema.of_role(role), batch), role, codes)
    return counted(layout, arrow), parts


def test_a_drift_of_a_small_segment_is_found_although_the_whole_passes(baseline: Baseline) -> None:
    """One row in twenty shifted by .6 sigma is nothing in the whole, and certain in its own segment."""
    found = judged(baseline, rows(4_000, 1, {"WN": 0.6}))

    assert Verdict.OK is found.whole.verdict
    assert {"airline=WN"} == {finding.segment for finding in found.findings}
    assert {"delay"} <= {finding.feature for finding in found.findings}


def test_a_finding_of_a_segment_is_recomputed_from_its_counts(baseline: Baseline) -> None:
    """What a segment's finding says is found again from the segment's stored counts and the training rows of it."""
    table = rows(4_000, 1, {"WN": 0.6})
    finding = next(one for one in judged(baseline, table).findings if one.feature == "delay")
    stored = counts(baseline, table)[1].to_bytes()["airline=WN"]
    again = Summary.from_bytes(stored, baseline.layout)

    assert explain(finding, again, baseline).agrees


def test_what_the_whole_tells_is_no_finding_of_its_segments(baseline: Baseline) -> None:
    """A shift of all rows is told once; the segments' verdicts show it, too."""
    found = judged(baseline, rows(4_000, 2, everywhere=0.5))

    assert {""} == {finding.segment for finding in found.findings}
    assert Verdict.DRIFT is found.segments["airline=AA"].verdict


def test_the_segments_that_explain_a_change_are_named(baseline: Baseline) -> None:
    """Shifted in one airline alone, a finding about the whole names it; shifted everywhere, it names none."""
    confined, everywhere = (
        judged(baseline, rows(20_000, 3, shift, shifted)).whole.findings
        for shift, shifted in (({"UA": 0.8}, 0.0), (None, 0.2))
    )
    named = next(finding.evidence["segments"] for finding in confined if finding.feature == "delay")

    assert ["airline=UA"] == named["names"]
    assert named["part"] > 0.9
    assert pytest.approx(0.25, abs=0.02) == named["rows"]
    assert all("segments" not in finding.evidence for finding in everywhere)


def test_a_segment_that_became_rare_explains_what_comes_of_it() -> None:
    """Fewer rows of one airline change the delays of all; told apart by airline nothing has changed."""
    table = rows(20_000, 4, {"UA": 1.5, "AA": 1.5})
    own = pegel.profile(table, segments=["airline"], predictions=["answer"])
    chosen = np.flatnonzero(table["airline"] != "AA")
    more = {name: np.concatenate([column, column[chosen[:6_000]]]) for name, column in table.items()}
    summary, parts = counts(own, more)

    named = explained(own, summary, parts.summaries, "delay", sample_span())

    assert named is not None
    assert "airline=AA" in named.names
    assert explained(own, summary, parts.summaries, "airline", sample_span()) is None


def test_segments_cost_no_further_false_alarms(baseline: Baseline) -> None:
    """The whole keeps 80 % of the levels, its segments share 20 % equally: together what the user allows."""
    spec = sample_spec(watch={"segments": SEGMENTS})
    alone = Division.of(Setting(sample_spec(), pegel.profile(rows(2_000, 0)), usual_rows=100))
    whole = Division.of(Setting(spec, baseline, usual_rows=100))
    each = [
        Division.of(Setting(spec, baseline.of_segment(name), usual_rows=100, segment=name), SEGMENT_LAYERS).budget.alpha
        for name in baseline.judged_segments
    ]

    assert 7 == len(each)
    assert pytest.approx(alone.budget.alpha) == whole.budget.alpha + sum(each)
    assert pytest.approx(1 / 7) == whole.expected_per_day
    assert "20% of the budget, which is" in whole.describe()
    assert "for each of 7 segments" in whole.describe()
    assert "for each of at most 13 segments" in Division.of(Setting(spec)).describe()


def test_a_segment_with_few_training_rows_is_not_judged_and_said(baseline: Baseline) -> None:
    """A category never seen in training is `other`, of which there is nothing to compare with."""
    table = rows(4_000, 5)
    table["airline"][:200] = "new"
    spec = sample_spec(watch={"segments": [*SEGMENTS, "gate"]})
    found = judged(baseline, table, spec)
    notes = Division.of(Setting(spec, baseline, usual_rows=100)).notes()

    assert Verdict.INSUFFICIENT is found.segments["airline=other"].verdict
    assert "1 of 8 segments is not judged, with fewer than 1,000 rows in training: airline=other" in notes
    assert "segments by gate are not judged: the baseline was made without them; refresh it" in notes


def test_nothing_drifts_nothing_is_found(baseline: Baseline) -> None:
    """Forty clean tables raise no finding in any segment at one false alarm a week."""
    found = [finding for seed in range(40) for finding in judged(baseline, rows(2_000, 100 + seed)).findings]

    assert [] == found


@pytest.mark.parametrize(("count", "shift"), [(2_000, 0.9), (20_000, 0.3)])
def test_segments_find_what_the_whole_cannot(baseline: Baseline, count: int, shift: float) -> None:
    """Of a shift in one row of twenty, in windows of a minute or a day, the whole finds little, its segment most."""
    found = [judged(baseline, rows(count, 500 + seed, {"WN": shift})) for seed in range(10)]
    in_segment = sum("airline=WN" in one.drifting for one in found)
    in_whole = sum(bool(one.whole.findings) for one in found)

    assert in_segment >= 8
    assert in_whole <= 1

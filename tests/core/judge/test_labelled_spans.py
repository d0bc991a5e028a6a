"""Labelled rows hour by hour: what is kept, found and charted, and that nothing is ever counted or told twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from labelled_traffic import HOUR, MONDAY, SPEC, class_baseline, classes, hour, number_baseline, numbers

from pegel.baseline.baseline import Baseline
from pegel.data.spans import Span
from pegel.judge.change_interval import interval_of
from pegel.judge.findings import Verdict
from pegel.judge.labelled_hours import Followed, Followers, Stored
from pegel.judge.performance.concept_charts import explain_chart, require_readable
from pegel.judge.performance.estimates import score_estimates
from pegel.judge.performance.label_levels import CONCEPT, DETECTOR
from pegel.judge.performance.performance_rows import PerformanceRow
from pegel.judge.performance.settling import is_settled
from pegel.judge.performance.span_judgement import explain_span
from pegel.stats.labelled_rows import LabelledRows
from pegel.stats.performance_counts import PerformanceCounts

pytestmark = pytest.mark.environments("pyarrow")
WEEK = timedelta(days=7)
BASELINES: Mapping[str, Callable[[], Baseline]] = {"classes": class_baseline, "numbers": number_baseline}


def followers(baseline: Baseline, now_hour: float) -> Followers:
    """Return what hours are judged with at some hour after the Monday."""
    return Followers(SPEC, baseline, WEEK, MONDAY + now_hour * HOUR)


def kept(stored: Stored, followed: Followed) -> Stored:
    """Return what is stored after a run: newest revisions and charts."""
    rows = {(row.span, row.segment): row for row in [*stored.rows, *followed.rows]}
    charts = {row.chart: row for row in [*stored.charts, *followed.charts]}
    return Stored(list(rows.values()), list(charts.values()))


def whole(stored: Stored) -> dict[Span, PerformanceRow]:
    """Return the rows of the whole by span."""
    return {row.span: row for row in stored.rows if not row.segment}


def run(
    baseline: Baseline, hours: Mapping[int, LabelledRows], stored: Stored | None = None, now: float = 48.0
) -> tuple[Followed, Stored]:
    """Follow hours at some time; return what came of it, and what is stored then."""
    before = stored or Stored()
    followed = followers(baseline, now).follow({hour(each): rows for each, rows in hours.items()}, before)
    return followed, kept(before, followed)


def test_a_day_is_the_sum_of_its_hours() -> None:
    """Counts of a day are, bit by bit, those of all its rows; every segment has its own."""
    hours = {each: classes(each, 100) for each in range(3)}
    _, stored = run(class_baseline(), hours)
    of_all = PerformanceCounts(classes=True)
    for rows in hours.values():
        of_all.update(rows)
    day = Span(MONDAY, MONDAY + timedelta(days=1))

    assert of_all == whole(stored)[day].counts
    assert {"", "airline=AA", "airline=WN"} == {row.segment for row in stored.rows}
    # With figures of its own, which the baseline has nothing of to compare with.
    assert {Verdict.NOT_TESTED} == {row.verdict for row in stored.rows if row.segment}


def test_the_same_hours_again_change_nothing() -> None:
    """A run that is repeated, with the same labels, has nothing to keep, to find or to chart."""
    hours = {each: classes(each) for each in range(4)}
    _, stored = run(class_baseline(), hours)
    again, _ = run(class_baseline(), hours, stored)

    assert Followed() == again


def test_charts_follow_hours_in_any_portions() -> None:
    """All hours at once, or one by one, lead to the same charts."""
    for baseline, draw in ((class_baseline(), classes), (number_baseline(), numbers)):
        hours = {each: draw(each, 130) for each in range(5)}
        _, at_once = run(baseline, hours)
        stored = Stored()
        for each, rows in hours.items():
            _, stored = run(baseline, {each: rows}, stored)

        assert at_once.charts == stored.charts
        assert hour(4).end == stored.charts[0].up_to


def test_a_late_correction_never_makes_a_chart_run_twice() -> None:
    """Corrected labels of a settled hour make a revision with other figures; no finding, and no chart that moves."""
    hours = {each: classes(each) for each in range(3)}
    _, stored = run(class_baseline(), hours)
    corrected, after = run(class_baseline(), {1: classes(1, flip=0.5)}, stored)
    row = whole(after)[hour(1)]

    assert (1, True, Verdict.DRIFT) == (row.revision, row.settled, row.verdict)
    assert () == corrected.findings
    assert stored.charts == after.charts


def test_charts_wait_for_the_first_hour_that_has_not_settled() -> None:
    """Events enter in their order: an hour with labels missing holds up those after it, until its horizon is over."""
    hours = {0: classes(0), 1: classes(1, labelled=0.9), 2: classes(2)}
    _, stored = run(class_baseline(), hours)
    waiting, after = run(class_baseline(), {3: classes(3)}, stored)
    passed, _ = run(class_baseline(), {each: classes(each) for each in (2, 3)} | {1: hours[1]}, after, 24 * 7 + 24)

    assert hour(0).end == stored.charts[0].up_to
    assert () == waiting.charts
    assert hour(3).end == passed.charts[0].up_to


def test_the_hour_that_charts_need_next_is_named() -> None:
    """Rows of a settled hour that charts have not passed are asked for; without them charts stay."""
    _, stored = run(class_baseline(), {0: classes(0), 1: classes(1, labelled=0.9)})
    followed, _ = run(class_baseline(), {2: classes(2)}, replace_settled(stored, hour(1)))

    assert hour(1) == followed.wanted
    assert () == followed.charts


def test_an_hour_whose_rows_are_gone_settles_by_time() -> None:
    """Nobody can join the rest of its labels: after the horizon it stands as counted, and charts pass over it."""
    _, stored = run(class_baseline(), {0: classes(0), 1: classes(1, labelled=0.9), 2: classes(2)})
    gone = replace(followers(class_baseline(), 24 * 7 + 24), gone={hour(1)})
    first = gone.follow({}, stored)
    settled = kept(stored, first)
    after = kept(settled, gone.follow({hour(2): classes(2)}, settled))
    early = replace(gone, now=MONDAY + 48 * HOUR).follow({}, stored)
    row = whole(settled)[hour(1)]

    assert (True, 180, hour(2)) == (row.settled, row.counts.labelled, first.wanted)
    assert (hour(0).end, hour(1).end, hour(2).end) == tuple(one.charts[0].up_to for one in (stored, settled, after))
    assert Followed() == early
    assert whole(settled)[Span(MONDAY, MONDAY + 24 * HOUR)].settled


def test_a_day_that_ends_in_silence_settles() -> None:
    """Its last hours have no rows, and all others settled while it went on: it settles when it is over."""
    hours = {each: classes(each) for each in range(3)}
    _, running = run(class_baseline(), hours, now=4)
    followed, _ = run(class_baseline(), {}, running, now=25)
    day = Span(MONDAY, MONDAY + 24 * HOUR)

    assert not whole(running)[day].settled
    assert [(day, True)] == [(row.span, row.settled) for row in followed.rows if not row.segment]


def replace_settled(stored: Stored, span: Span) -> Stored:
    """Return the same, one hour of which has settled meanwhile."""
    return Stored([replace(row, settled=True) if row.span == span else row for row in stored.rows], stored.charts)


def settled(counts: PerformanceCounts, now: datetime, *, complete: bool = True) -> bool:
    """Say whether the first hour is settled."""
    return is_settled(hour(0), counts, WEEK, now, complete=lambda: complete)


def test_when_a_span_is_settled() -> None:
    """All rows and labels are there after its end, or the horizon is over; a label that cannot be read has come."""
    whole_hour, part = PerformanceCounts.of(classes(0)), PerformanceCounts.of(classes(0, labelled=0.9))
    end = hour(0).end

    assert settled(whole_hour, end)
    assert not settled(whole_hour, end, complete=False)
    assert not settled(whole_hour, end - timedelta(seconds=1))
    assert not settled(part, end + WEEK - timedelta(seconds=1))
    assert settled(part, end + WEEK, complete=False)
    assert not settled(PerformanceCounts(classes=True), end)


def test_an_hour_whose_rows_come_in_parts_is_tested_as_a_whole() -> None:
    """60 rows come with all their labels, the other 3,600, which are worse, an hour later: findings, chart, day."""
    few, many = classes(0, 60), classes(0, 3_600, flip=0.4)
    waiting = replace(followers(class_baseline(), 24), is_complete=lambda *_: False)
    first = kept(Stored(), waiting.follow({hour(0): few}, Stored()))
    followed, after = run(class_baseline(), {0: many}, first)
    day = Span(MONDAY, MONDAY + timedelta(days=1))

    assert [] == first.charts
    assert {hour(0): False, day: False} == {span: row.settled for span, row in whole(first).items()}
    assert {hour(0): True, day: True} == {span: row.settled for span, row in whole(after).items()}
    assert {(DETECTOR, HOUR), (CONCEPT, HOUR), (DETECTOR, timedelta(days=1))} <= {
        (finding.detector, finding.span.end - finding.span.start) for finding in followed.findings
    }
    assert [hour(0).end] == [chart.up_to for chart in after.charts]


def test_a_day_waits_for_hours_that_nobody_has_counted() -> None:
    """Two hours of it are settled and it is over, but rows of a third were read: it settles with them."""
    asked: list[tuple[Span, set[Span]]] = []

    def is_complete(span: Span, hours: Collection[Span]) -> bool:
        asked.append((span, set(hours)))
        return span.end - span.start == HOUR or hour(2) in hours

    now = replace(followers(class_baseline(), 48), is_complete=is_complete)
    stored = kept(Stored(), now.follow({hour(0): classes(0), hour(1): classes(1)}, Stored()))
    after = kept(stored, now.follow({hour(2): classes(2)}, stored))
    day = Span(MONDAY, MONDAY + timedelta(days=1))

    assert (day, {hour(0), hour(1)}) in asked
    assert (False, True) == (whole(stored)[day].settled, whole(after)[day].settled)


def test_a_change_of_concept_is_found_by_labels() -> None:
    """Inputs, scores and answers are as in training; what they mean is not: hours, the day and the chart say so."""
    hours = {each: classes(each, 400, flip=0.15 if each >= 6 else 0.0) for each in range(24)}
    followed, _ = run(class_baseline(), hours)
    found = {(finding.detector, finding.span.end - finding.span.start) for finding in followed.findings}
    named = {finding.feature for finding in followed.findings}

    assert {(DETECTOR, HOUR), (DETECTOR, timedelta(days=1)), (CONCEPT, HOUR)} <= found
    assert "error rate" in named
    assert all(finding.span.end > hour(6).start for finding in followed.findings)


def test_input_drift_alone_never_raises_a_performance_alarm() -> None:
    """Other inputs, on which the model errs no more than before: without labels and with them nothing is said of it."""
    drifted = {each: classes(each, 400, shift=0.3) for each in range(6)}
    unlabelled = {each: classes(each, 400, shift=3.0, labelled=0.0) for each in range(6)}
    with_labels, _ = run(class_baseline(), drifted)
    without, stored = run(class_baseline(), unlabelled, now=24 * 7 + 48)

    assert () == without.findings
    assert Verdict.OK not in {row.verdict for row in stored.rows}
    assert [] == [finding for finding in with_labels.findings if finding.feature == "error rate"]


def test_residuals_that_grow_or_move_are_found() -> None:
    """A regressor: larger residuals, and a bias, are found by days and by charts over blocks of events."""
    for worse, bias, feature in ((1.3, 0.0, "mean absolute error"), (1.0, 1.5, "bias")):
        hours = {each: numbers(each, 300, worse=worse, bias=bias) for each in range(24)}
        followed, _ = run(number_baseline(), hours)

        assert {DETECTOR, CONCEPT} == {one.detector for one in followed.findings if one.feature == feature}


def test_residuals_beyond_the_floats_are_the_largest_float() -> None:
    """Answers and labels at both ends of the floats are judged like any others, and found."""
    rows = numbers(0, 300)
    ends = np.where(np.arange(300) % 2, 1.7e308, -1.7e308)
    followed, stored = run(number_baseline(), {0: replace(rows, predicted=ends, label=-ends)})

    assert {1.7976931348623157e308} == {abs(each) for each in replace(rows, predicted=ends, label=-ends).residuals}
    assert "mean absolute error" in {one.feature for one in followed.findings}
    assert json.loads(json.dumps([chart.state for chart in stored.charts], allow_nan=False))


@pytest.mark.parametrize("kind", BASELINES)
def test_charts_say_between_which_times_a_change_began(kind: str) -> None:
    """Errors, and residuals, that grow with the tenth hour: the interval holds its begin, and is two hours at most."""
    draw: Callable[[int], LabelledRows] = {
        "classes": lambda each: classes(each, 400, flip=0.15 if each >= 10 else 0.0),
        "numbers": lambda each: numbers(each, 400, worse=1.4 if each >= 10 else 1.0),
    }[kind]
    followed, _ = run(BASELINES[kind](), {each: draw(each) for each in range(20)})
    interval = interval_of(next(one for one in followed.findings if one.detector == CONCEPT).evidence)

    assert interval is not None
    assert interval.earliest is not None
    assert interval.earliest <= hour(10).start + timedelta(minutes=20)
    assert hour(10).start < interval.latest <= interval.earliest + 2 * HOUR


@pytest.mark.parametrize("kind", BASELINES)
def test_a_chart_that_began_anew_says_so_with_what_it_finds(kind: str) -> None:
    """It takes in what comes after the damage alone, as one of a new baseline does; its findings say when and why."""
    baseline, aside = BASELINES[kind](), {"at": "2015-01-05T03:20:00+00:00", "why": "no JSON", "state": "{half"}
    draw = classes if kind == "classes" else numbers
    _, before = run(baseline, {each: draw(each, 400) for each in range(4)})
    damaged = replace(before, charts=[replace(each, state={}, aside=aside) for each in before.charts])
    worse = {each: classes(each, flip=0.2) if kind == "classes" else numbers(each, worse=1.7) for each in range(4, 16)}
    followed, after = run(baseline, worse, damaged)
    told = [one.evidence for one in followed.findings if one.detector == CONCEPT]

    assert told
    assert [{"at": aside["at"], "why": aside["why"]}] * len(told) == [one["began_anew"] for one in told]
    assert [aside] * len(after.charts) == [each.aside for each in after.charts]
    for each in after.charts:
        require_readable(each.chart, each.state)
    assert all(explain_chart(one, baseline).agrees for one in followed.findings if one.detector == CONCEPT)


@pytest.mark.parametrize("kind", BASELINES)
def test_every_finding_is_recomputed(kind: str) -> None:
    """From stored counts, or the run of the chart, statistic and p-value are found again to 1e-9."""
    baseline = BASELINES[kind]()
    hours = {each: classes(each, flip=0.2) if kind == "classes" else numbers(each, worse=1.7) for each in range(12)}
    followed, stored = run(baseline, hours)
    counts = {(row.span, row.segment): PerformanceCounts.from_json(row.counts.to_json()) for row in stored.rows}
    explained = [
        explain_chart(one, baseline)
        if one.detector == CONCEPT
        else explain_span(one, counts[one.span, one.segment], baseline)
        for one in followed.findings
    ]

    assert len(explained) > 5
    assert [True] * len(explained) == [one.agrees for one in explained]
    assert all("recomputed" in str(one) for one in explained)
    json.dumps([one.to_json() for one in explained], allow_nan=False)


def test_estimates_are_scored_by_the_truth() -> None:
    """What was estimated from scores, or answers, is compared with labels once a span has settled."""
    for baseline, draw in ((class_baseline(), classes), (number_baseline(), numbers)):
        hours = {each: draw(each, 300, shift=0.5) for each in range(40)}
        _, stored = run(baseline, hours, now=72)
        rows = [row for row in stored.rows if not row.segment and row.span.end - row.span.start == HOUR]
        score = score_estimates(rows)
        assert score is not None

        assert {"estimate"} == {row.estimate["kind"] for row in rows if row.estimate is not None}
        assert 40 == score.spans
        assert 36 <= score.held
        assert abs(score.mean_error) < 0.1 * score.mean_distance + 0.02 * max(1.0, score.mean_distance)


@pytest.mark.long
def test_false_alarms_of_spans_are_as_rare_as_asked_for() -> None:
    """Clean hours at a level of 0.05: the share of hours with any finding, over 0.05, lies between 0.4 and 1.3."""
    from pegel.judge.performance.span_judgement import judge_counts

    for baseline, draw in ((class_baseline(), classes), (number_baseline(), numbers)):
        counts = [PerformanceCounts.of(draw(each, 300, seed=5)) for each in range(800)]
        judged = [judge_counts(one, baseline, level=0.05, margin=0.0).verdict for one in counts]

        assert 0.4 <= judged.count(Verdict.DRIFT) / (0.05 * len(judged)) <= 1.3


def test_too_few_labels_are_no_health() -> None:
    """Fewer than 50 labelled rows are insufficient, none at all no data; both have what is known of them."""
    _, stored = run(class_baseline(), {0: classes(0, 30)})
    row = whole(stored)[hour(0)]

    assert Verdict.INSUFFICIENT == row.verdict
    assert row.judgement["figures"][0]["name"] == "error rate"
    assert np.isfinite(row.judgement["figures"][0]["low"])

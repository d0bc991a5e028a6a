"""Odd events: more of them than tolerated is a finding, whatever else there is to judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from pegel.baseline.baseline import Baseline
from pegel.data.instants import EPOCH
from pegel.data.spans import Span
from pegel.detect.tolerated import ToleratedShare
from pegel.errors import NotFound
from pegel.judge.chart_state import ChartState
from pegel.judge.event_counts import KINDS, EventCounts, EventKind
from pegel.judge.findings import Verdict
from pegel.judge.judge import Judgement, judge
from pegel.judge.layer_table import LAYERS
from pegel.judge.layers.odd_events import explain_events
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.layout import Layout
from pegel.stats.summary import Summary


def counts(received: int = 1_204, reasons: dict[str, int] | None = None, **odd: int) -> EventCounts:
    """Return events of one model, with how many were odd by kind, and why some could not be read."""
    return EventCounts(received, odd=dict(odd), reasons={"invalid": reasons} if reasons else {})


@pytest.fixture
def alone(spec: MonitorSpec, span: Span) -> Callable[..., Judgement]:
    """Judge the events of a span without a baseline and without rows."""

    def judged(events: EventCounts, **changes: Any) -> Judgement:
        settings: dict[str, Any] = {"spec": spec, "span": span, "revision": 0, "events": events}
        return judge(None, None, **settings | changes)

    return judged


@pytest.fixture
def clean_window(layout: Layout, count: Callable[..., Summary], draw: Callable[..., Any]) -> Summary:
    """500 rows as in training."""
    return count(layout, draw(500, seed=100))


@given(st.integers(0, 60), st.integers(1, 5_000), st.floats(1e-6, 0.5))
def test_the_tail_is_that_of_the_binomial_law(seen: int, n: int, tolerated: float) -> None:
    """The p-value is the exact chance of at least so many at the tolerated share."""
    test = ToleratedShare("late", min(seen, n), n, tolerated)

    assert test.p_value == pytest.approx(binom.sf(test.seen - 1, n, tolerated), rel=1e-9, abs=1e-290)


@pytest.mark.parametrize(
    ("events", "is_told"),
    [
        (counts(3, invalid=1), False),
        (counts(3, invalid=3), False),
        (counts(60, late=3), False),
        (counts(1_204, invalid=12), False),
        (counts(1_204, invalid=40), True),
        (counts(8, invalid=8), True),
        (counts(1_204, duplicate=120), False),
        (counts(1_204, duplicate=1_100), True),
        (counts(100_000, dropped=100), False),
        (counts(100_000, dropped=200), True),
        (counts(1_204, ahead=80), True),
        (EventCounts(5, 1_000, odd={"nobody": 100}), True),
        (EventCounts(5, 1_000, odd={"nobody": 10, "nobody_dropped": 1}), False),
        (counts(0), False),
        (counts(10**12, late=10**12), True),
    ],
)
def test_only_what_is_certainly_more_than_tolerated_is_told(
    alone: Callable[..., Judgement], events: EventCounts, is_told: bool
) -> None:
    """A few odd events among a few are no finding; a share that is certainly too large is one."""
    judged = alone(events)

    assert (Verdict.DRIFT if is_told else Verdict.BASELINE_MISSING) == judged.verdict
    assert int(is_told) == len(judged.findings)


def test_windows_without_rows_are_judged_by_the_layers_asked_for(alone: Callable[..., Judgement]) -> None:
    """With half of the budget their layer has its larger level there too; without their layer nothing is said."""
    bad = counts(1_204, invalid=40)
    halved = tuple(replace(entry, share=0.5) if entry.layer.name == "events" else entry for entry in LAYERS)
    without = tuple(entry for entry in LAYERS if entry.layer.name != "events")
    levels = [alone(bad, layers=layers).beyond[0].threshold for layers in (LAYERS, halved)]
    silent = alone(bad, layers=without)

    assert levels[1] > 10 * levels[0]
    assert (Verdict.BASELINE_MISSING, (), (), ()) == (silent.verdict, silent.beyond, silent.findings, silent.notes)


def test_events_make_a_window_drift_whose_rows_are_as_in_training(
    baseline: Baseline, clean_window: Summary, spec: MonitorSpec, span: Span
) -> None:
    """The readable rows of a window do not hide that others could not be read, and are judged as ever."""
    judged, quiet = (
        judge(baseline, clean_window, spec=spec, span=span, revision=2, events=events)
        for events in (counts(5_000, invalid=400), None)
    )
    (finding,) = judged.findings

    assert (Verdict.OK, Verdict.DRIFT) == (quiet.verdict, judged.verdict)
    assert quiet.features == judged.features
    assert (baseline.id, "unreadable events", 5_000) == (finding.baseline_id, finding.feature, finding.n)


def test_a_finding_reads_like_a_sentence(alone: Callable[..., Judgement]) -> None:
    """It says how many of how many, what is tolerated and why they could not be read, the usual reason first."""
    reasons = {"not_json": 37, "wrong_fields": 3, "bad_gzip": 2, "too_large": 1, "empty_body": 1}
    (finding,) = alone(counts(1_204, reasons, invalid=44)).findings

    assert (
        "3.7 % of 1,204 events could not be read (tolerated 1 %): 37 × not JSON, 3 × wrong fields, "  # noqa: RUF001
        "2 × bad gzip, 2 others"  # noqa: RUF001
    ) == finding.what


@given(st.sampled_from(KINDS), st.integers(1, 3_000), st.integers(0, 300))
def test_every_finding_is_recomputed(kind: EventKind, seen: int, others: int) -> None:
    """From its own counts the same p-value comes, also where there was neither a baseline nor a row."""
    spec = MonitorSpec.parse({"model": {"name": "m", "uri": "u"}, "baseline": {"source": "s"}})
    events = EventCounts(seen + others, seen + others, odd={kind.test: seen})
    span = Span(EPOCH, EPOCH + timedelta(minutes=1))
    findings = judge(None, None, spec=spec, span=span, revision=1, events=events).findings

    assert [True] * len(findings) == [explain_events(finding).agrees for finding in findings]
    assert [(kind.feature, "")] * len(findings) == [(finding.feature, finding.baseline_id) for finding in findings]


def test_another_finding_is_not_taken_for_one_of_events(alone: Callable[..., Judgement]) -> None:
    """A finding of another detector is refused by name."""
    (finding,) = alone(counts(100, late=90)).findings

    with pytest.raises(NotFound, match="expected a finding about events, given one of 'drift'"):
        explain_events(replace(finding, detector="drift"))


def test_a_rise_below_what_is_tolerated_is_said_in_words(alone: Callable[..., Judgement]) -> None:
    """A noticeable share is a note and no finding; next to nothing is not even that."""
    judged, next_to_nothing = alone(counts(100_000, late=400)), alone(counts(100_000, late=40))

    assert () == judged.findings
    assert ("0.4 % of 100,000 events came after their window was final (tolerated 1 %)",) == judged.notes
    assert () == next_to_nothing.notes


def test_it_is_told_since_when(alone: Callable[..., Judgement], span: Span) -> None:
    """A finding names the first window from which on such events were noticeable without a break."""
    state, told, words = ChartState(""), [], []
    for minute, late in enumerate((0, 50, 0, 5, 8, 60)):
        later = timedelta(minutes=minute)
        judged = alone(counts(1_000, late=late), span=Span(span.start + later, span.end + later), chart_state=state)
        assert judged.chart_state is not None
        state = ChartState.from_json(judged.chart_state.to_json())
        told += [finding.evidence["since"] for finding in judged.findings]
        words += [*judged.notes, *(finding.what for finding in judged.findings)]

    assert [(span.start + timedelta(minutes=at)).isoformat() for at in (1, 3)] == told
    assert ["", "", "since 12:03 UTC", "since 12:03 UTC"] == [text.partition("; ")[2] for text in words]


def test_what_is_tolerated_is_for_the_user_to_say(alone: Callable[..., Judgement], spec: MonitorSpec) -> None:
    """Nothing tolerated makes each a finding, everything tolerated none, and per cent may be written."""
    specs = [
        MonitorSpec.parse(spec.to_json() | {"events": {"late": tolerated}}) for tolerated in (0, 1, "60%", "60.5 %")
    ]

    assert [0.0, 1.0, 0.6, 0.605] == [one.events.late for one in specs]
    assert [1, 0, 1, 1] == [len(alone(counts(1_000, late=900), spec=one).findings) for one in specs]
    assert 1 == len(alone(counts(1_000, late=1), spec=specs[0]).findings)


def test_false_alarms_stay_within_the_part_of_the_budget() -> None:
    """At the tolerated share itself a window is told less often than the level, for any number of events."""
    level = 1e-3
    for n in (5, 60, 1_204, 50_000):
        told = [k for k in range(n + 1) if ToleratedShare("late", k, n, 0.01).p_value < level]

        assert binom.sf(told[0] - 1, n, 0.01) < level

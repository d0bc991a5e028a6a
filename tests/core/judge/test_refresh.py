"""A new baseline beside the current one: what moved, and which guard rails hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Schema
from pegel.data.spans import Span
from pegel.errors import LayoutMismatch
from pegel.judge.refresh.baseline_changes import KindOfChange, compare_baselines
from pegel.judge.refresh.guard_rails import GuardRail, Learned, MetSuite, State, interval_rail, replay_rails, suite_rail
from pegel.judge.refresh.replayed_windows import Replay, ReplayedWindows
from pegel.judge.refresh.review import RefreshReview, Way
from pegel.spec.monitor_spec import FalseAlarms, MonitorSpec, Watch
from pegel.stats.layout import Layout, build_layout
from pegel.stats.summary import Summary

MINUTE = timedelta(minutes=1)
NAMES = ["rows", "fields", "suite", "interval", "woken", "silenced"]


@pytest.fixture(scope="session")
def built(count: Callable[..., Summary]) -> Callable[..., Baseline]:
    """Build the baseline of rows in the cells of a layout."""

    def build(layout: Layout, rows: Any) -> Baseline:
        return Baseline.build(
            layout=layout,
            summary=count(layout, rows, exact=True),
            model="delays",
            version=1,
            source="test",
            scores=None,
            watch=Watch(),
        )

    return build


@pytest.fixture
def refreshed(baseline: Baseline, schema: Schema, draw: Any, built: Callable[..., Baseline]) -> Callable[..., Any]:
    """Draw other training data; returns their baseline, and their recount in the cells of the current one."""

    def again(n: int = 20_000, seed: int = 2, **change: float) -> tuple[Baseline, Baseline]:
        rows = draw(n, seed, **change)
        return built(build_layout(schema, rows), rows), built(baseline.layout, rows)

    return again


def replayed(
    baseline: Baseline,
    recount: Baseline,
    spec: MonitorSpec,
    windows: list[Summary],
    begin: datetime = datetime(2026, 7, 1, tzinfo=UTC),
) -> ReplayedWindows:
    """Replay summaries as consecutive windows of a minute."""
    replay = Replay(baseline, recount, spec)
    for place, summary in enumerate(windows):
        span = Span(begin + place * MINUTE, begin + (place + 1) * MINUTE)
        replay.see(span, summary.to_bytes(), summary.layout.layout_hash)
    return replay.result()


def changes_of(pairs: Any) -> dict[str, KindOfChange]:
    """Return what is known of each field, by name."""
    return {one.name: one.change for one in pairs.fields}


def test_equal_training_data_has_no_field_that_moved(baseline: Baseline, refreshed: Callable[..., Any]) -> None:
    """Other rows of the same kind give another baseline of which no field is told to have moved."""
    new, recount = refreshed()
    found = compare_baselines(baseline, new, recount, margin=0.02)

    assert (new.id != baseline.id, set(changes_of(found).values())) == (True, {KindOfChange.SAME})
    assert [one.what for one in found.fields] == ["as before"] * 4


def test_what_moved_is_told_with_its_size(baseline: Baseline, refreshed: Callable[..., Any]) -> None:
    """A shifted number, a grown category and more nulls are told by field, in words and in the field's unit."""
    new, recount = refreshed(shift=0.3, wn=0.31, nulls=0.05)
    found = compare_baselines(baseline, new, recount, margin=0.02)
    told = {one.name: one for one in found.of(KindOfChange.MOVED)}

    assert sorted(told) == ["carrier", "delay"]
    assert (told["delay"].effect_unit, told["delay"].unit, round(told["delay"].effect or 0, 1)) == ("sigma", "min", 0.3)
    assert told["delay"].what == "shifted up; nulls 0.13 % -> 4.9 %"
    assert told["carrier"].what == "WN 22 % -> 31 %"


def test_a_change_below_the_margin_is_told_as_such(baseline: Baseline, refreshed: Callable[..., Any]) -> None:
    """A change that is certain, and smaller than the spec's margin, is no field that moved."""
    new, recount = refreshed(n=200_000, shift=0.1)
    found = compare_baselines(baseline, new, recount, margin=0.5)

    assert (changes_of(found)["delay"], found.of(KindOfChange.MOVED)) == (KindOfChange.BELOW_MARGIN, [])


def test_lost_changed_and_new_fields_are_named(baseline: Baseline, draw: Any, learnt: Callable[..., Baseline]) -> None:
    """Columns that are gone, of another kind, or new are told without any count of their values."""
    rows = draw(2_000, 3)
    new = learnt({"delay": rows["delay"].astype(str).astype(object), "stops": rows["stops"], "fare": rows["delay"]})
    found = compare_baselines(baseline, new, None, margin=0.02, why_not="fields were lost")

    assert changes_of(found) == {
        "delay": KindOfChange.OTHER,
        "carrier": KindOfChange.LOST,
        "stops": KindOfChange.NOT_COMPARED,
        "late": KindOfChange.LOST,
        "fare": KindOfChange.NEW,
    }
    assert [one.what for one in found.of(KindOfChange.OTHER, KindOfChange.NOT_COMPARED)] == [
        "numeric feature before, categorical feature now",
        "fields were lost",
    ]


def test_rows_in_other_cells_are_no_recount(
    baseline: Baseline, refreshed: Callable[..., Any], spec: MonitorSpec
) -> None:
    """Counts in other cells than the current baseline's are refused, by the comparison and by the replay."""
    new, _ = refreshed()

    with pytest.raises(LayoutMismatch, match="nothing was compared"):
        compare_baselines(baseline, new, new, margin=0.02)
    with pytest.raises(LayoutMismatch, match="no window was replayed"):
        Replay(baseline, new, spec)


def test_a_replay_tells_what_falls_silent(
    baseline: Baseline, refreshed: Callable[..., Any], draw: Any, count: Any, spec: MonitorSpec
) -> None:
    """Windows that alarm by the current baseline, and are what the new one learnt, fall silent; calm ones wake up."""
    _, recount = refreshed(shift=0.5)
    calm = [count(baseline.layout, draw(600, seed)) for seed in range(10)]
    shifted = [count(baseline.layout, draw(600, 100 + seed, shift=0.5)) for seed in range(3)]
    found = replayed(baseline, recount, spec, [*calm, *shifted])

    assert (found.windows, found.alarming_before, found.alarming_now) == (13, 3, 10)
    assert (found.woken, found.silenced) == (10, 3)
    assert [one.features for one in found.silenced_examples] == [("delay",)] * 3


def test_a_replay_of_equal_data_changes_no_window(
    baseline: Baseline, refreshed: Callable[..., Any], draw: Any, count: Any, spec: MonitorSpec
) -> None:
    """Other rows of the same kind wake no window and silence none: a drift that is there is found by both."""
    _, recount = refreshed()
    calm = [count(baseline.layout, draw(600, seed)) for seed in range(10)]
    shifted = [count(baseline.layout, draw(600, 100 + seed, shift=0.5)) for seed in range(3)]
    found = replayed(baseline, recount, spec, [*calm, *shifted])

    assert (found.alarming_before, found.alarming_now, found.woken, found.silenced) == (3, 3, 0, 0)


def test_windows_that_cannot_be_replayed_are_counted(
    baseline: Baseline, refreshed: Callable[..., Any], span: Span, spec: MonitorSpec
) -> None:
    """Windows of other cells and damaged ones are counted by kind, those without rows are no windows to replay."""
    _, recount = refreshed()
    replay, own = Replay(baseline, recount, spec), baseline.layout.layout_hash
    for packed, layout_hash in ((b"", own), (b"", None), (b"x", "0" * 64), (b"PGLS4", own)):
        replay.see(span, packed, layout_hash)
    rails = replay_rails(replay.result(), spec.false_alarms, MINUTE)

    assert replay.result() == ReplayedWindows(other_cells=1, unreadable=1)
    assert [rail.state for rail in rails] == [State.UNKNOWN] * 2
    assert rails[0].given.endswith("without 1 counted by an earlier baseline and 1 that cannot be read")


def states(review: RefreshReview) -> dict[str, State]:
    """Return whether each guard rail holds, by name."""
    return {rail.name: rail.state for rail in review.rails}


def review(spec: MonitorSpec, current: Baseline, pair: tuple[Baseline, Baseline], **known: Any) -> RefreshReview:
    """Review a new baseline of which nothing else is known."""
    values = {"replayed": ReplayedWindows(windows=100), "learned": Learned(), "met": MetSuite(), **known}
    return RefreshReview.of(spec, current, pair[0], recount=pair[1], **values)


def test_a_new_baseline_without_a_fault_is_promoted_by_itself(
    baseline: Baseline, refreshed: Callable[..., Any], spec: MonitorSpec
) -> None:
    """Where every guard rail holds, only the spec decides; what cannot be known is said and stops nothing."""
    found = review(spec, baseline, refreshed())

    assert states(found) == dict(zip(NAMES, ["held", "held", "unknown", "unknown", "held", "held"], strict=True))
    assert [found.way(mode) for mode in ("auto", "approve", "never")] == [Way.PROMOTE, Way.ASK, Way.LEAVE]


def test_too_few_rows_are_refused(baseline: Baseline, refreshed: Callable[..., Any], spec: MonitorSpec) -> None:
    """A baseline of fewer than half of the rows waits for a person; exactly half is enough."""
    half, fewer = (review(spec, baseline, refreshed(n=n)) for n in (10_000, 9_999))

    assert (half.broken, fewer.way("auto")) == ((), Way.ASK)
    assert [str(rail) for rail in fewer.broken] == [
        "rows: broken - expected 10,000 rows or more, half of the current 20,000; given 9,999 rows"
    ]


def test_a_lost_field_is_refused(
    baseline: Baseline, draw: Any, learnt: Callable[..., Baseline], spec: MonitorSpec
) -> None:
    """A new baseline without a field of the current one waits for a person, and names the field."""
    rows = draw(20_000, 3)
    new = learnt({"delay": rows["delay"], "carrier": rows["carrier"], "stops": rows["stops"]})
    found = review(spec, baseline, (new, None), replayed=None, why_not="no recount")  # type: ignore[arg-type]

    assert (states(found)["fields"], found.way("auto")) == (State.BROKEN, Way.ASK)
    assert found.rails[1].given == "late (lost: the new training data has no such column)"
    assert [rail.given for rail in found.rails[4:]] == ["no recount"] * 2


@pytest.mark.parametrize(
    ("learned", "state"),
    [
        (Learned(), State.UNKNOWN),
        (Learned(since=datetime(2026, 7, 1, tzinfo=UTC), until=datetime(2026, 7, 2, tzinfo=UTC)), State.UNKNOWN),
        (
            Learned(
                since=datetime(2026, 7, 1, tzinfo=UTC),
                until=datetime(2026, 7, 2, tzinfo=UTC),
                windows=1_440,
                alarming=1,
            ),
            State.HELD,
        ),
        (
            Learned(
                since=datetime(2026, 7, 1, tzinfo=UTC),
                until=datetime(2026, 7, 2, tzinfo=UTC),
                windows=1_440,
                alarming=2,
            ),
            State.BROKEN,
        ),
    ],
    ids=["no times", "no windows", "as chance may", "alarming"],
)
def test_an_alarming_time_is_not_learnt_by_itself(learned: Learned, state: State) -> None:
    """Training data of a time with more alarming windows than chance raises waits for a person."""
    rail = interval_rail(learned, FalseAlarms(), MINUTE)

    assert (rail.name, rail.state) == ("interval", state)


def test_what_a_suite_asks_is_told() -> None:
    """An expectation that training data misses, and that is not critical, is named; that there is no suite is said."""
    rails = [suite_rail(met) for met in (MetSuite(), MetSuite(asked=3), MetSuite(asked=3, unmet=("delay: nulls",)))]

    assert [rail.state for rail in rails] == [State.UNKNOWN, State.HELD, State.HELD]
    assert rails[2].given == "2 of 3 expectations met; not met, and not critical: delay: nulls"


@pytest.mark.parametrize(("count", "state"), [(0, State.HELD), (4, State.HELD), (5, State.BROKEN)])
def test_no_more_windows_change_sides_than_chance_changes(count: int, state: State) -> None:
    """In a week at one false alarm a week up to 4 windows may wake up or fall silent, and 5 are too many."""
    week = ReplayedWindows(windows=10_080, woken=count, silenced=count)
    rails = replay_rails(week, FalseAlarms(), MINUTE)

    assert [rail.state for rail in rails] == [state] * 2
    assert rails[1].given == f"{count} of 10,080 windows"


def test_a_review_is_kept_as_json(
    baseline: Baseline, refreshed: Callable[..., Any], draw: Any, count: Any, spec: MonitorSpec
) -> None:
    """What was known is read back as it was, numbers and examples included."""
    pair = refreshed(shift=0.5)
    found = replayed(baseline, pair[1], spec, [count(baseline.layout, draw(600, seed)) for seed in range(2)])
    known = review(spec, baseline, pair, replayed=found)

    assert RefreshReview.from_json(json.loads(json.dumps(known.to_json()))) == known
    assert ReplayedWindows.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert GuardRail.from_json(known.rails[0].to_json()) == known.rails[0]

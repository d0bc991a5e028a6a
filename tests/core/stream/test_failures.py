"""One model's failure stays its own: the others of its group go on, also across restarts, and every event is booked."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest

from pegel.data.columns import Role
from pegel.data.wire import REQUEST_TYPE
from pegel.errors import SetupError
from pegel.store.database import connect, writing
from pegel.store.registry import Registry
from pegel.store.stream_state import move_on
from pegel.stream import packing
from pegel.stream.counting_task import CountingTask
from pegel.stream.decoding_alone import decode
from pegel.stream.monitor_windows import STATE_VERSION, MonitorWindows
from pegel.testing.stream_fakes import LoggedRecord, as_read

HALF = 15


def both(group: Any, state: Any, step: int) -> None:
    """Send five pairs to each of two models."""
    first = 5 * step
    group.send(
        state,
        group.pairs(first, first + 5, at=step) + group.pairs(first, first + 5, at=step, endpoint="fraud-v1"),
    )


@pytest.mark.parametrize("damage", [b"{", b'{"baseline_version": 1}', b"", None])
def test_a_damaged_current_baseline_fails_its_model_only(group: Any, damage: bytes | None) -> None:
    """Whatever stands in place of the document: its model says so and loses its windows, the other is judged."""
    broken = group.watch("fraud", seed=8)
    if damage is None:
        del group.baselines.documents[broken]
    else:
        group.baselines.documents[broken] = damage
    for step in range(HALF):
        both(group, group.start(), step)
    (failure,) = group.stored().failures
    invalid = {(row.kind, row.model) for row in group.results.invalid("fraud", 1)}

    assert (HALF * 5, HALF * 5, HALF * 5, 0) == group.totals()
    assert [] == group.results.windows("fraud", 1)
    assert ("fraud", 1, group.clock.now(), 2) == (failure.model, failure.version, failure.since, failure.windows_lost)
    assert "loading its baseline" in failure.reason
    assert {("monitor_failed", "fraud")} == invalid
    assert HALF * 10 == sum(row.invalid for row in group.results.ledger("fraud", 1))
    assert {0} == {row.difference for row in group.results.ledger_balance("default")}


def test_a_baseline_damaged_under_an_open_window_costs_that_window(group: Any) -> None:
    """A window pinned to a baseline that is damaged after it opened is lost; later ones, by a new baseline, are not."""
    old = group.watch("fraud", seed=8)
    both(group, group.start(), 0)
    group.baselines.documents[old] = b"{"
    new = group.watch("fraud", seed=9)
    for step in range(1, HALF):
        both(group, group.start(), step)
    windows = group.results.windows("fraud", 1, final_only=True)

    assert [new] * len(windows) == [row.baseline_id for row in windows]
    assert [group.begin + timedelta(seconds=5)] == [row.span.start for row in windows]
    assert [] == group.stored().failures
    assert (HALF * 5, HALF * 5, HALF * 5, 0) == group.totals()


FAILING = '''
class Failing:
    """Raises whenever it is asked."""

    name = "failing"
    needs = ()

    def test(self, baseline, window):
        raise RuntimeError("the detector failed")
'''


@pytest.fixture
def failing_detector(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed detector that raises."""
    site = tmp_path / "site"
    info = site / "failing-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "failing.py").write_text(FAILING)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: failing\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[pegel.detectors]\nfailing = failing:Failing\n")
    monkeypatch.syspath_prepend(str(site))


@pytest.mark.usefixtures("failing_detector")
def test_a_detector_that_raises_fails_its_model_only(group: Any) -> None:
    """Its windows are lost with the reason; taken out of the spec, the next final window ends the failure."""
    group.watch("fraud", seed=8, watch={"detectors": ["failing"]})
    state = group.start()
    for step in range(HALF):
        group.send(state, group.pairs(200 * step, 200 * step + 200, at=step, endpoint="fraud-v1"))
    (failure,) = group.stored().failures
    group.watch("fraud", seed=8)
    for step in range(HALF, HALF + 12):
        both(group, group.start(), step)

    assert "the detector failed" in failure.reason
    assert 2 == failure.windows_lost
    assert [] == group.stored().failures
    assert {1} == {row.version for row in group.results.windows("fraud", 1, final_only=True)}


@pytest.mark.usefixtures("failing_detector")
def test_windows_that_cannot_be_judged_leave_no_rows(group: Any) -> None:
    """A final window that is lost is over like any other: its rows are forgotten and take no room from others'."""
    regex = {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "carrier", "regex": "^A"}}
    suite = {"name": "mine", "made": "2026-11-29", "expectations": [regex]}
    group.watch("fraud", seed=8, watch={"detectors": ["failing"], "expectations": [suite]})
    state = group.start()
    left = []
    for step in (0, 20, 40):
        commit = group.send(state, group.pairs(200 * step, 200 * step + 200, at=step, endpoint="fraud-v1"))
        state.rows_of(commit, group.models)
        left.append(len(state.window_rows.kept))

    assert [1, 1, 1] == left
    assert 2 == group.stored().failures[0].windows_lost


class Breaking(bytes):
    """A body that breaks whoever looks into it."""

    __slots__ = ()

    def __len__(self) -> int:
        raise RuntimeError("this body breaks its decoder")


def test_a_body_that_breaks_the_decoder_is_alone_unreadable(group: Any) -> None:
    """The other bodies of its batch are decoded, and it is an error like any other that cannot be read."""
    schema = group.baselines.baseline(group.models.baselines["delays/1"]).layout.schema
    good = b'{"instances": [[500.0, "AA"]]}'
    decoded = decode([good, Breaking(good), good], schema, Role.FEATURE)

    assert ([1, 0, 1], 2) == (decoded.rows.tolist(), decoded.columns.n)
    assert {1: "decoder_failed"} == {at: error.kind for at, error in decoded.errors.items()}


def test_damaged_rows_of_state_cost_their_model_its_open_windows(group: Any) -> None:
    """Open windows that cannot be read are one model's failure and counted; what comes after is watched anew."""
    group.watch("fraud", seed=8)
    for step in (0, 6):
        both(group, group.start(), step)
    stored = group.stored()
    torn = [part for part in stored.pane_parts if part.model == "fraud"]
    stored.states[:] = [
        type(state)(model=state.model, version=1, windows={"state_version": 0}) if state.model == "fraud" else state
        for state in stored.states
    ]
    state = type(group.start()).restored(stored, group.baselines, group.clock.now())
    (failure,) = state.failures.active.values()
    for step in range(7, 20):
        both(group, state, step)

    assert (2, 2) == (len({part.pane for part in torn}), failure.windows_lost)
    assert f"state version {STATE_VERSION}, given 0" in failure.reason
    assert (75, 75, 75, 0) == group.totals()
    # Of the spans that were open, none is told as if what was left of it were all.
    assert [25] == [row.requests for row in group.results.windows("fraud", 1, final_only=True)]
    assert [] == group.stored().failures


def test_what_an_earlier_release_counted_of_a_window_is_told_as_its_own_and_not_as_damage(group: Any) -> None:
    """Panes without the rows of requests and responses, which release 3 of the state wrote, are not unpacked."""
    both(group, group.start(), 0)
    stored = group.stored()
    for at, part in enumerate(stored.pane_parts):
        value, (requests, asked_at, _, responses, _, empty, rejected, *rest) = packing.unpack(part.data)
        earlier = packing.pack(value, (requests, asked_at, responses, empty, rejected, *rest))
        stored.pane_parts[at] = replace(part, data=earlier)
    stored.states[:] = [replace(state, windows={**state.windows, "state_version": 3}) for state in stored.states]
    state = type(group.start()).restored(stored, group.baselines, group.clock.now())
    (failure,) = state.failures.active.values()

    assert failure.reason.startswith("its open windows: SetupError")
    assert f"state version {STATE_VERSION}, given 3: they were written by another release" in failure.reason
    assert (1, {}) == (failure.windows_lost, state.manager.monitors)


def test_open_windows_without_their_row_are_lost_and_damaged_charts_begin_anew(group: Any) -> None:
    """A missing row of state is told like a damaged one; charts that cannot be read cost no window."""
    for name, seed in (("fraud", 8), ("loans", 9)):
        group.watch(name, seed=seed)
    for step in (0, 1):
        group.send(group.start(), group.pairs(5 * step, 5 * step + 5, at=step))
        for endpoint in ("fraud-v1", "loans-v1"):
            group.send(group.start(), group.pairs(5 * step, 5 * step + 5, at=step, endpoint=endpoint))
    stored = group.stored()
    stored.states[:] = [
        type(state)(model=state.model, version=1, windows=state.windows, charts={"torn": True})
        if state.model == "loans"
        else state
        for state in stored.states
        if state.model != "fraud"
    ]
    state = type(group.start()).restored(stored, group.baselines, group.clock.now())
    reasons = {failure.model: (failure.windows_lost, failure.reason) for failure in state.failures.active.values()}

    assert (1, "its open windows are not stored") == reasons["fraud"]
    assert 0 == reasons["loans"][0]
    assert reasons["loans"][1].startswith("its charts, which begin anew")
    assert 1 == len(state.manager.monitors["loans/1"].spans)


def test_a_torn_part_loses_the_spans_of_its_pane(group: Any) -> None:
    """A stored part that is cut off fails the span it belongs to, and no other model's."""
    group.watch("fraud", seed=8)
    both(group, group.start(), 0)
    stored = group.stored()
    stored.pane_parts[:] = [
        type(part)(model=part.model, version=1, pane=part.pane, data=part.data[:-7]) if part.model == "fraud" else part
        for part in stored.pane_parts
    ]
    state = type(group.start()).restored(stored, group.baselines, group.clock.now())
    for step in range(1, 9):
        both(group, state, step)

    assert (45, 45, 45, 0) == group.totals()
    assert [] == group.results.windows("fraud", 1, final_only=True)
    assert [("fraud", 1)] == [(failure.model, failure.windows_lost) for failure in group.stored().failures]


def test_a_spec_that_cannot_be_read_leaves_its_windows_open(group: Any) -> None:
    """Also over a restart and a silence: with the spec mended they go on, and only what came meanwhile is missing."""
    group.watch("fraud", seed=8)
    state = group.start()
    for step in range(3):
        both(group, state, step)
    spec = group.models.specs.pop("fraud/1")
    group.models.unreadable = {"fraud/1": "spec: no JSON"}
    both(group, group.start(), 3)
    state = group.start()
    group.tick(state, idle_s=60)
    (failure,) = group.stored().failures
    group.models.specs["fraud/1"], group.models.unreadable = spec, {}
    for step in range(4, HALF):
        both(group, state, step)

    assert (HALF * 5 - 5, HALF * 5 - 5, HALF * 5 - 5, 0) == group.totals("fraud")
    assert [] == group.results.invalid("", 0)
    assert {("monitor_failed", 10)} == {(row.kind, row.count) for row in group.results.invalid("fraud", 1)}
    assert ("fraud", "spec: no JSON", 0) == (failure.model, failure.reason, failure.windows_lost)
    assert [] == group.stored().failures
    assert {0} == {row.difference for row in group.results.ledger_balance("default")}


def test_a_spec_that_cannot_be_read_is_told_without_an_event(group: Any) -> None:
    """Its failure is stored at the next look, since when and why, and over once nobody wants it watched."""
    state, since = group.start(), group.clock.now()
    group.models.unreadable = {"fraud/1": "spec: no JSON"}
    group.tick(state, idle_s=0)
    (failure,) = group.stored().failures
    again = group.start().close_idle(group.models, group.clock.now(), None)
    group.models.unreadable = {}
    group.tick(state, idle_s=0)

    assert ("fraud", 1, since, "spec: no JSON") == (failure.model, failure.version, failure.since, failure.reason)
    assert again is None
    assert [] == group.stored().failures


def test_a_state_of_another_version_is_refused_by_name() -> None:
    """What another release wrote is not taken for ours."""
    with pytest.raises(SetupError, match=f"expected open windows of state version {STATE_VERSION}, given 99"):
        MonitorWindows.from_json({"state_version": 99})


def test_a_task_never_raises_for_one_model(group: Any) -> None:
    """A task whose baseline cannot be loaded still returns what the other models' records are."""
    group.watch("fraud", seed=8)
    plan = group.start().plan(group.models, group.clock.now())
    group.baselines.documents[group.models.baselines["fraud/1"]] = orjson.dumps({"layout": 7})
    records = [LoggedRecord(f"r{i}", REQUEST_TYPE, "fraud-v1", b"{}", group.begin) for i in range(3)]
    (output,) = CountingTask(plan, group.baselines.load).run(as_read(records + group.pairs(0, 2)))

    assert 2 == len(output.partials)


def moved_on(group: Any) -> None:
    """Move what the journal holds to rows of each monitor, as every hundredth commit does."""
    engine = connect(group.url)
    with writing(engine) as connection:
        move_on(connection, "default")
    engine.dispose()


def damage_journal(group: Any, of: str | None) -> None:
    """Cut short the newest section of a model in the journal; None: the head of the newest row."""
    with closing(sqlite3.connect(group.url.removeprefix("sqlite:///"))) as database:
        seq, data = database.execute("SELECT seq, changes FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
        owners, sections = packing.unpack(data)
        torn = [part[:-9] if owner == [of, 1] else part for owner, part in zip(owners, sections, strict=True)]
        changed = b"\xff" * 9 + data[9:] if of is None else packing.pack(owners, torn)
        database.execute("UPDATE journal SET changes = ? WHERE seq = ?", (changed, seq))
        database.commit()


@pytest.mark.parametrize("is_moved_on", [False, True])
def test_a_change_that_nobody_can_read_costs_its_own_model_its_open_windows(group: Any, is_moved_on: bool) -> None:
    """It is told, also where everything around it moved on before; the windows of the other models are exact."""
    group.watch("fraud", seed=8)
    state = group.start()
    for step in (0, 6, 7):
        both(group, state, step)
    damage_journal(group, "fraud")
    if is_moved_on:
        moved_on(group)
    restored = group.start()
    (failure,) = restored.failures.active.values()
    for step in (*range(8, 20), *range(100, 110)):
        group.clock.advance(max(timedelta(0), group.begin + timedelta(seconds=step) - group.clock.now()))
        both(group, restored, step)

    assert ("fraud", True) == (failure.model, failure.reason.startswith("a change of open windows: "))
    assert (125, 125, 125, 0) == group.totals()
    assert [5, 20, 25, 25, 25] == [row.requests for row in group.results.windows("delays", 1, final_only=True)]
    # The first one was final before; of what was open then, nothing is told as if it were all.
    assert [5, 25] == [row.requests for row in group.results.windows("fraud", 1, final_only=True)]
    assert ([], []) == (group.stored().failures, group.stored().damaged)


def test_a_row_of_the_journal_that_nobody_can_read_holds_up_nobody(group: Any) -> None:
    """Whose changes were in it is not known: no model tells what it had open as if that were all, and all go on."""
    group.watch("fraud", seed=8)
    state = group.start()
    for step in (0, 6):
        both(group, state, step)
    damage_journal(group, None)
    restored = group.start()
    failures = list(restored.failures.active.values())
    for step in (*range(7, 20), *range(100, 110)):
        group.clock.advance(max(timedelta(0), group.begin + timedelta(seconds=step) - group.clock.now()))
        both(group, restored, step)
    told = {name: group.results.windows(name, 1, final_only=True) for name in ("delays", "fraud")}

    assert ["delays", "fraud"] == sorted(failure.model for failure in failures)
    assert {0} == {row.difference for row in group.results.ledger_balance("default")}
    assert {"delays": [25], "fraud": [25]} == {name: [row.requests for row in rows] for name, rows in told.items()}
    assert ([], []) == (group.stored().failures, group.stored().damaged)


def test_a_model_whose_only_state_nobody_can_read_says_so(group: Any) -> None:
    """What a new model has open may be in that row alone: it tells nothing of it as if that were all, and says why."""
    engine = connect(group.url)
    Registry(engine).put(group.models.specs["delays/1"])
    engine.dispose()
    group.send(group.start(), group.pairs(0, 5))
    damage_journal(group, None)
    restored = group.start()
    (failure,) = restored.failures.active.values()
    for step in (*range(7, 20), *range(100, 110)):
        group.clock.advance(max(timedelta(0), group.begin + timedelta(seconds=step) - group.clock.now()))
        group.send(restored, group.pairs(5 * step, 5 * step + 5, at=step))

    assert ("delays", "a change of open windows: ") == (failure.model, failure.reason[:26])
    assert [25] == [row.requests for row in group.results.windows("delays", 1, final_only=True)]
    assert ([], []) == (group.stored().failures, group.stored().damaged)


def test_rows_of_state_that_no_type_fits_are_their_models_own(group: Any) -> None:
    """Parts of panes and failures whose instants are none stop no other model's restart, and do not come back."""
    group.watch("fraud", seed=8)
    state = group.start()
    for step in (0, 6):
        both(group, state, step)
    moved_on(group)
    with closing(sqlite3.connect(group.url.removeprefix("sqlite:///"))) as database:
        database.execute("UPDATE pane_parts SET pane = 'once upon a time' WHERE model = 'fraud'")
        database.execute("INSERT INTO failures VALUES ('default', 'fraud', 1, 'long ago', 'torn', 0, NULL)")
        database.commit()
    restored = group.start()
    (failure,) = restored.failures.active.values()
    for step in range(7, 20):
        both(group, restored, step)

    assert "a PanePart cannot be read" in failure.reason
    assert (75, 75, 75, 0) == group.totals()
    assert ([], []) == (group.stored().failures, group.stored().damaged)
    assert [25] == [row.requests for row in group.results.windows("fraud", 1, final_only=True)]

"""The state of streaming drivers: claimed by one at a time, written whole or not at all, restored as it was."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.engine import Engine

from pegel.errors import Conflict, Superseded
from pegel.store.results import Results
from pegel.store.stream_store import FORGET_PARTITIONS_AFTER, StreamStore
from pegel.stream.commit import (
    ArrivalRow,
    Commit,
    Gap,
    LateCount,
    MonitorFailure,
    MonitorState,
    PanePart,
    ReadRange,
    SetAside,
)
from pegel.testing.manual_clock import START
from pegel.testing.samples import (
    sample_arrivals,
    sample_finding,
    sample_heartbeat,
    sample_invalid,
    sample_ledger,
    sample_outlier,
    sample_span,
    sample_window,
)

pytestmark = pytest.mark.environments("sqlalchemy")

MINUTE = timedelta(minutes=1)
TOPIC = "pegel.default.inference"


def read(start: int, end: int, topic_id: str | None = "t1", partition: int = 0) -> ReadRange:
    """Return a range of the one topic."""
    return ReadRange(topic=TOPIC, partition=partition, start=start, end=end, records=end - start, topic_id=topic_id)


def part(data: bytes, minute: int = 0, *, whole: bool = False) -> PanePart:
    """Return a part of a pane of `delays/1`."""
    return PanePart(model="delays", version=1, pane=sample_span(minute).start, data=data, whole=whole)


def full_commit(start: int = 0) -> Commit:
    """Return a commit with something of every kind."""
    return Commit(
        read=[read(start, start + 10)],
        gaps=[Gap(topic=TOPIC, partition=1, start=0, end=5, reason="retention", at=START)],
        set_aside=[SetAside(topic=TOPIC, partition=0, offset=3, size_bytes=7, reason="two deaths", at=START)],
        arrivals=[ArrivalRow(topic=TOPIC, partition=0, minute=START, records=10)],
        windows=[sample_window(0)],
        findings=[sample_finding(0)],
        outliers=[sample_outlier()],
        ledger=[sample_ledger()],
        invalid=[sample_invalid()],
        pane_parts=[part(b"one", 1)],
        states=[MonitorState(model="delays", version=1, windows={"head_us": 7}, charts={"sizes": [1]})],
        failures=[MonitorFailure(model="fraud", version=2, since=START, reason="damaged", windows_lost=1)],
    )


def test_what_is_committed_is_restored(engine: Engine) -> None:
    """Another driver finds offsets, states, pane parts and failures as they were written, and the results as rows."""
    store = StreamStore(engine)
    commit = full_commit()
    store.commit(store.claim("default", 1, START), commit, START)
    restored = store.restore(store.claim("default", 1, START))

    assert {(TOPIC, 0): read(0, 10)} == restored.offsets
    assert commit.states == restored.states
    assert commit.pane_parts == restored.pane_parts
    assert commit.failures == restored.failures
    assert commit.windows == Results(engine).windows("delays", 1)


def test_a_newer_generation_keeps_the_group(engine: Engine) -> None:
    """An older generation cannot claim a group that a newer one holds; an equal or newer one takes it over."""
    store = StreamStore(engine)
    store.claim("default", 2, START)

    with pytest.raises(Superseded, match="generation 2 holds it"):
        store.claim("default", 1, START)
    assert 2 == store.claim("default", 2, START).generation
    assert 3 == store.claim("default", 3, START).generation


def test_who_lost_the_claim_writes_nothing(engine: Engine) -> None:
    """A driver whose group was claimed by another can neither commit, beat nor restore, and leaves nothing behind."""
    store = StreamStore(engine)
    loser, winner = (store.claim("default", 1, START) for _ in range(2))
    for attempt in (
        lambda: store.commit(loser, full_commit(), START),
        lambda: store.heartbeat(loser, sample_heartbeat()),
        lambda: store.restore(loser),
    ):
        with pytest.raises(Superseded, match="another driver claimed"):
            attempt()
    store.release(loser)

    assert {} == store.restore(winner).offsets
    assert [] == Results(engine).windows("delays", 1)
    assert [] == Results(engine).heartbeats()


def test_deaths_are_counted_until_a_commit_or_a_clean_stop(engine: Engine) -> None:
    """Each driver that began to read and did not stop cleanly counts as a death; a release makes the count anew."""
    store = StreamStore(engine)
    first = store.claim("default", 1, START)
    store.commit(first, Commit(), START)
    counted = []
    for _ in range(3):
        counted.append(store.claim("default", 1, START))
        store.begin_to_read(counted[-1])
    store.commit(counted[-1], Commit(), START)
    after_commit = store.claim("default", 1, START)
    store.release(after_commit)
    after_release = store.claim("default", 1, START)

    assert [0, 1, 2, 3] == [claim.deaths for claim in (first, *counted)]
    assert (1, 0) == (after_commit.deaths, after_release.deaths)


def test_a_driver_that_ends_before_it_reads_died_of_no_record(engine: Engine) -> None:
    """Drivers killed while they start, however many, leave no death behind: nobody reads carefully for their sake."""
    store = StreamStore(engine)
    store.begin_to_read(store.claim("default", 1, START))
    claims = [store.claim("default", generation, START) for generation in (2, 3, 4, 5)]

    assert [1, 1, 1, 1] == [claim.deaths for claim in claims]


@pytest.mark.parametrize("again", [read(0, 10), read(9, 20)], ids=["the same", "overlapping"])
def test_a_repeated_range_is_refused_whole(engine: Engine, again: ReadRange) -> None:
    """Offsets that were counted before are refused with everything that came with them."""
    store = StreamStore(engine)
    claim = store.claim("default", 1, START)
    store.commit(claim, Commit(read=[read(0, 10)]), START)

    with pytest.raises(Conflict, match="expected offsets from 10 on"):
        store.commit(claim, Commit(read=[again], windows=[sample_window(0)]), START)
    assert [] == Results(engine).windows("delays", 1)


def test_a_topic_made_again_begins_anew(engine: Engine) -> None:
    """A topic with another id under the same name may begin below the stored offset."""
    store = StreamStore(engine)
    claim = store.claim("default", 1, START)
    store.commit(claim, Commit(read=[read(0, 10)]), START)
    store.commit(claim, Commit(read=[read(0, 4, topic_id="t2")]), START)

    assert {(TOPIC, 0): read(0, 4, topic_id="t2")} == store.restore(claim).offsets


def test_counts_are_added(engine: Engine) -> None:
    """Ledger, invalid input and late events of two commits are the sum of both; a sample stays the first."""
    store, results = StreamStore(engine), Results(engine)
    claim = store.claim("default", 1, START)
    late = LateCount(model="delays", version=1, span=sample_span(0), late=2)
    commit = Commit(ledger=[sample_ledger()], invalid=[sample_invalid()], windows=[sample_window(0)])
    store.commit(claim, commit, START)
    again = Commit(ledger=[sample_ledger()], invalid=[sample_invalid(sample="later")], late=[late])
    store.commit(claim, again, START)
    store.commit(claim, Commit(late=[late]), START)

    assert [2 * sample_ledger().judged] == [row.judged for row in results.ledger("delays", 1)]
    assert [(6, sample_invalid().sample)] == [(row.count, row.sample) for row in results.invalid("delays", 1)]
    assert [sample_window(0, late=4)] == results.windows("delays", 1)


def test_pane_parts_are_appended_replaced_and_closed(engine: Engine) -> None:
    """Parts come back in order; a whole one takes the place of those before it; a closed pane is gone."""
    store = StreamStore(engine)
    claim = store.claim("default", 1, START)
    store.commit(claim, Commit(pane_parts=[part(b"a"), part(b"x", 1)]), START)
    store.commit(claim, Commit(pane_parts=[part(b"b")]), START)
    appended = store.restore(claim).pane_parts
    store.commit(claim, Commit(pane_parts=[part(b"ab", whole=True)]), START)
    replaced = store.restore(claim).pane_parts
    store.commit(claim, Commit(closed_panes=[("delays", 1, sample_span(0).start)]), START)

    assert [part(b"a"), part(b"b"), part(b"x", 1)] == appended
    assert [part(b"x", 1), part(b"ab")] == replaced
    assert [part(b"x", 1)] == store.restore(claim).pane_parts


def test_states_without_charts_leave_the_charts(engine: Engine) -> None:
    """A state written without charts replaces the windows and keeps the charts that are stored."""
    store = StreamStore(engine)
    claim = store.claim("default", 1, START)
    store.commit(claim, full_commit(), START)
    store.commit(claim, Commit(states=[MonitorState(model="delays", version=1, windows={"head_us": 9})]), START)
    kept = MonitorState(model="delays", version=1, windows={"head_us": 9}, charts={"sizes": [1]})

    assert [kept] == store.restore(claim).states


def test_a_monitor_that_is_gone_leaves_its_results_only(engine: Engine) -> None:
    """Panes, states and failures of a monitor that the group watches no more go; its windows stay."""
    store = StreamStore(engine)
    claim = store.claim("default", 1, START)
    store.commit(claim, full_commit(), START)
    store.commit(claim, Commit(gone=[("delays", 1)], recovered=[("fraud", 2)]), START)
    restored = store.restore(claim)

    assert ([], [], []) == (restored.states, restored.pane_parts, restored.failures)
    assert [sample_window(0)] == Results(engine).windows("delays", 1)


def test_partitions_that_stay_away_are_forgotten(engine: Engine) -> None:
    """A partition is forgotten when it was missing for the stated time; one that is idle but there never is."""
    store = StreamStore(engine)
    claim = store.claim("default", 1, START)
    store.commit(claim, Commit(read=[read(0, 10), read(0, 5, partition=1)]), START)
    present = [(TOPIC, 0)]
    early = store.partitions_present(claim, present, START + FORGET_PARTITIONS_AFTER)
    late = store.partitions_present(claim, present, START + FORGET_PARTITIONS_AFTER + MINUTE)

    assert ([], [read(0, 5, partition=1)]) == (early, late)
    assert [(TOPIC, 0)] == list(store.restore(claim).offsets)


def test_a_ledger_that_accounts_for_everything_closes(engine: Engine) -> None:
    """Per minute, what arrived over all partitions is what all models' rows and nobody's account for."""
    store, results = StreamStore(engine), Results(engine)
    claim = store.claim("default", 1, START)
    ledger = [sample_ledger(set_aside=1), sample_ledger(model="", version=0, judged=0, probe=2, elsewhere=3, notice=1)]
    half = sum(row.arrived for row in ledger) - 400
    arrivals = [
        ArrivalRow(topic=TOPIC, partition=at, minute=START, records=count) for at, count in ((0, 400), (1, half))
    ]
    store.commit(claim, Commit(ledger=ledger, arrivals=arrivals), START)
    (minute,) = results.ledger_balance("default")

    assert (START, 400 + half, 0) == (minute.minute, minute.arrived, minute.difference)
    assert [] == results.ledger_balance("other")


def test_a_lost_partial_is_named(engine: Engine) -> None:
    """Records that arrived and whose counts were lost on the way show as the difference of their minute."""
    store, results = StreamStore(engine), Results(engine)
    claim = store.claim("default", 1, START)
    ledger = [sample_ledger(minute) for minute in range(3)]
    arrivals = sample_arrivals(ledger)
    store.commit(claim, Commit(ledger=[ledger[0], ledger[2]], arrivals=arrivals), START)
    differences = {minute.minute: minute.difference for minute in results.ledger_balance("default", START + MINUTE)}

    assert {START + MINUTE: ledger[1].arrived, START + 2 * MINUTE: 0} == differences


def test_dropped_events_never_arrived(engine: Engine) -> None:
    """What the logger had to drop is received, by its notice, and not among the records that arrived."""
    row = sample_ledger(dropped=7, notice=1)

    assert (row.judged + row.late + row.invalid + row.duplicate + 7, row.received - 7 + 1) == (
        row.received,
        row.arrived,
    )


def test_gaps_records_set_aside_and_failures_are_listed(engine: Engine) -> None:
    """The page can say what will never be read, what was set aside, and which monitor is broken and why."""
    store, results = StreamStore(engine), Results(engine)
    commit = full_commit()
    store.commit(store.claim("default", 1, START), commit, START)

    assert (commit.gaps, []) == (results.gaps("default"), results.gaps("default", START + MINUTE))
    assert commit.set_aside == results.set_aside("default")
    assert (commit.failures, []) == (results.failures("fraud", 2), results.failures("delays", 1))

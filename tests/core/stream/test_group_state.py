"""A group's stream over batches and restarts: every record counted once, in windows and in the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pegel.data.columns import Role
from pegel.data.wire import DROPPED_TYPE, REQUEST_TYPE, RESPONSE_TYPE
from pegel.judge.findings import Verdict
from pegel.spec.outside_text import cut
from pegel.stream.group_state import MAX_PARTS
from pegel.testing.stream_fakes import LoggedRecord


def test_a_commit_that_never_came_through_is_made_again(group: Any) -> None:
    """A driver that dies before its commit leaves nothing; the next one reads the same records with the same result."""
    state = group.start()
    group.send(state, group.pairs(0, 10))
    records = group.placed(group.pairs(10, 20))
    lost = group.take(state, *records)
    made = group.process(group.start(), *records)

    assert (20, 20, 20, 0) == group.totals()
    assert replace(lost.windows[0], emitted_at=made.windows[0].emitted_at) == made.windows[0]


def test_restarts_at_any_batch_change_no_bit(group: Any) -> None:
    """Windows of a driver restarted before every batch are those of one that was never disturbed, to the last bit."""
    import tempfile

    from pegel.testing import ManualClock

    with tempfile.TemporaryDirectory() as folder:
        other = type(group)(f"sqlite:///{folder}/pegel.db", ManualClock(group.clock.now()))
        other.watch()
        steady = other.start()
        for step in range(30):
            group.send(group.start(), group.pairs(10 * step, 10 * step + 10, at=step / 3))
            other.send(steady, other.pairs(10 * step, 10 * step + 10, at=step / 3))
        expected = other.results.windows("delays", 1)
        other.dispose()

    assert (300, 300, 300, 0) == group.totals()
    assert expected == group.results.windows("delays", 1)


def test_a_pane_is_stored_in_few_parts(group: Any) -> None:
    """However many batches add to a pane, what a restart reads of it stays bounded, and closed panes are gone."""
    state = group.start()
    most = 0
    for step in range(MAX_PARTS + 8):
        group.send(state, group.pairs(2 * step, 2 * step + 2))
        most = max(most, len(group.stored().pane_parts))
    group.clock.advance(timedelta(minutes=1))
    group.send(state, group.pairs(1_000, 1_001, at=90))

    assert MAX_PARTS == most
    assert [group.begin + timedelta(seconds=90)] == [part.pane for part in group.stored().pane_parts]
    assert (2 * MAX_PARTS + 17,) * 3 == group.totals()[:3]


def test_a_silent_end_closes_the_last_window_once(group: Any) -> None:
    """After the lateness without events the window is final, also for a process that starts afterwards."""
    state = group.start()
    group.send(state, group.pairs(0, 10))
    group.tick(state, idle_s=1)
    early = group.results.windows("delays", 1, final_only=True)
    group.tick(state, idle_s=2)
    (final,) = group.results.windows("delays", 1, final_only=True)
    group.send(group.start(), group.pairs(10, 12))
    (after,) = group.results.windows("delays", 1, final_only=True)

    assert [] == early
    assert (10, 2, 0) == (final.requests, final.revision, final.late)
    assert replace(final, late=4) == after
    assert 4 == sum(row.late for row in group.results.ledger("delays", 1))


def test_only_final_windows_carry_their_counts(group: Any) -> None:
    """A provisional row needs no packed summary, a final one keeps it."""
    state = group.start()
    group.send(state, group.pairs(0, 10))
    (provisional,) = group.results.windows("delays", 1)
    group.tick(state, idle_s=2)
    (final,) = group.results.windows("delays", 1)

    assert b"" == provisional.summary
    assert 10 == group.baselines.unpack(final.baseline_id, final.summary).rows(Role.FEATURE)


def test_a_late_event_leaves_findings_alone(group: Any) -> None:
    """A window with findings keeps them when late events are counted on it."""
    shifted = [
        LoggedRecord(f"s{i}", REQUEST_TYPE, "delays-v1", b'{"instances": [[%d.0, "AA"]]}' % (4000 + i), group.begin)
        for i in range(200)
    ]
    state = group.start()
    group.send(state, shifted)
    provisional = group.results.findings("delays", 1)
    group.tick(state, idle_s=2)
    before = group.results.findings("delays", 1)
    group.send(state, group.pairs(0, 1))

    assert [] == provisional
    assert "distance" in {finding.feature for _, finding in before}
    assert before == group.results.findings("delays", 1)
    assert [(Verdict.DRIFT, 2)] == [(row.verdict, row.late) for row in group.results.windows("delays", 1)]


def test_outliers_are_told_with_their_reasons(group: Any) -> None:
    """An extreme row is one outlier with its value and the feature that made it one."""
    body = b'{"instances": [[500.0, "AA"], [1e9, "AA"]]}'
    group.send(group.start(), [LoggedRecord("far", REQUEST_TYPE, "delays-v1", body, group.begin)])
    (row,) = group.results.outliers("delays", 1)

    assert ("far", 1, group.begin) == (row.event_id, row.row, row.event_time)
    assert row.score > row.cutoff
    assert {"feature": "distance", "value": 1e9} == {k: row.reasons[0][k] for k in ("feature", "value")}
    assert row.record is not None
    assert (str, 0, 0, None) == (type(row.record[0]), *row.record[1:], row.made)


def test_outliers_of_two_components_do_not_replace_each_other(group: Any) -> None:
    """What a transformer logs under its predictor's id is told under that id and the component's name."""
    body = b'{"instances": [[1e9, "AA"]]}'
    record = LoggedRecord("e", REQUEST_TYPE, "delays-v1", body, group.begin)
    group.send(group.start(), [record, replace(record, component="transformer")])

    assert ["e", "e (transformer)"] == [row.event_id for row in group.results.outliers("delays", 1)]


def test_of_a_long_value_and_a_long_id_the_beginning_is_told(group: Any) -> None:
    """Ids and values of megabytes cost the database 500 characters each: the start, the length and a hash."""
    body = b'{"instances": [[1e9, "%b"]]}' % (b"A" * 1_000_000)
    long = [LoggedRecord("i" * 1_000_000 + end, REQUEST_TYPE, "delays-v1", body, group.begin) for end in "ab"]
    group.send(group.start(), long)
    rows = group.results.outliers("delays", 1)
    values = [reason["value"] for row in rows for reason in row.reasons if reason["feature"] == "carrier"]

    assert [cut("A" * 1_000_000, 500)] * 2 == values
    assert {cut("i" * 1_000_000 + end, 500) for end in "ab"} == {row.event_id for row in rows}
    assert (500, "… (1,000,000 characters, sha256 ") == (len(values[0]), values[0][-43:-11])


def test_of_an_unreadable_record_a_few_hundred_characters_are_kept(group: Any) -> None:
    """However long body and headers are, the sample has 500 characters at most: the reason, the length, the start."""
    kind = "org.example." + "x" * 1_000_000
    long = [
        LoggedRecord("a", REQUEST_TYPE, "delays-v1", b"{" * 1_000_000, group.begin),
        LoggedRecord("b", kind, "delays-v1", b"{}", group.begin),
        LoggedRecord("c", REQUEST_TYPE, "n" * 1_000_000, b"{}", group.begin),
    ]
    group.send(group.start(), long)
    samples = [row.sample for owner in (("delays", 1), ("", 0)) for row in group.results.invalid(*owner)]

    assert 3 == len(samples)
    assert 500 >= max(map(len, samples))
    assert ["1,000,000 bytes: {{{"] == [sample.partition(" | ")[2][:20] for sample in samples if "JSON" in sample]


def test_a_clock_that_runs_ahead_makes_nobody_late(group: Any) -> None:
    """An event dated far ahead is clamped and counted, and honest events of the present still find their windows."""
    state, now = group.start(), (group.clock.now() - group.begin).total_seconds()
    group.send(state, group.pairs(0, 1, at=86_400 * 365))
    group.send(state, group.pairs(1, 5, at=now - 1))
    honest, ahead = group.results.windows("delays", 1)

    assert (4, False) == (honest.requests, honest.final)
    assert 2 == ahead.clamped
    assert 0 == sum(row.late for row in group.results.ledger("delays", 1))


def test_copies_are_counted_once_wherever_they_are(group: Any) -> None:
    """An event that comes again in its batch, in another partition or in a later batch is a duplicate."""
    state = group.start()
    group.send(state, group.pairs(0, 3) + group.pairs(0, 1), group.pairs(0, 2))
    group.send(state, group.pairs(0, 4))

    assert (4, 4, 4, 12) == group.totals()


def test_a_missing_baseline_counts_rows_until_there_is_one(group: Any) -> None:
    """Without a baseline a window says so; the baseline that comes later judges the spans that open later."""
    baseline = group.watch("young")
    group.models.baselines["young/1"] = None
    state = group.start()
    group.send(state, group.pairs(0, 5, endpoint="young-v1"))
    group.models.baselines["young/1"] = baseline
    group.send(state, group.pairs(5, 9, at=1, endpoint="young-v1") + group.pairs(9, 10, at=5, endpoint="young-v1"))
    first, second = group.results.windows("young", 1)

    assert (Verdict.BASELINE_MISSING, None, 9) == (first.verdict, first.baseline_id, first.rows)
    assert (baseline, 1) == (second.baseline_id, second.rows)


def test_a_new_baseline_judges_what_opens_after_it(group: Any) -> None:
    """Sliding spans that are open keep their baseline; a pane of both is counted by both."""
    first = group.watch("slides", windowing={"length": 10, "slide": 5, "lateness": 2})
    state = group.start()
    group.send(state, group.pairs(0, 5, endpoint="slides-v1"))
    second = group.watch("slides", seed=8, windowing={"length": 10, "slide": 5, "lateness": 2})
    group.send(state, group.pairs(5, 9, at=6, endpoint="slides-v1"))
    rows = group.results.windows("slides", 1)

    assert [(-5, first, 5), (0, first, 9), (5, second, 4)] == [
        ((row.span.start - group.begin).total_seconds(), row.baseline_id, row.rows) for row in rows
    ]
    assert {Verdict.INSUFFICIENT} == {row.verdict for row in rows}


def test_a_new_windowing_with_a_new_baseline_is_counted_by_that(group: Any) -> None:
    """Spans of the old windowing end where they are, and the panes of the new one know only the new baseline."""
    group.watch("slides", windowing={"length": 10, "lateness": 2})
    state = group.start()
    group.send(state, group.pairs(0, 5, endpoint="slides-v1"))
    second = group.watch("slides", seed=8, windowing={"length": 10, "slide": 5, "lateness": 2})
    group.send(state, group.pairs(5, 9, at=1, endpoint="slides-v1"))
    rows = group.results.windows("slides", 1)

    assert [(-5, second, 4, False), (0, rows[1].baseline_id, 5, True)] == [
        ((row.span.start - group.begin).total_seconds(), row.baseline_id, row.rows, row.final) for row in rows
    ]
    assert {Verdict.INSUFFICIENT} == {row.verdict for row in rows}
    assert [0, 8] == [row.late for row in rows]


def test_what_arrived_is_what_became_of_it(group: Any) -> None:
    """Minute by minute the records that arrived are the sum of all outcomes, of every kind and for everybody."""
    group.models.elsewhere = frozenset({"other-v1"})
    state, begin = group.start(), group.begin
    kinds = [
        LoggedRecord("n1", DROPPED_TYPE, "delays-v1", b'{"count": 7, "reason": "spool full"}', begin),
        LoggedRecord("n2", DROPPED_TYPE, "", b'{"count": 2}', begin),
        LoggedRecord("n3", DROPPED_TYPE, "delays-v1", b'{"count": -5}', begin),
        LoggedRecord("n4", DROPPED_TYPE, "delays-v1", b'{"count": 1e308}', begin),
        LoggedRecord("x1", REQUEST_TYPE, "nobody-v1", b"{}", begin),
        LoggedRecord("x2", "no.such.type", "delays-v1", b"{}", begin),
        LoggedRecord("x3", REQUEST_TYPE, "delays-v1", b"not json", begin),
        LoggedRecord("p1", REQUEST_TYPE, "delays-v1", b"{}", begin, is_probe=True),
        LoggedRecord("old", REQUEST_TYPE, "delays-v1", b"{}", begin - timedelta(days=400)),
        *group.pairs(0, 4, endpoint="other-v1"),
    ]
    group.send(state, kinds + group.pairs(0, 3) + group.pairs(0, 1), group.pairs(50, 60, at=58))
    commit = group.send(state, group.pairs(70, 73, at=1))
    ledger = group.results.ledger("delays", 1) + group.results.ledger("", 0)
    outcomes = ("judged", "late", "invalid", "duplicate", "set_aside", "probe", "elsewhere", "notice")
    totals = {name: sum(getattr(row, name) for row in ledger) for name in outcomes}

    assert {0} == {row.difference for row in group.results.ledger_balance("default")}
    assert len(kinds) + 8 + 20 + 6 == sum(totals.values())
    assert {"late": 6, "duplicate": 2, "probe": 1, "elsewhere": 8, "notice": 2} == {
        name: totals[name] for name in ("late", "duplicate", "probe", "elsewhere", "notice")
    }
    assert (7, 2) == tuple(
        sum(row.dropped for row in group.results.ledger(*whose)) for whose in (("delays", 1), ("", 0))
    )
    assert [(group.begin, 6)] == [(row.minute, row.records) for row in commit.arrivals]


def test_a_removed_monitor_ends_quietly(group: Any) -> None:
    """After its spec is gone a model's events belong to nobody, and nothing of it is written or stored any more."""
    state = group.start()
    group.send(state, group.pairs(0, 5))
    group.models.specs.clear()
    group.results.forget("delays", 1)
    group.send(state, group.pairs(5, 9))
    group.tick(state, idle_s=60)
    stored = group.stored()

    assert [] == group.results.windows("delays", 1)
    assert 8 == sum(row.count for row in group.results.invalid("", 0))
    assert ([], []) == (stored.states, stored.pane_parts)


def test_letters_are_bounded_by_bytes(group: Any) -> None:
    """Of large unreadable bodies only so many are kept aside as a task may hold; all of them are counted."""
    body = b"x" * 1_000_000
    records = [LoggedRecord(f"b{i}", RESPONSE_TYPE, "nobody-v1", body, group.begin) for i in range(20)]
    group.send(group.start(), records)

    assert 4 == len(group.output.letters)
    assert 20 == sum(row.count for row in group.results.invalid("", 0))


def test_old_minutes_are_late_and_store_nothing(group: Any) -> None:
    """300 events with 300 distinct old minutes behind the frontier leave their number in the ledger, and no window."""
    state = group.start()
    group.send(state, group.pairs(0, 2, at=30))
    old = [record for number in range(1, 301) for record in group.pairs(number, number + 1, at=-60 * number)]
    commit = group.send(state, [record for record in old if record.kind == REQUEST_TYPE])

    assert ([], []) == (commit.windows, commit.pane_parts)
    assert [{}] == [dict(each) for each in {tuple(partial.summaries.items()) for partial in group.output.partials}]
    assert 300 == sum(row.late for row in group.results.ledger("delays", 1))
    assert {0} == {row.difference for row in group.results.ledger_balance("default")}


class CountedSpans(dict[datetime, str | None]):
    """Open spans that count how often one is looked at."""

    looks = 0

    def get(self, start: datetime, otherwise: str | None = None) -> str | None:  # type: ignore[override]
        """Look at one."""
        self.looks += 1
        return super().get(start, otherwise)

    def values(self) -> Any:
        """Look at all."""
        self.looks += len(self)
        return super().values()

    def __iter__(self) -> Iterator[datetime]:
        """Look at all."""
        self.looks += len(self)
        return super().__iter__()


def test_a_plan_is_linear_in_slides(group: Any) -> None:
    """What pins the panes of 720 open spans after a new baseline looks at each a few times."""
    from pegel.spec.monitor_spec import Windowing
    from pegel.stream.counting_plan import pinned_panes

    windowing = Windowing(length=timedelta(minutes=1), slide=timedelta(seconds=2))
    opened = CountedSpans({group.begin + number * windowing.step: "old" for number in range(720)})
    panes = pinned_panes(opened, windowing, "new")

    assert 749 <= opened.looks <= 4 * 749
    assert (749, ("old",)) == (len(panes), next(iter(panes.values())))
    assert {("old",), ("old", "new")} == set(panes.values())

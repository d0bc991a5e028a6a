"""Records of the inference log of Hopsworks are counted as those of any other writer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pegel.data.instants import to_us
from pegel.testing.stream_fakes import LoggedRecord, in_avro, paired_in_avro

I64 = 2**63 - 1
SECOND_US = 1_000_000


def received_later(record: LoggedRecord, **wait: float) -> LoggedRecord:
    """Return a record in Avro that the broker dates so much later than its message says, in milliseconds."""
    return replace(in_avro(record, to_us(record.at) // 1_000), at=record.at + timedelta(**wait))


def test_messages_of_hopsworks_are_counted_as_those_of_any_writer(group: Any) -> None:
    """Half of the pairs in Avro, a quarter of them copies, give the window that all pairs as CloudEvents give."""
    records = [one for number in range(40) for one in group.pairs(number, number + 1, at=number / 10)]
    mixed = [in_avro(record) if number % 4 < 2 else record for number, record in enumerate(records)]
    state = group.start()
    group.send(state, mixed)
    group.send(state, mixed[:20])
    group.clock.advance(timedelta(minutes=10))
    group.tick(state, 0)
    (*_, window) = group.results.windows("delays", 1)

    assert (40, 40, 40, 40, 20, 0) == tuple(
        getattr(window, name) for name in ("requests", "responses", "joined", "rows", "duplicates", "invalid")
    )


def test_a_damaged_message_is_kept_aside_beside_the_others(group: Any) -> None:
    """Of four messages one was cut: three are counted, the fourth is unreadable and says what is wrong with it."""
    records = [in_avro(record) for number in range(2) for record in group.pairs(number, number + 1)]
    state = group.start()
    group.send(state, [*records[:3], replace(records[3], body=records[3].body[:-3])])
    (row,) = group.results.invalid("", 0)

    assert ("missing_header", 1) == (row.kind, row.count)
    assert "EOFError" in row.sample


@pytest.mark.parametrize("wait", [{"milliseconds": 30}, {"minutes": 90}, {"days": 20}])
@pytest.mark.parametrize("damaged", [False, True])
def test_the_ledger_closes_whatever_lies_between_message_and_record(
    group: Any, wait: dict[str, float], damaged: bool
) -> None:
    """Messages just before a minute in records after it, and those of a backlog, arrive in the minute of their outcome.

    So do those that are no JSON, beside what is no message at all.
    """
    records = group.pairs(0, 3, at=-0.01)
    if damaged:
        records[0] = replace(records[0], body=b"{")
    sent = [received_later(record, **wait) for record in records]
    state = group.start()
    group.send(state, [*sent, replace(sent[0], body=sent[0].body[:-1])])

    balance = group.results.ledger_balance("default")
    assert {0} == {minute.difference for minute in balance}
    assert 7 == sum(minute.arrived for minute in balance)


@pytest.mark.parametrize(
    "stamp", [-I64 - 1, -1, 0, 10**11, 10**14, 10**17, 1_772_366_400 * 10**9, 1_772_366_400 * 10**6, I64]
)
def test_any_time_in_a_message_is_counted_beside_honest_neighbours(group: Any, stamp: int) -> None:
    """No number for a time ends a task: it is in the ledger, which closes, and its neighbours are in their window."""
    odd, *honest = group.pairs(0, 3)
    state = group.start()
    group.send(state, [in_avro(odd, stamp), *honest])

    ledger = group.results.ledger("delays", 1)
    assert {0} == {minute.difference for minute in group.results.ledger_balance("default")}
    assert 6 == sum(row.judged + row.late for row in ledger)


@pytest.mark.parametrize("per_second", [10**3, 10**6, 10**9])
def test_times_in_any_unit_are_those_of_their_events(group: Any, per_second: int) -> None:
    """A client that logs micro- or nanoseconds gives the window that one gives which logs milliseconds."""
    seconds = to_us(group.begin) // SECOND_US
    state = group.start()
    group.send(state, [in_avro(record, seconds * per_second) for record in group.pairs(0, 4)])
    (window,) = group.results.windows("delays", 1)

    assert (group.begin, 4, 4) == (window.span.start, window.joined, window.rows)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_request_and_its_response_in_one_record_are_joined(group: Any, version: int) -> None:
    """Twenty records of an older schema, eight of them of failed requests, are 20 requests and 12 answers.

    The ledger has an event of each, and so many arrived.
    """
    pairs = [group.pairs(number, number + 1, at=number / 10) for number in range(20)]
    records = [
        paired_in_avro(asked, answer, version, status=500 if number < 8 else 200)
        for number, (asked, answer) in enumerate(pairs)
    ]
    state = group.start()
    group.send(state, records)
    (*_, window) = group.results.windows("delays", 1)
    balance = group.results.ledger_balance("default")

    assert (20, 12, 12, 20, 0, 0) == tuple(
        getattr(window, name) for name in ("requests", "responses", "joined", "rows", "duplicates", "invalid")
    )
    assert ({0}, 32) == ({minute.difference for minute in balance}, sum(minute.arrived for minute in balance))


def test_an_error_is_no_answer(group: Any) -> None:
    """Of four requests in version 4 three failed: one is answered, the ledger closes, and each record is read once."""
    records = [
        in_avro(each, status=200 if number < 1 else 503)
        for number in range(4)
        for each in group.pairs(number, number + 1, at=number / 10)
    ]
    state = group.start()
    group.send(state, records[:-1])
    group.send(state, records[-1:])
    (*_, window) = group.results.windows("delays", 1)
    balance = group.results.ledger_balance("default")

    assert (4, 1, 1, 4, 0) == tuple(
        getattr(window, name) for name in ("requests", "responses", "joined", "rows", "invalid")
    )
    assert ({0}, 5) == ({minute.difference for minute in balance}, sum(minute.arrived for minute in balance))
    assert [len(records)] == [read.end for read in state.offsets.values()]


def test_records_of_all_versions_stand_beside_each_other(group: Any) -> None:
    """Records of four versions, CloudEvents and one that is damaged are each read as what they are, in any order."""
    pairs = [group.pairs(number, number + 1, at=number / 10) for number in range(5)]
    older = [paired_in_avro(pairs[version][0], pairs[version][1], version) for version in (1, 2, 3)]
    newer = [in_avro(each) for each in pairs[4]]
    state = group.start()
    group.send(state, [older[2], *pairs[0], newer[1], replace(older[0], body=b"\2"), older[1], older[0], newer[0]])
    (*_, window) = group.results.windows("delays", 1)
    (row,) = group.results.invalid("", 0)

    assert (5, 5, 5, 5, 0) == tuple(
        getattr(window, name) for name in ("requests", "responses", "joined", "rows", "duplicates")
    )
    assert ("missing_header", 1) == (row.kind, row.count)
    assert {0} == {minute.difference for minute in group.results.ledger_balance("default")}

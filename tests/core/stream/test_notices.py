"""Drop notices of the logger: believed as far as they count something, refused and counted otherwise."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pegel.data.wire import DROPPED_TYPE
from pegel.errors import InvalidPayload
from pegel.stream.outcomes import Outcomes
from pegel.stream.pane_counting import MAX_NOTICE, count_notice
from pegel.testing.stream_fakes import LoggedRecord

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)

REFUSED = "wrong_shape 0"


def counted(body: bytes) -> tuple[Outcomes, str]:
    """Return what is counted after a notice, and how it was refused: as what, in fewer than 400 characters."""
    outcomes = Outcomes(judged=1)
    try:
        count_notice(outcomes, body)
    except InvalidPayload as error:
        return outcomes, f"{error.kind} {len(str(error)) // 400}"
    return outcomes, ""


@given(VALUES)
@example(1e308)
@example(-1)
@example(float("nan"))
@example(MAX_NOTICE + 1)
@example("7")
@example([[[[7]]]])
@example({"count": 7})
def test_only_a_count_is_believed(value: Any) -> None:
    """A whole number from 0 to the largest one believed is added to what was dropped; nothing else changes anything."""
    believed = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_NOTICE
    expected = (Outcomes(judged=1, dropped=value, notice=1), "") if believed else (Outcomes(judged=1), REFUSED)

    assert expected == counted(json.dumps({"count": value}).encode())


@given(st.binary(max_size=200) | VALUES.map(lambda value: json.dumps(value).encode()))
@example(b'{"count": 1e400}')
@example(b'{"count": 1' + b"0" * 400 + b"}")
@example(b'{"count": ' + b"[" * 50_000 + b"]" * 50_000 + b"}")
@example(b'{"count": "' + b"x" * 1_000_000 + b'"}')
@example(b'{"count": NaN}')
@example(b'{"count": 1, "reason": [7]}')
@example(b"")
def test_no_bytes_make_a_loss_that_is_none(body: bytes) -> None:
    """Whatever bytes come as a notice: it is refused, or adds a number of events that is not negative."""
    outcomes, refusal = counted(body)

    assert outcomes.dropped in range(MAX_NOTICE + 1)
    assert {"", REFUSED} >= {refusal}


@pytest.mark.parametrize(
    ("reason", "bounds"),
    [
        ("killed_in_memory", {"dropped_at_most": 7}),
        ("agent_unanswered", {"dropped_at_most": 7}),
        ("killed_unknown", {"dropped_at_least": 7}),
        ("spool_damaged", {"dropped_at_least": 7}),
        ("spool_undecodable", {"dropped_at_least": 7}),
        ("notice_unreadable", {"dropped_at_least": 7}),
        ("agent_unreached", {}),
        ("spool_full", {}),
    ],
)
def test_what_cannot_be_counted_is_a_bound(reason: str, bounds: dict[str, int]) -> None:
    """All losses are counted as dropped; apart those that are perhaps none, and those that are perhaps more."""
    body = json.dumps({"count": 7, "reason": reason}).encode()

    assert (Outcomes(judged=1, dropped=7, notice=1, **bounds), "") == counted(body)


@pytest.mark.parametrize("count", ["1e308", "-1", "NaN", '"7"', "[7]"])
def test_a_refused_notice_is_in_the_ledger(group: Any, count: str) -> None:
    """It is an event that could not be read: counted, kept aside, and no loss."""
    record = LoggedRecord("n", "org.pegel.logger.dropped", "delays-v1", b'{"count": %b}' % count.encode(), group.begin)
    group.send(group.start(), [record, *group.pairs(0, 1)])
    (ledger,) = group.results.ledger("delays", 1)

    assert (2, 1, 0, 0) == (ledger.judged, ledger.invalid, ledger.dropped, ledger.notice)
    assert {0} == {minute.difference for minute in group.results.ledger_balance("default")}
    assert ["wrong_shape"] == [letter.reason for letter in group.output.letters]


@pytest.mark.parametrize("alone", [True, False], ids=["in a batch of its own", "among older events"])
def test_a_notice_makes_nothing_late(group: Any, alone: bool) -> None:
    """What was lost is told at once, and overtakes the events that wait: they are as much in time as without it."""
    state = group.start()
    group.send(state, group.pairs(0, 5))
    group.clock.advance(timedelta(minutes=10))
    notice = LoggedRecord("n", DROPPED_TYPE, "delays-v1", b'{"count": 3}', group.clock.now())
    group.send(state, [notice] if alone else [notice, *group.pairs(5, 6)])
    group.send(state, group.pairs(6, 10))
    ledger = group.results.ledger("delays", 1)

    assert (0, 3) == (sum(row.late for row in ledger), sum(row.dropped for row in ledger))
    assert [False] == [row.final for row in group.results.windows("delays", 1) if row.requests]


def test_where_only_notices_come_windows_end_all_the_same(group: Any) -> None:
    """Losses that are told for ever are no traffic that would hold a window open."""
    state = group.start()
    group.send(state, group.pairs(0, 5))
    for minute in range(4):
        group.clock.advance(timedelta(minutes=1))
        notice = LoggedRecord(f"n{minute}", DROPPED_TYPE, "delays-v1", b'{"count": 3}', group.clock.now())
        group.send(state, [notice])
    group.tick(state, 0)

    assert [True] == [row.final for row in group.results.windows("delays", 1) if row.requests]


def test_copies_overtake_nothing(group: Any) -> None:
    """A client or logger that sends an old event again does not make late what comes after it in time."""
    state = group.start()
    group.send(state, group.pairs(0, 5))
    group.clock.advance(timedelta(minutes=10))
    group.send(state, group.pairs(0, 1))
    group.send(state, group.pairs(5, 10))

    assert [(10, False)] == [(row.requests, row.final) for row in group.results.windows("delays", 1)]

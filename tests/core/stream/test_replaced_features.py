"""Requests with features that are not from the online store: counted apart, judged apart, never in silence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from pegel.data.look_up_faults import LookUpFault
from pegel.testing.stream_fakes import LoggedRecord


def faulty(records: Sequence[LoggedRecord], fault: LookUpFault) -> list[LoggedRecord]:
    """Return events of requests with replaced features."""
    return [replace(record, look_up=fault) for record in records]


def close(group: Any, state: Any) -> None:
    """Let everything become final because nothing more comes."""
    group.clock.advance(timedelta(minutes=1))
    group.tick(state, idle_s=60)


def findings(group: Any) -> list[Any]:
    """Return the findings."""
    return [finding for _, finding in group.results.findings("delays", 1)]


def test_they_are_no_rows_of_their_window(group: Any) -> None:
    """A default says nothing of the data: such requests are in the ledger and no rows of the window."""
    state = group.start()
    group.send(state, [*group.pairs(0, 100), *faulty(group.pairs(100, 130), LookUpFault.STALE)])
    close(group, state)
    (row,) = group.results.windows("delays", 1)
    (minute,) = group.results.ledger("delays", 1)

    assert (100, 130, 130) == (row.rows, row.requests, row.joined)
    assert (260, 60, 0, 0) == (
        minute.judged,
        minute.vector_stale,
        minute.entity_unknown,
        minute.store_unavailable,
    )
    assert 260 == minute.received


def test_a_rise_is_a_finding(group: Any) -> None:
    """More of them than tolerated is a finding with its reasons, and none about the features they would have moved."""
    state = group.start()
    events = faulty(group.pairs(100, 130), LookUpFault.UNKNOWN) + faulty(group.pairs(130, 140), LookUpFault.STALE)
    group.send(state, [*group.pairs(0, 100), *events])
    close(group, state)
    (finding,) = findings(group)

    assert ("failed look-ups", "failed_look_ups") == (finding.feature, finding.test)
    text = "29 % of 280 events had failed look-ups in the online store (tolerated 1 %): 60 × unknown, 20 × stale"  # noqa: RUF001
    assert text == finding.what


def test_a_window_of_nothing_else_is_not_healthy(group: Any) -> None:
    """With a store that is away no row can be judged, and the window says why."""
    state = group.start()
    group.send(state, faulty(group.pairs(0, 200), LookUpFault.UNAVAILABLE))
    close(group, state)
    rows = group.results.windows("delays", 1)

    assert [0] == [row.rows for row in rows]
    assert ["failed look-ups"] == [finding.feature for finding in findings(group)]


def test_few_of_them_are_none(group: Any) -> None:
    """As many as are tolerated are no finding."""
    state = group.start()
    group.send(state, [*group.pairs(0, 200), *faulty(group.pairs(200, 201), LookUpFault.UNKNOWN)])
    close(group, state)

    assert [] == findings(group)

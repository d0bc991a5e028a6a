"""Positions and counts of labels: moved once, added once, and never back."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Engine

from pegel.errors import Conflict
from pegel.labels.label_arrays import THE_TABLE, LabelPartition
from pegel.store.label_store import LabelDay, LabelStore

pytestmark = pytest.mark.environments("sqlalchemy")
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
ZERO, ONE, TWO = (LabelPartition("a", number) for number in range(3))
ZERO_AGAIN = LabelPartition("b", 0)


def test_of_two_runs_one_takes(engine: Engine) -> None:
    """A run that went on from where another one has been meanwhile keeps nothing, neither position nor counts."""
    store = LabelStore(engine)
    after = {ZERO: 7, ONE: 3}
    store.take("default", {}, after, {("", "not_json"): 2}, now=NOW)

    with pytest.raises(Conflict, match="another run went on"):
        store.take("default", {}, {ONE: 9}, {("", "not_json"): 5}, now=NOW)
    store.take("default", after, {ONE: 9}, {("", "not_json"): 1, ("x/1", "unknown_model"): 1}, now=NOW)

    assert {ZERO: 7, ONE: 9} == store.positions("default")
    assert {("", "not_json"): 3, ("x/1", "unknown_model"): 1} == store.refusals("default")
    assert ({}, {}) == (store.positions("shop"), store.refusals("shop"))


def test_what_is_joined_never_goes_back(engine: Engine) -> None:
    """Of two runs at the same time the one that saw more labels counts; a day is written over."""
    store = LabelStore(engine)
    day = LabelDay(model="delays", version=1, day=date(2026, 11, 29), received=5, subjects=4, matched=3, is_over=False)
    store.note_joined("delays", 1, {ZERO: 9, THE_TABLE: 4}, [day])
    store.note_joined("delays", 1, {ZERO: 7, TWO: 1}, [])

    assert ({ZERO: 9, THE_TABLE: 4, TWO: 1}, {}) == (store.joined("delays", 1), store.joined("delays", 2))
    assert ([day], 1, []) == (
        store.days("delays", 1),
        day.unmatched,
        store.days("delays", 1, since=date(2026, 11, 30)),
    )


def test_a_topic_made_again_has_positions_of_its_own(engine: Engine) -> None:
    """Its labels begin at 0 and are new, however far those of the former one went, which stay as they were."""
    store = LabelStore(engine)
    store.take("default", {}, {ZERO: 90}, {}, now=NOW)
    store.note_joined("delays", 1, {ZERO: 90}, [])
    store.take("default", {ZERO: 90}, {ZERO_AGAIN: 2}, {}, now=NOW)
    store.note_joined("delays", 1, {ZERO_AGAIN: 2}, [])

    assert {ZERO: 90, ZERO_AGAIN: 2} == store.positions("default") == store.joined("delays", 1)


def test_labels_that_were_passed_over_are_known_from_where_that_began(engine: Engine) -> None:
    """However often positions move on, until they have been read; no other model has any."""
    store = LabelStore(engine)
    store.take("default", {}, {ZERO: 7}, {}, now=NOW)
    store.take("default", {ZERO: 7}, {ZERO: 9, ONE: 3}, {}, now=NOW, held={"delays/1": {ZERO: 7, ONE: 0}})
    later = {ZERO: 9, ONE: 3}
    store.take("default", later, {ZERO: 20, ONE: 4}, {}, now=NOW, held={"delays/1": later})
    began = store.held("delays", 1)
    store.take("default", {ZERO: 20, ONE: 4}, {ZERO: 21}, {}, now=NOW, released=["delays/1"])

    assert ({ZERO: 7, ONE: 0}, {}, {}) == (began, store.held("delays", 2), store.held("delays", 1))


def test_hours_are_known_by_their_writer(engine: Engine) -> None:
    """An hour whose rows were archived again is told from the one that is in the figures."""
    store = LabelStore(engine)
    store.note_hour("delays", 1, NOW, 3)
    store.note_hour("delays", 1, NOW, 5)

    assert (NOW, None) == (store.newest_hour("delays", 1), store.newest_hour("delays", 2))
    assert ({NOW: 5}, {}) == (store.hours("delays", 1, NOW), store.hours("delays", 1, NOW.replace(hour=13)))

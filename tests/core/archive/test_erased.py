"""Rows of whom was erased before they were archived."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from pegel.archive.erased import NOBODY, Erased, Erasure
from pegel.archive.row_columns import EVENT_ID, EVENT_TIME, INSTANT
from pegel.archive.subject import Subject
from pegel.data.instants import to_us
from pegel.data.keyed_hash import NO_SECRET, KeyedHash

pytestmark = pytest.mark.environments("pyarrow")
NOON, HOUR = datetime(2026, 11, 29, 12, tzinfo=UTC), timedelta(hours=1)
HASHED = KeyedHash("0123456789abcdef")


def rows_of(**columns: list[Any]) -> pa.Table:
    """Return rows at noon with an id each."""
    count = len(next(iter(columns.values())))
    times = columns.pop(EVENT_TIME, [NOON] * count)
    return pa.table(
        {EVENT_ID: [f"e{at}" for at in range(count)], EVENT_TIME: pa.array(times, INSTANT), "answered_at": times}
        | {name: pa.array(values) for name, values in columns.items()}
    )


def erased(*subjects: list[str], at: datetime = NOON + HOUR, hashed: KeyedHash = HASHED) -> Erased:
    """Return what is kept of subjects that were erased."""
    meant = [Subject.of(texts, hashed) for texts in subjects]
    return Erased.of((Erasure(to_us(at), one.hashes, one.event_id) for one in meant), hashed)


def test_a_subject_is_known_by_its_hashes() -> None:
    """As a key, as a feature, as a number of any writing, and where it is hashed already; others are not."""
    ada = HASHED.of("person", "ada")
    rows = rows_of(
        e_person=["ada", "bob", ada, None, None],
        hashed_f_person=[None, None, None, ada, HASHED.of("person", "bob")],
        f_age=[1.0, 2.0, 3.0, 4.0, 40.0],
    )

    assert [True, False, True, True, False] == erased(["person=ada"]).mask(rows).tolist()
    assert [False, False, False, False, True] == erased(["age=40.00"]).mask(rows).tolist()
    assert [False] * 5 == NOBODY.mask(rows).tolist()


def test_a_subject_that_is_a_number_is_nobody_else() -> None:
    """It is found however it is written, as a key, as a feature and in a label; never by another number's digits."""
    rows = rows_of(
        e_gate=["12345678.9", "12345679", "7", "12345678901234567", "12345678901234568"],
        f_weight=[9.989999771118164, 12_345_678.9, 7.0, None, 1.0],
    )

    def found(*texts: str) -> list[bool]:
        return [bool(each) for each in Subject.of(texts, HASHED).mask(rows)]

    assert [True, False, False, False, False] == found("gate=1.23456789E7")
    assert [True, False, False, False, False] == found("weight=9.99")
    assert [False, False, False, True, False] == found("gate=12345678901234567")
    assert [False] * 5 == found("gate=007")
    assert [False, False, True, False, False] == found("weight=007")
    assert ['["1.23456789E7"]', '["12345678.9"]'] == Subject.of(["gate=1.23456789E7"], HASHED).entities(["gate"])


def test_all_parts_of_a_key_must_be_the_subjects() -> None:
    """Whoever shares one of them is somebody else."""
    rows = rows_of(e_person=["ada", "ada", "bob"], e_flight=["AS 1", "AS 2", "AS 1"])
    both = erased(["person=ada", "flight=AS 1"], ["person=cleo", "flight=AS 1"])

    assert [True, False, False] == both.mask(rows).tolist()


def test_whoever_comes_back_is_kept() -> None:
    """Rows from the instant of the erasure on are those of somebody who is there again; the last erasure counts."""
    rows = rows_of(e_person=["ada"] * 3, event_time=[NOON - HOUR, NOON, NOON + HOUR])

    assert [True, False, False] == erased(["person=ada"], at=NOON).mask(rows).tolist()
    twice = Erased.of(
        (Erasure(to_us(at), Subject.of(["person=ada"], HASHED).hashes) for at in (NOON + 2 * HOUR, NOON)), HASHED
    )
    assert [True] * 3 == twice.mask(rows).tolist()


def test_an_event_needs_no_secret() -> None:
    """Its id is kept as it is; of a value without a secret nothing is."""
    rows = rows_of(e_person=["ada", "bob"])
    without = erased(["e1"], ["person=ada"], hashed=NO_SECRET)

    assert [False, True] == without.mask(rows).tolist()
    assert [False, True] == without.event_mask(rows).tolist()


def test_labels_are_left_out_likewise() -> None:
    """By the parts of their entity's key, told or hashed, or by the id of their event; and only earlier ones."""
    ada = HASHED.of("person", "ada")
    keys = ['["AS 1","ada"]', f'["AS 2","{ada}"]', '["ada","bob"]', "no key", '["AS 3","ada"]']
    times = [to_us(NOON)] * 4 + [to_us(NOON + HOUR)]
    of_entities = erased(["person=ada"]).label_mask(keys, ("flight", "person"), times)
    of_events = erased(["e1"]).label_mask(["e0", "e1"], (), times[:2])

    assert [True, True, False, False, False] == of_entities.tolist()
    assert [False, True] == of_events.tolist()
    assert [False] == erased(["person=ada"]).label_mask(["ada"], (), times[:1]).tolist()

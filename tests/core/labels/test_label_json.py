"""Labels as JSON: what is read, what is refused and why."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pegel.labels.label import EntityAt, EventRow, Label
from pegel.labels.label_json import FIELDS, KINDS, MOST_LABELS, key_of, read_labels, write_label

EVENT = {"model": "delays", "event_id": "e1", "label": True}
ENTITY = {"model": "delays", "entity": {"flight": "AS 1"}, "time": "2026-11-29T10:00:00+01:00", "label": 12.5}


def test_what_is_left_out_has_its_default() -> None:
    """Without version and row a label is of version 1 and row 0, and known since it arrives."""
    read = read_labels(json.dumps(EVENT).encode())

    assert ((0, Label("delays", 1, EventRow("e1", 0), True, None)),) == read.labels


def test_an_entity_is_its_texts_and_an_instant() -> None:
    """Parts of an entity are texts in order of names, equal numbers of any type one; the instant is in UTC."""
    body = json.dumps(ENTITY | {"entity": {"gate": 14.0, "airport": "ORD"}}).encode()
    ((_, label),) = read_labels(body).labels

    assert EntityAt((("airport", "ORD"), ("gate", "14")), 1_795_942_800_000_000) == label.about


@pytest.mark.parametrize(
    ("changed", "kind", "words"),
    [
        ({"lable": 1}, "unknown_field", "did you mean `label`"),
        ({"model": "De lays"}, "bad_model", "expected `model`"),
        ({"model": None}, "bad_model", "given none"),
        ({"version": 0}, "bad_model", "from 1; given 0"),
        ({"version": True}, "bad_model", "from 1; given True"),
        ({"event_id": None}, "bad_key", "given neither"),
        ({"event_id": "é" * 129}, "bad_key", "1 to 256 bytes"),
        ({"event_id": 7}, "bad_key", "given 7"),
        ({"entity": {"a": "b"}}, "bad_key", "given both"),
        ({"time": "2026-11-29T10:00:00Z"}, "bad_key", "given `time` with an event_id"),
        ({"row": -1}, "bad_key", "from 0; given -1"),
        ({"row": 1.5}, "bad_key", "from 0; given 1.5"),
        ({"label": None}, "no_label", "expected a `label`"),
        ({"label": ""}, "bad_outcome", "1 to 1,000"),
        ({"label": [1]}, "bad_outcome", "given something else"),
        ({"at": "yesterday"}, "bad_time", "expected `at`"),
        ({"at": "2026-11-29T10:00:00"}, "bad_time", "offset from UTC"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "bad_time", "offset from UTC"),
        ({"at": "9999-12-31T23:00:00-01:00"}, "bad_time", "offset from UTC"),
    ],
)
def test_what_is_no_label_is_refused(changed: dict[str, Any], kind: str, words: str) -> None:
    """What is wrong with an entry is a kind that is counted and a sentence; the entry beside it is taken."""
    read = read_labels(json.dumps([EVENT | changed, EVENT]).encode())
    ((place, found, why),) = read.refused

    assert (0, kind, [1]) == (place, found, [at for at, _ in read.labels])
    assert words in why


@pytest.mark.parametrize(
    "changed",
    [
        {"entity": {}},
        {"entity": "AS 1"},
        {"entity": {"flight": None}},
        {"entity": {"flight": ["AS", 1]}},
        {"entity": {"flight": "x" * 1_000}},
        {"entity": {str(each): 1 for each in range(9)}},
        {"row": 0},
    ],
)
def test_no_entity(changed: dict[str, Any]) -> None:
    """An entity is one to eight short texts or numbers by name, and has no rows."""
    read = read_labels(json.dumps(ENTITY | changed).encode())

    assert ["bad_key"] == [each.kind for each in read.refused]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"\xff", "not_json"),
        (b"7", "no_label"),
        (b"null", "no_label"),
        (b"[[]]", "no_label"),
        (b'{"model": "delays", "event_id": "e", "label": NaN}', "not_json"),
        (b"{}\n", "no_label"),
        (b"[" + b"0," * MOST_LABELS + b"0]", "too_many"),
        (b"{\n" * (MOST_LABELS + 1), "too_many"),
    ],
)
def test_a_body_that_holds_no_label(body: bytes, kind: str) -> None:
    """Any body is read without an error, and what it lacks is told once."""
    read = read_labels(body)

    assert ((), [kind]) == (read.labels, [each.kind for each in read.refused])


def test_lines_are_read_one_by_one() -> None:
    """A line that is no label takes no neighbour with it; places count lines, empty ones too."""
    line = json.dumps(EVENT).encode()
    read = read_labels(line + b"\r\n\n{\n7\n" + line)

    assert [0, 4] == [place for place, _ in read.labels]
    assert [(2, "not_json"), (3, "no_label")] == [(each.place, each.kind) for each in read.refused]


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9)
INSTANTS = st.integers(-(10**16), 10**16)
LABELS = st.builds(
    Label,
    st.just("delays"),
    st.integers(1, 9),
    st.builds(EventRow, NAMES, st.integers(0, 9))
    | st.builds(
        EntityAt,
        st.dictionaries(NAMES, NAMES, min_size=1, max_size=8).map(lambda it: tuple(sorted(it.items()))),
        INSTANTS,
    ),
    st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | NAMES,
    st.none() | INSTANTS,
)


@given(LABELS)
def test_a_label_is_read_as_it_was_written(label: Label) -> None:
    """What is written is read again, whatever it says."""
    assert ((0, label),) == read_labels(write_label(label)).labels


@given(LABELS, LABELS)
def test_labels_of_one_prediction_have_one_key(one: Label, other: Label) -> None:
    """A key of a record is that of what a label is about: an entity's labels of all times follow one another."""
    same = one.monitor == other.monitor and (
        one.about.event_id == other.about.event_id
        if isinstance(one.about, EventRow) and isinstance(other.about, EventRow)
        else isinstance(one.about, EntityAt)
        and isinstance(other.about, EntityAt)
        and one.about.entity == other.about.entity
    )

    assert (key_of(one) == key_of(other)) >= same


@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=6),
        max_leaves=9,
    ).map(lambda data: json.dumps(data).encode())
)
def test_no_body_is_an_error(body: bytes) -> None:
    """Whatever comes, every entry is a label or is refused by a kind that is known."""
    read = read_labels(body)

    assert {each.kind for each in read.refused} <= set(KINDS)

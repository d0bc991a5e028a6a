"""Labels are joined as a plain loop over rows and labels would, however they come and in whatever order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pegel.labels import joining
from pegel.labels.joining import RowKeys, join
from pegel.labels.label import EntityAt, EventRow, Label
from pegel.labels.label_arrays import Arrival, LabelArrays
from pegel.labels.label_keys import EntityKeys
from pegel.labels.labelled_table import OF_ROWS, Matching, coverage, labelled_rows, with_labels

pytestmark = pytest.mark.environments("pyarrow")

KEYS = st.sampled_from(["a", "b", "ß"])
SMALL = st.integers(0, 6)


@dataclass(frozen=True)
class Row:
    """A row by what it is about and when it came."""

    key: str | None
    place: int
    event_us: int


@dataclass(frozen=True)
class Came:
    """A label by what it says and when it came; `offset` makes it one of its kind."""

    key: str
    place: int
    outcome: str
    at_us: int
    arrived_us: int
    offset: int = 0

    @property
    def newer(self) -> tuple[int, int, int]:
        """Return by what the current one of several is told."""
        return self.at_us, self.arrived_us, self.offset


ROWS = st.lists(st.builds(Row, st.none() | KEYS, SMALL, SMALL), max_size=8)
CAME = st.lists(st.builds(Came, KEYS, SMALL, st.sampled_from("xy"), SMALL, SMALL), max_size=12).map(
    lambda labels: [
        Came(each.key, each.place, each.outcome, min(each.at_us, each.arrived_us), each.arrived_us, offset)
        for offset, each in enumerate(labels)
    ]
)


def row_keys(rows: list[Row]) -> RowKeys:
    """Return rows as columns."""
    keys = np.array([each.key for each in rows] + [None], dtype=object)[:-1]
    places, events = (
        np.array([getattr(each, name) for each in rows], dtype=np.int64) for name in ("place", "event_us")
    )
    return RowKeys(keys, places, events)


def table(rows: list[Row]) -> pa.Table:
    """Return rows of events as a table."""
    return pa.Table.from_pylist(
        [
            {
                "key": each.key,
                "event_us": each.event_us,
                "event_id": each.key or "none",
                "row": each.place,
                "predicted": "x",
                "predicted_number": 1.0,
            }
            for each in rows
        ],
        OF_ROWS,
    )


def columns(labels: list[Came]) -> LabelArrays:
    """Return labels as columns, each a record of its own."""
    empty = LabelArrays.of([], Arrival(0, 0, 0))
    return LabelArrays.together(
        [
            empty,
            *(
                LabelArrays.of(
                    [(0, Label("delays", 1, EventRow(each.key, each.place), each.outcome, each.at_us))],
                    Arrival(0, each.offset, each.arrived_us),
                )
                for each in labels
            ),
        ]
    )


def one_by_one(row: Row, labels: list[Came], horizon: int, tolerance: int) -> tuple[str | None, int, int]:
    """Return a row's label, when the first of its labels came, and how many came too late."""
    about = [each for each in labels if each.key == row.key and abs(each.place - row.place) <= tolerance]
    in_time = [each for each in about if each.arrived_us <= row.event_us + horizon]
    if not in_time:
        return None, -1, len(about)
    nearest = min((abs(each.place - row.place), each.place) for each in in_time)[1]
    same = [each for each in in_time if each.place == nearest]
    current = max(same, key=lambda each: each.newer)
    return current.outcome, min(each.arrived_us for each in same), len(about) - len(in_time)


@given(ROWS, CAME, SMALL, st.integers(0, 3))
def test_as_a_loop_would(rows: list[Row], labels: list[Came], horizon: int, tolerance: int) -> None:
    """Each row has the label that a loop over all labels finds, and each label is matched if it is about any row."""
    found = columns(labels)
    joined = join(row_keys(rows), found, horizon_us=horizon, tolerance_us=tolerance)
    outcomes = [None if at < 0 else found.category[at] for at in joined.chosen]
    expected = [one_by_one(row, labels, horizon, tolerance) for row in rows]
    matched = [any(row.key == each.key and abs(row.place - each.place) <= tolerance for row in rows) for each in labels]

    assert expected == list(zip(outcomes, joined.first_us.tolist(), joined.late.tolist(), strict=True))
    assert matched == joined.is_matched.tolist()


@given(ROWS, CAME, st.randoms(use_true_random=False), st.integers(0, 3))
def test_order_and_cutting_do_not_matter(rows: list[Row], labels: list[Came], random: object, tolerance: int) -> None:
    """Rows keep their labels when labels are shuffled, come twice, or are looked at a pair at a time."""
    shuffled = labels * 2
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    whole, twice = columns(labels), columns(shuffled).distinct()
    one = join(row_keys(rows), whole, horizon_us=4, tolerance_us=tolerance)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(joining, "MOST_PAIRS", 1)
        other = join(row_keys(rows), twice, horizon_us=4, tolerance_us=tolerance)

    assert [whole.offset[at] if at >= 0 else None for at in one.chosen] == [
        twice.offset[at] if at >= 0 else None for at in other.chosen
    ]
    for name in ("first_us", "late", "copies", "corrections", "outdated"):
        assert getattr(one, name).tolist() == getattr(other, name).tolist()


@given(ROWS, CAME, st.integers(0, 6))
def test_what_comes_too_late_changes_nothing_but_its_count(rows: list[Row], labels: list[Came], horizon: int) -> None:
    """Once the horizon of all rows has passed, labels that come are only counted as late."""
    end = max((row.event_us for row in rows), default=0) + horizon
    before = [each for each in labels if each.arrived_us <= end]
    how = Matching(by_entity=False, horizon_us=horizon)
    counts = [coverage(with_labels(table(rows), columns(some), how)).to_json() for some in (before, labels)]

    assert counts[0] | {"late": 0} == counts[1] | {"late": 0}


def test_a_correction_a_copy_and_what_is_outdated() -> None:
    """The newest `at` wins, then arrival; what says the current again is a copy, what is older is outdated."""
    rows = row_keys([Row("a", 0, 100)])
    said = [("x", 110, 110), ("x", 120, 120), ("y", 130, 130), ("x", 125, 140), ("y", 125, 150), ("x", 130, 160)]
    labels = columns([Came("a", 0, *each, offset) for offset, each in enumerate(said)])
    joined = join(rows, labels, horizon_us=1_000)

    assert (5, 110) == (joined.chosen[0], joined.first_us[0])
    assert (2, 2, 1) == (joined.copies[0], joined.corrections[0], joined.outdated[0])


def test_a_horizon_is_inclusive() -> None:
    """A label that comes just as the horizon ends counts; a microsecond later it is late."""
    rows = row_keys([Row("a", 0, 100), Row("b", 0, 100)])
    labels = columns([Came("a", 0, "x", 107, 107), Came("b", 0, "x", 108, 108, 1)])
    joined = join(rows, labels, horizon_us=7)

    assert ([0, -1], [0, 1]) == (joined.chosen.tolist(), joined.late.tolist())


def test_coverage_adds_up() -> None:
    """Counts and delays of two halves are those of the whole, and are read as they were written."""
    rows = table([Row("a", place, 1_000 * place) for place in range(6)])
    labels = columns([Came("a", place, "x", 90_000, 90_000, place) for place in (0, 2, 3)])
    joined = with_labels(rows, labels, Matching(by_entity=False, horizon_us=10**9))
    whole, *halves = (coverage(some) for some in (joined, joined.slice(0, 3), joined.slice(3)))
    halves[0].merge(type(whole).from_json(halves[1].to_json()))

    assert whole.to_json() == halves[0].to_json()
    assert (6, 3, 0.5, 88) == (whole.rows, whole.labelled, whole.share, whole.delays.quantile(0.5))
    assert {"rows": 6, "labelled": 3, "share": 0.5}.items() <= whole.get().items()


def test_rows_of_numbers_and_of_classes() -> None:
    """A label is a class to a classifier and a number to a regressor; one that is no number came and cannot be read."""
    rows = table([Row("a", 0, 1), Row("a", 1, 2), Row("b", 0, 3)])
    labels = columns([Came("a", 0, "2.5", 9, 9), Came("a", 1, "late", 9, 9, 1)])
    joined = with_labels(rows, labels, Matching(by_entity=False, horizon_us=100))
    classes = labelled_rows(joined, classes=True, has_score=False)
    numbers = labelled_rows(joined, classes=False, has_score=False)

    assert ([True, True, False], [True, False, False]) == (
        classes.is_labelled.tolist(),
        numbers.is_labelled.tolist(),
    )
    assert 2.5 == numbers.label[0]
    assert [False, False, True] == np.isnat(numbers.arrived_at).tolist()


def test_labels_of_entities_are_those_of_the_keys_that_the_spec_names() -> None:
    """An entity of other parts is refused, and so is the id of an event where entities are expected."""
    about = EntityAt((("airport", "ORD"), ("gate", "14")), 7)
    label = [(0, Label("delays", 1, about, "x"))]

    assert ['["14","ORD"]'] == LabelArrays.of(label, Arrival(0, 0, 9), EntityKeys(("gate", "airport"))).key.tolist()
    with pytest.raises(ValueError, match="expected an entity of gate"):
        LabelArrays.of(label, Arrival(0, 0, 9), EntityKeys(("gate",)))
    with pytest.raises(ValueError, match="matched by event"):
        LabelArrays.of(label, Arrival(0, 0, 9))


@given(CAME)
def test_columns_survive_arrow(labels: list[Came]) -> None:
    """Labels are read from Arrow as they were written."""
    batch = columns(labels).to_arrow()

    assert batch.equals(LabelArrays.of_arrow(batch).to_arrow())


def test_labels_of_a_topic_made_again_are_others() -> None:
    """Under the same partition and offset they are no copies of what the former topic had there."""
    label = [(0, Label("delays", 1, EventRow("a", 0), 1))]
    kept = [LabelArrays.of(label, Arrival(0, 7, 9, topic)) for topic in ("former", "again", "former")]

    assert ["again", "former"] == LabelArrays.together(kept).distinct().topic_id.tolist()

"""Counts by segment add up: however rows come in parts, and to no more than the whole."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.spec.segment_columns import SegmentColumn
from pegel.stats.layout import Layout, build_layout
from pegel.stats.segment_counts import SegmentCounts
from pegel.stats.segments import Segments
from pegel.stats.summary import Summary

SCHEMA = Schema(
    (
        Field("size", Kind.NUMERIC),
        Field("kind", Kind.CATEGORICAL),
        Field("answer", Kind.NUMERIC, Role.PREDICTION),
    )
)
WANTED = (SegmentColumn("kind", top=2), SegmentColumn("size", (0.0, 1.0), None))
ODD = (np.nan, np.inf, -np.inf, 0.0, 1.0)
KINDS = ("a", "b", "c", "unseen", None)


def learnt() -> Layout:
    """Return cells in which odd rows are counted."""
    rng = np.random.default_rng(0)
    kinds = rng.choice(np.array(["a", "b", "c"], dtype=np.object_), 500, p=[0.5, 0.3, 0.2])
    return build_layout(SCHEMA, {"size": rng.normal(size=500), "kind": kinds, "answer": rng.normal(size=500)})


def rows(seed: int, n: int) -> tuple[Columns, Columns]:
    """Return odd rows of features, and their predictions."""
    rng = np.random.default_rng(seed)
    size = np.where(rng.random(n) < 0.3, rng.choice(ODD, n), rng.normal(size=n))
    kind = rng.choice(np.array(KINDS, dtype=np.object_), n)
    features = Columns(n, size[:, None], None, (kind,), (None,))
    return features, Columns(n, rng.normal(size=(n, 1)), None, (), ())


def counted(layout: Layout, *parts: tuple[Columns, Columns]) -> SegmentCounts:
    """Count parts of rows, each by itself, as packed bytes, and put them together."""
    total = SegmentCounts(layout, Segments.of(layout, WANTED))
    for features, predictions in parts:
        part = SegmentCounts(layout, total.segments)
        codes = total.segments.rows(layout, features)
        part.update(features, Role.FEATURE, codes)
        part.update(predictions, Role.PREDICTION, codes)
        total.merge(SegmentCounts.from_bytes(part.to_bytes(), layout, total.segments))
    return total


@given(seed=st.integers(0, 1_000), cuts=st.lists(st.integers(0, 60), max_size=4))
def test_parts_of_rows_add_up_to_all_of_them(seed: int, cuts: list[int]) -> None:
    """In one part or in many, empty ones among them: equal counts, equal JSON, and the same read back."""
    layout, (features, predictions) = learnt(), rows(seed, 60)
    bounds = [0, *sorted(cuts), 60]
    places = [np.arange(start, end) for start, end in pairwise(bounds)]
    whole = counted(layout, (features, predictions))
    parts = counted(layout, *((features.take(chosen), predictions.take(chosen)) for chosen in places))

    assert whole.to_json() == parts.to_json()
    assert whole.to_json() == SegmentCounts.from_json(whole.to_json(), layout).to_json()


@given(seed=st.integers(0, 1_000))
def test_the_segments_of_a_column_are_the_rows_that_have_a_value(seed: int) -> None:
    """Of each column the segments add up to the whole without the rows that have no value there."""
    layout, (features, predictions) = learnt(), rows(seed, 60)
    parts = counted(layout, (features, predictions))
    for column, has in zip(
        parts.segments.columns,
        (features.categorical[0] != np.array(None), ~np.isnan(features.numeric[:, 0])),
        strict=True,
    ):
        whole = Summary.empty(layout, counts_only=True)
        whole.update(features.take(has), Role.FEATURE)
        whole.update(predictions.take(has), Role.PREDICTION)
        own = [parts.summaries[name] for name in column.names if name in parts.summaries]

        assert whole.cells.tolist() == np.sum([one.cells for one in own], axis=0).tolist()
        assert whole.counters.tolist() == np.sum([one.counters for one in own], axis=0).tolist()


def test_counts_alone_say_nothing_of_moments() -> None:
    """Merged with a whole summary, or unpacked, what is kept are counts: no mean, no range, no pairs."""
    layout, (features, _) = learnt(), rows(1, 60)
    whole, counts = Summary.empty(layout), Summary.empty(layout, counts_only=True)
    whole.update(features, Role.FEATURE)
    counts.update(features, Role.FEATURE)
    again = Summary.from_bytes(counts.to_bytes(), layout)
    again.merge(whole)
    total = Summary.total([whole, counts])
    size = again.features["size"]

    assert again.counts_only
    assert total.counts_only
    assert (2 * whole.cells).tolist() == again.cells.tolist() == total.cells.tolist()
    assert (None, None, 0) == (size.min, size.max, size.moments.count)
    assert np.isnan(size.moments.mean)

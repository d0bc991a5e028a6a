"""Fingerprints: which tables are chosen, what near rows share, what is missing, what does not count."""

from __future__ import annotations

import json
from itertools import permutations

import numpy as np
from fingerprinted_rows import Trained, columns_of, golden, stepped

from pegel.data.columns import Columns, Field, Kind, Missing, Role, Schema
from pegel.data.decoding import decode_batch
from pegel.stats.fingerprints.fingerprint_tables import (
    MEETING,
    FingerprintTable,
    FingerprintTables,
    coordinates_of,
)
from pegel.stats.fingerprints.row_codes import BEYOND_CELLS, NULL, UNPARSEABLE, RowCodes
from pegel.stats.fingerprints.row_hashes import row_hashes
from pegel.stats.layout import build_layout
from pegel.stats.summary import Summary


def test_the_tables_of_six_columns_are_those_of_the_specification() -> None:
    """Order, offsets, buckets and how often rows meet follow from the seed and the training rows alone."""
    first, second, *_ = golden().tables.tables

    assert (4, 0, 2, 1, 5, 3) == first.order
    assert [0.3118, 0.4233, 0.8277, 0.4092, 0.5496, 0.0276] == [round(offset, 4) for offset in first.offsets]
    assert 4 == first.buckets
    assert 7.445872e-5 == round(first.meeting, 11)
    assert (1, 3, 0, 2, 4, 5) == second.order
    assert 8.156908e-5 == round(second.meeting, 11)


def test_the_rows_of_training_stand_in_the_cells_of_the_specification() -> None:
    """Of 20,000 rows the first table has 11,566 cells, 4,747 of them with two rows or more."""
    cells, sizes = golden().counted.cells[0], golden().counted.sizes[0]

    assert (11_566, 4_747, 20_000) == (cells.size, int((sizes >= 2).sum()), int(sizes.sum()))


def test_of_many_columns_three_buckets_of_a_few_are_enough() -> None:
    """Where there are columns enough, a table looks at some of them only, in three wide buckets."""
    trained = Trained.on(np.random.default_rng(3).normal(size=(5_000, 15)))

    assert {3} == {table.buckets for table in trained.tables.tables}
    assert all(len(table.order) < 15 and table.meeting <= MEETING for table in trained.tables.tables)


def test_where_no_table_parts_the_rows_the_finest_one_is_taken() -> None:
    """Two columns of two values have four kinds of rows, whatever the buckets: they still have tables."""
    rows = np.random.default_rng(4).integers(0, 2, (2_000, 2)).astype(np.float64)
    tables = Trained.on(rows).tables.tables

    assert {32} == {table.buckets for table in tables}
    assert all(table.meeting > MEETING for table in tables)


def test_what_is_missing_is_told_apart_from_every_value() -> None:
    """Null, a NaN, both infinities and what is no number have codes of their own, beside those of cells."""
    layout = build_layout(
        Schema((Field("x", Kind.NUMERIC), Field("letter", Kind.CATEGORICAL))),
        {"x": np.arange(3.0), "letter": np.array(["a", "b", None], dtype=object)},
    )
    numbers = np.array([[1.0], [np.nan], [np.nan], [np.nan], [np.inf], [-np.inf]])
    missing = np.array([[0], [0], [Missing.NULL], [Missing.UNPARSEABLE], [0], [0]], dtype=np.uint8)
    letters = np.array(["a", "b", "never seen", None, None, "a"], dtype=object)
    unparseable = np.array([False, False, False, False, True, False])
    codes = RowCodes.of(layout).of_rows(Columns(6, numbers, missing, (letters,), (unparseable,)))

    assert 6 == np.unique(codes[0]).size
    assert [NULL, UNPARSEABLE] == codes[1, 3:5].tolist()
    assert BEYOND_CELLS <= min(codes[0, 0], *codes[1, :3])


def test_a_field_that_is_left_out_has_no_code() -> None:
    """A column that follows time would put every row of one day into one crowd: it does not count."""
    layout = build_layout(
        Schema((Field("day", Kind.NUMERIC), Field("x", Kind.NUMERIC))), {"day": np.arange(9.0), "x": np.arange(9.0)}
    )
    codes = RowCodes.of(layout, {"day"})

    assert ["x"] == [feature.field.name for feature in codes.features]
    assert (1, 4) == codes.of_rows(columns_of(np.ones((4, 2)))).shape


def test_a_row_has_one_hash_however_its_zeros_and_nans_are_written() -> None:
    """Both zeros are one, all NaN are one; another value, another order of values, or another key is another row."""
    negative_nan = np.array([0xFFF8000000000001], dtype=np.uint64).view(np.float64)[0]
    rows = np.array([[0.0, np.nan], [-0.0, negative_nan], [np.nan, 0.0], [0.0, 1.0]])
    one, same, turned, other = row_hashes(columns_of(rows), 7).tolist()

    assert one == same
    assert 3 == len({one, turned, other})
    assert one != row_hashes(columns_of(rows), 8).tolist()[0]


def test_a_row_has_one_hash_in_whatever_order_its_features_are_sent() -> None:
    """By name in v1 and v2, or as a list in the order of the schema: a copy with turned features is the same row."""
    schema = Schema((Field("x", Kind.NUMERIC), Field("letter", Kind.CATEGORICAL), Field("y", Kind.NUMERIC)))
    tensors = {
        "x": {"name": "x", "shape": [1], "datatype": "FP64", "data": [1.5]},
        "letter": {"name": "letter", "shape": [1], "datatype": "BYTES", "data": ["b"]},
        "y": {"name": "y", "shape": [1, 1], "datatype": "FP64", "data": [-2.0]},
    }
    sent = {"x": 1.5, "letter": "b", "y": -2}
    orders = list(permutations(sent))
    bodies = [
        {"instances": [[1.5, "b", -2.0]]},
        *({"instances": [{name: sent[name] for name in order}]} for order in orders),
        *({"inputs": [tensors[name] for name in order]} for order in orders),
    ]
    decoded = decode_batch([json.dumps(body).encode() for body in bodies], schema, Role.FEATURE)

    assert (13, []) == (decoded.columns.n, [*decoded.errors])
    assert 1 == np.unique(row_hashes(decoded.columns, 7)).size


def test_tables_are_read_as_they_were_written() -> None:
    """Offsets lose no digit, so cells are the same after a baseline was stored."""
    trained, rows = golden(), stepped(np.random.default_rng(5), 50)
    read = FingerprintTables(
        tuple(FingerprintTable.from_json(table.to_json()) for table in trained.tables.tables),
        trained.tables.coordinates,
    )
    codes = trained.codes.of_rows(columns_of(rows))

    assert trained.tables.cells(codes).tolist() == read.cells(codes).tolist()


def test_a_feature_of_few_values_is_not_cut_by_rank() -> None:
    """Up to 16 values stand apart as they are; of 17 values the ranks are cut."""
    layout = build_layout(
        Schema((Field("few", Kind.NUMERIC), Field("more", Kind.NUMERIC))),
        {"few": np.arange(160.0) % 16, "more": np.arange(170.0) % 17},
    )
    summary = Summary.empty(layout)
    summary.update(columns_of(np.column_stack([np.arange(17.0) % 16, np.arange(17.0)])), Role.FEATURE)
    few, more = (coordinates_of(one, summary.features[one.field.name].cells) for one in layout.features)

    assert few.max() < 0
    assert 17 == np.unique(more[BEYOND_CELLS:][more[BEYOND_CELLS:] * 34 % 2 == 1]).size

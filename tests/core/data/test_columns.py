"""Rows in columns."""

import numpy as np

from pegel.data.columns import Columns, Field, Kind, Role, Schema


def test_a_schema_survives_its_own_json() -> None:
    """Order, kinds, roles and units are kept."""
    schema = Schema(
        (
            Field("delay", Kind.NUMERIC, unit="min"),
            Field("airline", Kind.CATEGORICAL),
            Field("y", Kind.NUMERIC, Role.PREDICTION),
        )
    )

    assert schema == Schema.from_json(schema.to_json())
    assert ("y",) == tuple(field.name for field in schema.of_role(Role.PREDICTION))


def test_taking_rows_takes_them_from_every_part() -> None:
    """A mask chooses the same rows of numbers, codes and categories."""
    columns = Columns(
        n=3,
        numeric=np.array([[1.0], [2.0], [np.nan]]),
        missing=np.array([[0], [0], [1]], dtype=np.uint8),
        categorical=(np.array(["a", None, "c"], dtype=object),),
        unparseable=(np.array([False, True, False]),),
    )

    taken = columns.take(np.array([False, True, True]))

    assert 2 == taken.n
    assert [None, "c"] == list(taken.categorical[0])
    assert taken.missing is not None
    assert [[0], [1]] == taken.missing.tolist()


def test_taking_rows_of_categories_alone_counts_them() -> None:
    """A schema without numeric fields still has rows."""
    columns = Columns(3, np.empty((3, 0)), None, (np.array(["a", "b", "c"], dtype=object),), (None,))

    assert 2 == columns.take(np.array([True, False, True])).n

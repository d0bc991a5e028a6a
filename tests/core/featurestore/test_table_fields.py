"""Columns of a table become the fields of a model: in their order, without what is no input."""

from __future__ import annotations

import pytest

from pegel.data.columns import Field, Kind, Role, Schema
from pegel.errors import InvalidSpec
from pegel.featurestore.table_fields import TableFields
from pegel.spec.table_reference import TableRef

pytestmark = pytest.mark.environments("pyarrow")

COLUMNS = {
    "id": Kind.NUMERIC,
    "score": Kind.NUMERIC,
    "amount": Kind.NUMERIC,
    "shop": Kind.CATEGORICAL,
    "code": Kind.NUMERIC,
    "paid_at": None,
    "tags": None,
    "a.b": Kind.NUMERIC,
}


def fields(query: str, time_column: str | None = None) -> TableFields:
    """Return the fields of the columns, asked for by a query."""
    return TableFields.of(TableRef.parse(f"parquet:/rows{query}"), COLUMNS, time_column)


def test_columns_are_fields_in_their_order() -> None:
    """Predictions stand last, codes are categories; what nobody can count is left out and named."""
    found = fields("?predictions=score&without=id&categories=code", "paid_at")

    expected = (
        Field("amount", Kind.NUMERIC),
        Field("shop", Kind.CATEGORICAL),
        Field("code", Kind.CATEGORICAL),
        Field("score", Kind.NUMERIC, Role.PREDICTION),
    )
    assert TableFields(Schema(expected), ("tags", "a.b")) == found
    assert ("paid_at", "tags", "a.b") == fields("").left_out


def test_columns_without_a_name_are_counted() -> None:
    """They are no field, which nobody could name, and are not passed over in silence."""
    columns = {"": Kind.NUMERIC, "amount": Kind.NUMERIC, "  ": None}
    found = TableFields.of(TableRef.parse("parquet:/rows"), columns)

    assert TableFields(Schema((Field("amount", Kind.NUMERIC),)), (), nameless=2) == found


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?predictions=skore", "/rows has no column 'skore'; did you mean `score`?"),
        ("?without=x", "/rows has no column 'x'; it has id, score"),
        ("?predictions=tags", "has predictions that are neither numbers nor texts, or a dot or a backtick .*: tags"),
        ("?without=id,score,amount,shop,code", "has no column of numbers or texts that is a feature"),
    ],
)
def test_what_is_no_column_is_told(query: str, words: str) -> None:
    """Absent columns, predictions of another type, and a table without a feature: one sentence."""
    with pytest.raises(InvalidSpec, match=words) as raised:
        fields(query)

    assert str(raised.value).endswith("No baseline was built.")

"""A table is named by where it is; a secret never is part of that."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pegel.errors import InvalidSpec
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.table_reference import TableRef, is_table
from pegel.testing.samples import brief_spec


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("parquet:/data/rows", TableRef(kind="parquet", place="/data/rows")),
        ("parquet:file:///data/rows", TableRef(kind="parquet", place="file:///data/rows")),
        ("delta:s3a://bucket/rows?version=0", TableRef(kind="delta", place="s3a://bucket/rows", pin=0)),
        ("iceberg:s3a://bucket/rows?snapshot=81", TableRef(kind="iceberg", place="s3a://bucket/rows", pin=81)),
        ("iceberg://prod/shop.rows", TableRef(kind="iceberg", owner="prod", table="shop.rows")),
        (
            "jdbc://shop/public.rows?predictions=delay,risk&without=id&categories=code",
            TableRef(
                kind="jdbc",
                owner="shop",
                table="public.rows",
                predictions=("delay", "risk"),
                without=("id",),
                categories=("code",),
            ),
        ),
    ],
)
def test_what_is_written_is_what_is_read(text: str, expected: TableRef) -> None:
    """Each form is read, and written again as it was."""
    assert expected == TableRef.parse(text)
    assert text == str(TableRef.parse(text))
    assert is_table(text)


@given(st.text(min_size=1).filter(lambda text: text.isprintable() and not text.startswith("/")))
@example("50 %/rows")
@example("a?b=c#d%20e+f")
def test_any_folder_has_a_written_form(folder: str) -> None:
    """Letters that have a meaning in an address are escaped: what is written names the same folder again."""
    ref = TableRef(kind="parquet", place=f"/{folder}")

    assert ref == TableRef.parse(str(ref))


def test_an_address_is_told_without_columns() -> None:
    """What readers and people are told is where the table is, and nothing of its columns."""
    texts = ["delta:s3a://bucket/rows?version=3&without=id", "jdbc://shop/rows?without=id", "iceberg://prod/shop.rows"]

    assert ["s3a://bucket/rows", "jdbc://shop/rows", "iceberg://prod/shop.rows"] == [
        TableRef.parse(text).address for text in texts
    ]


@pytest.mark.parametrize(
    "text",
    [
        "parquet:rows",
        "parquet:",
        "parquet:/",
        "parquet:s3a://",
        "parquet:/data?version=3",
        "parquet:/data?without=id&without=age",
        "parquet:/data?without=",
        "parquet:/data?without=id&predictions=id",
        "parquet:/data#rows",
        "parquet:/da\nta",
        "delta:/data?version=-1",
        "delta:/data?version=x",
        "iceberg://prod",
        "iceberg://../rows",
        "jdbc://shop",
        "jdbc://shop/rows;drop",
        "jdbc://shop/(select 1)",
        "jdbc://shop/rows?version=1",
        "orc:/data",
    ],
)
def test_what_names_no_table_is_refused(text: str) -> None:
    """A relative or empty place, an unknown or repeated part, a query in place of a name: a sentence with the form."""
    with pytest.raises(InvalidSpec, match=r"baseline\.source: given .*: expected ") as raised:
        TableRef.parse(text)

    assert 1 == len(str(raised.value).splitlines())


@pytest.mark.parametrize(
    "text",
    [
        "parquet:s3a://key:correct-horse@bucket/rows",
        "parquet:s3a://key:abc%2Fcorrect-horse@bucket/rows",
        "parquet:s3a://key:abc/correct-horse@bucket/rows",
        "parquet:s3a://key%3Acorrect-horse%40bucket/rows",
        "delta:s3a://key:abc@correct-horse@bucket/rows",
        "parquet:s3a://key:abc?correct-horse@bucket/rows",
        "iceberg:s3A://key:abc/correct-horse@bucket/rows",
        "jdbc:postgresql://db/shop?user=me&password=correct-horse",
        "jdbc:oracle:thin:scott/correct-horse@db",
        "jdbc://me:correct-horse@shop/rows",
        "iceberg://me:correct-horse@prod/shop.rows",
    ],
)
def test_a_secret_is_refused_and_not_repeated(text: str) -> None:
    """Keys and passwords do not stand in a spec, nor in the sentence that says so."""
    with pytest.raises(InvalidSpec) as raised:
        brief_spec(baseline={"source": text})

    assert "correct-horse" not in str(raised.value)
    assert "password" in str(raised.value)


def test_a_spec_takes_a_table() -> None:
    """A spec with a table is valid, and comes back from its JSON as it is."""
    spec = brief_spec(baseline={"source": "delta:s3a://bucket/rows?version=3"})

    assert spec == MonitorSpec.parse(spec.to_json())

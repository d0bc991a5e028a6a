"""What Spark could not begin to read is told in one sentence, whoever asked for it: one reader of its failures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

from pegel.errors import InvalidSpec, NotFound, PegelError, PermanentError, SetupError, Unavailable
from pegel.featurestore.known_database import KnownDatabase
from pegel.featurestore.stored_table import StoredTable
from pegel_spark import training_table
from pegel_spark.read_failures import failure_words, read_failure
from pegel_spark.stored_training_data import StoredTrainingData

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def thrown(spark: Any, *kinds: str, says: str = "no entry") -> Py4JJavaError:
    """Return a failure of Java of these classes, each the cause of the one before."""
    jvm, cause = spark._jvm, None
    for kind in reversed(kinds):
        made = getattr(jvm, kind)(says)
        if cause is not None:
            made.initCause(cause)
        cause = made
    return Py4JJavaError("An error occurred", cause)


@pytest.mark.parametrize("scheme", ["s3a", "s3"])
def test_a_scheme_without_a_library_is_told_alike(spark: Any, scheme: str) -> None:
    """A table and a registration of the same store: both name the command that adds its archives."""
    with pytest.raises(SetupError) as of_table:
        training_table.read(spark, StoredTable(f"{scheme}://bucket/rows"))
    with pytest.raises(SetupError) as of_store:
        StoredTrainingData(spark, "s3a://bucket").describe("local://rows")
    sentences = [str(each.value).partition(", because ") for each in (of_table, of_store)]

    assert [
        "baseline.source: Spark could not read s3a://bucket/rows",
        "PEGEL_FEATURE_STORE: Spark could not read s3a://bucket/training/rows/1/train.json",
    ] == [begin for begin, _, _ in sentences]
    assert [2 * ["`python -m pegel_local.jars.store_jars s3a` adds it. No baseline was built."]] == [
        [end.partition("): ")[2] for *_, end in sentences]
    ]


def test_a_scheme_that_nobody_knows_is_told(spark: Any) -> None:
    """Where no command adds the archives, the sentence says where they belong."""
    with pytest.raises(SetupError, match=r"abc://bucket/rows, because it has no library .*beside those of pyspark"):
        training_table.read(spark, StoredTable("abc://bucket/rows"))


@pytest.mark.parametrize(
    ("kinds", "error", "words"),
    [
        (["org.apache.hadoop.security.AccessControlException"], SetupError, "it has no right to read there"),
        (["java.io.IOException", "java.nio.file.AccessDeniedException"], SetupError, "it has no right to read there"),
        (["java.lang.RuntimeException", "java.lang.ClassNotFoundException"], SetupError, "it has no library"),
        (["java.io.FileNotFoundException"], NotFound, "Spark finds none (FileNotFoundException: no entry)"),
        (["java.io.IOException"], Unavailable, "Spark could not read hdfs://here/rows (IOException: no entry)"),
    ],
)
def test_what_is_thrown_says_whose_matter_it_is(
    spark: Any, kinds: list[str], error: type[PegelError], words: str
) -> None:
    """A missing library, a missing right and a missing file are told apart, however deep in the chain they stand."""
    found = read_failure(thrown(spark, *kinds), "hdfs://here/rows")

    assert error is type(found)
    assert words in str(found)
    assert str(found).endswith("No baseline was built.")


def test_no_part_of_a_secret_is_told(spark: Any) -> None:
    """Neither where a long sentence is cut within a password, nor where one secret is a part of another."""
    database = KnownDatabase(
        name="shop", url="jdbc:postgresql://db/shop", options={"user": "horse", "password": "correct-horse-x"}
    )
    cut = read_failure(
        thrown(spark, "java.io.IOException", says=f"{'x' * 290} correct-horse-x"), "jdbc://shop/rows", database=database
    )
    nested = read_failure(
        thrown(spark, "java.io.IOException", says="no correct-horse-x"), "jdbc://shop/rows", database=database
    )

    assert "correct" not in str(cut)
    assert "(IOException: no ...)" in str(nested)


def test_a_type_that_spark_lacks_is_told_with_what_helps(spark: Any, tmp_path: Path) -> None:
    """Times in nanoseconds, which pandas writes: a matter of the table, and not of a store that may answer later."""
    pq.write_table(pa.table({"at": pa.array([0], pa.timestamp("ns", "UTC"))}), tmp_path / "rows.parquet")

    with pytest.raises(InvalidSpec, match=r"rows\.parquet, because it has no such type .*: write its times in micro"):
        training_table.read(spark, StoredTable(str(tmp_path / "rows.parquet")))


@pytest.mark.parametrize("kept", [slice(-7), slice(0, 3), slice(-8)], ids=["cut", "stub", "no footer"])
def test_a_damaged_file_is_named(spark: Any, tmp_path: Path, kept: slice) -> None:
    """A file whose footer is not whole stays damaged however often it is read: it is no store that does not answer."""
    for name in ("good", "torn"):
        pq.write_table(pa.table({"age": [1.0]}), tmp_path / f"{name}.parquet")
    torn = tmp_path / "torn.parquet"
    torn.write_bytes(torn.read_bytes()[kept])

    with pytest.raises(PermanentError, match=r"because a file there is damaged: .*torn\.parquet is not a Parquet file"):
        training_table.read(spark, StoredTable(str(torn)))


def test_columns_that_differ_in_case_alone_are_two(spark: Any, tmp_path: Path) -> None:
    """They are two fields of a request as well, each with its own values."""
    pq.write_table(pa.table({"age": [1], "Age": [2]}), tmp_path / "rows.parquet")
    rows = training_table.read(spark, StoredTable(str(tmp_path / "rows.parquet")))

    assert [(1, 2)] == [tuple(row) for row in rows.select("age", "Age").collect()]


def test_what_fails_while_rows_are_read_is_told_by_its_cause(spark: Any, tmp_path: Path) -> None:
    """Files of one folder that call a number what is a text in others: the words name file and column, not our call."""
    for name, values in (("a", [1.5]), ("b", ["much"])):
        pq.write_table(pa.table({"price": values}), tmp_path / f"{name}.parquet")

    with pytest.raises((Py4JJavaError, PySparkException)) as raised:
        training_table.read(spark, StoredTable(str(tmp_path))).toArrow()

    words = failure_words(raised.value)
    assert words.startswith("[FAILED_READ_FILE.")
    assert "price" in words


def test_of_what_a_library_says_only_its_name_is_told(spark: Any) -> None:
    """A driver may repeat its address with a password in it."""
    chain = ("java.lang.RuntimeException", "java.sql.SQLException")

    assert "RuntimeException -> SQLException" == failure_words(thrown(spark, *chain, says="jdbc:x?password=p"))
    assert "RuntimeException -> SQLException" == failure_words(thrown(spark, *chain, says="[FAILED_JDBC] jdbc:x?p=p"))

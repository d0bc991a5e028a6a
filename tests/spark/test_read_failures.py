"""What Spark could not begin to read is told in one sentence, whoever asked for it: one reader of its failures."""

from __future__ import annotations

from typing import Any

import pytest
from py4j.protocol import Py4JJavaError

from pegel.errors import NotFound, PegelError, SetupError, Unavailable
from pegel.featurestore.known_database import KnownDatabase
from pegel.featurestore.stored_table import StoredTable
from pegel_spark import training_table
from pegel_spark.read_failures import read_failure
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

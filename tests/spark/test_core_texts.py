"""Texts of numbers that Spark writes: those of everybody else."""

from __future__ import annotations

import pyarrow as pa
from golden_keys import GOLDEN_KEYS
from pyspark.sql import SparkSession
from pyspark.sql import functions as sf

from pegel.data.entity_keys import entity_key
from pegel_spark.archived_rows import unioned
from pegel_spark.core_texts import entity_keys

NUMBERS = pa.array([number for number, _ in GOLDEN_KEYS], pa.float64())
AT = pa.array(range(len(GOLDEN_KEYS)))


def test_keys_of_numbers_are_those_of_labels(spark: SparkSession) -> None:
    """The golden table through Spark: each number as a part beside a text of odd characters; without a text no key."""
    odd = 'a/"\\\x1f\x7f é'
    frame = spark.createDataFrame(pa.table({"at": AT, "f_gate": NUMBERS}))
    none, text = sf.lit(None).cast("string"), sf.lit(odd)
    keys = frame.select("at", entity_keys([[none, sf.col("f_gate")], [text]]).alias("key")).orderBy("at").toArrow()

    told = [None if text is None else entity_key([text, odd]) for _, text in GOLDEN_KEYS]
    assert told == keys["key"].to_pylist()


def test_numbers_beside_texts_are_categories(spark: SparkSession) -> None:
    """A field that was a number once has the texts in Spark that it has as a category, and as a key."""
    numbers = spark.createDataFrame(pa.table({"at": AT, "f_gate": NUMBERS}))
    texts = spark.createDataFrame(pa.table({"at": pa.array([-1]), "f_gate": pa.array(["7.0"])}))
    rows = unioned(texts, numbers).orderBy("at").toArrow()["f_gate"].to_pylist()

    finite = [(text, row) for (_, text), row in zip(GOLDEN_KEYS, rows[1:], strict=True) if text is not None]
    assert "7.0" == rows[0]
    assert [text for text, _ in finite] == [row for _, row in finite]

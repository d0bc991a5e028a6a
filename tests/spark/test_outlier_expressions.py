"""Outlier scores as Spark expressions: the tables are plain arrays, so no Python is needed to look them up."""

from __future__ import annotations

import math
from functools import reduce
from operator import add
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - as everywhere

from pegel.baseline.outliers import Method, OutlierTables
from pegel.data.columns import Columns, Field, Kind, Missing, Role, Schema
from pegel.stats.layout import build_layout
from pegel.stats.summary import Summary

SCHEMA = Schema((Field("x", Kind.NUMERIC), Field("kind", Kind.CATEGORICAL), Field("y", Kind.NUMERIC)))


def numeric_part(table: dict[str, Any]) -> Column:
    """Return the part of a number: the cell is the number of edges below it, NaN and the infinities have their own.

    Spark holds NaN to be above everything and equal to itself, so it is asked for first.
    """
    value = F.col(table["name"])
    cell = F.size(F.filter(F.lit(table["edges"]), lambda edge: edge < value))
    return (
        F.when(value.isNull(), F.lit(table["null"]))
        .when(F.isnan(value), F.lit(table["nan"]))
        .when(value == math.inf, F.lit(table["posinf"]))
        .when(value == -math.inf, F.lit(table["neginf"]))
        .otherwise(F.get(F.lit(table["cells"]), cell))
    )


def categorical_part(table: dict[str, Any]) -> Column:
    """Return the part of a category: by its place among the frequent ones, else known or unseen."""
    value, cells = F.col(table["name"]), table["cells"]
    place = F.array_position(F.lit(table["categories"]), value).cast("int")
    return (
        F.when(value.isNull(), F.lit(table["null"]))
        .when(place > 0, F.get(F.lit(cells), place - 1))
        .when(value.isin(table["known"]), F.lit(cells[-2]))
        .otherwise(F.lit(cells[-1]))
    )


def score(tables: OutlierTables) -> Column:
    """Return the score of a row: its parts, added in schema order."""
    arrays = tables.arrays()
    parts = [numeric_part(table) if "edges" in table else categorical_part(table) for table in arrays]
    return reduce(add, parts, F.lit(0.0))


@pytest.fixture(scope="module")
def trained() -> Columns:
    """Rows of a lognormal x, seventy kinds and a y of few values, none of them missing."""
    rng = np.random.default_rng(11)
    numeric = np.column_stack([rng.lognormal(size=3_000), rng.poisson(2, 3_000)]).astype(np.float64)
    kinds = np.array([f"k{i}" for i in rng.zipf(1.4, 3_000) % 70], dtype=object)
    return Columns(3_000, numeric, None, (kinds,), (None,))


@pytest.fixture(scope="module")
def summary(trained: Columns) -> Summary:
    """The summary of the rows."""
    values = {"x": trained.numeric[:, 0], "kind": trained.categorical[0], "y": trained.numeric[:, 1]}
    found = Summary.empty(build_layout(SCHEMA, values))
    found.update(trained, Role.FEATURE)
    return found


@pytest.mark.parametrize("method", get_args(Method))
def test_spark_gives_the_same_bits(spark: SparkSession, trained: Columns, summary: Summary, method: Method) -> None:
    """An expression over literal tables scores every row as numpy does, bit for bit, odd values included."""
    feature = summary.layout.numeric(Role.FEATURE)[0][1]
    edges = feature.edges[::9].tolist()
    x = [None, math.nan, math.inf, -math.inf, 0.0, -0.0, 1e308, *edges, *np.nextafter(edges, 9e9).tolist()]
    x += trained.numeric[: 300 - len(x), 0].tolist()
    y = [2.0, 2.5, None, -1.0, math.nan, 99.0, math.inf, *trained.numeric[:293, 1].tolist()]
    kinds = ["k1", None, "new", "", "K1", "k1 ", "k69", *trained.categorical[0][:293].tolist()]
    numeric = np.array([[math.nan if v is None else v for v in row] for row in zip(x, y, strict=True)])
    nulls = np.array([[v is None for v in row] for row in zip(x, y, strict=True)])
    columns = Columns(
        300, numeric, np.where(nulls, Missing.NULL, 0).astype(np.uint8), (np.array(kinds, dtype=object),), (None,)
    )
    tables = OutlierTables.from_summary(summary, method)
    table = pa.table({"row": range(300), "x": pa.array(x), "kind": kinds, "y": pa.array(y)})
    found = spark.createDataFrame(table).select("row", score(tables).alias("score")).orderBy("row").toArrow()

    assert tables.score(columns)[0].tolist() == found["score"].to_pylist()
